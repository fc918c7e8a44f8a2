//! Reading `[[system]]` and `[[ca]]`.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use url::Url;

use super::{
    MAX_ENTRIES,
    model::{Ca, Download, Entry, Network, System, SystemKind, Title, TrustRule, Upload},
    reader::{Field, Section},
};
use crate::{
    kind::{Kind, Kinds},
    pattern::Pattern,
};

/// Most systems of a policy.
const MAX_SYSTEMS: usize = 1000;
/// Longest text people read, in bytes.
const MAX_TEXT: usize = 256;
/// Most pins of a system.
const MAX_PINS: usize = 16;

pub(super) fn systems(root: &Section<'_>, cas: &[Ca]) -> Vec<Arc<System>> {
    let sections = root.sections("system");
    if sections.len() > MAX_SYSTEMS {
        root.fault("system", format!("more than {MAX_SYSTEMS} systems"));
        return Vec::new();
    }
    let mut systems: Vec<Arc<System>> = Vec::with_capacity(sections.len());
    for section in sections {
        let Some(system) = system(&section, cas) else { continue };
        if systems.iter().any(|other| other.id == system.id) {
            section.fault("id", "another system has this id");
        }
        systems.push(Arc::new(system));
    }
    if systems.iter().map(|system| system.allow.len()).sum::<usize>() > MAX_ENTRIES {
        root.fault("system", format!("more than {MAX_ENTRIES} entries in all"));
    }
    systems
}

fn system(section: &Section<'_>, cas: &[Ca]) -> Option<System> {
    let id = section.need("id").and_then(|field| identifier(&field));
    let title = section.need("title").and_then(title);
    let start = section.need("start").and_then(|field| start(&field));
    let allow = section.need("allow").map(|field| entries(&field));
    let group = section.get("clipboard_group").map(|field| identifier(&field));
    let system = System {
        kind: section.choice("kind", SystemKind::WORDS, SystemKind::Other),
        area: section.get("area").map(|field| areas(&field)).unwrap_or_default(),
        camera: section.flag("camera"),
        microphone: section.flag("microphone"),
        geolocation: section.flag("geolocation"),
        upload: section.choice("upload", Upload::WORDS, Upload::None),
        download: section.choice("download", Download::WORDS, Download::None),
        print: section.flag("print"),
        network: section.choice("network", Network::WORDS, Network::Public),
        trust: section
            .get("trust")
            .map_or(Some(TrustRule::System), |field| trust(&field, cas))
            .unwrap_or(TrustRule::System),
        sign: section.flag("sign"),
        clipboard_group: group.flatten().or_else(|| id.clone()).unwrap_or_default(),
        id: id.unwrap_or_default(),
        title: title.unwrap_or_else(|| Title { ja: String::new(), en: String::new() }),
        start: start?,
        allow: allow?,
    };
    section.finish();
    Some(system)
}

/// A short lowercase name: `[a-z0-9][a-z0-9_-]{0,63}`.
pub(super) fn identifier(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let head = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = text.len() <= 64 && text.starts_with(head) && text.chars().all(|c| head(c) || matches!(c, '-' | '_'));
    if !good {
        field.fault("must be 1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit");
    }
    good.then(|| text.to_owned())
}

/// A text people read.
fn label(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let good = !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
    if !good {
        field.fault(format!("must be 1 to {MAX_TEXT} bytes without control characters"));
    }
    good.then(|| text.to_owned())
}

fn title(field: Field<'_>) -> Option<Title> {
    let section = field.section()?;
    let name = |key| section.get(key).and_then(|field| label(&field));
    let (ja, en) = (name("ja"), name("en"));
    if ja.is_none() && en.is_none() {
        section.fault("ja", "the title needs a name in ja or en");
    }
    section.finish();
    let either = ja.clone().or_else(|| en.clone())?;
    Some(Title { ja: ja.unwrap_or_else(|| either.clone()), en: en.unwrap_or(either) })
}

fn start(field: &Field<'_>) -> Option<Url> {
    let url = Url::parse(field.text()?).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    if url.is_none() {
        field.fault("must be an https or http address without user name or password");
    }
    url
}

fn areas(field: &Field<'_>) -> Vec<String> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut areas = Vec::new();
    for (item, text) in field.texts() {
        if text.len() <= MAX_TEXT && text.split('/').all(part) {
            areas.push(text.to_owned());
        } else {
            item.fault("must be parts of a-z, 0-9 and '-' joined by '/', such as \"tokyo/shinjuku\"");
        }
    }
    areas
}

fn entries(field: &Field<'_>) -> Vec<Entry> {
    let list = field.list().unwrap_or_default();
    if list.len() > MAX_ENTRIES {
        field.fault(format!("more than {MAX_ENTRIES} entries"));
        return Vec::new();
    }
    list.into_iter().filter_map(entry).collect()
}

/// The patterns of a plain list, each with its line.
pub(crate) fn patterns(field: &Field<'_>, most: usize) -> Vec<(Pattern, usize)> {
    let list = field.list().unwrap_or_default();
    if list.len() > most {
        field.fault(format!("more than {most} entries"));
        return Vec::new();
    }
    list.into_iter().filter_map(|item| Some((pattern(&item)?, item.line()))).collect()
}

/// `"pattern"` or `{ url = "pattern", as = [kinds] }`.
fn entry(field: Field<'_>) -> Option<Entry> {
    let line = field.line();
    if !field.is_table() {
        return Some(Entry { pattern: Arc::new(pattern(&field)?), kinds: Kinds::ALL, line });
    }
    let section = field.section()?;
    let found = section.need("url").and_then(|field| pattern(&field));
    let kinds = section.get("as").map_or(Some(Kinds::ALL), |field| kinds(&field));
    section.finish();
    Some(Entry { pattern: Arc::new(found?), kinds: kinds?, line })
}

/// A pattern that some URL can match.
fn pattern(field: &Field<'_>) -> Option<Pattern> {
    let pattern = match Pattern::parse(field.text()?) {
        Ok(pattern) => pattern,
        Err(error) => {
            field.fault(error.to_string());
            return None;
        }
    };
    if let Some(why) = pattern.never() {
        field.fault(format!("no address can ever match: {why}"));
        return None;
    }
    Some(pattern)
}

fn kinds(field: &Field<'_>) -> Option<Kinds> {
    let mut kinds = Kinds::NONE;
    for (item, text) in field.texts() {
        match text.parse::<Kind>() {
            Ok(kind) => kinds = kinds.with(kind),
            Err(error) => item.fault(error.to_string()),
        }
    }
    if field.is_list() && kinds == Kinds::NONE {
        field.fault("must name at least one kind of resource");
    }
    (kinds != Kinds::NONE).then_some(kinds)
}

fn trust(field: &Field<'_>, cas: &[Ca]) -> Option<TrustRule> {
    if field.is_list() {
        return Some(TrustRule::Pins(pins(field)));
    }
    match field.text()? {
        "system" => Some(TrustRule::System),
        "pass-through" => Some(TrustRule::PassThrough),
        text if text.starts_with("sha256/") => pin(field, text).map(|pin| TrustRule::Pins(vec![pin])),
        text => ca_name(field, text, cas),
    }
}

/// A list of pins, at least one.
pub(super) fn pins(field: &Field<'_>) -> Vec<[u8; 32]> {
    let pins: Vec<_> = field.texts().iter().filter_map(|(item, text)| pin(item, text)).collect();
    if pins.is_empty() || pins.len() > MAX_PINS {
        field.fault(format!("must name 1 to {MAX_PINS} pins"));
    }
    pins
}

fn ca_name(field: &Field<'_>, text: &str, cas: &[Ca]) -> Option<TrustRule> {
    let Some(name) = text.strip_prefix("ca:") else {
        field
            .fault("unknown value; must be \"system\", \"pass-through\", \"ca:NAME\" or a list of \"sha256/...\" pins");
        return None;
    };
    if !cas.iter().any(|ca| ca.name == name) {
        field.fault("no [[ca]] of this name");
    }
    Some(TrustRule::Ca(name.to_owned()))
}

fn pin(field: &Field<'_>, text: &str) -> Option<[u8; 32]> {
    let bytes = text.strip_prefix("sha256/").and_then(|code| BASE64_STANDARD.decode(code).ok());
    let pin = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if pin.is_none() {
        field.fault("must be \"sha256/\" and the base64 form of a SHA-256");
    }
    pin
}

pub(super) fn cas(root: &Section<'_>) -> Vec<Ca> {
    let mut cas: Vec<Ca> = Vec::new();
    for section in root.sections("ca") {
        let name = section.need("name").and_then(|field| identifier(&field));
        let certificates = section.need("pem").and_then(|field| certificates(&field));
        section.finish();
        let (Some(name), Some(certificates)) = (name, certificates) else { continue };
        if cas.iter().any(|other| other.name == name) {
            section.fault("name", "another CA has this name");
        }
        cas.push(Ca { name, certificates });
    }
    cas
}

/// Certificates in PEM, nothing else among them.
fn certificates(field: &Field<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let pem = field.text()?;
    let blocks = pem.matches("-----BEGIN ").count();
    let found: Option<Vec<_>> = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::ok).collect();
    match found {
        Some(found) if !found.is_empty() && found.len() == blocks => Some(found),
        Some(_) | None => {
            field.fault("must be one or more certificates in PEM form, and nothing else");
            None
        }
    }
}
