//! The device's side of the test over a faulty link: the browser's own files for profile, journal and wipe, compiled
//! here without its window. Around them stand a link and crash points that the test holds in its hand.
//!
//! There is nothing of it in a test build: the tests in the browser's files are the browser's.
//!
//! Must never hold a copy of what it tests: `profile` and `wiping` are the browser's files, by path.
#![cfg(not(test))]
#![allow(dead_code, reason = "the browser's files hold more than this test needs")]

// The browser's files name their platform so; here it is the real one with crash points that unwind.
extern crate self as secure_browser_platform;

mod attest;
mod clock;
pub mod files;
pub mod kill;
pub mod link;
#[path = "../../../secure-browser/src/profile/mod.rs"]
pub mod profile;
#[path = "../../../secure-browser/src/supervisor/wiping.rs"]
mod wiping;

use std::time::Duration;

pub use kill::crash_point;
pub use platform::{binding, display, tpm};
use profile::{Device, Profile, ProfileError, Tombstone};
use secure_browser_core::wipe::{Order, WipeEvent};
use serde_bytes::ByteBuf;
use workspace_protocol::ids::CommandSeq;

/// A session that a wipe comes into: it has a link, and keys that the test looks for on the disk.
struct InSession;

impl wiping::Surroundings for InSession {
    async fn send_accepted(&mut self, receipt: ByteBuf, _tombstone: &Tombstone) {
        kill::point();
        link::post(receipt);
    }

    async fn forget_keys(&mut self) {
        kill::point();
    }

    async fn kill_room(&mut self) {
        kill::point();
    }
}

/// Carries out a wipe that an admin ordered while the device works.
///
/// # Errors
/// [`ProfileError`].
pub async fn wipe(profile: &Profile, device: &Device, seq: CommandSeq) -> Result<(), ProfileError> {
    let order = WipeEvent::Ordered(Order::Remote(seq));
    wiping::Wipe::new(profile, &mut InSession, Some(Tombstone::of(device))).carry_out(order).await
}

/// Goes on with a wipe that a kill cut short, as each start of the browser does first.
///
/// # Errors
/// [`ProfileError`].
pub async fn finish(profile: &Profile) -> Result<bool, ProfileError> {
    wiping::finish(profile).await
}

/// Brings each receipt that is owed once; how many are owed still.
///
/// # Errors
/// [`ProfileError`].
pub async fn bring_owed(profile: &Profile) -> Result<usize, ProfileError> {
    wiping::send_owed(profile, Duration::ZERO).await
}
