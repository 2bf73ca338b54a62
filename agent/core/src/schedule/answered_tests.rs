//! What is due, on clocks that stop, sleep and jump.

use std::collections::HashMap;

use proptest::prelude::*;
use scelle_format::timestamp::Timestamp;

use super::{Answered, Cadence, Due, Jitter, Moment, Timetable, Zone};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

fn timetable(text: &str) -> Timetable {
    Timetable::new(Cadence::parse(text).unwrap(), Zone::default(), vec![])
}

fn utc(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(moment.0 + seconds)
}

/// Looks once as the service does, after so many seconds of its life; answers what is due.
fn look_after(
    lived_s: i64,
    answered: &mut Answered,
    timetable: &Timetable,
    jitter: &Jitter,
    wall: Timestamp,
) -> Due {
    let now = Moment { wall, lived_s };
    let due = answered.due("plan", timetable, jitter, now);
    if let Due::Now { slot, missed, .. } = &due {
        missed.iter().chain([slot]).for_each(|slot| answered.answer(*slot, now));
    }
    due
}

/// [`look_after`] of an agent that has just begun.
fn look(answered: &mut Answered, timetable: &Timetable, jitter: &Jitter, wall: Timestamp) -> Due {
    look_after(0, answered, timetable, jitter, wall)
}

fn first_look(answered: &mut Answered, timetable: &Timetable, jitter: &Jitter, wall: Timestamp) -> Due {
    answered.clone().due("plan", timetable, jitter, Moment { wall, lived_s: 0 })
}

fn at_once() -> Jitter {
    Jitter::new([7; 32], 0)
}

#[test]
fn a_computer_that_was_off_catches_up_once_and_names_what_it_missed() {
    let evening = timetable("0 20 * * *");
    let mut answered = Answered::from_now(utc("2026-11-20T12:00:00Z"));
    let slot = utc("2026-11-20T19:00:00Z");
    assert_eq!(look(&mut answered, &evening, &at_once(), later(slot, -1)), Due::Later(Some(slot)));
    let due = look(&mut answered, &evening, &at_once(), slot);
    assert_eq!(due, Due::Now { slot, is_late: false, missed: vec![], missed_before: 0 });
    // Off for three evenings.
    let back = utc("2026-11-24T08:00:00Z");
    let [first, second, third] = [1, 2, 3].map(|days| later(slot, days * DAY));
    let due = look(&mut answered, &evening, &at_once(), back);
    assert_eq!(due, Due::Now { slot: third, is_late: true, missed: vec![first, second], missed_before: 0 });
    assert_eq!(look(&mut answered, &evening, &at_once(), back), Due::Later(Some(later(slot, 4 * DAY))));
}

#[test]
fn what_is_not_answered_stays_due() {
    let evening = timetable("0 20 * * *");
    let mut answered = Answered::from_now(utc("2026-11-20T12:00:00Z"));
    let now = utc("2026-11-20T19:00:10Z");
    let due = first_look(&mut answered, &evening, &at_once(), now);
    assert!(matches!(due, Due::Now { is_late: false, .. }));
    let due = first_look(&mut answered, &evening, &at_once(), later(now, HOUR));
    assert!(matches!(due, Due::Now { is_late: true, .. }));
}

#[test]
fn a_year_off_names_a_hundred_and_counts_the_rest() {
    let hourly = timetable("0 * * * *");
    let mut answered = Answered::from_now(utc("2026-01-01T00:30:00Z"));
    // The hour that comes twice has one slot.
    let Due::Now { missed, missed_before, slot, .. } =
        look(&mut answered, &hourly, &at_once(), utc("2026-12-31T00:30:00Z"))
    else {
        panic!("a run is due");
    };
    assert_eq!(slot, utc("2026-12-31T00:00:00Z"));
    assert_eq!((missed.len(), missed_before), (100, 364 * 24 - 102));
}

#[test]
fn the_delay_of_a_slot_is_its_own_and_never_reaches_the_next() {
    let hourly = timetable("0 * * * *");
    let slot = utc("2026-11-20T19:00:00Z");
    let next = hourly.next(slot);
    let jitter = Jitter::new([3; 32], 7200);
    let starts: Vec<_> = ["a", "b", "c"].map(|plan| jitter.start(plan, slot, next)).into();
    assert_eq!(starts, ["a", "b", "c"].map(|plan| jitter.start(plan, slot, next)));
    assert!(starts.iter().all(|start| (slot..next.unwrap()).contains(start)));
    assert!(starts[0] != starts[1] || starts[1] != starts[2]);
    // It waits for its moment, and does not wait where an older one is open, too.
    let start = jitter.start("plan", slot, next);
    assert!(start > slot);
    let mut answered = Answered::from_now(later(slot, -1));
    assert_eq!(first_look(&mut answered, &hourly, &jitter, slot), Due::Later(Some(start)));
    answered = Answered::from_now(later(slot, -2 * HOUR));
    assert!(matches!(first_look(&mut answered, &hourly, &jitter, slot), Due::Now { is_late: true, .. }));
}

#[test]
fn a_clock_that_is_put_back_runs_nothing_twice_and_one_from_the_future_silences_nobody() {
    let evening = timetable("0 20 * * *");
    let mut answered = Answered::from_now(utc("2026-11-20T12:00:00Z"));
    let slot = utc("2026-11-20T19:00:00Z");
    look(&mut answered, &evening, &at_once(), slot);
    let tomorrow = Due::Later(Some(later(slot, DAY)));
    assert_eq!(look(&mut answered, &evening, &at_once(), later(slot, -HOUR)), tomorrow);
    assert_eq!(look(&mut answered, &evening, &at_once(), slot), tomorrow);
    // A year ahead: caught up, a hundred called missed; then the clock is right again.
    let ahead = look(&mut answered, &evening, &at_once(), later(slot, 366 * DAY));
    assert!(matches!(ahead, Due::Now { .. }));
    assert_eq!(look(&mut answered, &evening, &at_once(), later(slot, HOUR)), tomorrow);
    // None of the slots of that false year counts as answered.
    for days in 1..=400 {
        let slot = evening.next(later(slot, days * DAY - 2 * HOUR)).unwrap();
        let due = look_after(days * DAY + HOUR, &mut answered, &evening, &at_once(), slot);
        assert_eq!(due, Due::Now { slot, is_late: false, missed: vec![], missed_before: 0 });
    }
}

#[test]
fn another_timetable_was_never_due_before() {
    let mut answered = Answered::from_now(utc("2026-11-20T12:00:00Z"));
    let now = utc("2026-11-25T12:30:00Z");
    answered.changed(now);
    let due = look(&mut answered, &timetable("0 * * * *"), &at_once(), now);
    assert_eq!(due, Due::Later(Some(utc("2026-11-25T13:00:00Z"))));
}

/// What happens to a clock.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time goes by while somebody looks every few minutes.
    Runs(i64),
    /// Nobody looks.
    Sleeps(i64),
    /// It is put forward or back.
    Jumps(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..10 * DAY).prop_map(Step::Runs),
        2 => (1..4 * DAY).prop_map(Step::Sleeps),
        1 => (-400 * DAY..400 * DAY).prop_map(Step::Jumps),
        1 => (-2 * HOUR..2 * HOUR).prop_map(Step::Jumps),
    ];
    proptest::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// On any clock: no slot is answered twice within a day of the agent's life, and nobody waits longer than a day and two
    /// intervals of it since the last run, or the last time that somebody touched the clock.
    #[test]
    fn whatever_the_clock_does_no_slot_runs_twice_and_none_is_waited_for_in_vain(
        steps in steps(),
        text in prop_oneof![Just("30 12,19 * * *"), Just("0 3 * * *"), Just("*/20 * * * *")],
        most_s in prop_oneof![Just(0_u32), Just(1800)],
    ) {
        let timetable = timetable(text);
        let jitter = Jitter::new([9; 32], most_s);
        let (mut lived_s, mut wall) = (0, utc("2026-03-01T00:00:00Z"));
        let mut answered = Answered::from_now(wall);
        let mut told: HashMap<Timestamp, i64> = HashMap::new();
        let mut quiet_since = 0;
        for step in steps {
            let mut left = match step {
                Step::Runs(seconds) => seconds,
                Step::Sleeps(seconds) => {
                    wall = later(wall, seconds);
                    0
                }
                Step::Jumps(seconds) => {
                    wall = later(wall, seconds);
                    quiet_since = lived_s;
                    0
                }
            };
            loop {
                let due = look_after(lived_s, &mut answered, &timetable, &jitter, wall);
                if let Due::Now { slot, missed, .. } = due {
                    for slot in missed.into_iter().chain([slot]) {
                        let before = told.insert(slot, lived_s);
                        prop_assert!(before.is_none_or(|before| lived_s - before > DAY), "{slot} twice");
                    }
                    quiet_since = lived_s;
                }
                prop_assert!(lived_s - quiet_since <= 3 * DAY + 2 * HOUR, "silent since {quiet_since}");
                if left == 0 {
                    break;
                }
                let by = left.min(7 * MINUTE);
                (left, lived_s, wall) = (left - by, lived_s + by, later(wall, by));
            }
        }
    }
}
