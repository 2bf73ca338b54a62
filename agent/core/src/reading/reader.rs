//! Plain chunks for locations, one after another: opened, decompressed, and compared with their ids.
//!
//! For: each thread of a restore, and `tree`. Data comes from `fetch`, sealed, and goes to whoever asked for a
//! location. A location is a hint: where its pack is lost, other places are tried, and the id decides. Never: hands
//! out a byte whose id was not recomputed.

use std::ops::Range;
use std::sync::Arc;

use scelle_format::compress::Expander;
use scelle_format::crypto::DedupSecret;
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, PackKind};
use scelle_format::limits::{FRAME_MAX_BYTES, PACK_MAX_BYTES};
use scelle_format::manifest::Root;
use scelle_format::pack::{Location, chunk_in_frame, open_frame};
use scelle_format::{FormatError, layout};

use super::fetch::Fetcher;
use super::load::damaged;
use super::requests::frame_range;
use super::sealed::{Opened, PackName};
use crate::error::{ExitCode, Result};

/// Largest zstd frame around a full content: raw blocks and headers.
const FRAME_STORED_MAX_BYTES: u64 = (FRAME_MAX_BYTES + (64 << 10)) as u64;

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

/// Where a frame lies: a pack, bytes of its plain content, and how they were filtered.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FramePlace {
    kind: PackKind,
    pack: PackId,
    offset: u32,
    bytes: u32,
    filter: Filter,
}

/// Reads chunks one after another: one per thread. Keeps the frame opened last, which neighbours share.
pub struct ChunkReader {
    expander: Expander,
    opened: Opened,
    plain: Vec<u8>,
    frame: Option<FramePlace>,
    /// The chunk of that frame whose id was recomputed last: small files share one.
    verified: Option<Location>,
    id_keys: ChunkIdKeys,
}

impl ChunkReader {
    /// A reader that recomputes ids with these keys.
    pub fn new(id_keys: ChunkIdKeys) -> Self {
        Self {
            expander: Expander::default(),
            opened: Opened::default(),
            plain: Vec::new(),
            frame: None,
            verified: None,
            id_keys,
        }
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
        fetcher.note_damaged(&(kind, at.pack));
        for (kind, other) in fetcher.other_places(kind, at).await? {
            match self.try_place(fetcher, kind, &other).await {
                Ok(range) => return Ok(&self.plain[range]),
                Err(error) if error.code == ExitCode::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Err(error)
    }

    async fn try_place(&mut self, fetcher: &Fetcher, kind: PackKind, at: &Location) -> Result<Range<usize>> {
        let (offset, bytes, filter) = (at.frame_offset, at.frame_bytes, at.filter);
        let frame = FramePlace { kind, pack: at.pack, offset, bytes, filter };
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
            let pack = (kind, at.pack);
            self.open(fetcher, &pack, &range).await?;
            let stored = self
                .opened
                .get(&pack, &range)
                .ok_or_else(|| damaged(&name(), FormatError::Truncated { what: "pack" }))?;
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

    /// Opens the chunks of a pack that hold `range`; where they do not open, the version that hashes to the pack's
    /// name may still be there.
    async fn open(&mut self, fetcher: &Fetcher, pack: &PackName, range: &Range<u64>) -> Result<()> {
        if self.opened.get(pack, range).is_some() {
            return Ok(());
        }
        let sealed = fetcher.sealed(*pack, range.clone()).await?;
        let Err(_) = self.opened.open(pack, &sealed, range) else { return Ok(()) };
        let intact = fetcher.intact_after(*pack, sealed).await?;
        self.opened.forget();
        self.opened.open(pack, &intact, range).map_err(|error| damaged(&layout::pack(pack.0, &pack.1), error))
    }
}
