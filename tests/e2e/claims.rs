//! Every sentence is a claim: each one that can be printed stands in `agent/CLAIMS.md` with its fact and its test.
//!
//! From the texts of the agent's sources to the rows of the table, and back. Sentences are the English of each pair in
//! `bilingual!`, `counted` and the like, and the rows of the tables of reasons, as `what → what to do`; tests are left out, as
//! is the help of options. Never: judges whether a fact is the right one, which is for whoever reads the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::tools;

/// Where sentences are written.
const PRINTED: [&str; 2] = ["agent/src", "agent/view/src"];
/// Where tests are.
const TESTED: [&str; 4] = ["agent", "repo-format", "server", "tests"];
/// What stands before a French text and an English one.
const PAIRS: [&str; 6] = ["bilingual!(", "counted(", "pick(", "(fr, en) = (", " n(", " of("];
/// What stands before a table of reasons.
const REASONS: &str = "sentences! {";

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn texts(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in folders {
        files(&tools::checkout().join(folder), &mut found);
    }
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The code without comments, and without the tests at its end.
fn product(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n").replace("'\"'", "'`'")
}

/// A literal from behind its opening quote, and what follows it.
fn literal(code: &str) -> (String, &str) {
    let (mut text, mut rest) = (String::new(), code.chars());
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                Some('\n') => rest = rest.as_str().trim_start().chars(),
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                escaped => text.extend(escaped),
            },
            c => text.push(c),
        }
    }
    (text, rest.as_str())
}

/// The literals between a bracket that was opened and its end; those of calls inside belong to these.
fn literals(mut code: &str) -> Vec<String> {
    let (mut depth, mut found) = (1, Vec::new());
    while depth > 0 {
        let Some(c) = code.chars().next() else { break };
        code = &code[c.len_utf8()..];
        match c {
            '"' => {
                let (text, after) = literal(code);
                code = after;
                found.extend((depth == 1).then_some(text));
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The English sentences of a source.
fn sentences_of(text: &str) -> BTreeSet<String> {
    let code = product(text);
    let mut found = BTreeSet::new();
    for marker in PAIRS {
        for (at, _) in code.match_indices(marker) {
            let pair = literals(&code[at + marker.len()..]);
            found.extend(pair.into_iter().nth(1).filter(|text| text.contains(char::is_alphabetic)));
        }
    }
    if let Some((_, table)) = code.split_once(REASONS) {
        for row in literals(table).chunks_exact(5) {
            found.insert(format!("{} → {}", row[3], row[4]));
        }
    }
    found
}

fn printed() -> BTreeSet<String> {
    let sources =
        texts(&PRINTED).into_iter().filter(|(path, _)| !path.to_str().unwrap().ends_with("_tests.rs"));
    sources.flat_map(|(_, text)| sentences_of(&text)).collect()
}

/// A row of the table.
struct Claim {
    sentence: String,
    fact: String,
    tests: String,
}

/// The cells of a line of the table; `None` where it is none, or a heading.
fn claim(line: &str) -> Option<Claim> {
    let inside = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (mut cells, mut cell, mut rest) = (Vec::new(), String::new(), inside.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => cell.push('\n'),
                escaped => cell.extend(escaped),
            },
            // One blank on each side belongs to the table; others are the sentence's own.
            '|' => {
                let whole = std::mem::take(&mut cell);
                cells.push(whole.strip_suffix(' ').unwrap_or(&whole).to_owned());
                rest = rest.as_str().strip_prefix(' ').unwrap_or(rest.as_str()).chars();
            }
            c => cell.push(c),
        }
    }
    let [sentence, fact]: [String; 2] = cells.try_into().ok()?;
    (sentence != "sentence").then_some(Claim { sentence, fact, tests: cell })
}

fn table() -> (String, Vec<Claim>) {
    let text = fs::read_to_string(tools::checkout().join("agent/CLAIMS.md")).unwrap();
    let claims = text.lines().filter_map(claim).collect();
    (text, claims)
}

/// Names of tests in a cell, each in backquotes with its crate and module.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_sentence_is_in_the_table_and_the_table_has_no_other() {
    let (_, claims) = table();
    let told: BTreeSet<String> = claims.iter().map(|claim| claim.sentence.clone()).collect();
    let printed = printed();
    assert!(printed.len() > 500, "{} sentences: the sources were not read", printed.len());
    let (missing, idle): (Vec<_>, Vec<_>) =
        (printed.difference(&told).collect(), told.difference(&printed).collect());
    assert!(missing.is_empty(), "not in agent/CLAIMS.md, or not as the source has it:\n{missing:#?}");
    assert!(idle.is_empty(), "in agent/CLAIMS.md, and nothing prints it:\n{idle:#?}");
    assert_eq!(claims.len(), told.len(), "a sentence has two rows in agent/CLAIMS.md");
}

#[test]
fn every_claim_has_a_fact_and_its_tests_are_there() {
    let mut defined: BTreeSet<String> = BTreeSet::new();
    for (_, text) in texts(&TESTED) {
        let names = text.split("fn ").skip(1).filter_map(|after| after.split_once(['(', '<']));
        defined.extend(names.map(|(name, _)| name.to_owned()));
    }
    let mut wrong = Vec::new();
    for Claim { sentence, fact, tests } in table().1 {
        let is_named = named(&tests).next().is_some();
        let gone = named(&tests).find(|test| {
            let name = test.rsplit([':', ' ']).next().unwrap_or_default();
            !defined.contains(name)
        });
        match gone {
            Some(test) => wrong.push(format!("{sentence}: no test {test}")),
            None if fact.is_empty() => wrong.push(format!("{sentence}: no fact")),
            None if !is_named && tests != "—" => wrong.push(format!("{sentence}: {tests}")),
            None => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_counts_itself_rightly() {
    let (text, claims) = table();
    let untested = claims.iter().filter(|claim| claim.tests == "—").count();
    let line = format!("{} sentences, {untested} without a test of their own.", claims.len());
    assert!(text.lines().any(|found| found == line), "agent/CLAIMS.md is to say: {line}");
}

#[test]
fn a_new_sentence_is_seen() {
    let source = r##"fn f(n: u64) {
    // bilingual!("non", "a comment")
    say(&bilingual!(
        "{a} perdu, \
         vraiment",
        "{a} \"lost\", \
         really",
        a = counted(n, "# paquet[s]", "# pack[s]"),
    ));
    lang.pick("oui", "yes");
}
sentences! {
    "code": "quoi" => "faire", "what" => "do";
}
#[cfg(test)]
mod tests {
    fn g() { bilingual!("essai", "test") }
}"##;
    let expected = ["# pack[s]", "what → do", "yes", "{a} \"lost\", really"];
    assert_eq!(sentences_of(source), BTreeSet::from(expected.map(str::to_owned)));
    let row = claim("|   a \\| b | fact | `e2e x::f` |").unwrap();
    assert_eq!(
        (row.sentence.as_str(), row.fact.as_str(), row.tests.as_str()),
        ("  a | b", "fact", "`e2e x::f`")
    );
    assert_eq!(named(&row.tests).collect::<Vec<_>>(), ["e2e x::f"]);
    assert!(claim("| sentence | fact | test |").is_none() && claim("|---|---|---|").is_none());
}
