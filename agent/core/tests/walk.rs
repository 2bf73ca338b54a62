//! The walk on real folders: order, roots, links, names, what is skipped, what is a problem.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what a test needs and does not get ends it"
)]

use scelle_core::platform::{self, Kind, ProblemCode};
use scelle_core::scan::{EntryPath, PathFilter, WalkItem, Walked, Walker};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn walk(roots: &[&Path], filter: PathFilter) -> (Vec<WalkItem>, Vec<(EntryPath, ProblemCode)>) {
    let roots: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    let (mut items, mut problems) = (Vec::new(), Vec::new());
    for walked in Walker::new(&roots, filter).unwrap() {
        match walked {
            Walked::Entry(item) => items.push(item),
            Walked::Problem(problem) => problems.push((problem.path, problem.code)),
        }
    }
    (items, problems)
}

/// The paths of what is not a mere step, relative to `below`, as text.
fn taken(items: &[WalkItem], below: &Path) -> Vec<String> {
    let below = EntryPath::from_os(below).unwrap();
    let own = items.iter().filter(|item| item.path.is_within(&below) && item.path != below);
    let bytes = own.map(|item| &item.path.as_bytes()[below.as_bytes().len() + 1..]);
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn entry(path: &Path) -> EntryPath {
    EntryPath::from_os(path).unwrap()
}

#[test]
fn the_order_is_the_formats_and_starts_with_the_ancestors() {
    let (_guard, root) = folder();
    for path in
        ["a/x", "a/b/z", "a/b/c/d/e", "a.b/y", "a-b/y", "a!/y", "b", "é/ü", "a/b.c/d", "Z/1", "a/\u{1}/q"]
    {
        write(&root.join(path), path);
    }
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert!(problems.is_empty());
    let paths: Vec<_> = items.iter().map(|item| item.path.clone()).collect();
    let mut sorted = paths.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(paths, sorted);

    let steps: Vec<_> = items.iter().filter(|item| item.is_ancestor).map(|item| item.path.clone()).collect();
    let mut ancestors: Vec<_> = root.ancestors().skip(1).map(entry).filter(|path| !path.is_top()).collect();
    ancestors.reverse();
    assert_eq!(steps, ancestors);
    for item in &items {
        let now = platform::stat(&item.os_path().unwrap()).unwrap();
        // Others make files beside the root, which changes the times and the size of the folders above it.
        let of =
            |stat: &platform::Stat| (stat.kind, stat.inode, stat.volume, stat.mode, stat.owner, stat.group);
        assert_eq!(of(&item.stat), of(&now));
        assert!(item.is_ancestor || item.stat == now);
    }
    #[rustfmt::skip]
    let expected = [
        "Z", "a", "a!", "a-b", "a.b", "b", "é", // the root
        "Z/1", "a/\u{1}", "a/b", "a/b.c", "a/x", "a/\u{1}/q", "a/b/c", "a/b/z", "a/b/c/d", "a/b/c/d/e", "a/b.c/d",
        "a!/y", "a-b/y", "a.b/y", "é/ü",
    ];
    assert_eq!(taken(&items, &root), expected);
}

/// Random trees against the plain definition: everything below the root, sorted.
#[test]
fn random_trees_come_in_order() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let names: [&[u8]; 10] = [
        b"a",
        b"a.b",
        b"a-b",
        b"a b",
        b"A",
        b"\xff\xfe",
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        b"\x01",
        b"~",
    ];
    for _ in 0..12 {
        let (_guard, root) = folder();
        let mut folders = vec![root.clone()];
        for _ in 0..120 {
            let path = folders[random(folders.len())].join(OsStr::from_bytes(names[random(names.len())]));
            if fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            match random(4) {
                0 => fs::write(&path, b"x").unwrap(),
                1 => symlink("..", &path).unwrap(),
                _ => {
                    fs::create_dir(&path).unwrap();
                    folders.push(path);
                }
            }
        }
        let mut expected = BTreeSet::new();
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for child in fs::read_dir(folder).unwrap() {
                let child = child.unwrap();
                expected.insert(entry(&child.path()));
                if child.file_type().unwrap().is_dir() {
                    open.push(child.path());
                }
            }
        }
        let (items, problems) = walk(&[&root], PathFilter::default());
        let depth = entry(&root).depth();
        let found: Vec<_> =
            items.into_iter().map(|item| item.path).filter(|path| path.depth() > depth).collect();
        assert!(problems.is_empty());
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn roots_are_merged_and_missing_ones_are_errors() {
    let (_guard, root) = folder();
    for path in ["one/a", "one/deep/b", "two/c", "three/d", "single"] {
        write(&root.join(path), path);
    }
    let roots = ["two", "one/deep", "one", "single", "two"].map(|name| root.join(name));
    let mut roots: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
    let gone = root.join("gone");
    roots.push(&gone);
    let (items, problems) = walk(&roots, PathFilter::default());
    assert_eq!(taken(&items, &root), ["one", "single", "two", "one/a", "one/deep", "one/deep/b", "two/c"]);
    assert_eq!(problems, [(entry(&gone), ProblemCode::RootMissing)]);
    assert!(ProblemCode::RootMissing.is_error());
    let (items, _) = walk(&[&gone], PathFilter::default());
    assert!(items.is_empty());
}

#[test]
fn a_log_comes_with_the_database_that_was_named_or_is_not_left_out() {
    let (_guard, root) = folder();
    for name in ["app.db", "app.db-a", "app.db-journal", "app.db-wal", "b.db", "b.db-wal", "c-wal"] {
        write(&root.join(name), name);
    }
    fs::create_dir(root.join("app.db-shm")).unwrap();
    let parts = |items: &[WalkItem]| -> Vec<String> {
        let parts: Vec<_> = items.iter().filter(|item| item.is_part_only).cloned().collect();
        taken(&parts, &root)
    };
    let (named, _) = walk(&[&root.join("app.db"), &root.join("app.db-a")], PathFilter::default());
    assert_eq!(taken(&named, &root), ["app.db", "app.db-a", "app.db-journal", "app.db-wal"]);
    assert_eq!(parts(&named), ["app.db-journal", "app.db-wal"]);
    assert!(named.iter().all(|item| item.has_side == (item.path == entry(&root.join("app.db")))));
    // One that was named itself is no mere part.
    let (both, _) = walk(&[&root.join("app.db"), &root.join("app.db-wal")], PathFilter::default());
    assert_eq!(taken(&both, &root), ["app.db", "app.db-journal", "app.db-wal"]);
    assert_eq!(parts(&both), ["app.db-journal"]);
    for (globs, expected) in [
        (vec!["*-wal", "*-journal"], vec!["app.db-journal", "app.db-wal", "b.db-wal"]),
        (vec!["*-wal", "b.db"], vec!["app.db-wal"]),
        (vec!["*"], vec![]),
        (vec![], vec![]),
    ] {
        let globs: Vec<String> = globs.into_iter().map(str::to_owned).collect();
        let (items, problems) = walk(&[&root], PathFilter::new(&[], &globs, &[]).unwrap());
        assert_eq!((parts(&items), problems.len()), (expected.iter().map(|s| (*s).to_owned()).collect(), 0));
    }
    let only = PathFilter::new(&["b.db".to_owned()], &[], &[]).unwrap();
    let (items, _) = walk(&[&root], only);
    assert_eq!(taken(&items, &root), ["app.db-shm", "b.db", "b.db-wal"]);
}

#[test]
fn a_root_inside_an_excluded_folder_is_taken() {
    let (_guard, root) = folder();
    for path in ["skip/keep/a", "skip/b", "c"] {
        write(&root.join(path), path);
    }
    let filter = PathFilter::new(&[], &["skip".to_owned()], &[]).unwrap();
    let (items, _) = walk(&[&root], filter.clone());
    assert_eq!(taken(&items, &root), ["c"]);
    // Its ancestor is a mere step again.
    let nested = root.join("skip/keep");
    let (items, _) = walk(&[&root, &nested], filter);
    assert_eq!(taken(&items, &root), ["c", "skip", "skip/keep"]);
    assert!(items.iter().any(|item| item.is_ancestor && item.path == entry(&root.join("skip"))));
}

#[test]
fn the_backups_own_folders_are_left_out() {
    let (_guard, root) = folder();
    for path in ["data/a", "state/catalog", "data/store/p/x"] {
        write(&root.join(path), path);
    }
    let own = [root.join("state"), root.join("data/store"), root.join("not-yet")];
    let filter = PathFilter::new(&[], &[], &own).unwrap();
    let (items, problems) = walk(&[&root], filter.clone());
    assert!(problems.is_empty());
    assert_eq!(taken(&items, &root), ["data", "data/a"]);
    let inside = root.join("data/store/p");
    let (items, problems) = walk(&[&inside], filter);
    assert!(items.is_empty());
    assert_eq!(problems, [(entry(&inside), ProblemCode::RootExcluded)]);
}

#[test]
fn links_are_kept_not_followed_but_a_root_is_resolved() {
    let (_guard, root) = folder();
    write(&root.join("real/a"), "a");
    symlink("real", root.join("link")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("..", root.join("real/up")).unwrap();
    symlink("nowhere", root.join("real/dangling")).unwrap();
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert!(problems.is_empty());
    assert_eq!(taken(&items, &root), ["link", "loop", "real", "real/a", "real/dangling", "real/up"]);
    let kinds = items.iter().filter(|item| item.stat.kind == Kind::Symlink).count();
    assert_eq!(kinds, 4);

    let mut walker = Walker::new(&[root.join("link")], PathFilter::default()).unwrap();
    assert_eq!(walker.roots()[0].path, Some(entry(&root.join("real"))));
    assert!(
        walker
            .any(|walked| matches!(walked, Walked::Entry(item) if item.path == entry(&root.join("real/a"))))
    );
    let (items, problems) = walk(&[&root.join("loop")], PathFilter::default());
    assert!(items.is_empty());
    assert_eq!(problems, [(entry(&root.join("loop")), ProblemCode::RootMissing)]);
}

#[test]
fn names_come_back_byte_for_byte() {
    let (_guard, root) = folder();
    let long = "x".repeat(255);
    let names: [&[u8]; 6] = [
        b"\xff\xfe\x80",
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        long.as_bytes(),
        b"line\nbreak",
        b" \\ : * ",
    ];
    for name in names {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert!(problems.is_empty());
    let below = entry(&root);
    let found: BTreeSet<&[u8]> = items
        .iter()
        .filter(|item| item.path.parent().as_ref() == Some(&below))
        .map(|item| item.path.name())
        .collect();
    assert_eq!(found, names.into_iter().collect());
    for item in items.iter().filter(|item| item.stat.kind == Kind::File) {
        let (file, stat) = platform::open_for_reading(&item.os_path().unwrap()).unwrap();
        let mut content = [0; 512];
        let read = platform::read_at(&file, &mut content, 0).unwrap();
        assert_eq!(&content[..read], item.path.name());
        assert_eq!(stat.inode, item.stat.inode);
    }
}

#[test]
fn sockets_and_pipes_are_skipped_and_never_opened() {
    let (_guard, root) = folder();
    write(&root.join("a"), "a");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert_eq!(taken(&items, &root), ["a"]);
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|(_, code)| code.is_skip()));
    // Would wait for a writer for ever.
    assert!(platform::open_for_reading(&root.join("pipe")).is_err());
    symlink("a", root.join("link")).unwrap();
    assert!(platform::open_for_reading(&root.join("link")).is_err());
}

#[test]
fn a_path_beyond_the_limits_is_a_problem() {
    let (_guard, root) = folder();
    let step = "d".repeat(200);
    // Deeper than the system takes in one path: made step by step from within.
    let script = r#"cd "$1" && for i in $(seq 25); do mkdir "$2" && cd "$2" || exit 1; done; : > end"#;
    let made = Command::new("bash").args(["-c", script, "bash"]).arg(&root).arg(&step).status().unwrap();
    assert!(made.success());
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].1, ProblemCode::PathTooDeep);
    // The system takes 4 096 bytes in one path: what lies deeper is named as a problem, not passed over.
    assert!(items.iter().all(|item| item.path.as_bytes().len() <= 4_096 + 256));
    assert!(items.len() > 15);
    let removed = Command::new("rm").arg("-rf").arg(&root).status().unwrap();
    assert!(removed.success());
}

/// Runs itself again as `nobody`, because root reads everything.
#[test]
fn what_may_not_be_read_is_a_problem() {
    if let Some(root) = std::env::var_os("SCELLE_TEST_UNREADABLE") {
        let root = PathBuf::from(root);
        let (items, problems) = walk(&[&root], PathFilter::default());
        assert_eq!(taken(&items, &root), ["closed", "open", "open/a"]);
        assert_eq!(problems, [(entry(&root.join("closed")), ProblemCode::FolderUnreadable)]);
        return;
    }
    let (_guard, base) = folder();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    let root = base.join("tree");
    write(&root.join("open/a"), "a");
    write(&root.join("closed/b"), "b");
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    // The build folder may be closed to others.
    let copy = base.join("walk-test");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut command = if fs::read_dir(root.join("closed")).is_ok() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    command.args(["--exact", "what_may_not_be_read_is_a_problem", "--nocapture"]);
    let output = command.env("SCELLE_TEST_UNREADABLE", &root).output().unwrap();
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
fn large_folders_come_in_order_and_an_abandoned_walk_ends() {
    let (_guard, root) = folder();
    for number in 0..20_000 {
        fs::write(root.join(format!("{}", number * 7_919 % 20_000)), b"").unwrap();
    }
    let (items, problems) = walk(&[&root], PathFilter::default());
    assert!(problems.is_empty());
    assert_eq!(taken(&items, &root).len(), 20_000);
    assert!(items.windows(2).all(|pair| pair[0].path < pair[1].path));
    let mut walker = Walker::new(&[root], PathFilter::default()).unwrap();
    assert!(walker.next().is_some());
    drop(walker);
}

/// Prints the time per entry; asserts counts only. `cargo nextest run --release --run-ignored only --no-capture walk`
#[test]
#[ignore = "a measurement: 300 000 files"]
fn measure_300_000_files() {
    let (_guard, root) = folder();
    for folder in 0..300 {
        let folder = root.join(format!("patient-{folder:03}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..1_000 {
            fs::write(folder.join(format!("document-{file:04}.pdf")), b"").unwrap();
        }
    }
    for turn in 0..3 {
        let start = std::time::Instant::now();
        let (mut listed, mut entries) = (0, 0);
        for folder in fs::read_dir(&root).unwrap() {
            listed += platform::read_directory(&folder.unwrap().path()).unwrap().len();
        }
        let reading = start.elapsed();
        let start = std::time::Instant::now();
        for walked in Walker::new(std::slice::from_ref(&root), PathFilter::default()).unwrap() {
            entries += usize::from(matches!(walked, Walked::Entry(_)));
        }
        let walking = start.elapsed();
        assert_eq!(listed, 300_000);
        assert!(entries > 300_300);
        println!(
            "turn {turn}: read_directory {:.2} µs, walk {:.2} µs per entry",
            reading.as_secs_f64() * 1e6 / listed as f64,
            walking.as_secs_f64() * 1e6 / entries as f64
        );
    }
}
