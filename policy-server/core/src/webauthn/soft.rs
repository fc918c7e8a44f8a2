//! An authenticator in software, for tests only: ES256, with every lie that a test needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use ciborium::Value;
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

/// User present and verified.
pub const PRESENT_AND_VERIFIED: u8 = 0x05;

/// One passkey and what it says of itself.
pub struct Soft {
    pub id: Vec<u8>,
    pub party: String,
    pub origin: String,
    pub flags: u8,
    pub counter: u32,
    pub extra: serde_json::Value,
    key: EcdsaKeyPair,
}

impl Soft {
    pub fn new(party: &str, origin: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let id = digest(&SHA256, key.public_key().as_ref()).as_ref()[..16].to_vec();
        let (party, origin) = (party.to_owned(), origin.to_owned());
        Self { id, party, origin, flags: PRESENT_AND_VERIFIED, counter: 0, extra: serde_json::json!({}), key }
    }

    pub fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let mut data = serde_json::json!({ "type": kind, "challenge": B64.encode(challenge), "origin": self.origin });
        for (name, value) in self.extra.as_object().unwrap() {
            data[name] = value.clone();
        }
        serde_json::to_vec(&data).unwrap()
    }

    pub fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let number = |value: i64| Value::Integer(value.into());
        let entries = vec![
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), Value::Bytes(point[1..33].to_vec())),
            (number(-3), Value::Bytes(point[33..].to_vec())),
        ];
        cbor(&Value::Map(entries))
    }

    fn head(&self, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.party.as_bytes()).as_ref().to_vec();
        data.push(self.flags | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Authenticator data of a registration with the key `cose`.
    pub fn new_credential(&self, cose: &[u8]) -> Vec<u8> {
        let mut data = self.head(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(cose);
        data
    }

    /// Client data and attestation object of a registration.
    pub fn register(&self, challenge: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let data = self.new_credential(&self.cose());
        (self.client_data("webauthn.create", challenge), attestation("none", Vec::new(), data))
    }

    /// The same with a self attestation.
    pub fn register_packed(&self, challenge: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let client = self.client_data("webauthn.create", challenge);
        let data = self.new_credential(&self.cose());
        let signature = self.sign(&data, &client);
        let statement = vec![(Value::from("alg"), Value::from(-7)), (Value::from("sig"), Value::Bytes(signature))];
        (client, attestation("packed", statement, data))
    }

    /// Client data, authenticator data and signature of a sign-in; with the counter as it stands.
    pub fn sign_in(&self, challenge: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let client = self.client_data("webauthn.get", challenge);
        let data = self.head(0);
        let signature = self.sign(&data, &client);
        (client, data, signature)
    }

    pub fn sign(&self, data: &[u8], client: &[u8]) -> Vec<u8> {
        let message = [data, digest(&SHA256, client).as_ref()].concat();
        self.key.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec()
    }
}

pub fn attestation(format: &str, statement: Vec<(Value, Value)>, data: Vec<u8>) -> Vec<u8> {
    cbor(&Value::Map(vec![
        (Value::from("fmt"), Value::from(format)),
        (Value::from("attStmt"), Value::Map(statement)),
        (Value::from("authData"), Value::Bytes(data)),
    ]))
}

pub fn cbor(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}
