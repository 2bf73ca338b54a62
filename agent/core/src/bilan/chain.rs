//! What a run saw of the ledger, and what earlier runs saw that nobody has acknowledged.
//!
//! From a [`RunReport`] to the fact about the chain. Never: forgets an alarm because the next run sees nothing of it.

use scelle_format::report::Chain;

use super::run::RunReport;
use crate::repo::finding::FindingKind;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::alarms::{FORK, REWOUND_AGAIN, ROLLED_BACK};
use crate::repo::rounds::LedgerEnd;

/// What this run saw of the ledger; where that is nothing worse, what earlier runs saw and nobody has acknowledged.
pub(super) fn chain(report: &RunReport<'_>) -> Option<Chain> {
    let seen = seen(report);
    if !matches!(seen, None | Some(Chain::Whole | Chain::Rewound)) {
        return seen;
    }
    match report.chain_alarm {
        Some(FORK) => Some(Chain::Fork),
        Some(REWOUND_AGAIN) => Some(Chain::RewoundAgain),
        Some(_) => Some(Chain::RolledBack),
        None if report.damaged.accepted_notes > 0 => Some(Chain::GapDeclared),
        None => seen,
    }
}

/// What this run itself saw of the ledger.
fn seen(report: &RunReport<'_>) -> Option<Chain> {
    let rolled_back =
        |d: &Descriptors| d.findings.iter().any(|finding| finding.kind == FindingKind::DescriptorRollback);
    let ledger = report.check.map(|check| check.ledger);
    if report.start.is_some_and(|start| start.forked) || ledger == Some(LedgerEnd::Forked) {
        return Some(Chain::Fork);
    }
    if report.start.is_some_and(|start| start.store_behind) || report.descriptors.is_some_and(rolled_back) {
        return Some(Chain::RolledBack);
    }
    if ledger == Some(LedgerEnd::Unsound) {
        return Some(Chain::Broken);
    }
    let start = report.start?;
    Some(match start.rewound_notes {
        0 => Chain::Whole,
        _ if start.rewound_before => Chain::RewoundAgain,
        _ => Chain::Rewound,
    })
}

/// The alarm that stays after what this run saw: its code.
pub(super) fn alarm_seen(report: &RunReport<'_>) -> Option<&'static str> {
    match seen(report)? {
        Chain::Fork => Some(FORK),
        Chain::RewoundAgain => Some(REWOUND_AGAIN),
        Chain::RolledBack => Some(ROLLED_BACK),
        _ => None,
    }
}
