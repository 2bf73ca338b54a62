//! Appending to this device's ledger, and finding where it stands when a run begins (FORMAT.md §10, §12).
//!
//! Data comes from the commit stage, the bilan and the probe; notes go to the store, the new head to the state folder. A
//! note is kept locally before it is sent, so that a crash between store and state leaves one chain, not two. Never:
//! writes a note before its attachments are durable.

use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::{
    Attachment, ChainHead, ChainLink, Note, NoteKind, Position, SnapshotStatus, position,
};
use scelle_format::note;
use scelle_format::random::{OsRandom, Random};
use scelle_format::timestamp::Timestamp;

use serde::{Deserialize, Serialize};

use super::descriptors::Descriptors;
use super::history::{History, VerifiedNote};
use super::objects::Objects;
use super::state::{Device, Head, State};
use crate::clock::Clock;
use crate::error::{AgentError, Result};

/// The note being sent, and the head as it is to be once it is in the store.
const PENDING_FILE: &str = "pending.json";
const LAST_FILE: &str = "last.note";

/// What was found when the store's head was compared with the local one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The local state was older: brought forward over so many notes.
    pub rewound_notes: u64,
    /// Two notes bear one number: another computer writes as this one.
    pub forked: bool,
    /// The store no longer had the local head; it was sent again.
    pub store_behind: bool,
}

/// A note on its way. What the run changed in the head beside the chain (refs, segments, counts) belongs to it: a crash
/// between store and state must not tear them apart.
#[derive(Serialize, Deserialize)]
struct Pending {
    note: String,
    head: Head,
}

/// This device's pen.
pub struct LedgerWriter<'a> {
    objects: &'a Objects,
    state: &'a State,
    device: &'a Device,
    clock: &'a dyn Clock,
    instance: [u8; 8],
    clock_offset_ms: Option<i64>,
    head: Head,
}

impl<'a> LedgerWriter<'a> {
    /// Takes up the pen where the state says it was laid down. Sends a note that a crash left behind.
    pub async fn open(
        objects: &'a Objects,
        state: &'a State,
        device: &'a Device,
        clock: &'a dyn Clock,
        clock_offset_ms: Option<i64>,
    ) -> Result<Self> {
        let mut instance = [0; 8];
        OsRandom.fill(&mut instance);
        let head = match state.head() {
            Ok(head) => head,
            Err(_) => head_from_store(objects).await?,
        };
        let mut writer = Self { objects, state, device, clock, instance, clock_offset_ms, head };
        if let Some(bytes) = state.get(PENDING_FILE)? {
            // A file that a crash left half-written was never sent: it is replaced whole, never in place.
            if let Ok(pending) = serde_json::from_slice::<Pending>(&bytes) {
                writer.head = pending.head;
                writer.send(pending.note.as_bytes()).await?;
            }
        }
        Ok(writer)
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Changes what the head remembers beside the chain; written with the next note or [`Self::save_head`].
    pub fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    /// Writes the head.
    pub fn save_head(&self) -> Result<()> {
        self.state.put_head(&self.head)
    }

    /// Appends one note and returns its sequence and the SHA-256 of its text.
    pub async fn append(&mut self, kind: NoteKind, attachments: Vec<Attachment>) -> Result<(u64, Sha256)> {
        let note = Note {
            repository: self.device.repository.clone(),
            device: self.device.id.clone(),
            sequence: self.head.sequence + 1,
            kind,
            time: now(self.clock),
            clock_offset_ms: self.clock_offset_ms,
            instance: self.instance,
            prev: self.head.link().map(|(_, hash)| hash),
            descriptor: self.head.descriptor_seen()?,
            generation: self.device.secret.generation(),
            attachments,
        };
        let text = note.to_text().map_err(AgentError::bug)?;
        let signed = note::sign(&text, &[&self.device.signing]).map_err(AgentError::bug)?;
        let pending = Pending { note: signed, head: self.head.clone() };
        self.state.put(PENDING_FILE, &serde_json::to_vec(&pending).map_err(AgentError::bug)?)?;
        self.send(pending.note.as_bytes()).await?;
        self.head.link().ok_or_else(|| AgentError::bug("a head without a hash"))
    }

    /// [`attach`] to this ledger's repository.
    pub async fn attach(&self, role: &str, bytes: Vec<u8>) -> Result<Attachment> {
        attach(self.objects, role, bytes).await
    }

    async fn send(&mut self, signed: &[u8]) -> Result<()> {
        let parsed = note::parse(signed).map_err(AgentError::local_state)?;
        let note = Note::parse(&parsed.text).map_err(AgentError::local_state)?;
        let name = layout::note(&note.device, note.sequence, &Sha256::of(signed));
        self.objects.put_new(&name, signed.to_vec()).await?;
        if note.sequence > self.head.sequence {
            self.head.sequence = note.sequence;
            self.head.text_sha256 = Some(note.text_sha256().to_string());
            self.head.name = Some(name);
            // A partial note bears the number that its run will have when it is whole.
            if let NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } = note.kind {
                self.head.snapshot = self.head.snapshot.max(number);
            }
        }
        self.state.put(LAST_FILE, signed)?;
        self.state.put_head(&self.head)?;
        self.state.remove(PENDING_FILE);
        Ok(())
    }

    /// Compares the store's head with the local one and acts on the difference.
    pub async fn start(&mut self, descriptors: &Descriptors) -> Result<Start> {
        let rows = self.objects.list_first(&layout::notes_of(&self.device.id), 2).await?;
        let sequences: Vec<u64> =
            rows.iter().filter_map(|row| layout::parse_note(&row.name).ok()).map(|(_, n, _)| n).collect();
        let same_head = rows.first().map(|row| row.name.as_str()) == self.head.name.as_deref();
        let single = sequences.windows(2).all(|pair| pair[0] != pair[1]);
        if same_head && single {
            return Ok(Start::default());
        }
        let history = History::load(self.objects, descriptors).await?;
        let own: &[VerifiedNote] = history.device(&self.device.id).map_or(&[], |device| &device.notes);
        let links: Vec<ChainLink> = own.iter().map(|row| row.note.link()).collect();
        let local = self.head.link().map(|(sequence, text_sha256)| ChainHead { sequence, text_sha256 });
        match position(local, &links) {
            Position::Empty | Position::Same => Ok(Start::default()),
            Position::StoreAhead { descends: true } => self.fast_forward(own).await,
            Position::StoreBehind => {
                if let Some(last) = self.state.get(LAST_FILE)? {
                    self.send(&last).await?;
                }
                // What the store lost before it is said to be lost, so that the chain can be followed again.
                let newest =
                    own.iter().map(|row| row.note.sequence).filter(|n| *n < self.head.sequence).max();
                let (from, to) = (newest.unwrap_or(0) + 1, self.head.sequence.saturating_sub(1));
                if from <= to {
                    self.append(NoteKind::Gap { from, to, reason: "lost".into() }, Vec::new()).await?;
                }
                Ok(Start { store_behind: true, ..Start::default() })
            }
            Position::Fork { .. } | Position::StoreAhead { descends: false } => {
                // Numbers of snapshots stay unique over both branches, so that `restore N` means one thing.
                let highest = own.iter().filter_map(|row| snapshot_number(&row.note.kind)).max();
                self.head.snapshot = self.head.snapshot.max(highest.unwrap_or(0));
                Ok(Start { forked: true, ..Start::default() })
            }
        }
    }

    /// The state came from an older image of this computer: go on from the store's head.
    async fn fast_forward(&mut self, own: &[VerifiedNote]) -> Result<Start> {
        let from = self.head.sequence;
        let Some(newest) = own.iter().max_by_key(|row| row.note.sequence) else {
            return Ok(Start::default());
        };
        self.head.sequence = newest.note.sequence;
        self.head.text_sha256 = Some(newest.text_sha256.to_string());
        self.head.name = Some(newest.name.clone());
        let numbers = own.iter().filter_map(|row| snapshot_number(&row.note.kind));
        self.head.snapshot = numbers.max().unwrap_or(0).max(self.head.snapshot);
        self.head.descriptor = (newest.note.descriptor.0, newest.note.descriptor.1.to_string());
        // What the catalog believes is of the past: refs and segments are read again from the store.
        self.head.refs = None;
        self.head.segments.clear();
        self.head.is_index_unknown = true;
        for file in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
            self.state.remove(file);
        }
        self.save_head()?;
        let to = self.head.sequence;
        self.append(NoteKind::Rewound { from, to }, Vec::new()).await?;
        Ok(Start { rewound_notes: to - from, ..Start::default() })
    }
}

/// Stores an attachment and names it.
pub async fn attach(objects: &Objects, role: &str, bytes: Vec<u8>) -> Result<Attachment> {
    let sha256 = Sha256::of(&bytes);
    let stored_bytes = bytes.len() as u64;
    objects.put_new_hashed(&layout::attachment(&sha256), bytes.into(), &sha256).await?;
    Ok(Attachment { role: role.to_owned(), sha256, stored_bytes })
}

/// The head of a state folder that lost its own: that of the store, with nothing remembered beside the chain.
async fn head_from_store(objects: &Objects) -> Result<Head> {
    let rows = objects.list_all("desc/").await?;
    let newest = rows.first().ok_or_else(AgentError::no_repository)?;
    let max = scelle_format::limits::NOTE_MAX_BYTES as u64;
    let signed = objects.get_named(&newest.name, max).await?;
    let text = note::parse(&signed).map_err(|error| AgentError::object_corrupt().because(error))?.text;
    let revision = layout::parse_descriptor(&newest.name).map_err(AgentError::bug)?;
    let descriptor = (revision, Sha256::of(text.as_bytes()).to_string());
    Ok(Head { descriptor, is_index_unknown: true, ..Head::default() })
}

fn snapshot_number(kind: &NoteKind) -> Option<u64> {
    match kind {
        NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } => Some(*number),
        _ => None,
    }
}

/// The clock's time in whole seconds.
pub fn now(clock: &dyn Clock) -> Timestamp {
    let since = clock.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(0))
}
