//! Partial notes: a long first upload names what it has sent before it is whole (FORMAT.md §10, §12).
//!
//! Without them a host that clears away unreferenced objects could eat weeks of work. Written from the scan, between
//! two hunks, when enough bytes or hours have gone by. Never: makes a snapshot that could be restored.

use std::time::{Duration, SystemTime};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use scelle_format::ledger::{NoteKind, SnapshotStatus};
use scelle_format::padme::padme;
use scelle_format::refs::{PackSet, Refs};
use tokio::runtime::Handle;

use crate::catalog::Journal;
use crate::clock::Clock;
use crate::error::{AgentError, Result};
use crate::pipeline::landing::shown::{CONCURRENT_HEADS, is_shown};
use crate::pipeline::landing::stages::ShownSoFar;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::objects::destination::Destination;
use crate::repo::state::Device;

/// When a partial note is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointEvery {
    /// After so many bytes sent.
    pub bytes: u64,
    /// After so much time.
    pub time: Duration,
}

impl Default for CheckpointEvery {
    fn default() -> Self {
        Self { bytes: 20_000_000_000, time: Duration::from_secs(6 * 3600) }
    }
}

/// Writes partial notes during one run.
pub struct Checkpoints<'a, 'b> {
    every: CheckpointEvery,
    to: &'a Destination,
    device: &'a Device,
    set: &'a str,
    clock: &'a dyn Clock,
    journal: &'a Mutex<Journal>,
    ledger: &'a mut LedgerWriter<'b>,
    runtime: Handle,
    last_bytes: u64,
    last_time: SystemTime,
    /// Partial notes written so far.
    pub written: u64,
}

impl<'a, 'b> Checkpoints<'a, 'b> {
    /// None is due yet.
    pub fn new(
        every: CheckpointEvery,
        to: &'a Destination,
        device: &'a Device,
        set: &'a str,
        clock: &'a dyn Clock,
        journal: &'a Mutex<Journal>,
        ledger: &'a mut LedgerWriter<'b>,
    ) -> Self {
        let runtime = Handle::current();
        let last_time = clock.now();
        Self { every, to, device, set, clock, journal, ledger, runtime, last_bytes: 0, last_time, written: 0 }
    }

    /// Writes a partial note when one is due; `sent_bytes` counts from the beginning of the run.
    pub fn look(&mut self, sent_bytes: u64) -> Result<()> {
        let elapsed = self.clock.now().duration_since(self.last_time).unwrap_or_default();
        let due = sent_bytes - self.last_bytes >= self.every.bytes
            || (elapsed >= self.every.time && sent_bytes > self.last_bytes);
        if !due {
            return Ok(());
        }
        (self.last_bytes, self.last_time) = (sent_bytes, self.clock.now());
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            let shown = self.shown().await?;
            self.write(shown, sent_bytes).await
        })
    }

    /// Asks for every journalled pack.
    async fn shown(&self) -> Result<ShownSoFar> {
        let journalled = self.journal.lock().packs()?;
        let objects = &*self.to.objects;
        let asked = journalled.into_iter().map(|pack| async move {
            // A pack that is still on its way comes with the next note.
            Ok::<_, AgentError>(is_shown(objects, &pack).await?.then_some(pack))
        });
        let shown: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT_HEADS).try_collect().await?;
        let mut packs = PackSet::new();
        for pack in shown.into_iter().flatten() {
            packs.insert(pack.kind, pack.id, pack.object_bytes);
        }
        Ok(ShownSoFar { at: self.to.clone(), packs })
    }

    /// Writes a partial note that names them.
    async fn write(&mut self, ShownSoFar { at, packs }: ShownSoFar, sent_bytes: u64) -> Result<()> {
        if !self.ledger.writes_to(&at) {
            return Err(AgentError::bug("the pen of another destination"));
        }
        let refs = Refs {
            repository: self.device.repository.clone(),
            device: self.device.id.clone(),
            base: None,
            keys: Vec::new(),
            added: packs.rows().collect(),
            removed: Vec::new(),
            segments: Vec::new(),
        };
        let text = refs.to_text().map_err(AgentError::bug)?;
        let attached = self.ledger.attach("refs", text.into_bytes()).await?;
        let kind = NoteKind::Snapshot {
            number: self.ledger.head().snapshot + 1,
            status: SnapshotStatus::Partial,
            epoch: self.device.epoch,
            set: self.set.to_owned(),
            files: 0,
            source_bytes: padme(0),
            stored_bytes: sent_bytes,
        };
        self.ledger.append(kind, vec![attached]).await?;
        self.written += 1;
        Ok(())
    }
}
