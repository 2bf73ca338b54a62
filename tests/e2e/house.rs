//! House rules that no compiler checks: short files, a map of the code that is whole, nobody's machine in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::tools;

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
