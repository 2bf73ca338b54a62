//! One file, directory or symlink as the manifest knows it.

use serde::{Deserialize, Serialize};

use crate::chunker::Cut;
use crate::pack::Location;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// One extended attribute; they are sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Xattr {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// Where a file's bytes are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// There are none.
    #[default]
    Empty,
    /// Chunks in order.
    Chunks(Vec<Location>),
    /// Chunk-list nodes of `level` in order.
    Nodes {
        /// Level of the nodes.
        level: u8,
        /// Where the nodes lie, in `m/`.
        nodes: Vec<Location>,
    },
    /// A part of a chunk shared with neighbours.
    Slice {
        /// The shared chunk.
        at: Location,
        /// Where the file begins in it.
        offset: u32,
        /// Length of the file.
        bytes: u32,
    },
}

/// A stretch of a file. Written as a pair (FORMAT.md §8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Extent {
    /// Where it begins.
    pub start: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Extent {
    /// Where what follows begins.
    pub fn end(self) -> u64 {
        self.start + self.bytes
    }
}

impl From<Extent> for (u64, u64) {
    fn from(Extent { start, bytes }: Extent) -> Self {
        (start, bytes)
    }
}

impl From<(u64, u64)> for Extent {
    fn from((start, bytes): (u64, u64)) -> Self {
        Self { start, bytes }
    }
}

/// One entry. Serde is for the agent's own catalog; the format's JSON is written by `encode_hunk`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Last component of the path, as bytes.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 but for files.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
    /// POSIX permission bits.
    pub mode: Option<u32>,
    /// Numeric owner.
    pub owner: Option<u32>,
    /// Numeric group.
    pub group: Option<u32>,
    /// Owner's name.
    pub owner_name: Option<String>,
    /// Group's name.
    pub group_name: Option<String>,
    /// Where a symlink points.
    pub target: Option<Vec<u8>>,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// Equal for all names of one inode.
    pub link_group: Option<u64>,
    /// Data extents of a file with holes, in order.
    pub extents: Option<Vec<Extent>>,
    /// How the content was cut.
    pub cut: Cut,
    /// Where the content is.
    pub content: Content,
    /// Taken through the database's own backup interface.
    pub consistent_copy: bool,
}

impl Entry {
    /// An entry without attributes or content.
    pub fn bare(name: Vec<u8>, kind: EntryKind) -> Self {
        Self {
            name,
            kind,
            bytes: 0,
            modified_ns: 0,
            mode: None,
            owner: None,
            group: None,
            owner_name: None,
            group_name: None,
            target: None,
            xattrs: Vec::new(),
            link_group: None,
            extents: None,
            cut: Cut::Whole,
            content: Content::Empty,
            consistent_copy: false,
        }
    }

    /// Bytes that chunks must hold: the size, or the sum of the data extents.
    pub fn data_bytes(&self) -> u64 {
        match &self.extents {
            Some(extents) => extents.iter().map(|extent| extent.bytes).sum(),
            None => self.bytes,
        }
    }
}
