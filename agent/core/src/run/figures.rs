//! What a run comes to in figures: the document of a backup, and that of several together.
//!
//! From a [`Summary`] and its bilan to whoever reads JSON; field names are the contract of the command line. Never: a name of
//! a file, a sentence.

use scelle_format::report::Light;
use serde::Serialize;

use super::request::Summary;
use crate::bilan::Written;

/// What one run comes to, or several together.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Number of the snapshot.
    pub snapshot: u64,
    /// Colour of its bilan.
    pub status: Light,
    /// What became of files since the run before.
    pub files: FileCounts,
    /// Files that could not be saved as they should.
    pub problems: u64,
    /// Entries left out.
    pub skipped: u64,
    /// Bytes in the snapshot.
    pub source_bytes: u64,
    /// Bytes read from sources.
    pub read_bytes: u64,
    /// Bytes sent.
    pub stored_bytes: u64,
    /// Bytes found again from an interrupted run.
    pub resumed_bytes: u64,
    /// Databases taken through their own interface.
    pub consistent_copies: u64,
    /// Packs that the store did not show as they should be.
    pub missing_packs: u64,
    /// Damaged packs whose content is whole again in others.
    pub healed_packs: u64,
    /// Objects that were put back, or replaced.
    pub mended_objects: u64,
    /// Objects of the repository that are known to be damaged still.
    pub damaged_objects: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// Id of its bilan.
    pub bilan: String,
}

/// What became of files since the run before.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FileCounts {
    /// Not there before.
    pub new: u64,
    /// There with other content.
    pub changed: u64,
    /// There as they are.
    pub unchanged: u64,
    /// There before, and no more.
    pub removed: u64,
}

impl Figures {
    /// Those of one run.
    pub fn of(summary: &Summary, written: &Written) -> Self {
        let (saved, changes) = (&summary.saved, &summary.saved.gathered.changes);
        Self {
            snapshot: saved.committed.snapshot,
            status: written.status,
            files: FileCounts {
                new: changes.new,
                changed: changes.changed,
                unchanged: changes.unchanged,
                removed: changes.removed,
            },
            problems: saved.problems(),
            skipped: saved.gathered.totals.skipped,
            source_bytes: saved.gathered.totals.bytes,
            read_bytes: saved.gathered.read_bytes,
            stored_bytes: saved.committed.stored_bytes,
            resumed_bytes: saved.resumed_bytes,
            consistent_copies: saved.gathered.consistent_copies,
            missing_packs: (saved.listing.missing.len() + saved.listing.wrong_size.len()) as u64,
            healed_packs: saved.healed_packs,
            mended_objects: summary.mended_objects,
            damaged_objects: summary.damaged.total(),
            duration_ms: u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
            bilan: written.id.clone(),
        }
    }

    /// Those of the runs of several plans together, of which some may have failed: counts and bytes added up, the worst colour,
    /// the newest snapshot and its bilan. `None` where nothing was saved.
    pub fn together<'a>(runs: impl Iterator<Item = Option<&'a Self>>) -> Option<Self> {
        let runs: Vec<Option<&Self>> = runs.collect();
        let mut done = runs.iter().copied().flatten().rev();
        let mut all = done.next()?.clone();
        done.for_each(|run| all.add(run));
        // A plan of which nothing was saved is no less than red.
        let failed = runs.iter().filter(|run| run.is_none()).count() as u64;
        if failed > 0 {
            all.status = Light::Red;
            all.problems += failed;
        }
        Some(all)
    }

    /// Objects of the repository that are still damaged after these runs, each of which counts the whole repository.
    pub fn still_damaged<'a>(runs: impl Iterator<Item = &'a Self>) -> u64 {
        runs.map(|run| run.damaged_objects).max().unwrap_or(0)
    }

    /// Adds a run to those that are newer.
    fn add(&mut self, run: &Self) {
        self.status = self.status.max(run.status);
        // Each run tells it of the whole repository.
        self.damaged_objects = self.damaged_objects.max(run.damaged_objects);
        let sums = [
            (&mut self.files.new, run.files.new),
            (&mut self.files.changed, run.files.changed),
            (&mut self.files.unchanged, run.files.unchanged),
            (&mut self.files.removed, run.files.removed),
            (&mut self.problems, run.problems),
            (&mut self.skipped, run.skipped),
            (&mut self.source_bytes, run.source_bytes),
            (&mut self.read_bytes, run.read_bytes),
            (&mut self.stored_bytes, run.stored_bytes),
            (&mut self.resumed_bytes, run.resumed_bytes),
            (&mut self.consistent_copies, run.consistent_copies),
            (&mut self.missing_packs, run.missing_packs),
            (&mut self.healed_packs, run.healed_packs),
            (&mut self.mended_objects, run.mended_objects),
            (&mut self.duration_ms, run.duration_ms),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}
