//! Two computers that write as one device: seen, said, acknowledged, and never made worse.

use std::collections::BTreeSet;
use std::fs;

use e2e::Agent;
use e2e::process::{contents, copy, put_back};
use serde_json::Value;

use super::{FORK, Life, REWOUND, merge, reasons};

impl Life {
    /// A copy of the computer makes `theirs` backups on a mirror of the store, while the computer itself makes `ours`; then
    /// the mirrors meet. Returns the copy.
    fn diverge(&mut self, ours: u32, theirs: u32) -> Agent {
        let clone = self.site.agent.elsewhere(self.home_copy("clone"));
        let (here, aside, real) =
            (self.site.place.folder().to_owned(), self.site.path("aside"), self.site.path("real"));
        copy(&here, &aside);
        let agent = self.site.agent.clone();
        self.work(&agent, ours);
        fs::rename(&here, &real).unwrap();
        fs::rename(&aside, &here).unwrap();
        self.work(&clone, theirs);
        merge(&real, &here);
        clone
    }

    fn work(&mut self, agent: &Agent, backups: u32) {
        for _ in 0..backups {
            self.live();
            self.backup_on(agent);
        }
    }

    fn acknowledge(&self) -> Value {
        self.site.agent.json(["bilan", "acknowledge", "--author", "provider", "--reason", "other"])
    }

    /// Numbers of notes that `check` finds twice.
    fn forked_notes(&self) -> usize {
        let check = self.site.agent.expect(13, ["check", "--json"]).json();
        check["findings"].as_array().unwrap().iter().filter(|found| found["kind"] == "fork").count()
    }
}

fn has(agent: &Agent, code: &str) -> bool {
    reasons(agent).iter().any(|said| said == code)
}

/// Whoever does not know which branch is its own is asked which bilan is meant; the computer itself knows.
#[test]
fn a_fork_whose_other_branch_is_longer_is_acknowledged_by_the_computer_s_own_bilan() {
    let mut life = Life::begin();
    let clone = life.diverge(1, 3);
    let agent = life.site.agent.clone();
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "{:?}", reasons(&agent));
    let own = agent.json(["bilan", "show", "latest"])["id"].as_str().unwrap().to_owned();
    let (plain, _) = own.split_once('@').expect("its number was given twice");
    assert_eq!(agent.json(["bilan", "show", plain])["id"], own.as_str());

    let ids: Vec<String> = agent.json(["bilan", "list"]).as_array().unwrap().iter().map(id_of).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    let stranger = life.site.other_computer("stranger");
    let asked = stranger.expect(2, ["bilan", "show", plain]);
    let both: Vec<&String> = ids.iter().filter(|id| id.starts_with(&format!("{plain}@"))).collect();
    assert!(both.len() == 2 && both.iter().all(|id| asked.err().contains(*id)), "{both:?}: {asked}");
    assert_eq!(stranger.json(["bilan", "show", both[0]])["id"], both[0].as_str());
    let other = both.iter().find(|id| ***id != own).unwrap();
    agent.expect(2, ["bilan", "acknowledge", other, "--author", "provider", "--reason", "other"]);

    // A file about a bilan whose number was given twice proves it all the same.
    for id in [own.as_str(), other.as_str()] {
        let file = life.site.path(&format!("{id}.json"));
        let file = file.to_str().unwrap();
        stranger.ok(["bilan", "export", id, "--format", "json", "--out", file]);
        let verdict = agent.json(["bilan", "verify", file]);
        assert_eq!((&verdict["intact"], &verdict["id"]), (&true.into(), &id.into()), "{verdict}");
    }

    assert!(life.acknowledge()["chain"]["note"].is_u64());
    // Numbers that the other branch has given already are given once more: no news.
    for _ in 0..3 {
        life.work(&agent, 1);
        assert!(!has(&agent, "chain-fork"), "{:?}", reasons(&agent));
    }
    // Times of notes are whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    life.work(&clone, 1);
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "the copy goes on: {:?}", reasons(&agent));
}

fn id_of(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_copy_that_wrote_under_numbers_long_gone_by_is_seen_by_the_next_backup() {
    let mut life = Life::begin();
    life.diverge(6, 1);
    let agent = life.site.agent.clone();
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "{:?}", reasons(&agent));
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "it stays until somebody knows: {:?}", reasons(&agent));
    assert!(life.acknowledge()["chain"]["note"].is_u64());
    life.work(&agent, 2);
    assert!(!has(&agent, "chain-fork"), "{:?}", reasons(&agent));
}

/// An image of the computer is put back years after a fork was acknowledged: it goes on from the end of its own branch.
#[test]
fn a_state_that_is_set_back_forks_no_chain_that_was_forked_before() {
    for (ours, theirs) in [(1, 3), (4, 1)] {
        let mut life = Life::begin();
        let of_before = life.home_copy("image of before the fork");
        life.diverge(ours, theirs);
        let agent = life.site.agent.clone();
        life.work(&agent, 1);
        life.acknowledge();
        let image = life.home_copy("image");
        life.work(&agent, 4);
        let forked = life.forked_notes();
        put_back(&image, agent.home());
        life.live();
        let (_, outcome) = life.backup_on(&agent);
        assert!(outcome.err().contains(REWOUND) && !outcome.err().contains(FORK), "{outcome}");
        assert_eq!(life.forked_notes(), forked, "{ours}, {theirs}");
        life.work(&agent, 1);
        assert!(!has(&agent, "chain-fork"), "{:?}", reasons(&agent));
        // What was acknowledged tells which branch is its own.
        put_back(&of_before, agent.home());
        life.work(&agent, 2);
        assert_eq!(life.forked_notes(), forked, "{ours}, {theirs}");
        assert!(!has(&agent, "chain-fork"), "{:?}", reasons(&agent));
    }
}

/// What was acknowledged is known by its notes: the clock of a copy may be wrong, and what the copy acknowledges answers for
/// nobody else.
#[test]
fn a_copy_that_goes_on_is_news_whatever_its_clock_says_and_whatever_it_acknowledges() {
    let mut life = Life::begin();
    let clone = life.diverge(2, 1);
    let agent = life.site.agent.clone();
    life.work(&agent, 1);
    life.acknowledge();
    life.live();
    let mut late = clone.command_of(&e2e::process::system("faketime"));
    let scelle = clone.command();
    late.args(["-f", "-1h"]).arg(scelle.get_program()).arg("backup").arg(life.source.root());
    assert_eq!(clone.spawn(late).wait().code(), 0);
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "an hour behind: {:?}", reasons(&agent));
    life.acknowledge();
    life.work(&clone, 1);
    clone.ok(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    life.work(&agent, 1);
    assert!(has(&agent, "chain-fork"), "the copy has acknowledged: {:?}", reasons(&agent));
}

#[test]
fn a_clone_that_wrote_unseen_raises_the_fork_alarm_and_both_go_on() {
    let mut life = Life::begin();
    let clone = life.site.agent.elsewhere(life.home_copy("clone"));
    // The clone works on the store as it was, out of sight (a second site of a mirrored store).
    let aside = life.site.path("aside");
    copy(life.site.place.folder(), &aside);
    life.live();
    life.remember("a");
    life.site.backup(&life.source);

    let real = life.site.path("real");
    fs::rename(life.site.place.folder(), &real).unwrap();
    fs::rename(&aside, life.site.place.folder()).unwrap();
    life.live();
    life.remember("b");
    life.backup_on(&clone);
    merge(&real, life.site.place.folder());

    for (agent, name) in [(life.site.agent.clone(), "c"), (clone, "d")] {
        life.live();
        life.remember(name);
        let (summary, outcome) = life.backup_on(&agent);
        assert!(outcome.err().contains(FORK), "{name}: {outcome}");
        assert_ne!(summary["status"], "green", "{name}: {summary}");
    }
    let check = life.site.agent.expect(13, ["check", "--json"]);
    assert!(
        check.json()["findings"].as_array().unwrap().iter().any(|found| found["kind"] == "fork"),
        "{check}"
    );
    // The next run, which goes on from its own branch, does not call it a note that is missing.
    life.backup_on(&life.site.agent.clone());
    let agent = life.site.agent.clone();
    assert!(has(&agent, "chain-fork") && !has(&agent, "chain-broken"), "{:?}", reasons(&agent));
    // Runs that see nothing of it any more go on saying it, until somebody knows.
    for _ in 0..3 {
        life.backup_on(&agent);
    }
    assert!(has(&agent, "chain-fork"), "{:?}", reasons(&agent));
    agent.ok(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    life.backup_on(&agent);
    assert!(!has(&agent, "chain-fork"), "{:?}", reasons(&agent));

    // Every branch's snapshot is listed and comes back, whatever it is called.
    let listed = life.site.agent.expect(13, ["snapshots", "--json"]).json();
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 10, "{rows:?}");
    let mut numbers: Vec<u64> = rows.iter().map(|row| row["snapshot"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    let single: Vec<u64> =
        numbers.iter().copied().filter(|n| numbers.iter().filter(|m| *m == n).count() == 1).collect();
    let mut expected: BTreeSet<&str> = ["1", "c", "d"].into();
    for number in single {
        let to = life.site.path(&format!("branch {number}"));
        life.site.try_restore(&number.to_string(), &to, 0);
        let back = contents(&life.site.restored(&to, life.source.root()));
        let found = ["1", "a", "b", "c", "d"]
            .into_iter()
            .find(|name| contents(&life.site.path(&format!("remembered {name}"))) == back);
        expected.remove(found.unwrap_or_else(|| panic!("snapshot {number} is none of those made")));
    }
    assert!(expected.is_empty(), "not restorable by number: {expected:?}");
    for name in ambiguous(rows) {
        let to = life.site.path("by hash");
        life.site.try_restore(&name, &to, 0);
        let back = contents(&life.site.restored(&to, life.source.root()));
        let is_one =
            ["a", "b"].iter().any(|name| contents(&life.site.path(&format!("remembered {name}"))) == back);
        assert!(is_one, "{name}");
        fs::remove_dir_all(to).unwrap();
    }
}

/// Names of the rows that share their number: the number and the first characters of the note's hash.
fn ambiguous(rows: &[Value]) -> Vec<String> {
    let same = |row: &&Value| rows.iter().filter(|other| other["snapshot"] == row["snapshot"]).count() > 1;
    rows.iter()
        .filter(same)
        .map(|row| {
            let note = row["note"].as_str().unwrap_or_else(|| panic!("a fork's rows name their note: {row}"));
            format!("{}@{}", row["snapshot"], &note[..8])
        })
        .collect()
}
