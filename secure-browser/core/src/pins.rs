//! Which TLS keys the server may show: the invitation's, then those that the root key names, old and new for a while.

use serde::{Deserialize, Serialize};
use workspace_protocol::{
    crypto::VerifyingKey,
    documents::{PINS_MAX, ServerPin, ServerPins},
    envelope::{self, Kind},
    ids::{UnixTime, Version},
};

/// The keys that are kept, beyond the invitation's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    version: Version,
    pins: Vec<ServerPin>,
}

impl Pins {
    /// Version of the list; 0 for the invitation's key.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// What is to be kept after another list; `None` leaves everything as it is: not the root's, or not newer, or one
    /// that would leave no key for ever, and with that no way to the server.
    #[must_use]
    pub fn hear(&self, statement: &[u8], root: &VerifyingKey) -> Option<Self> {
        let said: ServerPins = envelope::open(Kind::ServerPins, statement, std::slice::from_ref(root)).ok()?;
        let lasting = said.pins.iter().any(|pin| pin.until.is_none());
        let good = said.version > self.version && lasting && said.pins.len() <= PINS_MAX;
        good.then_some(Self { version: said.version, pins: said.pins })
    }

    /// The keys that are believed at `now`, which is device time; `None` for the invitation's.
    #[must_use]
    pub fn at(&self, now: UnixTime) -> Option<Vec<[u8; 32]>> {
        let good = |pin: &&ServerPin| pin.until.is_none_or(|until| now <= until);
        (self.version > Version(0)).then(|| self.pins.iter().filter(good).map(|pin| pin.spki).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workspace_protocol::crypto::SigningKey;

    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn list(version: u64, until: Option<UnixTime>) -> ServerPins {
        let pins = vec![ServerPin { spki: OLD, until }, ServerPin { spki: NEW, until: None }];
        ServerPins { version: Version(version), pins }
    }

    fn signed(list: &ServerPins, by: &SigningKey) -> Vec<u8> {
        envelope::sign(Kind::ServerPins, list, by)
    }

    #[test]
    fn both_keys_are_believed_in_the_overlap_and_the_new_one_after_it() {
        let root = SigningKey::generate().unwrap();
        let none = Pins::default();
        assert_eq!(none.at(UnixTime(0)), None);
        let held = none.hear(&signed(&list(3, Some(UnixTime(100))), &root), &root.verifying_key()).unwrap();
        assert_eq!(held.at(UnixTime(100)), Some(vec![OLD, NEW]));
        assert_eq!(held.at(UnixTime(101)), Some(vec![NEW]));
        assert_eq!(held.version(), Version(3));
    }

    #[test]
    fn only_a_newer_word_of_the_root_that_leaves_a_way_counts() {
        let (root, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let key = root.verifying_key();
        let held = Pins::default().hear(&signed(&list(3, None), &root), &key).unwrap();
        assert_eq!(held.hear(&signed(&list(3, None), &root), &key), None, "no newer");
        assert_eq!(held.hear(&signed(&list(4, None), &other), &key), None, "another key");
        let dead = ServerPins { version: Version(4), pins: vec![ServerPin { spki: NEW, until: Some(UnixTime(9)) }] };
        assert_eq!(held.hear(&signed(&dead, &root), &key), None, "no key for ever");
        assert!(held.hear(&signed(&list(4, None), &root), &key).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_change_nothing(bytes: Vec<u8>) {
            prop_assert_eq!(Pins::default().hear(&bytes, &SigningKey::generate().unwrap().verifying_key()), None);
        }
    }
}
