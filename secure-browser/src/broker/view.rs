//! Files that a system offers, shown inside the workspace: only what their own word and their first bytes agree on, and
//! in a shape in which nothing of them runs.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use workspace_protocol::reason::Reason;

/// As many first bytes as a type is known by.
pub const HEAD: usize = 512;
/// For what could carry script: nothing is loaded, nothing runs, the page has no origin.
const NO_SCRIPT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox";
/// What systems say of any file.
const ANY_FILE: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];
/// Types known by their first bytes.
const KNOWN: [(&str, usize, &[u8]); 7] = [
    ("application/pdf", 0, b"%PDF-"),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF8"),
    ("image/webp", 8, b"WEBPVP8"),
    ("image/bmp", 0, b"BM"),
    ("image/avif", 4, b"ftypavif"),
];

/// A file on offer, by its own word.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer {
    /// Of a type that its first bytes have to show.
    Known(&'static str),
    /// Whatever its first bytes show.
    Any,
    /// Text, shown as letters.
    Text,
    /// A document that could carry script.
    Document,
}

/// What a file of type `media` is shown as; `None` if it is not shown.
#[must_use]
pub fn offer(media: &str) -> Option<Offer> {
    if let Some((known, _, _)) = KNOWN.iter().find(|(known, _, _)| *known == media) {
        return Some(Offer::Known(known));
    }
    match media {
        "image/jpg" => Some(Offer::Known("image/jpeg")),
        "text/html" | "application/xhtml+xml" | "image/svg+xml" | "text/xml" | "application/xml" => {
            Some(Offer::Document)
        }
        "application/json" => Some(Offer::Text),
        media if ANY_FILE.contains(&media) => Some(Offer::Any),
        media if media.starts_with("text/") => Some(Offer::Text),
        _ => None,
    }
}

/// Takes script from an answer to what looked like a script's own request. A service worker may answer a page's
/// navigation with it, and over plain HTTP the engine does not say what a request is for; a script that reads it is not
/// held up by this.
pub fn disarm(headers: &mut HeaderMap) {
    headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NO_SCRIPT));
}

impl Offer {
    /// Makes the head of the answer fit for showing a file that begins with `first`.
    ///
    /// # Errors
    /// [`Reason::DownloadBlocked`] if word and bytes do not agree.
    pub fn show(&self, headers: &mut HeaderMap, first: &[u8]) -> Result<(), Reason> {
        // Packed bytes show nothing: the word alone counts then, and `nosniff` holds the engine to it.
        let packed = headers.contains_key(header::CONTENT_ENCODING);
        let found = known_by(first);
        match self {
            Self::Known(word) if packed || found == Some(word) => set(headers, header::CONTENT_TYPE, word),
            Self::Any if !packed => set(headers, header::CONTENT_TYPE, found.ok_or(Reason::DownloadBlocked)?),
            Self::Text if packed || !first.contains(&0) => as_text(headers),
            Self::Document => {
                disarm(headers);
            }
            Self::Known(_) | Self::Any | Self::Text => return Err(Reason::DownloadBlocked),
        }
        set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(headers, header::CONTENT_DISPOSITION, "inline");
        Ok(())
    }
}

fn known_by(first: &[u8]) -> Option<&'static str> {
    let begins = |at: &usize, magic: &[u8]| first.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    KNOWN.iter().find(|(_, at, magic)| begins(at, magic)).map(|(media, _, _)| *media)
}

/// Plain letters in the character set that the system named.
fn as_text(headers: &mut HeaderMap) {
    let said = headers.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let charset = said.split(';').map(str::trim).find(|part| part.to_ascii_lowercase().starts_with("charset="));
    let text = format!("text/plain; {}", charset.unwrap_or("charset=utf-8"));
    let plain = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_TYPE, plain);
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(media: &str, first: &[u8]) -> Result<HeaderMap, Reason> {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(media) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        let essence = media.split(';').next().unwrap_or_default();
        offer(essence).ok_or(Reason::DownloadBlocked)?.show(&mut headers, first).map(|()| headers)
    }

    #[test]
    fn word_and_first_bytes_have_to_agree() {
        for (media, first, as_what) in [
            ("application/pdf", &b"%PDF-1.7"[..], Some("application/pdf")),
            ("application/pdf", b"<html>", None),
            ("application/pdf", b"", None),
            ("image/png", b"\x89PNG\r\n\x1a\n..", Some("image/png")),
            ("image/png", b"%PDF-1.7", None),
            ("image/jpg", b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            ("image/webp", b"RIFF....WEBPVP8 ", Some("image/webp")),
            ("application/octet-stream", b"%PDF-1.7", Some("application/pdf")),
            ("application/octet-stream", b"<!doctype html><script>", None),
            ("application/octet-stream", b"PK\x03\x04", None),
            ("application/zip", b"%PDF-1.7", None),
            ("audio/mp4", b"....ftypM4A ", None),
            ("text/csv; charset=Shift_JIS", b"a,b", Some("text/plain; charset=Shift_JIS")),
            ("text/plain", b"a", Some("text/plain; charset=utf-8")),
            ("text/plain", b"MZ\x90\x00\x03", None),
            ("application/json", b"{}", Some("text/plain; charset=utf-8")),
        ] {
            let got = shown(media, first).ok();
            let said = got.as_ref().and_then(|headers| headers.get(header::CONTENT_TYPE)?.to_str().ok());
            assert_eq!(said, as_what, "{media} {first:?}");
            assert!(got.is_none_or(|headers| headers[header::X_CONTENT_TYPE_OPTIONS] == "nosniff"));
        }
    }

    #[test]
    fn what_could_carry_script_is_shown_without_any() {
        for media in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"] {
            let headers = shown(media, b"<svg/>").unwrap_or_default();
            assert_eq!(
                headers.get(header::CONTENT_SECURITY_POLICY).map(HeaderValue::as_bytes),
                Some(NO_SCRIPT.as_bytes())
            );
        }
    }
}
