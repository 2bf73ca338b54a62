//! Open packs: frames come from the workers, sealed and verified packs go to the upload.
//!
//! Two packs of a lane are open at a time and frames go to either by a bit of their secret ids, so that sizes and
//! order of chunks are visible nowhere. Whoever fills a pack seals it: sealing runs on all cores without threads of its
//! own. Never: uploads, or knows what a file is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use scelle_format::FormatError;
use scelle_format::compress::Frame;
use scelle_format::crypto::pq::PqRecipient;
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::limits::PACK_TARGET_BYTES;
use scelle_format::pack::{Location, PackBuilder, PackVerifier, Trailer};

use crate::chance::Chance;
use crate::error::{AgentError, Result};
use crate::pipeline::chunks::pack_memory::{MemoryShare, PackMemory};

/// Open packs are merged at the end of a run while together they have at most this part of a pack.
const MERGED_PART: usize = 4;

/// Packs in memory at a time: two open ones of each lane, and some that are sealed or on their way.
pub const PACKS_MAX: usize = 9;

/// Pack size under the memory budget: many workers hold many packs.
pub fn target_bytes(workers: usize) -> usize {
    match workers {
        0..=2 => PACK_TARGET_BYTES,
        3..=8 => PACK_TARGET_BYTES / 2,
        _ => PACK_TARGET_BYTES / 4,
    }
}

/// Which packs a frame may share. Pages of databases change often and never lie with what stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Content of files.
    Cold,
    /// Pages of databases.
    Paged,
    /// Hunks, level-2 nodes, chunk lists.
    Manifest,
}

/// Name of a pack that is still open: known once it is sealed.
#[derive(Debug, Default)]
pub struct PackSlot(OnceLock<(PackId, u32)>);

/// Where a chunk will lie, once its pack has a name.
#[derive(Clone, Debug)]
pub struct PendingPlace {
    slot: Arc<PackSlot>,
    id: ChunkId,
    frame_offset: u32,
    frame_bytes: u32,
    offset: u32,
    bytes: u32,
    filter: Filter,
}

/// Where a chunk lies: known, or known soon.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a pack of this repository.
    Known(Location),
    /// In a pack that is still open, or on its way.
    Soon(PendingPlace),
}

impl Place {
    /// The location, if its pack has a name by now.
    pub fn resolve(&self) -> Option<Location> {
        match self {
            Self::Known(location) => Some(*location),
            Self::Soon(pending) => pending.resolve(),
        }
    }
}

impl PendingPlace {
    fn resolve(&self) -> Option<Location> {
        let (pack, moved_by) = *self.slot.0.get()?;
        let &Self { id, frame_offset, frame_bytes, offset, bytes, filter, .. } = self;
        Some(Location { id, pack, frame_offset: frame_offset + moved_by, frame_bytes, offset, bytes, filter })
    }
}

/// A pack that was sealed and opened again.
pub struct VerifiedPack {
    /// Data or manifest.
    pub kind: PackKind,
    /// Its name.
    pub id: PackId,
    /// The age file. Its memory serves another pack once the last clone is dropped.
    pub bytes: Bytes,
    /// What it holds.
    pub trailer: Trailer,
}

/// What packs are sealed with.
pub struct Sealing {
    /// Epoch in force.
    pub epoch: u32,
    /// Its recipient: the only one.
    pub recipient: PqRecipient,
    /// Generation of the dedup secret.
    pub generation: u16,
    /// Its chunk-id key.
    pub id_key: [u8; 32],
    /// Size at which a pack is closed.
    pub target_bytes: usize,
    /// Packs in memory at a time, open, sealed and on their way.
    pub packs_max: usize,
    /// Of their file keys.
    pub chance: Chance,
}

struct OpenPack {
    builder: PackBuilder,
    share: MemoryShare,
    slots: Vec<(Arc<PackSlot>, u32)>,
}

/// The open packs of one run.
pub struct PackPool {
    sealing: Sealing,
    lanes: [[Mutex<Option<OpenPack>>; 2]; 3],
    sealed: tokio::sync::mpsc::Sender<VerifiedPack>,
    named: AtomicU64,
    memory: Arc<PackMemory>,
}

impl PackPool {
    /// Opens no pack yet; sealed ones go to `sealed`.
    pub fn new(sealing: Sealing, sealed: tokio::sync::mpsc::Sender<VerifiedPack>) -> Self {
        let memory = PackMemory::new(sealing.packs_max);
        Self { sealing, lanes: Default::default(), sealed, named: AtomicU64::new(0), memory }
    }

    /// What packs are sealed with.
    pub fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// How many packs have a name by now: as long as this stands still, no place becomes known.
    pub fn named_packs(&self) -> u64 {
        self.named.load(Ordering::Acquire)
    }

    /// Adds one frame holding `chunks` back to back; returns where each chunk will lie.
    pub fn add_frame(
        &self,
        lane: Lane,
        frame: Frame<'_>,
        filter: Filter,
        chunks: &[(ChunkId, u32)],
        verifier: &mut PackVerifier,
    ) -> Result<Vec<Place>> {
        let side = chunks.first().map_or(0, |(id, _)| usize::from(id.0[31] & 1));
        let mut open = self.lanes[lane as usize][side].lock();
        let room = |pack: &OpenPack| pack.builder.has_room(frame.stored_bytes(), chunks.len());
        while !open.as_ref().is_some_and(room) {
            match open.take() {
                None => *open = Some(self.open_pack(lane)?),
                // Sealed before another is opened: nobody waits for memory with a full pack in hand.
                Some(full) => {
                    drop(open);
                    self.seal(lane, full, verifier)?;
                    open = self.lanes[lane as usize][side].lock();
                }
            }
        }
        let pack = open.as_mut().ok_or_else(|| AgentError::bug("a lane without a pack"))?;
        let at = pack.builder.add_frame(frame, filter, chunks);
        let slot = pack.slots.first().map(|(slot, _)| slot.clone()).unwrap_or_default();
        drop(open);
        let mut offset = 0;
        let place = |&(id, bytes): &(ChunkId, u32)| {
            let slot = slot.clone();
            let pending = PendingPlace {
                slot,
                id,
                frame_offset: at.offset,
                frame_bytes: at.bytes,
                offset,
                bytes,
                filter,
            };
            offset += bytes;
            Place::Soon(pending)
        };
        Ok(chunks.iter().map(place).collect())
    }

    /// Closes the open packs of a lane. Several workers may do so at once: each takes one.
    pub fn flush(&self, lane: Lane, verifier: &mut PackVerifier) -> Result<()> {
        while let Some(pack) = self.take_open(lane) {
            self.seal(lane, pack, verifier)?;
        }
        Ok(())
    }

    /// An open pack; two that together are small are merged. Larger ones are sealed side by side: that ends sooner.
    fn take_open(&self, lane: Lane) -> Option<OpenPack> {
        let [left, right] = &self.lanes[lane as usize];
        let (mut left, mut right) = (left.lock(), right.lock());
        let are_small = |left: &OpenPack, right: &OpenPack| {
            let stored_bytes = left.builder.stored_bytes() + right.builder.stored_bytes();
            stored_bytes <= self.sealing.target_bytes / MERGED_PART
                && left.builder.has_room_for(&right.builder)
        };
        match (left.take(), right.take()) {
            (Some(mut first), Some(second)) if are_small(&first, &second) => {
                let moved_by = first.builder.absorb(second.builder);
                first.slots.extend(second.slots.into_iter().map(|(slot, by)| (slot, by + moved_by)));
                Some(first)
            }
            (Some(first), second) => {
                *right = second;
                Some(first)
            }
            (None, second) => second,
        }
    }

    fn open_pack(&self, lane: Lane) -> Result<OpenPack> {
        let Sealing { recipient, generation, target_bytes, chance, .. } = &self.sealing;
        let (share, memory) = self.memory.take();
        let kind = lane.kind();
        let builder =
            PackBuilder::reusing(memory, kind, *generation, recipient, *target_bytes, &mut chance.clone());
        let builder = builder.map_err(AgentError::local_state)?;
        Ok(OpenPack { builder, share, slots: vec![(Arc::default(), 0)] })
    }

    fn seal(&self, lane: Lane, pack: OpenPack, verifier: &mut PackVerifier) -> Result<()> {
        let finished = pack.builder.finish();
        let sha256: Result<Sha256, FormatError> = verifier.verify(&finished, &self.sealing.id_key);
        let sha256 = sha256.map_err(AgentError::verification_failed)?;
        let id = PackId { epoch: self.sealing.epoch, sha256 };
        for (slot, moved_by) in pack.slots {
            // A slot belongs to one pack only and is set here only.
            let _ = slot.0.set((id, moved_by));
        }
        self.named.fetch_add(1, Ordering::Release);
        let bytes = Bytes::from_owner(pack.share.with(finished.sealed.bytes));
        let sealed = VerifiedPack { kind: lane.kind(), id, bytes, trailer: finished.trailer };
        self.sealed.blocking_send(sealed).map_err(|_| AgentError::interrupted())
    }
}

impl Lane {
    fn kind(self) -> PackKind {
        match self {
            Self::Cold | Self::Paged => PackKind::Data,
            Self::Manifest => PackKind::Manifest,
        }
    }
}
