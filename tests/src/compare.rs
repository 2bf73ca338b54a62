//! Two trees, compared the way a suspicious user would.
//!
//! Names as bytes, contents byte for byte, modes, owners, times to the nanosecond, link targets, which names
//! are one file, holes, extended attributes and ACLs. Never: follows a link.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What one entry is, as far as a backup keeps it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    bytes: u64,
    /// BLAKE3 of the content, or of the link's target.
    content: Option<blake3::Hash>,
    attributes: BTreeMap<OsString, Vec<u8>>,
    /// All names of this file inside the tree, when there are several.
    names: Vec<PathBuf>,
}

/// What differs between `left` and `right`, one line each; empty when they are the same. Sockets, pipes and
/// devices of `left` are to be absent from `right`.
pub fn differences(left: &Path, right: &Path) -> Vec<String> {
    let (left_entries, right_entries) = (read(left, true), read(right, false));
    let mut lines = Vec::new();
    for (path, (entry, blocks)) in &left_entries {
        match right_entries.get(path) {
            None => lines.push(format!("{path:?}: missing")),
            Some((other, other_blocks)) => {
                difference(path, entry, other, &mut lines);
                // A file system may allocate a little more; a hole that was filled shows in megabytes.
                if entry.kind == "file" && *other_blocks > blocks + 1024 && *other_blocks > blocks * 2 {
                    lines.push(format!("{path:?}: {blocks} blocks became {other_blocks}: holes were filled"));
                }
            }
        }
    }
    for path in right_entries.keys().filter(|path| !left_entries.contains_key(*path)) {
        lines.push(format!("{path:?}: was not there"));
    }
    lines
}

/// What a tree is, one line for each entry in byte order of the paths: the same text for the same tree on any day and
/// machine. Owners are numbers; the times of the tree's own folders are left out, since tests make them anew.
pub fn described(root: &Path) -> String {
    let mut text = String::new();
    for (path, (entry, _)) in read(root, true) {
        let Entry { kind, mode, owner: (user, group), modified: (seconds, nanoseconds), bytes, .. } = entry;
        let path = path.as_os_str().as_encoded_bytes().escape_ascii();
        let content = entry.content.map(|hash| hash.to_hex().to_string()).unwrap_or_default();
        let time = if kind == "directory" { String::new() } else { format!("{seconds}.{nanoseconds:09}") };
        let attributes: Vec<String> = entry
            .attributes
            .iter()
            .map(|(name, value)| {
                format!("{}={}", name.as_encoded_bytes().escape_ascii(), value.escape_ascii())
            })
            .collect();
        let names: Vec<String> = entry
            .names
            .iter()
            .map(|name| name.as_os_str().as_encoded_bytes().escape_ascii().to_string())
            .collect();
        let (attributes, names) = (attributes.join(","), names.join(","));
        text +=
            &format!("{path}|{kind}|{mode:o}|{user}:{group}|{time}|{bytes}|{content}|{attributes}|{names}\n");
    }
    text
}

/// Panics with what differs. See [`differences`].
pub fn assert_same(left: &Path, right: &Path) {
    let lines = differences(left, right);
    assert!(lines.is_empty(), "{} and {} differ:\n{}", left.display(), right.display(), lines.join("\n"));
}

/// Only names and contents: for what an attribute-less reader restores.
pub fn assert_same_content(left: &Path, right: &Path) {
    let contents = |root| -> BTreeMap<PathBuf, (&'static str, u64, Option<blake3::Hash>)> {
        let entries = read(root, true).into_iter();
        entries.map(|(path, (entry, _))| (path, (entry.kind, entry.bytes, entry.content))).collect()
    };
    let (left_contents, right_contents) = (contents(left), contents(right));
    for (path, content) in &left_contents {
        assert_eq!(Some(content), right_contents.get(path), "{path:?}");
    }
    assert_eq!(left_contents.len(), right_contents.len());
}

fn difference(path: &Path, left: &Entry, right: &Entry, lines: &mut Vec<String>) {
    if left == right {
        return;
    }
    let mut differs = |what: &str, left: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug| {
        let (left, right) = (format!("{left:?}"), format!("{right:?}"));
        if left != right {
            lines.push(format!("{path:?}: {what} {left} became {right}"));
        }
    };
    differs("kind", &left.kind, &right.kind);
    differs("mode", &format!("{:o}", left.mode), &format!("{:o}", right.mode));
    differs("owner", &left.owner, &right.owner);
    differs("time", &left.modified, &right.modified);
    differs("size", &left.bytes, &right.bytes);
    differs("content", &left.content, &right.content);
    differs("attributes", &left.attributes, &right.attributes);
    differs("names", &left.names, &right.names);
}

type Entries = BTreeMap<PathBuf, (Entry, u64)>;

fn read(root: &Path, leave_out_special: bool) -> Entries {
    let mut entries = Entries::new();
    let mut links: BTreeMap<(u64, u64), Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    let root_metadata = fs::symlink_metadata(root).unwrap_or_else(|error| panic!("{root:?}: {error}"));
    entries.insert(PathBuf::new(), (entry(root, &root_metadata), 0));
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).unwrap() {
            let path = item.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let entry = entry(&path, &metadata);
            if entry.kind == "special" && leave_out_special {
                continue;
            }
            if entry.kind == "directory" {
                folders.push(path);
            } else if metadata.nlink() > 1 {
                links.entry((metadata.dev(), metadata.ino())).or_default().push(name.clone());
            }
            entries.insert(name, (entry, metadata.blocks()));
        }
    }
    for mut names in links.into_values().filter(|names| names.len() > 1) {
        names.sort();
        for name in &names {
            entries.get_mut(name).unwrap().0.names = names.clone();
        }
    }
    entries
}

fn entry(path: &Path, metadata: &Metadata) -> Entry {
    let kind = metadata.file_type();
    let is_special = kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device();
    let (kind, content) = if kind.is_dir() {
        ("directory", None)
    } else if kind.is_symlink() {
        let target = fs::read_link(path).unwrap();
        ("link", Some(blake3::hash(target.as_os_str().as_encoded_bytes())))
    } else if is_special {
        ("special", None)
    } else {
        ("file", Some(hash(path)))
    };
    let names = xattr::list(path).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let attributes = names.into_iter().map(|name| {
        let value = xattr::get(path, &name).unwrap().unwrap_or_default();
        (name, value)
    });
    Entry {
        kind,
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        bytes: if kind == "directory" { 0 } else { metadata.len() },
        content,
        attributes: attributes.collect(),
        names: Vec::new(),
    }
}

fn hash(path: &Path) -> blake3::Hash {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return hasher.finalize(),
            read => hasher.update(&buffer[..read]),
        };
    }
}
