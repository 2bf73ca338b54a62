//! Extended attributes, ACLs, owners, times on Unix: read for a backup, set for a restore.
//!
//! Reading goes by the open file, or by path for what is not opened (the entry is not followed); setting goes by an open
//! handle, so that nothing can be put in the entry's place in between.

use super::{
    Attributes, FileAttributes, Kind, ProblemCode, Shortfall, Stat, XATTR_VALUE_BYTES, XATTRS, XATTRS_BYTES,
    unix,
};
use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use scelle_format::manifest::Xattr;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;

/// Names of all extended attributes of one entry: the kernel's own limit.
const LIST_BYTES: usize = 64 * 1024;
/// ACLs that a new file inherits from its folder and that the backup must overrule.
const ACLS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

/// What the entry carries beyond its `Stat`. Never fails: what is missing is told by `problem`.
pub fn attributes(path: &Path, stat: &Stat) -> Attributes {
    let mut found = owners(stat);
    if stat.kind == Kind::Symlink {
        match rustix::fs::readlink(path, Vec::new()) {
            Ok(target) => found.link_target = Some(target.into_bytes()),
            Err(_) => found.problem = Some(ProblemCode::AttributesUnreadable),
        }
    }
    let list = |room: &mut [u8]| rustix::fs::llistxattr(path, room);
    take_xattrs(&mut found, list, |name, room| rustix::fs::lgetxattr(path, name, room));
    found
}

/// The same of an open file: no path is walked.
pub fn attributes_of(file: &File, stat: &Stat) -> Attributes {
    let mut found = owners(stat);
    let list = |room: &mut [u8]| rustix::fs::flistxattr(file, room);
    take_xattrs(&mut found, list, |name, room| rustix::fs::fgetxattr(file, name, room));
    found
}

pub(super) fn owners(stat: &Stat) -> Attributes {
    Attributes {
        owner_name: stat.owner.and_then(|id| name_of(&OWNERS, "/etc/passwd", id)),
        group_name: stat.group.and_then(|id| name_of(&GROUPS, "/etc/group", id)),
        ..Attributes::default()
    }
}

pub(super) fn take_xattrs(
    found: &mut Attributes,
    list: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
    get: impl Fn(&[u8], &mut [u8]) -> rustix::io::Result<usize>,
) {
    if let Err(code) = read_xattrs(list, get, &mut found.xattrs) {
        found.problem = Some(code);
    }
    found.xattrs.sort();
}

/// Reads within the limits; the first code met is returned after everything that fits has been taken.
fn read_xattrs(
    list: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
    get: impl Fn(&[u8], &mut [u8]) -> rustix::io::Result<usize>,
    xattrs: &mut Vec<Xattr>,
) -> Result<(), ProblemCode> {
    let mut small = [0u8; 1024];
    let mut large = Vec::new();
    let list = match list(&mut small) {
        Ok(bytes) => &small[..bytes],
        Err(Errno::RANGE) => {
            large.resize(LIST_BYTES, 0);
            match list(&mut large[..]) {
                Ok(bytes) => &large[..bytes],
                Err(Errno::RANGE | Errno::TOOBIG) => return Err(ProblemCode::XattrLimit),
                Err(_) => return Err(ProblemCode::AttributesUnreadable),
            }
        }
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(_) => return Err(ProblemCode::AttributesUnreadable),
    };
    let mut problem = None;
    let mut total_bytes = 0;
    let mut value = vec![0u8; if list.is_empty() { 0 } else { XATTR_VALUE_BYTES }];
    for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let bytes = match get(name, &mut value[..]) {
            Ok(bytes) => bytes,
            Err(Errno::RANGE | Errno::TOOBIG) => {
                problem = Some(ProblemCode::XattrLimit);
                continue;
            }
            // Gone since the listing, or listed to everybody but readable to its owner's services only.
            Err(Errno::NODATA | Errno::OPNOTSUPP) => continue,
            Err(_) => {
                problem = problem.or(Some(ProblemCode::AttributesUnreadable));
                continue;
            }
        };
        if xattrs.len() == XATTRS || total_bytes + name.len() + bytes > XATTRS_BYTES {
            problem = Some(ProblemCode::XattrLimit);
            continue;
        }
        total_bytes += name.len() + bytes;
        xattrs.push(Xattr { name: name.to_vec(), value: value[..bytes].to_vec() });
    }
    problem.map_or(Ok(()), Err)
}

static OWNERS: OnceLock<HashMap<u32, String>> = OnceLock::new();
static GROUPS: OnceLock<HashMap<u32, String>> = OnceLock::new();

fn name_of(cache: &OnceLock<HashMap<u32, String>>, file: &str, id: u32) -> Option<String> {
    cache.get_or_init(|| parse_names(&std::fs::read(file).unwrap_or_default())).get(&id).cloned()
}

/// `name:password:id:…` lines, as in passwd(5) and group(5); the first name of an id wins, as for the system.
fn parse_names(content: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in content.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        if let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next())
            && let (Ok(name), Ok(id)) = (std::str::from_utf8(name), std::str::from_utf8(id))
            && let Ok(id) = id.parse()
            && !name.is_empty()
        {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

/// Gives an open file or folder its owner, mode, extended attributes and times, in this order: a change of owner
/// clears setuid bits, a change of mode rewrites the ACL's mask, and everything changes times.
pub fn set_attributes(file: &File, wanted: &FileAttributes) -> Shortfall {
    let mut shortfall = Shortfall::default();
    let now = unix::stat_of(file).ok();
    let owner = wanted.owner.filter(|id| *id != u32::MAX);
    let group = wanted.group.filter(|id| *id != u32::MAX);
    if now.is_none_or(|now| {
        owner.is_some_and(|id| now.owner != Some(id)) || group.is_some_and(|id| now.group != Some(id))
    }) {
        let given = rustix::fs::fchown(file, owner.map(Uid::from_raw), group.map(Gid::from_raw));
        if given.is_err() {
            shortfall.owner = true;
            // The group alone may be given by a member; best effort, already counted.
            let _ = rustix::fs::fchown(file, None, group.map(Gid::from_raw));
        }
    }
    remove_inherited_acls(file, wanted);
    if let Some(mode) = wanted.mode {
        // Another's setuid program must not become the restoring user's.
        let mode = if shortfall.owner { mode & 0o1777 } else { mode & 0o7777 };
        shortfall.mode = rustix::fs::fchmod(file, Mode::from_raw_mode(mode as _)).is_err();
    }
    for Xattr { name, value } in &wanted.xattrs {
        if shortfall.owner && name == b"security.capability"
            || rustix::fs::fsetxattr(file, &name[..], value, XattrFlags::empty()).is_err()
        {
            shortfall.xattrs += 1;
        }
    }
    shortfall.times = rustix::fs::futimens(file, &timestamps(wanted.modified_ns)).is_err();
    shortfall
}

fn remove_inherited_acls(file: &File, wanted: &FileAttributes) {
    for acl in ACLS {
        if wanted.xattrs.iter().all(|xattr| xattr.name != acl) {
            // Absent in nearly all cases; a file system without ACLs has none to inherit.
            let _ = rustix::fs::fremovexattr(file, acl);
        }
    }
}

/// The same for a symlink `name` in `folder`, which has neither mode nor, for us, extended attributes.
pub(super) fn set_link_attributes(folder: impl AsFd, name: &[u8], wanted: &FileAttributes) -> Shortfall {
    let mut shortfall = Shortfall { xattrs: wanted.xattrs.len() as u64, ..Shortfall::default() };
    let owner = wanted.owner.filter(|id| *id != u32::MAX).map(Uid::from_raw);
    let group = wanted.group.filter(|id| *id != u32::MAX).map(Gid::from_raw);
    if owner.is_some() || group.is_some() {
        shortfall.owner =
            rustix::fs::chownat(&folder, name, owner, group, AtFlags::SYMLINK_NOFOLLOW).is_err();
    }
    let times = timestamps(wanted.modified_ns);
    shortfall.times = rustix::fs::utimensat(&folder, name, &times, AtFlags::SYMLINK_NOFOLLOW).is_err();
    shortfall
}

/// The modification time; the access time stays as it is.
fn timestamps(modified_ns: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec {
            tv_sec: modified_ns.div_euclid(1_000_000_000) as _,
            tv_nsec: modified_ns.rem_euclid(1_000_000_000) as _,
        },
    }
}

/// Waits until the file system that holds `folder` has written everything down, where the system can be asked.
pub(super) fn sync_file_system(folder: impl AsFd) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::fs::syncfs(folder)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    rustix::fs::fsync(folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_names;

    #[test]
    fn names_are_parsed_and_noise_is_not() {
        let names =
            parse_names(b"root:x:0:0::/:/bin/sh\nbad\n:x:3:\nx:y:z\ntoor:x:0:\n\xff:x:9:\nmarie:x:1000:1000");
        assert_eq!(names.get(&0).map(String::as_str), Some("root"));
        assert_eq!(names.get(&1000).map(String::as_str), Some("marie"));
        assert_eq!(names.len(), 2);
    }
}
