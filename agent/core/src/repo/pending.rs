//! A note on its way: kept from before its first byte leaves until the store has shown it.
//!
//! Data comes from the ledger's pen and goes to `pending.json` in the state folder, which is replaced whole and never in
//! place. With it lie the head that it is written on and the small attachments that it names, so that a later run can
//! bring all of it to the store. Never: sends anything, or decides that a note is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use scelle_format::id::Sha256;
use serde::{Deserialize, Serialize};

use super::append::Attached;
use super::state::{Head, State};
use crate::error::{AgentError, Result};

const FILE: &str = "pending.json";
/// Attachments kept beside a note, together: the state folder must not grow with the repository.
const ATTACHMENTS_MAX_BYTES: usize = 4 << 20;

/// A note that may be in the store, or not. What the run changed in the head beside the chain (refs, segments, counts)
/// belongs to it: a crash between store and state must not tear them apart.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The signed note.
    pub(super) note: String,
    /// The head it is written on.
    pub(super) head: Head,
    /// Sequence of the note; what an earlier version has written does not say it.
    #[serde(default)]
    sequence: Option<u64>,
    /// Stored bytes of its attachments, in base64.
    #[serde(default)]
    attachments: Vec<String>,
}

impl Pending {
    pub(super) fn new(note: String, sequence: u64, head: Head, attached: &[Attached]) -> Self {
        let mut left = ATTACHMENTS_MAX_BYTES;
        let kept = attached.iter().filter_map(|attached| attached.bytes.as_ref()).filter(|bytes| {
            let fits = bytes.len() <= left;
            left -= if fits { bytes.len() } else { 0 };
            fits
        });
        let attachments = kept.map(|bytes| STANDARD.encode(bytes)).collect();
        Self { note, head, sequence: Some(sequence), attachments }
    }

    /// Number of the note.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.unwrap_or(self.head.sequence + 1)
    }

    /// Hash and bytes of the attachments that are kept with it.
    pub(super) fn attachments(&self) -> Vec<(Sha256, Bytes)> {
        let bytes = self.attachments.iter().filter_map(|text| STANDARD.decode(text).ok());
        bytes.map(|bytes| (Sha256::of(&bytes), Bytes::from(bytes))).collect()
    }

    /// The note that an earlier run, or this one, has left. A file that is no such thing was never written by us.
    pub(super) fn load(state: &State) -> Result<Option<Self>> {
        Ok(state.get(FILE)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub(super) fn save(&self, state: &State) -> Result<()> {
        state.put(FILE, &serde_json::to_vec(self).map_err(AgentError::bug)?)
    }

    pub(super) fn remove(state: &State) {
        state.remove(FILE);
    }
}
