//! What a restore puts where something stands already: databases and what lies beside them, names of one inode that were
//! saved in two versions.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::*;

const SIBLING: &str = "restauré";
const ASIDE: &str = "app.db-wal (mis de côté 2026-11-21)";

fn database(letter: u8) -> Vec<u8> {
    [b"SQLite format 3\0".as_slice(), &[letter; 1008]].concat()
}

fn log(letter: u8) -> Vec<u8> {
    [[0x37, 0x7f, 0x06, 0x82].as_slice(), &[letter; 60]].concat()
}

fn request_with(to: &Path, overwrite: &Overwrite) -> RestoreRequest {
    RestoreRequest { overwrite: overwrite.clone(), ..request(to) }
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(rows: &[(&str, Vec<u8>)]) -> Files {
    rows.iter().map(|(name, content)| ((*name).to_owned(), content.clone())).collect()
}

/// Restores over `before` twice. The second run must leave what the first one left.
async fn over(writer: &Writer, before: &Files, overwrite: &Overwrite) -> (Files, RestoreSummary) {
    let to = tempfile::tempdir().unwrap();
    std::fs::create_dir(to.path().join("data")).unwrap();
    for (name, content) in before {
        std::fs::write(to.path().join("data").join(name), content).unwrap();
    }
    let summary = run(writer, request_with(to.path(), overwrite)).await;
    let after = files_below(&to.path().join("data"));
    let again = run(writer, request_with(to.path(), overwrite)).await;
    assert_eq!(files_below(&to.path().join("data")), after, "{overwrite:?} {:?}", before.keys());
    assert_eq!((again.code(), again.set_aside), (summary.code(), 0), "{overwrite:?} {:?}", before.keys());
    (after, summary)
}

fn modes() -> [Overwrite; 4] {
    [Overwrite::Never, Overwrite::Changed, Overwrite::Always, Overwrite::Sibling(SIBLING.to_owned())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_another_version_is_moved_aside_before_the_database_is_placed() {
    let mut writer = new_writer("stale log").await;
    let ours = database(b'm');
    let entry = writer.file("app.db", &[&ours]).await;
    writer.snapshot(&[("", folder("data")), ("data", entry)], 10).await;
    for overwrite in modes() {
        let replaces = matches!(overwrite, Overwrite::Changed | Overwrite::Always);
        let is_sibling = matches!(overwrite, Overwrite::Sibling(_));
        for stands in
            [Some(ours.clone()), Some(database(b'x')), Some([database(b'x'), ours.clone()].concat()), None]
        {
            let mut before = files(&[("app.db-wal", log(b'x')), ("app.db-shm", vec![7; 32])]);
            before.extend(stands.clone().map(|content| ("app.db".to_owned(), content)));
            let (after, summary) = over(&writer, &before, &overwrite).await;
            let said = format!("{overwrite:?} {:?} {summary:?} {:?}", stands.map(|s| s.len()), after.keys());
            let is_kept = overwrite == Overwrite::Never && before.contains_key("app.db");
            assert_eq!(summary.code(), if is_kept { ExitCode::Partial } else { ExitCode::Ok }, "{said}");
            if replaces || !before.contains_key("app.db") {
                assert_eq!((&after["app.db"], &after[ASIDE]), (&ours, &log(b'x')), "{said}");
                assert!(!after.contains_key("app.db-wal") && !after.contains_key("app.db-shm"), "{said}");
                assert_eq!((summary.set_aside, after.len()), (2, 3), "{said}");
                continue;
            }
            // What stands there is not touched, and is not called the same.
            assert!(before.iter().all(|(name, content)| after[name] == *content), "{said}");
            let counts = (summary.skipped_same, summary.kept, summary.beside, summary.set_aside);
            assert_eq!(counts, if is_sibling { (0, 0, 1, 0) } else { (0, 1, 0, 0) }, "{said}");
            assert_eq!(after.get("app (restauré).db"), is_sibling.then_some(&ours), "{said}");
        }
        // What no program would replay stays where it is.
        for beside in [Vec::new(), b"notes of the practice".to_vec()] {
            let before = files(&[("app.db", ours.clone()), ("app.db-wal", beside.clone())]);
            let (after, summary) = over(&writer, &before, &overwrite).await;
            assert_eq!((after, summary.skipped_same), (before, 1), "{overwrite:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_and_its_log_are_restored_as_a_pair_or_not_at_all() {
    let mut writer = new_writer("pairs").await;
    let (ours, our_log) = (database(b'm'), log(b'm'));
    let pair = [("", folder("data"))];
    let pair = [
        pair[0].clone(),
        ("data", writer.file("app.db", &[&ours]).await),
        ("data", writer.file("app.db-wal", &[&our_log]).await),
    ];
    writer.snapshot(&pair, 10).await;
    let fresh = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(fresh.path())).await;
    let both = files(&[("app.db", ours.clone()), ("app.db-wal", our_log.clone())]);
    assert_eq!((files_below(&fresh.path().join("data")), summary.files), (both.clone(), 2));

    for overwrite in modes() {
        let replaces = matches!(overwrite, Overwrite::Changed | Overwrite::Always);
        let (after, summary) = over(&writer, &both, &overwrite).await;
        assert_eq!((after, summary.skipped_same), (both.clone(), 2), "{overwrite:?}");

        // A run that was killed between the two.
        let (after, summary) = over(&writer, &files(&[("app.db", ours.clone())]), &overwrite).await;
        assert_eq!((after, summary.skipped_same, summary.files), (both.clone(), 1, 1), "{overwrite:?}");

        for main in [ours.clone(), database(b'x')] {
            for side in [Some(log(b'x')), Some(our_log.clone()), None] {
                let mut before = files(&[("app.db", main.clone())]);
                before.extend(side.clone().map(|content| ("app.db-wal".to_owned(), content)));
                if main == ours && side.as_ref().is_none_or(|side| *side == our_log) {
                    continue;
                }
                let (after, summary) = over(&writer, &before, &overwrite).await;
                let said = format!("{overwrite:?} {summary:?} {:?}", after.keys());
                let is_kept = overwrite == Overwrite::Never;
                assert_eq!(summary.code(), if is_kept { ExitCode::Partial } else { ExitCode::Ok }, "{said}");
                if replaces {
                    assert_eq!((&after["app.db"], &after["app.db-wal"]), (&ours, &our_log), "{said}");
                    assert_eq!(after.get(ASIDE), side.as_ref(), "{said}");
                    continue;
                }
                assert!(before.iter().all(|(name, content)| after[name] == *content), "{said}");
                if overwrite == Overwrite::Never {
                    assert_eq!((after, summary.kept), (before, 2), "{said}");
                } else {
                    assert_eq!(after["app (restauré).db"], ours, "{said}");
                    assert_eq!(after["app (restauré).db-wal"], our_log, "{said}");
                    assert_eq!(after.len(), before.len() + 2, "{said}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordinary_files_that_are_called_like_side_files_are_ordinary_files() {
    let mut writer = new_writer("ordinary").await;
    let entries = [
        ("", folder("data")),
        ("data", writer.file("notes", &[b"ours"]).await),
        ("data", writer.file("notes-journal", &[b"journal"]).await),
        ("data", writer.file("alone-wal", &[&log(b'm')]).await),
    ];
    writer.snapshot(&entries, 10).await;
    let before = files(&[("notes", b"theirs".to_vec())]);
    let (after, summary) = over(&writer, &before, &Overwrite::Never).await;
    let expected = files(&[
        ("alone-wal", log(b'm')),
        ("notes", b"theirs".to_vec()),
        ("notes-journal", b"journal".to_vec()),
    ]);
    assert_eq!((after, summary.kept, summary.files), (expected, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_moved_aside_and_moves_nothing() {
    let mut writer = new_writer("dry").await;
    let ours = database(b'm');
    let entries = [
        ("", folder("data")),
        ("data", writer.file("APP.DB", &[b"twin"]).await),
        ("data", writer.file("app.db", &[&ours]).await),
    ];
    writer.snapshot(&entries, 10).await;
    let tree = tree(&open(&writer).await).await;
    let to = tempfile::tempdir().unwrap();
    std::fs::create_dir(to.path().join("data")).unwrap();
    std::fs::write(to.path().join("data/app.db"), &ours).unwrap();
    std::fs::write(to.path().join("data/app.db-wal"), log(b'x')).unwrap();
    let before = files_below(to.path());
    for (overwrite, expected) in
        [(Overwrite::Never, 0), (Overwrite::Changed, 1), (Overwrite::Always, 1), (modes()[3].clone(), 0)]
    {
        let planned = plan(&tree, &request_with(to.path(), &overwrite), &mut |_| {}).await.unwrap();
        assert_eq!((planned.set_aside, planned.in_use, planned.twins), (expected, 0, 1), "{overwrite:?}");
    }
    assert_eq!(files_below(to.path()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_an_inode_that_changed_between_the_visits_are_each_what_they_were() {
    let mut writer = new_writer("links").await;
    let linked = |entry: Entry, name: &str| {
        with(entry, |entry| {
            entry.name = name.as_bytes().to_vec();
            entry.link_group = Some(7);
            entry.modified_ns = 1_600_000_000_000_000_000;
        })
    };
    let (old, new) = (writer.file("x", &[b"old"]).await, writer.file("x", &[b"new"]).await);
    let entries = [
        ("", folder("data")),
        ("data", linked(old.clone(), "a")),
        ("data", linked(new.clone(), "b")),
        ("data", linked(old.clone(), "c")),
        ("data", linked(new.clone(), "d")),
        ("data", with(linked(new, "e"), |entry| entry.mode = Some(0o600))),
    ];
    writer.snapshot(&entries, 2).await;
    let to = tempfile::tempdir().unwrap();
    // The second run meets what the first one left.
    for _ in 0..2 {
        let summary = run(&writer, request(to.path())).await;
        assert_eq!((summary.split_links, summary.code()), (2, ExitCode::Ok), "{summary:?}");
        let files = files_below(&to.path().join("data"));
        let expected: [(&str, &[u8]); 5] =
            [("a", b"old"), ("b", b"new"), ("c", b"old"), ("d", b"new"), ("e", b"new")];
        assert!(expected.iter().all(|(name, content)| files[*name] == *content), "{files:?}");
        let inode = |name: &str| std::fs::metadata(to.path().join("data").join(name)).unwrap().ino();
        assert!(inode("a") == inode("c") && inode("b") == inode("d"));
        assert!(inode("a") != inode("b") && inode("d") != inode("e"));
    }
}
