//! Webhooks: made, taken away, taken up again. What they are told is sent by [`crate::webhook`].

use policy_server_core::{
    audit::Entry,
    webhook::{Kind, Webhook},
};
use policy_server_store::{ApiView, ApiWork, Store, View, Work};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use url::{Host, Url};
use uuid::Uuid;
use workspace_policy::address::{Place, place};
use workspace_protocol::{
    crypto::{Secret, random, seal, unseal},
    ids::UnixTime,
};
use zeroize::Zeroizing;

use crate::{clock, failure::Failure, server::Server};

/// Most webhooks of a server.
const MOST: usize = 50;
/// Longest address, in bytes.
const URL_MAX: usize = 2000;
/// Longest CA file, in bytes.
const CA_MAX: usize = 64 << 10;

/// What a new webhook shall be.
#[derive(Debug)]
pub struct Wish {
    /// Where it is told.
    pub url: String,
    /// Of what.
    pub events: Vec<String>,
    /// Whether its host may be a private or loopback address.
    pub private: bool,
    /// A CA of its own, PEM.
    pub ca: Option<String>,
}

/// Makes a webhook that is told of everything from now on; gives its signing secret, shown once.
///
/// # Errors
/// Bad input naming the address, event or CA that will not do.
pub async fn create(server: &Server, by: &str, wish: &Wish) -> Result<(Webhook, Zeroizing<Vec<u8>>), Failure> {
    let now = clock::now();
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random().map_err(|_| Failure::refused("random-failed"))?);
    let id = Uuid::new_v4();
    let url = address(wish)?;
    let events = events(wish)?;
    if let Some(pem) = &wish.ca {
        authorities(pem).ok_or_else(|| Failure::input("webhook-ca"))?;
    }
    let sealed = seal(&sealing(server, id), id.as_bytes(), secret.as_slice());
    let mut work = server.store.begin().await?;
    if work.webhooks().await?.len() >= MOST {
        return Err(Failure::refused("webhook-many").with("most", MOST));
    }
    let webhook = Webhook {
        id,
        url: url.to_string(),
        events,
        secret: sealed.map_err(|_| Failure::refused("random-failed"))?,
        private: wish.private,
        ca: wish.ca.clone(),
        created_by: by.to_owned(),
        created_at: now,
        next_entry: work.frontier().await?.size(),
        tries: 0,
        next_try: UnixTime(0),
        last_outcome: None,
        delivered_at: None,
        suspended_at: None,
    };
    work.add_webhook(&webhook).await?;
    let host = url.host_str().unwrap_or_default();
    server.log(&mut work, &Entry::done(now, by, "webhook.create", id).with("host", host)).await?;
    work.commit().await?;
    server.bus.changed();
    Ok((webhook, Zeroizing::new(secret.to_vec())))
}

fn address(wish: &Wish) -> Result<Url, Failure> {
    let bad = || Failure::input("webhook-url");
    let url = Url::parse(&wish.url).map_err(|_| bad())?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    if !plain || url.fragment().is_some() || wish.url.len() > URL_MAX {
        return Err(bad());
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(bad()),
    };
    match literal {
        Some(address) if !permitted(address, wish.private) => Err(Failure::input("webhook-private")),
        _ => Ok(url),
    }
}

/// Whether an address may be dialled.
pub fn permitted(address: std::net::IpAddr, private: bool) -> bool {
    match place(address) {
        Place::Public => true,
        Place::Private => private,
        Place::Never => false,
    }
}

fn events(wish: &Wish) -> Result<Vec<Kind>, Failure> {
    if wish.events.is_empty() {
        return Err(Failure::input("webhook-events"));
    }
    let known =
        |word: &String| Kind::from_word(word).ok_or_else(|| Failure::input("webhook-event").with("event", word));
    wish.events.iter().map(known).collect()
}

/// The certificates of a CA file; `None` unless there is at least one and each can be read.
pub fn authorities(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let read: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()?;
    (!read.is_empty() && pem.len() <= CA_MAX).then_some(read)
}

/// A webhook's signing secret.
///
/// # Errors
/// The row was changed or is another server's.
pub fn secret(server: &Server, webhook: &Webhook) -> Result<Zeroizing<Vec<u8>>, Failure> {
    unseal(&sealing(server, webhook.id), webhook.id.as_bytes(), &webhook.secret)
        .map_err(|_| Failure::input("store-value").with("column", "webhook.secret"))
}

fn sealing(server: &Server, id: Uuid) -> Secret {
    server.keys.secret.derive(id.as_bytes(), "secure-workspace/v1/webhook")
}

/// Takes a webhook away.
///
/// # Errors
/// Refused if there is none.
pub async fn remove(server: &Server, by: &str, id: Uuid) -> Result<(), Failure> {
    let mut work = server.store.begin().await?;
    work.webhook(id).await?.ok_or_else(|| unknown(id))?;
    work.remove_webhook(id).await?;
    server.log(&mut work, &Entry::done(clock::now(), by, "webhook.remove", id)).await?;
    work.commit().await?;
    Ok(())
}

/// Takes a suspended webhook up again where it stopped: nothing of the time between is lost.
///
/// # Errors
/// Refused if there is none.
pub async fn resume(server: &Server, by: &str, id: Uuid) -> Result<Webhook, Failure> {
    let mut work = server.store.begin().await?;
    let held = work.webhook(id).await?.ok_or_else(|| unknown(id))?;
    let webhook = Webhook { suspended_at: None, tries: 0, next_try: UnixTime(0), ..held };
    work.set_webhook(&webhook).await?;
    server.log(&mut work, &Entry::done(clock::now(), by, "webhook.resume", id)).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(webhook)
}

/// No such webhook.
pub fn unknown(id: Uuid) -> Failure {
    Failure::refused("webhook-unknown").with("id", id)
}
