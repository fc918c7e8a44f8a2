//! Kills the device's side at a place of the test's choice, by unwinding: what is not on the disk is gone.

use std::{cell::Cell, panic::resume_unwind};

/// What a killed side unwinds with.
#[derive(Debug)]
pub struct Killed;

thread_local! {
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The device dies after so many more places; never, with `None`.
pub fn after(places: Option<u64>) {
    LEFT.set(places);
}

/// A place at which the device may be killed.
pub fn point() {
    match LEFT.get() {
        Some(0) => {
            LEFT.set(None);
            resume_unwind(Box::new(Killed));
        }
        Some(left) => LEFT.set(Some(left - 1)),
        None => {}
    }
}

/// A crash point of the browser's files.
pub fn crash_point(_name: &str) {
    point();
}
