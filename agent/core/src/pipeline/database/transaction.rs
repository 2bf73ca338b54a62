//! One read transaction on a SQLite database, from a connection that never writes anything in the folder of the source.
//!
//! The connection is closed before anything else may close a descriptor of the file ([`Held`]). Never: makes a `-shm`, reads
//! by a log that has none, or waits longer than it was told.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::pipeline::database::side::{beside, has_log};
use crate::platform::{self, Stat};
use crate::scan::{Held, SourceFile};

/// Pause between two tries to get the lock. A program that writes without rest leaves gaps of milliseconds only.
const POLL: Duration = Duration::from_millis(1);

/// Why SQLite does not read a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A program kept it locked all the time.
    Busy,
    /// It cannot be read without being written to (a journal to roll back, a log without its index), or it is damaged.
    Unreadable,
    /// What SQLite opened is not the file that was found: its folder was swapped for another meanwhile.
    Elsewhere,
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Unreadable,
        }
    }
}

/// How large a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagedSize {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Pages.
    pub pages: u64,
}

/// Where committed pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the main file, whenever a reader has its lock.
    Journal,
    /// In the main file or in the log.
    Log,
    /// In the main file, and it has no log: nobody has it open.
    LogAtRest,
    /// In a log that SQLite can read only by writing an index beside it.
    LogWithoutIndex,
}

/// How this database is read now.
pub fn mode(source: &SourceFile, path: &Path) -> Mode {
    let mut header = [0; 20];
    let read = source.read_at(&mut header, 0).unwrap_or(0);
    // Byte 18 is the write version; 2 means write-ahead log (fileformat2.html §1.3.3).
    let is_logged = read == 20 && header[18] == 2;
    let is_there = |ending| platform::stat(&beside(path, ending)).is_ok();
    match (is_logged, is_there("-wal"), is_there("-shm")) {
        (false, _, _) => Mode::Journal,
        (true, true, true) => Mode::Log,
        (true, _, false) if !has_log(path) => Mode::LogAtRest,
        // SQLite would make what is missing.
        (true, _, _) => Mode::LogWithoutIndex,
    }
}

/// An open connection.
pub struct Reader {
    // Closed first.
    connection: Connection,
    _held: Held,
}

impl Reader {
    /// Connects to the database that `source` is, without reading it yet; waits for its lock at most so long each time.
    ///
    /// SQLite takes a path and nothing else, and makes a path of its own of `/proc/self/fd/N/name`, so it cannot be led by
    /// the folder's handle. It follows no link (`NOFOLLOW` holds for every step), and what it has opened must be the file
    /// that `source` is: this process then has one descriptor of that more than before. None is closed in between, because
    /// they are held. Where the system does not tell, the callers' comparison of what stands at the path is all there is.
    pub fn connect(path: &Path, source: &Stat, wait: Duration) -> Result<Self, Refusal> {
        // Of its files SQLite locks these two.
        let held =
            Held::new([Some(*source), platform::stat(&beside(path, "-shm")).ok()].into_iter().flatten());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_URI;
        let before = platform::own_descriptors(source);
        let mut connection = Connection::open_with_flags(platform::sqlite_uri(path), flags)?;
        let after = platform::own_descriptors(source);
        if before.zip(after).is_some_and(|(before, after)| after <= before) {
            return Err(Refusal::Elsewhere);
        }
        wait_at_most(&mut connection, wait)?;
        Ok(Self { connection, _held: held })
    }

    /// Waits for the lock at most so long from now on.
    pub fn wait_at_most(&mut self, wait: Duration) -> Result<(), Refusal> {
        Ok(wait_at_most(&mut self.connection, wait)?)
    }

    /// Begins a read transaction: nothing that is committed changes until [`Self::end`]. The number is another one after each
    /// commit of somebody else (sqlite.org/pragma.html, `data_version`).
    pub fn begin(&self) -> Result<i64, Refusal> {
        self.connection.execute_batch("BEGIN")?;
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        version.map_err(|error| {
            self.end();
            error.into()
        })
    }

    /// Ends the transaction: locks are let go.
    pub fn end(&self) {
        // Reading only: whatever it says, there is nothing to undo.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// How large the database is, as this transaction sees it.
    pub fn size(&self) -> Result<PagedSize, Refusal> {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            self.connection.query_row(pragma, [], |row| row.get(0))
        };
        let of = |n: i64| u64::try_from(n).map_err(|_| Refusal::Unreadable);
        let (page_bytes, pages) = (of(number("PRAGMA page_size")?)?, of(number("PRAGMA page_count")?)?);
        if page_bytes.is_power_of_two() {
            Ok(PagedSize { page_bytes, pages })
        } else {
            Err(Refusal::Unreadable)
        }
    }

    /// Adds page `number`, counted from 1, to `buffer`.
    pub fn page(&self, number: u64, buffer: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut statement =
            self.connection.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
        let number = i64::try_from(number).map_err(|_| Refusal::Unreadable)?;
        let added = statement.query_row([number], |row| {
            Ok(row.get_ref(0)?.as_blob().map(|page| buffer.extend_from_slice(page)).is_ok())
        })?;
        if added { Ok(()) } else { Err(Refusal::Unreadable) }
    }
}

fn wait_at_most(connection: &mut Connection, wait: Duration) -> rusqlite::Result<()> {
    let mut began = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            began = Instant::now();
        }
        std::thread::sleep(POLL);
        began.elapsed() < wait
    }))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    const WAIT: Duration = Duration::ZERO;

    /// A database in a folder of `root`.
    fn database(root: &Path, folder: &str) -> rusqlite::Result<PathBuf> {
        let path = root.join(folder).join("app.db");
        Connection::open(&path)?.execute_batch("CREATE TABLE t(a)")?;
        Ok(path)
    }

    #[test]
    fn what_sqlite_opened_must_be_the_file_that_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        ["inside", "outside"].iter().for_each(|name| std::fs::create_dir(root.join(name)).unwrap());
        let (inside, outside) = (database(&root, "inside").unwrap(), database(&root, "outside").unwrap());
        let found = platform::stat(&inside).unwrap();
        assert!(Reader::connect(&inside, &found, WAIT).is_ok());
        // The folder was swapped for another while the file was already open.
        let _open = SourceFile::open(&inside).unwrap();
        assert_eq!(Reader::connect(&outside, &found, WAIT).err(), Some(Refusal::Elsewhere));
        std::fs::rename(root.join("inside"), root.join("aside")).unwrap();
        symlink(root.join("outside"), root.join("inside")).unwrap();
        assert_eq!(Reader::connect(&inside, &found, WAIT).err(), Some(Refusal::Unreadable));
    }

    #[test]
    fn sqlite_makes_a_path_of_its_own_of_a_handle() {
        let folder = tempfile::tempdir().unwrap();
        let inside = database(&folder.path().canonicalize().unwrap(), "").unwrap();
        let handle = std::fs::File::open(inside.parent().unwrap()).unwrap();
        let through = PathBuf::from(format!("/proc/self/fd/{}/app.db", handle.as_raw_fd()));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let led = Connection::open_with_flags(platform::sqlite_uri(&through), flags).unwrap();
        assert_eq!(
            led.path(),
            inside.to_str(),
            "the handle is of no use: this is opened, with its side files"
        );
        let refused = flags | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        assert!(Connection::open_with_flags(platform::sqlite_uri(&through), refused).is_err());
    }
}
