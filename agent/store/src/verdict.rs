//! What the facts of a probe mean for a backup.
//!
//! For: `init` and `doctor`. A pure function from facts to findings. Never: asks the store.

use serde::Serialize;

use crate::probe::{Fact, ProbeReport};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth saying.
    Note,
    /// The store can be used with less protection than meant; the user must be told.
    Downgrade,
    /// The store says one thing and does another: do not use it.
    Refuse,
}

/// One conclusion from a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeFinding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: Code,
}

/// What a probe can conclude. Whoever shows one to a person matches all of them: a conclusion without a sentence does not
/// compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A lock is taken, and the version is deleted all the same.
    LockAcceptedButNotKept,
    /// The end of a lock could be brought forward.
    LockMayBeShortened,
    /// `If-None-Match` is ignored.
    NoConditionalPut,
    /// Of several at once more than one was told that it won.
    ConditionalPutNotAtomic,
    /// A body that does not match any of its announced hashes is taken.
    NoChecksum,
    /// No Object Lock at all.
    NoLock,
    /// The bucket locks nothing by itself.
    NoDefaultRetention,
    /// It does, in GOVERNANCE mode, which an administrator can lift.
    DefaultRetentionNotCompliance,
    /// The credential may delete versions, and no lock was seen to hold them.
    AgentMayDeleteVersions,
    /// Whether a lock holds could not be learned.
    LockNotProven,
    /// Whether the bucket locks by itself could not be learned.
    DefaultRetentionUnknown,
    /// Whether `If-None-Match` is honoured could not be learned.
    ConditionalPutUnknown,
    /// The credential may put delete markers on everything.
    AgentMayHide,
    /// The clocks are so far apart that most hosts refuse the local time.
    ClockOffset,
    /// A folder: who can write in it can delete in it.
    NotRansomwareProof,
}

impl Code {
    /// Every code, worst first.
    pub const ALL: [Self; 15] = [
        Self::LockAcceptedButNotKept,
        Self::LockMayBeShortened,
        Self::NoConditionalPut,
        Self::ConditionalPutNotAtomic,
        Self::NoChecksum,
        Self::NoLock,
        Self::NoDefaultRetention,
        Self::DefaultRetentionNotCompliance,
        Self::AgentMayDeleteVersions,
        Self::LockNotProven,
        Self::DefaultRetentionUnknown,
        Self::ConditionalPutUnknown,
        Self::AgentMayHide,
        Self::ClockOffset,
        Self::NotRansomwareProof,
    ];
}

/// Beyond this many milliseconds requests signed with the local time are refused by most hosts.
const TOLERATED_OFFSET_MS: u64 = 15 * 60 * 1000;

impl ProbeReport {
    /// Whether a locked version was seen to stay.
    fn lock_is_kept(&self) -> bool {
        // The bucket's own lock, where this credential may set none.
        let may_set_none = matches!(self.lock_accepted, Fact::Unknown { .. });
        let is_locked =
            self.lock_accepted == Fact::Yes || may_set_none && self.default_retention_compliance == Fact::Yes;
        is_locked && self.locked_delete_refused == Fact::Yes
    }

    /// Judges the facts, worst first.
    ///
    /// Refused: a lock that is not kept or may be shortened. Noted only: what could not be learned, `agent-may-hide`,
    /// `clock-offset`, `not-ransomware-proof`. The rest is a downgrade.
    pub fn verdict(&self) -> Vec<ProbeFinding> {
        let judged = [
            (Severity::Refuse, self.refused()),
            (Severity::Downgrade, self.downgraded()),
            (Severity::Note, self.noted()),
        ];
        let findings = judged
            .into_iter()
            .flat_map(|(severity, codes)| codes.into_iter().map(move |code| ProbeFinding { severity, code }));
        findings.collect()
    }

    fn refused(&self) -> Vec<Code> {
        let accepted = self.lock_accepted == Fact::Yes;
        those_that_hold([
            (accepted && self.locked_delete_refused == Fact::No, Code::LockAcceptedButNotKept),
            (accepted && self.shorten_refused == Fact::No, Code::LockMayBeShortened),
        ])
    }

    fn downgraded(&self) -> Vec<Code> {
        let conditional = self.conditional_put != Fact::No;
        let compliance_is_off =
            self.default_retention == Fact::Yes && self.default_retention_compliance == Fact::No;
        those_that_hold([
            (!conditional, Code::NoConditionalPut),
            (conditional && self.conditional_put_raced == Fact::No, Code::ConditionalPutNotAtomic),
            (self.wrong_checksum_refused == Fact::No, Code::NoChecksum),
            (self.lock_accepted == Fact::No, Code::NoLock),
            (self.lock_accepted == Fact::Yes && self.default_retention == Fact::No, Code::NoDefaultRetention),
            (compliance_is_off, Code::DefaultRetentionNotCompliance),
            (self.may_delete_versions == Fact::Yes && !self.lock_is_kept(), Code::AgentMayDeleteVersions),
        ])
    }

    fn noted(&self) -> Vec<Code> {
        let is_unknown = |fact: &Fact| matches!(fact, Fact::Unknown { .. });
        let accepted = self.lock_accepted == Fact::Yes;
        let has_locks = self.lock_accepted != Fact::NotApplicable;
        // Who may set no lock may have tried the bucket's own.
        let is_unproven = (is_unknown(&self.lock_accepted) && self.locked_delete_refused != Fact::Yes)
            || (accepted && is_unknown(&self.locked_delete_refused))
            || (self.lock_is_kept() && is_unknown(&self.shorten_refused));
        let is_conditional_unknown =
            is_unknown(&self.conditional_put) || is_unknown(&self.conditional_put_raced);
        // Without versions there is nothing below a marker: what is deleted is gone, and `no-lock` says so.
        let hides = has_locks && self.versioning != Fact::No && self.may_delete == Fact::Yes;
        let is_clock_off = self.clock_offset_ms.is_some_and(|ms| ms.unsigned_abs() > TOLERATED_OFFSET_MS);
        those_that_hold([
            (is_unproven, Code::LockNotProven),
            (accepted && is_unknown(&self.default_retention), Code::DefaultRetentionUnknown),
            (is_conditional_unknown, Code::ConditionalPutUnknown),
            (hides, Code::AgentMayHide),
            (is_clock_off, Code::ClockOffset),
            (!has_locks, Code::NotRansomwareProof),
        ])
    }
}

fn those_that_hold<const N: usize>(codes: [(bool, Code); N]) -> Vec<Code> {
    codes.into_iter().filter(|(holds, _)| *holds).map(|(_, code)| code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A versioned bucket with a COMPLIANCE default retention and a put-only credential.
    fn good() -> ProbeReport {
        ProbeReport {
            conditional_put: Fact::Yes,
            conditional_put_raced: Fact::Yes,
            wrong_checksum_refused: Fact::Yes,
            versioning: Fact::Yes,
            lock_accepted: Fact::Yes,
            locked_delete_refused: Fact::Yes,
            shorten_refused: Fact::Yes,
            default_retention: Fact::Yes,
            default_retention_days: Some(30),
            default_retention_compliance: Fact::Yes,
            may_read: Fact::No,
            may_list: Fact::No,
            may_delete: Fact::No,
            may_delete_versions: Fact::No,
            clock_offset_ms: Some(120),
        }
    }

    fn codes(report: &ProbeReport) -> Vec<(Severity, Code)> {
        report.verdict().into_iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn a_good_bucket_gives_no_finding() {
        assert_eq!(codes(&good()), []);
    }

    #[test]
    fn each_fact_alone_gives_its_finding() {
        use Severity::{Downgrade, Note, Refuse};
        type Spoil = fn(&mut ProbeReport);
        let cases: [(Spoil, &[(Severity, Code)]); 14] = [
            (|r| r.locked_delete_refused = Fact::No, &[(Refuse, Code::LockAcceptedButNotKept)]),
            (|r| r.shorten_refused = Fact::No, &[(Refuse, Code::LockMayBeShortened)]),
            (|r| r.conditional_put = Fact::No, &[(Downgrade, Code::NoConditionalPut)]),
            (|r| r.conditional_put_raced = Fact::No, &[(Downgrade, Code::ConditionalPutNotAtomic)]),
            (|r| r.wrong_checksum_refused = Fact::No, &[(Downgrade, Code::NoChecksum)]),
            (|r| r.lock_accepted = Fact::No, &[(Downgrade, Code::NoLock)]),
            (|r| r.default_retention = Fact::No, &[(Downgrade, Code::NoDefaultRetention)]),
            (
                |r| r.default_retention_compliance = Fact::No,
                &[(Downgrade, Code::DefaultRetentionNotCompliance)],
            ),
            (|r| r.locked_delete_refused = Fact::unknown("rights"), &[(Note, Code::LockNotProven)]),
            (|r| r.default_retention = Fact::unknown("rights"), &[(Note, Code::DefaultRetentionUnknown)]),
            (|r| r.conditional_put = Fact::unknown("busy"), &[(Note, Code::ConditionalPutUnknown)]),
            (|r| r.may_delete = Fact::Yes, &[(Note, Code::AgentMayHide)]),
            (|r| r.clock_offset_ms = Some(-3_600_000), &[(Note, Code::ClockOffset)]),
            (|r| r.may_delete_versions = Fact::Yes, &[]),
        ];
        for (index, (spoil, expected)) in cases.into_iter().enumerate() {
            let mut report = good();
            spoil(&mut report);
            assert_eq!(codes(&report), expected, "case {index}");
        }
    }

    #[test]
    fn nobody_is_said_to_hide_in_a_bucket_without_versions() {
        let plain = ProbeReport {
            versioning: Fact::No,
            lock_accepted: Fact::No,
            default_retention: Fact::No,
            may_delete: Fact::Yes,
            ..good()
        };
        assert_eq!(codes(&plain), [(Severity::Downgrade, Code::NoLock)]);
    }

    #[test]
    fn deleting_versions_counts_where_no_lock_is_kept() {
        let report = ProbeReport { lock_accepted: Fact::No, may_delete_versions: Fact::Yes, ..good() };
        let findings = codes(&report);
        assert!(findings.contains(&(Severity::Downgrade, Code::AgentMayDeleteVersions)), "{findings:?}");
    }
}
