//! Refs: which packs a snapshot needs, in plain text (FORMAT.md §9).
//!
//! For: whoever keeps the store, who learns nothing about chunks from it, and for readers that check presence.
//! Data comes as the stored bytes of an attachment. Never: opens a pack, or says what is in one.

mod pack_set;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use pack_set::{PackSet, RefsPlan, delta, plan, resolve};

use crate::error::{FormatError, Result, malformed};
use crate::id::{DeviceId, PackId, PackKind, RepositoryId, Sha256};
use crate::limits::{INDEX_MAX_BYTES, NOTE_MAX_BYTES, PACK_MAX_BYTES, REFS_MAX_BYTES, REFS_MAX_DEPTH};
use crate::text::{Lines, all_differ, number, words};

const WHAT: &str = "refs";
/// `key` lines of one full refs, at most.
const KEYS_MAX: usize = 8192;
/// Bytes of the name on a `key` line, at most.
const NAME_MAX_BYTES: usize = 128;

/// One pack: kind, id, stored size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackRow {
    /// Data or manifest.
    pub kind: PackKind,
    /// Epoch and hash.
    pub pack: PackId,
    /// Stored size in bytes.
    pub object_bytes: u64,
}

/// A refs attachment: a full list, or the difference to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refs {
    /// Name of the repository.
    pub repository: RepositoryId,
    /// Whose snapshot it is.
    pub device: DeviceId,
    /// The attachment this one is a difference to, and how many bases it stands on (1 on a full one, at most 32);
    /// absent in a full list.
    pub base: Option<(Sha256, u32)>,
    /// Copies of small objects without which all is lost (`keys/…`, `desc/…`): name and bytes. Full lists only.
    pub keys: Vec<(String, Vec<u8>)>,
    /// Packs that come in: data before manifest, then by epoch, then by hash.
    pub added: Vec<PackRow>,
    /// Packs that go, in the same order. Empty in a full list.
    pub removed: Vec<(PackKind, PackId)>,
    /// All live index segments of the device: hash and stored size. Not a difference.
    pub segments: Vec<(Sha256, u64)>,
}

impl Refs {
    /// How many bases it stands on; 0 for a full list.
    pub fn depth(&self) -> u32 {
        self.base.map_or(0, |(_, depth)| depth)
    }

    /// The bytes to store. Fails where a field breaks the grammar or a limit.
    pub fn to_text(&self) -> Result<String> {
        let text = self.render();
        if Self::parse(text.as_bytes())? == *self {
            Ok(text)
        } else {
            Err(malformed(WHAT, "a field cannot be written"))
        }
    }

    /// SHA-256 of the text, which is the attachment's name.
    pub fn text_sha256(&self) -> Sha256 {
        Sha256::of(self.render().as_bytes())
    }

    /// Reads stored bytes. Texts have one form: what this accepts, [`Self::to_text`] writes back byte for byte.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > REFS_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(WHAT, "not UTF-8"))?;
        let mut lines = Lines::open(WHAT, text, REFS_MAX_BYTES)?;
        lines.version("scelle/refs/")?;
        let refs = Self {
            repository: RepositoryId::parse(lines.field("repository")?)?,
            device: DeviceId::parse(lines.field("device")?)?,
            base: base(lines.field("base")?)?,
            keys: lines.repeated("key", KEYS_MAX, key_copy)?,
            added: lines.repeated("+", usize::MAX, added)?,
            removed: lines.repeated("-", usize::MAX, removed)?,
            segments: lines.repeated("i", usize::MAX, segment)?,
        };
        lines.end()?;
        refs.check()?;
        Ok(refs)
    }

    fn check(&self) -> Result<()> {
        if self.base.is_none() && !self.removed.is_empty() {
            return Err(malformed(WHAT, "a full list removes nothing"));
        }
        if self.base.is_some() && !self.keys.is_empty() {
            return Err(malformed(WHAT, "keys stand in full lists only"));
        }
        if !self.added.is_sorted_by(|a, b| (a.kind, a.pack) < (b.kind, b.pack)) {
            return Err(malformed(WHAT, "added packs ascend"));
        }
        if !self.removed.is_sorted_by(|a, b| a < b) {
            return Err(malformed(WHAT, "removed packs ascend"));
        }
        let unique = all_differ(self.keys.iter().map(|(name, _)| name))
            && all_differ(self.segments.iter().map(|(sha256, _)| sha256));
        if unique { Ok(()) } else { Err(malformed(WHAT, "a line twice")) }
    }

    fn render(&self) -> String {
        let mut out = format!("scelle/refs/1\nrepository {}\ndevice {}\n", self.repository, self.device);
        // Writing to a String cannot fail.
        let _ = match &self.base {
            Some((sha256, depth)) => writeln!(out, "base {sha256} {depth}"),
            None => writeln!(out, "base -"),
        };
        for (name, bytes) in &self.keys {
            let _ = writeln!(out, "key {name} {}", STANDARD.encode(bytes));
        }
        for PackRow { kind, pack, object_bytes } in &self.added {
            let _ = writeln!(out, "+ {} {} {} {object_bytes}", kind.letter(), pack.epoch, pack.sha256);
        }
        for (kind, pack) in &self.removed {
            let _ = writeln!(out, "- {} {} {}", kind.letter(), pack.epoch, pack.sha256);
        }
        for (sha256, bytes) in &self.segments {
            let _ = writeln!(out, "i {sha256} {bytes}");
        }
        out
    }
}

fn base(value: &str) -> Result<Option<(Sha256, u32)>> {
    if value == "-" {
        return Ok(None);
    }
    let [sha256, depth] = words(WHAT, value)?;
    let depth: u32 = number(depth).filter(|n| *n >= 1).ok_or(malformed(WHAT, "a depth is expected"))?;
    if depth > REFS_MAX_DEPTH {
        return Err(FormatError::TooLarge { what: WHAT });
    }
    Ok(Some((Sha256::parse(sha256)?, depth)))
}

fn key_copy(value: &str) -> Result<(String, Vec<u8>)> {
    let [name, encoded] = words(WHAT, value)?;
    let plain = name.len() <= NAME_MAX_BYTES
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'/' | b'.' | b'-'))
        && !name.contains("..")
        && (name.starts_with("keys/") || name.starts_with("desc/"));
    if !plain {
        return Err(malformed(WHAT, "an object name below keys/ or desc/ is expected"));
    }
    if encoded.len() > NOTE_MAX_BYTES / 3 * 4 + 8 {
        return Err(FormatError::TooLarge { what: WHAT });
    }
    let bytes = STANDARD.decode(encoded).map_err(|_| malformed(WHAT, "base64 is expected"))?;
    Ok((name.to_owned(), bytes))
}

fn added(value: &str) -> Result<PackRow> {
    let [kind, epoch, sha256, bytes] = words(WHAT, value)?;
    let object_bytes = number(bytes).ok_or(malformed(WHAT, "a size is expected"))?;
    if object_bytes > PACK_MAX_BYTES {
        return Err(FormatError::TooLarge { what: "pack" });
    }
    Ok(PackRow { kind: PackKind::parse(kind)?, pack: pack_id(epoch, sha256)?, object_bytes })
}

fn removed(value: &str) -> Result<(PackKind, PackId)> {
    let [kind, epoch, sha256] = words(WHAT, value)?;
    Ok((PackKind::parse(kind)?, pack_id(epoch, sha256)?))
}

fn pack_id(epoch: &str, sha256: &str) -> Result<PackId> {
    let epoch = number(epoch).ok_or(malformed(WHAT, "an epoch is expected"))?;
    Ok(PackId { epoch, sha256: Sha256::parse(sha256)? })
}

fn segment(value: &str) -> Result<(Sha256, u64)> {
    let [sha256, bytes] = words(WHAT, value)?;
    let bytes: u64 = number(bytes).ok_or(malformed(WHAT, "a size is expected"))?;
    if bytes > INDEX_MAX_BYTES as u64 {
        return Err(FormatError::TooLarge { what: "index segment" });
    }
    Ok((Sha256::parse(sha256)?, bytes))
}
