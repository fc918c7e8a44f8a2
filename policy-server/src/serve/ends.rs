//! What ends by its date: shown, measured, and warned of early enough.

use workspace_protocol::ids::UnixTime;

use crate::{clock, server::Server};

/// How long before an end it is warned of, in seconds. Source: trust.md section 4.
pub(super) const WARN_BEFORE: i64 = 90 * 24 * 3600;

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What: a stable word.
    pub what: &'static str,
    /// Its name: of keys and certificates a digest, of documents their version.
    pub id: String,
    /// Its last second.
    pub until: UnixTime,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Everything that ends, as it is now.
pub fn ends(server: &Server) -> Vec<End> {
    use workspace_protocol::crypto::sha256;
    let (keys, now) = (&server.keys, clock::now());
    let online = End {
        what: "online-key",
        id: keys.signer.id().to_string(),
        until: keys.signer.not_after(),
        remedy: "policy-server keys rotate online",
    };
    let ca = End {
        what: "device-ca",
        id: hex::encode(sha256(&keys.ca.certificate())),
        until: keys.ca.not_after(),
        remedy: "policy-server keys rotate ca",
    };
    let boundary = server.current.boundary().map(|one| End {
        what: "boundary",
        id: one.version.to_string(),
        until: one.expires_at,
        remedy: "policy-server boundary sign",
    });
    let earlier = keys.ca.earlier(now).into_iter().map(|one| End {
        what: "earlier-ca",
        id: hex::encode(sha256(&one.certificate)),
        until: one.until,
        remedy: "",
    });
    [online, ca].into_iter().chain(boundary).chain(earlier).collect()
}

/// Writes a line for each end that is near. An earlier CA is meant to end.
pub fn warn(server: &Server) {
    let now = clock::now();
    for end in ends(server).iter().filter(|end| is_near(end, now)) {
        let days = end.until.since(now) / 86_400;
        tracing::warn!(what = end.what, id = end.id, days, remedy = end.remedy, "something ends soon");
    }
    for (name, until) in server.lists.endings(now, now.plus(WARN_BEFORE)) {
        let (days, remedy) = (until.since(now) / 86_400, "policy-server attest list apply");
        tracing::warn!(what = "trust-list", id = name, days, remedy, "something ends soon");
    }
}

fn is_near(end: &End, now: UnixTime) -> bool {
    end.what != "earlier-ca" && end.until.since(now) < WARN_BEFORE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_near_from_ninety_days_on() {
        let end = |days: i64| End { what: "boundary", id: String::new(), until: UnixTime(days * 86_400), remedy: "" };
        assert!(is_near(&end(89), UnixTime(0)) && is_near(&end(-1), UnixTime(0)));
        assert!(!is_near(&end(90), UnixTime(0)));
        assert!(!is_near(&End { what: "earlier-ca", ..end(1) }, UnixTime(0)));
    }
}
