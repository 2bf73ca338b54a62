//! What the vault knows about its blobs: SQLite, one writer, many readers.
//!
//! Changes go to one thread, which commits whatever waits in one transaction (WAL, `synchronous=FULL`) and only then
//! answers: a change that was answered survives a power cut, and 200 clients share one flush. Reads run on their own
//! connections. Never: answers a change before its commit, or lets one failed change undo its neighbours.

pub mod audit;
pub mod buckets;
pub mod credentials;
pub mod enrolments;
pub mod listing;
pub mod uploads;
pub mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::Refusal;

/// Name of the database below the data folder.
pub const FILE_NAME: &str = "vault.sqlite";
/// Of `schema.sql`. A newer one is not touched.
pub const SCHEMA: i64 = 1;
/// Changes that share one commit.
const MAX_BATCH: usize = 256;
/// How long a command waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(30);
const MAX_IDLE_READERS: usize = 16;

/// Given after the commit: whether it took.
type Deliver = Box<dyn FnOnce(bool) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Deliver + Send>;

/// The database.
#[derive(Debug)]
pub struct Metadata {
    path: PathBuf,
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Mutex<Vec<Connection>>>,
}

impl Metadata {
    /// Opens the database below `data`, or makes it where nothing was stored yet.
    pub fn open(data: &Path) -> Result<Self, Refusal> {
        let path = data.join(FILE_NAME);
        if !path.try_exists()? && has_blobs(data)? {
            return Err(Refusal::MetadataMissing);
        }
        let connection = connect(&path)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > SCHEMA {
            return Err(Refusal::Internal("metadata: written by a newer version of the vault".to_owned()));
        }
        connection.execute_batch(include_str!("schema.sql"))?;
        if found < SCHEMA {
            connection.pragma_update(None, "user_version", SCHEMA)?;
        }
        let (jobs, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("metadata".to_owned())
            .spawn(move || commit_loop(&connection, &waiting))?;
        Ok(Self {
            path,
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            readers: Arc::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a change; returns when it is committed, or refused and undone.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.enqueue(change)?.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// The same from a thread that may wait.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.enqueue(change)?.blocking_recv().unwrap_or(Err(Refusal::Stopping))
    }

    fn enqueue<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, Refusal>>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, change);
            Box::new(move |committed| {
                let result = match committed {
                    true => result,
                    false => Err(Refusal::Internal("metadata: the commit failed".to_owned())),
                };
                let _ = answer.send(result);
            })
        });
        let jobs = self.jobs.lock();
        jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(Refusal::Stopping)?;
        Ok(answered)
    }

    /// Reads, on a thread that may wait.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (path, readers) = (self.path.clone(), Arc::clone(&self.readers));
        let read = tokio::task::spawn_blocking(move || read_with(&path, &readers, query));
        read.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Reads, waiting here.
    pub fn read_blocking<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        read_with(&self.path, &self.readers, query)
    }

    /// Copies the database as it is at one moment to `to`, which must not exist; the copy is whole and durable before it
    /// has that name. Others read and write meanwhile.
    pub fn copy_to(&self, to: &Path) -> Result<(), Refusal> {
        let taken = || std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        if to.try_exists()? {
            return Err(taken().into());
        }
        let name = to.file_name().ok_or(std::io::ErrorKind::InvalidInput).map_err(std::io::Error::from)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let partial = folder.join(format!(".{}.{:016x}", name.to_string_lossy(), rand::random::<u64>()));
        let copied = self.copy_whole(&partial).and_then(|()| Ok(std::fs::rename(&partial, to)?));
        if copied.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        copied.and_then(|()| Ok(scelle_store::sync_folder(folder)?))
    }

    fn copy_whole(&self, to: &Path) -> Result<(), Refusal> {
        let target = to.to_str().ok_or(Refusal::Invalid("the name of the copy is not Unicode"))?;
        connect(&self.path)?.execute("VACUUM INTO ?1", [target])?;
        Ok(std::fs::File::open(to)?.sync_all()?)
    }

    /// Commits what waits and ends the thread.
    pub fn close(&self) {
        drop(self.jobs.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        self.close();
    }
}

fn has_blobs(data: &Path) -> std::io::Result<bool> {
    match std::fs::read_dir(data.join("blobs")).map(|mut entries| entries.next().is_some()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        found => found,
    }
}

fn connect(path: &Path) -> Result<Connection, Refusal> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn read_with<T>(
    path: &Path,
    readers: &Mutex<Vec<Connection>>,
    query: impl FnOnce(&Connection) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let idle = readers.lock().pop();
    let connection = match idle {
        Some(connection) => connection,
        None => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY)?;
            connection
        }
    };
    // One transaction, so that a page of a listing is of one moment.
    let result =
        connection.unchecked_transaction().map_err(Refusal::from).and_then(|_reading| query(&connection));
    let mut idle = readers.lock();
    if idle.len() < MAX_IDLE_READERS {
        idle.push(connection);
    }
    result
}

fn commit_loop(connection: &Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE").is_ok();
        let mut answers = vec![first(connection)];
        while answers.len() < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            answers.push(next(connection));
        }
        let committed = begun && connection.execute_batch("COMMIT").is_ok();
        if !committed && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            answer(committed);
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if connection.is_autocommit() {
        // The transaction could not begin; nothing may be changed outside one.
        return Err(Refusal::Internal("metadata: busy".to_owned()));
    }
    connection.execute_batch("SAVEPOINT change")?;
    let result = change(connection);
    connection.execute_batch(match result {
        Ok(_) => "RELEASE change",
        Err(_) => "ROLLBACK TO change; RELEASE change",
    })?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(metadata: &Metadata) -> i64 {
        metadata
            .read_blocking(|c| Ok(c.query_row("SELECT count(*) FROM tenants", [], |row| row.get(0))?))
            .unwrap()
    }

    fn add(name: String) -> impl FnOnce(&Connection) -> Result<usize, Refusal> {
        move |c| Ok(c.execute("INSERT INTO tenants (name) VALUES (?1)", [name])?)
    }

    #[test]
    fn a_refused_change_undoes_itself_and_no_other() {
        let data = tempfile::tempdir().unwrap();
        let metadata = Metadata::open(data.path()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let changes = (0..50).map(|n| {
                let metadata = &metadata;
                async move {
                    let kept = metadata.write(add(format!("kept-{n}"))).await;
                    let refused = metadata.write(move |c| {
                        add(format!("refused-{n}"))(c)?;
                        Err::<(), _>(Refusal::Denied)
                    });
                    assert!(kept.is_ok() && matches!(refused.await, Err(Refusal::Denied)));
                }
            });
            futures::future::join_all(changes).await;
        });
        assert_eq!(count(&metadata), 50);
        metadata.close();
        let newer = Connection::open(data.path().join(FILE_NAME)).unwrap();
        newer.pragma_update(None, "user_version", SCHEMA + 1).unwrap();
        assert!(Metadata::open(data.path()).is_err(), "what a newer version wrote is not touched");
        newer.pragma_update(None, "user_version", SCHEMA).unwrap();
        assert!(matches!(metadata.write_blocking(|_| Ok(())), Err(Refusal::Stopping)));
        assert_eq!(count(&Metadata::open(data.path()).unwrap()), 50);
    }
}
