//! Where a log is read from: an export, or the database of a data folder, which a server may be using.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{
    audit::{LEAF_MAX, SignedLeaf},
    merkle::Tree,
    note::{self, NoteKey},
};
use policy_server_store::{SqliteStore, Store, View};
use serde::{Deserialize, Serialize};

use crate::{
    cli::read_text,
    data::{DataDir, keys},
    failure::Failure,
};

/// The leaves of an export.
pub const LEAVES: &str = "leaves.jsonl";
/// The signed checkpoint of an export.
pub const CHECKPOINT: &str = "checkpoint";
/// The public key of an export.
pub const KEY: &str = keys::AUDIT_PUBLIC;

/// Leaves that are read at a time.
const PAGE: u32 = 1000;
/// Longest line of an export, in bytes: a leaf in base64, a root and a signature.
const LINE_MAX: u64 = (LEAF_MAX as u64) * 2 + 1024;

/// A log.
pub enum Source {
    /// An export.
    Export {
        /// The folder.
        path: PathBuf,
        /// Its leaves.
        lines: BufReader<fs::File>,
    },
    /// A data folder.
    Data(Box<Data>),
}

/// A log in a database. What is appended while it is read is left out.
pub struct Data {
    key: NoteKey,
    store: SqliteStore,
    page: VecDeque<SignedLeaf>,
    position: u64,
    end: u64,
    last: Option<(u64, SignedLeaf)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    leaf: String,
    root: String,
    signature: String,
}

/// A leaf as a line of an export.
pub fn encode(leaf: &SignedLeaf) -> String {
    let line =
        Line { leaf: B64.encode(&leaf.leaf), root: B64.encode(leaf.root), signature: B64.encode(&leaf.signature) };
    serde_json::to_string(&line).unwrap_or_default()
}

/// A line that is not one gives a leaf that no log holds, so that the reader names its index.
fn decode(text: &str) -> SignedLeaf {
    let unreadable = SignedLeaf { leaf: Vec::new(), root: [0; 32], signature: Vec::new() };
    let Ok(line) = serde_json::from_str::<Line>(text) else { return unreadable };
    let root = B64.decode(&line.root).ok().and_then(|bytes| bytes.try_into().ok());
    match (B64.decode(&line.leaf), root, B64.decode(&line.signature)) {
        (Ok(leaf), Some(root), Ok(signature)) => SignedLeaf { leaf, root, signature },
        _ => unreadable,
    }
}

impl Source {
    /// Opens an export or a data folder.
    ///
    /// # Errors
    /// Bad input if it is neither.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        if path.join(LEAVES).exists() {
            let lines = fs::File::open(path.join(LEAVES))
                .map_err(|error| Failure::input("file-unreadable").with("path", path.display()).with("error", error))?;
            return Ok(Self::Export { path: path.to_owned(), lines: BufReader::new(lines) });
        }
        Self::open_data(path).await
    }

    /// Opens a data folder.
    ///
    /// # Errors
    /// Bad input if it is none.
    pub async fn open_data(path: &Path) -> Result<Self, Failure> {
        let dir = DataDir::new(path);
        if !dir.database().exists() {
            return Err(Failure::input("audit-nothing").with("path", path.display()));
        }
        let key = keys::load_log(&dir)?;
        let store = SqliteStore::open_read_only(&dir.database()).await?;
        let end = store.view().await?.frontier().await?.size();
        let data = Data { key, store, page: VecDeque::new(), position: 0, end, last: None };
        Ok(Self::Data(Box::new(data)))
    }

    /// The key beside the log.
    ///
    /// # Errors
    /// Bad input if there is none.
    pub fn key(&self) -> Result<NoteKey, Failure> {
        match self {
            Self::Export { path, .. } => NoteKey::parse(&read_text(&path.join(KEY))?)
                .map_err(|_| Failure::input("audit-key").with("path", path.join(KEY).display())),
            Self::Data(data) => Ok(data.key.clone()),
        }
    }

    /// The next leaf.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read at all.
    pub async fn next(&mut self) -> Result<Option<SignedLeaf>, Failure> {
        match self {
            Self::Export { path, lines } => next_line(path, lines),
            Self::Data(data) => data.next().await,
        }
    }

    /// The signed checkpoint: of an export its file, of a database the signature kept with its last leaf.
    ///
    /// # Errors
    /// Bad input if there is none.
    pub fn checkpoint(&self) -> Result<String, Failure> {
        match self {
            Self::Export { path, .. } => read_text(&path.join(CHECKPOINT)),
            Self::Data(data) => Ok(data.checkpoint()),
        }
    }
}

fn next_line(path: &Path, lines: &mut BufReader<fs::File>) -> Result<Option<SignedLeaf>, Failure> {
    let mut line = Vec::new();
    let read = lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
    let read =
        read.map_err(|error| Failure::input("file-unreadable").with("path", path.display()).with("error", error))?;
    if read == 0 {
        return Ok(None);
    }
    Ok(Some(decode(String::from_utf8_lossy(&line).trim_end())))
}

impl Data {
    async fn next(&mut self) -> Result<Option<SignedLeaf>, Failure> {
        if self.position >= self.end {
            return Ok(None);
        }
        if self.page.is_empty() {
            self.page = self.store.view().await?.leaves(self.position, PAGE).await?.into();
        }
        let Some(leaf) = self.page.pop_front() else { return Ok(None) };
        self.position += 1;
        if self.position == self.end {
            self.last = Some((self.end, leaf.clone()));
        }
        Ok(Some(leaf))
    }

    fn checkpoint(&self) -> String {
        // A log that ends before its edge says so has no last leaf: the empty signature is refused by the reader.
        let (size, root, signature) = match &self.last {
            Some((size, leaf)) => (*size, leaf.root, leaf.signature.clone()),
            None => (self.end, [0; 32], Vec::new()),
        };
        note::checkpoint(&self.key, &Tree { size, root }, &signature)
    }
}
