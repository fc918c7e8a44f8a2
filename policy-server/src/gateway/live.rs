//! Which connections of which device are open, so that an order cuts them at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;
use workspace_protocol::ids::{DeviceId, Epoch};

/// Most connections of one device; a browser's broker keeps 16 for one origin.
const PER_DEVICE: usize = 256;

type Who = (DeviceId, Epoch);

/// The open connections of all devices.
#[derive(Debug, Default)]
pub struct Live(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<Who, HashMap<u64, CancellationToken>>,
}

impl Live {
    /// Takes a place for a connection; none beyond the most a device may have.
    pub fn join(self: &Arc<Self>, device: DeviceId, epoch: Epoch) -> Option<Place> {
        let mut state = self.state();
        let number = state.next;
        state.next = number.wrapping_add(1);
        let open = state.open.entry((device, epoch)).or_default();
        if open.len() >= PER_DEVICE {
            return None;
        }
        let cut = CancellationToken::new();
        open.insert(number, cut.clone());
        Some(Place { live: Arc::clone(self), who: (device, epoch), number, cut })
    }

    /// Cuts every open connection of a device epoch.
    pub fn cut(&self, device: DeviceId, epoch: Epoch) {
        if let Some(open) = self.state().open.get(&(device, epoch)) {
            open.values().for_each(CancellationToken::cancel);
        }
    }

    /// Number of open connections.
    pub fn count(&self) -> usize {
        self.state().open.values().map(HashMap::len).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; leaves it when dropped.
#[derive(Debug)]
pub struct Place {
    live: Arc<Live>,
    who: Who,
    number: u64,
    /// Cancelled when the connection has to end.
    pub cut: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.live.state();
        if let Some(open) = state.open.get_mut(&self.who) {
            open.remove(&self.number);
            if open.is_empty() {
                state.open.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_named_life_of_a_device_is_cut_and_places_are_given_back() {
        let live = Arc::new(Live::default());
        let id = DeviceId::random();
        let (first, second) = (live.join(id, Epoch(1)).unwrap(), live.join(id, Epoch(2)).unwrap());
        live.cut(id, Epoch(1));
        assert!(first.cut.is_cancelled() && !second.cut.is_cancelled());
        drop((first, second));
        assert_eq!(live.count(), 0);
    }

    #[test]
    fn one_device_cannot_take_all_places() {
        let live = Arc::new(Live::default());
        let id = DeviceId::random();
        let held: Vec<_> = (0..PER_DEVICE).map(|_| live.join(id, Epoch(1)).unwrap()).collect();
        assert!(live.join(id, Epoch(1)).is_none());
        drop(held);
        assert!(live.join(id, Epoch(1)).is_some());
    }
}
