//! How the practice stands: protected, to look at, not protected, or unknown.
//!
//! From the bilans that this computer has and the plans' timetables to one light and its exit code, without a store. A light is never better than
//! that of the newest bilan, and a plan whose times went by without a good run is worse than its last bilan was. Never: believes
//! that silence is well.

use std::path::PathBuf;

use scelle_format::id::DeviceId;
use scelle_format::report::Light;
use scelle_format::timestamp::Timestamp;

use super::instance::Instance;
use super::roots::set_of;
use super::whereabouts::Finder;
use crate::bilan::Row;
use crate::clock::now;
use crate::error::ExitCode;
use crate::schedule::Timetable;

/// A run that answers a slot may take so long before its bilan is looked for, in seconds.
const RUN_S: i64 = 3600;
/// Slots that are counted.
const MISSED_MAX: usize = 1000;

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
    /// The light of that bilan, or worse: amber where one slot went by, red where two did or it was never saved.
    pub light: Light,
}

/// How the practice stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeStanding {
    /// The newest bilan: when, and its light.
    pub newest: Option<(Timestamp, Light)>,
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
        PracticeStanding::of(
            &reading.bilans(),
            &known.device.id,
            &plans,
            has_service,
            now(&*self.around.clock),
        )
    }
}

impl PracticeStanding {
    /// From the bilans of a repository, oldest first, of which those of `device` count, and plans with their sets.
    fn of(
        rows: &[Row],
        device: &DeviceId,
        plans: &[(String, &PlanLooked<'_>)],
        has_service: bool,
        now: Timestamp,
    ) -> Self {
        let own = device.as_str().get(..8).unwrap_or_default();
        let rows: Vec<&Row> = rows.iter().filter(|row| row.id.starts_with(own)).collect();
        let newest = rows.iter().max_by_key(|row| row.time).map(|row| (row.time, row.status));
        let plans: Vec<PlanStanding> =
            plans.iter().map(|(set, plan)| plan.standing(set, &rows, now)).collect();
        let is_idle = !has_service && plans.iter().any(|plan| plan.next.is_some());
        Self { newest, plans, has_service, is_idle }
    }

    /// The one light: the worst of all. Grey where there is no bilan at all and no plan that should have one.
    pub fn overall(&self) -> Light {
        let newest = self.newest.map(|(_, light)| light);
        let plans = self.plans.iter().map(|plan| plan.light);
        let idle = self.is_idle.then_some(Light::Amber);
        worst(newest.into_iter().chain(plans).chain(idle)).unwrap_or(Light::Grey)
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

impl PlanLooked<'_> {
    fn standing(&self, set: &String, rows: &[&Row], now: Timestamp) -> PlanStanding {
        let good = rows.iter().rev().find(|row| row.snapshot.is_some() && row.set.as_ref() == Some(set));
        let due = Timestamp(now.0 - RUN_S - i64::from(self.delay_s));
        let missed = match (good, &self.timetable) {
            (Some(good), Some(timetable)) => {
                let between = timetable.between(good.time, due, MISSED_MAX);
                between.slots.len() as u64 + between.older
            }
            _ => 0,
        };
        let late = match (good, missed) {
            (None, _) | (_, 2..) => Light::Red,
            (_, 1) => Light::Amber,
            _ => Light::Green,
        };
        let last = good.map(|good| good.status);
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

    #[test]
    fn times_that_went_by_make_it_worse_than_the_last_bilan() {
        let device = DeviceId::parse(&"7".repeat(16)).unwrap();
        let time = |text: &str| Timestamp::parse(text).unwrap();
        let timetable = Timetable::new(Cadence::parse("0 20 * * *").unwrap(), Zone::default(), vec![]);
        let plan = PlanLooked { paths: &[], timetable: Some(timetable), delay_s: 300 };
        let plans = [("cabinet".to_owned(), &plan)];
        let row = |status, snapshot: Option<u64>| Row {
            id: "77777777-7".to_owned(),
            kind: "backup".to_owned(),
            time: time("2026-11-20T19:10:00Z"),
            status,
            snapshot,
            set: snapshot.map(|_| "cabinet".to_owned()),
            plan: None,
        };
        let light =
            |rows: &[Row], now: &str| PracticeStanding::of(rows, &device, &plans, true, time(now)).overall();
        let good = [row(Light::Green, Some(3))];
        for (now, expected) in [
            ("2026-11-20T19:11:00Z", Light::Green),
            // The run of this evening may still go on.
            ("2026-11-21T20:00:00Z", Light::Green),
            ("2026-11-21T20:06:00Z", Light::Amber),
            ("2026-11-22T20:06:00Z", Light::Red),
            ("2027-11-22T20:06:00Z", Light::Red),
        ] {
            assert_eq!(light(&good, now), expected, "{now}");
        }
        let now = "2026-11-20T19:11:00Z";
        assert_eq!(light(&[row(Light::Amber, Some(3))], now), Light::Amber);
        assert_eq!(light(&[row(Light::Green, None)], now), Light::Red, "never saved");
        let elsewhere = Row { id: "00000000-9".to_owned(), ..row(Light::Red, None) };
        assert_eq!(light(&[good[0].clone(), elsewhere], now), Light::Green, "another computer's");
        assert!(PracticeStanding::of(&good, &device, &plans, false, time(now)).is_idle);
        let unknown = PracticeStanding::of(&[], &device, &[], false, time(now));
        assert_eq!((unknown.overall(), unknown.exit().number()), (Light::Grey, 3));
        let codes = [Light::Green, Light::Amber, Light::Red].map(|light| {
            PracticeStanding { newest: Some((time(now), light)), ..PracticeStanding::default() }
                .exit()
                .number()
        });
        assert_eq!(codes, [0, 1, 2]);
    }
}
