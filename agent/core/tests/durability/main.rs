//! Power cuts and long uploads: a store that drops what was not yet promised never loses a committed snapshot, and a
//! long run names what it has sent before it is whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scelle_core::around::Around;
use scelle_core::bilan::Written;
use scelle_core::clock::SystemClock;
use scelle_core::connect::Connected;
use scelle_core::error::{ExitCode, Result};
use scelle_core::monitor::Silent;
use scelle_core::pipeline::landing::checkpoint::CheckpointEvery;
use scelle_core::repo::create::{Creation, Holders};
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::repo::objects::Objects;
use scelle_core::repo::open::{OpenOptions, Repository};
use scelle_core::repo::seat::Seat;
use scelle_core::repo::state::{State, StorePlace};
use scelle_core::run::{BackupRequest, Run, Summary};
use scelle_core::verify::{CheckOptions, ReadData, check};
use scelle_format::id::RepositoryId;
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::ledger::{NoteKind, SnapshotStatus};
use scelle_format::random::{OsRandom, Random, SeededRandom};
use scelle_store::Store;
use scelle_store::mem::MemStore;
use scelle_store::testing::Volatile;
use scelle_store::testing::faulty::{Fault, Faulty, Operation};

mod acts;
mod bilans;
mod known;
mod mended;
mod notes;
mod words;

struct Practice {
    folder: tempfile::TempDir,
    random: SeededRandom,
    files: u64,
}

impl Practice {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), random: SeededRandom::new(b"durability"), files: 0 }
    }

    fn source(&self) -> std::path::PathBuf {
        self.folder.path().join("source")
    }

    /// Adds some files, one of them larger than a pack.
    fn grow(&mut self, files: u64) {
        std::fs::create_dir_all(self.source()).unwrap();
        for _ in 0..files {
            self.files += 1;
            let bytes = if self.files % 7 == 1 { 3_000_000 } else { 40_000 };
            let mut content = vec![0; bytes];
            self.random.fill(&mut content);
            std::fs::write(self.source().join(format!("f{}", self.files)), content).unwrap();
        }
    }
}

fn connected(store: Arc<dyn Store>) -> Connected {
    let place =
        StorePlace { url: "file:///nowhere".into(), endpoint: None, region: None, conditional_put: true };
    Connected { bare: store.clone(), store, place, clock_offset_ms: None, is_folder: true }
}

async fn make(store: Arc<dyn Store>, home: &Path) -> (Kit, RepositoryId) {
    let kit = Kit::generate(&mut OsRandom).unwrap();
    let public: KitPublic = kit.public().unwrap();
    let id = RepositoryId::parse(&kit.repository).unwrap();
    let place = connected(store.clone()).place;
    let state = State::open(home, &id).unwrap();
    let holders = Holders { public: &public, kit: Some(&kit), phrase: None, escrows: &[] };
    let creation = Creation { holders, place };
    let seat = Seat::create(state, store, None, &creation, &around()).await.unwrap();
    let elsewhere = MemStore::new();
    let found = scelle_store::probe::probe(&elsewhere, "made", std::time::SystemTime::now()).await.unwrap();
    scelle_core::bilan::run::save_probe(&seat.state, &found).unwrap();
    (kit, id)
}

async fn run_whole(
    store: Arc<dyn Store>,
    home: &Path,
    id: &RepositoryId,
    source: &Path,
    every: CheckpointEvery,
) -> Result<(Summary, Written)> {
    let run = Run::at(Seat::take(home, id, store, None, &around())?).await?;
    let asked = BackupRequest::new(&[source.to_owned()], Vec::new())?;
    let asked = BackupRequest { threads: 2, checkpoints: every, ..asked };
    let mut ended = None;
    run.each(&[asked], &mut ended).await?;
    ended.unwrap().whole()
}

/// A real clock, and nobody who watches.
fn around() -> Around {
    Around::watched_by(Arc::new(Silent))
}

/// The same, of which only the number of the snapshot matters.
async fn run(
    store: Arc<dyn Store>,
    home: &Path,
    id: &RepositoryId,
    source: &Path,
    every: CheckpointEvery,
) -> Result<u64> {
    Ok(run_whole(store, home, id, source, every).await?.0.saved.committed.snapshot)
}

async fn open(store: Arc<dyn Store>, kit: &Kit) -> Repository {
    let text = kit.to_file_text(scelle_format::phrase::Language::English, "");
    let kit = Kit::parse(secrecy::ExposeSecret::expose_secret(&text)).unwrap();
    let options =
        OpenOptions { unlock: Some(Unlock::Kit(kit)), whole_ledger: true, ..OpenOptions::default() };
    Repository::open(store, options).await.unwrap()
}

/// Reads everything back with the kit and returns the numbers of the complete snapshots.
async fn sound_snapshots(store: Arc<dyn Store>, kit: &Kit) -> Vec<u64> {
    let mut repository = open(store, kit).await;
    let options = CheckOptions { read_data: ReadData::All, local_head: None, trees: 100 };
    let report = check(&mut repository, &options, &around()).await.unwrap();
    assert!(report.findings.iter().all(|f| !f.kind.is_damage()), "{:?}", report.findings);
    assert!(report.damaged.is_empty());
    repository.history.snapshots().iter().map(|s| s.id.number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_put_never_loses_a_committed_snapshot() {
    let never = CheckpointEvery::default();
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let home = tempfile::tempdir().unwrap();
    let (kit, id) = make(store.clone(), home.path()).await;
    let mut practice = Practice::new();
    practice.grow(8);
    let whole = Volatile::new(store, 0, Duration::from_millis(3));
    let first = run(Arc::new(whole.clone()), home.path(), &id, &practice.source(), never).await.unwrap();
    // The bilan's record and note come after the snapshot's: without them the run is whole all the same.
    let (mut committed, puts) = (vec![first], whole.puts() - 2);
    let store = whole.survivor();
    let mut crashes = 0;
    for cut in 1..=14 {
        practice.grow(8);
        let volatile = Volatile::new(store.clone(), cut, Duration::from_millis(3));
        volatile.crash_at_put(cut);
        match run(Arc::new(volatile.clone()), home.path(), &id, &practice.source(), never).await {
            Ok(number) => committed.push(number),
            Err(_) => crashes += 1,
        }
        let found = sound_snapshots(volatile.survivor(), &kit).await;
        assert!(
            committed.iter().all(|number| found.contains(number)),
            "cut {cut}: {committed:?} of {found:?}"
        );
        committed = found;
    }
    // A run after a cut finds a pack of the one before it and puts one less.
    assert!(puts >= 6 && crashes + 1 >= puts, "only {crashes} runs were cut, {puts} puts lead to a snapshot");
    // After all that the next run is whole, and every earlier snapshot with it.
    let last = run(store.clone(), home.path(), &id, &practice.source(), never).await.unwrap();
    let found = sound_snapshots(store, &kit).await;
    assert!(found.contains(&last) && committed.iter().all(|number| found.contains(number)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_upload_writes_partial_notes_that_are_no_snapshots() {
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let home = tempfile::tempdir().unwrap();
    let (kit, id) = make(store.clone(), home.path()).await;
    let mut practice = Practice::new();
    practice.grow(1200);
    let often = CheckpointEvery { bytes: 1, time: Duration::from_secs(3600) };
    assert_eq!(run(store.clone(), home.path(), &id, &practice.source(), often).await.unwrap(), 1);
    let repository = open(store.clone(), &kit).await;
    let notes = repository.history.devices.iter().flat_map(|device| &device.notes);
    let is_partial =
        |kind: &NoteKind| matches!(kind, NoteKind::Snapshot { status: SnapshotStatus::Partial, .. });
    let partial = notes.filter(|row| is_partial(&row.note.kind)).count();
    assert!(partial >= 2, "{partial} partial notes");
    // Only the whole one is a snapshot, and numbers go on from it.
    assert_eq!(sound_snapshots(store.clone(), &kit).await, [1]);
    practice.grow(1);
    assert_eq!(run(store, home.path(), &id, &practice.source(), often).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_is_not_shown_at_once_is_asked_for_again_before_it_is_named() {
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let home = tempfile::tempdir().unwrap();
    let (_, id) = make(store.clone(), home.path()).await;
    let mut practice = Practice::new();
    practice.grow(20);
    let never = CheckpointEvery { bytes: u64::MAX, time: Duration::from_secs(3600) };
    let faulty = Faulty::new(store);
    let packs = format!("{id}/p/");
    faulty.always(Operation::Head, &packs, Fault::Hide);
    let error = run(Arc::new(faulty.clone()), home.path(), &id, &practice.source(), never).await.unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
    assert!(error.place.is_some_and(|place| place.starts_with("p/")));
    faulty.heal();
    practice.grow(20);
    faulty.nth(Operation::Head, 1, &packs, Fault::Hide);
    let before = faulty.count(Operation::Head);
    assert_eq!(run(Arc::new(faulty.clone()), home.path(), &id, &practice.source(), never).await.unwrap(), 1);
    assert!(faulty.count(Operation::Head) > before);
}
