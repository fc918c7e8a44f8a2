//! What the profile asks of the browser's `attest`, for a device without a TPM.

use platform::tpm::{TpmError, TpmKeys};
use workspace_protocol::crypto::Secret;

/// The device's whole secret.
pub fn whole_secret(base: &Secret, keys: Option<&TpmKeys>) -> Result<Secret, TpmError> {
    match keys {
        None => Ok(base.clone()),
        Some(_) => Err(TpmError::Absent("no TPM in this test".to_owned())),
    }
}
