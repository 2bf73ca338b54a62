//! Getting parts of packs out of the store: whole or by range, with the header that opens them.
//!
//! For: `fetch`, which keeps what is loaded. Data comes from the store, hostile; only the header is opened here, the chunks
//! where they are read. Where what came cannot be this pack, the version that hashes to its name is looked for. Never:
//! decrypts content.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use scelle_format::crypto::{
    AgeHeader, CHUNK_CIPHER_BYTES, CHUNK_PLAIN_BYTES, CryptoError, MAX_HEADER_BYTES, OpenedHeader,
    PqIdentity, cipher_range, open_header, plain_bytes_of,
};
use scelle_format::layout;
use scelle_format::limits::PACK_MAX_BYTES;
use scelle_format::random::Random;
use tokio::sync::Semaphore;

use super::requests::{GAP_BYTES, WHOLE};
use super::sealed::{PackName, SealedStretch};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::keys::keyring::Keyring;
use crate::repo::objects::{FoundAt, Objects};

/// Headers that are kept.
const HEADERS_MAX: usize = 4096;
/// Requests for content at a time.
const REQUESTS: usize = 8;

/// Loads parts of packs, and remembers their headers and which packs are damaged.
pub(super) struct Loader {
    pub(super) objects: Arc<Objects>,
    pub(super) keyring: Arc<Keyring>,
    headers: Mutex<BTreeMap<PackName, Arc<OpenedHeader>>>,
    usual_header_bytes: OnceLock<u64>,
    requests: Semaphore,
    damaged: Mutex<BTreeSet<String>>,
    fetched_bytes: AtomicU64,
}

impl Loader {
    pub(super) fn new(objects: Arc<Objects>, keyring: Arc<Keyring>) -> Self {
        Self {
            objects,
            keyring,
            headers: Mutex::default(),
            usual_header_bytes: OnceLock::new(),
            requests: Semaphore::new(REQUESTS),
            damaged: Mutex::default(),
            fetched_bytes: AtomicU64::new(0),
        }
    }

    /// Packs that could not be read as their locations say, by name.
    pub(super) fn damaged_objects(&self) -> Vec<String> {
        self.damaged.lock().iter().cloned().collect()
    }

    /// Bytes received from the store.
    pub(super) fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes.load(Relaxed)
    }

    /// Remembers that a pack is not what it should be.
    pub(super) fn note_damaged(&self, pack: &PackName) {
        self.damaged.lock().insert(pack_name(pack));
    }

    /// Fetches a part of a pack, or the whole of its intact version where the part is damaged.
    pub(super) async fn load(&self, pack: PackName, range: &Range<u64>) -> Result<Arc<SealedStretch>> {
        let _permit = self.requests.acquire().await.map_err(AgentError::bug)?;
        let loaded = match *range == WHOLE {
            true => self.load_whole(pack).await,
            false => self.load_range(pack, range).await,
        };
        match loaded {
            Err(error) if error.code == ExitCode::Damaged => {
                let is_absent = error.kind == AgentError::object_missing().kind;
                let intact = self.load_intact(pack).await;
                self.note_unless_sound(&pack, is_absent, &intact);
                intact.map(|(sealed, _)| Arc::new(sealed))
            }
            other => other.map(Arc::new),
        }
    }

    async fn load_whole(&self, pack: PackName) -> Result<SealedStretch> {
        let bytes = self.objects.get_named(&layout::pack(pack.0, &pack.1), PACK_MAX_BYTES).await?;
        self.fetched_bytes.fetch_add(bytes.len() as u64, Relaxed);
        self.seal_of_whole(pack, bytes).await
    }

    /// A pack is damaged unless asking again gave it whole, or it is only hidden: that is counted elsewhere.
    pub(super) fn note_unless_sound(
        &self,
        pack: &PackName,
        is_absent: bool,
        intact: &Result<(SealedStretch, FoundAt)>,
    ) {
        match intact {
            Ok((_, FoundAt::Current)) => self.objects.oddities().note_answered_wrongly(&pack_name(pack)),
            Ok((_, FoundAt::Older)) if is_absent => {}
            _ => self.note_damaged(pack),
        }
    }

    /// The bytes that hash to the pack's name: those in its place, asked for anew, or those of an older version.
    pub(super) async fn load_intact(&self, pack: PackName) -> Result<(SealedStretch, FoundAt)> {
        let name = layout::pack(pack.0, &pack.1);
        let (bytes, found) = self.objects.find_hashed(&name, &pack.1.sha256, PACK_MAX_BYTES).await?;
        // What was read of another version opens nothing here.
        self.headers.lock().remove(&pack);
        let sealed = self.seal_of_whole(pack, bytes).await?;
        Ok((SealedStretch { is_intact: true, ..sealed }, found))
    }

    async fn seal_of_whole(&self, pack: PackName, bytes: Bytes) -> Result<SealedStretch> {
        let header = self.open_header(pack, &bytes).await?;
        if plain_bytes_of(header.header_bytes as u64, bytes.len() as u64).is_none() {
            return Err(damaged(&layout::pack(pack.0, &pack.1), CryptoError::Truncated));
        }
        let cipher = bytes.slice(header.header_bytes..);
        Ok(SealedStretch { header, first: 0, ends_pack: true, cipher, is_intact: false })
    }

    /// Header and range at once: packs have one recipient, so that their headers have one length.
    async fn load_range(&self, pack: PackName, range: &Range<u64>) -> Result<SealedStretch> {
        let name = layout::pack(pack.0, &pack.1);
        let known = self.headers.lock().get(&pack).cloned();
        let header_bytes = match &known {
            Some(header) => header.header_bytes as u64,
            None => self.usual_header_bytes(self.keyring.identity(pack.1.epoch)?),
        };
        let wanted = cipher_range(header_bytes, u64::MAX / 2, range.clone());
        // One byte more than needed tells whether the object ends here.
        let asked = wanted.start..wanted.end + 1;
        let (header, cipher) = match known {
            Some(header) => (header, self.get_range(&name, asked).await?),
            None if wanted.start < header_bytes + GAP_BYTES => {
                let all = self.get_range(&name, 0..asked.end).await?;
                let header = self.open_header(pack, &all).await?;
                (header, all.slice(all.len().min(asked.start as usize)..))
            }
            None => {
                let (head, cipher) =
                    tokio::join!(self.get_range(&name, 0..header_bytes), self.get_range(&name, asked));
                (self.open_header(pack, &head?).await?, cipher?)
            }
        };
        if header.header_bytes as u64 != header_bytes {
            // A header of another length: the range was taken at the wrong place. It is known now.
            return Box::pin(self.load_range(pack, range)).await;
        }
        let wanted_bytes = (wanted.end - wanted.start) as usize;
        let ends_pack = cipher.len() <= wanted_bytes;
        let cipher = cipher.slice(..cipher.len().min(wanted_bytes));
        let first = (wanted.start - header_bytes) / CHUNK_CIPHER_BYTES as u64;
        let sealed = SealedStretch { header, first, ends_pack, cipher, is_intact: false };
        if ends_pack && sealed.plain_end().is_none_or(|end| end < range.end) {
            return Err(damaged(&name, CryptoError::Truncated));
        }
        Ok(sealed)
    }

    async fn open_header(&self, pack: PackName, head: &[u8]) -> Result<Arc<OpenedHeader>> {
        let name = layout::pack(pack.0, &pack.1);
        let identity = self.keyring.identity(pack.1.epoch)?;
        let opened = match open_header(head, &[identity]) {
            Err(CryptoError::Truncated) => {
                let longer = self.get_range(&name, 0..MAX_HEADER_BYTES as u64 + 16).await?;
                open_header(&longer, &[identity])
            }
            other => other,
        };
        let header = Arc::new(opened.map_err(|error| damaged(&name, error))?);
        let mut headers = self.headers.lock();
        if headers.len() >= HEADERS_MAX {
            headers.clear();
        }
        headers.insert(pack, Arc::clone(&header));
        Ok(header)
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.objects.range(name, range).await?;
        self.fetched_bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    /// How long the header of a pack for this one recipient is.
    pub(super) fn usual_header_bytes(&self, identity: &PqIdentity) -> u64 {
        *self.usual_header_bytes.get_or_init(|| {
            // A recipient that came out of an identity can be wrapped to; 0 would only cost a second request.
            AgeHeader::new(&[identity.recipient()], &mut Nothing)
                .map_or(0, |header| header.header_bytes() as u64)
        })
    }
}

/// The error for an object that is not what it must be.
pub(crate) fn damaged(object: &str, cause: impl ToString) -> AgentError {
    AgentError::object_corrupt().at(object).because(cause)
}

fn pack_name(pack: &PackName) -> String {
    layout::pack(pack.0, &pack.1)
}

/// Stands in for random bytes where a header is made to be measured and dropped: nothing is ever sealed with it, and
/// starting the real generator takes longer than opening a hundred packs.
struct Nothing;

impl Random for Nothing {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0x40);
    }
}

/// What a part will hold: the chunks that a range of the plaintext lies in.
pub(super) fn cipher_bytes(range: &Range<u64>) -> u64 {
    let chunks = range.end.div_ceil(CHUNK_PLAIN_BYTES as u64) - range.start / CHUNK_PLAIN_BYTES as u64;
    chunks * CHUNK_CIPHER_BYTES as u64
}
