//! Byte-for-byte comparison of two trees, and a copy of one: what the demo proves itself with.
//!
//! A SQLite database that was in use is compared by its own integrity check: the restored copy is a committed state, not
//! the bytes that happened to lie in the file. From two folders to counts. Never: takes a size or a time for content.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What a comparison saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Files compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries that differ or are on one side only.
    pub differences: u64,
}

impl Comparison {
    /// Whether nothing differs and something was there.
    pub fn is_identical(&self) -> bool {
        self.differences == 0 && self.files > 0
    }

    /// Adds another comparison.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.differences += other.differences;
    }
}

/// Compares what is below `expected` with what is below `found`.
pub fn compare(expected: &Path, found: &Path) -> io::Result<Comparison> {
    let mut result = Comparison::default();
    folder(expected, found, &mut result)?;
    Ok(result)
}

fn folder(expected: &Path, found: &Path, result: &mut Comparison) -> io::Result<()> {
    let names = |folder: &Path| -> io::Result<Vec<_>> {
        let mut names =
            fs::read_dir(folder)?.map(|e| e.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.retain(|name| !is_side_file(name));
        names.sort();
        Ok(names)
    };
    let (left, right) = (names(expected)?, names(found).unwrap_or_default());
    result.differences += right.iter().filter(|name| !left.contains(name)).count() as u64;
    for name in left {
        let (a, b) = (expected.join(&name), found.join(&name));
        let (Ok(kind_a), Ok(kind_b)) = (fs::symlink_metadata(&a), fs::symlink_metadata(&b)) else {
            result.differences += 1;
            continue;
        };
        if kind_a.is_symlink() {
            result.differences += u64::from(fs::read_link(&a).ok() != fs::read_link(&b).ok());
        } else if kind_a.is_dir() {
            folder(&a, &b, result)?;
        } else {
            result.files += 1;
            result.bytes += kind_a.len();
            let same = match is_database(&a) {
                true => database_is_sound(&b),
                false => kind_b.is_file() && same_bytes(&a, &b)?,
            };
            result.differences += u64::from(!same);
        }
    }
    Ok(())
}

fn is_side_file(name: &std::ffi::OsStr) -> bool {
    [b"-wal".as_slice(), b"-shm"].iter().any(|end| scelle_core::platform::os_to_bytes(name).ends_with(end))
}

fn is_database(path: &Path) -> bool {
    let mut first = [0; 16];
    fs::File::open(path).and_then(|mut f| f.read_exact(&mut first)).is_ok() && first == *b"SQLite format 3\0"
}

fn database_is_sound(path: &Path) -> bool {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|db| db.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)))
        .is_ok_and(|answer| answer == "ok")
}

fn same_bytes(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (fs::File::open(a)?, fs::File::open(b)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let n = a.read(&mut left)?;
        let mut filled = 0;
        while filled < n {
            match b.read(&mut right[filled..n])? {
                0 => return Ok(false),
                m => filled += m,
            }
        }
        if left[..n] != right[..n] {
            return Ok(false);
        }
        if n == 0 {
            return Ok(b.read(&mut right)? == 0);
        }
    }
}

/// Copies a tree: files, folders and symlinks, contents only.
pub fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            copy_link(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

#[cfg(not(unix))]
fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(fs::read_link(from)?, to)
}
