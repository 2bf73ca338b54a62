//! A computer for [`super`]: its clock, its folders, and what befalls it.
//!
//! It is the pace of the service: time goes by when the service waits, and faults happen in between. Never: real time.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use scelle_core::clock::{Clock as _, FixedClock, now};
use scelle_core::monitor::{Monitor, Notice, Phase};
use scelle_core::repo::state::State;
use scelle_core::shutdown::Shutdown;
use scelle_format::id::RepositoryId;
use scelle_format::timestamp::Timestamp;
use tokio::sync::Notify;

use super::{HOUR, PLAN};
use crate::service::Pace;

/// What befalls a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
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
    pub fn name(self) -> &'static str {
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
pub struct Computer {
    folder: tempfile::TempDir,
    pub clock: Arc<FixedClock>,
    pub repository: Mutex<Option<RepositoryId>>,
    pub life: Mutex<Life>,
    pub cut: Notify,
}

#[derive(Default)]
pub struct Life {
    /// Seconds that really went by.
    real_s: i64,
    /// Of these, since the service began and while the computer did not sleep.
    pub steady_s: i64,
    /// What is to come, by real time.
    pub ahead: BTreeMap<i64, Fault>,
    pub fired: BTreeMap<&'static str, u32>,
    pub shutdown: Shutdown,
    pub off_s: i64,
    stop_in_run: bool,
    pub is_over: bool,
    held: Option<State>,
    written: u32,
}

impl Computer {
    pub fn at(begin: Timestamp) -> Self {
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

    pub fn place(&self, name: &str) -> PathBuf {
        std::path::absolute(self.folder.path().join(name)).unwrap()
    }

    pub fn configure(&self, plan: &str) {
        let text = format!(
            "[repository]\nurl = 'file://{}'\n[[plan]]\nname = 'cabinet'\npaths = ['{}']\n{plan}",
            self.place("depot").display(),
            self.place("cabinet").display()
        );
        fs::write(self.place("home").join("config.toml"), text).unwrap();
    }

    pub fn wall(&self) -> Timestamp {
        now(&*self.clock)
    }

    fn turn(&self, seconds: i64) {
        let now = self.clock.now();
        let by = Duration::from_secs(seconds.unsigned_abs());
        self.clock.set(if seconds < 0 { now - by } else { now + by });
    }

    /// Time goes by without the service, which is off or asleep.
    pub fn sleep(&self, seconds: i64) {
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
pub struct Hand(pub Arc<Computer>);

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
