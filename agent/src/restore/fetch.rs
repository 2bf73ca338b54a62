//! Plain chunks for locations: fetched, opened, decompressed, and compared with their ids.
//!
//! For: `tree` and `run`. Data comes from packs in the store, hostile until its id was recomputed, and goes to
//! whoever asked for a location. A location is a hint: where its pack is lost, `heal` notes and the index name
//! other places, and the id decides. Never: hands out a byte whose id was not recomputed, or holds more than its
//! budget.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use scelle_format::compress::{Expander, content_bytes};
use scelle_format::crypto::{
    AgeHeader, CHUNK_CIPHER_BYTES, CryptoError, DedupSecret, MAX_HEADER_BYTES, OpenedHeader, PqIdentity,
    cipher_range, open_bytes, open_header, open_range, plain_bytes_of,
};
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, PackKind};
use scelle_format::limits::{FRAME_MAX_BYTES, PACK_MAX_BYTES, PACK_TARGET_BYTES};
use scelle_format::manifest::Root;
use scelle_format::pack::{Location, Trailer, chunk_in_frame, open_frame};
use scelle_format::random::OsRandom;
use scelle_format::{FormatError, layout};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::elsewhere::{Elsewhere, trailer_of};
use super::requests::{GAP_BYTES, WHOLE, requests_for};
use super::segments::{PackName, Plain, Segments};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::descriptors::Descriptors;
use crate::repo::history::Snapshot;
use crate::repo::keyring::Keyring;
use crate::repo::objects::Objects;

/// Opened bytes of packs that are kept.
const BUDGET_BYTES: u64 = 112 << 20;
/// Requests for content at a time.
const REQUESTS: usize = 4;
/// Largest zstd frame around a full content: raw blocks and headers.
const FRAME_STORED_MAX_BYTES: u64 = (FRAME_MAX_BYTES + (64 << 10)) as u64;
/// Bytes at the end of a pack that hold nearly every trailer.
const TRAILER_GUESS_BYTES: u64 = 64 << 10;

/// Gives plain chunks for locations. Shared by all threads of a restore.
pub struct Fetcher {
    objects: Arc<Objects>,
    keyring: Arc<Keyring>,
    segments: Mutex<Segments>,
    headers: Mutex<BTreeMap<PackName, Arc<OpenedHeader>>>,
    usual_header_bytes: OnceLock<u64>,
    requests: Semaphore,
    tasks: Mutex<JoinSet<()>>,
    pub(crate) elsewhere: Elsewhere,
    damaged: Mutex<BTreeSet<String>>,
    fetched_bytes: AtomicU64,
}

impl Fetcher {
    /// A fetcher that opens packs with `keyring`. With descriptors it can read the ledger for `heal` notes when a
    /// pack is lost.
    pub fn new(objects: Arc<Objects>, keyring: Arc<Keyring>, descriptors: Option<Descriptors>) -> Arc<Self> {
        Arc::new(Self {
            objects,
            keyring,
            segments: Mutex::new(Segments::new(BUDGET_BYTES)),
            headers: Mutex::default(),
            usual_header_bytes: OnceLock::new(),
            requests: Semaphore::new(REQUESTS),
            tasks: Mutex::new(JoinSet::new()),
            elsewhere: Elsewhere::new(descriptors),
            damaged: Mutex::default(),
            fetched_bytes: AtomicU64::new(0),
        })
    }

    /// The objects it reads.
    pub fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// The keys it opens them with.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Lets it use the index segments of a snapshot's device when a pack is lost.
    pub fn use_index_of(&self, snapshot: &Snapshot) {
        self.elsewhere.add(snapshot);
    }

    /// Packs that could not be read as their locations say, by name, whether or not their chunks were found elsewhere.
    pub fn damaged_objects(&self) -> Vec<String> {
        self.damaged.lock().iter().cloned().collect()
    }

    /// Bytes received from the store.
    pub fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes.load(Relaxed)
    }

    /// Begins to fetch what these locations need, in as few requests as is sensible. Failures show when the chunks
    /// are read. Must be called within the runtime.
    pub fn prepare<'a>(self: &Arc<Self>, kind: PackKind, locations: impl IntoIterator<Item = &'a Location>) {
        let mut by_pack: BTreeMap<PackId, Vec<Range<u64>>> = BTreeMap::new();
        for at in locations {
            by_pack.entry(at.pack).or_default().push(frame_range(at));
        }
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        for (pack, ranges) in by_pack {
            for range in requests_for(ranges) {
                let name = (kind, pack);
                {
                    let mut segments = self.segments.lock();
                    if segments.find(&name, &range).is_some() {
                        continue;
                    }
                    segments.insert(name, range.clone(), held_bytes(&range));
                }
                let fetcher = Arc::clone(self);
                tasks.spawn(async move {
                    // Whoever reads the chunk sees the error.
                    let _ = fetcher.plain(name, range).await;
                });
            }
        }
    }

    /// Opened bytes that cover `range` of a pack's plaintext.
    async fn plain(&self, pack: PackName, range: Range<u64>) -> Result<Arc<Plain>> {
        let (held, cell) = {
            let mut segments = self.segments.lock();
            match segments.find(&pack, &range) {
                Some(found) => found,
                None => (range.clone(), segments.insert(pack, range.clone(), held_bytes(&range))),
            }
        };
        let result = cell.get_or_init(|| self.load(pack, &held)).await.clone();
        if result.as_ref().is_err_and(|error| error.code != ExitCode::Damaged) {
            self.segments.lock().remove(&pack, &held);
        }
        result
    }

    /// The whole plaintext of a pack.
    pub(crate) async fn whole(&self, kind: PackKind, pack: PackId) -> Result<WholePack> {
        Ok(WholePack(self.plain((kind, pack), WHOLE).await?))
    }

    /// The trailer of a pack whose object has `object_bytes`, read from its end.
    pub(crate) async fn trailer(&self, kind: PackKind, pack: PackId, object_bytes: u64) -> Result<Trailer> {
        let name = layout::pack(kind, &pack);
        let header_bytes = self.usual_header_bytes(self.keyring.identity(pack.epoch)?);
        if let Some(end) = plain_bytes_of(header_bytes, object_bytes) {
            let plain = self.plain((kind, pack), end.saturating_sub(TRAILER_GUESS_BYTES)..end).await?;
            let tail = plain.slice(&(end.saturating_sub(TRAILER_GUESS_BYTES)..end));
            if let Some(trailer) = tail.and_then(trailer_of) {
                return Ok(trailer);
            }
        }
        let whole = self.whole(kind, pack).await?;
        trailer_of(whole.bytes()).ok_or_else(|| damaged(&name, "no trailer at its end"))
    }

    async fn load(&self, pack: PackName, range: &Range<u64>) -> Result<Arc<Plain>> {
        let identity = self.keyring.identity(pack.1.epoch)?;
        let permit = self.requests.acquire().await.map_err(AgentError::bug)?;
        let loaded = match *range == WHOLE {
            true => self.load_whole(pack).await,
            false => self.load_range(pack, range, identity).await,
        };
        let bytes = match loaded {
            Err(error) if error.code == ExitCode::Damaged => {
                // The version that hashes to its name may still be there.
                let name = layout::pack(pack.0, &pack.1);
                self.damaged.lock().insert(name.clone());
                let intact = self.objects.get_hashed(&name, &pack.1.sha256, PACK_MAX_BYTES).await?;
                let whole = self.open_whole(pack, intact).await?;
                return Ok(Arc::new(Plain { start: 0, bytes: whole }));
            }
            other => other?,
        };
        drop(permit);
        Ok(Arc::new(Plain { start: if *range == WHOLE { 0 } else { range.start }, bytes }))
    }

    async fn load_whole(&self, pack: PackName) -> Result<Vec<u8>> {
        let sealed = self.objects.get_named(&layout::pack(pack.0, &pack.1), PACK_MAX_BYTES).await?;
        self.fetched_bytes.fetch_add(sealed.len() as u64, Relaxed);
        self.open_whole(pack, sealed).await
    }

    async fn open_whole(&self, pack: PackName, sealed: bytes::Bytes) -> Result<Vec<u8>> {
        let keyring = Arc::clone(&self.keyring);
        let name = layout::pack(pack.0, &pack.1);
        let open = move || {
            let identity = keyring.identity(pack.1.epoch)?;
            open_bytes(&sealed, &[identity], PACK_MAX_BYTES).map_err(|error| damaged(&name, error))
        };
        tokio::task::spawn_blocking(open).await.map_err(AgentError::bug)?
    }

    /// Header and range at once: packs have one recipient, so that their headers have one length.
    async fn load_range(&self, pack: PackName, range: &Range<u64>, identity: &PqIdentity) -> Result<Vec<u8>> {
        let name = layout::pack(pack.0, &pack.1);
        let known = self.headers.lock().get(&pack).cloned();
        let header_bytes =
            known.as_ref().map_or_else(|| self.usual_header_bytes(identity), |h| h.header_bytes as u64);
        let wanted = cipher_range(header_bytes, u64::MAX / 2, range.clone());
        // One byte more than needed tells whether the object ends here.
        let asked = wanted.start..wanted.end + 1;
        let (header, cipher) = match known {
            Some(header) => (header, self.get_range(&name, asked).await?),
            None if wanted.start < header_bytes + GAP_BYTES => {
                let all = self.get_range(&name, 0..asked.end).await?;
                let header = self.open_header(pack, &all, identity).await?;
                (header, all.slice(all.len().min(asked.start as usize)..))
            }
            None => {
                let (head, cipher) =
                    tokio::join!(self.get_range(&name, 0..header_bytes), self.get_range(&name, asked));
                (self.open_header(pack, &head?, identity).await?, cipher?)
            }
        };
        if header.header_bytes as u64 != header_bytes {
            // A header of another length: the range was taken at the wrong place. It is known now.
            return Box::pin(self.load_range(pack, range, identity)).await;
        }
        let wanted_bytes = (wanted.end - wanted.start) as usize;
        let (cipher, object_bytes) = match cipher.len() > wanted_bytes {
            true => (cipher.slice(..wanted_bytes), wanted.end + CHUNK_CIPHER_BYTES as u64),
            false => (cipher.clone(), wanted.start + cipher.len() as u64),
        };
        open_range(&header.key, header_bytes, object_bytes, range.clone(), &cipher)
            .map_err(|e| damaged(&name, e))
    }

    async fn open_header(
        &self,
        pack: PackName,
        head: &[u8],
        identity: &PqIdentity,
    ) -> Result<Arc<OpenedHeader>> {
        let name = layout::pack(pack.0, &pack.1);
        let opened = match open_header(head, &[identity]) {
            Err(CryptoError::Truncated) => {
                let longer = self.get_range(&name, 0..MAX_HEADER_BYTES as u64 + 16).await?;
                open_header(&longer, &[identity])
            }
            other => other,
        };
        let header = Arc::new(opened.map_err(|error| damaged(&name, error))?);
        let mut headers = self.headers.lock();
        if headers.len() >= 4096 {
            headers.clear();
        }
        headers.insert(pack, Arc::clone(&header));
        Ok(header)
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<bytes::Bytes> {
        let bytes = self.objects.range(name, range).await?;
        self.fetched_bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    fn usual_header_bytes(&self, identity: &PqIdentity) -> u64 {
        *self.usual_header_bytes.get_or_init(|| {
            // A recipient that came out of an identity can be wrapped to; 0 would only cost a second request.
            AgeHeader::new(&[identity.recipient()], &mut OsRandom)
                .map_or(0, |header| header.header_bytes() as u64)
        })
    }
}

/// A pack's plaintext.
pub(crate) struct WholePack(Arc<Plain>);

impl WholePack {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// Keys that the chunk ids of a snapshot were made with: the root's own first, then those of older generations. A
/// location does not say which (FORMAT.md §4.2).
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkIdKeys(Arc<[[u8; 32]]>);

impl ChunkIdKeys {
    /// The keys that a root brings.
    pub fn of(root: &Root) -> Self {
        let generations = std::iter::once(root.generation)
            .chain(root.older_secrets.iter().map(|(generation, _)| *generation));
        let key = |generation| {
            root.secret_of(generation).map(|secret| DedupSecret::new(*secret, generation).chunk_id_key())
        };
        Self(generations.filter_map(key).collect())
    }

    /// Whether these plain bytes have this id.
    pub fn fit(&self, id: &ChunkId, plain: &[u8]) -> bool {
        self.0.iter().any(|key| ChunkId::of(key, plain) == *id)
    }

    /// The chunk at a location of an opened frame, under whichever key gives its id.
    fn check(&self, plain: &[u8], at: &Location) -> scelle_format::Result<()> {
        let mut last = Err(FormatError::IdMismatch { what: "chunk" });
        for key in self.0.iter() {
            last = chunk_in_frame(plain, at, key).map(|_| ());
            if last.is_ok() {
                break;
            }
        }
        last
    }
}

/// Reads chunks one after another: one per thread. Keeps the frame opened last, which neighbours share.
pub struct ChunkReader {
    expander: Expander,
    plain: Vec<u8>,
    frame: Option<(PackKind, PackId, u32, u32, Filter)>,
    /// The chunk of that frame whose id was recomputed last: small files share one.
    verified: Option<Location>,
    id_keys: ChunkIdKeys,
}

impl ChunkReader {
    /// A reader that recomputes ids with these keys.
    pub fn new(id_keys: ChunkIdKeys) -> Self {
        Self { expander: Expander::default(), plain: Vec::new(), frame: None, verified: None, id_keys }
    }

    /// The plain bytes of the chunk at `at`, or of the chunk with its id in another place.
    ///
    /// Errors: exit 13 naming the pack when the chunk is nowhere.
    pub async fn read(&mut self, fetcher: &Fetcher, kind: PackKind, at: &Location) -> Result<&[u8]> {
        let error = match self.try_place(fetcher, kind, at).await {
            Ok(range) => return Ok(&self.plain[range]),
            Err(error) if error.code == ExitCode::Damaged => error,
            Err(error) => return Err(error),
        };
        fetcher.damaged.lock().insert(layout::pack(kind, &at.pack));
        for (kind, other) in fetcher.elsewhere.places(fetcher, kind, at).await? {
            match self.try_place(fetcher, kind, &other).await {
                Ok(range) => return Ok(&self.plain[range]),
                Err(error) if error.code == ExitCode::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Err(error)
    }

    async fn try_place(&mut self, fetcher: &Fetcher, kind: PackKind, at: &Location) -> Result<Range<usize>> {
        let frame = (kind, at.pack, at.frame_offset, at.frame_bytes, at.filter);
        let name = || layout::pack(kind, &at.pack);
        if self.frame != Some(frame) {
            (self.frame, self.verified) = (None, None);
            let range = frame_range(at);
            if at.frame_bytes == 0
                || u64::from(at.frame_bytes) > FRAME_STORED_MAX_BYTES
                || range.end > PACK_MAX_BYTES
            {
                return Err(damaged(&name(), FormatError::TooLarge { what: "frame" }));
            }
            let plain = fetcher.plain((kind, at.pack), range.clone()).await?;
            let stored = plain
                .slice(&range)
                .ok_or_else(|| damaged(&name(), FormatError::Truncated { what: "pack" }))?;
            content_bytes(stored).map_err(|error| damaged(&name(), error))?;
            open_frame(&mut self.expander, stored, at.filter, &mut self.plain)
                .map_err(|e| damaged(&name(), e))?;
            self.frame = Some(frame);
        }
        if self.verified != Some(*at) {
            self.id_keys.check(&self.plain, at).map_err(|error| damaged(&name(), error))?;
            self.verified = Some(*at);
        }
        Ok(at.offset as usize..at.offset as usize + at.bytes as usize)
    }
}

/// The error for an object that is not what it must be.
pub(crate) fn damaged(object: &str, cause: impl ToString) -> AgentError {
    AgentError::object_corrupt().at(object).because(cause)
}

fn frame_range(at: &Location) -> Range<u64> {
    let start = u64::from(at.frame_offset);
    start..start + u64::from(at.frame_bytes)
}

/// What a part will hold, as far as is known before it is there.
fn held_bytes(range: &Range<u64>) -> u64 {
    if *range == WHOLE { PACK_TARGET_BYTES as u64 } else { range.end - range.start }
}
