//! The TPM through the TSS's ESAPI. Each use opens it anew, and leaves nothing loaded: without a resource manager a TPM
//! has room for three objects.

use std::str::FromStr;

use tss_esapi::{
    Context,
    abstraction::{AsymmetricAlgorithmSelection, ek},
    attributes::{ObjectAttributes, ObjectAttributesBuilder, SessionAttributesBuilder},
    constants::SessionType,
    handles::{AuthHandle, KeyHandle, SessionHandle},
    interface_types::{
        algorithm::{HashingAlgorithm, PublicAlgorithm},
        ecc::EccCurve,
        key_bits::RsaKeyBits,
        resource_handles::Hierarchy,
        session_handles::{AuthSession, PolicySession},
    },
    structures::{
        Data, Digest, EccPoint, EccScheme, EncryptedSecret, HashScheme, IdObject, KeyDerivationFunctionScheme,
        KeyedHashScheme, PcrSelectionList, PcrSelectionListBuilder, PcrSlot, Private, Public, PublicBuilder,
        PublicEccParametersBuilder, PublicKeyedHashParameters, SensitiveData, SignatureScheme, SymmetricDefinition,
        SymmetricDefinitionObject,
    },
    tcti_ldr::{DeviceConfig, TctiNameConf},
    traits::{Marshall, UnMarshall},
};
use zeroize::Zeroizing;

use super::{Endorsement, QUOTED_REGISTERS, Quote, SECRET_LENGTH, TCTI_VARIABLE, TpmError, TpmKeys};

/// The kernel's resource manager: each use is alone and is cleared up after.
const DEVICE: &str = "/dev/tpmrm0";

pub(super) struct Tpm(Context);

type Step<T> = Result<T, TpmError>;

/// Gives the step's name to what went wrong in it.
fn at<E: std::fmt::Display>(at: &'static str) -> impl FnOnce(E) -> TpmError {
    move |error| TpmError::Failed { at, why: error.to_string() }
}

fn way() -> Step<TctiNameConf> {
    let absent = |error: tss_esapi::Error| TpmError::Absent(error.to_string());
    match std::env::var(TCTI_VARIABLE) {
        Ok(named) if !named.is_empty() => TctiNameConf::from_str(&named).map_err(absent),
        Ok(_) | Err(_) => {
            // Said in words: the library tells numbers.
            std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(DEVICE)
                .map_err(|error| TpmError::Absent(format!("{DEVICE}: {error}")))?;
            DeviceConfig::from_str(DEVICE).map(TctiNameConf::Device).map_err(absent)
        }
    }
}

impl Tpm {
    pub(super) fn open() -> Step<Self> {
        Context::new(way()?).map(Self).map_err(|error| TpmError::Absent(error.to_string()))
    }

    pub(super) fn endorsement(mut self) -> Step<Endorsement> {
        let (kind, chain) = self.certified();
        let handle = self.endorsement_key(kind)?;
        self.with(handle, |tpm| {
            let (public, ..) = tpm.0.read_public(handle).map_err(at("reading the endorsement key"))?;
            let public = public.marshall().map_err(at("reading the endorsement key"))?;
            Ok(Endorsement { public, chain })
        })
    }

    pub(super) fn create(mut self, secret: &[u8; SECRET_LENGTH]) -> Step<TpmKeys> {
        let parent = self.storage_key()?;
        self.with(parent, |tpm| {
            let key = tpm.make(parent, attestation_key()?, None, "making the attestation key")?;
            let data = SensitiveData::try_from(secret.to_vec()).map_err(at("sealing"))?;
            let sealed = tpm.make(parent, sealed_object()?, Some(data), "sealing")?;
            Ok(TpmKeys {
                attestation_public: key.0,
                attestation_private: key.1,
                sealed_public: sealed.0,
                sealed_private: sealed.1,
            })
        })
    }

    pub(super) fn activate(mut self, keys: &TpmKeys, credential: &[u8], seed: &[u8]) -> Step<Zeroizing<Vec<u8>>> {
        let object = IdObject::try_from(credential.to_vec()).map_err(at("reading the credential"))?;
        let seed = EncryptedSecret::try_from(seed.to_vec()).map_err(at("reading the credential"))?;
        let (kind, _) = self.certified();
        let key = self.load(&keys.attestation_public, &keys.attestation_private)?;
        self.with(key, |tpm| {
            let endorsement = tpm.endorsement_key(kind)?;
            tpm.with(endorsement, |tpm| tpm.activate_with(key, endorsement, object, seed))
        })
    }

    pub(super) fn quote(mut self, keys: &TpmKeys, challenge: &[u8; 32]) -> Step<Quote> {
        let key = self.load(&keys.attestation_public, &keys.attestation_private)?;
        self.with(key, |tpm| {
            let registers = tpm.registers()?;
            let data = Data::try_from(challenge.to_vec()).map_err(at("quoting"))?;
            let (attest, signature) = tpm
                .0
                .execute_with_session(Some(AuthSession::Password), |context| {
                    context.quote(key, data, SignatureScheme::Null, selection()?)
                })
                .map_err(at("quoting"))?;
            let attest = attest.marshall().map_err(at("quoting"))?;
            let signature = signature.marshall().map_err(at("quoting"))?;
            Ok(Quote { attest, signature, registers })
        })
    }

    pub(super) fn unseal(mut self, keys: &TpmKeys) -> Step<Zeroizing<[u8; SECRET_LENGTH]>> {
        let object = self.load(&keys.sealed_public, &keys.sealed_private)?;
        self.with(object, |tpm| {
            let data = tpm
                .0
                .execute_with_session(Some(AuthSession::Password), |context| context.unseal(object.into()))
                .map_err(at("unsealing"))?;
            let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
            if data.value().len() != SECRET_LENGTH {
                return Err(at("unsealing")("another length"));
            }
            secret.copy_from_slice(data.value());
            Ok(secret)
        })
    }

    /// Uses a loaded object and unloads it, whatever came of it.
    fn with<T>(&mut self, handle: KeyHandle, run: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let outcome = run(self);
        let gone = self.0.flush_context(handle.into()).map_err(at("unloading"));
        outcome.and_then(|value| gone.map(|()| value))
    }

    /// The kind of endorsement key that its maker certified, with the certificate; P-256 without one.
    fn certified(&mut self) -> (AsymmetricAlgorithmSelection, Vec<Vec<u8>>) {
        let kinds = [
            AsymmetricAlgorithmSelection::Ecc(EccCurve::NistP256),
            AsymmetricAlgorithmSelection::Rsa(RsaKeyBits::Rsa2048),
        ];
        for kind in kinds {
            let read = ek::retrieve_ek_pubcert(&mut self.0, kind).ok();
            if let Some(certificate) = read.as_deref().and_then(whole_certificate) {
                return (kind, vec![certificate]);
            }
        }
        (AsymmetricAlgorithmSelection::Ecc(EccCurve::NistP256), Vec::new())
    }

    fn endorsement_key(&mut self, kind: AsymmetricAlgorithmSelection) -> Step<KeyHandle> {
        ek::create_ek_object_2(&mut self.0, kind, None).map_err(at("making the endorsement key"))
    }

    /// The parent of our keys: the owner's storage key, the same each time it is made.
    fn storage_key(&mut self) -> Step<KeyHandle> {
        let public = storage_key()?;
        let made = self
            .0
            .execute_with_session(Some(AuthSession::Password), |context| {
                context.create_primary(Hierarchy::Owner, public, None, None, None, None)
            })
            .map_err(at("making the storage key"))?;
        Ok(made.key_handle)
    }

    fn make(
        &mut self,
        parent: KeyHandle,
        public: Public,
        data: Option<SensitiveData>,
        step: &'static str,
    ) -> Step<(Vec<u8>, Vec<u8>)> {
        let made = self
            .0
            .execute_with_session(Some(AuthSession::Password), |context| {
                context.create(parent, public, None, data, None, None)
            })
            .map_err(at(step))?;
        let public = made.out_public.marshall().map_err(at(step))?;
        Ok((public, made.out_private.value().to_vec()))
    }

    fn load(&mut self, public: &[u8], private: &[u8]) -> Step<KeyHandle> {
        let step = "loading a key of this TPM";
        let public = Public::unmarshall(public).map_err(at(step))?;
        let private = Private::try_from(private.to_vec()).map_err(at(step))?;
        let parent = self.storage_key()?;
        self.with(parent, |tpm| {
            let loaded = tpm
                .0
                .execute_with_session(Some(AuthSession::Password), |context| context.load(parent, private, public));
            loaded.map_err(at(step))
        })
    }

    fn registers(&mut self) -> Step<Vec<Vec<u8>>> {
        let step = "reading the registers";
        let (_, _, values) =
            self.0.execute_without_session(|context| context.pcr_read(selection()?)).map_err(at(step))?;
        let values: Vec<Vec<u8>> = values.value().iter().map(|digest| digest.value().to_vec()).collect();
        if values.len() == QUOTED_REGISTERS { Ok(values) } else { Err(at(step)("not all of them")) }
    }

    fn activate_with(
        &mut self,
        key: KeyHandle,
        endorsement: KeyHandle,
        object: IdObject,
        seed: EncryptedSecret,
    ) -> Step<Zeroizing<Vec<u8>>> {
        let step = "activating";
        let session = self.policy_session().map_err(at(step))?;
        let opened = self
            .0
            .execute_with_sessions((Some(AuthSession::Password), Some(session), None), |context| {
                context.activate_credential(key, endorsement, object, seed)
            })
            .map_err(at(step));
        // A session ends with its only use; what is left of one that failed is flushed.
        let _ = self.0.flush_context(SessionHandle::from(session).into());
        opened.map(|secret| Zeroizing::new(secret.value().to_vec()))
    }

    /// A session that satisfies the endorsement key's policy: knowledge of the (empty) endorsement secret.
    fn policy_session(&mut self) -> tss_esapi::Result<AuthSession> {
        let cipher = SymmetricDefinition::AES_128_CFB;
        let started = self.0.execute_without_session(|context| {
            context.start_auth_session(None, None, None, SessionType::Policy, cipher, HashingAlgorithm::Sha256)
        })?;
        let no_session = tss_esapi::WrapperErrorKind::WrongValueFromTpm;
        let session = started.ok_or(tss_esapi::Error::WrapperError(no_session))?;
        let (attributes, mask) = SessionAttributesBuilder::new().with_decrypt(true).with_encrypt(true).build();
        self.0.tr_sess_set_attributes(session, attributes, mask)?;
        self.0.execute_with_session(Some(AuthSession::Password), |context| {
            let policy = PolicySession::try_from(session)?;
            let empty = Default::default;
            context.policy_secret(
                policy,
                AuthHandle::Endorsement,
                empty(),
                Default::default(),
                Default::default(),
                None,
            )
        })?;
        Ok(session)
    }
}

fn selection() -> tss_esapi::Result<PcrSelectionList> {
    use PcrSlot::{Slot0, Slot1, Slot2, Slot3, Slot4, Slot5, Slot6, Slot7};
    let slots = [Slot0, Slot1, Slot2, Slot3, Slot4, Slot5, Slot6, Slot7];
    PcrSelectionListBuilder::new().with_selection(HashingAlgorithm::Sha256, &slots).build()
}

/// Attributes of everything that stays in this TPM and needs no password of its own.
fn attributes() -> ObjectAttributesBuilder {
    ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_user_with_auth(true)
        .with_no_da(true)
}

fn storage_key() -> Step<Public> {
    let build = || {
        let attributes: ObjectAttributes =
            attributes().with_sensitive_data_origin(true).with_restricted(true).with_decrypt(true).build()?;
        let cipher = SymmetricDefinitionObject::AES_128_CFB;
        PublicBuilder::new()
            .with_public_algorithm(PublicAlgorithm::Ecc)
            .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
            .with_object_attributes(attributes)
            .with_ecc_parameters(
                PublicEccParametersBuilder::new_restricted_decryption_key(cipher, EccCurve::NistP256).build()?,
            )
            .with_ecc_unique_identifier(EccPoint::default())
            .build()
    };
    build().map_err(|error: tss_esapi::Error| at("describing the storage key")(error))
}

fn attestation_key() -> Step<Public> {
    let build = || {
        let attributes: ObjectAttributes =
            attributes().with_sensitive_data_origin(true).with_restricted(true).with_sign_encrypt(true).build()?;
        let parameters = PublicEccParametersBuilder::new()
            .with_ecc_scheme(EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256)))
            .with_curve(EccCurve::NistP256)
            .with_is_signing_key(true)
            .with_restricted(true)
            .with_key_derivation_function_scheme(KeyDerivationFunctionScheme::Null)
            .build()?;
        PublicBuilder::new()
            .with_public_algorithm(PublicAlgorithm::Ecc)
            .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
            .with_object_attributes(attributes)
            .with_ecc_parameters(parameters)
            .with_ecc_unique_identifier(EccPoint::default())
            .build()
    };
    build().map_err(|error: tss_esapi::Error| at("describing the attestation key")(error))
}

fn sealed_object() -> Step<Public> {
    let build = || {
        PublicBuilder::new()
            .with_public_algorithm(PublicAlgorithm::KeyedHash)
            .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
            .with_object_attributes(attributes().build()?)
            .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
            .with_keyed_hash_unique_identifier(Digest::default())
            .build()
    };
    build().map_err(|error: tss_esapi::Error| at("describing what is sealed")(error))
}

/// A certificate without what fills the rest of its place in the TPM.
fn whole_certificate(bytes: &[u8]) -> Option<Vec<u8>> {
    let [0x30, 0x82, high, low, ..] = bytes else { return None };
    let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
    bytes.get(..length).map(<[u8]>::to_vec)
}
