//! The server's keys: made at `init`, sealed under `secret.key`, read once at the start. They print nothing.

use std::{fmt, net::IpAddr, sync::Arc};

use opaque_ke::ServerSetup;
use policy_server_core::{
    note::NoteKey,
    signing::{Signer, certify, seal_key, unseal_key},
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use workspace_protocol::{
    crypto::{Secret, SigningKey, VerifyingKey, random, sha256},
    ids::{DeviceId, Epoch, UnixTime},
    opaque::Suite,
};
use zeroize::Zeroizing;

use super::{
    Config, DataDir,
    authority::{DeviceCa, new_authority},
    files,
    online::OnlineKey,
    root, rotation,
};
use crate::failure::Failure;

const SECRET: &str = "secret.key";
const ROOT_PUBLIC: &str = "root.pub";
pub(super) const ONLINE: &str = "online.key";
pub(super) const ONLINE_CERTIFICATE: &str = "online.cert";
const AUDIT: &str = "audit.key";
/// The audit log's public key in signed-note form.
pub const AUDIT_PUBLIC: &str = "audit.pub";
const OPAQUE: &str = "opaque.setup";
pub(super) const CA: &str = "device-ca.key";
pub(super) const CA_CERTIFICATE: &str = "device-ca.der";
pub(super) const TLS: &str = "tls.key";
pub(super) const TLS_CERTIFICATE: &str = "tls.der";

/// Life of the device CA and of the pinned TLS certificate in seconds: ten years; devices go by the key.
pub(super) const LONG: i64 = 3650 * 24 * 3600;
/// How far certificates begin in the past, in seconds.
pub(super) const BACKDATE: i64 = 3600;

/// Everything secret that a running server holds.
pub struct Keys {
    /// Pepper of invitations and seal of PIN records.
    pub secret: Secret,
    /// The organisation's root, public half only.
    pub root: VerifyingKey,
    /// Signs policies, leases and commands.
    pub signer: OnlineKey,
    /// Signs the audit log.
    pub audit: SigningKey,
    /// The audit log's name and public key.
    pub log: NoteKey,
    /// The server's half of every PIN.
    pub opaque: ServerSetup<Suite>,
    /// Issues client certificates.
    pub ca: DeviceCa,
    /// The TLS key.
    pub tls: PrivateKeyDer<'static>,
    /// The TLS certificate.
    pub tls_certificate: CertificateDer<'static>,
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo: what links pin.
    pub pin: [u8; 32],
    /// Held while keys are replaced, so that one rotation follows another.
    pub rotating: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("root", &self.root).field("signer", &self.signer).finish_non_exhaustive()
    }
}

/// The name of a device epoch in its certificates.
pub fn identity(device: DeviceId, epoch: Epoch) -> String {
    format!("urn:sw:device:{device}:{epoch}")
}

/// Reads [`identity`].
pub fn parse_identity(text: &str) -> Option<(DeviceId, Epoch)> {
    let (device, epoch) = text.strip_prefix("urn:sw:device:")?.split_once(':')?;
    Some((device.parse().ok()?, Epoch(epoch.parse().ok()?)))
}

/// A device key, if it is an uncompressed P-256 point in a SubjectPublicKeyInfo.
pub fn device_key(spki: &[u8]) -> Option<SubjectPublicKeyInfo> {
    let key = SubjectPublicKeyInfo::from_der(spki).ok()?;
    let point = key.der_bytes();
    let uncompressed = point.len() == 65 && point.first() == Some(&4);
    (key.algorithm() == &PKCS_ECDSA_P256_SHA256 && uncompressed).then_some(key)
}

pub(super) fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

pub(super) fn date(time: UnixTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(time.0).ok()
}

/// 127 random bits: positive as DER wants it, and never guessed.
pub(super) fn serial() -> Option<SerialNumber> {
    let mut bytes: [u8; 16] = random().ok()?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Some(SerialNumber::from_slice(&bytes))
}

/// Makes and writes all keys of a new server. `root` certifies the online key and is not kept.
///
/// # Errors
/// Refused if the disk or the random number generator fails.
pub fn create(dir: &DataDir, config: &Config, root_key: &SigningKey) -> Result<(), Failure> {
    let secret = Secret::random().map_err(|_| Failure::refused("random-failed"))?;
    let write = |name: &str, bytes: &[u8]| files::write(&dir.file(name), bytes).map_err(|e| dir.unreadable(&e));
    let sealed = |name: &str, key: &[u8]| {
        write(name, &seal_key(&secret, name, key).map_err(|_| Failure::refused("random-failed"))?)
    };
    write(SECRET, secret.expose())?;
    write(ROOT_PUBLIC, root::public_text(&root_key.verifying_key()).as_bytes())?;

    let online = fresh()?;
    sealed(ONLINE, online.seed().expose())?;
    write(ONLINE_CERTIFICATE, &certify(root_key, &config.org, online.verifying_key(), config.created_at))?;

    let audit = fresh()?;
    let log = NoteKey::new(&log_name(config), audit.verifying_key()).map_err(|_| Failure::input("init-url"))?;
    sealed(AUDIT, audit.seed().expose())?;
    write(AUDIT_PUBLIC, format!("{}\n", log.to_text()).as_bytes())?;

    let setup = Zeroizing::new(ServerSetup::<Suite>::new(&mut rand::rngs::OsRng).serialize().to_vec());
    sealed(OPAQUE, &setup)?;

    let (ca, ca_certificate) =
        new_authority(config, config.created_at).ok_or_else(|| Failure::refused("random-failed"))?;
    sealed(CA, &Zeroizing::new(ca.serialize_der()))?;
    write(CA_CERTIFICATE, &ca_certificate)?;

    let (tls, certificate) = server_certificate(config, config.created_at).ok_or_else(|| Failure::input("init-url"))?;
    sealed(TLS, &Zeroizing::new(tls.serialize_der()))?;
    write(TLS_CERTIFICATE, &certificate)
}

pub(super) fn fresh() -> Result<SigningKey, Failure> {
    SigningKey::generate().map_err(|_| Failure::refused("random-failed"))
}

fn log_name(config: &Config) -> String {
    format!("{}/audit", config.authority())
}

pub(super) fn server_certificate(config: &Config, now: UnixTime) -> Option<(KeyPair, Vec<u8>)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).ok()?;
    let host = config.host();
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&host);
    params.not_before = date(now.plus(-BACKDATE))?;
    params.not_after = date(now.plus(LONG))?;
    params.serial_number = Some(serial()?);
    params.subject_alt_names = vec![match host.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(host.as_str().try_into().ok()?),
    }];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).ok()?.der().to_vec();
    Some((key, certificate))
}

/// Reads and unseals all keys.
///
/// # Errors
/// Bad input naming the file that is missing, unreadable or does not fit the others.
pub fn load(dir: &DataDir) -> Result<Keys, Failure> {
    let secret = load_secret(dir)?;
    let root = load_root(dir)?;
    rotation::finish(dir, &secret)?;
    let online = signing_key(dir, &secret, ONLINE)?;
    let signer = Signer::new(online, read(dir, ONLINE_CERTIFICATE)?.to_vec(), root);
    let audit = signing_key(dir, &secret, AUDIT)?;
    let log = load_log(dir)?;
    if log.key() != audit.verifying_key() {
        return Err(damaged(AUDIT_PUBLIC));
    }
    let setup = ServerSetup::<Suite>::deserialize(&unsealed(dir, &secret, OPAQUE)?).map_err(|_| damaged(OPAQUE))?;
    let tls = unsealed(dir, &secret, TLS)?;
    Ok(Keys {
        root,
        signer: OnlineKey::new(signer.map_err(|_| damaged(ONLINE_CERTIFICATE))?),
        audit,
        log,
        opaque: setup,
        ca: load_ca(dir, &secret)?,
        pin: sha256(&pair(&tls, TLS)?.subject_public_key_info()),
        tls: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(tls.to_vec())),
        tls_certificate: CertificateDer::from(read(dir, TLS_CERTIFICATE)?.to_vec()),
        secret,
        rotating: Arc::default(),
    })
}

/// The audit log's public key alone.
pub fn load_log(dir: &DataDir) -> Result<NoteKey, Failure> {
    let bytes = read(dir, AUDIT_PUBLIC)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(AUDIT_PUBLIC))?;
    NoteKey::parse(text).map_err(|_| damaged(AUDIT_PUBLIC))
}

/// The organisation's public root key alone.
pub fn load_root(dir: &DataDir) -> Result<VerifyingKey, Failure> {
    root::parse_public(&read(dir, ROOT_PUBLIC)?).ok_or_else(|| damaged(ROOT_PUBLIC))
}

/// The server's secret alone.
pub fn load_secret(dir: &DataDir) -> Result<Secret, Failure> {
    let bytes = read(dir, SECRET)?;
    let raw: [u8; 32] = bytes.as_slice().try_into().map_err(|_| damaged(SECRET))?;
    Ok(Secret::from_bytes(raw))
}

fn load_ca(dir: &DataDir, secret: &Secret) -> Result<DeviceCa, Failure> {
    let key = pair(&unsealed(dir, secret, CA)?, CA)?;
    let certificate = read(dir, CA_CERTIFICATE)?;
    DeviceCa::new(key, &certificate, rotation::earlier(dir)?).ok_or_else(|| damaged(CA_CERTIFICATE))
}

pub(super) fn pair(pkcs8: &[u8], name: &str) -> Result<KeyPair, Failure> {
    KeyPair::try_from(pkcs8).map_err(|_| damaged(name))
}

pub(super) fn signing_key(dir: &DataDir, secret: &Secret, name: &str) -> Result<SigningKey, Failure> {
    let bytes = unsealed(dir, secret, name)?;
    let seed: [u8; 32] = bytes.as_slice().try_into().map_err(|_| damaged(name))?;
    SigningKey::from_seed(Secret::from_bytes(seed)).map_err(|_| damaged(name))
}

pub(super) fn unsealed(dir: &DataDir, secret: &Secret, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    unseal_key(secret, name, &read(dir, name)?).map_err(|_| damaged(name))
}

pub(super) fn read(dir: &DataDir, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    files::read(&dir.file(name))
        .map_err(|error| Failure::input("data-file").with("file", dir.file(name).display()).with("error", error))
}

pub(super) fn damaged(name: &str) -> Failure {
    Failure::input("data-damaged").with("file", name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn made() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path());
        let config = Config::new("https://127.0.0.1:8443", "Clinic", crate::clock::now()).unwrap();
        create(&dir, &config, &SigningKey::generate().unwrap()).unwrap();
        (folder, dir)
    }

    #[test]
    fn keys_survive_their_files_and_print_nothing() {
        let (_folder, dir) = made();
        let keys = load(&dir).unwrap();
        let printed = format!("{keys:?}");
        assert!(!printed.contains(&hex::encode(keys.secret.expose())));
        assert!(!printed.contains(&hex::encode(keys.audit.seed().expose())));
    }

    #[test]
    fn a_damaged_missing_or_exchanged_key_is_named() {
        for name in [SECRET, ONLINE, ONLINE_CERTIFICATE, AUDIT, AUDIT_PUBLIC, OPAQUE, CA, CA_CERTIFICATE, TLS] {
            let (_folder, dir) = made();
            std::fs::write(dir.file(name), [7; 40]).unwrap();
            assert_eq!(load(&dir).unwrap_err().id, "data-damaged", "{name}");
            std::fs::remove_file(dir.file(name)).unwrap();
            assert_eq!(load(&dir).unwrap_err().id, "data-file", "{name}");
        }
        let (_folder, dir) = made();
        std::fs::copy(dir.file(AUDIT), dir.file(ONLINE)).unwrap();
        assert_eq!(load(&dir).unwrap_err().id, "data-damaged");
    }

    #[test]
    fn a_device_identity_survives_its_name() {
        let id = DeviceId::random();
        assert_eq!(parse_identity(&identity(id, Epoch(3))), Some((id, Epoch(3))));
        for bad in ["urn:sw:device:x:1", "urn:sw:device:", "urn:other:1:1"] {
            assert_eq!(parse_identity(bad), None);
        }
    }

    #[test]
    fn only_p256_keys_are_device_keys() {
        let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(device_key(&p256.subject_public_key_info()).is_some());
        assert!(device_key(&p384.subject_public_key_info()).is_none());
        assert!(device_key(b"no").is_none());
    }
}
