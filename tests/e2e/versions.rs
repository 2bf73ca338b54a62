//! Every version of one file, over snapshots, sets of folders and computers; and any of them back on a disk.

use std::fs;

use e2e::{Outcome, Site};
use serde_json::{Value, json};

fn words_of(rows: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let word = |row: &Value, at: &str| text(&row[at]["version"]);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| (text(&row["version"]), word(row, "first"), word(row, "last"), text(&row["then"])))
        .collect()
}

fn row(version: &str, first: &str, last: &str, then: &str) -> (String, String, String, String) {
    (version.into(), first.into(), last.into(), then.into())
}

#[test]
fn every_version_of_a_file_is_listed_and_comes_back() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("other.txt", "stays");
    site.backup(&source);
    let letter = source.file("letters/a@5.txt", "one");
    site.backup(&source);
    site.backup(&source);
    source.file("letters/a@5.txt", "second");
    site.backup(&source);
    fs::remove_file(&letter).unwrap();
    site.backup(&source);
    site.backup(&source);
    source.file("letters/a@5.txt", "the third");
    site.backup(&source);
    // Another set of folders says nothing of this one.
    let elsewhere = site.source("elsewhere");
    elsewhere.file("b.txt", "b");
    site.backup(&elsewhere);

    let kit = site.kit();
    let (kit, path) = (kit.to_str().unwrap(), letter.to_str().unwrap());
    let rows = site.agent.json(["versions", path, "--kit", kit]);
    let expected =
        [row("3", "2", "3", "replaced"), row("4", "4", "4", "absent"), row("7", "7", "7", "newest")];
    assert_eq!(words_of(&rows), expected);
    assert_eq!(rows[0]["next"]["version"], "4");
    assert_eq!(rows[1]["next"]["version"], "5");
    assert_eq!(rows[2]["next"], Value::Null);
    assert_eq!([&rows[0]["bytes"], &rows[1]["bytes"], &rows[2]["bytes"]], [3, 6, 9]);

    let shown = site.agent.ok(["versions", path, "--kit", kit]).out();
    assert!(shown.contains("replaced (4)") && shown.contains("in the newest"), "{shown}");
    assert!(shown.contains("restore PATH@VERSION"), "{shown}");
    let french = site.agent.ok(["versions", path, "--kit", kit, "--lang", "fr"]).out();
    assert!(french.contains("absente le") && french.contains("CHEMIN@VERSION"), "{french}");

    for (version, content) in [("3", "one"), ("4", "second"), ("7", "the third"), ("2", "one")] {
        let to = site.path(&format!("to {version}"));
        let wanted = format!("{path}@{version}");
        site.agent.ok(["restore", &wanted, "--to", to.to_str().unwrap(), "--kit", kit]);
        assert_eq!(
            fs::read_to_string(site.restored(&to, source.root()).join("letters/a@5.txt")).unwrap(),
            content
        );
        assert!(!site.restored(&to, source.root()).join("other.txt").exists());
    }
    // The way `find` names a snapshot is the way that `restore` takes it.
    let found = site.agent.json(["find", "a@5", "--kit", kit]);
    let names: Vec<&Value> = found.as_array().unwrap().iter().map(|row| &row["version"]).collect();
    assert_eq!(names, ["7", "4", "3"]);
}

#[test]
fn what_is_no_version_is_said() {
    let site = Site::on_dir();
    let source = site.source("source");
    let file = source.file("a.txt", "a");
    site.backup(&source);
    let (kit, to) = (site.kit(), site.path("to"));
    let (kit, to, path) = (kit.to_str().unwrap(), to.to_str().unwrap(), file.to_str().unwrap());
    let nowhere = site.agent.expect(2, ["versions", "/no/such", "--kit", kit]);
    assert!(nowhere.err().contains("no snapshot holds that path"), "{nowhere}");
    let said = |outcome: &Outcome, words: &str| assert!(outcome.err().contains(words), "{outcome}");
    said(&site.agent.expect(2, ["restore", path, "--to", to, "--kit", kit]), "<SNAP>");
    said(&site.agent.expect(2, ["restore", &format!("{path}@1"), path, "--to", to, "--kit", kit]), "PATH@7");
    let gone = site.agent.expect(2, ["restore", "/no/such@1", "--to", to, "--kit", kit]);
    said(&gone, "does not hold that path");
    // A typed value may be a patient's name.
    assert!(!format!("{gone}").contains("no/such"), "{gone}");
}

#[test]
fn a_snapshot_that_cannot_be_read_hides_no_version_in_silence() {
    let site = Site::on_dir();
    let source = site.source("source");
    let file = source.file("a.txt", "a");
    site.backup(&source);
    let before = site.objects("a/");
    source.file("a.txt", "other");
    site.backup(&source);
    let second: Vec<String> = site.objects("a/").into_iter().filter(|name| !before.contains(name)).collect();
    source.file("a.txt", "third one");
    site.backup(&source);
    for name in second {
        fs::remove_file(site.object(&name)).unwrap();
    }
    let kit = site.kit();
    let listed = site.agent.expect(13, ["versions", file.to_str().unwrap(), "--kit", kit.to_str().unwrap()]);
    assert!(listed.err().contains("snapshot 2: ") && listed.err().contains("is not known"), "{listed}");
    assert!(listed.out().contains("in the newest"), "{listed}");
}

#[test]
fn where_several_computers_write_each_version_bears_its_computer() {
    let site = Site::on_dir();
    let source = site.source("source");
    let file = source.file("a.txt", "of the first");
    site.backup(&source);
    let kit = site.kit();
    let (kit, path) = (kit.to_str().unwrap(), file.to_str().unwrap());
    let second = site.other_computer("second");
    second.ok(["init", "--join", "--kit", kit, "--yes"]);
    source.file("a.txt", "of the second");
    second.ok(["backup", source.root().to_str().unwrap()]);
    let rows = site.agent.json(["versions", path, "--kit", kit]);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let mut back = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let word = row["version"].as_str().unwrap();
        assert_eq!(json!(word), json!(format!("{}/1", row["device"].as_str().unwrap())));
        let to = site.path(&format!("to {at}"));
        let wanted = format!("{path}@{word}");
        site.agent.ok(["restore", &wanted, "--to", to.to_str().unwrap(), "--kit", kit]);
        back.push(fs::read_to_string(site.restored(&to, &file)).unwrap());
    }
    // Made in the same second, they are in the order of their computers.
    back.sort();
    assert_eq!(back, ["of the first", "of the second"]);
    let found = site.agent.ok(["find", "a.txt", "--kit", kit]).out();
    for row in rows {
        assert!(found.contains(row["version"].as_str().unwrap()), "{found}");
    }
}
