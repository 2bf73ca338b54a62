//! Carries out the second table of `repo-format/DAMAGE.md`: objects that are there and are not shown, because a delete
//! marker hides them, because other bytes lie over them, or because the store once answers that they are not there.
//!
//! The document is the expectation, and a cell is all that a command says of [`WORDS`]: where nothing stands, it said none
//! of them. One practice with three snapshots on a real engine that keeps versions; for each row its bucket and its state
//! are copied and the object that the newest snapshot needs is hidden, written over, or passed over once by a proxy before
//! the engine. On Ceph RGW, from `rgw`, as well: there also the first table, in a bucket without versions.

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

use crate::damage_table::{self, instead};

const DAMAGES: [&str; 4] = ["hidden", "overwritten", "flipped", "404 once"];
/// Commands of a row.
const COMMANDS: usize = 5;
/// What may stand behind a code: said by the command, in these words or, where there is a code for it, in those of its sentence.
const WORDS: [(&str, &str); 12] = [
    ("HIDDEN", "HIDDEN"),
    ("OVERWRITTEN", "OVERWRITTEN"),
    ("format-differs", "file that does not say what the signed descriptor says"),
    ("descriptor-invalid", "descriptor not valid"),
    ("key-missing", "key file missing"),
    ("key-forged", "key file that holds another key"),
    ("hid 1", "hid 1"),
    ("wrote over 1", "wrote over 1"),
    ("answered wrongly", "answered wrongly"),
    ("stored again", "stored again"),
    ("put back", "put back"),
    ("replaced by others", "replaced by others"),
];

/// One row: object, damage, and for each command its code and what it says.
struct Row {
    object: String,
    damage: String,
    cells: Vec<String>,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(tools::checkout().join("repo-format/DAMAGE.md")).unwrap();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| `")) {
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
    rows_hold(&Engine::seaweed(folder.path()), &Kind::ALL);
}

/// Carries out the rows of these kinds of objects on this engine; returns how many.
pub fn rows_hold(engine: &Engine, kinds: &[Kind]) -> usize {
    let practice = Practice::new(engine, "unseen", BucketKind::Versioned);
    let rows = table();
    let (mut carried_out, mut surprises) = (0, Vec::new());
    for &kind in kinds {
        for damage in DAMAGES {
            let found: Vec<String> = practice.carry_out(kind, damage).iter().map(summary).collect();
            let is_row = |row: &&Row| row.object == format!("{kind:?}") && row.damage == damage;
            if rows.iter().find(is_row).is_none_or(|row| row.cells != found) {
                surprises.push(format!("| {kind:?} | {damage} | {} |", found.join(" | ")));
            }
            carried_out += 1;
        }
    }
    assert!(surprises.is_empty(), "found instead:\n{}", surprises.join("\n"));
    carried_out
}

/// Carries out the rows of the first table that are of these kinds of objects, in a bucket without versions on this engine:
/// codes are those of a folder. Returns how many.
pub fn first_table_holds(engine: &Engine, kinds: &[Kind]) -> usize {
    let practice = Practice::new(engine, "damaged", BucketKind::Plain);
    let rows = damage_table::table().into_iter();
    let rows = rows.filter(|row| kinds.iter().any(|kind| row.object == format!("{kind:?}")));
    let (mut carried_out, mut surprises) = (0, Vec::new());
    for row in rows.filter(|row| row.damage != "stray") {
        let kind = Kind::ALL.into_iter().find(|kind| row.object == format!("{kind:?}")).unwrap();
        let outcomes = practice.carry_out(kind, &row.damage);
        let found: Vec<String> = outcomes.iter().map(|outcome| outcome.code().to_string()).collect();
        if row.codes() != found {
            surprises.push(format!("{kind:?} {}: {found:?}, not {:?}", row.damage, row.codes()));
        }
        carried_out += 1;
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    carried_out
}

/// As a cell says it: the code, and which of the words were said.
fn summary(outcome: &Outcome) -> String {
    let said = outcome.out() + &outcome.err();
    let is_said = |(_, words): &(&str, &str)| said.contains(words);
    let words: Vec<&str> = WORDS.into_iter().filter(is_said).map(|(word, _)| word).collect();
    format!("{} {}", outcome.code(), words.join(", ")).trim().to_owned()
}

/// A practice, its bucket's objects, and the line to it.
struct Practice {
    engine: Engine,
    bucket: &'static str,
    site: Site,
    source: Tree,
    objects: BTreeMap<String, Vec<u8>>,
    passed_over: Arc<Mutex<Option<String>>>,
    proxy: Proxy,
}

impl Practice {
    fn new(engine: &Engine, bucket: &'static str, versions: BucketKind) -> Self {
        engine.make(bucket, versions);
        let site = Site::not_initialised(|_| engine.bucket(bucket, "practice").into());
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
        Self { engine: engine.clone(), bucket, site, source, objects, passed_over, proxy }
    }

    /// What each command made of one damage to what the newest snapshot needs.
    fn carry_out(&self, kind: Kind, damage: &str) -> Vec<Outcome> {
        let row = format!("{kind:?}-{}", damage.replace(' ', "-"));
        let case = self.site.path(&row);
        fs::create_dir(&case).unwrap();
        let bucket = self.engine.bucket(self.bucket, &row).through(&self.proxy);
        for (name, bytes) in &self.objects {
            bucket.write(name, bytes.clone());
        }
        let home = case.join("home");
        copy(self.site.agent.home(), &home);
        let own = bucket.reached_by(self.site.agent.elsewhere(home));
        let vault = Vault::open(&self.site.path("copy"), &self.site.kit(), &self.site.phrase());
        let target = format!("{}/{}", self.site.repository(), vault.target(kind, 3));
        match damage {
            "hidden" | "missing" => bucket.hide(&target),
            "404 once" => {}
            other => {
                bucket.overwrite(&target, instead(&target, self.objects[&target].clone(), other).unwrap())
            }
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
