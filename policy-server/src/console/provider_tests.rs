//! A provider of our own making that says whatever a test wants, and what the console makes of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use policy_server_core::authz::{Actor, Role, Scope};
use policy_server_store::{ConsoleView, ConsoleWork};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair as CertKey};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;
use workspace_protocol::crypto::sha256;
use workspace_words::Lang;

use super::*;
use crate::{
    flow::identity::Wish,
    testing::{
        ADMIN, Rig,
        browser::{Answer, Browser},
    },
};

/// A change to good settings.
type Change = fn(&mut Wish);
/// A change to the claims of a token before it is signed; gives the token's head and claims.
type Twist = fn(&mut Value, &mut Value);

struct Inside {
    key: EcdsaKeyPair,
    issuer: String,
    /// By code: challenge, nonce.
    codes: Mutex<HashMap<String, (String, String)>>,
    twist: Mutex<Twist>,
    exchanges: AtomicUsize,
}

/// A provider on loopback that has signed everybody in already.
struct Provider {
    inside: Arc<Inside>,
    ca: String,
}

fn plain(_: &mut Value, _: &mut Value) {}

impl Provider {
    async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = CertKey::generate().unwrap();
        let ca = params.self_signed(&ca_key).unwrap();
        let key = CertKey::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&params, &ca_key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let inside = Arc::new(Inside {
            key: signer,
            issuer,
            codes: Mutex::default(),
            twist: Mutex::new(plain),
            exchanges: AtomicUsize::new(0),
        });
        tokio::spawn(serve(TlsAcceptor::from(Arc::new(config)), listener, router(&inside)));
        Self { inside, ca: ca.pem() }
    }

    fn wish(&self) -> Wish {
        Wish {
            issuer: self.inside.issuer.clone(),
            client: "clinic".to_owned(),
            secret: Some("s3cret".to_owned().into()),
            keep_secret: false,
            console: None,
            private: true,
            ca: Some(self.ca.clone()),
        }
    }

    fn twist(&self, twist: Twist) {
        *self.inside.twist.lock().unwrap() = twist;
    }

    /// What somebody brings back who was sent to `sent`.
    fn code(&self, sent: &Url) -> String {
        let has = |name: &str| sent.query_pairs().find(|(held, _)| held == name).unwrap().1.into_owned();
        assert_eq!((has("client_id").as_str(), has("code_challenge_method").as_str()), ("clinic", "S256"));
        let code = format!("code-{}", has("state"));
        self.inside.codes.lock().unwrap().insert(code.clone(), (has("code_challenge"), has("nonce")));
        code
    }
}

fn router(inside: &Arc<Inside>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(describe))
        .route("/jwks", get(keys))
        .route("/token", post(token))
        .with_state(Arc::clone(inside))
}

async fn describe(State(inside): State<Arc<Inside>>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", inside.issuer);
    Json(json!({ "issuer": inside.issuer, "authorization_endpoint": at("auth"), "token_endpoint": at("token"),
        "jwks_uri": at("jwks"), "response_types_supported": ["code"] }))
}

async fn keys(State(inside): State<Arc<Inside>>) -> Json<Value> {
    let point = inside.key.public_key().as_ref();
    let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..]));
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y }] }))
}

async fn token(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    inside.exchanges.fetch_add(1, Ordering::SeqCst);
    let secret = headers.get("authorization").and_then(|value| value.to_str().ok());
    // clinic:s3cret
    if secret != Some("Basic Y2xpbmljOnMzY3JldA==") || !form["redirect_uri"].ends_with(identity::BACK) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let (challenge, nonce) = inside.codes.lock().unwrap().remove(&form["code"]).ok_or(StatusCode::BAD_REQUEST)?;
    if B64.encode(sha256(form["code_verifier"].as_bytes())) != challenge {
        return Err(StatusCode::BAD_REQUEST);
    }
    let now = clock::now().0;
    let mut head = json!({ "alg": "ES256", "kid": "k" });
    let mut claims = json!({ "iss": inside.issuer, "sub": "u-1", "aud": "clinic", "exp": now + 60, "iat": now,
        "nonce": nonce, "email": "admin-true@clinic.example" });
    let twist = *inside.twist.lock().unwrap();
    twist(&mut head, &mut claims);
    let signed = format!("{}.{}", B64.encode(head.to_string()), B64.encode(claims.to_string()));
    let signature = inside.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    Ok(Json(json!({ "id_token": format!("{signed}.{}", B64.encode(signature.as_ref())), "token_type": "Bearer" })))
}

async fn serve(tls: TlsAcceptor, listener: TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

/// A console whose account `chief` is linked to `u-1`.
async fn world() -> (Rig, Provider) {
    let (rig, provider) = (Rig::start().await, Provider::start().await);
    let actor = Actor { role: Role::Admin, scope: Scope::Organisation };
    let account = Account { name: "chief".into(), actor, handle: None, created_at: clock::now(), disabled_at: None };
    let mut work = rig.server.store.begin().await.unwrap();
    work.add_account(&account).await.unwrap();
    work.commit().await.unwrap();
    identity::set(&rig.server, ADMIN, &provider.wish()).await.unwrap();
    identity::link(&rig.server, ADMIN, "chief", "u-1").await.unwrap();
    (rig, provider)
}

/// Where the button sends somebody.
async fn out(browser: &mut Browser) -> Url {
    browser.get("/console/sign-in").await;
    let answer = browser.post("/console/sign-in/provider", &[("next", "/console/devices")]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let refresh = answer.headers["refresh"].to_str().unwrap();
    Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap()
}

fn state(sent: &Url) -> String {
    sent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

async fn come_back(browser: &mut Browser, code: &str, state: &str) -> Answer {
    browser.get(&format!("{}?code={code}&state={state}", identity::BACK)).await
}

/// Once there and back.
async fn sign_in(rig: &Rig, provider: &Provider) -> (Browser, Answer) {
    let mut browser = Browser::new(rig);
    let sent = out(&mut browser).await;
    let code = provider.code(&sent);
    let answer = come_back(&mut browser, &code, &state(&sent)).await;
    (browser, answer)
}

#[tokio::test]
async fn a_linked_identity_signs_in_as_its_account_and_goes_on_where_it_wanted() {
    let (rig, provider) = world().await;
    let mut browser = Browser::new(&rig);
    for lang in Lang::ALL {
        browser.speak(lang);
        assert!(browser.get("/console/sign-in").await.body.contains("/console/sign-in/provider"));
    }
    browser.speak(Lang::En);
    let sent = out(&mut browser).await;
    assert!(sent.as_str().starts_with(&format!("{}/auth?", provider.inside.issuer)));
    let cookie = browser.cookie(cookie::PROVIDER).unwrap().to_owned();
    let code = provider.code(&sent);
    let answer = come_back(&mut browser, &code, &state(&sent)).await;
    assert_eq!((answer.status, answer.headers["refresh"].to_str().unwrap()), (200, "0; url=/console/devices"));
    assert!(answer.body.contains("chief") && browser.cookie(cookie::PROVIDER).is_none());
    assert!(browser.cookie("__Host-session").is_some_and(|session| session != cookie), "a fresh session");
    assert_eq!(browser.get("/console/devices").await.status, 200);
    assert!(browser.get("/console/provider").await.body.contains("u-1"));
    let links = rig.server.store.view().await.unwrap().identities().await.unwrap();
    assert!(links[0].used_at.is_some());
    assert_eq!(rig.logged("session.begin", None).await, 1);
}

#[tokio::test]
async fn a_token_that_does_not_hold_opens_nothing() {
    let (rig, provider) = world().await;
    let twists: [(&str, Twist); 8] = [
        ("wrong nonce", |_, claims| claims["nonce"] = json!("AAAA")),
        ("other audience", |_, claims| claims["aud"] = json!("somebody-else")),
        ("expired", |_, claims| claims["exp"] = json!(clock::now().0 - 120)),
        ("other issuer", |_, claims| claims["iss"] = json!("https://evil.example")),
        ("alg none", |head, _| head["alg"] = json!("none")),
        ("shared secret", |head, _| head["alg"] = json!("HS256")),
        ("another kind of key", |head, _| head["alg"] = json!("RS256")),
        ("unknown key", |head, _| head["kid"] = json!("other")),
    ];
    for (at, (what, twist)) in twists.into_iter().enumerate() {
        provider.twist(twist);
        let (mut browser, answer) = sign_in(&rig, &provider).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.body);
        assert!(browser.cookie("__Host-session").is_none(), "{what}");
        assert_eq!(browser.get("/console").await.status, 303, "{what}");
        assert_eq!(rig.logged("session.begin", Some("proof.invalid")).await, at + 1, "{what}");
    }
    provider.twist(plain);
    assert_eq!(sign_in(&rig, &provider).await.1.status, 200);
}

#[tokio::test]
async fn a_code_is_good_once_in_its_own_browser_and_for_its_own_attempt() {
    let (rig, provider) = world().await;
    let (mut browser, mut thief) = (Browser::new(&rig), Browser::new(&rig));
    let sent = out(&mut browser).await;
    let code = provider.code(&sent);
    // Somebody else's browser, with the whole address that came back.
    assert_eq!(come_back(&mut thief, &code, &state(&sent)).await.status, 422);
    assert_eq!(come_back(&mut browser, &code, &state(&sent)).await.status, 422, "the try spent it");
    // A code of the attacker's, slipped under a victim's attempt: bound to another challenge and nonce.
    let (victim, attacker) = (out(&mut browser).await, out(&mut thief).await);
    let foreign = provider.code(&attacker);
    assert_eq!(come_back(&mut browser, &foreign, &state(&victim)).await.status, 403);
    // A code that was used.
    let sent = out(&mut browser).await;
    let code = provider.code(&sent);
    assert_eq!(come_back(&mut browser, &code, &state(&sent)).await.status, 200);
    let mut again = Browser::new(&rig);
    let sent = out(&mut again).await;
    assert_eq!(come_back(&mut again, &code, &state(&sent)).await.status, 403);
    assert!(again.cookie("__Host-session").is_none());
    // No state, or one of nobody's.
    for query in ["", "?code=x", "?code=x&state=", "?code=x&state=AAAA", "?error=access_denied&state=AAAA"] {
        assert_eq!(again.get(&format!("{}{query}", identity::BACK)).await.status, 422, "{query}");
    }
    // The provider says no: nothing is fetched.
    let (sent, before) = (out(&mut again).await, provider.inside.exchanges.load(Ordering::SeqCst));
    let path = format!("{}?error=access_denied&state={}", identity::BACK, state(&sent));
    assert_eq!(again.get(&path).await.status, 403);
    let sent = out(&mut again).await;
    let path = format!("{}?code=x&iss=https://evil.example&state={}", identity::BACK, state(&sent));
    assert_eq!(again.get(&path).await.status, 403, "another provider answers");
    assert_eq!(provider.inside.exchanges.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn nobody_comes_in_who_was_not_linked_whatever_his_address_is() {
    let (rig, provider) = world().await;
    // The name of an account that is there, as subject and as verified e-mail.
    provider.twist(|_, claims| {
        claims["sub"] = json!("<b>chief</b>");
        claims["email"] = json!("chief");
        claims["email_verified"] = json!(true);
        claims["preferred_username"] = json!("chief");
    });
    let (mut browser, answer) = sign_in(&rig, &provider).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("&#60;b&#62;chief&#60;/b&#62;"), "it tells what to give to an admin: {}", answer.body);
    assert_eq!(browser.get("/console").await.status, 303);
    provider.twist(plain);
    // The same subject of another issuer.
    identity::unlink(&rig.server, ADMIN, &provider.inside.issuer, "u-1").await.unwrap();
    let mut work = rig.server.store.begin().await.unwrap();
    let link = IdentityLink {
        issuer: "https://old.example".to_owned(),
        subject: "u-1".to_owned(),
        admin: "chief".to_owned(),
        linked_by: ADMIN.to_owned(),
        linked_at: clock::now(),
        used_at: None,
    };
    work.add_identity(&link).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(sign_in(&rig, &provider).await.1.status, 403);
    // An account that is shut out.
    identity::link(&rig.server, ADMIN, "chief", "u-1").await.unwrap();
    let mut work = rig.server.store.begin().await.unwrap();
    let mut account = work.account("chief").await.unwrap().unwrap();
    account.disabled_at = Some(clock::now());
    work.set_account(&account).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(sign_in(&rig, &provider).await.1.status, 403);
}

#[tokio::test]
async fn an_unlinked_identity_loses_its_sessions_at_once() {
    let (rig, provider) = world().await;
    let (mut browser, _) = sign_in(&rig, &provider).await;
    assert_eq!(browser.get("/console").await.status, 200);
    identity::unlink(&rig.server, ADMIN, &provider.inside.issuer, "u-1").await.unwrap();
    assert_eq!(browser.get("/console").await.status, 303);
    identity::remove(&rig.server, ADMIN).await.unwrap();
    let mut nobody = Browser::new(&rig);
    assert!(!nobody.get("/console/sign-in").await.body.contains("/console/sign-in/provider"));
    assert_eq!(nobody.post("/console/sign-in/provider", &[]).await.status, 404);
}

#[tokio::test]
async fn settings_are_checked_sealed_and_kept_only_if_the_provider_answers() {
    let (rig, provider) = (Rig::start().await, Provider::start().await);
    let cases: [(&str, Change); 7] = [
        ("provider-issuer", |wish| wish.issuer = "http://login.example".into()),
        ("provider-client", |wish| wish.client = " ".into()),
        ("provider-console", |wish| wish.console = Some("https://evil.example".into())),
        ("provider-console", |wish| wish.console = Some("https://127.0.0.1:8443/path".into())),
        ("webhook-ca", |wish| wish.ca = Some("no".into())),
        ("provider-unreached", |wish| wish.private = false),
        ("provider-unreached", |wish| wish.ca = None),
    ];
    for (id, change) in cases {
        let mut wish = provider.wish();
        change(&mut wish);
        assert_eq!(identity::set(&rig.server, ADMIN, &wish).await.unwrap_err().id, id);
    }
    assert!(identity::settings(&mut rig.server.store.view().await.unwrap()).await.unwrap().is_none());
    let mut wish = provider.wish();
    wish.console = Some("https://127.0.0.1:9443".into());
    let set = identity::set(&rig.server, ADMIN, &wish).await.unwrap();
    assert_eq!(set.redirect, format!("https://127.0.0.1:9443{}", identity::BACK));
    use policy_server_store::View;
    let bytes = rig.server.store.view().await.unwrap().setting("identity-provider").await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "the secret is sealed");
    assert_eq!(identity::link(&rig.server, ADMIN, "nobody", "u").await.unwrap_err().id, "console-account-unknown");
    for subject in ["", " ", "a\nb"] {
        assert_eq!(identity::link(&rig.server, ADMIN, "admin", subject).await.unwrap_err().id, "provider-subject");
    }
    identity::link(&rig.server, ADMIN, "admin", "u").await.unwrap();
    assert_eq!(identity::link(&rig.server, ADMIN, "admin", "u").await.unwrap_err().id, "provider-linked");
    assert_eq!(identity::unlink(&rig.server, ADMIN, &set.issuer, "x").await.unwrap_err().id, "provider-unlinked");
}

#[tokio::test]
async fn the_page_of_the_provider_keeps_what_was_typed_and_never_shows_the_secret() {
    let (rig, provider) = (Rig::start().await, Provider::start().await);
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    for lang in Lang::ALL {
        browser.speak(lang);
        assert!(!browser.get("/console/provider").await.body.contains(">pages-"));
    }
    browser.speak(Lang::En);
    let (issuer, ca) = (provider.inside.issuer.clone(), provider.ca.clone());
    let wrong = [("issuer", "http://x"), ("client", "clinic"), ("secret", "s3cret"), ("ca", ca.as_str())];
    let answer = browser.post("/console/provider", &wrong).await;
    assert!(answer.status == 422 && answer.body.contains("id=\"provider-fault\""), "{}", answer.body);
    assert!(answer.body.contains("value=\"http://x\"") && !answer.body.contains("s3cret"));
    let good =
        [("issuer", issuer.as_str()), ("client", "clinic"), ("secret", "s3cret"), ("private", "yes"), ("ca", &ca)];
    assert_eq!(browser.post("/console/provider", &good).await.status, 303);
    let page = browser.get("/console/provider").await.body;
    assert!(page.contains(identity::BACK) && !page.contains("s3cret"), "{page}");
    // Saved again without the secret: it stays.
    let again = [("issuer", issuer.as_str()), ("client", "clinic"), ("private", "yes"), ("ca", &ca)];
    assert_eq!(browser.post("/console/provider", &again).await.status, 303);
    assert_eq!(browser.post("/console/provider/link", &[("account", "nobody"), ("subject", "u-1")]).await.status, 422);
    let me = [("account", "admin-true"), ("subject", "u-1")];
    assert_eq!(browser.post("/console/provider/link", &me).await.status, 303);
    assert_eq!(sign_in(&rig, &provider).await.1.status, 200);
    let gone = [("issuer", issuer.as_str()), ("subject", "u-1")];
    assert_eq!(browser.post("/console/provider/unlink", &gone).await.status, 303);
    assert_eq!(browser.post("/console/provider/remove", &[]).await.status, 303);
    assert_eq!(browser.post("/console/provider/remove", &[]).await.status, 409);
}
