//! Copies of the small objects that full refs carry, so that no single object of the store is the only one of its kind.
//!
//! From the state folder and, where its disk has lost one, the store, to the refs. Never: a copy that nothing proves.

use scelle_format::descriptor::SeenRevision;
use scelle_format::id::Sha256;
use scelle_format::limits::NOTE_MAX_BYTES;
use scelle_format::{layout, note};

use crate::error::{AgentError, Result};
use crate::repo::keys::key_copies::KeyCopies;
use crate::repo::objects::Objects;
use crate::repo::state::State;

/// Names and bytes.
pub(in crate::pipeline) type SmallCopies = Vec<(String, Vec<u8>)>;

/// Copies of the small objects without which all is lost (FORMAT.md §9): the key files as this PC believes them to be, whatever
/// the store shows now, and the newest descriptor whose signatures held when this run, or an earlier one, read it (`seen`).
/// A name below `desc/` proves none: whoever may write can put one there.
pub(in crate::pipeline) async fn small_copies(
    state: &State,
    objects: &Objects,
    seen: SeenRevision,
) -> Result<SmallCopies> {
    let mut copies: SmallCopies =
        KeyCopies::load(state)?.iter().map(|(name, bytes)| (name, bytes.to_vec())).collect();
    copies.push(newest_descriptor(state, objects, seen).await?);
    copies.sort();
    Ok(copies)
}

/// From the copies of this PC; where the disk has lost that one, from the store.
///
/// Errors: exit 13 it is nowhere: a snapshot that brings no descriptor along would be lost with the one in the store.
async fn newest_descriptor(
    state: &State,
    objects: &Objects,
    SeenRevision { revision, text_sha256 }: SeenRevision,
) -> Result<(String, Vec<u8>)> {
    let kept = state.kept();
    let name = layout::descriptor(revision);
    // Names count down: the newest comes first.
    let newest = kept.names_below("desc/").into_iter().take_while(|newer| *newer <= name);
    let proven = |name: String| kept.copy(&name).map(|bytes| (name, bytes.to_vec()));
    if let Some(copy) = newest.into_iter().find_map(proven) {
        return Ok(copy);
    }
    let bytes = objects.get_named(&name, NOTE_MAX_BYTES as u64).await?;
    let is_it = note::parse(&bytes).is_ok_and(|signed| Sha256::of(signed.text.as_bytes()) == text_sha256);
    if !is_it {
        return Err(AgentError::object_corrupt().at(name));
    }
    objects.keep(&name, &bytes).await;
    Ok((name, bytes.to_vec()))
}
