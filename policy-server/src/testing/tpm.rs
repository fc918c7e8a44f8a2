//! A TPM in tests: keys in memory that keep a TPM's rules, a maker who certifies it, an event log behind its registers.

use std::sync::Mutex;

use cfb_mode::cipher::{AsyncStreamCipher, KeyIvInit};
use policy_server_attestation::tpm::{Hash, Registers, appraise_event_log};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    SubjectPublicKeyInfo,
};
use ring::{
    agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey},
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_bytes::ByteBuf;
use workspace_protocol::evidence::{EnrollActivateReply, TpmQuote};

/// A log of a machine that booted with Secure Boot, and of one that did not.
pub const SECURE: &[u8] = include_bytes!("../../../tests/vectors/attestation/eventlog/cos-101-amd-sev.bin");
pub const INSECURE: &[u8] = include_bytes!("../../../tests/vectors/attestation/eventlog/glinux-alex.bin");

const SPKI_HEAD: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

fn sized(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

/// Makes TPMs and says so.
pub struct Maker(Issuer<'static, KeyPair>, String);

impl Maker {
    pub fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Its root, as a list of roots.
    pub fn roots(&self) -> &[u8] {
        self.1.as_bytes()
    }

    fn certify(&self, point: &[u8]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 1])];
        let key = SubjectPublicKeyInfo::from_der(&[&hex::decode(SPKI_HEAD).unwrap(), point].concat()).unwrap();
        params.signed_by(&key, &self.0).unwrap().der().to_vec()
    }
}

/// A TPM. Its endorsement key opens one credential.
pub struct Tpm {
    ek: Mutex<Option<EphemeralPrivateKey>>,
    ek_point: Vec<u8>,
    ak: EcdsaKeyPair,
    pub certificate: Vec<u8>,
    pub log: &'static [u8],
    pub resets: u32,
}

impl Tpm {
    pub fn new(maker: &Maker, log: &'static [u8]) -> Self {
        let random = SystemRandom::new();
        let ek = EphemeralPrivateKey::generate(&ECDH_P256, &random).unwrap();
        let ek_point = ek.compute_public_key().unwrap().as_ref().to_vec();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ak = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let certificate = maker.certify(&ek_point);
        Self { ek: Mutex::new(Some(ek)), ek_point, ak, certificate, log, resets: 3 }
    }

    /// The same endorsement key with another attestation key; it opens nothing any more.
    pub fn endorsement(&self) -> Vec<u8> {
        let (x, y) = self.ek_point[1..].split_at(32);
        // Template L-2: restricted decryption, AES-128-CFB, no scheme, P-256.
        let head = hex::decode("0023000b000300b2").unwrap();
        let policy = sized(&[0x83; 32]);
        let middle = hex::decode("000600800043001000030010").unwrap();
        [head, policy, middle, sized(x), sized(y)].concat()
    }

    pub fn attestation_key(&self) -> Vec<u8> {
        let (x, y) = self.ak.public_key().as_ref()[1..].split_at(32);
        let head = hex::decode("0023000b00050072000000100018000b00030010").unwrap();
        [head, sized(x), sized(y)].concat()
    }

    fn name(&self) -> Vec<u8> {
        [&[0, 11][..], &sha256(&[&self.attestation_key()])].concat()
    }

    /// `TPM2_ActivateCredential`; empty if the credential is for other keys.
    pub fn activate(&self, reply: &EnrollActivateReply) -> ByteBuf {
        let peer = [&[4], &reply.seed[2..34], &reply.seed[36..]].concat();
        let ek = self.ek.lock().unwrap().take().unwrap();
        let own_x = &self.ek_point[1..33];
        let seed = agreement::agree_ephemeral(ek, &UnparsedPublicKey::new(&ECDH_P256, &peer), |shared| {
            sha256(&[&1u32.to_be_bytes(), shared, b"IDENTITY\0", &peer[1..33], own_x])
        });
        let (integrity, encrypted) = reply.credential[2..].split_at(32);
        let seed = seed.unwrap();
        let (storage, check) = (kdfa(&seed, b"STORAGE\0", &self.name(), 128), kdfa(&seed, b"INTEGRITY\0", &[], 256));
        let check = hmac::Key::new(hmac::HMAC_SHA256, &check);
        if hmac::verify(&check, &[encrypted, &self.name()].concat(), integrity).is_err() {
            return ByteBuf::new();
        }
        let mut plain = encrypted.to_vec();
        cfb_mode::Decryptor::<aes::Aes128>::new_from_slices(&storage, &[0; 16]).unwrap().decrypt(&mut plain);
        plain[2..].to_vec().into()
    }

    /// `TPM2_Quote` over the registers that the log leads to.
    pub fn quote(&self, challenge: &[u8]) -> TpmQuote {
        let values = registers(self.log);
        let attest = [
            &hex::decode("ff5443478018").unwrap()[..],
            &sized(&[&[0, 11][..], &sha256(&[b"qualified"])].concat()),
            &sized(challenge),
            &(u64::from(self.resets) * 1000).to_be_bytes(),
            &self.resets.to_be_bytes(),
            &[0; 4],
            &[1],
            &[0; 8],
            &hex::decode("00000001000b03ff0000").unwrap(),
            &sized(&sha256(&values.iter().map(|value| value.as_slice()).collect::<Vec<_>>())),
        ]
        .concat();
        let signature = self.ak.sign(&SystemRandom::new(), &attest).unwrap();
        let (r, s) = signature.as_ref().split_at(32);
        TpmQuote {
            signature: [&[0, 0x18, 0, 0x0b][..], &sized(r), &sized(s)].concat().into(),
            attest: attest.into(),
            registers: values,
            event_log: self.log.to_vec().into(),
        }
    }
}

fn kdfa(key: &[u8], label: &[u8], context: &[u8], bits: u32) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let parts = [&1u32.to_be_bytes(), label, context, &bits.to_be_bytes()].concat();
    hmac::sign(&key, &parts).as_ref()[..bits as usize / 8].to_vec()
}

/// Registers 0 to 7 that a log leads to.
fn registers(log: &[u8]) -> Vec<ByteBuf> {
    let replayed = Registers::from_json(&appraise_event_log(log).claims()["pcrs"]).unwrap();
    let value = |number| replayed.get(Hash::Sha256, number).map_or_else(|| vec![0; 32], <[u8]>::to_vec);
    (0..8).map(|number| value(number).into()).collect()
}
