//! A private certificate authority for one run: its key is never written down.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// How long the certificates hold; a run is shorter.
const LIFE: Duration = Duration::days(30);

/// Why there are no certificates.
#[derive(Debug)]
pub enum CaError {
    /// They could not be made.
    Make(rcgen::Error),
    /// They could not be written.
    Write(io::Error),
}

impl From<rcgen::Error> for CaError {
    fn from(error: rcgen::Error) -> Self {
        Self::Make(error)
    }
}

impl From<io::Error> for CaError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Writes `ca.pem`, and `tls.pem` with `tls.key` for `hosts`, into `folder`.
///
/// # Errors
/// [`CaError`].
pub fn write(folder: &Path, hosts: &[&str]) -> Result<(), CaError> {
    let ca_key = KeyPair::generate()?;
    let ca_params = authority();
    let ca = ca_params.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca_params, ca_key);
    let key = KeyPair::generate()?;
    let leaf = server(hosts)?.signed_by(&key, &issuer)?;
    fs::write(folder.join("ca.pem"), ca.pem())?;
    fs::set_permissions(folder.join("ca.pem"), fs::Permissions::from_mode(0o644))?;
    fs::write(folder.join("tls.pem"), leaf.pem())?;
    let mut secret = fs::OpenOptions::new();
    let mut secret = secret.create(true).write(true).truncate(true).mode(0o600).open(folder.join("tls.key"))?;
    io::Write::write_all(&mut secret, key.serialize_pem().as_bytes())?;
    Ok(())
}

fn authority() -> CertificateParams {
    let mut params = dated(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "care.test private CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server(hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = dated(CertificateParams::new(names)?);
    params.distinguished_name.push(DnType::CommonName, hosts.first().copied().unwrap_or_default());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(mut params: CertificateParams) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::hours(1);
    params.not_after = now + LIFE;
    params
}
