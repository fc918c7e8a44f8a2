//! Cookies: bound to this host (`__Host-`), never readable by scripts, never sent from other sites.

use axum::http::{HeaderMap, HeaderValue, header};

/// Who is signed in.
pub const SESSION: &str = "__Host-session";
/// A browser that is not signed in, for the forgery token of its forms.
pub const VISIT: &str = "__Host-visit";
/// A browser that was sent to the identity provider and shall come back.
pub const PROVIDER: &str = "__Host-provider";
/// The language chosen.
pub const LANGUAGE: &str = "__Host-language";
/// A year in seconds: how long a browser keeps its language.
pub const YEAR: i64 = 365 * 24 * 3600;

/// The value of a cookie; `None` if it is missing or given twice, which only somebody who meddles does.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Sets a cookie for `seconds`; 0 takes it away. `value` is one of ours: letters, digits, `-` and `_`.
pub fn set(name: &str, value: &str, seconds: i64) -> HeaderValue {
    line(name, value, seconds, "Strict")
}

/// As [`set`], for a cookie that comes along when another site leads the browser back to us: for one way back only, never
/// for a session.
pub fn set_for_return(name: &str, value: &str, seconds: i64) -> HeaderValue {
    line(name, value, seconds, "Lax")
}

fn line(name: &str, value: &str, seconds: i64, same_site: &str) -> HeaderValue {
    let line = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let held = headers(&["a=1; __Host-session=x_-9; __Host-session2=y"]);
        assert_eq!(read(&held, SESSION), Some("x_-9"));
        assert_eq!(read(&held, VISIT), None);
    }

    #[test]
    fn a_cookie_given_twice_is_none() {
        assert_eq!(read(&headers(&["__Host-session=a", "__Host-session=b"]), SESSION), None);
        assert_eq!(read(&headers(&["__Host-session=a; __Host-session=a"]), SESSION), None);
    }

    #[test]
    fn a_cookie_is_for_this_host_and_its_own_pages_only() {
        let line = set(SESSION, "x", 9);
        assert_eq!(line, "__Host-session=x; Path=/; Max-Age=9; Secure; HttpOnly; SameSite=Strict");
    }
}
