//! The ledger notices what was taken away, put back or copied, and goes on.
//!
//! A store that loses its newest notes, a state folder from an older image, a cloned computer, a lost catalog.

mod forks;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::listing::files_at_rest;
use e2e::process::{copy, put_back};
use e2e::{Agent, Outcome, Site, Tree, compare, noise};
use serde_json::Value;

/// What a run on a state folder that was put back says.
const REWOUND: &str = "the local state was older";
/// What a run says when someone else writes as this computer.
const FORK: &str = "ALARM: two different continuations";
/// What a run says when its newest snapshot is gone.
const VANISHED: &str = "no longer in the repository";

/// A day is 500 000 new bytes and a new image of 2.9 MB, all noise; with padding, and less than that and the 3 MB of
/// before.
const DAY_SENT_BYTES: u64 = 3_800_000;

/// A practice with a first snapshot, and copies of its files as each snapshot saw them.
struct Life {
    site: Site,
    source: Tree,
    day: u64,
}

impl Life {
    fn begin() -> Self {
        let site = Site::on_dir();
        let source = site.source("source");
        source.fill_with_small_files(300, 50, 7);
        source.file("image.raw", noise(1, 3_000_000));
        let mut life = Self { site, source, day: 0 };
        life.live();
        life.site.backup(&life.source);
        life.remember("1");
        life
    }

    /// A day's work.
    fn live(&mut self) {
        self.day += 1;
        self.source.file(format!("day {}.bin", self.day), noise(100 + self.day, 500_000));
        self.source.edit("image.raw", noise(self.day, 2_900_000 + self.day as usize));
    }

    /// Keeps a copy of the files under a name.
    fn remember(&self, name: &str) {
        copy(self.source.root(), &self.site.path(&format!("remembered {name}")));
    }

    fn backup_on(&self, agent: &Agent) -> (Value, Outcome) {
        let outcome = agent.expect(0, ["backup".as_ref(), self.source.root().as_os_str(), "--json".as_ref()]);
        (outcome.json(), outcome)
    }

    /// Restores on a computer that knows nothing and compares with what was remembered.
    fn assert_restores(&self, snapshot: &str, remembered: &str) {
        let to = self.site.path(&format!("restored {}", snapshot.replace('/', "-")));
        let stranger = self.site.other_computer("stranger");
        stranger.ok([
            "restore".as_ref(),
            snapshot.as_ref(),
            "--to".as_ref(),
            to.as_os_str(),
            "--kit".as_ref(),
            self.site.kit().as_os_str(),
        ]);
        compare::assert_same(
            &self.site.path(&format!("remembered {remembered}")),
            &self.site.restored(&to, self.source.root()),
        );
        fs::remove_dir_all(to).unwrap();
    }

    fn home_copy(&self, name: &str) -> std::path::PathBuf {
        let to = self.site.path(name);
        copy(self.site.agent.home(), &to);
        to
    }
}

#[test]
fn a_dropped_newest_snapshot_is_noticed_and_the_next_run_goes_on() {
    let mut life = Life::begin();
    let before: BTreeSet<String> = life.site.objects("c/").into_iter().collect();
    life.live();
    life.site.backup(&life.source);
    for dropped in life.site.objects("c/").iter().filter(|name| !before.contains(*name)) {
        fs::remove_file(life.site.object(dropped)).unwrap();
    }
    let check = life.site.agent.expect(13, ["check", "--json"]);
    assert!(
        check.json()["findings"].as_array().unwrap().iter().any(|found| found["kind"] == "rollback"),
        "{check}"
    );

    life.live();
    life.remember("3");
    let (summary, outcome) = life.backup_on(&life.site.agent);
    assert!(outcome.err().contains(VANISHED), "{outcome}");
    assert_ne!(summary["status"], "green", "{summary}");
    assert_eq!(summary["snapshot"], 3, "a number is never used twice: {summary}");
    life.assert_restores("3", "3");
    life.assert_restores("1", "1");

    life.live();
    life.remember("4");
    let (summary, _) = life.backup_on(&life.site.agent);
    assert_eq!(summary["snapshot"], 4);
    life.assert_restores("latest", "4");
}

#[test]
fn a_state_from_an_older_image_fast_forwards_and_goes_on() {
    let mut life = Life::begin();
    let image = life.home_copy("image of the home");
    for day in 2..=3 {
        life.live();
        life.remember(&day.to_string());
        life.site.backup(&life.source);
    }
    put_back(&image, life.site.agent.home());
    let packs = life.site.objects("p/").len();
    let (summary, outcome) = life.backup_on(&life.site.agent);
    assert!(outcome.err().contains(REWOUND), "{outcome}");
    assert!(!outcome.err().contains(FORK), "{outcome}");
    assert_eq!(summary["snapshot"], 4, "{summary}");
    assert_eq!(life.site.objects("p/").len(), packs, "stored content was sent again: {summary}");
    life.assert_restores("4", "3");
    let shown = life.site.agent.json(["bilan", "show", "latest"]);
    assert_eq!(
        shown["record"]["availability"]["snapshots"], 4,
        "those that the image does not know count: {shown}"
    );

    life.live();
    life.remember("5");
    let (summary, outcome) = life.backup_on(&life.site.agent);
    assert!(!outcome.err().contains(REWOUND) && !outcome.err().contains(FORK), "{outcome}");
    assert_eq!(summary["snapshot"], 5);
    for (snapshot, remembered) in [("1", "1"), ("2", "2"), ("3", "3"), ("5", "5")] {
        life.assert_restores(snapshot, remembered);
    }
    life.site.agent.ok(["check", "--read-data", "all"]);
}

#[test]
fn restoring_on_an_older_image_makes_no_fork() {
    let mut life = Life::begin();
    let image = life.home_copy("image of the home");
    life.live();
    life.remember("2");
    life.site.backup(&life.source);
    put_back(&image, life.site.agent.home());
    // The first thing a person does on a PC brought back from an image: get yesterday's files.
    life.site.restore("2", &life.site.path("first"));
    compare::assert_same(
        &life.site.path("remembered 2"),
        &life.site.restored(&life.site.path("first"), life.source.root()),
    );
    let (summary, outcome) = life.backup_on(&life.site.agent);
    assert!(!outcome.err().contains(FORK), "{outcome}");
    assert_eq!(summary["snapshot"], 3, "{summary}");
    life.site.agent.ok(["check"]);
}

/// Codes of the newest bilan.
fn reasons(agent: &Agent) -> Vec<String> {
    let shown = agent.json(["bilan", "show", "latest"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

/// The file with what the last bilans saw, in the state folder of a repository.
fn memory_in(folder: std::io::Result<fs::DirEntry>) -> Option<std::path::PathBuf> {
    Some(folder.unwrap().path().join("bilans.json")).filter(|file| file.is_file())
}

/// Whoever sees that the store was set back notes it, whatever becomes of what they were about to do.
#[test]
fn a_store_that_was_set_back_stays_an_alarm_whoever_saw_it_first() {
    for first in ["a run that fails", "a restore", "a run after which the memory is lost"] {
        let mut life = Life::begin();
        let image = life.site.path("image of the store");
        copy(life.site.place.folder(), &image);
        life.live();
        life.site.backup(&life.source);
        put_back(&image, life.site.place.folder());
        let agent = life.site.agent.clone();
        if first == "a restore" {
            let to = life.site.path("back");
            let kit = life.site.kit();
            let words: [&std::ffi::OsStr; 6] = [
                "restore".as_ref(),
                "1".as_ref(),
                "--to".as_ref(),
                to.as_os_str(),
                "--kit".as_ref(),
                kit.as_os_str(),
            ];
            agent.ok(words);
        } else {
            agent.expect(1, ["backup", "/nowhere"]);
        }
        if first == "a run after which the memory is lost" {
            for name in ["bilans.json", "alarms.json"] {
                fs::remove_file(life.site.state().join(name)).unwrap();
            }
            agent.expect(1, ["backup", "/nowhere"]);
        }
        for _ in 0..2 {
            assert_eq!(life.backup_on(&agent).0["status"], "red", "{first}");
            assert!(
                reasons(&agent).contains(&"store-rolled-back".to_owned()),
                "{first}: {:?}",
                reasons(&agent)
            );
        }
        let ended = agent.ok(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
        let said = "Alarm about the ledger ended; it is in the ledger. It comes back if this happens again\n";
        assert!(ended.out().contains(said), "{ended}");
        assert_ne!(life.backup_on(&agent).0["status"], "red", "{first}");
    }
}

/// The bilan of a run that failed says what there is all the same.
#[test]
fn a_run_that_failed_says_how_many_snapshots_there_are() {
    let life = Life::begin();
    life.site.backup(&life.source);
    fs::rename(life.source.root(), life.site.path("away")).unwrap();
    life.site.agent.expect(1, ["backup".as_ref(), life.source.root().as_os_str()]);
    let shown = life.site.agent.json(["bilan", "show"]);
    assert_eq!(shown["record"]["availability"]["snapshots"], 2, "{shown}");
}

/// Two computers with one identity, in turn: each run brings the other's notes in, nothing is lost or doubled.
#[test]
fn two_clones_in_turn_both_back_up() {
    let mut life = Life::begin();
    let clone = life.site.agent.elsewhere(life.home_copy("clone"));
    for (turn, agent) in
        [&life.site.agent.clone(), &clone, &life.site.agent.clone(), &clone].into_iter().enumerate()
    {
        life.live();
        let number = (turn + 2).to_string();
        life.remember(&number);
        let (summary, outcome) = life.backup_on(agent);
        assert_eq!(summary["snapshot"].to_string(), number, "{outcome}");
        let is_said = [REWOUND, FORK].iter().any(|said| outcome.err().contains(said));
        assert_eq!(is_said, turn > 0, "turn {turn}: {outcome}");
        // Once is an image that was restored; the second time within a month is somebody else.
        assert_eq!(summary["status"] == "red", turn > 1, "turn {turn}: {summary}");
    }
    // The next run on the same computer sees nothing of it, and the alarm stays until somebody says that they know.
    let codes =
        |agent: &Agent| reasons(agent).into_iter().filter(|code| code == "state-rewound-again").count();
    assert_eq!((&life.backup_on(&clone).0["status"], codes(&clone)), (&"red".into(), 1));
    // A state that lost what it knew of it reads it from the ledger.
    fs::remove_file(clone.home().read_dir().unwrap().find_map(memory_in).unwrap()).unwrap();
    assert_eq!((&life.backup_on(&clone).0["status"], codes(&clone)), (&"red".into(), 1));
    let said = clone.json(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    assert!(said["chain"]["note"].is_u64(), "{said}");
    assert_eq!((&life.backup_on(&clone).0["status"], codes(&clone)), (&"amber".into(), 0));
    for number in ["1", "2", "3", "4", "5"] {
        life.assert_restores(number, number);
    }
    life.site.agent.ok(["check", "--read-data", "all"]);
}

/// Everything in the state but its keys can be lost or broken: it is read again, and nothing is sent twice.
#[test]
fn lost_or_broken_local_state_is_rebuilt_from_source_and_store() {
    let mut life = Life::begin();
    let image = life.home_copy("image of the home");
    let store = life.site.path("image of the store");
    copy(life.site.place.folder(), &store);
    life.live();
    life.remember("2");
    let state = life.site.state();
    let mut faults = Vec::new();
    for file in [
        "catalog.sqlite",
        "lists.sqlite",
        "journal.sqlite",
        "refs.txt",
        "last.note",
        "probe.json",
        "head.json",
        "index",
    ] {
        for is_broken in [false, true] {
            put_back(&image, life.site.agent.home());
            put_back(&store, life.site.place.folder());
            spoil(&state.join(file), is_broken);
            let what = format!("{file}, {}", if is_broken { "broken" } else { "gone" });
            let packs: BTreeSet<String> = life.site.objects("p/").into_iter().collect();
            let outcome =
                life.site.agent.run(["backup".as_ref(), life.source.root().as_os_str(), "--json".as_ref()]);
            if outcome.code() != 0 || outcome.json()["snapshot"] != 2 {
                faults.push(format!("{what}: {outcome}"));
                continue;
            }
            let new = life.site.objects("p/").into_iter().filter(|name| !packs.contains(name));
            let sent: u64 = new.map(|name| fs::metadata(life.site.object(&name)).unwrap().len()).sum();
            if sent > DAY_SENT_BYTES {
                faults.push(format!("{what}: stored content was sent again, {sent} bytes: {outcome}"));
            }
            life.assert_restores("2", "2");
            let check = life.site.agent.run(["check"]);
            if check.code() != 0 {
                faults.push(format!("{what}: check: {check}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

/// Removes a file or folder, or fills it with what nobody wrote.
fn spoil(path: &Path, is_broken: bool) {
    let files = if path.is_dir() { files_at_rest(path) } else { vec![path.to_owned()] };
    for file in files.iter().filter(|file| file.exists()) {
        if is_broken {
            fs::write(file, b"this is nothing that was ever written here").unwrap();
        } else {
            fs::remove_file(file).unwrap();
        }
    }
    if !is_broken && path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    }
}

/// Adds the objects of one store folder to another.
fn merge(from: &Path, to: &Path) {
    for path in files_at_rest(from) {
        let there = to.join(path.strip_prefix(from).unwrap());
        if !there.exists() {
            fs::create_dir_all(there.parent().unwrap()).unwrap();
            fs::copy(&path, &there).unwrap();
        }
    }
}

/// The newest notes may all be of one set of folders while another, whose runs fail, lies further back.
#[test]
fn latest_of_several_sets_is_asked_for_however_far_back_one_lies() {
    let site = Site::on_dir();
    let (patients, others) = (site.source("patients"), site.source("others"));
    patients.file("letter.txt", "a letter");
    others.file("note.txt", "a note");
    site.backup(&patients);
    (0..8).for_each(|_| drop(site.backup(&others)));
    site.try_restore("latest", &site.path("to"), 2);
}

/// A computer that was put back to an older image, and a store that lost one of the notes written since: a hole, no clone.
#[test]
fn an_older_image_and_a_lost_note_are_no_fork() {
    let mut life = Life::begin();
    let image = life.home_copy("image of the home");
    for _ in 0..3 {
        life.live();
        life.backup_on(&life.site.agent);
    }
    put_back(&image, life.site.agent.home());
    let notes = life.site.objects("c/");
    let newest_first = notes.iter().collect::<BTreeSet<_>>().into_iter().nth(2).unwrap();
    fs::remove_file(life.site.object(newest_first)).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        life.live();
        let (summary, outcome) = life.backup_on(&life.site.agent);
        assert!(!outcome.err().contains(FORK), "{outcome}");
        numbers.push(summary["snapshot"].as_u64().unwrap());
    }
    assert_eq!(numbers, [5, 6], "no number is given twice");
    let sequences: Vec<String> =
        life.site.objects("c/").iter().map(|name| name.rsplit_once('-').unwrap().0.to_owned()).collect();
    let single: BTreeSet<&String> = sequences.iter().collect();
    assert_eq!(single.len(), sequences.len(), "{sequences:?}");
}

/// The head is damaged and the store was put back to an older day: the note that the head had last is still here.
#[test]
fn a_damaged_head_hides_no_rollback_of_the_store() {
    let mut life = Life::begin();
    let before: BTreeSet<String> = life.site.objects("c/").into_iter().collect();
    life.live();
    life.site.backup(&life.source);
    let state = life.site.state();
    spoil(&state.join("head.json"), true);
    for note in life.site.objects("c/").iter().filter(|name| !before.contains(*name)) {
        fs::remove_file(life.site.object(note)).unwrap();
    }
    life.live();
    let (summary, outcome) = life.backup_on(&life.site.agent);
    assert_eq!(summary["snapshot"], 3, "a number is never used twice: {outcome}");
    assert_ne!(summary["status"], "green", "{outcome}");
}
