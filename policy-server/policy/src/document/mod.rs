//! The policy file: one TOML document, read whole or refused whole.

mod error;
mod gateway;
mod model;
pub(crate) mod reader;
mod system;

use std::{sync::Arc, time::Duration};

use toml::de::DeTable;

pub use error::{DocumentError, DocumentErrors};
pub use gateway::Gateway;
pub use model::{
    Attestation, Ca, Clipboard, Download, Entry, Level, Network, Posture, Screen, Session, System, SystemKind, Title,
    TrustRule, Upload,
};
use rustls_pki_types::CertificateDer;

pub(crate) use self::{error::Source, gateway::of_boundary as gateways, reader::Section, system::patterns};
use crate::index::Index;

/// Most entries of a policy or boundary.
pub const MAX_ENTRIES: usize = 10_000;
/// Most bytes of a file: what a signed envelope holds, less its frame.
pub const MAX_FILE: usize = (4 << 20) - (4 << 10);

/// A policy, compiled. Says nothing about who signed it: that is [`crate::VerifiedPolicy`].
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    session: Session,
    screen: Screen,
    clipboard: Clipboard,
    posture: Posture,
    attestation: Attestation,
    gateway: Option<Gateway>,
    systems: Vec<Arc<System>>,
    cas: Vec<Ca>,
    pub(crate) index: Arc<Index>,
}

impl Policy {
    /// Reads a policy file; `file` is its name in messages.
    ///
    /// # Errors
    /// Every fault with file, line and key. One fault refuses the whole document.
    pub fn parse(file: &str, toml: &str) -> Result<Self, DocumentErrors> {
        let source = Source::new(file, toml);
        let policy = parsed(&source).and_then(|table| read(&Section::root(&source, &table)));
        source.finish(policy)
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The systems, in the order of the file.
    #[must_use]
    pub fn systems(&self) -> &[Arc<System>] {
        &self.systems
    }

    /// The system of this id.
    #[must_use]
    pub fn system(&self, id: &str) -> Option<&Arc<System>> {
        self.systems.iter().find(|system| system.id == id)
    }

    /// `[session]`.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// `[screen]`.
    #[must_use]
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// `[clipboard]`.
    #[must_use]
    pub fn clipboard(&self) -> Clipboard {
        self.clipboard
    }

    /// `[posture]`.
    #[must_use]
    pub fn posture(&self) -> Posture {
        self.posture
    }

    /// `[attestation] minimum`.
    #[must_use]
    pub fn attestation(&self) -> Attestation {
        self.attestation
    }

    /// `[gateway]`: by which systems with `network = "gateway"` or `"egress"` are reached.
    #[must_use]
    pub fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// The certificates of the private CA of this name.
    #[must_use]
    pub fn ca(&self, name: &str) -> Option<&[CertificateDer<'static>]> {
        self.cas.iter().find(|ca| ca.name == name).map(|ca| &*ca.certificates)
    }

    /// Every private CA.
    #[must_use]
    pub fn cas(&self) -> &[Ca] {
        &self.cas
    }
}

/// The file as TOML, within its limits.
pub(crate) fn parsed<'a>(source: &Source<'a>) -> Option<toml::Spanned<DeTable<'a>>> {
    if source.text().len() > MAX_FILE {
        source.fault(&(0..0), "", format!("the file is longer than {MAX_FILE} bytes"));
        return None;
    }
    match DeTable::parse(source.text()) {
        Ok(table) => Some(table),
        Err(error) => {
            source.fault(&error.span().unwrap_or(0..0), "", format!("not TOML: {}", error.message()));
            None
        }
    }
}

/// `schema = 1`, in both kinds of file.
pub(crate) fn schema(root: &Section<'_>) {
    if let Some(field) = root.need("schema")
        && let Some(number) = field.number()
        && number != 1
    {
        field.fault("this program reads schema 1 only");
    }
}

fn read(root: &Section<'_>) -> Option<Policy> {
    schema(root);
    let name = root.need("name").and_then(|field| system::identifier(&field));
    let session = session(root.section("session"));
    let (screen, clipboard) = (screen(root.section("screen")), clipboard(root.section("clipboard")));
    let (posture, attestation) = (posture(root.section("posture")), attestation(root.section("attestation")));
    let gateway = gateway::of_policy(root.section("gateway"));
    let cas = system::cas(root);
    let systems = system::systems(root, &cas);
    root.finish();
    let index = Arc::new(Index::new(systems.iter().map(|system| &*system.allow)));
    Some(Policy { name: name?, session, screen, clipboard, posture, attestation, gateway, systems, cas, index })
}

const MINUTE: u64 = 60;

fn session(section: Option<Section<'_>>) -> Session {
    let mut session = Session {
        idle_lock: Duration::from_secs(5 * MINUTE),
        idle_wipe: Duration::from_secs(30 * MINUTE),
        lease: Duration::from_secs(8 * 60 * MINUTE),
        languages: vec!["ja".to_owned(), "en".to_owned()],
    };
    let Some(section) = section else { return session };
    session.idle_lock = section.duration("idle_lock", session.idle_lock);
    session.idle_wipe = section.duration("idle_wipe", session.idle_wipe);
    session.lease = section.duration("lease", session.lease);
    if session.idle_wipe < session.idle_lock {
        section.fault("idle_wipe", "must not be shorter than idle_lock");
    }
    if let Some(field) = section.get("languages") {
        session.languages = field.list().unwrap_or_default().iter().filter_map(language).collect();
        if session.languages.is_empty() {
            field.fault("must name at least one language");
        }
    }
    section.finish();
    session
}

fn language(field: &reader::Field<'_>) -> Option<String> {
    field.choice(&[("ja", "ja"), ("en", "en")]).map(str::to_owned)
}

fn screen(section: Option<Section<'_>>) -> Screen {
    let Some(section) = section else {
        return Screen { capture_allowed: false, watermark: false, cover_unfocused: false };
    };
    let screen = Screen {
        capture_allowed: section.choice("capture", &[("block", false), ("allow", true)], false),
        watermark: section.choice("watermark", &[("off", false), ("user-time", true)], false),
        cover_unfocused: section.flag("cover_unfocused"),
    };
    section.finish();
    screen
}

fn clipboard(section: Option<Section<'_>>) -> Clipboard {
    let Some(section) = section else { return Clipboard { inside: false, paste_in: false } };
    let clipboard = Clipboard {
        inside: section.choice("mode", &[("block", false), ("workspace", true)], false),
        paste_in: section.flag("paste_in"),
    };
    section.finish();
    clipboard
}

fn posture(section: Option<Section<'_>>) -> Posture {
    let Some(section) = section else { return Posture::default() };
    let level = |name| section.choice(name, &Level::WORDS, Level::Report);
    let posture = Posture {
        os_supported: level("os_supported"),
        disk_encryption: level("disk_encryption"),
        screen_lock: level("screen_lock"),
        secure_boot: level("secure_boot"),
        rooted: level("rooted"),
        debugger: level("debugger"),
        plain_swap: level("plain_swap"),
        screen_readers: level("screen_readers"),
        unknown: section.choice("unknown", &Level::WORDS, Level::Warn),
        canary: section.get("canary").and_then(|field| share(&field)).unwrap_or(Posture::EVERYONE),
    };
    section.finish();
    posture
}

/// A share such as "5%" or "0.5%", in hundredths of a percent.
fn share(field: &reader::Field<'_>) -> Option<u16> {
    let text = field.text()?;
    let number = text.strip_suffix('%').and_then(|number| {
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
        (digits(whole) && digits(part) && part.len() <= 2).then_some(())?;
        let part = if part.len() == 1 { part.parse::<u16>().ok()? * 10 } else { part.parse().ok()? };
        whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(part)
    });
    let fits = number.filter(|share| (1..=Posture::EVERYONE).contains(share));
    if fits.is_none() {
        field.fault("must be a share between 0.01% and 100%, such as \"5%\"");
    }
    fits
}

fn attestation(section: Option<Section<'_>>) -> Attestation {
    let Some(section) = section else { return Attestation::Software };
    let minimum = section.choice("minimum", &Attestation::WORDS, Attestation::Software);
    section.finish();
    minimum
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
