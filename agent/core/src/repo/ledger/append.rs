//! Appending to this device's ledger, and finding where it stands when a run begins (FORMAT.md §10, §12).
//!
//! Data comes from the commit, the bilan and the probe; notes go to the store, the new head to the state folder. A
//! note is kept locally before it is sent ([`crate::repo::ledger::pending`]) and read back after: one whose sending ended in an error,
//! or with the process, is settled before any other is written, so that no number is ever given twice. Never: writes a
//! note before its attachments are durable.

pub mod start;

use bytes::Bytes;
use scelle_format::id::Sha256;
use scelle_format::ledger::ChainHead;
use scelle_format::ledger::{Note, NoteKind};
use scelle_format::note;
use scelle_format::random::Random as _;
use scelle_format::timestamp::Timestamp;
use scelle_store::Put;

use crate::chance::Chance;
use crate::clock::{Clock, now};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::ledger::pending::Pending;
pub use crate::repo::ledger::pending::{Attached, attach};
use crate::repo::ledger::rebuild;
use crate::repo::objects::Objects;
use crate::repo::objects::destination::Destination;
use crate::repo::state::{Device, Head, State};

/// Times that a note is put when the store says yes and then does not show it.
const DELIVERIES: u32 = 2;

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
        mut chance: Chance,
    ) -> Result<Self> {
        let mut instance = [0; 8];
        chance.fill(&mut instance);
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

    /// Whether this is the pen of a destination's ledger.
    pub fn writes_to(&self, destination: &Destination) -> bool {
        std::ptr::eq(self.objects, &*destination.objects)
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
    pub async fn append(&mut self, kind: NoteKind, attachments: Vec<Attached>) -> Result<ChainHead> {
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
        self.head.chain_head().ok_or_else(|| AgentError::bug("a head without a hash"))
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
            prev: self.head.chain_head().map(|head| head.text_sha256),
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
}
