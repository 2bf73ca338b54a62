//! One backup run, from the walk to the snapshot's note.
//!
//! [`backup`] is the page to read first; below it are the rooms, from the ground: `chunks`, `jobs`, `database`, `workers`, `gather`,
//! and beside them `landing`, on which `closing` stands too. The scan and the workers run on threads, store calls on the async runtime;
//! every channel is bounded and every task is joined. Never: commits what the store did not show.

pub mod chunks;
pub mod closing;
pub mod database;
mod gather;
pub mod jobs;
pub mod landing;
mod workers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use scelle_format::id::{PackId, PackKind};
use tracing::Instrument as _;

use self::closing::naming::Naming;
use self::gather::make::{Made, Making};
use self::landing::caches::Caches;
use self::landing::checkpoint::Checkpoints;
use self::landing::stages::Uploaded;
use self::landing::upload;
use crate::catalog::JournaledPack;
use crate::clock::now;
use crate::error::{AgentError, Result};
use crate::monitor::Phase;
use crate::repo::damage::{Avoided, Damage};
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::seat::Seat;

pub use self::closing::naming::BeforeNote;
pub use self::closing::saved::{Attempt, Saved};
pub use self::gather::changes::Changes;
pub use self::gather::found::Sources as SourcesFound;
pub use self::gather::gathered::Gathered;
pub use self::gather::plan::RunPlan;
pub use self::gather::unread::UnreadCount;

/// One run: scan, read, seal, send, confirm, index, commit.
pub async fn backup(
    plan: &RunPlan,
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    damage: &mut Damage,
    before_note: BeforeNote<'_>,
) -> Result<Attempt> {
    let began = now(&*seat.around.clock);
    let avoided = Arc::new(damage.avoided());
    let mut caches = Caches::open(seat, &avoided)?;
    let resumed = upload::resume(seat.objects(), &caches.journal, &avoided).await?;

    let making = make_and_send(plan, seat, ledger, &caches, &resumed, &avoided, damage);
    let (made, uploaded) = seat.around.stage(Phase::Backup, making).await?;
    if made.gathered.is_nothing() {
        return Err(AgentError::nothing_saved());
    }

    let naming = Naming { plan, seat, ledger, damage, caches: &mut caches, began, before_note };
    seat.around.stage(Phase::Commit, naming.confirm_and_commit(made, uploaded, &resumed)).await
}

/// Threads walk, read and seal while packs are sent; now and then a partial note names those that are there.
async fn make_and_send(
    plan: &RunPlan,
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    caches: &Caches,
    resumed: &[JournaledPack],
    avoided: &Arc<Avoided>,
    damage: &Damage,
) -> Result<(Made, Uploaded)> {
    let (around, journal) = (&seat.around, &caches.journal);
    let (sealed, packs) = tokio::sync::mpsc::channel(1);
    let sent_bytes = Arc::new(AtomicU64::new(0));
    let uploading = upload::upload(
        seat.destination().clone(),
        journal.clone(),
        packs,
        around.monitor.clone(),
        sent_bytes.clone(),
        around.shutdown.clone(),
    );
    let uploading = tokio::spawn(uploading.in_current_span());
    let making = Making {
        plan,
        seat,
        caches,
        segments: ledger.head().segments.iter().map(|(sha256, _)| sha256.clone()).collect(),
        avoided,
        open: open_data_packs(damage),
        resumed,
    };
    let (every, device, clock) = (plan.checkpoints, &seat.device, &*around.clock);
    let mut checkpoints =
        Checkpoints::new(every, seat.destination(), device, &plan.set, clock, journal, ledger);
    let mut checkpoint = || checkpoints.look(sent_bytes.load(Ordering::Relaxed));
    let made = tokio::task::block_in_place(|| making.run(sealed, &mut checkpoint));
    // Where both ended badly, the upload's reason is the cause.
    let uploaded = uploading.await.map_err(AgentError::bug)??;
    Ok((made?, uploaded))
}

fn open_data_packs(damage: &Damage) -> BTreeSet<PackId> {
    let open = damage.open_packs().into_iter().filter(|(kind, _)| *kind == PackKind::Data);
    open.map(|(_, pack)| pack).collect()
}
