//! A vault's data folder, opened: blobs, metadata, keys, trace, and what a crash left behind.
//!
//! From the command line to [`super::http`] and the background work. One process holds the folder at a time (OS lock);
//! commands that only look, or change credentials, run beside it. Never: starts to serve before every upload that a
//! crash cut off is either whole and known, or gone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fs4::fs_std::FileExt as _;
use tokio::sync::{Mutex, MutexGuard};

use super::Refusal;
use super::blobs::Blobs;
use super::clock;
use super::keys::{SealKey, TraceKey};
use super::log;
use super::metadata::audit::is_named;
use super::metadata::{Metadata, versions};
use super::platform;
use super::trace::Trace;

/// Keys that are written at the same time and share one of these wait for each other.
const KEY_LOCKS: usize = 1024;

/// What an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of the filesystem that uploads leave free, so that metadata and trace can always be written.
    pub reserve_bytes: u64,
    /// Days after which entries of the trace go; `None` keeps them.
    pub trace_keep_days: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { reserve_bytes: 256 << 20, trace_keep_days: None }
    }
}

/// What was found and put in order at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Uploads torn in the middle; never answered for.
    pub torn: u64,
    /// Whole files whose record was never written; never answered for either.
    pub unrecorded: u64,
    /// Files whose deletion had not ended.
    pub doomed: u64,
}

/// The folder and the lock on it.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: Option<File>,
}

impl DataFolder {
    /// Opens the folder for this process alone; `None` when another one has it.
    pub fn lock(path: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(path)?;
        let path = fs::canonicalize(path)?;
        let file = File::create(path.join("lock"))?;
        if !file.try_lock_exclusive()? {
            return Ok(None);
        }
        Ok(Some(Self { path, _lock: Some(file) }))
    }

    /// Opens the folder beside whoever has it.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Ok(Self { path: fs::canonicalize(path)?, _lock: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// An open vault.
#[derive(Debug)]
pub struct Vault {
    /// The folder.
    pub folder: DataFolder,
    /// Bodies.
    pub blobs: Blobs,
    /// What is known about them.
    pub metadata: Metadata,
    /// Seals credentials.
    pub seal: SealKey,
    /// The access trace.
    pub trace: Trace,
    /// What the operator set.
    pub options: Options,
    key_locks: Vec<Mutex<()>>,
    sequence: AtomicI64,
}

impl Vault {
    /// Opens a vault and puts in order what a crash left.
    pub fn open(folder: DataFolder, options: Options) -> Result<(Arc<Self>, Recovery), Refusal> {
        let data = folder.path();
        let blobs = Blobs::open(data)?;
        let metadata = Metadata::open(data)?;
        let seal = SealKey::open(data)?;
        let trace = Trace::open(data, TraceKey::open(data)?, options.trace_keep_days)?;
        let last = metadata.read_blocking(versions::last_sequence)?;
        let vault = Self {
            blobs,
            metadata,
            seal,
            trace,
            options,
            key_locks: (0..KEY_LOCKS).map(|_| Mutex::default()).collect(),
            sequence: AtomicI64::new(last),
            folder,
        };
        let recovery = vault.recover()?;
        Ok((Arc::new(vault), recovery))
    }

    /// A file keeps its temporary name until its record is committed, so those names are all that must be looked at.
    fn recover(&self) -> Result<Recovery, Refusal> {
        let mut recovery = Recovery::default();
        for (path, label) in self.blobs.unfinished()? {
            match label {
                None => recovery.torn += 1,
                Some(label) => {
                    if !self.metadata.read_blocking(|c| is_named(c, &label.blob))? {
                        self.blobs.remove(&label.blob)?;
                        recovery.unrecorded += 1;
                    }
                }
            }
            fs::remove_file(path)?;
        }
        recovery.doomed = self.sweep_blocking()?;
        Ok(recovery)
    }

    /// Removes the files of deleted versions. What could not be removed goes at the next sweep; whoever deleted a
    /// version is told that it is deleted, as it is.
    pub async fn sweep(self: &Arc<Self>) {
        let vault = Arc::clone(self);
        let swept = tokio::task::spawn_blocking(move || vault.sweep_blocking()).await;
        if !matches!(swept, Ok(Ok(_))) {
            log::problem(
                "files of deleted versions could not be removed; they go with the next deletion or start",
            );
        }
    }

    fn sweep_blocking(&self) -> Result<u64, Refusal> {
        let doomed: Vec<String> = self.metadata.read_blocking(|c| {
            let mut query = c.prepare_cached("SELECT blob FROM doomed LIMIT 10000")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        if doomed.is_empty() {
            return Ok(0);
        }
        for blob in &doomed {
            self.blobs.remove(blob)?;
        }
        let count = doomed.len() as u64;
        self.metadata.write_blocking(move |c| {
            let mut delete = c.prepare_cached("DELETE FROM doomed WHERE blob = ?1")?;
            for blob in doomed {
                delete.execute([blob])?;
            }
            Ok(count)
        })
    }

    /// Holds a key of a bucket: its condition, its place in history and its record belong together.
    pub async fn hold(&self, bucket: i64, key: &str) -> MutexGuard<'_, ()> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % KEY_LOCKS as u64).unwrap_or_default();
        self.key_locks[at].lock().await
    }

    /// The next position in history: the clock in nanoseconds, or one more than the last.
    pub fn next_sequence(&self) -> i64 {
        let now = clock::now_ms().saturating_mul(1_000_000);
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let before = self.sequence.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        before.map_or(now, |last| now.max(last.saturating_add(1)))
    }

    /// Refuses early when `bytes` more would leave less than the reserve.
    pub fn room_for(&self, bytes: u64) -> Result<(), Refusal> {
        let needed = bytes.saturating_add(self.options.reserve_bytes);
        match platform::free_bytes(self.folder.path()) {
            Some(free) if free < needed => Err(Refusal::DiskFull),
            _ => Ok(()),
        }
    }

    /// Writes what waits; nothing is served afterwards.
    pub fn close(&self) {
        self.trace.close();
        self.metadata.close();
    }
}
