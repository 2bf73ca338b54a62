//! Looking at files and opening them for reading on Unix. Called by `scan` and the pipeline; never follows a symbolic
//! link at the end of a path, never writes to the source.

use super::{Kind, Names, Stat};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use scelle_format::manifest::Extent;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

/// Most data extents recorded for one file; beyond, the smallest holes are read as zeros.
const MOST_EXTENTS: usize = 8_192;

/// One look at `path`, which is not followed.
pub fn stat(path: &Path) -> io::Result<Stat> {
    Ok(from_raw(&rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// One look at an open file.
pub fn stat_of(file: &File) -> io::Result<Stat> {
    Ok(from_raw(&rustix::fs::fstat(file)?))
}

/// Whether a file that was opened at `path` still stands there, by how it looked then and looks now. A file that another
/// took the place of has one name less: no path is walked.
pub fn stands_at(_path: &Path, before: &Stat, now: &Stat) -> io::Result<bool> {
    Ok(before.links == now.links)
}

pub(super) fn stat_at(folder: impl AsFd, name: &[u8]) -> io::Result<Stat> {
    Ok(from_raw(&rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between Unix systems")]
fn from_raw(raw: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: match FileType::from_raw_mode(raw.st_mode as _) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            FileType::Socket => Kind::Socket,
            FileType::Fifo => Kind::Fifo,
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            _ => Kind::Other,
        },
        bytes: raw.st_size as u64,
        modified_ns: join_ns(raw.st_mtime as i64, raw.st_mtime_nsec as i64),
        changed_ns: join_ns(raw.st_ctime as i64, raw.st_ctime_nsec as i64),
        mode: Some(raw.st_mode as u32 & 0o7777),
        owner: Some(raw.st_uid as u32),
        group: Some(raw.st_gid as u32),
        inode: raw.st_ino as u64,
        volume: raw.st_dev as u64,
        links: raw.st_nlink as u64,
        allocated_bytes: (raw.st_blocks as u64).saturating_mul(512),
    }
}

/// Seconds and nanoseconds since 1970 as one number, clamped.
fn join_ns(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// An open directory: its names, and looks at them relative to it (no path is walked again).
pub struct DirectoryReader {
    folder: OwnedFd,
}

impl DirectoryReader {
    /// Opens a directory; a symbolic link in its place is an error.
    pub fn open(path: &Path) -> io::Result<DirectoryReader> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(DirectoryReader { folder: rustix::fs::openat(CWD, path, flags, Mode::empty())? })
    }

    /// All names, sorted, without `.` and `..`.
    pub fn names(&self) -> io::Result<Names> {
        names_of(&self.folder)
    }

    /// One look at a name of this directory, which is not followed.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        stat_at(&self.folder, name)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn names_of(folder: impl AsFd) -> io::Result<Names> {
    let mut names = Names::default();
    let mut room = Vec::with_capacity(64 * 1024);
    let mut raw = rustix::fs::RawDir::new(folder, room.spare_capacity_mut());
    while let Some(entry) = raw.next() {
        let entry = entry?;
        take(&mut names, entry.file_name().to_bytes(), entry.ino());
    }
    names.sort();
    Ok(names)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn names_of(folder: impl AsFd) -> io::Result<Names> {
    let mut names = Names::default();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        take(&mut names, entry.file_name().to_bytes(), entry.ino());
    }
    names.sort();
    Ok(names)
}

fn take(names: &mut Names, name: &[u8], inode: u64) {
    if name != b"." && name != b".." {
        names.push(name, inode);
    }
}

/// The entries of a directory with a look at each, sorted bytewise by name; names that vanish meanwhile are left out.
pub fn read_directory(path: &Path) -> io::Result<Vec<(Vec<u8>, Stat)>> {
    list(&DirectoryReader::open(path)?.folder)
}

pub(super) fn list(folder: impl AsFd) -> io::Result<Vec<(Vec<u8>, Stat)>> {
    let names = names_of(&folder)?;
    let mut entries = Vec::with_capacity(names.len());
    for at in 0..names.len() {
        match stat_at(&folder, names.name(at)) {
            Ok(stat) => entries.push((names.name(at).to_vec(), stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

/// Opens a regular file for reading and looks at what was opened. Neither follows a link, nor waits for the other end
/// of a pipe, nor touches the access time where the system lets us leave it. Anything but a regular file is refused
/// (`InvalidInput`).
pub fn open_for_reading(path: &Path) -> io::Result<(File, Stat)> {
    open_regular_at(CWD, path)
}

pub(super) fn open_regular_at(
    folder: impl AsFd,
    name: impl rustix::path::Arg + Copy,
) -> io::Result<(File, Stat)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let opened = match rustix::fs::openat(&folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may ask not to be noticed.
        Err(Errno::PERM) => rustix::fs::openat(&folder, name, flags, Mode::empty()),
        other => other,
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let opened = rustix::fs::openat(&folder, name, flags, Mode::empty());
    let file = File::from(opened?);
    let stat = stat_of(&file)?;
    if stat.kind == Kind::File {
        Ok((file, stat))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Where the data of a file with holes lies: in order, not overlapping, within the length; `None`
/// when the file has no holes or the file system does not tell. At most 8 192 extents: of a file with more, small
/// holes count as data. Moves the file's position.
pub fn data_extents(file: &File, stat: &Stat) -> io::Result<Option<Vec<Extent>>> {
    if !stat.may_have_holes() {
        return Ok(None);
    }
    let mut extents: Vec<Extent> = Vec::new();
    let mut smallest_hole_bytes = 1u64;
    let mut position = 0;
    while position < stat.bytes {
        let start = match rustix::fs::seek(file, SeekFrom::Data(position)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start))?.min(stat.bytes);
        if start >= end {
            break;
        }
        add_extent(&mut extents, Extent { start, bytes: end - start }, smallest_hole_bytes);
        if extents.len() > 2 * MOST_EXTENTS {
            smallest_hole_bytes = join_extents(&mut extents, smallest_hole_bytes);
        }
        position = end;
    }
    while extents.len() > MOST_EXTENTS {
        smallest_hole_bytes = join_extents(&mut extents, smallest_hole_bytes);
    }
    if extents == [Extent { start: 0, bytes: stat.bytes }] { Ok(None) } else { Ok(Some(extents)) }
}

fn add_extent(extents: &mut Vec<Extent>, extent: Extent, smallest_hole_bytes: u64) {
    match extents.last_mut() {
        Some(last) if extent.start - last.end() < smallest_hole_bytes => {
            last.bytes = extent.end() - last.start
        }
        _ => extents.push(extent),
    }
}

/// Raises the size below which a hole counts as data until half of the extents are gone.
fn join_extents(extents: &mut Vec<Extent>, mut smallest_hole_bytes: u64) -> u64 {
    let target = extents.len() / 2;
    while extents.len() > target {
        smallest_hole_bytes = smallest_hole_bytes.saturating_mul(2);
        let mut joined = Vec::with_capacity(target);
        for extent in extents.iter() {
            add_extent(&mut joined, *extent, smallest_hole_bytes);
        }
        *extents = joined;
    }
    smallest_hole_bytes
}

/// Reads at an offset without moving the position; 0 at the end.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Writes all of `bytes` at an offset without moving the position. Safe from several threads.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Whether an error comes from another program holding the file for a moment: on Unix nobody can.
pub fn is_transient(_error: &io::Error) -> bool {
    false
}

/// A name as the bytes the format keeps.
pub fn os_to_bytes(name: &OsStr) -> Vec<u8> {
    name.as_bytes().to_vec()
}

/// The bytes of the format as a name of this system; always possible on Unix.
pub fn bytes_to_os(bytes: &[u8]) -> io::Result<OsString> {
    Ok(OsString::from_vec(bytes.to_vec()))
}

/// Whether this system can have a file of this name without meaning something else by it. On Unix every component the
/// format allows.
pub fn is_writable_name(_name: &[u8]) -> bool {
    true
}

/// `/data/x` → `data`, `x`. `None` when the path is relative or has `..`.
pub fn split_absolute(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return None;
    }
    components
        .map(|component| match component {
            Component::Normal(name) => Some(os_to_bytes(name)),
            _ => None,
        })
        .collect()
}

/// `data/x` → `/data/x`; the empty path is `/`.
pub fn join_absolute(path: &[u8]) -> io::Result<PathBuf> {
    let mut absolute = Vec::with_capacity(path.len() + 1);
    absolute.push(b'/');
    absolute.extend_from_slice(path);
    Ok(OsString::from_vec(absolute).into())
}

/// Makes a folder readable by its owner only.
pub fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// New files opened with `options` are readable by their owner only.
pub fn private_file(options: &mut std::fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

/// Whether others than its owner and its group may read or change it.
pub fn is_open_to_others(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o006 != 0
}

/// Waits until the user or the system asks this process to stop: SIGINT, SIGTERM, or the terminal that went away (SIGHUP),
/// unless that was to be ignored (`nohup`).
pub async fn stop_requested() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    let hung_up = async {
        match &mut hangup {
            Some(hangup) => drop(hangup.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        () = hung_up => Ok(()),
    }
}

/// Whether whoever started this process wants it to outlive the terminal. Where the system does not say it is left as it is.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit n-1 is signal n (proc(5)); SIGHUP is 1.
    mask.is_none_or(|mask| mask & 1 == 1)
}
