//! The broker as the engine meets it: a door on loopback, origins on loopback, signed policies, no browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod org;
mod origin;
mod world;

mod attacks;
mod bench;
mod gateway;
mod pages;
mod refusals;
mod session;
mod streams;
mod swaps;
