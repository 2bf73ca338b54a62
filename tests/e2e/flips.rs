//! A line that changes bytes: whatever object it touches, nothing wrong is ever called whole.
//!
//! The program writes through a proxy that changes one byte of a PUT's body. After each run either the program has said by
//! its exit code that something went wrong, or everything it stored reads back sound and restores byte for byte.

use std::ffi::OsString;
use std::fs;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use e2e::bucket::Engine;
use e2e::{Site, compare, noise};
use scelle_store::testing::proxy::{Meddle, Request};

/// What stands in the names of what `init` writes, in the order of its writing, and of what a run writes.
const OF_INIT: [&str; 4] = ["/keys/e", "/keys/d", "/desc/", "/FORMAT.txt"];
const OF_A_RUN: [&str; 5] = ["/p/e", "/m/e", "/i/", "/a/", "/c/"];
/// Rounds that share a repository: a check of all of it and a restoration end each.
const ROUNDS_IN_ONE: u32 = 12;
/// About as many as a run sends.
const BODIES: u32 = 9;

/// Which bodies are changed next.
#[derive(Clone, Copy, Debug)]
enum Aim {
    Nothing,
    /// The first body of an object of this kind.
    FirstOf(&'static str),
    /// Every body of an object of this kind.
    AllOf(&'static str),
    /// The body of this number from now, of whatever kind.
    Number(i64),
}

/// What the proxy does, and what it did.
struct Line {
    aim: Mutex<Aim>,
    before: AtomicI64,
    flipped: AtomicU64,
}

impl Line {
    fn aim(&self, aim: Aim) {
        let mut held = self.aim.lock().unwrap();
        *held = aim;
        self.before.store(if let Aim::Number(number) = aim { number } else { 0 }, SeqCst);
    }

    fn decide(&self, request: &Request) -> Meddle {
        if request.method != "PUT" || request.body_bytes == 0 || request.target.contains("/probe/") {
            return Meddle::Nothing;
        }
        let mut aim = self.aim.lock().unwrap();
        let is_hit = match *aim {
            Aim::Nothing => false,
            Aim::FirstOf(kind) | Aim::AllOf(kind) => request.target.contains(kind),
            Aim::Number(_) => self.before.fetch_sub(1, SeqCst) == 0,
        };
        if !is_hit {
            return Meddle::Nothing;
        }
        if !matches!(*aim, Aim::AllOf(_)) {
            *aim = Aim::Nothing;
        }
        self.flipped.fetch_add(1, SeqCst);
        Meddle::Flip
    }
}

/// Each kind in turn, then `rounds` bodies wherever they stand in a run; half of it with an upload limit.
pub fn campaign(engine: &Engine, bucket: &str, rounds: u32) {
    let line = Arc::new(Line {
        aim: Mutex::new(Aim::Nothing),
        before: AtomicI64::new(0),
        flipped: AtomicU64::new(0),
    });
    let shared = line.clone();
    let proxy = engine.proxy(move |request| shared.decide(request));
    let place = |prefix: &str| engine.bucket(bucket, prefix).through(&proxy);
    let mut told = Told::default();
    let is_long = e2e::rounds(0, 1) == 1;
    for is_limited in [false, true].into_iter().take(if is_long { 2 } else { 1 }) {
        let practice = Practice::new(place(&format!("kinds-{is_limited}")), &line, is_limited);
        let stubborn: (&[&str], &[&str]) =
            if is_long { (&OF_INIT, &OF_A_RUN) } else { (&["/desc/"], &["/c/"]) };
        practice.first_days(&mut told, stubborn.0, stubborn.1);
        practice.restores();
    }
    for first in (0..rounds).step_by(ROUNDS_IN_ONE as usize) {
        let is_limited = (first / ROUNDS_IN_ONE).is_multiple_of(2);
        let practice = Practice::new(place(&format!("chance-{first}")), &line, is_limited);
        practice.init(&mut told);
        for round in first..rounds.min(first + ROUNDS_IN_ONE) {
            // Each place in turn among the bodies of a run; what lies at it is chance. The last places may lie behind the end.
            practice.one_day(Aim::Number(i64::from(round % BODIES)), u64::from(round), &mut told);
        }
        assert_eq!(practice.one_day(Aim::Nothing, 10_000 + u64::from(first), &mut told), 0);
        practice.restores();
        println!("{} bodies changed in {} runs so far", line.flipped.load(SeqCst), told.well + told.badly);
    }
    let flipped = line.flipped.load(SeqCst);
    println!(
        "{flipped} bodies changed; {} runs ended well, {} said that they did not",
        told.well, told.badly
    );
    assert!(flipped >= OF_A_RUN.len() as u64 + u64::from(rounds) / 2, "{flipped} bodies changed");
    assert!(told.badly > 0 && told.well > 0);
}

#[derive(Default)]
struct Told {
    well: u32,
    badly: u32,
}

struct Practice<'a> {
    site: Site,
    source: e2e::Tree,
    line: &'a Line,
}

impl<'a> Practice<'a> {
    fn new(bucket: e2e::bucket::Bucket, line: &'a Line, is_limited: bool) -> Self {
        line.aim(Aim::Nothing);
        let mut site = Site::not_initialised(|_| bucket.into());
        if is_limited {
            fs::write(site.path("limit.toml"), "[limits]\nupload_bytes_per_second = 20000000\n").unwrap();
            site.agent = site.agent.clone().with("SCELLE_CONFIG", site.path("limit.toml"));
        }
        let source = site.source("cabinet");
        source.file("lettre.txt", "une lettre\n".repeat(300));
        Self { site, source, line }
    }

    fn init(&self, told: &mut Told) {
        let words = ["init", "--yes"].map(OsString::from);
        let made = self.site.agent.run(words.into_iter().chain(self.site.with_kit()));
        told.count(made.code());
        assert_eq!(made.code(), 0, "{made}");
    }

    /// Each kind of object of a run once, and some kinds every time: those of `init` first.
    fn first_days(&self, told: &mut Told, of_init: &[&'static str], of_a_run: &[&'static str]) {
        for kind in of_init {
            self.line.aim(Aim::AllOf(kind));
            let words = ["init", "--yes"].map(OsString::from);
            let made = self.site.agent.run(words.into_iter().chain(self.site.with_kit()));
            assert_eq!(made.code(), 14, "a repository whose {kind} never arrived: {made}");
            assert!(made.err().contains("nothing altered counts as backed up"), "{made}");
            told.count(made.code());
        }
        self.line.aim(Aim::FirstOf("/c/"));
        self.init(told);
        for (day, kind) in OF_A_RUN.into_iter().enumerate() {
            assert_eq!(
                self.one_day(Aim::FirstOf(kind), day as u64, told),
                0,
                "{kind}: the second time it arrives"
            );
        }
        for (day, kind) in of_a_run.iter().enumerate() {
            let code = self.one_day(Aim::AllOf(kind), 100 + day as u64, told);
            assert_eq!(code, 14, "a run none of whose {kind} arrived");
        }
        // The line is whole again.
        assert_eq!(self.one_day(Aim::Nothing, 200, told), 0);
    }

    /// One run with this aim; where it says that all is well, all is.
    fn one_day(&self, aim: Aim, day: u64, told: &mut Told) -> i32 {
        self.source.file("du jour.bin", noise(1_000 + day, 150_000));
        self.source.file(format!("dossier/{day}.txt"), format!("{day}\n").repeat(100));
        self.line.aim(aim);
        let run = self.site.agent.run([OsString::from("backup"), self.source.root().into()]);
        self.line.aim(Aim::Nothing);
        told.count(run.code());
        if run.code() != 0 {
            return run.code();
        }
        let check = self.site.agent.run(["check", "--read-data", "all"]);
        assert_eq!(check.code(), 0, "{aim:?}\n{run}\n{check}");
        // For every change at the end only: what was checked above are all stored bytes.
        if e2e::rounds(0, 1) == 1 {
            self.restores();
        }
        0
    }

    fn restores(&self) {
        let to = self.site.path("retour");
        self.site.restore("latest", &to);
        compare::assert_same(self.source.root(), &self.site.restored(&to, self.source.root()));
        fs::remove_dir_all(&to).unwrap();
    }
}

impl Told {
    fn count(&mut self, code: i32) {
        match code {
            0 => self.well += 1,
            _ => self.badly += 1,
        }
    }
}
