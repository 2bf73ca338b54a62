//! Bringing head and local copies of the index back from the store: after a rewind, a join, or a lost state folder.
//!
//! Segments come from the refs of the newest snapshot of this device (a signed note names them), are opened with the
//! device's index identity and kept as files of the local index. Never: trusts a segment that no valid note names.

use std::collections::BTreeSet;

use scelle_format::crypto::open::open_bytes;
use scelle_format::id::Sha256;
use scelle_format::index::Segment;
use scelle_format::layout;
use scelle_format::ledger::{ChainLink, NoteKind, SnapshotStatus};
use scelle_format::limits::{INDEX_MAX_BYTES, NOTE_MAX_BYTES, REFS_MAX_BYTES};
use scelle_format::note;
use scelle_format::refs::Refs;

use crate::error::{AgentError, Result, unless_damaged};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::history::{History, read_attachment};
use crate::repo::objects::Objects;
use crate::repo::state::{Device, Head, State};

/// Snapshots whose refs are tried, newest first.
const REFS_TRIED: usize = 32;

/// The head of a state folder that lost its own: that of the store, with nothing remembered beside the chain.
pub async fn head(objects: &Objects) -> Result<Head> {
    let rows = objects.list_all("desc/").await?;
    let newest = rows.first().ok_or_else(AgentError::no_repository)?;
    let signed = objects.get_named(&newest.name, NOTE_MAX_BYTES as u64).await?;
    let text = note::parse(&signed).map_err(|error| AgentError::object_corrupt().because(error))?.text;
    let revision = layout::parse_descriptor(&newest.name).map_err(AgentError::bug)?;
    let descriptor = (revision, Sha256::of(text.as_bytes()).to_string());
    Ok(Head { descriptor, is_index_unknown: true, ..Head::default() })
}

/// Whether the store lacks one of the notes after the head: what it shows above then proves no fork.
pub(in crate::repo) fn has_hole(links: &[ChainLink], head: &Head) -> bool {
    let above: BTreeSet<u64> =
        links.iter().map(|link| link.sequence).filter(|sequence| *sequence > head.sequence).collect();
    above.last().is_some_and(|highest| (above.len() as u64) < highest - head.sequence)
}

/// Fetches what `head` should know of the index and does not; returns how many segments came.
pub async fn segments(
    objects: &Objects,
    state: &State,
    device: &Device,
    head: &mut Head,
    descriptors: &Descriptors,
) -> Result<usize> {
    let history = History::load(objects, descriptors).await?;
    let own = history.device(&device.id).map_or(&[][..], |own| &own.notes);
    let newest = own.iter().rev().filter_map(|row| match row.note.kind {
        NoteKind::Snapshot { status: SnapshotStatus::Complete, .. } => row.note.attachment("refs"),
        _ => None,
    });
    // The newest that can be read: an older one knows fewer chunks, which are then stored again.
    let mut refs = None;
    for attachment in newest.take(REFS_TRIED) {
        let read = unless_damaged(read_attachment(objects, attachment, REFS_MAX_BYTES as u64).await)?;
        refs = read.and_then(|bytes| Refs::parse(&bytes).ok());
        if refs.is_some() {
            break;
        }
    }
    let Some(refs) = refs else { return Ok(0) };
    let mut fetched = 0;
    for (sha256, stored_bytes) in &refs.segments {
        let name = sha256.to_string();
        if state.index().rows(&name).is_none() {
            if unless_damaged(fetch(objects, state, device, sha256).await)?.is_none() {
                // Gone in the store as well: it counts no more.
                head.segments.retain(|(known, _)| *known != name);
                head.refs_bytes = None;
                continue;
            }
            fetched += 1;
        }
        if !head.segments.iter().any(|(known, _)| *known == name) {
            head.segments.push((name, *stored_bytes));
        }
    }
    Ok(fetched)
}

async fn fetch(objects: &Objects, state: &State, device: &Device, sha256: &Sha256) -> Result<()> {
    let name = layout::index_segment(&device.id, sha256);
    let sealed = objects.get_hashed(&name, sha256, INDEX_MAX_BYTES as u64).await?;
    let corrupt = |cause: String| AgentError::object_corrupt().at(name.clone()).because(cause);
    let plain = open_bytes(&sealed, &[&device.index_identity], INDEX_MAX_BYTES as u64);
    let plain = plain.map_err(|error| corrupt(error.to_string()))?;
    let segment = Segment::decode(&plain).map_err(|error| corrupt(error.to_string()))?;
    state.index().keep(&sha256.to_string(), &segment)
}
