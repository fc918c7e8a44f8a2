//! What the engine gets instead of an answer, and what the supervisor is told about it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Bytes;
use tokio::sync::mpsc;
use url::{Position, Url};
use workspace_policy::Kind;
use workspace_protocol::reason::Reason;

use super::body::Outgoing;
use crate::ipc::{Blocked, FromBroker, REASON_HEADER};

/// Longest address in an event, in bytes.
const URL_MAX: usize = 2048;
/// Refusals told at once of one class (pages, or what pages load).
const BURST: u32 = 32;
/// One more refusal may be told after this long.
const REFILL: Duration = Duration::from_millis(50);

/// Whether what is asked for fills a page or a frame, so that a person sees the refusal.
#[must_use]
pub fn is_page(kind: Kind) -> bool {
    matches!(kind, Kind::Document | Kind::Frame)
}

/// The answer for something refused.
#[must_use]
pub fn answer(reason: Reason, kind: Kind) -> Response<Outgoing> {
    let page = is_page(kind);
    let mut response = Response::new(if page { Outgoing::text(page_text(reason)) } else { Outgoing::empty() });
    *response.status_mut() = status(reason);
    let headers = response.headers_mut();
    headers.insert(REASON_HEADER, HeaderValue::from_static(reason.code()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if page {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    }
    response
}

/// The shell shows its own block page in the person's language; this one is seen only where it does not.
fn page_text(reason: Reason) -> Bytes {
    let code = reason.code();
    Bytes::from(format!("<!doctype html><title>{code}</title><p>secure-browser: {code}</p>"))
}

fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::RequestMalformed | Reason::UrlUnparsable => StatusCode::BAD_REQUEST,
        Reason::HostMismatch => StatusCode::MISDIRECTED_REQUEST,
        Reason::HostUnknown | Reason::HostUnreachable | Reason::TlsUntrusted | Reason::GatewayUnreachable => {
            StatusCode::BAD_GATEWAY
        }
        _ => StatusCode::FORBIDDEN,
    }
}

/// Tells the supervisor what was refused: as much as a person can read, the rest is dropped without a word.
pub struct Events {
    to: mpsc::Sender<FromBroker>,
    pages: Mutex<Bucket>,
    parts: Mutex<Bucket>,
}

impl Events {
    /// Events go to `to`; what does not fit is dropped.
    #[must_use]
    pub fn new(to: mpsc::Sender<FromBroker>) -> Self {
        let now = Instant::now();
        Self { to, pages: Mutex::new(Bucket::full(now)), parts: Mutex::new(Bucket::full(now)) }
    }

    /// `url` was refused; its query and fragment stay here.
    pub fn blocked(&self, url: &Url, kind: Kind, reason: Reason) {
        let bucket = if is_page(kind) { &self.pages } else { &self.parts };
        if !bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
            return;
        }
        let blocked = Blocked { url: shown(url), kind: kind.name().to_owned(), reason };
        // A supervisor that does not read has more urgent things to do than refusals.
        let _ = self.to.try_send(FromBroker::Blocked(blocked));
    }
}

fn shown(url: &Url) -> String {
    let text = &url[..Position::AfterPath];
    let end = (0..=text.len().min(URL_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

/// A token bucket.
struct Bucket {
    tokens: u32,
    since: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { tokens: BURST, since: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let refill = now.saturating_duration_since(self.since).as_millis() / REFILL.as_millis();
        if refill > 0 {
            let refill = u32::try_from(refill).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(refill).min(BURST);
            self.since = now;
        }
        let some = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        some
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_told_in_part_and_pages_are_not_starved() {
        let (to, mut from) = mpsc::channel(1024);
        let events = Events::new(to);
        let url = Url::parse("https://ads.example/pixel?id=secret#x").unwrap();
        for _ in 0..100_000 {
            events.blocked(&url, Kind::Image, Reason::OriginNotListed);
        }
        events.blocked(&url, Kind::Document, Reason::OriginNotListed);

        let mut told = Vec::new();
        while let Ok(FromBroker::Blocked(blocked)) = from.try_recv() {
            told.push(blocked);
        }
        assert!(told.len() < 1000, "{}", told.len());
        assert_eq!(told.last().unwrap().kind, Kind::Document.name());
        assert!(told.iter().all(|blocked| blocked.url == "https://ads.example/pixel"));
    }

    #[test]
    fn a_bucket_fills_again_with_time_but_not_over_the_brim() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), BURST as usize);
        assert!(bucket.take(start + REFILL));
        assert!(!bucket.take(start + REFILL));
        assert_eq!((0..100).filter(|_| bucket.take(start + REFILL * 10_000)).count(), BURST as usize);
    }

    #[test]
    fn long_addresses_are_cut_on_a_character() {
        let url = Url::parse(&format!("https://a.example/{}", "x".repeat(5000))).unwrap();
        assert_eq!(shown(&url).len(), URL_MAX);
    }

    #[test]
    fn only_pages_get_a_body_and_all_get_the_reason() {
        let page = answer(Reason::PathNotListed, Kind::Document);
        let part = answer(Reason::HostUnknown, Kind::Image);
        assert_eq!((page.status(), part.status()), (StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY));
        assert_eq!(page.headers()[REASON_HEADER], "path.not-listed");
        assert_eq!(part.headers()[REASON_HEADER], "host.unknown");
        assert!(!hyper::body::Body::is_end_stream(page.body()));
        assert!(hyper::body::Body::is_end_stream(part.body()));
    }
}
