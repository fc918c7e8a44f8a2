//! What the console keeps in memory: ceremonies under way, and how often what was tried.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use policy_server_core::limit::{Limit, Tries};
use workspace_protocol::ids::UnixTime;

use super::{attempts::Attempts, ceremony::Ceremonies, trouble::Trouble};

/// Sign-ins that an address may begin, and links it may open.
const BY_ADDRESS: Limit = Limit { tries: 30, seconds: 600 };
/// Sign-ins of one account that may fail.
const BY_ACCOUNT: Limit = Limit { tries: 10, seconds: 600 };
/// Recovery codes that an address may try.
const RECOVERY_BY_ADDRESS: Limit = Limit { tries: 5, seconds: 3600 };
/// Recovery codes that may be tried at all: a code has 125 bits, this keeps the log readable.
const RECOVERY: Limit = Limit { tries: 30, seconds: 3600 };

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Try {
    /// Something without a session, from an address.
    Address(String),
    /// A sign-in of an account.
    Account(String),
    /// A recovery code, from an address.
    RecoveryFrom(String),
    /// A recovery code, from anywhere.
    Recovery,
}

/// In memory of one node.
#[derive(Debug)]
pub struct State {
    /// Challenges that were sent.
    pub ceremonies: Ceremonies,
    /// Sign-ins through the identity provider under way.
    pub attempts: Attempts,
    counts: Mutex<[Tries<Try>; 4]>,
}

impl Default for State {
    fn default() -> Self {
        let counts = [BY_ADDRESS, BY_ACCOUNT, RECOVERY_BY_ADDRESS, RECOVERY].map(Tries::new);
        Self { ceremonies: Ceremonies::default(), attempts: Attempts::default(), counts: Mutex::new(counts) }
    }
}

impl State {
    /// Counts a try.
    ///
    /// # Errors
    /// [`Trouble`] 429 that says how long to wait.
    pub fn count(&self, what: &Try, now: UnixTime) -> Result<(), Trouble> {
        self.with(what, |tries| tries.take(what, now)).map_err(|seconds| {
            let minutes = (seconds + 59) / 60;
            let mut trouble = Trouble::new(StatusCode::TOO_MANY_REQUESTS, "console-too-often");
            trouble.failure = trouble.failure.with("minutes", minutes);
            trouble
        })
    }

    /// Gives the tries back after a success.
    pub fn forget(&self, what: &Try) {
        self.with(what, |tries| tries.forget(what));
    }

    fn with<T>(&self, what: &Try, run: impl FnOnce(&mut Tries<Try>) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let [by_address, by_account, recovery_by_address, recovery] = &mut *counts;
        run(match what {
            Try::Address(_) => by_address,
            Try::Account(_) => by_account,
            Try::RecoveryFrom(_) => recovery_by_address,
            Try::Recovery => recovery,
        })
    }
}
