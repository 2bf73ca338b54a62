//! Writing a restore to real folders: attributes, links, holes, what is overwritten, what is refused.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs and does not get ends it")]

mod attributes;

use scelle_core::platform::{self, FileAttributes};
use scelle_core::restore::write::{Overwrite, Placed, RestoreRoot, WriteErrorKind};
use scelle_core::scan::EntryPath;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn at(path: &str) -> EntryPath {
    EntryPath::from_bytes(path.as_bytes()).unwrap()
}

fn plain() -> FileAttributes {
    FileAttributes { modified_ns: 1_600_000_000_123_456_789, mode: Some(0o640), ..FileAttributes::default() }
}

fn put(to: &RestoreRoot, path: &EntryPath, content: &[u8], overwrite: &Overwrite) -> Placed {
    let file = to.begin_file(path, content.len() as u64).unwrap();
    file.write_at(0, content).unwrap();
    file.commit(overwrite, &plain()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn content_in_any_order_mode_and_time() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root.join("new/deep"), "mis de côté").unwrap();
    let path = at("data/cabinet/scan.tif");
    let file = to.begin_file(&path, 300_000).unwrap();
    let content: Vec<u8> = (0..300_000u32).map(|at| (at * 31) as u8).collect();
    std::thread::scope(|scope| {
        for start in (0..300_000).step_by(50_000).rev() {
            let (file, content) = (&file, &content);
            scope.spawn(move || file.write_at(start as u64, &content[start..start + 50_000]).unwrap());
        }
    });
    assert_eq!(file.write_at(299_999, b"xx").unwrap_err().kind, WriteErrorKind::OutOfBounds);
    assert_eq!(file.write_at(u64::MAX, b"x").unwrap_err().kind, WriteErrorKind::OutOfBounds);
    assert_eq!(file.commit(&Overwrite::Never, &plain()).unwrap(), Placed::New);

    let placed = root.join("new/deep/data/cabinet/scan.tif");
    assert_eq!(fs::read(&placed).unwrap(), content);
    let stat = platform::stat(&placed).unwrap();
    assert_eq!((stat.mode, stat.modified_ns), (Some(0o640), 1_600_000_000_123_456_789));
    assert_eq!(names(placed.parent().unwrap()), ["scan.tif"]);
    let existing = to.existing(&path).unwrap().unwrap();
    let mut block = [0; 4];
    assert_eq!(existing.read_at(&mut block, 299_998).unwrap(), 2);
    assert_eq!((existing.stat.bytes, &block[..2]), (300_000, &content[299_998..]));
    assert!(to.existing(&at("data/none/x")).unwrap().is_none());
    assert!(to.existing(&at("data/cabinet/y")).unwrap().is_none());
    assert!(to.notices().is_none());
}

#[test]
fn what_stands_there() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    let sibling = Overwrite::Sibling("restauré 2026-11-21".to_owned());
    let beside = |name: &str| Placed::Beside(at(name));
    let cases = [
        ("never", Overwrite::Never, &b"old"[..], Placed::Kept, &b"old"[..]),
        ("never-same", Overwrite::Never, b"new", Placed::Same, b"new"),
        ("changed", Overwrite::Changed, b"old", Placed::Replaced, b"new"),
        ("changed-longer", Overwrite::Changed, b"older", Placed::Replaced, b"new"),
        ("changed-same", Overwrite::Changed, b"new", Placed::Same, b"new"),
        ("always", Overwrite::Always, b"old", Placed::Replaced, b"new"),
        ("always-same", Overwrite::Always, b"new", Placed::Replaced, b"new"),
        ("sibling.txt", sibling.clone(), b"old", beside("sibling (restauré 2026-11-21).txt"), b"old"),
        ("sibling-same", sibling.clone(), b"new", Placed::Same, b"new"),
    ];
    for (name, overwrite, before, placed, after) in cases {
        fs::write(root.join(name), before).unwrap();
        assert_eq!(put(&to, &at(name), b"new", &overwrite), placed, "{name}");
        assert_eq!(fs::read(root.join(name)).unwrap(), after, "{name}");
    }
    let stat = platform::stat(&root.join("changed-same")).unwrap();
    assert_eq!((stat.mode, stat.modified_ns), (Some(0o640), plain().modified_ns));

    // The same again finds the sibling; other content gets a number.
    let name = at("sibling.txt");
    assert_eq!(put(&to, &name, b"new", &sibling), beside("sibling (restauré 2026-11-21).txt"));
    assert_eq!(put(&to, &name, b"newer", &sibling), beside("sibling (restauré 2026-11-21 2).txt"));
    assert_eq!(fs::read(root.join("sibling (restauré 2026-11-21).txt")).unwrap(), b"new");
    assert_eq!(fs::read(root.join("sibling (restauré 2026-11-21 2).txt")).unwrap(), b"newer");

    // A folder is never replaced by a file; a link is replaced itself, its target is not touched.
    fs::create_dir(root.join("folder")).unwrap();
    let file = to.begin_file(&at("folder"), 0).unwrap();
    assert_eq!(file.commit(&Overwrite::Always, &plain()).unwrap_err().kind, WriteErrorKind::Occupied);
    fs::write(root.join("target"), b"new").unwrap();
    symlink("target", root.join("link")).unwrap();
    assert_eq!(put(&to, &at("link"), b"new", &Overwrite::Never), Placed::Kept);
    assert_eq!(put(&to, &at("link"), b"NEW", &Overwrite::Changed), Placed::Replaced);
    assert_eq!(fs::read(root.join("target")).unwrap(), b"new");
    assert!(!fs::symlink_metadata(root.join("link")).unwrap().is_symlink());
    fs::write(root.join("file"), b"").unwrap();
    assert_eq!(to.begin_file(&at("file/x"), 0).err().unwrap().kind, WriteErrorKind::Occupied);
    assert!(names(&root).iter().all(|name| !name.starts_with(".scelle")));
}

#[test]
fn planted_links_are_not_followed() {
    let (_guard, base) = folder();
    let (root, outside) = (base.join("to"), base.join("etc"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("passwd"), b"root").unwrap();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    fs::create_dir(root.join("data")).unwrap();
    symlink(&outside, root.join("data/planted")).unwrap();
    symlink("..", root.join("up")).unwrap();

    for path in ["data/planted/passwd", "data/planted/new", "up/etc/passwd", "data/planted/deep/er"] {
        let path = at(path);
        assert_eq!(to.begin_file(&path, 1).err().unwrap().kind, WriteErrorKind::SymlinkInPath);
        assert_eq!(to.existing(&path).err().unwrap().kind, WriteErrorKind::SymlinkInPath);
        let link = to.place_symlink(&path, b"x", &Overwrite::Always, &plain());
        assert_eq!(link.unwrap_err().kind, WriteErrorKind::SymlinkInPath);
        let link = to.place_hardlink(&path, &at("stolen"), &Overwrite::Always);
        assert_eq!(link.unwrap_err().kind, WriteErrorKind::SymlinkInPath);
    }
    assert_eq!(to.make_directories(&at("data/planted")).unwrap_err().kind, WriteErrorKind::SymlinkInPath);
    to.set_directory(&at("data/planted"), FileAttributes { mode: Some(0o777), ..plain() });
    let failures = to.finish_directories();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].to_string(), "a symbolic link stands in the way");
    assert_eq!(failures[0].path, Some(at("data/planted")));
    assert_eq!(to.sweep(&EntryPath::top()).unwrap(), 0);

    // Attributes and content go to what was opened, not to what a link names.
    symlink(outside.join("passwd"), root.join("alias")).unwrap();
    assert!(to.existing(&at("alias")).unwrap().unwrap().file.is_none());
    assert!(to.update_attributes(&at("alias"), &plain()).is_err());
    assert_eq!(
        to.place_hardlink(&at("alias"), &at("b"), &Overwrite::Never).unwrap_err().kind,
        WriteErrorKind::Occupied
    );
    assert_eq!(put(&to, &at("alias"), b"mine", &Overwrite::Always), Placed::Replaced);
    assert_eq!(fs::read(outside.join("passwd")).unwrap(), b"root");
    assert_eq!(names(&outside), ["passwd"]);
    assert!(to.begin_file(&EntryPath::top(), 0).is_err());
}

#[test]
fn holes_stay_holes() {
    let (_guard, root) = folder();
    let (from, to) = (root.join("from"), RestoreRoot::create(&root.join("to"), "mis de côté").unwrap());
    let bytes = 64 << 20;
    let file = File::create(&from).unwrap();
    file.write_all_at(&[7; 5000], 1 << 20).unwrap();
    file.write_all_at(&[8; 10], 40 << 20).unwrap();
    file.set_len(bytes).unwrap();
    drop(file);

    let (source, stat) = platform::open_for_reading(&from).unwrap();
    assert!(stat.may_have_holes());
    let extents = platform::data_extents(&source, &stat).unwrap().unwrap();
    assert!(extents.iter().map(|extent| extent.bytes).sum::<u64>() < 1 << 20);
    assert!(extents.iter().any(|extent| extent.start <= 1 << 20 && extent.end() >= (1 << 20) + 5000));

    let restored = to.begin_file(&at("sparse"), stat.bytes).unwrap();
    for Extent { start, bytes } in extents {
        let mut block = vec![0; bytes as usize];
        assert_eq!(platform::read_at(&source, &mut block, start).unwrap() as u64, bytes);
        restored.write_at(start, &block).unwrap();
    }
    restored.commit(&Overwrite::Never, &plain()).unwrap();
    let placed = root.join("to/sparse");
    assert!(platform::stat(&placed).unwrap().allocated_bytes < 1 << 20);
    assert!(fs::read(&placed).unwrap() == fs::read(&from).unwrap());

    // Written down first: until then the system may not have allocated all of it.
    let dense = root.join("dense");
    fs::write(&dense, vec![1; 300_000]).unwrap();
    File::open(&dense).unwrap().sync_all().unwrap();
    let (dense, stat) = platform::open_for_reading(&dense).unwrap();
    assert_eq!(platform::data_extents(&dense, &stat).unwrap(), None);
    let empty = File::create(root.join("hole")).unwrap();
    empty.set_len(1 << 20).unwrap();
    let stat = platform::stat_of(&empty).unwrap();
    assert_eq!(platform::data_extents(&empty, &stat).unwrap(), Some(Vec::new()));
}

#[test]
fn symlinks_and_hard_links() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    for (name, target) in
        [("loop", &b"loop"[..]), ("dangling", b"../no/where"), ("bytes", b"\xff\xfe"), ("abs", b"/etc")]
    {
        let placed = to.place_symlink(&at(name), target, &Overwrite::Never, &plain()).unwrap();
        assert_eq!(placed, Placed::New);
        let stat = platform::stat(&root.join(name)).unwrap();
        assert_eq!(stat.modified_ns, plain().modified_ns);
        let read = platform::attributes(&root.join(name), &stat);
        assert_eq!(read.link_target.as_deref(), Some(target));
    }
    let again = |target, overwrite| to.place_symlink(&at("loop"), target, &overwrite, &plain()).unwrap();
    assert_eq!(again(b"loop", Overwrite::Changed), Placed::Same);
    assert_eq!(again(b"other", Overwrite::Never), Placed::Kept);
    assert_eq!(again(b"other", Overwrite::Changed), Placed::Replaced);
    assert_eq!(fs::read_link(root.join("loop")).unwrap(), Path::new("other"));
    for target in [&b""[..], b"a\0b", &[b'x'; 4096]] {
        let refused = to.place_symlink(&at("bad"), target, &Overwrite::Never, &plain());
        assert_eq!(refused.unwrap_err().kind, WriteErrorKind::HostilePath);
    }

    put(&to, &at("d/first"), b"content", &Overwrite::Never);
    assert_eq!(to.place_hardlink(&at("d/first"), &at("e/second"), &Overwrite::Never).unwrap(), Placed::New);
    let (first, second) =
        (platform::stat(&root.join("d/first")).unwrap(), platform::stat(&root.join("e/second")).unwrap());
    assert_eq!((first.inode, first.links), (second.inode, 2));
    assert_eq!(to.place_hardlink(&at("d/first"), &at("e/second"), &Overwrite::Always).unwrap(), Placed::Same);
    fs::write(root.join("e/third"), b"content").unwrap();
    assert_eq!(
        to.place_hardlink(&at("d/first"), &at("e/third"), &Overwrite::Changed).unwrap(),
        Placed::Replaced
    );
    assert_eq!(platform::stat(&root.join("d/first")).unwrap().links, 3);
    let gone = to.place_hardlink(&at("d/none"), &at("x"), &Overwrite::Never);
    assert_eq!(gone.unwrap_err().kind, WriteErrorKind::Vanished);
    assert_eq!(names(&root.join("e")), ["second", "third"]);
}

#[test]
fn nothing_temporary_stays() {
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    let file = to.begin_file(&at("d/x"), 10).unwrap();
    let temporary = names(&root.join("d")).remove(0);
    assert!(temporary.starts_with(".scelle-restore-"));
    assert_eq!(platform::stat(&root.join("d").join(&temporary)).unwrap().mode, Some(0o600));
    drop(file);
    assert!(names(&root.join("d")).is_empty());

    // What a killed run leaves.
    fs::write(root.join("d/.scelle-restore-0123456789abcdef"), b"x").unwrap();
    fs::write(root.join(".scelle-restore-fedcba9876543210"), b"x").unwrap();
    fs::write(root.join("d/.scelle-restore-mine"), b"x").unwrap();
    fs::create_dir(root.join("d/.scelle-restore-0000000000000000")).unwrap();
    assert_eq!(to.sweep(&at("d")).unwrap(), 1);
    assert_eq!(to.sweep(&EntryPath::top()).unwrap(), 1);
    assert_eq!(names(&root.join("d")), [".scelle-restore-0000000000000000", ".scelle-restore-mine"]);
}

#[test]
fn odd_names_are_written_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt;
    let (_guard, root) = folder();
    let to = RestoreRoot::create(&root, "mis de côté").unwrap();
    let long = [b'x'; 255];
    let odd: [&[u8]; 6] = [b"\xff\xfe", "é".as_bytes(), "e\u{301}".as_bytes(), &long, b"a\nb", b"C:"];
    for name in odd {
        let path = EntryPath::top().child(name).unwrap();
        assert_eq!(put(&to, &path, name, &Overwrite::Never), Placed::New);
        assert_eq!(fs::read(root.join(std::ffi::OsStr::from_bytes(name))).unwrap(), name);
    }
    assert_eq!(names(&root).len(), odd.len());
    // A sibling of the longest name is shortened, not refused.
    let path = EntryPath::top().child(&long).unwrap();
    let placed = put(&to, &path, b"other", &Overwrite::Sibling("restauré".to_owned()));
    let Placed::Beside(beside) = placed else { panic!("{placed:?}") };
    assert_eq!(beside.name().len(), 255);
    assert_eq!(fs::read(beside.to_os_below(&root).unwrap()).unwrap(), b"other");
}

/// Runs itself again in a mount namespace of its own, on a file system of one megabyte.
#[test]
fn a_full_destination_is_its_own_kind_of_error() {
    if let Some(root) = std::env::var_os("SCELLE_TEST_FULL") {
        let root = PathBuf::from(root);
        let to = RestoreRoot::create(&root, "mis de côté").unwrap();
        let file = to.begin_file(&at("x"), 4 << 20).unwrap();
        let block = vec![1; 1 << 20];
        let written = (0..4).try_for_each(|number| file.write_at(number << 20, &block));
        let error = written.unwrap_err();
        assert_eq!(
            (error.kind, error.to_string().as_str()),
            (WriteErrorKind::Full, "the destination is full")
        );
        drop(file);
        assert!(names(&root).is_empty());
        return;
    }
    let (_guard, root) = folder();
    let script = r#"mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" --exact "$3" --nocapture"#;
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "bash", "-c", script, "bash"]).arg(&root);
    command.arg(std::env::current_exe().unwrap()).arg("a_full_destination_is_its_own_kind_of_error");
    let output = command.env("SCELLE_TEST_FULL", &root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

use scelle_format::manifest::Extent;
