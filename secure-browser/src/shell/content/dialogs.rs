//! `alert`, `confirm`, `prompt`: shown in the strip, where they lock nobody in, and silenced when they pile up.

use std::{cell::Cell, rc::Rc};

use url::Url;
use webkit2gtk::{LoadEvent, ScriptDialog, ScriptDialogType, WebView, WebViewExt};

use crate::shell::notice::{Answer, Question};

use super::Hooks;

/// Most dialogs of one page before it is silenced by itself.
const DIALOGS_MAX: u32 = 20;

/// Answers the dialogs of `page`.
pub fn guard(page: &WebView, hooks: &Hooks) {
    let shown = Rc::new(Cell::new(0u32));
    let counter = shown.clone();
    page.connect_load_changed(move |_, event| {
        if event == LoadEvent::Committed {
            counter.set(0);
        }
    });
    let hooks = hooks.clone();
    page.connect_script_dialog(move |page, dialog| {
        shown.set(shown.get().saturating_add(1));
        let leaving = dialog.dialog_type() == ScriptDialogType::BeforeUnloadConfirm;
        if leaving || shown.get() > DIALOGS_MAX || !hooks.in_front.get() {
            // Leaving is never held up; a page that is silenced or covered gets "no".
            confirm(dialog, leaving);
            dialog.close();
        } else {
            ask(page, dialog, &hooks, &shown);
        }
        true
    });
}

fn ask(page: &WebView, dialog: &ScriptDialog, hooks: &Hooks, shown: &Rc<Cell<u32>>) {
    let host = host_of(&page.uri().unwrap_or_default());
    let kind = dialog.dialog_type();
    let proposal = (kind == ScriptDialogType::Prompt).then(|| dialog.prompt_get_default_text().unwrap_or_default());
    let question = Question {
        from: Some(&host),
        text: &dialog.message().unwrap_or_default(),
        proposal: proposal.as_deref(),
        yes: "ui-dialog-ok",
        no: (kind != ScriptDialogType::Alert).then_some("ui-dialog-cancel"),
        danger: false,
    };
    let (dialog, shown, page) = (dialog.clone(), shown.clone(), page.clone());
    hooks.strip.ask(&question, move |answer| {
        match answer {
            Answer::Yes(text) if kind == ScriptDialogType::Prompt => dialog.prompt_set_text(&text),
            Answer::Yes(_) => confirm(&dialog, true),
            Answer::No => confirm(&dialog, false),
            Answer::Silence => shown.set(DIALOGS_MAX),
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
