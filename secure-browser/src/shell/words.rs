//! Sentences in the language of the person in front of the screen.

use std::{cell::Cell, rc::Rc};

use workspace_protocol::reason::Reason;
use workspace_words::Lang;

/// The language in use, shared by all widgets.
#[derive(Clone, Default)]
pub struct Words(Rc<Cell<Lang>>);

impl Words {
    /// The language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.0.get()
    }

    /// Speaks `lang` from now on; widgets are told by their owner.
    pub fn set(&self, lang: Lang) {
        self.0.set(lang);
    }

    /// The sentence `id`.
    #[must_use]
    pub fn get(&self, id: &str) -> String {
        workspace_words::text(self.lang(), id, &[])
    }

    /// The sentence `id` with arguments.
    #[must_use]
    pub fn with(&self, id: &str, args: &[(&str, &str)]) -> String {
        workspace_words::text(self.lang(), id, args)
    }

    /// The sentence for `reason`.
    #[must_use]
    pub fn reason(&self, reason: Reason) -> String {
        workspace_words::reason(self.lang(), reason)
    }

    /// The sentences for several reasons, one a line.
    #[must_use]
    pub fn reasons(&self, reasons: &[Reason]) -> String {
        reasons.iter().map(|reason| self.reason(*reason)).collect::<Vec<_>>().join("\n")
    }
}
