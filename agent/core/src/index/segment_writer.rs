//! Writing a file of the local index front to back; how it looks is told in `segment_file`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use scelle_format::id::PackId;
use scelle_format::pack::Location;

use super::segment_file::{BLOCK_BYTES, FENCE_BYTES, Fence, Footer, checksum, prefix_of};
use super::{IdFilter, SegmentFile};
use crate::platform::TEMPORARY_PREFIX;

/// Writes a segment front to back, in memory that does not grow with it but for filter and fences.
pub struct SegmentWriter {
    out: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
    generation: u16,
    rows: u64,
    packs: Vec<(PackId, u64)>,
    pack_rows: HashMap<PackId, u32>,
    filter: IdFilter,
    fences: Vec<Fence>,
    block: Vec<u8>,
}

impl SegmentWriter {
    /// Begins a file that will stand at `path`, with room for about `rows`.
    pub fn create(path: &Path, generation: u16, rows: u64) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder)?;
        Ok(Self {
            out: BufWriter::with_capacity(256 << 10, file),
            path: path.to_owned(),
            generation,
            rows: 0,
            packs: Vec::new(),
            pack_rows: HashMap::new(),
            filter: IdFilter::with_room_for(rows),
            fences: Vec::new(),
            block: Vec::with_capacity(BLOCK_BYTES),
        })
    }

    /// Adds the next entry: ids ascend.
    pub fn push(&mut self, at: &Location, object_bytes: u64) -> io::Result<()> {
        let pack = *self.pack_rows.entry(at.pack).or_insert_with(|| {
            self.packs.push((at.pack, object_bytes));
            self.packs.len() as u32 - 1
        });
        if self.block.is_empty() {
            self.fences.push(Fence { first: prefix_of(&at.id), checksum: [0; 16] });
        }
        self.block.extend_from_slice(&at.id.0);
        for number in [pack, at.frame_offset, at.frame_bytes, at.offset, at.bytes] {
            self.block.extend_from_slice(&number.to_le_bytes());
        }
        self.block.extend_from_slice(&[at.filter.id(), 0, 0, 0]);
        self.filter.insert(&at.id);
        self.rows += 1;
        if self.block.len() == BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if let Some(fence) = self.fences.last_mut() {
            fence.checksum = checksum(&self.block);
        }
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Ends the file and puts it in its place; `is_durable` where it must outlive a power cut.
    pub fn finish(mut self, is_durable: bool) -> io::Result<SegmentFile> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let filter = self.filter.to_bytes();
        let mut tail = Vec::with_capacity(filter.len() + self.fences.len() * FENCE_BYTES);
        for (pack, object_bytes) in &self.packs {
            tail.extend_from_slice(&pack.sha256.0);
            tail.extend_from_slice(&object_bytes.to_le_bytes());
            tail.extend_from_slice(&pack.epoch.to_le_bytes());
        }
        tail.extend_from_slice(&filter);
        for fence in &self.fences {
            tail.extend_from_slice(&fence.first.to_be_bytes());
            tail.extend_from_slice(&fence.checksum);
        }
        let mut footer = Footer {
            generation: self.generation,
            rows: self.rows,
            packs: self.packs.len() as u32,
            filter_bytes: filter.len() as u64,
            checksum: [0; 32],
        };
        footer.checksum = footer.checksum_of(&tail);
        self.out.write_all(&tail)?;
        self.out.write_all(&footer.to_bytes())?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if is_durable {
            file.as_file().sync_all()?;
        }
        let (_, path) = (file.persist(&self.path)?, self.path);
        // Opened anew: the handle that wrote may not read everywhere.
        let file = File::open(&path)?;
        Ok(SegmentFile { path, file, footer, packs: self.packs, filter: self.filter, fences: self.fences })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::filter::Filter;
    use scelle_format::id::{ChunkId, Sha256};

    fn location(n: u32) -> Location {
        let pack = PackId { epoch: n % 3, sha256: Sha256([(n % 3) as u8; 32]) };
        let id = ChunkId::of(&[1; 32], &n.to_le_bytes());
        Location { id, pack, frame_offset: n, frame_bytes: 7, offset: 1, bytes: n + 1, filter: Filter::None }
    }

    fn sorted(count: u32) -> Vec<Location> {
        let mut rows: Vec<_> = (0..count).map(location).collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    fn written(path: &Path, rows: &[Location]) -> SegmentFile {
        let mut writer = SegmentWriter::create(path, 3, rows.len() as u64).unwrap();
        rows.iter().try_for_each(|row| writer.push(row, 1_000 + u64::from(row.pack.epoch))).unwrap();
        writer.finish(true).unwrap()
    }

    #[test]
    fn every_entry_is_found_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 127, 128, 129, 10_000] {
            let path = folder.path().join(format!("{count}.idx"));
            let rows = sorted(count);
            written(&path, &rows);
            let segment = SegmentFile::open(&path).unwrap();
            assert_eq!(SegmentFile::rows_at(&path), Some(u64::from(count)));
            assert!(rows.iter().all(|row| segment.find(&row.id) == Some(*row)));
            assert!((count..count + 1000).all(|n| segment.find(&location(n).id).is_none()));
            assert_eq!(segment.iter().collect::<Vec<_>>(), rows);
            assert_eq!(segment.generation(), 3);
            assert!(segment.packs().iter().all(|(pack, bytes)| *bytes == 1_000 + u64::from(pack.epoch)));
        }
    }

    #[test]
    fn damage_anywhere_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.idx");
        let rows = sorted(300);
        written(&path, &rows);
        let sound = std::fs::read(&path).unwrap();
        for at in (0..sound.len()).step_by(151) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let Some(segment) = SegmentFile::open(&path) else { continue };
            let wrong = rows.iter().filter_map(|row| Some((row, segment.find(&row.id)?)));
            assert!(wrong.into_iter().all(|(row, found)| found == *row), "byte {at}");
            let mut all = segment.iter();
            let read = all.by_ref().count();
            assert!(all.is_damaged() && read < rows.len(), "byte {at}");
        }
        std::fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert!(SegmentFile::open(&path).is_none() && SegmentFile::rows_at(&path).is_none());
    }
}
