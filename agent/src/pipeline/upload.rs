//! Sending packs: journalled before, confirmed after.
//!
//! Verified packs come from the workers, several are sent at a time, and the journal knows each one before its first byte
//! leaves, so that an interrupted run is taken up again. Once a pack is sent the store is asked to show it, while others are
//! on their way. Never: seals, sends a note, or believes that a pack is there because it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::id::{PackId, PackKind};
use scelle_format::layout;
use scelle_store::Put;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::packs::VerifiedPack;
use crate::catalog::{Journal, JournaledPack};
use crate::error::{AgentError, Result};
use crate::monitor::Monitor;
use crate::repo::objects::Objects;
use crate::shutdown::Shutdown;

/// Packs sent at a time.
pub const CONCURRENT_PUTS: usize = 4;

/// Packs that this run has sent and the store then showed with their sizes: proof that the upload stage is over.
#[derive(Debug, Default)]
pub struct Uploaded {
    pub(super) packs: BTreeMap<PackId, (PackKind, u64)>,
    /// Bytes that were really sent.
    pub(super) sent_bytes: u64,
}

/// Sends everything that comes out of `sealed` until the workers have let go of it.
pub async fn upload(
    objects: Arc<Objects>,
    journal: Arc<Mutex<Journal>>,
    mut sealed: tokio::sync::mpsc::Receiver<VerifiedPack>,
    monitor: Arc<dyn Monitor>,
    sent_bytes: Arc<AtomicU64>,
    shutdown: Shutdown,
) -> Result<Uploaded> {
    let slots = Arc::new(Semaphore::new(CONCURRENT_PUTS));
    let mut sending: JoinSet<Result<(PackId, PackKind, u64)>> = JoinSet::new();
    let mut uploaded = Uploaded::default();
    while let Some(pack) = sealed.recv().await {
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot.map_err(AgentError::bug)?,
            () = shutdown.token().cancelled() => return Err(AgentError::interrupted()),
        };
        while let Some(done) = sending.try_join_next() {
            keep(&mut uploaded, done)?;
        }
        let (objects, journal, monitor) = (objects.clone(), journal.clone(), monitor.clone());
        let (sent_bytes, shutdown) = (sent_bytes.clone(), shutdown.clone());
        sending.spawn(async move {
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
            show(&objects, pack.kind, &pack.id, object_bytes).await?;
            Ok((pack.id, pack.kind, object_bytes))
        });
    }
    while let Some(done) = sending.join_next().await {
        keep(&mut uploaded, done)?;
    }
    uploaded.sent_bytes = sent_bytes.load(Ordering::Relaxed);
    Ok(uploaded)
}

/// Asks the store for a pack.
///
/// Errors: exit 13 when it is not there with this size.
pub(super) async fn show(objects: &Objects, kind: PackKind, id: &PackId, object_bytes: u64) -> Result<()> {
    let name = layout::pack(kind, id);
    match objects.head(&name).await? {
        Some(meta) if meta.bytes == object_bytes => Ok(()),
        _ => Err(AgentError::not_confirmed().at(name)),
    }
}

type Sent = std::result::Result<Result<(PackId, PackKind, u64)>, tokio::task::JoinError>;

fn keep(uploaded: &mut Uploaded, done: Sent) -> Result<()> {
    let (id, kind, object_bytes) = done.map_err(AgentError::bug)??;
    uploaded.packs.insert(id, (kind, object_bytes));
    Ok(())
}

/// Takes up what an interrupted run has sent: packs that the store really has, with their size.
pub async fn resume(objects: &Objects, journal: &Mutex<Journal>) -> Result<Vec<JournaledPack>> {
    let packs = journal.lock().packs()?;
    let mut present = Vec::new();
    for pack in packs {
        let name = layout::pack(pack.kind, &pack.id);
        match objects.head(&name).await? {
            Some(meta) if meta.bytes == pack.object_bytes => present.push(pack),
            _ => journal.lock().strike(&pack.id)?,
        }
    }
    Ok(present)
}
