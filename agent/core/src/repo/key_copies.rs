//! The key files of a repository as this PC first saw them (FORMAT.md §9): one more copy of what everything hangs on.
//!
//! Data comes from `keys/` of the store and lies, sealed as it is there, in `keys-copy.json` in the state folder. What the
//! store lost is put back from it; what differs is put right where full refs, which signed notes name, agree with this copy
//! and not with what is there. Never: opened, or written over by what the store shows later.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::checksum;
use super::copies::Copies;
use super::files;
use super::finding::{Finding, FindingKind};
use super::keyring::KeyFiles;
use super::mend::{Fate, with};
use super::objects::{InPlace, Objects};
use super::state::State;
use crate::error::Result;

/// Copies by the names of their objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeyCopies {
    /// In base64.
    by_name: BTreeMap<String, String>,
}

impl KeyCopies {
    /// What the state folder holds; a file that is no such thing holds nothing.
    pub fn load(state: &State) -> Result<Self> {
        let bytes = state.get(files::KEY_COPIES)?.unwrap_or_default();
        Ok(checksum::from_json(&bytes).unwrap_or_default())
    }

    /// [`Self::load`] for who only looks: `folder` is the state folder of a repository.
    pub fn in_folder(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join(files::KEY_COPIES)).unwrap_or_default();
        checksum::from_json(&bytes).unwrap_or_default()
    }

    /// Whether [`Self::mend`] would put a key file back, or right.
    pub async fn can_mend(&self, objects: &Objects, name: &str) -> bool {
        match self.of(name) {
            Some(copy) => is_attested(objects, name, &copy).await.unwrap_or(false),
            None => false,
        }
    }

    /// Compares the key files of the store with the copies, and keeps copies of those that are new.
    pub async fn look(&mut self, objects: &Objects, state: &State) -> Result<Vec<Finding>> {
        let files = KeyFiles::fetch(objects).await?;
        let known = self.by_name.len();
        // What this PC wrote itself comes before whatever the store shows by the first backup. Later it is all here.
        let first = if known == 0 { own(objects) } else { Vec::new() };
        for (name, bytes) in first {
            self.by_name.entry(name).or_insert_with(|| STANDARD.encode(&bytes));
        }
        let stored: BTreeMap<&str, &Bytes> = files.iter().collect();
        let mut findings = Vec::new();
        for (name, copy) in self.by_name.iter().filter(|(name, _)| name.starts_with("keys/")) {
            match stored.get(name.as_str()) {
                None => findings.push(Finding::new(FindingKind::KeyMissing, name.clone())),
                Some(bytes) if STANDARD.encode(bytes) != *copy => {
                    findings.push(Finding::new(FindingKind::KeyForged, name.clone()));
                }
                Some(_) => {}
            }
        }
        // What this PC saw first counts: a key file is never written twice under one name.
        for (name, bytes) in stored.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
            self.by_name.entry(name.to_owned()).or_insert_with(|| STANDARD.encode(bytes));
        }
        if self.by_name.len() != known {
            state.put(files::KEY_COPIES, &checksum::to_json(self)?)?;
        }
        Ok(findings)
    }

    /// The copy of a key file.
    pub fn of(&self, name: &str) -> Option<Bytes> {
        STANDARD.decode(self.by_name.get(name)?).ok().map(Bytes::from)
    }

    /// How many copies of each there are: in the store, here, and in full refs, which are written with the first snapshot
    /// and again at least every 32nd.
    pub fn count(&self, has_refs: bool) -> u64 {
        1 + u64::from(!self.by_name.is_empty()) + u64::from(has_refs)
    }

    /// Puts a key file back, or right.
    pub async fn mend(&self, objects: &Objects, name: &str) -> Fate {
        let Some(copy) = self.of(name) else { return Fate::NoCopy };
        match is_attested(objects, name, &copy).await {
            Ok(true) => with(objects, name, copy).await,
            Ok(false) => Fate::NoCopy,
            Err(error) => Fate::Refused(error),
        }
    }
}

/// Key files that this PC wrote, as it wrote them.
fn own(objects: &Objects) -> Vec<(String, Bytes)> {
    let Some(kept) = objects.kept() else { return Vec::new() };
    let names = kept.names_below("keys/").into_iter();
    names.filter_map(|name| kept.copy(&name).map(|bytes| (name, bytes))).collect()
}

/// Whether a copy may be put in the place of what is there: nothing is, or this PC wrote the copy or refs know it, and refs do
/// not know what is there. An owner who has put right what this PC saw damaged from the first is not overruled.
async fn is_attested(objects: &Objects, name: &str, copy: &Bytes) -> Result<bool> {
    let there = match objects.in_place(name, scelle_format::limits::KEY_FILE_MAX_BYTES as u64).await? {
        InPlace::Nothing => return Ok(true),
        InPlace::Bytes(there) if there == *copy => return Ok(true),
        InPlace::Bytes(there) => Some(there),
        InPlace::Unreadable => None,
    };
    let copies = Copies::fetch(objects).await?;
    let known = copies.of(name);
    let is_own = objects.kept().and_then(|kept| kept.copy(name)).is_some_and(|own| own == *copy);
    Ok((is_own || known.contains(copy)) && there.is_none_or(|there| !known.contains(&there)))
}
