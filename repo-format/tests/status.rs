//! The bilan: no single fault is green, worst wins, records have one form and hold nothing they must not.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what a test needs and does not get ends it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use proptest::prelude::*;
use scelle_format::FormatError;
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::report::*;
use scelle_format::timestamp::Timestamp;

#[test]
fn all_good_is_green_and_verified() {
    let found = status(&Facts::all_good());
    assert_eq!(found.overall(), Light::Green);
    assert_eq!(found.confirmed, Light::Green);
    assert!(found.reasons.is_empty() && found.verified());
}

/// Values that are as good as the best one: nothing to do, nothing to say, or a remark.
const HARMLESS: [&str; 19] = [
    "backup_age NotApplicable",
    "history Short",
    "databases NotDetected",
    "full_reread NotDue",
    "rehearsal NotDue",
    "kit NotDue",
    "owner NotDue",
    "epoch_proof NotDue",
    "anomaly TooFewRuns",
    "clock NoReference",
    "space NotApplicable",
    "credential NotApplicable",
    "tls_certificate NotApplicable",
    "tls_certificate Verified",
    "lock Declared",
    "licence NotApplicable",
    "agent_version NotTracked",
    "hosting OwnPremises",
    "second_party Absent",
];

#[test]
fn every_single_fault_costs_the_green() {
    let mut harmless: BTreeSet<String> = HARMLESS.iter().map(|s| (*s).to_owned()).collect();
    let good = format!("{:?}", Facts::all_good());
    let mut faults = 0;
    for (field, facts) in Facts::all_good().single_changes() {
        let shown = format!("{facts:?}");
        let value = shown.split(&format!(" {field}: ")).nth(1).unwrap();
        let value: String = value.chars().take_while(|c| c.is_alphanumeric()).collect();
        assert_ne!(shown, good);
        let found = status(&facts);
        if harmless.remove(&format!("{field} {value}")) {
            assert_eq!(found.overall(), Light::Green, "{field} {value}");
            continue;
        }
        faults += 1;
        assert_ne!(found.overall(), Light::Green, "{field} {value}");
        assert_eq!(found.reasons.len(), 1, "{field} {value}");
        assert_eq!(found.reasons[0].light, found.overall());
        if value == "Unknown" {
            assert_eq!(found.overall(), Light::Grey, "{field}");
            assert!(found.reasons[0].code.ends_with("-unknown"));
        }
        if field != "second_party" {
            assert_eq!(found.declared, found.protection, "{field} {value}");
            assert_eq!(found.verified(), found.protection == Light::Green);
        }
    }
    assert!(harmless.is_empty(), "not tried: {harmless:?}");
    assert!(faults > 80, "{faults}");
}

/// The worse of two lights, case by case.
fn worse(one: Light, other: Light) -> Light {
    use Light::{Amber, Green, Grey, Red};
    match (one, other) {
        (Red, Red | Grey | Amber | Green) | (Grey | Amber | Green, Red) => Red,
        (Grey, Grey | Amber | Green) | (Amber | Green, Grey) => Grey,
        (Amber, Amber | Green) | (Green, Amber) => Amber,
        (Green, Green) => Green,
    }
}

/// Every pair of values of two facts, which has every pair of reasons in it: the lights are the worst of what is said, an
/// unknown hides no failure and is hidden by no lesser warning, and nothing that is said gets lost beside something else.
#[test]
fn of_every_two_reasons_the_worse_one_counts_and_both_are_told() {
    let mut pairs = BTreeSet::new();
    for (field, one) in Facts::all_good().single_changes() {
        let first = status(&one);
        for (other_field, both) in one.single_changes().into_iter().filter(|(other, _)| *other != field) {
            let found = status(&both);
            for reason in &first.reasons {
                assert!(found.reasons.contains(reason), "{field} {other_field}: {reason:?} is lost");
            }
            let of = |half: Half| {
                let reasons = found.reasons.iter().filter(|reason| reason.half == half);
                reasons.fold(Light::Green, |light, reason| worse(light, reason.light))
            };
            assert_eq!((found.protection, found.compliance), (of(Half::Protection), of(Half::Compliance)));
            assert_eq!(found.overall(), worse(found.protection, found.compliance));
            if let [one, other] = found.reasons[..] {
                assert_eq!(found.overall(), worse(one.light, other.light), "{} {}", one.code, other.code);
                pairs.insert((one.code, other.code));
            }
        }
    }
    // Those of one fact never stand together.
    let all = Facts::all_reasons().len();
    assert!(pairs.len() > all * (all - 1) / 2 - 300, "{} pairs of {all}", pairs.len());
}

#[test]
fn a_fresh_lone_backup_into_a_folder_is_amber_for_real_reasons() {
    let facts = Facts {
        last_run: LastRun::Complete,
        history: History::First,
        destinations: Destinations::AllWritten,
        off_site: OffSite::No,
        lock: Lock::Absent,
        files: Files::AllRead,
        databases: Databases::NotDetected,
        verification: Verification::Passed,
        pack_presence: PackPresence::AllPresent,
        key_copies: KeyCopies::Enough,
        recipients: Recipients::Acknowledged,
        sources: Sources::There,
        chain: Chain::Whole,
        hosting: HostingFact::OwnPremises,
        ..Facts::unmeasured()
    };
    let found = status(&facts);
    let codes: Vec<_> = found.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(
        codes,
        ["first-backup", "no-off-site-copy", "no-plan", "not-ransomware-proof", "self-declared"]
    );
    assert_eq!((found.protection, found.compliance), (Light::Amber, Light::Amber));
    assert_eq!((found.declared, found.confirmed), (Light::Amber, Light::Grey));
    assert!(!found.verified());

    let everything_in_place = Facts {
        history: History::Established,
        off_site: OffSite::Yes,
        lock: Lock::Holds,
        planned: Planned::Yes,
        hosting: HostingFact::Certified,
        ..facts
    };
    let found = status(&everything_in_place);
    assert_eq!(found.overall(), Light::Green);
    assert_eq!(found.declared, Light::Green);
    assert_eq!(found.reasons.iter().map(|r| r.code).collect::<Vec<_>>(), ["self-declared"]);
    assert!(!found.verified(), "nobody else has confirmed it");
}

#[test]
fn what_a_run_must_measure_starts_as_unknown() {
    let found = status(&Facts::unmeasured());
    assert_eq!(found.protection, Light::Grey);
    for code in ["run-unknown", "files-unknown", "packs-unknown", "verification-unknown", "chain-unknown"] {
        assert!(found.reasons.iter().any(|reason| reason.code == code), "{code}");
    }
}

#[test]
fn a_second_party_that_contradicts_is_red_and_leaves_what_was_declared() {
    let facts = Facts { second_party: SecondParty::Contradicts, ..Facts::all_good() };
    let found = status(&facts);
    assert_eq!((found.protection, found.declared, found.confirmed), (Light::Red, Light::Green, Light::Red));
}

#[test]
fn codes_are_unique_stable_and_all_in_the_table() {
    let mut table = String::new();
    let mut seen = BTreeMap::new();
    for reason in Facts::all_reasons() {
        assert!(Code::parse(reason.code).is_ok(), "{}", reason.code);
        assert!(seen.insert(reason.code, reason).is_none(), "{} twice", reason.code);
    }
    for reason in seen.values() {
        writeln!(table, "| `{}` | {} | {} | {} |", reason.code, reason.light, reason.half, reason.who)
            .unwrap();
    }
    let path = format!("{}/src/report/REASONS.md", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let listed = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    // Columns 1 to 4 are compared; the fifth is prose.
    let rows = listed.lines().filter(|line| line.starts_with("| `"));
    let found: String = rows.fold(String::new(), |mut out, row| {
        let columns: Vec<_> = row.split(" | ").collect();
        writeln!(out, "{} |", columns[..4].join(" | ")).unwrap();
        out
    });
    assert_eq!(found, table, "REASONS.md must list:\n{table}");
}

fn text(value: &str) -> VersionText {
    VersionText::parse(value).unwrap()
}

fn code(value: &str) -> Code {
    Code::parse(value).unwrap()
}

fn unknown<T>() -> Measured<T> {
    Measured::unknown(UnknownWhy::NotMeasured)
}

fn record(files: u64, bytes: u64, label: &str) -> Record {
    let label = Label::parse(label).unwrap();
    Record {
        version: 1,
        identity: Identity {
            repository: RepositoryId::parse("abcdefghijklmnopqrstuvwxyz").unwrap().into(),
            device: DeviceId::parse("0123456789abcdef").unwrap().into(),
            previous_sequence: 6,
            previous_note: Some(Sha256([6; 32]).into()),
            practice: unknown(),
            agent_version: text("0.1.0"),
            agent_build: unknown(),
        },
        plan: PlanBlock {
            plan_sha256: unknown(),
            max_age_seconds: Measured::unknown(UnknownWhy::NotConfigured),
            max_restore_seconds: unknown(),
            retention: [14, 8, 24, 10].into(),
            exclusions: 2,
            changed: false.into(),
        },
        run: RunBlock {
            kind: code("backup"),
            trigger: Trigger::Manual,
            expected: unknown(),
            started: Timestamp(1_795_293_000),
            ended: Timestamp(1_795_293_847),
            clock_offset_ms: (-250).into(),
            result: RunResult::Partial,
            snapshot: Some(3),
            set: Some(code("44d839f10c")),
            codes: vec![code("access-denied")],
        },
        volumes: vec![SetVolumes {
            label: label.clone(),
            files_seen: files,
            files_new: unknown(),
            files_changed: unknown(),
            files_removed: unknown(),
            files_unreadable: 1,
            files_excluded: unknown(),
            read_bytes: RoundedBytes::from_exact(bytes),
            sent_bytes: RoundedBytes::from_exact(bytes / 2),
            stored_bytes: RoundedBytes::from_exact(bytes / 2),
            problems: vec![ReportedProblem {
                token: file_token(&[1; 32], b"C/secret.docx"),
                class: extension_class(b"secret.docx"),
                size: size_bucket(70_000).into(),
                code: code("access-denied"),
            }],
        }],
        consistency: vec![Consistency { label: label.clone(), method: Method::PlainRead, check: unknown() }],
        confidentiality: Confidentiality {
            algorithms: vec![text("age-v1"), text("mlkem768x25519")],
            epoch: 0,
            epoch_recipient: Sha256([7; 32]).into(),
            recipients: RecipientCounts { recovery: 1, everyday: 1, escrow: 0 },
            kit_checked: Measured::unknown(UnknownWhy::NotDue),
            everyday_used: unknown(),
            tls: unknown(),
        },
        integrity: Integrity {
            root: AsText(Sha256([8; 32])).into(),
            packs_confirmed: 12.into(),
            read_back_bytes: RoundedBytes::from_exact(bytes).into(),
            reread_permille: 1000.into(),
            reread_bound_days: 30.into(),
            mismatches: 0.into(),
        },
        availability: Availability {
            destinations: vec![DestinationBlock {
                label,
                kind: DestinationKind::Folder,
                off_site: false.into(),
                age_seconds: 0.into(),
                confirmed: unknown(),
            }],
            snapshots: 3.into(),
            oldest: Timestamp(1_795_000_000).into(),
            newest: Timestamp(1_795_293_847).into(),
            achieved_age_seconds: unknown(),
            last_restore_test: Measured::unknown(UnknownWhy::NotDue),
        },
        traceability: Traceability {
            restores: 0.into(),
            deletions: 0.into(),
            config_events: 0.into(),
            key_events: 0.into(),
            head_sequence: 6.into(),
            head: AsText(Sha256([6; 32])).into(),
            chain_whole: true.into(),
        },
        hosting: Hosting {
            host: unknown(),
            certificate: unknown(),
            certificate_until: unknown(),
            country: unknown(),
            region: unknown(),
            preflight: unknown(),
            lock: LockMode::Absent.into(),
            lock_until: unknown(),
        },
        alerts: vec![Alert {
            code: code("mass-change"),
            since: Timestamp(0),
            action: None,
            author: None,
            snapshots: None,
        }],
        purge: Purge {
            snapshots: 0,
            objects: 0,
            removed_bytes: RoundedBytes::default(),
            reason: None,
            erasures: 0,
        },
        status: RecordedStatus::of(&status(&Facts::unmeasured())).unwrap(),
    }
}

#[test]
fn a_record_is_one_line_of_sorted_json() {
    let json = record(1200, 1_000_001, "Logiciel médical").to_canonical_json().unwrap();
    assert!(
        json.starts_with(r#"{"alerts":[{"action":null,"author":null,"code":"mass-change","since":"1970-"#)
    );
    assert!(json.contains(r#""agent_build":{"unknown":"not-measured"}"#));
    assert!(json.contains(r#""clock_offset_ms":-250"#));
    assert!(json.contains("Logiciel médical"));
    assert!(!json.contains("1000001") && !json.contains("secret") && !json.contains('\n'));
    let spaced = json.replace("\":", "\": ");
    assert!(Record::parse(spaced.as_bytes()).is_err());
    let unsorted = json.replacen(r#""action":null,"author":null"#, r#""author":null,"action":null"#, 1);
    assert!(unsorted != json && Record::parse(unsorted.as_bytes()).is_err());
    let more = json.replacen(r#""erasures":0"#, r#""erasures":0,"patient":"x""#, 1);
    assert!(more != json && Record::parse(more.as_bytes()).is_err());
    let smuggled = json.replacen(r#"{"unknown":"not-measured"}"#, r#"{"unknown":"not-measured","x":"C"}"#, 1);
    assert!(smuggled != json && Record::parse(smuggled.as_bytes()).is_err());
    let float = json.replacen(r#""epoch":0"#, r#""epoch":0.0"#, 1);
    assert!(float != json && Record::parse(float.as_bytes()).is_err());
    let path = json.replace("Logiciel médical", "C/Patients");
    assert!(path != json && Record::parse(path.as_bytes()).is_err());
    let newer = Record::parse(json.replace(r#""version":1"#, r#""version":2"#).as_bytes());
    assert!(matches!(newer, Err(FormatError::Unsupported { .. })));
    assert!(matches!(Record::parse(b"{}"), Err(FormatError::BadMagic { .. })));
}

#[test]
fn a_number_that_other_readers_would_round_is_refused() {
    assert!(record(1 << 53, 0, "x").to_canonical_json().is_err());
    assert!(record((1 << 53) - 1, 0, "x").to_canonical_json().is_ok());
}

proptest! {
    #[test]
    fn every_record_comes_back(files in 0u64..1 << 53, bytes in 0u64..1 << 50, label in "[a-zA-Zéèàç' -]{0,30}x") {
        let written = record(files, bytes, label.trim());
        let json = written.to_canonical_json().unwrap();
        prop_assert_eq!(Record::parse(json.as_bytes()).unwrap(), written);
    }

    #[test]
    fn changed_or_hostile_bytes_print_back_or_are_refused(at in any::<prop::sample::Index>(), new in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Record::parse(&bytes);
        let mut json = record(1, 1, "x").to_canonical_json().unwrap().into_bytes();
        let at = at.index(json.len());
        json[at] = new;
        if let Ok(parsed) = Record::parse(&json) {
            prop_assert_eq!(parsed.to_canonical_json().unwrap().into_bytes(), json);
        }
    }

    /// Changes up to six facts at random: each half is the worst of its reasons.
    #[test]
    fn worst_wins(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut facts = Facts::all_good();
        for pick in picks {
            let changes = facts.single_changes();
            facts = changes[pick.index(changes.len())].1.clone();
        }
        let found = status(&facts);
        for (half, light) in [(Half::Protection, found.protection), (Half::Compliance, found.compliance)] {
            let lights: Vec<Light> = found.reasons.iter().filter(|r| r.half == half).map(|r| r.light).collect();
            let worst = [Light::Red, Light::Grey, Light::Amber].into_iter().find(|l| lights.contains(l));
            prop_assert_eq!(light, worst.unwrap_or(Light::Green));
        }
        prop_assert!(found.declared <= found.protection);
        prop_assert_eq!(&status(&facts), &found);
    }
}
