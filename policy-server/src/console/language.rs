//! Which language a page speaks: the one chosen, else the first of ours that the browser asks for, else Japanese.

use axum::{
    Form,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use workspace_words::Lang;

use super::cookie;

/// The language of a request.
pub fn of(headers: &HeaderMap) -> Lang {
    let chosen = cookie::read(headers, cookie::LANGUAGE).and_then(|tag| tag.parse().ok());
    chosen.unwrap_or_else(|| asked(headers.get(header::ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok())))
}

fn asked(accept: Option<&str>) -> Lang {
    let tags = accept.unwrap_or_default().split(',').filter_map(|one| one.split([';', '-']).next());
    tags.map(str::trim).find_map(|tag| tag.to_ascii_lowercase().parse().ok()).unwrap_or_default()
}

/// The form of the switch.
#[derive(Deserialize)]
pub struct Choice {
    to: String,
    back: String,
}

/// Keeps the choice and goes back to the page.
pub async fn choose(Form(choice): Form<Choice>) -> Response {
    let lang: Lang = choice.to.parse().unwrap_or_default();
    let kept = cookie::set(cookie::LANGUAGE, lang.tag(), cookie::YEAR);
    ([(header::SET_COOKIE, kept)], Redirect::to(local(&choice.back))).into_response()
}

/// A path of the console, or the console's first page for anything else: nobody is sent elsewhere.
pub fn local(path: &str) -> &str {
    let inside = path == "/enroll"
        || path == "/enroll/seen"
        || path == "/console"
        || path.starts_with("/console/")
        || path.starts_with("/console?");
    let plain = path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if inside && plain { path } else { "/console" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_is_the_first_language() {
        assert_eq!(asked(None), Lang::Ja);
        assert_eq!(asked(Some("fr-FR,fr;q=0.9")), Lang::Ja);
        assert_eq!(asked(Some("en-US,en;q=0.9,ja;q=0.8")), Lang::En);
        assert_eq!(asked(Some("fr, JA;q=0.8, en;q=0.7")), Lang::Ja);
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for good in ["/console", "/console/devices?after=x", "/console?x=1", "/enroll", "/enroll/seen"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "//evil.example",
            "https://evil.example/console",
            "/enroll?c=x",
            "/enroll/x",
            "/consolex",
            "/console/\\evil",
            "/console/\n",
            "",
        ] {
            assert_eq!(local(bad), "/console", "{bad}");
        }
    }
}
