//! The access trace: every request, in one signed hash chain per tenant.
//!
//! Entries come from [`super::http`] and go to `trace/<tenant>/<first-sequence>.jsonl`, appended by one thread that
//! flushes whatever waits together. An entry about a change is on disk before its answer leaves; one about a read
//! follows within moments. `trace/<tenant>/head` holds the newest entry's number and hash, so that a cut tail shows.
//! Never: shared between tenants, edited, or purged without an entry that says so.

pub mod entry;
mod files;
pub mod verify;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::Refusal;
use super::keys::TraceKey;
pub use entry::Entry;
use files::Chain;

/// The chain of requests that belong to no tenant.
pub const NOBODY: &str = "-";
/// Entries that may wait; more make requests wait.
const MAX_WAITING: usize = 4096;
const MAX_BATCH: usize = 512;

type Waiting = (Entry, Option<oneshot::Sender<bool>>);

/// Appends to the chains.
#[derive(Debug)]
pub struct Trace {
    folder: PathBuf,
    entries: Mutex<Option<Sender<Waiting>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Trace {
    /// Opens the chains below `data`. Entries older than `keep_days` go, file by file.
    pub fn open(data: &Path, key: TraceKey, keep_days: Option<u32>) -> io::Result<Self> {
        let folder = data.join("trace");
        std::fs::create_dir_all(&folder)?;
        let (entries, waiting) = channel(MAX_WAITING);
        let writer = Writer { folder: folder.clone(), key, keep_days, chains: HashMap::new() };
        let thread =
            std::thread::Builder::new().name("trace".to_owned()).spawn(move || writer.run(waiting))?;
        Ok(Self { folder, entries: Mutex::new(Some(entries)), thread: Mutex::new(Some(thread)) })
    }

    /// Where the chains are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends an entry and waits until it is on disk.
    pub async fn append(&self, entry: Entry) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send((entry, Some(answer))).await?;
        match answered.await {
            Ok(true) => Ok(()),
            _ => Err(Refusal::Internal("the access trace could not be written".to_owned())),
        }
    }

    /// Appends an entry without waiting for the disk.
    pub async fn note(&self, entry: Entry) -> Result<(), Refusal> {
        self.send((entry, None)).await
    }

    async fn send(&self, waiting: Waiting) -> Result<(), Refusal> {
        let sender = self.entries.lock().clone().ok_or(Refusal::Stopping)?;
        sender.send(waiting).await.map_err(|_| Refusal::Stopping)
    }

    /// Writes what waits and ends the thread.
    pub fn close(&self) {
        drop(self.entries.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.close();
    }
}

struct Writer {
    folder: PathBuf,
    key: TraceKey,
    keep_days: Option<u32>,
    chains: HashMap<String, Chain>,
}

impl Writer {
    fn run(mut self, mut waiting: Receiver<Waiting>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH
                && let Ok(next) = waiting.try_recv()
            {
                batch.push(next);
            }
            let mut answers = Vec::new();
            let mut written = true;
            for (entry, answer) in batch {
                written &= self.append(entry).is_ok();
                answers.extend(answer);
            }
            for chain in self.chains.values_mut() {
                written &= chain.flush().is_ok();
            }
            if !written {
                // What is really on disk is read again at the next entry.
                self.chains.clear();
            }
            for answer in answers {
                let _ = answer.send(written);
            }
        }
    }

    fn append(&mut self, entry: Entry) -> io::Result<()> {
        if !self.chains.contains_key(&entry.tenant) {
            let chain = Chain::open(&self.folder, &entry.tenant)?;
            self.chains.insert(entry.tenant.clone(), chain);
        }
        let chain = self.chains.get_mut(&entry.tenant).ok_or(io::ErrorKind::NotFound)?;
        chain.append(entry, &self.key)?;
        match self.keep_days {
            Some(days) if chain.began_a_file() => chain.purge(days, &self.key),
            _ => Ok(()),
        }
    }
}
