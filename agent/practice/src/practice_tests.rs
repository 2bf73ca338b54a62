//! Unit tests of the synthetic practice.

use std::collections::BTreeMap;

use super::*;

/// Every regular file's path and content below a root, without SQLite's `-wal` and `-shm`.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if entry.file_type().unwrap().is_file()
                && !name.ends_with("-wal")
                && !name.ends_with("-shm")
            {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn same_seed_same_bytes_other_seed_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<_> = [("a", 1), ("b", 1), ("c", 2)]
        .map(|(name, seed)| (build(&folder.path().join(name), seed, Scale::tiny()).unwrap(), name))
        .into_iter()
        .map(|(summary, name)| {
            let found = contents(&folder.path().join(name));
            assert_eq!(found.len() as u64, summary.files);
            assert_eq!(found.values().map(|c| c.len() as u64).sum::<u64>(), summary.bytes);
            (found, summary)
        })
        .collect();
    assert!(made[0].0 == made[1].0, "the same seed gave other bytes");
    assert!(made[0].0 != made[2].0);
}

#[test]
fn a_day_is_the_same_twice_and_counts_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let lived = ["a", "b"].map(|name| {
        let root = folder.path().join(name);
        let practice = build(&root, 7, Scale::tiny()).unwrap();
        let before = contents(&root);
        // The writer is still open: a day at work shares the database.
        let done = working_day(&root, 7, 1).unwrap();
        practice.writer.checkpoint().unwrap();
        (before, contents(&root), done)
    });
    let [(before, after, done), (_, again, same)] = lived;
    assert_eq!(done, same);
    assert!(after == again);
    assert_eq!(after.len() as u64, before.len() as u64 - done.deleted + done.created);
    let gone = before.keys().filter(|path| !after.contains_key(*path)).count() as u64;
    assert_eq!(gone, done.deleted + done.renamed);
    let changed =
        before.iter().filter(|(path, old)| after.get(*path).is_some_and(|new| new != *old)).count() as u64;
    assert_eq!(changed, done.edited + 1, "edited files and the database");
    assert!(done.renamed >= 2 && done.deleted >= 1 && done.rows_updated == 4, "{done:?}");
}

#[test]
fn several_days_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("p");
    let _practice = build(&root, 3, Scale::tiny()).unwrap();
    for day in 1..=5 {
        assert!(working_day(&root, 3, day).unwrap().created > 0);
    }
}

#[test]
fn database_is_in_use_then_sound_when_closed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("p");
    let mut practice = build(&root, 3, Scale::tiny()).unwrap();
    assert_eq!(practice.writer.update(5).unwrap(), 5);
    let wal = practice.database.with_file_name("cabinet.sqlite-wal");
    assert!(fs::metadata(&wal).unwrap().len() > 0, "nothing in the -wal file");
    practice.writer.close().unwrap();
    assert!(!wal.exists());
    let check: String = rusqlite::Connection::open(&practice.database)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn default_scale_is_what_the_demo_promises() {
    let folder = tempfile::tempdir().unwrap();
    let made = build(&folder.path().join("p"), 1, Scale::default()).unwrap();
    assert!((1_400..=1_600).contains(&made.files), "{} files", made.files);
    assert!((60_000_000..=80_000_000).contains(&made.bytes), "{} bytes", made.bytes);
}

#[test]
fn an_occupied_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "mine").unwrap();
    assert!(build(folder.path(), 1, Scale::tiny()).is_err());
    assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"mine");
}

#[cfg(target_os = "linux")]
#[test]
fn odd_files_are_there() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let _made = build(&folder.path().join("p"), 1, Scale::tiny()).unwrap();
    let odd = folder.path().join("p/Divers");
    let names: Vec<_> = fs::read_dir(&odd).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| std::str::from_utf8(name.as_bytes()).is_err()));
    assert!(
        names.iter().any(|name| name == "résumé.txt")
            && names.iter().any(|name| name == "re\u{301}sume\u{301}.txt")
    );
    assert_eq!(fs::metadata(odd.join("modèle (lien).txt")).unwrap().nlink(), 2);
    assert!(fs::symlink_metadata(odd.join("lien brisé")).unwrap().is_symlink());
    let sparse = fs::metadata(odd.join("image disque.vhd")).unwrap();
    assert!(sparse.blocks() * 512 < sparse.len(), "no hole");
    let decomposed_folders = fs::read_dir(folder.path().join("p/Patients"))
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains('\u{301}'))
        .count();
    assert!(decomposed_folders > 0);
}

#[test]
fn jpeg_entropy_data_holds_no_marker() {
    let picture = images::jpeg(&mut Seeded::new(1), 10_000);
    let scan = picture.windows(2).position(|pair| pair == b"\xff\xda").unwrap() + 10;
    assert!(!picture[scan..picture.len() - 2].contains(&0xff));
    assert!(picture.starts_with(b"\xff\xd8\xff\xe0") && picture.ends_with(b"\xff\xd9"));
}

/// What the database shrinks to at level 1 in frames of 512 KiB, and how many pages a day changes: benches that
/// compare ways of storing databases stand on both.
#[test]
fn the_database_shrinks_and_changes_like_a_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("p");
    let scale = Scale { scans: 0, documents: 0, images: 0, letters: 0, messages: 0, ..Scale::default() };
    let mut practice = build(&root, 5, scale).unwrap();
    practice.writer.checkpoint().unwrap();
    let before = fs::read(&practice.database).unwrap();
    let frames = before.chunks(512 << 10).map(|frame| zstd::bulk::compress(frame, 1).unwrap().len());
    let ratio = frames.sum::<usize>() as f64 / before.len() as f64;
    assert!((0.30..0.36).contains(&ratio), "ratio {ratio:.3}");

    practice.writer.update(5_000 / 50).unwrap();
    practice.writer.checkpoint().unwrap();
    let after = fs::read(&practice.database).unwrap();
    let pages = before.len() / 4096;
    let changed =
        (0..pages).filter(|page| before[page * 4096..][..4096] != after[page * 4096..][..4096]).count();
    let share = changed as f64 / pages as f64;
    assert!((0.045..0.075).contains(&share), "{:.1} % of the pages changed", 100.0 * share);
}
