//! How often something may be tried: counts in a window that begins with the first try. Pure; time is an argument.

use std::{collections::HashMap, hash::Hash};

use workspace_protocol::ids::UnixTime;

/// Most keys counted; beyond it, those whose windows began first make room.
const MOST: usize = 10_000;

/// At most `tries` within `seconds`.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// How many.
    pub tries: u32,
    /// In how long.
    pub seconds: i64,
}

/// Tries by key, such as an address or an account.
#[derive(Debug)]
pub struct Tries<K> {
    limit: Limit,
    counted: HashMap<K, (UnixTime, u32)>,
}

impl<K: Eq + Hash + Clone> Tries<K> {
    /// None yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self { limit, counted: HashMap::new() }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// The seconds to wait, if there were too many. A refused try is not counted: the window ends when it was to end.
    pub fn take(&mut self, key: &K, now: UnixTime) -> Result<(), i64> {
        let over = |began: UnixTime| now < began || now.since(began) >= self.limit.seconds;
        match self.counted.get_mut(key) {
            Some((began, _)) if over(*began) => {}
            Some((began, count)) if *count >= self.limit.tries => {
                return Err(self.limit.seconds - now.since(*began));
            }
            Some((_, count)) => {
                *count += 1;
                return Ok(());
            }
            None => {}
        }
        if self.counted.len() >= MOST && !self.counted.contains_key(key) {
            self.make_room(now);
        }
        self.counted.insert(key.clone(), (now, 1));
        Ok(())
    }

    /// Forgets the tries of a key: it succeeded.
    pub fn forget(&mut self, key: &K) {
        self.counted.remove(key);
    }

    fn make_room(&mut self, now: UnixTime) {
        let seconds = self.limit.seconds;
        self.counted.retain(|_, (began, _)| now.since(*began) < seconds);
        if self.counted.len() >= MOST {
            let oldest = self.counted.iter().min_by_key(|(_, (began, _))| *began).map(|(key, _)| key.clone());
            oldest.map(|key| self.counted.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: UnixTime = UnixTime(1_000);

    fn tries() -> Tries<u32> {
        Tries::new(Limit { tries: 3, seconds: 60 })
    }

    #[test]
    fn the_try_too_many_waits_for_the_end_of_the_window() {
        let mut tries = tries();
        for at in 0..3 {
            assert_eq!(tries.take(&1, T.plus(at)), Ok(()));
        }
        assert_eq!(tries.take(&1, T.plus(10)), Err(50));
        assert_eq!(tries.take(&1, T.plus(59)), Err(1));
        assert_eq!(tries.take(&2, T.plus(10)), Ok(()), "another key is another count");
        assert_eq!(tries.take(&1, T.plus(60)), Ok(()));
    }

    #[test]
    fn success_gives_all_tries_back() {
        let mut tries = tries();
        for _ in 0..3 {
            assert_eq!(tries.take(&1, T), Ok(()));
        }
        tries.forget(&1);
        assert_eq!(tries.take(&1, T), Ok(()));
    }

    #[test]
    fn a_flood_of_keys_costs_no_more_than_its_cap() {
        let mut tries = tries();
        for key in 0..12_000 {
            assert_eq!(tries.take(&key, T.plus(i64::from(key) / 1_000)), Ok(()));
        }
        assert!(tries.counted.len() <= MOST);
        assert_eq!(tries.take(&11_999, T.plus(11)), Ok(()));
        assert_eq!(tries.counted.get(&11_999), Some(&(T.plus(11), 2)));
    }
}
