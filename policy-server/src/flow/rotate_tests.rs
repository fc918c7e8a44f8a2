//! Keys change under a running server, and devices go on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;

use policy_server_core::signing::certify;
use rcgen::KeyPair;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use workspace_policy::{VerifiedBoundary, VerifiedPolicy};
use workspace_protocol::{
    crypto::SigningKey,
    documents::{Command, KeyCertificate, Lease, ServerPins},
    envelope::{self, Kind},
};

use super::*;
use crate::{
    data::{authority::Trusted, keys, root},
    flow::{order, rotate_tls},
    testing::{ADMIN, Rig, device::Device},
};

const PIN: &str = "493817";
const MONTH: i64 = 30 * 24 * 3600;

async fn rotate(rig: &Rig) {
    let root = root::load(&rig.dir.file("root.key")).unwrap();
    let next = request_online(&rig.server).await.unwrap();
    install_online(&rig.server, ADMIN, &certify(&root, "Clinic", next, clock::now())).await.unwrap();
}

fn certified(rig: &Rig, certificate: &[u8]) -> VerifyingKey {
    envelope::open::<KeyCertificate>(Kind::KeyCertificate, certificate, &[rig.server.keys.root]).unwrap().key
}

#[tokio::test]
async fn a_device_follows_a_new_online_key_without_enrolling_again() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let old = certified(&rig, &device.admission.key_certificate);
    let held = rig.server.current.policy(&"home-care".parse().unwrap()).unwrap().version;
    rotate(&rig).await;

    device.renew(&rig, Default::default()).await.unwrap();
    let new = certified(&rig, &device.admission.key_certificate);
    assert_ne!(old.id(), new.id());
    envelope::open::<Lease>(Kind::Lease, &device.admission.lease, &[new]).unwrap();
    let (boundary, policy) = (device.admission.boundary.clone().unwrap(), device.admission.policy.clone().unwrap());
    let boundary = VerifiedBoundary::verify(&boundary, &rig.server.keys.root, Version(0), clock::now()).unwrap();
    let certificate = device.admission.key_certificate.clone();
    // As a device does that holds the policy that the old key signed.
    VerifiedPolicy::verify(&policy, &certificate, &rig.server.keys.root, &boundary, None, held, clock::now()).unwrap();
    assert_eq!(rig.logged("keys.rotate", None).await, 1);
}

#[tokio::test]
async fn an_order_of_either_key_is_obeyed_by_a_device_that_knows_the_other() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let old = device.admission.key_certificate.to_vec();
    let before = order::lock(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    rotate(&rig).await;
    let after = order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    for (order, known) in [(&before, rig.server.keys.signer.certificate()), (&after, old)] {
        let own = certified(&rig, &known);
        assert!(envelope::open::<Command>(Kind::Command, &order.envelope, &[own]).is_err(), "not by the key it knows");
        let brought = envelope::certificate(Kind::Command, &order.envelope).unwrap();
        let command: Command = envelope::open(Kind::Command, &order.envelope, &[certified(&rig, &brought)]).unwrap();
        assert_eq!(command.seq, order.seq);
    }
}

#[tokio::test]
async fn only_the_root_puts_an_online_key_in_use() {
    let rig = Rig::start().await;
    let root = root::load(&rig.dir.file("root.key")).unwrap();
    let (used, now) = (rig.server.keys.signer.id(), clock::now());
    let unasked = certify(&root, "Clinic", SigningKey::generate().unwrap().verifying_key(), now);
    assert_eq!(install_online(&rig.server, ADMIN, &unasked).await.unwrap_err().id, "keys-not-asked");
    let next = request_online(&rig.server).await.unwrap();
    let stranger = certify(&SigningKey::generate().unwrap(), "Clinic", next, now);
    for bad in [unasked, stranger, Vec::new()] {
        assert_eq!(install_online(&rig.server, ADMIN, &bad).await.unwrap_err().id, "keys-certificate");
    }
    assert_eq!(rig.server.keys.signer.id(), used);
    assert_eq!(keys::load(&rig.dir).unwrap().signer.id(), used);
}

#[tokio::test]
async fn a_change_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let rig = Rig::start().await;
    let root = root::load(&rig.dir.file("root.key")).unwrap();
    let next = request_online(&rig.server).await.unwrap();
    // As it lies after the change counts and before anything of it is done; policies are still the old key's.
    fs::write(rig.dir.file("online.next.cert"), certify(&root, "Clinic", next, clock::now())).unwrap();
    let rig = rig.restart().await;
    assert_eq!(rig.server.keys.signer.id(), next.id());
    assert_eq!(rig.logged("keys.rotate", None).await, 1, "the line is written by the next start");
    policy::refresh(&rig.server).await.unwrap();
    let policy = rig.server.current.policy(&"home-care".parse().unwrap()).unwrap();
    assert!(rig.server.keys.signer.signed(Kind::Policy, &policy.envelope));
    assert!(!rig.dir.file("online.next.key").exists());
}

#[tokio::test]
async fn both_authorities_are_taken_in_the_overlap_and_only_the_new_one_issues() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let old = device.identity();
    rotate_ca(&rig.server, ADMIN, MONTH).await.unwrap();
    assert!(crate::testing::device::open_channel(&rig, Some(old)).await.is_ok(), "the old certificate lets in");
    device.renew(&rig, Default::default()).await.unwrap();
    assert!(device.push(&rig).await.is_ok(), "so does the new one");
    // After a restart too.
    let rig = rig.restart().await;
    assert!(device.push(&rig).await.is_ok());
    assert_eq!(rig.server.keys.ca.earlier(clock::now()).len(), 1);
    assert_eq!(rotate_ca(&rig.server, ADMIN, 60).await.unwrap_err().id, "keys-overlap");
    assert_eq!(rig.logged("keys.rotate", None).await, 1);
}

#[tokio::test]
async fn an_authority_is_taken_until_its_overlap_ends() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let leaf = CertificateDer::from(device.admission.certificates[0].to_vec());
    let (ca, now) = (rig.server.keys.ca.clone(), clock::now());
    let verifier = Trusted::new(ca.clone(), true).unwrap();
    let at = || rustls_pki_types::UnixTime::now();
    assert!(verifier.verify_client_cert(&leaf, &[], at()).is_ok());
    let old = ca.certificate().to_vec();
    let replace = |until: i64| {
        let (key, certificate) = crate::data::authority::new_authority(&rig.server.config, now).unwrap();
        let key = KeyPair::try_from(key.serialize_der()).unwrap();
        let earlier = crate::data::authority::Earlier { certificate: old.clone().into(), until: now.plus(until) };
        ca.replace(key, &certificate, vec![earlier]).unwrap();
    };
    replace(3600);
    assert!(verifier.verify_client_cert(&leaf, &[], at()).is_ok(), "in the overlap");
    replace(-1);
    assert!(verifier.verify_client_cert(&leaf, &[], at()).is_err(), "after it");
}

#[tokio::test]
async fn a_new_tls_key_is_announced_by_the_root_and_shown_from_the_next_start_on() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let key = root::load(&rig.dir.file("root.key")).unwrap();
    let wanted = rotate_tls::wanted(&rig.server, clock::now().plus(MONTH)).await.unwrap();
    assert_eq!(wanted.pins[0].spki, rig.server.keys.pin);
    let sign = |list: &ServerPins, by: &SigningKey| envelope::sign(Kind::ServerPins, list, by);
    let foreign = sign(&wanted, &SigningKey::generate().unwrap());
    assert_eq!(rotate_tls::announce(&rig.server, ADMIN, foreign).await.unwrap_err().id, "keys-other-root");
    for half in [&wanted.pins[..1], &wanted.pins[1..]] {
        let half = sign(&ServerPins { pins: half.to_vec(), ..wanted.clone() }, &key);
        assert_eq!(rotate_tls::announce(&rig.server, ADMIN, half).await.unwrap_err().id, "keys-tls-other");
    }
    assert_eq!(rotate_tls::count(&rig.server, ADMIN, true).await.unwrap_err().id, "keys-tls-none");
    rotate_tls::announce(&rig.server, ADMIN, sign(&wanted, &key)).await.unwrap();

    device.renew(&rig, Default::default()).await.unwrap();
    let heard = device.admission.pins.clone().unwrap();
    assert_eq!(envelope::open::<ServerPins>(Kind::ServerPins, &heard, &[device.root]).unwrap(), wanted);
    device.seen.pins = wanted.version;
    device.renew(&rig, Default::default()).await.unwrap();
    assert_eq!(device.admission.pins, None, "said once");

    assert_eq!(rotate_tls::count(&rig.server, ADMIN, false).await.unwrap_err().id, "keys-tls-soon");
    let before = rig.server.keys.pin;
    assert_eq!(rotate_tls::count(&rig.server, ADMIN, true).await.unwrap().unheard, 0);
    let rig = rig.restart().await;
    assert_ne!(rig.server.keys.pin, before);
    assert_eq!(rig.server.keys.pin, wanted.pins[1].spki);
    device.renew(&rig, Default::default()).await.unwrap();
    assert_eq!((rig.logged("keys.announce", None).await, rig.logged("keys.rotate", None).await), (1, 1));
    let again = rotate_tls::count(&rig.server, ADMIN, true).await.unwrap_err();
    assert_eq!(again.id, "keys-tls-none", "a key is put in use once");
}
