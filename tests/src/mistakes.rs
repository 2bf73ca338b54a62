//! Mistakes and what is answered: one line in each language, one JSON document, one exit code.
//!
//! For: the table-driven tests of bad input. From command lines to faults found in the answers. Never: knows what a
//! command does.

use std::ffi::OsString;

use crate::{Agent, Site};

/// One mistake.
pub struct Case {
    /// What the user did.
    mistake: &'static str,
    /// Exit code.
    code: i32,
    /// Word that the English and the French line must hold.
    says: [&'static str; 2],
    /// What the error is to point at, where it points at something.
    place: String,
    /// Who does it.
    agent: Agent,
    /// The command line.
    arguments: Vec<OsString>,
}

/// Splits a command line; words in braces stand for paths below the practice's folder.
fn words(site: &Site, line: &str) -> Vec<OsString> {
    line.split_whitespace()
        .map(|word| match word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => site.path(name).into_os_string(),
            None => word.into(),
        })
        .collect()
}

/// Collects cases.
pub struct Table<'s> {
    site: &'s Site,
    cases: Vec<Case>,
}

impl<'s> Table<'s> {
    /// An empty table; its cases are lived in this practice.
    pub fn new(site: &'s Site) -> Self {
        Self { site, cases: Vec::new() }
    }

    /// Makes every mistake and panics with the answers that are not what they have to be. No answer may hold `name`.
    pub fn assert_answered(&self, name: &str) {
        let faults: Vec<String> = self.cases.iter().flat_map(Case::faults).collect();
        let (found, cases) = (faults.len(), self.cases.len());
        assert!(faults.is_empty(), "{found} faults in {cases} cases:\n{}", faults.join("\n\n"));
        let said = String::from_utf8_lossy(&self.site.agent.said()).into_owned();
        assert!(!said.contains(name), "a name in an output");
    }

    /// Adds one.
    pub fn add(
        &mut self,
        code: i32,
        mistake: &'static str,
        says: [&'static str; 2],
        line: &str,
    ) -> &mut Case {
        let arguments = words(self.site, line);
        let agent = self.site.agent.clone();
        self.cases.push(Case { mistake, code, says, place: String::new(), agent, arguments });
        self.cases.last_mut().unwrap()
    }
}

impl Case {
    /// Somebody else does it.
    pub fn by(&mut self, agent: Agent) -> &mut Self {
        self.agent = agent;
        self
    }

    /// The answer has to point there.
    pub fn at(&mut self, place: &str) -> &mut Self {
        self.place = place.to_owned();
        self
    }

    /// What is wrong with the answers, if anything.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let languages =
            [("en", "error:", "To do:", self.says[0]), ("fr", "erreur :", "À faire :", self.says[1])];
        for (language, head, arrow, says) in languages {
            let outcome = self.agent.clone().with("SCELLE_LANG", language).run(&self.arguments);
            let err = outcome.err();
            let lines: Vec<&str> = err.lines().filter(|line| line.starts_with(head)).collect();
            let is_one = matches!(lines[..], [line] if line.contains(arrow) && line.contains(says) && line.contains(&self.place));
            if outcome.code() != self.code || !is_one || !outcome.stdout.is_empty() {
                faults.push(format!(
                    "{} ({language}): expected {} and {says:?} at {:?}\n{outcome}",
                    self.mistake, self.code, self.place
                ));
            }
        }
        let mut arguments = self.arguments.clone();
        arguments.push("--json".into());
        let outcome = self.agent.run(&arguments);
        let document = serde_json::from_slice::<serde_json::Value>(&outcome.stdout);
        let error = document.map(|document| document["error"].clone()).unwrap_or_default();
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        let is_right = error["code"] == self.code
            && outcome.code() == self.code
            && !text("what").is_empty()
            && !text("do").is_empty()
            && error["where"].is_string()
            && format!("{} {}", text("what"), text("where")).contains(&self.place);
        if !is_right {
            faults.push(format!("{} (--json)\n{outcome}", self.mistake));
        }
        faults
    }
}
