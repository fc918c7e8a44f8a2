//! What the console keeps in memory: ceremonies under way, and how often what was tried.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use axum::http::StatusCode;
use policy_server_core::limit::{Limit, Tries};
use workspace_protocol::ids::UnixTime;

use super::{attempts::Attempts, ceremony::Ceremonies, trouble::Trouble};

/// Sign-ins that an address may begin, and links it may open.
const BY_ADDRESS: Limit = Limit { tries: 30, seconds: 600 };
/// Sign-ins of one account that may fail.
const BY_ACCOUNT: Limit = Limit { tries: 10, seconds: 600 };
/// Recovery codes that may fail from an address.
const RECOVERY_BY_ADDRESS: Limit = Limit { tries: 5, seconds: 3600 };
/// Recovery codes that fail and are logged: a code has 125 bits, this keeps the log readable.
const RECOVERY: Limit = Limit { tries: 30, seconds: 3600 };

/// Whose an address is, for counts: in IPv6 one person has at least the 64 bits behind a prefix.
pub fn network(address: &str) -> String {
    match address.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string() + "/64"
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_and_one_address_of_ipv4_is() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::9"), network("2001:db8:1:3::9"));
        assert_eq!((network("192.0.2.7"), network("::ffff:192.0.2.7")), ("192.0.2.7".into(), "192.0.2.7".into()));
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
    }
}
