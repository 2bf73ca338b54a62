//! Owners, modes, times, extended attributes, ACLs, with and without administrator rights.

use super::{at, folder, plain, put};
use scelle_core::platform::{self, FileAttributes, ProblemCode};
use scelle_core::restore::write::{Overwrite, Placed, RestoreRoot, WriteErrorKind};
use scelle_format::manifest::Xattr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn times_before_1970_and_owners() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    for (number, modified_ns) in [-1, -1_000_000_001, 0, 1, 4_000_000_000_999_999_999].into_iter().enumerate()
    {
        let path = at(&format!("f{number}"));
        let wanted = FileAttributes { modified_ns, mode: Some(0o4755), ..FileAttributes::default() };
        to.begin_file(&path, 0).unwrap().commit(&Overwrite::Never, &wanted).unwrap();
        let stat = platform::stat(&root.join(format!("f{number}"))).unwrap();
        assert_eq!((stat.modified_ns, stat.mode), (modified_ns, Some(0o4755)));
    }
    let wanted = FileAttributes {
        owner: Some(1234),
        group: Some(4321),
        mode: Some(0o6755),
        ..FileAttributes::default()
    };
    to.begin_file(&at("owned"), 0).unwrap().commit(&Overwrite::Never, &wanted).unwrap();
    let stat = platform::stat(&root.join("owned")).unwrap();
    if is_root() {
        assert_eq!((stat.owner, stat.group, stat.mode), (Some(1234), Some(4321), Some(0o6755)));
        assert!(to.notices().is_none());
    } else {
        assert_eq!((to.notices().owners, stat.mode), (1, Some(0o755)));
    }
}

/// Runs itself again as `nobody`: another's owner is a notice, and another's setuid bit is not taken over.
#[test]
fn without_administrator_rights() {
    if let Some(root) = std::env::var_os("SCELLE_TEST_NOBODY") {
        let to = RestoreRoot::create(Path::new(&root), "mis de côté").unwrap();
        let wanted = FileAttributes {
            owner: Some(0),
            group: Some(0),
            mode: Some(0o6755),
            ..FileAttributes::default()
        };
        let placed = to.begin_file(&at("d/suid"), 0).unwrap().commit(&Overwrite::Never, &wanted).unwrap();
        to.set_directory(&at("d"), FileAttributes { mode: Some(0o500), ..wanted });
        assert!(to.finish_directories().is_empty());
        assert_eq!((placed, to.notices().owners), (Placed::New, 2));
        assert_eq!(platform::stat(&Path::new(&root).join("d/suid")).unwrap().mode, Some(0o755));
        assert_eq!(to.begin_file(&at("d/late"), 0).err().unwrap().kind, WriteErrorKind::Denied);
        return;
    }
    let (_guard, base) = folder();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    let (root, copy) = (base.join("to"), base.join("test"));
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    command.args(["--exact", "attributes::without_administrator_rights", "--nocapture"]);
    let output = command.env("SCELLE_TEST_NOBODY", &root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// An ACL as the kernel keeps it: version 2, then (tag, permissions, id) rows.
fn acl() -> Vec<u8> {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    let none = u32::MAX;
    for (tag, permissions, id) in [(1, 6, none), (2, 4, 1234), (4, 4, none), (0x10, 4, none), (0x20, 0, none)]
    {
        bytes.extend_from_slice(&u16::to_le_bytes(tag));
        bytes.extend_from_slice(&u16::to_le_bytes(permissions));
        bytes.extend_from_slice(&u32::to_le_bytes(id));
    }
    bytes
}

#[test]
fn extended_attributes_and_acls() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root.join("to"), "mis de côté").unwrap();
    let from = root.join("from");
    fs::write(&from, b"x").unwrap();
    xattr::set(&from, "user.scelle.b", b"\x00binary\xff").unwrap();
    xattr::set(&from, "user.scelle.a", b"").unwrap();
    xattr::set(&from, "system.posix_acl_access", &acl()).unwrap();
    let stat = platform::stat(&from).unwrap();
    let read = platform::attributes(&from, &stat);
    let listed: Vec<&[u8]> = read.xattrs.iter().map(|xattr| &xattr.name[..]).collect();
    assert_eq!(listed, [&b"system.posix_acl_access"[..], b"user.scelle.a", b"user.scelle.b"]);
    assert_eq!((&read.xattrs[0].value, read.problem), (&acl(), None));

    // The destination's default ACL must not leak into what is restored.
    to.make_directories(&at("d")).unwrap();
    xattr::set(root.join("to/d"), "system.posix_acl_default", &acl()).unwrap();
    put(&to, &at("d/plain"), b"x", &Overwrite::Never);
    let stat_plain = platform::stat(&root.join("to/d/plain")).unwrap();
    assert_eq!(stat_plain.mode, Some(0o640));
    assert!(platform::attributes(&root.join("to/d/plain"), &stat_plain).xattrs.is_empty());

    let file = to.begin_file(&at("d/file"), 0).unwrap();
    file.commit(&Overwrite::Never, &FileAttributes::of(&stat, &read)).unwrap();
    let placed = root.join("to/d/file");
    let placed_stat = platform::stat(&placed).unwrap();
    assert_eq!(platform::attributes(&placed, &placed_stat).xattrs, read.xattrs);
    assert_eq!((placed_stat.mode, placed_stat.modified_ns), (stat.mode, stat.modified_ns));

    let default = vec![Xattr { name: b"system.posix_acl_default".to_vec(), value: acl() }];
    to.set_directory(&at("d"), FileAttributes { mode: Some(0o750), xattrs: default.clone(), ..plain() });
    assert!(to.finish_directories().is_empty());
    let stat = platform::stat(&root.join("to/d")).unwrap();
    assert_eq!(platform::attributes(&root.join("to/d"), &stat).xattrs, default);
    assert_eq!((stat.mode, stat.modified_ns), (Some(0o750), plain().modified_ns));
    assert!(to.notices().is_none());

    // What the system does not take is a notice.
    let odd =
        FileAttributes { xattrs: vec![Xattr { name: b"nonsense.x".to_vec(), value: vec![1] }], ..plain() };
    to.begin_file(&at("odd"), 0).unwrap().commit(&Overwrite::Never, &odd).unwrap();
    assert_eq!(to.notices().xattrs, 1);
}

#[test]
fn extended_attributes_beyond_the_limits_are_told() {
    // tmpfs takes many and large ones, other file systems one block.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("many");
    fs::write(&path, b"x").unwrap();
    for number in 0..6 {
        // `trusted.` has no quota on tmpfs but needs root; `user.` is limited to 128 KiB in all.
        let name = format!("{}.{number}", if is_root() { "trusted" } else { "user" });
        let bytes = if is_root() { 60_000 } else { 20_000 };
        xattr::set(&path, name, &vec![number; bytes]).unwrap();
    }
    let read = platform::attributes(&path, &platform::stat(&path).unwrap());
    if is_root() {
        assert_eq!((read.xattrs.len(), read.problem), (4, Some(ProblemCode::XattrLimit)));
    } else {
        assert_eq!((read.xattrs.len(), read.problem), (6, None));
    }
}

#[test]
fn folders_are_finished_deepest_first() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    let closed = |modified_ns| FileAttributes { modified_ns, mode: Some(0o500), ..FileAttributes::default() };
    for (path, time) in [("a", 1_000), ("a/b", 2_000), ("a/b/c", 3_000)] {
        to.make_directories(&at(path)).unwrap();
        to.set_directory(&at(path), closed(time));
        assert_eq!(platform::stat(&root.join(path)).unwrap().mode, Some(0o700));
    }
    put(&to, &at("a/b/c/file"), b"x", &Overwrite::Never);
    assert!(to.finish_directories().is_empty());
    for (path, time) in [("a", 1_000), ("a/b", 2_000), ("a/b/c", 3_000)] {
        let stat = platform::stat(&root.join(path)).unwrap();
        assert_eq!((stat.mode, stat.modified_ns), (Some(0o500), time));
    }
    to.sync_all_at_end().unwrap();
    Command::new("chmod").args(["-R", "u+w"]).arg(&root).status().unwrap();
}
