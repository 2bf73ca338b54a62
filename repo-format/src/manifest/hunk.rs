//! Hunks: 32 to 1 024 entries in order, as JSON lines (FORMAT.md §8.3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::entry::{Content, Entry, EntryKind, Extent, Xattr};
use super::json::{PackTable, RowLocation, Text, push, push_location, push_string, push_text};
use crate::chunker::Cut;
use crate::error::{FormatError, Result, malformed};
use crate::id::PackId;
use crate::limits::{
    CHUNK_LIST_MAX_LEVEL, HUNK_MASK, HUNK_MAX_ENTRIES, HUNK_MIN_ENTRIES, JSON_NUMBER_MAX, LINK_GROUP_BITS,
    NODE_MAX_BYTES, XATTR_MAX_BYTES, XATTR_MAX_COUNT, XATTR_MAX_TOTAL_BYTES,
};
use crate::path;

const WHAT: &str = "hunk";

/// An entry and the directory it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Path of the directory, shared by its entries.
    pub directory: Arc<[u8]>,
    /// The entry.
    pub entry: Entry,
}

/// A decoded hunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// Entries in the manifest's order.
    pub items: Vec<Item>,
}

/// Decides where hunks (and level-2 nodes) end: by names only, so that touching a file moves no boundary.
#[derive(Clone, Debug)]
pub struct HunkCutter {
    key: [u8; 32],
    entries: usize,
}

impl HunkCutter {
    /// A cutter with a device's boundary key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, entries: 0 }
    }

    /// Counts the entry at `full_path`; true when the hunk ends after it.
    pub fn ends_after(&mut self, full_path: &[u8]) -> bool {
        self.entries += 1;
        let hash = blake3::keyed_hash(&self.key, full_path);
        let [a, b, c, d, ..] = *hash.as_bytes();
        let clear = u32::from_le_bytes([a, b, c, d]) & HUNK_MASK == 0;
        let ends = (clear && self.entries >= HUNK_MIN_ENTRIES) || self.entries >= HUNK_MAX_ENTRIES;
        if ends {
            self.entries = 0;
        }
        ends
    }

    /// Forgets the entries counted so far: the hunk was ended for another reason.
    pub fn restart(&mut self) {
        self.entries = 0;
    }
}

/// Writes a hunk's plain bytes.
pub fn encode_hunk<'a>(items: impl IntoIterator<Item = (&'a [u8], &'a Entry)>) -> Vec<u8> {
    let (mut packs, mut nodes) = (PackTable::default(), PackTable::default());
    let mut body = Vec::with_capacity(32 << 10);
    let mut current: Option<&[u8]> = None;
    for (directory, entry) in items {
        if current != Some(directory) {
            body.extend_from_slice(b"{\"d\":");
            push_text(&mut body, directory);
            body.extend_from_slice(b"}\n");
            current = Some(directory);
        }
        push_entry(&mut body, entry, &mut packs, &mut nodes);
    }
    let mut out = Vec::with_capacity(body.len() + 512);
    out.extend_from_slice(b"{\"hunk\":1,\"packs\":");
    packs.push_json(&mut out);
    out.extend_from_slice(b",\"nodes\":");
    nodes.push_json(&mut out);
    out.extend_from_slice(b"}\n");
    out.extend_from_slice(&body);
    out
}

fn push_entry(out: &mut Vec<u8>, entry: &Entry, packs: &mut PackTable, nodes: &mut PackTable) {
    out.extend_from_slice(b"{\"n\":");
    push_text(out, &entry.name);
    let letter = match entry.kind {
        EntryKind::File => 'f',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
    };
    push(out, format_args!(",\"t\":\"{letter}\""));
    if entry.kind == EntryKind::File {
        push(out, format_args!(",\"s\":{}", entry.bytes));
    }
    push(out, format_args!(",\"m\":\"{}\"", entry.modified_ns));
    push_attributes(out, entry);
    if let Some(extents) = &entry.extents {
        out.extend_from_slice(b",\"sp\":[");
        for (i, Extent { start, bytes }) in extents.iter().enumerate() {
            push(out, format_args!("{}[{start},{bytes}]", if i > 0 { "," } else { "" }));
        }
        out.push(b']');
    }
    if entry.cut != Cut::Whole {
        push(out, format_args!(",\"cut\":\"{}\"", entry.cut.to_text()));
    }
    push_content(out, &entry.content, packs, nodes);
    if entry.consistent_copy {
        out.extend_from_slice(b",\"f\":[\"consistent_copy\"]");
    }
    out.extend_from_slice(b"}\n");
}

fn push_attributes(out: &mut Vec<u8>, entry: &Entry) {
    for (key, number) in [("p", entry.mode), ("u", entry.owner), ("g", entry.group)] {
        if let Some(number) = number {
            push(out, format_args!(",\"{key}\":{number}"));
        }
    }
    for (key, name) in [("un", &entry.owner_name), ("gn", &entry.group_name)] {
        if let Some(name) = name {
            push(out, format_args!(",\"{key}\":"));
            push_string(out, name);
        }
    }
    if let Some(target) = &entry.target {
        out.extend_from_slice(b",\"l\":");
        push_text(out, target);
    }
    if !entry.xattrs.is_empty() {
        out.extend_from_slice(b",\"x\":[");
        for (i, Xattr { name, value }) in entry.xattrs.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
            push_text(out, name);
            push(out, format_args!(",\"{}\"]", STANDARD.encode(value)));
        }
        out.push(b']');
    }
    if let Some(group) = entry.link_group {
        push(out, format_args!(",\"h\":{group}"));
    }
}

fn push_content(out: &mut Vec<u8>, content: &Content, packs: &mut PackTable, nodes: &mut PackTable) {
    match content {
        Content::Empty => {}
        Content::Chunks(chunks) => {
            out.extend_from_slice(b",\"c\":[");
            push_locations(out, chunks, packs);
            out.push(b']');
        }
        Content::Nodes { level, nodes: rows } => {
            push(out, format_args!(",\"nl\":{{\"level\":{level},\"c\":["));
            push_locations(out, rows, nodes);
            out.extend_from_slice(b"]}");
        }
        Content::Slice { at, offset, bytes } => {
            out.extend_from_slice(b",\"gr\":[");
            push_location(out, at, packs);
            push(out, format_args!(",{offset},{bytes}]"));
        }
    }
}

fn push_locations(out: &mut Vec<u8>, rows: &[crate::pack::Location], table: &mut PackTable) {
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_location(out, row, table);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    hunk: u32,
    packs: Vec<String>,
    nodes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectoryLine {
    d: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodesField {
    level: u8,
    c: Vec<RowLocation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine {
    n: Text,
    t: String,
    s: Option<u64>,
    m: String,
    p: Option<u32>,
    u: Option<u32>,
    g: Option<u32>,
    un: Option<String>,
    gn: Option<String>,
    l: Option<Text>,
    #[serde(default)]
    x: Vec<(Text, String)>,
    h: Option<u64>,
    sp: Option<Vec<Extent>>,
    cut: Option<String>,
    c: Option<Vec<RowLocation>>,
    nl: Option<NodesField>,
    gr: Option<(RowLocation, u32, u32)>,
    #[serde(default)]
    f: Vec<String>,
}

impl Hunk {
    /// Reads a hunk's plain bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > NODE_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let bad_json = |_| malformed(WHAT, "a line is not the JSON it must be");
        let mut lines = bytes.split_inclusive(|b| *b == b'\n');
        let head: HeadLine = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(bad_json)?;
        if head.hunk != 1 {
            return Err(FormatError::Unsupported { what: WHAT, found: head.hunk.to_string() });
        }
        let (packs, nodes) = (PackTable::parse(&head.packs)?, PackTable::parse(&head.nodes)?);
        let mut directory: Option<Arc<[u8]>> = None;
        let mut items: Vec<Item> = Vec::new();
        for line in lines {
            if line.starts_with(b"{\"d\":") {
                let line: DirectoryLine = serde_json::from_slice(line).map_err(bad_json)?;
                let path = line.d.bytes()?;
                path::check(&path)?;
                directory = Some(path.into());
                continue;
            }
            let directory =
                directory.clone().ok_or(malformed(WHAT, "an entry stands before its directory"))?;
            let line: EntryLine = serde_json::from_slice(line).map_err(bad_json)?;
            if items.len() == HUNK_MAX_ENTRIES {
                return Err(FormatError::TooLarge { what: WHAT });
            }
            let entry = entry(line, &packs, &nodes)?;
            path::check_child(&directory, &entry.name)?;
            items.push(Item { directory, entry });
        }
        if items.is_empty() { Err(malformed(WHAT, "it has no entries")) } else { Ok(Self { items }) }
    }
}

fn entry(line: EntryLine, packs: &[PackId], nodes: &[PackId]) -> Result<Entry> {
    let kind = match line.t.as_str() {
        "f" => EntryKind::File,
        "d" => EntryKind::Directory,
        "l" => EntryKind::Symlink,
        _ => return Err(malformed(WHAT, "unknown kind of entry")),
    };
    let name = line.n.bytes()?;
    path::check_name(&name)?;
    let content = match (line.c, line.nl, line.gr) {
        (None, None, None) => Content::Empty,
        (Some(rows), None, None) => Content::Chunks(resolve(rows, packs)?),
        (None, Some(list), None) if list.level < CHUNK_LIST_MAX_LEVEL => {
            Content::Nodes { level: list.level, nodes: resolve(list.c, nodes)? }
        }
        (None, None, Some((at, offset, bytes))) => Content::Slice { at: at.resolve(packs)?, offset, bytes },
        _ => return Err(malformed(WHAT, "an entry has more than one content")),
    };
    let xattrs = xattrs(line.x)?;
    let mut entry = Entry {
        name,
        kind,
        bytes: line.s.unwrap_or(0),
        modified_ns: signed_decimal(&line.m).ok_or(malformed(WHAT, "a time is no number"))?,
        mode: line.p,
        owner: line.u,
        group: line.g,
        owner_name: line.un,
        group_name: line.gn,
        target: line.l.map(Text::bytes).transpose()?,
        xattrs,
        link_group: line.h,
        extents: None,
        cut: line.cut.map(|c| Cut::parse(&c)).transpose()?.unwrap_or_default(),
        content,
        consistent_copy: line.f.iter().any(|f| f == "consistent_copy"),
    };
    if let Some(extents) = line.sp {
        entry.extents = Some(checked_extents(extents, entry.bytes)?);
    }
    check_kind(&entry)?;
    Ok(entry)
}

fn xattrs(lines: Vec<(Text, String)>) -> Result<Vec<Xattr>> {
    if lines.len() > XATTR_MAX_COUNT {
        return Err(FormatError::TooLarge { what: "extended attributes" });
    }
    let mut xattrs = Vec::with_capacity(lines.len());
    let mut xattr_bytes = 0;
    for (name, value) in lines {
        let value = STANDARD.decode(value).map_err(|_| malformed(WHAT, "bad base64"))?;
        xattr_bytes += value.len();
        if value.len() > XATTR_MAX_BYTES || xattr_bytes > XATTR_MAX_TOTAL_BYTES {
            return Err(FormatError::TooLarge { what: "extended attributes" });
        }
        xattrs.push(Xattr { name: name.bytes()?, value });
    }
    Ok(xattrs)
}

/// Signed decimal in its one form: no plus sign, no leading zero, no minus zero.
fn signed_decimal(text: &str) -> Option<i64> {
    let value: i64 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

fn resolve(rows: Vec<RowLocation>, packs: &[PackId]) -> Result<Vec<crate::pack::Location>> {
    rows.into_iter().map(|row| row.resolve(packs)).collect()
}

fn checked_extents(extents: Vec<Extent>, file_bytes: u64) -> Result<Vec<Extent>> {
    let mut end = 0;
    for &Extent { start, bytes } in &extents {
        let next = start.checked_add(bytes).filter(|next| *next <= file_bytes && start >= end && bytes > 0);
        end = next.ok_or(malformed(WHAT, "data extents overlap or leave the file"))?;
    }
    Ok(extents)
}

fn check_kind(entry: &Entry) -> Result<()> {
    let is_file = entry.kind == EntryKind::File;
    if entry.bytes > JSON_NUMBER_MAX || entry.mode.is_some_and(|mode| mode > 0o7777) {
        return Err(malformed(WHAT, "a number is out of its range"));
    }
    if entry.link_group.is_some_and(|group| !is_file || group >> LINK_GROUP_BITS != 0) {
        return Err(malformed(WHAT, "a hardlink group of something else, or too large"));
    }
    if let Content::Slice { at, offset, bytes } = &entry.content {
        let fits = offset.checked_add(*bytes).is_some_and(|end| end <= at.bytes);
        if !fits || *bytes == 0 || entry.extents.is_some() {
            return Err(malformed(WHAT, "a slice leaves its chunk, is empty, or has holes"));
        }
    }
    let has_target = entry.target.is_some();
    if (entry.kind == EntryKind::Symlink) != has_target {
        return Err(malformed(WHAT, "a target without a symlink, or none"));
    }
    let content_bytes = match &entry.content {
        Content::Empty => Some(0),
        Content::Chunks(rows) => Some(rows.iter().map(|r| u64::from(r.bytes)).sum()),
        Content::Slice { bytes, .. } => Some(u64::from(*bytes)),
        Content::Nodes { .. } => None,
    };
    if !is_file && (entry.content != Content::Empty || entry.bytes != 0 || entry.extents.is_some()) {
        return Err(malformed(WHAT, "content without a file"));
    }
    if content_bytes.is_some_and(|n| n != entry.data_bytes()) {
        return Err(malformed(WHAT, "content and size differ"));
    }
    Ok(())
}
