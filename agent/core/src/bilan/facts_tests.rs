//! One thing wrong at a time: the light and its reason follow.

use scelle_format::report::{Facts, Light, status};
use scelle_format::timestamp::Timestamp;
use scelle_store::probe::Fact;

use super::accepted::{Accepted, Counted};
use super::facts::{FULL_REREAD_DAYS, KIT_DAYS, OWNER_DAYS, REHEARSAL_DAYS, facts};
use super::fixture::{BORN, Repository, canary, failure, outcome, trouble};
use super::memory::SetMemory;
use super::run::{HostDeclared, KitCheck, LastRehearsal, LastReread, RunEnd, RunReport, TlsEnd};
use crate::error::AgentError;
use crate::monitor::Problem;
use crate::pipeline::Changes;
use crate::pipeline::jobs::verdict::Taken;
use crate::repo::ledger::append::start::Start;
use crate::repo::rounds::LedgerEnd;

const DAY: i64 = 86_400;

fn codes(report: &RunReport<'_>) -> Vec<&'static str> {
    status(&facts(report)).reasons.iter().map(|reason| reason.code).collect()
}

fn overall(report: &RunReport<'_>) -> Light {
    status(&facts(report)).overall()
}

/// The report with everything in place that a folder at the practice lacks: nothing is left to say.
fn flawless<'a>(report: RunReport<'a>) -> RunReport<'a> {
    let mut report = report;
    report.earlier_runs = 9;
    report.declared.planned = true;
    report.declared.off_site = Some(true);
    let until = Some(Timestamp(BORN + 400 * DAY));
    report.declared.host =
        Some(HostDeclared { name: "Hébergeur".into(), certified_until: until, country: None });
    let probe = report.probe.as_mut().unwrap();
    probe.lock_accepted = Fact::Yes;
    probe.locked_delete_refused = Fact::Yes;
    probe.shorten_refused = Fact::Yes;
    probe.default_retention = Fact::Yes;
    probe.default_retention_days = Some(90);
    probe.default_retention_compliance = Fact::Yes;
    report
}

#[tokio::test]
async fn a_first_lone_backup_into_a_folder_is_amber_for_real_reasons() {
    let repository = Repository::new(true).await;
    let (descriptors, outcome) = (repository.descriptors().await, outcome());
    let report = repository.good(&descriptors, RunEnd::Committed(&outcome));
    let expected = ["first-backup", "no-off-site-copy", "no-plan", "not-ransomware-proof", "self-declared"];
    assert_eq!(codes(&report), expected);
    assert_eq!(overall(&report), Light::Amber);
    let report = flawless(report);
    assert_eq!(codes(&report), ["self-declared"]);
    assert_eq!(overall(&report), Light::Green);
}

#[tokio::test]
async fn every_single_fault_has_its_reason_and_costs_the_green() {
    let repository = Repository::new(true).await;
    let (descriptors, saved) = (repository.descriptors().await, outcome());
    let mut other = descriptors.clone();
    other.current.recipients[0].sha256.0[0] ^= 1;
    type Fault<'a> = (&'static str, Light, Box<dyn Fn(&mut RunReport<'a>) + 'a>);
    let late = |days: i64| Timestamp(BORN + (days + 1) * DAY);
    let faults: Vec<Fault<'_>> = vec![
        ("verification-skipped", Light::Grey, Box::new(|r| r.check = None)),
        ("packs-missing", Light::Red, Box::new(|r| r.check.as_mut().unwrap().missing = 1)),
        ("verification-failed", Light::Red, Box::new(|r| r.check.as_mut().unwrap().wrong_size = 1)),
        ("chain-broken", Light::Red, Box::new(|r| r.check.as_mut().unwrap().ledger = LedgerEnd::Unsound)),
        // Also runs after the one that met it, while it is among the newest notes.
        ("chain-fork", Light::Red, Box::new(|r| r.check.as_mut().unwrap().ledger = LedgerEnd::Forked)),
        ("chain-unknown", Light::Grey, Box::new(|r| r.start = None)),
        ("chain-fork", Light::Red, Box::new(|r| r.start.as_mut().unwrap().forked = true)),
        ("store-rolled-back", Light::Red, Box::new(|r| r.start.as_mut().unwrap().store_behind = true)),
        ("state-rewound", Light::Amber, Box::new(|r| r.start.as_mut().unwrap().rewound_notes = 2)),
        (
            "state-rewound-again",
            Light::Red,
            Box::new(|r| {
                r.start = Some(Start { rewound_notes: 2, rewound_before: true, ..Start::default() });
            }),
        ),
        ("lock-unknown", Light::Grey, Box::new(|r| r.probe = None)),
        ("lock-broken", Light::Red, Box::new(|r| r.probe.as_mut().unwrap().locked_delete_refused = Fact::No)),
        ("lock-broken", Light::Red, Box::new(|r| r.probe.as_mut().unwrap().shorten_refused = Fact::No)),
        (
            "not-ransomware-proof",
            Light::Amber,
            Box::new(|r| r.probe.as_mut().unwrap().default_retention = Fact::No),
        ),
        (
            "lock-can-be-lifted",
            Light::Amber,
            Box::new(|r| {
                r.probe.as_mut().unwrap().default_retention_compliance = Fact::No;
            }),
        ),
        (
            "lock-ends-soon",
            Light::Amber,
            Box::new(|r| r.probe.as_mut().unwrap().default_retention_days = Some(30)),
        ),
        ("objects-altered", Light::Red, Box::new(|r| r.altered = 1)),
        ("key-copies-unknown", Light::Grey, Box::new(|r| r.key_copies = None)),
        ("key-copies-missing", Light::Red, Box::new(|r| r.key_copies = Some(2))),
        ("clock-off", Light::Amber, Box::new(|r| r.clock_offset_ms = Some(-60_000))),
        ("space-low", Light::Amber, Box::new(|r| r.declared.free_bytes = Some(1_234_567 * 29))),
        ("tls-certificate-ended", Light::Red, Box::new(|r| r.declared.tls = TlsEnd::Ends(Timestamp(BORN)))),
        (
            "tls-certificate-ends-soon",
            Light::Amber,
            Box::new(|r| {
                r.declared.tls = TlsEnd::Ends(Timestamp(BORN + 20 * DAY));
            }),
        ),
        ("paused", Light::Amber, Box::new(|r| r.declared.paused = true)),
        ("kit-on-disk", Light::Red, Box::new(|r| r.declared.kit_on_disk = true)),
        ("no-plan", Light::Amber, Box::new(|r| r.declared.planned = false)),
        ("no-off-site-copy", Light::Amber, Box::new(|r| r.declared.off_site = None)),
        ("host-undeclared", Light::Amber, Box::new(|r| r.declared.host = None)),
        (
            "host-certificate-ended",
            Light::Red,
            Box::new(|r| {
                r.declared.host.as_mut().unwrap().certified_until = Some(Timestamp(BORN - DAY));
            }),
        ),
        ("recipients-unknown", Light::Grey, Box::new(|r| r.descriptors = None)),
        ("recipients-changed", Light::Red, Box::new(|r| r.descriptors = Some(&other))),
        (
            "recipients-changed",
            Light::Red,
            Box::new(|r| r.declared.acknowledged_recipients = Some(Vec::new())),
        ),
        ("first-backup", Light::Amber, Box::new(|r| r.earlier_runs = 0)),
        (
            "reread-mismatch",
            Light::Red,
            Box::new(|r| r.proofs.full_reread = Some(LastReread { time: Timestamp(BORN), wrong: 1 })),
        ),
        ("full-reread-overdue", Light::Amber, Box::new(move |r| r.ended = late(FULL_REREAD_DAYS))),
        (
            "rehearsal-failed",
            Light::Red,
            Box::new(|r| r.proofs.rehearsal = Some(LastRehearsal { time: Timestamp(BORN), passed: false })),
        ),
        ("rehearsal-overdue", Light::Amber, Box::new(move |r| r.ended = late(REHEARSAL_DAYS))),
        ("epoch-never-opened", Light::Amber, Box::new(move |r| r.ended = late(OWNER_DAYS))),
    ];
    for (at, (code, light, spoil)) in faults.into_iter().enumerate() {
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        spoil(&mut report);
        assert!(codes(&report).contains(&code), "{at} {code}: {:?}", codes(&report));
        assert_eq!(overall(&report), light, "{at} {code}: {:?}", codes(&report));
    }
}

#[tokio::test]
async fn the_kit_counts_from_init_and_a_check_elsewhere_counts_for_more() {
    let repository = Repository::new(true).await;
    let (descriptors, saved) = (repository.descriptors().await, outcome());
    let at = |days: i64, kit: Option<(i64, bool)>| {
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        report.ended = Timestamp(BORN + days * DAY);
        report.proofs.kit =
            kit.map(|(day, here)| KitCheck { time: Timestamp(BORN + day * DAY), on_this_pc: here });
        codes(&report).into_iter().find(|code| code.starts_with("kit"))
    };
    assert_eq!(at(KIT_DAYS, None), None);
    assert_eq!(at(KIT_DAYS + 1, None), Some("kit-unchecked"));
    assert_eq!(at(10, Some((5, true))), None, "a check here is not worse than none");
    assert_eq!(at(KIT_DAYS + 1, Some((5, true))), Some("kit-not-checked-off-pc"));
    assert_eq!(at(KIT_DAYS + 1, Some((5, false))), None);
    assert_eq!(at(2 * KIT_DAYS, Some((5, false))), Some("kit-unchecked"));
}

#[tokio::test]
async fn an_unsigned_repository_is_said_to_be_so_once_it_is_due() {
    let repository = Repository::new(false).await;
    let (descriptors, saved) = (repository.descriptors().await, outcome());
    let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
    assert!(!codes(&report).contains(&"owner-has-not-signed"));
    report.ended = Timestamp(BORN + (OWNER_DAYS + 1) * DAY);
    assert!(codes(&report).contains(&"owner-has-not-signed"));
}

#[tokio::test]
async fn what_could_not_be_read_is_counted() {
    let repository = Repository::new(true).await;
    let descriptors = repository.descriptors().await;
    let of = |count: usize, problem: Problem, is_stored: bool, extension: &str| {
        let (saved, named) = (outcome(), canary(extension));
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        report.troubles = vec![trouble(&named, problem, is_stored); count];
        codes(&report)
    };
    let unreadable = |count| of(count, Problem::Unreadable, false, "docx");
    assert_eq!(unreadable(1), ["files-unreadable", "run-partial", "self-declared"]);
    assert_eq!(unreadable(11), ["many-files-unreadable", "run-partial", "self-declared"]);
    assert_eq!(of(1, Problem::Changed, true, "docx"), ["run-partial", "self-declared"]);
    let mut empty = outcome();
    empty.gathered.totals.files = 0;
    let report = flawless(repository.good(&descriptors, RunEnd::Committed(&empty)));
    assert!(codes(&report).contains(&"nothing-to-back-up"));
}

#[tokio::test]
async fn how_the_worst_database_was_taken_is_said() {
    let repository = Repository::new(true).await;
    let descriptors = repository.descriptors().await;
    let of = |taken: Taken| {
        let (mut saved, named) = (outcome(), canary("dat"));
        saved.gathered.databases = Some(taken);
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        report.troubles = taken.problem().map(|problem| trouble(&named, problem, true)).into_iter().collect();
        codes(&report)
    };
    assert_eq!(of(Taken::Consistent), ["self-declared"]);
    assert_eq!(of(Taken::UseUnknown), ["database-use-unknown", "self-declared"]);
    assert_eq!(of(Taken::WithSideFiles), ["database-crash-consistent", "self-declared"]);
    assert_eq!(of(Taken::HeldOpen), ["database-held-open", "self-declared"]);
    assert_eq!(of(Taken::Changed), ["database-live-copy", "run-partial", "self-declared"]);
}

#[tokio::test]
async fn anomalies_need_five_earlier_runs_of_the_set() {
    let repository = Repository::new(true).await;
    let descriptors = repository.descriptors().await;
    let of = |runs: u64, changes: Changes, bytes: u64, last_change_days: i64| {
        let mut saved = outcome();
        (saved.gathered.changes, saved.gathered.totals.bytes) = (changes, bytes);
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        report.earlier_runs = runs;
        let state = Counted { snapshot: 1, time: BORN, files: 100, bytes: 1_000_000 };
        let last_change = BORN - last_change_days * DAY;
        let set = SetMemory { last_change, accepted: Accepted::only(state), ..SetMemory::default() };
        report.memory.sets.insert(report.set.to_owned(), set);
        let all = ["mass-change", "sources-shrunk", "no-new-data"];
        codes(&report).into_iter().find(|code| all.contains(code))
    };
    let rewritten = Changes { new: 0, changed: 51, unchanged: 49, removed: 0, same_content: 0 };
    let renamed = Changes { new: 60, changed: 0, unchanged: 40, removed: 60, same_content: 0 };
    let usual = Changes { new: 5, changed: 5, unchanged: 90, removed: 1, same_content: 0 };
    let nothing = Changes { new: 0, changed: 0, unchanged: 100, removed: 0, same_content: 0 };
    assert_eq!(of(5, rewritten, 1_000_000, 0), Some("mass-change"));
    // Put back in place, say: read again, and found to hold what they held.
    assert_eq!(of(5, Changes { same_content: 2, ..rewritten }, 1_000_000, 0), None);
    assert_eq!(of(5, renamed, 1_000_000, 0), Some("mass-change"));
    assert_eq!(of(4, rewritten, 1_000_000, 0), None);
    assert_eq!(of(5, usual, 699_999, 0), Some("sources-shrunk"));
    assert_eq!(of(5, usual, 700_000, 0), None);
    assert_eq!(of(5, nothing, 1_000_000, 6), Some("no-new-data"));
    assert_eq!(of(5, nothing, 1_000_000, 2), None);
    assert_eq!(of(5, usual, 1_000_000, 6), None);
}

#[tokio::test]
async fn a_failed_run_is_red_and_a_stopped_one_amber_whatever_was_not_measured() {
    let repository = Repository::new(true).await;
    let of = |error: &AgentError| {
        let report = RunReport::new(
            &repository.device,
            "set",
            RunEnd::Failed(error),
            Timestamp(BORN),
            Timestamp(BORN),
        );
        (overall(&report), codes(&report))
    };
    let (light, found) = of(&failure());
    assert_eq!(light, Light::Red);
    assert!(found.contains(&"run-failed") && found.contains(&"no-destination-written"), "{found:?}");
    assert!(of(&AgentError::destination_full()).1.contains(&"space-exhausted"));
    assert!(of(&AgentError::store_denied()).1.contains(&"credential-ended"));
    assert!(of(&AgentError::source_missing()).1.contains(&"nothing-to-back-up"));
    let (light, found) = of(&AgentError::interrupted());
    assert_eq!(light, Light::Amber);
    assert!(found.contains(&"run-interrupted"));
}

#[tokio::test]
async fn what_is_known_of_a_bucket_is_said_and_no_more() {
    let mut repository = Repository::new(true).await;
    repository.device.place.url = "s3://bucket/prefix".into();
    let (descriptors, saved) = (repository.descriptors().await, outcome());
    let report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
    // Its connections were verified, or there would be no snapshot; the clock nobody looked at.
    assert_eq!(codes(&report), ["clock-unknown", "self-declared", "tls-certificate-end-not-seen"]);
    repository.device.place.endpoint = Some("http://127.0.0.1:9000".into());
    let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
    report.clock_offset_ms = Some(10);
    report.declared.off_site = None;
    assert_eq!(codes(&report), ["self-declared"], "a bucket of a host that is named is not in the practice");
    let unknown = || Fact::Unknown { reason: "denied".into() };
    let probe = report.probe.as_mut().unwrap();
    (probe.lock_accepted, probe.locked_delete_refused) = (unknown(), unknown());
    probe.shorten_refused = unknown();
    assert_eq!(codes(&report), ["lock-unproven", "self-declared"]);
    let probe = report.probe.as_mut().unwrap();
    probe.locked_delete_refused = Fact::Yes;
    assert_eq!(codes(&report), ["self-declared"], "the bucket's own lock was tried");
    let probe = report.probe.as_mut().unwrap();
    (probe.locked_delete_refused, probe.may_delete) = (unknown(), Fact::No);
    assert_eq!(codes(&report), ["self-declared"], "who may not delete needs no lock against itself");
    let probe = report.probe.as_mut().unwrap();
    probe.default_retention = unknown();
    assert_eq!(codes(&report), ["lock-unproven", "self-declared"]);
    let probe = report.probe.as_mut().unwrap();
    (probe.default_retention, probe.locked_delete_refused) = (Fact::Yes, Fact::No);
    assert_eq!(codes(&report), ["lock-broken", "self-declared"], "it says it locks and was seen to lose");
}

#[tokio::test]
async fn what_is_declared_of_a_store_without_a_lock_counts_as_declared() {
    let repository = Repository::new(true).await;
    let (descriptors, saved) = (repository.descriptors().await, outcome());
    let of = |days: Option<u32>| {
        let mut report = flawless(repository.good(&descriptors, RunEnd::Committed(&saved)));
        report.probe = Some(super::fixture::folder_probe());
        report.declared.immutable_days = days;
        codes(&report)
    };
    assert_eq!(of(None), ["not-ransomware-proof", "self-declared"]);
    assert_eq!(of(Some(30)), ["lock-ends-soon", "self-declared"]);
    assert_eq!(of(Some(31)), ["lock-declared", "self-declared"]);
}

#[test]
fn nothing_here_invents_a_second_party() {
    assert_eq!(Facts::unmeasured().second_party, scelle_format::report::SecondParty::Absent);
}
