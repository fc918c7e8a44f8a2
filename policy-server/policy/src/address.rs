//! Which addresses a name may lead to: the world, the organisation's own network, or never.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Routed on the public internet.
    Public,
    /// Loopback, private and shared (carrier-grade NAT) space: dialled only where the system says `network = "private"`.
    Private,
    /// Unspecified, link-local, multicast, reserved, or a form that hides another address: never dialled.
    Never,
}

/// The place of `address`. Every range that is not known to be public is not.
///
/// Source: the IANA special-purpose address registries (RFC 6890 and what updates it).
#[must_use]
pub fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

fn place_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Private,
        // "This network", link-local, protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved.
        [0, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Place::Never,
        _ => Place::Public,
    }
}

fn place_v6(address: Ipv6Addr) -> Place {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Private,
        // NAT64 (RFC 6052): the network translates to the IPv4 address inside, so that one counts; a translator
        // has no business in private space.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => match place_v4(embedded(high, low)) {
            Place::Public => Place::Public,
            Place::Private | Place::Never => Place::Never,
        },
        [0xfc00..=0xfdff, ..] => Place::Private,
        // Protocol assignments with Teredo (2001::/23), documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Place::Never,
        [0x2000..=0x3fff, ..] => Place::Public,
        _ => Place::Never,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all(place_: Place, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(place(address.parse().unwrap()), place_, "{address}");
        }
    }

    #[test]
    fn public_addresses_are_public_up_to_the_borders_of_special_ranges() {
        all(Place::Public, &["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1"]);
        all(
            Place::Public,
            &["128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "223.255.255.255"],
        );
        all(Place::Public, &["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"]);
        all(Place::Public, &["2606:4700::1111", "2001:200::1", "2a00::1", "2001:4860:4860::8888"]);
    }

    #[test]
    fn own_networks_are_private() {
        all(
            Place::Private,
            &["127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
        );
        all(Place::Private, &["100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fd12:3456::1"]);
    }

    #[test]
    fn special_ranges_are_never_dialled() {
        all(
            Place::Never,
            &["0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1"],
        );
        all(
            Place::Never,
            &["198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
        );
        all(
            Place::Never,
            &["::", "fe80::1", "fec0::1", "ff02::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "3fff::1"],
        );
    }

    #[test]
    fn addresses_inside_addresses_gain_nothing() {
        all(Place::Never, &["::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "::1.1.1.1", "::ffff:0:1.1.1.1"]);
        all(Place::Never, &["2002:7f00:1::", "2002:101:101::1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1"]);
        all(Place::Never, &["64:ff9b::169.254.169.254", "64:ff9b:1::1.1.1.1", "64:ff9b::1:1.1.1.1"]);
        all(Place::Public, &["64:ff9b::1.1.1.1"]);
    }
}
