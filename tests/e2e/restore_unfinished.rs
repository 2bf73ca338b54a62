//! A restore in place that was stopped, and what the next one makes of the folders it left: theirs, and not the person's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::process::{self, FoldingDisk, struck};
use e2e::tree::{Tree, noise};
use e2e::{Outcome, Site};

fn in_place(site: &Site, snapshot: &str, more: &[&str]) -> Vec<OsString> {
    let words = ["restore", snapshot, "--in-place"].into_iter().chain(more.iter().copied());
    words.map(OsString::from).chain(site.with_kit()).collect()
}

/// Stops a restore in place by `signal` when a few files stand.
fn stopped(site: &Site, snapshot: &str, signal: &str) -> Outcome {
    let how = format!("signal={signal}:when=4");
    site.agent.spawn(struck(&site.agent, ("renameat2", &how), None, in_place(site, snapshot, &[]))).wait()
}

/// Rights, owner and time of every folder below one, itself included.
fn folders(root: &Path) -> BTreeMap<PathBuf, (u32, u32, i64, i64)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        let look = fs::metadata(&folder).unwrap();
        let below = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        open.extend(below.filter(|path| path.is_dir() && !path.is_symlink()));
        found.insert(folder, (look.mode() & 0o7777, look.uid(), look.mtime(), look.mtime_nsec()));
    }
    found
}

fn practice(source: &Tree) {
    for number in 0..40 {
        source.file(format!("dossiers/{number}/scan.raw"), noise(number, 100_000));
        source.owner(format!("dossiers/{number}"), 65534, 65534);
        source.mode(format!("dossiers/{number}"), 0o755);
        source.modified(format!("dossiers/{number}"), 1_600_000_000 + number as i64, 5);
    }
    source.mode("dossiers", 0o2775);
    source.modified("dossiers", 1_500_000_000, 7);
}

fn no_trace_is_left(root: &Path) {
    let names = process::contents(root).into_keys();
    let ours: Vec<String> = names.filter(|name| name.contains(".scelle-")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn folders_that_a_stopped_restore_left_get_their_rights_from_the_next() {
    for (signal, more) in [("INT", &[][..]), ("KILL", &[]), ("KILL", &["--overwrite", "always"])] {
        let site = Site::on_dir();
        let source = site.source("cabinet");
        practice(&source);
        source.file("mine/letter.txt", "a letter");
        site.backup(&source);
        let before = folders(&source.path("dossiers"));
        fs::remove_dir_all(source.path("dossiers")).unwrap();
        // A folder that stands there is the person's, and keeps the rights that it has today: these, too.
        source.mode("mine", 0o700);
        fs::create_dir(source.path("dossiers")).unwrap();
        source.mode("dossiers", 0o711);
        fs::create_dir(source.path("dossiers/0")).unwrap();
        source.mode("dossiers/0", 0o700);

        let left = stopped(&site, "latest", signal);
        assert!(left.code() > 0, "{left}");
        let half = folders(&source.path("dossiers"));
        assert!(half.len() > 3, "nothing was begun: {left}");
        assert!(
            half.values().all(|(mode, ..)| mode & 0o077 == 0 || *mode == 0o711),
            "nobody else may enter: {half:?}"
        );
        // Twice: the second is a second try of the same.
        stopped(&site, "latest", signal);

        let ended = site.agent.ok(in_place(&site, "latest", more));
        assert!(!ended.err().contains("interrupted"), "{ended}");
        let after = folders(&source.path("dossiers"));
        assert_eq!(after.len(), before.len(), "{signal} {more:?}");
        for (path, (mode, owner, ..)) in &after {
            let name = path.strip_prefix(source.root()).unwrap().to_str().unwrap();
            match name {
                "dossiers" => assert_eq!((*mode, *owner), (0o711, 0), "{signal} {more:?}"),
                "dossiers/0" => assert_eq!((*mode, *owner), (0o700, 0), "{signal} {more:?}"),
                _ => assert_eq!(after[path], before[path], "{signal} {more:?} {name}"),
            }
        }
        assert_eq!(fs::metadata(source.path("mine")).unwrap().mode() & 0o7777, 0o700);
        no_trace_is_left(source.root());
    }
}

#[test]
fn a_restore_that_lacks_a_folder_which_another_left_says_so() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "a letter");
    site.backup(&source);
    practice(&source);
    site.backup(&source);
    let before = folders(&source.path("dossiers"));
    fs::remove_dir_all(source.path("dossiers")).unwrap();
    stopped(&site, "2", "KILL");

    let other = site.agent.expect(3, in_place(&site, "1", &[]));
    assert!(other.err().contains("of an interrupted restore"), "{other}");
    assert!(!format!("{other}").contains("dossiers"), "names are for the terminal: {other}");
    let told = site.agent.expect(3, in_place(&site, "1", &["--json"])).json();
    assert!(told["unfinished_folders"].as_u64().unwrap() > 1, "{told}");

    site.agent.ok(in_place(&site, "2", &[]));
    assert_eq!(folders(&source.path("dossiers")), before);
    let told = site.agent.ok(in_place(&site, "1", &["--json"])).json();
    assert_eq!(told["unfinished_folders"], 0, "{told}");
}

/// A disk that keeps neither rights nor owners: what is to be given back there is the time.
#[test]
fn a_disk_without_rights_gets_the_times_of_its_folders_back() {
    let site = Site::on_dir();
    let disk = FoldingDisk::at(&site);
    let source = Tree::new(disk.folder().join("cabinet"));
    for number in 0..40 {
        source.file(format!("dossiers/{number}/scan.raw"), noise(number, 100_000));
        source.modified(format!("dossiers/{number}"), 1_600_000_000 + number as i64, 0);
    }
    source.modified("dossiers", 1_500_000_000, 0);
    site.backup(&source);
    let before = folders(&source.path("dossiers"));
    process::run(Command::new("rm").arg("-rf").arg(source.path("dossiers")));
    let left = stopped(&site, "latest", "KILL");
    assert!(source.path("dossiers").exists(), "{left}");
    site.agent.ok(in_place(&site, "latest", &[]));
    assert_eq!(folders(&source.path("dossiers")), before);
    no_trace_is_left(source.root());
}
