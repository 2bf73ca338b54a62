//! With the kit and the store a restore always works: moved disks, damaged states, a second or half-made repository.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::listing::files_at_rest;
use e2e::process::{Tmpfs, copy, run};
use e2e::{Agent, Outcome, Place, Site, Tree, compare};

const CANARY: &str = "DUPONT";

pub fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file(format!("{CANARY}.txt"), format!("{CANARY} 1\n"));
    site.backup(&source);
    (site, source)
}

pub fn backup(source: &Tree) -> [OsString; 2] {
    ["backup".into(), source.root().into()]
}

pub fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Everything that reads works with the kit, and the restored files are right.
pub fn assert_reads(site: &Site, agent: &Agent, source: &Tree, what: &str) {
    let kit = site.kit();
    let kit = kit.to_str().unwrap();
    let to = site.path("back");
    let to_text = to.to_str().unwrap();
    for line in [
        &["ls", "latest", "--kit", kit][..],
        &["find", "DUPONT", "--kit", kit],
        &["snapshots"],
        &["check"],
        &["bilan", "list"],
        &["keys", "check-kit", "--kit", kit],
        &["restore", "latest", "--to", to_text, "--kit", kit],
    ] {
        let outcome = agent.run(line);
        assert_eq!(outcome.code(), 0, "{what}: {line:?}\n{outcome}");
    }
    compare::assert_same(source.root(), &site.restored(&to, source.root()));
    fs::remove_dir_all(to).unwrap();
}

pub fn assert_says(outcome: &Outcome, code: i32, words: &[&str]) {
    let said = outcome.err();
    assert!(outcome.code() == code && words.iter().all(|word| said.contains(word)), "{words:?}\n{outcome}");
}

#[test]
fn a_damaged_state_stops_no_restore_and_join_takes_over() {
    let (site, source) = practice();
    let sound = site.path("sound home");
    copy(site.agent.home(), &sound);
    for name in &one_of_each_kind(&files_at_rest(&site.state()), &site.state()) {
        for how in ["empty", "garbage", "folder", "missing"] {
            fs::remove_dir_all(site.agent.home()).unwrap();
            copy(&sound, site.agent.home());
            let file = site.state().join(name);
            fs::remove_file(&file).unwrap();
            match how {
                "empty" => fs::write(&file, b"").unwrap(),
                "garbage" => fs::write(&file, e2e::noise(7, 700)).unwrap(),
                "folder" => fs::create_dir(&file).unwrap(),
                _ => {}
            }
            let what = format!("{} {how}", name.display());
            assert_reads(&site, &site.agent, &source, &what);
            let outcome = site.agent.run(backup(&source));
            if name != Path::new("device.json") {
                assert_eq!(outcome.code(), 0, "{what}\n{outcome}");
                continue;
            }
            assert_says(&outcome, 1, &["init --join --repo file:///"]);
            site.agent.ok([OsString::from("init"), "--join".into()].into_iter().chain(site.with_kit()));
            let kept = files_at_rest(&site.state());
            let aside = |path: &Path| path.to_string_lossy().contains("head.json.aside-1");
            assert!(kept.iter().any(|path| aside(path)), "{what}: the old state is kept: {kept:?}");
            site.agent.ok(backup(&source));
            // The next round begins with the store as it is: its own device again, and one more.
            return_to_one_device(&site, &sound);
        }
    }
}

/// Names of files of the state; of copies of objects, which are many, one of each kind.
fn one_of_each_kind(files: &[PathBuf], state: &Path) -> Vec<PathBuf> {
    let mut kinds = BTreeSet::new();
    let names = files.iter().map(|path| path.strip_prefix(state).unwrap().to_owned());
    let is_first = |name: &PathBuf| match name.strip_prefix("kept") {
        Ok(copy) => kinds.insert(copy.to_str().unwrap().split('_').next().unwrap().to_owned()),
        Err(_) => true,
    };
    names.filter(is_first).collect()
}

/// Puts the store back to the time before a join, so that "latest" speaks of one device.
fn return_to_one_device(site: &Site, home: &Path) {
    let device = fs::read_to_string(home.join(site.repository()).join("device.json")).unwrap();
    for path in files_at_rest(site.place.folder()) {
        let text = path.to_string_lossy().into_owned();
        let is_of_another = (text.contains("/c/") || text.contains("/keys/d") || text.contains("/i/"))
            && !device.contains(text.rsplit('/').nth(1).unwrap_or_default())
            && !text.contains(&own_id(&device));
        if is_of_another || text.contains("/desc/") && !text.ends_with("999999999999") {
            fs::remove_file(path).unwrap();
        }
    }
}

fn own_id(device: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(device).unwrap();
    value["device"].as_str().unwrap().to_owned()
}

#[test]
fn a_state_folder_that_cannot_be_written_stops_no_restore() {
    let (site, source) = practice();
    run(std::process::Command::new("mount").arg("--bind").args([site.agent.home(), site.agent.home()]));
    run(std::process::Command::new("mount").args(["-o", "remount,ro,bind"]).arg(site.agent.home()));
    assert_reads(&site, &site.agent, &source, "read-only");
    run(std::process::Command::new("umount").arg("-l").arg(site.agent.home()));
    fs::write(site.path("a file"), b"x").unwrap();
    for home in [site.path("a file"), site.path("a file").join("below")] {
        assert_reads(&site, &site.agent.elsewhere(home), &source, "no folder can be there");
    }
    // The configuration beside the state, unreadable: with --repo it is done without.
    let broken = site.path("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("config.toml"), e2e::noise(3, 500)).unwrap();
    assert_reads(&site, &site.agent.elsewhere(broken), &source, "a configuration of garbage");
}

#[test]
fn a_full_disk_of_the_state_is_not_called_a_full_destination() {
    let site = Site::not_initialised(Place::dir);
    let disk = Tmpfs::mount(&site.path("small"), 2 << 20);
    let agent = site.agent.elsewhere(site.path("small").join("home"));
    agent.ok([OsString::from("init"), "--yes".into()].into_iter().chain(site.with_kit()));
    let source = site.source("source");
    source.file("a", "a");
    agent.ok(backup(&source));
    let filler = site.path("small").join("filler");
    let _ = fs::write(&filler, vec![1; 4 << 20]);
    source.file("b", "b");
    let outcome = agent.run(backup(&source));
    assert!(outcome.code() == 1 && !outcome.err().contains("destination is full"), "{outcome}");
    let to = site.path("back");
    let words = [OsString::from("restore"), "latest".into(), "--to".into(), to.into()];
    agent.ok(words.into_iter().chain(site.with_kit()));
    fs::remove_file(filler).unwrap();
    agent.ok(backup(&source));
    agent.ok(["check"]);
    drop(disk);
}

/// The computer lost its state and has a second place; the descriptor that enrolled it is gone. What it has saved since may be newer
/// than all that can be read.
#[test]
fn latest_passes_over_nobody_whose_descriptor_is_lost() {
    let (site, source) = practice();
    fs::remove_dir_all(site.agent.home()).unwrap();
    site.agent.ok(["init".into(), "--join".into()].into_iter().chain(site.with_kit()));
    source.file(format!("{CANARY}.txt"), format!("{CANARY} 2\n"));
    site.backup(&source);
    let descriptors = site.objects("desc/");
    fs::remove_file(site.object(&descriptors[0])).unwrap();
    let fresh = site.other_computer("fresh");
    for asked in ["latest", "2999-12-02"] {
        let words = ["restore".into(), asked.into(), "--to".into(), site.path("back").into()];
        let told = fresh.expect(13, words.into_iter().chain(site.with_kit()));
        assert!(told.err().contains("may be a snapshot's; readable: 1"), "{told}");
        assert!(!site.path("back").exists());
    }
    let device = fresh.run(["snapshots", "--json"]).json()[0]["device"].as_str().unwrap().to_owned();
    for (asked, to) in [("1".to_owned(), "by number"), (format!("{device}/latest"), "by computer")] {
        let words: [OsString; 4] = ["restore".into(), asked.into(), "--to".into(), site.path(to).into()];
        fresh.ok(words.into_iter().chain(site.with_kit()));
    }
}

#[test]
fn another_repository_in_the_place_of_the_known_one_is_refused() {
    let (site, source) = practice();
    fs::rename(site.place.folder(), site.path("the old disk")).unwrap();
    let other = site.other_computer("other");
    let (kit, yes) = (site.path("other kit"), OsString::from("--yes"));
    other.ok([OsString::from("init"), yes.clone(), "--kit".into(), kit.clone().into()]);
    assert_says(&site.agent.run(backup(&source)), 14, &["another repository"]);
    assert_says(&site.agent.run(["check"]), 14, &["another repository"]);
    assert_says(
        &site.agent.run([OsString::from("ls"), "latest".into()].into_iter().chain(site.with_kit())),
        14,
        &[],
    );
    // Its own kit opens it from here too.
    site.agent.ok([OsString::from("init"), "--join".into(), "--kit".into(), kit.into()]);
    // Made anew with the same kit: the same name, and no key that this computer seals to.
    fs::remove_dir_all(site.place.folder()).unwrap();
    let third = site.other_computer("third");
    third.ok([OsString::from("init"), yes].into_iter().chain(site.with_kit()));
    let before = site.place.sizes();
    let refused = site.agent.run(backup(&source));
    assert_says(&refused, 13, &["no longer knows this computer"]);
    assert_eq!(before, site.place.sizes(), "nothing was written");
    site.agent.ok([OsString::from("init"), "--join".into()].into_iter().chain(site.with_kit()));
    site.agent.ok(backup(&source));
}

#[test]
fn a_second_init_with_the_same_kit_ruins_nothing() {
    let (site, source) = practice();
    let public = OsString::from(format!("{}.pub", site.kit().display()));
    let elsewhere = url(&site.path("second"));
    let before = site.place.sizes();
    for (repo, line) in [
        (&elsewhere, vec![OsString::from("init"), "--kit-public".into(), public.clone()]),
        (&elsewhere, vec!["--yes".into(), "init".into(), "--kit".into(), site.kit().into()]),
        (&elsewhere, vec!["init".into(), "--kit".into(), site.kit().into(), "--yes".into()]),
        (&site.place.url(), vec!["init".into(), "--kit-public".into(), public.clone()]),
    ] {
        let outcome = site.agent.clone().with("SCELLE_REPO", repo).run(&line);
        assert_says(&outcome, 1, &[]);
        assert!(
            outcome.err().contains("destination add") || outcome.err().contains("already exists"),
            "{outcome}"
        );
    }
    assert!(!site.path("second").exists(), "something was made");
    assert_eq!(before, site.place.sizes());
    source.file("another", "another");
    site.backup(&source);
    assert_reads(&site, &site.agent, &source, "after the second init");
}

#[test]
fn two_inits_at_once_leave_one_repository_that_opens() {
    for same_home in [true, false] {
        let site = Site::not_initialised(Place::dir);
        site.agent.ok([OsString::from("kit"), "new".into(), "--out".into(), site.kit().into()]);
        let other = if same_home { site.agent.clone() } else { site.other_computer("other") };
        let line = || [OsString::from("init"), "--yes".into()].into_iter().chain(site.with_kit());
        let (one, two) = (site.agent.start(line()), other.start(line()));
        let codes = [one.wait().code(), two.wait().code()];
        let winners = codes.iter().filter(|code| **code == 0).count();
        assert!(winners <= 1 || !same_home && winners == 1, "{codes:?}");
        let winner = if codes[0] == 0 { &site.agent } else { &other };
        if winners == 0 {
            // Each refused the other's half: neither may claim a repository.
            continue;
        }
        let source = site.source("source");
        source.file("a", "a");
        winner.ok(backup(&source));
        assert_reads(&site, winner, &source, "the winner's");
    }
}

#[test]
fn an_init_that_dies_goes_on_when_it_is_called_again() {
    let names = Site::on_dir().place.sizes().len();
    let mut deaths = 0;
    for dies_at in 1..=names {
        let site = Site::not_initialised(Place::dir);
        site.agent.ok([OsString::from("kit"), "new".into(), "--out".into(), site.kit().into()]);
        let public = OsString::from(format!("{}.pub", site.kit().display()));
        let line = [OsString::from("init"), "--kit-public".into(), public];
        // Killed when it gives an object or a file of its state its final name.
        let calls = "link,linkat,rename,renameat,renameat2";
        let how = format!("signal=KILL:when={dies_at}");
        let dying = e2e::process::struck(&site.agent, (calls, &how), None, line.clone());
        let died = site.agent.spawn(dying).wait();
        deaths += usize::from(died.code() == 128 + 9);
        let again = site.agent.run(&line);
        assert!(again.code() == 0 || again.err().contains("already exists"), "died at {dies_at}: {again}");
        let source = site.source("source");
        source.file("a", "a");
        site.agent.ok(backup(&source));
        assert_reads(&site, &site.agent, &source, &format!("died at {dies_at}"));
    }
    assert!(deaths >= 2, "{deaths} deaths in {names} rounds: nothing was tried");
}
