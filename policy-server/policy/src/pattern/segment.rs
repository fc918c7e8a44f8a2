//! How Chrome cuts a filter into parts: `url_formatter::SegmentURL` and `url::ParseStandardUrl`, of which the filter
//! format is made. Works on the raw text; nothing is made canonical, as in Chrome.

/// The schemes whose URLs Chrome reads as `scheme://host:port/path`, beside the special ones of WHATWG.
const CHROME_STANDARD: [&str; 10] = [
    "chrome",
    "chrome-distiller",
    "chrome-error",
    "chrome-extension",
    "chrome-native",
    "chrome-search",
    "chrome-untrusted",
    "devtools",
    "filesystem",
    "isolated-app",
];

/// Whether Chrome reads URLs of `scheme` as standard ones.
pub(super) fn is_standard(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp" | "file") || is_chrome_standard(scheme)
}

/// Whether `scheme` is standard in Chrome, but not special in WHATWG.
pub(super) fn is_chrome_standard(scheme: &str) -> bool {
    CHROME_STANDARD.contains(&scheme)
}

/// A filter's parts, raw. An empty text and a missing one are the same to the filter format.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Segments {
    /// The scheme found or assumed, lower case.
    pub(super) scheme: String,
    /// Whether the filter itself names the scheme.
    pub(super) scheme_written: bool,
    pub(super) host: String,
    pub(super) port: String,
    pub(super) path: String,
    pub(super) query: String,
}

impl Segments {
    /// Cuts `filter`.
    pub(super) fn of(filter: &str) -> Self {
        let trimmed = filter.trim();
        if trimmed.is_empty() {
            return Self::default();
        }
        // A path of a file on POSIX.
        if trimmed.starts_with(['/', '~']) {
            return Self { scheme: "file".to_owned(), ..Self::default() };
        }
        let found = valid_scheme(filter).map(|scheme| (scheme, filter.to_owned()));
        match found.or_else(|| semicolon_scheme(filter)) {
            Some((scheme, _)) if scheme != "about" && !is_standard(&scheme) => Self { scheme, ..Self::default() },
            // Chrome finds the host of these two elsewhere; the filter format never looks there.
            Some((scheme, _)) if scheme == "file" || scheme == "filesystem" => Self { scheme, ..Self::default() },
            Some((scheme, text)) => Self { scheme, scheme_written: true, ..standard(&text) },
            None => assumed_http(filter),
        }
    }
}

/// The scheme in front of the first colon, unless it looks like a host.
fn valid_scheme(text: &str) -> Option<String> {
    let text = text.trim_start_matches(is_trimmed);
    let (scheme, rest) = text.split_once(':')?;
    let shaped = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-'));
    (shaped && !has_port(rest)).then(|| scheme.to_ascii_lowercase())
}

/// Whether what follows the first colon is a port.
fn has_port(rest: &str) -> bool {
    let port = rest.split(is_authority_end).next().unwrap_or_default();
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u32>().is_ok_and(|port| port <= 65_535)
}

/// `http;//host` is read as `http://host`.
fn semicolon_scheme(filter: &str) -> Option<(String, String)> {
    let at = filter.find(';').filter(|at| *at != 0)?;
    let text = filter.replacen(';', ":", 1);
    debug_assert_eq!(text.find(':').map(|colon| colon <= at), Some(true), "the new colon is in the text");
    valid_scheme(&text).filter(|scheme| scheme == "about" || is_standard(scheme)).map(|scheme| (scheme, text))
}

fn assumed_http(filter: &str) -> Segments {
    let rest = filter.trim_start();
    let space = filter.get(..filter.len() - rest.len()).unwrap_or_default();
    // A leading colon is taken for the one behind the scheme.
    let inserted = if rest.starts_with(':') { "http" } else { "http://" };
    let text = format!("{space}{inserted}{rest}");
    // Chrome shifts the offsets back by what it inserted; enough leading space makes the scheme survive that.
    Segments { scheme: "http".to_owned(), scheme_written: space.len() >= inserted.len(), ..standard(&text) }
}

/// `ParseStandardUrl`, without the scheme.
fn standard(text: &str) -> Segments {
    let text = text.trim_matches(is_trimmed);
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let end = rest.find(is_authority_end).unwrap_or(rest.len());
    let (authority, full_path) = rest.split_at(end);
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    let (host, port) = host_and_port(server);
    let full_path = full_path.split_once('#').map_or(full_path, |(front, _)| front);
    let (path, query) = full_path.split_once('?').unwrap_or((full_path, ""));
    Segments {
        host: host.to_owned(),
        port: port.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        ..Segments::default()
    }
}

fn host_and_port(server: &str) -> (&str, &str) {
    // An opening bracket without its closing one makes all of it an address.
    let address_end = match (server.rfind(']'), server.starts_with('[')) {
        (Some(at), _) => Some(at),
        (None, true) => Some(server.len()),
        (None, false) => None,
    };
    match server.rfind(':') {
        Some(colon) if address_end.is_none_or(|end| colon > end) => {
            let (host, port) = server.split_at(colon);
            (host, port.get(1..).unwrap_or_default())
        }
        _ => (server, ""),
    }
}

/// Characters that `TrimURL` takes off both ends.
fn is_trimmed(c: char) -> bool {
    c <= ' '
}

fn is_authority_end(c: char) -> bool {
    matches!(c, '/' | '\\' | '?' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(filter: &str) -> (String, bool, String, String, String, String) {
        let s = Segments::of(filter);
        (s.scheme, s.scheme_written, s.host, s.port, s.path, s.query)
    }

    fn expect(scheme: &str, written: bool, rest: [&str; 4]) -> (String, bool, String, String, String, String) {
        let [host, port, path, query] = rest.map(str::to_owned);
        (scheme.to_owned(), written, host, port, path, query)
    }

    #[test]
    fn a_host_with_a_port_is_no_scheme() {
        assert_eq!(parts("host:8080/p?q#f"), expect("http", false, ["host", "8080", "/p", "q"]));
        assert_eq!(parts("www.h.example:/p"), expect("http", false, ["www.h.example", "", "/p", ""]));
        assert_eq!(parts("host:65536"), expect("host", false, ["", "", "", ""]));
        assert_eq!(parts("[::1]:443"), expect("http", false, ["[::1]", "443", "", ""]));
        assert_eq!(parts("[::1"), expect("http", false, ["[::1", "", "", ""]));
    }

    #[test]
    fn schemes_are_found_as_chrome_finds_them() {
        assert_eq!(parts("HTTPS:\\\\u:p@h:1\\x"), expect("https", true, ["h", "1", "\\x", ""]));
        assert_eq!(parts("http;//h/p"), expect("http", true, ["h", "", "/p", ""]));
        assert_eq!(parts("wrong://app"), expect("wrong", false, ["", "", "", ""]));
        assert_eq!(parts("wrong ://*"), expect("http", false, ["wrong ", "", "//*", ""]));
        assert_eq!(parts("about:blank"), expect("about", true, ["blank", "", "", ""]));
        assert_eq!(parts(":8080"), expect("http", false, ["8080", "", "", ""]));
        assert_eq!(parts("       h"), expect("http", true, ["h", "", "", ""]));
        assert_eq!(parts("      h "), expect("http", false, ["h", "", "", ""]));
        assert_eq!(parts("/etc"), expect("file", false, ["", "", "", ""]));
        assert_eq!(parts(" \u{3000}"), expect("", false, ["", "", "", ""]));
    }
}
