//! Appending to this device's ledger, and finding where it stands when a run begins (FORMAT.md §10, §12).
//!
//! Data comes from the commit stage, the bilan and the probe; notes go to the store, the new head to the state folder. A
//! note is kept locally before it is sent ([`super::pending`]) and read back after: one whose sending ended in an error,
//! or with the process, is settled before any other is written, so that no number is ever given twice. Never: writes a
//! note before its attachments are durable.

use bytes::Bytes;
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::{ChainHead, ChainLink, Note, NoteKind, Position, SnapshotStatus, position};
use scelle_format::note;
use scelle_format::random::{OsRandom, Random};
use scelle_format::timestamp::Timestamp;
use scelle_store::Put;

use super::alarms::{self, FORK, REWOUND_AGAIN, ROLLED_BACK};
use super::descriptors::Descriptors;
use super::files;
use super::history::{History, VerifiedNote};
use super::objects::Objects;
use super::own_notes::put_back;
use super::pending::Pending;
pub use super::pending::{Attached, attach, refs_copy_file};
use super::rebuild;
use super::state::{Device, Head, State};
use crate::clock::{Clock, now};
use crate::error::{AgentError, ExitCode, Result};

/// A state that is older than the store's twice within so many days is no accident.
const TWICE_DAYS: i64 = 30;

/// Times that a note is put when the store says yes and then does not show it.
const DELIVERIES: u32 = 2;

/// What was found when the store's head was compared with the local one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The local state was older: brought forward over so many notes.
    pub rewound_notes: u64,
    /// It had been so before within [`TWICE_DAYS`]: an image restored twice, or another computer at work as this one.
    pub rewound_before: bool,
    /// Two notes bear one number: another computer writes as this one.
    pub forked: bool,
    /// The store no longer had the local head; it was sent again.
    pub store_behind: bool,
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
    /// A note that may be in the store or not.
    pending: Option<Pending>,
    /// The store was seen to hold the note that the next one follows.
    is_head_shown: bool,
}

impl<'a> LedgerWriter<'a> {
    /// Takes up the pen where the state says it was laid down. A note that an earlier run has left on its way is taken up
    /// with it, and settled before anything else is written.
    pub async fn open(
        objects: &'a Objects,
        state: &'a State,
        device: &'a Device,
        clock: &'a dyn Clock,
        clock_offset_ms: Option<i64>,
    ) -> Result<Self> {
        let mut instance = [0; 8];
        OsRandom.fill(&mut instance);
        let pending = Pending::load(state)?;
        let (head, pending) = match (state.head(), pending) {
            // Settled already, or the head that is put again: to put it once more is to put it once.
            (Ok(head), Some(pending)) if pending.is_of(&head) => (head, Some(pending)),
            (Ok(head), Some(pending)) if pending.sequence() <= head.sequence => {
                Pending::remove(state);
                (head, None)
            }
            // The head that belongs to it: what the run changed beside the chain is in there.
            (_, Some(pending)) => (pending.head.clone(), Some(pending)),
            (Ok(head), None) => (head, None),
            // The note that the head had last says what it was.
            (Err(_), None) => match Pending::last(state)?.and_then(|last| last.as_head().ok()) {
                Some(head) => (head, None),
                None => (rebuild::head(objects).await?, None),
            },
        };
        Ok(Self {
            objects,
            state,
            device,
            clock,
            instance,
            clock_offset_ms,
            head,
            pending,
            is_head_shown: false,
        })
    }

    /// Whether a note waits of which nobody knows whether it is in the store.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Who writes.
    pub fn device(&self) -> &str {
        self.device.id.as_str()
    }

    /// The time that a note written now would bear.
    pub fn time(&self) -> Timestamp {
        now(self.clock)
    }

    /// The number that the next note will bear.
    pub fn next_sequence(&self) -> u64 {
        self.pending.as_ref().map_or(self.head.sequence, Pending::sequence) + 1
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
    ///
    /// Errors: where the note may have reached the store all the same it stays pending ([`Self::is_pending`]), and the
    /// next note is not written before it.
    pub async fn append(&mut self, kind: NoteKind, attachments: Vec<Attached>) -> Result<(u64, Sha256)> {
        self.settle().await?;
        self.look_for_head().await?;
        let pending = self.sign(kind, &attachments)?;
        pending.save(self.state)?;
        self.pending = Some(pending.clone());
        match self.deliver(&pending).await {
            Ok(()) => self.sent(&pending)?,
            // An answer that was lost on the way: the store knows better.
            Err(error) => match self.bring_to_its_end().await {
                Ok(None) => {}
                // Its number is spent, but nobody can read what stands there: what it says has not been said.
                Ok(Some(spoilt)) => return Err(spoilt),
                Err(_) => return Err(error),
            },
        }
        self.head.link().ok_or_else(|| AgentError::bug("a head without a hash"))
    }

    /// Asks, once, whether the store holds the note that the next one is to follow: behind one that it lost none is written
    /// before a run has seen to that ([`Self::start`]).
    async fn look_for_head(&mut self) -> Result<()> {
        if let Some(name) = self.head.name.as_ref().filter(|_| !self.is_head_shown)
            && self.objects.head(name).await?.is_none()
        {
            return Err(AgentError::not_confirmed().at(name.clone()));
        }
        self.is_head_shown = true;
        Ok(())
    }

    /// The next note, signed.
    fn sign(&self, kind: NoteKind, attachments: &[Attached]) -> Result<Pending> {
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
            attachments: attachments.iter().map(|attached| attached.row.clone()).collect(),
        };
        let text = note.to_text().map_err(AgentError::bug)?;
        let signed = note::sign(&text, &[&self.device.signing]).map_err(AgentError::bug)?;
        Ok(Pending::new(signed, note.sequence, self.head.clone(), attachments))
    }

    /// Brings a note that may be in the store, or not, to its end: it is put again, with what it attaches, and read back.
    /// As long as that fails no other note can be written: whatever stands under its number later is this very note.
    pub async fn settle(&mut self) -> Result<()> {
        self.bring_to_its_end().await.map(drop)
    }

    /// [`Self::settle`]; says what is wrong where the note has come to nothing.
    async fn bring_to_its_end(&mut self) -> Result<Option<AgentError>> {
        let Some(pending) = self.pending.clone() else { return Ok(None) };
        let lost = pending.bring_attachments(self.objects, self.state).await?;
        if let Some(name) = lost
            && !self.is_shown(&pending).await?
        {
            // Not sent any more. Its number stays its own, since it may still be on its way.
            let from = pending.lost_from.unwrap_or(pending.sequence());
            self.tell_gap(&pending, from, pending.sequence()).await?;
            return Ok(Some(AgentError::not_confirmed().at(name)));
        }
        let spoilt = match self.deliver(&pending).await {
            // Its name is taken by other bytes: it was there, or never will be. The chain goes on from it, and `check`
            // names the object.
            Err(error) if error.kind == AgentError::object_corrupt().kind => Some(error),
            delivered => delivered.map(|()| None)?,
        };
        match pending.lost_from {
            Some(from) => self.tell_gap(&pending, from, pending.sequence() - 1).await?,
            None => self.sent(&pending)?,
        }
        Ok(spoilt)
    }

    /// Takes `note` as the head and says in the next one which are missing. Its file is replaced by that of the next: there is
    /// no moment in which a crash would make the gap be forgotten.
    async fn tell_gap(&mut self, note: &Pending, from: u64, to: u64) -> Result<()> {
        self.advance(note)?;
        let gap = self.sign(NoteKind::Gap { from, to, reason: "lost".into() }, &[])?;
        gap.save(self.state)?;
        self.pending = Some(gap.clone());
        self.deliver(&gap).await?;
        self.sent(&gap)
    }

    /// Whether the store shows a note.
    async fn is_shown(&self, pending: &Pending) -> Result<bool> {
        let (_, name) = pending.read()?;
        Ok(self.objects.head(&name).await?.is_some())
    }

    /// [`attach`] to this ledger's repository.
    pub async fn attach(&self, role: &str, bytes: Vec<u8>) -> Result<Attached> {
        attach(self.objects, role, bytes).await
    }

    /// Puts a note and reads it back. Its name holds the hash of its bytes, so putting it twice is putting it once.
    async fn deliver(&self, pending: &Pending) -> Result<()> {
        let (_, name) = pending.read()?;
        let bytes = Bytes::copy_from_slice(pending.note.as_bytes());
        let sha256 = Sha256::of(&bytes);
        let max = scelle_format::limits::NOTE_MAX_BYTES as u64;
        let mut missed = AgentError::not_confirmed().at(name.clone());
        for _ in 0..DELIVERIES {
            let put = self.objects.put_new_hashed(&name, bytes.clone(), &sha256).await?;
            match self.objects.get_hashed(&name, &sha256, max).await {
                Ok(_) => return Ok(()),
                Err(error) if error.code != ExitCode::Damaged => return Err(error),
                Err(error) if put == Put::AlreadyThere => missed = error,
                Err(error) => missed = AgentError::not_confirmed().at(name.clone()).because(error),
            }
        }
        Err(missed)
    }

    /// The note is in the store: the head moves on.
    fn sent(&mut self, pending: &Pending) -> Result<()> {
        self.advance(pending)?;
        self.pending = None;
        self.state.put_head(&self.head)?;
        tracing::debug!(sequence = self.head.sequence, "note written");
        Pending::arrived(self.state)
    }

    /// Takes a note as the head.
    fn advance(&mut self, pending: &Pending) -> Result<()> {
        self.is_head_shown = true;
        pending.advance(&mut self.head)
    }

    /// Compares the store's head with the local one and acts on the difference.
    pub async fn start(&mut self, descriptors: &Descriptors) -> Result<Start> {
        self.settle().await?;
        let rows = self.objects.list_first(&layout::notes_of(&self.device.id), 2).await?;
        let sequences: Vec<u64> =
            rows.iter().filter_map(|row| layout::parse_note(&row.name).ok()).map(|(_, n, _)| n).collect();
        let same_head = rows.first().map(|row| row.name.as_str()) == self.head.name.as_deref();
        let single = sequences.windows(2).all(|pair| pair[0] != pair[1]);
        self.is_head_shown = same_head;
        if same_head && single {
            return Ok(Start::default());
        }
        let history = History::load(self.objects, descriptors).await?;
        let own: &[VerifiedNote] = history.device(&self.device.id).map_or(&[], |device| &device.notes);
        let links: Vec<ChainLink> = own.iter().map(|row| row.note.link()).collect();
        let local = self.head.link().map(|(sequence, text_sha256)| ChainHead { sequence, text_sha256 });
        let position = position(local, &links);
        // In a fork the branch goes on from a note that is there as well.
        self.is_head_shown |= !matches!(position, Position::StoreBehind);
        match position {
            Position::Empty | Position::Same => Ok(Start::default()),
            Position::StoreAhead { descends } if descends || rebuild::has_hole(&links, &self.head) => {
                self.fast_forward(own).await
            }
            Position::StoreBehind => {
                self.alarm(ROLLED_BACK)?;
                self.bring_back(own).await?;
                Ok(Start { store_behind: true, ..Start::default() })
            }
            Position::Fork { .. } | Position::StoreAhead { .. } => {
                self.alarm(FORK)?;
                // Numbers of snapshots stay unique over both branches, so that `restore N` means one thing.
                let highest = own.iter().filter_map(|row| snapshot_number(&row.note.kind)).max();
                self.head.snapshot = self.head.snapshot.max(highest.unwrap_or(0));
                Ok(Start { forked: true, ..Start::default() })
            }
        }
    }

    /// Before anything is put right: who comes after this run may see nothing of it any more.
    fn alarm(&self, code: &str) -> Result<()> {
        alarms::note(self.state, code, now(self.clock), self.next_sequence())
    }

    /// What the store lost comes back from here; what cannot is said to be lost, so that the chain can be followed again.
    async fn bring_back(&mut self, own: &[VerifiedNote]) -> Result<()> {
        let shown = own.iter().map(|row| row.note.sequence).filter(|n| *n < self.head.sequence).max();
        let put = put_back(self.objects, self.device, self.head.sequence.saturating_sub(1)).await?;
        let mut lost = (shown.unwrap_or(0) + 1..self.head.sequence).filter(|n| !put.there.contains(n));
        let from = lost.next().unwrap_or(self.head.sequence);
        if !self.send_head_again(from).await? {
            // The note says itself that it follows one that is not there.
            self.is_head_shown = true;
            let to = self.head.sequence;
            self.append(NoteKind::Gap { from, to, reason: "lost".into() }, Vec::new()).await?;
        }
        Ok(())
    }

    /// Puts the local head back into the store, after what it attaches, and says that those from `lost_from` to the one before
    /// it are lost; it alone is said to be, where what it attaches is not at hand any more: a note never names what is not
    /// there. Until that is done it waits like a new one, so that none is written behind it. `false` where it is not kept.
    async fn send_head_again(&mut self, lost_from: u64) -> Result<bool> {
        let Some(mut last) = Pending::last(self.state)?.filter(|last| last.is_of(&self.head)) else {
            return Ok(false);
        };
        last.head = self.head.clone();
        last.lost_from = Some(lost_from).filter(|from| *from < self.head.sequence);
        last.save(self.state)?;
        self.pending = Some(last);
        self.settle().await?;
        Ok(true)
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
        self.head.refs_chain.clear();
        self.head.segments.clear();
        self.head.is_index_unknown = true;
        for file in files::LEARNT {
            self.state.remove(file);
        }
        self.save_head()?;
        let since = now(self.clock).0 - TWICE_DAYS * 86_400;
        let is_recent = |row: &VerifiedNote| row.note.time.0 >= since;
        let rewound_before =
            own.iter().any(|row| matches!(row.note.kind, NoteKind::Rewound { .. }) && is_recent(row));
        if rewound_before {
            self.alarm(REWOUND_AGAIN)?;
        }
        let to = self.head.sequence;
        self.append(NoteKind::Rewound { from, to }, Vec::new()).await?;
        Ok(Start { rewound_notes: to - from, rewound_before, ..Start::default() })
    }
}

fn snapshot_number(kind: &NoteKind) -> Option<u64> {
    match kind {
        NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } => Some(*number),
        _ => None,
    }
}
