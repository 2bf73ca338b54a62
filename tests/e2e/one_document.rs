//! `--json`: exactly one document on standard output, whatever happens and for every command; on standard error one JSON
//! object a line, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use e2e::{Outcome, Site};
use serde_json::Value;

/// The commands without further commands, as the program's own help lists them.
fn leaves(site: &Site, words: &[String]) -> Vec<String> {
    let help = site.agent.json(words.iter().map(String::as_str).chain(["--help"]));
    let help = help["help"].as_str().unwrap().to_owned();
    let mut rows = help.lines().skip_while(|line| !line.starts_with("Commands"));
    rows.next();
    // A long line goes on further in.
    let is_first = |row: &&str| row.starts_with("  ") && !row.starts_with("   ");
    let rows = rows.take_while(|line| !line.is_empty()).filter(is_first);
    let below: Vec<&str> = rows.filter_map(|row| row.split_whitespace().next()).collect();
    if below.is_empty() {
        return vec![words.join(" ")];
    }
    below.iter().flat_map(|word| leaves(site, &[words, &[(*word).to_owned()]].concat())).collect()
}

/// The one document.
fn document(outcome: &Outcome) -> Value {
    for line in outcome.err().lines() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|line| line.is_object()), "no JSON on standard error: {line}\n{outcome}");
    }
    let document = outcome.json();
    let error = &document["error"];
    assert!(error.is_null() || error["code"] == outcome.code(), "{outcome}");
    document
}

#[test]
fn every_command_gives_one_document_whatever_happens() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(30, 10, 3);
    site.backup(&source);
    let (root, kit) = (source.root().to_str().unwrap().to_owned(), site.kit().to_str().unwrap().to_owned());
    let at = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let nowhere = at("nowhere");
    let (to, export, again) = (at("to"), at("bilan.json"), at("again.txt"));
    let elsewhere = format!("file://{}", at("other-store"));
    // What is asked, what it exits with.
    let asked: Vec<(Vec<&str>, i32)> = vec![
        (vec![], 2),
        (vec!["nonsense"], 2),
        (vec!["--version"], 0),
        (vec!["restore", "--help"], 0),
        (vec!["-v", "backup", &nowhere], 1),
        (vec!["backup", &root], 0),
        (vec!["backup", &root, &nowhere], 3),
        (vec!["backup", "--nonsense"], 2),
        (vec!["snapshots"], 0),
        (vec!["--repo", "file:///nonexistent/x", "snapshots"], 10),
        (vec!["ls", "1", "--kit", &kit], 0),
        (vec!["ls", "1", "--kit", &nowhere], 2),
        (vec!["find", "file", "--kit", &kit], 0),
        (vec!["versions", &root, "--kit", &kit], 0),
        (vec!["versions", &nowhere, "--kit", &kit], 2),
        (vec!["diff", "1", "1", "--kit", &kit], 0),
        (vec!["store", "policy", "agent"], 2),
        (vec!["--repo", "s3://cabinet/a", "store", "policy", "agent"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["restore", "1", "--to", &to, "--kit", &kit, "--dry-run"], 0),
        (vec!["restore", "1", "--to", &to, "--kit", &kit], 0),
        (vec!["restore", "99", "--to", &to, "--kit", &kit], 2),
        (vec!["restore", "1", "--to", &to, "--kit", &kit, "--include", "no such"], 3),
        (vec!["check"], 0),
        (vec!["check", "--read-data", "all", "--kit", &kit], 0),
        (vec!["keys", "list"], 0),
        (vec!["keys", "check-kit", "--kit", &kit], 0),
        (vec!["bilan", "list"], 0),
        (vec!["bilan", "show"], 0),
        (vec!["bilan", "export", "latest", "--out", &export], 0),
        (vec!["bilan", "export", "latest", "--out", &export], 1),
        (vec!["bilan", "verify", &export], 0),
        (vec!["bilan", "whois", "0000000000", "--kit", &kit], 2),
        (vec!["bilan", "acknowledge", "--author", "provider", "--reason", "moved"], 0),
        (vec!["kit", "new", "--out", &again], 0),
        (vec!["kit", "new", "--out", &again], 1),
        (vec!["--repo", &elsewhere, "init", "--kit", &again], 2),
        (vec!["--repo", &elsewhere, "init", "--kit", &again, "--yes"], 0),
        (vec!["config", "check"], 0),
        (vec!["config", "show"], 0),
        (vec!["agent", "run"], 2),
        (vec!["status"], 1),
        (vec!["service", "install"], 2),
        (vec!["service", "start"], 1),
        (vec!["service", "stop"], 1),
        (vec!["service", "status"], 1),
        (vec!["demo"], 0),
    ];
    // What it finds depends on the machine: `service` tries it where there is no service manager.
    let mut seen = BTreeSet::from(["service uninstall".to_owned()]);
    for (words, code) in &asked {
        let outcome = site.agent.run(words.iter().chain(&["--json"]));
        document(&outcome);
        assert!(*code == outcome.code(), "{words:?}: {code} expected\n{outcome}");
        seen.insert(words.join(" "));
    }
    for leaf in leaves(&site, &[]) {
        if seen.iter().any(|words| words.contains(&leaf)) {
            continue;
        }
        // Commands of later versions say that they are.
        let outcome = site.agent.run(leaf.split(' ').chain(["--json"]));
        let said = document(&outcome);
        assert!(
            said["error"]["what"].as_str().is_some_and(|what| what.contains("version")),
            "{leaf}: {outcome}"
        );
    }
}

#[test]
fn damage_gives_one_document_too() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("Durand.raw", e2e::noise(1, 400_000));
    source.file("Martin.txt", "kept elsewhere");
    site.backup(&source);
    for pack in site.objects("p/") {
        fs::remove_file(site.object(&pack)).unwrap();
    }
    let (to, kit) = (site.path("to"), site.kit());
    let (to, kit) = (to.to_str().unwrap(), kit.to_str().unwrap());
    for words in [
        vec!["restore", "1", "--to", to, "--kit", kit],
        vec!["-v", "restore", "1", "--to", to, "--kit", kit],
        vec!["check", "--read-data", "all"],
    ] {
        let outcome = site.agent.run(words.iter().chain(&["--json"]));
        let said = document(&outcome);
        assert_eq!(outcome.code(), 13, "{outcome}");
        assert!(said["error"].is_null(), "a report, not an error: {outcome}");
        assert!(!format!("{outcome}").contains("Durand"), "{outcome}");
    }
    let said = document(&site.agent.run(["restore", "1", "--to", to, "--kit", kit, "--json"]));
    assert_eq!(said["damaged"], 2, "{said}");
}
