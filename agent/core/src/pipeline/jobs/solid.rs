//! Gathering small neighbours: tiny files into one chunk, small chunks into one solid frame (FORMAT.md §6.4).
//!
//! From the content of small files to frames, in the order of the walk. Never: reads a file, or looks a chunk up.

use std::sync::Arc;

use scelle_format::id::ChunkId;
use scelle_format::limits::SOLID_FRAME_BYTES;

use crate::pipeline::chunks::packs::Place;
use crate::pipeline::jobs::job::{FileJob, Outcome, Stored, StoredContent};
use crate::scan::EntryPath;

/// A group of tiny files is closed at this size.
const GROUP_BYTES: usize = 64 << 10;
/// Below this size a frame may go on with the files of the next folder.
const NEIGHBOUR_BYTES: usize = 64 << 10;

/// Tiny files that share one chunk.
pub struct Group {
    /// Path of the first.
    pub path: EntryPath,
    /// Their bytes back to back.
    pub plain: Vec<u8>,
    members: Vec<TinyFile>,
}

/// A file of a group.
struct TinyFile {
    job: Arc<FileJob>,
    stored: Stored,
    /// Where it begins in the chunk.
    offset: u32,
    bytes: u32,
}

impl Group {
    /// Ends its members: their chunk has a place.
    pub fn end(self, place: &Place) {
        for TinyFile { job, mut stored, offset, bytes } in self.members {
            stored.content = StoredContent::Slice { place: place.clone(), offset, bytes };
            job.end(Outcome::Stored(Box::new(stored)));
        }
    }
}

/// Who waits for the place of a chunk.
pub enum Owner {
    /// One file.
    File(Arc<FileJob>, Box<Stored>, u32),
    /// A group of tiny files.
    Group(Group),
}

impl Owner {
    /// The chunk has a place.
    pub fn end(self, place: &Place) {
        match self {
            Self::File(job, mut stored, bytes) => {
                stored.content = StoredContent::Chunks(vec![(place.clone(), bytes)]);
                job.end(Outcome::Stored(stored));
            }
            Self::Group(group) => group.end(place),
        }
    }
}

/// A frame that was gathered.
#[derive(Default)]
pub struct SolidFrame {
    /// Its content.
    pub plain: Vec<u8>,
    /// Its chunks, with their lengths in bytes.
    pub chunks: Vec<(ChunkId, u32)>,
    /// Who waits for which of them.
    pub owners: Vec<WaitingOwner>,
}

/// Who waits for a chunk of a frame.
pub struct WaitingOwner {
    /// Which chunk.
    pub chunk: usize,
    /// Who.
    pub owner: Owner,
}

/// What a worker has gathered.
#[derive(Default)]
pub struct Solid {
    frame: SolidFrame,
    last: Option<EntryPath>,
    group: Option<Group>,
}

impl Solid {
    /// Whether the group must be closed before a tiny file of `bytes` at `path` comes.
    pub fn tiny_full(&self, path: &EntryPath, bytes: usize) -> bool {
        self.group.as_ref().is_some_and(|group| {
            group.plain.len() + bytes > GROUP_BYTES || group.path.parent_bytes() != path.parent_bytes()
        })
    }

    /// Adds a tiny file to the group.
    pub fn push_tiny(&mut self, job: Arc<FileJob>, stored: Stored, plain: &[u8]) {
        let group = self.group.get_or_insert_with(|| {
            let path = job.path.clone();
            Group { path, plain: Vec::new(), members: Vec::new() }
        });
        let offset = group.plain.len() as u32;
        group.plain.extend_from_slice(plain);
        group.members.push(TinyFile { job, stored, offset, bytes: plain.len() as u32 });
    }

    /// The group gathered so far.
    pub fn take_group(&mut self) -> Option<Group> {
        self.group.take()
    }

    /// Whether the frame must be closed before `bytes` at `path` come.
    pub fn full(&self, bytes: usize, path: &EntryPath) -> bool {
        let other_folder = self.last.as_ref().is_some_and(|last| last.parent_bytes() != path.parent_bytes());
        let gathered = self.frame.plain.len();
        gathered > 0
            && (gathered + bytes > SOLID_FRAME_BYTES || (other_folder && gathered >= NEIGHBOUR_BYTES))
    }

    /// Adds a file that is one chunk.
    pub fn push_file(&mut self, job: Arc<FileJob>, stored: Stored, id: ChunkId, plain: &[u8]) {
        self.last = Some(job.path.clone());
        self.push(id, plain, Owner::File(job, Box::new(stored), plain.len() as u32));
    }

    /// Adds a group as one chunk.
    pub fn push_group(&mut self, id: ChunkId, mut group: Group) {
        self.last = Some(group.path.clone());
        let plain = std::mem::take(&mut group.plain);
        self.push(id, &plain, Owner::Group(group));
    }

    // Equal files that meet in one frame are stored once.
    fn push(&mut self, id: ChunkId, plain: &[u8], owner: Owner) {
        let SolidFrame { plain: content, chunks, owners } = &mut self.frame;
        let chunk = chunks.iter().position(|(other, _)| *other == id).unwrap_or_else(|| {
            content.extend_from_slice(plain);
            chunks.push((id, plain.len() as u32));
            chunks.len() - 1
        });
        owners.push(WaitingOwner { chunk, owner });
    }

    /// The frame gathered so far.
    pub fn take_frame(&mut self) -> Option<SolidFrame> {
        if self.frame.chunks.is_empty() {
            return None;
        }
        self.last = None;
        Some(std::mem::take(&mut self.frame))
    }

    /// Takes the frame's buffer back for the next one.
    pub fn give_back(&mut self, mut plain: Vec<u8>) {
        plain.clear();
        self.frame.plain = plain;
    }
}
