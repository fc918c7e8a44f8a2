//! What is copied on the device enters the workspace only here: when the person asks, where the policy says so, as text,
//! once.

use std::time::{Duration, Instant};

use secure_browser_core::paste::{PASTE_MAX, taken};
use secure_browser_platform::clipboard;
use tokio::task::spawn_blocking;
use workspace_protocol::reason::Reason;

use crate::ipc::{Pasted, ToUi};

use super::{super::parts::Said, Hub};

/// Longest wait for the program that holds the text.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

impl Hub<'_> {
    /// Reads the device's clipboard, if it may be read; the answer comes as [`Said::Pasted`].
    pub(super) fn fetch_paste(&mut self) {
        if !self.may_paste() || !self.pastes.admits(Instant::now()) {
            self.tell_ui(ToUi::Pasted(Err(Reason::PasteBlocked)));
            return;
        }
        let say = self.say.clone();
        tokio::spawn(async move {
            let read = spawn_blocking(|| clipboard::read_text(PASTE_MAX, ANSWER_WAIT)).await;
            let text = read.ok().and_then(Result::ok).and_then(|text| taken(&text));
            // Nobody listens: the session is over.
            let _ = say.send(Said::Pasted(text.map(Pasted).ok_or(Reason::PasteNothing))).await;
        });
    }

    /// Hands on what was read, unless the session was locked or the policy changed meanwhile.
    pub(super) fn hand_paste_in(&self, read: Result<Pasted, Reason>) {
        let read = if self.may_paste() { read } else { Err(Reason::PasteBlocked) };
        self.tell_ui(ToUi::Pasted(read));
    }

    fn may_paste(&self) -> bool {
        let documents = self.documents.as_ref().filter(|documents| documents.outside().is_none());
        self.session.is_open() && documents.is_some_and(|documents| documents.policy().policy().clipboard().paste_in)
    }
}
