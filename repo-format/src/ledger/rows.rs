//! The values of single lines of a note: packs, object names, signatures (FORMAT.md §10).
//!
//! For: [`super::kinds`], which knows in which order the lines stand. Never: looks at more than one line's value, but for
//! the lines of a kind that nobody knows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{FormatError, Result, malformed};
use crate::id::{DeviceId, PackId, PackKind, Sha256};
use crate::text::{Lines, number, ordinal, word, words};
use crate::vkey_text::VKey;

pub(super) const WHAT: &str = "note";
/// Bytes of an object's name in a `damage` or `loss` note, at most.
const NAME_MAX_BYTES: usize = 128;
/// Bytes of a proof's signature, at most: room for a post-quantum one.
const SIGNATURE_MAX_BYTES: usize = 8192;

/// An object that is missing or wrong, by name, and what is wrong with it. `FoundBad<&str>` is one that is only spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBad<S = String> {
    /// The object's name.
    pub name: S,
    /// What is wrong with it, one word.
    pub why: S,
}

impl<S: AsRef<str>> FoundBad<S> {
    /// The same, borrowed.
    pub fn as_deref(&self) -> FoundBad<&str> {
        FoundBad { name: self.name.as_ref(), why: self.why.as_ref() }
    }

    /// The same, to be kept.
    pub fn to_owned(&self) -> FoundBad {
        FoundBad { name: self.name.as_ref().to_owned(), why: self.why.as_ref().to_owned() }
    }
}

pub(super) fn forgotten(value: &str) -> Result<(DeviceId, u64)> {
    let [device, number] = words(WHAT, value)?;
    Ok((DeviceId::parse(device)?, ordinal(WHAT, number)?))
}

pub(super) fn pack([kind, epoch, sha256]: &[&str; 3]) -> Result<(PackKind, PackId)> {
    let epoch = number(epoch).ok_or(malformed("pack", "an epoch is expected"))?;
    Ok((PackKind::parse(kind)?, PackId { epoch, sha256: Sha256::parse(sha256)? }))
}

pub(super) fn healed(value: &str) -> Result<(PackKind, PackId, u64)> {
    let [kind, epoch, sha256, bytes] = words(WHAT, value)?;
    let (kind, id) = pack(&[kind, epoch, sha256])?;
    Ok((kind, id, number(bytes).ok_or(malformed("pack", "a size is expected"))?))
}

pub(super) fn found_bad(value: &str) -> Result<FoundBad> {
    let [why, name] = words(WHAT, value)?;
    Ok(FoundBad { name: object_name(name)?, why: word(WHAT, why)? })
}

/// The name of a pack, an index segment or an attachment.
pub(super) fn object_name(name: &str) -> Result<String> {
    let below = ["p/", "m/", "i/", "a/"].iter().any(|prefix| name.starts_with(prefix));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'/';
    if below && name.len() <= NAME_MAX_BYTES && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(malformed(WHAT, "the name of an object is expected"))
    }
}

pub(super) fn signature(value: &str) -> Result<(VKey, Vec<u8>)> {
    let [vkey, signature] = words(WHAT, value)?;
    let wrong = malformed(WHAT, "a signature in base64 is expected");
    let signature = STANDARD.decode(signature).map_err(|_| wrong)?;
    if signature.len() > SIGNATURE_MAX_BYTES {
        return Err(FormatError::TooLarge { what: "signature" });
    }
    Ok((VKey::parse(vkey)?, signature))
}

pub(super) fn all_lines(lines: &mut Lines<'_>) -> Result<Vec<String>> {
    let mut out = Vec::new();
    while let Some(line) = lines.peek() {
        // An empty line would end the text of a signed note.
        if line.is_empty() {
            return Err(malformed(WHAT, "an empty line"));
        }
        out.push(line.to_owned());
        lines.take()?;
    }
    Ok(out)
}
