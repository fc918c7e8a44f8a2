//! What happens around a session: the computer sleeps or is locked, the keyboard goes elsewhere, the room grows.

use std::{sync::mpsc, time::Duration};

use secure_browser_core::{
    memory::{self, Member, Verdict},
    session::{Cause, Event},
};
use secure_browser_platform::{display::Focus, facts, process, room_limit};
use workspace_protocol::reason::Reason;

use crate::ipc::ToUi;

use super::{
    super::{computer::Computer, measure},
    Hub,
};

/// How often the room's memory is weighed. A page that fills 1.5 GiB in a second (an estimate, not a
/// measurement) passes the limit by a quarter of that in between.
pub(super) const WEIGH_EVERY: Duration = Duration::from_millis(250);

/// What is known of the surroundings.
pub(super) struct Around {
    focus: Focus,
    /// Waits for the word that the screen is covered.
    asleep: Option<mpsc::Sender<()>>,
    /// The process that was ended for its size.
    ending: Option<u32>,
    limit: u64,
}

impl Default for Around {
    fn default() -> Self {
        Self { focus: Focus::Here, asleep: None, ending: None, limit: limit() }
    }
}

/// What a room may hold on this machine, in bytes.
pub(in crate::supervisor) fn limit() -> u64 {
    room_limit().unwrap_or_else(|| memory::limit(facts::memory_bytes()))
}

impl Hub<'_> {
    pub(super) async fn hear_computer(&mut self, told: Computer) {
        match told {
            Computer::Sleeps(covered) => {
                let open = self.session.is_open();
                self.happen(Event::Cover(Reason::SessionSuspended)).await;
                if open {
                    self.around.asleep = Some(covered);
                }
                // Else there is nothing to cover; dropping it lets the computer go on.
            }
            Computer::ScreenLocked => self.happen(Event::Cover(Reason::SessionScreenLocked)).await,
        }
    }

    pub(super) async fn hear_focus(&mut self, focus: Focus) {
        self.around.focus = focus;
        if focus == Focus::Elsewhere {
            self.heed_focus().await;
        }
    }

    /// Covers, where the policy asks for it, what the keyboard has left. Where nobody tells of the keyboard any more,
    /// the promise cannot be kept and the session ends.
    pub(super) async fn heed_focus(&mut self) {
        let wanted = self.documents.as_ref().is_some_and(|held| held.policy().policy().screen().cover_unfocused);
        if !wanted || !self.session.is_open() {
            return;
        }
        match self.around.focus {
            Focus::Here => {}
            Focus::Elsewhere => self.happen(Event::Cover(Reason::SessionUnfocused)).await,
            Focus::Unknown => self.happen(Event::End(Cause::Refused(Reason::GuaranteeMissing))).await,
        }
    }

    /// Notes what the UI has brought to the front.
    pub(super) fn in_front(&mut self, front: &str) {
        self.report.screen(front);
        if !self.session.is_open() {
            // Covered by now: whoever waits for it may sleep.
            self.around.asleep = None;
        }
    }

    /// Weighs the room and ends what is too large.
    pub(super) async fn weigh(&mut self) {
        let Some(parts) = &self.parts else { return };
        // What cannot be weighed now is weighed a moment later; a room that is gone is told by its watch.
        let Ok(found) = parts.room().members() else { return };
        let of = |member: secure_browser_platform::room::Member| Member {
            id: member.id,
            spare: member.spare,
            bytes: member.bytes,
        };
        let members: Vec<Member> = found.into_iter().map(of).collect();
        match memory::judge(&members, self.around.limit, self.around.ending) {
            Verdict::Fits => {}
            Verdict::EndMember(id) => {
                self.around.ending = Some(id);
                self.report.too_large(Some(id));
                self.tell_ui(ToUi::TooLarge);
                // Gone by itself is as good.
                let _ = parts.room().end_member(id);
            }
            Verdict::EndRoom => {
                self.report.too_large(None);
                self.happen(Event::End(Cause::Memory)).await;
            }
        }
    }

    /// Keeps the unwrapped keys out of swap, as far as this user may; `doctor` says how far that is.
    pub(super) fn keep_keys_in_memory(&self) {
        let _ = process::keep_out_of_swap(&self.kek);
        if let Some(identity) = &self.identity {
            let _ = process::keep_out_of_swap(&*identity.key);
        }
    }

    /// Measures what holds on this device and tells the UI, without holding the session up.
    pub(super) fn measure(&mut self) {
        let Some(parts) = &self.parts else { return };
        let told = measure::of_session(parts.room().guarantees(), parts.display(), self.around.limit);
        let ui = parts.ui();
        tokio::task::spawn_blocking(move || {
            let findings = told.into_iter().chain(measure::around()).collect();
            // Not read: the end of that process is reported by its watch.
            let _ = ui.try_send(ToUi::Standing(findings));
        });
    }
}
