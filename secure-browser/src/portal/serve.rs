//! Answers the portal's own scheme: GET only, one exact host, a fixed table of paths, a strict CSP on every answer.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use http::{Method, Request, Response, StatusCode, header};
use url::{Url, form_urlencoded};
use workspace_protocol::{ids::UnixTime, notices::Notice};
use workspace_words::Lang;

use crate::standing::Finding;

use super::{device, model, model::Tile, page, problem::Problem};

/// Scheme of our own pages.
pub const SCHEME: &str = "workspace";
/// Host of our own pages.
pub const HOST: &str = "portal";
/// Address of the portal.
pub const PORTAL_URL: &str = "workspace://portal/";
/// Address of the page that says what holds on this device.
pub const DEVICE_URL: &str = "workspace://portal/device";
/// Address of the problem page.
pub const PROBLEM_URL: &str = "workspace://portal/problem";

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; \
                   frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What our pages show now.
#[derive(Default)]
pub struct Shown {
    /// Language of the pages.
    pub lang: Lang,
    /// The organisation's name.
    pub org: String,
    /// The person's name.
    pub user: String,
    /// Version of the policy in force.
    pub version: u64,
    /// Tiles of the policy in force.
    pub tiles: Vec<Tile>,
    /// What admins tell people; those that are over are not shown.
    pub notices: Vec<Notice>,
    /// What holds on this device, as measured when it was asked for.
    pub standing: Vec<Finding>,
    /// What the problem page tells.
    pub problem: Option<Problem>,
}

/// [`Shown`], shared between the shell that sets it and the scheme's handler that reads it.
#[derive(Clone, Default)]
pub struct Pages(Arc<Mutex<Shown>>);

/// An answer of the scheme's handler.
pub type Answer = Response<Cow<'static, [u8]>>;

impl Pages {
    /// Reads or changes what is shown.
    pub fn with<T>(&self, work: impl FnOnce(&mut Shown) -> T) -> T {
        // A poisoned lock still holds whole values: every change is one assignment.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers one request of the portal view.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>) -> Answer {
        if request.method() != Method::GET {
            return refuse(StatusCode::METHOD_NOT_ALLOWED);
        }
        match Url::parse(&request.uri().to_string()) {
            Ok(url) if is_ours(&url) => self.page(&url),
            Ok(_) | Err(_) => refuse(StatusCode::NOT_FOUND),
        }
    }

    fn page(&self, url: &Url) -> Answer {
        match url.path() {
            "/" => self.with(|shown| give("text/html; charset=utf-8", portal(shown))),
            "/device" => {
                self.with(|shown| give("text/html; charset=utf-8", device::device(&shown.standing, shown.lang)))
            }
            "/problem" => self.with(|shown| match &shown.problem {
                Some(problem) => give("text/html; charset=utf-8", page::problem(problem, shown.lang)),
                None => refuse(StatusCode::NOT_FOUND),
            }),
            "/find" => self.with(|shown| give("text/plain; charset=utf-8", find(shown, url))),
            "/portal.css" => give("text/css; charset=utf-8", include_str!("portal.css")),
            "/portal.js" => give("text/javascript; charset=utf-8", include_str!("portal.js")),
            _ => refuse(StatusCode::NOT_FOUND),
        }
    }
}

/// Whether `url` is one of our own pages: exact scheme and host, no port, no user name.
#[must_use]
pub fn is_ours(url: &Url) -> bool {
    url.scheme() == SCHEME
        && url.host_str() == Some(HOST)
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

fn portal(shown: &Shown) -> String {
    let (version, now) = (shown.version, wall_clock());
    let notices: Vec<_> = shown.notices.iter().filter(|one| now < one.until).collect();
    let view = page::Portal { org: &shown.org, user: &shown.user, version, tiles: &shown.tiles, notices: &notices };
    page::portal(&view, shown.lang)
}

/// The device's clock; one that cannot be read shows every notice.
fn wall_clock() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or_default())
}

/// One line a tile: `own` or `near`, a space, the id.
fn find(shown: &Shown, url: &Url) -> String {
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let area = value("area").filter(|area| !area.is_empty());
    let mut lines = String::new();
    for found in model::search(&shown.tiles, &value("query").unwrap_or_default(), area.as_deref()) {
        lines.push_str(if found.neighbour { "near " } else { "own " });
        lines.push_str(&found.tile.id);
        lines.push('\n');
    }
    lines
}

fn give(content_type: &'static str, body: impl Into<String>) -> Answer {
    answer(StatusCode::OK, content_type, body.into().into_bytes())
}

fn refuse(status: StatusCode) -> Answer {
    answer(status, "text/plain; charset=utf-8", Vec::new())
}

fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Cow::Owned(body));
    *answer.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::tile;
    use super::*;

    fn ask(pages: &Pages, method: &str, url: &str) -> Answer {
        pages.answer(&Request::builder().method(method).uri(url).body(()).unwrap())
    }

    fn body(answer: &Answer) -> &str {
        std::str::from_utf8(answer.body()).unwrap()
    }

    #[test]
    fn only_get_on_the_exact_host_and_known_paths_is_answered() {
        let pages = Pages::default();
        for url in ["workspace://portal/", "workspace://portal/portal.css", "workspace://portal/portal.js"] {
            assert_eq!(ask(&pages, "GET", url).status(), StatusCode::OK, "{url}");
        }
        for url in [
            "workspace://portal.evil.example/",
            "workspace://evil/",
            "workspace://portal:80/",
            "workspace://a@portal/",
            "https://portal/",
            "workspace://portal/../etc/passwd",
            "workspace://portal/problem",
            "workspace://PORTAL/x",
        ] {
            assert_eq!(ask(&pages, "GET", url).status(), StatusCode::NOT_FOUND, "{url}");
        }
        for method in ["POST", "HEAD", "PUT", "OPTIONS"] {
            assert_eq!(ask(&pages, method, "workspace://portal/").status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        }
    }

    #[test]
    fn every_answer_carries_the_strict_headers_and_no_cors() {
        let pages = Pages::default();
        for url in ["workspace://portal/", "workspace://portal/portal.js", "workspace://portal/none"] {
            let answer = ask(&pages, "GET", url);
            let csp = answer.headers().get("content-security-policy").unwrap().to_str().unwrap();
            assert!(csp.starts_with("default-src 'none'") && !csp.contains("unsafe"), "{csp}");
            assert!(answer.headers().get("access-control-allow-origin").is_none());
        }
    }

    #[test]
    fn pages_hold_no_inline_script_or_style() {
        let pages = Pages::default();
        pages.with(|shown| {
            shown.tiles = vec![tile("a", "題", &["x/y"])];
            shown.problem = Some(Problem::of("https://a.jp/", super::super::problem::Cause::LoadFailed));
        });
        for url in [PORTAL_URL, PROBLEM_URL, DEVICE_URL] {
            let answer = ask(&pages, "GET", url);
            let html = body(&answer);
            assert_eq!(html.matches("<script").count(), 1);
            for inline in [" style=", " onclick=", " onload=", "<style", "javascript:", "http://", "https://cdn"] {
                assert!(!html.contains(inline), "{inline}");
            }
        }
    }

    #[test]
    fn a_notice_is_shown_as_text_until_its_end() {
        let pages = Pages::default();
        let notice = |ja: &str, seconds: i64| Notice {
            ja: ja.to_owned(),
            en: "x".to_owned(),
            until: wall_clock().plus(seconds),
        };
        pages.with(|shown| shown.notices = vec![notice("<b>保守</b>", 60), notice("昔のこと", -1)]);
        let answer = ask(&pages, "GET", PORTAL_URL);
        assert!(body(&answer).contains("&lt;b&gt;保守&lt;/b&gt;") && !body(&answer).contains("昔のこと"));
        pages.with(|shown| shown.notices = vec![notice("昔のこと", -1)]);
        assert!(!body(&ask(&pages, "GET", PORTAL_URL)).contains("class=\"news\""));
    }

    #[test]
    fn search_answers_ids_only() {
        let pages = Pages::default();
        pages.with(|shown| shown.tiles = vec![tile("mcs", "連携", &["tokyo/a"]), tile("near", "近く", &["tokyo/b"])]);
        assert_eq!(body(&ask(&pages, "GET", "workspace://portal/find?area=tokyo%2Fa")), "own mcs\nnear near\n");
        assert_eq!(body(&ask(&pages, "GET", "workspace://portal/find?query=%E9%80%A3%E6%90%BA&area=")), "own mcs\n");
    }
}
