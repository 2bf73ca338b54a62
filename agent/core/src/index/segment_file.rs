//! One sorted file of the local index: entries, then what is needed to ask for one of them.
//!
//! `rows × 56 bytes`, ascending by id, then a tail: pack table, filter, a fence and a checksum for each block of rows, and
//! a footer with a checksum over the tail. Opening reads the tail only (2–3 bytes for a chunk); a question reads one block
//! of 7 KiB. No name of a file and no secret is in it. Never: an answer from a block whose checksum fails.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, Sha256};
use scelle_format::pack::Location;

use super::IdFilter;
use crate::platform;

const MAGIC: [u8; 4] = *b"SCLI";
const VERSION: u32 = 1;
const ROW_BYTES: usize = 56;
const PACK_BYTES: usize = 44;
const BLOCK_ROWS: usize = 128;
pub(super) const BLOCK_BYTES: usize = BLOCK_ROWS * ROW_BYTES;
/// A fence (first eight bytes of the block's first id) and the first half of a BLAKE3.
pub(super) const FENCE_BYTES: usize = 24;
const FOOTER_BYTES: usize = 64;
/// Rows a file may have: 2³² pages of 8 KiB are 32 TiB.
const ROWS_MAX: u64 = u32::MAX as u64;
/// Bytes that are read at a time front to back.
const RUN_BLOCKS: usize = 32;

/// A segment on disk, open for questions.
#[derive(Debug)]
pub struct SegmentFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) footer: Footer,
    pub(super) packs: Vec<(PackId, u64)>,
    pub(super) filter: IdFilter,
    pub(super) fences: Vec<Fence>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    pub first: u64,
    pub checksum: [u8; 16],
}

/// Last 64 bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub generation: u16,
    pub rows: u64,
    pub packs: u32,
    pub filter_bytes: u64,
    /// Of everything between the rows and this footer, and of the numbers above.
    pub checksum: [u8; 32],
}

impl Footer {
    pub fn to_bytes(self) -> [u8; FOOTER_BYTES] {
        let mut out = [0; FOOTER_BYTES];
        out[..4].copy_from_slice(&MAGIC);
        out[4..8].copy_from_slice(&VERSION.to_le_bytes());
        out[8..16].copy_from_slice(&self.rows.to_le_bytes());
        out[16..24].copy_from_slice(&self.filter_bytes.to_le_bytes());
        out[24..28].copy_from_slice(&self.packs.to_le_bytes());
        out[28..30].copy_from_slice(&self.generation.to_le_bytes());
        out[32..].copy_from_slice(&self.checksum);
        out
    }

    fn parse(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let mut fields = Fields(bytes);
        (fields.take()? == MAGIC && u32::from_le_bytes(fields.take()?) == VERSION).then_some(())?;
        let rows = u64::from_le_bytes(fields.take()?);
        let filter_bytes = u64::from_le_bytes(fields.take()?);
        let packs = u32::from_le_bytes(fields.take()?);
        let generation = u16::from_le_bytes(fields.take()?);
        fields.take::<2>()?;
        let checksum = fields.take()?;
        (rows <= ROWS_MAX).then_some(Self { generation, rows, packs, filter_bytes, checksum })
    }

    /// Length that the whole file has.
    fn file_bytes(&self) -> Option<u64> {
        (self.rows * ROW_BYTES as u64).checked_add(self.tail_bytes()?)?.checked_add(FOOTER_BYTES as u64)
    }

    fn tail_bytes(&self) -> Option<u64> {
        let packs = u64::from(self.packs) * PACK_BYTES as u64;
        let fences = self.rows.div_ceil(BLOCK_ROWS as u64) * FENCE_BYTES as u64;
        packs.checked_add(fences)?.checked_add(self.filter_bytes)
    }

    pub fn checksum_of(&self, tail: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.to_bytes()[..32]);
        hasher.update(tail);
        *hasher.finalize().as_bytes()
    }

    fn read(file: &File) -> Option<Self> {
        let file_bytes = file.metadata().ok()?.len();
        let mut bytes = [0; FOOTER_BYTES];
        read_exact_at(file, &mut bytes, file_bytes.checked_sub(FOOTER_BYTES as u64)?).ok()?;
        Self::parse(&bytes).filter(|footer| footer.file_bytes() == Some(file_bytes))
    }
}

impl SegmentFile {
    /// Whether a segment stands at `path` that looks whole, and how many rows it has. Reads 64 bytes.
    pub fn rows_at(path: &Path) -> Option<u64> {
        Footer::read(&File::open(path).ok()?).map(|footer| footer.rows)
    }

    /// Opens a segment; `None` where it is missing or damaged.
    pub fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let footer = Footer::read(&file)?;
        // The length of the file bounds what is read: the footer agrees with it.
        let mut tail = vec![0; usize::try_from(footer.tail_bytes()?).ok()?];
        read_exact_at(&file, &mut tail, footer.rows * ROW_BYTES as u64).ok()?;
        (footer.checksum_of(&tail) == footer.checksum).then_some(())?;
        let mut fields = Fields(&tail);
        let packs = (0..footer.packs).map(|_| fields.pack()).collect::<Option<Vec<_>>>()?;
        let (filter, rest) = fields.0.split_at_checked(usize::try_from(footer.filter_bytes).ok()?)?;
        let filter = IdFilter::from_bytes(filter)?;
        let mut fields = Fields(rest);
        let blocks = footer.rows.div_ceil(BLOCK_ROWS as u64);
        let fence = |_| Some(Fence { first: u64::from_be_bytes(fields.take()?), checksum: fields.take()? });
        let fences = (0..blocks).map(fence).collect::<Option<Vec<_>>>()?;
        Some(Self { path: path.to_owned(), file, footer, packs, filter, fences })
    }

    /// Generation of the dedup secret that named its chunks.
    pub fn generation(&self) -> u16 {
        self.footer.generation
    }

    /// Number of entries.
    pub fn rows(&self) -> u64 {
        self.footer.rows
    }

    /// Packs with their stored sizes.
    pub fn packs(&self) -> &[(PackId, u64)] {
        &self.packs
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a chunk lies, if the segment lists it. A block that cannot be read or is damaged lists nothing, and the file is
    /// removed, so that the next run fetches it anew: a chunk stored twice is cheaper than a wrong place.
    pub fn find(&self, id: &ChunkId) -> Option<Location> {
        if !self.filter.may_hold(id) {
            return None;
        }
        let prefix = prefix_of(id);
        // Ids that share eight bytes do not happen; should they stand on both sides of a fence, one is stored again.
        let block = self.fences.partition_point(|fence| fence.first <= prefix).checked_sub(1)?;
        let Some(rows) = self.block(block, 1) else {
            let _ = std::fs::remove_file(&self.path);
            return None;
        };
        let (rows, _) = rows.as_chunks::<ROW_BYTES>();
        let at = rows.binary_search_by(|row| row[..32].cmp(&id.0)).ok()?;
        self.location(&rows[at])
    }

    /// All entries in order. Ends early where a block is damaged; [`SegmentRows::is_damaged`] tells.
    pub fn iter(&self) -> SegmentRows<'_> {
        SegmentRows { segment: self, next_block: 0, rows: Vec::new(), at: 0, is_damaged: false }
    }

    /// The rows of `count` blocks from `first` on, checked.
    fn block(&self, first: usize, count: usize) -> Option<Vec<u8>> {
        let from = first as u64 * BLOCK_BYTES as u64;
        let all = self.footer.rows * ROW_BYTES as u64;
        let bytes = all.checked_sub(from)?.min((count * BLOCK_BYTES) as u64);
        let mut rows = vec![0; bytes as usize];
        read_exact_at(&self.file, &mut rows, from).ok()?;
        let mut blocks = rows.chunks(BLOCK_BYTES).zip(self.fences.get(first..)?);
        blocks.all(|(block, fence)| checksum(block) == fence.checksum).then_some(rows)
    }

    fn location(&self, row: &[u8; ROW_BYTES]) -> Option<Location> {
        let mut fields = Fields(row);
        let id = ChunkId(fields.take()?);
        let (pack, _) = *self.packs.get(fields.number()? as usize)?;
        let [frame_offset, frame_bytes] = [fields.number()?, fields.number()?];
        let [offset, bytes] = [fields.number()?, fields.number()?];
        let filter = Filter::from_id(fields.take::<1>()?[0]).ok()?;
        Some(Location { id, pack, frame_offset, frame_bytes, offset, bytes, filter })
    }
}

/// The entries of a segment, front to back.
pub struct SegmentRows<'a> {
    segment: &'a SegmentFile,
    next_block: usize,
    rows: Vec<u8>,
    at: usize,
    is_damaged: bool,
}

impl SegmentRows<'_> {
    /// Whether not all entries could be read.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}

impl Iterator for SegmentRows<'_> {
    type Item = Location;

    fn next(&mut self) -> Option<Location> {
        if self.at == self.rows.len() {
            if self.is_damaged || self.next_block >= self.segment.fences.len() {
                return None;
            }
            (self.rows, self.at) = (self.segment.block(self.next_block, RUN_BLOCKS).unwrap_or_default(), 0);
            self.next_block += RUN_BLOCKS;
        }
        let row = self.rows.get(self.at..).and_then(|rest| rest.first_chunk());
        let location = row.and_then(|row| self.segment.location(row));
        self.at += ROW_BYTES;
        self.is_damaged |= location.is_none();
        location
    }
}

/// Fixed fields one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn pack(&mut self) -> Option<(PackId, u64)> {
        let (sha256, object_bytes) = (Sha256(self.take()?), u64::from_le_bytes(self.take()?));
        Some((PackId { epoch: self.number()?, sha256 }, object_bytes))
    }
}

pub(super) fn prefix_of(id: &ChunkId) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|i| id.0[i]))
}

pub(super) fn checksum(block: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(block);
    std::array::from_fn(|i| hash.as_bytes()[i])
}

fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match platform::read_at(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => (buffer, offset) = (&mut buffer[n..], offset + n as u64),
        }
    }
    Ok(())
}
