//! What is wrong with a file, where: every fault names file, line and key.

use std::{cell::RefCell, fmt, ops::Range};

/// One fault of a policy or boundary file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// The file, as it was named to the parser.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The key, dotted from the top (`system[2].allow[0]`); empty where the file is not TOML.
    pub key: String,
    /// What is wrong and, where that is clear, what to write.
    pub message: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Every fault found, in the order of the file; never empty. One fault refuses the whole document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DocumentErrors(Vec<DocumentError>);

impl DocumentErrors {
    /// The faults.
    #[must_use]
    pub fn errors(&self) -> &[DocumentError] {
        &self.0
    }
}

impl fmt::Display for DocumentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// A file being read, and the faults found in it so far.
pub(crate) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    faults: RefCell<Vec<(usize, DocumentError)>>,
}

impl<'a> Source<'a> {
    /// Most faults kept; a file with more is no better for reading them all.
    const MOST: usize = 200;

    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, faults: RefCell::default() }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(crate) fn fault(&self, span: &Range<usize>, key: &str, message: impl Into<String>) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < Self::MOST {
            let error = DocumentError {
                file: self.file.to_owned(),
                line: self.line(span.start),
                key: key.to_owned(),
                message: message.into(),
            };
            faults.push((span.start, error));
        }
    }

    /// The document, if nothing was wrong with it.
    pub(crate) fn finish<T>(self, document: Option<T>) -> Result<T, DocumentErrors> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|(at, _)| *at);
        match document {
            Some(document) if faults.is_empty() => Ok(document),
            Some(_) | None => Err(DocumentErrors(faults.into_iter().map(|(_, error)| error).collect())),
        }
    }
}
