//! What every system tells of an entry, what a restore gives to one, and why one is left out.
//!
//! For: `scan` and `restore::write`; each system's own file fills these. Never: asks a system itself.

use scelle_format::manifest::Xattr;

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    Socket,
    Fifo,
    CharDevice,
    BlockDevice,
    /// Windows reparse points that are neither links nor folders, doors, whatever comes.
    Other,
}

impl Kind {
    /// Whether the format has an entry for it (FORMAT.md §8.3: file, directory, symlink).
    pub fn is_stored(self) -> bool {
        matches!(self, Kind::File | Kind::Directory | Kind::Symlink)
    }
}

/// Which file it is, whatever it is called: names of one file have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Device of the file system.
    pub volume: u64,
    /// Inode, never 0.
    pub inode: u64,
}

/// What one look at a name tells, without following it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: Kind,
    /// Length of the content of a file; for other kinds whatever the system says.
    pub bytes: u64,
    /// Last change of the content: nanoseconds since 1970, clamped to what an `i64` holds (1677–2262).
    pub modified_ns: i64,
    /// Last change of the inode (ctime), same unit. On Windows the creation time: the standard library has no other.
    pub changed_ns: i64,
    /// Permission bits `0o7777`; absent where the system has none.
    pub mode: Option<u32>,
    pub owner: Option<u32>,
    pub group: Option<u32>,
    /// 0 where it is not known (Windows).
    pub inode: u64,
    /// Device of the file system; 0 where it is not known (Windows).
    pub volume: u64,
    /// Number of names of this inode; 1 where it is not known (Windows).
    pub links: u64,
    /// Bytes allocated on disk.
    pub allocated_bytes: u64,
}

impl Stat {
    /// A folder that exists only as a step of a path (Windows: `UNC`, the server's name).
    pub fn step() -> Stat {
        Stat {
            kind: Kind::Directory,
            bytes: 0,
            modified_ns: 0,
            changed_ns: 0,
            mode: None,
            owner: None,
            group: None,
            inode: 0,
            volume: 0,
            links: 1,
            allocated_bytes: 0,
        }
    }

    /// Which file it is; `None` where that is not known (Windows).
    pub fn file_id(&self) -> Option<FileId> {
        (self.inode != 0).then_some(FileId { volume: self.volume, inode: self.inode })
    }

    /// Whether less is allocated than the length says: the file has holes (or is compressed by the file system).
    pub fn may_have_holes(&self) -> bool {
        self.kind == Kind::File && self.allocated_bytes < self.bytes
    }
}

/// What an entry carries beyond its `Stat`. Reading it costs a few system calls: asked for new or changed entries only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Sorted by name; POSIX ACLs are `system.posix_acl_access` and `system.posix_acl_default`.
    pub xattrs: Vec<Xattr>,
    /// The target of a symlink, byte for byte.
    pub link_target: Option<Vec<u8>>,
    /// From `/etc/passwd` and `/etc/group`, read once per process; directory services are not asked.
    pub owner_name: Option<String>,
    pub group_name: Option<String>,
    /// Set when something of the above is missing although the system has it.
    pub problem: Option<ProblemCode>,
}

/// What a restore gives to a file, a folder or a symlink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAttributes {
    /// Nanoseconds since 1970; negative before.
    pub modified_ns: i64,
    /// Absent (a backup from Windows): the private mode the entry was created with stays.
    pub mode: Option<u32>,
    pub owner: Option<u32>,
    pub group: Option<u32>,
    /// As in [`Attributes::xattrs`].
    pub xattrs: Vec<Xattr>,
}

impl FileAttributes {
    /// The attributes as they were read.
    pub fn of(stat: &Stat, attributes: &Attributes) -> FileAttributes {
        FileAttributes {
            modified_ns: stat.modified_ns,
            mode: stat.mode,
            owner: stat.owner,
            group: stat.group,
            xattrs: attributes.xattrs.clone(),
        }
    }
}

/// What [`super::set_attributes`] could not do. Not an error: a restore without administrator rights is a normal restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// Owner or group stayed that of the restoring user; setuid and setgid bits were then left out.
    pub owner: bool,
    pub mode: bool,
    /// Number of extended attributes (ACLs among them) that could not be set.
    pub xattrs: u64,
    pub times: bool,
}

/// Why something below a root is not, or not wholly, in the snapshot. The codes are part of the format
/// (FORMAT.md §8.5, `problems`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The system refused to read it.
    Unreadable,
    /// The system refused to read this folder: nothing below it was seen.
    FolderUnreadable,
    /// It was listed and is no longer there.
    Vanished,
    /// A root the plan names does not exist: the run fails.
    RootMissing,
    /// A root lies in the backup's own state or store folder.
    RootExcluded,
    /// The name has more than 255 bytes. The path of the problem is the folder.
    NameTooLong,
    /// More than 4 096 bytes or 256 components. The path of the problem is the folder.
    PathTooDeep,
    /// A socket, pipe or device: has no content to keep. Counted as skipped, not as a problem.
    Special,
    /// Extended attributes beyond FORMAT.md §13; those in excess are left out.
    XattrLimit,
    /// Extended attributes or a link target that could not be read.
    AttributesUnreadable,
}

impl ProblemCode {
    /// The code as it is written in the root object.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemCode::Unreadable => "unreadable",
            ProblemCode::FolderUnreadable => "folder-unreadable",
            ProblemCode::Vanished => "vanished",
            ProblemCode::RootMissing => "root-missing",
            ProblemCode::RootExcluded => "root-excluded",
            ProblemCode::NameTooLong => "name-too-long",
            ProblemCode::PathTooDeep => "path-too-deep",
            ProblemCode::Special => "special",
            ProblemCode::XattrLimit => "xattr-limit",
            ProblemCode::AttributesUnreadable => "attributes-unreadable",
        }
    }

    /// Whether it is counted as skipped, not as a problem.
    pub fn is_skip(self) -> bool {
        self == ProblemCode::Special
    }

    /// Whether the run as a whole fails.
    pub fn is_error(self) -> bool {
        matches!(self, ProblemCode::RootMissing | ProblemCode::RootExcluded)
    }
}

/// Largest value of one extended attribute (FORMAT.md §13).
pub const XATTR_VALUE_BYTES: usize = 64 * 1024;
/// Most extended attributes of one entry (FORMAT.md §13).
pub const XATTRS: usize = 256;
/// Most bytes of all extended attributes of one entry, names included (FORMAT.md §13).
pub const XATTRS_BYTES: usize = 256 * 1024;
