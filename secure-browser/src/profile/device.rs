//! Who this device is: server and pin, root key, names, and its two keys sealed under the device secret.

use secure_browser_core::pins::Pins;
use secure_browser_platform::tpm::TpmKeys;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::{self, Secret, SigningKey, VerifyingKey},
    ids::{DeviceId, Epoch, UnixTime, Version},
};

use crate::{
    attest,
    link::{DeviceKey, Server},
};

use super::ProfileError;

const DEVICE_KEY: &[u8] = b"secure-workspace/v1/profile/device-key";
const BOUNDARY: &[u8] = b"secure-workspace/v1/profile/boundary";
const TOMBSTONE_KEY: &[u8] = b"secure-workspace/v1/profile/tombstone-key";

/// An enrolled device as it lies on disk; its keys are sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its life.
    pub epoch: Epoch,
    /// The server.
    pub server: Server,
    /// The organisation's root key.
    pub root: VerifyingKey,
    /// The organisation's name.
    pub org: String,
    /// What the person calls this device.
    pub label: String,
    /// What the enrollment's evidence was: "software" or "tpm".
    pub tier: String,
    /// The TPM's keys, if it was enrolled with one; nobody else can use them.
    #[serde(default)]
    pub tpm: Option<TpmKeys>,
    /// Root's word for the online key that signs commands, as last heard.
    pub key_certificate: ByteBuf,
    /// The server's TLS keys as the root key named them last.
    #[serde(default)]
    pins: Pins,
    /// Tells a foreign profile from a damaged one: a digest that only the right device secret gives.
    #[serde(with = "serde_bytes")]
    check: [u8; 32],
    /// Sealed PKCS#8.
    device_key: ByteBuf,
    /// Sealed seed.
    tombstone_key: ByteBuf,
    /// Sealed: the highest version of a boundary that was ever in force here; empty for none.
    #[serde(default)]
    boundary: ByteBuf,
}

/// Plain parts of a new device.
pub struct Identity<'a> {
    /// Its id.
    pub id: DeviceId,
    /// Its life.
    pub epoch: Epoch,
    /// The server.
    pub server: Server,
    /// The organisation's root key.
    pub root: VerifyingKey,
    /// The organisation's name.
    pub org: &'a str,
    /// What the person calls this device.
    pub label: &'a str,
    /// Root's word for the online key.
    pub key_certificate: ByteBuf,
}

impl Device {
    /// A new device; its keys are sealed under `secret`.
    ///
    /// # Errors
    /// [`ProfileError::Crypto`].
    pub fn seal(
        identity: Identity<'_>,
        device_key: &DeviceKey,
        tombstone_key: &SigningKey,
        secret: &Secret,
    ) -> Result<Self, ProfileError> {
        let device_key = crypto::seal(secret, DEVICE_KEY, device_key.pkcs8())?;
        let tombstone_key = crypto::seal(secret, TOMBSTONE_KEY, tombstone_key.seed().expose())?;
        Ok(Self {
            id: identity.id,
            epoch: identity.epoch,
            server: identity.server,
            root: identity.root,
            org: identity.org.to_owned(),
            label: identity.label.to_owned(),
            tier: "software".to_owned(),
            tpm: None,
            key_certificate: identity.key_certificate,
            pins: Pins::default(),
            check: check(secret),
            device_key: device_key.into(),
            tombstone_key: tombstone_key.into(),
            boundary: ByteBuf::new(),
        })
    }

    /// The same, tied to a TPM: the device key is sealed under `whole`, which the TPM has a part of.
    ///
    /// # Errors
    /// [`ProfileError::Crypto`].
    pub fn with_tpm(mut self, keys: TpmKeys, key: &DeviceKey, whole: &Secret) -> Result<Self, ProfileError> {
        self.device_key = crypto::seal(whole, DEVICE_KEY, key.pkcs8())?.into();
        (self.tpm, self.tier) = (Some(keys), "tpm".to_owned());
        Ok(self)
    }

    /// Version of the list of the server's TLS keys.
    #[must_use]
    pub fn pins_version(&self) -> Version {
        self.pins.version()
    }

    /// Takes over which TLS keys the server may show: the root's newer word, if one came, and the end of old keys by
    /// `now`. Whether anything changed.
    pub fn hear_pins(&mut self, statement: Option<&ByteBuf>, now: UnixTime) -> bool {
        let newer = statement.and_then(|bytes| self.pins.hear(bytes, &self.root));
        let changed = newer.is_some();
        self.pins = newer.unwrap_or_else(|| self.pins.clone());
        match self.pins.at(now) {
            Some(pins) if pins != self.server.pins => {
                self.server.pins = pins;
                true
            }
            Some(_) | None => changed,
        }
    }

    /// The device's whole secret, from that of machine, user and folder.
    ///
    /// # Errors
    /// [`ProfileError::Foreign`] under another device secret, [`ProfileError::Hardware`] without its TPM.
    pub fn whole_secret(&self, secret: &Secret) -> Result<Secret, ProfileError> {
        if !crypto::same(&check(secret), &self.check) {
            return Err(ProfileError::Foreign);
        }
        Ok(attest::whole_secret(secret, self.tpm.as_ref())?)
    }

    /// Opens the device key with the whole secret.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`].
    pub fn device_key(&self, secret: &Secret) -> Result<DeviceKey, ProfileError> {
        let damaged = |_| ProfileError::Damaged(super::DEVICE);
        let pkcs8 = crypto::unseal(secret, DEVICE_KEY, &self.device_key).map_err(damaged)?;
        DeviceKey::from_pkcs8(&pkcs8).map_err(damaged)
    }

    /// Opens the tombstone key, to sign one receipt.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`].
    pub fn tombstone_key(&self, secret: &Secret) -> Result<SigningKey, ProfileError> {
        open_tombstone(secret, &self.tombstone_key)
    }

    /// The lowest version of a boundary that may be used here; 0 before the first.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`].
    pub fn boundary_floor(&self, secret: &Secret) -> Result<Version, ProfileError> {
        if self.boundary.is_empty() {
            return Ok(Version(0));
        }
        let damaged = || ProfileError::Damaged(super::DEVICE);
        let plain = crypto::unseal(secret, BOUNDARY, &self.boundary).map_err(|_| damaged())?;
        let version: [u8; 8] = plain.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Version(u64::from_be_bytes(version)))
    }

    /// Raises it to `version`; whether it was lower. The file has to be written then.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`], [`ProfileError::Crypto`].
    pub fn raise_boundary_floor(&mut self, version: Version, secret: &Secret) -> Result<bool, ProfileError> {
        let lower = self.boundary_floor(secret)? < version;
        if lower {
            self.boundary = crypto::seal(secret, BOUNDARY, &version.0.to_be_bytes())?.into();
        }
        Ok(lower)
    }

    /// The sealed tombstone key, for the journal entry of a wipe.
    #[must_use]
    pub fn sealed_tombstone_key(&self) -> &ByteBuf {
        &self.tombstone_key
    }
}

/// Opens a sealed tombstone key.
///
/// # Errors
/// [`ProfileError::Damaged`].
pub fn open_tombstone(secret: &Secret, sealed: &[u8]) -> Result<SigningKey, ProfileError> {
    let damaged = || ProfileError::Damaged(super::DEVICE);
    let seed = crypto::unseal(secret, TOMBSTONE_KEY, sealed).map_err(|_| damaged())?;
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| damaged())?;
    SigningKey::from_seed(Secret::from_bytes(seed)).map_err(|_| damaged())
}

fn check(secret: &Secret) -> [u8; 32] {
    *secret.derive(&[], "secure-workspace/v1/profile/check").expose()
}
