//! What is known to be missing or wrong in the store, until it is whole again.
//!
//! Data comes from `damage` and `heal` notes of all devices and from what this PC finds itself, and lies in `damage.json`
//! in the state folder; a lost file is read again from the ledger. Of two words about one object the later one counts, and
//! later is what is *known* to come after ([`crate::repo::damage::words`]), never what a clock says. Notes, descriptors, key files and
//! FORMAT.txt, which no note can call bad, are remembered here only. It goes to the pipeline, which builds on no object in
//! it, to the mending rounds and to the bilan. Never: an excuse. What a check says follows from what the store shows.

pub(in crate::repo) mod altered;
pub mod damaged;
pub mod elsewhere;
pub mod known;
pub(in crate::repo) mod looked;
pub(in crate::repo) mod noted;
pub(in crate::repo) mod replaced;
pub(in crate::repo) mod returned;
pub mod strangers;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use scelle_format::id::PackId;
use scelle_format::layout::{self, PackName};
use scelle_format::ledger::{Author, Because, FoundBad, NoteKind};
use scelle_format::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::repo::damage::altered::Altered;
use crate::repo::damage::looked::Looked;
use crate::repo::damage::replaced::Replaced;
use crate::repo::damage::words::{Seen, Words};
use crate::repo::files;
use crate::repo::finding::{Finding, is_of_other_bytes};
use crate::repo::ledger::history::History;
use crate::repo::objects::Objects;
use crate::repo::state::State;
use crate::repo::state::checksum;

/// How names begin that no note can call bad.
const IS_HERE: [&str; 4] = ["c/", "desc/", "keys/", layout::FORMAT_TXT];

/// What is known to be damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What devices have said of objects, by name.
    objects: BTreeMap<String, Words>,
    /// Where the content of packs is now, as `heal` notes say.
    #[serde(default)]
    replaced: Replaced,
    /// Objects that a note cannot name, and why they are bad. A name that ends in `-` or `/` is the beginning of one.
    #[serde(default)]
    pub(in crate::repo) here: BTreeMap<String, String>,
    /// Notes that are lost or out of place, and that somebody has accepted as such.
    #[serde(default)]
    pub(in crate::repo) notes_accepted: BTreeSet<String>,
    /// What was bad, or out of place, when the last run ended: its bilan speaks of that, and of nothing that was found since.
    #[serde(default)]
    pub(in crate::repo) told: BTreeSet<String>,
    /// Snapshots that need an object, by device and number, where a check has looked.
    #[serde(default)]
    pub(in crate::repo) affected: BTreeMap<String, BTreeSet<(String, u64)>>,
    /// Up to which note the devices' ledgers were looked through.
    pub(in crate::repo) seen: Seen,
    /// Packs that the last backup could not make whole: the source has not all of what they held any more.
    #[serde(default)]
    pub(in crate::repo) tried: BTreeSet<String>,
    /// By device: its newest word about what is lost for good.
    #[serde(default)]
    pub(in crate::repo) losses: BTreeMap<String, Loss>,
    /// Where the store held other bytes, and nobody has acknowledged it.
    #[serde(default)]
    pub(in crate::repo) altered: Altered,
    /// How far what is known was compared with what is listed.
    #[serde(default)]
    pub(in crate::repo) looked: Looked,
}

/// Somebody has accepted that what damaged objects held is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// When, by the clock of the device that wrote it down.
    pub time: Timestamp,
    /// Snapshots that needed one of the objects then.
    pub snapshots: u64,
    /// Who.
    pub author: Author,
    /// Why.
    pub reason: Because,
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
        state.get(files::DAMAGE).ok().flatten().and_then(|bytes| checksum::from_json(&bytes))
    }

    /// Keeps it.
    pub fn save(&self, state: &State) -> Result<()> {
        state.put(files::DAMAGE, &checksum::to_json(self)?)
    }

    /// What all ledgers say.
    ///
    /// Errors: only the store's.
    pub async fn of(objects: &Objects, history: &History) -> Result<Self> {
        let mut damage = Self::default();
        damage.take_in(objects, history).await?;
        Ok(damage)
    }

    /// In any order: which word is the later one is not told by the order in which they are read.
    pub(in crate::repo) async fn take_in(&mut self, objects: &Objects, history: &History) -> Result<()> {
        for row in history.devices.iter().flat_map(|device| &device.notes) {
            let note = &row.note;
            let known = match &note.kind {
                NoteKind::Damage { good, .. } if good.is_empty() => Seen::new(),
                NoteKind::Damage { .. } | NoteKind::Loss { .. } => words::seen_by(objects, note).await?,
                _ => Seen::new(),
            };
            self.apply(note.device.as_str(), note.sequence, &note.kind, &known);
            if let Some(loss) = Loss::of(&note.kind, note.time) {
                self.losses.insert(note.device.to_string(), loss);
            }
            let seen = self.seen.entry(note.device.to_string()).or_default();
            *seen = (*seen).max(note.sequence);
        }
        Ok(())
    }

    /// What one note of `device` changes; `known` is how far its writer had read the chains of others.
    pub fn apply(&mut self, device: &str, sequence: u64, kind: &NoteKind, known: &Seen) {
        match kind {
            NoteKind::Damage { bad, good, .. } => {
                for name in good {
                    self.words(name).call_good(device, sequence, known);
                }
                for FoundBad { name, why } in bad {
                    self.words(name).call_bad(device, sequence, why);
                }
            }
            NoteKind::Heal { replaces: (kind, pack), by } => {
                let name = layout::pack(*kind, pack);
                self.words(&name).heal(device, sequence);
                let by = by.iter().map(|(kind, pack, _)| layout::pack(*kind, pack)).collect();
                self.replaced.take_in(name, device, sequence, by);
            }
            NoteKind::Loss { lost, .. } => {
                for name in lost {
                    self.words(name).accept(device, sequence, known);
                }
            }
            _ => {}
        }
    }

    fn words(&mut self, name: &str) -> &mut Words {
        self.objects.entry(name.to_owned()).or_default()
    }

    /// Packs that nothing may be built on: those called bad, healed or not.
    pub fn avoided(&self) -> Avoided {
        Avoided(self.packs(Words::is_bad).map(|(_, pack)| pack).collect())
    }

    /// Whether an object is called bad and nothing has taken its place.
    pub fn is_open(&self, name: &str) -> bool {
        self.here.contains_key(name) || self.objects.get(name).is_some_and(|words| self.is_gone(name, words))
    }

    /// Whether the content of an object is not known to be anywhere: it is bad, and so is what took its place.
    fn is_gone(&self, name: &str, words: &Words) -> bool {
        words.is_open() || words.is_bad() && !self.replaced.lost_of(name, &self.objects).is_empty()
    }

    /// Packs called bad whose chunks are not all elsewhere yet.
    pub fn open_packs(&self) -> BTreeSet<PackName> {
        self.open().filter_map(|bad| layout::parse_pack(bad.name).ok()).collect()
    }

    /// [`Self::open`], and what no note can name.
    pub fn open_all(&self) -> impl Iterator<Item = FoundBad<&str>> {
        self.open().chain(self.here.iter().map(|(name, why)| FoundBad { name: name.as_str(), why }))
    }

    /// Everything called bad with nothing in its place.
    pub fn open(&self) -> impl Iterator<Item = FoundBad<&str>> {
        let open = self.objects.iter().filter(|(name, words)| self.is_gone(name, words));
        open.map(|(name, words)| FoundBad { name: name.as_str(), why: words.why() })
    }

    /// Those that nobody has accepted as lost.
    pub fn unaccepted(&self) -> Vec<String> {
        let names = self.open().map(|bad| bad.name.to_owned());
        names.filter(|name| !self.is_accepted(name)).collect()
    }

    /// Whether an object is lost and somebody has accepted that.
    pub fn is_accepted(&self, name: &str) -> bool {
        let is_accepted = |name: &str| self.objects.get(name).is_some_and(Words::is_accepted);
        if self.here.contains_key(name) {
            return self.notes_accepted.contains(name);
        }
        let lost = self.replaced.lost_of(name, &self.objects);
        self.is_open(name) && is_accepted(name) && lost.into_iter().all(is_accepted)
    }

    /// What was accepted, where something is lost for good; of several words the one about most snapshots.
    pub fn loss(&self) -> Option<Loss> {
        let is_any = self.objects.keys().any(|name| self.is_accepted(name));
        self.losses.values().filter(|_| is_any).max_by_key(|loss| loss.snapshots).copied()
    }

    /// Whether `device` has found one of these objects bad after its note number `sequence`.
    pub fn has_news(&self, names: &[String], device: &str, sequence: u64) -> bool {
        names.iter().filter_map(|name| self.objects.get(name)).any(|words| words.is_news_of(device, sequence))
    }

    fn packs(&self, are: impl Fn(&Words) -> bool) -> impl Iterator<Item = PackName> {
        let named = self.objects.iter().filter(move |(_, words)| are(words));
        named.filter_map(|(name, _)| layout::parse_pack(name).ok())
    }

    /// What a list of findings adds: objects that are damaged and were not known to be.
    pub fn news(&self, findings: &[Finding]) -> Vec<FoundBad> {
        let mut news: BTreeMap<String, String> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.kind.is_of_an_object()) {
            let name = &finding.object;
            let is_ours = is_noted(name) || IS_HERE.iter().any(|prefix| name.starts_with(prefix));
            let is_known = self.objects.get(name).is_some_and(Words::is_bad) || self.here.contains_key(name);
            if is_ours && !is_known {
                let why = news.entry(name.clone()).or_insert_with(|| finding.kind.code().to_owned());
                // Of several words for one object, the one that says that somebody wrote there.
                if !is_of_other_bytes(why) && is_of_other_bytes(finding.kind.code()) {
                    finding.kind.code().clone_into(why);
                }
            }
        }
        news.into_iter().map(|(name, why)| FoundBad { name, why }).collect()
    }
}

impl Loss {
    pub(in crate::repo) fn of(kind: &NoteKind, time: Timestamp) -> Option<Self> {
        match kind {
            NoteKind::Loss { snapshots, author, reason, .. } => {
                Some(Self { time, snapshots: *snapshots, author: *author, reason: *reason })
            }
            _ => None,
        }
    }
}

/// Whether a `damage` note can name an object (FORMAT.md §10).
pub(in crate::repo) fn is_noted(name: &str) -> bool {
    layout::is_named(name) && ["p/", "m/", "i/", "a/"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
#[path = "damage_tests.rs"]
mod tests;
