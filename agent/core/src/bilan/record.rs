//! From a run and its lights to the record that is signed (FORMAT.md §11).
//!
//! Data comes from [`RunReport`] and goes to [`super::write()`]. A file with a problem becomes a token, a class and a code.
//! Never: a name, a path, an exact byte count, a sentence.

use std::collections::BTreeSet;

use scelle_format::descriptor::RecipientRole;
use scelle_format::id::Sha256;
use scelle_format::ledger::ChainHead;
use scelle_format::report::{
    Alert, AsText, Assessment, Availability, CheckResult, Code, Confidentiality, Consistency,
    DestinationBlock, Hosting, Identity, Integrity, Label, Light, LockMode, Measured, Method, PlanBlock,
    Purge, RecipientCounts, Record, RecordedStatus, ReportedProblem, RestoreTest, RoundedBytes, RunBlock,
    SetVolumes, Traceability, UnknownWhy, VersionText, extension_class, file_token,
};
use scelle_format::timestamp::Timestamp;
use scelle_store::probe::Fact;
use scelle_store::verdict::Severity;

use super::facts::{FULL_REREAD_DAYS, count_role};
use super::memory::LOSS_ACCEPTED;
use super::run::{HostDeclared, LastRehearsal, RunReport, error_code};
use crate::error::{AgentError, Result};
use crate::pipeline::Saved;
use crate::repo::rounds::LedgerEnd;
use crate::repo::state::Head;

/// Files with a problem named in one record.
const PROBLEMS_MAX: usize = 1000;
const ALGORITHMS: [&str; 5] = ["age-v1", "mlkem768x25519", "chacha20poly1305", "ed25519", "sha-256"];

/// Where in the chain the record's note will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotePosition(Option<ChainHead>);

impl NotePosition {
    /// After this head.
    pub fn after(head: &Head) -> Self {
        Self(head.chain_head())
    }
}

/// Moves a record that was kept back to the place where it is sent at last.
pub fn place(record: &mut Record, position: NotePosition) {
    record.identity.previous_sequence = position.0.map_or(0, |head| head.sequence);
    record.identity.previous_note = position.0.map(|head| AsText(head.text_sha256));
    if let Some(head) = position.0 {
        record.traceability.set_head(head);
    }
}

/// The record of a run.
pub fn record(
    report: &RunReport<'_>,
    assessment: &Assessment,
    position: NotePosition,
    token_key: &[u8; 32],
) -> Result<Record> {
    let mut record = Record {
        version: 1,
        identity: Identity {
            repository: report.device.repository.clone().into(),
            device: report.device.id.clone().into(),
            previous_sequence: 0,
            previous_note: None,
            practice: not_configured(),
            agent_version: version(env!("CARGO_PKG_VERSION"))?,
            agent_build: not_measured(),
        },
        plan: plan(report),
        run: run(report)?,
        volumes: report
            .saved()
            .map(|outcome| volumes(report, outcome, token_key))
            .transpose()?
            .into_iter()
            .collect(),
        consistency: report
            .saved()
            .map(|outcome| consistency(report, outcome))
            .transpose()?
            .into_iter()
            .collect(),
        confidentiality: confidentiality(report)?,
        integrity: integrity(report),
        availability: availability(report)?,
        traceability: traceability(report),
        hosting: hosting(report),
        alerts: alerts(report, assessment)?,
        purge: Purge {
            snapshots: 0,
            objects: 0,
            removed_bytes: RoundedBytes::default(),
            reason: None,
            erasures: 0,
        },
        status: RecordedStatus::of(assessment).map_err(AgentError::bug)?,
    };
    place(&mut record, position);
    Ok(record)
}

fn plan(report: &RunReport<'_>) -> PlanBlock {
    let policy = report.descriptors.map(|d| d.current.policy);
    let kept = policy.map(|p| [p.keep_daily, p.keep_weekly, p.keep_monthly, p.keep_yearly].map(u64::from));
    PlanBlock {
        plan_sha256: not_configured(),
        max_age_seconds: not_configured(),
        max_restore_seconds: not_configured(),
        retention: kept.map_or(Measured::unknown(UnknownWhy::NotReachable), Measured::Known),
        exclusions: report.exclusions,
        changed: not_configured(),
    }
}

fn run(report: &RunReport<'_>) -> Result<RunBlock> {
    let mut codes: BTreeSet<&str> = report.troubles.iter().map(|trouble| trouble.problem.code()).collect();
    codes.extend(report.error().map(error_code));
    Ok(RunBlock {
        kind: code("backup")?,
        trigger: report.trigger,
        expected: report.declared.expected.map_or(not_configured(), Measured::Known),
        started: report.started,
        ended: report.ended,
        clock_offset_ms: report.clock_offset_ms.map_or(not_measured(), Measured::Known),
        result: report.result(),
        snapshot: report.saved().map(|outcome| outcome.committed.snapshot),
        set: if report.set.is_empty() { None } else { Some(code(report.set)?) },
        codes: codes.into_iter().map(code).collect::<Result<_>>()?,
    })
}

fn volumes(report: &RunReport<'_>, outcome: &Saved, token_key: &[u8; 32]) -> Result<SetVolumes> {
    let problems = report.troubles.iter().take(PROBLEMS_MAX).map(|trouble| {
        let name = trouble.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        Ok(ReportedProblem {
            token: file_token(token_key, trouble.path),
            class: extension_class(name),
            size: not_measured(),
            code: code(trouble.problem.code())?,
        })
    });
    let lost = report.lost_files();
    let stored_bytes = RoundedBytes::from_exact(outcome.committed.stored_bytes);
    Ok(SetVolumes {
        label: set_label(report)?,
        files_seen: outcome.gathered.totals.files + lost,
        files_new: outcome.gathered.changes.new.into(),
        files_changed: outcome.gathered.changes.changed.into(),
        files_removed: outcome.gathered.changes.removed.into(),
        files_unreadable: lost,
        files_excluded: not_measured(),
        read_bytes: RoundedBytes::from_exact(outcome.gathered.read_bytes),
        sent_bytes: stored_bytes,
        stored_bytes,
        problems: problems.collect::<Result<_>>()?,
    })
}

fn consistency(report: &RunReport<'_>, outcome: &Saved) -> Result<Consistency> {
    let method =
        if outcome.gathered.consistent_copies > 0 { Method::EngineBackup } else { Method::PlainRead };
    Ok(Consistency { label: set_label(report)?, method, check: not_measured() })
}

fn confidentiality(report: &RunReport<'_>) -> Result<Confidentiality> {
    let recipient = Sha256(report.device.epoch_recipient.sha256());
    Ok(Confidentiality {
        algorithms: ALGORITHMS.into_iter().map(version).collect::<Result<_>>()?,
        epoch: report.device.epoch.into(),
        epoch_recipient: recipient.into(),
        recipients: RecipientCounts {
            recovery: count_role(report, RecipientRole::Recovery),
            everyday: count_role(report, RecipientRole::Everyday),
            escrow: count_role(report, RecipientRole::Escrow),
        },
        kit_checked: report
            .proofs
            .kit
            .map_or(Measured::unknown(UnknownWhy::NotDue), |check| check.time.into()),
        everyday_used: not_measured(),
        tls: not_measured(),
    })
}

fn integrity(report: &RunReport<'_>) -> Integrity {
    let outcome = report.saved();
    let root = outcome.map(|outcome| AsText(outcome.committed.root));
    // All that the snapshot needs and the store showed in this run with its size, also what an earlier run had sent.
    let confirmed = report.check.map(|check| check.listed_packs);
    Integrity {
        root: root.map_or(interrupted(), Measured::Known),
        packs_confirmed: confirmed.map_or(interrupted(), Measured::Known),
        // The end of a run lists and compares; packs are read back by `check`.
        read_back_bytes: RoundedBytes::default().into(),
        reread_permille: match report.proofs.full_reread {
            Some(_) => 1000.into(),
            None => Measured::unknown(UnknownWhy::NotDue),
        },
        reread_bound_days: FULL_REREAD_DAYS.unsigned_abs().into(),
        // What the listing lacks, and what is known to be damaged and was not mended.
        mismatches: report.check.map_or(not_measured(), |check| {
            (check.missing + check.wrong_size + report.damaged.total()).into()
        }),
    }
}

fn availability(report: &RunReport<'_>) -> Result<Availability> {
    let committed = report.saved().is_some();
    let since_good = report.memory.last_good.map(|good| seconds(Timestamp(good), report.started));
    let newest = if committed { Some(report.ended) } else { report.memory.last_good.map(Timestamp) };
    let age = newest.map(|newest| seconds(newest, report.ended));
    let scope = |LastRehearsal { time, passed }| {
        Ok::<_, AgentError>(RestoreTest {
            time,
            scope: code("sample")?,
            files: 0,
            restored_bytes: RoundedBytes::default(),
            duration_seconds: 0,
            result: if passed { CheckResult::Passed } else { CheckResult::Failed },
            operator: not_measured(),
        })
    };
    let test = report.proofs.rehearsal.map(scope).transpose()?;
    Ok(Availability {
        destinations: vec![DestinationBlock {
            label: label("destination 1")?,
            kind: report.destination(),
            off_site: report.off_site().map_or(not_configured(), Measured::Known),
            age_seconds: age.map_or(not_measured(), Measured::Known),
            confirmed: not_configured(),
        }],
        // Those known to be damaged are not to be counted on.
        snapshots: report.damaged_snapshots.map_or(not_measured(), |damaged| {
            (report.earlier_runs + u64::from(committed)).saturating_sub(damaged).into()
        }),
        oldest: not_measured(),
        newest: newest.map_or(not_measured(), Measured::Known),
        achieved_age_seconds: since_good.map_or(not_measured(), Measured::Known),
        last_restore_test: test.map_or(Measured::unknown(UnknownWhy::NotDue), Measured::Known),
    })
}

fn traceability(report: &RunReport<'_>) -> Traceability {
    let whole = report.start.map(|start| {
        let sound = report.check.is_none_or(|check| check.ledger == LedgerEnd::Sound);
        sound && !start.forked && !start.store_behind && start.rewound_notes == 0
    });
    Traceability {
        restores: not_measured(),
        deletions: not_measured(),
        config_events: not_measured(),
        key_events: not_measured(),
        head_sequence: not_measured(),
        head: not_measured(),
        chain_whole: whole.map_or(not_measured(), Measured::Known),
    }
}

fn hosting(report: &RunReport<'_>) -> Hosting {
    let host = report.declared.host.as_ref();
    let name = host.and_then(|host| Label::parse(&host.name).ok());
    let country = |host: &HostDeclared| Code::parse(&host.country.as_ref()?.to_ascii_lowercase()).ok();
    let until = host.and_then(|host| host.certified_until);
    let refused = |probe: &scelle_store::probe::ProbeReport| {
        probe.verdict().iter().any(|finding| finding.severity == Severity::Refuse)
    };
    let lock = report.probe.as_ref().and_then(|probe| {
        match (&probe.default_retention, &probe.default_retention_compliance) {
            (Fact::No | Fact::NotApplicable, _) => Some(LockMode::Absent),
            (Fact::Yes, Fact::Yes) => Some(LockMode::Compliance),
            (Fact::Yes, Fact::No) => Some(LockMode::Governance),
            _ => None,
        }
    });
    Hosting {
        host: name.map_or(not_configured(), Measured::Known),
        certificate: not_configured(),
        certificate_until: until.map_or(not_configured(), Measured::Known),
        country: host.and_then(country).map_or(not_configured(), Measured::Known),
        region: not_configured(),
        preflight: report.probe.as_ref().map_or(not_measured(), |probe| {
            Measured::Known(if refused(probe) { CheckResult::Failed } else { CheckResult::Passed })
        }),
        lock: lock.map_or(not_measured(), Measured::Known),
        lock_until: not_measured(),
    }
}

fn alerts(report: &RunReport<'_>, assessment: &Assessment) -> Result<Vec<Alert>> {
    let red = assessment.reasons.iter().filter(|reason| reason.light == Light::Red);
    let red = red.map(|reason| {
        let since = report.memory.open.get(reason.code).map_or(report.ended, |since| Timestamp(*since));
        Ok(Alert { code: code(reason.code)?, since, action: None, author: None, snapshots: None })
    });
    // Amber by then; it stays an anomaly of which the bilan says how much it concerns.
    let accepted = assessment.reasons.iter().filter(|reason| reason.code == LOSS_ACCEPTED);
    let accepted = accepted.filter_map(|_| report.loss).map(|loss| {
        Ok(Alert {
            code: code(LOSS_ACCEPTED)?,
            since: loss.time,
            action: Some(code("acknowledged")?),
            author: Some(code(loss.author.word())?),
            snapshots: Some(loss.snapshots),
        })
    });
    red.chain(accepted).collect()
}

/// Label of a set: the plan's, else one made of the first six characters of the set's id, for every set alike: labels hold six
/// digits at most.
fn set_label(report: &RunReport<'_>) -> Result<Label> {
    if let Some(declared) = &report.declared.label {
        return Ok(declared.clone());
    }
    let short: String =
        report.set.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(6).collect();
    label(format!("ensemble {short}").trim_end())
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0)
}

fn not_measured<T>() -> Measured<T> {
    Measured::unknown(UnknownWhy::NotMeasured)
}

fn not_configured<T>() -> Measured<T> {
    Measured::unknown(UnknownWhy::NotConfigured)
}

fn interrupted<T>() -> Measured<T> {
    Measured::unknown(UnknownWhy::Interrupted)
}

fn code(text: &str) -> Result<Code> {
    Code::parse(text).map_err(AgentError::bug)
}

fn version(text: &str) -> Result<VersionText> {
    VersionText::parse(text).map_err(AgentError::bug)
}

fn label(text: &str) -> Result<Label> {
    Label::parse(text).map_err(AgentError::bug)
}
