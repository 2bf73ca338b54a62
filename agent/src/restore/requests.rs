//! Which requests cover the needed parts of a pack.
//!
//! For: `fetch`. A request costs a round trip, bytes cost time on the link: neighbours are read together, and a pack of
//! which much is needed is read whole.

use std::ops::Range;

use scelle_format::limits::PACK_TARGET_BYTES;

/// Needed bytes from which on a pack is read as a whole: a quarter of a full one.
const WHOLE_BYTES: u64 = PACK_TARGET_BYTES as u64 / 4;
/// Ranges with less than this between them are one request.
pub(super) const GAP_BYTES: u64 = 1 << 20;
/// Longest plaintext one ranged request is to give.
const RANGE_MAX_BYTES: u64 = 8 << 20;
/// The range that stands for a whole pack.
pub(super) const WHOLE: Range<u64> = 0..u64::MAX;

/// The requests that cover `ranges` of one pack.
pub(super) fn requests_for(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges.dedup();
    let needed: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    if needed >= WHOLE_BYTES {
        return vec![WHOLE];
    }
    let mut requests: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match requests.last_mut() {
            Some(last) if range.start < last.end + GAP_BYTES && range.end <= last.start + RANGE_MAX_BYTES => {
                last.end = last.end.max(range.end);
            }
            _ => requests.push(range),
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_request_and_much_is_everything() {
        const M: u64 = 1 << 20;
        assert_eq!(requests_for(vec![5..9, 0..4, 5..9]), vec![Range { start: 0, end: 9 }]);
        assert_eq!(requests_for(vec![0..4, 2 * M..2 * M + 7]), [0..4, 2 * M..2 * M + 7]);
        assert_eq!(requests_for(vec![0..3 * M, 4 * M..5 * M]), [WHOLE]);
    }
}
