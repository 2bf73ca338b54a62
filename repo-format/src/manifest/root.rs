//! Level-2 nodes and the root (FORMAT.md §8.5).

use serde::{Deserialize, Serialize};

use super::json::{PackTable, RowLocation, Text};
use crate::error::{FormatError, Result, malformed};
use crate::id::{DeviceId, RepositoryId};
use crate::limits::{JSON_NUMBER_MAX, NODE_MAX_BYTES, ROOT_MAX_BYTES};
use crate::pack::Location;
use crate::path;
use crate::text::lower_hex;

/// Where a hunk or a level-2 node lies, and what is below it. Serde is for the agent's own catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRef {
    /// Path of its first entry.
    pub first: Vec<u8>,
    /// Where it lies, in `m/`.
    pub at: Location,
    /// Entries below it.
    pub entries: u64,
    /// Files below it.
    pub files: u64,
    /// Bytes of files below it.
    pub bytes: u64,
}

/// A level-2 node: hunks in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level2 {
    /// Hunks in the manifest's order.
    pub hunks: Vec<NodeRef>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeLine {
    first: Text,
    at: RowLocation,
    entries: u64,
    files: u64,
    bytes: u64,
}

impl NodeLine {
    fn of(node: &NodeRef, table: &mut PackTable) -> Self {
        let at = RowLocation::of(&node.at, table);
        Self { first: Text::of(&node.first), at, entries: node.entries, files: node.files, bytes: node.bytes }
    }

    fn resolve(self, packs: &[crate::id::PackId]) -> Result<NodeRef> {
        let first = self.first.bytes()?;
        path::check(&first)?;
        let Self { at, entries, files, bytes, .. } = self;
        if entries.max(files).max(bytes) > JSON_NUMBER_MAX {
            return Err(malformed("manifest node", "a number is out of its range"));
        }
        Ok(NodeRef { first, at: at.resolve(packs)?, entries, files, bytes })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level2Head {
    level2: u32,
    packs: Vec<String>,
}

impl Level2 {
    /// Writes the node's plain bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut table = PackTable::default();
        let lines: Vec<NodeLine> = self.hunks.iter().map(|h| NodeLine::of(h, &mut table)).collect();
        let mut out = json_line(&Level2Head { level2: 1, packs: table.names() });
        lines.iter().for_each(|line| out.extend(json_line(line)));
        out
    }

    /// Reads a node's plain bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        const WHAT: &str = "level-2 node";
        if bytes.len() > NODE_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let bad_json = |_| malformed(WHAT, "a line is not the JSON it must be");
        let mut lines = bytes.split_inclusive(|b| *b == b'\n');
        let head: Level2Head = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(bad_json)?;
        if head.level2 != 1 {
            return Err(FormatError::Unsupported { what: WHAT, found: head.level2.to_string() });
        }
        let packs = PackTable::parse(&head.packs)?;
        let hunks =
            lines.map(|line| serde_json::from_slice::<NodeLine>(line).map_err(bad_json)?.resolve(&packs));
        let hunks = hunks.collect::<Result<Vec<_>>>()?;
        if hunks.is_empty() { Err(malformed(WHAT, "it has no hunks")) } else { Ok(Self { hunks }) }
    }
}

/// One source root and its neutral label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRoot {
    /// Path as the manifest holds it.
    pub path: Vec<u8>,
    /// A label without any name, such as `racine 1`.
    pub label: String,
}

/// What a snapshot holds, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of regular files.
    pub bytes: u64,
    /// Sockets, pipes, devices left out.
    pub skipped: u64,
    /// Entries that could not be saved.
    pub problems: u64,
}

/// One entry that could not be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedProblem {
    /// Its path.
    pub path: Vec<u8>,
    /// Why, as a stable code.
    pub code: String,
}

/// The top of a snapshot's tree.
#[derive(Clone, PartialEq, Eq)]
pub struct Root {
    /// Repository it belongs to.
    pub repository: RepositoryId,
    /// Device that wrote it.
    pub device: DeviceId,
    /// Number of the snapshot.
    pub snapshot: u64,
    /// Which set of roots it is of.
    pub set: String,
    /// When the run began.
    pub time: String,
    /// `unix` or `windows`.
    pub os: String,
    /// What was asked to be saved.
    pub roots: Vec<SourceRoot>,
    /// Generation of the dedup secret.
    pub generation: u16,
    /// The dedup secret: whoever may open the root may check ids.
    pub dedup_secret: [u8; 32],
    /// Secrets of older generations that packs of the snapshot still need, newest first.
    pub older_secrets: Vec<(u16, [u8; 32])>,
    /// Level-2 nodes in order.
    pub level2: Vec<NodeRef>,
    /// Numbers.
    pub totals: Totals,
    /// What could not be saved.
    pub problems: Vec<RecordedProblem>,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root")
            .field("snapshot", &self.snapshot)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootLine {
    scelle: String,
    repository: String,
    device: String,
    snapshot: u64,
    set: String,
    time: String,
    os: String,
    roots: Vec<RootPath>,
    generation: u16,
    dedup_secret: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    older_secrets: Vec<(u16, String)>,
    packs: Vec<String>,
    level2: Vec<NodeLine>,
    totals: Totals,
    problems: Vec<ProblemLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootPath {
    path: Text,
    label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProblemLine {
    path: Text,
    code: String,
}

impl Root {
    /// The dedup secret of a generation: what the trailer of a pack asks for.
    pub fn secret_of(&self, generation: u16) -> Option<&[u8; 32]> {
        if generation == self.generation {
            return Some(&self.dedup_secret);
        }
        self.older_secrets.iter().find(|(number, _)| *number == generation).map(|(_, secret)| secret)
    }

    /// Writes the root's plain bytes (one line of JSON).
    pub fn encode(&self) -> Vec<u8> {
        let mut table = PackTable::default();
        let level2 = self.level2.iter().map(|n| NodeLine::of(n, &mut table)).collect();
        let path = |r: &SourceRoot| RootPath { path: Text::of(&r.path), label: r.label.clone() };
        let problem = |p: &RecordedProblem| ProblemLine { path: Text::of(&p.path), code: p.code.clone() };
        let older = self.older_secrets.iter().map(|(generation, secret)| (*generation, hex::encode(secret)));
        json_line(&RootLine {
            scelle: "root/1".into(),
            repository: self.repository.to_string(),
            device: self.device.to_string(),
            snapshot: self.snapshot,
            set: self.set.clone(),
            time: self.time.clone(),
            os: self.os.clone(),
            roots: self.roots.iter().map(path).collect(),
            generation: self.generation,
            dedup_secret: hex::encode(self.dedup_secret),
            older_secrets: older.collect(),
            packs: table.names(),
            level2,
            totals: self.totals,
            problems: self.problems.iter().map(problem).collect(),
        })
    }

    /// Reads a root's plain bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        const WHAT: &str = "root";
        if bytes.len() > ROOT_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let line: RootLine =
            serde_json::from_slice(bytes).map_err(|_| malformed(WHAT, "it is not the JSON it must be"))?;
        if line.scelle != "root/1" {
            return Err(FormatError::Unsupported { what: WHAT, found: line.scelle });
        }
        let packs = PackTable::parse(&line.packs)?;
        let secret = |text: &str| lower_hex(text).ok_or(malformed(WHAT, "bad hexadecimal"));
        let dedup_secret = secret(&line.dedup_secret)?;
        let mut older_secrets: Vec<(u16, [u8; 32])> = Vec::with_capacity(line.older_secrets.len());
        for (generation, text) in &line.older_secrets {
            if *generation >= older_secrets.last().map_or(line.generation, |(newer, _)| *newer) {
                return Err(malformed(WHAT, "generations of secrets do not descend"));
            }
            older_secrets.push((*generation, secret(text)?));
        }
        let Totals { files, directories, symlinks, bytes: file_bytes, skipped, problems } = line.totals;
        if [files, directories, symlinks, file_bytes, skipped, problems].iter().any(|n| *n > JSON_NUMBER_MAX)
        {
            return Err(malformed(WHAT, "a number is out of its range"));
        }
        let root = |r: RootPath| {
            let path = r.path.bytes()?;
            path::check(&path)?;
            Ok(SourceRoot { path, label: r.label })
        };
        let problem = |p: ProblemLine| Ok(RecordedProblem { path: p.path.bytes()?, code: p.code });
        Ok(Self {
            repository: RepositoryId::parse(&line.repository)?,
            device: DeviceId::parse(&line.device)?,
            snapshot: line.snapshot,
            set: line.set,
            time: line.time,
            os: line.os,
            roots: line.roots.into_iter().map(root).collect::<Result<_>>()?,
            generation: line.generation,
            dedup_secret,
            older_secrets,
            level2: line.level2.into_iter().map(|n| n.resolve(&packs)).collect::<Result<_>>()?,
            totals: line.totals,
            problems: line.problems.into_iter().map(problem).collect::<Result<_>>()?,
        })
    }
}

fn json_line(value: &impl Serialize) -> Vec<u8> {
    // Our own plain structs always serialize; an empty line would be refused by every reader.
    let mut out = serde_json::to_vec(value).unwrap_or_default();
    out.push(b'\n');
    out
}
