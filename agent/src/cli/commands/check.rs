//! `scelle check`: is everything there, as signed, and as far as asked readable?
//!
//! From what was typed to [`Reading::check`](super::reading::Reading::check); the report goes to the screen, and what is new in it
//! to the ledger. Never: repairs.

use super::reading::{Depth, KeyNeed, open};
use super::told::check::told;
use crate::cli::args::{Check, ReadDataAsked};
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::finding::FoundBy;
use scelle_core::verify::ReadData;

/// Runs `check`.
pub async fn run(context: &Context, args: Check) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, KeyNeed::Optional, Depth::WholeAndKept).await?;
    let report = reading
        .check(match args.read_data {
            None => ReadData::None,
            Some(ReadDataAsked::All) => ReadData::All,
            Some(ReadDataAsked::Percent(percent)) => ReadData::Percent { percent, turn: 0 },
        })
        .await?;
    super::damage::record(context, &reading, FoundBy::Check, &report.findings, report.sound_again.clone())
        .await;
    let prospects = reading.prospects(&report.findings).await;
    told(context, &report, prospects.as_ref());
    Ok(report.code())
}
