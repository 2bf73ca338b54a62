//! Carries out the second table of `repo-format/DAMAGE.md`: objects that are there and are not shown, because a delete
//! marker hides them or because the store once answers that they are not there.
//!
//! The document is the expectation. One practice with three snapshots on a real engine that keeps versions; for each row
//! its bucket and its state are copied and the object that the newest snapshot needs is hidden, or passed over once by a
//! proxy before the engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use e2e::bucket::{BucketKind, Engine};
use e2e::listing::files_at_rest;
use e2e::process::copy;
use e2e::tamper::{Kind, Vault};
use e2e::{Agent, Outcome, Site, Tree, noise, tools};
use scelle_store::testing::proxy::{Meddle, Proxy, Request};

const BUCKET: &str = "cabinet";
const DAMAGES: [&str; 2] = ["hidden", "404 once"];
/// Commands of a row.
const COMMANDS: usize = 5;
/// What may stand behind a code: said by the command.
const WORDS: [&str; 6] =
    ["HIDDEN", "delete markers", "answered wrongly", "key-missing", "stored again", "put back"];

/// One row: object, damage, and for each command its code and what it says.
struct Row {
    object: String,
    damage: String,
    cells: Vec<String>,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(tools::checkout().join("repo-format/DAMAGE.md")).unwrap();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let (object, damage) = (cells.next().unwrap(), cells.next().unwrap_or_default());
        if DAMAGES.contains(&damage.as_str()) {
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), COMMANDS, "{line}");
            rows.push(Row { object, damage, cells });
        }
    }
    rows
}

#[test]
fn the_table_of_what_is_not_shown_has_every_row() {
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
fn every_row_of_the_table_of_what_is_not_shown_holds() {
    let folder = tempfile::tempdir().unwrap();
    let practice = Practice::new(Engine::seaweed(folder.path()));
    let rows = table();
    let mut surprises = Vec::new();
    for kind in Kind::ALL {
        for damage in DAMAGES {
            let outcomes = practice.carry_out(kind, damage);
            let is_row = |row: &&Row| row.object == format!("{kind:?}") && row.damage == damage;
            let cells = rows.iter().find(is_row).map(|row| &row.cells[..]).unwrap_or_default();
            if cells.len() != COMMANDS
                || !outcomes.iter().zip(cells).all(|(outcome, cell)| holds(outcome, cell))
            {
                let found: Vec<String> = outcomes.iter().map(summary).collect();
                surprises.push(format!("| {kind:?} | {damage} | {} |", found.join(" | ")));
            }
        }
    }
    assert!(surprises.is_empty(), "found instead:\n{}", surprises.join("\n"));
}

/// Whether a command ended as its cell says: a code, and words that it must have said.
fn holds(outcome: &Outcome, cell: &str) -> bool {
    let (code, words) = cell.split_once(' ').unwrap_or((cell, ""));
    outcome.code().to_string() == code && said(outcome).contains(words)
}

fn said(outcome: &Outcome) -> String {
    outcome.out() + &outcome.err()
}

/// As a cell would say it.
fn summary(outcome: &Outcome) -> String {
    let said = said(outcome);
    let word = WORDS.into_iter().find(|word| said.contains(word)).unwrap_or_default();
    format!("{} {word}", outcome.code()).trim().to_owned()
}

/// A practice, its bucket's objects, and the line to it.
struct Practice {
    engine: Engine,
    site: Site,
    source: Tree,
    objects: BTreeMap<String, Vec<u8>>,
    passed_over: Arc<Mutex<Option<String>>>,
    proxy: Proxy,
}

impl Practice {
    fn new(engine: Engine) -> Self {
        engine.make(BUCKET, BucketKind::Versioned);
        let site = Site::not_initialised(|_| engine.bucket(BUCKET, "practice").into());
        let mut words = ["init", "--yes", "--phrase-file"].map(OsString::from).to_vec();
        words.push(site.phrase().into());
        site.agent.ok(words.into_iter().chain(site.with_kit()));
        let source = site.source("source");
        for number in 0..20 {
            source.file(format!("letters/{number}.txt"), format!("letter {number}\n").repeat(30 + number));
        }
        for day in 1..=3 {
            source.file("image.dcm", noise(day, 300_000));
            source.file("letters/of the day.txt", format!("{day}\n").repeat(400));
            site.backup(&source);
        }
        let names = site.place.sizes().into_keys().filter(|name| !name.starts_with("probe/"));
        let objects = names.map(|name| (name.clone(), site.place.read(&name))).collect();
        site.place.copy_to(&site.path("copy"));
        let passed_over = Arc::new(Mutex::new(None));
        let shared = passed_over.clone();
        let proxy = engine.proxy(move |request| pass_over(request, &shared));
        Self { engine, site, source, objects, passed_over, proxy }
    }

    /// What each command made of one damage to what the newest snapshot needs.
    fn carry_out(&self, kind: Kind, damage: &str) -> Vec<Outcome> {
        let row = format!("{kind:?}-{}", damage.replace(' ', "-"));
        let case = self.site.path(&row);
        fs::create_dir(&case).unwrap();
        let bucket = self.engine.bucket(BUCKET, &row).through(&self.proxy);
        for (name, bytes) in &self.objects {
            bucket.write(name, bytes.clone());
        }
        let home = case.join("home");
        copy(self.site.agent.home(), &home);
        let own = bucket.reached_by(self.site.agent.elsewhere(home));
        let vault = Vault::open(&self.site.path("copy"), &self.site.kit(), &self.site.phrase());
        let target = format!("{}/{}", self.site.repository(), vault.target(kind, 3));
        if damage == "hidden" {
            bucket.hide(&target);
        }
        // Each command meets the wrong answer once.
        let arm = || {
            *self.passed_over.lock().unwrap() = (damage == "404 once").then(|| format!("/{row}/{target}"));
        };
        let restore = |name: &str, snapshot: &str| {
            arm();
            self.restored(&own.elsewhere(case.join(format!("new {name}"))), snapshot, &case.join(name))
        };
        let run = |words: &[OsString]| {
            arm();
            own.run(words)
        };
        let outcomes = vec![
            run(&["check".into()]),
            restore("older", "2"),
            restore("newest", "latest"),
            run(&["backup".into(), self.source.root().into()]),
            run(&["check".into()]),
        ];
        fs::remove_dir_all(&case).unwrap();
        outcomes
    }

    /// Never a wrong byte where it says that all is well.
    fn restored(&self, agent: &Agent, snapshot: &str, to: &Path) -> Outcome {
        let words = [OsString::from("restore"), snapshot.into(), "--to".into(), to.into()];
        let outcome = agent.run(words.into_iter().chain(self.site.with_kit()));
        if outcome.code() == 0 {
            let image = files_at_rest(to).into_iter().find(|path| path.ends_with("image.dcm")).unwrap();
            let day = if snapshot == "2" { 2 } else { 3 };
            assert!(fs::read(image).unwrap() == noise(day, 300_000), "another day's bytes: {outcome}");
        }
        outcome
    }
}

/// Answers once that the object is not there.
fn pass_over(request: &Request, wanted: &Mutex<Option<String>>) -> Meddle {
    let path = request.target.split('?').next().unwrap_or_default();
    let mut wanted = wanted.lock().unwrap();
    let is_it = ["GET", "HEAD"].contains(&request.method)
        && wanted.as_deref().is_some_and(|wanted| path.ends_with(wanted));
    if !is_it {
        return Meddle::Nothing;
    }
    *wanted = None;
    Meddle::NotFound
}
