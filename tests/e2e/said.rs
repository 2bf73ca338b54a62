//! What is printed, word for word: stories in `tests/e2e/said/*.txt`, lived once in English and once in French.
//!
//! A story is read from top to bottom, in a practice of its own. `! …` is the world's part, a line for bash in the practice's
//! folder; `$ …` is the user's, also for bash, whose `scelle` is the program. `= 3` is the exit code where it is not 0, and
//! every line that was printed (standard output, then standard error) stands below as `en …` and as `fr …`, where `{}` stands
//! for any text of one line. Lines that begin with `#` are remarks. Never: a line that is printed and not expected.

use std::fs;
use std::os::unix::fs::symlink;

use e2e::{Agent, Outcome, Place, Site, tools};

/// A line of the user's, and what has to come of it.
struct Step<'s> {
    line: &'s str,
    code: i32,
    said: Vec<&'s str>,
}

/// Whether a printed line is the expected one, in which `{}` is any text.
fn is_as(printed: &str, expected: &str) -> bool {
    let Some((head, rest)) = expected.split_once("{}") else { return printed == expected };
    let Some(mut left) = printed.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split("{}").collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

/// Runs a line of bash with this computer's environment.
fn bash(agent: &Agent, line: &str) -> Outcome {
    let mut command = agent.command_of("bash".as_ref());
    command.args(["-c", line]);
    agent.spawn(command).wait()
}

impl Step<'_> {
    /// What is wrong with what came of it, if anything.
    fn fault(&self, outcome: &Outcome) -> Option<String> {
        let (out, err) = (outcome.out(), outcome.err());
        let printed: Vec<&str> = out.lines().chain(err.lines()).map(str::trim_end).collect();
        let is_said = printed.len() == self.said.len()
            && printed.iter().zip(&self.said).all(|(printed, expected)| is_as(printed, expected));
        (!is_said || outcome.code() != self.code).then(|| {
            format!(
                "$ {}\n= {} (expected {})\n{}\n--- expected:\n{}",
                self.line,
                outcome.code(),
                self.code,
                printed.join("\n"),
                self.said.join("\n")
            )
        })
    }
}

/// Lives a story in a language and gives what went otherwise.
fn live(story: &str, language: &str) -> Vec<String> {
    let site = Site::not_initialised(Place::dir);
    let programs = site.path("bin");
    fs::create_dir(&programs).unwrap();
    symlink(e2e::program(), programs.join("scelle")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let agent = site.agent.clone().with("SCELLE_LANG", language).with("PATH", path);
    let (mut faults, mut lines) = (Vec::new(), story.lines().peekable());
    while let Some(line) = lines.next() {
        match line.split_at_checked(2) {
            Some(("! ", world)) => {
                let outcome = bash(&agent, world);
                assert_eq!(outcome.code(), 0, "{world}\n{outcome}");
            }
            Some(("$ ", line)) => {
                let mut step = Step { line, code: 0, said: Vec::new() };
                while let Some(next) = lines.next_if(|next| !next.starts_with(['!', '$'])) {
                    match next.split_once(' ') {
                        Some(("=", code)) => step.code = code.parse().unwrap(),
                        Some((of, said)) if of == language => step.said.push(said),
                        Some(("en" | "fr" | "#", _)) => {}
                        // An empty line that is printed.
                        None if next == language => step.said.push(""),
                        None if ["", "en", "fr", "#"].contains(&next) => {}
                        _ => panic!("not understood: {next}"),
                    }
                }
                faults.extend(step.fault(&bash(&agent, line)));
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "not understood: {line}"),
        }
    }
    faults
}

/// Lives a story in both languages.
fn story(name: &str) {
    let story = fs::read_to_string(tools::checkout().join("tests/e2e/said").join(name)).unwrap();
    let faults: Vec<String> = ["en", "fr"].into_iter().flat_map(|language| live(&story, language)).collect();
    assert!(faults.is_empty(), "{} steps of {name} went otherwise:\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn a_line_is_compared_whole() {
    assert!(is_as("a 12 b 3", "a {} b {}") && is_as("ab", "ab") && is_as("x y", "{} y"));
    assert!(
        !is_as("abc", "ab")
            && !is_as("a 12 c", "a {} b")
            && !is_as("b a", "a{}")
            && !is_as("a b c", "a {} b")
    );
}

#[test]
fn what_was_typed_and_cannot_be_right() {
    story("typed.txt");
}

#[test]
fn what_is_configured_and_cannot_be_right() {
    story("configured.txt");
}

#[test]
fn the_first_days_of_a_practice() {
    story("first_days.txt");
}

#[test]
fn what_disappears_from_the_sources_is_told_until_it_is_acknowledged_once() {
    story("losses.txt");
}

#[test]
fn each_object_that_is_damaged_is_named_with_what_it_is() {
    story("damage.txt");
}

#[test]
fn where_the_repository_is() {
    story("moved.txt");
}

#[test]
fn the_documents_for_each_engine_and_what_is_said_beside_them() {
    story("policies.txt");
}

#[test]
fn the_demo() {
    story("demo.txt");
}

#[test]
fn how_a_repository_is_made_and_a_making_that_was_begun_goes_on() {
    story("made.txt");
}

#[test]
fn a_practice_with_plans() {
    story("practice.txt");
}

#[test]
fn what_an_account_may_not_read_or_write() {
    story("nobody.txt");
}

#[test]
fn what_a_restore_puts_where() {
    story("put_back.txt");
}

#[test]
fn what_the_page_of_a_kit_says() {
    story("page.txt");
}
