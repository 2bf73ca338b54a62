//! Killed, interrupted, ended: the next run goes on from what is stored, and no snapshot is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use e2e::process::{contents, copy, read_bytes};
use e2e::tamper::Vault;
use e2e::{Running, Site, Tree, compare, noise};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

/// Kills for every change, and in the long campaign.
const KILLS: [u32; 2] = [100, 500];
/// Files of the tree that carry its weight, and their size in bytes.
const HEAVY: usize = 12;
const HEAVY_BYTES: usize = 2_500_000;
/// Packs that a killed run may have stored without having noted it: those on their way when it died. Two lanes
/// (data and manifest), two open packs each, as many in the upload queue.
const LOST_PACKS_MAX: usize = 8;
/// Far above what it takes to stop on any machine, and half of what the slow line would take.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// A practice and what its files were at each snapshot.
struct Ward {
    site: Site,
    source: Tree,
    random: StdRng,
    snapshots: Vec<(u64, PathBuf)>,
}

impl Ward {
    fn new() -> Self {
        let site = Site::on_dir_with_phrase();
        let source = site.source("source");
        source.fill_with_small_files(200, 50, 3);
        for number in 0..HEAVY {
            source.file(format!("heavy/{number}.raw"), noise(number as u64, HEAVY_BYTES));
        }
        Self { site, source, random: StdRng::seed_from_u64(20_261_121), snapshots: Vec::new() }
    }

    fn start(&self) -> Running {
        self.site.agent.start(["backup".as_ref(), self.source.root().as_os_str(), "--json".as_ref()])
    }

    /// Some work: a few letters, now and then the images.
    fn work(&mut self, round: u32) {
        for _ in 0..3 {
            let letter = self.random.random_range(0..200);
            let name = e2e::tree::small_file_name(letter, 50);
            self.source.edit(name, format!("Letter {letter}, round {round}.\n").repeat(20));
        }
        let images = if round.is_multiple_of(10) { HEAVY } else { 1 };
        for _ in 0..images {
            let image = self.random.random_range(0..HEAVY);
            let bytes = HEAVY_BYTES + self.random.random_range(0..1000);
            self.source.edit(format!("heavy/{image}.raw"), noise(self.random.random(), bytes));
        }
    }

    fn packs(&self) -> BTreeSet<String> {
        self.site.objects("p/").into_iter().chain(self.site.objects("m/")).collect()
    }

    fn vault(&self) -> Vault {
        Vault::open(self.site.place.folder(), &self.site.kit(), &self.site.phrase())
    }

    /// A run to its end. What `lost_runs` killed runs stored since `before` must be used by it.
    fn finish(&mut self, before: &BTreeSet<String>, lost_runs: usize) {
        let left_behind: BTreeSet<String> = &self.packs() - before;
        let outcome = self.start().wait();
        assert_eq!(outcome.code(), 0, "after {lost_runs} kills: {outcome}");
        let summary = outcome.json();
        let number = summary["snapshot"].as_u64().unwrap();
        let vault = self.vault();
        // A killed run may have committed: then its snapshot's packs are its own.
        let needed: BTreeSet<String> =
            vault.numbers().into_iter().flat_map(|number| vault.packs(number)).collect();
        let unused = left_behind.iter().filter(|name| !needed.contains(*name)).count();
        assert!(
            unused <= lost_runs * LOST_PACKS_MAX,
            "{unused} of {} packs were sent for nothing by {lost_runs} killed runs: {summary}",
            left_behind.len()
        );
        let data = left_behind.iter().filter(|name| name.starts_with("p/")).count();
        if data > lost_runs * LOST_PACKS_MAX && vault.numbers().len() == self.snapshots.len() + 1 {
            assert!(summary["resumed_bytes"].as_u64().unwrap() > 0, "{data} packs were there: {summary}");
        }
        let remembered = self.site.path(&format!("at {number}"));
        fs::create_dir(&remembered).unwrap();
        // Only what tells snapshots apart is kept: a copy of all would fill the disk.
        let listing: String = contents(self.source.root())
            .into_iter()
            .map(|(name, bytes)| format!("{name} {}\n", blake3::hash(&bytes)))
            .collect();
        fs::write(remembered.join("listing"), listing).unwrap();
        self.snapshots.push((number, remembered));
    }
}

#[test]
fn kills_lose_nothing_and_send_little_twice() {
    let mut ward = Ward::new();
    let began = Instant::now();
    ward.finish(&BTreeSet::new(), 0);
    // How long a run takes here and now: a kill must meet it alive.
    let mut whole_run = began.elapsed();
    let wanted = e2e::rounds(KILLS[0], KILLS[1]);
    let mut kills = 0;
    let mut ended_before = 0;
    let mut round = 0;
    while kills < wanted {
        round += 1;
        ward.work(round);
        let before = ward.packs();
        // Once in four the run that goes on after a kill is killed too.
        let times = if ward.random.random_ratio(1, 4) { 3 } else { 1 };
        let mut lost_runs = 0;
        for _ in 0..times {
            let mut run = ward.start();
            thread::sleep(whole_run.mul_f64(ward.random.random_range(0.0..0.9)));
            if run.has_ended() {
                ended_before += 1;
            } else {
                run.signal("KILL");
                kills += 1;
                lost_runs += 1;
            }
            run.wait();
        }
        let began = Instant::now();
        ward.finish(&before, lost_runs);
        whole_run = whole_run.min(began.elapsed()).max(Duration::from_millis(20));
    }
    println!(
        "{kills} kills in {round} rounds, {ended_before} runs had ended before; {} snapshots",
        ward.snapshots.len()
    );
    assert!(ended_before < 3 * wanted, "runs must be alive when they are killed");
    ward.site.agent.ok(["check", "--read-data", "all"]);
    for (number, remembered) in &ward.snapshots {
        let to = ward.site.path("back");
        ward.site.restore(&number.to_string(), &to);
        let back: String = contents(&ward.site.restored(&to, ward.source.root()))
            .into_iter()
            .map(|(name, bytes)| format!("{name} {}\n", blake3::hash(&bytes)))
            .collect();
        assert!(back == fs::read_to_string(remembered.join("listing")).unwrap(), "snapshot {number}");
        fs::remove_dir_all(&to).unwrap();
    }
    let last = ward.site.path("last");
    ward.site.restore("latest", &last);
    compare::assert_same(ward.source.root(), &ward.site.restored(&last, ward.source.root()));
}

/// A signal, and the exit code it may end with.
#[test]
fn an_interrupted_run_ends_soon_says_so_and_is_resumed() {
    for (signal, code) in [("INT", 130), ("TERM", 130), ("HUP", 130)] {
        let site = Site::on_dir_with_phrase();
        let source = site.source("source");
        for number in 0..20 {
            source.file(format!("{number}.raw"), noise(number, 4_000_000));
        }
        let mut run = site.agent.start([
            "backup".as_ref(),
            source.root().as_os_str(),
            "--limit-upload".as_ref(),
            "12M".as_ref(),
        ]);
        run.wait_until("a pack was stored", || !site.objects_so_far("p/").is_empty());
        run.signal(signal);
        run.end(STOPS_WITHIN);
        let outcome = run.wait();
        assert_eq!(outcome.code(), code, "{signal}: {outcome}");
        assert!(outcome.err().contains("interrupted"), "{signal}: {outcome}");

        let told = site.agent.json(["bilan", "list"]);
        let told = told.as_array().unwrap();
        assert_eq!(told.len(), 1, "a run that was stopped has a bilan: {told:?}");
        assert!(told[0]["id"].as_str().unwrap().contains("unsent"), "{told:?}");
        let shown = site.agent.ok(["bilan", "show"]).out();
        assert!(shown.contains("the backup was interrupted"), "{shown}");

        let left_behind: BTreeSet<String> = site.objects("p/").into_iter().collect();
        let summary = site.backup(&source);
        assert!(summary["resumed_bytes"].as_u64().unwrap() > 0, "{signal}: {summary}");
        let told = site.agent.json(["bilan", "list"]);
        let unsent = |row: &Value| row["id"].as_str().unwrap().contains("unsent");
        let told = told.as_array().unwrap();
        assert!(told.len() == 2 && !told.iter().any(unsent), "the next run sends it: {told:?}");
        let vault = Vault::open(site.place.folder(), &site.kit(), &site.phrase());
        let needed = vault.packs(summary["snapshot"].as_u64().unwrap());
        let unused = left_behind.iter().filter(|name| !needed.contains(*name)).count();
        assert!(unused <= LOST_PACKS_MAX, "{signal}: {unused} packs sent for nothing");
        let to = site.path("back");
        site.restore("latest", &to);
        compare::assert_same(source.root(), &site.restored(&to, source.root()));
    }
}

/// `nohup scelle backup`: whoever started it wants it to outlive the terminal.
#[test]
fn a_run_that_is_to_outlive_its_terminal_does() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("source");
    source.file("one.raw", noise(1, 8_000_000));
    let scelle = site.agent.command();
    let mut command = site.agent.command_of("env".as_ref());
    command.arg("--ignore-signal=HUP").arg(scelle.get_program()).args(scelle.get_args());
    command.arg("backup").arg(source.root()).args(["--limit-upload", "8M"]);
    let mut run = site.agent.spawn(command);
    run.wait_until("a pack was stored", || !site.objects_so_far("p/").is_empty());
    run.signal("HUP");
    let outcome = run.wait();
    assert_eq!(outcome.code(), 0, "{outcome}");
}

/// However slow the line is: nobody waits for what is still on its way.
#[test]
fn an_interrupted_run_on_a_slow_line_ends_soon() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("source");
    for number in 0..10 {
        source.file(format!("{number}.raw"), noise(number, 4_000_000));
    }
    let limit = ["--limit-upload".as_ref(), "300K".as_ref()];
    let words = ["backup".as_ref(), source.root().as_os_str()];
    let mut run = site.agent.start(words.into_iter().chain(limit));
    // A pack holds the line for as long as its bytes take, and this one for most of a minute.
    run.wait_until("a pack was stored", || !site.objects_so_far("p/").is_empty());
    run.signal("INT");
    run.end(STOPS_WITHIN);
    assert_eq!(run.wait().code(), 130);
    site.backup(&source);
}

/// A restoration that is killed goes on from what is there, by content.
#[test]
fn a_killed_restoration_is_finished_by_the_next() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("source");
    for number in 0..30 {
        source.file(format!("{number}.raw"), noise(number, 3_000_000));
    }
    source.fill_with_small_files(500, 50, 5);
    site.backup(&source);
    let saved = site.path("saved");
    copy(source.root(), &saved);
    let to = site.path("back");
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..5 {
        let arguments = [
            "restore".as_ref(),
            "latest".as_ref(),
            "--to".as_ref(),
            to.as_os_str(),
            "--kit".as_ref(),
            site.kit().as_os_str(),
        ]
        .map(std::ffi::OsStr::to_owned);
        let mut run = site.agent.start(arguments);
        // Where it is, not how long it has run: on a busy machine it is somewhere else after the same time.
        let far = random.random_range(1_000_000..60_000_000);
        while !run.has_ended() && read_bytes(run.pid()) < far {
            thread::sleep(Duration::from_millis(2));
        }
        run.signal("KILL");
        run.wait();
    }
    site.restore("latest", &to);
    compare::assert_same(&saved, &site.restored(&to, source.root()));
}
