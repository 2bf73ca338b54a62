//! The order in which chunks of a large file are read: that of their packs.
//!
//! For: `produce`. Each pack is then read once, also where years of changes have scattered a database's pages. Never: reads.

use std::collections::HashMap;

use scelle_format::id::PackId;
use scelle_format::pack::Location;

/// The frame of a chunk.
pub(super) fn frame_of(at: &Location) -> (PackId, u32) {
    (at.pack, at.frame_offset)
}

/// Rows in the order in which they lie in their packs; packs in the order of their first row.
pub(super) fn in_pack_order(mut rows: Vec<(u64, Location)>) -> Vec<(u64, Location)> {
    let mut order: HashMap<PackId, usize> = HashMap::new();
    for (_, at) in &rows {
        let next = order.len();
        order.entry(at.pack).or_insert(next);
    }
    rows.sort_by_cached_key(|(_, at)| (order.get(&at.pack).copied(), at.frame_offset, at.offset));
    rows
}

#[cfg(test)]
mod tests {
    use scelle_format::filter::Filter;
    use scelle_format::id::{ChunkId, Sha256};

    use super::*;

    #[test]
    fn rows_lie_in_the_order_of_their_packs() {
        let row = |n: u64, pack: u8, frame_offset: u32, offset: u32| {
            let pack = PackId { epoch: 0, sha256: Sha256([pack; 32]) };
            let at = Location {
                id: ChunkId([0; 32]),
                pack,
                frame_offset,
                frame_bytes: 10,
                offset,
                bytes: 1,
                filter: Filter::None,
            };
            (n, at)
        };
        let rows =
            vec![row(0, 9, 50, 1), row(1, 2, 0, 0), row(2, 9, 0, 7), row(3, 9, 50, 0), row(4, 2, 0, 0)];
        let sorted: Vec<u64> = in_pack_order(rows).into_iter().map(|(n, _)| n).collect();
        assert_eq!(sorted, [2, 3, 0, 1, 4]);
    }
}
