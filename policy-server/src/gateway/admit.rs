//! Who is behind a connection: the certificate, and what the server knows of the device at this moment.

use policy_server_store::{Store, View};
use rustls_pki_types::CertificateDer;
use workspace_protocol::{ids::UnixTime, reason::Reason};
use x509_parser::prelude::FromDer;

use super::identity::Subject;
use crate::{serve::connection::Certified, server::Server};

/// Judges a certificate against the device's live state.
///
/// # Errors
/// The reason why the device may not come in; [`Reason::ServerBusy`] if the database does not say.
pub async fn admit(
    server: &Server,
    leaf: &CertificateDer<'_>,
    certified: Certified,
    now: UnixTime,
) -> Result<Subject, Reason> {
    let Certified { device, epoch, not_after } = certified;
    if server.denied.contains(device, epoch) {
        return Err(Reason::DeviceWiped);
    }
    let mut view = server.store.view().await.map_err(|_| Reason::ServerBusy)?;
    let banned = view.is_banned(device, epoch).await.map_err(|_| Reason::ServerBusy)?;
    let row = view.device(device).await.map_err(|_| Reason::ServerBusy)?.ok_or(Reason::DeviceUnknown)?;
    row.standing.admits()?;
    if banned {
        return Err(Reason::DeviceWiped);
    }
    if row.epoch != epoch {
        return Err(Reason::EpochStale);
    }
    if !same_key(leaf, &row.device_key) {
        return Err(Reason::ProofInvalid);
    }
    if now > not_after || row.lease_until.is_none_or(|until| now > until) {
        return Err(Reason::LeaseExpired);
    }
    Ok(Subject { device, epoch, user: row.user, group: row.group })
}

fn same_key(leaf: &CertificateDer<'_>, key: &[u8]) -> bool {
    x509_parser::certificate::X509Certificate::from_der(leaf).is_ok_and(|(_, leaf)| leaf.public_key().raw == key)
}
