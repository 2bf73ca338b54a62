//! Months of the real service, with a clock that a test turns: real backups of ten small files to a folder, while the computer is
//! switched off, sleeps, loses its store and has its clock set.
//!
//! What must come of it: each slot of the plan has exactly one record that names it. Printed: slots, records, faults.

pub(super) mod computer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use scelle_core::around::Around;
use scelle_core::chance::Chance;
use scelle_core::connect::Create;
use scelle_core::error::ExitCode;
use scelle_core::monitor::Silent;
use scelle_core::repo::create::Holders;
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::run::{Depth, Founding, Reading};
use scelle_core::schedule::{Cadence, Closure, Timetable, Zone};
use scelle_core::shutdown::Shutdown;
use scelle_core::verify::ReadData;
use scelle_format::kit::Kit;
use scelle_format::report::{Measured, RunResult, Trigger};
use scelle_format::timestamp::Timestamp;
use scelle_view::words::Lang;

use self::computer::{Computer, Fault, Hand};
use super::{Agenda, Backups, Service, Supervisor};
use crate::config::{Env, Overrides, resolve};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

const SCHEDULE: &str = "30 2,12,19 * * *";
pub(super) const PLAN: &str = "schedule = '30 2,12,19 * * *'\n";

/// A kit, and the repository that it opens.
pub(super) async fn found(computer: &Computer, around: &Around) -> Kit {
    let kit = Kit::generate(&mut around.random()).unwrap();
    let settings = settings(&computer.place("home"));
    let finder = settings.finder(around);
    let founding = Founding::begin(finder, None, Create::Folder).await.unwrap();
    let trial = founding.probe().await.unwrap();
    let public = kit.public().unwrap();
    let holders = Holders { public: &public, kit: Some(&kit), phrase: None, escrows: &[] };
    let founded = founding.accept(&trial).await.unwrap().make(holders).await.unwrap();
    let seat = founded.finish();
    *computer.repository.lock() = Some(seat.device.repository.clone());
    kit
}

pub(super) fn settings(home: &Path) -> crate::config::Settings {
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
        let plans = Agenda::of(again).unwrap();
        let backups = Backups { around: around.clone() };
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
    let finder = settings.finder(around);
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

pub(super) fn on_runtime(work: impl Future<Output = ()>) {
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
        (at(14, 11), Fault::ClockSet(-3 * HOUR)),
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
