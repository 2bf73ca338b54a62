//! Index segments: which chunk lies where, for dedup after a loss of the catalog (FORMAT.md §7).
//!
//! Sorted by id so that a range read finds an entry by interpolation. Readable by the device's index identity;
//! holds no name.

use crate::error::{FormatError, Result, malformed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackId, Sha256};
use crate::limits::{INDEX_MAGIC, INDEX_MAX_BYTES, SMALL_FLOOR_BYTES, VERSION};
use crate::pack::Location;
use crate::padme::padme;
use crate::wire::Reader;

const WHAT: &str = "index segment";
/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;
/// Bytes of a pack row.
pub const PACK_ROW_BYTES: usize = 48;
/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 56;

/// A decoded segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Generation of the dedup secret that named the chunks.
    pub generation: u16,
    /// Packs with their object sizes.
    pub packs: Vec<(PackId, u64)>,
    /// Entries in ascending order of their ids.
    pub entries: Vec<Location>,
}

impl Segment {
    /// Builds a segment from entries in any order; of two with one id the first stays.
    pub fn build(generation: u16, mut entries: Vec<Location>, object_bytes: impl Fn(&PackId) -> u64) -> Self {
        entries.sort_by_key(|e| e.id);
        entries.dedup_by_key(|e| e.id);
        let mut packs: Vec<PackId> = entries.iter().map(|e| e.pack).collect();
        packs.sort();
        packs.dedup();
        let packs = packs.into_iter().map(|p| (p, object_bytes(&p))).collect();
        Self { generation, packs, entries }
    }

    /// The padded plaintext.
    pub fn encode(&self) -> Vec<u8> {
        let bare = HEADER_BYTES + self.packs.len() * PACK_ROW_BYTES + self.entries.len() * ENTRY_BYTES;
        let padded = padme((bare as u64).max(SMALL_FLOOR_BYTES)) as usize;
        let mut out = Vec::with_capacity(padded);
        out.extend_from_slice(&INDEX_MAGIC);
        out.extend_from_slice(&(VERSION as u16).to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.packs.len() as u32).to_le_bytes());
        out.resize(HEADER_BYTES, 0);
        for (pack, object_bytes) in &self.packs {
            out.extend_from_slice(&pack.sha256.0);
            out.extend_from_slice(&object_bytes.to_le_bytes());
            out.extend_from_slice(&pack.epoch.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
        }
        for entry in &self.entries {
            let row = self.packs.binary_search_by_key(&entry.pack, |(p, _)| *p).unwrap_or(0);
            out.extend_from_slice(&entry.id.0);
            for number in [row as u32, entry.frame_offset, entry.frame_bytes, entry.offset, entry.bytes] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&[entry.filter.id(), 0, 0, 0]);
        }
        out.resize(padded, 0);
        out
    }

    /// Reads a padded plaintext.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > INDEX_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let mut reader = Reader::new(bytes, WHAT);
        if reader.array::<4>()? != INDEX_MAGIC {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        let version = reader.u16()?;
        if u32::from(version) != VERSION {
            return Err(FormatError::Unsupported { what: WHAT, found: version.to_string() });
        }
        let generation = reader.u16()?;
        let entry_count = reader.count(INDEX_MAX_BYTES / ENTRY_BYTES, ENTRY_BYTES)?;
        let pack_count = reader.count(INDEX_MAX_BYTES / PACK_ROW_BYTES, PACK_ROW_BYTES)?;
        if reader.take(48)?.iter().any(|b| *b != 0) {
            return Err(malformed(WHAT, "reserved bytes are set"));
        }
        let packs = (0..pack_count).map(|_| pack_row(&mut reader)).collect::<Result<Vec<_>>>()?;
        let mut entries = Vec::with_capacity(entry_count.min(reader.rest().len() / ENTRY_BYTES));
        for _ in 0..entry_count {
            let entry = entry_row(&mut reader, &packs)?;
            if entries.last().is_some_and(|last: &Location| last.id >= entry.id) {
                return Err(malformed(WHAT, "ids are not ascending"));
            }
            entries.push(entry);
        }
        if reader.rest().iter().any(|b| *b != 0) {
            return Err(malformed(WHAT, "padding is not zero"));
        }
        Ok(Self { generation, packs, entries })
    }
}

fn pack_row(reader: &mut Reader<'_>) -> Result<(PackId, u64)> {
    let sha256 = Sha256(reader.array()?);
    let object_bytes = reader.u64()?;
    let epoch = reader.u32()?;
    if reader.u32()? != 0 {
        return Err(malformed(WHAT, "reserved bytes are set"));
    }
    Ok((PackId { epoch, sha256 }, object_bytes))
}

fn entry_row(reader: &mut Reader<'_>, packs: &[(PackId, u64)]) -> Result<Location> {
    let id = ChunkId(reader.array()?);
    let row = reader.u32()? as usize;
    let (pack, _) = *packs.get(row).ok_or(malformed(WHAT, "an entry names no pack"))?;
    let [frame_offset, frame_bytes, offset, bytes] =
        [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?];
    let filter = Filter::from_id(reader.u8()?)?;
    if reader.array::<3>()? != [0; 3] {
        return Err(malformed(WHAT, "reserved bytes are set"));
    }
    let at = Location { id, pack, frame_offset, frame_bytes, offset, bytes, filter };
    at.check().map(|()| at)
}
