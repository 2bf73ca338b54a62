//! Carries out the table of `repo-format/DAMAGE.md`: what each command says of each damage to each kind of object.
//!
//! The document is the expectation. One practice with three snapshots; for each row its store and its state are copied
//! and the object that the newest snapshot needs is damaged. Rows whose damage needs another store than a folder (hidden
//! objects, a store that errs) are carried out elsewhere.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use e2e::listing::files_at_rest;
use e2e::process::{copy, copy_links};
use e2e::tamper::{Kind, Vault};
use e2e::{Agent, Outcome, Site, Tree, noise, tools};
use serde_json::Value;

/// The damages that a folder can suffer.
const DAMAGES: [&str; 4] = ["missing", "overwritten", "flipped", "stray"];
/// Reasons of a bilan that speak of damage.
const TOLD: [&str; 10] = [
    "chain-broken",
    "damage-healed",
    "damage-keys",
    "damage-known",
    "damage-small",
    "damage-spare",
    "objects-altered",
    "objects-hidden",
    "packs-missing",
    "store-rolled-back",
];

/// One row: object, damage, and what the other columns say.
pub struct Row {
    pub object: String,
    pub damage: String,
    cells: Vec<String>,
}

impl Row {
    /// What `check`, both restorations, `backup` and the `check` after it exit with.
    pub fn codes(&self) -> Vec<String> {
        [0, 2, 3, 4, 6].map(|at| self.cells[at].clone()).to_vec()
    }
}

/// The rows of the document.
pub fn table() -> Vec<Row> {
    let text = fs::read_to_string(tools::checkout().join("repo-format/DAMAGE.md")).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let mut all: Vec<String> = cells(line);
        assert_eq!(all.len(), 9, "{line}");
        let cells = all.split_off(2).into_iter().map(|cell| cell.replace('`', "")).collect();
        Row { object: all[0].trim_matches('`').to_owned(), damage: all[1].clone(), cells }
    })
    .collect()
}

#[test]
fn the_table_of_damages_has_every_row() {
    let rows = table();
    for kind in Kind::ALL {
        for damage in DAMAGES {
            let is_row = |row: &&Row| row.object == format!("{kind:?}") && row.damage == damage;
            assert_eq!(rows.iter().filter(is_row).count(), 1, "{kind:?} {damage}");
        }
    }
    let here = rows.iter().filter(|row| DAMAGES.contains(&row.damage.as_str()));
    assert_eq!(here.count(), Kind::ALL.len() * DAMAGES.len());
}

#[test]
fn every_row_of_the_table_of_damages_holds() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("source");
    for number in 0..20 {
        source.file(format!("letters/{number}.txt"), format!("letter {number}\n").repeat(30 + number));
    }
    for day in 1..=3 {
        source.file("image.dcm", noise(day, 300_000));
        source.file("letters/of the day.txt", format!("{day}\n").repeat(400));
        site.backup(&source);
    }
    let mut surprises = Vec::new();
    for row in table().into_iter().filter(|row| DAMAGES.contains(&row.damage.as_str())) {
        let found = carry_out(&site, &source, &row);
        if row.cells != found {
            surprises.push(format!("| `{}` | {} | {} |", row.object, row.damage, found.join(" | ")));
        }
    }
    assert!(surprises.is_empty(), "found instead:\n{}", surprises.join("\n"));
}

/// What the columns of one row turn out to be.
fn carry_out(site: &Site, source: &Tree, row: &Row) -> Vec<String> {
    let case = site.path(&format!("{}-{}", row.object, row.damage));
    fs::create_dir(&case).unwrap();
    let (store, home) = (case.join("store"), case.join("home"));
    copy_links(site.place.folder(), &store);
    copy(site.agent.home(), &home);
    // The copied state finds the copied store by the id of the repository.
    let own = site.agent.elsewhere(home).with("SCELLE_REPO", format!("file://{}", store.display()));
    let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == row.object).unwrap();
    let vault = Vault::open(&store, &site.kit(), &site.phrase());
    let target = vault.target(kind, 3);
    damage(&vault.folder.join(&target), &row.damage);

    let restore = |name: &str, snapshot: &str| {
        let stranger = own.elsewhere(case.join(format!("new {name}")));
        restored(site, &stranger, snapshot, &case.join(name)).to_string()
    };
    let check = own.run(["check", "--json"]);
    let (older, newest) = (restore("older", "2"), restore("newest", "latest"));
    let backup = own.run([OsString::from("backup"), source.root().into()]);
    let bilan = own.ok(["bilan", "show", "latest", "--json"]);
    let after = own.run(["check", "--json"]);
    promises_are_kept(row, &check, &after);
    fs::remove_dir_all(&case).unwrap();
    let code = |outcome: &Outcome| outcome.code().to_string();
    vec![code(&check), said_of(&target, &check), older, newest, code(&backup), told(&bilan), code(&after)]
}

/// What `check` promises of the next backup is what it then does: all of it, or not.
fn promises_are_kept(row: &Row, check: &Outcome, after: &Outcome) {
    if check.code() == 13 {
        let left = document(check)["next_backup"]["left"].as_u64().unwrap();
        let what = format!("{} {}: {check}\nthen {after}", row.object, row.damage);
        assert_eq!(left == 0, after.code() == 0, "{what}");
    }
}

/// Codes of the findings about an object. A note that is gone is called by the beginning of its name.
fn said_of(target: &str, check: &Outcome) -> String {
    let called =
        target.split_once('-').filter(|_| target.starts_with("c/")).map_or(target, |(number, _)| number);
    let findings = document(check)["findings"].as_array().cloned().unwrap_or_default();
    let about =
        findings.iter().filter(|row| row["object"].as_str().is_some_and(|object| object.starts_with(called)));
    words(about.map(|row| row["kind"].as_str().unwrap().to_owned()).collect())
}

/// Reasons of a bilan that speak of damage.
fn told(bilan: &Outcome) -> String {
    let reasons = document(bilan)["record"]["status"]["reasons"].as_array().cloned().unwrap();
    let codes = reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned());
    words(codes.filter(|code| TOLD.contains(&code.as_str())).collect())
}

fn words(mut words: Vec<String>) -> String {
    words.sort();
    words.dedup();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

fn document(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome}"))
}

/// Code of a restoration, and never a wrong byte where it says that all is well.
fn restored(site: &Site, agent: &Agent, snapshot: &str, to: &Path) -> i32 {
    let line = [OsString::from("restore"), snapshot.into(), "--to".into(), to.into()];
    let outcome = agent.run(line.into_iter().chain(site.with_kit()));
    if outcome.code() == 0 {
        let image = files_at_rest(to).into_iter().find(|path| path.ends_with("image.dcm")).unwrap();
        let day = if snapshot == "2" { 2 } else { 3 };
        assert!(fs::read(image).unwrap() == noise(day, 300_000), "another day's bytes: {outcome}");
    }
    outcome.code()
}

/// Copies of a repository share files: never written in place.
fn damage(path: &Path, how: &str) {
    let bytes = fs::read(path).unwrap();
    if how == "stray" {
        return fs::write(path.with_file_name(".DS_Store"), b"not an object").unwrap();
    }
    fs::remove_file(path).unwrap();
    if let Some(instead) = instead(&path.to_string_lossy(), bytes, how) {
        fs::write(path, instead).unwrap();
    }
}

/// What lies in the place of an object that is overwritten or flipped; `None` where it is gone.
pub fn instead(name: &str, mut bytes: Vec<u8>, how: &str) -> Option<Vec<u8>> {
    match how {
        "missing" => None,
        "overwritten" => Some(b"something else".to_vec()),
        "flipped" => {
            // The end of FORMAT.txt is words for people, which nobody checks.
            let at = if name.ends_with("FORMAT.txt") { 25 } else { bytes.len() / 2 };
            bytes[at] ^= 1;
            Some(bytes)
        }
        other => panic!("no damage is called {other}"),
    }
}
