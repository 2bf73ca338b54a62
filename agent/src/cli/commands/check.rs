//! `scelle check`: is everything there, as signed, and as far as asked readable?

use super::prospects;
use super::reading::{Key, Reading, open};
use super::told::check::told;
use crate::cli::args::{Check, ReadData as Asked};
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::finding::FindingKind;
use scelle_core::verify::{CheckOptions, CheckReport, ReadData, check};

/// Snapshots of each device whose trees are followed when a key is given.
const TREES: usize = 3;

/// Runs `check`.
pub async fn run(context: &Context, args: Check) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, Key::Optional, true).await?;
    let turn = reading.known.as_ref().map_or(0, |known| known.head.sequence);
    let read_data = match args.read_data {
        None => ReadData::None,
        Some(Asked::All) => ReadData::All,
        Some(Asked::Percent(percent)) => ReadData::Percent { percent, turn },
    };
    let local_head = reading.known.as_ref().and_then(|known| {
        known.head.link().map(|(sequence, hash)| (known.device.id.clone(), sequence, hash))
    });
    let options = CheckOptions { read_data, local_head, trees: TREES };
    let mut report =
        check(&mut reading.repository, &options, &*context.around.monitor, &context.around.shutdown).await?;
    context.around.monitor.finish();
    count_local_copies(context, &reading, &mut report);
    super::damage::record(context, &reading, "check", &report.findings, report.sound_again.clone()).await;
    let prospects = prospects::prospects(context, &reading, &report.findings).await;
    told(context, &report, prospects.as_ref());
    Ok(report.code())
}

/// This PC's state folder holds a copy of the wrapped keys too: where it does, it counts.
fn count_local_copies(context: &Context, reading: &Reading, report: &mut CheckReport) {
    let Some(known) = &reading.known else { return };
    let folder = context.settings.home.join(known.repository.as_str());
    if folder.join(scelle_core::repo::files::KEY_COPIES).is_file() {
        report.key_copies += 1;
        if report.key_copies >= 3 {
            report.findings.retain(|finding| finding.kind != FindingKind::KeyCopies);
        }
    }
}
