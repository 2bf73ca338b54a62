//! The run goes on, or can be gone on with, when the world around it misbehaves.
//!
//! Full disks, unreadable, vanishing and growing files, wrong credentials, wrong clocks, two runs at once, second
//! computers.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use e2e::process::{Tmpfs, below, contents, run, system};
use e2e::{Agent, Place, Site, Tree, compare, noise};

const CANARY: &str = "DUPONT";
/// Any user but root.
const NOBODY: &str = "65534";

fn backup_of(source: &Tree, more: &[&str]) -> Vec<OsString> {
    let words = [OsString::from("backup"), source.root().into()];
    words.into_iter().chain(more.iter().map(OsString::from)).collect()
}

fn assert_nothing_leaks(site: &Site) {
    assert!(!String::from_utf8_lossy(&site.agent.said()).contains(CANARY), "a name in an output");
}

#[test]
fn a_full_destination_is_said_and_more_room_is_enough() {
    let mut disk = None;
    let site = Site::not_initialised(|folder| {
        let place = Place::dir(folder);
        disk = Some(Tmpfs::mount(place.folder(), 1 << 20));
        place
    });
    let disk = disk.unwrap();
    site.agent.ok(["init".as_ref(), "--yes".as_ref(), "--kit".as_ref(), site.kit().as_os_str()]);
    let source = site.source("source");
    source.file(format!("{CANARY}.raw"), noise(1, 3_000_000));
    let outcome = site.agent.expect(1, backup_of(&source, &[]));
    assert!(outcome.err().contains("the destination is full"), "{outcome}");
    assert!(outcome.err().contains("To do:"), "{outcome}");
    assert!(site.agent.json(["snapshots"]).as_array().unwrap().is_empty());
    let stale = fs::read_dir(site.place.folder()).unwrap().map(|row| row.unwrap().file_name());
    assert!(
        !stale.into_iter().any(|name| name.to_string_lossy().starts_with('.')),
        "a temporary file is left"
    );

    disk.resize(64 << 20);
    site.backup(&source);
    let to = site.path("back");
    site.restore("latest", &to);
    compare::assert_same(source.root(), &site.restored(&to, source.root()));
    site.agent.ok(["check", "--read-data", "all"]);
    assert_nothing_leaks(&site);
    drop(disk);
}

#[test]
fn what_may_not_be_read_is_named_by_token_and_the_rest_is_saved() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(100, 20, 1);
    let closed = source.file(format!("{CANARY} closed.txt"), "nobody but root reads this");
    source.mode(format!("{CANARY} closed.txt"), 0o600);
    source.file(format!("{CANARY} folder/inside.txt"), "nor this");
    source.mode(format!("{CANARY} folder"), 0o700);
    let program = site.path("scelle");
    fs::copy(e2e::agent::program(), &program).unwrap();
    run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(site.folder()));
    let folder = source.path(format!("{CANARY} folder"));
    run(Command::new("chown").args(["-R", "0:0"]).args([&closed, &folder]));

    let mut command = site.agent.command_of(&system("setpriv"));
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(&program);
    command.args(backup_of(&source, &["--json"]));
    let outcome = site.agent.spawn(command).wait();
    assert_eq!(outcome.code(), 3, "{outcome}");
    let summary = outcome.json();
    assert_eq!(summary["problems"], 2, "{summary}");
    assert_eq!(summary["snapshot"], 1, "the run completes: {summary}");
    assert_ne!(summary["status"], "green", "{summary}");
    assert!(outcome.err().contains("refused to read"), "{outcome}");

    let to = site.path("back");
    site.restore("1", &to);
    let mut saved = contents(source.root());
    saved.retain(|name, _| !name.contains(CANARY));
    let mut back = contents(&site.restored(&to, source.root()));
    assert!(!back.keys().any(|name| name.contains("inside")), "what was not read cannot come back");
    back.retain(|name, _| !name.contains(CANARY));
    assert_eq!(back.keys().collect::<Vec<_>>(), saved.keys().collect::<Vec<_>>());
    assert!(back == saved);
    assert_nothing_leaks(&site);

    // Readable again: the next run takes them.
    run(Command::new("chown").args(["-R", NOBODY]).arg(site.folder()));
    let mut command = site.agent.command_of(&system("setpriv"));
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(&program);
    command.args(backup_of(&source, &["--json"]));
    let outcome = site.agent.spawn(command).wait();
    assert_eq!(outcome.code(), 0, "{outcome}");
    assert_eq!(outcome.json()["files"]["new"], 2, "{outcome}");
}

#[test]
fn a_file_that_vanishes_costs_itself_only() {
    let site = Site::on_dir();
    let source = site.source("source");
    // A run reads about 100 MB ahead of the line; after that it goes at the line's pace, and is seconds away from the last.
    for number in 0..240 {
        source.file(format!("{CANARY} {number:03}.raw"), noise(number, 1_000_000));
    }
    let mut run = site.agent.start(backup_of(&source, &["--limit-upload", "30M", "--json"]));
    run.wait_until("a pack was stored", || !site.objects_so_far("p/").is_empty());
    let gone = [237, 238, 239].map(|number| format!("{CANARY} {number}.raw"));
    gone.iter().for_each(|name| fs::remove_file(source.path(name)).unwrap());
    let outcome = run.wait();
    assert_eq!(outcome.code(), 3, "{outcome}");
    assert_eq!(outcome.json()["problems"], 3, "{outcome}");
    assert!(outcome.err().contains("vanished"), "{outcome}");
    let to = site.path("back");
    site.restore("1", &to);
    assert!(contents(source.root()) == contents(&site.restored(&to, source.root())));
    assert_nothing_leaks(&site);
}

/// The restored file is what the file was at some moment: a beginning of what it became.
#[test]
fn a_file_that_grows_while_it_is_read_comes_back_as_it_was_at_some_moment() {
    const BEGINS_BYTES: usize = 20_000_000;
    let site = Site::on_dir();
    let source = site.source("source");
    let whole = Arc::new(noise(9, 80_000_000));
    let path = source.file(format!("{CANARY} log.bin"), &whole[..BEGINS_BYTES]);
    source.file("still.txt", "nothing happens here");
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (whole, is_over) = (Arc::clone(&whole), Arc::clone(&is_over));
        move || {
            let mut file = File::options().append(true).open(path).unwrap();
            let mut pieces = whole[BEGINS_BYTES..].chunks(50_000);
            // The last piece is written when the run is over: it never saw all of the file.
            while !is_over.load(Ordering::Relaxed) && pieces.len() > 1 {
                file.write_all(pieces.next().unwrap()).unwrap();
                thread::sleep(Duration::from_millis(4));
            }
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(4));
            }
            file.write_all(pieces.next().unwrap()).unwrap();
        }
    });
    let outcome = site.agent.run(backup_of(&source, &["--json"]));
    is_over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!([0, 3].contains(&outcome.code()), "{outcome}");
    let problems = outcome.json()["problems"].as_u64().unwrap();
    assert_eq!(problems > 0, outcome.code() == 3, "{outcome}");
    if problems > 0 {
        assert!(outcome.err().contains("changed while it was read"), "{outcome}");
    }
    let to = site.path("back");
    site.restore("1", &to);
    let back = contents(&site.restored(&to, source.root()));
    let log = &back[&format!("{CANARY} log.bin")];
    assert!(log.len() >= BEGINS_BYTES, "{} bytes", log.len());
    assert!(whole.starts_with(log), "not a beginning of the file");
    assert_eq!(back["still.txt"], b"nothing happens here");
    // The next run, in peace, has it all.
    let summary = site.backup(&source);
    assert_eq!(summary["files"]["changed"], 1, "{summary}");
    site.restore("2", &site.path("again"));
    compare::assert_same(source.root(), &site.restored(&site.path("again"), source.root()));
    assert_nothing_leaks(&site);
}

#[test]
fn a_second_run_at_the_same_time_is_told_to_wait() {
    let site = Site::on_dir();
    let source = site.source("source");
    for number in 0..10 {
        source.file(format!("{CANARY} {number}.raw"), noise(number, 4_000_000));
    }
    let mut first = site.agent.start(backup_of(&source, &["--limit-upload", "6M"]));
    first.wait_until("a pack was stored", || !site.objects_so_far("p/").is_empty());
    // It holds its lock and does not end, however long the others take.
    first.pause();
    let second = site.agent.expect(11, backup_of(&source, &[]));
    assert!(second.err().contains("another run is working") && second.err().contains("To do:"), "{second}");
    let french = site.agent.clone().with("SCELLE_LANG", "fr").expect(11, backup_of(&source, &[]));
    assert!(french.err().contains("un autre travail"), "{french}");
    // Looking needs no lock.
    site.agent.ok(["snapshots"]);
    first.go_on();
    assert_eq!(first.wait().code(), 0);
    assert_nothing_leaks(&site);
}

/// A second and a third computer, one with the kit and one with the phrase; each restores what any saved.
#[test]
fn other_computers_join_with_kit_or_phrase() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("first");
    source.fill_with_small_files(50, 10, 1);
    site.backup(&source);
    let mut computers = vec![(site.agent.clone(), source)];
    for (name, key) in [("second", site.with_kit()), ("third", site.with_phrase())] {
        let agent = site.other_computer(&format!("home of the {name}"));
        agent.ok([OsString::from("init"), "--join".into(), "--yes".into()].into_iter().chain(key));
        let source = site.source(name);
        source.fill_with_small_files(50, 10, name.len() as u64);
        agent.ok(backup_of(&source, &[]));
        computers.push((agent, source));
    }
    let rows = site.agent.json(["snapshots"]);
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    let device = |agent: &Agent| {
        let state = agent.home().join(site.repository()).join("device.json");
        let device: serde_json::Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
        device["device"].as_str().unwrap().to_owned()
    };
    for (reader, _) in &computers {
        for (writer, source) in &computers {
            let to = site.path("back");
            let snapshot = format!("{}/latest", device(writer));
            let words = [OsString::from("restore"), snapshot.into(), "--to".into(), to.clone().into()];
            reader.ok(words.into_iter().chain(site.with_phrase()));
            compare::assert_same(source.root(), &site.restored(&to, source.root()));
            fs::remove_dir_all(&to).unwrap();
        }
    }
    for (agent, source) in &computers {
        agent.ok(backup_of(source, &[]));
        agent.ok(["check", "--read-data", "all"]);
    }
}

#[test]
fn a_refused_credential_and_a_wrong_clock_on_a_real_s3() {
    let site = Site::on_seaweed();
    let source = site.source("source");
    source.file(format!("{CANARY}.raw"), noise(1, 2_000_000));
    let thief = site.agent.clone().with("AWS_SECRET_ACCESS_KEY", "wrongwrongwrong");
    for language in ["en", "fr"] {
        let outcome = thief.clone().with("SCELLE_LANG", language).expect(14, backup_of(&source, &[]));
        let line = outcome.err();
        let says =
            if language == "en" { "refuses this computer's credential" } else { "refuse l'identifiant" };
        assert!(line.contains(says), "{outcome}");
        assert!(!line.contains("wrongwrongwrong"), "{outcome}");
    }
    thief.clone().with("AWS_ACCESS_KEY_ID", "nobody").expect(14, backup_of(&source, &[]));

    for (round, (offset, says)) in
        [("+3600s", "60 min ahead"), ("-3600s", "60 min behind")].into_iter().enumerate()
    {
        source.file("another.raw", noise(round as u64 + 2, 2_000_000));
        let before = ["faketime", "-f", offset];
        let outcome = site.agent.spawn(below(&site.agent, &before, backup_of(&source, &["--json"]))).wait();
        assert_eq!(outcome.code(), 0, "{offset}: {outcome}");
        assert!(outcome.err().contains(says) || outcome.err().contains("59 min"), "{offset}: {outcome}");
        let to = site.path(&format!("back {round}"));
        site.restore("latest", &to);
        compare::assert_same(source.root(), &site.restored(&to, source.root()));
    }
    assert_nothing_leaks(&site);
    assert_no_credential_in_state(site.agent.home());
}

fn assert_no_credential_in_state(home: &Path) {
    for (name, bytes) in contents(home) {
        let secret = scelle_store::testing::engines::SECRET_KEY.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name} holds the credential");
    }
}
