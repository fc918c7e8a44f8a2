//! The report for people: what each system did, what it was kept from, and how each was seen.

use std::fmt::Write;

/// One system.
pub struct Row {
    system: &'static str,
    software: &'static str,
    works: Vec<String>,
    stopped: Vec<String>,
}

impl Row {
    /// A system of which nothing was seen yet.
    pub fn new(system: &'static str, software: &'static str) -> Self {
        Self { system, software, works: Vec::new(), stopped: Vec::new() }
    }

    /// `what` worked, as was seen by `how`.
    pub fn works(&mut self, what: &str, how: &str) {
        self.works.push(format!("**{what}**: {how}"));
    }

    /// `what` was tried and stopped, as was seen by `how`.
    pub fn stopped(&mut self, what: &str, how: &str) {
        self.stopped.push(format!("**{what}**: {how}"));
    }
}

/// The whole report.
pub fn write(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Systems report: real software inside the workspace\n\nPrinted by `cargo nextest run -E 'binary(systems)' \
--no-capture`; `tests/run` runs the same. Each system is the software itself on loopback, behind nginx with TLS by a \
private CA, on a host name and port of its own. A person's hands (keys and pointer of the desktop that holds the \
workspace's window) drive the browser as it is shipped; there is no way to automate it from inside. What counts is the \
effect: what reached the system's server, what the window shows, what came to lie on the desktop's clipboards and the \
disk. *control*: the same hands in Chromium got it out.\n\n| system | must work: seen how | must be stopped: seen how |\n| --- | --- | --- |\n",
    );
    for row in rows {
        let (works, stopped) = (row.works.join("<br>"), row.stopped.join("<br>"));
        let _ = writeln!(text, "| {}<br>{} | {works} | {stopped} |", row.system, row.software);
    }
    text
}
