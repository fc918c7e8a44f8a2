//! What the person asks for that takes another's word first: the end of the session, and text from the device.

use workspace_protocol::reason::Reason;

use crate::{
    ipc::{FromUi, Pasted},
    shell::{
        event::{BarAction, Refusal, UiEvent},
        notice::{Answer, Question},
        screen::Front,
    },
};

use super::App;

impl App {
    pub(super) fn ask_quit(&self) {
        if self.screen.front().is_none() {
            self.wire.send(FromUi::CloseWished);
            return;
        }
        let question = Question {
            from: None,
            text: &self.words.get("ui-quit-sure"),
            proposal: None,
            yes: "ui-quit-yes",
            no: Some("ui-quit-no"),
            danger: true,
            silence: false,
        };
        let events = self.events.clone();
        self.strip.ask(&question, move |answer| {
            if matches!(answer, Answer::Yes(_)) {
                events.send(UiEvent::Bar(BarAction::QuitSure));
            }
        });
    }

    /// Asks the supervisor for the text that is copied on the device, if a page could take it.
    pub(super) fn ask_paste(&self) {
        if self.screen.front() != Some(Front::Content) {
            return;
        }
        if self.guard.pastes_in() {
            self.wire.send(FromUi::PasteWished);
        } else {
            self.no_paste(Reason::PasteBlocked);
        }
    }

    /// Pastes what the supervisor read, unless another page than a system's came to the front meanwhile.
    pub(super) fn paste(&self, read: Result<Pasted, Reason>) {
        match read {
            Ok(text) if self.screen.front() == Some(Front::Content) => self.content.paste(&text.0),
            Ok(_) => {}
            Err(reason) => self.no_paste(reason),
        }
    }

    fn no_paste(&self, reason: Reason) {
        self.tell_refusal(&Refusal { url: self.content.address(), kind: "paste", reason });
    }
}
