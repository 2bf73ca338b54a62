//! Chunk lists of large files, cut into nodes that dedup (FORMAT.md §8.4).

use crate::error::{FormatError, Result, malformed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackId, Sha256};
use crate::limits::{
    CHUNK_LIST_MAGIC, CHUNK_LIST_MASK, CHUNK_LIST_MAX_LEVEL, CHUNK_LIST_MAX_ROWS, CHUNK_LIST_MIN_ROWS,
    VERSION,
};
use crate::pack::Location;
use crate::wire::Reader;

const WHAT: &str = "chunk list";
/// Bytes of one row over all columns.
const ROW_BYTES: usize = 32 + 5 * 4 + 1 + 8;

/// One row: where a chunk (level 0) or a lower node lies, and how many bytes of the file it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Where it lies: in `p/` for level 0, in `m/` above.
    pub at: Location,
    /// Bytes of the file below this row.
    pub covered: u64,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListNode {
    /// 0: rows are chunks; n: rows are nodes of level n − 1.
    pub level: u8,
    /// Rows in file order.
    pub rows: Vec<ListRow>,
}

/// Whether a node of `rows` rows, the last of which has `id`, ends there (FORMAT.md §8.4).
pub fn ends_node(rows: usize, id: &ChunkId) -> bool {
    let low = u16::from_le_bytes([id.0[0], id.0[1]]);
    (rows >= CHUNK_LIST_MIN_ROWS && low & CHUNK_LIST_MASK == 0) || rows == CHUNK_LIST_MAX_ROWS
}

/// Splits rows into nodes: where the low bits of an id are clear, within the bounds.
pub fn split_rows(rows: &[ListRow]) -> impl Iterator<Item = &[ListRow]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends_here = |(i, row): (usize, &ListRow)| ends_node(i + 1, &row.at.id);
        let end = rest.iter().enumerate().position(ends_here).map_or(rest.len(), |i| i + 1);
        let (node, later) = rest.split_at(end);
        rest = later;
        Some(node)
    })
}

impl ListNode {
    /// The node's bytes.
    pub fn encode(level: u8, rows: &[ListRow]) -> Vec<u8> {
        let mut packs: Vec<PackId> = rows.iter().map(|r| r.at.pack).collect();
        packs.sort();
        packs.dedup();
        let mut out = Vec::with_capacity(16 + packs.len() * 36 + rows.len() * ROW_BYTES);
        out.extend_from_slice(&CHUNK_LIST_MAGIC);
        out.extend_from_slice(&(VERSION as u16).to_le_bytes());
        out.extend_from_slice(&[level, 0]);
        out.extend_from_slice(&(rows.len() as u32).to_le_bytes());
        out.extend_from_slice(&(packs.len() as u32).to_le_bytes());
        for pack in &packs {
            out.extend_from_slice(&pack.epoch.to_le_bytes());
            out.extend_from_slice(&pack.sha256.0);
        }
        rows.iter().for_each(|r| out.extend_from_slice(&r.at.id.0));
        let mut column = |number: &dyn Fn(&ListRow) -> u32| {
            rows.iter().for_each(|r| out.extend_from_slice(&number(r).to_le_bytes()));
        };
        column(&|r| packs.binary_search(&r.at.pack).unwrap_or(0) as u32);
        column(&|r| r.at.frame_offset);
        column(&|r| r.at.frame_bytes);
        column(&|r| r.at.offset);
        column(&|r| r.at.bytes);
        rows.iter().for_each(|r| out.push(r.at.filter.id()));
        rows.iter().for_each(|r| out.extend_from_slice(&r.covered.to_le_bytes()));
        out
    }

    /// Reads a node.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, WHAT);
        let level = level(&mut reader)?;
        let rows = reader.count(CHUNK_LIST_MAX_ROWS, ROW_BYTES)?;
        let pack_count = reader.count(CHUNK_LIST_MAX_ROWS, 36)?;
        if rows == 0 {
            return Err(malformed(WHAT, "it has no rows"));
        }
        let mut packs = Vec::with_capacity(pack_count);
        for _ in 0..pack_count {
            packs.push(PackId { epoch: reader.u32()?, sha256: Sha256(reader.array()?) });
        }
        let mut columns = Reader::new(reader.take(rows * 32)?, WHAT);
        let ids = (0..rows).map(|_| columns.array().map(ChunkId)).collect::<Result<Vec<_>>>()?;
        let mut column = || (0..rows).map(|_| reader.u32()).collect::<Result<Vec<u32>>>();
        let [pack, frame_offset, frame_bytes, offset, bytes_] =
            [column()?, column()?, column()?, column()?, column()?];
        let filters = (0..rows).map(|_| reader.u8().and_then(Filter::from_id)).collect::<Result<Vec<_>>>()?;
        let covered = (0..rows).map(|_| reader.u64()).collect::<Result<Vec<_>>>()?;
        reader.end()?;
        let row = |i: usize| {
            let pack = *packs.get(pack[i] as usize).ok_or(malformed(WHAT, "a row names no pack"))?;
            let at = Location {
                id: ids[i],
                pack,
                frame_offset: frame_offset[i],
                frame_bytes: frame_bytes[i],
                offset: offset[i],
                bytes: bytes_[i],
                filter: filters[i],
            };
            at.check()?;
            if level == 0 && covered[i] != u64::from(at.bytes) {
                return Err(malformed(WHAT, "a chunk covers another length than its own"));
            }
            Ok(ListRow { at, covered: covered[i] })
        };
        Ok(Self { level, rows: (0..rows).map(row).collect::<Result<_>>()? })
    }
}

/// What stands before the rows: magic, version, and the node's level.
fn level(reader: &mut Reader<'_>) -> Result<u8> {
    if reader.array::<4>()? != CHUNK_LIST_MAGIC {
        return Err(FormatError::BadMagic { what: WHAT });
    }
    let version = reader.u16()?;
    if u32::from(version) != VERSION {
        return Err(FormatError::Unsupported { what: WHAT, found: version.to_string() });
    }
    let level = reader.u8()?;
    if level >= CHUNK_LIST_MAX_LEVEL {
        return Err(FormatError::TooLarge { what: WHAT });
    }
    if reader.u8()? != 0 {
        return Err(malformed(WHAT, "reserved bytes are set"));
    }
    Ok(level)
}
