//! Whether some program has a file open, whether a writer of a SQLite database waits, what this process itself has open, and
//! how SQLite is told a path.
//!
//! Linux asks `/proc/<pid>/fd` and `maps` of every process, at most once a second; Windows tries to open the file while denying
//! others to write. Elsewhere nothing is known, and so it is said. A lease (`fcntl(2)`, `F_SETLEASE`) is not asked for: it tells of
//! writers only, is given for files of the own account or to who sees all processes anyway, and whoever opens the file meanwhile
//! would wait for us. Never: waits for a program, or changes a file.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use super::Stat;

/// Whether another program has something open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// None has.
    No,
    /// One has.
    Yes,
    /// It cannot be known here: processes of other users may not be looked at, or the system does not tell.
    Unknown,
}

/// Whether another program has this file open.
pub fn in_use(path: &Path, stat: &Stat) -> InUse {
    system::in_use(path, stat)
}

/// Whether another program works in this folder (it is its current folder), as a PostgreSQL server does in its cluster.
pub fn folder_in_use(folder: &Path) -> InUse {
    system::folder_in_use(folder)
}

/// Whether a writer of this SQLite database waits until its readers are done: another process holds the PENDING byte
/// (sqlite.org/lockingv3.html §3). `None` where the system does not tell.
pub fn writer_waits(database: &File) -> Option<bool> {
    system::writer_waits(database)
}

/// How many descriptors of this file this process has; `None` where the system does not tell.
pub fn own_descriptors(stat: &Stat) -> Option<usize> {
    system::own_descriptors(stat)
}

/// The URI by which SQLite opens a database without ever making or writing its `-shm` (sqlite.org/wal.html §5).
pub fn sqlite_uri(path: &Path) -> OsString {
    let mut uri = String::from("file:");
    let bytes = super::os_to_bytes(path.as_os_str());
    // Windows: the long form of a path is not for URIs, and they have their own slashes (sqlite.org/uri.html §3.1).
    let (bytes, is_drive) = match bytes.strip_prefix(br"\\?\") {
        Some(rest) if cfg!(windows) && !rest.starts_with(b"UNC") => (rest.to_vec(), true),
        Some(rest) if cfg!(windows) => ([b"////", rest.get(4..).unwrap_or_default()].concat(), false),
        _ => (bytes, false),
    };
    if is_drive {
        uri.push_str("///");
    }
    for byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b':' => {
                uri.push(byte.into())
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?readonly_shm=1");
    uri.into()
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::HashSet;
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use parking_lot::Mutex;
    use rustix::fs::{AtFlags, CWD, StatxFlags};
    use rustix::process::{Flock, FlockOffsetType, FlockType};

    use super::{InUse, Stat};
    use crate::platform::FileId;

    /// An answer serves so long.
    const FRESH: Duration = Duration::from_secs(1);
    /// SQLite's PENDING byte (sqlite3.c, `PENDING_BYTE`).
    const PENDING_BYTE: u64 = 0x4000_0000;

    /// What all processes but this one had open.
    #[derive(Default)]
    struct Open {
        files: HashSet<FileId>,
        folders: HashSet<FileId>,
        /// Whether every process could be looked at.
        is_whole: bool,
    }

    static LAST: Mutex<Option<(Instant, Arc<Open>)>> = Mutex::new(None);

    /// File systems that other computers may use at the same time, or whose files another program serves: who has a file open
    /// there, this computer's list of processes does not say. `f_type` of statfs(2): NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS,
    /// OCFS2, GFS2, and the shares of VirtualBox and VMware.
    const SHARED: [u64; 12] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x7461_636f,
        0x0116_1970,
        0x786f_4256,
        0xbacb_acbc,
    ];

    pub fn in_use(path: &Path, stat: &Stat) -> InUse {
        match is_among(|open| &open.files, stat.file_id()) {
            InUse::No if is_shared(path) => InUse::Unknown,
            known => known,
        }
    }

    fn is_shared(path: &Path) -> bool {
        // The lower 32 bits: the kernel's constants are that wide, `f_type` may be signed.
        rustix::fs::statfs(path).is_ok_and(|found| SHARED.contains(&(found.f_type as u64 & 0xffff_ffff)))
    }

    pub fn folder_in_use(folder: &Path) -> InUse {
        let Ok(stat) = crate::platform::stat(folder) else { return InUse::Unknown };
        match is_among(|open| &open.folders, stat.file_id()) {
            InUse::No if is_shared(folder) => InUse::Unknown,
            known => known,
        }
    }

    /// A new file may have got the inode of one that another program had open a moment ago, so only a look made now says yes.
    fn is_among(of: fn(&Open) -> &HashSet<FileId>, file: Option<FileId>) -> InUse {
        let Some(file) = file else { return InUse::Unknown };
        let mut open = look(FRESH);
        if of(&open).contains(&file) {
            open = look(Duration::ZERO);
        }
        match (of(&open).contains(&file), open.is_whole) {
            (true, _) => InUse::Yes,
            (false, true) => InUse::No,
            (false, false) => InUse::Unknown,
        }
    }

    pub fn writer_waits(database: &File) -> Option<bool> {
        let lock = Flock {
            start: PENDING_BYTE,
            length: 1,
            pid: None,
            typ: FlockType::ReadLock,
            offset_type: FlockOffsetType::Set,
        };
        rustix::process::fcntl_getlk(database, &lock).ok().map(|found| found.is_some())
    }

    pub fn own_descriptors(stat: &Stat) -> Option<usize> {
        let descriptors = std::fs::read_dir("/proc/self/fd").ok()?;
        let files = descriptors.flatten().filter_map(|descriptor| file_behind(&descriptor.path()));
        Some(files.filter(|file| Some(*file) == stat.file_id()).count())
    }

    /// What was open at most `age` ago.
    fn look(age: Duration) -> Arc<Open> {
        let mut last = LAST.lock();
        if let Some((at, open)) = &*last
            && at.elapsed() < age
        {
            return open.clone();
        }
        let open = Arc::new(look_at_all());
        *last = Some((Instant::now(), open.clone()));
        open
    }

    fn look_at_all() -> Open {
        let mut open = Open { is_whole: true, ..Open::default() };
        let Ok(processes) = std::fs::read_dir("/proc") else { return Open::default() };
        let own = std::process::id().to_string();
        for process in processes.flatten() {
            let name = process.file_name();
            let is_process = name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
            if !is_process || name.to_str() == Some(&own) {
                continue;
            }
            let folder = process.path();
            match std::fs::read_dir(folder.join("fd")) {
                Ok(descriptors) => {
                    open.files.extend(descriptors.flatten().filter_map(|fd| file_behind(&fd.path())));
                }
                Err(error) => open.is_whole &= is_gone(&error),
            }
            // A file may be mapped and its descriptor closed. Read as bytes: names need not be UTF-8.
            if let Ok(maps) = std::fs::read(folder.join("maps")) {
                open.files.extend(maps.split(|byte| *byte == b'\n').filter_map(shared_mapping));
            }
            open.folders.extend(file_behind(&folder.join("cwd")));
        }
        open
    }

    /// The file of a line of `maps` (proc_pid_maps(5)) that others see the changes of: `address perms offset dev inode`.
    fn shared_mapping(line: &[u8]) -> Option<FileId> {
        let mut words = line.split(|byte| *byte == b' ');
        let (_, permissions, _) = (words.next()?, words.next()?, words.next()?);
        let (device, inode) = (words.next()?, words.next()?);
        if permissions.get(3) != Some(&b's') {
            return None;
        }
        let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
        let number = |text: &str| u32::from_str_radix(text, 16).ok();
        let inode = std::str::from_utf8(inode).ok()?.parse().ok().filter(|inode| *inode != 0)?;
        Some(FileId { volume: rustix::fs::makedev(number(major)?, number(minor)?), inode })
    }

    fn is_gone(error: &io::Error) -> bool {
        // No such process: it ended meanwhile.
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(3)
    }

    /// Follows a link of `/proc`, but asks no server of a network file system.
    fn file_behind(link: &Path) -> Option<FileId> {
        let found = rustix::fs::statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::INO).ok()?;
        let volume = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
        Some(FileId { volume, inode: found.stx_ino })
    }
}

#[cfg(windows)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::os::windows::fs::OpenOptionsExt as _;
    use std::path::Path;

    use super::{InUse, Stat};

    const SHARE_READ: u32 = 1;
    const SHARING_VIOLATION: i32 = 32;

    /// Opens the file for reading while others may not write: refused where a program has it open for writing.
    pub fn in_use(path: &Path, _stat: &Stat) -> InUse {
        match OpenOptions::new().read(true).share_mode(SHARE_READ).open(path) {
            Ok(_) => InUse::No,
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => InUse::Yes,
            Err(_) => InUse::Unknown,
        }
    }

    /// The standard library does not tell where processes work.
    pub fn folder_in_use(_folder: &Path) -> InUse {
        InUse::Unknown
    }

    /// The standard library cannot ask for locks of others.
    pub fn writer_waits(_database: &File) -> Option<bool> {
        None
    }

    /// Nor for handles.
    pub fn own_descriptors(_stat: &Stat) -> Option<usize> {
        None
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
mod system {
    use std::fs::File;
    use std::path::Path;

    use super::{InUse, Stat};

    pub fn in_use(_path: &Path, _stat: &Stat) -> InUse {
        InUse::Unknown
    }

    pub fn folder_in_use(_folder: &Path) -> InUse {
        InUse::Unknown
    }

    pub fn writer_waits(_database: &File) -> Option<bool> {
        None
    }

    pub fn own_descriptors(_stat: &Stat) -> Option<usize> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_path_for_sqlite_has_no_letter_that_a_uri_reads_otherwise() {
        let uri = sqlite_uri(Path::new("/données/a?b#c%20.db"));
        assert_eq!(uri, "file:/donn%C3%A9es/a%3Fb%23c%2520.db?readonly_shm=1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_another_process_has_only_mapped_is_found() {
        use std::io::BufRead as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mapped");
        std::fs::write(&path, [7; 8192]).unwrap();
        // Python's own mmap keeps a descriptor; read and write, shared.
        let program = "import ctypes,os,sys,time; libc=ctypes.CDLL(None,use_errno=True); libc.mmap.restype=ctypes.c_void_p; \
            f=os.open(sys.argv[1],os.O_RDWR); assert libc.mmap(None,ctypes.c_size_t(8192),3,1,f,ctypes.c_long(0))!=2**64-1; \
            os.close(f); print('mapped',flush=True); time.sleep(600)";
        let mut child = std::process::Command::new("python3")
            .args(["-c", program])
            .arg(&path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        // An answer of a moment ago may not know the new process yet.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let found = in_use(&path, &crate::platform::stat(&path).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((line.trim(), found), ("mapped", InUse::Yes));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_another_process_has_open_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, free) = (folder.path().join("open"), folder.path().join("free"));
        std::fs::write(&path, "x").unwrap();
        std::fs::write(&free, "x").unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .current_dir(folder.path())
            .stdin(File::open(&path).unwrap())
            .spawn()
            .unwrap();
        let stat = |path: &Path| crate::platform::stat(path).unwrap();
        // An answer of a moment ago may not know the new process yet.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let found = (in_use(&path, &stat(&path)), folder_in_use(folder.path()));
        let other = in_use(&free, &stat(&free));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, (InUse::Yes, InUse::Yes));
        assert_ne!(other, InUse::Yes);
    }
}
