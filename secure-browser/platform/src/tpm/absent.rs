//! Built without a TPM library: every call says so.

use zeroize::Zeroizing;

use super::{Endorsement, Quote, SECRET_LENGTH, TpmError, TpmKeys};

/// Never made.
pub(super) enum Tpm {}

impl Tpm {
    pub(super) fn open() -> Result<Self, TpmError> {
        Err(TpmError::NotBuilt)
    }

    pub(super) fn endorsement(self) -> Result<Endorsement, TpmError> {
        match self {}
    }

    pub(super) fn create(self, _secret: &[u8; SECRET_LENGTH]) -> Result<TpmKeys, TpmError> {
        match self {}
    }

    pub(super) fn activate(
        self,
        _keys: &TpmKeys,
        _credential: &[u8],
        _seed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        match self {}
    }

    pub(super) fn quote(self, _keys: &TpmKeys, _challenge: &[u8; 32]) -> Result<Quote, TpmError> {
        match self {}
    }

    pub(super) fn unseal(self, _keys: &TpmKeys) -> Result<Zeroizing<[u8; SECRET_LENGTH]>, TpmError> {
        match self {}
    }
}
