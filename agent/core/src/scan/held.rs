//! Files that SQLite holds in this process, and descriptors of them that must wait to be closed.
//!
//! POSIX drops every lock that a process has on a file when *any* of its descriptors of that file is closed: a second
//! name of a held database, its first bytes, its attributes are enough to tear the copy. So a [`super::SourceFile`] of a
//! held file is closed only after the last connection to it. Whoever connects keeps a [`Held`] that outlives the
//! connection. Never: opens, reads or locks anything.

use std::fs::File;

use parking_lot::{Mutex, RwLock};

use crate::platform::{FileId, Stat};

struct HeldFile {
    file: FileId,
    holders: usize,
    /// Descriptors that are done with, but for the locks.
    parked: Mutex<Vec<File>>,
}

/// Locks belong to the process, and so does this.
static HELD: RwLock<Vec<HeldFile>> = RwLock::new(Vec::new());

/// Files that a connection has, or is about to have, open. Dropped after the connection.
#[derive(Default)]
pub struct Held {
    files: Vec<FileId>,
}

impl Held {
    /// Holds these files. Where the system has no inodes it also has no such locks.
    pub fn new(stats: impl IntoIterator<Item = Stat>) -> Self {
        let files: Vec<FileId> = stats.into_iter().filter_map(|stat| stat.file_id()).collect();
        let mut held = HELD.write();
        for &file in &files {
            match held.iter_mut().find(|entry| entry.file == file) {
                Some(entry) => entry.holders += 1,
                None => held.push(HeldFile { file, holders: 1, parked: Mutex::default() }),
            }
        }
        Self { files }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = HELD.write();
        for file in &self.files {
            if let Some(at) = held.iter().position(|entry| entry.file == *file) {
                held[at].holders -= 1;
                if held[at].holders == 0 {
                    held.swap_remove(at);
                }
            }
        }
    }
}

/// Closes a descriptor now, or when nobody holds its file any more.
pub(super) fn close(file: File, stat: &Stat) {
    // Kept until the file is closed: nobody begins to hold it in between.
    let held = HELD.read();
    match stat.file_id().and_then(|file| held.iter().find(|entry| entry.file == file)) {
        Some(entry) => entry.parked.lock().push(file),
        None => drop(file),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::platform;
    use crate::scan::SourceFile;
    use rusqlite::Connection;

    /// Whether this process has a lock on the file, by the kernel's own table.
    fn is_locked(stat: &Stat) -> bool {
        let inode = format!(":{} ", stat.inode);
        let me = format!(" {} ", std::process::id());
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        locks.lines().any(|line| line.contains(&inode) && line.contains(&me))
    }

    #[test]
    fn no_descriptor_of_a_held_database_is_closed_before_the_connection() {
        let folder = tempfile::tempdir().unwrap();
        let (path, second) = (folder.path().join("base"), folder.path().join("second"));
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
        std::fs::hard_link(&path, &second).unwrap();
        let stat = platform::stat(&path).unwrap();
        let held = Held::new([stat]);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").unwrap();
        assert!(is_locked(&stat));
        for name in [&path, &second] {
            drop(SourceFile::open(name).unwrap());
            assert!(is_locked(&stat), "the lock is gone");
        }
        // What this is against.
        drop(std::fs::File::open(&second).unwrap());
        assert!(!is_locked(&stat));
        drop(connection);
        drop(held);
        assert!(HELD.read().iter().all(|entry| Some(entry.file) != stat.file_id()));
    }
}
