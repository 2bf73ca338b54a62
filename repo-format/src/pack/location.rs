//! Where a chunk lies, and how to take it out of a frame (FORMAT.md §8.1).

use serde::{Deserialize, Serialize};

use crate::compress::Expander;
use crate::error::{FormatError, Result, malformed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackId, Sha256};
use crate::limits::{FRAME_MAX_BYTES, PACK_PLAIN_MAX_BYTES};

/// Where a chunk lies. A hint: the id decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Keyed BLAKE3 of the chunk.
    pub id: ChunkId,
    /// The pack; whether data or manifest follows from context.
    pub pack: PackId,
    /// Where the frame begins in the pack's plaintext.
    pub frame_offset: u32,
    /// Length of the zstd frame.
    pub frame_bytes: u32,
    /// Where the chunk begins in the frame's content.
    pub offset: u32,
    /// Length of the chunk.
    pub bytes: u32,
    /// Transform to undo.
    pub filter: Filter,
}

impl Location {
    /// Refuses a place that no pack can have (FORMAT.md §13).
    pub(crate) fn check(&self) -> Result<()> {
        let frame_end = u64::from(self.frame_offset) + u64::from(self.frame_bytes);
        let chunk_end = u64::from(self.offset) + u64::from(self.bytes);
        if self.bytes == 0 || frame_end > PACK_PLAIN_MAX_BYTES || chunk_end > FRAME_MAX_BYTES as u64 {
            return Err(malformed("location", "no pack has such a place"));
        }
        Ok(())
    }
}

/// Compact serde form of a location for the agent's own catalog (not part of the format).
#[derive(Serialize, Deserialize)]
struct Packed([u8; 32], u32, [u8; 32], u32, u32, u32, u32, u8);

impl Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Packed(
            self.id.0,
            self.pack.epoch,
            self.pack.sha256.0,
            self.frame_offset,
            self.frame_bytes,
            self.offset,
            self.bytes,
            self.filter.id(),
        )
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Packed(id, epoch, sha256, frame_offset, frame_bytes, offset, bytes, filter) =
            Packed::deserialize(deserializer)?;
        let filter = Filter::from_id(filter).map_err(serde::de::Error::custom)?;
        let pack = PackId { epoch, sha256: Sha256(sha256) };
        Ok(Self { id: ChunkId(id), pack, frame_offset, frame_bytes, offset, bytes, filter })
    }
}

/// Opens the frame that begins `frame` (exactly its bytes) into `plain`.
pub fn open_frame(expander: &mut Expander, frame: &[u8], filter: Filter, plain: &mut Vec<u8>) -> Result<()> {
    let bytes = crate::compress::content_bytes(frame)?;
    expander.expand(frame, bytes, filter, plain)
}

/// The chunk at `location` of an opened frame, after its id was recomputed.
pub fn chunk_in_frame<'a>(plain: &'a [u8], location: &Location, id_key: &[u8; 32]) -> Result<&'a [u8]> {
    let start = location.offset as usize;
    let chunk = start
        .checked_add(location.bytes as usize)
        .and_then(|end| plain.get(start..end))
        .ok_or(FormatError::Truncated { what: "chunk" })?;
    if ChunkId::of(id_key, chunk) == location.id {
        Ok(chunk)
    } else {
        Err(FormatError::IdMismatch { what: "chunk" })
    }
}
