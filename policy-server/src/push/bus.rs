//! Tells channels to look again. A notice carries no content: the database has it, so nothing is lost with a notice.
//!
//! [`LocalBus`] serves one process; a bus between nodes (NATS) takes its place behind [`Bus`].

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::{Notify, watch};
use workspace_protocol::ids::{DeviceId, GroupName};

/// What to look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Notice {
    /// The outbox.
    Orders = 1,
    /// Boundary and policy.
    Policy = 2,
    /// Another channel of the same device took over.
    Replaced = 4,
    /// What people are told on the portal.
    Notices = 8,
}

/// Notices that came since they were last taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices(u8);

impl Notices {
    /// Whether a notice is among them.
    pub fn has(self, notice: Notice) -> bool {
        self.0 & notice as u8 != 0
    }
}

#[derive(Debug, Default)]
struct Mailbox {
    bits: AtomicU8,
    wake: Notify,
}

impl Mailbox {
    fn put(&self, notice: Notice) {
        self.bits.fetch_or(notice as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

/// A channel's place on the bus; leaves it when dropped.
pub struct Subscription {
    mailbox: Arc<Mailbox>,
    device: DeviceId,
    bus: Weak<LocalBus>,
}

impl Subscription {
    /// Waits for notices and takes them.
    pub async fn next(&self) -> Notices {
        loop {
            let bits = self.mailbox.bits.swap(0, Ordering::AcqRel);
            if bits != 0 {
                return Notices(bits);
            }
            self.mailbox.wake.notified().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.leave(self.device, &self.mailbox);
        }
    }
}

/// Delivers notices to channels.
pub trait Bus: Send + Sync {
    /// To one device.
    fn publish_to(&self, device: DeviceId, notice: Notice);
    /// To all devices of a group.
    fn publish_group(&self, group: &GroupName, notice: Notice);
    /// To all devices.
    fn publish_all(&self, notice: Notice);
    /// Takes a place; an older channel of the same device is told [`Notice::Replaced`].
    fn subscribe(self: Arc<Self>, device: DeviceId, group: GroupName) -> Subscription;
    /// Whether a device has a channel.
    fn is_connected(&self, device: DeviceId) -> bool;
    /// Number of channels.
    fn connected(&self) -> usize;
    /// Says that something that people look at moved on.
    fn changed(&self);
    /// Sees each [`Bus::changed`], and each notice.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The bus of one process.
pub struct LocalBus {
    channels: Mutex<HashMap<DeviceId, (GroupName, Arc<Mailbox>)>>,
    changes: watch::Sender<u64>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self { channels: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl LocalBus {
    fn each(&self, matches: impl Fn(&GroupName) -> bool, notice: Notice) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.values().filter(|(group, _)| matches(group)).for_each(|(_, mailbox)| mailbox.put(notice));
    }

    fn leave(&self, device: DeviceId, mailbox: &Arc<Mailbox>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.get(&device).is_some_and(|(_, held)| Arc::ptr_eq(held, mailbox)) {
            channels.remove(&device);
        }
    }
}

impl Bus for LocalBus {
    fn publish_to(&self, device: DeviceId, notice: Notice) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, mailbox)) = channels.get(&device) {
            mailbox.put(notice);
        }
        drop(channels);
        self.changed();
    }

    fn publish_group(&self, group: &GroupName, notice: Notice) {
        self.each(|held| held == group, notice);
        self.changed();
    }

    fn publish_all(&self, notice: Notice) {
        self.each(|_| true, notice);
        self.changed();
    }

    fn subscribe(self: Arc<Self>, device: DeviceId, group: GroupName) -> Subscription {
        let mailbox = Arc::new(Mailbox::default());
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, older)) = channels.insert(device, (group, Arc::clone(&mailbox))) {
            older.put(Notice::Replaced);
        }
        drop(channels);
        Subscription { mailbox, device, bus: Arc::downgrade(&self) }
    }

    fn is_connected(&self, device: DeviceId) -> bool {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&device)
    }

    fn connected(&self) -> usize {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn notices_pile_up_and_are_taken_once() {
        let bus = Arc::new(LocalBus::default());
        let id = DeviceId::random();
        let place = bus.clone().subscribe(id, "home".parse().unwrap());
        bus.publish_to(id, Notice::Orders);
        bus.publish_group(&"home".parse().unwrap(), Notice::Policy);
        bus.publish_group(&"other".parse().unwrap(), Notice::Replaced);
        let got = place.next().await;
        assert!(got.has(Notice::Orders) && got.has(Notice::Policy) && !got.has(Notice::Replaced));
        bus.publish_all(Notice::Orders);
        assert_eq!(place.next().await, Notices(Notice::Orders as u8));
    }

    #[tokio::test]
    async fn a_newer_channel_replaces_the_older_and_survives_its_end() {
        let bus = Arc::new(LocalBus::default());
        let id = DeviceId::random();
        let old = bus.clone().subscribe(id, "home".parse().unwrap());
        let new = bus.clone().subscribe(id, "home".parse().unwrap());
        assert!(old.next().await.has(Notice::Replaced));
        drop(old);
        assert!(bus.is_connected(id));
        drop(new);
        assert!(!bus.is_connected(id) && bus.connected() == 0);
    }
}
