//! What a session says while it runs: events for programs through a thread of their own, so that a reader who does
//! not read holds nothing up; sentences for people.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use secure_browser_core::session::Cause;
use serde_json::{Value, json};
use workspace_protocol::reason::Reason;

use crate::{cli::Console, ipc::Blocked};

/// Events that may wait for a slow reader; more are dropped.
const WAITING: usize = 1024;
/// Events of pages in one second; more are dropped, so that a page cannot flood whoever reads.
const PAGE_EVENTS: u32 = 100;
/// Longest address in an event, in bytes.
const ADDRESS_MAX: usize = 2048;
/// Longest wait for the reader at the end.
const FLUSH_WAIT: Duration = Duration::from_secs(1);

/// The voice of a session.
pub(super) struct Report {
    console: Console,
    to: Option<SyncSender<(&'static str, Value)>>,
    writer: Option<JoinHandle<()>>,
    started: Instant,
    second: Instant,
    in_second: u32,
}

impl Report {
    pub fn new(console: Console) -> Self {
        let (to, events) = sync_channel(WAITING);
        let writer = thread::Builder::new().name("events".to_owned()).spawn(move || write(console, &events)).ok();
        let now = Instant::now();
        Self { console, to: Some(to), writer, started: now, second: now, in_second: 0 }
    }

    pub fn console(&self) -> &Console {
        &self.console
    }

    pub fn ready(&self, policy: u64, org: &str) {
        self.event("ready", json!({ "ms": millis(self.started.elapsed()), "policy_version": policy, "org": org }));
    }

    pub fn asking(&self, reason: Option<Reason>) {
        self.event("pin", json!({ "reason": reason.map(Reason::code) }));
    }

    pub fn page(&mut self, url: &str, ms: u64) {
        if self.may_speak() {
            self.event("page", json!({ "url": capped(url), "ms": ms }));
        }
    }

    pub fn blocked(&mut self, blocked: &Blocked) {
        if self.may_speak() {
            let Blocked { url, kind, reason } = blocked;
            self.event("blocked", json!({ "url": capped(url), "kind": capped(kind), "reason": reason.code() }));
        }
    }

    pub fn locked(&self, reason: Reason) {
        self.console.say_reason(reason);
        self.event("locked", json!({ "reason": reason.code() }));
    }

    pub fn unlocked(&self) {
        self.event("unlocked", json!({}));
    }

    pub fn policy(&self, version: u64) {
        self.event("policy", json!({ "version": version }));
    }

    pub fn policy_refused(&self, version: u64, reason: Reason) {
        self.console.say_reason(reason);
        self.event("policy-refused", json!({ "version": version, "reason": reason.code() }));
    }

    pub fn refused(&self, reason: Reason, tries_left: Option<u32>) {
        self.console.say_reason(reason);
        self.event("refused", json!({ "reason": reason.code(), "tries_left": tries_left }));
    }

    pub fn wiped(&self, cause: Cause, took: Duration) {
        match cause.reason() {
            // Said when it was refused.
            Some(_) if matches!(cause, Cause::Refused(_)) => {}
            Some(reason) => self.console.say_reason(reason),
            None => self.console.say("session-closed", &[]),
        }
        self.event("wiped", json!({ "cause": cause.name(), "ms": millis(took) }));
    }

    fn event(&self, name: &'static str, fields: Value) {
        if let Some(to) = &self.to {
            // A reader who does not read loses events, not the session its clock.
            let _ = to.try_send((name, fields));
        }
    }

    fn may_speak(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.in_second) = (Instant::now(), 0);
        }
        self.in_second += 1;
        self.in_second <= PAGE_EVENTS
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        drop(self.to.take());
        let end = Instant::now() + FLUSH_WAIT;
        let Some(writer) = self.writer.take() else { return };
        while !writer.is_finished() && Instant::now() < end {
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn write(console: Console, events: &Receiver<(&'static str, Value)>) {
    while let Ok((name, fields)) = events.recv() {
        console.event(name, fields);
    }
}

fn capped(text: &str) -> &str {
    let end = (0..=ADDRESS_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_addresses_are_cut_at_a_character() {
        assert_eq!(capped("https://a.example/"), "https://a.example/");
        let long = "医".repeat(1000);
        assert!(capped(&long).len() <= ADDRESS_MAX && capped(&long).chars().all(|c| c == '医'));
    }

    #[test]
    fn a_page_cannot_flood_the_reader() {
        let mut report = Report::new(Console::new(false));
        let spoken = (0..10_000).filter(|_| report.may_speak()).count();
        assert!(spoken <= 2 * PAGE_EVENTS as usize, "{spoken}");
    }
}
