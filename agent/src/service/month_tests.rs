//! Months of the real service, with a clock that a test turns: real backups of ten small files to a folder, while the computer is
//! switched off, sleeps, loses its store and has its clock set.
//!
//! What must come of it: each slot of the plan has exactly one record that names it. Printed: slots, records, faults.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use scelle_core::around::Around;
use scelle_core::chance::Chance;
use scelle_core::clock::{Clock as _, FixedClock};
use scelle_core::connect::Create;
use scelle_core::error::ExitCode;
use scelle_core::monitor::{Monitor, Notice, Phase, Silent};
use scelle_core::repo::create::Holders;
use scelle_core::repo::keyring::Unlock;
use scelle_core::repo::state::State;
use scelle_core::run::{Depth, Finder, Founding, Reading};
use scelle_core::schedule::{Cadence, Closure, Timetable, Zone};
use scelle_core::shutdown::Shutdown;
use scelle_core::verify::ReadData;
use scelle_format::id::RepositoryId;
use scelle_format::kit::Kit;
use scelle_format::report::{Measured, RunResult, Trigger};
use scelle_format::timestamp::Timestamp;
use scelle_view::words::Lang;
use tokio::sync::Notify;

use super::{Backups, Pace, Plans, Service, Supervisor};
use crate::config::{Env, Overrides, resolve};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// What befalls a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Somebody stops the service, and starts it so much later.
    Stopped(i64),
    /// The power goes, and comes back so much later.
    Cut(i64),
    /// The service is stopped in the middle of the next run, and starts so much later.
    StoppedInARun(i64),
    /// The computer sleeps for so long.
    Asleep(i64),
    /// The store is away for so long.
    StoreAway(i64),
    StoreBack,
    /// Another process has this computer's place for so long.
    Busy(i64),
    NotBusy,
    /// Somebody sets the clock.
    ClockSet(i64),
    /// Somebody writes the configuration, the same plan in other words.
    Configured,
    /// Somebody writes nonsense there, then what was there before.
    Misconfigured,
    End,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Stopped(_) => "stopped",
            Self::Cut(_) => "power cut",
            Self::StoppedInARun(_) => "stopped in a run",
            Self::Asleep(_) => "asleep",
            Self::StoreAway(_) => "store away",
            Self::StoreBack => "store back",
            Self::Busy(_) => "busy",
            Self::NotBusy => "not busy",
            Self::ClockSet(_) => "clock set",
            Self::Configured => "configured",
            Self::Misconfigured => "misconfigured",
            Self::End => "end",
        }
    }
}

/// The computer and its day.
struct Computer {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    repository: Mutex<Option<RepositoryId>>,
    life: Mutex<Life>,
    cut: Notify,
}

#[derive(Default)]
struct Life {
    /// Seconds that really went by.
    real_s: i64,
    /// Of these, since the service began and while the computer did not sleep.
    steady_s: i64,
    /// What is to come, by real time.
    ahead: BTreeMap<i64, Fault>,
    fired: BTreeMap<&'static str, u32>,
    shutdown: Shutdown,
    off_s: i64,
    stop_in_run: bool,
    is_over: bool,
    held: Option<State>,
    written: u32,
}

impl Computer {
    fn at(begin: Timestamp) -> Self {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(begin.0.unsigned_abs());
        let computer = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(begin)),
            repository: Mutex::default(),
            life: Mutex::default(),
            cut: Notify::new(),
        };
        fs::create_dir_all(computer.place("cabinet")).unwrap();
        fs::create_dir_all(computer.place("home")).unwrap();
        (0..10).for_each(|n| {
            fs::write(computer.place("cabinet").join(format!("{n}.txt")), vec![n; 900]).unwrap()
        });
        computer
    }

    fn place(&self, name: &str) -> PathBuf {
        std::path::absolute(self.folder.path().join(name)).unwrap()
    }

    fn configure(&self, plan: &str) {
        let text = format!(
            "[repository]\nurl = 'file://{}'\n[[plan]]\nname = 'cabinet'\npaths = ['{}']\n{plan}",
            self.place("depot").display(),
            self.place("cabinet").display()
        );
        fs::write(self.place("home").join("config.toml"), text).unwrap();
    }

    fn wall(&self) -> Timestamp {
        scelle_core::clock::now(&*self.clock)
    }

    fn turn(&self, seconds: i64) {
        let now = self.clock.now();
        let by = Duration::from_secs(seconds.unsigned_abs());
        self.clock.set(if seconds < 0 { now - by } else { now + by });
    }

    /// Time goes by without the service, which is off or asleep.
    fn sleep(&self, seconds: i64) {
        self.turn(seconds);
        self.life.lock().real_s += seconds;
    }

    /// Lets a fault happen, and begin what it entails.
    fn befall(&self, fault: Fault) {
        *self.life.lock().fired.entry(fault.name()).or_default() += 1;
        match fault {
            Fault::Asleep(seconds) => return self.sleep(seconds),
            Fault::ClockSet(seconds) => return self.turn(seconds),
            Fault::StoreBack => return fs::rename(self.place("away"), self.place("depot")).unwrap(),
            Fault::Configured => {
                let written = self.life.lock().written;
                return self.configure(&format!("# {written}\n{PLAN}exclude = ['**/*.tmp{written}']\n"));
            }
            Fault::Misconfigured => return fs::write(self.place("home/config.toml"), "[[plan]]\n").unwrap(),
            _ => {}
        }
        let mut life = self.life.lock();
        let later = |life: &mut Life, seconds: i64, fault| {
            let at = life.real_s + seconds;
            assert!(life.ahead.insert(at, fault).is_none(), "two faults at once");
        };
        match fault {
            Fault::Stopped(off_s) => {
                life.off_s = off_s;
                life.shutdown.stop();
            }
            Fault::Cut(off_s) => {
                life.off_s = off_s;
                self.cut.notify_one();
            }
            Fault::StoppedInARun(off_s) => {
                life.off_s = off_s;
                life.stop_in_run = true;
            }
            Fault::StoreAway(seconds) => {
                fs::rename(self.place("depot"), self.place("away")).unwrap();
                later(&mut life, seconds, Fault::StoreBack);
            }
            Fault::Busy(seconds) => {
                let repository = self.repository.lock().clone().unwrap();
                life.held = Some(State::open(&self.place("home"), &repository).unwrap());
                later(&mut life, seconds, Fault::NotBusy);
            }
            Fault::NotBusy => life.held = None,
            Fault::End => {
                life.is_over = true;
                life.shutdown.stop();
            }
            _ => unreachable!("done above"),
        }
    }

    /// One file is another one every few hours.
    fn work(&self) {
        let mut life = self.life.lock();
        let round = u32::try_from(life.real_s / (3 * HOUR)).unwrap();
        if round > life.written {
            life.written = round;
            let file = self.place("cabinet").join(format!("{}.txt", round % 10));
            fs::write(file, format!("letter of round {round}\n").repeat(40)).unwrap();
        }
    }
}

impl Pace for Computer {
    fn steady(&self) -> Duration {
        Duration::from_secs(self.life.lock().steady_s.unsigned_abs())
    }

    async fn wait(&self, at_most: Duration) {
        let due = {
            let mut life = self.life.lock();
            let until = life.ahead.first_key_value().map_or(i64::MAX, |(at, _)| *at);
            let at_most = i64::try_from(at_most.as_secs()).unwrap();
            let step = at_most.min(until - life.real_s).max(1);
            life.real_s += step;
            life.steady_s += step;
            self.turn(step);
            (life.real_s >= until).then(|| life.ahead.pop_first().unwrap().1)
        };
        self.work();
        if let Some(fault) = due {
            self.befall(fault);
            if matches!(fault, Fault::Cut(_)) {
                std::future::pending::<()>().await;
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Stops the service when it reads files, where that is wanted.
struct Hand(Arc<Computer>);

impl Monitor for Hand {
    fn start(&self, phase: Phase, _: Option<u64>, _: Option<u64>) {
        let mut life = self.0.life.lock();
        if phase == Phase::Backup && std::mem::take(&mut life.stop_in_run) {
            life.shutdown.stop();
        }
    }
    fn advance(&self, _: u64, _: u64) {}
    fn stored(&self, _: u64) {}
    fn notice(&self, _: Notice) {}
    fn finish(&self) {}
}

const SCHEDULE: &str = "30 2,12,19 * * *";
const PLAN: &str = "schedule = '30 2,12,19 * * *'\n";

/// A kit, and the repository that it opens.
async fn found(computer: &Computer, around: &Around) -> Kit {
    let kit = Kit::generate(&mut around.random()).unwrap();
    let settings = settings(&computer.place("home"));
    let finder = Finder {
        home: &settings.home,
        address: settings.repo.as_ref(),
        is_typed: false,
        s3: &settings.s3,
        upload_bytes_per_second: None,
        around,
    };
    let founding = Founding::begin(finder, None, Create::Folder).await.unwrap();
    let trial = founding.probe().await.unwrap();
    let public = kit.public().unwrap();
    let holders = Holders { public: &public, kit: Some(&kit), phrase: None, escrows: &[] };
    let founded = founding.accept(&trial).await.unwrap().make(holders).await.unwrap();
    let seat = founded.finish();
    *computer.repository.lock() = Some(seat.device.repository.clone());
    kit
}

fn settings(home: &Path) -> crate::config::Settings {
    resolve(&Overrides::default(), &Env::of([("SCELLE_HOME", home.to_str().unwrap())]), Lang::En).unwrap()
}

/// Lives through `days` from `begin`, with these faults at their hours since.
async fn live(begin: &str, days: i64, faults: &[(i64, Fault)], agent: &str) {
    let begin = Timestamp::parse(begin).unwrap();
    let computer = Arc::new(Computer::at(begin));
    computer.configure(&format!("{PLAN}{agent}"));
    let quiet = Around {
        clock: computer.clock.clone(),
        monitor: Arc::new(Silent),
        shutdown: Shutdown::default(),
        chance: Chance::system(),
    };
    let kit = found(&computer, &quiet).await;
    computer.life.lock().ahead = faults.iter().map(|(at, fault)| (*at, *fault)).collect();
    assert!(computer.life.lock().ahead.insert(days * DAY, Fault::End).is_none());

    let mut starts = 0;
    while !computer.life.lock().is_over {
        let shutdown = Shutdown::default();
        let off_s = {
            let mut life = computer.life.lock();
            life.shutdown = shutdown.clone();
            life.steady_s = 0;
            std::mem::take(&mut life.off_s)
        };
        computer.sleep(off_s);
        let around = Around { monitor: Arc::new(Hand(computer.clone())), shutdown, ..quiet.clone() };
        let home = computer.place("home");
        let again = Box::new(move || {
            resolve(&Overrides::default(), &Env::of([("SCELLE_HOME", home.to_str().unwrap())]), Lang::En)
        });
        let plans = Plans::of(again).unwrap();
        let backups = Backups { around: around.clone(), is_typed: false };
        let service = Service::open(plans, &backups, &*computer, &around, Supervisor::default()).unwrap();
        starts += 1;
        tokio::select! {
            () = service.run() => {}
            () = computer.cut.notified() => {}
        }
    }

    let closures = settings(&computer.place("home")).agent.closures;
    judge(&computer, &quiet, kit, begin, closures, starts, faults).await;
}

/// Each slot has exactly one record; everything that was stored can be read.
async fn judge(
    computer: &Computer,
    around: &Around,
    kit: Kit,
    begin: Timestamp,
    closures: Vec<Closure>,
    starts: u32,
    faults: &[(i64, Fault)],
) {
    let settings = settings(&computer.place("home"));
    let finder = Finder {
        home: &settings.home,
        address: settings.repo.as_ref(),
        is_typed: false,
        s3: &settings.s3,
        upload_bytes_per_second: None,
        around,
    };
    let found = finder.find(None).await.unwrap();
    let mut reading = Reading::open(found, Some(Unlock::Kit(kit)), Depth::Whole).await.unwrap();
    let mut named: BTreeMap<Timestamp, u32> = BTreeMap::new();
    let mut sorts: BTreeMap<String, u32> = BTreeMap::new();
    let rows = reading.bilans();
    for row in &rows {
        let run = reading.bilan(&row.id).await.unwrap().record.run;
        assert_ne!(run.trigger, Trigger::Manual);
        *sorts.entry(format!("{} {}", run.trigger, run.result)).or_default() += 1;
        match run.expected {
            Measured::Known(slot) => *named.entry(slot).or_default() += 1,
            _ => assert!(run.trigger == Trigger::CatchUp && run.result != RunResult::Missed),
        }
    }
    let timetable = Timetable::new(Cadence::parse(SCHEDULE).unwrap(), Zone::default(), closures);
    let slots = timetable.between(begin, computer.wall(), usize::MAX).slots;
    println!("slots {} · records {} {sorts:?} · starts {starts}", slots.len(), rows.len());
    println!("faults {:?}", computer.life.lock().fired);
    for slot in &slots {
        assert_eq!(named.get(slot), Some(&1), "{slot} ({})", timetable.zone().wall_time(*slot));
    }
    let beyond = named.iter().filter(|(slot, _)| !slots.contains(slot));
    beyond.for_each(|(slot, times)| assert_eq!((*times, *slot > computer.wall()), (1, true), "{slot}"));
    let fired = computer.life.lock().fired.clone();
    for (_, fault) in faults {
        assert!(fired.contains_key(fault.name()), "{fault:?} never happened");
    }
    let report = reading.check(ReadData::All).await.unwrap();
    assert_eq!(report.code(), ExitCode::Ok);
}

fn on_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work);
}

/// The hour of a day, in seconds since the beginning, which is midnight in Paris.
fn at(day: i64, hour: i64) -> i64 {
    (day - 1) * DAY + hour * HOUR
}

/// October 2026: the clocks are put back on the 25th.
#[test]
fn a_month_with_everything_that_befalls_a_computer_has_one_record_for_each_slot() {
    let faults = [
        (at(2, 20), Fault::Stopped(10 * HOUR)),
        (at(4, 11), Fault::Asleep(5 * HOUR)),
        (at(5, 12), Fault::StoppedInARun(2 * HOUR)),
        (at(7, 9), Fault::StoreAway(3 * DAY)),
        (at(11, 6), Fault::Cut(2 * DAY)),
        (at(14, 10), Fault::ClockSet(3 * HOUR)),
        (at(14, 15), Fault::ClockSet(-3 * HOUR)),
        (at(16, 12), Fault::Busy(3 * HOUR)),
        (at(18, 12), Fault::ClockSet(-2 * HOUR)),
        (at(18, 13), Fault::ClockSet(2 * HOUR)),
        (at(19, 8), Fault::Configured),
        (at(20, 8), Fault::Misconfigured),
        (at(20, 21), Fault::Configured),
        (at(22, 12), Fault::StoreAway(5 * MINUTE + 30 * MINUTE)),
        (at(25, 1), Fault::Asleep(90 * MINUTE)),
        (at(27, 14), Fault::Stopped(3 * DAY)),
    ];
    on_runtime(live("2026-09-30T22:00:00Z", 31, &faults, ""));
}

/// March 2027: the clocks are put forward on the 28th; the practice is closed for a few days, and once the clock is a year ahead.
#[test]
fn a_spring_with_a_closure_and_a_clock_a_year_ahead_has_one_record_for_each_slot() {
    let faults = [
        (at(3, 14), Fault::ClockSet(YEAR)),
        (at(3, 15), Fault::ClockSet(-YEAR)),
        (at(9, 10), Fault::Stopped(3 * DAY)),
        (at(14, 1), Fault::Asleep(4 * DAY)),
        (at(28, 1), Fault::Cut(90 * MINUTE)),
    ];
    let agent = "[agent]\nclosures = ['2027-03-11/2027-03-15']\njitter_minutes = 20\n";
    on_runtime(live("2027-02-28T23:00:00Z", 31, &faults, agent));
}
