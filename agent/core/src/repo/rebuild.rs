//! Bringing head and local copies of the index back from the store: after a rewind, a join, or a lost state folder.
//!
//! Segments come from the refs of the newest snapshot of this device (a signed note names them), are opened with the
//! device's index identity and kept as files of the local index. Never: trusts a segment that no valid note names.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use scelle_format::crypto::open::open_bytes;
use scelle_format::id::{PackId, Sha256};
use scelle_format::index::Segment;
use scelle_format::layout;
use scelle_format::ledger::{ChainLink, NoteKind, SnapshotStatus};
use scelle_format::limits::{INDEX_MAX_BYTES, NOTE_MAX_BYTES, REFS_MAX_BYTES};
use scelle_format::note;
use scelle_format::refs::Refs;

use super::descriptors::Descriptors;
use super::history::{History, read_attachment};
use super::objects::Objects;
use super::state::{Device, Head, Shape, State, clear_way};
use crate::error::{AgentError, Result, unless_damaged};
use crate::index::{SegmentFile, SegmentWriter};

/// Snapshots whose refs are tried, newest first.
const REFS_TRIED: usize = 32;

/// Keeps a local copy of a segment, checksummed: a wrong entry would send a later snapshot astray.
pub fn put_copy(state: &State, sha256: &str, segment: &Segment) -> Result<()> {
    let sizes: HashMap<PackId, u64> = segment.packs.iter().copied().collect();
    let rows = segment.entries.len() as u64;
    clear_way(&copy_path(state.folder(), sha256), Shape::File)?;
    let mut writer = SegmentWriter::create(&copy_path(state.folder(), sha256), segment.generation, rows)?;
    for at in &segment.entries {
        writer.push(at, sizes.get(&at.pack).copied().unwrap_or(0))?;
    }
    writer.finish(true)?;
    Ok(())
}

/// The local copy of a segment, if it is there and as it was written.
pub fn open_copy(folder: &Path, sha256: &str) -> Option<SegmentFile> {
    let path = copy_path(folder, sha256);
    let opened = SegmentFile::open(&path);
    if opened.is_none() {
        // Out of the way, so that the next run fetches it anew.
        let _ = std::fs::remove_file(path);
    }
    opened
}

/// Number of entries of a local copy that looks whole; `None` where there is none. Reads a few bytes only.
pub fn copy_rows(folder: &Path, sha256: &str) -> Option<u64> {
    SegmentFile::rows_at(&copy_path(folder, sha256))
}

fn copy_path(folder: &Path, sha256: &str) -> PathBuf {
    folder.join(segment_file(sha256))
}

/// Name of the local copy of a segment.
fn segment_file(sha256: &str) -> String {
    format!("index/{sha256}.idx")
}

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
pub(super) fn has_hole(links: &[ChainLink], head: &Head) -> bool {
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
        if copy_rows(state.folder(), &name).is_none() {
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
    put_copy(state, &sha256.to_string(), &segment)
}

/// Removes local copies of segments that no longer count: they were merged into another.
pub fn sweep(state: &State, head: &Head) {
    let Ok(files) = std::fs::read_dir(state.folder().join("index")) else { return };
    for file in files.flatten() {
        let name = format!("index/{}", file.file_name().to_string_lossy());
        let counts = head.segments.iter().any(|(sha256, _)| segment_file(sha256) == name);
        if !counts && name.ends_with(".idx") {
            state.remove(&name);
        }
    }
}
