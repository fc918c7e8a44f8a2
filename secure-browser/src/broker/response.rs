//! What comes back: nothing that wants to be saved, kept, or to report elsewhere; powers a system lacks are denied.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response::Parts};
use workspace_policy::{Download, Kind, System};
use workspace_protocol::reason::Reason;

use super::{
    refuse::is_page,
    request::strip_hop,
    view::{self, Offer},
};

/// Headers that make the engine talk to third parties, use other ways in, or keep things.
///
/// `Link`, `Refresh` and redirects stay: what they lead to is a request of its own, and judged as one.
const DROPPED: [&str; 9] = [
    "alt-svc",
    "report-to",
    "reporting-endpoints",
    "nel",
    "expect-ct",
    "public-key-pins",
    "public-key-pins-report-only",
    "pragma",
    "expires",
];

/// Powers that no system gets.
const NEVER: &str = "bluetooth=(), display-capture=(), hid=(), idle-detection=(), local-fonts=(), midi=(), payment=(), \
                     serial=(), usb=(), window-management=()";

/// Makes an answer fit for the engine. A file on offer still has to be shown as what its first bytes say.
///
/// # Errors
/// [`Reason::DownloadBlocked`] for what could only be saved.
pub fn inbound(parts: &mut Parts, kind: Kind, system: &System) -> Result<Option<Offer>, Reason> {
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(None);
    }
    strip_hop(&mut parts.headers);
    for name in DROPPED {
        parts.headers.remove(name);
    }
    let offer = shown_only(parts, kind, system.download)?;
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.append(HeaderName::from_static("permissions-policy"), powers(system));
    Ok(offer)
}

/// A later line of Permissions-Policy overrides what earlier ones say of the same power (RFC 8941 section 4.2).
fn powers(system: &System) -> HeaderValue {
    let mut text = String::from(NEVER);
    let may = [("camera", system.camera), ("microphone", system.microphone), ("geolocation", system.geolocation)];
    for (power, _) in may.into_iter().filter(|(_, granted)| !granted) {
        text.push_str(", ");
        text.push_str(power);
        text.push_str("=()");
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(NEVER))
}

/// Lets through what the engine shows. An attachment is shown where the system allows `view` and the type can be
/// shown; as a part of a page (picture, script, font...) the engine never saves it.
fn shown_only(parts: &mut Parts, kind: Kind, download: Download) -> Result<Option<Offer>, Reason> {
    if parts.status.is_redirection() {
        return Ok(None);
    }
    let media = media_type(&parts.headers);
    if is_attachment(&parts.headers) && !is_part(kind) {
        let offer = media.as_deref().filter(|_| download == Download::View).and_then(view::offer);
        let offer = offer.ok_or(Reason::DownloadBlocked)?;
        if is_page(kind) {
            return Ok(Some(offer));
        }
        // A picture or PDF carries no script of the system's, and a sandbox would keep a PDF from being drawn.
        if !matches!(offer, Offer::Known(_)) {
            view::disarm(&mut parts.headers);
        }
    }
    if is_attachment(&parts.headers) {
        // A script reads it, or it is a part of the page: the engine shows nothing by itself.
        parts.headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
        parts.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if is_page(kind) && parts.status.is_success() && media.as_deref().is_some_and(|media| !displayable(media)) {
        return Err(Reason::DownloadBlocked);
    }
    Ok(None)
}

/// Any line whose type is not plainly `inline`: engines save what they do not know (RFC 6266 section 4.2).
fn is_attachment(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_DISPOSITION).iter().any(|line| {
        let kind = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        !(kind.is_empty() || kind.eq_ignore_ascii_case(b"inline"))
    })
}

fn is_part(kind: Kind) -> bool {
    match kind {
        Kind::Script | Kind::Style | Kind::Image | Kind::Font | Kind::Media | Kind::Worker | Kind::WebSocket => true,
        Kind::Document | Kind::Frame | Kind::Fetch | Kind::Other | Kind::Unknown => false,
    }
}

/// The media type in lower case, without parameters; none if it is missing, unreadable or said twice.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let essence = line.to_str().ok()?.split(';').next()?.trim();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

/// Types that an engine shows as a page instead of offering to save them.
fn displayable(media: &str) -> bool {
    const FAMILIES: [&str; 5] = ["image/", "text/", "audio/", "video/", "multipart/"];
    const OTHER: [&str; 7] = [
        "application/pdf",
        "application/json",
        "application/xml",
        "application/xhtml+xml",
        "application/javascript",
        "application/ecmascript",
        "application/ogg",
    ];
    let suffixed = media.ends_with("+xml") || media.ends_with("+json");
    let family = FAMILIES.iter().any(|family| media.starts_with(family));
    family || suffixed || OTHER.contains(&media)
}
