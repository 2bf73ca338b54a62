//! With the kit and the store a restore always works: moved disks, damaged states, a second or half-made repository.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use e2e::listing::files_at_rest;
use e2e::process::{Tmpfs, copy, run};
use e2e::{Agent, Outcome, Place, Site, Tree, compare};

const CANARY: &str = "DUPONT";

fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file(format!("{CANARY}.txt"), format!("{CANARY} 1\n"));
    site.backup(&source);
    (site, source)
}

fn backup(source: &Tree) -> [OsString; 2] {
    ["backup".into(), source.root().into()]
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Everything that reads works with the kit, and the restored files are right.
fn assert_reads(site: &Site, agent: &Agent, source: &Tree, what: &str) {
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

fn assert_says(outcome: &Outcome, code: i32, words: &[&str]) {
    let said = outcome.err();
    assert!(outcome.code() == code && words.iter().all(|word| said.contains(word)), "{words:?}\n{outcome}");
}

#[test]
fn a_damaged_state_stops_no_restore_and_join_takes_over() {
    let (site, source) = practice();
    let sound = site.path("sound home");
    copy(site.agent.home(), &sound);
    let names: Vec<_> = files_at_rest(&site.state());
    let names: Vec<_> =
        names.iter().map(|path| path.strip_prefix(site.state()).unwrap().to_owned()).collect();
    for name in &names {
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
