//! Carries out the table of `repo-format/DAMAGE.md`: what each command says of each damage to each kind of object.
//!
//! The document is the expectation. One practice with three snapshots; for each row its store and its state are copied
//! and the object that the newest snapshot needs is damaged.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use e2e::listing::files_at_rest;
use e2e::process::{copy, copy_links};
use e2e::tamper::{Kind, Vault};
use e2e::{Agent, Site, Tree, noise, tools};

const DAMAGES: [&str; 4] = ["missing", "overwritten", "flipped", "stray"];

/// One row: object, damage and the exit codes of the columns.
struct Row {
    object: String,
    damage: String,
    codes: Vec<String>,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(tools::checkout().join("repo-format/DAMAGE.md")).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let mut cells: Vec<String> = cells(line);
        assert_eq!(cells.len(), 7, "{line}");
        let codes = cells.split_off(2);
        Row { object: cells[0].trim_matches('`').to_owned(), damage: cells[1].clone(), codes }
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
    assert_eq!(rows.len(), Kind::ALL.len() * DAMAGES.len());
}

#[test]
fn every_row_of_the_table_of_damages_holds() {
    let site = Site::on_dir();
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
    for row in table() {
        let found = carry_out(&site, &source, &row);
        let holds = |(said, found): (&String, &i32)| said.split('/').any(|code| code == found.to_string());
        if !row.codes.iter().zip(&found).all(holds) {
            let found: Vec<String> = found.iter().map(i32::to_string).collect();
            surprises.push(format!("| `{}` | {} | {} |", row.object, row.damage, found.join(" | ")));
        }
    }
    assert!(surprises.is_empty(), "found instead:\n{}", surprises.join("\n"));
}

/// The exit codes of one row.
fn carry_out(site: &Site, source: &Tree, row: &Row) -> Vec<i32> {
    let case = site.path(&format!("{}-{}", row.object, row.damage));
    fs::create_dir(&case).unwrap();
    let (store, home) = (case.join("store"), case.join("home"));
    copy_links(site.place.folder(), &store);
    copy(site.agent.home(), &home);
    // The copied state finds the copied store by the id of the repository.
    let own = site.agent.elsewhere(home).with("SCELLE_REPO", format!("file://{}", store.display()));
    let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == row.object).unwrap();
    let vault = Vault::open(&store, &site.kit(), &site.phrase());
    damage(&vault.folder.join(vault.target(kind, 3)), &row.damage);

    let restore = |name: &str, snapshot: &str| {
        let stranger = own.elsewhere(case.join(format!("new {name}")));
        restored(site, &stranger, snapshot, &case.join(name))
    };
    let codes = vec![
        own.run(["check"]).code(),
        restore("older", "2"),
        restore("newest", "latest"),
        own.run([OsString::from("backup"), source.root().into()]).code(),
        own.run(["check"]).code(),
    ];
    fs::remove_dir_all(&case).unwrap();
    codes
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
    let mut flipped = bytes.clone();
    // The end of FORMAT.txt is words for people, which nobody checks.
    let at = if path.ends_with("FORMAT.txt") { 25 } else { bytes.len() / 2 };
    flipped[at] ^= 1;
    match how {
        "missing" => {}
        "overwritten" => fs::write(path, b"something else").unwrap(),
        _ => fs::write(path, flipped).unwrap(),
    }
}
