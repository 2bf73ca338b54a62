//! Where the bytes of an entry's chunks lie in its file, and reading them back from a file that is already there.
//!
//! For: `workers`. Data comes from the manifest (extents were checked when it was read) and from existing files of the
//! restore root. Never: writes.

use scelle_format::manifest::{Entry, Extent};

use super::write::ExistingFile;

/// Holes are compared with zeros in steps of this size.
const ZERO_BYTES: usize = 64 << 10;

/// Where the bytes of the data stream lie in a file with holes.
pub(super) struct DataMap {
    /// Begin in the stream, and place in the file; `None`: the same in both.
    extents: Option<Vec<(u64, Extent)>>,
    pub(super) data_bytes: u64,
    file_bytes: u64,
}

impl DataMap {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut at = 0;
        let extents = entry.extents.as_ref().map(|extents| {
            let place = |extent: &Extent| {
                at += extent.bytes;
                (at - extent.bytes, *extent)
            };
            extents.iter().map(place).collect()
        });
        Self { extents, data_bytes: entry.data_bytes(), file_bytes: entry.bytes }
    }

    /// Calls `each(file offset, part of the data)` for `bytes` of the stream from `offset` on.
    pub(super) fn pieces(&self, offset: u64, bytes: u64) -> Vec<(u64, std::ops::Range<usize>)> {
        let Some(extents) = &self.extents else { return vec![(offset, 0..bytes as usize)] };
        let first = extents.partition_point(|(begin, extent)| begin + extent.bytes <= offset);
        let (mut done, mut out) = (0, Vec::new());
        for (begin, extent) in &extents[first..] {
            if done == bytes {
                break;
            }
            let skip = offset + done - begin;
            let take = (extent.bytes - skip).min(bytes - done);
            out.push((extent.start + skip, done as usize..(done + take) as usize));
            done += take;
        }
        out
    }

    /// The holes.
    pub(super) fn holes(&self) -> Vec<Extent> {
        let Some(extents) = &self.extents else { return Vec::new() };
        let mut start = 0;
        let mut holes = Vec::new();
        for (_, extent) in extents {
            holes.push(Extent { start, bytes: extent.start - start });
            start = extent.end();
        }
        holes.push(Extent { start, bytes: self.file_bytes - start });
        holes
    }
}

/// Bytes of the data stream as an existing file has them; `None` where it is shorter or cannot be read.
pub(super) fn read_existing(
    existing: &ExistingFile,
    map: &DataMap,
    offset: u64,
    bytes: u64,
) -> Option<Vec<u8>> {
    if offset + bytes > map.data_bytes {
        return None;
    }
    let mut data = vec![0; bytes as usize];
    for (file_offset, part) in map.pieces(offset, bytes) {
        read_full(existing, file_offset, &mut data[part])?;
    }
    Some(data)
}

fn read_full(existing: &ExistingFile, mut offset: u64, mut into: &mut [u8]) -> Option<()> {
    while !into.is_empty() {
        let read = existing.read_at(into, offset).ok().filter(|read| *read > 0)?;
        offset += read as u64;
        into = &mut into[read..];
    }
    Some(())
}

/// Whether a part of an existing file holds zeros only.
pub(super) fn is_zero(existing: &ExistingFile, Extent { mut start, mut bytes }: Extent) -> bool {
    let mut block = vec![0; ZERO_BYTES];
    while bytes > 0 {
        let step = bytes.min(ZERO_BYTES as u64);
        let part = &mut block[..step as usize];
        if read_full(existing, start, part).is_none() || part.iter().any(|byte| *byte != 0) {
            return false;
        }
        (start, bytes) = (start + step, bytes - step);
    }
    true
}

#[cfg(test)]
mod tests {
    use scelle_format::manifest::EntryKind;

    use super::*;

    #[test]
    fn data_goes_to_its_extents_and_the_rest_is_holes() {
        let mut entry = Entry::bare(b"x".to_vec(), EntryKind::File);
        entry.bytes = 100;
        entry.extents = Some([(10, 5), (20, 10)].map(Extent::from).to_vec());
        let map = DataMap::of(&entry);
        assert_eq!(map.data_bytes, 15);
        assert_eq!(map.pieces(0, 15), [(10, 0..5), (20, 5..15)]);
        assert_eq!(map.pieces(3, 4), [(13, 0..2), (20, 2..4)]);
        assert_eq!(map.pieces(5, 1), [(20, 0..1)]);
        assert_eq!(map.holes(), [(0, 10), (15, 5), (30, 70)].map(Extent::from));
    }
}
