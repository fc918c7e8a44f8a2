//! What is written about a run: every step with its outcome and its time.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use serde::{Deserialize, Serialize};

/// One step of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable name.
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What went wrong, if it did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The outcome of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In the order in which they were tried.
    pub steps: Vec<Step>,
}

impl Outcome {
    /// Whether every one of `expected` was tried and everything that was tried held.
    #[must_use]
    pub fn held(&self, expected: &[&str]) -> bool {
        let tried = |name: &str| self.steps.iter().any(|step| step.name == name);
        self.steps.iter().all(|step| step.ok) && expected.iter().all(|name| tried(name))
    }

    /// Adds what was never reached as failed steps, so that a broken run cannot look short and whole.
    pub fn close(&mut self, expected: &[&str]) {
        for name in expected {
            if !self.steps.iter().any(|step| step.name == *name) {
                let error = Some("not reached".to_owned());
                self.steps.push(Step { name: (*name).to_owned(), ok: false, ms: 0, error });
            }
        }
    }

    /// Reads the outcome at `path`; an empty one if there is none.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes the outcome to `path`.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        fs::write(path, text)
    }
}

/// A step that did not hold; what went wrong is in the report.
#[derive(Debug, thiserror::Error)]
#[error("step {0} did not hold")]
pub struct Failed(pub String);

/// Keeps the report while steps are tried.
#[derive(Debug)]
pub struct Report {
    outcome: Outcome,
    file: Option<PathBuf>,
}

impl Report {
    /// An empty report that is kept in `file`.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        Self { outcome: Outcome::default(), file: Some(file.to_owned()) }
    }

    /// An empty report that is only said.
    #[must_use]
    pub fn unkept() -> Self {
        Self { outcome: Outcome::default(), file: None }
    }

    /// What was tried so far.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Tries a step, notes it and says it.
    ///
    /// # Errors
    /// [`Failed`] if it did not hold.
    pub fn step<T, E>(&mut self, name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, Failed>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let start = Instant::now();
        let result = work().map_err(Into::into);
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error = result.as_ref().err().map(|error| in_one_line(error.as_ref()));
        match &error {
            None => eprintln!("  ok      {name} ({ms} ms)"),
            Some(error) => eprintln!("  FAILED  {name} ({ms} ms): {error}"),
        }
        self.outcome.steps.push(Step { name: name.to_owned(), ok: error.is_none(), ms, error });
        let written = self.file.as_ref().map_or(Ok(()), |file| self.outcome.write(file));
        if let Err(error) = written {
            eprintln!("  the report cannot be written: {error}");
        }
        result.map_err(|_| Failed(name.to_owned()))
    }
}

/// An error with all its causes.
#[must_use]
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn report() -> (tempfile::TempDir, Report) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        (folder, Report::new(&file))
    }

    #[test]
    fn a_report_holds_only_if_every_expected_step_held() {
        let (_folder, mut report) = report();
        report.step("one", || Ok::<_, io::Error>(())).unwrap();
        assert!(report.outcome().held(&["one"]));
        assert!(!report.outcome().held(&["one", "two"]));
        report.step("two", || Err::<(), _>("no")).unwrap_err();
        assert!(!report.outcome().held(&["one", "two"]));
    }

    #[test]
    fn steps_that_were_not_reached_are_failed_steps() {
        let mut outcome = Outcome::default();
        outcome.close(&["one"]);
        assert!(matches!(outcome.steps.as_slice(), [step] if !step.ok && step.name == "one"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (_folder, mut report) = report();
        report.step("one", || Err::<(), _>(io::Error::other("why"))).unwrap_err();
        let read = Outcome::read(report.file.as_ref().unwrap());
        assert_eq!(&read, report.outcome());
        assert_eq!(read.steps.first().and_then(|step| step.error.as_deref()), Some("why"));
    }
}
