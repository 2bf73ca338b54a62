//! Parts of packs, fetched ahead and kept within a budget.
//!
//! For: `reader` and `tree`, and the trailers that `verify` compares. Data comes from the store through `load`
//! and stays sealed here. Where a pack is damaged, its intact version takes its place; where there is none, `elsewhere`
//! knows more. Never: opens content, or holds more than its budget and what is in use.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use scelle_format::crypto::plain_bytes_of;
use scelle_format::id::{ChunkId, PackId, PackKind};
use scelle_format::layout;
use scelle_format::limits::PACK_TARGET_BYTES;
use scelle_format::pack::{Location, Trailer};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::elsewhere::Elsewhere;
use super::load::{Loader, cipher_bytes, damaged};
use super::requests::{WHOLE, frame_range, requests_for};
use super::sealed::{Opened, PackName, SealedStretch, locate, trailer_of};
use super::stretches::Stretches;
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::keyring::Keyring;
use crate::repo::ledger::history::Snapshot;
use crate::repo::objects::Objects;

/// Bytes of packs that are kept, on their way included.
const BUDGET_BYTES: u64 = 88 << 20;
/// Bytes at the end of a pack that hold nearly every trailer.
const TRAILER_GUESS_BYTES: u64 = 64 << 10;
/// Bytes that hold the largest trailer (FORMAT.md §6.1).
const TRAILER_MAX_BYTES: u64 = 256 << 10;

/// Gives parts of packs. Shared by all threads of a restore.
pub struct Fetcher {
    loader: Loader,
    stretches: Mutex<Stretches>,
    /// Told whenever a part may have become idle or a window was done.
    room: Notify,
    /// Who fetches ahead gets room in the order of asking.
    ahead: tokio::sync::Mutex<()>,
    /// Packs that were asked for whole: a second time, only what is needed of them is.
    fetched_whole: Mutex<HashSet<PackName>>,
    tasks: Mutex<JoinSet<()>>,
    elsewhere: Elsewhere,
    /// Damaged packs without an intact version.
    lost: tokio::sync::Mutex<HashMap<PackName, AgentError>>,
}

/// A window of files whose content is fetched ahead: as long as this lives, what was fetched for it stays.
pub struct FetchWindow {
    fetcher: Arc<Fetcher>,
    window: u64,
}

impl Drop for FetchWindow {
    fn drop(&mut self) {
        self.fetcher.stretches.lock().close_window(self.window);
        self.fetcher.room.notify_waiters();
    }
}

impl Fetcher {
    /// A fetcher that opens packs with `keyring`. With descriptors it can read the ledger for `heal` notes when a
    /// pack is lost.
    pub fn new(objects: Arc<Objects>, keyring: Arc<Keyring>, descriptors: Option<Descriptors>) -> Arc<Self> {
        Arc::new(Self {
            loader: Loader::new(objects, keyring),
            stretches: Mutex::new(Stretches::new(BUDGET_BYTES)),
            room: Notify::new(),
            ahead: tokio::sync::Mutex::default(),
            fetched_whole: Mutex::default(),
            tasks: Mutex::new(JoinSet::new()),
            elsewhere: Elsewhere::new(descriptors),
            lost: tokio::sync::Mutex::default(),
        })
    }

    /// The objects it reads.
    pub fn objects(&self) -> &Arc<Objects> {
        &self.loader.objects
    }

    /// The keys it opens them with.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.loader.keyring
    }

    /// Lets it use the index segments of a snapshot's device when a pack is lost.
    pub fn use_index_of(&self, snapshot: &Snapshot) {
        self.elsewhere.add(snapshot);
    }

    /// Packs that could not be read as their locations say, by name, whether or not their chunks were found elsewhere.
    pub fn damaged_objects(&self) -> Vec<String> {
        self.loader.damaged_objects()
    }

    /// Bytes received from the store.
    pub fn fetched_bytes(&self) -> u64 {
        self.loader.fetched_bytes()
    }

    /// Begins to fetch what these locations need, in as few requests as is sensible, as far as there is room. Failures
    /// show when the chunks are read. Must be called within the runtime.
    pub fn prepare<'a>(
        self: &Arc<Self>,
        kind: PackKind,
        locations: impl IntoIterator<Item = &'a Location>,
    ) -> FetchWindow {
        // In the order of the locations, which is the order in which they will be read.
        let mut order: Vec<PackId> = Vec::new();
        let mut by_pack: HashMap<PackId, Vec<Range<u64>>> = HashMap::new();
        for at in locations {
            let ranges = by_pack.entry(at.pack).or_default();
            if ranges.is_empty() {
                order.push(at.pack);
            }
            if ranges.last() != Some(&frame_range(at)) {
                ranges.push(frame_range(at));
            }
        }
        let window = self.stretches.lock().open_window();
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        for pack in order {
            let name = (kind, pack);
            let may_be_whole = !self.fetched_whole.lock().contains(&name);
            let mut stretches = self.stretches.lock();
            let mut missing = by_pack.remove(&pack).unwrap_or_default();
            missing.retain(|range| stretches.find(&name, range, window).is_none());
            for range in requests_for(missing, may_be_whole) {
                stretches.insert(name, range.clone(), window);
                tasks.spawn(Arc::clone(self).fetch_ahead(name, range).in_current_span());
            }
        }
        FetchWindow { fetcher: Arc::clone(self), window }
    }

    async fn fetch_ahead(self: Arc<Self>, pack: PackName, range: Range<u64>) {
        let turn = self.ahead.lock().await;
        loop {
            let changed = self.room.notified();
            {
                let mut stretches = self.stretches.lock();
                let Some((_, cell)) = stretches.find(&pack, &range, 0) else { return };
                if cell.initialized() {
                    return;
                }
                if stretches.begin_ahead(&pack, &range, held_bytes(&range)) {
                    break;
                }
                if !stretches.is_wanted(&pack, &range) {
                    // Too late: whoever still wants it fetches it.
                    return stretches.remove(&pack, &range);
                }
            }
            changed.await;
        }
        drop(turn);
        // Whoever reads the chunk sees the error.
        let _ = self.sealed(pack, range).await;
    }

    /// A part that covers `range` of a pack's plaintext.
    pub(super) async fn sealed(&self, pack: PackName, range: Range<u64>) -> Result<Arc<SealedStretch>> {
        let (held, cell) = {
            let mut stretches = self.stretches.lock();
            match stretches.find(&pack, &range, 0) {
                Some(found) => found,
                None => (range.clone(), stretches.insert(pack, range.clone(), 0)),
            }
        };
        if let Some(there) = cell.get() {
            return there.clone();
        }
        let load = || async {
            self.stretches.lock().begin(&pack, &held, held_bytes(&held));
            if held == WHOLE {
                self.fetched_whole.lock().insert(pack);
            }
            let loaded = self.loader.load(pack, &held).await;
            let bytes = loaded.as_ref().map_or(0, |sealed| sealed.bytes());
            self.stretches.lock().set_bytes(&pack, &held, bytes);
            loaded
        };
        let result = cell.get_or_init(load).await.clone();
        if result.as_ref().is_err_and(|error| error.code != ExitCode::Damaged) {
            self.stretches.lock().remove(&pack, &held);
        }
        self.room.notify_waiters();
        result
    }

    /// The intact version of a pack of which `seen` does not open. Looked for once.
    ///
    /// Errors: exit 13 when there is none.
    pub(super) async fn intact_after(
        &self,
        pack: PackName,
        seen: Arc<SealedStretch>,
    ) -> Result<Arc<SealedStretch>> {
        let name = layout::pack(pack.0, &pack.1);
        if seen.is_intact {
            return Err(damaged(&name, "it does not open"));
        }
        drop(seen);
        let mut lost = self.lost.lock().await;
        if let Some(error) = lost.get(&pack) {
            return Err(error.clone());
        }
        let found = self.stretches.lock().find(&pack, &WHOLE, 0);
        if let Some(Ok(there)) = found.as_ref().and_then(|(_, cell)| cell.get())
            && there.is_intact
        {
            return Ok(Arc::clone(there));
        }
        let loaded = self.loader.load_intact(pack).await;
        self.loader.note_unless_sound(&pack, false, &loaded);
        match loaded {
            Ok((intact, _)) => {
                let (bytes, intact) = (intact.bytes(), Arc::new(intact));
                let mut stretches = self.stretches.lock();
                stretches.remove_pack(&pack);
                let cell = stretches.insert(pack, WHOLE, 0);
                stretches.begin(&pack, &WHOLE, bytes);
                // A new cell is empty.
                let _ = cell.set(Ok(Arc::clone(&intact)));
                Ok(intact)
            }
            Err(error) => {
                if error.code == ExitCode::Damaged {
                    lost.insert(pack, error.clone());
                }
                Err(error)
            }
        }
    }

    /// Remembers that a pack is not what it should be.
    pub(super) fn note_damaged(&self, pack: &PackName) {
        self.loader.note_damaged(pack);
    }

    /// Places of the chunk `at.id` other than `at`, best first: in packs that `heal` notes put in its pack's place, then
    /// where the index says.
    pub(crate) async fn other_places(
        &self,
        kind: PackKind,
        at: &Location,
    ) -> Result<Vec<(PackKind, Location)>> {
        let mut places = Vec::new();
        for (kind, pack) in self.elsewhere.replacements(self.objects(), (kind, at.pack)).await? {
            places.extend(self.find_in_pack(kind, pack, &at.id).await?.map(|location| (kind, location)));
        }
        if kind == PackKind::Data {
            let found = self.elsewhere.in_index(self.objects(), self.keyring(), at).await?;
            places.extend(found.into_iter().map(|location| (kind, location)));
        }
        Ok(places)
    }

    /// Where the trailer of a pack says that a chunk lies; `None` where the pack is damaged.
    async fn find_in_pack(&self, kind: PackKind, pack: PackId, id: &ChunkId) -> Result<Option<Location>> {
        match self.trailer_of_whole(kind, pack).await {
            Ok(trailer) => Ok(locate(&trailer, pack, id)),
            Err(error) if error.code == ExitCode::Damaged => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The trailer of a pack whose object has `object_bytes`, read from its end.
    pub(crate) async fn trailer(&self, kind: PackKind, pack: PackId, object_bytes: u64) -> Result<Trailer> {
        let header_bytes = self.loader.usual_header_bytes(self.keyring().identity(pack.epoch)?);
        if let Some(end) = plain_bytes_of(header_bytes, object_bytes).filter(|end| *end > 0) {
            let tail = end.saturating_sub(TRAILER_GUESS_BYTES)..end;
            let sealed = self.sealed((kind, pack), tail).await?;
            if let Some(trailer) = self.trailer_in((kind, pack), sealed, TRAILER_GUESS_BYTES).await? {
                return Ok(trailer);
            }
        }
        self.trailer_of_whole(kind, pack).await
    }

    /// The trailer of a pack of which more will be needed.
    pub(crate) async fn trailer_of_whole(&self, kind: PackKind, pack: PackId) -> Result<Trailer> {
        let sealed = self.sealed((kind, pack), WHOLE).await?;
        let found = self.trailer_in((kind, pack), sealed, TRAILER_MAX_BYTES).await?;
        found.ok_or_else(|| damaged(&layout::pack(kind, &pack), "no trailer at its end"))
    }

    /// The trailer in the last `bytes` of a pack; `None` where they hold none.
    async fn trailer_in(
        &self,
        pack: PackName,
        sealed: Arc<SealedStretch>,
        bytes: u64,
    ) -> Result<Option<Trailer>> {
        let tail = |sealed: &SealedStretch| {
            let end = sealed.plain_end()?;
            let range = end.saturating_sub(bytes)..end;
            let mut opened = Opened::default();
            opened.open(&pack, sealed, &range).ok()?;
            Some(opened.get(&pack, &range).and_then(trailer_of))
        };
        if let Some(trailer) = tail(&sealed) {
            return Ok(trailer);
        }
        let intact = self.intact_after(pack, sealed).await?;
        let broken = || damaged(&layout::pack(pack.0, &pack.1), "its end does not open");
        tail(&intact).ok_or_else(broken)
    }
}

/// What a part will hold, as far as is known before it is there.
fn held_bytes(range: &Range<u64>) -> u64 {
    if *range == WHOLE { PACK_TARGET_BYTES as u64 } else { cipher_bytes(range) }
}
