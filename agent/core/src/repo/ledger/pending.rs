//! A note on its way, and the last one that arrived: kept from before its first byte leaves.
//!
//! Data comes from the ledger's pen and goes to `pending.json` in the state folder, and from there, once the store has shown
//! the note, to `last.json`; both are replaced whole and never in place. With the note lie the head that it is written on and
//! the small attachments that it names, so that a later run can bring all of it to the store. Never: sends a note, or decides
//! that one is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::ChainHead;
use scelle_format::ledger::{Attachment, Note, NoteKind, SnapshotStatus};
use scelle_format::note;
use serde::{Deserialize, Serialize};

use crate::error::{AgentError, ExitCode, Result};
use crate::repo::files;
use crate::repo::objects::Objects;
use crate::repo::state::checksum;
use crate::repo::state::{Head, State};

/// Attachments kept beside a note, together: the state folder must not grow with the repository.
const ATTACHMENTS_MAX_BYTES: usize = 4 << 20;

/// An attachment, and its bytes where this run has made it: a note that has to be sent again later brings along what the
/// store lost meanwhile.
#[derive(Clone, Debug)]
pub struct Attached {
    /// What the note says of it.
    pub row: Attachment,
    /// Its stored bytes.
    pub bytes: Option<Bytes>,
}

impl From<Attachment> for Attached {
    /// One that is in the store already.
    fn from(row: Attachment) -> Self {
        Self { row, bytes: None }
    }
}

/// A note that may be in the store, or not. What the run changed in the head beside the chain (refs, segments, counts)
/// belongs to it: a crash between store and state must not tear them apart.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::repo) struct Pending {
    /// The signed note.
    pub(in crate::repo) note: String,
    /// The head it is written on.
    pub(in crate::repo) head: Head,
    /// Sequence of the note; what an earlier version has written does not say it.
    #[serde(default)]
    sequence: Option<u64>,
    /// Stored bytes of its attachments, in base64.
    #[serde(default)]
    attachments: Vec<String>,
    /// First number before it that the store lost: said as soon as it is there.
    #[serde(default)]
    pub(in crate::repo) lost_from: Option<u64>,
}

impl Pending {
    pub(in crate::repo) fn new(note: String, sequence: u64, head: Head, attached: &[Attached]) -> Self {
        let mut left = ATTACHMENTS_MAX_BYTES;
        let kept = attached.iter().filter_map(|attached| attached.bytes.as_ref()).filter(|bytes| {
            let fits = bytes.len() <= left;
            left -= if fits { bytes.len() } else { 0 };
            fits
        });
        let attachments = kept.map(|bytes| STANDARD.encode(bytes)).collect();
        Self { note, head, sequence: Some(sequence), attachments, lost_from: None }
    }

    /// Number of the note.
    pub(in crate::repo) fn sequence(&self) -> u64 {
        self.sequence.unwrap_or(self.head.sequence + 1)
    }

    /// Whether it is the head's own note: the store has lost it, or showed it just before the end of a run.
    pub(in crate::repo) fn is_of(&self, head: &Head) -> bool {
        self.read().is_ok_and(|(note, _)| {
            head.chain_head() == Some(ChainHead { sequence: note.sequence, text_sha256: note.text_sha256() })
        })
    }

    /// The note and the name of its object.
    pub(in crate::repo) fn read(&self) -> Result<(Note, String)> {
        let parsed = note::parse(self.note.as_bytes()).map_err(AgentError::local_state)?;
        let note = Note::parse(&parsed.text).map_err(AgentError::local_state)?;
        let name = layout::note(&note.device, note.sequence, &Sha256::of(self.note.as_bytes()));
        Ok((note, name))
    }

    /// Moves a head on to this note.
    pub(in crate::repo) fn advance(&self, head: &mut Head) -> Result<()> {
        let (note, name) = self.read()?;
        if note.sequence > head.sequence {
            head.sequence = note.sequence;
            head.text_sha256 = Some(note.text_sha256().to_string());
            head.name = Some(name);
            // A partial note bears the number that its run will have when it is whole.
            if let NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } = note.kind {
                head.snapshot = head.snapshot.max(number);
            }
        }
        Ok(())
    }

    /// The head once this note had arrived.
    pub(in crate::repo) fn as_head(&self) -> Result<Head> {
        let mut head = self.head.clone();
        self.advance(&mut head)?;
        Ok(head)
    }

    /// Sees to it that the store holds everything the note attaches, byte for byte: what it lost is put again from what
    /// is kept here. Says what is nowhere any more.
    ///
    /// Errors: the store's, or its refusal of bytes.
    pub(in crate::repo) async fn bring_attachments(
        &self,
        objects: &Objects,
        state: &State,
    ) -> Result<Option<String>> {
        for row in self.read()?.0.attachments {
            let name = layout::attachment(&row.sha256);
            if is_whole(objects, &name, &row).await? {
                continue;
            }
            let kept = self.kept(&row.sha256).or_else(|| refs_copy(state, &row.sha256));
            let Some(bytes) = kept else { return Ok(Some(name)) };
            objects.put_new_hashed(&name, bytes, &row.sha256).await?;
            if !is_whole(objects, &name, &row).await? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn kept(&self, sha256: &Sha256) -> Option<Bytes> {
        let bytes = self.attachments.iter().filter_map(|text| STANDARD.decode(text).ok());
        bytes.map(Bytes::from).find(|bytes| Sha256::of(bytes) == *sha256)
    }

    /// The note that an earlier run, or this one, has left. A file that is no such thing was never written by us.
    pub(in crate::repo) fn load(state: &State) -> Result<Option<Self>> {
        Ok(state.get(files::PENDING)?.and_then(|bytes| checksum::from_json(&bytes)))
    }

    /// The head's note, where its bytes are still here.
    pub(in crate::repo) fn last(state: &State) -> Result<Option<Self>> {
        Ok(state.get(files::LAST)?.and_then(|bytes| checksum::from_json(&bytes)))
    }

    pub(in crate::repo) fn save(&self, state: &State) -> Result<()> {
        state.put(files::PENDING, &checksum::to_json(self)?)
    }

    /// It belongs to an earlier day.
    pub(in crate::repo) fn remove(state: &State) {
        state.remove(files::PENDING);
    }

    /// It is in the store: no longer on its way, and kept as the last one.
    pub(in crate::repo) fn arrived(state: &State) -> Result<()> {
        state.rename(files::PENDING, files::LAST)
    }
}

/// Whether the store gives an attachment as its note names it.
async fn is_whole(objects: &Objects, name: &str, row: &Attachment) -> Result<bool> {
    match objects.get_hashed(name, &row.sha256, row.stored_bytes).await {
        Ok(_) => Ok(true),
        Err(error) if error.code == ExitCode::Damaged => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refs have a copy of their own in the state folder: they may be larger than what is kept with a note.
fn refs_copy(state: &State, sha256: &Sha256) -> Option<Bytes> {
    let copy = state.get(&files::refs_copy(&sha256.to_string())).ok()??;
    (Sha256::of(&copy) == *sha256).then(|| copy.into())
}

/// Stores an attachment and names it.
pub async fn attach(objects: &Objects, role: &str, bytes: Vec<u8>) -> Result<Attached> {
    let (sha256, bytes) = (Sha256::of(&bytes), Bytes::from(bytes));
    objects.put_new_hashed(&layout::attachment(&sha256), bytes.clone(), &sha256).await?;
    let row = Attachment { role: role.to_owned(), sha256, stored_bytes: bytes.len() as u64 };
    Ok(Attached { row, bytes: Some(bytes) })
}
