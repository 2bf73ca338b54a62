//! What is known to be missing or wrong in the store, until it is whole again.
//!
//! Data comes from `damage` and `heal` notes of all devices and from what this PC finds itself, and lies in `damage.json`
//! in the state folder; a lost file is read again from the ledger. It goes to the pipeline, which builds on no object in
//! it, and to the bilan. Never: an excuse. What a check says follows from what the store shows.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use scelle_format::id::{PackId, PackKind};
use scelle_format::layout;
use scelle_format::ledger::NoteKind;
use serde::{Deserialize, Serialize};

use super::append::LedgerWriter;
use super::descriptors::Descriptors;
use super::finding::Finding;
use super::history::{History, StoredNotes};
use super::objects::Objects;
use super::state::{Device, State};
use crate::error::{AgentError, Result};

/// The file of the state folder.
pub(super) const FILE: &str = "damage.json";
/// Objects named in one note: a note has at most 1 MiB.
const ROWS_OF_A_NOTE: usize = 4096;

/// What is known to be damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Objects called bad, by name, and why.
    bad: BTreeMap<String, String>,
    /// Packs of those whose chunks are all in others by now.
    healed: BTreeSet<String>,
    /// Up to which note other devices' ledgers were looked through.
    seen: BTreeMap<String, u64>,
}

/// Packs that nothing new may be built on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avoided(HashSet<PackId>);

impl Avoided {
    /// Whether there is nothing to avoid: the usual case, in which nothing is looked up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pack is to be avoided.
    pub fn has(&self, pack: &PackId) -> bool {
        !self.0.is_empty() && self.0.contains(pack)
    }

    /// The packs.
    pub fn iter(&self) -> impl Iterator<Item = &PackId> {
        self.0.iter()
    }
}

impl Damage {
    /// What the state folder knows, without looking at the store.
    pub fn load(state: &State) -> Option<Self> {
        state.get(FILE).ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    /// Keeps it.
    pub fn save(&self, state: &State) -> Result<()> {
        state.put(FILE, &serde_json::to_vec(self).map_err(AgentError::bug)?)
    }

    /// What all ledgers say.
    pub fn of(history: &History) -> Self {
        let mut damage = Self::default();
        damage.take_in(history);
        damage
    }

    /// Brings it up to date with what other devices have written since. Costs one listing for each other device, and
    /// nothing where there is none.
    pub async fn look(
        objects: &Objects,
        state: &State,
        device: &Device,
        descriptors: &Descriptors,
    ) -> Result<Self> {
        let mut damage = match Self::load(state) {
            Some(damage) => damage,
            None => Self::of(&History::load(objects, descriptors).await?),
        };
        let others = descriptors.current.devices.iter().filter(|line| line.id != device.id);
        for line in others {
            let seen = damage.seen.get(line.id.as_str()).copied().unwrap_or(0);
            let stored = StoredNotes::fetch_after(objects, &line.id, seen).await?;
            damage.take_in(&History::check(objects, stored, descriptors));
        }
        damage.save(state)?;
        Ok(damage)
    }

    /// By time, since one device may call good, or heal, what another has called bad.
    fn take_in(&mut self, history: &History) {
        let mut notes: Vec<_> = history.devices.iter().flat_map(|device| &device.notes).collect();
        notes.sort_by_key(|row| (row.note.time, row.note.sequence));
        for row in notes {
            self.apply(&row.note.kind);
            let seen = self.seen.entry(row.note.device.to_string()).or_default();
            *seen = (*seen).max(row.note.sequence);
        }
    }

    /// What one note changes.
    pub fn apply(&mut self, kind: &NoteKind) {
        match kind {
            NoteKind::Damage { bad, good, .. } => {
                for name in good {
                    self.bad.remove(name);
                    self.healed.remove(name);
                }
                for (why, name) in bad {
                    self.bad.entry(name.clone()).or_insert_with(|| why.clone());
                }
            }
            NoteKind::Heal { replaces: (kind, pack), .. } => {
                let name = layout::pack(*kind, pack);
                self.bad.entry(name.clone()).or_insert_with(|| "healed".to_owned());
                self.healed.insert(name);
            }
            _ => {}
        }
    }

    /// Packs that nothing may be built on: those called bad, healed or not.
    pub fn avoided(&self) -> Avoided {
        Avoided(
            self.bad.keys().filter_map(|name| layout::parse_pack(name).ok()).map(|(_, pack)| pack).collect(),
        )
    }

    /// Whether an object is called bad and nothing has taken its place.
    pub fn is_open(&self, name: &str) -> bool {
        self.bad.contains_key(name) && !self.healed.contains(name)
    }

    /// Packs called bad whose chunks are not all elsewhere yet.
    pub fn open_packs(&self) -> BTreeSet<(PackKind, PackId)> {
        let open = self.bad.keys().filter(|name| !self.healed.contains(*name));
        open.filter_map(|name| layout::parse_pack(name).ok()).collect()
    }

    /// What a list of findings adds: objects that are damaged and were not known to be.
    pub fn news(&self, findings: &[Finding]) -> Vec<(String, String)> {
        let mut news: BTreeMap<String, String> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.kind.is_damage()) {
            let name = &finding.object;
            let is_object = ["p/", "m/", "i/", "a/"].iter().any(|prefix| name.starts_with(prefix));
            if is_object && !self.bad.contains_key(name) {
                news.entry(name.clone()).or_insert_with(|| finding.kind.code().to_owned());
            }
        }
        news.into_iter().map(|(name, why)| (why, name)).collect()
    }

    /// Writes down what was found, in the ledger and here. Nothing to say writes nothing.
    pub async fn record(
        &mut self,
        ledger: &mut LedgerWriter<'_>,
        state: &State,
        found_by: &str,
        bad: Vec<(String, String)>,
        good: Vec<String>,
    ) -> Result<()> {
        let rows: Vec<_> = bad.into_iter().map(Ok).chain(good.into_iter().map(Err)).collect();
        for rows in rows.chunks(ROWS_OF_A_NOTE) {
            let bad = rows.iter().filter_map(|row| row.clone().ok()).collect();
            let good = rows.iter().filter_map(|row| row.clone().err()).collect();
            let kind = NoteKind::Damage { found_by: found_by.to_owned(), bad, good };
            // Known here first: a store that does not answer must not make this PC forget what it saw.
            self.apply(&kind);
            self.save(state)?;
            ledger.append(kind, Vec::new()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::id::Sha256;

    use super::*;

    fn name(n: u8) -> String {
        layout::pack(PackKind::Data, &PackId { epoch: 0, sha256: Sha256([n; 32]) })
    }

    fn found(bad: &[u8], good: &[u8]) -> NoteKind {
        let bad = bad.iter().map(|n| ("pack-hash".to_owned(), name(*n))).collect();
        NoteKind::Damage { found_by: "check".into(), bad, good: good.iter().map(|n| name(*n)).collect() }
    }

    #[test]
    fn damage_stays_until_it_is_healed_or_called_good() {
        let mut damage = Damage::default();
        assert!(damage.avoided().is_empty());
        damage.apply(&found(&[1, 2, 3], &[]));
        damage.apply(&found(&[], &[2]));
        let id = |n| PackId { epoch: 0, sha256: Sha256([n; 32]) };
        let by = vec![(PackKind::Data, id(9), 65_536)];
        damage.apply(&NoteKind::Heal { replaces: (PackKind::Data, id(1)), by });
        let open: Vec<_> = damage.open_packs().into_iter().map(|(_, pack)| pack).collect();
        assert_eq!(open, [id(3)]);
        // A healed pack is still no place to build on.
        assert!(damage.avoided().has(&id(1)) && !damage.avoided().has(&id(2)));
        let back: Damage = serde_json::from_slice(&serde_json::to_vec(&damage).unwrap()).unwrap();
        assert_eq!(back, damage);
    }
}
