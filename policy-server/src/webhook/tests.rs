//! Webhooks against a real listener with a certificate of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use policy_server_core::webhook::{Webhook, signature};
use policy_server_store::{ApiView, ApiWork, Store, Work};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use workspace_protocol::ids::UnixTime;

use super::round;
use crate::{
    flow::webhook::{Wish, create, resume},
    testing::{ADMIN, Rig, device::Device},
};

type Got = (HeaderMap, Vec<u8>);

/// Somebody who is told.
struct Listener {
    port: u16,
    ca: String,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
    count: watch::Receiver<usize>,
}

impl Listener {
    async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&params, &ca_key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (status, got) = (Arc::new(AtomicU16::new(204)), Arc::new(Mutex::new(Vec::new())));
        let (tell, count) = watch::channel(0);
        let this = Self { port, ca: ca.pem(), status: Arc::clone(&status), got: Arc::clone(&got), count };
        tokio::spawn(serve(TlsAcceptor::from(Arc::new(config)), listener, status, got, tell));
        this
    }

    fn wish(&self) -> Wish {
        Wish {
            url: format!("https://127.0.0.1:{}/hook?a=b", self.port),
            events: vec!["wipe".into()],
            private: true,
            ca: Some(self.ca.clone()),
        }
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    listener: TcpListener,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
    tell: watch::Sender<usize>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(tls) = acceptor.accept(socket).await else { continue };
        let (status, got, tell) = (Arc::clone(&status), Arc::clone(&got), tell.clone());
        let answer = service_fn(move |request: Request<Incoming>| {
            let (status, got, tell) = (status.load(Ordering::SeqCst), Arc::clone(&got), tell.clone());
            async move {
                let headers = request.headers().clone();
                let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
                got.lock().unwrap().push((headers, body));
                tell.send_modify(|count| *count += 1);
                let answer = Response::builder().status(status).header("location", "https://127.0.0.1:1/");
                answer.body(Full::new(Bytes::new()))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tls), answer));
    }
}

async fn hook(rig: &Rig) -> Webhook {
    rig.server.store.view().await.unwrap().webhooks().await.unwrap().remove(0)
}

/// As if the pause after a failed try were over.
async fn let_pause_pass(rig: &Rig) {
    let held = hook(rig).await;
    let mut work = rig.server.store.begin().await.unwrap();
    work.set_webhook(&Webhook { next_try: UnixTime(0), ..held }).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test]
async fn a_wipe_is_told_once_signed_and_in_order() {
    let rig = Rig::start().await;
    let listener = Listener::start().await;
    let (_, secret) = create(&rig.server, ADMIN, &listener.wish()).await.unwrap();
    let device = Device::enroll(&rig, "248163").await;
    crate::flow::order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    round(&rig.server).await.unwrap();
    round(&rig.server).await.unwrap();

    let got = listener.got();
    assert_eq!(got.len(), 1, "enrollment is not a wipe, and nothing is told twice");
    let (headers, body) = &got[0];
    let told: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&told["type"], &told["data"]["action"]), (&"wipe".into(), &"device.wipe".into()));
    assert_eq!(told["data"]["target"], device.id.to_string());
    let header = |name: &str| headers[name].to_str().unwrap();
    let at = UnixTime(header("webhook-timestamp").parse().unwrap());
    assert_eq!(header("webhook-signature"), signature(&secret, header("webhook-id"), at, body));
    assert!(B64.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).is_ok());
}

#[tokio::test]
async fn what_was_not_taken_is_told_again_with_the_same_id_also_after_a_restart() {
    let rig = Rig::start().await;
    let listener = Listener::start().await;
    create(&rig.server, ADMIN, &listener.wish()).await.unwrap();
    let device = Device::enroll(&rig, "248163").await;
    crate::flow::order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    // A redirect is no success and is not followed.
    for status in [500, 302] {
        listener.status.store(status, Ordering::SeqCst);
        let_pause_pass(&rig).await;
        round(&rig.server).await.unwrap();
    }
    let held = hook(&rig).await;
    assert_eq!((held.tries, held.last_outcome.as_deref()), (2, Some("refused")));
    let before = listener.got().len();
    round(&rig.server).await.unwrap();
    assert_eq!(listener.got().len(), before, "not before its pause is over");

    let rig = rig.restart().await;
    listener.status.store(200, Ordering::SeqCst);
    let_pause_pass(&rig).await;
    round(&rig.server).await.unwrap();
    let ids: Vec<_> = listener.got().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(hook(&rig).await.last_outcome.as_deref(), Some("delivered"));
}

#[tokio::test]
async fn a_running_server_tells_by_itself() {
    let rig = Rig::start().await;
    let mut listener = Listener::start().await;
    let task = tokio::spawn(super::run(Arc::clone(&rig.server)));
    create(&rig.server, ADMIN, &listener.wish()).await.unwrap();
    let device = Device::enroll(&rig, "248163").await;
    crate::flow::order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), listener.count.wait_for(|count| *count > 0)).await;
    drop(told.unwrap().unwrap());
    rig.server.stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn an_untrusted_or_forbidden_place_is_told_nothing() {
    let rig = Rig::start().await;
    let listener = Listener::start().await;
    let other = Listener::start().await;
    let stranger = Wish { ca: Some(other.ca.clone()), ..listener.wish() };
    // A name that leads to loopback, for a webhook that may not.
    let inward = Wish { url: format!("https://localhost:{}/", listener.port), private: false, ..listener.wish() };
    for (wish, outcome) in [(stranger, "tls-untrusted"), (inward, "address-refused")] {
        let (hook, _) = create(&rig.server, ADMIN, &wish).await.unwrap();
        let message = super::Message { id: "a".into(), body: b"{}".to_vec() };
        let found = super::send(&hook, &[1], &message, crate::clock::now()).await;
        assert_eq!(found.unwrap_err().word(), outcome);
    }
    assert!(listener.got().is_empty());
}

#[tokio::test]
async fn what_an_admin_did_during_a_try_stands() {
    let rig = Rig::start().await;
    let place = Listener::start().await;
    let (made, _) = create(&rig.server, ADMIN, &place.wish()).await.unwrap();
    let stuck = Webhook { tries: 40, suspended_at: Some(crate::clock::now()), ..made.clone() };
    let mut work = rig.server.store.begin().await.unwrap();
    work.set_webhook(&stuck).await.unwrap();
    work.commit().await.unwrap();
    // A round that began before took the webhook as it was then.
    let late = Webhook { tries: 41, ..stuck.clone() };
    resume(&rig.server, ADMIN, made.id).await.unwrap();
    assert!(!super::keep(&rig.server, &stuck, &late).await.unwrap());
    let held = hook(&rig).await;
    assert_eq!((held.tries, held.suspended_at), (0, None));
}

#[tokio::test]
async fn a_suspended_webhook_goes_on_where_it_stopped() {
    let rig = Rig::start().await;
    let listener = Listener::start().await;
    listener.status.store(500, Ordering::SeqCst);
    let (made, _) = create(&rig.server, ADMIN, &listener.wish()).await.unwrap();
    let device = Device::enroll(&rig, "248163").await;
    crate::flow::order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    while hook(&rig).await.suspended_at.is_none() {
        let_pause_pass(&rig).await;
        round(&rig.server).await.unwrap();
    }
    listener.status.store(200, Ordering::SeqCst);
    let before = listener.got().len();
    let_pause_pass(&rig).await;
    round(&rig.server).await.unwrap();
    assert_eq!(listener.got().len(), before, "suspended");
    resume(&rig.server, ADMIN, made.id).await.unwrap();
    round(&rig.server).await.unwrap();
    assert_eq!(listener.got().len(), before + 1);
}
