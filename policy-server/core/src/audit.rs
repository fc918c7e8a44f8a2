//! The audit log: entries as canonical CBOR leaves of a Merkle tree, each with the signed tree that it made.
//!
//! Every leaf is kept with the root and the signature of the tree that ends in it. A reader recomputes the tree leaf
//! by leaf, so that the first leaf that was changed, taken out or put in is named, and not only the fact.

use serde::{Deserialize, Serialize};
use workspace_protocol::{cbor, crypto::SigningKey, ids::UnixTime};

use crate::{
    merkle::{Frontier, Hash, Node, Tree, leaf_hash},
    note::{NoteKey, sign_tree, verify_tree},
};

/// Version of the leaf's encoding.
const LEAF_VERSION: u8 = 1;
/// Longest leaf, in bytes.
pub const LEAF_MAX: usize = 16 << 10;

/// Something that was done or refused. Holds names and codes, never a secret, a PIN or page content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, on the server's clock.
    pub at: UnixTime,
    /// Who: `admin:uid=0`, `device:UUID`, `server`.
    pub actor: String,
    /// What, such as `device.wipe`.
    pub action: String,
    /// To what: a device, group or invitation.
    pub target: String,
    /// A reason code if it was refused.
    pub refused: Option<String>,
    /// More, as sorted pairs.
    pub detail: Vec<(String, String)>,
}

impl Entry {
    /// Something that was done.
    #[must_use]
    pub fn done(at: UnixTime, actor: &str, action: &str, target: impl ToString) -> Self {
        let (actor, action) = (actor.to_owned(), action.to_owned());
        Self { at, actor, action, target: target.to_string(), refused: None, detail: Vec::new() }
    }

    /// The same, refused for a reason.
    #[must_use]
    pub fn refused(self, reason: workspace_protocol::reason::Reason) -> Self {
        Self { refused: Some(reason.code().to_owned()), ..self }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        let pair = (name.to_owned(), value.to_string());
        let at = self.detail.partition_point(|held| *held < pair);
        self.detail.insert(at, pair);
        self
    }
}

/// The encoded form: an array, so that there is one encoding only (RFC 8949 section 4.2).
#[derive(Serialize, Deserialize)]
struct Wire(u8, u64, UnixTime, String, String, String, Option<String>, Vec<(String, String)>);

/// Encodes an entry as the leaf at `index`.
#[must_use]
pub fn encode(index: u64, entry: &Entry) -> Vec<u8> {
    let Entry { at, actor, action, target, refused, detail } = entry.clone();
    cbor::to_vec(&Wire(LEAF_VERSION, index, at, actor, action, target, refused, detail))
}

/// Reads a leaf; `None` unless it is the one encoding of an entry at `index`.
#[must_use]
pub fn decode(index: u64, leaf: &[u8]) -> Option<Entry> {
    let wire: Wire = cbor::from_slice(leaf, LEAF_MAX).ok()?;
    let Wire(version, at_index, at, actor, action, target, refused, detail) = wire;
    let entry = Entry { at, actor, action, target, refused, detail };
    let canonical = version == LEAF_VERSION && at_index == index && encode(index, &entry) == leaf;
    canonical.then_some(entry)
}

/// A leaf as it is kept: with the tree that ends in it and the log's signature of that tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLeaf {
    /// The encoded entry.
    pub leaf: Vec<u8>,
    /// Root of the tree that ends in this leaf.
    pub root: Hash,
    /// The log key's signature of that tree's checkpoint.
    pub signature: Vec<u8>,
}

/// A log grown by an entry.
#[derive(Clone, Debug)]
pub struct Grown {
    /// Its right edge.
    pub frontier: Frontier,
    /// The leaf to keep.
    pub leaf: SignedLeaf,
    /// Inner nodes that the leaf completed, to keep too: consistency proofs are made of them.
    pub nodes: Vec<(Node, Hash)>,
}

impl Grown {
    /// The tree, as its signature says it.
    #[must_use]
    pub fn signed(self) -> SignedTree {
        let tree = Tree { size: self.frontier.size(), root: self.leaf.root };
        SignedTree { tree, signature: self.leaf.signature }
    }
}

/// A tree with the log's signature of its checkpoint.
#[derive(Clone, Debug)]
pub struct SignedTree {
    /// The tree.
    pub tree: Tree,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Appends an entry.
#[must_use]
pub fn append(mut frontier: Frontier, entry: &Entry, name: &NoteKey, key: &SigningKey) -> Grown {
    let leaf = encode(frontier.size(), entry);
    let mut nodes = Vec::new();
    frontier.push_noting(leaf_hash(&leaf), |node, hash| nodes.push((node, hash)));
    let tree = Tree { size: frontier.size(), root: frontier.root() };
    let signature = sign_tree(name, key, &tree);
    Grown { frontier, leaf: SignedLeaf { leaf, root: tree.root, signature }, nodes }
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The leaf at this index is not the one that was signed: changed, taken out, or put in.
    #[error("entry {0} is not the one that was signed: it was changed, removed or added")]
    Leaf(u64),
    /// The log is shorter than its checkpoint: entries from `have` on are gone.
    #[error("entry {have} is missing: the checkpoint covers {signed} entries")]
    Short {
        /// Entries found.
        have: u64,
        /// Entries signed.
        signed: u64,
    },
    /// The log is longer than its checkpoint.
    #[error("entry {signed} was added: the checkpoint covers {signed} entries only")]
    Long {
        /// Entries signed.
        signed: u64,
    },
}

impl Broken {
    /// Index of the first bad entry.
    #[must_use]
    pub fn index(&self) -> u64 {
        match self {
            Self::Leaf(index) => *index,
            Self::Short { have, .. } => *have,
            Self::Long { signed } => *signed,
        }
    }
}

/// Reads a log from its first leaf on and notices the first one that does not belong.
pub struct Verifier<'a> {
    key: &'a NoteKey,
    frontier: Frontier,
}

impl<'a> Verifier<'a> {
    /// Begins with an empty log.
    #[must_use]
    pub fn new(key: &'a NoteKey) -> Self {
        Self { key, frontier: Frontier::default() }
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    /// [`Broken::Leaf`].
    pub fn next(&mut self, signed: &SignedLeaf) -> Result<Entry, Broken> {
        let index = self.frontier.size();
        let entry = decode(index, &signed.leaf).ok_or(Broken::Leaf(index))?;
        self.frontier.push(leaf_hash(&signed.leaf));
        let tree = Tree { size: self.frontier.size(), root: self.frontier.root() };
        let fits = tree.root == signed.root && verify_tree(self.key, &tree, &signed.signature).is_ok();
        if fits { Ok(entry) } else { Err(Broken::Leaf(index)) }
    }

    /// Ends at a checkpoint.
    ///
    /// # Errors
    /// [`Broken`] if the checkpoint is of a longer, shorter or different tree.
    pub fn end(self, checkpoint: &Tree) -> Result<Tree, Broken> {
        let (have, signed) = (self.frontier.size(), checkpoint.size);
        let tree = Tree { size: have, root: self.frontier.root() };
        match have.cmp(&signed) {
            std::cmp::Ordering::Less => Err(Broken::Short { have, signed }),
            std::cmp::Ordering::Greater => Err(Broken::Long { signed }),
            std::cmp::Ordering::Equal if tree == *checkpoint => Ok(tree),
            std::cmp::Ordering::Equal => Err(Broken::Leaf(have.saturating_sub(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use workspace_protocol::reason::Reason;

    fn log(n: u64) -> (NoteKey, Vec<SignedLeaf>, Tree) {
        let key = SigningKey::generate().unwrap();
        let name = NoteKey::new("h/audit", key.verifying_key()).unwrap();
        let (mut frontier, mut leaves) = (Frontier::default(), Vec::new());
        for i in 0..n {
            let entry = Entry::done(UnixTime(100), "admin:uid=0", "device.wipe", i).with("seq", 1);
            let grown = append(frontier, &entry, &name, &key);
            frontier = grown.frontier;
            leaves.push(grown.leaf);
        }
        let tree = Tree { size: frontier.size(), root: frontier.root() };
        (name, leaves, tree)
    }

    fn verify(key: &NoteKey, leaves: &[SignedLeaf], tree: &Tree) -> Result<Tree, Broken> {
        let mut verifier = Verifier::new(key);
        for leaf in leaves {
            verifier.next(leaf)?;
        }
        verifier.end(tree)
    }

    #[test]
    fn an_untouched_log_verifies() {
        let (key, leaves, tree) = log(9);
        assert_eq!(verify(&key, &leaves, &tree), Ok(tree));
    }

    #[test]
    fn the_first_changed_leaf_is_named_even_if_roots_were_recomputed() {
        let (key, mut leaves, tree) = log(9);
        let forged = Entry::done(UnixTime(100), "admin:uid=0", "device.show", 4);
        leaves[4].leaf = encode(4, &forged);
        let mut frontier = Frontier::default();
        for leaf in &mut leaves {
            frontier.push(leaf_hash(&leaf.leaf));
            leaf.root = frontier.root();
        }
        assert_eq!(verify(&key, &leaves, &tree).unwrap_err().index(), 4);
    }

    #[test]
    fn a_removed_added_or_moved_leaf_is_named() {
        let (key, leaves, tree) = log(9);
        let mut removed = leaves.clone();
        removed.remove(3);
        assert_eq!(verify(&key, &removed, &tree), Err(Broken::Leaf(3)));
        let mut added = leaves.clone();
        added.insert(2, leaves[7].clone());
        assert_eq!(verify(&key, &added, &tree), Err(Broken::Leaf(2)));
        let mut moved = leaves.clone();
        moved.swap(5, 6);
        assert_eq!(verify(&key, &moved, &tree), Err(Broken::Leaf(5)));
    }

    #[test]
    fn a_cut_log_and_a_grown_log_do_not_fit_the_checkpoint() {
        let (key, leaves, tree) = log(9);
        assert_eq!(verify(&key, &leaves[..8], &tree), Err(Broken::Short { have: 8, signed: 9 }));
        let (frontier, small) = (leaves[7].root, 8);
        let old = Tree { size: small, root: frontier };
        assert_eq!(verify(&key, &leaves, &old), Err(Broken::Long { signed: 8 }));
    }

    #[test]
    fn a_leaf_has_one_encoding() {
        let entry = Entry::done(UnixTime(1), "a", "b", "c").with("z", 1).with("a", 2).refused(Reason::CodeUsed);
        assert_eq!(entry.detail[0].0, "a");
        let bytes = encode(7, &entry);
        assert_eq!(decode(7, &bytes), Some(entry));
        assert_eq!(decode(8, &bytes), None);
        // The same value with an index that is longer than it need be.
        let mut long = bytes.clone();
        long.splice(2..3, [0x18, 7]);
        assert_eq!(decode(7, &long), None);
    }
}
