//! The ledger as a reader sees it: notes whose hash, signature and chain were checked (FORMAT.md §10).
//!
//! For: finding snapshots and bilans, and saying what was removed, replaced or forged. Data comes from `c/` in the
//! store and goes to `restore`, `verify`, `look` and the commands. Never: writes a note, or passes over a fork.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use scelle_format::id::{DeviceId, PackId, PackKind, Sha256};
use scelle_format::ledger::{Attachment, ChainReport, Note, NoteKind, SnapshotStatus, verify_chain};
use scelle_format::note::{self, VerifyingKey};
use scelle_format::refs::{PackSet, Refs, resolve};
use scelle_format::timestamp::Timestamp;
use scelle_format::{layout, limits};

use super::descriptors::Descriptors;
use super::finding::{Finding, FindingKind, SnapshotId};
use super::objects::Objects;
pub use super::stored_notes::{StoredNote, StoredNotes};
use crate::error::{AgentError, Result};

/// A note whose hash and signature hold.
#[derive(Clone, Debug)]
pub struct VerifiedNote {
    /// What it says.
    pub note: Note,
    /// SHA-256 of its text.
    pub text_sha256: Sha256,
    /// SHA-256 of the whole object.
    pub object_sha256: Sha256,
    /// Its name, relative to the repository.
    pub name: String,
}

/// A device's chain.
#[derive(Clone, Debug)]
pub struct DeviceHistory {
    /// The device.
    pub id: DeviceId,
    /// Its valid notes, oldest first.
    pub notes: Vec<VerifiedNote>,
    /// What the chain looks like. Means nothing unless the whole ledger was loaded.
    pub chain: ChainReport,
}

/// A snapshot, as its note tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Device and number.
    pub id: SnapshotId,
    /// When its note was written, by the device's clock.
    pub time: Timestamp,
    /// Complete or partial.
    pub status: SnapshotStatus,
    /// Epoch it is sealed in.
    pub epoch: u32,
    /// Set of roots it belongs to.
    pub set: String,
    /// Files in it.
    pub files: u64,
    /// Bytes of its files, on the Padmé ladder.
    pub source_bytes: u64,
    /// Bytes it added to the store.
    pub stored_bytes: u64,
    /// K generation.
    pub generation: u16,
    /// Its tree.
    pub root: Attachment,
    /// The packs it needs.
    pub refs: Attachment,
    /// Sequence of its note.
    pub sequence: u64,
    /// Hash of its note's text.
    pub note_sha256: Sha256,
}

/// All devices' notes.
#[derive(Clone, Debug)]
pub struct History {
    /// Devices in order of their names.
    pub devices: Vec<DeviceHistory>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Whether the whole ledger was read.
    pub complete: bool,
}

impl History {
    /// The whole ledger, checked.
    pub async fn load(objects: &Objects, descriptors: &Descriptors) -> Result<Self> {
        Ok(Self::check(objects, StoredNotes::fetch_all(objects).await?, descriptors))
    }

    /// Checks fetched notes against the devices of the descriptors.
    pub fn check(objects: &Objects, stored: StoredNotes, descriptors: &Descriptors) -> Self {
        let mut findings: Vec<Finding> =
            stored.malformed.into_iter().map(|name| Finding::new(FindingKind::NoteMalformed, name)).collect();
        let mut by_device: BTreeMap<DeviceId, Vec<StoredNote>> = BTreeMap::new();
        for note in stored.notes {
            by_device.entry(note.device.clone()).or_default().push(note);
        }
        let complete = stored.complete;
        let devices = by_device
            .into_iter()
            .filter_map(|(id, notes)| {
                device_history(objects, id, notes, descriptors, complete, &mut findings)
            })
            .collect();
        Self { devices, findings, complete }
    }

    /// Snapshots of all devices, oldest first.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut all: Vec<Snapshot> = self.devices.iter().flat_map(DeviceHistory::snapshots).collect();
        all.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        all
    }

    /// Bilan notes of all devices, oldest first.
    pub fn bilans(&self) -> Vec<&VerifiedNote> {
        let notes = self.devices.iter().flat_map(|device| &device.notes);
        let mut all: Vec<_> = notes.filter(|row| matches!(row.note.kind, NoteKind::Bilan { .. })).collect();
        all.sort_by_key(|row| (row.note.time, row.note.sequence));
        all
    }

    /// Snapshots released by `forget` notes.
    pub fn forgotten(&self) -> Vec<SnapshotId> {
        let notes = self.devices.iter().flat_map(|device| &device.notes);
        notes
            .filter_map(|row| match &row.note.kind {
                NoteKind::Forget { snapshots, .. } => Some(snapshots),
                _ => None,
            })
            .flatten()
            .map(|(device, number)| SnapshotId { device: device.clone(), number: *number })
            .collect()
    }

    /// Where `heal` notes say that chunks of lost packs are now.
    pub fn healed(&self) -> HashMap<(PackKind, PackId), Vec<(PackKind, PackId)>> {
        let mut out: HashMap<_, Vec<_>> = HashMap::new();
        for row in self.devices.iter().flat_map(|device| &device.notes) {
            if let NoteKind::Heal { replaces, by } = &row.note.kind {
                out.entry(*replaces).or_default().extend(by.iter().map(|(kind, pack, _)| (*kind, *pack)));
            }
        }
        out
    }

    /// The chain of a device.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceHistory> {
        self.devices.iter().find(|device| device.id == *id)
    }
}

impl DeviceHistory {
    /// Its snapshots, oldest first. Of two with one number the later note counts.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let rows = self
            .notes
            .iter()
            .filter_map(|row| Snapshot::of(row).map(|snapshot| (snapshot.id.number, snapshot)));
        rows.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

impl Snapshot {
    /// The snapshot of a note that is one.
    pub fn of(row: &VerifiedNote) -> Option<Self> {
        let NoteKind::Snapshot { number, status, epoch, set, files, source_bytes, stored_bytes } =
            &row.note.kind
        else {
            return None;
        };
        Some(Self {
            id: SnapshotId { device: row.note.device.clone(), number: *number },
            time: row.note.time,
            status: *status,
            epoch: *epoch,
            set: set.clone(),
            files: *files,
            source_bytes: *source_bytes,
            stored_bytes: *stored_bytes,
            generation: row.note.generation,
            root: row.note.attachment("root")?.clone(),
            refs: row.note.attachment("refs")?.clone(),
            sequence: row.note.sequence,
            note_sha256: row.text_sha256,
        })
    }
}

fn device_history(
    objects: &Objects,
    id: DeviceId,
    mut stored: Vec<StoredNote>,
    descriptors: &Descriptors,
    complete: bool,
    findings: &mut Vec<Finding>,
) -> Option<DeviceHistory> {
    let Some(line) = descriptors.device(&id) else {
        // Nobody enrolled this device: its notes mean nothing, and someone put them there.
        findings.push(Finding::new(FindingKind::NoteDevice, layout::notes_of(&id)));
        return None;
    };
    let key = VerifyingKey::parse(line.vkey.as_str()).ok()?;
    let revoked_at = descriptors.revoked_at(&id);
    stored.sort_by_key(|note| (note.sequence, note.sha256));
    let mut notes = Vec::new();
    let mut refused = Vec::new();
    for row in stored {
        let (sequence, modified) = (row.sequence, row.modified);
        match verified(objects, row, &key) {
            Ok(note)
                if revoked_at.is_some_and(|at| note.note.time > at || modified.is_some_and(|m| m > at)) =>
            {
                findings.push(Finding::new(FindingKind::NoteDevice, note.name));
            }
            Ok(note) => notes.push(note),
            Err(finding) => {
                refused.push(sequence);
                findings.push(finding);
            }
        }
    }
    let chain = verify_chain(&notes.iter().map(|row| row.note.link()).collect::<Vec<_>>());
    if complete {
        chain_findings(&id, &notes, &chain, &refused, findings);
    }
    Some(DeviceHistory { id, notes, chain })
}

fn verified(
    objects: &Objects,
    row: StoredNote,
    key: &VerifyingKey,
) -> std::result::Result<VerifiedNote, Finding> {
    let wrong = |kind| Finding::new(kind, row.name.clone());
    let bytes = row.bytes.as_ref().ok_or_else(|| wrong(FindingKind::NoteHash))?;
    let signed = note::parse(bytes).map_err(|_| wrong(FindingKind::NoteMalformed))?;
    match signed.verified_by(std::slice::from_ref(key)) {
        Ok(keys) if !keys.is_empty() => {}
        _ => return Err(wrong(FindingKind::NoteSignature)),
    }
    let note = Note::parse(&signed.text).map_err(|_| wrong(FindingKind::NoteMalformed))?;
    let fits = note.sequence == row.sequence
        && note.device == row.device
        && note.repository == *objects.repository();
    if !fits {
        return Err(wrong(FindingKind::NoteMalformed));
    }
    let text_sha256 = Sha256::of(signed.text.as_bytes());
    Ok(VerifiedNote { note, text_sha256, object_sha256: row.sha256, name: row.name })
}

/// What the chain's report means, object by object. A number whose note was refused is not missing as well.
fn chain_findings(
    id: &DeviceId,
    notes: &[VerifiedNote],
    chain: &ChainReport,
    refused: &[u64],
    findings: &mut Vec<Finding>,
) {
    for range in chain.missing.iter().filter(|range| !range.declared) {
        let all_refused = (range.from..=range.to).take(refused.len() + 1).all(|n| refused.contains(&n));
        if !all_refused {
            findings.push(Finding::new(FindingKind::NoteMissing, layout::notes_at(id, range.from)));
        }
    }
    let named = |sequence: u64| notes.iter().filter(move |row| row.note.sequence == sequence);
    for row in chain.broken_links.iter().flat_map(|sequence| named(*sequence)) {
        findings.push(Finding::new(FindingKind::NoteChain, row.name.clone()));
    }
    for row in chain.forks.iter().flat_map(|sequence| named(*sequence)) {
        findings.push(Finding::new(FindingKind::Fork, row.name.clone()));
    }
}

/// The whole bytes of an attachment, checked against its hash.
pub async fn read_attachment(objects: &Objects, attachment: &Attachment, max_bytes: u64) -> Result<Bytes> {
    let name = layout::attachment(&attachment.sha256);
    if attachment.stored_bytes > max_bytes {
        return Err(AgentError::object_corrupt().at(name).because("larger than the format allows"));
    }
    objects.get_hashed(&name, &attachment.sha256, max_bytes).await
}

/// The packs a snapshot needs, resolved from its chain of refs.
pub async fn packs_of(objects: &Objects, snapshot: &Snapshot) -> Result<PackSet> {
    let mut chain: Vec<Refs> = Vec::new();
    let mut sha256 = snapshot.refs.sha256;
    loop {
        let name = layout::attachment(&sha256);
        let bytes = objects.get_hashed(&name, &sha256, limits::REFS_MAX_BYTES as u64).await?;
        let refs =
            Refs::parse(&bytes).map_err(|error| AgentError::object_corrupt().at(name).because(error))?;
        let base = refs.base;
        chain.push(refs);
        match base {
            Some((base, _)) if chain.len() <= limits::REFS_MAX_DEPTH as usize => sha256 = base,
            _ => break,
        }
    }
    chain.reverse();
    resolve(&chain).map_err(|error| {
        AgentError::object_corrupt().at(layout::attachment(&snapshot.refs.sha256)).because(error)
    })
}
