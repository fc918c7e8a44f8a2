//! Reading `[gateway]` of a policy and `[[gateway]]` of a boundary: where the access gateway is, and by which keys it
//! is known.

use std::fmt;

use url::{Host, Position, Url};

use super::{
    reader::{Field, Section},
    system::pins,
};

/// Most gateways of a boundary.
const MAX_GATEWAYS: usize = 16;

/// The organisation's access gateway. Known by its key alone, whatever name its certificate has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its host.
    pub host: Host,
    /// Its port; 443 where the file names none.
    pub port: u16,
    /// SHA-256 of the SubjectPublicKeyInfo of each key that it may have. Never empty in a policy.
    pub pins: Vec<[u8; 32]>,
}

impl Gateway {
    /// Whether a policy may name `other` where a boundary names this: the same place, and no key that is not here.
    /// Without keys here, any will do.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let known = |pin| self.pins.is_empty() || self.pins.contains(pin);
        (&self.host, self.port) == (&other.host, other.port) && other.pins.iter().all(known)
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `[gateway]` of a policy.
pub(super) fn of_policy(section: Option<Section<'_>>) -> Option<Gateway> {
    let section = section?;
    let gateway = read(&section);
    if gateway.as_ref().is_some_and(|gateway| gateway.pins.is_empty()) {
        section.fault("pins", "this key is missing; \"policy-server gateway pin\" prints it");
    }
    gateway
}

/// Every `[[gateway]]` of a boundary.
pub(crate) fn of_boundary(root: &Section<'_>) -> Vec<Gateway> {
    let sections = root.sections("gateway");
    if sections.len() > MAX_GATEWAYS {
        root.fault("gateway", format!("more than {MAX_GATEWAYS} gateways"));
        return Vec::new();
    }
    sections.iter().filter_map(read).collect()
}

fn read(section: &Section<'_>) -> Option<Gateway> {
    let address = section.need("address").and_then(|field| address(&field));
    let pins = section.get("pins").map(|field| pins(&field)).unwrap_or_default();
    section.finish();
    let (host, port) = address?;
    Some(Gateway { host, port, pins })
}

/// `host` or `host:port`, in the one canonical spelling.
fn address(field: &Field<'_>) -> Option<(Host, u16)> {
    let text = field.text()?;
    let url = Url::parse(&format!("https://{text}/")).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        plain && url[Position::BeforeHost..Position::AfterPort] == *text.strip_suffix(":443").unwrap_or(text)
    });
    let found =
        url.and_then(|url| Some((url.host()?.to_owned(), url.port_or_known_default().filter(|port| *port != 0)?)));
    if found.is_none() {
        field.fault("must be the gateway's \"host\" or \"host:port\", in small letters, nothing around it");
    }
    found
}
