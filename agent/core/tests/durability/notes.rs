//! One chain, always: each note of a run meets each thing that can become of it, and the runs after it go on.

use super::*;

use scelle_core::repo::ledger::history::History;
use scelle_format::layout;

/// What becomes of a note's put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It lands, and the answer is an error.
    LandedAnswerLost,
    /// It does not, and the answer is an error.
    LostAnswerTrue,
    /// It does not, and the answer is yes.
    LostAnswerYes,
    /// It does not, once and each time it is put again in this run.
    LostForTheRun,
    /// It lands, but each time it is put in this run the answer is an error.
    LandedDeafForTheRun,
    /// The process dies before.
    DiedBefore,
    /// The process dies right after.
    DiedAfter,
    /// Other bytes land, and the answer is yes.
    Flipped,
    /// The beginning of it lands, and the answer is yes.
    Cut,
    /// Other bytes land, and the answer is an error.
    FlippedAnswerLost,
}

/// Fates after which the note is in the store, or was never anywhere: nothing of them is left to be seen.
pub(crate) const FATES: [Fate; 7] = [
    Fate::LandedAnswerLost,
    Fate::LostAnswerTrue,
    Fate::LostAnswerYes,
    Fate::LostForTheRun,
    Fate::LandedDeafForTheRun,
    Fate::DiedBefore,
    Fate::DiedAfter,
];

/// Fates that leave an object under the note's name that is not the note.
pub(crate) const SPOILING: [Fate; 3] = [Fate::Flipped, Fate::Cut, Fate::FlippedAnswerLost];

/// A copy of the state folder as it is now: what a machine finds after a crash.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(std::result::Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&path, &target),
            // A temporary file may be renamed meanwhile.
            false => drop(std::fs::copy(&path, &target)),
        }
    }
}

pub(crate) struct Life {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) home: tempfile::TempDir,
    image: tempfile::TempDir,
    pub(crate) practice: Practice,
    pub(crate) kit: Kit,
    pub(crate) id: RepositoryId,
}

impl Life {
    pub(crate) async fn begin() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemStore::new());
        let (home, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (kit, id) = make(store.clone(), home.path()).await;
        let mut practice = Practice::new();
        practice.grow(3);
        Self { store, home, image, practice, kit, id }
    }

    pub(crate) async fn run(&self, store: Arc<dyn Store>, every: CheckpointEvery) -> Result<u64> {
        run(store, self.home.path(), &self.id, &self.practice.source(), every).await
    }

    /// A run whose `nth` note has this fate; then what is left of the process. Whether there was such a note.
    async fn struck(&self, nth: u64, fate: Fate, every: CheckpointEvery) -> bool {
        let faulty = self.script(nth, "", fate);
        let _ = self.run(Arc::new(faulty.clone()), every).await;
        self.bury(&faulty)
    }

    /// A store that does this to the `nth` note whose text holds `text`, and, where the fate says so, to those after it.
    pub(crate) fn script(&self, nth: u64, text: &str, fate: Fate) -> Faulty {
        let faulty = Faulty::new(self.store.clone());
        let notes = format!("{}/c/", self.id);
        let error = scelle_store::ErrorKind::Other;
        let strike = |nth, fault| {
            faulty.nth_put_of(nth, &notes, text, fault);
        };
        match fate {
            Fate::LandedAnswerLost => strike(nth, Fault::LoseAnswer(error)),
            Fate::LostAnswerTrue => strike(nth, Fault::Fail(error)),
            Fate::LostAnswerYes => strike(nth, Fault::Pretend),
            Fate::LostForTheRun | Fate::LandedDeafForTheRun => {
                let is_lost = matches!(fate, Fate::LostForTheRun);
                let fault = if is_lost { Fault::Fail(error) } else { Fault::LoseAnswer(error) };
                (nth..nth + 40).for_each(|n| strike(n, fault));
            }
            Fate::DiedBefore | Fate::DiedAfter => {
                let (home, image) = (self.home.path().to_owned(), self.image.path().to_owned());
                let is_put = matches!(fate, Fate::DiedAfter);
                faulty.die_at_put_of(nth, &notes, text, is_put, move || copy_folder(&home, &image));
            }
            Fate::Flipped => strike(nth, Fault::Corrupt(40)),
            Fate::Cut => strike(nth, Fault::Truncate(100)),
            Fate::FlippedAnswerLost => {
                strike(nth, Fault::Corrupt(40));
                strike(nth, Fault::LoseAnswer(error));
            }
        }
        faulty
    }

    /// Where the process died, its state is what a machine finds after a crash. Whether the fault was met.
    pub(crate) fn bury(&self, faulty: &Faulty) -> bool {
        if faulty.is_dead() {
            copy_folder(self.image.path(), self.home.path());
        }
        faulty.has_struck()
    }

    /// The next runs are as if nothing had been: no alarm, one note for each number, and nothing is missing.
    pub(crate) async fn goes_on(&mut self, what: &str) {
        self.runs_twice(what).await;
        sound_snapshots(self.store.clone(), &self.kit).await;
        let history = self.one_chain(what).await;
        assert!(history.findings.is_empty(), "{what}: {:?}", history.findings);
        let chain = &history.devices[0].chain;
        assert!(chain.contiguous, "{what}: {chain:?}");
    }

    /// Two more runs: no alarm, everything sent.
    pub(crate) async fn runs_twice(&mut self, what: &str) {
        for _ in 0..2 {
            self.practice.grow(1);
            let every = CheckpointEvery::default();
            let (summary, written) =
                run_whole(self.store.clone(), self.home.path(), &self.id, &self.practice.source(), every)
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            let start = summary.start;
            assert!(!start.forked && !start.store_behind, "{what}: {start:?}");
            assert!(written.not_sent.is_none(), "{what}: {:?}", written.not_sent);
        }
    }

    /// The ledger, in which each number stands at most once and only declared ones are missing.
    pub(crate) async fn one_chain(&self, what: &str) -> History {
        let history = open(self.store.clone(), &self.kit).await.history;
        let objects = Objects::new(self.store.clone(), self.id.clone());
        let rows = objects.list_all("c/").await.unwrap();
        let sequences: Vec<u64> =
            rows.iter().map(|row| layout::parse_note(&row.name).unwrap().1).rev().collect();
        assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {sequences:?}");
        let missing = &history.devices[0].chain.missing;
        let declared: u64 = missing.iter().filter(|gap| gap.declared).map(|gap| gap.to - gap.from + 1).sum();
        let highest = sequences.last().copied().unwrap_or(0);
        assert_eq!(sequences.len() as u64 + declared, highest, "{what}: {missing:?} of {sequences:?}");
        history
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_note_of_a_run_meets_each_fate_and_the_chain_stays_one() {
    let mut life = Life::begin().await;
    let every = CheckpointEvery::default();
    let mut struck = 0;
    for fate in FATES {
        for nth in 1..=2 {
            life.practice.grow(2);
            assert!(life.struck(nth, fate, every).await, "note {nth}, {fate:?}: there was none");
            struck += 1;
            life.goes_on(&format!("note {nth}, {fate:?}")).await;
        }
    }
    // The snapshot's and the bilan's.
    assert_eq!(struck, FATES.len() * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_notes_meet_each_fate_too() {
    let fates = [Fate::LandedAnswerLost, Fate::LostAnswerYes, Fate::LandedDeafForTheRun, Fate::DiedAfter];
    for fate in fates {
        let mut life = Life::begin().await;
        life.practice.grow(1200);
        let often = CheckpointEvery { bytes: 1, time: Duration::from_secs(3600) };
        assert!(life.struck(1, fate, often).await);
        life.goes_on(&format!("partial note, {fate:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fates_in_a_row_still_make_one_chain() {
    let mut life = Life::begin().await;
    let every = CheckpointEvery::default();
    for (turn, fate) in FATES.into_iter().chain(FATES.into_iter().rev()).enumerate() {
        life.practice.grow(1);
        life.struck(1 + turn as u64 % 2, fate, every).await;
    }
    life.goes_on("fates in a row").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_lost_its_pending_note_takes_over_what_landed() {
    let mut life = Life::begin().await;
    let state = life.home.path().join(life.id.as_str());
    for is_broken in [false, true] {
        life.practice.grow(1);
        assert!(life.struck(1, Fate::DiedAfter, CheckpointEvery::default()).await);
        match is_broken {
            true => std::fs::write(state.join("pending.json"), b"{\"note\"").unwrap(),
            false => std::fs::remove_file(state.join("pending.json")).unwrap(),
        }
        life.goes_on("pending note lost").await;
    }
    // Left over from before: the head is ahead of it.
    life.practice.grow(1);
    assert!(life.struck(2, Fate::DiedBefore, CheckpointEvery::default()).await);
    let old = std::fs::read(state.join("pending.json")).unwrap();
    life.goes_on("before").await;
    std::fs::write(state.join("pending.json"), old).unwrap();
    life.goes_on("a pending file of an earlier day").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_snapshot_brings_back_what_the_store_lost_meanwhile() {
    let mut life = Life::begin().await;
    life.run(life.store.clone(), CheckpointEvery::default()).await.unwrap();
    let objects = Objects::new(life.store.clone(), life.id.clone());
    let names = |rows: Vec<scelle_core::repo::objects::listed::Listed>| -> Vec<String> {
        rows.into_iter().map(|row| row.name).collect()
    };
    let before = names(objects.list_all("a/").await.unwrap());
    life.practice.grow(1);
    assert!(life.struck(1, Fate::DiedBefore, CheckpointEvery::default()).await);
    let new = names(objects.list_all("a/").await.unwrap());
    for name in new.iter().filter(|name| !before.contains(name)) {
        life.store.delete(&objects.key(name).unwrap()).await.unwrap();
    }
    life.goes_on("attachments of a pending snapshot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_note_is_written_behind_one_that_the_store_lost() {
    let mut life = Life::begin().await;
    life.run(life.store.clone(), CheckpointEvery::default()).await.unwrap();
    let objects = Objects::new(life.store.clone(), life.id.clone());
    let head = objects.list_all("c/").await.unwrap().remove(0).name;
    life.store.delete(&objects.key(&head).unwrap()).await.unwrap();
    let left = objects.list_all("c/").await.unwrap().len();
    // The run cannot even see what is there: it fails, and its bilan waits on this computer.
    let faulty = Faulty::new(life.store.clone());
    faulty.nth(Operation::List, 1, &format!("{}/c/", life.id), Fault::Fail(scelle_store::ErrorKind::Other));
    life.practice.grow(1);
    life.run(Arc::new(faulty.clone()), CheckpointEvery::default()).await.unwrap_err();
    assert!(faulty.has_struck());
    assert_eq!(objects.list_all("c/").await.unwrap().len(), left);
    // Nor by who does not begin with a run.
    let seat = Seat::take(life.home.path(), &life.id, life.store.clone(), None, &around()).unwrap();
    let kind = NoteKind::Gap { from: 1, to: 1, reason: "lost".into() };
    let refused = seat.pen().await.unwrap().append(kind, Vec::new()).await.unwrap_err();
    assert_eq!(refused.code, ExitCode::Damaged);
    assert_eq!(objects.list_all("c/").await.unwrap().len(), left);
    drop(seat);
    // The next run puts the head back and says so; then nothing is left to be seen.
    life.run(life.store.clone(), CheckpointEvery::default()).await.unwrap();
    life.goes_on("a lost head").await;
}
