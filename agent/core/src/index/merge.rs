//! Several sorted sources of entries read as one, and when segments of the repository are worth making into one.
//!
//! Reading is front to back and holds one block of each source.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scelle_format::id::ChunkId;
use scelle_format::pack::Location;

/// Entries of one segment in the repository: what it takes in memory to seal one, 15 MB.
pub const SEGMENT_ROWS_MAX: u64 = 1 << 18;
/// Below this a segment is small: one of a day.
const SMALL_ROWS: u64 = 1 << 14;
/// Segments of a class before they are merged.
const CLASS_MAX: usize = 8;
/// Full segments beyond those that their entries need.
const SURPLUS_MAX: usize = 12;

/// Sorted sources in one order; of entries with one id the one of the first source stays.
pub struct Merged<'a> {
    sources: Vec<Box<dyn Iterator<Item = Location> + 'a>>,
    heads: BinaryHeap<Reverse<(ChunkId, usize, MergeRow)>>,
    last: Option<ChunkId>,
}

/// An entry that takes no part in the order.
struct MergeRow(Location);

impl PartialEq for MergeRow {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for MergeRow {}

impl PartialOrd for MergeRow {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MergeRow {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<'a> Merged<'a> {
    /// Reads `sources`, each ascending by id.
    pub fn new(sources: Vec<Box<dyn Iterator<Item = Location> + 'a>>) -> Self {
        let mut merged = Self { heads: BinaryHeap::with_capacity(sources.len()), sources, last: None };
        (0..merged.sources.len()).for_each(|source| merged.advance(source));
        merged
    }

    fn advance(&mut self, source: usize) {
        if let Some(at) = self.sources.get_mut(source).and_then(Iterator::next) {
            self.heads.push(Reverse((at.id, source, MergeRow(at))));
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Location;

    fn next(&mut self) -> Option<Location> {
        loop {
            let Reverse((id, source, MergeRow(at))) = self.heads.pop()?;
            self.advance(source);
            if self.last != Some(id) {
                self.last = Some(id);
                return Some(at);
            }
        }
    }
}

/// Which of `segments` (their entries) are merged with `fresh` new entries, by their places.
///
/// Each entry is written again about once for each eightfold of what is stored, so that a run costs what changed.
pub fn due(segments: &[u64], fresh: u64) -> Vec<usize> {
    let class = |range: std::ops::Range<u64>| {
        let of_class = move |(_, rows): &(usize, &u64)| range.contains(*rows);
        segments.iter().enumerate().filter(of_class).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (small, middle) = (class(0..SMALL_ROWS), class(SMALL_ROWS..SEGMENT_ROWS_MAX / 2));
    let full = class(SEGMENT_ROWS_MAX / 2..u64::MAX);
    let sum = |places: &[usize]| places.iter().map(|at| segments[*at]).sum::<u64>();
    let mut chosen = Vec::new();
    if small.len() + 1 >= CLASS_MAX {
        chosen.extend(&small);
    }
    if middle.len() + 1 >= CLASS_MAX && fresh + sum(&chosen) >= SMALL_ROWS {
        chosen.extend(&middle);
        // Full segments of one merge do not overlap; of many merges they do, and every question asks them all.
        let needed = sum(&full).div_ceil(SEGMENT_ROWS_MAX) as usize;
        if full.len() >= needed + SURPLUS_MAX {
            chosen.extend(&full);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::filter::Filter;
    use scelle_format::id::{PackId, Sha256};

    fn location(first: u8, pack: u8) -> Location {
        let pack = PackId { epoch: 0, sha256: Sha256([pack; 32]) };
        Location {
            id: ChunkId([first; 32]),
            pack,
            frame_offset: 0,
            frame_bytes: 1,
            offset: 0,
            bytes: 1,
            filter: Filter::None,
        }
    }

    #[test]
    fn sources_are_read_in_one_order_and_the_first_wins() {
        let of = |ids: &[u8], pack: u8| {
            let rows: Vec<_> = ids.iter().map(|id| location(*id, pack)).collect();
            Box::new(rows.into_iter()) as Box<dyn Iterator<Item = Location>>
        };
        let merged = Merged::new(vec![of(&[1, 4, 9], 1), of(&[], 2), of(&[0, 4, 5, 200], 3)]);
        let read: Vec<_> = merged.map(|at| (at.id.0[0], at.pack.sha256.0[0])).collect();
        assert_eq!(read, [(0, 3), (1, 1), (4, 1), (5, 3), (9, 1), (200, 3)]);
    }

    #[test]
    fn ten_years_of_days_keep_few_segments_and_write_each_entry_a_few_times() {
        let (mut segments, mut written, mut stored) = (vec![SEGMENT_ROWS_MAX; 4], 0u64, 0u64);
        let mut most = 0;
        for day in 0..3_650u64 {
            let fresh = 500 + day * 7_919 % 9_000;
            stored += fresh;
            let chosen = due(&segments, fresh);
            let rows = fresh + chosen.iter().map(|at| segments[*at]).sum::<u64>();
            segments = (0..segments.len()).filter(|at| !chosen.contains(at)).map(|at| segments[at]).collect();
            let pieces = rows.div_ceil(SEGMENT_ROWS_MAX);
            segments.extend((0..pieces).map(|_| rows / pieces));
            written += rows;
            most = most.max(segments.len());
        }
        println!("{stored} entries in {} segments (at most {most}), written {written}", segments.len());
        let needed = (stored / SEGMENT_ROWS_MAX) as usize;
        assert!(most < needed + SURPLUS_MAX + 3 * CLASS_MAX, "{most}");
        assert!(written < stored * 12, "{written} of {stored}");
    }
}
