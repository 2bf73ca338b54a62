//! Opening a repository and looking into it: which keys open, what the ledger tells of what was done to it, what is found where.

use std::sync::Arc;

use scelle_core::error::ExitCode;
use scelle_core::look;
use scelle_core::repo::finding::FindingKind;
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::repo::ledger::history::Snapshot;
use scelle_core::repo::open::{OpenOptions, Repository};
use scelle_core::shutdown::Shutdown;
use scelle_core::verify::{CheckOptions, LocalHead, ReadData, check};
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::NoteKind;
use scelle_store::mem::MemStore;
use secrecy::SecretString;

use super::support::{PHRASE, Writer, folder};
use super::{around, checked, kinds, new_writer, open, tree};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_open_or_say_why_not() {
    let mut writer = Writer::create(Arc::new(MemStore::new()), "keys", true).await;
    let entries = vec![("", folder("data")), ("data", writer.file("x", &[b"x"]).await)];
    writer.snapshot(&entries, 10).await;
    let store = writer.objects.store().clone();
    let open_with = |unlock| {
        let options = OpenOptions { unlock: Some(unlock), ..OpenOptions::default() };
        Repository::open(store.clone(), options)
    };
    let phrase = |text: &str| Unlock::Phrase(SecretString::from(text.to_owned()));
    let opened = open_with(phrase(&PHRASE.to_uppercase())).await.unwrap();
    assert!(opened.keyring().unwrap().admin.is_some());
    assert_eq!(tree(&opened).await.walk().collect().await.unwrap().len(), 2);
    let wrong = open_with(phrase("abaisser abandon")).await.err().unwrap();
    assert_eq!(wrong.code, ExitCode::WrongKey);
    let other = Writer::create(Arc::new(MemStore::new()), "another", false).await;
    let foreign = open_with(Unlock::Kit(other.kit())).await.err().unwrap();
    assert_eq!(foreign.code, ExitCode::WrongKey);
    assert_ne!(foreign.what(), wrong.what());

    // The key files are lost: the copies in the refs open the repository, and the loss is told.
    writer.lose(&layout::epoch_key(0, 1)).await;
    let repository = open(&writer).await;
    assert_eq!(repository.keyring().unwrap().findings[0].kind, FindingKind::KeyMissing);
    assert_eq!(tree(&repository).await.walk().collect().await.unwrap().len(), 2);
    assert!(kinds(&checked(&writer, ReadData::None, false).await).contains(&FindingKind::KeyMissing));

    // A forged key file, sealed to the right recipient, is refused.
    let forged = format!(
        "# scelle epoch 1\n# repository {}\n# epoch 0\n{}\n",
        writer.objects.repository(),
        secrecy::ExposeSecret::expose_secret(
            &scelle_format::crypto::PqIdentity::generate(&mut writer.random).to_secret_string()
        )
    );
    let kit = writer.kit();
    let sealed =
        scelle_format::crypto::seal_bytes(&[kit.recovery.recipient()], forged.as_bytes(), &mut writer.random);
    writer.objects.put_new(&layout::epoch_key(0, 2), sealed.unwrap()).await.unwrap();
    let repository = open(&writer).await;
    assert_eq!(repository.keyring().unwrap().findings[0].kind, FindingKind::KeyForged);
    assert_eq!(tree(&repository).await.walk().collect().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_tells_what_was_done_to_it() {
    let mut writer = new_writer("ledger").await;
    let entries = vec![("", folder("data")), ("data", writer.file("x", &[b"x"]).await)];
    writer.snapshot(&entries, 10).await;
    let second = writer.note(NoteKind::Pause, Vec::new()).await;
    let third = writer.note(NoteKind::Config, Vec::new()).await;
    assert_eq!(kinds(&checked(&writer, ReadData::None, false).await), []);

    let bytes = writer.objects.get_named(&third, 1 << 20).await.unwrap();
    let text = scelle_format::note::parse(&bytes).unwrap().text.replace("kind config", "kind keys");
    let fork = writer.write_note(&text, 3).await;
    assert_eq!(kinds(&checked(&writer, ReadData::None, false).await), [FindingKind::Fork, FindingKind::Fork]);
    writer.lose(&fork).await;

    writer.lose(&second).await;
    assert_eq!(kinds(&checked(&writer, ReadData::None, false).await), [FindingKind::NoteMissing]);

    writer.tamper(&third, |bytes| bytes[40] ^= 1).await;
    let found = kinds(&checked(&writer, ReadData::None, false).await);
    assert!(found.contains(&FindingKind::NoteHash), "{found:?}");

    writer.lose(&third).await;
    let mut repository =
        Repository::open(writer.objects.store().clone(), OpenOptions::default()).await.unwrap();
    let head = Some(LocalHead {
        device: writer.device.clone(),
        sequence: 3,
        text_sha256: Sha256::of(text.as_bytes()),
    });
    let options = CheckOptions { read_data: ReadData::None, local_head: head, trees: 0 };
    let report = check(&mut repository, &options, &around()).await.unwrap();
    assert_eq!(kinds(&report), [FindingKind::Rollback]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_finds_lists_and_compares() {
    let mut writer = new_writer("look").await;
    let mut entries = vec![("", folder("data")), ("data", folder("a"))];
    for number in 0..30 {
        let name = format!("scan{number:02}.tif");
        entries.push(("data/a", writer.file(&name, &[name.as_bytes()]).await));
    }
    writer.snapshot(&entries, 8).await;
    let before = tree(&open(&writer).await).await;
    entries.retain(|(_, entry)| entry.name != b"scan03.tif");
    let changed = writer.file("scan20.tif", &[b"changed"]).await;
    entries.retain(|(_, entry)| entry.name != b"scan20.tif");
    entries.push(("data/a", changed));
    entries.push(("data", writer.file("new.txt", &[b"new"]).await));
    writer.snapshot(&entries, 8).await;

    let mut repository = open(&writer).await;
    let after = tree(&repository).await;
    let mut seen = Vec::new();
    let mut each = |difference: look::diff::Difference| {
        seen.push((difference.change, String::from_utf8(difference.entry.path.as_bytes().to_vec()).unwrap()));
    };
    let totals = look::diff::diff(&before, &after, &Shutdown::default(), &mut each).await.unwrap();
    assert_eq!((totals.added, totals.removed, totals.changed, totals.metadata), (1, 1, 1, 0));
    use look::diff::Change::{Added, Changed, Removed};
    let expected = [(Added, "data/new.txt"), (Removed, "data/a/scan03.tif"), (Changed, "data/a/scan20.tif")];
    assert_eq!(seen, expected.map(|(change, path)| (change, path.to_owned())));

    let top = look::list::entries(&after, b"data").await.unwrap();
    assert_eq!(
        top.iter().map(|e| e.path.name().to_vec()).collect::<Vec<_>>(),
        [b"a".to_vec(), b"new.txt".to_vec()]
    );
    assert_eq!(look::list::entries(&after, b"data/new.txt").await.unwrap().len(), 1);
    assert_eq!(look::list::entries(&after, b"data/x").await.unwrap_err().code, ExitCode::Usage);

    let history = repository.load_history().await.unwrap().clone();
    let rows = look::list::snapshot_rows(&history, &repository.descriptors);
    assert_eq!(rows.iter().map(|row| (row.snapshot, row.signed)).collect::<Vec<_>>(), [(1, true), (2, true)]);
    let pick =
        |word: &str| look::choose::select(&history, &word.parse().unwrap(), None, None).map(|s| s.id.number);
    assert_eq!((pick("1").unwrap(), pick("latest").unwrap()), (1, 2));
    assert_eq!(pick(&format!("{}/1", writer.device)).unwrap(), 1);
    assert_eq!(pick("3").unwrap_err().code, ExitCode::Usage);
    assert_eq!(pick("2199-01-01").unwrap(), 2);
    assert!(pick("1999-01-01").is_err());

    let pattern = look::pattern::Pattern::parse("SCAN0?.tif".as_ref()).unwrap();
    let mut found = Vec::new();
    let newest_first: Vec<Snapshot> = history.snapshots().into_iter().rev().collect();
    let fetcher = after.fetcher().clone();
    look::find::find(&fetcher, &newest_first, &pattern, &Shutdown::default(), &mut |hit| found.push(hit))
        .await
        .unwrap();
    assert_eq!(found.len(), 10);
    assert_eq!(
        found.iter().filter(|hit| hit.snapshot.number == 1).count(),
        1,
        "only the removed one is older"
    );
}
