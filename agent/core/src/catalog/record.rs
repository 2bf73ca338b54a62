//! What is remembered of one entry: enough to tell that it is unchanged, and to write its manifest line again.
//!
//! Records of one hunk are compressed and sealed together, because they hold names.

use std::sync::Arc;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use scelle_format::id::ChunkId;
use scelle_format::manifest::Entry;
use scelle_format::random::Random as _;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::chance::Chance;
use crate::error::{AgentError, Result};
use crate::platform::{Kind, Stat};

/// Most plain bytes of one hunk's records: a hunk has at most 1 024 entries.
const RECORDS_MAX_BYTES: usize = 64 << 20;
/// A file that was changed this shortly before it was looked at may change again within the clock's step.
const RACY_NS: i64 = 1_000_000_000;

/// What tells that a file was not touched: size, times, inode, rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
    inode: u64,
    volume: u64,
    mode: Option<u32>,
    owner: Option<u32>,
    group: Option<u32>,
    links: u64,
    is_file: bool,
    /// Whether its last change is old enough for a look to prove anything.
    is_settled: bool,
}

impl Fingerprint {
    /// Of an entry as it was seen at `now_ns`.
    pub fn of(stat: &Stat, now_ns: i64) -> Self {
        let &Stat { bytes, modified_ns, changed_ns, inode, volume, mode, owner, group, links, kind, .. } =
            stat;
        let is_file = kind == Kind::File;
        let newest = modified_ns.max(changed_ns);
        let is_settled = !is_file || now_ns.saturating_sub(newest) > RACY_NS;
        let bytes = if is_file { bytes } else { 0 };
        let links = if is_file { links } else { 0 };
        Self { bytes, modified_ns, changed_ns, inode, volume, mode, owner, group, links, is_file, is_settled }
    }

    /// Whether `stat` looks the same. Proves that the entry was not touched only when [`Self::is_settled`].
    pub fn looks_like(&self, stat: &Stat) -> bool {
        Self::of(stat, i64::MAX) == Self { is_settled: true, ..*self }
    }

    /// Whether a folder on the way to a root differs in its times only: something was made beside what is saved.
    pub fn looks_like_but_for_times(&self, stat: &Stat) -> bool {
        let now = Self::of(stat, i64::MAX);
        let (modified_ns, changed_ns) = (now.modified_ns, now.changed_ns);
        !self.is_file && now == Self { modified_ns, changed_ns, is_settled: true, ..*self }
    }

    /// Whether its last change was old enough when it was looked at.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }
}

/// One entry as it was in the last snapshot of its set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Directory it stands in.
    pub directory: Arc<[u8]>,
    /// As the manifest has it.
    pub entry: Entry,
    /// How it looked; `None` means: look again.
    pub fingerprint: Option<Fingerprint>,
    /// Packs below its chunk-list nodes. Empty without nodes.
    pub needs: Vec<NeededPack>,
    /// Of a file that shares its chunk: tells its own content apart, which the chunk's id does not.
    pub print: Option<SmallPrint>,
}

/// A pack that lies below a chunk list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NeededPack {
    /// Whether it holds data; else nodes.
    pub is_data: bool,
    /// Its epoch.
    pub epoch: u32,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl CatalogEntry {
    /// An entry of which nothing more is known.
    pub fn new(directory: Arc<[u8]>, entry: Entry) -> Self {
        Self { directory, entry, fingerprint: None, needs: Vec::new(), print: None }
    }
}

/// Tells the contents of a small file at two times apart, also where its bytes lie in a chunk with others: SipHash-1-3
/// (Aumasson, Bernstein 2012) under a key of the repository. Compared with that of the same path only, where eight bytes tell
/// enough; a tenth of the time of a [`ChunkId`], which every file of a first backup would pay for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallPrint([u8; 8]);

/// The key of prints.
#[derive(Clone)]
pub struct PrintKey([u8; 16]);

impl PrintKey {
    /// From the catalog's key.
    pub fn of(catalog_key: &[u8; 32]) -> Self {
        let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            blake3::derive_key("scelle 2026-11 print of a small file", catalog_key);
        Self(key)
    }
}

impl SmallPrint {
    /// Of this content.
    pub fn of(key: &PrintKey, content: &[u8]) -> Self {
        Self(SipHasher13::new_with_key(&key.0).hash(content).to_le_bytes())
    }
}

/// Seals records under a key that only this device has.
pub struct RecordSeal {
    key: Option<LessSafeKey>,
    /// Of nonces.
    chance: Chance,
}

impl RecordSeal {
    /// ChaCha20-Poly1305 (RFC 8439) under `key`, with nonces from `chance`.
    pub fn new(key: &[u8; 32], chance: Chance) -> Self {
        Self { key: UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new), chance }
    }

    /// Compresses and seals the records of the hunk `id`.
    pub fn seal(&self, id: &ChunkId, records: &[CatalogEntry]) -> Result<Vec<u8>> {
        self.seal_bytes(&id.0, &postcard::to_stdvec(records).map_err(AgentError::bug)?)
    }

    /// Opens the records of the hunk `id`. Errors: damaged local state, or another hunk's.
    pub fn open(&self, id: &ChunkId, sealed: Vec<u8>) -> Result<Vec<CatalogEntry>> {
        postcard::from_bytes(&self.open_bytes(&id.0, sealed)?).map_err(AgentError::cache_damaged)
    }

    /// Compresses and seals bytes that belong to `name`: they open for no other.
    pub fn seal_bytes(&self, name: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let mut body = zstd::bulk::compress(plain, 1).map_err(AgentError::bug)?;
        let mut nonce = [0; NONCE_LEN];
        self.chance.clone().fill(&mut nonce);
        let key = self.key.as_ref().ok_or_else(|| AgentError::bug("no catalog key"))?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut body)
            .map_err(AgentError::bug)?;
        body.extend_from_slice(&nonce);
        Ok(body)
    }

    /// Opens and decompresses bytes of `name`. Errors: damaged local state, or what belongs to another.
    pub fn open_bytes(&self, name: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>> {
        let wrong = || AgentError::cache_damaged("a catalog record does not open");
        let at = sealed.len().checked_sub(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed[at..]).map_err(|_| wrong())?;
        sealed.truncate(at);
        let key = self.key.as_ref().ok_or_else(wrong)?;
        let body = key.open_in_place(nonce, Aad::from(name), &mut sealed).map_err(|_| wrong())?;
        let bytes = zstd::bulk::Decompressor::upper_bound(body).unwrap_or(RECORDS_MAX_BYTES);
        zstd::bulk::decompress(body, bytes.min(RECORDS_MAX_BYTES)).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::manifest::EntryKind;

    #[test]
    fn sealed_records_hide_names_and_come_back() {
        let entry = Entry::bare("Dupont Éric.pdf".into(), EntryKind::File);
        let record = CatalogEntry::new(b"data".as_slice().into(), entry);
        let (seal, id) = (RecordSeal::new(&[3; 32], Chance::system()), ChunkId([1; 32]));
        let sealed = seal.seal(&id, std::slice::from_ref(&record)).unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"Dupont"));
        assert_eq!(seal.open(&id, sealed.clone()).unwrap(), [record]);
        assert!(seal.open(&ChunkId([2; 32]), sealed.clone()).is_err(), "of another hunk");
        assert!(RecordSeal::new(&[4; 32], Chance::system()).open(&id, sealed).is_err());
    }
}
