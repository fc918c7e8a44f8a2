//! A failed command: an exit code and a sentence that says what happened, what is safe and what to do next.

use policy_server_store::StoreError;
use serde::{Deserialize, Serialize};
use workspace_protocol::reason::Reason;
use workspace_words::Lang;

/// Exit codes of contract.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// No: refused.
    Refused,
    /// Bad input or usage.
    Input,
    /// The server could not be reached.
    Unreachable,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Input => 2,
            Self::Unreachable => 3,
        }
    }
}

/// Why a command failed. Travels over the admin socket too; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// Id of the sentence in the catalogue.
    pub id: String,
    /// What is filled in.
    pub args: Vec<(String, String)>,
    /// A reason code, where there is one.
    pub reason: Option<String>,
    /// Lines that follow the sentence: one for each fault of a file.
    pub lines: Vec<String>,
}

impl Failure {
    /// Bad input or usage.
    pub fn input(id: &str) -> Self {
        Self::new(Exit::Input, id)
    }

    /// Refused.
    pub fn refused(id: &str) -> Self {
        Self::new(Exit::Refused, id)
    }

    /// Refused for a reason of the catalogue.
    pub fn reason(reason: Reason) -> Self {
        let id = format!("reason-{}", reason.code().replace('.', "-"));
        Self { reason: Some(reason.code().to_owned()), ..Self::new(Exit::Refused, &id) }
    }

    /// The server could not be reached.
    pub fn unreachable(id: &str) -> Self {
        Self::new(Exit::Unreachable, id)
    }

    fn new(exit: Exit, id: &str) -> Self {
        Self { exit, id: id.to_owned(), args: Vec::new(), reason: None, lines: Vec::new() }
    }

    /// Fills something in.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds lines below the sentence.
    pub fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Adds a reason code.
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason.code().to_owned());
        self
    }

    /// What programs read.
    pub fn object(&self) -> serde_json::Value {
        serde_json::json!({ "ok": false, "error": self.id, "reason": self.reason, "lines": self.lines })
    }

    /// What people read.
    pub fn sentence(&self, lang: Lang) -> String {
        let args: Vec<_> = self.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut text = workspace_words::text(lang, &self.id, &args);
        for line in &self.lines {
            text.push_str("\n  ");
            text.push_str(&workspace_words::fault(lang, line));
        }
        text
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(path) => Self::input("store-missing").with("path", path.display()),
            StoreError::Exists(path) => Self::input("store-exists").with("path", path.display()),
            StoreError::Damaged => Self::input("store-damaged"),
            StoreError::Newer => Self::input("store-newer"),
            StoreError::Unwritable => Self::refused("store-unwritable"),
            StoreError::Value(column) => Self::input("store-value").with("column", column),
            StoreError::Database(error) => {
                tracing::error!(%error, "the database failed");
                Self::refused("store-failed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_exists_in_both_languages() {
        // The ids are found where they are written, so that a new one cannot be forgotten.
        let mut seen = 0;
        for id in source_ids() {
            for lang in Lang::ALL {
                assert_ne!(workspace_words::text(lang, &id, &[]), id, "{lang}: no sentence {id}");
            }
            seen += 1;
        }
        assert!(seen > 20, "only {seen} sentences found: the search is broken");
    }

    fn source_ids() -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = std::fs::read_to_string(&path) {
                    for call in [
                        "Failure::input(\"",
                        "Failure::refused(\"",
                        "Failure::unreachable(\"",
                        "Self::input(\"",
                        "Self::refused(\"",
                        "say(\"",
                        "words(\"",
                    ] {
                        let parts = text.split(call).skip(1);
                        found.extend(parts.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
                    }
                }
            }
        }
        found.retain(|id| {
            !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        });
        found
    }
}
