//! A restore says which snapshot it took and what of it does not stand there: exit 0 means that the files are those of the snapshot.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use e2e::{Site, program};

fn to(site: &Site, snapshot: &str, to: &Path, more: &[&str]) -> Vec<OsString> {
    let words = ["restore", snapshot, "--to"].map(OsString::from).into_iter().chain([to.into()]);
    words.chain(more.iter().map(OsString::from)).chain(site.with_kit()).collect()
}

/// What a command shows on a terminal of its own.
fn on_a_terminal(site: &Site, words: &[OsString]) -> String {
    let typed: Vec<String> = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let typed = format!("'{}' {}", program().display(), typed.join(" "));
    let mut script = site.agent.command_of("script".as_ref());
    script.args(["--quiet", "--return", "--command", &typed, "/dev/null"]).stdin(Stdio::null());
    String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
}

#[test]
fn another_snapshot_over_a_restored_one_is_not_called_restored() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("Durand/letter.txt", "monday");
    source.file("same.txt", "same");
    source.file("first.raw", e2e::noise(1, 30_000));
    source.hardlink("second.raw", "first.raw");
    source.symlink("link", "same.txt");
    site.backup(&source);
    source.edit("Durand/letter.txt", "tuesday");
    site.backup(&source);
    let back = site.path("back");
    let first = site.agent.ok(to(&site, "1", &back, &[]));
    // Further names count as they do in a backup.
    assert!(first.out().contains(": 4 files"), "{first}");

    // The same again: all of it is there, links among it, and nothing is kept.
    let again = site.agent.ok(to(&site, "1", &back, &["--json"])).json();
    assert_eq!((&again["skipped_same"], &again["kept"]), (&5.into(), &0.into()), "{again}");

    let other = site.agent.expect(3, to(&site, "2", &back, &[]));
    let line = other.out().lines().next().unwrap_or_default().to_owned();
    assert!(line.contains("IN PART: 1 file that stood there already is not that of the snapshot"), "{other}");
    assert!(other.err().contains("\"--overwrite changed\" replaces it"), "{other}");
    assert!(other.out().contains("whois") && !format!("{other}").contains("Durand"), "{other}");
    let shown = on_a_terminal(&site, &to(&site, "2", &back, &[]));
    assert!(shown.contains("Durand/letter.txt: other content stands there already, left alone"), "{shown}");
    let letter = site.restored(&back, source.root()).join("Durand/letter.txt");
    assert_eq!(fs::read_to_string(&letter).unwrap(), "monday");
    site.agent.ok(to(&site, "2", &back, &["--overwrite", "changed"]));
    assert_eq!(fs::read_to_string(&letter).unwrap(), "tuesday");

    // A link that leads elsewhere is another one.
    let link = site.restored(&back, source.root()).join("link");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    let told = site.agent.expect(3, to(&site, "2", &back, &["--json"])).json();
    assert_eq!((&told["kept"], &told["symlinks"]), (&1.into(), &0.into()), "{told}");
}

#[test]
fn a_path_that_is_not_in_the_snapshot_is_missed_beside_one_that_is() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("a.txt", "a");
    source.file("b/c.txt", "c");
    site.backup(&source);
    let (back, a, gone) = (site.path("back"), source.path("a.txt"), source.path("a.tx"));
    let (a, gone, b) = (a.to_str().unwrap(), gone.to_str().unwrap(), source.path("b"));
    for more in [&[a, gone][..], &[gone, a], &[a, gone, "--dry-run"]] {
        let told = site.agent.expect(2, to(&site, "latest", &back, more));
        let place = if more[0] == gone { "PATH 1" } else { "PATH 2" };
        assert!(told.err().contains(place), "{told}");
        assert!(!back.exists(), "nothing was written");
    }
    site.agent.ok(to(&site, "latest", &back, &[a, b.to_str().unwrap()]));
    assert!(site.restored(&back, &source.path("b/c.txt")).exists());
}

#[test]
fn in_place_the_names_placed_beside_are_said_on_the_terminal() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("Durand/letter.txt", "monday");
    source.file("first.raw", e2e::noise(1, 30_000));
    source.hardlink("second.raw", "first.raw");
    site.backup(&source);
    source.edit("Durand/letter.txt", "tuesday");
    // The same bytes under another inode need nothing beside them.
    fs::remove_file(source.path("second.raw")).unwrap();
    fs::copy(source.path("first.raw"), source.path("second.raw")).unwrap();
    let words: Vec<OsString> =
        ["restore", "1", "--in-place"].map(OsString::from).into_iter().chain(site.with_kit()).collect();
    let shown = on_a_terminal(&site, &words);
    assert!(shown.contains("placed beside: 1"), "{shown}");
    assert!(shown.contains("Durand/letter (restored 2"), "{shown}");
    let piped = site.agent.ok(words);
    assert!(!format!("{piped}").contains("Durand"), "{piped}");
}

#[test]
fn the_date_that_is_shown_restores_the_snapshot_that_it_is_shown_for() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "monday");
    site.backup(&source);
    for lang in ["en", "fr"] {
        let table = site.agent.ok(["snapshots", "--lang", lang]).out();
        let sign = if lang == "fr" { '/' } else { '-' };
        let words: Vec<&str> = table.split_whitespace().collect();
        let day = words.iter().position(|word| word.matches(sign).count() == 2).unwrap();
        let shown = format!("{} {}", words[day], words[day + 1]);
        let told = site.agent.ok(to(&site, &shown, &site.path(lang), &["--lang", lang]));
        let line = told.out().lines().next().unwrap_or_default().to_owned();
        assert!(line.contains(&shown) && line.contains('1'), "{shown}: {told}");
        let day = words[day].to_owned();
        site.agent.ok(to(&site, &day, &site.path(&format!("day {lang}")), &[]));
    }
    // What is said to the second is meant to the second.
    let time = site.agent.json(["snapshots"])[0]["time"].as_str().unwrap().to_owned();
    site.agent.ok(to(&site, &time, &site.path("exact"), &[]));
    let refused = site.agent.expect(2, to(&site, "2001-01-01 10:00", &site.path("none"), &[]));
    assert!(refused.err().contains("snapshot"), "{refused}");
}

#[test]
fn an_empty_newest_snapshot_names_the_one_before_it_that_has_files() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let backup = |code| site.agent.expect(code, [OsString::from("backup"), source.root().into()]);
    backup(0);
    let nothing = site.agent.ok(to(&site, "latest", &site.path("empty"), &[]));
    assert!(!nothing.err().contains("holds no file"), "there is none before it: {nothing}");
    source.file("letter.txt", "monday");
    backup(0);
    source.edit("letter.txt", "tuesday");
    backup(0);
    fs::remove_file(source.path("letter.txt")).unwrap();
    backup(0);
    backup(0);
    let told = site.agent.ok(to(&site, "latest", &site.path("back"), &[]));
    assert!(
        told.err().contains("snapshot 5 holds no file; the newest one before it that does is 3"),
        "{told}"
    );
    // Asked for by its number, it is what was meant.
    let asked = site.agent.ok(to(&site, "5", &site.path("asked"), &[]));
    assert!(!asked.err().contains("holds no file"), "{asked}");
}

#[test]
fn files_that_came_back_as_they_were_are_not_told_as_changed() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("small.txt", "small");
    source.file("medium.raw", e2e::noise(1, 30_000));
    source.file("large.raw", e2e::noise(2, 3_000_000));
    source.hardlink("further.raw", "medium.raw");
    source.attribute("small.txt", "user.note", b"x");
    for name in ["small.txt", "medium.raw", "large.raw"] {
        source.modified(name, 1_600_000_000, 5);
    }
    site.backup(&source);
    fs::remove_dir_all(source.root()).unwrap();
    let words = ["restore", "1", "--in-place"].map(OsString::from).into_iter().chain(site.with_kit());
    let told = site.agent.ok(words);
    assert!(told.out().contains(": 4 files"), "as many as were saved: {told}");
    let run = site.backup(&source);
    assert_eq!((&run["files"]["changed"], &run["files"]["unchanged"]), (&0.into(), &4.into()), "{run}");
    // Other rights or attributes are a change, the content apart.
    source.mode("small.txt", 0o600);
    source.attribute("large.raw", "user.note", b"y");
    let run = site.backup(&source);
    assert_eq!((&run["files"]["changed"], &run["files"]["unchanged"]), (&2.into(), &2.into()), "{run}");
}
