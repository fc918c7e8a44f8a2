//! The session and its own processes: what broker and UI are told, and what they say.

use secure_browser_core::{
    enrollment::check_pin,
    session::{Cause, Event},
    time::Moment,
};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    push::{DeviceEventKind, FromDevice},
    reason::Reason,
};

use crate::ipc::{Blocked, FromBroker, FromUi, ToBroker, ToUi};

use super::{
    super::{
        clock,
        parts::{Part, Said},
        signing,
    },
    Hub, device_event,
};

impl Hub<'_> {
    /// Gives the broker the documents in force, and lets requests through or not as they say.
    pub(super) fn hand_out(&self, first: bool) {
        let (Some(documents), Some(parts)) = (&self.documents, &self.parts) else { return };
        let suspended = if self.session.is_open() { documents.outside() } else { Some(Reason::LeaseLocked) };
        // A policy that may not be used is not handed on: the broker keeps what it has, and lets nothing through.
        let usable = documents.outside().is_none();
        let sent = (!usable || parts.tell_broker(ToBroker::Policy(documents.bundle().clone())))
            && parts.tell_broker(ToBroker::Suspended(suspended));
        if !sent && !first {
            // The broker does not read. It denies what it does not know, and its end is reported by its watch.
            self.report.console().say_reason(Reason::SessionBroken);
        }
    }

    pub(super) fn show(&self, url: Option<String>) {
        let Some(documents) = &self.documents else { return };
        let (org, user) = (self.device.org.clone(), self.user.clone());
        self.tell_ui(ToUi::Opened { bundle: documents.bundle().clone(), org, user, url });
        self.tell_lease(clock::now());
    }

    pub(super) fn tell_ui(&self, frame: ToUi) {
        if let Some(parts) = &self.parts {
            // Not read: the end of that process is reported by its watch.
            let _ = parts.tell_ui(frame);
        }
    }

    pub(super) fn tell_lease(&self, now: Moment) {
        if let Some((lock_in, destroy_in)) = self.lease.remaining(now) {
            self.tell_ui(ToUi::Lease { lock_in, destroy_in });
        }
    }

    pub(super) async fn hear(&mut self, said: Said) {
        match said {
            Said::Ui(frame) => self.hear_ui(frame).await,
            Said::Broker(frame) => self.hear_broker(frame).await,
            Said::Pasted(read) => self.hand_paste_in(read),
            Said::Computer(told) => self.hear_computer(told).await,
            Said::Focus(focus) => self.hear_focus(focus).await,
            // A window manager closes it by cutting its connection to the desktop; a desktop that ends does the same.
            Said::Ended { part: Part::Display, by_itself: true } => self.happen(Event::End(Cause::Close)).await,
            Said::Ended { part, .. } => {
                self.report.part_ended(part.name());
                self.happen(Event::End(Cause::Broken)).await;
            }
        }
    }

    async fn hear_ui(&mut self, frame: FromUi) {
        match frame {
            FromUi::Ready => {
                self.ui_ready = true;
                self.steps.done("window");
                self.maybe_ready();
            }
            FromUi::Pin(pin) => match check_pin(&pin) {
                Ok(()) => {
                    self.pin = Some(pin);
                    self.happen(Event::Pin).await;
                    // Taken if it was asked for; else it is nobody's business.
                    self.pin = None;
                }
                Err(reason) => self.tell_ui(ToUi::AskPin { reason: Some(reason), tries_left: None }),
            },
            FromUi::Page { url, ms } => self.report.page(&url, ms),
            FromUi::Screen { front } => self.in_front(&front),
            FromUi::Failed { url, cause } => self.report.failed(&url, &cause),
            FromUi::Blocked(blocked) => self.blocked(&blocked),
            FromUi::AccessWished { host } => self.access_wished(&host),
            FromUi::PasteWished => self.fetch_paste(),
            FromUi::Active => self.happen(Event::Active).await,
            FromUi::StandingWished => self.measure(),
            FromUi::LockWished => self.happen(Event::LockWished).await,
            FromUi::CloseWished => self.happen(Event::End(Cause::Close)).await,
        }
    }

    /// The window's process shows pages: what it says may be a page's word, and an admin reads it.
    fn access_wished(&mut self, host: &str) {
        let Some(host) = wished_host(host) else { return };
        if self.wishes.admits(std::time::Instant::now()) {
            self.tell_server(DeviceEventKind::AccessWished, None, Some(host));
        }
    }

    async fn hear_broker(&mut self, frame: FromBroker) {
        match frame {
            FromBroker::InForce(_) => {
                self.broker_ready = true;
                self.show_first();
                self.maybe_ready();
            }
            // It was verified here a moment ago: whoever disagrees is not to be trusted with pages.
            FromBroker::Refused(reason) => {
                self.report.refused(reason, None);
                self.happen(Event::End(Cause::Refused(reason))).await;
            }
            FromBroker::Blocked(blocked) => {
                self.blocked(&blocked);
                self.tell_ui(ToUi::Blocked(blocked));
            }
            FromBroker::Sign { number, message } => {
                let signature = self.signed(&message).map(ByteBuf::from);
                // Not read: then the broker gives the request up.
                self.parts.as_ref().map(|parts| parts.tell_broker(ToBroker::Signed { number, signature }));
            }
            // Said once, before anything else.
            FromBroker::Ready { .. } => self.happen(Event::End(Cause::Broken)).await,
        }
    }

    /// The device key's signature, while the session is open and only for what a broker has to prove.
    fn signed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let identity = self.identity.as_ref().filter(|_| self.session.is_open() && signing::is_brokers(message))?;
        identity.key.sign(message).ok()
    }

    fn blocked(&mut self, blocked: &Blocked) {
        self.report.blocked(blocked);
        if !self.server_events.admits(std::time::Instant::now()) {
            return;
        }
        let host = url::Url::parse(&blocked.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        self.tell_server(DeviceEventKind::Blocked, Some(blocked.reason), host);
    }

    /// `ready`: the window is on the screen, the documents are in force, the PIN was right.
    fn maybe_ready(&mut self) {
        if self.told_ready || !(self.ui_ready && self.broker_ready && self.was_open) {
            return;
        }
        if let Some(documents) = &self.documents {
            self.report.ready(&self.steps, documents.held().policy.0, &self.device.org);
            self.told_ready = true;
        }
    }

    /// Reports an event to the server, as soon as it listens.
    pub(super) fn tell_server(&self, kind: DeviceEventKind, reason: Option<Reason>, host: Option<String>) {
        if let Some(push) = &self.push {
            push.send(FromDevice::Event(device_event(kind, reason, host)));
        }
    }
}

/// A host as a policy could name it; anything else is no wish.
fn wished_host(said: &str) -> Option<String> {
    url::Host::parse(said).ok().map(|host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_can_be_wished_for() {
        assert_eq!(wished_host("New.Example.jp").as_deref(), Some("new.example.jp"));
        assert_eq!(wished_host("[::1]").as_deref(), Some("[::1]"));
        for said in ["", "?", "tel:", "a b", "https://a.example/?patient=1", "a.example/patient", "患者 花子\n"] {
            assert_eq!(wished_host(said), None, "{said}");
        }
    }
}
