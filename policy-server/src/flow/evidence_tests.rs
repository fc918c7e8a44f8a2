//! A device with a TPM in front of a real server: what is taken, what is refused, what it is worth.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_store::{Store, TrustView, View};
use serde_bytes::ByteBuf;
use serde_json::json;
use workspace_protocol::{
    crypto::SigningKey,
    device_api::{Admission, ENROLL_FINISH, EnrollFinish, Evidence, Held, RENEW, Renew, Seen},
    envelope::{self, Kind},
    evidence::{
        ENROLL_ACTIVATE, EnrollActivate, EnrollActivateReply, PhoneEvidence, TpmEnrollment, TpmQuote, challenge,
    },
    link::EnrollmentLink,
    lists::{ListKind, TrustList},
};

use crate::{
    clock,
    data::root,
    testing::{
        ADMIN, Rig,
        device::{Begun, Device, begin, facts, finish_message},
        line::Line,
        policy_toml,
        tpm::{INSECURE, Maker, SECURE, Tpm},
    },
};

const PIN: &str = "花子の暗証番号";

async fn rig(maker: &Maker) -> Rig {
    let rig = Rig::start().await;
    apply(&rig, ListKind::TpmRoots, maker.roots());
    rig
}

/// Signs a list with the root key and puts it in force.
fn apply(rig: &Rig, kind: ListKind, list: &[u8]) {
    let now = clock::now();
    let list = TrustList { kind, issued_at: now, expires_at: now.plus(3600), list: list.to_vec().into() };
    let key = root::load(&rig.dir.file("root.key")).unwrap();
    let trusted = [rig.server.keys.root];
    rig.server.lists.apply(&envelope::sign(Kind::TrustList, &list, &key), &trusted, now).unwrap();
}

/// An enrollment up to its finish.
struct Trial {
    line: Line,
    link: EnrollmentLink,
    begun: Begun,
    tombstone: SigningKey,
    secret: ByteBuf,
}

fn ask(begun: &Begun, link: &EnrollmentLink, tpm: &Tpm) -> EnrollActivate {
    EnrollActivate {
        nonce: begun.reply.nonce,
        invitation: link.invitation,
        endorsement: tpm.endorsement().into(),
        endorsement_chain: vec![tpm.certificate.clone().into()],
        attestation_key: tpm.attestation_key().into(),
    }
}

impl Trial {
    async fn start(rig: &Rig, tpm: &Tpm) -> Self {
        let (mut line, link) = (Line::open(rig).await, rig.invite().await);
        let mut begun = begin(&mut line, &link, PIN).await.unwrap();
        let reply: EnrollActivateReply = line.post(ENROLL_ACTIVATE, &ask(&begun, &link, tpm)).await.unwrap();
        begun.reply.nonce = reply.nonce;
        let secret = tpm.activate(&reply);
        Self { line, link, begun, tombstone: SigningKey::generate().unwrap(), secret }
    }

    fn challenge(&self) -> [u8; 32] {
        let key = rcgen::PublicKeyData::subject_public_key_info(&self.begun.key);
        let tombstone = self.tombstone.verifying_key();
        challenge(ENROLL_FINISH, &self.line.exporter, &self.begun.reply.nonce, &key, &tombstone)
    }

    /// A finish with this quote.
    fn message(&self, quote: TpmQuote) -> EnrollFinish {
        let begun = &self.begun;
        let mut message = finish_message(&self.line, &self.link, begun, &self.tombstone, &begun.key);
        let Evidence::Software(proof) = message.evidence else { panic!("software evidence was made") };
        message.evidence = Evidence::Tpm2(Box::new(TpmEnrollment { proof, secret: self.secret.clone(), quote }));
        message
    }

    async fn finish(mut self, message: EnrollFinish) -> Result<Device, String> {
        let posted: Result<Admission, _> = self.line.post(ENROLL_FINISH, &message).await;
        let admission = posted.map_err(|refused| refused.1.code)?;
        let root = self.begun.reply.root;
        let (key, tombstone, seen) = (self.begun.key, self.tombstone, Seen::default());
        Ok(Device { id: admission.device, key, tombstone, root, admission, seen })
    }

    /// Finishes as it should be.
    async fn enroll(self, tpm: &Tpm) -> Result<Device, String> {
        let message = self.message(tpm.quote(&self.challenge()));
        self.finish(message).await
    }
}

async fn enrolled(rig: &Rig, tpm: &Tpm) -> Device {
    Trial::start(rig, tpm).await.enroll(tpm).await.unwrap()
}

fn certificate_life(admission: &Admission) -> i64 {
    use x509_parser::prelude::FromDer;
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&admission.certificates[0]).unwrap();
    certificate.validity().not_after.timestamp() - admission.server_time.0
}

/// Renews with what `make` makes of the right challenge.
async fn renew(
    rig: &Rig,
    device: &Device,
    make: impl FnOnce([u8; 32]) -> Option<TpmQuote>,
) -> Result<Admission, String> {
    let mut line = Line::open(rig).await;
    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let key = rcgen::PublicKeyData::subject_public_key_info(&device.key);
    let over = challenge(RENEW, &line.exporter, &nonce, &key, &device.tombstone.verifying_key());
    let body = Renew { held: Held::default(), seen: Seen::default(), facts: facts(), evidence: make(over) };
    let message = device.signed(&line, RENEW, nonce, &body);
    line.post(RENEW, &message).await.map_err(|refused| refused.1.code)
}

const INVALID: &str = "evidence.invalid";

#[tokio::test]
async fn a_tpm_behind_secure_boot_is_worth_a2_and_is_kept_by_name() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let device = enrolled(&rig, &tpm).await;
    assert_eq!(certificate_life(&device.admission), 900);
    let shown = rig.show(device.id).await;
    let trust = &shown["trust"];
    assert_eq!((&shown["tier"], &trust["level"], &trust["certified"]), (&json!("tpm"), &json!("A2"), &json!(true)));
    assert_eq!(trust["reasons"], json!([]));
    assert_eq!(trust["vector"]["hardware"], json!(2));
    assert_eq!(trust["attestation_key"].as_str().unwrap().len(), 68);
    let boot = json!({ "value": true, "evidence": "attested", "verdict": "good" });
    assert_eq!(shown["posture"]["secure_boot"], boot);
}

#[tokio::test]
async fn without_secure_boot_the_same_tpm_is_worth_a1() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, INSECURE));
    let device = enrolled(&rig, &tpm).await;
    assert_eq!(certificate_life(&device.admission), 1800);
    let shown = rig.show(device.id).await;
    assert_eq!(shown["trust"]["reasons"], json!(["tpm2.secure-boot-off"]));
    assert_eq!(shown["posture"]["secure_boot"]["verdict"], json!("report"));
}

#[tokio::test]
async fn a_log_that_says_off_at_a_renewal_cuts_the_level() {
    let maker = Maker::new();
    let (rig, mut tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let device = enrolled(&rig, &tpm).await;
    let admission = renew(&rig, &device, |over| Some(tpm.quote(&over))).await.unwrap();
    assert_eq!(certificate_life(&admission), 900);
    (tpm.log, tpm.resets) = (INSECURE, tpm.resets + 1);
    let admission = renew(&rig, &device, |over| Some(tpm.quote(&over))).await.unwrap();
    assert_eq!(certificate_life(&admission), 1800);
    assert_eq!(rig.show(device.id).await["trust"]["level"], json!("A1"));
    assert_eq!(rig.logged("device.trust", None).await, 1);
}

#[tokio::test]
async fn evidence_of_another_time_tpm_channel_or_key_enrolls_nobody() {
    let maker = Maker::new();
    let rig = rig(&maker).await;
    type Wrong = fn(&Trial, &Tpm, &Tpm) -> EnrollFinish;
    let wrongs: [(&str, Wrong); 6] = [
        ("an old nonce", |trial, tpm, _| {
            let key = rcgen::PublicKeyData::subject_public_key_info(&trial.begun.key);
            let tombstone = trial.tombstone.verifying_key();
            let old = challenge(ENROLL_FINISH, &trial.line.exporter, &[7; 32], &key, &tombstone);
            trial.message(tpm.quote(&old))
        }),
        ("another channel", |trial, tpm, _| {
            let key = rcgen::PublicKeyData::subject_public_key_info(&trial.begun.key);
            let tombstone = trial.tombstone.verifying_key();
            let other = challenge(ENROLL_FINISH, &[7; 32], &trial.begun.reply.nonce, &key, &tombstone);
            trial.message(tpm.quote(&other))
        }),
        ("another TPM's attestation key", |trial, _, other| trial.message(other.quote(&trial.challenge()))),
        ("another tombstone key", |trial, tpm, _| {
            let quote = tpm.quote(&trial.challenge());
            let other = SigningKey::generate().unwrap();
            let mut message = finish_message(&trial.line, &trial.link, &trial.begun, &other, &trial.begun.key);
            let Evidence::Software(proof) = message.evidence else { panic!("software evidence was made") };
            let secret = trial.secret.clone();
            message.evidence = Evidence::Tpm2(Box::new(TpmEnrollment { proof, secret, quote }));
            message
        }),
        ("another secret", |trial, tpm, _| {
            let mut message = trial.message(tpm.quote(&trial.challenge()));
            if let Evidence::Tpm2(given) = &mut message.evidence {
                given.secret[0] ^= 1;
            }
            message
        }),
        ("another device key's proof", |trial, tpm, _| {
            let mut message = trial.message(tpm.quote(&trial.challenge()));
            if let Evidence::Tpm2(given) = &mut message.evidence {
                given.proof[10] ^= 1;
            }
            message
        }),
    ];
    for (what, wrong) in wrongs {
        let (tpm, other) = (Tpm::new(&maker, SECURE), Tpm::new(&maker, SECURE));
        let trial = Trial::start(&rig, &tpm).await;
        let message = wrong(&trial, &tpm, &other);
        assert_eq!(trial.finish(message).await.map(|_| ()), Err(INVALID.to_owned()), "{what}");
    }
    assert_eq!(rig.logged("device.evidence", Some(INVALID)).await, 6);
}

#[tokio::test]
async fn a_tpm_of_an_unknown_maker_or_with_anothers_certificate_is_not_activated() {
    let (maker, unknown) = (Maker::new(), Maker::new());
    let rig = rig(&maker).await;
    let (mut line, link) = (Line::open(&rig).await, rig.invite().await);
    let (tpm, other) = (Tpm::new(&maker, SECURE), Tpm::new(&maker, SECURE));
    let foreign = Tpm::new(&unknown, SECURE);
    let swapped = |begun: &Begun| EnrollActivate {
        endorsement_chain: vec![other.certificate.clone().into()],
        ..ask(begun, &link, &tpm)
    };
    let unrestricted = |begun: &Begun| {
        let mut message = ask(begun, &link, &tpm);
        // The attestation key without "restricted": it would sign anything.
        message.attestation_key[5] &= 0xfe;
        message
    };
    let asks: [&dyn Fn(&Begun) -> EnrollActivate; 3] = [&|begun| ask(begun, &link, &foreign), &swapped, &unrestricted];
    for make in asks {
        let begun = begin(&mut line, &link, PIN).await.unwrap();
        let posted: Result<EnrollActivateReply, _> = line.post(ENROLL_ACTIVATE, &make(&begun)).await;
        assert_eq!(posted.unwrap_err().1.code, INVALID);
        let again: Result<EnrollActivateReply, _> = line.post(ENROLL_ACTIVATE, &ask(&begun, &link, &tpm)).await;
        assert_eq!(again.unwrap_err().1.code, "nonce.unknown", "the nonce was spent");
    }
}

#[tokio::test]
async fn evidence_without_activation_or_of_a_kind_that_is_not_taken_is_refused() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let phone = |proof: ByteBuf| PhoneEvidence { proof, parts: vec![] };
    let kinds: [(&str, &dyn Fn(ByteBuf) -> Evidence); 3] = [
        ("evidence.unsupported", &|proof| Evidence::AndroidKey(phone(proof))),
        ("evidence.unsupported", &|proof| Evidence::AppleAppattest(phone(proof))),
        (INVALID, &|proof| {
            let quote = tpm.quote(&[0; 32]);
            Evidence::Tpm2(Box::new(TpmEnrollment { proof, secret: ByteBuf::new(), quote }))
        }),
    ];
    for (code, kind) in kinds {
        let (mut line, link) = (Line::open(&rig).await, rig.invite().await);
        let begun = begin(&mut line, &link, PIN).await.unwrap();
        let tombstone = SigningKey::generate().unwrap();
        let mut message = finish_message(&line, &link, &begun, &tombstone, &begun.key);
        let Evidence::Software(proof) = message.evidence else { panic!("software evidence was made") };
        message.evidence = kind(proof);
        let posted: Result<Admission, _> = line.post(ENROLL_FINISH, &message).await;
        assert_eq!(posted.unwrap_err().1.code, code);
    }
}

#[tokio::test]
async fn a_renewal_needs_a_fresh_quote_of_the_same_tpm_over_this_connection() {
    let maker = Maker::new();
    let (rig, tpm, other) = (rig(&maker).await, Tpm::new(&maker, SECURE), Tpm::new(&maker, SECURE));
    let device = enrolled(&rig, &tpm).await;
    let mut recorded = None;
    renew(&rig, &device, |over| {
        recorded = Some(tpm.quote(&over));
        recorded.clone()
    })
    .await
    .unwrap();
    let refused = |result: Result<Admission, String>| assert_eq!(result.map(|_| ()), Err(INVALID.to_owned()));
    refused(renew(&rig, &device, |_| recorded.clone()).await);
    refused(renew(&rig, &device, |_| None).await);
    refused(renew(&rig, &device, |over| Some(other.quote(&over))).await);
    refused(renew(&rig, &device, |over| Some(TpmQuote { registers: vec![], ..tpm.quote(&over) })).await);
    let elsewhere = Line::open(&rig).await.exporter;
    refused(
        renew(&rig, &device, |_| {
            let key = rcgen::PublicKeyData::subject_public_key_info(&device.key);
            let tombstone = device.tombstone.verifying_key();
            Some(tpm.quote(&challenge(RENEW, &elsewhere, &[0; 32], &key, &tombstone)))
        })
        .await,
    );
    assert!(renew(&rig, &device, |over| Some(tpm.quote(&over))).await.is_ok());
}

#[tokio::test]
async fn a_device_without_a_tpm_brings_no_quote_and_one_with_it_does_not_unlock_without() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let plain = Device::enroll(&rig, PIN).await;
    let refused = renew(&rig, &plain, |over| Some(tpm.quote(&over))).await;
    assert_eq!(refused.map(|_| ()), Err(INVALID.to_owned()));
    let mut device = enrolled(&rig, &tpm).await;
    assert_eq!(device.unlock(&rig, PIN).await.unwrap_err().1.code, INVALID);
}

#[tokio::test]
async fn counters_that_go_back_are_an_alarm_that_stays() {
    let maker = Maker::new();
    let (rig, mut tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let device = enrolled(&rig, &tpm).await;
    for (resets, life) in [(9, 900), (8, 1800), (20, 1800)] {
        tpm.resets = resets;
        let admission = renew(&rig, &device, |over| Some(tpm.quote(&over))).await.unwrap();
        assert_eq!(certificate_life(&admission), life, "{resets} resets");
    }
    assert_eq!(rig.show(device.id).await["trust"]["alarm"], json!("tpm2.clock-back"));
    assert_eq!(rig.logged("device.alarm", None).await, 1);
}

#[tokio::test]
async fn one_tpm_under_two_devices_is_flagged() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let first = enrolled(&rig, &tpm).await;
    // The endorsement key is spent here, so that the second device's record is looked for by its digest.
    let ek = rig.server.store.view().await.unwrap().trust(first.id).await.unwrap().unwrap().hardware.unwrap().ek;
    let mut view = rig.server.store.view().await.unwrap();
    let other = workspace_protocol::ids::DeviceId::random();
    assert_eq!(view.trust_twin(other, &ek).await.unwrap(), Some(first.id));
    assert_eq!(view.trust_twin(first.id, &ek).await.unwrap(), None);
    assert!(view.device(first.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_policy_that_asks_for_a_tpm_takes_one_that_proves_its_boot_and_nothing_less() {
    let maker = Maker::new();
    let rig = rig(&maker).await;
    let toml = policy_toml("care.example").replace("minimum = \"software\"", "minimum = \"tpm\"");
    let group = "home-care".parse().unwrap();
    super::policy::apply(&rig.server, ADMIN, &group, "t.toml", &toml).await.unwrap();
    let link = rig.invite().await;
    let software = Device::enroll_with(&rig, &link, PIN).await.err().unwrap();
    assert_eq!(software.1.code, "tier.too-low");
    let (good, weak) = (Tpm::new(&maker, SECURE), Tpm::new(&maker, INSECURE));
    assert!(Trial::start(&rig, &good).await.enroll(&good).await.is_ok());
    let refused = Trial::start(&rig, &weak).await.enroll(&weak).await;
    assert_eq!(refused.map(|_| ()), Err("tier.too-low".to_owned()));
}

#[tokio::test]
async fn a_certificate_that_was_taken_back_since_ends_the_renewals() {
    let maker = Maker::new();
    let (rig, tpm) = (rig(&maker).await, Tpm::new(&maker, SECURE));
    let device = enrolled(&rig, &tpm).await;
    let kept = rig.server.store.view().await.unwrap().trust(device.id).await.unwrap().unwrap();
    let serial = hex::encode(&kept.hardware.unwrap().serials[0]);
    let list = json!({ "entries": { serial: { "status": "REVOKED" } } }).to_string();
    apply(&rig, ListKind::Revoked, list.as_bytes());
    let refused = renew(&rig, &device, |over| Some(tpm.quote(&over))).await;
    assert_eq!(refused.map(|_| ()), Err(INVALID.to_owned()));
}
