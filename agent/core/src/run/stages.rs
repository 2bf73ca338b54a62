//! The stages of a run before its bilan: the ledger is compared with the store's, then the pipeline runs, up to three times.
//!
//! Data comes from ledger and store; what is missing is told to the monitor and recorded. Never: names what is not there.

use scelle_format::layout;
use scelle_format::ledger::FoundBad;

use super::opened::Run;
use crate::bilan;
use crate::error::{AgentError, Result};
use crate::monitor::Notice;
use crate::pipeline::{self, Attempt, BeforeNote, RunPlan, Saved};
use crate::repo::damage::Damage;
use crate::repo::damage::elsewhere::FoundElsewhere;
use crate::repo::finding::{FindingKind, FoundBy};
use crate::repo::ledger::alarms::ChainAlarms;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::append::start::Start;
use crate::repo::ledger::history::History;
use crate::repo::ledger::rebuild;
use crate::verify::listing::Listing;

/// Compares the ledger with the store's and brings local copies up to date.
pub(super) async fn begin(run: &Run, ledger: &mut LedgerWriter<'_>) -> Result<Start> {
    let (seat, descriptors) = (&run.seat, &run.descriptors);
    let (state, monitor) = (&seat.state, &seat.around.monitor);
    let start = ledger.start(descriptors).await?;
    if start.rewound_notes > 0 {
        monitor.notice(Notice::Rewound { notes: start.rewound_notes });
    }
    if start.forked {
        monitor.notice(Notice::ForkAlarm);
    }
    if let Some(snapshot) = start.lost_snapshot {
        monitor.notice(Notice::SnapshotVanished { snapshot });
    }
    if !ChainAlarms::load(state).is_known() {
        // Before anything may end this run: its bilan must know them too.
        match ledger.head().snapshot {
            0 => ChainAlarms::load(state).recall(state, [], 0)?,
            _ => {
                let history = History::load(seat.objects(), descriptors).await?;
                bilan::recall::chain_alarms(seat.objects(), &history, &seat.device.id, state).await?;
            }
        }
    }
    let index = state.index();
    index.keep_only(ledger.head().segments.iter().map(|(sha256, _)| sha256));
    let lost_copy = ledger.head().segments.iter().any(|(sha256, _)| index.rows(sha256).is_none());
    if ledger.head().is_index_unknown || lost_copy {
        let mut head = ledger.head().clone();
        rebuild::segments(seat.objects(), state, &seat.device, &mut head, descriptors).await?;
        head.is_index_unknown = false;
        *ledger.head_mut() = head;
        ledger.save_head()?;
        monitor.notice(Notice::CatalogRebuilt);
    }
    Ok(start)
}

/// What is known to be damaged, with what was found at this address before a backup was made here. Where this computer has forgotten
/// whether an alarm about altered objects is open, the ledger tells.
pub(super) async fn known_damage(run: &Run, ledger: &mut LedgerWriter<'_>) -> Result<Damage> {
    let (seat, descriptors) = (&run.seat, &run.descriptors);
    let mut damage = Damage::look(seat.objects(), &seat.state, &seat.device, descriptors).await?;
    if damage.is_alarm_unknown() {
        let history = History::load(seat.objects(), descriptors).await?;
        damage.recall_altered(bilan::recall::open_alarm(seat.objects(), &history, &seat.device.id).await?);
        damage.save(&seat.state)?;
    }
    damage.forget_strangers(seat.objects(), &seat.state, descriptors)?;
    let found = FoundElsewhere::found_at(&seat.state, &seat.device.place);
    if !found.is_empty() {
        let news: Vec<_> = found.into_iter().filter(|bad| !damage.is_open(&bad.name)).collect();
        damage.record(ledger, &seat.state, FoundBy::Check, news, Vec::new()).await?;
        FoundElsewhere::forget(&seat.state, &seat.device.place)?;
    }
    Ok(damage)
}

/// Runs the pipeline. Where packs that the snapshot would build on are gone it begins once more without them: their content
/// is read from the source again, and no note ever names what is not there. It also begins once more where what this PC
/// remembers is damaged, without it. What this PC has copies of is mended before. Also returns how many objects were.
///
/// Errors: exit 13 where a second time packs are not shown.
pub(super) async fn attempts(
    run: &Run,
    ledger: &mut LedgerWriter<'_>,
    plan: &RunPlan,
    damage: &mut Damage,
    before_note: BeforeNote<'_>,
) -> Result<(Saved, u64)> {
    let (seat, descriptors) = (&run.seat, &run.descriptors);
    let mut mended = seat.mend_before(ledger, descriptors, damage).await?;
    let first = match pipeline::backup(plan, seat, ledger, damage, before_note).await {
        Err(error) if error.is_of_the_cache() => {
            seat.state.forget_caches();
            seat.around.monitor.notice(Notice::CatalogRebuilt);
            pipeline::backup(plan, seat, ledger, damage, before_note).await?
        }
        first => first?,
    };
    let lacking = match first {
        Attempt::Whole(saved) => return Ok((*saved, mended)),
        Attempt::Lacking(listing) => listing,
    };
    let bad = found_bad(&lacking);
    bad.iter().for_each(|bad| seat.around.monitor.notice(Notice::Damaged { key: bad.name.clone() }));
    damage.record(ledger, &seat.state, FoundBy::Backup, bad, Vec::new()).await?;
    mended += seat.mend_known(ledger, descriptors, damage).await?;
    match pipeline::backup(plan, seat, ledger, damage, before_note).await? {
        Attempt::Whole(saved) => Ok((*saved, mended)),
        Attempt::Lacking(listing) => {
            let first = found_bad(&listing).into_iter().next().map(|bad| bad.name);
            Err(AgentError::not_confirmed().at(first.unwrap_or_default()))
        }
    }
}

/// What a listing lacks, for the ledger.
fn found_bad(listing: &Listing) -> Vec<FoundBad> {
    let bad = |why: FindingKind| {
        move |(kind, pack): &(_, _)| FoundBad { name: layout::pack(*kind, pack), why: why.code().to_owned() }
    };
    let missing = listing.missing.iter().map(bad(FindingKind::PackMissing));
    missing.chain(listing.wrong_size.iter().map(bad(FindingKind::PackTruncated))).collect()
}
