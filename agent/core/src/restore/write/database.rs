//! What lies beside a SQLite database in the restore root: a write-ahead log or a rollback journal of another version would
//! be replayed into the restored file by the first program that opens it.
//!
//! For: `file`, when a database is placed, and `pairs`, when side files are restored. Data comes from a look at the
//! restore root. Such files are moved aside under a visible name before the database is put in place; a crash in between
//! leaves nothing that would be replayed. Never: deletes or opens a database as one, or touches one that a program has open;
//! where that cannot be known it is counted, to be said.

use super::error::{WriteError, WriteErrorKind};
use super::target::{Overwrite, Placed, WriteTarget, has_same_content, name_between};
use super::tree::with_patience;
use crate::platform::{Folder, InUse, Kind};
use crate::scan::EntryPath;
use crate::scan::engine;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is put behind a database's name for its write-ahead log.
const LOG: &[u8] = b"-wal";
/// The same for its rollback journal.
const JOURNAL: &[u8] = b"-journal";
/// The same for the index of its log, which means nothing without the log.
const LOG_INDEX: &[u8] = b"-shm";
/// First bytes of a write-ahead log, but for the last bit (fileformat2.html §4.1).
const LOG_MAGIC: [u8; 4] = [0x37, 0x7f, 0x06, 0x82];
/// First bytes of a rollback journal (fileformat2.html §3); one whose first byte is 0 has been dealt with.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// Names tried for a file that is moved aside.
const NAMES: u32 = 100;

/// How files are called that were moved aside, and how many were.
pub(super) struct Aside {
    text: String,
    count: AtomicU64,
    /// Databases that were replaced without knowing whether a program has them open.
    use_unknown: AtomicU64,
}

impl Aside {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), count: AtomicU64::new(0), use_unknown: AtomicU64::new(0) }
    }

    pub(super) fn use_unknown(&self) -> u64 {
        self.use_unknown.load(Relaxed)
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

/// Bytes that [`is_database`] wants to see.
pub const FIRST_BYTES: usize = engine::SIGNATURE_BYTES;

/// Whether a file is a database, of any engine: by its first bytes, or by the name that encrypted ones have.
pub fn is_database(first: &[u8], name: &[u8]) -> bool {
    let first = first.get(..FIRST_BYTES).unwrap_or(first);
    engine::may_be_database(engine::recognise(first, name), name)
}

/// Whether a file of this length can be a SQLite database: it has whole pages, the smallest of 512 bytes.
pub fn may_be_database(bytes: u64) -> bool {
    bytes > 0 && bytes.is_multiple_of(512)
}

/// The database that a side file of this name would belong to.
pub fn base_of(name: &[u8]) -> Option<&[u8]> {
    [LOG, JOURNAL, LOG_INDEX]
        .iter()
        .find_map(|suffix| name.strip_suffix(*suffix))
        .filter(|base| !base.is_empty())
}

impl WriteTarget {
    /// Gives a database its name as [`WriteTarget::place`] does, with nothing left beside it that belongs to another version.
    pub(super) fn place_database(
        &mut self,
        overwrite: &Overwrite,
        aside: &Aside,
    ) -> Result<Placed, WriteError> {
        let name = self.path.name().to_vec();
        if *overwrite == Overwrite::Numbered {
            return self.place(overwrite, &has_same_content);
        }
        let failed = |error| WriteError::io(error, &self.path);
        let beside = replayed(&self.folder, &name).map_err(failed)?;
        let stands = self.folder.stat(&name).is_ok();
        let stays = match overwrite {
            // With a log of another version beside it, even the same bytes are another database.
            Overwrite::Never if stands && !beside.is_empty() => return Ok(Placed::Kept),
            Overwrite::Never => stands,
            Overwrite::Sibling(text) if stands && !beside.is_empty() => {
                return self.place_beside(&name, text, &has_same_content);
            }
            Overwrite::Sibling(_) => stands,
            Overwrite::Changed if stands && beside.is_empty() => {
                has_same_content(&self.folder, self.temporary(), &name).map_err(failed)?
            }
            _ => false,
        };
        if !stays && (stands || !beside.is_empty()) {
            set_aside(&self.folder, &self.path, &beside, aside)?;
        }
        self.place(overwrite, &has_same_content)
    }
}

/// Names beside the database `name` that a program would replay into it.
pub(super) fn replayed(folder: &Folder, name: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for suffix in [LOG, JOURNAL] {
        let side = [name, suffix].concat();
        if is_replayed(folder, &side, suffix)? {
            found.push(side);
        }
    }
    let index = [name, LOG_INDEX].concat();
    if found.first().is_some_and(|side| side.ends_with(LOG)) && exists(folder, &index)? {
        found.push(index);
    }
    Ok(found)
}

fn exists(folder: &Folder, name: &[u8]) -> io::Result<bool> {
    match folder.stat(name) {
        Ok(stat) => Ok(stat.kind != Kind::Directory),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A side file is one by its own first bytes. What cannot be read is taken for one.
fn is_replayed(folder: &Folder, name: &[u8], suffix: &[u8]) -> io::Result<bool> {
    let stat = match folder.stat(name) {
        Ok(stat) => stat,
        Err(error) if is_absence(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    if stat.kind != Kind::File {
        return Ok(stat.kind == Kind::Symlink);
    }
    let mut first = [0; 8];
    let read = with_patience(|| folder.open_file(name))
        .and_then(|(file, _)| crate::platform::read_at(&file, &mut first, 0));
    Ok(match (read, suffix) {
        (Err(_), _) => stat.bytes > 0,
        (Ok(read), LOG) => read >= 4 && first[..3] == LOG_MAGIC[..3] && first[3] & !1 == LOG_MAGIC[3],
        (Ok(read), _) => read == 8 && first == JOURNAL_MAGIC,
    })
}

/// Not there, or a name too long to be.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename)
}

/// Moves these files beside a database aside, all or none. A database that a program holds is refused.
pub(super) fn set_aside(
    folder: &Folder,
    database: &EntryPath,
    names: &[Vec<u8>],
    aside: &Aside,
) -> Result<(), WriteError> {
    match folder.database_in_use(database.name()) {
        InUse::Yes => return Err(WriteError::new(WriteErrorKind::Held, database)),
        InUse::Unknown => _ = aside.use_unknown.fetch_add(1, Relaxed),
        InUse::No => {}
    }
    let mut moved: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for name in names {
        match set_one_aside(folder, name, &aside.text) {
            Ok(Some(new)) => moved.push((name, new)),
            Ok(None) => {}
            Err(error) => {
                // The database stays as it was, with all that belongs to it.
                for (name, new) in moved.iter().rev() {
                    let _ = folder.rename_new(new, name);
                }
                return Err(WriteError::io(error, database));
            }
        }
    }
    aside.count.fetch_add(moved.len() as u64, Relaxed);
    Ok(())
}

/// The name it has now; `None` when it is no longer there.
fn set_one_aside(folder: &Folder, name: &[u8], text: &str) -> io::Result<Option<Vec<u8>>> {
    for attempt in 1..=NAMES {
        let new = aside_name(name, text, attempt);
        match with_patience(|| folder.rename_new(name, &new)) {
            Ok(()) => return Ok(Some(new)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `base.db-wal` → `base.db-wal (mis de côté 2026-11-21)`: no database's side file any more, whatever stands beside it.
fn aside_name(name: &[u8], text: &str, attempt: u32) -> Vec<u8> {
    let note = if attempt == 1 { format!(" ({text})") } else { format!(" ({text} {attempt})") };
    name_between(name, &note, b"")
}

#[cfg(test)]
mod tests {
    use super::{aside_name, base_of, may_be_database};

    #[test]
    fn a_file_moved_aside_is_a_side_file_no_more() {
        let aside = |name: &str, attempt| {
            String::from_utf8(aside_name(name.as_bytes(), "mis de côté 2026-11-21", attempt)).unwrap()
        };
        assert_eq!(aside("base.db-wal", 1), "base.db-wal (mis de côté 2026-11-21)");
        assert_eq!(aside("base.db-wal", 2), "base.db-wal (mis de côté 2026-11-21 2)");
        let long = aside(&format!("{}.db-journal", "é".repeat(120)), 1);
        assert!(long.len() <= 255 && long.ends_with("é (mis de côté 2026-11-21)"), "{long}");
    }

    #[test]
    fn side_files_have_a_base() {
        assert_eq!(base_of(b"base.db-wal"), Some(&b"base.db"[..]));
        assert_eq!(base_of(b"x-journal"), Some(&b"x"[..]));
        assert_eq!((base_of(b"-wal"), base_of(b"base.db"), base_of(b"wal")), (None, None, None));
        assert!(may_be_database(512) && !may_be_database(0) && !may_be_database(513));
    }
}
