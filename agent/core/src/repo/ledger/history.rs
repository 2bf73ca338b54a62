//! The ledger as a reader sees it: notes whose hash, signature and chain were checked (FORMAT.md §10).
//!
//! For: finding snapshots and bilans, and saying what was removed, replaced or forged. Data comes from `c/` in the
//! store and goes to `restore`, `verify`, `look` and the commands. Never: writes a note, or passes over a fork.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use scelle_format::descriptor::DeviceLine;
use scelle_format::id::{DeviceId, PackId, PackKind, Sha256};
use scelle_format::layout::PackName;
use scelle_format::ledger::{Attachment, ChainReport, Note, NoteKind, SnapshotStatus, verify_chain};
use scelle_format::note::{self, VerifyingKey};
use scelle_format::refs::{PackSet, Refs, resolve};
use scelle_format::timestamp::Timestamp;
use scelle_format::{layout, limits};

use crate::error::{AgentError, Result};
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::keys::descriptors::Descriptors;
pub use crate::repo::ledger::stored_notes::{StoredNote, StoredNotes};
use crate::repo::objects::Objects;

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
    /// What the chain looks like. Notes before the first one loaded are missing in it.
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

/// By lost pack: packs that hold its chunks, with the sizes that their `heal` notes give them.
pub type Healed = HashMap<PackName, Vec<(PackKind, PackId, u64)>>;

/// All devices' notes.
#[derive(Clone, Debug)]
pub struct History {
    /// Devices in order of their names.
    pub devices: Vec<DeviceHistory>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Names of notes under devices that nobody enrolled.
    pub nobodys: Vec<String>,
    /// Whether the whole ledger was read.
    pub complete: bool,
}

impl History {
    /// The whole ledger, checked.
    pub async fn load(objects: &Objects, descriptors: &Descriptors) -> Result<Self> {
        Ok(Self::check(objects, StoredNotes::fetch_all(objects).await?, descriptors).await)
    }

    /// Checks fetched notes against the devices of the descriptors, and offers those that a device has signed to the copies of
    /// this PC: what is merely named like a note is none.
    pub async fn check(objects: &Objects, stored: StoredNotes, descriptors: &Descriptors) -> Self {
        let fetched = stored.notes.iter().filter_map(|row| Some((row.name.clone(), row.bytes.clone()?)));
        let mut fetched: HashMap<String, Bytes> = fetched.collect();
        let mut history = Self::checked(objects, stored, descriptors);
        history.miss_chains(objects, descriptors).await;
        let signed = history.devices.iter().flat_map(|device| &device.notes);
        objects.keep_all(signed.filter_map(|row| fetched.remove_entry(&row.name)).collect()).await;
        history
    }

    /// A device that has index segments has written notes: where there are none, its whole chain is gone.
    async fn miss_chains(&mut self, objects: &Objects, descriptors: &Descriptors) {
        let is_silent = |device: &&DeviceLine| self.device(&device.id).is_none();
        let silent: Vec<_> = descriptors.current.devices.iter().filter(is_silent).collect();
        for device in silent {
            let segments = layout::index_of(&device.id);
            // What the store does not answer here it does not answer elsewhere either.
            if objects.list_first(&segments, 1).await.is_ok_and(|found| !found.is_empty()) {
                self.findings.push(Finding::new(FindingKind::NoteMissing, layout::notes_of(&device.id)));
            }
        }
    }

    fn checked(objects: &Objects, stored: StoredNotes, descriptors: &Descriptors) -> Self {
        let mut findings: Vec<Finding> =
            stored.hidden.into_iter().map(|name| Finding::new(FindingKind::Hidden, name)).collect();
        let mut by_device: BTreeMap<DeviceId, Vec<StoredNote>> = BTreeMap::new();
        for note in stored.notes {
            by_device.entry(note.device.clone()).or_default().push(note);
        }
        let complete = stored.complete;
        let mut nobodys = Vec::new();
        let mut devices = Vec::new();
        for (id, notes) in by_device {
            if descriptors.device(&id).is_none() {
                // Its notes mean nothing, and someone put them there; or the descriptor that enrolled it is lost.
                findings.push(Finding::new(FindingKind::NoteDevice, layout::notes_of(&id)));
                nobodys.extend(notes.into_iter().map(|note| note.name));
                continue;
            }
            devices.extend(device_history(objects, id, notes, descriptors, complete, &mut findings));
        }
        Self { devices, findings, nobodys, complete }
    }

    /// Complete snapshots of all devices, oldest first: by number on one device whatever its clock said, by time
    /// across devices (FORMAT.md §10).
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut all: Vec<(Timestamp, Snapshot)> = Vec::new();
        for device in &self.devices {
            let mut reached = Timestamp(i64::MIN);
            for snapshot in device.snapshots() {
                reached = reached.max(snapshot.time);
                all.push((reached, snapshot));
            }
        }
        all.sort_by(|a, b| (a.0, &a.1.id.device).cmp(&(b.0, &b.1.id.device)));
        all.into_iter().map(|(_, snapshot)| snapshot).collect()
    }

    /// Bilan notes of all devices, oldest first.
    pub fn bilans(&self) -> Vec<&VerifiedNote> {
        let notes = self.devices.iter().flat_map(|device| &device.notes);
        let mut all: Vec<_> = notes.filter(|row| matches!(row.note.kind, NoteKind::Bilan { .. })).collect();
        all.sort_by_key(|row| (row.note.time, row.note.sequence));
        all
    }

    /// Snapshots released by `forget` notes, by the hash of their notes' text. Only older notes are released: a
    /// lower sequence in the same chain, an earlier time in another.
    pub fn forgotten(&self) -> BTreeSet<Sha256> {
        let mut by_id: HashMap<SnapshotId, Vec<Snapshot>> = HashMap::new();
        for snapshot in self.devices.iter().flat_map(DeviceHistory::snapshots) {
            by_id.entry(snapshot.id.clone()).or_default().push(snapshot);
        }
        let mut released = BTreeSet::new();
        for row in self.devices.iter().flat_map(|device| &device.notes) {
            let NoteKind::Forget { snapshots, .. } = &row.note.kind else { continue };
            for (device, number) in snapshots {
                let id = SnapshotId { device: device.clone(), number: *number };
                let is_older = |snapshot: &&Snapshot| match *device == row.note.device {
                    true => snapshot.sequence < row.note.sequence,
                    false => snapshot.time < row.note.time,
                };
                let older = by_id.get(&id).into_iter().flatten().filter(is_older);
                released.extend(older.map(|snapshot| snapshot.note_sha256));
            }
        }
        released
    }

    /// Where `heal` notes say that chunks of lost packs are now.
    pub fn healed(&self) -> Healed {
        let mut out: HashMap<_, Vec<_>> = HashMap::new();
        for row in self.devices.iter().flat_map(|device| &device.notes) {
            if let NoteKind::Heal { replaces, by } = &row.note.kind {
                out.entry(*replaces).or_default().extend(by.iter().copied());
            }
        }
        out
    }

    /// Names of the notes that are no part of a sound chain, by what was found: all of a device that nobody enrolled, and a place
    /// without a note by the beginning of its name.
    pub fn out_of_place<'a>(&'a self, finding: &'a Finding) -> Vec<&'a str> {
        let is_folder = finding.kind == FindingKind::NoteDevice && finding.object.ends_with('/');
        let below = self.nobodys.iter().filter(|name| is_folder && name.starts_with(&finding.object));
        let itself = (finding.kind.is_of_a_note() && !is_folder).then_some(finding.object.as_str());
        below.map(String::as_str).chain(itself).collect()
    }

    /// The chain of a device.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceHistory> {
        self.devices.iter().find(|device| device.id == *id)
    }
}

impl DeviceHistory {
    /// Its complete snapshots by number. A fork may have made two of one number: both are kept.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let complete = |snapshot: &Snapshot| snapshot.status == SnapshotStatus::Complete;
        let mut all: Vec<Snapshot> = self.notes.iter().filter_map(Snapshot::of).filter(complete).collect();
        all.sort_by_key(|snapshot| (snapshot.id.number, snapshot.sequence, snapshot.note_sha256));
        // Other signatures on one text do not make another note.
        all.dedup_by_key(|snapshot| snapshot.note_sha256);
        all
    }

    /// The highest number that a snapshot of it is known to have had, also by its bilans.
    pub fn highest_number(&self) -> u64 {
        let number = |row: &VerifiedNote| match row.note.kind {
            NoteKind::Snapshot { number, .. } => Some(number),
            NoteKind::Bilan { snapshot, .. } => snapshot,
            _ => None,
        };
        self.notes.iter().filter_map(number).max().unwrap_or(0)
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
    let line = descriptors.device(&id)?;
    let key = VerifyingKey::parse(line.vkey.as_str()).ok()?;
    let revoked = descriptors.revoked(&id);
    stored.sort_by_key(|note| (note.sequence, note.sha256));
    // Of the newest notes only the holes between them are holes.
    let first = if complete { 1 } else { stored.first().map_or(1, |row| row.sequence) };
    let mut notes = Vec::new();
    let mut refused = Vec::new();
    for row in stored {
        let (sequence, modified) = (row.sequence, row.modified);
        match verified(objects, row, &key) {
            Ok(note) => match revoked {
                Some((revision, at)) if note.note.descriptor.revision >= revision || note.note.time > at => {
                    findings.push(Finding::new(FindingKind::NoteDevice, note.name));
                }
                Some((_, at)) if modified.is_some_and(|modified| modified > at) => {
                    // A thief can write an earlier time, a copied store has new ones: told, and kept.
                    findings.push(Finding::new(FindingKind::NoteDevice, note.name.clone()));
                    notes.push(note);
                }
                _ => notes.push(note),
            },
            Err(finding) => {
                refused.push(sequence);
                findings.push(finding);
            }
        }
    }
    let chain = verify_chain(&notes.iter().map(|row| row.note.link()).collect::<Vec<_>>());
    chain_findings(&id, &notes, &chain, &refused, first, findings);
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

/// Lost notes of one hole that are told one by one. No device of ours leaves a number out: a larger hole is a stranger's.
const MISSING_MAX: usize = 10_000;

/// What the chain's report means, object by object. A number whose note was refused is not missing as well.
fn chain_findings(
    id: &DeviceId,
    notes: &[VerifiedNote],
    chain: &ChainReport,
    refused: &[u64],
    first: u64,
    findings: &mut Vec<Finding>,
) {
    for range in chain.missing.iter().filter(|range| !range.declared && range.to >= first) {
        // One for each: what is known of a note, and whether somebody has accepted its loss, goes by its name.
        let numbers = (range.from.max(first)..=range.to).filter(|number| !refused.contains(number));
        let missing = numbers.take(MISSING_MAX).map(|number| layout::notes_at(id, number));
        findings.extend(missing.map(|name| Finding::new(FindingKind::NoteMissing, name)));
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
