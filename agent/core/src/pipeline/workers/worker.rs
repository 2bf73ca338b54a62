//! One worker: what all of them share, its buffers, and how it puts frames into packs.
//!
//! The same for every kind of file: on it stand the files that say what a worker does with each, and on these `labour`. Never: opens
//! a file.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::ContentCutter;
use scelle_format::compress::{Compressor, Frame};
use scelle_format::filter::Filter;
use scelle_format::id::ChunkId;
use scelle_format::pack::PackVerifier;

use crate::catalog::{Lists, PrintKey};
use crate::error::{AgentError, Result};
use crate::monitor::Monitor;
use crate::pipeline::chunks::dedup::KnownChunks;
use crate::pipeline::chunks::list::NodeStore;
use crate::pipeline::chunks::packs::{Lane, PackPool, Place};
use crate::pipeline::chunks::recipe::{self, Recipe};
use crate::pipeline::database::side::Beside;
use crate::pipeline::jobs::job::FileJob;
use crate::pipeline::jobs::solid::Solid;
use crate::pipeline::workers::parts::FilePart;
use crate::pipeline::workers::queue::Queue;
use crate::repo::damage::Avoided;
use crate::repo::state::State;
use crate::shutdown::Shutdown;

/// Files up to this size are one chunk and come in batches.
pub const SMALL_BYTES: u64 = ContentCutter::MIN as u64;
/// How often a file that changes while it is read is read again.
pub(in crate::pipeline) const READ_ATTEMPTS: u32 = 2;

/// What all workers share.
pub struct Workshop<'a> {
    /// Open packs.
    pub pool: PackPool,
    /// Chunks already stored.
    pub known: KnownChunks,
    /// Content-defined cutting.
    pub cutter: ContentCutter,
    /// Key of the prints of small files.
    pub print_key: PrintKey,
    /// What is to be done.
    pub queue: Queue<Work>,
    /// Packs that are damaged.
    pub avoided: Arc<Avoided>,
    /// Chunk lists of the last snapshots.
    pub lists: &'a Lists,
    /// Chunk-list nodes that this run has stored, or an interrupted one has sent.
    pub list_nodes: Mutex<HashMap<ChunkId, Place>>,
    /// Who watches.
    pub monitor: &'a dyn Monitor,
    /// Whether to stop.
    pub shutdown: &'a Shutdown,
    /// Databases, and files beside them.
    pub beside: Beside,
    /// What this PC keeps.
    pub state: &'a State,
    /// Bytes read from sources.
    pub read_bytes: AtomicU64,
}

/// What a worker can be asked to do.
pub enum Work {
    /// Small neighbours.
    Small(Vec<Arc<FileJob>>),
    /// One large file.
    Large(Arc<FileJob>),
    /// A part of a large file that another has begun.
    Part(FilePart),
}

/// One worker's buffers.
pub struct Worker<'a> {
    pub(in crate::pipeline) shared: &'a Workshop<'a>,
    pub(in crate::pipeline) compressor: Compressor,
    pub(in crate::pipeline) verifier: PackVerifier,
    pub(in crate::pipeline) buffer: Vec<u8>,
    pub(in crate::pipeline) solid: Solid,
}

impl<'a> Worker<'a> {
    /// A worker with empty buffers.
    pub fn new(shared: &'a Workshop<'a>) -> Self {
        let compressor = Compressor::new(recipe::LEVEL);
        Self {
            shared,
            compressor,
            verifier: PackVerifier::default(),
            buffer: Vec::new(),
            solid: Solid::default(),
        }
    }

    /// Closes the packs that hold content of files, so that everything in them gets a name.
    pub fn flush_data_packs(&mut self) -> Result<()> {
        self.shared.pool.flush(Lane::Cold, &mut self.verifier)?;
        self.shared.pool.flush(Lane::Paged, &mut self.verifier)
    }

    /// Makes a frame of `plain`, which holds `chunks` back to back, and adds it to a pack.
    pub(in crate::pipeline) fn store_frame(
        &mut self,
        lane: Lane,
        plain: &[u8],
        chunks: &[(ChunkId, u32)],
        recipe: Option<Recipe>,
    ) -> Result<Vec<Place>> {
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => recipe::choose_mixed(plain, &mut self.compressor).map_err(AgentError::bug)?,
        };
        let (frame, filter) = match recipe {
            Recipe::Raw => (Frame::raw(plain), Filter::None),
            Recipe::Zstd(filter) => {
                (self.compressor.frame(plain, recipe::LEVEL, filter).map(Frame::Zstd), filter)
            }
        };
        let frame = frame.map_err(AgentError::bug)?;
        let places = self.shared.pool.add_frame(lane, frame, filter, chunks, &mut self.verifier)?;
        for ((id, _), place) in chunks.iter().zip(&places) {
            self.shared.known.remember(*id, place.clone());
        }
        self.shared.known.spill()?;
        Ok(places)
    }

    /// [`Self::store_frame`] of one chunk.
    pub(in crate::pipeline) fn store_one(
        &mut self,
        lane: Lane,
        plain: &[u8],
        id: ChunkId,
        recipe: Recipe,
    ) -> Result<Place> {
        let places = self.store_frame(lane, plain, &[(id, plain.len() as u32)], Some(recipe))?;
        places.into_iter().next().ok_or_else(|| AgentError::bug("a frame without a place"))
    }

    /// Counts bytes read from a source.
    pub(in crate::pipeline) fn count_read(&self, bytes: usize) {
        self.shared.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl NodeStore for Worker<'_> {
    /// A committed snapshot may have it, or this run.
    fn store_node(&mut self, plain: &[u8]) -> Result<Place> {
        let id = ChunkId::of(&self.shared.pool.sealing().id_key, plain);
        self.shared.lists.put(&id, plain)?;
        if let Some(place) = self.shared.list_nodes.lock().get(&id) {
            return Ok(place.clone());
        }
        if let Some(at) = self.shared.lists.location(&id)? {
            return Ok(Place::Known(at));
        }
        let recipe = Some(Recipe::Zstd(Filter::None));
        let places = self.store_frame(Lane::Manifest, plain, &[(id, plain.len() as u32)], recipe)?;
        let place = places.into_iter().next().ok_or_else(|| AgentError::bug("a frame without a place"))?;
        self.shared.list_nodes.lock().insert(id, place.clone());
        Ok(place)
    }

    fn close_data_packs(&mut self) -> Result<()> {
        self.flush_data_packs()
    }
}
