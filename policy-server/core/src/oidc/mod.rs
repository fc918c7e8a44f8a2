//! Sign-in through an identity provider: what it publishes and what it signs, held against what was asked. Pure.
//!
//! Narrow on purpose: the code flow with PKCE, identity tokens signed with RS256 or ES256, and of all claims only who
//! (issuer and subject). E-mail and names are never looked at: they can be changed by whoever they belong to. Sources:
//! OpenID Connect Core 1.0 sections 3.1.2 and 3.1.3, Discovery 1.0 section 4, RFC 7636, RFC 9207.

mod keys;
mod provider;
#[cfg(test)]
mod tests;
mod token;

pub use keys::Keys;
pub use provider::{Attempt, Client, Exchange, Issuer, Provider, Returned, id_token};
pub use token::{Expected, Identity, verify};

/// Longest document of a provider that is read, in bytes.
pub const DOCUMENT_MAX: usize = 128 << 10;
/// Seconds by which the provider's clock may be another than ours.
pub const SKEW_SECONDS: i64 = 60;
/// Longest age of an identity token when it comes, in seconds: it is fetched the moment it is made.
pub const AGE_SECONDS: i64 = 10 * 60;
/// Longest subject. Source: Core section 2, "sub".
pub const SUBJECT_MAX: usize = 255;

/// Why an identity was not taken. Quotes nothing of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The issuer is no https address without query.
    #[error("the issuer is not an https address")]
    Issuer,
    /// A document or token cannot be read, or is too long.
    #[error("the provider's answer cannot be read")]
    Malformed,
    /// The document or token is another issuer's.
    #[error("the answer is of another issuer")]
    OtherIssuer,
    /// The provider leads to an address that is not https.
    #[error("the provider names an address that is not https")]
    Address,
    /// The provider signs in no way that is taken here.
    #[error("the provider does not offer what is needed")]
    Unsupported,
    /// Signed in a way that is not taken: none, with a shared secret, or as another kind of key does.
    #[error("the token is signed in a way that is not taken")]
    Algorithm,
    /// No key of the provider has this name.
    #[error("the token is signed by a key that the provider does not publish")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature does not fit")]
    Signature,
    /// Made for somebody else.
    #[error("the token is for another client")]
    Audience,
    /// Not the answer to this attempt.
    #[error("the token answers another attempt")]
    Nonce,
    /// Over, not begun, or too old.
    #[error("the token is not good now")]
    Time,
    /// Names nobody, or in a way that is not allowed.
    #[error("the token names nobody")]
    Subject,
    /// The provider itself said no.
    #[error("the provider refused")]
    Refused,
}

impl OidcError {
    /// The stable word, for the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Malformed => "malformed",
            Self::OtherIssuer => "other-issuer",
            Self::Address => "address",
            Self::Unsupported => "unsupported",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Time => "time",
            Self::Subject => "subject",
            Self::Refused => "refused",
        }
    }
}
