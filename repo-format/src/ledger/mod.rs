//! The ledger: one chain of signed notes for each device (FORMAT.md §10).
//!
//! For: the text of a note, both ways, and the chain they form ([`verify_chain`], [`position`]). Data comes from
//! the text of a signed note whose signature the caller verified. Never: verifies a signature, reads the store.

mod acknowledge;
mod chain;
mod kinds;
mod rows;

use crate::descriptor::SeenRevision;
use std::fmt::Write;

pub use acknowledge::{Author, Because, STORE_SET};
pub use chain::{
    ChainHead, ChainLink, ChainReport, Missing, NoteNumbers, Position, position, verify_chain,
    verify_chain_after,
};
pub use kinds::{NoteKind, SnapshotStatus};
pub use rows::FoundBad;

use crate::error::{Result, malformed};
use crate::id::{DeviceId, RepositoryId, Sha256};
use crate::limits::NOTE_MAX_BYTES;
use crate::text::{Lines, all_differ, dash_or, lower_hex, number, or_dash, ordinal, word, words};
use crate::timestamp::Timestamp;

const WHAT: &str = "note";
/// Attachments of one note, at most.
const ATTACHMENTS_MAX: usize = 64;

/// An object `a/<hh>/<sha256>` that belongs to a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is to the note: `root`, `refs`, `record`, `probe`. Once per note.
    pub role: String,
    /// SHA-256 of its stored bytes.
    pub sha256: Sha256,
    /// Its stored size, in bytes.
    pub stored_bytes: u64,
}

/// One note of a device's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Name of the repository.
    pub repository: RepositoryId,
    /// Whose chain it is.
    pub device: DeviceId,
    /// 1, 2, 3 …; equals the number in the object's name.
    pub sequence: u64,
    /// What happened.
    pub kind: NoteKind,
    /// When, by the device's clock.
    pub time: Timestamp,
    /// Server time minus device time, in milliseconds, where a server gave one.
    pub clock_offset_ms: Option<i64>,
    /// Nonce of the service start.
    pub instance: [u8; 8],
    /// SHA-256 of the text of the note before it; absent in the first only.
    pub prev: Option<Sha256>,
    /// Highest descriptor the writer had seen.
    pub descriptor: SeenRevision,
    /// K generation in force.
    pub generation: u16,
    /// Objects that belong to it.
    pub attachments: Vec<Attachment>,
}

impl Note {
    /// The text that is signed. Fails where a field breaks the grammar, so that no such text is ever signed.
    pub fn to_text(&self) -> Result<String> {
        let text = self.render();
        if Self::parse(&text)? == *self {
            Ok(text)
        } else {
            Err(malformed(WHAT, "a field cannot be written"))
        }
    }

    /// SHA-256 of the text: what the next note's `prev` names.
    pub fn text_sha256(&self) -> Sha256 {
        Sha256::of(self.render().as_bytes())
    }

    /// Reads a text. Texts have one form: what this accepts, [`Self::to_text`] writes back byte for byte.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = Lines::open(WHAT, text, NOTE_MAX_BYTES)?;
        lines.version("scelle/note/")?;
        let repository = RepositoryId::parse(lines.field("repository")?)?;
        let device = DeviceId::parse(lines.field("device")?)?;
        let sequence = ordinal(WHAT, lines.field("sequence")?)?;
        let kind_word = lines.field("kind")?;
        let time = Timestamp::parse(lines.field("time")?)?;
        let clock_offset_ms = dash_or(lines.field("clock-offset-ms")?, signed_decimal)?;
        let instance = lower_hex(lines.field("instance")?).ok_or(malformed(WHAT, "instance"))?;
        let prev = dash_or(lines.field("prev")?, Sha256::parse)?;
        let descriptor = descriptor_seen(lines.field("descriptor")?)?;
        let generation = lines.number("generation")?;
        let attachments = lines.repeated("attach", ATTACHMENTS_MAX, attachment)?;
        let kind = NoteKind::read(kind_word, &mut lines)?;
        lines.end()?;
        let note = Self {
            repository,
            device,
            sequence,
            kind,
            time,
            clock_offset_ms,
            instance,
            prev,
            descriptor,
            generation,
            attachments,
        };
        note.check()?;
        Ok(note)
    }

    /// The attachment of a role.
    pub fn attachment(&self, role: &str) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| attachment.role == role)
    }

    /// Its place in the chain.
    pub fn link(&self) -> ChainLink {
        let missing = match self.kind {
            NoteKind::Gap { from, to, .. } => Some(NoteNumbers { from, to }),
            _ => None,
        };
        ChainLink { sequence: self.sequence, text_sha256: self.text_sha256(), prev: self.prev, missing }
    }

    /// What the grammar alone does not say.
    fn check(&self) -> Result<()> {
        if (self.sequence == 1) != self.prev.is_none() {
            return Err(malformed(WHAT, "prev is absent in sequence 1 and only there"));
        }
        if !all_differ(self.attachments.iter().map(|attachment| &attachment.role)) {
            return Err(malformed(WHAT, "an attachment role twice"));
        }
        if self.kind.required_roles().iter().any(|role| self.attachment(role).is_none()) {
            return Err(malformed(WHAT, "an attachment is missing"));
        }
        if self.kind.forbidden_roles().iter().any(|role| self.attachment(role).is_some()) {
            return Err(malformed(WHAT, "an attachment that the kind does not have"));
        }
        self.kind.check(self.sequence)
    }

    fn render(&self) -> String {
        let SeenRevision { revision, text_sha256: descriptor } = &self.descriptor;
        let mut out = format!(
            "scelle/note/1\nrepository {}\ndevice {}\nsequence {}\nkind {}\ntime {}\nclock-offset-ms {}\n\
             instance {}\nprev {}\ndescriptor {revision} {descriptor}\ngeneration {}\n",
            self.repository,
            self.device,
            self.sequence,
            self.kind.word(),
            self.time,
            or_dash(self.clock_offset_ms),
            hex::encode(self.instance),
            or_dash(self.prev),
            self.generation,
        );
        // Writing to a String cannot fail.
        for Attachment { role, sha256, stored_bytes } in &self.attachments {
            let _ = writeln!(out, "attach {role} {sha256} {stored_bytes}");
        }
        self.kind.write(&mut out);
        out
    }
}

fn signed_decimal(text: &str) -> Result<i64> {
    let wrong = malformed(WHAT, "a signed number is expected");
    let value: i64 = text.parse().map_err(|_| wrong.clone())?;
    // One form only: no plus sign, no leading zero, no minus zero.
    if value.to_string() == text { Ok(value) } else { Err(wrong) }
}

fn descriptor_seen(value: &str) -> Result<SeenRevision> {
    let [revision, sha256] = words(WHAT, value)?;
    Ok(SeenRevision { revision: ordinal(WHAT, revision)?, text_sha256: Sha256::parse(sha256)? })
}

fn attachment(value: &str) -> Result<Attachment> {
    let [role, sha256, bytes] = words("attachment", value)?;
    Ok(Attachment {
        role: word("attachment", role)?,
        sha256: Sha256::parse(sha256)?,
        stored_bytes: number(bytes).ok_or(malformed("attachment", "a size is expected"))?,
    })
}
