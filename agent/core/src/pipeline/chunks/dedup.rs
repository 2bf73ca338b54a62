//! Which chunks are already stored: index segments of earlier runs, and what this run has sealed.
//!
//! Asked by the workers for every chunk that stands at another place than last time. Segments are opened when the first
//! question comes, so that a run without changes reads none; chunks of this run leave memory for sorted files of their own
//! as soon as their packs have names. Never: believes an index that no signed note names (the caller chooses the files).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use scelle_format::id::{ChunkId, PackId};
use scelle_format::pack::Location;

use crate::error::Result;
use crate::index::SegmentFile;
use crate::index::merge::Merged;
use crate::pipeline::chunks::packs::Place;
use crate::repo::damage::Avoided;
use crate::repo::state::local_index::LocalIndex;

const SHARDS: usize = 16;
/// Chunks of this run in memory before they go to disk: 12 MB.
const RUN_CHUNKS_MAX: usize = 50_000;
/// Files of this run before they are merged into one.
const RUN_FILES_MAX: usize = 8;

/// Chunks that need not be stored again.
pub struct KnownChunks {
    index: LocalIndex,
    segment_names: Vec<String>,
    /// Packs that are damaged: what they hold is stored again.
    avoided: Arc<Avoided>,
    segments: OnceLock<Vec<SegmentFile>>,
    run: [Mutex<HashMap<ChunkId, Place>>; SHARDS],
    run_chunks: AtomicUsize,
    spilled: RwLock<Vec<Arc<SegmentFile>>>,
    /// Held by whoever writes a file of this run; its number.
    spilling: Mutex<u32>,
}

/// Everything that one run stored.
#[derive(Default)]
pub struct RunChunks {
    files: Vec<Arc<SegmentFile>>,
    rest: Vec<Location>,
}

impl KnownChunks {
    /// Knows what the segments `segment_names` list, of which `index` has copies.
    pub fn new(index: LocalIndex, segment_names: Vec<String>, avoided: Arc<Avoided>) -> Self {
        index.sweep_run_files();
        Self {
            index,
            segment_names,
            avoided,
            segments: OnceLock::new(),
            run: Default::default(),
            run_chunks: AtomicUsize::new(0),
            spilled: RwLock::default(),
            spilling: Mutex::new(0),
        }
    }

    /// Where a chunk is stored, if it is.
    pub fn find(&self, id: &ChunkId) -> Option<Place> {
        if let Some(place) = self.shard(id).lock().get(id) {
            return Some(place.clone());
        }
        let spilled = self.spilled.read().iter().find_map(|segment| segment.find(id));
        let found = spilled.or_else(|| self.find_stored(id));
        found.map(Place::Known)
    }

    fn find_stored(&self, id: &ChunkId) -> Option<Location> {
        let mut found = self.segments().iter().filter_map(|segment| segment.find(id));
        found.find(|at| !self.avoided.has(&at.pack))
    }

    /// What `open` packs held that is in no sound pack and that this run has not stored.
    pub fn lost(&self, open: &BTreeSet<PackId>) -> BTreeMap<PackId, BTreeMap<ChunkId, u32>> {
        let mut lost: BTreeMap<PackId, BTreeMap<ChunkId, u32>> = BTreeMap::new();
        for segment in self.segments() {
            if !segment.packs().iter().any(|(pack, _)| open.contains(pack)) {
                continue;
            }
            for at in segment.iter().filter(|at| open.contains(&at.pack) && self.find(&at.id).is_none()) {
                lost.entry(at.pack).or_default().insert(at.id, at.bytes);
            }
        }
        lost
    }

    /// Stored sizes of the packs that the segments name, where segments were asked at all.
    pub fn pack_sizes(&self) -> Vec<(PackId, u64)> {
        let segments = self.segments.get().map(Vec::as_slice).unwrap_or_default();
        segments.iter().flat_map(|segment| segment.packs().iter().copied()).collect()
    }

    /// Remembers a chunk that this run stores.
    pub fn remember(&self, id: ChunkId, place: Place) {
        if self.shard(&id).lock().insert(id, place).is_none() {
            self.run_chunks.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Moves chunks of this run to disk when there are many. Called between two chunks, by whoever comes first.
    pub fn spill(&self) -> Result<()> {
        if self.run_chunks.load(Ordering::Relaxed) < RUN_CHUNKS_MAX {
            return Ok(());
        }
        let Some(mut number) = self.spilling.try_lock() else { return Ok(()) };
        let rows = self.resolved();
        if rows.len() < RUN_CHUNKS_MAX / 2 {
            return Ok(());
        }
        let file = self.write(&mut number, rows.len() as u64, rows.iter().copied())?;
        // Known on disk before it is forgotten here: nobody misses a chunk meanwhile.
        self.spilled.write().push(Arc::new(file));
        for at in &rows {
            self.shard(&at.id).lock().remove(&at.id);
        }
        self.run_chunks.fetch_sub(rows.len(), Ordering::Relaxed);
        drop(rows);
        let files = self.spilled.read().clone();
        if files.len() < RUN_FILES_MAX {
            return Ok(());
        }
        // The largest stays out until the others have grown to it: each chunk is written a few times only.
        let most = files.iter().map(|file| file.rows()).max().unwrap_or(0);
        let others: u64 = files.iter().map(|file| file.rows()).sum::<u64>() - most;
        let merge: Vec<_> = files.iter().filter(|file| file.rows() < most || others >= most).collect();
        let sources = merge.iter().map(|file| Box::new(file.iter()) as Box<dyn Iterator<Item = _>>);
        let rows = merge.iter().map(|file| file.rows()).sum();
        let merged = self.write(&mut number, rows, Merged::new(sources.collect()))?;
        let mut spilled = self.spilled.write();
        spilled.retain(|file| !merge.iter().any(|gone| Arc::ptr_eq(gone, file)));
        spilled.push(Arc::new(merged));
        drop(spilled);
        merge.iter().for_each(|file| remove(file));
        Ok(())
    }

    /// Everything this run stored or resumed, once all packs are sealed.
    pub fn take_run(&self) -> RunChunks {
        RunChunks { files: std::mem::take(&mut self.spilled.write()), rest: self.resolved() }
    }

    /// Chunks of this run in memory whose packs have names, in order.
    fn resolved(&self) -> Vec<Location> {
        let mut rows = Vec::new();
        for shard in &self.run {
            rows.extend(shard.lock().values().filter_map(Place::resolve));
        }
        rows.sort_unstable_by_key(|at| at.id);
        rows
    }

    fn write(
        &self,
        number: &mut u32,
        count: u64,
        rows: impl Iterator<Item = Location>,
    ) -> Result<SegmentFile> {
        *number += 1;
        let mut writer = self.index.run_file(*number, count)?;
        for at in rows {
            writer.push(&at, 0)?;
        }
        Ok(writer.finish(false)?)
    }

    fn shard(&self, id: &ChunkId) -> &Mutex<HashMap<ChunkId, Place>> {
        &self.run[usize::from(id.0[0]) % SHARDS]
    }

    // A segment that cannot be read only means that some chunks are stored again.
    fn segments(&self) -> &[SegmentFile] {
        self.segments
            .get_or_init(|| self.segment_names.iter().filter_map(|name| self.index.copy(name)).collect())
    }
}

impl RunChunks {
    /// All of them in order. The second of two with one id is passed over.
    pub fn sources(&self) -> Vec<Box<dyn Iterator<Item = Location> + '_>> {
        let mut sources: Vec<Box<dyn Iterator<Item = Location> + '_>> =
            vec![Box::new(self.rest.iter().copied())];
        for file in &self.files {
            sources.push(Box::new(file.iter()));
        }
        sources
    }

    /// How many there are at most.
    pub fn most(&self) -> u64 {
        self.rest.len() as u64 + self.files.iter().map(|file| file.rows()).sum::<u64>()
    }
}

impl Drop for RunChunks {
    fn drop(&mut self) {
        self.files.iter().for_each(|file| remove(file));
    }
}

fn remove(file: &SegmentFile) {
    let _ = std::fs::remove_file(file.path());
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::filter::Filter;
    use scelle_format::id::Sha256;

    fn location(n: u32) -> Location {
        let pack = PackId { epoch: 0, sha256: Sha256([(n / 4000) as u8; 32]) };
        let id = ChunkId::of(&[1; 32], &n.to_le_bytes());
        Location { id, pack, frame_offset: n, frame_bytes: 1, offset: 0, bytes: 1, filter: Filter::None }
    }

    #[test]
    fn chunks_that_left_memory_are_still_known_and_come_back_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(crate::repo::files::INDEX)).unwrap();
        let known = KnownChunks::new(LocalIndex::of(folder.path()), Vec::new(), Arc::default());
        let count = RUN_CHUNKS_MAX as u32 * (RUN_FILES_MAX as u32 + 3) / 2;
        for n in 0..count {
            known.remember(location(n).id, Place::Known(location(n)));
            if n % 50_000 == 0 {
                known.spill().unwrap();
            }
        }
        let in_memory: usize = known.run.iter().map(|shard| shard.lock().len()).sum();
        assert!(in_memory <= RUN_CHUNKS_MAX + 50_000, "{in_memory}");
        assert!(
            (0..count)
                .step_by(37)
                .all(|n| matches!(known.find(&location(n).id), Some(Place::Known(at)) if at == location(n)))
        );
        assert!((count..count + 10_000).all(|n| known.find(&location(n).id).is_none()));
        let run = known.take_run();
        assert_eq!(Merged::new(run.sources()).count(), count as usize);
        drop((run, known));
        assert_eq!(std::fs::read_dir(folder.path().join(crate::repo::files::INDEX)).unwrap().count(), 0);
    }
}
