//! Which chunks are already stored: index segments of earlier runs, and what this run has sealed.
//!
//! Asked by the workers for every chunk. Segments are read from the state folder when the first question comes, so that
//! a run without changes reads none. Never: believes an index that no signed note names (the caller chooses the files).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use parking_lot::Mutex;
use scelle_format::id::ChunkId;
use scelle_format::index::SegmentView;
use scelle_format::pack::Location;

use super::packs::Place;

const SHARDS: usize = 16;

/// Chunks that need not be stored again.
pub struct KnownChunks {
    segment_files: Vec<PathBuf>,
    segments: OnceLock<Vec<SegmentView>>,
    run: [Mutex<HashMap<ChunkId, Place>>; SHARDS],
}

impl KnownChunks {
    /// Knows what `segment_files` (plain segments of the state folder) list, and `resumed` from the journal.
    pub fn new(segment_files: Vec<PathBuf>, resumed: impl IntoIterator<Item = Location>) -> Self {
        let known = Self { segment_files, segments: OnceLock::new(), run: Default::default() };
        for location in resumed {
            known.remember(location.id, Place::Known(location));
        }
        known
    }

    /// Where a chunk is stored, if it is.
    pub fn find(&self, id: &ChunkId) -> Option<Place> {
        if let Some(place) = self.shard(id).lock().get(id) {
            return Some(place.clone());
        }
        let segments = self.segments.get_or_init(|| self.load());
        segments.iter().find_map(|segment| segment.find(id)).map(Place::Known)
    }

    /// Remembers a chunk that this run stores.
    pub fn remember(&self, id: ChunkId, place: Place) {
        self.shard(&id).lock().insert(id, place);
    }

    /// Everything this run stored or resumed, once all packs are sealed.
    pub fn of_this_run(&self) -> Vec<Location> {
        self.run
            .iter()
            .flat_map(|shard| shard.lock().values().filter_map(Place::resolve).collect::<Vec<_>>())
            .collect()
    }

    fn shard(&self, id: &ChunkId) -> &Mutex<HashMap<ChunkId, Place>> {
        &self.run[usize::from(id.0[0]) % SHARDS]
    }

    // A segment that cannot be read only means that some chunks are stored again.
    fn load(&self) -> Vec<SegmentView> {
        let read = |path: &PathBuf| std::fs::read(path).ok().and_then(|bytes| SegmentView::open(bytes).ok());
        self.segment_files.iter().filter_map(read).collect()
    }
}
