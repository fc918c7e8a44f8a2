//! A provider: its issuer, what it publishes of itself, and what it is asked.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};
use workspace_protocol::crypto::{CryptoError, random, same, sha256};
use zeroize::Zeroizing;

use super::{DOCUMENT_MAX, OidcError};

/// Longest issuer, client id or address, in bytes.
const TEXT_MAX: usize = 2000;

/// An issuer: an https address without query, fragment or user, compared to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// Reads one.
    ///
    /// # Errors
    /// [`OidcError::Issuer`].
    pub fn parse(text: &str) -> Result<Self, OidcError> {
        let url = https(text).map_err(|_| OidcError::Issuer)?;
        if url.query().is_some() { Err(OidcError::Issuer) } else { Ok(Self(text.to_owned())) }
    }

    /// To the letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, for people.
    #[must_use]
    pub fn host(&self) -> String {
        Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Where it describes itself. Source: Discovery section 4.
    #[must_use]
    pub fn described_at(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.trim_end_matches('/'))
    }
}

fn https(text: &str) -> Result<Url, OidcError> {
    let url = Url::parse(text).map_err(|_| OidcError::Address)?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let good = plain && url.fragment().is_none() && url.host_str().is_some() && text.len() <= TEXT_MAX;
    if good { Ok(url) } else { Err(OidcError::Address) }
}

/// How a client shows its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Basic,
    Post,
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    issuer: Issuer,
    authorization: Url,
    token: Url,
    keys: Url,
    shows: Shows,
    /// Whether it names itself when it sends people back (RFC 9207).
    names_itself: bool,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    response_types_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Us, as a provider knows us.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Our name there.
    pub id: &'a str,
    /// Our secret there; none for a public client.
    pub secret: Option<&'a str>,
    /// Where it sends people back, to the letter.
    pub redirect: &'a str,
}

/// One attempt to sign in: three random words of 256 bits.
pub struct Attempt {
    /// Comes back with the person.
    pub state: Zeroizing<String>,
    /// Comes back inside the token.
    pub nonce: Zeroizing<String>,
    /// Shows that who fetches the token is who asked (RFC 7636).
    pub verifier: Zeroizing<String>,
}

impl Attempt {
    /// A new one.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn fresh() -> Result<Self, CryptoError> {
        let word = || random::<32>().map(|bytes| Zeroizing::new(B64.encode(bytes)));
        Ok(Self { state: word()?, nonce: word()?, verifier: word()? })
    }
}

/// A request for the token.
pub struct Exchange {
    /// Where.
    pub url: Url,
    /// The `Authorization` header, if the client has a secret that is shown there.
    pub authorization: Option<Zeroizing<String>>,
    /// The form.
    pub body: Zeroizing<String>,
}

/// What came back with a person: the query of the address they were sent to.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Returned {
    /// The code, if the provider said yes.
    #[serde(default)]
    pub code: String,
    /// Our state.
    #[serde(default)]
    pub state: String,
    /// Who sends, if it says so.
    pub iss: Option<String>,
    /// Why not, if the provider said no.
    pub error: Option<String>,
}

impl Provider {
    /// Reads what a provider publishes of itself.
    ///
    /// # Errors
    /// [`OidcError`]: another issuer, an address that is not https, or something that is needed and not offered.
    pub fn parse(json: &[u8], issuer: &Issuer) -> Result<Self, OidcError> {
        if json.len() > DOCUMENT_MAX {
            return Err(OidcError::Malformed);
        }
        let said: Metadata = serde_json::from_slice(json).map_err(|_| OidcError::Malformed)?;
        if said.issuer != issuer.as_str() {
            return Err(OidcError::OtherIssuer);
        }
        // A list that is not there says nothing; one that is there must hold what is needed.
        let lacks = |list: &Option<Vec<String>>, any: &[&str]| {
            list.as_ref().is_some_and(|list| !list.iter().any(|one| any.contains(&one.as_str())))
        };
        if lacks(&said.response_types_supported, &["code"])
            || lacks(&said.code_challenge_methods_supported, &["S256"])
            || lacks(&said.id_token_signing_alg_values_supported, &["RS256", "ES256"])
        {
            return Err(OidcError::Unsupported);
        }
        let basic = !lacks(&said.token_endpoint_auth_methods_supported, &["client_secret_basic"]);
        Ok(Self {
            issuer: issuer.clone(),
            authorization: https(&said.authorization_endpoint)?,
            token: https(&said.token_endpoint)?,
            keys: https(&said.jwks_uri)?,
            shows: if basic { Shows::Basic } else { Shows::Post },
            names_itself: said.authorization_response_iss_parameter_supported,
        })
    }

    /// Where its keys are.
    #[must_use]
    pub fn keys(&self) -> &Url {
        &self.keys
    }

    /// Where a person is sent to sign in.
    #[must_use]
    pub fn authorize(&self, client: Client<'_>, attempt: &Attempt) -> Url {
        let mut url = self.authorization.clone();
        let challenge = B64.encode(sha256(attempt.verifier.as_bytes()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("client_id", client.id)
            .append_pair("redirect_uri", client.redirect)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// The code of a person who came back to `attempt`.
    ///
    /// # Errors
    /// [`OidcError`]: the provider said no, another one answered, or it answers another attempt.
    pub fn code<'r>(&self, returned: &'r Returned, state: &str) -> Result<&'r str, OidcError> {
        if state.is_empty() || !same(returned.state.as_bytes(), state.as_bytes()) {
            return Err(OidcError::Nonce);
        }
        match &returned.iss {
            Some(issuer) if issuer != self.issuer.as_str() => return Err(OidcError::OtherIssuer),
            None if self.names_itself => return Err(OidcError::OtherIssuer),
            Some(_) | None => {}
        }
        if returned.error.is_some() {
            return Err(OidcError::Refused);
        }
        let good = !returned.code.is_empty() && returned.code.len() <= TEXT_MAX;
        if good { Ok(&returned.code) } else { Err(OidcError::Malformed) }
    }

    /// The request that turns a code into a token.
    #[must_use]
    pub fn exchange(&self, client: Client<'_>, code: &str, verifier: &str) -> Exchange {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", client.redirect)
            .append_pair("code_verifier", verifier);
        let mut authorization = None;
        match (client.secret, self.shows) {
            (Some(secret), Shows::Basic) => authorization = Some(basic(client.id, secret)),
            (Some(secret), Shows::Post) => {
                form.append_pair("client_id", client.id).append_pair("client_secret", secret);
            }
            (None, _) => {
                form.append_pair("client_id", client.id);
            }
        }
        Exchange { url: self.token.clone(), authorization, body: Zeroizing::new(form.finish()) }
    }
}

/// Source: RFC 6749 section 2.3.1: both parts are written as forms write them.
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let written = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", written(id), written(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// The identity token in the answer to an [`Exchange`].
///
/// # Errors
/// [`OidcError::Malformed`].
pub fn id_token(json: &[u8]) -> Result<Zeroizing<String>, OidcError> {
    #[derive(Deserialize)]
    struct Answer {
        id_token: String,
    }
    if json.len() > DOCUMENT_MAX {
        return Err(OidcError::Malformed);
    }
    let answer: Answer = serde_json::from_slice(json).map_err(|_| OidcError::Malformed)?;
    Ok(Zeroizing::new(answer.id_token))
}
