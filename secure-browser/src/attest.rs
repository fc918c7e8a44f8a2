//! What this device proves of itself by its TPM, and what it reports of its state.

use std::{path::Path, sync::Arc};

use secure_browser_platform::{
    facts, posture,
    tpm::{self, Endorsement, SECRET_LENGTH, TpmError, TpmKeys},
};
use workspace_protocol::{
    crypto::{CryptoError, Secret, random},
    device_api::DeviceFacts,
    evidence::TpmQuote,
    posture::PostureFacts,
};
use zeroize::Zeroizing;

const HARDWARE: &str = "secure-workspace/v1/profile/hardware";

/// A TPM that a new device is to be enrolled with.
pub struct Fresh {
    /// Keys to keep.
    pub keys: TpmKeys,
    /// Who made the TPM.
    pub endorsement: Endorsement,
    sealed: Zeroizing<[u8; SECRET_LENGTH]>,
}

impl Fresh {
    /// Makes keys in the TPM and a secret sealed to it.
    ///
    /// # Errors
    /// [`TpmError`]: then the device is enrolled without.
    pub fn make() -> Result<Self, TpmError> {
        let no_random = |error: CryptoError| TpmError::Failed { at: "making a secret", why: error.to_string() };
        let sealed = Zeroizing::new(random().map_err(no_random)?);
        let endorsement = tpm::endorsement()?;
        Ok(Self { keys: tpm::create(&sealed)?, endorsement, sealed })
    }

    /// The secret of machine, user and folder, with the TPM's in it.
    pub fn secret(&self, base: &Secret) -> Secret {
        with_hardware(base, &self.sealed)
    }
}

/// The device's whole secret: that of machine, user and folder, and where it was enrolled with a TPM what is sealed
/// there.
///
/// # Errors
/// [`TpmError`] if the TPM is gone or another.
pub fn whole_secret(base: &Secret, keys: Option<&TpmKeys>) -> Result<Secret, TpmError> {
    match keys {
        None => Ok(base.clone()),
        Some(keys) => Ok(with_hardware(base, &*tpm::unseal(keys)?)),
    }
}

fn with_hardware(base: &Secret, sealed: &[u8; SECRET_LENGTH]) -> Secret {
    base.derive(sealed, HARDWARE)
}

/// A quote over `challenge`, with the event log. Blocks while the TPM works.
///
/// # Errors
/// [`TpmError`].
pub fn quote(keys: &TpmKeys, challenge: &[u8; 32]) -> Result<TpmQuote, TpmError> {
    let quote = tpm::quote(keys, challenge)?;
    Ok(TpmQuote {
        attest: quote.attest.into(),
        signature: quote.signature.into(),
        registers: quote.registers.into_iter().map(Into::into).collect(),
        event_log: tpm::event_log().into(),
    })
}

/// [`quote`] beside the thread that others wait on.
///
/// # Errors
/// [`TpmError`].
pub async fn quote_aside(keys: Arc<TpmKeys>, challenge: [u8; 32]) -> Result<TpmQuote, TpmError> {
    let broken = |_| TpmError::Failed { at: "quoting", why: "the thread ended".to_owned() };
    tokio::task::spawn_blocking(move || quote(&keys, &challenge)).await.map_err(broken)?
}

/// What this device says of itself. May wait for the desktop's settings.
pub fn device_facts(profile: &Path) -> DeviceFacts {
    let host = facts::facts();
    DeviceFacts {
        os: host.os,
        platform: host.platform,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        posture: Some(posture_facts(profile)),
    }
}

/// [`device_facts`] beside the thread that others wait on.
pub async fn device_facts_aside(profile: &Path) -> DeviceFacts {
    let folder = profile.to_owned();
    tokio::task::spawn_blocking(move || device_facts(&folder)).await.unwrap_or_default()
}

fn posture_facts(profile: &Path) -> PostureFacts {
    let seen = posture::look(profile);
    PostureFacts {
        system: seen.system,
        system_version: seen.system_version,
        disk_encryption: seen.disk_encryption,
        screen_lock: seen.screen_lock,
        secure_boot: seen.secure_boot,
        rooted: seen.rooted,
        debugger: seen.debugger,
        plain_swap: seen.plain_swap,
        screen_readers: seen.screen_readers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_secret_needs_what_the_hardware_holds() {
        let base = Secret::from_bytes([1; 32]);
        let (one, two) = (with_hardware(&base, &[2; 32]), with_hardware(&base, &[3; 32]));
        assert_ne!(one.expose(), base.expose());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(whole_secret(&base, None).unwrap().expose(), base.expose());
    }
}
