//! What a bad line does to a backup: the table of `agent/store/NETWORK.md`, done row by row against a real engine behind a proxy that
//! has one fault.
//!
//! From the table to exit codes, words and what is restored afterwards. Printed: the seconds to the first word and to the end.
//! Never: a time that is asserted.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use e2e::bucket::{BucketKind, Engine};
use e2e::{Outcome, Site, compare, noise, tools};
use scelle_store::testing::proxy::{Meddle, Request};

const BUCKET: &str = "cabinet";
/// Larger than what systems keep of a body on its way.
const SOURCE_BYTES: usize = 24 << 20;
/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Faults that are waited out: they are done side by side.
const SLOW: [&str; 2] = ["stalled", "silent"];

struct Row {
    fault: String,
    exit: i32,
    words: Option<String>,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(tools::checkout().join("agent/store/NETWORK.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [fault, _, exit, words] = cells[..] else { panic!("{line}") };
        Row {
            fault: fault.trim_matches('`').to_owned(),
            exit: exit.parse().unwrap(),
            words: (words != "–").then(|| words.to_owned()),
        }
    })
    .collect()
}

/// A line with one fault, or with none.
#[derive(Default)]
struct Line {
    fault: Option<String>,
    requests: usize,
    seen: HashSet<String>,
    /// How often it struck.
    struck: usize,
}

impl Line {
    fn decide(&mut self, request: &Request) -> Meddle {
        let Some(fault) = self.fault.clone() else { return Meddle::Nothing };
        self.requests += 1;
        let is_third = self.requests.is_multiple_of(3);
        let puts = |folder: &str| request.method == "PUT" && request.target.contains(folder);
        let path = request.target.split('?').next().unwrap_or_default();
        let is_first = self.struck == 0;
        let (is_met, meddle) = match &fault[..] {
            "slow" => (true, Meddle::Delay(Duration::from_millis(300))),
            "cut" => (is_third, Meddle::Cut),
            "busy-503" => (is_third, Meddle::Refuse(503)),
            "busy-429" => (is_third, Meddle::Refuse(429)),
            "refused-403" => (!is_first || puts("/p/"), Meddle::Refuse(403)),
            "truncated" => {
                (request.method == "GET" && self.seen.insert(path.to_owned()), Meddle::CutAnswer(12))
            }
            "flipped" => (is_first && puts("/p/"), Meddle::Flip),
            "stalled" => (is_first && puts("/p/"), Meddle::Stall),
            "silent" => (is_first && puts("/c/"), Meddle::Swallow),
            other => panic!("{other}: nobody knows how to do that"),
        };
        self.struck += usize::from(is_met);
        if is_met { meddle } else { Meddle::Nothing }
    }
}

#[test]
fn every_row_of_the_table_of_faults_holds() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::seaweed(folder.path());
    engine.make(BUCKET, BucketKind::Versioned);
    let (slow, quick): (Vec<Row>, Vec<Row>) =
        table().into_iter().partition(|row| SLOW.contains(&row.fault.as_str()));
    assert!(slow.len() == SLOW.len() && quick.len() > SLOW.len());
    thread::scope(|threads| {
        let begun: Vec<_> = slow.iter().map(|row| threads.spawn(|| holds(&engine, row))).collect();
        quick.iter().for_each(|row| holds(&engine, row));
        begun.into_iter().for_each(|row| row.join().unwrap());
    });
}

fn holds(engine: &Engine, row: &Row) {
    let fault = &row.fault;
    let line = Arc::new(Mutex::new(Line::default()));
    let shared = line.clone();
    let proxy = engine.proxy(move |request| shared.lock().unwrap().decide(request));
    let site = Site::not_initialised(|_| engine.bucket(BUCKET, fault).through(&proxy).into());
    site.agent.ok(["init", "--yes"].map(OsString::from).into_iter().chain(site.with_kit()));
    let source = site.source("cabinet");
    source.file("avant.txt", "avant la panne");
    let backup = [OsString::from("backup"), source.root().into()];
    site.agent.ok(&backup);
    source.file("pendant.raw", noise(1, SOURCE_BYTES));

    *line.lock().unwrap() = Line { fault: Some(fault.clone()), ..Line::default() };
    let (outcome, first_word_ms, all_ms) = watched(&site, &backup, row.words.as_deref());
    let struck = std::mem::take(&mut *line.lock().unwrap()).struck;
    println!(
        "{fault}: {} faults, exit {}, first word {first_word_ms:?} ms, end {all_ms} ms",
        struck,
        outcome.code()
    );
    assert!(struck > 0, "{fault} was never met: {outcome}");
    assert_eq!(outcome.code(), row.exit, "{fault}: {outcome}");
    let said = outcome.err();
    match &row.words {
        Some(words) => assert!(said.contains(words), "{fault}: {outcome}"),
        None => assert!(!said.contains("the store"), "{fault}: {outcome}"),
    }

    source.file("apres.txt", "après la panne");
    let next = site.agent.json(&backup);
    assert_ne!(next["status"], "grey", "{fault}: {next}");
    site.agent.ok(["check", "--read-data", "all"]);
    site.restore("latest", &site.path("retour"));
    compare::assert_same(source.root(), &site.restored(&site.path("retour"), source.root()));
}

/// A run to its end: when it said these words, if it did, and how long it took.
fn watched(site: &Site, arguments: &[OsString], words: Option<&str>) -> (Outcome, Option<u128>, u128) {
    let began = Instant::now();
    let mut run = site.agent.start(arguments);
    let mut first = None;
    while !run.has_ended() {
        let is_said = || words.is_some_and(|words| run.stderr_so_far().contains(words));
        if first.is_none() && is_said() {
            first = Some(began.elapsed().as_millis());
        }
        thread::sleep(LOOK);
    }
    let all_ms = began.elapsed().as_millis();
    (run.wait(), first, all_ms)
}
