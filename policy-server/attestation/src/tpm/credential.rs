//! `TPM2_MakeCredential` without a TPM: a secret that only the TPM of an endorsement key gives out, and only while the
//! attestation key of that very name lies in it.
//!
//! Source: TPM 2.0 library, part 1, section 24 and annexes B.10.4 (RSA) and C.6.4 (ECC).

use aes::{Aes128, Aes256};
use cfb_mode::cipher::{AsyncStreamCipher, KeyIvInit};
use num_bigint::BigUint;
use ring::{agreement, hmac, rand::SecureRandom};

use super::{
    endorsement::{Endorsement, point},
    hash::Hash,
    public::{Curve, Key},
};

/// Bytes of the secret that is sent; every endorsement key's name hash is at least as long.
pub const SECRET_LENGTH: usize = 32;

/// Label of everything that belongs to a credential.
const IDENTITY: &[u8] = b"IDENTITY";

/// What the device's TPM gets.
#[derive(Debug, PartialEq, Eq)]
pub struct Credential {
    /// `TPMS_ID_OBJECT`: integrity value and the encrypted secret.
    pub object: Vec<u8>,
    /// `TPMU_ENCRYPTED_SECRET`: the seed of both, for the endorsement key only.
    pub seed: Vec<u8>,
}

/// Why there is no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCredential;

/// Makes a credential for the attestation key named `ak_name`.
///
/// # Errors
/// [`NoCredential`] if `random` fails, or the key is a point that is on no curve.
pub fn make(
    endorsement: &Endorsement<'_>,
    ak_name: &[u8],
    secret: &[u8; SECRET_LENGTH],
    random: &dyn SecureRandom,
) -> Result<Credential, NoCredential> {
    let hash = endorsement.name_hash;
    let (key, encrypted) = match &endorsement.key {
        Key::Ecc { curve, x, y } => agree(hash, *curve, x, y, random)?,
        Key::Rsa { modulus, exponent } => wrap(hash, modulus, *exponent, random)?,
    };
    let object = protect(hash, endorsement.symmetric_bits, &key, ak_name, secret)?;
    Ok(Credential { object, seed: encrypted })
}

/// A seed by key agreement with a fresh point, and that point as `TPMS_ECC_POINT`.
fn agree(
    hash: Hash,
    curve: Curve,
    x: &[u8],
    y: &[u8],
    random: &dyn SecureRandom,
) -> Result<(Vec<u8>, Vec<u8>), NoCredential> {
    let algorithm = match curve {
        Curve::P256 => &agreement::ECDH_P256,
        Curve::P384 => &agreement::ECDH_P384,
    };
    let fresh = agreement::EphemeralPrivateKey::generate(algorithm, random).map_err(|_| NoCredential)?;
    let public = fresh.compute_public_key().map_err(|_| NoCredential)?;
    let (own_x, own_y) = public.as_ref().get(1..).unwrap_or_default().split_at(curve.size());
    let theirs = point(curve, x, y);
    let their_x = theirs.get(1..=curve.size()).unwrap_or_default();
    let peer = agreement::UnparsedPublicKey::new(algorithm, &theirs);
    let seed = agreement::agree_ephemeral(fresh, &peer, |shared| kdfe(hash, shared, own_x, their_x));
    Ok((seed.map_err(|_| NoCredential)?, [sized(own_x), sized(own_y)].concat()))
}

/// A random seed, and the same wrapped by RSA-OAEP.
fn wrap(
    hash: Hash,
    modulus: &[u8],
    exponent: u32,
    random: &dyn SecureRandom,
) -> Result<(Vec<u8>, Vec<u8>), NoCredential> {
    let (mut seed, mut mask) = (vec![0; hash.size()], vec![0; hash.size()]);
    random.fill(&mut seed).and_then(|()| random.fill(&mut mask)).map_err(|_| NoCredential)?;
    let padded = oaep(hash, &seed, &mask, modulus.len()).ok_or(NoCredential)?;
    let number = BigUint::from_bytes_be(&padded).modpow(&BigUint::from(exponent), &BigUint::from_bytes_be(modulus));
    let octets = number.to_bytes_be();
    let missing = modulus.len().saturating_sub(octets.len());
    Ok((seed, [vec![0; missing], octets].concat()))
}

/// EME-OAEP (RFC 8017, section 7.1.1) with the label of the TPM's credentials, its terminator included.
fn oaep(hash: Hash, message: &[u8], seed: &[u8], length: usize) -> Option<Vec<u8>> {
    let padding = length.checked_sub(message.len() + 2 * hash.size() + 2)?;
    let label = hash.digest(&[IDENTITY, &[0]]);
    let mut block = [label, vec![0; padding], vec![1], message.to_vec()].concat();
    mask(hash, seed, &mut block);
    let mut seed = seed.to_vec();
    mask(hash, &block, &mut seed);
    Some([vec![0], seed, block].concat())
}

/// MGF1 (RFC 8017, appendix B.2.1), laid over `block`.
fn mask(hash: Hash, seed: &[u8], block: &mut [u8]) {
    for (counter, chunk) in (0u32..).zip(block.chunks_mut(hash.size())) {
        let stream = hash.digest(&[seed, &counter.to_be_bytes()]);
        chunk.iter_mut().zip(stream).for_each(|(octet, mask)| *octet ^= mask);
    }
}

/// Encrypts the secret and binds it to the attestation key's name.
fn protect(hash: Hash, bits: u16, seed: &[u8], name: &[u8], secret: &[u8]) -> Result<Vec<u8>, NoCredential> {
    let mut encrypted = sized(secret);
    let storage = kdfa(hash, seed, b"STORAGE", name, bits)?;
    encrypt(&storage, &mut encrypted)?;
    let size = u16::try_from(hash.size() * 8).map_err(|_| NoCredential)?;
    let key = hmac::Key::new(mac(hash)?, &kdfa(hash, seed, b"INTEGRITY", &[], size)?);
    let integrity = hmac::sign(&key, &[&encrypted, name].concat());
    Ok([sized(integrity.as_ref()), encrypted].concat())
}

fn encrypt(key: &[u8], text: &mut [u8]) -> Result<(), NoCredential> {
    let start = [0; 16];
    match key.len() {
        16 => cfb_mode::Encryptor::<Aes128>::new_from_slices(key, &start).map_err(|_| NoCredential)?.encrypt(text),
        _ => cfb_mode::Encryptor::<Aes256>::new_from_slices(key, &start).map_err(|_| NoCredential)?.encrypt(text),
    }
    Ok(())
}

/// `KDFa` (part 1, section 11.4.10.2).
fn kdfa(hash: Hash, key: &[u8], label: &[u8], context: &[u8], bits: u16) -> Result<Vec<u8>, NoCredential> {
    let (key, wanted) = (hmac::Key::new(mac(hash)?, key), usize::from(bits / 8));
    let mut out = Vec::with_capacity(wanted + hash.size());
    for counter in 1u32.. {
        if out.len() >= wanted {
            break;
        }
        let parts = [&counter.to_be_bytes()[..], label, &[0], context, &u32::from(bits).to_be_bytes()];
        out.extend_from_slice(hmac::sign(&key, &parts.concat()).as_ref());
    }
    out.truncate(wanted);
    Ok(out)
}

/// `KDFe` (part 1, section 11.4.10.3) for one digest's length.
fn kdfe(hash: Hash, shared: &[u8], own_x: &[u8], their_x: &[u8]) -> Vec<u8> {
    hash.digest(&[&1u32.to_be_bytes(), shared, IDENTITY, &[0], own_x, their_x])
}

fn mac(hash: Hash) -> Result<hmac::Algorithm, NoCredential> {
    match hash {
        Hash::Sha1 => Err(NoCredential),
        Hash::Sha256 => Ok(hmac::HMAC_SHA256),
        Hash::Sha384 => Ok(hmac::HMAC_SHA384),
        Hash::Sha512 => Ok(hmac::HMAC_SHA512),
    }
}

/// A `TPM2B` of at most 65535 octets.
fn sized(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    const NAME: &[u8] = b"\x00\x0bthe name of an attestation key";

    /// What a TPM does with the object once it has the seed.
    fn opened(hash: Hash, bits: u16, seed: &[u8], name: &[u8], object: &[u8]) -> Option<Vec<u8>> {
        let (size, rest) = object.split_at(2);
        let (integrity, encrypted) = rest.split_at(usize::from(u16::from_be_bytes([size[0], size[1]])));
        let key = kdfa(hash, seed, b"INTEGRITY", &[], u16::try_from(hash.size() * 8).unwrap()).unwrap();
        let key = hmac::Key::new(mac(hash).unwrap(), &key);
        hmac::verify(&key, &[encrypted, name].concat(), integrity).ok()?;
        let storage = kdfa(hash, seed, b"STORAGE", name, bits).unwrap();
        let mut plain = encrypted.to_vec();
        cfb_mode::Decryptor::<Aes128>::new_from_slices(&storage, &[0; 16]).unwrap().decrypt(&mut plain);
        Some(plain.split_off(2))
    }

    #[test]
    fn an_agreed_seed_opens_the_secret_for_the_right_name_only() {
        let random = SystemRandom::new();
        let own = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random).unwrap();
        let public = own.compute_public_key().unwrap();
        let (x, y) = public.as_ref()[1..].split_at(32);
        let key = Key::Ecc { curve: Curve::P256, x, y };
        let endorsement = Endorsement { key, name_hash: Hash::Sha256, symmetric_bits: 128 };
        let made = make(&endorsement, NAME, &[7; 32], &random).unwrap();
        let (their_x, their_y) = (&made.seed[2..34], &made.seed[36..]);
        let peer = [&[4], their_x, their_y].concat();
        let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, peer);
        let seed = agreement::agree_ephemeral(own, &peer, |shared| kdfe(Hash::Sha256, shared, their_x, x)).unwrap();
        assert_eq!(opened(Hash::Sha256, 128, &seed, NAME, &made.object), Some(vec![7; 32]));
        assert_eq!(opened(Hash::Sha256, 128, &seed, b"another name", &made.object), None);
    }

    #[test]
    fn a_point_that_is_on_no_curve_gets_nothing() {
        let key = Key::Ecc { curve: Curve::P256, x: &[1; 32], y: &[1; 32] };
        let endorsement = Endorsement { key, name_hash: Hash::Sha256, symmetric_bits: 128 };
        assert_eq!(make(&endorsement, NAME, &[7; 32], &SystemRandom::new()), Err(NoCredential));
    }

    #[test]
    fn a_padded_seed_is_found_again_by_taking_the_masks_off() {
        let (hash, message, random) = (Hash::Sha256, [9; 32], [3; 32]);
        let block = oaep(hash, &message, &random, 256).unwrap();
        let (mut seed, mut data) = (block[1..33].to_vec(), block[33..].to_vec());
        mask(hash, &data, &mut seed);
        mask(hash, &seed, &mut data);
        assert_eq!((block.len(), block[0], seed.as_slice()), (256, 0, &random[..]));
        assert!(data.starts_with(&hash.digest(&[b"IDENTITY\0"])) && data.ends_with(&[&[1][..], &message].concat()));
        assert_eq!(oaep(hash, &message, &random, 97), None);
    }
}
