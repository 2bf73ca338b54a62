//! One file that proves a bilan without the store.
//!
//! Data comes from the store (record, notes, descriptors, as they were signed) and goes to a JSON document that
//! [`super::verify()`] reads years later. The document has one form: canonical order, two spaces, one newline at the end,
//! and a digest over all of it. The record itself is proven by `jq -cS .record FILE`, without the newline: its SHA-256 is
//! in the signed note. Never: a name, a path, a key.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::NoteKind;
use scelle_format::limits::NOTE_MAX_BYTES;
use scelle_format::note;
use scelle_format::report::{AsText, Light, Record};
use serde::{Deserialize, Serialize};

use super::list::Loaded;
use crate::error::{AgentError, Result};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::history::{History, VerifiedNote};
use crate::repo::objects::Objects;

pub(super) const MAGIC: &str = "bilan/1";
const CONCURRENT: usize = 16;

/// The document. Field order is the file's order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// [`MAGIC`].
    pub scelle: String,
    /// Status, as in record and note.
    pub status: Light,
    /// Id of the bilan.
    pub id: String,
    /// The record.
    pub record: Record,
    /// The bilan's note, whole, with its signature.
    pub signature: String,
    /// What the signature rests on.
    pub proof: Proof,
    /// SHA-256 of this document with 64 zeros in this place.
    pub digest: AsText<Sha256>,
}

/// Signed texts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// Descriptors from revision 1: who owns the repository and which key is the device's.
    pub descriptors: Vec<String>,
    /// Notes of the device from the bilan before (or its first note) to this one.
    pub before: Vec<String>,
    /// Notes of the device after this bilan, up to its head when the file was made.
    pub after: Vec<String>,
}

impl Document {
    /// The file.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self).ok()?;
        text.push(b'\n');
        Some(text)
    }

    /// The digest it must bear.
    pub fn expected_digest(&self) -> Option<Sha256> {
        let blank = Self { digest: AsText(Sha256([0; 32])), ..self.clone() };
        Some(Sha256::of(&blank.to_bytes()?))
    }
}

/// The JSON document of a bilan. Errors: exit 2 when the bilan is not in the store yet.
pub async fn export(
    objects: &Objects,
    descriptors: &Descriptors,
    history: &History,
    bilan: &Loaded,
) -> Result<Vec<u8>> {
    let own = bilan.note.as_ref().ok_or_else(AgentError::bilan_unsent)?;
    let device = history.device(&own.note.device).ok_or_else(AgentError::bilan_not_found)?;
    let at = own.note.sequence;
    let is_bilan =
        |row: &&VerifiedNote| matches!(row.note.kind, NoteKind::Bilan { .. }) && row.note.sequence < at;
    let from = device.notes.iter().filter(is_bilan).map(|row| row.note.sequence).max().unwrap_or(1);
    // A second note of the bilan's own number goes in too: a fork must show.
    let others = || device.notes.iter().filter(|row| row.object_sha256 != own.object_sha256);
    let before: Vec<_> = others().filter(|row| (from..=at).contains(&row.note.sequence)).collect();
    let after: Vec<_> = others().filter(|row| row.note.sequence > at).collect();
    let mut document = Document {
        scelle: MAGIC.to_owned(),
        status: bilan.record.status.overall,
        id: bilan.id.clone(),
        record: bilan.record.clone(),
        signature: signed_text(objects, own).await?,
        proof: Proof {
            descriptors: signed_descriptors(objects, descriptors).await?,
            before: signed_texts(objects, &before).await?,
            after: signed_texts(objects, &after).await?,
        },
        digest: AsText(Sha256([0; 32])),
    };
    let bug = || AgentError::bug("a bilan that cannot be written as JSON");
    document.digest = AsText(document.expected_digest().ok_or_else(bug)?);
    document.to_bytes().ok_or_else(bug)
}

async fn signed_texts(objects: &Objects, rows: &[&VerifiedNote]) -> Result<Vec<String>> {
    stream::iter(rows.iter().map(|row| signed_text(objects, row))).buffered(CONCURRENT).try_collect().await
}

async fn signed_text(objects: &Objects, row: &VerifiedNote) -> Result<String> {
    let bytes = objects.get_hashed(&row.name, &row.object_sha256, NOTE_MAX_BYTES as u64).await?;
    String::from_utf8(bytes.to_vec()).map_err(|_| AgentError::object_corrupt().at(row.name.clone()))
}

/// The descriptors that were checked, as the store has them: by hash of their text, so that none can be swapped.
async fn signed_descriptors(objects: &Objects, descriptors: &Descriptors) -> Result<Vec<String>> {
    let mut texts = Vec::with_capacity(descriptors.history.len());
    for entry in &descriptors.history {
        let name = layout::descriptor(entry.named_revision);
        let expected = entry.descriptor.text_sha256();
        let is_right = |bytes: &[u8]| {
            note::parse(bytes).is_ok_and(|signed| Sha256::of(signed.text.as_bytes()) == expected)
        };
        let found = objects.find_named(&name, NOTE_MAX_BYTES as u64).await?.filter(|bytes| is_right(bytes));
        let found = match found {
            Some(bytes) => Some(bytes),
            None => objects.version_where(&name, NOTE_MAX_BYTES as u64, is_right).await?,
        };
        let bytes = found.ok_or_else(|| AgentError::object_missing().at(name.clone()))?;
        texts.push(String::from_utf8(bytes.to_vec()).map_err(|_| AgentError::object_corrupt().at(name))?);
    }
    Ok(texts)
}
