//! `alert`, `confirm`, `prompt`: shown in the strip, where they lock nobody in, and silenced when they pile up.

use std::{cell::Cell, rc::Rc};

use url::Url;
use webkit2gtk::{LoadEvent, ScriptDialog, ScriptDialogType, WebView, WebViewExt};

use crate::shell::notice::{Answer, Question};

use super::Hooks;

/// Most dialogs of one page before it is silenced by itself.
const DIALOGS_MAX: u32 = 20;

/// How many dialogs the page in a view has asked for.
#[derive(Clone, Default)]
pub struct Patience(Rc<Cell<u32>>);

impl Patience {
    /// Whether the page does nothing but ask: no answer frees its process.
    pub fn is_over(&self) -> bool {
        self.0.get() > DIALOGS_MAX
    }

    fn count(&self) -> u32 {
        self.0.set(self.0.get().saturating_add(1));
        self.0.get()
    }
}

/// Answers the dialogs of `page`.
pub fn guard(page: &WebView, patience: &Patience, hooks: &Hooks) {
    let fresh = patience.clone();
    page.connect_load_changed(move |_, event| {
        if event == LoadEvent::Committed {
            fresh.0.set(0);
        }
    });
    let (hooks, patience) = (hooks.clone(), patience.clone());
    page.connect_script_dialog(move |page, dialog| {
        let count = patience.count();
        let leaving = dialog.dialog_type() == ScriptDialogType::BeforeUnloadConfirm;
        if leaving || patience.is_over() || !hooks.in_front.get() {
            // Leaving is never held up; a page that is silenced or covered gets "no". The engine closes what is answered
            // here by itself; `close` is for answers that come later.
            confirm(dialog, leaving);
        } else {
            ask(page, dialog, &hooks, &patience, count);
        }
        true
    });
}

fn ask(page: &WebView, dialog: &ScriptDialog, hooks: &Hooks, patience: &Patience, count: u32) {
    let host = host_of(&hooks.shown.owner(page));
    let kind = dialog.dialog_type();
    let proposal = (kind == ScriptDialogType::Prompt).then(|| dialog.prompt_get_default_text().unwrap_or_default());
    let question = Question {
        from: Some(&host),
        text: &dialog.message().unwrap_or_default(),
        proposal: proposal.as_deref(),
        yes: "ui-dialog-ok",
        no: (kind != ScriptDialogType::Alert).then_some("ui-dialog-cancel"),
        danger: false,
        silence: count > 1,
    };
    let (dialog, patience, page) = (dialog.clone(), patience.clone(), page.clone());
    hooks.strip.ask(&question, move |answer| {
        match answer {
            Answer::Yes(text) if kind == ScriptDialogType::Prompt => dialog.prompt_set_text(&text),
            Answer::Yes(_) => confirm(&dialog, true),
            Answer::No => confirm(&dialog, false),
            Answer::Silence => patience.0.set(DIALOGS_MAX),
        }
        dialog.close();
        gtk::prelude::WidgetExt::grab_focus(&page);
    });
}

/// Answers the dialogs that have a yes and a no.
fn confirm(dialog: &ScriptDialog, yes: bool) {
    if matches!(dialog.dialog_type(), ScriptDialogType::Confirm | ScriptDialogType::BeforeUnloadConfirm) {
        dialog.confirm_set_confirmed(yes);
    }
}

fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "?".to_owned())
}
