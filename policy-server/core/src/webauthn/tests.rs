#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::{
    soft::{Soft, attestation, cbor},
    *,
};

const HOST: &str = "policy.clinic.example";
const ORIGIN: &str = "https://policy.clinic.example:8443";
const ASKED: Challenge = [7; 32];

fn party() -> Party<'static> {
    Party { id: HOST, origin: ORIGIN }
}

fn made(soft: &Soft) -> Result<Registered, WebauthnError> {
    let (client, object) = soft.register(&ASKED);
    register(&party(), &ASKED, &client, &object)
}

fn entered(soft: &Soft, held: &Registered, counter: u32) -> Result<u32, WebauthnError> {
    let (client, data, signature) = soft.sign_in(&ASKED);
    let answer = Assertion { client_data: &client, authenticator_data: &data, signature: &signature };
    authenticate(&party(), &ASKED, &held.public_key, counter, &answer)
}

#[test]
fn a_passkey_is_made_and_signs_in() {
    let mut soft = Soft::new(HOST, ORIGIN);
    let held = made(&soft).unwrap();
    assert_eq!((held.id.clone(), held.counter), (soft.id.clone(), 0));
    assert_eq!(entered(&soft, &held, 0), Ok(0));
    soft.counter = 5;
    assert_eq!(entered(&soft, &held, 0), Ok(5));
}

#[test]
fn a_self_attestation_is_taken_only_if_its_key_made_it() {
    let soft = Soft::new(HOST, ORIGIN);
    let (client, object) = soft.register_packed(&ASKED);
    assert!(register(&party(), &ASKED, &client, &object).is_ok());
    let data = soft.new_credential(&Soft::new(HOST, ORIGIN).cose());
    let signature = soft.sign(&data, &client);
    let statement = vec![(Value::from("alg"), Value::from(-7)), (Value::from("sig"), Value::Bytes(signature))];
    let other = attestation("packed", statement, data);
    assert_eq!(register(&party(), &ASKED, &client, &other), Err(WebauthnError::Attestation));
}

#[test]
fn an_attestation_that_was_not_asked_for_is_refused() {
    let soft = Soft::new(HOST, ORIGIN);
    let client = soft.client_data("webauthn.create", &ASKED);
    let data = soft.new_credential(&soft.cose());
    for (format, statement) in [
        ("none", vec![(Value::from("x"), Value::from(1))]),
        ("tpm", Vec::new()),
        ("packed", Vec::new()),
        ("packed", vec![(Value::from("x5c"), Value::Array(Vec::new()))]),
    ] {
        let object = attestation(format, statement, data.clone());
        assert_eq!(register(&party(), &ASKED, &client, &object), Err(WebauthnError::Attestation), "{format}");
    }
}

#[test]
fn the_counter_of_a_passkey_that_counts_only_rises() {
    let mut soft = Soft::new(HOST, ORIGIN);
    let held = made(&soft).unwrap();
    for (kept, given) in [(5, 5), (5, 4), (5, 0), (u32::MAX, u32::MAX)] {
        soft.counter = given;
        assert_eq!(entered(&soft, &held, kept), Err(WebauthnError::Counter), "{kept} {given}");
    }
    soft.counter = 6;
    assert_eq!(entered(&soft, &held, 5), Ok(6));
}

/// What an answer may get wrong, each with its refusal, at registration and at sign-in.
#[test]
fn each_rule_of_the_standard_refuses_its_own_breach() {
    type Lie = fn(&mut Soft);
    let lies: [(Lie, WebauthnError); 8] = [
        (|soft| soft.party = "evil.example".to_owned(), WebauthnError::Party),
        (|soft| soft.origin = "https://evil.example".to_owned(), WebauthnError::Origin),
        (|soft| soft.origin = "https://policy.clinic.example".to_owned(), WebauthnError::Origin),
        (|soft| soft.extra = serde_json::json!({ "crossOrigin": true }), WebauthnError::Origin),
        (|soft| soft.extra = serde_json::json!({ "topOrigin": "https://evil.example" }), WebauthnError::Origin),
        (|soft| soft.flags = 0x04, WebauthnError::Absent),
        (|soft| soft.flags = 0x01, WebauthnError::Unverified),
        // Backed up, and yet not eligible for it.
        (|soft| soft.flags = 0x15, WebauthnError::Malformed),
    ];
    for (lie, refusal) in lies {
        let mut soft = Soft::new(HOST, ORIGIN);
        let held = made(&soft).unwrap();
        lie(&mut soft);
        assert_eq!(made(&soft), Err(refusal));
        assert_eq!(entered(&soft, &held, 0), Err(refusal));
    }
}

#[test]
fn an_answer_is_to_this_challenge_and_of_this_ceremony() {
    let soft = Soft::new(HOST, ORIGIN);
    let held = made(&soft).unwrap();
    let (client, object) = soft.register(&[8; 32]);
    assert_eq!(register(&party(), &ASKED, &client, &object), Err(WebauthnError::Challenge));
    let (client, data, signature) = soft.sign_in(&[8; 32]);
    let answer = Assertion { client_data: &client, authenticator_data: &data, signature: &signature };
    assert_eq!(authenticate(&party(), &ASKED, &held.public_key, 0, &answer), Err(WebauthnError::Challenge));
    let client = soft.client_data("webauthn.get", &ASKED);
    let (_, object) = soft.register(&ASKED);
    assert_eq!(register(&party(), &ASKED, &client, &object), Err(WebauthnError::Ceremony));
    let client = soft.client_data("webauthn.create", &ASKED);
    let signature = soft.sign(&data, &client);
    let answer = Assertion { client_data: &client, authenticator_data: &data, signature: &signature };
    assert_eq!(authenticate(&party(), &ASKED, &held.public_key, 0, &answer), Err(WebauthnError::Ceremony));
}

#[test]
fn a_signature_is_of_the_held_key_over_these_very_bytes() {
    let soft = Soft::new(HOST, ORIGIN);
    let held = made(&soft).unwrap();
    assert_eq!(entered(&Soft::new(HOST, ORIGIN), &held, 0), Err(WebauthnError::Signature));
    let (client, mut data, signature) = soft.sign_in(&ASKED);
    data[36] = 9;
    let answer = Assertion { client_data: &client, authenticator_data: &data, signature: &signature };
    assert_eq!(authenticate(&party(), &ASKED, &held.public_key, 0, &answer), Err(WebauthnError::Signature));
}

#[test]
fn what_is_cut_or_goes_on_is_refused() {
    let soft = Soft::new(HOST, ORIGIN);
    let held = made(&soft).unwrap();
    let (client, object) = soft.register(&ASKED);
    for length in 0..object.len() {
        assert!(register(&party(), &ASKED, &client, &object[..length]).is_err(), "{length}");
    }
    let longer = [object.as_slice(), &[0]].concat();
    assert_eq!(register(&party(), &ASKED, &client, &longer), Err(WebauthnError::Malformed));
    let (client, data, _) = soft.sign_in(&ASKED);
    for wrong in [&data[..36], &[data.as_slice(), &[0]].concat()] {
        let signature = soft.sign(wrong, &client);
        let answer = Assertion { client_data: &client, authenticator_data: wrong, signature: &signature };
        assert_eq!(authenticate(&party(), &ASKED, &held.public_key, 0, &answer), Err(WebauthnError::Malformed));
    }
}

#[test]
fn only_keys_that_were_asked_for_are_kept() {
    let soft = Soft::new(HOST, ORIGIN);
    let number = |value: i64| Value::Integer(value.into());
    let key = |entries: Vec<(i64, Value)>| {
        cbor(&Value::Map(entries.into_iter().map(|(label, value)| (number(label), value)).collect()))
    };
    let bytes = |n: usize| Value::Bytes(vec![1; n]);
    let wrong = [
        // ES384 on its own curve; ES256 on another curve; a short coordinate; ES256 with the type of another; twice x.
        key(vec![(1, number(2)), (3, number(-35)), (-1, number(2)), (-2, bytes(48)), (-3, bytes(48))]),
        key(vec![(1, number(2)), (3, number(-7)), (-1, number(2)), (-2, bytes(32)), (-3, bytes(32))]),
        key(vec![(1, number(2)), (3, number(-7)), (-1, number(1)), (-2, bytes(31)), (-3, bytes(33))]),
        key(vec![(1, number(1)), (3, number(-7)), (-1, number(1)), (-2, bytes(32)), (-3, bytes(32))]),
        key(vec![(1, number(1)), (3, number(-8)), (-1, number(6)), (-2, bytes(32)), (-2, bytes(32))]),
    ];
    let client = soft.client_data("webauthn.create", &ASKED);
    for cose in wrong {
        let object = attestation("none", Vec::new(), soft.new_credential(&cose));
        assert_eq!(register(&party(), &ASKED, &client, &object), Err(WebauthnError::Key));
    }
    let good = key(vec![(1, number(1)), (3, number(-8)), (-1, number(6)), (-2, bytes(32))]);
    let object = attestation("none", Vec::new(), soft.new_credential(&good));
    assert!(register(&party(), &ASKED, &client, &object).is_ok());
}

#[test]
fn ed25519_and_rsa_signatures_are_checked_too() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let number = |value: i64| Value::Integer(value.into());
    let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let cose = cbor(&Value::Map(vec![
        (number(1), number(1)),
        (number(3), number(-8)),
        (number(-1), number(6)),
        (number(-2), Value::Bytes(pair.public_key().as_ref().to_vec())),
    ]));
    let key = PublicKey::parse(&cose).unwrap();
    assert_eq!(key.verify(b"message", pair.sign(b"message").as_ref()), Ok(()));
    assert_eq!(key.verify(b"massage", pair.sign(b"message").as_ref()), Err(WebauthnError::Signature));

    let cose = cbor(&Value::Map(vec![
        (number(1), number(3)),
        (number(3), number(-257)),
        (number(-1), Value::Bytes(hex::decode(RSA_MODULUS).unwrap())),
        (number(-2), Value::Bytes(vec![1, 0, 1])),
    ]));
    let key = PublicKey::parse(&cose).unwrap();
    let signature = hex::decode(RSA_SIGNATURE).unwrap();
    assert_eq!((key.algorithm(), key.verify(b"message", &signature)), (-257, Ok(())));
    assert_eq!(key.verify(b"massage", &signature), Err(WebauthnError::Signature));
}

proptest::proptest! {
    #[test]
    fn nothing_that_an_authenticator_says_is_a_panic(client: Vec<u8>, object: Vec<u8>) {
        let _ = register(&party(), &ASKED, &client, &object);
        let soft = Soft::new(HOST, ORIGIN);
        let good = soft.client_data("webauthn.create", &ASKED);
        let _ = register(&party(), &ASKED, &good, &object);
        let _ = PublicKey::parse(&object);
    }
}

/// Made with `openssl genrsa 2048`; the private half was thrown away.
const RSA_MODULUS: &str = "bc4a32b68674c08d2e8ec0b1581fba315a497b340aee330669a9467d5b11c7d3a2cb8c2bd2c3131f46443af67ad4690bc94a66991b09d0\
    6b1bdd0a8842d2f88f0a763bc31a0be8d6fe12455114ef068f3862be8f19864952c2ecd7afdd9b604cd286cba1f86d55f6d548f8b52442\
    be10cbc9830ef4a9fb9cc00ee8694edfd203dd91a962571864d281ce91e226fb370bf9762a88a56a8777d12dddd90ae9a4e142ac13724c\
    ec1f4aeec073d4aae3b6a682ce0c8fd043b1265c1b649ea504a45f8e670f55511f43a88cc23699457ac20852b1518255771a9939553991\
    1e17015c7e537859f62440726e1a1946763909d6a9688fe699b75a236cc469c70da76095";
/// Its signature of "message" (RS256).
const RSA_SIGNATURE: &str = "8c7ac109218c6a008220806a576daae2671b2f46c88d09c6752ae7b41ca6932d2c416ff1f19b42352d3340548b9944303228d4521cfe82\
    84709ba350712cbeb930d073244edd8e5f736fc9629f313da91ec808e8df10b619c868eb3eb8a4d6010b3c41ccb1821ef1e89893601b61\
    00369bf1e2fee5dc3289d61826f082e8922a8ac01370f1b111a7b8c23d5d8acffef380d66df932886cc6a10a909b2b430376133ce84262\
    f83fc68dda2bbcdf3c570ae8fa899b066f18008a6eef52244f620b67c9d15f84939825043326b72c635c6629904deaf40f6c8b6cb8dab8\
    f427f3aca0a9e1818e5c9e7aec23ed1424ca380c532d8fff0761b7650c34bab004e07396";
