//! Passkey ceremonies under way: each challenge is kept before it is sent, good once, for five minutes, and only for
//! the browser it was sent to.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use policy_server_core::webauthn::Challenge;
use workspace_protocol::{
    crypto::{CryptoError, random, same},
    ids::UnixTime,
};

/// How long a person may take.
pub const LIFE_SECONDS: i64 = 300;
/// Most ceremonies under way; beyond it the oldest make room, so that a flood costs nobody but the flood.
const MOST: usize = 4096;

/// What a challenge was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A sign-in, by whomever.
    SignIn,
    /// A new passkey of an account, by its one-time link.
    Link {
        /// Whose.
        account: String,
        /// HMAC of the link's code.
        tag: [u8; 32],
    },
    /// One more passkey of somebody who is signed in.
    More {
        /// Whose.
        account: String,
    },
}

#[derive(Debug)]
struct Pending {
    challenge: Challenge,
    purpose: Purpose,
    browser: String,
    began: UnixTime,
}

/// The table. In memory: a browser speaks to one node, and a server that restarts lets it begin again.
#[derive(Debug, Default)]
pub struct Ceremonies(Mutex<HashMap<String, Pending>>);

impl Ceremonies {
    /// Makes a challenge for a browser; gives its name and itself.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn begin(&self, purpose: Purpose, browser: &str, now: UnixTime) -> Result<(String, Challenge), CryptoError> {
        let name = hex::encode(random::<16>()?);
        let challenge: Challenge = random()?;
        let pending = Pending { challenge, purpose, browser: browser.to_owned(), began: now };
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST {
            table.retain(|_, one| is_good(one, now));
        }
        if table.len() >= MOST {
            let oldest = table.iter().min_by_key(|(_, one)| one.began).map(|(name, _)| name.clone());
            oldest.map(|name| table.remove(&name));
        }
        table.insert(name.clone(), pending);
        Ok((name, challenge))
    }

    /// Takes a challenge: whatever comes of it, it is spent.
    pub fn take(&self, name: &str, browser: &str, now: UnixTime) -> Option<(Challenge, Purpose)> {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name)?;
        let good = is_good(&pending, now) && same(pending.browser.as_bytes(), browser.as_bytes());
        good.then_some((pending.challenge, pending.purpose))
    }
}

fn is_good(pending: &Pending, now: UnixTime) -> bool {
    (0..LIFE_SECONDS).contains(&now.since(pending.began))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const T: UnixTime = UnixTime(1_000);

    #[test]
    fn a_challenge_is_good_once() {
        let held = Ceremonies::default();
        let (name, challenge) = held.begin(Purpose::SignIn, "b", T).unwrap();
        assert_eq!(held.take(&name, "b", T), Some((challenge, Purpose::SignIn)));
        assert_eq!(held.take(&name, "b", T), None);
    }

    #[test]
    fn a_challenge_is_over_after_five_minutes_and_with_a_clock_set_back() {
        let held = Ceremonies::default();
        for (at, good) in [(LIFE_SECONDS - 1, true), (LIFE_SECONDS, false), (-1, false)] {
            let (name, _) = held.begin(Purpose::SignIn, "b", T).unwrap();
            assert_eq!(held.take(&name, "b", T.plus(at)).is_some(), good, "{at}");
        }
    }

    #[test]
    fn a_challenge_is_of_no_use_in_another_browser_and_spent_by_the_try() {
        let held = Ceremonies::default();
        let (name, _) = held.begin(Purpose::SignIn, "b", T).unwrap();
        assert_eq!(held.take(&name, "c", T), None);
        assert_eq!(held.take(&name, "b", T), None);
    }

    #[test]
    fn a_flood_leaves_the_newest() {
        let held = Ceremonies::default();
        for at in 0..5_000 {
            held.begin(Purpose::SignIn, "flood", T.plus(at / 100)).unwrap();
        }
        let (name, _) = held.begin(Purpose::SignIn, "b", T.plus(60)).unwrap();
        assert!(held.take(&name, "b", T.plus(60)).is_some());
        assert!(held.0.lock().unwrap().len() <= MOST);
    }
}
