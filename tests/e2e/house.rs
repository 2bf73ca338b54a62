//! House rules that no compiler checks: short files, a map of the code that is whole, nobody's machine in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::tools;

use crate::layers::code::without_tests;

const MAX_LINES: usize = 400;
/// Tests read top to bottom and may be a little longer.
const MAX_TEST_LINES: usize = 600;
const SOURCES: [&str; 7] = ["rs", "mjs", "js", "py", "sh", "sql", "toml"];

/// Files of the checkout that are or would be committed.
fn files() -> Vec<PathBuf> {
    let checkout = tools::checkout();
    let root = checkout.to_str().unwrap();
    let arguments = ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let printed = tools::stdout_of(tools::run("git", arguments));
    let names = printed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let files: Vec<PathBuf> = names.map(|name| PathBuf::from(std::str::from_utf8(name).unwrap())).collect();
    let files: Vec<PathBuf> = files.into_iter().filter(|name| checkout.join(name).is_file()).collect();
    assert!(files.len() > 100, "{} files in {root}", files.len());
    files
}

fn is_source(name: &Path, text: &str) -> bool {
    let extension = name.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| SOURCES.contains(&extension)) || text.starts_with("#!")
}

#[test]
fn no_source_file_is_too_long() {
    let mut long = Vec::new();
    for name in files() {
        let Ok(text) = fs::read_to_string(tools::checkout().join(&name)) else { continue };
        let lines = text.lines().count();
        let is_test = name.components().any(|part| part.as_os_str() == "tests");
        let most = if is_test { MAX_TEST_LINES } else { MAX_LINES };
        if is_source(&name, &text) && lines > most {
            long.push(format!("{}: {lines} lines", name.display()));
        }
    }
    assert!(long.is_empty(), "longer than {MAX_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn every_folder_at_the_top_is_in_the_map_of_the_readme() {
    let readme = fs::read_to_string(tools::checkout().join("README.md")).unwrap();
    let expected = ["agent", "benches", "packaging", "repo-format", "server", "tests"];
    let found: BTreeSet<String> = files()
        .iter()
        .filter(|name| name.components().count() > 1)
        .map(|name| name.components().next().unwrap().as_os_str().to_str().unwrap().to_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(found, expected.map(str::to_owned).into_iter().collect(), "the top level is fixed");
    for folder in found {
        assert!(readme.contains(&format!("`{folder}/")), "{folder}/ is not in the README's map");
    }
}

#[test]
fn no_committed_file_knows_the_machine_it_was_written_on() {
    // In pieces, so that this file does not hold them.
    let needles =
        [["/wor", "k/"], ["/ro", "ot/"], ["/ho", "me/runner"], ["/opt/whe", "els"], ["/tmp/tar", "get"]];
    let needles = needles.map(|pieces| pieces.concat());
    let mut found = Vec::new();
    for name in files() {
        let Ok(text) = fs::read_to_string(tools::checkout().join(&name)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle.as_str())) {
                found.push(format!("{}:{}: {line}", name.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "paths of a machine:\n{}", found.join("\n"));
}

#[test]
fn each_rust_module_says_what_it_is_for() {
    let mut silent = Vec::new();
    for name in files().into_iter().filter(|name| name.extension().is_some_and(|extension| extension == "rs"))
    {
        let text = fs::read_to_string(tools::checkout().join(&name)).unwrap();
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#!["));
        if !first.is_some_and(|line| line.starts_with("//!")) {
            silent.push(name.display().to_string());
        }
    }
    assert!(silent.is_empty(), "no //! line at the top:\n{}", silent.join("\n"));
}

/// The product's code in Rust below a folder, with what only tests compile left out.
fn product(below: &str) -> Vec<(String, String)> {
    let is_product = |name: &str| {
        name.starts_with(below)
            && name.ends_with(".rs")
            && name.contains("/src/")
            && !["_tests", "/testing", "/fixture", "/xtask/"].iter().any(|part| name.contains(part))
    };
    let names = files().into_iter().map(|name| name.to_str().unwrap().to_owned());
    let code = |name: &String| {
        let text = fs::read_to_string(tools::checkout().join(name)).unwrap();
        without_tests(&text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    names.filter(|name| is_product(name)).map(|name| (name.clone(), code(&name))).collect()
}

/// What lies in the state folders is spelt in one list, where each name has its meaning. Names without a dot are words too, of
/// requests and documents: they count in the two crates that keep a state, where they are no key of a document.
#[test]
fn the_files_of_the_state_are_one_list() {
    const LIST: &str = "agent/core/src/repo/files.rs";
    let code = product("agent/");
    let (_, list) = code.iter().find(|(name, _)| name == LIST).unwrap();
    let names: Vec<&str> =
        list.split("&str = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 15 && names.contains(&"kept") && names.contains(&"agent.json"), "{names:?}");
    let spelt = |name: &str, file: &str, text: &str| {
        let literal = format!("\"{name}\"");
        let is_word = name.bytes().all(|byte| byte.is_ascii_lowercase());
        let keeps = file.starts_with("agent/core/") || file.starts_with("agent/src/");
        let mut after = text.match_indices(&literal).map(|(at, _)| &text[at + literal.len()..]);
        match is_word {
            true => keeps && after.any(|after| !after.starts_with(':')),
            false => after.next().is_some(),
        }
    };
    let elsewhere = code.iter().filter(|(file, _)| file != LIST).flat_map(|(file, text)| {
        let found = names.iter().filter(|name| spelt(name, file, text));
        found.map(move |name| format!("{file}: {name}"))
    });
    let elsewhere: Vec<String> = elsewhere.collect();
    assert!(elsewhere.is_empty(), "take it from {LIST}: {elsewhere:#?}");
    assert!(
        spelt("kept", "agent/core/src/x.rs", "join(\"kept\")")
            && !spelt("kept", "agent/src/x.rs", "\"kept\": 1")
    );
}

/// A function is read in one look. Tables are longer: the sentences of each kind, and what a note's text has of it.
#[test]
fn functions_are_read_in_one_look() {
    const MAX_LINES: usize = 60;
    const TABLES: [&str; 3] =
        ["agent/view/src/words/", "repo-format/src/ledger/kinds.rs", "repo-format/src/id.rs"];
    let mut long = Vec::new();
    for (file, text) in ["agent/", "server/", "repo-format/"].iter().flat_map(|below| product(below)) {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for (at, line) in lines.iter().enumerate() {
            let indent = &line[..line.len() - line.trim_start().len()];
            let words = line.trim_start().trim_start_matches("pub").trim_start();
            let words = words
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(") "))
                .map_or(words, |(_, rest)| rest);
            let is_function =
                words.starts_with("fn ") || words.starts_with("async fn ") || words.starts_with("const fn ");
            let end = lines[at..].iter().position(|line| line.starts_with(&format!("{indent}}}")));
            let length = end.map_or(0, |end| end + 1);
            if is_function && length > MAX_LINES && !TABLES.iter().any(|table| file.starts_with(table)) {
                long.push(format!("{file}: {length} lines: {}", line.trim()));
            }
        }
    }
    assert!(long.is_empty(), "longer than {MAX_LINES} lines:\n{}", long.join("\n"));
}
