//! Two voices: JSON objects on standard output for programs, sentences on standard error for people.

use std::io::{self, Write};

use secure_browser_core::unlock;
use serde_json::{Map, Value};
use workspace_protocol::reason::Reason;
use workspace_words::{Lang, reason, text};

/// Where a command speaks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    lang: Lang,
    json: bool,
}

impl Console {
    /// In the language of the environment.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { lang: Lang::of_environment(), json }
    }

    /// The language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether programs listen.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One sentence for people.
    pub fn say(&self, id: &str, args: &[(&str, &str)]) {
        self.line(&text(self.lang, id, args));
    }

    /// One sentence for people about a reason.
    pub fn say_reason(&self, why: Reason) {
        self.line(&reason(self.lang, why));
    }

    /// One object for programs, if they listen.
    pub fn object(&self, object: &Value) {
        if self.json {
            // Whoever listened has gone: the session ends by its own rules, not by a broken pipe.
            let _ = writeln!(io::stdout().lock(), "{object}");
        }
    }

    /// One event `{"event": name, ...}` for programs.
    pub fn event(&self, name: &str, fields: Value) {
        let mut object = Map::new();
        object.insert("event".to_owned(), Value::from(name));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        self.object(&Value::Object(object));
    }

    /// Says no: the sentence, the event `refused`, the exit code.
    pub fn refuse(&self, why: Reason) -> u8 {
        self.refuse_with(why, unlock::exit_code(why))
    }

    /// Says that the input is bad: the sentence, the event `refused`, exit code 2.
    pub fn bad_input(&self, why: Reason) -> u8 {
        self.refuse_with(why, unlock::exit::USAGE)
    }

    fn refuse_with(&self, why: Reason, code: u8) -> u8 {
        self.say_reason(why);
        self.event("refused", serde_json::json!({ "reason": why.code() }));
        code
    }

    fn line(&self, sentence: &str) {
        // Without a standard error there is nobody to read it.
        let _ = writeln!(io::stderr().lock(), "{sentence}");
    }
}

/// An error with its causes, for the line that names what failed.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // A transparent error repeats its cause.
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_follow_their_error_once() {
        let error = Outer(io::Error::other("inner"));
        assert_eq!(with_causes(&error), "outer: inner");
        assert_eq!(with_causes(&io::Error::other("alone")), "alone");
    }
}
