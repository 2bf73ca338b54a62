//! Databases: recognised by signature, never by name, and never copied raw while they are in use.
//!
//! An idle SQLite database is read byte for byte while its SHARED lock is held; one in use is read page by page inside
//! one read transaction (the `sqlite_dbpage` table), which yields a committed state without a spool on disk. Other engines
//! are only told apart here: how they are saved comes from their profiles. Never: writes to a source.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::job::{FileJob, Outcome, Stored, StoredContent};
use super::list::ChunkList;
use super::pages::Pages;
use super::part::{BUFFER_BYTES, PART_BYTES, Reading};
use super::read::Worker;
use crate::error::Result;
use crate::monitor::Problem;
use crate::scan::SourceFile;

/// First bytes of every SQLite 3 database (sqlite.org/fileformat2.html §1.2).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long a writer may keep us from reading.
const BUSY: Duration = Duration::from_secs(10);

/// How a file's content is best cut and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// No database.
    Content,
    /// A database file of fixed pages: Access, SQL Server, Firebird.
    Paged,
    /// SQLite.
    Sqlite,
}

/// Whether these are the first bytes of a SQLite database.
pub fn is_sqlite(first: &[u8]) -> bool {
    first.starts_with(SQLITE_MAGIC)
}

/// Looks at the first bytes.
pub fn recognise(source: &SourceFile) -> io::Result<Engine> {
    let mut first = [0; 64];
    let n = source.read_at(&mut first, 0)?;
    Ok(match &first[..n] {
        first if is_sqlite(first) => Engine::Sqlite,
        [0, 1, 0, 0, b'S', b't', b'a', b'n', b'd', b'a', b'r', b'd', ..] => Engine::Paged,
        // SQL Server primary data file: header page of type 15.
        [1, 0x0f, 0, 0, ..] => Engine::Paged,
        // Firebird header page: type 1, flags, and the ODS version with its high bit.
        [1, _, 0x39 | 0x30, 0x30, ..] => Engine::Paged,
        _ => Engine::Content,
    })
}

/// The side files of a SQLite database: they are never saved on their own beside it.
pub fn base_of_side_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let bytes = crate::platform::os_to_bytes(name);
    let base =
        [b"-wal".as_slice(), b"-shm", b"-journal"].iter().find_map(|suffix| bytes.strip_suffix(*suffix))?;
    Some(path.with_file_name(crate::platform::bytes_to_os(base).ok()?))
}

/// Whether a database stands at `path`: tells side files from files that only sound like one.
pub fn is_sqlite_file(path: &Path) -> bool {
    let mut first = [0; 16];
    SourceFile::open(path).and_then(|source| source.read_at(&mut first, 0)).is_ok() && is_sqlite(&first)
}

/// Whether a write-ahead log or a rollback journal with content stands beside the database.
pub fn has_side_files(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut side = path.as_os_str().to_owned();
        side.push(suffix);
        crate::platform::stat(Path::new(&side)).is_ok_and(|stat| stat.bytes > 0)
    })
}

impl Worker<'_> {
    /// Reads a SQLite database: as it is when idle, else inside one read transaction.
    pub(super) fn sqlite(&mut self, job: &Arc<FileJob>, source: SourceFile, attempt: u32) -> Result<()> {
        if !has_side_files(&job.os_path) {
            let mut header = [0; 20];
            let read = source.read_at(&mut header, 0).unwrap_or(0);
            // Byte 18 is the write version: 2 means write-ahead log, where an idle file has no lock to hold and any
            // writer shows itself by a -wal file, which is looked for at the end.
            let logged = read == 20 && header[18] == 2;
            let lock = if logged { None } else { shared_lock(&job.os_path).ok() };
            if logged || lock.is_some() {
                let sqlite = Some(Mutex::new(lock));
                return self.hand_out(job, source, Reading { sqlite, ..Reading::paged(attempt) });
            }
        }
        match self.sqlite_in_use(job)? {
            Ok(stored) => {
                self.shared.monitor.advance(1, job.stat.bytes);
                job.end(Outcome::Stored(Box::new(stored)));
                Ok(())
            }
            // Better a copy that is said to be doubtful than none.
            Err(_) => {
                self.hand_out(job, source, Reading { problem: Some(Problem::Changed), ..Reading::paged(3) })
            }
        }
    }

    fn sqlite_in_use(&mut self, job: &FileJob) -> Result<rusqlite::Result<Stored>> {
        let connection = match open(&job.os_path) {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let mut statement = match connection.prepare("SELECT data FROM sqlite_dbpage ORDER BY pgno") {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error)),
        };
        let mut rows = match statement.query([]) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        let list = Arc::new(ChunkList::default());
        let mut buffer = std::mem::take(&mut self.buffer);
        let fault = self.page_rows(job, &mut rows, &mut buffer, &list);
        self.buffer = buffer;
        if let Err(error) = fault? {
            return Ok(Err(error));
        }
        list.end();
        let (bytes, chunks) = list.size();
        Ok(Ok(Stored {
            cut: Reading::paged(1).cut(chunks),
            bytes,
            content: StoredContent::List(list),
            consistent_copy: true,
            attributes: crate::platform::attributes(&job.os_path, &job.stat),
            ..Stored::default()
        }))
    }

    /// Takes the pages that SQLite gives, as many at a time as a part has bytes.
    fn page_rows(
        &mut self,
        job: &FileJob,
        rows: &mut rusqlite::Rows<'_>,
        buffer: &mut Vec<u8>,
        list: &ChunkList,
    ) -> Result<rusqlite::Result<()>> {
        let (mut offset, mut part) = (0, 0);
        let mut is_over = false;
        while !is_over {
            let mut pages = Pages::new(job.earlier.as_ref(), self.shared.lists);
            let part_end = offset + PART_BYTES;
            while offset < part_end && !is_over {
                self.shared.shutdown.check()?;
                buffer.clear();
                // Pages are powers of two up to 64 KiB (fileformat2.html §1.3.2): they fill the buffer exactly.
                while buffer.len() < BUFFER_BYTES && !is_over {
                    match rows.next() {
                        Ok(Some(row)) => match row.get_ref(0).map(|page| page.as_blob()) {
                            Ok(Ok(page)) => buffer.extend_from_slice(page),
                            Ok(Err(error)) => return Ok(Err(error.into())),
                            Err(error) => return Ok(Err(error)),
                        },
                        Ok(None) => is_over = true,
                        Err(error) => return Ok(Err(error)),
                    }
                }
                self.count_read(buffer.len());
                self.pages(&mut pages, offset, buffer)?;
                offset += buffer.len() as u64;
            }
            let chunks = self.end_pages(pages)?;
            list.hand_in(part, chunks, self)?;
            part += 1;
        }
        Ok(Ok(()))
    }
}

/// Opens a database without ever writing to it.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// A connection that holds the SHARED lock until it is dropped.
fn shared_lock(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}
