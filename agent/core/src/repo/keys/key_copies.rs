//! The key files of a repository as this PC first saw them (FORMAT.md §9): one more copy of what everything hangs on.
//!
//! Data comes from what this PC wrote, from full refs, which signed notes name, and from `keys/` of the store, believed in this
//! order, and lies, sealed as it is there, in `keys-copy.json` in the state folder. What the store lost is put back; what
//! differs is put right where refs do not know what is there. What [`KeyCopies::can_mend`] promises and what
//! [`KeyCopies::mend`] does is one decision. Never: opened, or written over by what the store shows later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use scelle_format::descriptor::Descriptor;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::repo::files;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::key_files::{KeyFiles, Named, is_age, names};
use crate::repo::objects::copies::Copies;
use crate::repo::objects::mend::{Fate, with};
use crate::repo::objects::{InPlace, Objects};
use crate::repo::state::State;
use crate::repo::state::checksum;

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

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether [`Self::mend`] would put a key file back, or right. A name that ends in `/` stands for all below it.
    pub async fn can_mend(&self, objects: &Objects, name: &str) -> bool {
        if !name.ends_with('/') {
            return matches!(self.right(objects, name).await, Ok(Right::Lacks(_)));
        }
        let mut names: BTreeSet<String> =
            self.by_name.keys().filter(|key| key.starts_with(name)).cloned().collect();
        names.extend(own(objects).into_keys().filter(|key| key.starts_with(name)));
        for name in names {
            if matches!(self.right(objects, &name).await, Ok(Right::Lacks(_))) {
                return true;
            }
        }
        false
    }

    /// Compares the key files of the store with the copies, and keeps copies of those that are new. What the descriptor does not
    /// name is passed over: a copy of such a file stays, and is not missed.
    pub async fn look(
        &mut self,
        objects: &Objects,
        state: &State,
        descriptor: &Descriptor,
    ) -> Result<Vec<Finding>> {
        let files = KeyFiles::fetch(objects).await?;
        let (files, _) = files.named_by(descriptor, |name| self.knows(objects, name));
        let known = self.by_name.len();
        let stored: BTreeMap<&str, &Bytes> = files.iter().filter(|(_, bytes)| is_age(bytes)).collect();
        // What this PC wrote and what refs know comes before whatever the store shows when it is seen first: by the first
        // backup, and where the copies were lost.
        let is_new = |name: &&str| !self.by_name.contains_key(*name);
        let doubtful = match known == 0 || stored.keys().any(is_new) {
            true => self.take_attested(objects, &stored).await?,
            false => BTreeSet::new(),
        };
        let mut findings: Vec<Finding> = files.unreadable().collect();
        if let Some(kept) = objects.kept() {
            // Taken over from a store that had it wrong, by an earlier version say: what is proven counts.
            for (name, copy) in &mut self.by_name {
                if let Some(proven) = kept.copy(name) {
                    *copy = STANDARD.encode(proven);
                }
            }
        }
        let is_named = |name: &str| name.starts_with("keys/") && names(descriptor, name) != Named::No;
        for (name, copy) in self.by_name.iter().filter(|(name, _)| is_named(name)) {
            match stored.get(name.as_str()) {
                None if findings.iter().any(|found| found.object == *name) => {}
                None => findings.push(Finding::new(FindingKind::KeyMissing, name.clone())),
                Some(bytes) if STANDARD.encode(bytes) != *copy => {
                    findings.push(Finding::new(FindingKind::KeyForged, name.clone()));
                }
                Some(_) => {}
            }
        }
        // What this PC saw first counts: a key file is never written twice under one name.
        for (name, bytes) in stored.into_iter().filter(|(name, _)| !doubtful.contains(*name)) {
            self.by_name.entry(name.to_owned()).or_insert_with(|| STANDARD.encode(bytes));
        }
        if self.by_name.len() != known {
            state.put(files::KEY_COPIES, &checksum::to_json(self)?)?;
        }
        Ok(findings)
    }

    /// Whether this computer has a copy of a key file, whatever the store shows.
    pub fn knows(&self, objects: &Objects, name: &str) -> bool {
        self.by_name.contains_key(name) || objects.kept().is_some_and(|kept| kept.copy(name).is_some())
    }

    /// Whether what is known to be wrong with a key file is nothing: no descriptor names it.
    pub fn is_strangers(&self, objects: &Objects, descriptor: &Descriptor, name: &str) -> bool {
        name.starts_with("keys/")
            && match names(descriptor, name) {
                Named::No => true,
                Named::First => false,
                Named::Further => !self.knows(objects, name),
            }
    }

    /// Name and bytes of every copy.
    pub fn iter(&self) -> impl Iterator<Item = (String, Bytes)> {
        let copy =
            |(name, copy): (&String, &String)| Some((name.clone(), STANDARD.decode(copy).ok()?.into()));
        let keys = self.by_name.iter().filter(|(name, _)| name.starts_with("keys/"));
        keys.filter_map(copy).collect::<Vec<_>>().into_iter()
    }

    /// Takes what this PC wrote, and what refs agree on where the store shows nothing that they know. Returns the names on
    /// which refs do not agree.
    async fn take_attested(
        &mut self,
        objects: &Objects,
        stored: &BTreeMap<&str, &Bytes>,
    ) -> Result<BTreeSet<String>> {
        let own = own(objects);
        let copies = Copies::fetch(objects).await?;
        let mut doubtful = BTreeSet::new();
        for (name, known) in copies.below("keys/").filter(|(name, _)| !own.contains_key(*name)) {
            match (known, stored.get(name)) {
                (known, Some(there)) if known.contains(there) => {}
                ([only], _) => {
                    self.by_name.entry(name.to_owned()).or_insert_with(|| STANDARD.encode(only));
                }
                _ => {
                    doubtful.insert(name.to_owned());
                }
            }
        }
        for (name, bytes) in own {
            self.by_name.entry(name).or_insert_with(|| STANDARD.encode(&bytes));
        }
        Ok(doubtful)
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
        if name.ends_with('/') {
            return Fate::NoCopy;
        }
        match self.right(objects, name).await {
            Ok(Right::Stands) => Fate::Sound,
            Ok(Right::Lacks(right)) => with(objects, name, right).await,
            Ok(Right::Unknown) => Fate::NoCopy,
            Err(error) => Fate::Refused(error),
        }
    }

    /// What belongs in the place of a key file, beside what is there.
    async fn right(&self, objects: &Objects, name: &str) -> Result<Right> {
        let there = match objects.in_place(name, scelle_format::limits::KEY_FILE_MAX_BYTES as u64).await? {
            InPlace::Nothing => None,
            InPlace::Bytes(there) => Some(there),
            InPlace::Unreadable => Some(Bytes::new()),
        };
        let or_stands = |right: Bytes| match there.as_ref() == Some(&right) {
            true => Right::Stands,
            false => Right::Lacks(right),
        };
        // What this PC wrote, or a key has shown to be right, comes before anything that refs may have taken over.
        if let Some(own) = objects.kept().and_then(|kept| kept.copy(name)) {
            return Ok(or_stands(own));
        }
        let copies = Copies::fetch(objects).await?;
        let seen = self.of(name);
        Ok(match copies.of(name) {
            [only] => or_stands(only.clone()),
            // Refs do not agree: an owner who has put right what this PC saw damaged from the first is not overruled.
            known if there.as_ref().is_some_and(|there| known.contains(there)) => Right::Unknown,
            known => match seen.filter(|seen| known.contains(seen) || there.is_none()) {
                Some(seen) => or_stands(seen),
                // What only this PC has seen fills an empty place, and replaces nothing.
                None => Right::Unknown,
            },
        })
    }
}

/// What is known of the bytes in the place of a key file.
enum Right {
    /// They are right.
    Stands,
    /// These belong there.
    Lacks(Bytes),
    /// Nobody here can say.
    Unknown,
}

/// Key files that this PC wrote, or that a key has opened here, as they were then.
fn own(objects: &Objects) -> BTreeMap<String, Bytes> {
    let Some(kept) = objects.kept() else { return BTreeMap::new() };
    let names = kept.names_below("keys/").into_iter();
    names.filter_map(|name| kept.copy(&name).map(|bytes| (name, bytes))).collect()
}
