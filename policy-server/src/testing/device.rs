//! A device in tests: its keys, its PIN, its channel.

use futures_util::{SinkExt, StreamExt};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SigningKey as _};
use rustls::version::TLS13;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::Serialize;
use serde_bytes::ByteBuf;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use workspace_protocol::{
    cbor, channel,
    crypto::{SigningKey, VerifyingKey},
    device_api::{
        Admission, DeviceFacts, ENROLL_BEGIN, ENROLL_FINISH, EnrollBegin, EnrollBeginReply, EnrollFinish, Evidence,
        HELLO, Held, Hello, HelloReply, PUSH, RENEW, Refusal, Renew, Seen, SignedRequest, UNLOCK_FINISH, UNLOCK_START,
        UnlockFinish, UnlockStart, UnlockStartReply,
    },
    documents::{Command, Receipt, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, Version},
    link::EnrollmentLink,
    opaque::Suite,
    push::{FromDevice, TO_DEVICE_MAX, ToDevice},
};

use super::line::Line;
use super::{Rig, line};
use crate::{clock, serve::connection};

type Refused = (u16, Refusal);
type Rng = rand::rngs::OsRng;

/// An enrolled device.
pub struct Device {
    pub id: DeviceId,
    pub key: KeyPair,
    pub tombstone: SigningKey,
    pub root: VerifyingKey,
    pub admission: Admission,
    /// What it says that it saw of the audit log.
    pub seen: Seen,
}

pub fn facts() -> DeviceFacts {
    DeviceFacts { os: "Debian".into(), platform: "linux".into(), version: "0.1".into(), posture: None }
}

/// A begun enrollment.
pub struct Begun {
    pub key: KeyPair,
    pub reply: EnrollBeginReply,
    registration: ClientRegistration<Suite>,
    pin: Vec<u8>,
}

pub fn begin_message(line: &Line, link: &EnrollmentLink, key: &KeyPair, registration: Vec<u8>) -> EnrollBegin {
    let spki = key.subject_public_key_info();
    EnrollBegin {
        invitation: link.invitation,
        code: *link.code,
        proof: channel::code_proof(&link.code, &line.exporter, &spki),
        device_key: spki.into(),
        registration: registration.into(),
    }
}

pub async fn begin(line: &mut Line, link: &EnrollmentLink, pin: &str) -> Result<Begun, Refused> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let started = ClientRegistration::<Suite>::start(&mut Rng::default(), pin.as_bytes()).unwrap();
    let message = begin_message(line, link, &key, started.message.serialize().to_vec());
    let reply: EnrollBeginReply = line.post(ENROLL_BEGIN, &message).await?;
    Ok(Begun { key, reply, registration: started.state, pin: pin.as_bytes().to_vec() })
}

/// The finish of a begun enrollment, its evidence made by `evidence_key` over `line`.
pub fn finish_message(
    line: &Line,
    link: &EnrollmentLink,
    begun: &Begun,
    tombstone: &SigningKey,
    evidence_key: &KeyPair,
) -> EnrollFinish {
    let response = RegistrationResponse::deserialize(&begun.reply.registration).unwrap();
    let root = begun.reply.root.id();
    let ids = Identifiers { client: Some(begun.reply.device.as_bytes()), server: Some(&root.0) };
    let parameters = ClientRegistrationFinishParameters::new(ids, None);
    let done = begun.registration.clone().finish(&mut Rng::default(), &begun.pin, response, parameters).unwrap();
    let mut message = EnrollFinish {
        nonce: begun.reply.nonce,
        invitation: link.invitation,
        code: *link.code,
        registration: done.message.serialize().to_vec().into(),
        tombstone_key: tombstone.verifying_key(),
        label: "Hanako's PC".into(),
        facts: facts(),
        evidence: Evidence::Software(ByteBuf::new()),
    };
    let body = message.evidence_body();
    let bytes = channel::request_bytes(ENROLL_FINISH, &line.exporter, &message.nonce, None, &body);
    message.evidence = Evidence::Software(evidence_key.sign(&bytes).unwrap().into());
    message
}

impl Device {
    pub async fn enroll(rig: &Rig, pin: &str) -> Self {
        let link = rig.invite().await;
        Self::enroll_with(rig, &link, pin).await.unwrap()
    }

    pub async fn enroll_with(rig: &Rig, link: &EnrollmentLink, pin: &str) -> Result<Self, Refused> {
        let mut line = Line::open(rig).await;
        let begun = begin(&mut line, link, pin).await?;
        let tombstone = SigningKey::generate().unwrap();
        let message = finish_message(&line, link, &begun, &tombstone, &begun.key);
        let admission: Admission = line.post(ENROLL_FINISH, &message).await?;
        Ok(Self {
            id: admission.device,
            key: begun.key,
            tombstone,
            root: begun.reply.root,
            admission,
            seen: Seen::default(),
        })
    }

    pub async fn hello(&self, line: &mut Line) -> Result<HelloReply, Refused> {
        line.post(HELLO, &Hello { device: self.id, epoch: Epoch(1) }).await
    }

    pub fn signed<T: Serialize>(&self, line: &Line, path: &str, nonce: [u8; 32], body: &T) -> SignedRequest {
        let body = cbor::to_vec(body);
        let bytes = channel::request_bytes(path, &line.exporter, &nonce, Some((self.id, Epoch(1))), &body);
        let signature = self.key.sign(&bytes).unwrap();
        SignedRequest { device: self.id, epoch: Epoch(1), nonce, body: body.into(), signature: signature.into() }
    }

    /// Unlocks; a PIN that the device itself notices to be wrong goes on with a wrong proof, as an attacker would.
    pub async fn unlock(&mut self, rig: &Rig, pin: &str) -> Result<(), Refused> {
        let mut line = Line::open(rig).await;
        let nonce = self.hello(&mut line).await?.nonce;
        let started = ClientLogin::<Suite>::start(&mut Rng::default(), pin.as_bytes()).unwrap();
        let ask = UnlockStart { request: started.message.serialize().to_vec().into() };
        let ask = self.signed(&line, UNLOCK_START, nonce, &ask);
        let reply: UnlockStartReply = line.post(UNLOCK_START, &ask).await?;
        let response = CredentialResponse::deserialize(&reply.response).unwrap();
        let root = self.root.id();
        let ids = Identifiers { client: Some(self.id.as_bytes()), server: Some(&root.0) };
        let parameters = ClientLoginFinishParameters::new(None, ids, None);
        let done = started.state.finish(&mut Rng::default(), pin.as_bytes(), response, parameters);
        let finalization = done.map_or_else(|_| vec![0; 64], |done| done.message.serialize().to_vec());
        let ask = UnlockFinish {
            finalization: finalization.into(),
            held: Held::default(),
            seen: self.seen,
            facts: facts(),
            evidence: None,
        };
        let ask = self.signed(&line, UNLOCK_FINISH, reply.nonce, &ask);
        self.admission = line.post(UNLOCK_FINISH, &ask).await?;
        Ok(())
    }

    pub async fn renew(&mut self, rig: &Rig, held: Held) -> Result<(), Refused> {
        let mut line = Line::open(rig).await;
        let nonce = self.hello(&mut line).await?.nonce;
        let ask = self.signed(&line, RENEW, nonce, &Renew { held, seen: self.seen, facts: facts(), evidence: None });
        self.admission = line.post(RENEW, &ask).await?;
        Ok(())
    }

    pub fn identity(&self) -> line::Identity {
        let chain = self.admission.certificates.iter();
        let chain = chain.map(|one| CertificateDer::from(one.to_vec())).collect();
        (chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der())))
    }

    pub fn receipt(&self, seq: CommandSeq, stage: Stage) -> Vec<u8> {
        self.receipt_by(&self.tombstone, seq, stage)
    }

    pub fn receipt_by(&self, key: &SigningKey, seq: CommandSeq, stage: Stage) -> Vec<u8> {
        let receipt = Receipt { device: self.id, epoch: Epoch(1), seq, stage, at: clock::now() };
        envelope::sign(Kind::Receipt, &receipt, key)
    }

    pub async fn push(&self, rig: &Rig) -> Result<Channel, u16> {
        open_channel(rig, Some(self.identity())).await
    }
}

/// The device's end of the push channel.
pub struct Channel(WebSocketStream<TlsStream<TcpStream>>);

/// Opens a channel as the device does, with its key's signature; the status if the server does not.
pub async fn open_channel(rig: &Rig, identity: Option<line::Identity>) -> Result<Channel, u16> {
    let key = identity.as_ref().map(|(_, key)| KeyPair::try_from(key).unwrap());
    open_channel_signed_by(rig, identity, key).await
}

/// Opens a channel with a certificate, and `key`'s signature of the connection if there is one.
pub async fn open_channel_signed_by(
    rig: &Rig,
    identity: Option<line::Identity>,
    key: Option<KeyPair>,
) -> Result<Channel, u16> {
    use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};
    let who = identity.as_ref().and_then(|(chain, _)| connection::certified(chain.first()?));
    let stream = line::tls(rig, identity, &TLS13).await.unwrap();
    let mut request = format!("wss://127.0.0.1{PUSH}").into_client_request().unwrap();
    if let (Some(who), Some(key)) = (who, key) {
        let exporter = stream.get_ref().1.export_keying_material([0; 32], channel::EXPORTER_LABEL, None).unwrap();
        let signature = key.sign(&channel::push_bytes(&exporter, who.device, who.epoch)).unwrap();
        request.headers_mut().insert(channel::PROOF_HEADER, channel::proof_value(&signature).parse().unwrap());
    }
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(Channel(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

impl Channel {
    pub async fn send(&mut self, frame: &FromDevice) {
        self.0.send(Message::Binary(cbor::to_vec(frame).into())).await.unwrap();
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub async fn hold(&mut self, boundary: u64, policy: u64) {
        self.send(&FromDevice::Held { boundary: Version(boundary), policy: Version(policy) }).await;
    }

    /// The next frame, or `None` at the end of the channel.
    pub async fn next(&mut self) -> Option<ToDevice> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Some(cbor::from_slice(&bytes, TO_DEVICE_MAX).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame, which must be a command of the server's.
    pub async fn command(&mut self, rig: &Rig) -> Command {
        match self.next().await {
            Some(ToDevice::Command(envelope)) => read_command(rig, &envelope),
            other => panic!("no command: {other:?}"),
        }
    }
}

/// Opens a command as a device does: with the key that the root certified.
pub fn read_command(rig: &Rig, sealed: &[u8]) -> Command {
    use workspace_protocol::documents::KeyCertificate;
    let certificate = rig.server.keys.signer.certificate();
    let online: KeyCertificate = envelope::open(Kind::KeyCertificate, &certificate, &[rig.server.keys.root]).unwrap();
    envelope::open(Kind::Command, sealed, &[online.key]).unwrap()
}
