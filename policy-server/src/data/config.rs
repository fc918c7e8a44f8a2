//! `config.json`: what is public of a server and never changes after `init`.

use serde::{Deserialize, Serialize};
use url::Url;
use workspace_protocol::ids::UnixTime;

use super::{DataDir, files};
use crate::failure::Failure;

const NAME: &str = "config.json";
const SCHEMA: u32 = 1;
/// Longest organisation name, in characters.
const ORG_MAX: usize = 100;

/// A server's public facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    schema: u32,
    /// `https://host[:port]`, as devices dial it.
    pub url: String,
    /// The organisation, as people read it.
    pub org: String,
    /// When the server was made.
    pub created_at: UnixTime,
}

impl Config {
    /// Facts of a new server.
    ///
    /// # Errors
    /// Bad input unless the URL is `https://host[:port]` and the name is short and plain.
    pub fn new(url: &str, org: &str, created_at: UnixTime) -> Result<Self, Failure> {
        let url = server_url(url).ok_or_else(|| Failure::input("init-url").with("url", url))?;
        if org.trim().is_empty() || !policy_server_core::enrollment::text_is_plain(org, ORG_MAX) {
            return Err(Failure::input("init-org"));
        }
        Ok(Self { schema: SCHEMA, url, org: org.to_owned(), created_at })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Bad input if the folder is not a server's, or of another version.
    pub fn load(dir: &DataDir) -> Result<Self, Failure> {
        let missing = || Failure::input("data-missing").with("data", dir.path().display());
        let bytes = match files::read(&dir.file(NAME)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(dir.unreadable(&error)),
        };
        Self::parse(&bytes)
    }

    /// Reads the file's content.
    ///
    /// # Errors
    /// Bad input if it is not a server's, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let config: Self = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if config.schema == SCHEMA { Ok(config) } else { Err(damaged()) }
    }

    /// Writes the file: the last step of `init`, so that a folder without it was never finished.
    pub fn save(&self, dir: &DataDir) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| damaged())?;
        files::write(&dir.file(NAME), &bytes).map_err(|error| dir.unreadable(&error))
    }

    /// `host[:port]`.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or(&self.url)
    }

    /// The host without its port; an IPv6 address without its brackets.
    pub fn host(&self) -> String {
        let parsed = Url::parse(&self.url).ok();
        let host = parsed.as_ref().and_then(Url::host_str).unwrap_or("localhost");
        host.trim_start_matches('[').trim_end_matches(']').to_owned()
    }

    /// The port devices dial.
    pub fn port(&self) -> u16 {
        Url::parse(&self.url).ok().and_then(|url| url.port_or_known_default()).unwrap_or(443)
    }
}

fn damaged() -> Failure {
    Failure::input("data-damaged").with("file", NAME)
}

fn server_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.port() != Some(0);
    let host = url.host_str().filter(|_| plain)?;
    Some(url.port().map_or_else(|| format!("https://{host}"), |port| format!("https://{host}:{port}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_https_with_a_host_and_nothing_more() {
        for (url, authority, port) in [
            ("https://policy.clinic.example", "policy.clinic.example", 443),
            ("https://127.0.0.1:8443/", "127.0.0.1:8443", 8443),
            ("https://[::1]:8443", "[::1]:8443", 8443),
        ] {
            let config = Config::new(url, "Clinic", UnixTime(0)).unwrap();
            assert_eq!((config.authority(), config.port()), (authority, port));
        }
        for bad in ["http://h", "https://u@h", "https://h/p", "https://h?q", "https://h:0", "h", ""] {
            assert_eq!(Config::new(bad, "Clinic", UnixTime(0)).unwrap_err().id, "init-url", "{bad}");
        }
        assert_eq!(Config::new("https://h", " ", UnixTime(0)).unwrap_err().id, "init-org");
    }
}
