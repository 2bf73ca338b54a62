//! Slots against a count of every minute, over ten years of Paris time.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use scelle_format::timestamp::Timestamp;

use super::{Cadence, Closure, Timetable, Zone};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600;
const TEN_YEARS: i64 = 3652 * DAY;

/// A cron text as sets of numbers, from which both the text and the answer are made.
#[derive(Clone, Debug)]
struct Fields {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    days: BTreeSet<i8>,
    weekdays: BTreeSet<i8>,
}

impl Fields {
    fn text(&self) -> String {
        let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        let list = |numbers: &BTreeSet<i8>| numbers.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
        let days = if self.days.is_empty() { "*".to_owned() } else { list(&self.days) };
        let weekdays: Vec<_> = self.weekdays.iter().map(|&day| names[day as usize]).collect();
        let weekdays = if weekdays.is_empty() { "*".to_owned() } else { weekdays.join(",") };
        format!("{} {} {days} * {weekdays}", list(&self.minutes), list(&self.hours))
    }

    fn names(&self, at: DateTime) -> bool {
        let weekday = at.date().weekday().to_sunday_zero_offset();
        self.minutes.contains(&at.minute())
            && self.hours.contains(&at.hour())
            && (self.days.is_empty() || self.days.contains(&at.day()))
            && (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
    }

    /// The slots of a stretch, by looking at a clock on the wall each minute: a wall time is served when the clock first shows it
    /// or a later one, whatever it shows afterwards.
    fn slots(&self, zone: &Zone, closures: &[Closure], from: i64, to: i64) -> Vec<i64> {
        let is_open = |at: DateTime| !closures.iter().any(|closure| closure.has(at.date()));
        let mut latest = zone.wall_time(Timestamp(from - 2 * DAY));
        let mut slots = Vec::new();
        for moment in (from - 2 * DAY..to).step_by(MINUTE as usize) {
            let shown = zone.wall_time(Timestamp(moment));
            let mut is_slot = false;
            while latest < shown {
                latest = latest.checked_add(jiff::Span::new().minutes(1)).unwrap();
                is_slot |= self.names(latest) && is_open(latest) && is_open(shown);
            }
            if is_slot && moment >= from {
                slots.push(moment);
            }
        }
        slots
    }
}

fn some(of: std::ops::Range<i8>, least: usize, most: usize) -> impl Strategy<Value = BTreeSet<i8>> {
    proptest::collection::btree_set(of, least..=most)
}

fn fields() -> impl Strategy<Value = Fields> {
    // Small hours come often: that is when clocks are put forward and back.
    let hours = prop_oneof![some(0..24, 1, 6), some(0..5, 1, 4)];
    let days = prop_oneof![2 => Just(BTreeSet::new()), 1 => some(1..32, 1, 12)];
    let weekdays = prop_oneof![Just(BTreeSet::new()), some(0..7, 1, 7)];
    (some(0..60, 1, 8), hours, days, weekdays).prop_map(|(minutes, hours, days, weekdays)| Fields {
        minutes,
        hours,
        days,
        weekdays,
    })
}

/// Days on which Paris changes its clocks, from 2026 to 2035.
fn changes(zone: &Zone) -> Vec<i64> {
    let offset = |moment| zone.wall_time(Timestamp(moment)).hour();
    let noons = (0..TEN_YEARS / DAY).map(|day| BEGIN + day * DAY + DAY / 2);
    noons.filter(|&noon| offset(noon) != offset(noon - DAY)).map(|noon| noon - DAY / 2).collect()
}

fn walked(timetable: &Timetable, from: i64, to: i64) -> Vec<i64> {
    let next = |after: i64| timetable.next(Timestamp(after)).map(|slot| slot.0).filter(|slot| *slot < to);
    std::iter::successors(next(from - 1), |&slot| next(slot)).collect()
}

#[test]
fn every_slot_of_ten_years_comes_once() {
    let zone = Zone::default();
    assert_eq!(changes(&zone).len(), 20);
    // The hours that do not exist, those that come twice, and an ordinary plan with a closure each August.
    let set = |numbers: &[i8]| numbers.iter().copied().collect();
    let (every_day, every_weekday) = (BTreeSet::new(), BTreeSet::new());
    let small_hours = Fields {
        minutes: set(&[0, 15, 45]),
        hours: set(&[1, 2, 3]),
        days: every_day.clone(),
        weekdays: every_weekday,
    };
    let ordinary = Fields {
        minutes: set(&[30]),
        hours: set(&[12, 19]),
        days: every_day,
        weekdays: set(&[1, 2, 3, 4, 5, 6]),
    };
    let augusts: Vec<Closure> =
        (2026..2036).map(|year| Closure::parse(&format!("{year}-08-01/{year}-08-21")).unwrap()).collect();
    for (fields, closures) in [(small_hours, vec![]), (ordinary, augusts)] {
        let cadence = Cadence::parse(&fields.text()).unwrap();
        let timetable = Timetable::new(cadence, zone.clone(), closures.clone());
        let slots = walked(&timetable, BEGIN, BEGIN + TEN_YEARS);
        assert_eq!(slots, fields.slots(&zone, &closures, BEGIN, BEGIN + TEN_YEARS));
        assert!(slots.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn a_system_without_zones_knows_paris() {
    let (known, rule) = (Zone::default(), Zone::by_rule());
    for moment in (BEGIN..BEGIN + TEN_YEARS).step_by(1800) {
        assert_eq!(known.wall_time(Timestamp(moment)), rule.wall_time(Timestamp(moment)));
    }
}

#[test]
fn a_wall_time_that_does_not_exist_and_one_that_comes_twice_have_one_slot_each() {
    let timetable = |text| Timetable::new(Cadence::parse(text).unwrap(), Zone::default(), vec![]);
    let utc = |text: &str| Timestamp::parse(text).unwrap();
    // 29 March 2026: 2:00 to 3:00 does not exist. 25 October: it comes twice.
    let spring = timetable("30 2 * * *").next(utc("2026-03-28T12:00:00Z"));
    assert_eq!(spring, Some(utc("2026-03-29T01:00:00Z")));
    let autumn = timetable("30 2 * * *");
    let first = autumn.next(utc("2026-10-24T12:00:00Z")).unwrap();
    assert_eq!(first, utc("2026-10-25T00:30:00Z"));
    assert_eq!(autumn.next(first), Some(utc("2026-10-26T01:30:00Z")));
    // Three wall times of the missing hour are one moment.
    let three = timetable("0,20,40 2 29 3 *");
    let moment = three.next(utc("2026-03-28T12:00:00Z")).unwrap();
    assert_eq!(three.between(Timestamp(moment.0 - DAY), Timestamp(moment.0 + DAY), 9).slots, [moment]);
}

#[test]
fn a_zone_whose_clocks_jump_at_midnight_or_leave_a_day_out_keeps_the_rules() {
    for (name, from) in
        [("Asia/Beirut", "2026-03-01"), ("Australia/Lord_Howe", "2026-03-20"), ("Pacific/Apia", "2011-12-20")]
    {
        let zone = Zone::named(name).unwrap();
        let every = Fields {
            minutes: [0, 10].into(),
            hours: (0..24).collect(),
            days: BTreeSet::new(),
            weekdays: BTreeSet::new(),
        };
        let from = Timestamp::parse(&format!("{from}T00:00:00Z")).unwrap().0;
        let timetable = Timetable::new(Cadence::parse(&every.text()).unwrap(), zone.clone(), vec![]);
        assert_eq!(
            walked(&timetable, from, from + 40 * DAY),
            every.slots(&zone, &[], from, from + 40 * DAY),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the cadence: around each change of the clocks and beyond, with a closure somewhere.
    #[test]
    fn any_cadence_has_the_slots_that_a_clock_on_the_wall_shows(
        fields in fields(),
        change in 0_usize..20,
        before in 0_i64..20,
        closed in proptest::option::of((0_i64..30, 0_i64..12)),
    ) {
        let zone = Zone::default();
        let from = changes(&zone)[change] - before * DAY;
        let to = from + 30 * DAY;
        let closures: Vec<Closure> = closed.into_iter().map(|(day, days)| {
            let first = zone.wall_time(Timestamp(from + day * DAY)).date();
            let last = zone.wall_time(Timestamp(from + (day + days) * DAY)).date();
            Closure::parse(&format!("{first}/{last}")).unwrap()
        }).collect();
        // A cadence that never comes is none.
        let Some(cadence) = Cadence::parse(&fields.text()) else { return Ok(()) };
        let timetable = Timetable::new(cadence, zone.clone(), closures.clone());
        prop_assert_eq!(walked(&timetable, from, to), fields.slots(&zone, &closures, from, to));
    }

    /// What is asked for in pieces is what is asked for at once.
    #[test]
    fn slots_between_are_the_slots_one_after_the_other(fields in fields(), from in 0_i64..TEN_YEARS, most in 1_usize..40) {
        let Some(cadence) = Cadence::parse(&fields.text()) else { return Ok(()) };
        let timetable = Timetable::new(cadence, Zone::default(), vec![]);
        let (from, to) = (BEGIN + from, BEGIN + from + 20 * DAY);
        let all = walked(&timetable, from + 1, to + 1);
        let between = timetable.between(Timestamp(from), Timestamp(to), most);
        let kept: Vec<i64> = between.slots.iter().map(|slot| slot.0).collect();
        prop_assert_eq!(&kept[..], &all[all.len().saturating_sub(most)..]);
        prop_assert_eq!(between.older, all.len().saturating_sub(most) as u64);
    }
}

#[test]
fn the_last_year_of_the_calendar_ends_it() {
    let yearly = Timetable::new(Cadence::parse("0 0 1 1 *").unwrap(), Zone::default(), vec![]);
    let end = Zone::default().first_moment(date(2100, 12, 31).at(0, 0, 0, 0)).unwrap();
    assert_eq!(yearly.next(end), None);
}
