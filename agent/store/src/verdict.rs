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
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable word for messages and scripts.
    pub code: &'static str,
}

/// Beyond this many milliseconds requests signed with the local time are refused by most hosts.
const TOLERATED_OFFSET_MS: u64 = 15 * 60 * 1000;

impl ProbeReport {
    /// Whether a locked version was seen to stay.
    fn lock_is_kept(&self) -> bool {
        self.lock_accepted == Fact::Yes && self.locked_delete_refused == Fact::Yes
    }

    /// Judges the facts, worst first.
    ///
    /// Codes: `lock-accepted-but-not-kept`, `lock-may-be-shortened` (refuse); `no-conditional-put`,
    /// `conditional-put-not-atomic`, `no-checksum`, `no-lock`, `no-default-retention`,
    /// `default-retention-not-compliance`, `agent-may-delete-versions` (downgrade); `lock-not-proven`,
    /// `default-retention-unknown`, `conditional-put-unknown`, `agent-may-hide`, `clock-offset`,
    /// `not-ransomware-proof` (note).
    pub fn verdict(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |holds: bool, severity: Severity, code: &'static str| {
            if holds {
                findings.push(Finding { severity, code });
            }
        };
        let has_locks = self.lock_accepted != Fact::NotApplicable;
        let accepted = self.lock_accepted == Fact::Yes;
        let unproven = matches!(self.lock_accepted, Fact::Unknown { .. })
            || (accepted && matches!(self.locked_delete_refused, Fact::Unknown { .. }))
            || (self.lock_is_kept() && matches!(self.shorten_refused, Fact::Unknown { .. }));

        find(
            accepted && self.locked_delete_refused == Fact::No,
            Severity::Refuse,
            "lock-accepted-but-not-kept",
        );
        find(accepted && self.shorten_refused == Fact::No, Severity::Refuse, "lock-may-be-shortened");

        find(self.conditional_put == Fact::No, Severity::Downgrade, "no-conditional-put");
        find(
            self.conditional_put != Fact::No && self.conditional_put_raced == Fact::No,
            Severity::Downgrade,
            "conditional-put-not-atomic",
        );
        find(self.wrong_checksum_refused == Fact::No, Severity::Downgrade, "no-checksum");
        find(has_locks && self.lock_accepted == Fact::No, Severity::Downgrade, "no-lock");
        find(accepted && self.default_retention == Fact::No, Severity::Downgrade, "no-default-retention");
        find(
            self.default_retention == Fact::Yes && self.default_retention_compliance == Fact::No,
            Severity::Downgrade,
            "default-retention-not-compliance",
        );
        find(
            self.may_delete_versions == Fact::Yes && !self.lock_is_kept(),
            Severity::Downgrade,
            "agent-may-delete-versions",
        );

        find(unproven, Severity::Note, "lock-not-proven");
        find(
            accepted && matches!(self.default_retention, Fact::Unknown { .. }),
            Severity::Note,
            "default-retention-unknown",
        );
        find(
            matches!(self.conditional_put, Fact::Unknown { .. })
                || matches!(self.conditional_put_raced, Fact::Unknown { .. }),
            Severity::Note,
            "conditional-put-unknown",
        );
        find(has_locks && self.may_delete == Fact::Yes, Severity::Note, "agent-may-hide");
        find(
            self.clock_offset_ms.is_some_and(|offset| offset.unsigned_abs() > TOLERATED_OFFSET_MS),
            Severity::Note,
            "clock-offset",
        );
        find(!has_locks, Severity::Note, "not-ransomware-proof");
        findings
    }
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

    fn codes(report: &ProbeReport) -> Vec<(Severity, &'static str)> {
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
        let cases: [(Spoil, &[(Severity, &str)]); 14] = [
            (|r| r.locked_delete_refused = Fact::No, &[(Refuse, "lock-accepted-but-not-kept")]),
            (|r| r.shorten_refused = Fact::No, &[(Refuse, "lock-may-be-shortened")]),
            (|r| r.conditional_put = Fact::No, &[(Downgrade, "no-conditional-put")]),
            (|r| r.conditional_put_raced = Fact::No, &[(Downgrade, "conditional-put-not-atomic")]),
            (|r| r.wrong_checksum_refused = Fact::No, &[(Downgrade, "no-checksum")]),
            (|r| r.lock_accepted = Fact::No, &[(Downgrade, "no-lock")]),
            (|r| r.default_retention = Fact::No, &[(Downgrade, "no-default-retention")]),
            (
                |r| r.default_retention_compliance = Fact::No,
                &[(Downgrade, "default-retention-not-compliance")],
            ),
            (|r| r.locked_delete_refused = Fact::unknown("rights"), &[(Note, "lock-not-proven")]),
            (|r| r.default_retention = Fact::unknown("rights"), &[(Note, "default-retention-unknown")]),
            (|r| r.conditional_put = Fact::unknown("busy"), &[(Note, "conditional-put-unknown")]),
            (|r| r.may_delete = Fact::Yes, &[(Note, "agent-may-hide")]),
            (|r| r.clock_offset_ms = Some(-3_600_000), &[(Note, "clock-offset")]),
            (|r| r.may_delete_versions = Fact::Yes, &[]),
        ];
        for (index, (spoil, expected)) in cases.into_iter().enumerate() {
            let mut report = good();
            spoil(&mut report);
            assert_eq!(codes(&report), expected, "case {index}");
        }
    }

    #[test]
    fn deleting_versions_counts_where_no_lock_is_kept() {
        let report = ProbeReport { lock_accepted: Fact::No, may_delete_versions: Fact::Yes, ..good() };
        let findings = codes(&report);
        assert!(findings.contains(&(Severity::Downgrade, "agent-may-delete-versions")), "{findings:?}");
    }
}
