//! The ledger as a reader sees it: notes whose hash, signature and chain were checked (FORMAT.md §10).
//!
//! For: finding snapshots and bilans, and saying what was removed, replaced or forged. Data comes from `c/` in the
//! store and goes to `restore`, `verify`, `look` and the commands. Never: writes a note, or passes over a fork.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::id::{DeviceId, PackId, PackKind, Sha256};
use scelle_format::ledger::{Attachment, ChainReport, Note, NoteKind, SnapshotStatus, verify_chain};
use scelle_format::note::{self, VerifyingKey};
use scelle_format::refs::{PackSet, Refs, resolve};
use scelle_format::timestamp::Timestamp;
use scelle_format::{layout, limits};

use super::descriptors::Descriptors;
use super::finding::{Finding, FindingKind, SnapshotId};
use super::objects::{Listed, Objects};
use crate::error::{AgentError, ExitCode, Result};

/// Notes fetched at a time.
const CONCURRENT: usize = 16;
/// Newest notes of a device fetched in one go when only the newest snapshot is wanted: a snapshot note is
/// followed by its bilan, sometimes by a probe or a heal.
const NEWEST_BATCH: usize = 8;

/// One note as it lies in the store, not yet believed.
#[derive(Clone, Debug)]
pub struct StoredNote {
    name: String,
    device: DeviceId,
    sequence: u64,
    sha256: Sha256,
    modified: Option<Timestamp>,
    /// `None`: it was listed and could not be read as its name says.
    bytes: Option<Bytes>,
}

/// Notes fetched from the store.
#[derive(Clone, Debug, Default)]
pub struct StoredNotes {
    notes: Vec<StoredNote>,
    malformed: Vec<String>,
    /// Whether everything the ledger holds was fetched, not only the newest.
    complete: bool,
}

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

impl StoredNotes {
    /// The whole ledger: LIST, then every note.
    pub async fn fetch_all(objects: &Objects) -> Result<Self> {
        let mut notes = Self::named(objects.list_all("c/").await?);
        let wanted: Vec<usize> = (0..notes.notes.len()).collect();
        notes.read(objects, &wanted).await?;
        notes.complete = true;
        Ok(notes)
    }

    /// Enough of each device's chain to hold its newest snapshot: one LIST for a single device, one more for
    /// each other, then a few GETs at once.
    pub async fn fetch_newest(objects: &Objects) -> Result<Self> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, more) = objects.list_page("c/", after.as_deref(), 1000).await?;
            let last = page.last().map(|row| row.name.clone());
            rows.extend(page);
            match last {
                // '0' follows '/': the rest of this device's notes is passed over.
                Some(name) if more => after = Some(name.rsplit_once('/').map_or(name.clone(), |(dir, _)| format!("{dir}0"))),
                _ => break,
            }
        }
        let mut notes = Self::named(rows);
        let devices: Vec<DeviceId> = {
            let mut all: Vec<DeviceId> = notes.notes.iter().map(|note| note.device.clone()).collect();
            all.dedup();
            all
        };
        let mut from: HashMap<DeviceId, usize> = devices.iter().map(|device| (device.clone(), 0)).collect();
        while !from.is_empty() {
            let mut wanted = Vec::new();
            for (device, start) in &from {
                let of_device = notes.notes.iter().enumerate().filter(|(_, note)| note.device == *device);
                wanted.extend(of_device.skip(*start).take(NEWEST_BATCH).map(|(at, _)| at));
            }
            notes.read(objects, &wanted).await?;
            from.retain(|device, start| {
                *start += NEWEST_BATCH;
                let listed = notes.notes.iter().filter(|note| note.device == *device).count();
                *start < listed && !notes.notes.iter().any(|note| note.device == *device && note.is_snapshot())
            });
        }
        notes.notes.retain(|note| note.bytes.is_some());
        Ok(notes)
    }

    fn named(rows: Vec<Listed>) -> Self {
        let mut out = Self::default();
        for row in rows {
            match layout::parse_note(&row.name) {
                Ok((device, sequence, sha256)) if layout::note(&device, sequence, &sha256) == row.name => {
                    let seconds = row.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                    let modified = seconds.map(|since: Duration| Timestamp(since.as_secs() as i64));
                    out.notes.push(StoredNote { name: row.name, device, sequence, sha256, modified, bytes: None });
                }
                _ => out.malformed.push(row.name),
            }
        }
        out
    }

    async fn read(&mut self, objects: &Objects, wanted: &[usize]) -> Result<()> {
        let max = limits::NOTE_MAX_BYTES as u64;
        let notes = &self.notes;
        let fetched: Vec<(usize, Option<Bytes>)> = stream::iter(wanted.iter().copied())
            .map(|at| async move {
                match objects.get_hashed(&notes[at].name, &notes[at].sha256, max).await {
                    Ok(bytes) => Ok((at, Some(bytes))),
                    Err(error) if error.code == ExitCode::Damaged => Ok((at, None)),
                    Err(error) => Err(error),
                }
            })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        for (at, bytes) in fetched {
            self.notes[at].bytes = bytes;
        }
        Ok(())
    }
}

impl StoredNote {
    /// Whether it claims to be a snapshot.
    fn is_snapshot(&self) -> bool {
        self.bytes.as_ref().is_some_and(|bytes| bytes.windows(14).any(|line| line == b"\nkind snapshot"))
    }
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
            .filter_map(|(id, notes)| device_history(objects, id, notes, descriptors, complete, &mut findings))
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
        all.sort_by(|a, b| (a.note.time, a.note.sequence).cmp(&(b.note.time, b.note.sequence)));
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
        let rows = self.notes.iter().filter_map(|row| Snapshot::of(row).map(|snapshot| (snapshot.id.number, snapshot)));
        rows.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

impl Snapshot {
    /// The snapshot of a note that is one.
    pub fn of(row: &VerifiedNote) -> Option<Self> {
        let NoteKind::Snapshot { number, status, epoch, set, files, source_bytes, stored_bytes } = &row.note.kind else {
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
            Ok(note) if revoked_at.is_some_and(|at| note.note.time > at || modified.is_some_and(|m| m > at)) => {
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
    let fits = note.sequence == row.sequence && note.device == row.device && note.repository == *objects.repository();
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
        let refs = Refs::parse(&bytes).map_err(|error| AgentError::object_corrupt().at(name).because(error))?;
        let base = refs.base;
        chain.push(refs);
        match base {
            Some((base, _)) if chain.len() <= limits::REFS_MAX_DEPTH as usize => sha256 = base,
            _ => break,
        }
    }
    chain.reverse();
    resolve(&chain).map_err(|error| AgentError::object_corrupt().at(layout::attachment(&snapshot.refs.sha256)).because(error))
}
