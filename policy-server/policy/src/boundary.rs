//! The boundary file: the widest that any policy may ever be, and the proof that a policy is not wider.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    document::{
        Attestation, DocumentErrors, Download, Entry, Gateway, MAX_ENTRIES, Network, Policy, Section, Source, System,
        TrustRule, Upload, gateways, parsed, schema,
    },
    index::Index,
    kind::Kinds,
    pattern::Scheme,
};

/// What a boundary may let policies grant; what it does not name may never be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Permission {
    /// `camera = true`.
    Camera,
    /// `microphone = true`.
    Microphone,
    /// `geolocation = true`.
    Geolocation,
    /// `upload` other than `"none"`.
    Upload,
    /// `download = "view"`.
    DownloadView,
    /// `print = true`.
    Print,
    /// `paste_in = true`.
    PasteIn,
    /// `network = "private"`.
    NetworkPrivate,
    /// `network = "gateway"` or `"egress"`.
    NetworkGateway,
    /// `trust = "ca:..."` or pins: certificates that the device's own roots do not vouch for.
    TrustCa,
    /// `trust = "pass-through"`.
    PassThrough,
    /// `capture = "allow"`.
    ScreenCapture,
}

impl Permission {
    /// Every permission with its word in a boundary file.
    pub const WORDS: [(&'static str, Self); 12] = [
        ("camera", Self::Camera),
        ("microphone", Self::Microphone),
        ("geolocation", Self::Geolocation),
        ("upload", Self::Upload),
        ("download-view", Self::DownloadView),
        ("print", Self::Print),
        ("paste-in", Self::PasteIn),
        ("network-private", Self::NetworkPrivate),
        ("network-gateway", Self::NetworkGateway),
        ("trust-ca", Self::TrustCa),
        ("pass-through", Self::PassThrough),
        ("screen-capture", Self::ScreenCapture),
    ];
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::WORDS.iter().find(|(_, known)| known == self).map_or("", |(word, _)| word))
    }
}

/// Where a policy is wider than the boundary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// An entry allows what no pattern of the boundary allows.
    #[error("line {line}: system '{system}': '{pattern}' ({}) is outside the boundary", scheme.name())]
    Entry {
        /// The system's id.
        system: String,
        /// The entry.
        pattern: String,
        /// The scheme that is not covered.
        scheme: Scheme,
        /// Line in the policy file, from 1.
        line: usize,
    },
    /// A permission that the boundary does not name.
    #[error("{}: '{permission}' is not among the boundary's permissions", place(system))]
    Permission {
        /// The system's id; `None` for the policy as a whole.
        system: Option<String>,
        /// What may not be granted.
        permission: Permission,
    },
    /// A lease that is longer than the boundary's longest.
    #[error("session: a lease of {} s is longer than the boundary's {} s", got.as_secs(), most.as_secs())]
    Lease {
        /// The policy's.
        got: Duration,
        /// The boundary's longest.
        most: Duration,
    },
    /// An attestation that is worth less than the boundary's lowest.
    #[error("attestation: '{}' is worth less than the boundary's '{}'", got.word(), least.word())]
    Attestation {
        /// The policy's.
        got: Attestation,
        /// The boundary's lowest.
        least: Attestation,
    },
    /// A gateway, or a key of it, that the boundary does not name.
    #[error("gateway: '{gateway}' with these keys is not among the boundary's gateways")]
    Gateway {
        /// The policy's.
        gateway: String,
    },
}

fn place(system: &Option<String>) -> String {
    system.as_ref().map_or_else(|| "policy".to_owned(), |id| format!("system '{id}'"))
}

/// A boundary, compiled. Says nothing about who signed it: that is [`crate::VerifiedBoundary`].
#[derive(Debug)]
pub struct Boundary {
    allow: Vec<Entry>,
    index: Index,
    lease_max: Duration,
    attestation_minimum: Attestation,
    permissions: Vec<Permission>,
    gateways: Vec<Gateway>,
}

impl Boundary {
    /// Reads a boundary file; `file` is its name in messages.
    ///
    /// # Errors
    /// Every fault with file, line and key. One fault refuses the whole document.
    pub fn parse(file: &str, toml: &str) -> Result<Self, DocumentErrors> {
        let source = Source::new(file, toml);
        let boundary = parsed(&source).and_then(|table| read(&Section::root(&source, &table)));
        source.finish(boundary)
    }

    /// Whether `policy` is nowhere wider.
    ///
    /// # Errors
    /// Every place where it is.
    pub fn admits(&self, policy: &Policy) -> Result<(), Vec<Outside>> {
        let mut outside = self.outside_as_a_whole(policy);
        for system in policy.systems() {
            outside.extend(self.outside_permissions(system));
            outside.extend(system.allow.iter().flat_map(|entry| self.outside_entry(&system.id, entry)));
        }
        if outside.is_empty() { Ok(()) } else { Err(outside) }
    }

    /// The patterns, in the order of the file.
    pub fn patterns(&self) -> impl Iterator<Item = &crate::pattern::Pattern> {
        self.allow.iter().map(|entry| &*entry.pattern)
    }

    /// The longest lease.
    #[must_use]
    pub fn lease_max(&self) -> Duration {
        self.lease_max
    }

    /// The lowest attestation.
    #[must_use]
    pub fn attestation_minimum(&self) -> Attestation {
        self.attestation_minimum
    }

    /// What may be granted.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The gateways that policies may name.
    #[must_use]
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    fn outside_as_a_whole(&self, policy: &Policy) -> Vec<Outside> {
        let mut outside = Vec::new();
        let (got, most) = (policy.session().lease, self.lease_max);
        if got > most {
            outside.push(Outside::Lease { got, most });
        }
        let (got, least) = (policy.attestation(), self.attestation_minimum);
        if !got.satisfies(least) {
            outside.push(Outside::Attestation { got, least });
        }
        if let Some(gateway) = policy.gateway()
            && !self.gateways.iter().any(|known| known.covers(gateway))
        {
            outside.push(Outside::Gateway { gateway: gateway.to_string() });
        }
        let wanted = [
            (policy.clipboard().paste_in, Permission::PasteIn),
            (policy.screen().capture_allowed, Permission::ScreenCapture),
        ];
        outside.extend(self.missing(&wanted).map(|permission| Outside::Permission { system: None, permission }));
        outside
    }

    fn outside_permissions(&self, system: &System) -> Vec<Outside> {
        let wanted = [
            (system.camera, Permission::Camera),
            (system.microphone, Permission::Microphone),
            (system.geolocation, Permission::Geolocation),
            (system.upload != Upload::None, Permission::Upload),
            (system.download != Download::None, Permission::DownloadView),
            (system.print, Permission::Print),
            (system.network == Network::Private, Permission::NetworkPrivate),
            (system.network.by_gateway(), Permission::NetworkGateway),
            (matches!(system.trust, TrustRule::Ca(_) | TrustRule::Pins(_)), Permission::TrustCa),
            (system.trust == TrustRule::PassThrough, Permission::PassThrough),
        ];
        let outside = |permission| Outside::Permission { system: Some(system.id.clone()), permission };
        self.missing(&wanted).map(outside).collect()
    }

    fn missing<'w>(&'w self, wanted: &'w [(bool, Permission)]) -> impl Iterator<Item = Permission> + 'w {
        let granted = |permission: &Permission| self.permissions.contains(permission);
        wanted
            .iter()
            .filter(move |(wants, permission)| *wants && !granted(permission))
            .map(|(_, permission)| *permission)
    }

    fn outside_entry(&self, system: &str, entry: &Entry) -> Vec<Outside> {
        let covered = |scheme: &Scheme| {
            let mut wider = self.index.entries_for(entry.pattern.host().as_str());
            wider.any(|(wide, _)| wide.pattern.covers(&entry.pattern, *scheme))
        };
        let outside = |scheme| Outside::Entry {
            system: system.to_owned(),
            pattern: entry.pattern.to_string(),
            scheme,
            line: entry.line,
        };
        entry.pattern.schemes().filter(|scheme| !covered(scheme)).map(outside).collect()
    }
}

fn read(root: &Section<'_>) -> Option<Boundary> {
    schema(root);
    let allow = root.need("allow").map(|field| crate::document::patterns(&field, MAX_ENTRIES));
    let lease_max = root.need("lease_max").and_then(|field| field.duration());
    let attestation_minimum = root.need("attestation_minimum").and_then(|field| field.choice(&Attestation::WORDS));
    let permissions = root.need("permissions").and_then(|field| field.list());
    let permissions = permissions?.iter().filter_map(|field| field.choice(&Permission::WORDS)).collect();
    let gateways = gateways(root);
    root.finish();
    let entry = |(pattern, line)| Entry { pattern: Arc::new(pattern), kinds: Kinds::ALL, line };
    let allow: Vec<Entry> = allow?.into_iter().map(entry).collect();
    let index = Index::new([&*allow]);
    let (lease_max, attestation_minimum) = (lease_max?, attestation_minimum?);
    Some(Boundary { index, allow, lease_max, attestation_minimum, permissions, gateways })
}

#[cfg(test)]
#[path = "boundary_tests.rs"]
mod tests;
