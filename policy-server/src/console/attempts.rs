//! Sign-ins through the identity provider that are under way: each is good once, for ten minutes, and only in the browser
//! in which it began.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use policy_server_core::oidc::Attempt;
use workspace_protocol::{crypto::same, ids::UnixTime};

use crate::flow::identity::Known;

/// How long a person may take at the provider, in seconds.
pub const LIFE_SECONDS: i64 = 600;
/// How long what the provider publishes is taken as fresh, in seconds.
const KNOWN_SECONDS: i64 = 600;
/// Most attempts under way; beyond it the oldest make room.
const MOST: usize = 4096;

/// One attempt.
pub struct Pending {
    /// Its three random words.
    pub attempt: Attempt,
    /// Where to go afterwards.
    pub next: String,
    browser: String,
    began: UnixTime,
}

/// The table, and what the provider published. In memory, as other ceremonies.
#[derive(Default)]
pub struct Attempts {
    pending: Mutex<HashMap<String, Pending>>,
    known: Mutex<Option<(String, UnixTime, Known)>>,
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempts(..)")
    }
}

impl Attempts {
    /// Keeps an attempt before anybody is sent away with it. `browser` is what the browser's cookie holds.
    pub fn begin(&self, attempt: Attempt, browser: &str, next: &str, now: UnixTime) {
        let pending = Pending { next: next.to_owned(), browser: browser.to_owned(), began: now, attempt };
        let mut table = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST {
            table.retain(|_, one| is_good(one, now));
        }
        if table.len() >= MOST {
            let oldest = table.iter().min_by_key(|(_, one)| one.began).map(|(name, _)| name.clone());
            oldest.map(|name| table.remove(&name));
        }
        table.insert(pending.attempt.state.to_string(), pending);
    }

    /// Takes an attempt: whatever comes of it, it is spent.
    pub fn take(&self, state: &str, browser: &str, now: UnixTime) -> Option<Pending> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        let good = is_good(&pending, now) && same(pending.browser.as_bytes(), browser.as_bytes());
        good.then_some(pending)
    }

    /// What the provider published lately.
    pub fn known(&self, issuer: &str, now: UnixTime) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, at, known) = known.as_ref()?;
        (held == issuer && (0..KNOWN_SECONDS).contains(&now.since(*at))).then(|| known.clone())
    }

    /// Keeps what it published.
    pub fn learn(&self, issuer: &str, known: Known, now: UnixTime) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((issuer.to_owned(), now, known));
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

    fn begun(held: &Attempts, at: UnixTime) -> String {
        let attempt = Attempt::fresh().unwrap();
        let state = attempt.state.to_string();
        held.begin(attempt, "b", "/console", at);
        state
    }

    #[test]
    fn an_attempt_is_good_once_for_ten_minutes_and_in_its_own_browser() {
        let held = Attempts::default();
        let state = begun(&held, T);
        assert!(held.take(&state, "b", T).is_some() && held.take(&state, "b", T).is_none());
        for (browser, at, good) in
            [("b", LIFE_SECONDS - 1, true), ("b", LIFE_SECONDS, false), ("b", -1, false), ("c", 0, false)]
        {
            let state = begun(&held, T);
            assert_eq!(held.take(&state, browser, T.plus(at)).is_some(), good, "{browser} {at}");
            assert!(held.take(&state, "b", T).is_none(), "the try spent it");
        }
        for at in 0..5_000 {
            begun(&held, T.plus(at / 100));
        }
        assert!(held.pending.lock().unwrap().len() <= MOST);
    }
}
