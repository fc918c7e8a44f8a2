//! What a policy file says, as types.

use std::{sync::Arc, time::Duration};

use rustls_pki_types::CertificateDer;
use url::Url;

use crate::{kind::Kinds, pattern::Pattern};

/// `[session]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Idle this long: the screen is covered and the PIN asked. Default 5 minutes.
    pub idle_lock: Duration,
    /// Idle this long: the session is wiped. Default 30 minutes; never before `idle_lock`.
    pub idle_wipe: Duration,
    /// Longest run without hearing from the server. Default 8 hours.
    pub lease: Duration,
    /// Languages of the portal, the preferred one first. Default `ja`, `en`.
    pub languages: Vec<String>,
}

/// `[screen]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether capture by the operating system may be let happen. Default no.
    pub capture_allowed: bool,
    /// Whether user and time are drawn over the page. Default no.
    pub watermark: bool,
    /// Whether the screen is covered and the PIN asked when another window of the desktop takes the keyboard. Default no.
    pub cover_unfocused: bool,
}

/// `[clipboard]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clipboard {
    /// Copy and paste among systems of one group, nothing out. `false` (`mode = "block"`) = none at all, the default.
    pub inside: bool,
    /// The device's clipboard may be pasted into the workspace. Default no.
    pub paste_in: bool,
}

/// What follows from a posture check that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not looked at.
    Off,
    /// The admin sees it.
    Report,
    /// The user is told as well.
    Warn,
    /// The workspace does not open.
    Block,
}

impl Level {
    pub(crate) const WORDS: [(&'static str, Self); 4] =
        [("off", Self::Off), ("report", Self::Report), ("warn", Self::Warn), ("block", Self::Block)];

    /// Its word in a policy file.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(&Self::WORDS, self)
    }
}

/// `[posture]`; each check is reported by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Posture {
    pub os_supported: Level,
    pub disk_encryption: Level,
    pub screen_lock: Level,
    pub secure_boot: Level,
    pub rooted: Level,
    pub debugger: Level,
    pub plain_swap: Level,
    pub screen_readers: Level,
    /// The most that follows where a device cannot tell. Default warn: what nobody knows locks nobody out unless the
    /// policy says so.
    pub unknown: Level,
    /// Share of the group's devices, in hundredths of a percent, that warn and block hold for; the others only report.
    pub canary: u16,
}

impl Posture {
    /// All of the group's devices.
    pub const EVERYONE: u16 = 10_000;
}

impl Default for Posture {
    fn default() -> Self {
        let report = Level::Report;
        Self {
            os_supported: report,
            disk_encryption: report,
            screen_lock: report,
            secure_boot: report,
            rooted: report,
            debugger: report,
            plain_swap: report,
            screen_readers: report,
            unknown: Level::Warn,
            canary: Self::EVERYONE,
        }
    }
}

/// How a device proves what it is, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attestation {
    /// A key in software.
    Software,
    /// A TPM 2.0.
    Tpm,
    /// Android's trusted environment.
    AndroidTee,
    /// Android's separate security chip.
    AndroidStrongbox,
    /// Apple's App Attest.
    AppAttest,
}

impl Attestation {
    pub(crate) const WORDS: [(&'static str, Self); 5] = [
        ("software", Self::Software),
        ("tpm", Self::Tpm),
        ("android-tee", Self::AndroidTee),
        ("android-strongbox", Self::AndroidStrongbox),
        ("app-attest", Self::AppAttest),
    ];

    /// Its word in a policy file.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(&Self::WORDS, self)
    }

    /// Whether evidence of this kind is worth at least `minimum`. Kinds of different makers are not worth more or less
    /// than each other: only software is below all.
    #[must_use]
    pub fn satisfies(self, minimum: Self) -> bool {
        match minimum {
            Self::Software => true,
            Self::AndroidTee => matches!(self, Self::AndroidTee | Self::AndroidStrongbox),
            Self::Tpm | Self::AndroidStrongbox | Self::AppAttest => self == minimum,
        }
    }
}

/// A system's name in both languages; one stands in where the other is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            pub(crate) const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];

            /// Its word in a policy file.
            #[must_use]
            pub fn word(self) -> &'static str {
                word(Self::WORDS, self)
            }
        }
    };
}

words!(
    /// What a system is for; the portal shows it.
    SystemKind {
        /// Timelines, photos, notices of a team.
        Collaboration = "collaboration",
        /// Patient records.
        Records = "records",
        /// Exam images.
        Viewer = "viewer",
        /// Video calls.
        Meeting = "meeting",
        /// Resource maps.
        Map = "map",
        /// Bed search.
        Beds = "beds",
        /// Home monitoring.
        Monitoring = "monitoring",
        /// A virtual desktop in a page.
        Desktop = "desktop",
        /// Statistics.
        Statistics = "statistics",
        /// Anything else.
        Other = "other",
    }
);
words!(
    /// What may be sent to a system.
    Upload {
        /// Nothing.
        None = "none",
        /// Pictures taken in the workspace.
        Camera = "camera",
        /// Files of the device.
        Files = "files",
    }
);
words!(
    /// What becomes of a file a system offers.
    Download {
        /// Refused.
        None = "none",
        /// Shown inside the workspace, never saved.
        View = "view",
    }
);
impl Network {
    /// Whether the way leads through the access gateway.
    #[must_use]
    pub fn by_gateway(self) -> bool {
        match self {
            Self::Gateway | Self::Egress => true,
            Self::Public | Self::Private => false,
        }
    }
}
words!(
    /// Where a system's names may lead.
    Network {
        /// Public addresses only.
        Public = "public",
        /// Private, loopback and link-local addresses as well.
        Private = "private",
        /// The access gateway, and nowhere else; it speaks to the system in the device's name.
        Gateway = "gateway",
        /// The system itself, through the access gateway, so that it sees the organisation's address.
        Egress = "egress",
    }
);

pub(super) fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

/// By what a system's TLS certificate is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustRule {
    /// The roots the device trusts.
    System,
    /// The key must be one of these: SHA-256 of its SubjectPublicKeyInfo.
    Pins(Vec<[u8; 32]>),
    /// A private CA that the policy carries under this name.
    Ca(String),
    /// TLS runs between page and system; only the name in it is checked.
    PassThrough,
}

/// One entry of a system's `allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is allowed.
    pub pattern: Arc<Pattern>,
    /// As which kinds of resource.
    pub kinds: Kinds,
    /// Line in the file, from 1.
    pub line: usize,
}

/// `[[system]]`: one portal tile, its origins and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Its stable name: `[a-z0-9][a-z0-9_-]{0,63}`.
    pub id: String,
    /// Its name for people.
    pub title: Title,
    /// What it is for.
    pub kind: SystemKind,
    /// Where its tile leads.
    pub start: Url,
    /// Areas it serves (`tokyo/shinjuku`).
    pub area: Vec<String>,
    /// Its origins.
    pub allow: Vec<Entry>,
    /// May use the camera.
    pub camera: bool,
    /// May use the microphone.
    pub microphone: bool,
    /// May know where the device is.
    pub geolocation: bool,
    /// What may be sent to it.
    pub upload: Upload,
    /// What becomes of files it offers.
    pub download: Download,
    /// May print.
    pub print: bool,
    /// Systems of one group share copy and paste. Default: the system's own id, shared with nobody.
    pub clipboard_group: String,
    /// Where its names may lead.
    pub network: Network,
    /// By what its certificate is trusted.
    pub trust: TrustRule,
    /// Whether the workspace signs each request with the device's key (RFC 9421). Default no.
    pub sign: bool,
}

/// `[[ca]]`: a private CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// The name that `trust = "ca:NAME"` uses.
    pub name: String,
    /// Its certificates, at least one.
    pub certificates: Vec<CertificateDer<'static>>,
}
