//! What known damage means: how many objects of which sort, which snapshots need them, what a check found sound again, and
//! where other bytes lay.
//!
//! Data comes from [`Damage`] and goes to the bilan and to `check`. Never: counts what somebody has accepted as lost.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use scelle_format::id::DeviceId;
use scelle_format::layout;
use scelle_format::ledger::FoundBad;

use crate::repo::damage::Damage;
use crate::repo::files;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::state::State;
use crate::repo::state::checksum;

/// How many objects are bad and not replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DamageCounts {
    /// Packs.
    pub packs: u64,
    /// Notes and attachments: without a root or a note its snapshot cannot be restored.
    pub small: u64,
    /// Key files and descriptors.
    pub keys: u64,
    /// Index segments and FORMAT.txt, which no restoration needs.
    pub spare: u64,
    /// What delete markers hide.
    pub hidden: u64,
    /// Notes that somebody has accepted as lost or out of place: in no other figure.
    pub accepted_notes: u64,
}

impl DamageCounts {
    /// All of them that nobody has accepted as lost.
    pub fn total(&self) -> u64 {
        self.packs + self.small + self.keys + self.spare + self.hidden
    }
}

impl Damage {
    /// Takes note of those among `found` that say that other bytes lay there. `next` is the number that
    /// the next note of this device will bear. Returns whether there were any: then [`Self::save`] before they are put right.
    pub fn note_altered<'a>(
        &mut self,
        found: impl IntoIterator<Item = FoundBad<&'a str>>,
        next: u64,
    ) -> bool {
        self.altered.note(found, next)
    }

    /// A backup has just stored again what the source still had: packs that are open all the same stay so.
    pub fn note_tried(&mut self) {
        let packs = self.open_packs();
        self.tried = packs.iter().map(|(kind, pack)| layout::pack(*kind, pack)).collect();
    }

    /// Packs that the last backup of this computer could not make whole; `folder` is the state folder of a repository.
    pub fn tried_in(folder: &Path) -> BTreeSet<String> {
        let bytes = std::fs::read(folder.join(files::DAMAGE)).ok();
        bytes
            .and_then(|bytes| checksum::from_json::<Self>(&bytes))
            .map(|damage| damage.tried)
            .unwrap_or_default()
    }

    /// Names of what is bad and not replaced.
    pub(in crate::repo) fn open_names(&self) -> BTreeSet<String> {
        self.open().map(|bad| bad.name.to_owned()).collect()
    }

    /// What other devices have found since `known`: it is said by this one too, which may have written it.
    pub(in crate::repo) fn note_words_of_others(&mut self, known: &BTreeSet<String>, state: &State) {
        let news = self.open().filter(|bad| !known.contains(bad.name));
        let news: Vec<FoundBad> = news.map(|bad| bad.to_owned()).collect();
        if !news.is_empty() {
            let next = state.head().map_or(1, |head| head.sequence + 1);
            self.altered.note(news.iter().map(FoundBad::as_deref), next);
        }
    }

    /// Whether what the ledger says of the alarm about altered objects is to be read first ([`Self::recall_altered`]).
    pub fn is_alarm_unknown(&self) -> bool {
        !self.altered.is_known()
    }

    /// Takes in what the ledger says: the bilan that still had the alarm open, if it is.
    pub fn recall_altered(&mut self, open_in: Option<u64>) {
        self.altered.recall(open_in);
    }

    /// In the place of how many objects other bytes were found, and nobody has acknowledged it.
    pub fn altered_objects(&self) -> u64 {
        self.altered.count()
    }

    /// Somebody has acknowledged what the bilan with this number, and those before it, said.
    pub fn acknowledge_altered(&mut self, bilan: u64) {
        self.altered.acknowledge(bilan);
    }

    /// Whether a state folder remembers anything that is still bad. Takes no lock.
    pub fn is_open_in(folder: &Path) -> bool {
        let bytes = std::fs::read(folder.join(files::DAMAGE)).unwrap_or_default();
        serde_json::from_slice(&bytes).is_ok_and(|damage: Self| damage.open_all().next().is_some())
    }

    /// Remembers which snapshots need what a check found damaged.
    pub fn note_affected(&mut self, findings: &[Finding]) {
        self.affected.clear();
        for finding in findings.iter().filter(|finding| finding.kind.is_of_an_object()) {
            let snapshots = finding.affects.iter().map(|id| (id.device.to_string(), id.number));
            self.affected.entry(finding.object.clone()).or_default().extend(snapshots);
        }
    }

    /// Snapshots of a device that need something that is bad; `None` where nobody has looked which ones do.
    pub fn damaged_snapshots(&self, device: &DeviceId) -> Option<BTreeSet<u64>> {
        let mut numbers = BTreeSet::new();
        // No restoration needs an index segment; key files, descriptors and FORMAT.txt are of all snapshots or none.
        let is_of_some = |name: &str| ["p/", "m/", "a/", "c/"].iter().any(|prefix| name.starts_with(prefix));
        for name in self.open_all().map(|bad| bad.name).filter(|name| is_of_some(name)) {
            let affected = self.affected.get(name)?.iter().filter(|(of, _)| *of == device.as_str());
            numbers.extend(affected.map(|(_, number)| *number));
        }
        Some(numbers)
    }

    /// A run ends, and its bilan speaks of what is bad and of the notes that are `out_of_place`. What was accepted and is no
    /// longer so is forgotten: should it come again, it is news. Returns whether that is another than before.
    pub(in crate::repo) fn tell<'a>(&mut self, out_of_place: impl Iterator<Item = &'a str>) -> bool {
        let is_shown = |bad: &FoundBad<&str>| bad.why != FindingKind::Hidden.code();
        let bad = self.open_all().filter(is_shown).map(|bad| bad.name.to_owned());
        let told: BTreeSet<String> = bad.chain(out_of_place.map(str::to_owned)).collect();
        let accepted = self.notes_accepted.len();
        self.notes_accepted.retain(|name| told.contains(name));
        let is_other = told != self.told || self.notes_accepted.len() != accepted;
        self.told = told;
        is_other
    }

    /// Whether a bilan has told of all of these.
    pub fn has_told(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.told.contains(name))
    }

    /// Somebody accepts that notes are lost or out of place, as far as a bilan has told of it.
    pub fn accept_notes(&mut self) {
        let notes = self.told.iter().filter(|name| name.starts_with("c/")).cloned();
        self.notes_accepted.extend(notes);
    }

    /// Whether somebody has accepted all of these notes, and there is one.
    pub(in crate::repo) fn has_accepted(&self, notes: &[&str]) -> bool {
        !notes.is_empty() && notes.iter().all(|name| self.notes_accepted.contains(*name))
    }

    /// Whether a bilan has told of a note that is lost, and nobody has accepted that.
    pub fn lacks_notes(&self) -> bool {
        let is_note = |name: &str| name.starts_with("c/") && self.told.contains(name);
        self.open_all().any(|bad| is_note(bad.name) && !self.is_accepted(bad.name))
    }

    /// What is bad, by what it means.
    pub fn counted(&self) -> DamageCounts {
        let accepted_notes = self.notes_accepted.len() as u64;
        let mut counts = DamageCounts { accepted_notes, ..DamageCounts::default() };
        for FoundBad { name, why } in self.open_all().filter(|bad| !self.is_accepted(bad.name)) {
            let sort = match name.split('/').next() {
                _ if why == FindingKind::Hidden.code() => &mut counts.hidden,
                Some("p" | "m") => &mut counts.packs,
                Some("keys" | "desc") => &mut counts.keys,
                Some("a" | "c") => &mut counts.small,
                _ => &mut counts.spare,
            };
            *sort += 1;
        }
        counts
    }

    /// Key files that are known to be damaged, by the state folder of a repository: name, and why.
    pub fn keys_in(folder: &Path) -> Vec<(String, FindingKind)> {
        let bytes = std::fs::read(folder.join(files::DAMAGE)).unwrap_or_default();
        let Ok(damage) = serde_json::from_slice::<Self>(&bytes) else { return Vec::new() };
        let kinds = [FindingKind::KeyMissing, FindingKind::KeyUnreadable, FindingKind::KeyForged];
        let kind = |why: &str| kinds.into_iter().find(|kind| kind.code() == why);
        let keys = damage.open_all().filter(|bad| bad.name.starts_with("keys/"));
        keys.filter_map(|bad| Some((bad.name.to_owned(), kind(bad.why)?))).collect()
    }

    /// What a whole check did not find bad any more of what it reads whole without being asked to: all that is small, but key
    /// files only where it had a key that opens them.
    pub fn sound_by(&self, findings: &[Finding], has_key: bool) -> Vec<String> {
        let found: HashSet<&str> = findings.iter().map(|finding| finding.object.as_str()).collect();
        let unread: &[&str] = if has_key { &["p/", "m/", "i/"] } else { &["p/", "m/", "i/", "keys/"] };
        let is_read = |name: &&str| !unread.iter().any(|prefix| name.starts_with(prefix));
        let small = self.open_all().map(|bad| bad.name).filter(is_read);
        small.filter(|name| !found.contains(name)).map(str::to_owned).collect()
    }
}
