//! New keys in the place of old ones, on disk. A next key is written aside first; once its certificate lies beside it the
//! change counts, and whatever a crash left undone is done at the next start.

use std::{fs, io};

use policy_server_core::signing::{Signer, seal_key};
use rcgen::{KeyPair, PublicKeyData};
use workspace_protocol::{
    cbor,
    crypto::{Secret, SigningKey, VerifyingKey, sha256},
    ids::UnixTime,
};
use zeroize::Zeroizing;

use super::{
    Config, DataDir,
    authority::{DeviceCa, Earlier, new_authority},
    files,
    keys::{
        CA, CA_CERTIFICATE, ONLINE, ONLINE_CERTIFICATE, TLS, TLS_CERTIFICATE, damaged, fresh, pair, read,
        server_certificate, signing_key, unsealed,
    },
};
use crate::{crash, failure::Failure};

/// Names of a key's files: in use, and next.
struct Place {
    key: &'static str,
    certificate: &'static str,
    next_key: &'static str,
    next_certificate: &'static str,
}

const ONLINE_PLACE: Place = Place {
    key: ONLINE,
    certificate: ONLINE_CERTIFICATE,
    next_key: "online.next.key",
    next_certificate: "online.next.cert",
};
const CA_PLACE: Place = Place {
    key: CA,
    certificate: CA_CERTIFICATE,
    next_key: "device-ca.next.key",
    next_certificate: "device-ca.next.der",
};
const TLS_PLACE: Place =
    Place { key: TLS, certificate: TLS_CERTIFICATE, next_key: "tls.next.key", next_certificate: "tls.next.der" };
/// The next TLS key's certificate until its turn comes.
const TLS_WAITING: &str = "tls.waiting.der";
/// CAs that issue no more and are trusted for a while.
const EARLIER: &str = "device-ca.earlier";
/// Most of them.
const EARLIER_MAX: usize = 16;

/// Does what a crash left undone of a change that counts.
///
/// # Errors
/// Bad input naming the file that does not fit; what the disk says.
pub fn finish(dir: &DataDir, secret: &Secret) -> Result<(), Failure> {
    for place in [ONLINE_PLACE, CA_PLACE, TLS_PLACE] {
        if dir.file(place.next_certificate).exists() {
            switch(dir, secret, &place)?;
        }
    }
    Ok(())
}

fn switch(dir: &DataDir, secret: &Secret, place: &Place) -> Result<(), Failure> {
    let key = unsealed(dir, secret, place.next_key)?;
    write_sealed(dir, secret, place.key, &key)?;
    crash::point("server.keys.switching");
    fs::rename(dir.file(place.next_certificate), dir.file(place.certificate))
        .map_err(|error| dir.unreadable(&error))?;
    match fs::remove_file(dir.file(place.next_key)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(dir.unreadable(&error)),
        _ => Ok(()),
    }
}

fn write_sealed(dir: &DataDir, secret: &Secret, name: &str, key: &[u8]) -> Result<(), Failure> {
    let sealed = seal_key(secret, name, key).map_err(|_| Failure::refused("random-failed"))?;
    write(dir, name, &sealed)
}

fn write(dir: &DataDir, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    files::write(&dir.file(name), bytes).map_err(|error| dir.unreadable(&error))
}

/// Makes the next online key; an earlier one that was never certified is forgotten.
///
/// # Errors
/// [`Failure`] if randomness or the disk fails.
pub fn request_online(dir: &DataDir, secret: &Secret) -> Result<VerifyingKey, Failure> {
    let key = fresh()?;
    write_sealed(dir, secret, ONLINE_PLACE.next_key, key.seed().expose())?;
    Ok(key.verifying_key())
}

/// Puts the next online key in use with the root's word for it.
///
/// # Errors
/// Refused unless a key was asked for and the root certified that very key.
pub fn install_online(
    dir: &DataDir,
    secret: &Secret,
    certificate: &[u8],
    root: VerifyingKey,
) -> Result<Signer, Failure> {
    if !dir.file(ONLINE_PLACE.next_key).exists() {
        return Err(Failure::refused("keys-not-asked"));
    }
    let next = signing_key(dir, secret, ONLINE_PLACE.next_key)?;
    let seed = Secret::from_bytes(*next.seed().expose());
    Signer::new(next, certificate.to_vec(), root).map_err(|_| Failure::refused("keys-certificate"))?;
    write(dir, ONLINE_PLACE.next_certificate, certificate)?;
    crash::point("server.keys.counts");
    switch(dir, secret, &ONLINE_PLACE)?;
    let key = SigningKey::from_seed(seed).map_err(|_| damaged(ONLINE))?;
    Signer::new(key, certificate.to_vec(), root).map_err(|_| damaged(ONLINE_CERTIFICATE))
}

/// Makes the next TLS key, which waits for its turn, or finds the one that waits; SHA-256 of its SubjectPublicKeyInfo.
///
/// # Errors
/// [`Failure`] if randomness or the disk fails.
pub fn request_tls(dir: &DataDir, secret: &Secret, config: &Config, now: UnixTime) -> Result<[u8; 32], Failure> {
    if let Some(waiting) = waiting_tls(dir, secret)? {
        return Ok(waiting);
    }
    let (key, certificate) = server_certificate(config, now).ok_or_else(|| Failure::refused("random-failed"))?;
    write_sealed(dir, secret, TLS_PLACE.next_key, &Zeroizing::new(key.serialize_der()))?;
    write(dir, TLS_WAITING, &certificate)?;
    Ok(sha256(&key.subject_public_key_info()))
}

/// The next TLS key that waits for its turn, if there is one.
///
/// # Errors
/// Bad input if its file is damaged.
pub fn waiting_tls(dir: &DataDir, secret: &Secret) -> Result<Option<[u8; 32]>, Failure> {
    if !dir.file(TLS_WAITING).exists() {
        return Ok(None);
    }
    let key = pair(&unsealed(dir, secret, TLS_PLACE.next_key)?, TLS_PLACE.next_key)?;
    Ok(Some(sha256(&key.subject_public_key_info())))
}

/// Lets the next TLS key count: it is in use from the next start on.
///
/// # Errors
/// Refused if none waits; what the disk says.
pub fn count_tls(dir: &DataDir) -> Result<(), Failure> {
    let moved = fs::rename(dir.file(TLS_WAITING), dir.file(TLS_PLACE.next_certificate));
    moved.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::refused("keys-tls-none"),
        _ => dir.unreadable(&error),
    })
}

/// CAs that are trusted beside the one that issues, as they were kept.
///
/// # Errors
/// Bad input if the file is damaged.
pub fn earlier(dir: &DataDir) -> Result<Vec<Earlier>, Failure> {
    if !dir.file(EARLIER).exists() {
        return Ok(Vec::new());
    }
    cbor::from_slice(&read(dir, EARLIER)?, files::SMALL).map_err(|_| damaged(EARLIER))
}

/// Makes another CA issue; the one that did is trusted until `until`.
///
/// # Errors
/// [`Failure`] if randomness or the disk fails; refused if too many are trusted already.
pub fn rotate_ca(
    dir: &DataDir,
    secret: &Secret,
    config: &Config,
    held: &DeviceCa,
    (now, until): (UnixTime, UnixTime),
) -> Result<(), Failure> {
    let mut earlier = held.earlier(now);
    if earlier.len() >= EARLIER_MAX {
        return Err(Failure::refused("keys-too-many"));
    }
    earlier.push(Earlier { certificate: held.certificate().to_vec().into(), until });
    let (key, certificate) = new_authority(config, now).ok_or_else(|| Failure::refused("random-failed"))?;
    let pkcs8 = Zeroizing::new(key.serialize_der());
    // Trusted first: a crash after this line only trusts twice what is trusted now.
    write(dir, EARLIER, &cbor::to_vec(&earlier))?;
    write_sealed(dir, secret, CA_PLACE.next_key, &pkcs8)?;
    write(dir, CA_PLACE.next_certificate, &certificate)?;
    crash::point("server.keys.counts");
    switch(dir, secret, &CA_PLACE)?;
    let key = KeyPair::try_from(pkcs8.as_slice()).map_err(|_| damaged(CA))?;
    held.replace(key, &certificate, earlier).ok_or_else(|| damaged(CA_CERTIFICATE))
}
