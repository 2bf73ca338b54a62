//! Objects behind delete markers: a key that may write and list can hide everything in a bucket whose versions nobody can
//! destroy. What is hidden is read all the same, and it is said.

use std::ffi::OsString;
use std::fs;

use e2e::{Agent, Site, Tree, compare, noise};

/// A practice on a lock bucket with two snapshots.
fn practice() -> (Site, Tree) {
    let site = Site::on_seaweed();
    let source = site.source("cabinet");
    for (seed, name) in [(1, "a.bin"), (2, "dossier/b.bin")] {
        source.file(name, noise(seed, 300_000));
    }
    site.backup(&source);
    source.file("c.txt", "le lendemain");
    site.backup(&source);
    (site, source)
}

/// Hides every object of the repository that `wanted` names.
fn hide(site: &Site, wanted: impl Fn(&str) -> bool) -> usize {
    let repository = format!("{}/", site.repository());
    let names: Vec<String> = site.place.sizes().into_keys().collect();
    let names = names.into_iter().filter(|name| name.strip_prefix(&repository).is_some_and(&wanted));
    let names: Vec<String> = names.collect();
    names.iter().for_each(|name| site.place.hide(name));
    names.len()
}

fn restore_with(agent: &Agent, site: &Site, to: &str) -> e2e::Outcome {
    let mut arguments = vec![OsString::from("restore"), "latest".into(), "--to".into(), site.path(to).into()];
    arguments.extend(site.with_kit());
    agent.run(arguments)
}

#[test]
fn what_is_hidden_is_read_all_the_same_and_told() {
    let (site, source) = practice();
    let hidden = hide(&site, |name| !name.starts_with("probe/"));
    assert!(hidden > 8, "{hidden}");
    assert!(site.place.sizes().keys().all(|name| name.contains("probe/")), "everything is hidden");

    let check = site.agent.expect(13, ["check"]);
    assert!(check.out().contains("HIDDEN"), "{check}");
    let report = site.agent.run(["check", "--json"]).json();
    assert_eq!(report["hidden"], hidden, "{report}");
    assert_eq!(report["sound"].as_array().unwrap().len(), 2, "both can still be restored: {report}");
    let kinds: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["kind"].as_str())
        .collect();
    assert!(kinds.iter().all(|kind| *kind == "object-hidden"), "{kinds:?}");

    let snapshots = site.agent.ok(["snapshots"]);
    assert!(snapshots.err().contains("delete markers"), "{snapshots}");
    for (agent, to) in [(site.agent.clone(), "ici"), (site.other_computer("ailleurs"), "là")] {
        let restored = restore_with(&agent, &site, to);
        assert_eq!(restored.code(), 0, "{restored}");
        assert!(restored.err().contains("delete markers"), "{restored}");
        assert!(!restored.err().contains("create it"), "{restored}");
        compare::assert_same(source.root(), &site.restored(&site.path(to), source.root()));
    }

    // The chain goes on: what cannot be seen is stored again from the source, nobody is taken for a clone.
    source.file("d.txt", "le surlendemain");
    let backups: Vec<e2e::Outcome> =
        (0..2).map(|_| site.agent.run([OsString::from("backup"), source.root().into()])).collect();
    assert_eq!(backups[1].code(), 0, "{}\n{}", backups[0], backups[1]);
    let after = site.agent.run(["check", "--json"]).json();
    let findings = after["findings"].as_array().unwrap();
    let others: Vec<_> = findings.iter().filter(|finding| finding["kind"] != "object-hidden").collect();
    assert!(others.is_empty(), "{others:?}");
    let restored = restore_with(&site.other_computer("encore"), &site, "après");
    assert_eq!(restored.code(), 0, "{restored}");
    compare::assert_same(source.root(), &site.restored(&site.path("après"), source.root()));
}

#[test]
fn a_hidden_newest_note_is_not_taken_for_the_end_of_the_chain() {
    let (site, source) = practice();
    // The newest names list first: snapshot and bilan of the second run.
    let newest: Vec<String> = site.objects("c/").into_iter().take(2).collect();
    hide(&site, |name| newest.iter().any(|note| note == name));
    let restored = restore_with(&site.other_computer("ailleurs"), &site, "là");
    assert_eq!(restored.code(), 0, "{restored}");
    assert!(restored.err().contains("delete markers"), "{restored}");
    compare::assert_same(source.root(), &site.restored(&site.path("là"), source.root()));
}

#[test]
fn strangers_files_are_passed_over_everywhere_and_counted() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("a.txt", "un dossier");
    site.backup(&source);
    let root = site.place.folder().join(site.repository());
    let mut folders = vec![site.place.folder().to_owned(), root.clone()];
    let mut at = 1;
    while at < folders.len() {
        let below = fs::read_dir(&folders[at]).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(below.filter(|path| path.is_dir()));
        at += 1;
    }
    for folder in &folders {
        for stray in [".DS_Store", "Thumbs.db", "desktop.ini", "copie (conflit 2026).note", "x.tmp", "~lock"]
        {
            fs::write(folder.join(stray), "étranger").unwrap();
        }
        fs::create_dir(folder.join("lost+found")).unwrap();
        fs::create_dir(folder.join("@eaDir")).unwrap();
        fs::write(folder.join("@eaDir/x"), "étranger").unwrap();
    }
    source.file("b.txt", "le lendemain");
    site.backup(&source);
    let report = site.agent.json(["check"]);
    // Six files and two folders in each folder of the repository; nobody asks what lies beside it.
    assert_eq!(report["strangers"], 8 * (folders.len() - 1), "{report}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report}");
    site.agent.ok(["snapshots"]);
    site.restore("latest", &site.path("retour"));
    compare::assert_same(source.root(), &site.restored(&site.path("retour"), source.root()));
}
