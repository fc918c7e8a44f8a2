//! C2SP signed notes and tree checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519.

use crate::{
    crypto::{SigningKey, VerifyingKey, sha256},
    merkle::Tree,
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};

/// Type byte of Ed25519 keys in signed notes.
const ED25519: u8 = 1;
/// Longest checkpoint we read, in bytes.
pub const CHECKPOINT_MAX: usize = 4096;

/// A log's public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    key: VerifyingKey,
}

/// Why a note or key was refused. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a verifier key `name+hash+key`.
    #[error("not a signed-note key")]
    Key,
    /// A name with spaces, '+' or line ends, or an empty one.
    #[error("not a key name")]
    Name,
    /// Not a checkpoint: origin, size, root, empty line, signature.
    #[error("not a signed checkpoint")]
    Malformed,
    /// Of another log.
    #[error("the checkpoint is of another log")]
    Origin,
    /// Not signed by this key, or changed since.
    #[error("the checkpoint's signature does not fit")]
    Signature,
}

impl NoteKey {
    /// A key under a name; the name is also the origin of the log's checkpoints.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        let good = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if good { Ok(Self { name: name.to_owned(), key }) } else { Err(NoteError::Name) }
    }

    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> VerifyingKey {
        self.key
    }

    fn hash(&self) -> [u8; 4] {
        let input = [self.name.as_bytes(), b"\n", &[ED25519], &self.key.0].concat();
        let [a, b, c, d, ..] = sha256(&input);
        [a, b, c, d]
    }

    /// The key as text: `name+hash+key`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let key = [[ED25519].as_slice(), &self.key.0].concat();
        format!("{}+{}+{}", self.name, hex::encode(self.hash()), B64.encode(key))
    }

    /// Reads a key's text form.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = B64.decode(key).map_err(|_| NoteError::Key)?;
        let (first, rest) = bytes.split_first().ok_or(NoteError::Key)?;
        let raw: [u8; 32] = rest.try_into().map_err(|_| NoteError::Key)?;
        let key = Self::new(name, VerifyingKey(raw))?;
        if *first == ED25519 && hex::encode(key.hash()) == hash { Ok(key) } else { Err(NoteError::Key) }
    }
}

/// What is signed of a tree: origin, size and root, a line each.
#[must_use]
pub fn checkpoint_body(origin: &str, tree: &Tree) -> String {
    format!("{origin}\n{}\n{}\n", tree.size, B64.encode(tree.root))
}

/// Signs a tree; the signature alone, to be kept beside its leaf.
#[must_use]
pub fn sign_tree(name: &NoteKey, key: &SigningKey, tree: &Tree) -> Vec<u8> {
    key.sign(checkpoint_body(&name.name, tree).as_bytes())
}

/// Checks a signature of [`sign_tree`].
///
/// # Errors
/// [`NoteError::Signature`].
pub fn verify_tree(key: &NoteKey, tree: &Tree, signature: &[u8]) -> Result<(), NoteError> {
    let body = checkpoint_body(&key.name, tree);
    key.key.verify(body.as_bytes(), signature).map_err(|_| NoteError::Signature)
}

/// The checkpoint as a signed note, from a tree and its kept signature.
#[must_use]
pub fn checkpoint(key: &NoteKey, tree: &Tree, signature: &[u8]) -> String {
    let signed = [key.hash().as_slice(), signature].concat();
    format!("{}\n\u{2014} {} {}\n", checkpoint_body(&key.name, tree), key.name, B64.encode(signed))
}

/// Reads and checks a checkpoint. Signatures of other keys (witnesses) may stand beside the log's own.
///
/// # Errors
/// [`NoteError`]; the tree is given out only if the signature fits.
pub fn open_checkpoint(key: &NoteKey, note: &str) -> Result<Tree, NoteError> {
    if note.len() > CHECKPOINT_MAX {
        return Err(NoteError::Malformed);
    }
    let (body, signatures) = note.split_once("\n\n").ok_or(NoteError::Malformed)?;
    let mut lines = body.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Malformed);
    };
    if origin != key.name {
        return Err(NoteError::Origin);
    }
    let tree = Tree { size: decimal(size)?, root: root_of(root)? };
    let signed = format!("{body}\n");
    let own = signatures.lines().filter_map(|line| signature_of(key, line));
    let mut fitting = own.filter(|signature| key.key.verify(signed.as_bytes(), signature).is_ok());
    fitting.next().map(|_| tree).ok_or(NoteError::Signature)
}

fn decimal(text: &str) -> Result<u64, NoteError> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { text.parse().map_err(|_| NoteError::Malformed) } else { Err(NoteError::Malformed) }
}

fn root_of(text: &str) -> Result<[u8; 32], NoteError> {
    let bytes = B64.decode(text).map_err(|_| NoteError::Malformed)?;
    bytes.try_into().map_err(|_| NoteError::Malformed)
}

fn signature_of(key: &NoteKey, line: &str) -> Option<Vec<u8>> {
    let (name, text) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = B64.decode(text).ok()?;
    let (hash, signature) = bytes.split_first_chunk::<4>()?;
    (name == key.name && *hash == key.hash()).then(|| signature.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn keys() -> (SigningKey, NoteKey) {
        let key = SigningKey::generate().unwrap();
        let name = NoteKey::new("policy.clinic.example/audit", key.verifying_key()).unwrap();
        (key, name)
    }

    const TREE: Tree = Tree { size: 12, root: [5; 32] };

    #[test]
    fn a_checkpoint_is_three_lines_and_a_signature() {
        let (key, name) = keys();
        let note = checkpoint(&name, &TREE, &sign_tree(&name, &key, &TREE));
        let lines: Vec<_> = note.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines.get(..4).unwrap(), ["policy.clinic.example/audit", "12", &B64.encode([5; 32]), ""]);
        assert!(note.ends_with('\n'));
        assert_eq!(open_checkpoint(&name, &note), Ok(TREE));
    }

    #[test]
    fn a_changed_size_or_another_key_is_refused() {
        let (key, name) = keys();
        let note = checkpoint(&name, &TREE, &sign_tree(&name, &key, &TREE));
        let other = NoteKey::new(name.name(), keys().0.verifying_key()).unwrap();
        let elsewhere = NoteKey::new("other/audit", key.verifying_key()).unwrap();
        assert_eq!(open_checkpoint(&name, &note.replace("\n12\n", "\n13\n")), Err(NoteError::Signature));
        assert_eq!(open_checkpoint(&other, &note), Err(NoteError::Signature));
        assert_eq!(open_checkpoint(&elsewhere, &note), Err(NoteError::Origin));
    }

    #[test]
    fn a_key_survives_its_text_form_and_a_changed_one_does_not() {
        let (_, name) = keys();
        assert_eq!(NoteKey::parse(&name.to_text()), Ok(name.clone()));
        assert_eq!(NoteKey::parse(&name.to_text().replace("policy", "police")), Err(NoteError::Key));
        assert_eq!(NoteKey::new("a b", name.key()), Err(NoteError::Name));
    }

    #[test]
    fn the_key_hash_is_that_of_the_specification() {
        // From the signed-note specification: PeterNeumann's key is c74f20a3.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(NoteKey::parse(text).unwrap().to_text(), text);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            let (_, name) = keys();
            prop_assert!(open_checkpoint(&name, &text).is_err());
            let framed = format!("policy.clinic.example/audit\n{text}\n\n{text}");
            prop_assert!(open_checkpoint(&name, &framed).is_err());
            let _ = NoteKey::parse(&text);
        }
    }
}
