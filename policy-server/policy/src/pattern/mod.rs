//! URL patterns in the strict profile, the one policies use (policy.md section 3).
//!
//! `[scheme://][.]host[:port][/path][?query]`. A pattern says less than the same text says to Chrome, never more:
//! that rule is a property test in `tests/`.

pub mod chrome;
pub(crate) mod host;
pub(crate) mod query;
mod segment;
mod strict;
mod target;

pub use strict::Pattern;
pub(crate) use target::judged;
pub use target::{Scheme, Target, is_ambiguous};

/// Why a text is not a strict pattern. The texts quote at most the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing there.
    #[error("the pattern is empty")]
    Empty,
    /// Longer than [`Pattern::MAX`] bytes.
    #[error("the pattern is longer than {} bytes", Pattern::MAX)]
    TooLong,
    /// A scheme that is never allowed or that no policy knows.
    #[error("the scheme may be https, wss, http or ws; '{0}' is never allowed")]
    Scheme(String),
    /// `user:password@`.
    #[error("a user name or password cannot be part of a pattern")]
    Userinfo,
    /// `*.h`.
    #[error("write '{0}': a bare host already means everything below it")]
    WildcardBelow(String),
    /// Another `*` in the host.
    #[error("'*' cannot stand for a host; name each one")]
    Wildcard,
    /// The whole of a public suffix.
    #[error("'{0}' is a public suffix: strangers can register names below it; name the site's own host")]
    PublicSuffix(String),
    /// Two dots in a row, or nothing but dots.
    #[error("the host has an empty label")]
    EmptyLabel,
    /// Longer than DNS allows.
    #[error("the host is longer than DNS allows (253 bytes, 63 a label)")]
    HostTooLong,
    /// A character that no host has.
    #[error("the host has a character that no host name has")]
    HostCharacter,
    /// Not a host name or address.
    #[error("the host is not a host name or address")]
    HostUnreadable,
    /// An address in another than its canonical form.
    #[error("write the address as '{0}'")]
    AddressForm(String),
    /// A zone id.
    #[error("an address with a zone id cannot be part of a pattern")]
    ZoneId,
    /// Not a port.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}
