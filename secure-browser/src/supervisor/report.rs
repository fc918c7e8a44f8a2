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

use super::steps::Steps;

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
    pages: Limiter,
    screens: Limiter,
}

impl Report {
    pub fn new(console: Console) -> Self {
        let (to, events) = sync_channel(WAITING);
        let writer = thread::Builder::new().name("events".to_owned()).spawn(move || write(console, &events)).ok();
        let (pages, screens) = (Limiter::new(PAGE_EVENTS), Limiter::new(PAGE_EVENTS));
        Self { console, to: Some(to), writer, pages, screens }
    }

    pub fn console(&self) -> &Console {
        &self.console
    }

    pub fn ready(&self, steps: &Steps, policy: u64, org: &str) {
        let (ms, steps) = (steps.ms(), steps.so_far());
        self.event("ready", json!({ "ms": ms, "steps": steps, "policy_version": policy, "org": org }));
    }

    /// The PIN was right and the server admitted.
    pub fn admitted(&self) {
        self.event("admitted", json!({}));
    }

    pub fn asking(&self, reason: Option<Reason>) {
        self.event("pin", json!({ "reason": reason.map(Reason::code) }));
    }

    pub fn page(&mut self, url: &str, ms: u64) {
        if self.pages.admits(Instant::now()) {
            self.event("page", json!({ "url": capped(url), "ms": ms }));
        }
    }

    /// Has a count of its own: a page that floods must not hide what the person does.
    pub fn screen(&mut self, front: &str) {
        if self.screens.admits(Instant::now()) {
            self.event("screen", json!({ "front": capped(front) }));
        }
    }

    pub fn failed(&mut self, url: &str, cause: &str) {
        if self.pages.admits(Instant::now()) {
            self.event("failed", json!({ "url": capped(url), "cause": capped(cause) }));
        }
    }

    pub fn blocked(&mut self, blocked: &Blocked) {
        if self.pages.admits(Instant::now()) {
            let Blocked { url, kind, reason } = blocked;
            self.event("blocked", json!({ "url": capped(url), "kind": capped(kind), "reason": reason.code() }));
        }
    }

    /// The room held too much memory: `member` is the process that ended for it, none if all of it did.
    pub fn too_large(&mut self, member: Option<u32>) {
        if self.screens.admits(Instant::now()) {
            let ended = if member.is_some() { "page" } else { "room" };
            self.event("memory", json!({ "reason": Reason::MemoryExceeded.code(), "ended": ended }));
        }
    }

    /// A part that should still run has ended: which one, for whoever looks for the reason.
    pub fn part_ended(&self, part: &str) {
        self.event("part-ended", json!({ "part": part }));
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

    /// What the organisation wants put right on this device.
    pub fn warned(&self, reasons: &[Reason]) {
        for reason in reasons {
            self.console.say_reason(*reason);
        }
        let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
        self.event("warned", json!({ "reasons": codes }));
    }

    pub fn wiped(&self, cause: Cause, took: Duration) {
        match cause.reason() {
            // Said when it was refused.
            Some(_) if matches!(cause, Cause::Refused(_)) => {}
            Some(_) if cause == Cause::Idle => self.console.say("session-closed-idle", &[]),
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
}

/// Lets so many through in a second.
pub(super) struct Limiter {
    most: u32,
    second: Option<Instant>,
    passed: u32,
}

impl Limiter {
    pub const fn new(most: u32) -> Self {
        Self { most, second: None, passed: 0 }
    }

    /// Whether one more may pass at `now`.
    pub fn admits(&mut self, now: Instant) -> bool {
        let running = self.second.is_some_and(|began| now.saturating_duration_since(began) < Duration::from_secs(1));
        if !running {
            (self.second, self.passed) = (Some(now), 0);
        }
        self.passed = self.passed.saturating_add(1);
        self.passed <= self.most
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
    fn so_many_pass_in_a_second_and_no_more() {
        let mut limiter = Limiter::new(3);
        let start = Instant::now();
        let passed = |limiter: &mut Limiter, at| (0..10).filter(|_| limiter.admits(at)).count();
        assert_eq!(passed(&mut limiter, start), 3);
        assert_eq!(passed(&mut limiter, start + Duration::from_millis(999)), 0);
        assert_eq!(passed(&mut limiter, start + Duration::from_millis(1000)), 3);
    }
}
