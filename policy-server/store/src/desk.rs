//! What the console reads and writes beside the core's own rows: lists, counts, policy texts on their way, receipts
//! and loans. Behind the same transactions as [`View`] and [`Work`].

use std::future::Future;

use policy_server_core::{
    canary::{Share, Tally},
    fleet::{Device, Standing, Tier},
    listing::{After, Filter, Order},
    rollout::Life,
    usage::{Day, Week},
};
use workspace_protocol::{
    documents::{Receipt, Stage},
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime, Version},
    push::DeviceEventKind,
};

use crate::{SignedPolicy, StoreError, View, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// How many devices a filter finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// So many.
    Exactly(u64),
    /// More than so many; nobody counted further.
    MoreThan(u64),
}

/// A page of a list of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePage {
    /// At most as many as asked for.
    pub devices: Vec<Device>,
    /// Where the next page begins, if there is one.
    pub next: Option<After>,
    /// How many there are on all pages.
    pub found: Found,
}

/// Devices that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusLine {
    /// Their group.
    pub group: GroupName,
    /// The policy they hold.
    pub policy: Version,
    /// Their standing.
    pub standing: Standing,
    /// Their tier.
    pub tier: Tier,
    /// The system they say they run.
    pub os: String,
    /// How many they are.
    pub count: u64,
    /// Of how many the last lease is over.
    pub lease_over: u64,
}

/// A policy text on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its number.
    pub id: i64,
    /// For which group.
    pub group: GroupName,
    /// How far it is.
    pub life: Life,
    /// Rises with each change.
    pub rev: i64,
    /// The text.
    pub toml: String,
    /// The version it was compared with when it was proposed, 0 for none.
    pub base: Version,
    /// Whether it allows more than that.
    pub widens: bool,
    /// Who wrote its present words.
    pub author: String,
    /// Who approved them.
    pub approver: Option<String>,
    /// When it was begun.
    pub created_at: UnixTime,
    /// When it changed last.
    pub changed_at: UnixTime,
    /// What it was signed as.
    pub version: Option<Version>,
    /// The share it was given to first.
    pub share: Option<Share>,
    /// Since when the share has it.
    pub began_at: Option<UnixTime>,
    /// Why it was rolled back.
    pub cause: Option<String>,
}

/// A host in a week's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCount {
    /// The group.
    pub group: GroupName,
    /// The host.
    pub host: String,
    /// Requests that were refused.
    pub blocked: u64,
    /// Times that somebody asked for it.
    pub wished: u64,
    /// On how many devices.
    pub devices: u64,
}

/// Something counted on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub day: Day,
    /// The group.
    pub group: GroupName,
    /// What: the stable word of an event's kind.
    pub what: String,
    /// How often.
    pub count: u64,
}

/// A receipt as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReceipt {
    /// For which order.
    pub seq: CommandSeq,
    /// How far the device was.
    pub stage: Stage,
    /// The signed envelope.
    pub envelope: Vec<u8>,
    /// When it came.
    pub received_at: UnixTime,
}

/// A device that was lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Its number in the book.
    pub id: i64,
    /// Which device.
    pub device: DeviceId,
    /// To whom.
    pub borrower: String,
    /// When.
    pub lent_at: UnixTime,
    /// By whom.
    pub lent_by: String,
    /// Until when, if that was agreed.
    pub due_at: Option<UnixTime>,
    /// When it came back.
    pub returned_at: Option<UnixTime>,
    /// Who took it back.
    pub returned_by: Option<String>,
    /// When the last session on it was wiped, as the device says.
    pub wiped_at: Option<UnixTime>,
}

/// Refusals since a trial began, of its share and of the rest of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrialCounts {
    /// The share.
    pub share: Tally,
    /// The rest.
    pub rest: Tally,
    /// Devices of the share that refused the policy whole.
    pub refused: u64,
    /// Devices of the share that have it in force.
    pub holding: u64,
}

/// Reading for the console. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait Lists: View {
    fn device_page(
        &mut self,
        filter: &Filter,
        order: Order,
        after: Option<&After>,
        limit: u32,
    ) -> impl Future<Output = Result<DevicePage>> + Send;
    fn census(&mut self, now: UnixTime) -> impl Future<Output = Result<Vec<CensusLine>>> + Send;
    /// Devices under a wipe without the last receipt, the longest waiting first, and when each was ordered.
    fn open_wipes(&mut self, limit: u32) -> impl Future<Output = Result<Vec<(Device, UnixTime)>>> + Send;
    /// Devices that were heard of since.
    fn heard_since(&mut self, since: UnixTime) -> impl Future<Output = Result<u64>> + Send;
    fn device_ids(&mut self, group: &GroupName) -> impl Future<Output = Result<Vec<DeviceId>>> + Send;

    /// The newest policies for shares of groups that are newer than the group's own.
    fn trials(&mut self) -> impl Future<Output = Result<Vec<SignedPolicy>>> + Send;
    fn policy_version(
        &mut self,
        group: &GroupName,
        version: Version,
    ) -> impl Future<Output = Result<Option<SignedPolicy>>> + Send;
    /// All versions of a group, newest first.
    fn policy_history(
        &mut self,
        group: &GroupName,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<SignedPolicy>>> + Send;
    fn rollout(&mut self, id: i64) -> impl Future<Output = Result<Option<Rollout>>> + Send;
    /// Rollouts, newest first; of a group, in any of some states (none: in all).
    fn rollouts(
        &mut self,
        group: Option<&GroupName>,
        lives: &[Life],
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Rollout>>> + Send;
    fn trial_counts(&mut self, trial: &Rollout) -> impl Future<Output = Result<TrialCounts>> + Send;

    /// Hosts of a week, the most refused first.
    fn hosts(
        &mut self,
        week: Week,
        group: Option<&GroupName>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<HostCount>>> + Send;
    /// Refusals of some hosts in a week, and on how many devices.
    fn hosts_sum(
        &mut self,
        week: Week,
        group: &GroupName,
        hosts: &[String],
    ) -> impl Future<Output = Result<(u64, u64)>> + Send;
    fn days(&mut self, since: Day) -> impl Future<Output = Result<Vec<DayCount>>> + Send;
    fn week_salt(&mut self, week: Week) -> impl Future<Output = Result<Option<[u8; 32]>>> + Send;

    fn receipts(&mut self, id: DeviceId, epoch: Epoch) -> impl Future<Output = Result<Vec<KeptReceipt>>> + Send;
    /// The book, newest first; of one device.
    fn loans(&mut self, device: Option<DeviceId>, limit: u32) -> impl Future<Output = Result<Vec<Loan>>> + Send;
    fn open_loan(&mut self, device: DeviceId) -> impl Future<Output = Result<Option<Loan>>> + Send;
    /// When the last session was opened and when one was wiped last, on the server's clock.
    fn last_session(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<(Option<UnixTime>, Option<UnixTime>)>> + Send;
}

/// Writing for the console.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait Desk: Work {
    /// Adds a rollout; gives its number. `id` of the record is not looked at.
    fn add_rollout(&mut self, rollout: &Rollout) -> impl Future<Output = Result<i64>> + Send;
    /// Writes a rollout whose `rev` is one more than the stored one; false if somebody else was first.
    fn set_rollout(&mut self, rollout: &Rollout) -> impl Future<Output = Result<bool>> + Send;
    fn set_policy_share(
        &mut self,
        group: &GroupName,
        version: Version,
        share: Share,
    ) -> impl Future<Output = Result<()>> + Send;

    fn put_week_salt(&mut self, week: Week, salt: &[u8; 32]) -> impl Future<Output = Result<()>> + Send;
    /// Erases the salts of other weeks than this one, and counts that are older than [`policy_server_core::usage::WEEKS_KEPT`].
    fn forget_weeks(&mut self, now: Week) -> impl Future<Output = Result<()>> + Send;
    /// Counts an event on its day and, if it names a host, in its week.
    fn count_event(
        &mut self,
        day: Day,
        group: &GroupName,
        who: [u8; 8],
        kind: DeviceEventKind,
        host: Option<&str>,
    ) -> impl Future<Output = Result<()>> + Send;

    fn put_receipt(
        &mut self,
        receipt: &Receipt,
        envelope: &[u8],
        at: UnixTime,
    ) -> impl Future<Output = Result<()>> + Send;
    fn add_loan(&mut self, loan: &Loan) -> impl Future<Output = Result<i64>> + Send;
    fn set_loan(&mut self, loan: &Loan) -> impl Future<Output = Result<()>> + Send;
}
