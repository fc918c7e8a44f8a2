//! The identity provider through which admins may sign in, and who of it may: settings, links, and the questions put to it.

use http::{Method, header};
use http_body_util::Full;
use policy_server_core::{
    audit::Entry,
    enrollment::text_is_plain,
    oidc::{
        Attempt, Client, DOCUMENT_MAX, Expected, Identity, Issuer, Keys, OidcError, Provider, SUBJECT_MAX, id_token,
        verify,
    },
};
use policy_server_store::{ConsoleView, IdentityLink, OfficeView, OfficeWork, Store, View, Work};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use url::Url;
use workspace_protocol::crypto::{Secret, seal, unseal};
use zeroize::Zeroizing;

use crate::{
    clock,
    failure::Failure,
    flow::webhook::authorities,
    outbound::{self, Place, Unreached},
    server::Server,
};

/// The setting that holds the provider; empty if there is none.
const SETTING: &str = "identity-provider";
/// Where a provider sends people back to.
pub const BACK: &str = "/console/sign-in/provider/back";
/// Longest client id, in characters.
const CLIENT_MAX: usize = 200;
/// Longest client secret, in bytes.
const SECRET_MAX: usize = 1000;

/// The provider as it is kept. The secret is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its issuer, to the letter.
    pub issuer: String,
    /// Our name there.
    pub client: String,
    secret: Option<ByteBuf>,
    /// Where it sends people back, to the letter.
    pub redirect: String,
    /// Whether its host may be a private address.
    pub private: bool,
    /// A CA of its own, PEM.
    pub ca: Option<String>,
}

/// What the provider shall be.
pub struct Wish {
    /// Its issuer.
    pub issuer: String,
    /// Our name there.
    pub client: String,
    /// Our secret there; none for a public client.
    pub secret: Option<Zeroizing<String>>,
    /// Without a secret: whether the one that is kept for this issuer stays.
    pub keep_secret: bool,
    /// `https://host[:port]` of the console, if browsers do not see it where devices see the server.
    pub console: Option<String>,
    /// Whether its host may be a private address.
    pub private: bool,
    /// A CA of its own, PEM.
    pub ca: Option<String>,
}

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// The provider could not be asked.
    Unreached(Unreached),
    /// What it said does not hold.
    Refused(OidcError),
}

impl Unasked {
    /// The stable word, for the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreached(why) => why.word(),
            Self::Refused(why) => why.word(),
        }
    }
}

impl From<OidcError> for Unasked {
    fn from(why: OidcError) -> Self {
        Self::Refused(why)
    }
}

impl From<Unreached> for Unasked {
    fn from(why: Unreached) -> Self {
        Self::Unreached(why)
    }
}

/// The provider in use.
///
/// # Errors
/// The row was changed by somebody else.
pub async fn settings<V: View>(view: &mut V) -> Result<Option<Settings>, Failure> {
    let kept = view.setting(SETTING).await?.filter(|bytes| !bytes.is_empty());
    let damaged = |_| Failure::input("store-value").with("column", SETTING);
    kept.map(|bytes| serde_json::from_slice(&bytes).map_err(damaged)).transpose()
}

/// Sets the provider, once it answered: a name that was typed wrongly changes nothing.
///
/// # Errors
/// Bad input naming issuer, client, console or CA; refused if the provider cannot be asked.
pub async fn set(server: &Server, by: &str, wish: &Wish) -> Result<Settings, Failure> {
    let issuer = Issuer::parse(&wish.issuer).map_err(|_| Failure::input("provider-issuer"))?;
    if wish.client.trim().is_empty() || !text_is_plain(&wish.client, CLIENT_MAX) {
        return Err(Failure::input("provider-client"));
    }
    if let Some(pem) = &wish.ca {
        authorities(pem).ok_or_else(|| Failure::input("webhook-ca"))?;
    }
    let held = settings(&mut server.store.view().await?).await?;
    let held = held.filter(|held| wish.keep_secret && wish.secret.is_none() && held.issuer == issuer.as_str());
    let secret = match held {
        Some(held) => held.secret,
        None => sealed(server, &issuer, wish.secret.as_ref().map(|secret| secret.as_str()))?,
    };
    let settings = Settings {
        secret,
        redirect: redirect(server, wish.console.as_deref())?,
        issuer: issuer.as_str().to_owned(),
        client: wish.client.clone(),
        private: wish.private,
        ca: wish.ca.clone(),
    };
    if let Err(why) = known(&settings).await {
        return Err(Failure::refused("provider-unreached").with("issuer", &settings.issuer).with("why", why.word()));
    }
    let bytes = serde_json::to_vec(&settings).map_err(|_| Failure::input("store-value").with("column", SETTING))?;
    let entry = Entry::done(clock::now(), by, "provider.set", &settings.issuer).with("client", &settings.client);
    put(server, &bytes, entry).await?;
    Ok(settings)
}

/// Takes the provider away: nobody signs in through it any more. Links stay, for when it comes back.
///
/// # Errors
/// Refused if there is none.
pub async fn remove(server: &Server, by: &str) -> Result<(), Failure> {
    let held = settings(&mut server.store.view().await?).await?.ok_or_else(|| Failure::refused("provider-none"))?;
    put(server, &[], Entry::done(clock::now(), by, "provider.remove", held.issuer)).await
}

async fn put(server: &Server, bytes: &[u8], entry: Entry) -> Result<(), Failure> {
    let mut work = server.store.begin().await?;
    work.put_setting(SETTING, bytes).await?;
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok(())
}

fn sealing(server: &Server, issuer: &str) -> Secret {
    server.keys.secret.derive(issuer.as_bytes(), "secure-workspace/v1/identity-provider")
}

fn sealed(server: &Server, issuer: &Issuer, secret: Option<&str>) -> Result<Option<ByteBuf>, Failure> {
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else { return Ok(None) };
    if secret.len() > SECRET_MAX {
        return Err(Failure::input("provider-secret"));
    }
    let sealed = seal(&sealing(server, issuer.as_str()), issuer.as_str().as_bytes(), secret.as_bytes());
    sealed.map(|bytes| Some(bytes.into())).map_err(|_| Failure::refused("random-failed"))
}

/// Where the provider sends people back: our own host, whatever the port.
fn redirect(server: &Server, console: Option<&str>) -> Result<String, Failure> {
    let base = console.unwrap_or(&server.config.url).trim_end_matches('/');
    let wrong = || Failure::input("provider-console").with("host", server.config.host());
    let url = Url::parse(base).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let ours = url.scheme() == "https" && host == server.config.host() && url.username().is_empty();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.password().is_none();
    if ours && bare { Ok(format!("{}{BACK}", url.origin().ascii_serialization())) } else { Err(wrong()) }
}

impl Settings {
    /// The issuer's host, for people.
    pub fn host(&self) -> String {
        Issuer::parse(&self.issuer).map(|issuer| issuer.host()).unwrap_or_default()
    }

    /// Whether the client shows a secret.
    pub fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    fn secret(&self, server: &Server) -> Result<Option<Zeroizing<String>>, Unreached> {
        let Some(sealed) = &self.secret else { return Ok(None) };
        let opened = unseal(&sealing(server, &self.issuer), self.issuer.as_bytes(), sealed);
        let opened = opened.map_err(|_| Unreached::Setup)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Unreached::Setup)?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    fn place<'a>(&'a self, url: &'a Url) -> Place<'a> {
        Place { url, private: self.private, ca: self.ca.as_deref() }
    }
}

/// What a provider publishes: itself and its keys.
#[derive(Clone, Debug)]
pub struct Known {
    /// Itself.
    pub provider: Provider,
    keys: Keys,
}

/// Asks a provider for what it publishes.
///
/// # Errors
/// [`Unasked`].
pub async fn known(settings: &Settings) -> Result<Known, Unasked> {
    let issuer = Issuer::parse(&settings.issuer)?;
    let described = Url::parse(&issuer.described_at()).map_err(|_| OidcError::Issuer)?;
    let provider = Provider::parse(&get(settings, &described).await?, &issuer)?;
    let keys = Keys::parse(&get(settings, provider.keys()).await?)?;
    Ok(Known { provider, keys })
}

async fn get(settings: &Settings, url: &Url) -> Result<Vec<u8>, Unasked> {
    let request = outbound::ask(Method::GET, url).header(header::ACCEPT, "application/json").body(Full::default());
    let request = request.map_err(|_| Unreached::Setup)?;
    let answer = outbound::send(settings.place(url), request, DOCUMENT_MAX).await?;
    if answer.status.is_success() { Ok(answer.body.to_vec()) } else { Err(OidcError::Refused.into()) }
}

/// Where somebody is sent to sign in.
pub fn send_to(settings: &Settings, known: &Known, attempt: &Attempt) -> Url {
    let client = Client { id: &settings.client, secret: None, redirect: &settings.redirect };
    known.provider.authorize(client, attempt)
}

/// Turns the code of somebody who came back into who that is.
///
/// # Errors
/// [`Unasked`].
pub async fn redeem(
    server: &Server,
    settings: &Settings,
    known: &Known,
    code: &str,
    (nonce, verifier): (&str, &str),
) -> Result<Identity, Unasked> {
    let secret = settings.secret(server)?;
    let client = Client {
        id: &settings.client,
        secret: secret.as_ref().map(|secret| secret.as_str()),
        redirect: &settings.redirect,
    };
    let exchange = known.provider.exchange(client, code, verifier);
    let mut request = outbound::ask(Method::POST, &exchange.url)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = &exchange.authorization {
        request = request.header(header::AUTHORIZATION, authorization.as_str());
    }
    let body = Full::new(exchange.body.as_bytes().to_vec().into());
    let request = request.body(body).map_err(|_| Unreached::Setup)?;
    let answer = outbound::send(settings.place(&exchange.url), request, DOCUMENT_MAX).await?;
    if !answer.status.is_success() {
        return Err(OidcError::Refused.into());
    }
    let token = id_token(&answer.body)?;
    let expected = Expected { issuer: &settings.issuer, client: &settings.client, nonce };
    match verify(&token, &known.keys, expected, clock::now()) {
        // The provider may have changed its keys since they were fetched.
        Err(OidcError::UnknownKey) => {
            let keys = Keys::parse(&get(settings, known.provider.keys()).await?)?;
            Ok(verify(&token, &keys, expected, clock::now())?)
        }
        verified => Ok(verified?),
    }
}

/// Lets somebody of the provider in use sign in as an account.
///
/// # Errors
/// Refused if there is no provider or no such account, or the person is linked already; bad input naming the subject.
pub async fn link(server: &Server, by: &str, account: &str, subject: &str) -> Result<IdentityLink, Failure> {
    let now = clock::now();
    let subject = subject.trim();
    if subject.is_empty() || subject.len() > SUBJECT_MAX || subject.chars().any(char::is_control) {
        return Err(Failure::input("provider-subject"));
    }
    let mut work = server.store.begin().await?;
    let held = settings(&mut work).await?.ok_or_else(|| Failure::refused("provider-none"))?;
    let named = work.account(account).await?;
    named.ok_or_else(|| Failure::refused("console-account-unknown").with("name", account))?;
    if work.identity(&held.issuer, subject).await?.is_some() {
        return Err(Failure::refused("provider-linked").with("subject", subject));
    }
    let link = IdentityLink {
        issuer: held.issuer,
        subject: subject.to_owned(),
        admin: account.to_owned(),
        linked_by: by.to_owned(),
        linked_at: now,
        used_at: None,
    };
    work.add_identity(&link).await?;
    let entry = Entry::done(now, by, "account.identity-link", account).with("issuer", &link.issuer);
    server.log(&mut work, &entry.with("subject", subject)).await?;
    work.commit().await?;
    Ok(link)
}

/// Takes a link away; sessions that it opened end.
///
/// # Errors
/// Refused if there is none.
pub async fn unlink(server: &Server, by: &str, issuer: &str, subject: &str) -> Result<(), Failure> {
    use policy_server_store::ConsoleWork;
    let mut work = server.store.begin().await?;
    let none = || Failure::refused("provider-unlinked").with("subject", subject);
    let held = work.identity(issuer, subject).await?.ok_or_else(none)?;
    work.remove_identity(issuer, subject).await?;
    for session in work.sessions(Some(&held.admin), clock::now()).await? {
        if session.how == "oidc" {
            work.end_session(&session.id).await?;
        }
    }
    let entry = Entry::done(clock::now(), by, "account.identity-unlink", &held.admin).with("issuer", issuer);
    server.log(&mut work, &entry.with("subject", subject)).await?;
    work.commit().await?;
    Ok(())
}
