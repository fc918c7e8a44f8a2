//! The result of an appraisal: genuine or refused, the tier, the reasons, the claims.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Code;

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A TPM 2.0 quote with event log and endorsement chain.
    Tpm2,
    /// An Android key attestation chain.
    AndroidKey,
    /// An App Attest attestation or assertion.
    #[serde(rename = "apple-appattest")]
    AppleAppAttest,
    /// Possession of a key kept in software.
    Software,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Tpm2, Self::AndroidKey, Self::AppleAppAttest, Self::Software];

    /// The name as the contract writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tpm2 => "tpm2",
            Self::AndroidKey => "android-key",
            Self::AppleAppAttest => "apple-appattest",
            Self::Software => "software",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| "one of tpm2, android-key, apple-appattest, software".to_owned())
    }
}

/// What genuine evidence is worth; higher is more. Source: attestation-notes.md, section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// A key in software: possession.
    A0,
    /// A key that claims to be bound to hardware: the same device as before.
    A1,
    /// A key in a known TPM of a machine that booted with Secure Boot.
    A2,
    /// A key in a phone's secure hardware, system verified.
    A3,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A0 => "A0",
            Self::A1 => "A1",
            Self::A2 => "A2",
            Self::A3 => "A3",
        })
    }
}

/// Genuine or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The evidence is what it says it is.
    Genuine,
    /// The evidence is worth nothing.
    Refused,
}

/// A value of the trustworthiness vector, in the bands of AR4SI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Trust {
    /// No claim is made.
    #[default]
    None = 0,
    /// Affirming.
    Affirming = 2,
    /// Warning.
    Warning = 32,
    /// Contraindicated.
    Contraindicated = 96,
}

impl Serialize for Trust {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for Trust {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = u8::deserialize(from)?;
        let known = [Self::None, Self::Affirming, Self::Warning, Self::Contraindicated];
        let found = known.into_iter().find(|trust| *trust as u8 == value);
        found.ok_or_else(|| serde::de::Error::custom("no value of a trustworthiness vector"))
    }
}

/// What the evidence says of each side of the device (draft-ietf-rats-ar4si-09).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrustVector {
    /// Which device it is.
    pub instance_identity: Trust,
    /// How it is set up.
    pub configuration: Trust,
    /// What ran while it started.
    pub executables: Trust,
    /// What lies on its disk.
    pub file_system: Trust,
    /// The hardware that holds the key.
    pub hardware: Trust,
    /// Whether others on the device can look into the running program.
    pub runtime_opaque: Trust,
    /// Whether the key at rest can be copied.
    pub storage_opaque: Trust,
    /// Data from elsewhere.
    pub sourced_data: Trust,
}

/// The result for one piece of evidence. Only the verifiers of this crate make one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Appraisal {
    format: Format,
    verdict: Verdict,
    tier: Option<Tier>,
    reasons: Vec<Code>,
    notes: Vec<Code>,
    vector: TrustVector,
    claims: Map<String, Value>,
    #[serde(skip)]
    key: Option<Vec<u8>>,
}

impl Appraisal {
    /// Whether the evidence is genuine.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What it is worth; none if refused.
    #[must_use]
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }

    /// Every code that refused it or lowered its tier.
    #[must_use]
    pub fn reasons(&self) -> &[Code] {
        &self.reasons
    }

    /// What was recorded without an effect on the tier.
    #[must_use]
    pub fn notes(&self) -> &[Code] {
        &self.notes
    }

    /// The trustworthiness vector.
    #[must_use]
    pub fn vector(&self) -> &TrustVector {
        &self.vector
    }

    /// What the evidence says; empty if refused.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The attested public key, as `SubjectPublicKeyInfo` (phones) or `TPMT_PUBLIC` (TPM); none if refused.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// Evidence that is worth nothing, and why.
    pub(crate) fn refused(format: Format, code: Code) -> Self {
        Self {
            format,
            verdict: Verdict::Refused,
            tier: None,
            reasons: vec![code],
            notes: Vec::new(),
            vector: TrustVector { instance_identity: Trust::Contraindicated, ..TrustVector::default() },
            claims: Map::new(),
            key: None,
        }
    }
}

/// Collects what a verifier finds on its way to a genuine verdict.
#[derive(Debug)]
pub(crate) struct Findings {
    tier: Tier,
    reasons: Vec<Code>,
    notes: Vec<Code>,
}

impl Findings {
    /// Starts with the best tier the format can reach.
    pub(crate) fn new(best: Tier) -> Self {
        Self { tier: best, reasons: Vec::new(), notes: Vec::new() }
    }

    /// Caps the tier and keeps the reason.
    pub(crate) fn lower(&mut self, code: Code, cap: Tier) {
        self.tier = self.tier.min(cap);
        push_once(&mut self.reasons, code);
    }

    /// Records without an effect on the tier.
    pub(crate) fn note(&mut self, code: Code) {
        push_once(&mut self.notes, code);
    }

    /// Compares the challenge, if there is one to compare with.
    pub(crate) fn challenge(
        &mut self,
        expected: Option<&[u8]>,
        matches: impl FnOnce(&[u8]) -> bool,
    ) -> Result<(), Code> {
        match expected {
            None => {
                self.note(Code::ChallengeUnchecked);
                Ok(())
            }
            Some(expected) if matches(expected) => Ok(()),
            Some(_) => Err(Code::ChallengeMismatch),
        }
    }

    /// Whether the reason was found.
    pub(crate) fn has(&self, code: Code) -> bool {
        self.reasons.contains(&code)
    }

    /// Ends as genuine.
    pub(crate) fn genuine(
        self,
        format: Format,
        vector: TrustVector,
        claims: Map<String, Value>,
        key: Option<Vec<u8>>,
    ) -> Appraisal {
        Appraisal {
            format,
            verdict: Verdict::Genuine,
            tier: Some(self.tier),
            reasons: self.reasons,
            notes: self.notes,
            vector,
            claims,
            key,
        }
    }
}

fn push_once(list: &mut Vec<Code>, code: Code) {
    if !list.contains(&code) {
        list.push(code);
    }
}
