//! The trailer: which frames and chunks a pack holds (FORMAT.md §6.1).

use crate::error::{FormatError, Result, malformed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackKind};
use crate::limits::{FRAME_MAX_BYTES, PACK_MAX_BYTES, PACK_MAX_CHUNKS, TRAILER_END, TRAILER_MAGIC, VERSION};
use crate::wire::Reader;

const WHAT: &str = "pack trailer";
/// Skippable header, fixed fields, length and magic.
const FIXED_BYTES: usize = 8 + 16 + 8;
const FRAME_ROW_BYTES: usize = 16;
const CHUNK_ROW_BYTES: usize = 36;

/// One frame of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRow {
    /// Bytes of the zstd frame.
    pub stored_bytes: u32,
    /// Bytes of its content.
    pub plain_bytes: u32,
    /// How many chunks it holds.
    pub chunks: u16,
    /// Transform to undo after zstd.
    pub filter: Filter,
}

/// One chunk of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its id.
    pub id: ChunkId,
    /// Its length in bytes.
    pub plain_bytes: u32,
}

/// What a pack holds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Data or manifest.
    pub kind: PackKind,
    /// Generation of the dedup secret that named the chunks.
    pub generation: u16,
    /// Frames in order of their bytes.
    pub frames: Vec<FrameRow>,
    /// Chunks in order of their bytes.
    pub chunks: Vec<ChunkRow>,
}

impl Trailer {
    /// Size of the encoded trailer, skippable frame header included.
    pub fn encoded_bytes(frames: usize, chunks: usize) -> usize {
        FIXED_BYTES + frames * FRAME_ROW_BYTES + chunks * CHUNK_ROW_BYTES
    }

    /// The trailer as a skippable zstd frame.
    pub fn encode(&self) -> Vec<u8> {
        let total = Self::encoded_bytes(self.frames.len(), self.chunks.len());
        let mut out = Vec::with_capacity(total);
        out.extend_from_slice(&TRAILER_MAGIC.to_le_bytes());
        out.extend_from_slice(&((total - 8) as u32).to_le_bytes());
        out.extend_from_slice(&(VERSION as u16).to_le_bytes());
        out.push(u8::from(self.kind == PackKind::Manifest));
        out.push(0);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(self.frames.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        for frame in &self.frames {
            out.extend_from_slice(&frame.stored_bytes.to_le_bytes());
            out.extend_from_slice(&frame.plain_bytes.to_le_bytes());
            out.extend_from_slice(&frame.chunks.to_le_bytes());
            out.extend_from_slice(&[frame.filter.id(), 0, 0, 0, 0, 0]);
        }
        for chunk in &self.chunks {
            out.extend_from_slice(&chunk.id.0);
            out.extend_from_slice(&chunk.plain_bytes.to_le_bytes());
        }
        out.extend_from_slice(&((total - 8 - 8) as u32).to_le_bytes());
        out.extend_from_slice(&TRAILER_END);
        out
    }

    /// How many bytes from the end of a pack's plaintext hold its trailer, read from the last eight bytes.
    pub fn bytes_from_end(last_eight: &[u8]) -> Result<usize> {
        let mut reader = Reader::new(last_eight, WHAT);
        let body = reader.u32()? as usize;
        if reader.array::<4>()? != TRAILER_END {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        reader.end()?;
        let most = Self::encoded_bytes(PACK_MAX_CHUNKS, PACK_MAX_CHUNKS);
        let total = body.saturating_add(16);
        if total > most { Err(FormatError::TooLarge { what: WHAT }) } else { Ok(total) }
    }

    /// Reads a trailer (the skippable frame, nothing before or after) and checks every rule of §6.1.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, WHAT);
        if reader.u32()? != TRAILER_MAGIC {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        let content = reader.u32()? as usize;
        if content != bytes.len() - 8 {
            return Err(malformed(WHAT, "its length is wrong"));
        }
        let version = reader.u16()?;
        if u32::from(version) != VERSION {
            return Err(FormatError::Unsupported { what: WHAT, found: version.to_string() });
        }
        let kind = match reader.u8()? {
            0 => PackKind::Data,
            1 => PackKind::Manifest,
            _ => return Err(malformed(WHAT, "unknown kind")),
        };
        let reserved = reader.u8()?;
        let generation = reader.u16()?;
        if reserved != 0 || reader.u16()? != 0 {
            return Err(malformed(WHAT, "reserved bytes are set"));
        }
        let frame_count = reader.u32()? as usize;
        let chunk_count = reader.u32()? as usize;
        if frame_count > PACK_MAX_CHUNKS || chunk_count > PACK_MAX_CHUNKS {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        if Self::encoded_bytes(frame_count, chunk_count) != bytes.len() || frame_count > chunk_count {
            return Err(malformed(WHAT, "its counts do not fit"));
        }
        if frame_count == 0 {
            return Err(malformed(WHAT, "a pack holds a frame"));
        }
        let frames = (0..frame_count).map(|_| frame_row(&mut reader)).collect::<Result<Vec<_>>>()?;
        let chunks = (0..chunk_count).map(|_| chunk_row(&mut reader)).collect::<Result<Vec<_>>>()?;
        if reader.u32()? as usize != bytes.len() - 16 || reader.array::<4>()? != TRAILER_END {
            return Err(malformed(WHAT, "its end is wrong"));
        }
        reader.end()?;
        let trailer = Self { kind, generation, frames, chunks };
        trailer.check_sums()?;
        Ok(trailer)
    }

    /// Frames with their offset in the plaintext and their chunks.
    pub fn walk(&self) -> impl Iterator<Item = (u64, &FrameRow, &[ChunkRow])> {
        let mut offset = 0u64;
        let mut rest = self.chunks.as_slice();
        self.frames.iter().map(move |frame| {
            let at = offset;
            offset += u64::from(frame.stored_bytes);
            let (mine, later) = rest.split_at(usize::from(frame.chunks).min(rest.len()));
            rest = later;
            (at, frame, mine)
        })
    }

    fn check_sums(&self) -> Result<()> {
        let chunks: usize = self.frames.iter().map(|f| usize::from(f.chunks)).sum();
        if chunks != self.chunks.len() {
            return Err(malformed(WHAT, "frames and chunks do not add up"));
        }
        for (end, frame, chunks) in self.walk() {
            let plain: u64 = chunks.iter().map(|c| u64::from(c.plain_bytes)).sum();
            if plain != u64::from(frame.plain_bytes) || chunks.is_empty() {
                return Err(malformed(WHAT, "a frame is not filled by its chunks"));
            }
            if end + u64::from(frame.stored_bytes) > PACK_MAX_BYTES {
                return Err(FormatError::TooLarge { what: WHAT });
            }
        }
        Ok(())
    }
}

fn frame_row(reader: &mut Reader<'_>) -> Result<FrameRow> {
    let row = FrameRow {
        stored_bytes: reader.u32()?,
        plain_bytes: reader.u32()?,
        chunks: reader.u16()?,
        filter: Filter::from_id(reader.u8()?)?,
    };
    if reader.u8()? != 0 || reader.u32()? != 0 {
        return Err(malformed(WHAT, "reserved bytes are set"));
    }
    if row.plain_bytes as usize > FRAME_MAX_BYTES {
        return Err(FormatError::TooLarge { what: WHAT });
    }
    Ok(row)
}

fn chunk_row(reader: &mut Reader<'_>) -> Result<ChunkRow> {
    let row = ChunkRow { id: ChunkId(reader.array()?), plain_bytes: reader.u32()? };
    if row.plain_bytes == 0 { Err(malformed(WHAT, "a chunk has no bytes")) } else { Ok(row) }
}
