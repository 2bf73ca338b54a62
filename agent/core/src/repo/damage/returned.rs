//! What is known to be lost and stands in its place again: the host brought back an older version, delete markers were taken away,
//! or the computer that wrote a note has put it back.
//!
//! From the names in [`Damage`] and the store to those that are sound, which the round before a backup calls good in the ledger.
//! A pack is read and hashed, a note's signature is checked: that something is listed says little. Never: reads more than
//! a bound of packs in one run; where there is more, each run begins with others.

use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::Note;
use scelle_format::limits::{NOTE_MAX_BYTES, PACK_MAX_BYTES};
use scelle_format::note::{self, VerifyingKey};

use crate::error::{ExitCode, Result};
use crate::repo::damage::Damage;
use crate::repo::kept::hash_in;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::objects::{InPlace, Objects};

/// Bytes of packs that are read in one run to see whether they are sound again.
const READ_MAX_BYTES: u64 = 256 << 20;
/// Objects that bear the number of one note.
const NAMES_MAX: usize = 100;

/// Packs that are known to be bad and are not. `turn` is another number in each run. What does not answer is not known, and no error.
pub(in crate::repo) async fn packs(objects: &Objects, damage: &Damage, turn: u64) -> Vec<String> {
    let mut names: Vec<String> =
        damage.open_packs().into_iter().map(|(kind, pack)| layout::pack(kind, &pack)).collect();
    names.sort();
    if !names.is_empty() {
        let first = (turn % names.len() as u64) as usize;
        names.rotate_left(first);
    }
    let mut left = READ_MAX_BYTES;
    let mut back = Vec::new();
    for name in names {
        let bytes = match objects.head(&name).await {
            Ok(Some(meta)) if meta.bytes <= left.min(PACK_MAX_BYTES) => meta.bytes,
            _ => continue,
        };
        left -= bytes;
        let is_sound = match objects.in_place(&name, bytes).await {
            Ok(InPlace::Bytes(found)) => hash_in(&name) == Some(Sha256::of(&found)),
            _ => false,
        };
        if is_sound {
            back.push(name);
        }
    }
    back
}

/// Whether the store shows a note again of which only the beginning of the name is known: one that its device signed. What does not
/// answer is not known.
pub(in crate::repo) async fn has_note(objects: &Objects, descriptors: &Descriptors, prefix: &str) -> bool {
    let Ok(rows) = objects.list_first(prefix, NAMES_MAX).await else { return false };
    for row in rows {
        let Ok((device, ..)) = layout::parse_note(&row.name) else { continue };
        let line = descriptors.device(&device);
        let Some(key) = line.and_then(|line| VerifyingKey::parse(line.vkey.as_str()).ok()) else { continue };
        if is_signed(objects, &row.name, &key).await.unwrap_or(false) {
            return true;
        }
    }
    false
}

/// Whether what the store shows under a note's name is a note that this key signed, and of this repository, device and number: one
/// of its signer's own notes in the place of another is not it.
///
/// Errors: only the store's.
pub(in crate::repo) async fn is_signed(objects: &Objects, name: &str, key: &VerifyingKey) -> Result<bool> {
    let bytes = match objects.get_named(name, NOTE_MAX_BYTES as u64).await {
        Ok(bytes) => bytes,
        Err(error) if error.code == ExitCode::Damaged => return Ok(false),
        Err(error) => return Err(error),
    };
    let (Ok(signed), Ok((device, number, _))) = (note::parse(&bytes), layout::parse_note(name)) else {
        return Ok(false);
    };
    let is_by_key = signed.verified_by(std::slice::from_ref(key)).is_ok_and(|keys| !keys.is_empty());
    let fits = |note: Note| {
        note.repository == *objects.repository() && note.device == device && note.sequence == number
    };
    Ok(is_by_key && Note::parse(&signed.text).is_ok_and(fits))
}
