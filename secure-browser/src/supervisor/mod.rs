//! The supervisor: owns keys, lease and wipe, starts and kills everything else, and never looks at page content.
//!
//! It runs on the main thread alone, since the kernel ties the life of its children to the thread that started them.

mod check;
mod clock;
mod computer;
mod contact;
mod documents;
mod explain;
mod hub;
mod input;
mod measure;
mod parts;
mod report;
mod signing;
mod steps;

mod wiping;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use secure_browser_core::unlock::exit;
use secure_browser_platform::process;
use tokio::runtime::{Builder, Runtime};
use workspace_protocol::reason::Reason;
use zeroize::Zeroizing;

use crate::{
    cli::Console,
    profile::{Device, Entry, Life, Profile, ProfileError},
    standing::Finding,
};

use contact::Identity;
use hub::{Hub, Setup};

pub use check::check;
pub use explain::{Allowed, Judged, explain};
pub use measure::{MUST, of_display as standing_of_display};
use parts::installed;
pub use parts::ui_beside;
use steps::Steps;

/// Longest time that a process stays only to bring receipts; the next start goes on.
const RECEIPTS_WAIT: Duration = Duration::from_secs(15);

/// The same for receipts of a device that was enrolled here before this one.
const OLD_RECEIPTS_WAIT: Duration = Duration::from_secs(2);

/// What a session is opened with.
pub struct Options {
    /// The profile folder.
    pub profile: PathBuf,
    /// Address to open first.
    pub url: Option<String>,
    /// The PIN, if it was given on standard input.
    pub pin: Option<Zeroizing<String>>,
    /// Full screen, no way out but the end.
    pub kiosk: bool,
    /// After the end comes the next person.
    pub restart: bool,
}

/// A runtime on the calling thread.
///
/// # Errors
/// What the operating system said.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Opens the workspace and stays until it is wiped; the exit code.
pub fn run(console: &Console, options: Options) -> u8 {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(_) => return console.refuse(Reason::GuaranteeMissing),
    };
    let restart = options.restart;
    let end = runtime.block_on(open(console, options, Steps::begin()));
    // Nothing that is still under way may hold up the end.
    runtime.shutdown_background();
    if restart && end.next_may_come {
        console.event("restarted", serde_json::json!({}));
        // Returns only if the program is gone from the disk: then there is nothing to start.
        let error = process::start_anew();
        console.say("session-not-started", &[("detail", &error.to_string())]);
    }
    end.code
}

/// How a session ended.
struct End {
    code: u8,
    /// The end was a person's, or one that a new session cures.
    next_may_come: bool,
}

impl End {
    const fn of(code: u8) -> Self {
        Self { code, next_may_come: false }
    }
}

async fn open(console: &Console, options: Options, mut steps: Steps) -> End {
    let profile = match Profile::lock_existing(&options.profile) {
        Ok(profile) => profile,
        Err(error) => return End::of(console.refuse(error.reason())),
    };
    match wiping::finish(&profile).await {
        Ok(_) => {}
        Err(error) => return End::of(console.refuse(error.reason())),
    }
    let (device, identity, life) = match enrolled(&profile) {
        Ok(found) => found,
        Err(ProfileError::Wiped) => return End::of(still_wiped(console, &profile).await),
        Err(error) => return End::of(console.refuse(error.reason())),
    };
    steps.done("profile");
    let setup = Setup { console, profile: &profile, device, identity, life, options, steps };
    let end = match Hub::new(setup) {
        Ok(hub) => {
            // Only now a signal is heard: whoever was told that a session begins may ask for its end.
            note_broken_session(console, &profile);
            hub.run().await
        }
        Err(_) => return End::of(console.refuse(Reason::GuaranteeMissing)),
    };
    let limit = if end.code == exit::REMOTE_WIPE { RECEIPTS_WAIT } else { OLD_RECEIPTS_WAIT };
    deliver(console, &profile, limit).await;
    end
}

/// What an enrolled profile holds, with the device key opened.
fn enrolled(profile: &Profile) -> Result<(Device, Identity, Life), ProfileError> {
    let device = profile.folder().device()?;
    let life = profile.folder().journal()?.entry.life().ok_or(ProfileError::Damaged("journal"))?;
    let base = profile.secret()?;
    let secret = device.whole_secret(&base)?;
    let key = device.device_key(&secret)?;
    let identity = Identity {
        server: device.server.clone(),
        root: device.root,
        life,
        key_certificate: device.key_certificate.clone(),
        key: Arc::new(key),
        tombstone: device.tombstone_key(&base)?.verifying_key(),
        tpm: device.tpm.clone().map(Arc::new),
        profile: profile.folder().path().to_owned(),
        secret,
        witness: profile.folder().witness()?,
        pins: device.pins_version(),
    };
    Ok((device, identity, life))
}

/// A wiped profile: brings what is owed and says what it is and what to do.
async fn still_wiped(console: &Console, profile: &Profile) -> u8 {
    let code = console.refuse(Reason::DeviceWiped);
    deliver(console, profile, RECEIPTS_WAIT).await;
    code
}

/// Brings the receipts that are owed, if any.
async fn deliver(console: &Console, profile: &Profile, limit: Duration) {
    match wiping::send_owed(profile, limit).await {
        Ok(0) => {}
        Ok(_) | Err(_) => console.say("session-receipts-owed", &[]),
    }
}

/// A session that was killed or lost its power is told of at the next start.
fn note_broken_session(console: &Console, profile: &Profile) {
    if matches!(profile.folder().journal().map(|journal| journal.entry), Ok(Entry::Open { .. })) {
        console.say("session-was-broken", &[]);
        console.event("recovered", serde_json::json!({ "cause": "broken" }));
    }
}

/// What the machine and its desktop hold, and how a room on it is bounded.
#[must_use]
pub fn standing_of_machine() -> Vec<Finding> {
    let mut found = vec![measure::memory_limit(hub::memory_limit())];
    found.extend(measure::around());
    found
}

/// Finishes a wipe that was interrupted, without the server.
///
/// # Errors
/// [`ProfileError`].
pub fn finish_wipe(profile: &Profile) -> Result<bool, ProfileError> {
    block(wiping::finish(profile))
}

/// Brings receipts that are owed from before; they stay owed if the server cannot be reached now.
pub fn send_owed(profile: &Profile) {
    // Tried again at the end of each session.
    let _ = block(wiping::send_owed(profile, OLD_RECEIPTS_WAIT));
}

/// Wipes the profile by the person's own wish. How many receipts of earlier wipes are owed still.
///
/// # Errors
/// [`ProfileError`].
pub fn wipe_locally(profile: &Profile) -> Result<usize, ProfileError> {
    block(wiping::locally(profile))
}

fn block<T>(work: impl Future<Output = Result<T, ProfileError>>) -> Result<T, ProfileError> {
    let runtime = runtime().map_err(|_| ProfileError::Damaged("runtime"))?;
    runtime.block_on(work)
}
