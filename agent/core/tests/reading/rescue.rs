//! What is lost, damaged or replaced and has a copy elsewhere; snapshots that a fork or a lost note makes doubtful.

use scelle_core::repo::create::{expect_free_name, put_descriptor};
use scelle_format::descriptor::Descriptor;
use scelle_format::kit::Kit;
use scelle_format::refs::Refs;

use super::*;

/// A repository with snapshots that hold one file each.
async fn lived(seed: &str, snapshots: u64) -> Writer {
    let mut writer = new_writer(seed).await;
    for number in 0..snapshots {
        let entries = vec![("", folder("data")), ("data", writer.file("x", &[&noise(number, 50)]).await)];
        writer.snapshot(&entries, 10).await;
    }
    writer
}

/// Names of the notes, oldest first.
async fn notes(writer: &Writer) -> Vec<String> {
    let rows = writer.objects.list_all("c/").await.unwrap();
    rows.into_iter().rev().map(|row| row.name).collect()
}

async fn history(writer: &Writer) -> scelle_core::repo::ledger::history::History {
    open(writer).await.load_history().await.unwrap().clone()
}

/// Puts other bytes in an object's place, or none.
async fn replace(writer: &Writer, name: &str, with: Option<Bytes>) {
    writer.lose(name).await;
    if let Some(bytes) = with {
        writer.objects.put_new(name, bytes).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_or_replaced_descriptor_is_told_and_its_copy_taken() {
    let writer = lived("descriptor", 2).await;
    let foreign = lived("another descriptor", 1).await;
    let name = layout::descriptor(1);
    let sound = writer.objects.get_named(&name, 1 << 20).await.unwrap();
    let other = foreign.objects.get_named(&name, 1 << 20).await.unwrap();
    let cut = sound.slice(..sound.len() / 2);
    for with in [None, Some(cut), Some(other), Some(Bytes::from(vec![b'x'; 10 << 20]))] {
        let kind =
            if with.is_none() { FindingKind::DescriptorMissing } else { FindingKind::DescriptorInvalid };
        replace(&writer, &name, with).await;
        let repository = open(&writer).await;
        let told = &repository.descriptors.findings;
        assert_eq!(told.iter().map(|f| (f.kind, f.object.as_str())).collect::<Vec<_>>(), [(kind, &name[..])]);
        assert_eq!(tree(&repository).await.walk().collect().await.unwrap().len(), 2);
        let report = checked(&writer, ReadData::None, false).await;
        assert_eq!(kinds(&report), [kind], "without a key too");
    }
    // Without a copy: damage, not an absent repository, as long as anything of it is there.
    let options = || OpenOptions { unlock: Some(Unlock::Kit(writer.kit())), ..OpenOptions::default() };
    let store = writer.objects.store().clone();
    replace(&writer, &name, None).await;
    for note in notes(&writer).await {
        writer.lose(&note).await;
    }
    let error = Repository::open(store.clone(), options()).await.err().unwrap();
    assert_eq!((error.code, error.place.as_deref()), (ExitCode::Damaged, Some(&name[..])));
    writer.lose(layout::FORMAT_TXT).await;
    let error = Repository::open(store, options()).await.err().unwrap();
    assert_eq!(error.code, ExitCode::NoRepository);
}

/// Refs of an earlier version hold whatever bore the newest name below `desc/`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_nobody_signed_proves_no_descriptor() {
    for is_there in [true, false] {
        let mut writer = new_writer("an unsigned copy").await;
        let (name, garbage) = (layout::descriptor(2), b"garbage".as_slice());
        writer.copy_into_refs(name.clone(), garbage);
        if is_there {
            writer.objects.put_new(&name, garbage).await.unwrap();
        }
        writer.snapshot(&[("", folder("data"))], 10).await;
        let repository = open(&writer).await;
        assert_eq!(repository.descriptors.findings, [], "{is_there}");
        repository.expect_all_descriptors(&[]).unwrap();
        assert_eq!(kinds(&checked(&writer, ReadData::None, false).await), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_descriptor_is_another_at_work_and_anything_else_in_its_place_is_not() {
    let writer = lived("rival", 1).await;
    let (kit, name) = (writer.kit(), layout::descriptor(2));
    let repository = open(&writer).await;
    let descriptors = &repository.descriptors;
    let next = |days| {
        let mut next =
            Descriptor { revision: 2, prev: Some(descriptors.current_sha256), ..descriptors.current.clone() };
        next.succession.days = days;
        next
    };
    let objects = &writer.objects;
    expect_free_name(objects, &next(1)).await.unwrap();
    put_descriptor(objects, &next(1), &kit.owner).await.unwrap();
    // Once more is once: the answer to the first may have been lost.
    put_descriptor(objects, &next(1), &kit.owner).await.unwrap();
    let first = objects.get_named(&layout::descriptor(1), 1 << 20).await.unwrap();
    let rival = objects.get_named(&name, 1 << 20).await.unwrap();
    let large = Bytes::from(vec![b'x'; 2 << 20]);
    let cut = rival.slice(..rival.len() - 9);
    for (there, code) in [
        (rival, ExitCode::Busy),
        (first, ExitCode::Damaged),
        (cut, ExitCode::Damaged),
        (large, ExitCode::Damaged),
        (Bytes::new(), ExitCode::Damaged),
    ] {
        replace(&writer, &name, Some(there)).await;
        let errors = [
            expect_free_name(objects, &next(2)).await.unwrap_err(),
            put_descriptor(objects, &next(2), &kit.owner).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.code, error.place.as_deref()), (code, Some(&name[..])));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_repositorys_key_file_is_damage_and_another_kit_is_a_wrong_key() {
    let writer = lived("key", 1).await;
    let foreign = lived("another key", 1).await;
    let name = layout::epoch_key(0, 1);
    let other = foreign.objects.get_named(&name, 1 << 20).await.unwrap();
    replace(&writer, &name, Some(other)).await;
    let repository = open(&writer).await;
    let told = &repository.keyring().unwrap().findings;
    assert_eq!((told[0].kind, &told[0].object, told.len()), (FindingKind::KeyUnreadable, &name, 1));
    assert_eq!(tree(&repository).await.walk().collect().await.unwrap().len(), 2);

    let stranger = new_writer("a third key").await.kit();
    let own: Kit = writer.kit();
    let wrong = Kit { recovery: stranger.recovery, ..own };
    let options = OpenOptions { unlock: Some(Unlock::Kit(wrong)), ..OpenOptions::default() };
    let error = Repository::open(writer.objects.store().clone(), options).await.err().unwrap();
    assert_eq!(error.code, ExitCode::WrongKey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_whose_note_is_gone_or_damaged_is_damage_and_one_never_made_is_not() {
    let mut writer = lived("lost note", 3).await;
    let bilan = NoteKind::Bilan {
        run: "backup".into(),
        status: scelle_format::report::Light::Green,
        snapshot: Some(3),
    };
    let record = writer.attach("record", b"{}".to_vec()).await;
    writer.note(bilan, vec![record]).await;
    let pick = |history: &scelle_core::repo::ledger::history::History, word: &str| {
        look::choose::select(history, &word.parse().unwrap(), None, None)
    };
    let names = notes(&writer).await;
    writer.tamper(&names[1], |bytes| bytes[60] ^= 1).await;
    let seen = history(&writer).await;
    let error = pick(&seen, "2").unwrap_err();
    assert_eq!((error.code, error.place.as_deref()), (ExitCode::Damaged, Some(&names[1][..])));
    assert_eq!(pick(&seen, "9").unwrap_err().code, ExitCode::Usage);
    assert_eq!(pick(&seen, "3").unwrap().id.number, 3);
    // The newest one: its bilan knows of it, and the newest notes alone show the hole.
    writer.lose(&names[2]).await;
    let error = pick(&history(&writer).await, "3").unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
    let newest = open(&writer).await;
    assert!(newest.history.findings.iter().any(|f| f.kind == FindingKind::NoteMissing));
    // Nothing older is taken in its place, and the words say what is there.
    let error = pick(&newest.history, "latest").unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
    let words = error.shown().line(scelle_view::words::Lang::En);
    assert!(words.contains("exists (3)") && words.contains("readable: 1"), "{words}");
    assert_eq!(pick(&history(&writer).await, "1").unwrap().id.number, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_snapshots_of_a_fork_are_listed_and_named_by_their_notes() {
    let writer = lived("fork", 2).await;
    let names = notes(&writer).await;
    let bytes = writer.objects.get_named(&names[1], 1 << 20).await.unwrap();
    let text = scelle_format::note::parse(&bytes).unwrap().text;
    // Earlier by its clock than snapshot 1: the number decides all the same.
    let line = text.lines().find(|line| line.starts_with("time ")).unwrap();
    writer.write_note(&text.replace(line, "time 2020-01-01T00:00:00Z"), 2).await;
    let seen = history(&writer).await;
    let numbers = |seen: &scelle_core::repo::ledger::history::History| -> Vec<u64> {
        seen.snapshots().iter().map(|snapshot| snapshot.id.number).collect()
    };
    assert_eq!(numbers(&seen), [1, 2, 2]);
    let pick = |word: &str| look::choose::select(&seen, &word.parse().unwrap(), None, None);
    assert_eq!(pick("latest").unwrap().id.number, 2);
    let error = pick("2").unwrap_err();
    assert_eq!(error.code, ExitCode::Usage);
    let rows = look::list::snapshot_rows(&seen, &open(&writer).await.descriptors);
    let words: Vec<String> = rows.iter().map(|row| row.word(&rows)).collect();
    assert_eq!(words[0], "1");
    for (word, row) in words.iter().zip(&rows).skip(1) {
        assert!(error.place.as_deref().unwrap().contains(word.as_str()), "{error}");
        assert!(pick(word).unwrap().note_sha256.to_string().starts_with(&row.note));
    }
    assert_ne!(words[1], words[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forget_note_releases_what_is_older_than_itself_only() {
    let mut writer = lived("forget", 1).await;
    let snapshots = vec![(writer.device.clone(), 1), (writer.device.clone(), 2)];
    writer.note(NoteKind::Forget { snapshots, reason: "asked".into() }, Vec::new()).await;
    let entries = vec![("", folder("data")), ("data", writer.file("y", &[b"y"]).await)];
    writer.snapshot(&entries, 10).await;
    let seen = history(&writer).await;
    let released: Vec<u64> = seen
        .snapshots()
        .iter()
        .filter(|snapshot| seen.forgotten().contains(&snapshot.note_sha256))
        .map(|snapshot| snapshot.id.number)
        .collect();
    assert_eq!(released, [1]);
    // What the second needs is still expected to be there.
    let refs = &seen.snapshots()[1].refs;
    let bytes = writer.objects.get_named(&layout::attachment(&refs.sha256), 1 << 20).await.unwrap();
    let row = Refs::parse(&bytes).unwrap().added[0];
    writer.lose(&layout::pack(row.kind, &row.pack)).await;
    assert!(kinds(&checked(&writer, ReadData::None, false).await).contains(&FindingKind::PackMissing));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_an_older_secret_are_read_with_it() {
    let mut writer = lived("generation", 1).await;
    let file = writer.file("old", &[b"written under the first secret"]).await;
    let Content::Chunks(rows) = &file.content else { panic!("chunks expected") };
    writer.snapshot(&[("", folder("data")), ("data", file.clone())], 10).await;
    let repository = open(&writer).await;
    let opened = tree(&repository).await;
    let mut root = opened.root.clone();
    root.older_secrets = vec![(root.generation, root.dedup_secret)];
    root.generation += 1;
    root.dedup_secret = [9; 32];
    let keys = scelle_core::reading::ChunkIdKeys::of(&root);
    let mut reader = scelle_core::reading::ChunkReader::new(keys);
    let plain = reader.read(opened.fetcher(), PackKind::Data, &rows[0]).await.unwrap();
    assert_eq!(plain, b"written under the first secret");
    root.older_secrets.clear();
    let keys = scelle_core::reading::ChunkIdKeys::of(&root);
    let mut reader = scelle_core::reading::ChunkReader::new(keys);
    let error = reader.read(opened.fetcher(), PackKind::Data, &rows[0]).await.unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
}
