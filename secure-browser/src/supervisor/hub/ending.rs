//! The end of a session: what is killed, forgotten and removed, and who is told.

use std::time::Duration;

use secure_browser_core::{
    lease::LeaseState,
    session::{Cause, Event},
    unlock::exit_code,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};
use workspace_protocol::{
    push::{DeviceEventKind, FromDevice},
    reason::Reason,
};

use crate::{
    cli::with_causes,
    ipc::{FromUi, ToUi},
    profile::{Entry, ProfileError},
    standing::Finding,
};

use super::{
    super::{
        contact::NotAdmitted,
        parts::{Said, StartError},
    },
    Hub, device_event, finished, untried,
};

/// Longest time that a refused start is shown in the window.
const FAREWELL: Duration = Duration::from_secs(300);
/// Longest wait for the server's word about a wipe when the session cannot start.
const KNOCK_WAIT: Duration = Duration::from_secs(3);
/// Longest wait until the last event is written to the server.
const LAST_EVENT: Duration = Duration::from_millis(300);

impl Hub<'_> {
    /// Nothing was opened. A wipe that waits at the server is carried out all the same.
    pub(super) async fn not_started(&mut self, error: &StartError) -> u8 {
        self.knock();
        if let Ok((_, Err(NotAdmitted::Wipe(order)))) = timeout(KNOCK_WAIT, finished(&mut self.contact)).await {
            self.remote_wipe(order).await;
            self.report.wiped(Cause::Remote, self.wiped_in);
            return Cause::Remote.exit_code();
        }
        self.forget_contact();
        self.report.refused(error.reason(), None);
        self.report.console().say("session-not-started", &[("detail", &with_causes(error))]);
        // What is left there is an empty folder.
        let _ = self.profile.remove_run();
        exit_code(error.reason())
    }

    /// What must hold and does not, once all of it was tried.
    pub(super) async fn does_not_hold(&mut self) -> Option<Finding> {
        let found = self.tries.take()?.await;
        found.unwrap_or_else(|_| Some(untried()))
    }

    /// Something that must hold does not: named, and nothing is opened.
    pub(super) async fn not_held(&mut self, missing: &Finding) {
        let reason = Reason::GuaranteeMissing;
        self.report.refused(reason, None);
        let detail = format!("{}: {}", missing.name, missing.how);
        self.report.console().say("session-not-started", &[("detail", &detail)]);
        self.happen(Event::End(Cause::Refused(reason))).await;
    }

    /// Ends a session that is only ours to end: the profile stays.
    pub(super) async fn erase(&mut self, cause: Cause) -> Result<(), ProfileError> {
        self.forget_contact();
        (self.identity, self.kek) = (None, None);
        self.say_farewell(cause).await;
        if let Some(parts) = self.parts.take() {
            parts.kill();
        }
        if let Some(push) = self.push.take() {
            if self.push_up && self.was_open {
                let event = device_event(DeviceEventKind::SessionWiped, cause.reason(), None);
                push.send_now(FromDevice::Event(event), LAST_EVENT).await;
            }
            push.close().await;
        }
        (self.lease, self.documents) = (LeaseState::Over, None);
        let cache = if cause == Cause::Lease { self.profile.drop_sealed() } else { Ok(()) };
        let run = self.profile.remove_run();
        // A broken session that could not be reported yet stays noted.
        let untold = self.tell_broken && !self.was_open;
        let entry = if untold { Ok(()) } else { self.put_entry(Entry::Closed(self.life)) };
        entry.and(run).and(cache)
    }

    /// Where a person sits in front of a window that never opened, the window says why, until it is closed.
    async fn say_farewell(&mut self, cause: Cause) {
        let (Cause::Refused(reason), true, false) = (cause, self.can_ask, self.was_open) else { return };
        self.tell_ui(ToUi::Ended(reason));
        let closed = async {
            while let Some(said) = self.said.recv().await {
                if matches!(said, Said::Ui(FromUi::CloseWished) | Said::Ended { .. }) {
                    return;
                }
            }
        };
        tokio::select! {
            () = closed => {}
            () = self.ends.wait() => {}
            () = sleep(FAREWELL) => {}
        }
    }
}

/// The signals that ask this process to end.
pub(super) struct Ends([Signal; 3]);

impl Ends {
    pub(super) fn listen() -> std::io::Result<Self> {
        let hear = |kind| signal(kind);
        Ok(Self([hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?, hear(SignalKind::hangup())?]))
    }

    pub(super) async fn wait(&mut self) {
        let Self([terminate, interrupt, hangup]) = self;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
