//! Looking at files and opening them for reading on Windows, with the standard library alone.
//!
//! What the standard library does not offer is said where it is missing: file ids, link counts, alternate streams,
//! security descriptors and allocated ranges. The names are WTF-8 (see `wtf8`). Reparse points are never followed.

use super::{Attributes, FileAttributes, Kind, Names, ProblemCode, Shortfall, Stat, wtf8};
use parking_lot::Mutex;
use scelle_format::manifest::Extent;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf, Prefix};
use std::time::{Duration, SystemTime};

/// 100-nanosecond intervals between 1601 (FILETIME) and 1970.
const TICKS_TO_1970: i64 = 116_444_736_000_000_000;
const REPARSE_POINT: u32 = 0x400;
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
pub(super) const BACKUP_SEMANTICS: u32 = 0x0200_0000;
const ACCESS_DENIED: i32 = 5;
pub(super) const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;

/// One look at `path`, which is not followed.
pub fn stat(path: &Path) -> io::Result<Stat> {
    Ok(from_metadata(&std::fs::symlink_metadata(path)?))
}

/// One look at an open file.
pub fn stat_of(file: &File) -> io::Result<Stat> {
    Ok(from_metadata(&file.metadata()?))
}

fn from_metadata(metadata: &Metadata) -> Stat {
    let kind = if metadata.is_symlink() {
        Kind::Symlink
    } else if metadata.is_dir() {
        // A reparse point that is a folder but not a link (OneDrive placeholders) is entered like a folder.
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File
    } else {
        Kind::Other
    };
    Stat {
        kind,
        bytes: metadata.file_size(),
        modified_ns: to_ns(metadata.last_write_time()),
        changed_ns: to_ns(metadata.creation_time()),
        mode: None,
        owner: None,
        group: None,
        // The file index and the number of links are unstable in the standard library.
        inode: 0,
        volume: 0,
        links: 1,
        allocated_bytes: metadata.file_size(),
    }
}

fn to_ns(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX).saturating_sub(TICKS_TO_1970).saturating_mul(100)
}

/// A directory: its names, and what the listing itself told about each (no further call per file).
pub struct DirectoryReader {
    path: PathBuf,
    stats: Mutex<HashMap<Vec<u8>, Stat>>,
}

impl DirectoryReader {
    /// Takes a directory; a link in its place is an error.
    pub fn open(path: &Path) -> io::Result<DirectoryReader> {
        if std::fs::symlink_metadata(path)?.is_symlink() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(DirectoryReader { path: path.to_owned(), stats: Mutex::default() })
    }

    /// All names, sorted.
    pub fn names(&self) -> io::Result<Names> {
        let mut names = Names::default();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = os_to_bytes(&entry.file_name());
            if let Ok(metadata) = entry.metadata() {
                self.stats.lock().insert(name.clone(), from_metadata(&metadata));
            }
            names.push(&name, 0);
        }
        names.sort();
        Ok(names)
    }

    /// One look at a name of this directory.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        match self.stats.lock().remove(name) {
            Some(stat) => Ok(stat),
            None => stat(&self.path.join(bytes_to_os(name)?)),
        }
    }
}

/// The entries of a directory with a look at each, sorted bytewise by name.
pub fn read_directory(path: &Path) -> io::Result<Vec<(Vec<u8>, Stat)>> {
    let reader = DirectoryReader::open(path)?;
    let names = reader.names()?;
    let mut entries = Vec::with_capacity(names.len());
    for at in 0..names.len() {
        if let Ok(stat) = reader.stat(names.name(at)) {
            entries.push((names.name(at).to_vec(), stat));
        }
    }
    Ok(entries)
}

/// Opens a regular file for reading, sharing it with everybody else; links and everything that is not a file are
/// refused (`InvalidInput`).
pub fn open_for_reading(path: &Path) -> io::Result<(File, Stat)> {
    let file = OpenOptions::new().read(true).custom_flags(OPEN_REPARSE_POINT).open(path)?;
    let stat = stat_of(&file)?;
    if stat.kind == Kind::File {
        Ok((file, stat))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Whether the entry is a link or another reparse point.
pub(super) fn is_reparse_point(metadata: &Metadata) -> bool {
    metadata.file_attributes() & REPARSE_POINT != 0
}

/// Allocated ranges need `DeviceIoControl`, which the standard library lacks: files are read whole.
pub fn data_extents(_file: &File, _stat: &Stat) -> io::Result<Option<Vec<Extent>>> {
    Ok(None)
}

/// What an open file carries beyond its `Stat`: nothing that is read here.
pub fn attributes_of(_file: &File, _stat: &Stat) -> Attributes {
    Attributes::default()
}

/// Whether a file that was opened at `path` still stands there, by how it looked then.
pub fn stands_at(path: &Path, before: &Stat, _now: &Stat) -> io::Result<bool> {
    match stat(path) {
        Ok(named) => Ok(named.kind == Kind::File
            && named.bytes == before.bytes
            && (named.modified_ns, named.changed_ns) == (before.modified_ns, before.changed_ns)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The target of a link; owners, ACLs and alternate streams are not read here.
pub fn attributes(path: &Path, stat: &Stat) -> Attributes {
    let mut found = Attributes::default();
    if stat.kind == Kind::Symlink {
        match std::fs::read_link(path) {
            Ok(target) => found.link_target = Some(os_to_bytes(target.as_os_str())),
            Err(_) => found.problem = Some(ProblemCode::AttributesUnreadable),
        }
    }
    found
}

/// Sets the time; modes, owners and extended attributes of a Unix backup count as not set.
pub fn set_attributes(file: &File, wanted: &FileAttributes) -> Shortfall {
    let distance = Duration::from_nanos(wanted.modified_ns.unsigned_abs());
    let modified = if wanted.modified_ns < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    let set = modified.is_some_and(|time| file.set_times(FileTimes::new().set_modified(time)).is_ok());
    Shortfall { xattrs: wanted.xattrs.len() as u64, times: !set, ..Shortfall::default() }
}

/// Reads at an offset; 0 at the end. Moves the position.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// Writes all of `bytes` at an offset. Safe from several threads.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an error comes from another program (a virus scanner, the indexer) holding the file for a moment.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION))
}

/// A name as the bytes the format keeps: WTF-8.
pub fn os_to_bytes(name: &OsStr) -> Vec<u8> {
    wtf8::from_wide(name.encode_wide())
}

/// The bytes of the format as a name of this system; a name from Unix that is no WTF-8 is `InvalidFilename`.
pub fn bytes_to_os(bytes: &[u8]) -> io::Result<OsString> {
    let units = wtf8::to_wide(bytes).ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(OsString::from_wide(&units))
}

/// Whether Windows can have a file of this name without meaning something else by it: no separators, drive letters,
/// streams, wildcards, control characters, device names, trailing dot or blank.
pub fn is_writable_name(name: &[u8]) -> bool {
    let Some(units) = wtf8::to_wide(name) else { return false };
    if units.is_empty() || units.len() > 255 || matches!(name.last(), Some(b'.' | b' ')) {
        return false;
    }
    if name.iter().any(|byte| *byte < 32 || br#"\/:*?"<>|"#.contains(byte)) {
        return false;
    }
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or(name).trim_ascii_end().to_ascii_uppercase();
    let is_numbered = |prefix: &[u8]| {
        let digit = stem.strip_prefix(prefix);
        digit.is_some_and(|rest| matches!(rest, [b'0'..=b'9'] | [0xC2, 0xB9 | 0xB2 | 0xB3]))
    };
    let is_device = matches!(&stem[..], b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CONIN$" | b"CONOUT$");
    !is_device && !is_numbered(b"COM") && !is_numbered(b"LPT")
}

/// `C:\Dossiers` → `C`, `Dossiers`; `\\srv\share\x` → `UNC`, `srv`, `share`, `x`. `None` when the path is relative, has
/// `..`, or starts with another prefix.
pub fn split_absolute(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut components = path.components();
    let Some(Component::Prefix(prefix)) = components.next() else { return None };
    let mut names = match prefix.kind() {
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => vec![vec![letter.to_ascii_uppercase()]],
        Prefix::UNC(server, share) | Prefix::VerbatimUNC(server, share) => {
            vec![b"UNC".to_vec(), os_to_bytes(server), os_to_bytes(share)]
        }
        _ => return None,
    };
    if components.next() != Some(Component::RootDir) {
        return None;
    }
    for component in components {
        match component {
            Component::Normal(name) => names.push(os_to_bytes(name)),
            _ => return None,
        }
    }
    Some(names)
}

/// `C/Dossiers` → `\\?\C:\Dossiers` (the long form: no limit of 260 letters); `UNC/srv/share` → `\\?\UNC\srv\share`.
/// The empty path, `UNC` and `UNC/srv` stand for no folder of the system: `NotFound`.
pub fn join_absolute(path: &[u8]) -> io::Result<PathBuf> {
    let mut names = path.split(|byte| *byte == b'/');
    let first = names.next().unwrap_or_default();
    let mut absolute = OsString::from(r"\\?\");
    if first == b"UNC" {
        let (Some(server), Some(share)) = (names.next(), names.next()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        absolute.push(r"UNC\");
        absolute.push(bytes_to_os(server)?);
        absolute.push(r"\");
        absolute.push(bytes_to_os(share)?);
    } else if let [letter @ b'A'..=b'Z'] = first {
        absolute.push(format!("{}:", char::from(*letter)));
    } else {
        return Err(io::ErrorKind::NotFound.into());
    }
    absolute.push(r"\");
    let mut absolute = PathBuf::from(absolute);
    for name in names {
        absolute.push(bytes_to_os(name)?);
    }
    Ok(absolute)
}

/// Folders of the state inherit the access list of `%ProgramData%\\Scelle`, which the installer restricts.
pub fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// New files inherit the access list of their folder.
pub fn private_file(_options: &mut std::fs::OpenOptions) {}

/// Not known: access lists are not looked at.
pub fn is_open_to_others(_meta: &std::fs::Metadata) -> bool {
    false
}

/// Tells a supervisor how this process is: on Windows nobody is told, the service manager asks by itself.
pub fn tell_supervisor(_: &std::ffi::OsStr, _: &str) -> bool {
    false
}

/// Waits until the user or the system asks this process to stop: Ctrl-C, the window closed, the session ending.
pub async fn stop_requested() -> io::Result<()> {
    let (mut close, mut shutdown) =
        (tokio::signal::windows::ctrl_close()?, tokio::signal::windows::ctrl_shutdown()?);
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = close.recv() => Ok(()),
        _ = shutdown.recv() => Ok(()),
    }
}
