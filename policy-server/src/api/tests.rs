//! The device API over real TLS: the way in, the way out, and each refusal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_core::{
    enrollment::{Invitation, WRONG_TRIES},
    fleet::Tries,
};
use policy_server_store::{InvitationRecord, Store, View, Work};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::version::TLS12;
use serde_json::json;
use workspace_protocol::{
    cbor,
    crypto::SigningKey,
    device_api::{
        Admission, ENROLL_BEGIN, ENROLL_FINISH, HELLO, Held, Hello, HelloReply, PUSH, RECEIPT, RENEW, REPLY_MAX,
        REQUEST_MAX, ReceiptReply, ReceiptUpload, Refusal, Renew, Seen, UNLOCK_FINISH, UNLOCK_START,
    },
    documents::{Action, Stage},
    ids::{CommandSeq, DeviceId, Epoch, UnixTime, Version},
    opaque::PIN_TRIES,
};
use zeroize::Zeroizing;

use crate::{
    clock,
    flow::order,
    testing::{
        ADMIN, Rig,
        device::{Device, begin, begin_message, facts, finish_message, read_command},
        line::{self, Line, code},
    },
};

const PIN: &str = "248163";

#[tokio::test]
async fn a_device_enrolls_unlocks_and_renews() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    assert!(device.admission.policy.is_some() && device.admission.boundary.is_some());
    let first = device.admission.lease.clone();

    device.unlock(&rig, PIN).await.unwrap();
    assert_ne!(device.admission.lease, first);
    let held = Held { boundary: Version(2), policy: Version(1) };
    device.renew(&rig, held).await.unwrap();
    assert!(device.admission.policy.is_none() && device.admission.boundary.is_none());
    assert_eq!((device.admission.org.as_str(), device.admission.user.as_str()), ("Clinic", "花子"));

    let shown = rig.show(device.id).await;
    assert_eq!((&shown["state"], &shown["policy_version"]), (&json!("active"), &json!(1)));
    assert_eq!(rig.logged("device.enroll", None).await, 1);
    assert_eq!(rig.logged("device.unlock", None).await, 1);
}

#[tokio::test]
async fn an_invitation_is_good_for_one_device() {
    let rig = Rig::start().await;
    let link = rig.invite().await;
    assert!(Device::enroll_with(&rig, &link, PIN).await.is_ok());
    assert_eq!(code(Device::enroll_with(&rig, &link, PIN).await.map(|_| ())), "code.used");
}

#[tokio::test]
async fn two_devices_that_began_with_one_code_do_not_both_finish() {
    let rig = Rig::start().await;
    let link = rig.invite().await;
    let (mut one, mut two) = (Line::open(&rig).await, Line::open(&rig).await);
    let (a, b) = (begin(&mut one, &link, PIN).await.unwrap(), begin(&mut two, &link, PIN).await.unwrap());
    let key = SigningKey::generate().unwrap();
    let first = finish_message(&one, &link, &a, &key, &a.key);
    let second = finish_message(&two, &link, &b, &SigningKey::generate().unwrap(), &b.key);
    assert!(one.post::<_, Admission>(ENROLL_FINISH, &first).await.is_ok());
    assert_eq!(code(two.post::<_, Admission>(ENROLL_FINISH, &second).await), "code.used");
}

#[tokio::test]
async fn five_wrong_codes_kill_an_invitation() {
    let rig = Rig::start().await;
    let link = rig.invite().await;
    let mut wrong = link.clone();
    wrong.code = Zeroizing::new([0; 16]);
    let mut line = Line::open(&rig).await;
    for left in (0..WRONG_TRIES).rev() {
        let (status, refusal) = begin(&mut line, &wrong, PIN).await.map(|_| ()).unwrap_err();
        let expected = if left > 0 { ("code.unknown", Some(u32::from(left))) } else { ("code.locked", None) };
        assert_eq!((status, refusal.code.as_str(), refusal.tries_left), (403, expected.0, expected.1));
    }
    assert_eq!(code(begin(&mut line, &link, PIN).await.map(|_| ())), "code.locked");
    assert_eq!(rig.logged("device.enroll", Some("code.locked")).await, 1);
}

#[tokio::test]
async fn an_unknown_or_expired_invitation_is_refused() {
    let rig = Rig::start().await;
    let mut link = rig.invite().await;
    let mut work = rig.server.store.begin().await.unwrap();
    let held = work.invitation(&link.invitation).await.unwrap().unwrap();
    let over = UnixTime(1);
    link.invitation = [7; 8];
    let tag = policy_server_core::enrollment::code_tag(&rig.server.keys.secret, &[7; 8], &link.code);
    let record =
        InvitationRecord { id: [7; 8], code_tag: tag.to_vec(), expires_at: over, state: Invitation::new(over), ..held };
    work.add_invitation(&record).await.unwrap();
    work.commit().await.unwrap();
    let mut line = Line::open(&rig).await;
    assert_eq!(code(begin(&mut line, &link, PIN).await.map(|_| ())), "code.expired");
    link.invitation = [8; 8];
    assert_eq!(code(begin(&mut line, &link, PIN).await.map(|_| ())), "code.unknown");
}

#[tokio::test]
async fn a_proof_holds_on_its_own_connection_only() {
    let rig = Rig::start().await;
    let link = rig.invite().await;
    let (mut line, other) = (Line::open(&rig).await, Line::open(&rig).await);
    let begun = begin(&mut line, &link, PIN).await.unwrap();
    // Proof made for another connection, as one who relays would have.
    let registration = vec![0xe2; 32];
    let relayed = begin_message(&other, &link, &begun.key, good_registration());
    assert_eq!(code(line.post::<_, ()>(ENROLL_BEGIN, &relayed).await), "proof.invalid");
    let broken = begin_message(&line, &link, &begun.key, registration);
    assert_eq!(code(line.post::<_, ()>(ENROLL_BEGIN, &broken).await), "message.malformed");

    let tombstone = SigningKey::generate().unwrap();
    let relayed = finish_message(&other, &link, &begun, &tombstone, &begun.key);
    assert_eq!(code(line.post::<_, Admission>(ENROLL_FINISH, &relayed).await), "evidence.invalid");
    // The nonce is spent, whatever came of it.
    let again = finish_message(&line, &link, &begun, &tombstone, &begun.key);
    assert_eq!(code(line.post::<_, Admission>(ENROLL_FINISH, &again).await), "nonce.unknown");
}

fn good_registration() -> Vec<u8> {
    use opaque_ke::ClientRegistration;
    use workspace_protocol::opaque::Suite;
    let started = ClientRegistration::<Suite>::start(&mut rand::rngs::OsRng, PIN.as_bytes()).unwrap();
    started.message.serialize().to_vec()
}

#[tokio::test]
async fn evidence_of_another_key_makes_no_device() {
    let rig = Rig::start().await;
    let link = rig.invite().await;
    let mut line = Line::open(&rig).await;
    let begun = begin(&mut line, &link, PIN).await.unwrap();
    let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let forged = finish_message(&line, &link, &begun, &SigningKey::generate().unwrap(), &other);
    assert_eq!(code(line.post::<_, Admission>(ENROLL_FINISH, &forged).await), "evidence.invalid");
    // The code was not spent by it.
    assert!(Device::enroll_with(&rig, &link, PIN).await.is_ok());
}

#[tokio::test]
async fn ten_wrong_pins_lock_until_an_admin_releases() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    for left in (0..PIN_TRIES).rev() {
        let (_, refusal) = device.unlock(&rig, "000000").await.unwrap_err();
        let expected = if left > 0 { "pin.wrong" } else { "pin.locked" };
        assert_eq!((refusal.code.as_str(), refusal.tries_left), (expected, Some(left)));
    }
    assert_eq!(code(device.unlock(&rig, PIN).await), "pin.locked");
    assert_eq!(rig.show(device.id).await["pin_locked"], json!(true));
    assert_eq!(rig.logged("device.pin-locked", Some("pin.locked")).await, 1);

    order::release(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    device.unlock(&rig, PIN).await.unwrap();
}

#[tokio::test]
async fn a_try_that_never_finishes_is_counted_and_survives_a_restart() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    assert!(device.unlock(&rig, "000000").await.is_err());
    let rig = rig.restart().await;
    let held = rig.server.store.view().await.unwrap().device(device.id).await.unwrap().unwrap();
    assert_eq!(held.tries, Tries::Counted(1));
    device.unlock(&rig, PIN).await.unwrap();
    let held = rig.server.store.view().await.unwrap().device(device.id).await.unwrap().unwrap();
    assert_eq!(held.tries, Tries::Counted(0));
}

#[tokio::test]
async fn a_signed_request_is_bound_to_path_connection_nonce_and_key() {
    let rig = Rig::start().await;
    let (device, other) = (Device::enroll(&rig, PIN).await, Device::enroll(&rig, PIN).await);
    let (mut line, elsewhere) = (Line::open(&rig).await, Line::open(&rig).await);
    let body = Renew { held: Held::default(), seen: Seen::default(), facts: facts(), evidence: None };

    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let other_path = device.signed(&line, UNLOCK_START, nonce, &body);
    assert_eq!(code(line.post::<_, Admission>(RENEW, &other_path).await), "proof.invalid");

    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let relayed = device.signed(&elsewhere, RENEW, nonce, &body);
    assert_eq!(code(line.post::<_, Admission>(RENEW, &relayed).await), "proof.invalid");

    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let foreign = other.signed(&line, RENEW, nonce, &body);
    assert_eq!(code(line.post::<_, Admission>(RENEW, &foreign).await), "nonce.unknown");

    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let good = device.signed(&line, RENEW, nonce, &body);
    assert!(line.post::<_, Admission>(RENEW, &good).await.is_ok());
    assert_eq!(code(line.post::<_, Admission>(RENEW, &good).await), "nonce.unknown");
}

#[tokio::test]
async fn a_lease_that_is_over_is_not_renewed_without_the_pin() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let mut work = rig.server.store.begin().await.unwrap();
    let mut row = work.device(device.id).await.unwrap().unwrap();
    row.lease_until = Some(clock::now());
    work.set_device(&row).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(code(device.renew(&rig, Held::default()).await), "lease.expired");
    device.unlock(&rig, PIN).await.unwrap();
    device.renew(&rig, Held::default()).await.unwrap();
}

#[tokio::test]
async fn a_locked_device_is_told_so_until_it_is_released() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    order::lock(&rig.server, ADMIN, "Hanako's PC").await.unwrap();
    let mut line = Line::open(&rig).await;
    let pending = device.hello(&mut line).await.unwrap().pending;
    assert_eq!(read_command(&rig, &pending[0]).action, Action::Lock);
    assert_eq!(code(device.unlock(&rig, PIN).await), "device.locked");
    assert_eq!(code(device.renew(&rig, Held::default()).await), "device.locked");
    order::release(&rig.server, ADMIN, "Hanako's PC").await.unwrap();
    assert!(device.hello(&mut line).await.unwrap().pending.is_empty());
    device.unlock(&rig, PIN).await.unwrap();
}

#[tokio::test]
async fn a_wiped_device_that_was_off_hears_of_it_first_and_gets_nothing_else() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let issued = order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let again = order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    assert_eq!(issued, again, "the same order, not a second one");

    let rig = rig.restart().await;
    let mut line = Line::open(&rig).await;
    let pending = device.hello(&mut line).await.unwrap().pending;
    let command = read_command(&rig, &pending[0]);
    assert_eq!((command.action, command.seq), (Action::Wipe, CommandSeq(1)));
    assert_eq!(code(device.unlock(&rig, PIN).await), "device.wiped");
    assert_eq!(code(device.renew(&rig, Held::default()).await), "device.wiped");
    assert!(rig.server.store.view().await.unwrap().pin_record(device.id).await.unwrap().is_none());

    for stage in [Stage::Accepted, Stage::Destroyed, Stage::Destroyed] {
        let receipt = ReceiptUpload { receipt: device.receipt(command.seq, stage).into() };
        line.post::<_, ReceiptReply>(RECEIPT, &receipt).await.unwrap();
    }
    let shown = rig.show(device.id).await;
    assert_eq!((&shown["state"], &shown["wipe"]["state"]), (&json!("wiped"), &json!("destroyed")));
    assert_eq!(code(device.hello(&mut line).await), "device.wiped");
    assert_eq!(rig.logged("device.receipt", None).await, 2, "a receipt that is kept already is no news");
}

#[tokio::test]
async fn a_receipt_of_another_key_or_for_no_order_is_refused() {
    let rig = Rig::start().await;
    let (device, other) = (Device::enroll(&rig, PIN).await, Device::enroll(&rig, PIN).await);
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let mut line = Line::open(&rig).await;
    let seq = CommandSeq(1);
    let stranger = SigningKey::generate().unwrap();
    for (bytes, reason) in [
        (device.receipt_by(&stranger, seq, Stage::Destroyed), "proof.invalid"),
        (device.receipt_by(&other.tombstone, seq, Stage::Destroyed), "proof.invalid"),
        (device.receipt(CommandSeq(9), Stage::Destroyed), "message.malformed"),
        (other.receipt(seq, Stage::Destroyed), "message.malformed"),
        (b"no".to_vec(), "message.malformed"),
    ] {
        let upload = ReceiptUpload { receipt: bytes.into() };
        assert_eq!(code(line.post::<_, ReceiptReply>(RECEIPT, &upload).await), reason);
    }
    assert_eq!(rig.show(device.id).await["wipe"]["state"], json!("issued"));
}

#[tokio::test]
async fn a_retired_device_gets_nothing() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    order::retire(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let mut line = Line::open(&rig).await;
    let hello = device.hello(&mut line).await.unwrap();
    assert_eq!(read_command(&rig, &hello.pending[0]).action, Action::Retire, "the order to erase itself, and no more");
    let body = Renew { held: Held::default(), seen: Seen::default(), facts: facts(), evidence: None };
    let renew = device.signed(&line, RENEW, hello.nonce, &body);
    assert_eq!(code(line.post::<_, Admission>(RENEW, &renew).await), "device.retired");
    assert_eq!(device.push(&rig).await.err(), Some(403));
}

#[tokio::test]
async fn unknown_devices_and_stale_epochs_are_refused() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut line = Line::open(&rig).await;
    let unknown = Hello { device: DeviceId::random(), epoch: Epoch(1) };
    assert_eq!(code(line.post::<_, HelloReply>(HELLO, &unknown).await), "device.unknown");
    let stale = Hello { device: device.id, epoch: Epoch(0) };
    assert_eq!(code(line.post::<_, HelloReply>(HELLO, &stale).await), "epoch.stale");
}

/// Every route of the device API; a new one belongs here.
const ROUTES: [&str; 7] = [ENROLL_BEGIN, ENROLL_FINISH, HELLO, UNLOCK_START, UNLOCK_FINISH, RENEW, RECEIPT];

#[tokio::test]
async fn every_route_refuses_what_is_not_its_message() {
    let rig = Rig::bare().await;
    for path in ROUTES {
        for body in [Vec::new(), b"\xff".to_vec(), cbor::to_vec(&"text"), vec![0; REQUEST_MAX + 1]] {
            let mut line = Line::open(&rig).await;
            let (status, bytes) = line.post_raw(path, body).await;
            let refusal: Refusal = cbor::from_slice(&bytes, REPLY_MAX).unwrap();
            assert_eq!((status, refusal.code.as_str()), (400, "message.malformed"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_push_route_is_no_plain_request() {
    let rig = Rig::bare().await;
    let (status, _) = Line::open(&rig).await.post_raw(PUSH, Vec::new()).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn older_tls_is_not_spoken() {
    let rig = Rig::bare().await;
    assert!(line::tls(&rig, None, &TLS12).await.is_err());
}

#[tokio::test]
async fn a_certificate_of_another_authority_gets_no_connection() {
    let rig = Rig::start().await;
    let other = Rig::start().await;
    let device = Device::enroll(&other, PIN).await;
    // The refusal comes after the client's part of the handshake: seen at the first request.
    let opened = line::tls(&rig, Some(device.identity()), &rustls::version::TLS13).await;
    if let Ok(stream) = opened {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = axum::http::Request::get("/healthz").body(http_body_util::Empty::<axum::body::Bytes>::new());
        assert!(sender.send_request(request.unwrap()).await.is_err());
    }
}
