//! The bilan of a run, and the run itself: what becomes of one hides nothing of the other.

use super::*;

use scelle_core::monitor::{Notice, Recorder};
use scelle_core::run::Ended;

/// A repository whose computer loses its store, and as it may be the disk of its state, at a put of `holding` below `below`; and
/// how the run in which that happened ended, with what was told.
async fn run_in_which(
    below: &str,
    holding: &str,
    is_put: bool,
    is_state_lost: bool,
) -> (Ended, Vec<Notice>, tempfile::TempDir) {
    let mut practice = Practice::new();
    practice.grow(3);
    let home = tempfile::tempdir().unwrap();
    let faulty = Faulty::new(Arc::new(MemStore::new()));
    let store: Arc<dyn Store> = Arc::new(faulty.clone());
    let (_, id) = make(store.clone(), home.path()).await;
    let folder = home.path().join(id.as_str());
    faulty.die_at_put_of(1, &format!("{id}/{below}"), holding, is_put, move || {
        if is_state_lost {
            std::fs::rename(&folder, folder.with_extension("gone")).unwrap();
            std::fs::write(&folder, "another disk").unwrap();
        }
    });
    let recorder = Arc::new(Recorder::default());
    let around = Around::watched_by(recorder.clone());
    let run = Run::at(Seat::take(home.path(), &id, store, None, &around).unwrap()).await.unwrap();
    let asked = BackupRequest::new(&[practice.source()], Vec::new()).unwrap();
    let mut ended = None;
    run.each(&[asked], &mut ended).await.unwrap();
    assert!(faulty.is_dead(), "the run met nothing: {below} {holding}");
    (ended.unwrap(), recorder.recording().notices, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_whose_record_cannot_be_sent_is_kept() {
    let (ended, told, _home) = run_in_which("a/", "\"identity\"", false, false).await;
    assert!(ended.is_recorded() && ended.saved.is_ok());
    assert!(ended.bilan.as_ref().unwrap().not_sent.is_some());
    assert!(ended.whole().is_ok());
    assert!(!told.iter().any(|notice| matches!(notice, Notice::BilanLost { .. })), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_that_is_nowhere_is_no_record_and_the_snapshot_stands_all_the_same() {
    let (ended, told, _home) = run_in_which("a/", "\"identity\"", false, true).await;
    assert!(!ended.is_recorded());
    assert_eq!(ended.saved.as_ref().unwrap().saved.committed.snapshot, 1);
    assert!(told.contains(&Notice::BilanLost { snapshot: Some(1) }), "{told:?}");
    let lost = ended.bilan.as_ref().unwrap_err().kind.clone();
    assert_eq!(ended.whole().err().unwrap().kind, lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_that_is_nowhere_does_not_hide_why_nothing_was_saved() {
    let (ended, told, _home) = run_in_which("p/", "", false, true).await;
    assert!(!ended.is_recorded());
    assert!(told.contains(&Notice::BilanLost { snapshot: None }), "{told:?}");
    let (why, lost) = (ended.saved.as_ref().err().unwrap().kind.clone(), ended.bilan.as_ref().err().unwrap());
    assert_ne!(why, lost.kind, "one error for two: {lost}");
    assert_eq!(ended.whole().err().unwrap().kind, why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_that_was_sent_is_a_record_although_this_computer_cannot_note_it() {
    let (ended, told, _home) = run_in_which("c/", "\nkind bilan\n", true, true).await;
    assert!(ended.is_recorded());
    assert!(!told.iter().any(|notice| matches!(notice, Notice::BilanLost { .. })), "{told:?}");
    assert!(ended.bilan.as_ref().unwrap().not_remembered.is_some());
    assert!(ended.whole().is_err(), "a disk that takes nothing is said");
}
