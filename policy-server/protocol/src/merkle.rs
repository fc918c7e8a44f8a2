//! The Merkle tree of RFC 6962: hashing, inclusion and consistency, and a frontier to append to in O(log n).

use crate::crypto::sha256;

/// A node of the tree.
pub type Hash = [u8; 32];

/// Longest proof that any tree of fewer than 2^64 leaves needs.
pub const PROOF_MAX: usize = 64;

/// Hash of a leaf (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut input = Vec::with_capacity(leaf.len() + 1);
    input.push(0);
    input.extend_from_slice(leaf);
    sha256(&input)
}

/// Hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1u8; 65];
    let (_, body) = input.split_at_mut(1);
    let (a, b) = body.split_at_mut(32);
    a.copy_from_slice(left);
    b.copy_from_slice(right);
    sha256(&input)
}

/// The right edge of a tree: the roots of its perfect subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// Why stored bytes were not a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored edge of the audit tree is damaged")]
pub struct FrontierError;

impl Frontier {
    /// The frontier of `size` leaves whose peaks were stored with [`Frontier::to_bytes`].
    ///
    /// # Errors
    /// [`FrontierError`] if the bytes are not one hash for each set bit of `size`.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && u32::try_from(peaks.len()) == Ok(size.count_ones());
        if fits { Ok(Self { size, peaks: peaks.to_vec() }) } else { Err(FrontierError) }
    }

    /// The peaks, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_noting(leaf, |_, _| ());
    }

    /// Appends a leaf's hash and tells of each inner node that it completes.
    pub fn push_noting(&mut self, leaf: Hash, mut note: impl FnMut(Node, Hash)) {
        let mut node = leaf;
        for level in 1..=self.size.trailing_ones() {
            // One peak for each trailing one bit: the pop cannot fail while size and peaks agree.
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
                note(Node { level, position: self.size.checked_shr(level).unwrap_or(0) }, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The tree's root hash; SHA-256 of nothing for an empty tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(b"") };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of a perfect subtree: of the `2^level` leaves from `position * 2^level` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// 0 for leaves.
    pub level: u32,
    /// Counted in its own level.
    pub position: u64,
}

/// What a consistency proof from `first` to `size` leaves is made of: for each hash of the proof the nodes that it is
/// folded from, left to right; `None` if `first` is 0 or more than `size`. A log that keeps its nodes proves in
/// O(log n).
#[must_use]
pub fn proof_nodes(first: u64, size: u64) -> Option<Vec<Vec<Node>>> {
    if first == 0 || first > size {
        return None;
    }
    let mut spans = Vec::new();
    let (mut start, mut rest, mut first, mut whole) = (0, size, first, true);
    while first != rest {
        let left = split_of(rest);
        if first <= left {
            spans.push((start + left, rest - left));
            rest = left;
        } else {
            spans.push((start, left));
            (start, rest, first, whole) = (start + left, rest - left, first - left, false);
        }
    }
    if !whole {
        spans.push((start, rest));
    }
    spans.reverse();
    Some(spans.into_iter().map(|(start, size)| perfect(start, size)).collect())
}

/// The perfect subtrees of the `size` leaves from `start` on, largest first.
fn perfect(start: u64, size: u64) -> Vec<Node> {
    let (mut nodes, mut at, mut rest) = (Vec::new(), start, size);
    while let Some(level) = rest.checked_ilog2() {
        nodes.push(Node { level, position: at >> level });
        at += 1 << level;
        rest -= 1 << level;
    }
    nodes
}

/// Folds the roots of perfect subtrees, largest first, into the root of the tree that they make; `None` for none.
#[must_use]
pub fn fold(nodes: &[Hash]) -> Option<Hash> {
    let (last, rest) = nodes.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

/// The root of the first `size` leaves of a log, as the nodes that it is folded from; none for an empty log.
#[must_use]
pub fn root_nodes(size: u64) -> Vec<Node> {
    perfect(0, size)
}

/// The largest power of two below `n`, for `n` of at least 2.
fn split_of(n: u64) -> u64 {
    n.div_ceil(2).next_power_of_two()
}

/// Root hash over leaf hashes.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// The audit path of leaf `index` (RFC 6962 section 2.1.1); `None` if there is no such leaf.
#[must_use]
pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion(left, index)?, root(right)),
        Some(index) => (inclusion(right, index)?, root(left)),
    };
    path.push(sibling);
    Some(path)
}

/// The proof that the first `first` leaves are a prefix of the tree (RFC 6962 section 2.1.2); `None` if
/// `first` is 0 or more than there are leaves.
#[must_use]
pub fn consistency(leaves: &[Hash], first: usize) -> Option<Vec<Hash>> {
    if first == 0 || first > leaves.len() {
        return None;
    }
    Some(subproof(leaves, first, true))
}

fn subproof(leaves: &[Hash], first: usize, whole: bool) -> Vec<Hash> {
    if first == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = match first.checked_sub(left.len()) {
        None | Some(0) => (subproof(left, first, whole), root(right)),
        Some(first) => (subproof(right, first, false), root(left)),
    };
    proof.push(sibling);
    proof
}

fn split(n: usize) -> usize {
    n.div_ceil(2).next_power_of_two()
}

/// Whether `path` shows that `leaf` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162 section 2.1.3.2).
#[must_use]
pub fn is_included(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size || path.len() > PROOF_MAX {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// A tree as a checkpoint names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// Whether `proof` shows that `old` is a prefix of `new` (RFC 9162 section 2.1.4.2).
#[must_use]
pub fn is_consistent(old: &Tree, new: &Tree, proof: &[Hash]) -> bool {
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    if old.size == 0 || old.size > new.size || proof.len() > PROOF_MAX {
        return false;
    }
    let whole = old.size.is_power_of_two().then_some(old.root);
    let mut nodes = whole.into_iter().chain(proof.iter().copied());
    let Some(seed) = nodes.next() else { return false };
    let (mut at, mut last) = (old.size - 1, new.size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut first, mut second) = (seed, seed);
    for node in nodes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            first = node_hash(&node, &first);
            second = node_hash(&node, &second);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            second = node_hash(&second, &node);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && first == old.root && second == new.root
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    /// Leaves and roots of the reference vectors of RFC 6962 implementations (certificate-transparency, Trillian).
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn vectors() -> Vec<Hash> {
        LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect()
    }

    fn many(n: usize) -> Vec<Hash> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn roots_are_those_of_the_reference_vectors() {
        let leaves = vectors();
        for (n, expected) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(root(&leaves[..n])), *expected, "{n} leaves");
        }
    }

    #[test]
    fn audit_paths_are_those_of_the_reference_vectors() {
        let path = inclusion(&vectors(), 5).unwrap();
        let hex: Vec<_> = path.iter().map(hex::encode).collect();
        assert_eq!(
            hex,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn a_stored_frontier_goes_on_where_it_was() {
        let leaves = many(21);
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier = Frontier::from_bytes(frontier.size(), &frontier.to_bytes()).unwrap();
            frontier.push(*leaf);
        }
        assert_eq!(frontier.root(), root(&leaves));
        assert_eq!(Frontier::from_bytes(20, &frontier.to_bytes()), Err(FrontierError));
    }

    proptest! {
        #[test]
        fn inclusion_proofs_hold_for_their_leaf_only(n in 1usize..40, at in 0usize..40) {
            let (leaves, at) = (many(n), at % n);
            let (top, path) = (root(&leaves), inclusion(&leaves, at).unwrap());
            prop_assert!(is_included(&leaves[at], at as u64, n as u64, &path, &top));
            for other in (0..n).filter(|other| *other != at) {
                prop_assert!(!is_included(&leaves[other], at as u64, n as u64, &path, &top));
            }
        }

        #[test]
        fn consistency_proofs_hold_for_true_prefixes_only(n in 1usize..40, first in 1usize..40) {
            let (leaves, first) = (many(n), 1 + first % n);
            let proof = consistency(&leaves, first).unwrap();
            let new = Tree { size: n as u64, root: root(&leaves) };
            let old = Tree { size: first as u64, root: root(&leaves[..first]) };
            prop_assert!(is_consistent(&old, &new, &proof));
            let forged = Tree { root: [7; 32], ..old };
            prop_assert!(!is_consistent(&forged, &new, &proof));
        }

        #[test]
        fn hostile_proofs_are_refused_without_panic(a: u64, b: u64, path: Vec<[u8; 32]>) {
            prop_assert!(!is_included(&[1; 32], a, b, &path, &[2; 32]));
            let (old, new) = (Tree { size: a, root: [1; 32] }, Tree { size: b, root: [2; 32] });
            prop_assert!(!is_consistent(&old, &new, &path));
        }
    }

    #[test]
    fn a_proof_from_kept_nodes_is_the_proof_from_all_leaves() {
        let leaves = many(70);
        let (mut frontier, mut kept) = (Frontier::default(), std::collections::BTreeMap::new());
        for (at, leaf) in leaves.iter().enumerate() {
            kept.insert(Node { level: 0, position: at as u64 }, *leaf);
            frontier.push_noting(*leaf, |node, hash| assert_eq!(kept.insert(node, hash), None));
        }
        for size in 1..=leaves.len() {
            for first in 1..=size {
                let spans = proof_nodes(first as u64, size as u64).unwrap();
                let hashes = |span: Vec<Node>| fold(&span.iter().map(|node| kept[node]).collect::<Vec<_>>()).unwrap();
                let proof: Vec<Hash> = spans.into_iter().map(hashes).collect();
                assert_eq!(Some(proof), consistency(&leaves[..size], first), "{first} of {size}");
            }
        }
        assert_eq!((proof_nodes(0, 5), proof_nodes(6, 5)), (None, None));
    }
}
