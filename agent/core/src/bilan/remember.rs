//! What one run adds to the memory of the bilans.
//!
//! From a [`RunReport`] and its lights to the [`Memory`] that the next bilan starts from. Never: kept here.

use scelle_format::report::{Assessment, Light};

use super::accepted::Counted;
use super::held;
use super::memory::{Memory, SOURCE_ALARMS, stays_open};
use super::run::{RunEnd, RunReport};

/// What the next bilan is to know after this one.
pub fn memory_after(report: &RunReport<'_>, assessment: &Assessment) -> Memory {
    let mut memory = report.memory.clone();
    let red = assessment.reasons.iter().filter(|reason| reason.light == Light::Red);
    let since = |code: &str| report.memory.open.get(code).copied().unwrap_or(report.ended.0);
    memory.open = red.map(|reason| (reason.code.to_owned(), since(reason.code))).collect();
    if let RunEnd::Committed(outcome) = report.end {
        memory.last_good = Some(report.ended.0);
        if !report.is_set_known {
            return memory;
        }
        let has = |code: &str| assessment.reasons.iter().any(|reason| reason.code == code);
        let changes = outcome.gathered.changes;
        let seen = report.seen().unwrap_or_default();
        let set = memory.sets.entry(report.set.to_owned()).or_default();
        let since = |code: &str| set.alarms.get(code).copied().unwrap_or(report.ended.0);
        let open = SOURCE_ALARMS.into_iter().filter(|code| stays_open(code) && has(code));
        set.alarms = open.map(|code| (code.to_owned(), since(code))).collect();
        set.roots = held::after(&set.roots, &seen.root_files, report.ended.0);
        set.unread = report.unread();
        set.missing_accepted &= outcome.gathered.sources.missing_roots > 0;
        let in_order = !["few-files-lost", "files-lost", "root-emptied", "root-missing", "sources-shrunk"]
            .into_iter()
            .any(has);
        if in_order {
            let snapshot = outcome.committed.snapshot;
            set.accepted.accept(Counted {
                snapshot,
                time: report.ended.0,
                files: seen.files,
                bytes: seen.bytes,
            });
        }
        if changes.new + changes.changed + changes.removed > 0 || set.last_change == 0 {
            set.last_change = report.ended.0;
        }
    }
    memory
}
