//! What is gone from old days: the next run sees it without reading it, puts it back where it can, and its bilan says so.

use super::mended::{Place, Spoil, codes};
use super::*;

use scelle_core::repo::kept::Kept;

use super::notes::copy_folder;
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::Note;
use scelle_format::note;

/// Notes that stand between what is lost and the end of the chain: more than the newest that every run reads.
const DAYS: u64 = 8;

/// Its oldest snapshot and bilan, and what they attach.
async fn of_the_first_day(place: &Place) -> Vec<String> {
    let notes = place.names("c/").await;
    let mut names = Vec::new();
    for name in notes.iter().rev().take(2) {
        let bytes = place.objects.get_named(name, 1 << 20).await.unwrap();
        let note = Note::parse(&note::parse(&bytes).unwrap().text).unwrap();
        names.push(name.clone());
        names.extend(note.attachments.iter().map(|row| layout::attachment(&row.sha256)));
    }
    // Note, root and refs; note and record.
    assert_eq!(names.len(), 5, "{names:?}");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_old_object_that_is_gone_is_seen_put_back_and_told() {
    let place = Place::with(DAYS).await;
    let mut names = of_the_first_day(&place).await;
    names.extend(place.names("i/").await);
    names.extend(place.names("m/").await);
    for name in names {
        place.spoil(&name, Spoil::Delete).await;
        let (summary, written) = place.run().await;
        let what = format!("{name}: {:?}", codes(&written));
        assert!(codes(&written).contains(&"damage-healed"), "{what}");
        assert_eq!(summary.mended_objects, 1, "{what}");
        let report = place.check(ReadData::All).await;
        assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
        let (_, written) = place.run().await;
        assert!(!codes(&written).iter().any(|code| code.starts_with("damage")), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_day_at_once_comes_back_notes_after_what_they_attach() {
    let place = Place::with(DAYS).await;
    for name in of_the_first_day(&place).await {
        place.spoil(&name, Spoil::Delete).await;
    }
    let (summary, written) = place.run().await;
    assert!(summary.mended_objects >= 2, "{:?}", codes(&written));
    assert!(codes(&written).contains(&"damage-healed"), "{:?}", codes(&written));
    let report = place.check(ReadData::All).await;
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_copies_the_number_of_an_old_note_is_known_and_the_bilan_stays_red() {
    let place = Place::with(DAYS).await;
    let first = place.names("c/").await.pop().unwrap();
    place.spoil(&first, Spoil::Delete).await;
    std::fs::remove_dir_all(place.home.path().join(place.id.as_str()).join("kept")).unwrap();
    for _ in 0..2 {
        let (summary, written) = place.run().await;
        assert_eq!((summary.mended_objects, summary.damaged.small), (0, 1), "{:?}", codes(&written));
        assert!(codes(&written).contains(&"damage-small"), "{:?}", codes(&written));
        assert!(!codes(&written).contains(&"objects-altered"), "gone is not altered: {:?}", codes(&written));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_what_never_came_to_the_store_are_no_alarm() {
    let place = Place::with(2).await;
    let folder = place.home.path().join(place.id.as_str()).join("kept");
    let kept = Kept::of(folder.parent().unwrap());
    let body = b"sent by a run that came to nothing";
    let orphan = layout::attachment(&Sha256::of(body));
    kept.keep(&orphan, body);
    // A note that has given its number to another, and one of a day that was not reached.
    let head = place.names("c/").await.remove(0);
    let note = place.objects.get_named(&head, 1 << 20).await.unwrap();
    let state = State::open(place.home.path(), &place.id).unwrap();
    let device = state.device().unwrap();
    drop(state);
    let text = note::parse(&note).unwrap().text;
    for (text, number) in
        [(text.clone().replace("\nclock-offset-ms -", "\nclock-offset-ms 7"), 4), (text, 99)]
    {
        let signed = note::sign(&text, &[&device.signing]).unwrap();
        let hash = Sha256::of(signed.as_bytes());
        kept.keep(&layout::note(&device.id, number, &hash), signed.as_bytes());
    }
    let before = place.names("c/").await.len();
    for runs in 1..=2 {
        let (summary, written) = place.run().await;
        assert_eq!(summary.mended_objects, 0, "{:?}", codes(&written));
        assert!(!codes(&written).iter().any(|code| code.starts_with("damage")), "{:?}", codes(&written));
        assert_eq!(place.names("c/").await.len(), before + 2 * runs);
    }
    assert!(!place.names("a/").await.contains(&orphan));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alarm_of_other_bytes_outlives_the_state_until_it_is_acknowledged() {
    let place = Place::with(2).await;
    let root = place.home.path().join(place.id.as_str());
    let attachment = place.names("a/").await[0].clone();
    place.spoil(&attachment, Spoil::Shorten).await;
    let is_open = |written: &Written| codes(written).contains(&"objects-altered");
    assert!(is_open(&place.run().await.1));
    assert!(is_open(&place.run().await.1), "mended, and not forgotten");
    // The ledger remembers it.
    for lost in ["damage.json", "bilans.json"] {
        std::fs::remove_file(root.join(lost)).unwrap();
        assert!(is_open(&place.run().await.1), "{lost}");
    }
    place.acknowledge().await;
    for _ in 0..2 {
        assert!(!is_open(&place.run().await.1));
    }
    std::fs::remove_file(root.join("damage.json")).unwrap();
    assert!(!is_open(&place.run().await.1), "the ledger says that somebody has seen it");
    // It excuses nothing that is found later.
    place.spoil(&attachment, Spoil::Shorten).await;
    assert!(is_open(&place.run().await.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_after_mending_leaves_the_alarm_to_the_next() {
    let place = Place::with(2).await;
    let attachment = place.names("a/").await[0].clone();
    place.spoil(&attachment, Spoil::Shorten).await;
    let image = tempfile::tempdir().unwrap();
    let (home, copy) = (place.home.path().to_owned(), image.path().to_owned());
    let faulty = Faulty::new(place.store.clone());
    let notes = format!("{}/c/", place.id);
    faulty.die_at_put_of(1, &notes, "\nkind bilan\n", false, move || copy_folder(&home, &copy));
    let (store, every) = (Arc::new(faulty.clone()), CheckpointEvery::default());
    let died = run(store, place.home.path(), &place.id, &place.practice.source(), every).await;
    assert!(faulty.is_dead(), "{died:?}");
    let right = place.objects.get_named(&attachment, 1 << 20).await.unwrap();
    assert!(attachment.ends_with(&Sha256::of(&right).to_string()), "it had put it right");
    copy_folder(image.path(), place.home.path());
    assert!(codes(&place.run().await.1).contains(&"objects-altered"));
}
