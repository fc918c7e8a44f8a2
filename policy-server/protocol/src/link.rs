//! The enrollment link: everything that the first contact needs, so that nothing is trusted on first use.
//!
//! `secure-workspace://enroll?h=HOST:PORT&p=PIN&r=ROOT&i=ID&c=CODE`, the last four in base64url without padding.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use url::Url;
use zeroize::Zeroizing;

use crate::crypto::KeyId;

/// Longest link we read, in bytes.
pub const LINK_MAX: usize = 1024;

/// A one-time invitation. Prints without its code.
#[derive(Clone)]
pub struct EnrollmentLink {
    /// `host` or `host:port` of the server's device API.
    pub authority: String,
    /// SHA-256 of the server's SubjectPublicKeyInfo.
    pub pin: [u8; 32],
    /// Name of the organisation's root key.
    pub root: KeyId,
    /// Which invitation; not secret.
    pub invitation: [u8; 8],
    /// The one-time code; secret.
    pub code: Zeroizing<[u8; 16]>,
}

impl fmt::Debug for EnrollmentLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollmentLink")
            .field("authority", &self.authority)
            .field("invitation", &hex::encode(self.invitation))
            .finish_non_exhaustive()
    }
}

/// Why a link was refused. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Longer than [`LINK_MAX`].
    #[error("the link is too long to be an invitation")]
    TooLong,
    /// Not `secure-workspace://enroll?...`.
    #[error("this is not an enrollment link; it must start with secure-workspace://enroll?")]
    NotALink,
    /// A part is missing, doubled, unknown or of the wrong form.
    #[error("the link's part {0:?} is missing or damaged; copy the whole link or scan the code again")]
    Part(&'static str),
}

impl EnrollmentLink {
    /// The link as text, code included: show it to its receiver only.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "secure-workspace://enroll?h={}&p={}&r={}&i={}&c={}",
            self.authority,
            B64.encode(self.pin),
            B64.encode(self.root.0),
            B64.encode(self.invitation),
            B64.encode(self.code.as_slice()),
        ))
    }

    /// Reads a link.
    ///
    /// # Errors
    /// [`LinkError`]; unknown and doubled parts are refused.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > LINK_MAX {
            return Err(LinkError::TooLong);
        }
        let query = text.strip_prefix("secure-workspace://enroll?").ok_or(LinkError::NotALink)?;
        let mut parts: [Option<&str>; 5] = [None; 5];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or(LinkError::NotALink)?;
            let at = PARTS.iter().position(|part| *part == name).ok_or(LinkError::NotALink)?;
            match parts.get_mut(at) {
                Some(slot @ None) => *slot = Some(value),
                _ => return Err(LinkError::Part(PARTS.get(at).copied().unwrap_or("?"))),
            }
        }
        let [h, p, r, i, c] = parts;
        Ok(Self {
            authority: authority(h.ok_or(LinkError::Part("h"))?)?,
            pin: bytes(p, "p")?,
            root: KeyId(bytes(r, "r")?),
            invitation: bytes(i, "i")?,
            code: Zeroizing::new(bytes(c, "c")?),
        })
    }
}

const PARTS: [&str; 5] = ["h", "p", "r", "i", "c"];

fn bytes<const N: usize>(text: Option<&str>, part: &'static str) -> Result<[u8; N], LinkError> {
    let text = text.ok_or(LinkError::Part(part))?;
    B64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(LinkError::Part(part))
}

fn authority(text: &str) -> Result<String, LinkError> {
    let url = Url::parse(&format!("https://{text}/")).map_err(|_| LinkError::Part("h"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none();
    match url.host_str() {
        Some(host) if plain && url.fragment().is_none() => {
            Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
        }
        _ => Err(LinkError::Part("h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link() -> EnrollmentLink {
        EnrollmentLink {
            authority: "policy.clinic.example:8443".into(),
            pin: [1; 32],
            root: KeyId([2; 32]),
            invitation: [3; 8],
            code: Zeroizing::new([4; 16]),
        }
    }

    #[test]
    fn a_link_survives_its_text_form() {
        let read = EnrollmentLink::parse(&link().to_text()).unwrap();
        assert_eq!(*read.to_text(), *link().to_text());
    }

    #[test]
    fn debug_output_hides_the_code() {
        assert!(!format!("{:?}", link()).contains(&B64.encode([4u8; 16])));
    }

    #[test]
    fn damaged_links_are_refused_by_part() {
        let text = link().to_text();
        assert_eq!(EnrollmentLink::parse("https://x/").unwrap_err(), LinkError::NotALink);
        assert_eq!(EnrollmentLink::parse(&text[..text.len() - 2]).unwrap_err(), LinkError::Part("c"));
        assert_eq!(EnrollmentLink::parse(&format!("{}&h=x", *text)).unwrap_err(), LinkError::Part("h"));
        assert_eq!(EnrollmentLink::parse(&text.replace("h=", "h=u@")).unwrap_err(), LinkError::Part("h"));
        assert_eq!(EnrollmentLink::parse(&"x".repeat(2000)).unwrap_err(), LinkError::TooLong);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_link_or_an_error(text: String) {
            let _ = EnrollmentLink::parse(&text);
            let _ = EnrollmentLink::parse(&format!("secure-workspace://enroll?{text}"));
        }
    }
}
