//! The repository at another address: moved, or a copy of it that somebody looks at. What is found wrong there is of that address.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use e2e::bucket::{BucketKind, Engine};
use e2e::listing::files_at_rest;
use e2e::process::copy;
use e2e::{Outcome, Site, noise};

use crate::whereabouts::{assert_reads, assert_says, backup, practice, url};

#[test]
fn a_moved_repository_is_found_by_its_id_and_said_once() {
    let (site, source) = practice();
    let home = site.agent.elsewhere(site.agent.home()).with("SCELLE_REPO", "");
    let moved = site.path("mounted elsewhere");
    fs::rename(site.place.folder(), &moved).unwrap();
    let gone = home.run(backup(&source));
    assert_says(&gone, 14, &["gone", &url(site.place.folder()), "--repo"]);
    let there = home.clone().with("SCELLE_REPO", url(&moved));
    assert_reads(&site, &there, &source, "moved");
    source.file("another", "another");
    let first = there.ok(backup(&source));
    assert!(first.err().contains("was at file://"), "{first}");
    let second = there.ok(backup(&source));
    assert!(!second.err().contains("was at file://"), "said once: {second}");
    // The configuration still names the old place; the state knows better, and says so.
    let stale = home.run(backup(&source));
    assert_says(&stale, 14, &["last seen at", "mounted elsewhere"]);
    let config = home.home().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&url(site.place.folder()), &url(&moved))).unwrap();
    home.ok(backup(&source));
    let join = home.run([OsString::from("init"), "--join".into()].into_iter().chain(site.with_kit()));
    assert_says(&join, 1, &["already part", "scelle backup"]);
    assert!(!join.err().contains("--join"), "a circle: {join}");
    home.ok(["check"]);
}

/// An older copy of the repository, on a disk that was put away: who looks at it writes nothing there, and believes nothing of it
/// of the repository itself.
#[test]
fn what_is_wrong_with_a_copy_is_neither_written_there_nor_held_against_the_repository() {
    let (site, source) = practice();
    let copied = site.path("put away");
    copy(site.place.folder(), &copied);
    source.file("later.txt", "later");
    site.backup(&source);
    let root = copied.join(site.repository());
    let names = |kind: &str| files_at_rest(&root.join(kind));
    fs::remove_file(root.join("p").join(&names("p")[0])).unwrap();
    fs::remove_dir_all(root.join("keys")).unwrap();
    let before = (names("c"), names("a"));
    let there = ["--repo".to_owned(), url(&copied)];
    let at_the_copy = |code, line: &[&str]| {
        site.agent.expect(code, line.iter().map(|word| (*word).to_owned()).chain(there.clone()))
    };
    let told = at_the_copy(13, &["check"]);
    assert!(told.out().contains("nothing was written into this copy"), "{told}");
    let told = at_the_copy(2, &["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    assert_says(&told, 2, &["another address than the one this computer backs up to"]);
    assert_eq!((names("c"), names("a")), before);
    let told = site.agent.ok(["check"]);
    assert!(!told.err().contains("missing"), "{told}");
    let told = site.backup(&source);
    assert_eq!((&told["status"], &told["healed_packs"]), (&"amber".into(), &0.into()), "{told}");
    site.agent.ok(["check"]);
}

/// The disk has another place today: what a check finds there is mended by the first backup made there.
#[test]
fn what_is_wrong_with_a_moved_repository_is_mended_by_the_next_backup_there() {
    let (site, source) = practice();
    let moved = site.path("mounted elsewhere");
    fs::rename(site.place.folder(), &moved).unwrap();
    let root = moved.join(site_repository(&moved));
    let packs = files_at_rest(&root.join("p"));
    let pack = root.join("p").join(&packs[0]);
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let there = site.agent.clone().with("SCELLE_REPO", url(&moved));
    there.expect(13, ["check", "--read-data", "all"]);
    let told = there.ok(backup(&source));
    assert!(told.err().contains("was at file://"), "{told}");
    there.ok(["check", "--read-data", "all"]);
}

/// What was found at one address is not forgotten for another, nor for another way to write it.
#[test]
fn what_is_known_of_a_moved_repository_outlives_a_look_at_a_copy() {
    let (site, source) = practice();
    let (moved, copied) = (site.path("mounted elsewhere"), site.path("put away"));
    copy(site.place.folder(), &copied);
    fs::rename(site.place.folder(), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, site.path("shortcut")).unwrap();
    let of = |folder: &Path| folder.join(site_repository(folder));
    let pack = of(&moved).join("p").join(&files_at_rest(&of(&moved).join("p"))[0]);
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let manifest = of(&copied).join("m").join(&files_at_rest(&of(&copied).join("m"))[0]);
    fs::remove_file(manifest).unwrap();
    let there = site.agent.clone().with("SCELLE_REPO", url(&moved));
    let look = |folder: &Path, code, more: &[&str]| {
        let words = ["check".to_owned(), "--repo".into(), url(folder)].into_iter();
        there.expect(code, words.chain(more.iter().map(|word| (*word).to_owned())))
    };
    look(&site.path("shortcut"), 13, &["--read-data", "all"]);
    look(&copied, 13, &[]);
    there.ok(backup(&source));
    there.ok(["check", "--read-data", "all"]);
    // Through a link it is the same place: what is found there is written down.
    let told = look(&site.path("shortcut"), 0, &[]);
    assert!(!told.err().contains("was at file://"), "{told}");
}

/// The one repository below a folder.
fn site_repository(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut named = entries.filter(|entry| entry.path().join("FORMAT.txt").exists());
    named.next().unwrap().file_name().into_string().unwrap()
}

/// A host's replica: the same names at another service.
#[test]
fn a_bucket_of_the_same_name_at_another_service_is_another_place() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [engine, replica] = folders.each_ref().map(|folder| Engine::seaweed(folder.path()));
    let [own, copied] = [&engine, &replica].map(|engine| {
        engine.make("cabinet", BucketKind::Plain);
        engine.bucket("cabinet", "site")
    });
    let site = Site::not_initialised(|_| own.clone().into());
    site.agent.ok([OsString::from("init"), "--yes".into()].into_iter().chain(site.with_kit()));
    let source = site.source("cabinet");
    source.file("scan.raw", noise(1, 300_000));
    site.backup(&source);
    for name in own.sizes().into_keys() {
        let mut bytes = own.read(&name);
        if name.contains("/p/") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        copied.write(&name, bytes);
    }
    let before = copied.sizes();
    let there = copied.reached_by(site.agent.clone());
    let written_otherwise = there.clone().with("SCELLE_S3_ENDPOINT", format!("{}/", copied.endpoint()));
    let told = written_otherwise.expect(13, ["check", "--read-data", "all"]);
    assert!(told.out().contains("nothing was written into this copy"), "{told}");
    assert_eq!(copied.sizes(), before);
    site.agent.ok(["check"]);
    let told = site.backup(&source);
    assert_eq!((&told["status"], &told["healed_packs"]), (&"amber".into(), &0.into()), "{told}");
    // Whoever backs up there is told which of the two he writes to from now on, and stores again what was found wrong there,
    // however the address was written then.
    let told: Outcome = there.ok(backup(&source));
    assert_eq!(told.err().matches("was at s3://cabinet/site (http").count(), 1, "{told}");
    there.ok(["check", "--read-data", "all"]);
}

/// Another computer has taken the copy for its repository: what it wrote there is nothing that this one's has lost.
#[test]
fn what_others_wrote_into_a_copy_is_not_put_back_at_home() {
    let (site, source) = practice();
    let copied = site.path("put away");
    copy(site.place.folder(), &copied);
    let other = site.other_computer("reception").with("SCELLE_REPO", url(&copied));
    other.ok(["init".into(), "--join".into()].into_iter().chain(site.with_kit()));
    source.file("of the reception.txt", "a letter");
    other.ok(backup(&source));
    site.agent.ok(["check", "--repo", &url(&copied)]);
    let before = files_at_rest(site.place.folder());
    source.file("later.txt", "later");
    let told = site.backup(&source);
    assert_eq!((&told["status"], &told["mended_objects"]), (&"amber".into(), &0.into()), "{told}");
    let is_new = |path: &std::path::PathBuf| !before.contains(path);
    let of = |path: &Path| copied.join(path.strip_prefix(site.place.folder()).unwrap());
    let brought: Vec<_> = files_at_rest(site.place.folder())
        .into_iter()
        .filter(is_new)
        .filter(|path| of(path).exists())
        .collect();
    assert!(brought.is_empty(), "{brought:?}");
}
