//! Sending packs: journalled before, confirmed after.
//!
//! Verified packs come from the workers, several are sent at a time, and the journal knows each one before its first byte
//! leaves, so that an interrupted run is taken up again. Once a pack is sent the store is asked to show it, while others are
//! on their way. Never: seals, sends a note, or believes that a pack is there because it was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use scelle_format::layout;
use scelle_store::Put;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use crate::catalog::{Journal, JournaledPack};
use crate::error::{AgentError, Result};
use crate::monitor::Monitor;
use crate::pipeline::chunks::packs::VerifiedPack;
use crate::pipeline::landing::shown::{CONCURRENT_HEADS, is_shown};
use crate::pipeline::landing::stages::Uploaded;
use crate::repo::damage::Avoided;
use crate::repo::objects::Objects;
use crate::repo::objects::destination::Destination;
use crate::shutdown::Shutdown;

/// Packs sent at a time.
pub const CONCURRENT_PUTS: usize = 4;

/// Sends everything that comes out of `sealed` to one destination until the workers have let go of it.
pub async fn upload(
    to: Destination,
    journal: Arc<Mutex<Journal>>,
    mut sealed: tokio::sync::mpsc::Receiver<VerifiedPack>,
    monitor: Arc<dyn Monitor>,
    sent_bytes: Arc<AtomicU64>,
    shutdown: Shutdown,
) -> Result<Uploaded> {
    let slots = Arc::new(Semaphore::new(CONCURRENT_PUTS));
    let mut sending: JoinSet<Result<SentPack>> = JoinSet::new();
    let mut uploaded = Uploaded::nothing(to.clone());
    while let Some(pack) = sealed.recv().await {
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot.map_err(AgentError::bug)?,
            () = shutdown.token().cancelled() => return Err(AgentError::interrupted()),
        };
        while let Some(done) = sending.try_join_next() {
            keep(&mut uploaded, done)?;
        }
        let (objects, journal, monitor) = (to.objects.clone(), journal.clone(), monitor.clone());
        let (sent_bytes, shutdown) = (sent_bytes.clone(), shutdown.clone());
        let sent = async move {
            let object_bytes = pack.bytes.len() as u64;
            let row = JournaledPack { kind: pack.kind, id: pack.id, object_bytes };
            journal.lock().add(&row, &pack.trailer)?;
            let name = layout::pack(pack.kind, &pack.id);
            // A limited line may take minutes for what is under way: who asks to stop does not wait for it.
            let put = tokio::select! {
                put = objects.put_new_hashed(&name, pack.bytes, &pack.id.sha256) => put?,
                () = shutdown.token().cancelled() => return Err(AgentError::interrupted()),
            };
            if put == Put::Created {
                sent_bytes.fetch_add(object_bytes, Ordering::Relaxed);
                monitor.stored(object_bytes);
            }
            // The line is for the next pack while the store is asked for this one.
            drop(slot);
            let is_shown = is_shown(&objects, &row).await?;
            Ok(SentPack { row, is_shown })
        };
        sending.spawn(sent.in_current_span());
    }
    while let Some(done) = sending.join_next().await {
        keep(&mut uploaded, done)?;
    }
    uploaded.sent_bytes = sent_bytes.load(Ordering::Relaxed);
    Ok(uploaded)
}

/// A pack that was sent, and whether the store showed it then.
struct SentPack {
    row: JournaledPack,
    is_shown: bool,
}

fn keep(uploaded: &mut Uploaded, done: std::result::Result<Result<SentPack>, JoinError>) -> Result<()> {
    let SentPack { row, is_shown } = done.map_err(AgentError::bug)??;
    match is_shown {
        true => drop(uploaded.packs.insert(row.id, (row.kind, row.object_bytes))),
        false => uploaded.unseen.push(row),
    }
    Ok(())
}

/// Takes up what an interrupted run has sent: packs that the store really has, with their size.
pub async fn resume(
    objects: &Objects,
    journal: &Mutex<Journal>,
    avoided: &Avoided,
) -> Result<Vec<JournaledPack>> {
    let packs = journal.lock().packs()?;
    // Who died may have died before the pack was read back.
    let asked = packs.into_iter().map(|pack| async move {
        let name = layout::pack(pack.kind, &pack.id);
        Ok((pack, objects.is_whole(&name, &pack.id.sha256, pack.object_bytes).await?))
    });
    let shown: Result<Vec<_>> = stream::iter(asked).buffered(CONCURRENT_HEADS).try_collect().await;
    let mut present = Vec::new();
    for (pack, is_shown) in shown? {
        match is_shown && !avoided.has(&pack.id) {
            true => present.push(pack),
            false => journal.lock().strike(&pack.id)?,
        }
    }
    Ok(present)
}
