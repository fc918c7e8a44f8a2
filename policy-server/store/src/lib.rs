//! Storage of the policy server: one trait, SQLite behind it.
//!
//! [`View`] reads, [`Work`] reads and writes and makes all its changes or none. Nothing in the traits is SQLite's:
//! ids, states and times are the core's own types, so that PostgreSQL fits. It must never decide anything.

mod api;
mod console;
mod desk;
mod error;
mod log;
mod office;
mod records;
mod sqlite;
mod traits;
mod trust;

pub use api::{ApiView, ApiWork};
pub use console::{Account, AdminLink, AdminSession, ConsoleView, ConsoleWork, Passkey};
pub use desk::{
    CensusLine, DayCount, Desk, DevicePage, Found, HostCount, KeptReceipt, Lists, Loan, Rollout, TrialCounts,
};
pub use error::StoreError;
pub use log::{LogAlarm, LogView, LogWork, fill_nodes};
pub use office::{IdentityLink, NoticeRecord, OfficeView, OfficeWork};
pub use records::{Ban, EventRecord, InvitationRecord, SignedBoundary, SignedPolicy};
pub use sqlite::SqliteStore;
pub use traits::{Store, View, Work};
pub use trust::{TrustView, TrustWork};

/// Newest events kept of each device.
pub const EVENTS_PER_DEVICE: i64 = 200;
