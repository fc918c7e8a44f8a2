//! What a provider may say, and every way in which it may not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use proptest::prelude::*;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use workspace_protocol::ids::UnixTime;

use super::*;

const ISSUER: &str = "https://login.example";
const NOW: UnixTime = UnixTime(1_800_000_010);
const EXPECTED: Expected<'_> = Expected { issuer: ISSUER, client: "clinic", nonce: "n-1" };

/// A provider's key of P-256.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256",
            "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]) })
    }

    fn keys(&self) -> Keys {
        Keys::parse(json!({ "keys": [self.public()] }).to_string().as_bytes()).unwrap()
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let signed = unsigned(head, claims);
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature.as_ref()))
    }
}

fn unsigned(head: &Value, claims: &Value) -> String {
    format!("{}.{}", B64.encode(head.to_string()), B64.encode(claims.to_string()))
}

fn head() -> Value {
    json!({ "alg": "ES256", "kid": "ec" })
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "u-1", "aud": "clinic", "exp": 1_800_000_300, "iat": 1_800_000_000, "nonce": "n-1",
        "email": "admin@clinic.example", "email_verified": true })
}

fn with(mut value: Value, name: &str, is: Value) -> Value {
    value[name] = is;
    value
}

fn rs256() -> (Value, String) {
    let vector: Value = serde_json::from_str(include_str!("rs256.json")).unwrap();
    (json!({ "keys": vector["keys"] }), vector["token"].as_str().unwrap().to_owned())
}

#[test]
fn a_good_token_of_either_kind_names_issuer_and_subject() {
    let signer = Signer::new();
    let identity = verify(&signer.sign(&head(), &claims()), &signer.keys(), EXPECTED, NOW).unwrap();
    assert_eq!((identity.issuer(), identity.subject()), (ISSUER, "u-1"));
    let (keys, token) = rs256();
    let keys = Keys::parse(keys.to_string().as_bytes()).unwrap();
    assert_eq!(verify(&token, &keys, EXPECTED, NOW).unwrap().subject(), "u-1");
    let nameless = signer.sign(&json!({ "alg": "ES256" }), &claims());
    assert!(verify(&nameless, &signer.keys(), EXPECTED, NOW).is_ok(), "the only key is meant");
}

#[test]
fn every_claim_that_does_not_fit_is_refused() {
    let signer = Signer::new();
    let cases = [
        ("iss", json!("https://login.example/"), OidcError::OtherIssuer),
        ("iss", json!("https://evil.example"), OidcError::OtherIssuer),
        ("aud", json!("other"), OidcError::Audience),
        ("aud", json!(["other"]), OidcError::Audience),
        ("aud", json!(["clinic", "other"]), OidcError::Audience),
        ("aud", json!([]), OidcError::Audience),
        ("azp", json!("other"), OidcError::Audience),
        ("nonce", json!("n-2"), OidcError::Nonce),
        ("nonce", Value::Null, OidcError::Nonce),
        ("exp", json!(NOW.0 - SKEW_SECONDS), OidcError::Time),
        ("exp", json!(-1), OidcError::Time),
        ("exp", json!(1e300), OidcError::Time),
        ("iat", json!(NOW.0 + SKEW_SECONDS + 1), OidcError::Time),
        ("iat", json!(NOW.0 - AGE_SECONDS - 1), OidcError::Time),
        ("nbf", json!(NOW.0 + SKEW_SECONDS + 1), OidcError::Time),
        ("sub", json!(""), OidcError::Subject),
        ("sub", json!("a\u{0}b"), OidcError::Subject),
        ("sub", json!("x".repeat(256)), OidcError::Subject),
        ("sub", json!(7), OidcError::Malformed),
        ("exp", json!("1800000300"), OidcError::Malformed),
        ("exp", Value::Null, OidcError::Malformed),
    ];
    for (name, value, error) in cases {
        let token = signer.sign(&head(), &with(claims(), name, value.clone()));
        assert_eq!(verify(&token, &signer.keys(), EXPECTED, NOW), Err(error), "{name} = {value}");
    }
    let both = with(with(claims(), "aud", json!(["clinic", "other"])), "azp", json!("clinic"));
    assert!(verify(&signer.sign(&head(), &both), &signer.keys(), EXPECTED, NOW).is_ok());
    let nothing = Expected { nonce: "", ..EXPECTED };
    let token = signer.sign(&head(), &with(claims(), "nonce", json!("")));
    assert_eq!(verify(&token, &signer.keys(), nothing, NOW), Err(OidcError::Nonce), "an empty word is no word");
}

#[test]
fn a_clock_that_is_a_little_off_harms_nothing() {
    let signer = Signer::new();
    let token = signer.sign(&head(), &claims());
    for (now, good) in [
        (1_800_000_000 - SKEW_SECONDS, true),
        (1_800_000_000 - SKEW_SECONDS - 1, false),
        (1_800_000_300 + SKEW_SECONDS - 1, true),
        (1_800_000_300 + SKEW_SECONDS, false),
    ] {
        assert_eq!(verify(&token, &signer.keys(), EXPECTED, UnixTime(now)).is_ok(), good, "{now}");
    }
}

#[test]
fn unsigned_and_confused_tokens_are_refused() {
    let signer = Signer::new();
    let (rsa_keys, rsa_token) = rs256();
    let rsa = Keys::parse(rsa_keys.to_string().as_bytes()).unwrap();
    for alg in ["none", "None", "NONE", "", "HS256", "HS512", "RS1", "PS256", "ES384", "EdDSA"] {
        let token = format!("{}.", unsigned(&json!({ "alg": alg, "kid": "ec" }), &claims()));
        assert_eq!(verify(&token, &signer.keys(), EXPECTED, NOW), Err(OidcError::Algorithm), "{alg}");
    }
    // The public key, taken for a shared secret.
    let modulus = B64.decode(rsa_keys["keys"][0]["n"].as_str().unwrap()).unwrap();
    let signed = unsigned(&json!({ "alg": "HS256", "kid": "rsa" }), &claims());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &modulus), signed.as_bytes());
    let forged = format!("{signed}.{}", B64.encode(tag.as_ref()));
    assert_eq!(verify(&forged, &rsa, EXPECTED, NOW), Err(OidcError::Algorithm));
    // A key of one kind, named by a token of the other.
    let token = signer.sign(&json!({ "alg": "RS256", "kid": "ec" }), &claims());
    assert_eq!(verify(&token, &signer.keys(), EXPECTED, NOW), Err(OidcError::Algorithm));
    let token = signer.sign(&json!({ "alg": "ES256", "kid": "rsa" }), &claims());
    assert_eq!(verify(&token, &rsa, EXPECTED, NOW), Err(OidcError::Algorithm));
    // A key of the token's own.
    let own = json!({ "alg": "ES256", "kid": "x", "jwk": Signer::new().public(), "jku": "https://evil.example/keys" });
    assert_eq!(verify(&signer.sign(&own, &claims()), &signer.keys(), EXPECTED, NOW), Err(OidcError::UnknownKey));
    let token = Signer::new().sign(&head(), &claims());
    assert_eq!(verify(&token, &signer.keys(), EXPECTED, NOW), Err(OidcError::Signature), "another key of that name");
    let must = signer.sign(&json!({ "alg": "ES256", "kid": "ec", "crit": ["b64"] }), &claims());
    assert_eq!(verify(&must, &signer.keys(), EXPECTED, NOW), Err(OidcError::Unsupported));
    let changed = rsa_token.replacen('.', "A.", 1);
    assert!(verify(&changed, &rsa, EXPECTED, NOW).is_err());
}

#[test]
fn without_a_name_a_key_must_be_the_only_one_that_can_be_meant() {
    let (one, two) = (Signer::new(), Signer::new());
    let both = json!({ "keys": [one.public(), with(two.public(), "kid", json!("ec2"))] });
    let keys = Keys::parse(both.to_string().as_bytes()).unwrap();
    let token = one.sign(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(verify(&token, &keys, EXPECTED, NOW), Err(OidcError::UnknownKey));
}

#[test]
fn keys_that_cannot_sign_what_is_taken_are_left_out() {
    let signer = Signer::new();
    let odd = [
        with(signer.public(), "use", json!("enc")),
        with(signer.public(), "crv", json!("P-384")),
        with(signer.public(), "alg", json!("ES384")),
        with(signer.public(), "x", json!("AA")),
        json!({ "kty": "oct", "k": "AAAA", "kid": "ec" }),
        json!({ "kty": 7 }),
        json!("x"),
    ];
    for key in odd {
        let set = json!({ "keys": [key] }).to_string();
        assert_eq!(Keys::parse(set.as_bytes()), Err(OidcError::Unsupported), "{set}");
    }
    for bad in ["", "[]", "{}", "{\"keys\":1}"] {
        assert_eq!(Keys::parse(bad.as_bytes()), Err(OidcError::Malformed), "{bad}");
    }
}

fn metadata() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": "https://login.example/auth?x=1",
        "token_endpoint": "https://login.example/token", "jwks_uri": "https://login.example/jwks",
        "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

fn provider(metadata: &Value) -> Result<Provider, OidcError> {
    Provider::parse(metadata.to_string().as_bytes(), &Issuer::parse(ISSUER).unwrap())
}

#[test]
fn a_provider_must_be_the_one_that_was_named_and_offer_what_is_needed() {
    assert!(provider(&metadata()).is_ok());
    let cases = [
        ("issuer", json!("https://login.example/"), OidcError::OtherIssuer),
        ("issuer", json!("https://evil.example"), OidcError::OtherIssuer),
        ("token_endpoint", json!("http://login.example/token"), OidcError::Address),
        ("jwks_uri", json!("https://u:p@login.example/jwks"), OidcError::Address),
        ("authorization_endpoint", json!("javascript:alert(1)"), OidcError::Address),
        ("response_types_supported", json!(["id_token"]), OidcError::Unsupported),
        ("code_challenge_methods_supported", json!(["plain"]), OidcError::Unsupported),
        ("id_token_signing_alg_values_supported", json!(["HS256", "none"]), OidcError::Unsupported),
        ("token_endpoint", Value::Null, OidcError::Malformed),
    ];
    for (name, value, error) in cases {
        assert_eq!(provider(&with(metadata(), name, value.clone())), Err(error), "{name} = {value}");
    }
    for bad in ["http://login.example", "https://a@login.example", "https://x/?q", "https://x/#f", "login.example", ""]
    {
        assert_eq!(Issuer::parse(bad), Err(OidcError::Issuer), "{bad}");
    }
    let issuer = Issuer::parse("https://login.example/tenant/").unwrap();
    assert_eq!(issuer.described_at(), "https://login.example/tenant/.well-known/openid-configuration");
}

#[test]
fn a_person_is_sent_with_everything_that_binds_the_answer_to_the_question() {
    let client = Client { id: "clinic", secret: Some("s:&"), redirect: "https://policy.clinic.jp/back" };
    let attempt = Attempt::fresh().unwrap();
    let provider = provider(&metadata()).unwrap();
    let url = provider.authorize(client, &attempt);
    let has = |name: &str, value: &str| url.query_pairs().any(|(held, is)| held == name && is == value);
    assert!(has("x", "1") && has("response_type", "code") && has("redirect_uri", client.redirect));
    assert!(has("state", &attempt.state) && has("nonce", &attempt.nonce) && has("code_challenge_method", "S256"));
    assert!(!url.as_str().contains(attempt.verifier.as_str()), "the verifier stays here");
    let exchange = provider.exchange(client, "c", &attempt.verifier);
    assert_eq!(exchange.authorization.as_ref().unwrap().as_str(), "Basic Y2xpbmljOnMlM0ElMjY=");
    assert!(exchange.body.contains(attempt.verifier.as_str()) && !exchange.body.contains("client_secret"));
}

#[test]
fn whoever_comes_back_must_bring_this_attempts_word_from_this_provider() {
    let plain = provider(&metadata()).unwrap();
    let named = provider(&with(metadata(), "authorization_response_iss_parameter_supported", json!(true))).unwrap();
    let back = |code: &str, state: &str, iss: Option<&str>, error: Option<&str>| Returned {
        code: code.to_owned(),
        state: state.to_owned(),
        iss: iss.map(str::to_owned),
        error: error.map(str::to_owned),
    };
    assert_eq!(plain.code(&back("c", "s", None, None), "s"), Ok("c"));
    assert_eq!(named.code(&back("c", "s", Some(ISSUER), None), "s"), Ok("c"));
    for (provider, returned, state, error) in [
        (&plain, back("c", "t", None, None), "s", OidcError::Nonce),
        (&plain, back("c", "", None, None), "", OidcError::Nonce),
        (&plain, back("c", "s", Some("https://evil.example"), None), "s", OidcError::OtherIssuer),
        (&named, back("c", "s", None, None), "s", OidcError::OtherIssuer),
        (&plain, back("", "s", None, None), "s", OidcError::Malformed),
        (&plain, back("", "s", None, Some("access_denied")), "s", OidcError::Refused),
    ] {
        assert_eq!(provider.code(&returned, state), Err(error));
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_fail(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        let keys = Signer::new().keys();
        prop_assert!(verify(&text, &keys, EXPECTED, NOW).is_err());
        prop_assert!(verify(&parts.join("."), &keys, EXPECTED, NOW).is_err());
        prop_assert!(Keys::parse(text.as_bytes()).is_err());
        prop_assert!(id_token(text.as_bytes()).is_err());
        prop_assert!(Provider::parse(text.as_bytes(), &Issuer::parse(ISSUER).unwrap()).is_err());
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_refused(at in 0usize..400, to in any::<u8>()) {
        let signer = Signer::new();
        let mut token = signer.sign(&head(), &claims()).into_bytes();
        let at = at % token.len();
        prop_assume!(token[at] != to && to.is_ascii());
        token[at] = to;
        let token = String::from_utf8(token).unwrap();
        prop_assert!(verify(&token, &signer.keys(), EXPECTED, NOW).is_err());
    }
}
