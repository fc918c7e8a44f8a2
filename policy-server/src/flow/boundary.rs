//! A boundary signed with the root key comes into force.

use policy_server_core::audit::Entry;
use policy_server_store::{SignedBoundary, Store, View, Work};
use workspace_policy::{Policy, VerifiedBoundary};
use workspace_protocol::{
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};

use crate::{clock, crash, failure::Failure, push::bus::Notice, server::Server};

/// What became of a boundary.
#[derive(Debug)]
pub struct Applied {
    /// Its version.
    pub version: Version,
    /// Groups whose policy is now wider than the boundary: their devices refuse it until it is narrowed.
    pub outside: Vec<GroupName>,
}

/// Puts a boundary in force and sends it to all devices.
///
/// # Errors
/// Refused if it is not the root's, over, or not newer than the one in force.
pub async fn apply(server: &Server, actor: &str, envelope: Vec<u8>) -> Result<Applied, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let held = work.boundary().await?.map_or(Version(0), |one| one.version);
    let checked = VerifiedBoundary::verify(&envelope, &server.keys.root, held, now)
        .map_err(|error| error.reason())
        .and_then(|one| if one.version() > held { Ok(one) } else { Err(Reason::BoundaryRollback) });
    let verified = match checked {
        Ok(verified) => verified,
        Err(reason) => {
            let entry = Entry::done(now, actor, "boundary.apply", "boundary").refused(reason);
            server.log(&mut work, &entry).await?;
            work.commit().await?;
            return Err(Failure::reason(reason).with("held", held));
        }
    };
    let row = record(&verified, envelope, now);
    work.add_boundary(&row).await?;
    let entry = Entry::done(now, actor, "boundary.apply", "boundary").with("version", row.version);
    server.log(&mut work, &entry).await?;
    crash::point("server.boundary.before-commit");
    work.commit().await?;
    crash::point("server.boundary.committed");
    let version = row.version;
    server.current.set_boundary(row);
    server.bus.publish_all(Notice::Policy);
    Ok(Applied { version, outside: outside(server, &verified) })
}

fn outside(server: &Server, boundary: &VerifiedBoundary) -> Vec<GroupName> {
    let admits =
        |toml: &str| Policy::parse("policy", toml).is_ok_and(|policy| boundary.boundary().admits(&policy).is_ok());
    let all = server.current.policies().into_iter();
    all.filter(|policy| !admits(&policy.toml)).map(|policy| policy.group.clone()).collect()
}

/// The row of a verified boundary.
pub fn record(verified: &VerifiedBoundary, envelope: Vec<u8>, now: UnixTime) -> SignedBoundary {
    let seconds = verified.boundary().lease_max().as_secs();
    SignedBoundary {
        version: verified.version(),
        issued_at: now,
        expires_at: verified.expires_at(),
        envelope,
        lease_max_seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
    }
}
