//! The making of a repository, kept until it is finished: what a crash leaves half-made is gone on with, not begun anew.
//!
//! For: `create`, which seals everything first, keeps it in the state folder and only then sends it: sealing twice would
//! give other bytes under names that are written once. Data goes to the store byte for byte, as often as needed. Never:
//! an identity that opens something; the objects are sealed already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use scelle_store::Put;
use serde::{Deserialize, Serialize};

use crate::error::{AgentError, Result};
use crate::repo::files;
use crate::repo::objects::Objects;
use crate::repo::state::State;
use crate::repo::state::checksum;

/// No object that makes a repository is larger.
const OBJECT_MAX_BYTES: u64 = 1 << 20;

/// What a repository is made of, in the order in which it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Escrow recipients it is sealed to, as they were typed.
    pub escrows: Vec<String>,
    /// Whether an everyday phrase opens it.
    pub has_phrase: bool,
    objects: Vec<SealedObject>,
}

/// An object to be sent; name and base64, two texts in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
struct SealedObject {
    name: String,
    base64: String,
}

impl From<(String, String)> for SealedObject {
    fn from((name, base64): (String, String)) -> Self {
        Self { name, base64 }
    }
}

impl From<SealedObject> for (String, String) {
    fn from(object: SealedObject) -> Self {
        (object.name, object.base64)
    }
}

impl Unfinished {
    /// Nothing yet, sealed to these escrows and perhaps to a phrase.
    pub fn new(escrows: Vec<String>, has_phrase: bool) -> Self {
        Self { escrows, has_phrase, objects: Vec::new() }
    }

    /// What an earlier attempt left, where it left a device too: before that nothing was sent.
    pub fn load(state: &State) -> Result<Option<Self>> {
        let Some(bytes) = state.get(files::CREATION)? else { return Ok(None) };
        if state.device().is_err() || state.head().is_err() {
            return Ok(None);
        }
        Ok(checksum::from_json(&bytes))
    }

    /// Adds an object to be sent.
    pub fn push(&mut self, name: String, bytes: &[u8]) {
        self.objects.push(SealedObject { name, base64: STANDARD.encode(bytes) });
    }

    /// Keeps it in the state folder.
    pub fn keep(&self, state: &State) -> Result<()> {
        state.put(files::CREATION, &checksum::to_json(self)?)
    }

    /// The making is finished.
    pub fn finish(state: &State) {
        state.remove(files::CREATION);
    }

    /// Sends what is not there yet, in order, and reads it all back: a store that ignores `If-None-Match` may have let
    /// another writer replace it meanwhile.
    ///
    /// Errors: exit 1 when another one's object bears the name of ours.
    pub async fn send(&self, objects: &Objects) -> Result<()> {
        let decoded =
            |base64: &String| STANDARD.decode(base64).map(Bytes::from).map_err(AgentError::local_state);
        let not_ours = || AgentError::init_unfinished_elsewhere().at(objects.store().address());
        for SealedObject { name, base64 } in &self.objects {
            if !put_exact(objects, name, decoded(base64)?).await? {
                return Err(not_ours());
            }
        }
        for SealedObject { name, base64 } in &self.objects {
            if objects.get_named(name, OBJECT_MAX_BYTES).await? != decoded(base64)? {
                return Err(not_ours());
            }
        }
        Ok(())
    }
}

/// Writes an object whose name says nothing about its content. Returns whether it is there with these bytes: written
/// now, or by an attempt whose answer was lost.
pub async fn put_exact(objects: &Objects, name: &str, bytes: Bytes) -> Result<bool> {
    match objects.put_new(name, bytes.clone()).await? {
        Put::Created => Ok(true),
        Put::AlreadyThere => Ok(objects.get_named(name, OBJECT_MAX_BYTES).await? == bytes),
    }
}
