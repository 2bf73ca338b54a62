//! How the practice stands: protected, to look at, not protected, or unknown.
//!
//! From the bilans that this computer has, in the order in which it wrote them, and the plans' timetables to one light and its
//! exit code, without a store. A light is never better than that of the newest bilan, or of the newest of any set that is saved; a
//! plan whose times went by without a good run is worse than its last bilan was. Never: believes that silence is well, or a clock
//! more than the order of notes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use scelle_format::id::DeviceId;
use scelle_format::ledger::NoteKind;
use scelle_format::report::{Light, Trigger};
use scelle_format::timestamp::Timestamp;

use super::instance::Instance;
use super::reading::Reading;
use super::roots::set_of;
use super::whereabouts::Finder;
use crate::bilan::Row;
use crate::clock::now;
use crate::error::ExitCode;
use crate::repo::ledger::history::History;
use crate::schedule::Timetable;

/// A run that answers a slot may take so long before its bilan is looked for, in seconds.
const RUN_S: i64 = 3600;
/// Slots that are counted.
const MISSED_MAX: usize = 1000;
/// Without a timetable nobody has said when a backup is due: over a long weekend it may be so old, in seconds, then amber, then red.
const OLD_S: i64 = 4 * 86_400;
const TOO_OLD_S: i64 = 14 * 86_400;
/// A bilan whose clock was so far ahead of today's, in seconds, says nothing about how old it is.
const AHEAD_S: i64 = 2 * 3600;

/// A plan, as far as its standing depends on it.
pub struct PlanLooked<'a> {
    /// Its folders.
    pub paths: &'a [PathBuf],
    /// When; `None` where nobody said.
    pub timetable: Option<Timetable>,
    /// A run begins at most so many seconds after its slot.
    pub delay_s: u32,
}

/// How a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStanding {
    /// When its newest snapshot had its bilan.
    pub last_good: Option<Timestamp>,
    /// Slots since then that went by without one.
    pub missed: u64,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// The light of its newest bilan, or worse: amber where one slot went by, red where two did or it was never saved; without
    /// times amber after four days and red after fourteen.
    pub light: Light,
}

/// How folders stand that belong to no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestStanding {
    /// The worst of them.
    pub light: Light,
    /// The bilan that says so; `None` where it is their age.
    pub bilan: Option<String>,
}

/// How the practice stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeStanding {
    /// The newest bilan: when, and its light.
    pub newest: Option<(Timestamp, Light)>,
    /// The worst of what was saved and belongs to no plan.
    pub rest: Option<RestStanding>,
    /// Each plan; none where this computer is no part of a repository, or has no copies of its bilans.
    pub plans: Vec<PlanStanding>,
    /// Whether a service runs.
    pub has_service: bool,
    /// Whether plans have times and nothing runs that would keep them.
    pub is_idle: bool,
}

impl Finder<'_> {
    /// How the practice stands with these plans, from the copies that this computer has: no store is asked.
    pub async fn standing(&self, plans: &[PlanLooked<'_>]) -> PracticeStanding {
        let has_service = Instance::is_taken(self.home);
        let Some((reading, known)) = self.own_copies().await.zip(self.known_offline()) else {
            return PracticeStanding { has_service, ..PracticeStanding::default() };
        };
        let set = |plan: &PlanLooked<'_>| set_of(&known.device, plan.paths).unwrap_or_default();
        let plans: Vec<_> = plans.iter().map(|plan| (set(plan), plan)).collect();
        let mut rows = own_rows(reading.bilans(), &known.device.id);
        forget_retired(&mut rows, &reading.repository.history, &known.device.id, &plans);
        let mut standing = PracticeStanding::of(&rows, &plans, has_service, now(&*self.around.clock));
        if standing.is_idle {
            standing.is_idle = !is_started_by_others(&reading, &rows, &plans).await;
        }
        standing
    }
}

/// The bilans of a device in the order in which it wrote them, whatever its clock said; those kept back are the newest.
fn own_rows(rows: Vec<Row>, device: &DeviceId) -> Vec<Row> {
    let own = device.as_str().get(..8).unwrap_or_default();
    let mut rows: Vec<Row> = rows.into_iter().filter(|row| row.id.starts_with(own)).collect();
    rows.sort_by_key(|row| (row.sequence.is_none(), row.sequence, row.time));
    rows
}

/// Leaves out what is saved no more: a set that no plan names and whose newest bilan somebody has acknowledged.
fn forget_retired(
    rows: &mut Vec<Row>,
    history: &History,
    device: &DeviceId,
    plans: &[(String, &PlanLooked<'_>)],
) {
    let acknowledged: BTreeSet<(u64, &str)> = history
        .device(device)
        .into_iter()
        .flat_map(|chain| &chain.notes)
        .filter_map(|row| match &row.note.kind {
            NoteKind::Acknowledge { bilan, set, .. } => Some((*bilan, set.as_str())),
            _ => None,
        })
        .collect();
    let mut newest: BTreeMap<&String, &Row> = BTreeMap::new();
    newest.extend(rows.iter().filter_map(|row| Some((row.set.as_ref()?, row))));
    let is_over = |(set, row): &(&String, &Row)| {
        let number = row.sequence.filter(|_| plans.iter().all(|(plan, _)| plan != *set));
        number.is_some_and(|number| acknowledged.contains(&(number, set.as_str())))
    };
    let retired: BTreeSet<String> = newest.into_iter().filter(is_over).map(|(set, _)| set.clone()).collect();
    let is_left = |row: &Row| row.set.as_ref().is_none_or(|set| !retired.contains(set));
    // Where nothing else was ever saved, it is told as it is.
    if rows.iter().any(is_left) {
        rows.retain(is_left);
    }
}

/// Whether the newest run of each plan that has times was started by the system's scheduler.
async fn is_started_by_others(reading: &Reading, rows: &[Row], plans: &[(String, &PlanLooked<'_>)]) -> bool {
    for (set, _) in plans.iter().filter(|(_, plan)| plan.timetable.is_some()) {
        let Some(last) = rows.iter().rev().find(|row| row.set.as_ref() == Some(set)) else { return false };
        match reading.bilan(&last.id).await {
            Ok(loaded) if loaded.record.run.trigger == Trigger::Scheduled => {}
            _ => return false,
        }
    }
    true
}

impl PracticeStanding {
    /// From the bilans of this computer, in the order in which it wrote them, and plans with their sets.
    fn of(rows: &[Row], plans: &[(String, &PlanLooked<'_>)], has_service: bool, now: Timestamp) -> Self {
        let newest = rows.last().map(|row| (row.time, row.status));
        let rest = others(rows, plans, now);
        let plans: Vec<PlanStanding> =
            plans.iter().map(|(set, plan)| plan.standing(set, rows, now)).collect();
        let is_idle = !has_service && plans.iter().any(|plan| plan.next.is_some());
        Self { newest, plans, rest, has_service, is_idle }
    }

    /// The one light: the worst of all. Grey where there is no bilan at all and no plan that should have one.
    pub fn overall(&self) -> Light {
        let newest = self.newest.map(|(_, light)| light);
        let plans = self.plans.iter().map(|plan| plan.light);
        let (rest, idle) = (self.rest.as_ref().map(|rest| rest.light), self.is_idle.then_some(Light::Amber));
        worst(newest.into_iter().chain(plans).chain(rest).chain(idle)).unwrap_or(Light::Grey)
    }

    /// The exit code of the one light.
    pub fn exit(&self) -> ExitCode {
        match self.overall() {
            Light::Green => ExitCode::PROTECTED,
            Light::Amber => ExitCode::TO_LOOK_AT,
            Light::Red => ExitCode::NOT_PROTECTED,
            Light::Grey => ExitCode::UNKNOWN,
        }
    }
}

/// Sets that no plan names: of each that was ever saved the newest bilan. Where there are plans only red counts, so that what was
/// saved once by hand is not to be looked at for ever; where there are none, age does too.
fn others(rows: &[Row], plans: &[(String, &PlanLooked<'_>)], now: Timestamp) -> Option<RestStanding> {
    let mut last: BTreeMap<&String, &Row> = BTreeMap::new();
    let mut saved: BTreeSet<&String> = BTreeSet::new();
    for row in rows {
        let Some(set) = row.set.as_ref().filter(|set| plans.iter().all(|(plan, _)| plan != *set)) else {
            continue;
        };
        last.insert(set, row);
        if row.snapshot.is_some() {
            saved.insert(set);
        }
    }
    let told = |row: &Row| RestStanding { light: row.status, bilan: Some(row.id.clone()) };
    let standings = last.into_iter().filter(|(set, _)| saved.contains(set)).map(|(_, row)| told(row));
    let light = |standing: &RestStanding| standing.light;
    match plans.is_empty() {
        true => {
            let newest = rows.iter().rev().find(|row| row.snapshot.is_some());
            let age = newest.map(|row| RestStanding { light: by_age(row.time, now), bilan: None });
            age.into_iter().chain(standings).max_by_key(light)
        }
        false => standings.filter(|standing| standing.light == Light::Red).max_by_key(light),
    }
}

/// How a last good run stands whose like nobody has said a time for.
fn by_age(last: Timestamp, now: Timestamp) -> Light {
    match now.0 - last.0 {
        TOO_OLD_S.. => Light::Red,
        OLD_S.. => Light::Amber,
        _ => Light::Green,
    }
}

impl PlanLooked<'_> {
    fn standing(&self, set: &String, rows: &[Row], now: Timestamp) -> PlanStanding {
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.set.as_ref() == Some(set)).collect();
        let good = of_it.iter().rev().find(|row| row.snapshot.is_some());
        // What a clock wrote that was ahead does not say how old it is: the one before does.
        let is_past = |row: &&&Row| row.snapshot.is_some() && row.time.0 <= now.0 + AHEAD_S;
        let since = of_it.iter().rev().find(is_past);
        let due = Timestamp(now.0 - RUN_S - i64::from(self.delay_s));
        let missed = match (since, &self.timetable) {
            (Some(since), Some(timetable)) => {
                let between = timetable.between(since.time, due, MISSED_MAX);
                between.slots.len() as u64 + between.older
            }
            _ => 0,
        };
        let late = match (good, since, missed) {
            (None, ..) | (_, _, 2..) => Light::Red,
            (_, None, _) | (_, _, 1) => Light::Amber,
            (_, Some(since), _) if self.timetable.is_none() => by_age(since.time, now),
            _ => Light::Green,
        };
        let last = of_it.last().map(|row| row.status);
        PlanStanding {
            last_good: good.map(|good| good.time),
            missed,
            next: self.timetable.as_ref().and_then(|timetable| timetable.next(now)),
            light: worst(last.into_iter().chain([late])).unwrap_or(Light::Grey),
        }
    }
}

/// Red before grey before amber before green.
fn worst(lights: impl Iterator<Item = Light>) -> Option<Light> {
    lights.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Cadence, Zone};

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn row(number: u64, set: &str, at: &str, status: Light, snapshot: Option<u64>) -> Row {
        let id = format!("77777777-{number}");
        let (kind, set) = ("backup".to_owned(), Some(set.to_owned()));
        Row { id, kind, time: time(at), status, snapshot, set, sequence: Some(number), plan: None }
    }

    fn timed(cadence: &str) -> PlanLooked<'static> {
        let timetable = Timetable::new(Cadence::parse(cadence).unwrap(), Zone::default(), vec![]);
        PlanLooked { paths: &[], timetable: Some(timetable), delay_s: 300 }
    }

    const UNTIMED: PlanLooked<'static> = PlanLooked { paths: &[], timetable: None, delay_s: 300 };
    const EVENING: &str = "2026-11-20T19:10:00Z";

    fn light(rows: &[Row], plans: &[(&str, &PlanLooked<'_>)], now: &str) -> Light {
        let device = DeviceId::parse(&"7".repeat(16)).unwrap();
        let plans: Vec<_> = plans.iter().map(|(set, plan)| ((*set).to_owned(), *plan)).collect();
        PracticeStanding::of(&own_rows(rows.to_vec(), &device), &plans, true, time(now)).overall()
    }

    #[test]
    fn times_that_went_by_make_it_worse_than_the_last_bilan() {
        let plan = timed("0 20 * * *");
        let good = [row(7, "docs", EVENING, Light::Green, Some(3))];
        for (now, expected) in [
            ("2026-11-20T19:11:00Z", Light::Green),
            // The run of this evening may still go on.
            ("2026-11-21T20:00:00Z", Light::Green),
            ("2026-11-21T20:06:00Z", Light::Amber),
            ("2026-11-22T20:06:00Z", Light::Red),
            ("2027-11-22T20:06:00Z", Light::Red),
        ] {
            assert_eq!(light(&good, &[("docs", &plan)], now), expected, "{now}");
        }
        let now = "2026-11-20T19:11:00Z";
        let light = |row| light(&[row], &[("docs", &plan)], now);
        assert_eq!(light(row(7, "docs", EVENING, Light::Amber, Some(3))), Light::Amber);
        assert_eq!(light(row(7, "docs", EVENING, Light::Green, None)), Light::Red, "never saved");
    }

    #[test]
    fn another_computers_bilans_do_not_count() {
        let good = row(7, "docs", EVENING, Light::Green, Some(3));
        let elsewhere = Row { id: "00000000-9".to_owned(), ..row(9, "docs", EVENING, Light::Red, None) };
        assert_eq!(light(&[good, elsewhere], &[("docs", &UNTIMED)], EVENING), Light::Green);
    }

    #[test]
    fn a_plan_that_fails_is_not_hidden_by_another_that_does_not() {
        let plans = [("docs", &UNTIMED), ("img", &UNTIMED)];
        let failed = row(7, "docs", EVENING, Light::Red, None);
        let good = |number, set| row(number, set, EVENING, Light::Green, Some(number));
        assert_eq!(light(&[good(5, "docs"), failed.clone(), good(8, "img")], &plans, EVENING), Light::Red);
        assert_eq!(
            light(&[good(5, "img"), failed, good(8, "docs"), good(9, "img")], &plans, EVENING),
            Light::Green
        );
    }

    #[test]
    fn what_belongs_to_no_plan_is_not_hidden_either() {
        let emptied = row(7, "docs", EVENING, Light::Red, Some(7));
        let good = row(8, "img", EVENING, Light::Green, Some(8));
        assert_eq!(light(&[emptied.clone(), good.clone()], &[], EVENING), Light::Red);
        assert_eq!(light(&[emptied, good.clone()], &[("img", &UNTIMED)], EVENING), Light::Red);
        // Of what was mistyped once there is nothing to be saved.
        let mistyped = row(7, "typo", EVENING, Light::Red, None);
        assert_eq!(light(&[mistyped, good], &[("img", &UNTIMED)], EVENING), Light::Green);
    }

    #[test]
    fn a_wrong_clock_hides_nothing() {
        let plan = timed("0 20 * * *");
        let plans = [("docs", &plan)];
        let good = row(5, "docs", EVENING, Light::Green, Some(3));
        let ahead = row(6, "docs", "2027-03-01T19:10:00Z", Light::Green, Some(4));
        let lost = row(7, "docs", "2026-11-21T19:10:00Z", Light::Red, Some(5));
        assert_eq!(light(&[good.clone(), ahead.clone(), lost], &plans, "2026-11-21T19:11:00Z"), Light::Red);
        // The backups stopped after it.
        assert_eq!(light(&[good.clone(), ahead.clone()], &plans, "2026-11-23T20:06:00Z"), Light::Red);
        assert_eq!(light(&[ahead], &plans, "2026-11-23T20:06:00Z"), Light::Amber, "nobody knows how old");
        let behind = row(6, "docs", "2026-11-01T19:10:00Z", Light::Red, None);
        assert_eq!(light(&[good.clone(), behind], &plans, "2026-11-20T19:11:00Z"), Light::Red);
        let kept = Row { sequence: None, ..row(6, "docs", "2026-11-01T19:10:00Z", Light::Red, None) };
        assert_eq!(light(&[kept, good], &plans, "2026-11-20T19:11:00Z"), Light::Red);
    }

    #[test]
    fn without_times_it_is_old_some_day() {
        let good = [row(7, "docs", EVENING, Light::Green, Some(3))];
        for plans in [&[("docs", &UNTIMED)][..], &[]] {
            for (now, expected) in [
                ("2026-11-24T19:00:00Z", Light::Green),
                ("2026-11-25T19:00:00Z", Light::Amber),
                ("2026-12-05T19:00:00Z", Light::Red),
            ] {
                assert_eq!(light(&good, plans, now), expected, "{now}");
            }
        }
    }

    #[test]
    fn each_light_has_its_exit_code() {
        let unknown = PracticeStanding::of(&[], &[], false, time(EVENING));
        assert_eq!((unknown.overall(), unknown.exit().number()), (Light::Grey, 3));
        let codes = [Light::Green, Light::Amber, Light::Red].map(|light| {
            PracticeStanding { newest: Some((time(EVENING), light)), ..PracticeStanding::default() }
                .exit()
                .number()
        });
        assert_eq!(codes, [0, 1, 2]);
        let plan = timed("0 20 * * *");
        let plans = [("docs".to_owned(), &plan)];
        assert!(PracticeStanding::of(&[], &plans, false, time(EVENING)).is_idle);
    }
}
