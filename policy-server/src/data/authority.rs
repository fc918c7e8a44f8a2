//! The certificate authority of client certificates: one that issues, and those before it that are still trusted.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::ids::{DeviceId, Epoch, UnixTime};

use super::{
    Config,
    keys::{BACKDATE, LONG, date, device_key, identity, name, serial},
};
use crate::clock;

/// A CA that issues no more and is trusted for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// Its certificate, DER.
    pub certificate: ByteBuf,
    /// Last second at which certificates of it are taken.
    pub until: UnixTime,
}

struct Issuing {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    not_after: UnixTime,
}

struct Held {
    issuing: Issuing,
    earlier: Vec<Earlier>,
    /// Rises with each change, so that whoever keeps something made of it knows when to make it anew.
    generation: u64,
}

/// The authority. Clones share it.
#[derive(Clone)]
pub struct DeviceCa(Arc<RwLock<Held>>);

impl fmt::Debug for DeviceCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCa(..)")
    }
}

impl DeviceCa {
    /// An authority of a key, its certificate and those before it; `None` if key and certificate do not fit.
    pub fn new(key: KeyPair, certificate: &[u8], earlier: Vec<Earlier>) -> Option<Self> {
        let issuing = issuing(key, certificate)?;
        Some(Self(Arc::new(RwLock::new(Held { issuing, earlier, generation: 0 }))))
    }

    /// Lets another key issue; those in `earlier` stay trusted. `None` if key and certificate do not fit.
    pub fn replace(&self, key: KeyPair, certificate: &[u8], earlier: Vec<Earlier>) -> Option<()> {
        let issuing = issuing(key, certificate)?;
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let generation = held.generation + 1;
        *held = Held { issuing, earlier, generation };
        Some(())
    }

    fn held<T>(&self, read: impl FnOnce(&Held) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate of the CA that issues.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.held(|held| held.issuing.certificate.clone())
    }

    /// Last second of that certificate.
    pub fn not_after(&self) -> UnixTime {
        self.held(|held| held.issuing.not_after)
    }

    /// Those before it that are trusted at `now`.
    pub fn earlier(&self, now: UnixTime) -> Vec<Earlier> {
        self.held(|held| held.earlier.iter().filter(|one| now <= one.until).cloned().collect())
    }

    /// A client certificate for a device key, good from a little before `now` to `end`.
    ///
    /// # Errors
    /// `None` if the key is not a P-256 SubjectPublicKeyInfo or the system gave no randomness.
    pub fn issue(&self, spki: &[u8], to: (DeviceId, Epoch), now: UnixTime, end: UnixTime) -> Option<Vec<u8>> {
        let key = device_key(spki)?;
        let (device, epoch) = to;
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&device.to_string());
        params.not_before = date(now.plus(-policy_server_core::lease::CERTIFICATE_BACKDATE_SECONDS))?;
        params.not_after = date(end)?;
        params.serial_number = Some(serial()?);
        params.subject_alt_names = vec![SanType::URI(identity(device, epoch).try_into().ok()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let signed = self.held(|held| params.signed_by(&key, &held.issuing.issuer).ok());
        signed.map(|certificate| certificate.der().to_vec())
    }
}

fn issuing(key: KeyPair, certificate: &[u8]) -> Option<Issuing> {
    use x509_parser::{certificate::X509Certificate, prelude::FromDer};
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
        return None;
    }
    let not_after = UnixTime(parsed.validity().not_after.timestamp());
    let certificate = CertificateDer::from(certificate.to_vec());
    let issuer = Issuer::from_ca_cert_der(&certificate, key).ok()?;
    Some(Issuing { issuer, certificate, not_after })
}

/// A new CA: its key and its certificate.
pub fn new_authority(config: &Config, now: UnixTime) -> Option<(KeyPair, Vec<u8>)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).ok()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Secure workspace devices");
    params.distinguished_name.push(DnType::OrganizationName, config.org.as_str());
    params.not_before = date(now.plus(-BACKDATE))?;
    params.not_after = date(now.plus(LONG))?;
    params.serial_number = Some(serial()?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key).ok()?.der().to_vec();
    Some((key, certificate))
}

/// Takes client certificates of the CA in use and of those before it, as they are at each handshake.
#[derive(Debug)]
pub struct Trusted {
    ca: DeviceCa,
    required: bool,
    made: RwLock<Made>,
}

/// A verifier and what it was made of: the generation, and how many earlier CAs were still trusted.
type Made = ((u64, usize), Arc<dyn ClientCertVerifier>);

impl Trusted {
    /// A verifier; with `required`, nobody comes in without a certificate.
    ///
    /// # Errors
    /// If the CA's certificate cannot be a root.
    pub fn new(ca: DeviceCa, required: bool) -> Result<Self, rustls::Error> {
        let made = made(&ca, required)?;
        Ok(Self { ca, required, made: RwLock::new(made) })
    }

    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let wanted = of(&self.ca);
        {
            let held = self.made.read().unwrap_or_else(PoisonError::into_inner);
            if held.0 == wanted {
                return Ok(Arc::clone(&held.1));
            }
        }
        let made = made(&self.ca, self.required)?;
        let verifier = Arc::clone(&made.1);
        *self.made.write().unwrap_or_else(PoisonError::into_inner) = made;
        Ok(verifier)
    }
}

fn of(ca: &DeviceCa) -> (u64, usize) {
    let now = clock::now();
    ca.held(|held| (held.generation, held.earlier.iter().filter(|one| now <= one.until).count()))
}

fn made(ca: &DeviceCa, required: bool) -> Result<Made, rustls::Error> {
    let of = of(ca);
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate())?;
    for one in ca.earlier(clock::now()) {
        roots.add(CertificateDer::from(one.certificate.into_vec()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
    let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok((of, verifier))
}

impl ClientCertVerifier for Trusted {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: hints would be those of the start, and no device has more than one certificate to choose from.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: rustls_pki_types::UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.verifier()?.verify_client_cert(leaf, chain, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier().map(|one| one.supported_verify_schemes()).unwrap_or_default()
    }
}
