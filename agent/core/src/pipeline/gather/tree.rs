//! Level-2 nodes over the hunks of a run (FORMAT.md §8.5).
//!
//! Taken over as they are when no hunk changed, else written again: they are few.

use std::collections::BTreeMap;

use scelle_format::id::{PackId, PackKind};
use scelle_format::manifest::{Level2, NodeRef};

use crate::catalog::SetRow;
use crate::error::{AgentError, Result};
use crate::pipeline::chunks::packs::Place;
use crate::pipeline::gather::hunks::{Hunks, MadeHunk};
use crate::pipeline::gather::scan::Scan;
use crate::pipeline::workers::worker::Worker;

/// Paths a level-2 node holds before it is ended early.
const NODE_PATH_BYTES: usize = 1 << 20;

/// The tree, whose topmost nodes may still wait for the name of their pack.
pub struct TreeDraft {
    hunks: Vec<MadeHunk>,
    level2: Vec<(NodeRef, Place)>,
}

/// The tree with every place known.
pub struct Resolved {
    /// Hunks in order.
    pub hunks: Vec<MadeHunk>,
    /// Level-2 nodes in order.
    pub level2: Vec<NodeRef>,
    /// Packs the whole tree needs.
    pub needs: BTreeMap<PackId, PackKind>,
}

/// Writes the level-2 nodes. All hunks are settled and their packs sealed.
pub fn build(scan: &mut Scan<'_>, set: Option<SetRow>, worker: &mut Worker<'_>) -> Result<TreeDraft> {
    let mut cutter = scan.boundary();
    let mut hunks = scan.hunks.take_made();
    for hunk in &mut hunks {
        hunk.node.at = hunk.place.resolve().ok_or_else(|| AgentError::bug("a hunk without a place"))?;
    }
    let rows: Vec<i64> = hunks.iter().map(|hunk| hunk.row).collect();
    let avoided = &worker.shared.avoided;
    let is_whole = |set: &SetRow| set.level2.iter().all(|node| !avoided.has(&node.at.pack));
    if let Some(set) = set.filter(|set| set.hunks == rows && is_whole(set)) {
        let level2 = set.level2.into_iter().map(|node| {
            let place = Place::Known(node.at);
            (node, place)
        });
        return Ok(TreeDraft { hunks, level2: level2.collect() });
    }
    let mut level2 = Vec::new();
    let mut gathered = Level2::default();
    let mut path_bytes = 0;
    for (i, hunk) in hunks.iter().enumerate() {
        gathered.hunks.push(hunk.node.clone());
        path_bytes += hunk.node.first.len();
        let ends = cutter.ends_after(&hunk.node.first);
        // Very long paths must not make a node larger than readers accept.
        let large = path_bytes > NODE_PATH_BYTES;
        if large && !ends {
            cutter.restart();
        }
        if ends || large || i + 1 == hunks.len() {
            path_bytes = 0;
            level2.push(store(&std::mem::take(&mut gathered), &mut scan.hunks, worker)?);
        }
    }
    Ok(TreeDraft { hunks, level2 })
}

fn store(node: &Level2, hunks: &mut Hunks<'_>, worker: &mut Worker<'_>) -> Result<(NodeRef, Place)> {
    let (_, place) = hunks.store_node(&node.encode(), worker)?;
    let first = node.hunks.first().map(|hunk| hunk.first.clone()).unwrap_or_default();
    let sum = |count: fn(&NodeRef) -> u64| node.hunks.iter().map(count).sum();
    let node = NodeRef {
        first,
        at: crate::pipeline::gather::hunks::PLACEHOLDER,
        entries: sum(|hunk| hunk.entries),
        files: sum(|hunk| hunk.files),
        bytes: sum(|hunk| hunk.bytes),
    };
    Ok((node, place))
}

impl TreeDraft {
    /// Fills in the places. All packs are sealed.
    pub fn resolve(self) -> Result<Resolved> {
        let mut needs = BTreeMap::new();
        for hunk in &self.hunks {
            needs.extend(hunk.packs.iter().map(|(id, kind)| (*id, *kind)));
            needs.insert(hunk.node.at.pack, PackKind::Manifest);
        }
        let mut level2 = Vec::with_capacity(self.level2.len());
        for (node, place) in self.level2 {
            let at = place.resolve().ok_or_else(|| AgentError::bug("a level-2 node without a place"))?;
            needs.insert(at.pack, PackKind::Manifest);
            level2.push(NodeRef { at, ..node });
        }
        Ok(Resolved { hunks: self.hunks, level2, needs })
    }
}
