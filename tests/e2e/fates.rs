//! What may become of a note on its way to an engine: it landed and the answer was lost, or it was answered and never landed.
//! Whichever note of a run it is, that run and the next ones go on with one chain, and nobody is taken for a clone.
//!
//! From tests of an engine; the same fates in a store in memory, with every other, are in the core's own tests. A note has
//! its fate the first time that it is sent: a line that stays dead is waited for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use e2e::bucket::Engine;
use e2e::{Outcome, Site, compare, noise};
use scelle_store::testing::proxy::{Meddle, Request};

/// What is done to one note of a run, and which notes it has sent so far, in the order of their first sending.
#[derive(Default)]
struct Line {
    fate: Option<(usize, Meddle)>,
    sent: BTreeMap<String, usize>,
    is_struck: bool,
}

impl Line {
    fn decide(&mut self, request: &Request) -> Meddle {
        if request.method != "PUT" || !request.target.contains("/c/") {
            return Meddle::Nothing;
        }
        let path = request.target.split('?').next().unwrap_or_default().to_owned();
        let next = self.sent.len();
        let number = *self.sent.entry(path).or_insert(next);
        match self.fate {
            Some((wanted, meddle)) if wanted == number && number == next => {
                self.is_struck = true;
                meddle
            }
            _ => Meddle::Nothing,
        }
    }
}

/// Gives each of the first `notes` notes of a run each fate, in a practice of its own in this bucket; returns how often one
/// was met.
pub fn campaign(engine: &Engine, bucket: &str, notes: usize) -> usize {
    let line = Arc::new(Mutex::new(Line::default()));
    let shared = line.clone();
    let proxy = engine.proxy(move |request| shared.lock().unwrap().decide(request));
    let site = Site::not_initialised(|_| engine.bucket(bucket, "fates").through(&proxy).into());
    site.agent.ok(["init", "--yes"].map(OsString::from).into_iter().chain(site.with_kit()));
    let source = site.source("cabinet");
    let backup = |day: usize, fate: Option<(usize, Meddle)>| -> (Outcome, bool) {
        source.file("du jour.bin", noise(day as u64, 60_000));
        *line.lock().unwrap() = Line { fate, ..Line::default() };
        let outcome = site.agent.run([OsString::from("backup"), source.root().into()]);
        (outcome, line.lock().unwrap().is_struck)
    };
    let (mut day, mut met) = (0, 0);
    assert_eq!(backup(day, None).0.code(), 0);
    for number in 0..notes {
        for meddle in [Meddle::LoseAnswer, Meddle::Pretend] {
            day += 1;
            let (struck, is_met) = backup(day, Some((number, meddle)));
            assert!(is_met, "note {number} {meddle:?} was not sent: {struck}");
            met += 1;
            assert!(!struck.err().contains("ALARM"), "note {number} {meddle:?}: {struck}");
            for _ in 0..2 {
                day += 1;
                let (next, _) = backup(day, None);
                assert_eq!(next.code(), 0, "after note {number} {meddle:?}: {struck}\n{next}");
                assert!(!next.err().contains("ALARM"), "after note {number} {meddle:?}: {next}");
            }
            site.agent.ok(["check"]);
        }
    }
    site.restore("latest", &site.path("retour"));
    compare::assert_same(source.root(), &site.restored(&site.path("retour"), source.root()));
    met
}
