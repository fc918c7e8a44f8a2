//! Ties a profile to this machine, this user and this folder: a copied profile derives another secret.

use std::{fs, io, path::Path};

use ring::hmac;
use zeroize::Zeroizing;

use crate::files::{self, FileError};

#[cfg_attr(target_os = "linux", path = "binding_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "binding_elsewhere.rs")]
mod imp;

/// Name of the salt file inside the profile folder.
pub const SALT_FILE: &str = "salt";
const SALT_LENGTH: usize = 32;
const LABEL: &[u8] = b"secure-browser device secret v1";

/// 32 bytes that only this folder on this machine gives. Prints nothing.
pub struct DeviceSecret(Zeroizing<[u8; 32]>);

impl DeviceSecret {
    /// The bytes, to derive from and not to keep.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(..)")
    }
}

/// Why there is no device secret.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The machine has no id (on Linux `/etc/machine-id`).
    #[error("this machine has no machine id")]
    NoMachineId(#[source] io::Error),
    /// The folder cannot be read.
    #[error("the profile folder cannot be read")]
    Folder(#[source] io::Error),
    /// The salt is missing.
    #[error("the profile's salt is missing")]
    NoSalt(#[source] io::Error),
    /// The salt is not 32 bytes.
    #[error("the profile's salt is damaged")]
    BadSalt,
    /// The salt cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// This OS has no binding yet.
    #[error("not possible on this operating system yet")]
    NotPossibleHere,
}

/// What the secret is derived from, besides the salt.
struct Place {
    machine: Vec<u8>,
    user: u64,
    folder: u64,
}

/// Makes a fresh random salt in `folder` (mode 0600, durable), replacing an old one.
///
/// # Errors
/// [`BindingError::File`].
pub fn create_salt(folder: &Path) -> Result<(), BindingError> {
    let salt: [u8; SALT_LENGTH] = rand::random();
    files::write_atomic_durable(&folder.join(SALT_FILE), &salt, 0o600)?;
    Ok(())
}

/// Derives the secret of `folder`, whose salt exists: HKDF-SHA256 over machine id, user id and the folder's inode.
///
/// # Errors
/// What could not be read; never a guess in its place.
pub fn device_secret(folder: &Path) -> Result<DeviceSecret, BindingError> {
    let salt = fs::read(folder.join(SALT_FILE)).map_err(BindingError::NoSalt)?;
    if salt.len() != SALT_LENGTH {
        return Err(BindingError::BadSalt);
    }
    Ok(derive(&salt, &imp::place(folder)?))
}

fn derive(salt: &[u8], place: &Place) -> DeviceSecret {
    let mut input = Zeroizing::new(Vec::with_capacity(place.machine.len() + 16));
    input.extend_from_slice(&place.user.to_le_bytes());
    input.extend_from_slice(&place.folder.to_le_bytes());
    input.extend_from_slice(&place.machine);
    // HKDF by its two steps (RFC 5869): one block of output is all that is needed, and HMAC cannot fail.
    let extracted = Zeroizing::new(hmac_sha256(salt, &input));
    DeviceSecret(Zeroizing::new(hmac_sha256(extracted.as_slice(), &[LABEL, &[1]].concat())))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut out = [0; 32];
    out.copy_from_slice(tag.as_ref());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn place() -> Place {
        Place { machine: b"0123456789abcdef".to_vec(), user: 1000, folder: 77 }
    }

    #[test]
    fn every_part_of_the_place_and_the_salt_changes_the_secret() {
        let base = derive(&[1; 32], &place());
        let others = [
            derive(&[2; 32], &place()),
            derive(&[1; 32], &Place { machine: b"0123456789abcdeF".to_vec(), ..place() }),
            derive(&[1; 32], &Place { user: 1001, ..place() }),
            derive(&[1; 32], &Place { folder: 78, ..place() }),
        ];
        assert_eq!(base.expose(), derive(&[1; 32], &place()).expose());
        assert_ne!(base.expose(), &[0; 32]);
        for other in others {
            assert_ne!(base.expose(), other.expose());
        }
    }

    #[test]
    fn the_derivation_is_hkdf() {
        let place = place();
        let mut input = [place.user.to_le_bytes(), place.folder.to_le_bytes()].concat();
        input.extend_from_slice(&place.machine);
        let mut expected = [0; 32];
        let extracted = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, &[1; 32]).extract(&input);
        extracted.expand(&[LABEL], ring::hkdf::HKDF_SHA256).unwrap().fill(&mut expected).unwrap();
        assert_eq!(derive(&[1; 32], &place).expose(), &expected);
    }

    #[test]
    fn a_copied_folder_derives_another_secret() {
        let home = tempfile::tempdir().unwrap();
        let (one, two) = (home.path().join("one"), home.path().join("two"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        create_salt(&one).unwrap();
        fs::copy(one.join(SALT_FILE), two.join(SALT_FILE)).unwrap();
        assert_eq!(device_secret(&one).unwrap().expose(), device_secret(&one).unwrap().expose());
        assert_ne!(device_secret(&one).unwrap().expose(), device_secret(&two).unwrap().expose());
    }

    #[test]
    fn a_missing_or_short_salt_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(device_secret(folder.path()), Err(BindingError::NoSalt(_))));
        fs::write(folder.path().join(SALT_FILE), "short").unwrap();
        assert!(matches!(device_secret(folder.path()), Err(BindingError::BadSalt)));
    }

    #[test]
    fn the_secret_prints_nothing() {
        assert_eq!(format!("{:?}", derive(&[1; 32], &place())), "DeviceSecret(..)");
    }
}
