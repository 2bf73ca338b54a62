//! Which chunks are already stored: index segments of earlier runs, and what this run has sealed.
//!
//! Asked by the workers for every chunk. Segments are read from the state folder when the first question comes, so that
//! a run without changes reads none. Never: believes an index that no signed note names (the caller chooses the files).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use parking_lot::Mutex;
use scelle_format::id::{ChunkId, PackId};
use scelle_format::index::SegmentView;
use scelle_format::pack::Location;

use super::packs::Place;
use crate::repo::rebuild;

const SHARDS: usize = 16;

/// Chunks that need not be stored again.
pub struct KnownChunks {
    folder: PathBuf,
    segment_names: Vec<String>,
    segments: OnceLock<Vec<SegmentView>>,
    run: [Mutex<HashMap<ChunkId, Place>>; SHARDS],
}

impl KnownChunks {
    /// Knows what the segments `segment_names` list, of which copies lie in the state folder, and `resumed` from the journal.
    pub fn new(
        folder: PathBuf,
        segment_names: Vec<String>,
        resumed: impl IntoIterator<Item = Location>,
    ) -> Self {
        let known = Self { folder, segment_names, segments: OnceLock::new(), run: Default::default() };
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

    /// Stored sizes of the packs that the segments name, where segments were asked at all.
    pub fn pack_sizes(&self) -> Vec<(PackId, u64)> {
        let segments = self.segments.get().map(Vec::as_slice).unwrap_or_default();
        segments.iter().flat_map(|segment| segment.packs().iter().copied()).collect()
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
        let read = |name: &String| SegmentView::open(rebuild::read_copy(&self.folder, name)?).ok();
        self.segment_names.iter().filter_map(read).collect()
    }
}
