//! What lies sealed under the KEK: the documents in force and the names. A cache: the server sends it again.

use std::{fs, io, path::Path};

use secure_browser_platform::files;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    cbor,
    crypto::{self, Secret},
    device_api::Held,
};
use zeroize::Zeroizing;

use super::{ProfileError, SEALED};

const PLACE: &[u8] = b"secure-workspace/v1/profile/sealed";
/// Two documents of 4 MiB and small change.
const SEALED_MAX: usize = 9 << 20;

/// Documents and names of an enrolled device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Root-signed boundary; empty for none.
    pub boundary: ByteBuf,
    /// Online-signed policy; empty for none.
    pub policy: ByteBuf,
    /// Root's word for the online key that signed the policy.
    pub key_certificate: ByteBuf,
    /// Versions of both.
    pub held: Held,
    /// The organisation's name.
    pub org: String,
    /// The person's name.
    pub user: String,
}

pub(super) fn read(path: &Path, kek: &Secret) -> Result<Option<Sealed>, ProfileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(ProfileError::Damaged(SEALED)),
    };
    let plain = crypto::unseal(kek, PLACE, &bytes).map_err(|_| ProfileError::Damaged(SEALED))?;
    cbor::from_slice(&plain, SEALED_MAX).map(Some).map_err(|_| ProfileError::Damaged(SEALED))
}

pub(super) fn write(path: &Path, sealed: &Sealed, kek: &Secret) -> Result<(), ProfileError> {
    let plain = Zeroizing::new(cbor::to_vec(sealed));
    Ok(files::write_atomic_durable(path, &crypto::seal(kek, PLACE, &plain)?, 0o600)?)
}
