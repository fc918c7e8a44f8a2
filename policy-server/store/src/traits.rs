//! The traits: what any database behind the server must do.

use std::future::Future;

use policy_server_core::{
    audit::{self, Entry, SignedLeaf, SignedTree},
    enrollment::Invitation,
    fleet::Device,
    merkle::Frontier,
    note::NoteKey,
    outbox::Order,
};
use workspace_protocol::{
    crypto::{KeyId, SigningKey},
    documents::Action,
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime, Version},
    push::DeviceEvent,
};

use crate::{Ban, EventRecord, InvitationRecord, SignedBoundary, SignedPolicy, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A database. Cheap to clone; clones share it.
pub trait Store: Clone + Send + Sync + 'static {
    /// A unit of work that writes.
    type Work: Work + crate::ConsoleWork + crate::TrustWork;
    /// A consistent snapshot to read.
    type View: View + crate::ConsoleView + crate::TrustView;

    /// Begins a unit of work. Units see each other's changes whole or not at all, as if one came after the other.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin(&self) -> impl Future<Output = Result<Self::Work>> + Send;

    /// As [`Store::begin`], for work that comes in crowds: units of several callers may be made durable by one write.
    ///
    /// Such a unit sees what others have done just before it and is not durable yet. Whoever answers that something is
    /// done must therefore commit first, also where the unit itself has changed nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_joint(&self) -> impl Future<Output = Result<Self::Work>> + Send;

    /// Begins to read.
    ///
    /// # Errors
    /// [`StoreError`].
    fn view(&self) -> impl Future<Output = Result<Self::View>> + Send;

    /// Best effort: makes the database forget what was erased, in its journals too.
    fn scrub(&self) -> impl Future<Output = ()> + Send;

    /// Ends all connections; what was committed is on disk.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Reading. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait View: Send {
    fn setting(&mut self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;
    fn invitation(&mut self, id: &[u8; 8]) -> impl Future<Output = Result<Option<InvitationRecord>>> + Send;
    fn device(&mut self, id: DeviceId) -> impl Future<Output = Result<Option<Device>>> + Send;
    /// The device whose tombstone key has this name.
    fn device_by_tombstone(&mut self, key: KeyId) -> impl Future<Output = Result<Option<Device>>> + Send;
    /// At most `limit` devices called `label`.
    fn devices_labelled(&mut self, label: &str, limit: u32) -> impl Future<Output = Result<Vec<Device>>> + Send;
    /// A page of at most `limit` devices in the order of their ids, after `after`.
    fn devices(&mut self, after: Option<DeviceId>, limit: u32) -> impl Future<Output = Result<Vec<Device>>> + Send;
    fn device_counts(&mut self) -> impl Future<Output = Result<Vec<(String, u64)>>> + Send;
    /// The sealed server half of a device's PIN.
    fn pin_record(&mut self, id: DeviceId) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;
    /// All orders of a device epoch, oldest first.
    fn orders(&mut self, id: DeviceId, epoch: Epoch) -> impl Future<Output = Result<Vec<Order>>> + Send;
    /// The newest order of a kind for each of the devices from `first` to `last` in the order of ids.
    fn newest_orders(
        &mut self,
        first: DeviceId,
        last: DeviceId,
        action: Action,
    ) -> impl Future<Output = Result<Vec<Order>>> + Send;
    /// Undone orders of devices whose longest lease ended before `now`.
    fn orders_past_lease(&mut self, now: UnixTime) -> impl Future<Output = Result<Vec<Order>>> + Send;
    /// How many devices an order issued since `since` leaves with nothing.
    fn erased_since(&mut self, since: UnixTime) -> impl Future<Output = Result<u64>> + Send;
    /// How many devices may work, or could once they are released.
    fn in_service(&mut self) -> impl Future<Output = Result<u64>> + Send;
    /// Orders that wait for a second admin, oldest first.
    fn requests(&mut self) -> impl Future<Output = Result<Vec<Order>>> + Send;
    /// When a device was taken off the list.
    fn deleted_at(&mut self, id: DeviceId) -> impl Future<Output = Result<Option<UnixTime>>> + Send;
    fn is_banned(&mut self, id: DeviceId, epoch: Epoch) -> impl Future<Output = Result<bool>> + Send;
    /// The deny-set: banned epochs of which a certificate may still be shown at `now`.
    fn denied(&mut self, now: UnixTime) -> impl Future<Output = Result<Vec<(DeviceId, Epoch)>>> + Send;
    /// The newest policy that is for all of a group.
    fn policy(&mut self, group: &GroupName) -> impl Future<Output = Result<Option<SignedPolicy>>> + Send;
    /// The newest policy that is for all of each group.
    fn policies(&mut self) -> impl Future<Output = Result<Vec<SignedPolicy>>> + Send;
    /// The highest version of a group, whatever share it is for; 0 for none.
    fn newest_policy_version(&mut self, group: &GroupName) -> impl Future<Output = Result<Version>> + Send;
    /// The newest boundary.
    fn boundary(&mut self) -> impl Future<Output = Result<Option<SignedBoundary>>> + Send;
    /// At most `limit` leaves of the audit log from `from` on.
    fn leaves(&mut self, from: u64, limit: u32) -> impl Future<Output = Result<Vec<SignedLeaf>>> + Send;
    fn frontier(&mut self) -> impl Future<Output = Result<Frontier>> + Send;
    /// The newest events of a device, newest first.
    fn events(&mut self, id: DeviceId, limit: u32) -> impl Future<Output = Result<Vec<EventRecord>>> + Send;
}

/// Writing. Nothing is seen by anybody before [`Work::commit`]; a unit that is dropped leaves no trace.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait Work: View + crate::LogWork + Sized {
    fn put_setting(&mut self, name: &str, value: &[u8]) -> impl Future<Output = Result<()>> + Send;
    fn add_admin(&mut self, name: &str, at: UnixTime) -> impl Future<Output = Result<()>> + Send;
    fn add_invitation(&mut self, record: &InvitationRecord) -> impl Future<Output = Result<()>> + Send;
    fn set_invitation(
        &mut self,
        id: &[u8; 8],
        state: Invitation,
        device: Option<DeviceId>,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Locks every invitation that is still open.
    fn lock_invitations(&mut self) -> impl Future<Output = Result<()>> + Send;
    fn add_device(&mut self, device: &Device, pin_record: &[u8]) -> impl Future<Output = Result<()>> + Send;
    /// Writes everything of a device that can change.
    fn set_device(&mut self, device: &Device) -> impl Future<Output = Result<()>> + Send;
    /// Erases the server's half of the PIN for ever.
    fn erase_pin_record(&mut self, id: DeviceId) -> impl Future<Output = Result<()>> + Send;
    fn add_order(&mut self, order: &Order) -> impl Future<Output = Result<()>> + Send;
    /// Writes the state and times of an order.
    fn set_order(&mut self, order: &Order) -> impl Future<Output = Result<()>> + Send;
    /// Puts an issued order in the place of the request `was`.
    fn replace_order(&mut self, was: CommandSeq, order: &Order) -> impl Future<Output = Result<()>> + Send;
    /// Takes a device off the list: names, facts and events are erased; keys, orders and ban stay.
    fn delete_device(&mut self, id: DeviceId, at: UnixTime) -> impl Future<Output = Result<()>> + Send;
    /// Bans an epoch; a ban that is there already stays, with the later `deny_until`.
    fn ban(&mut self, ban: &Ban) -> impl Future<Output = Result<()>> + Send;
    fn add_policy(&mut self, policy: &SignedPolicy) -> impl Future<Output = Result<()>> + Send;
    fn add_boundary(&mut self, boundary: &SignedBoundary) -> impl Future<Output = Result<()>> + Send;
    fn put_leaf(
        &mut self,
        position: u64,
        leaf: &SignedLeaf,
        grown: &Frontier,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Keeps an event in the ring of its device.
    fn add_event(
        &mut self,
        id: DeviceId,
        received_at: UnixTime,
        event: &DeviceEvent,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Makes all changes durable at once.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;

    /// Appends to the audit log, in this very unit of work; the log as it is then.
    fn log(
        &mut self,
        entry: &Entry,
        name: &NoteKey,
        key: &SigningKey,
    ) -> impl Future<Output = Result<SignedTree>> + Send {
        async move {
            let frontier = self.frontier().await?;
            let position = frontier.size();
            let grown = audit::append(frontier, entry, name, key);
            self.put_leaf(position, &grown.leaf, &grown.frontier).await?;
            self.put_nodes(&grown.nodes).await?;
            Ok(grown.signed())
        }
    }

    /// The version that follows the newest policy of a group.
    fn next_policy_version(&mut self, group: &GroupName) -> impl Future<Output = Result<Version>> + Send {
        async move { Ok(Version(self.newest_policy_version(group).await?.0 + 1)) }
    }
}
