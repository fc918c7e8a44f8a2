//! The device as a witness of the server's audit log: it keeps the newest tree that it saw, and goes on only with a log
//! that has that tree as its beginning.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::VerifyingKey,
    device_api::{Alarm, LogWord, Restarted, Seen},
    documents::LogRestart,
    envelope::{self, Kind},
    ids::Version,
    merkle::{Hash, Tree, is_consistent},
    note::{CHECKPOINT_MAX, NoteKey, open_checkpoint},
    reason::Reason,
};

/// The log of the enrollment and the newest tree of it that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Name and key of the log, as the pinned server told them at the enrollment; only the root key changes them later.
    key: String,
    size: u64,
    #[serde(with = "serde_bytes")]
    root: Hash,
    /// Version of the newest restart that was taken.
    restart: Version,
}

impl Witness {
    /// Begins at an enrollment, whose server is pinned.
    ///
    /// # Errors
    /// [`Reason::LogForked`] if what is shown is no checkpoint of the log that it names, or a restart is not the root's.
    pub fn begin(word: &LogWord, root: &VerifyingKey) -> Result<Self, Reason> {
        let tree = open(&word.key, &word.checkpoint)?;
        let restart = match &word.restart {
            Some(restarted) => said(restarted, root).ok_or(Reason::LogForked)?.version,
            None => Version(0),
        };
        Ok(Self { key: word.key.clone(), size: tree.size, root: tree.root, restart })
    }

    /// What the server has to prove from.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { size: self.size, restart: self.restart, pins: Version(0) }
    }

    /// What is to be kept after another word, before anything that came with it is used.
    ///
    /// # Errors
    /// [`Reason::LogForked`]: another log, a shorter one, or one whose beginning is not the tree that was seen, and the
    /// root key does not say that it goes on from there.
    pub fn hear(&self, word: &LogWord, root: &VerifyingKey) -> Result<Self, Reason> {
        let newer = |document: &LogRestart| document.version > self.restart;
        let restart = word.restart.as_ref().and_then(|one| Some((said(one, root).filter(newer)?, one)));
        let seen = Tree { size: self.size, root: self.root };
        let version = restart.as_ref().map_or(self.restart, |(document, _)| document.version);
        match (follow(&self.key, &seen, &word.checkpoint, &word.proof), restart) {
            (Ok(tree), _) => Ok(Self { key: self.key.clone(), size: tree.size, root: tree.root, restart: version }),
            (Err(reason), None) => Err(reason),
            (Err(_), Some((document, restarted))) => {
                let from = Tree { size: document.size, root: document.root };
                let tree = follow(&document.log, &from, &word.checkpoint, &restarted.proof)?;
                Ok(Self { key: document.log, size: tree.size, root: tree.root, restart: version })
            }
        }
    }

    /// The alarm about a word that was refused.
    #[must_use]
    pub fn alarm(&self, word: &LogWord) -> Alarm {
        let shown = word.checkpoint.chars().take(CHECKPOINT_MAX / 4).collect();
        Alarm { seen_size: self.size, seen_root: self.root, shown }
    }
}

/// The tree of a checkpoint that goes on from `seen`.
fn follow(key: &str, seen: &Tree, checkpoint: &str, proof: &[ByteBuf]) -> Result<Tree, Reason> {
    let tree = open(key, checkpoint)?;
    let proof = proof.iter().map(|hash| hash.as_slice().try_into()).collect::<Result<Vec<Hash>, _>>();
    let proof = proof.map_err(|_| Reason::LogForked)?;
    if seen.size == 0 || is_consistent(seen, &tree, &proof) { Ok(tree) } else { Err(Reason::LogForked) }
}

/// A restart, if the root key says it.
fn said(restarted: &Restarted, root: &VerifyingKey) -> Option<LogRestart> {
    envelope::open(Kind::LogRestart, &restarted.statement, std::slice::from_ref(root)).ok()
}

fn open(key: &str, checkpoint: &str) -> Result<Tree, Reason> {
    let key = NoteKey::parse(key).map_err(|_| Reason::LogForked)?;
    open_checkpoint(&key, checkpoint).map_err(|_| Reason::LogForked)
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
