//! Fuzz targets: each takes any bytes and hands them to one parser. Nothing may panic, and what a target asserts must
//! hold for whatever parses.
//!
//! The same functions are driven three ways: the tests replay [`corpus`] and seeded mutations of it, libFuzzer runs them
//! from `tests/fuzz/run`, and crates whose parsers are their own use [`hammer`] in their unit tests.

mod mutate;
mod seeds;
mod targets;

use std::{fs, path::PathBuf};

pub use mutate::hammer;
pub use targets::TARGETS;

/// A parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: also that of its folder below `corpus`.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Mutations that the normal test run tries: fewer where one costs more.
    pub mutations: u32,
}

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Inputs of a target: well-formed ones, and whatever a fuzzer found worth keeping in `corpus/NAME`.
#[must_use]
pub fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut paths: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let kept = paths.iter().filter_map(|path| fs::read(path).ok());
    seeds::of(target.name).into_iter().chain(kept).collect()
}
