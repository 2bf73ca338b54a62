//! Which parts of a pack are needed, and which requests cover them.
//!
//! For: `fetch`. A request costs a round trip, bytes cost time on the link: neighbours are read together, and a pack of
//! which much is needed is read whole.

use std::ops::Range;

use scelle_format::limits::PACK_TARGET_BYTES;
use scelle_format::pack::Location;

/// Needed bytes from which on a pack is read as a whole: a quarter of a full one.
const WHOLE_BYTES: u64 = PACK_TARGET_BYTES as u64 / 4;
/// Ranges with less than this between them may be one request.
pub(super) const GAP_BYTES: u64 = 1 << 20;
/// Longest plaintext one ranged request is to give.
const RANGE_MAX_BYTES: u64 = 8 << 20;
/// The range that stands for a whole pack.
pub(super) const WHOLE: Range<u64> = 0..u64::MAX;

/// Where a location's frame lies in the pack's plaintext.
pub(super) fn frame_range(at: &Location) -> Range<u64> {
    let start = u64::from(at.frame_offset);
    start..start + u64::from(at.frame_bytes)
}

/// The requests that cover `ranges` of one pack. Of a pack that was already read whole (`may_be_whole` is false) only
/// what is needed is read, so that no pack comes whole a second time.
///
/// What is read between needed ranges is never more than what is needed and one [`GAP_BYTES`].
pub(super) fn requests_for(mut ranges: Vec<Range<u64>>, may_be_whole: bool) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges.dedup();
    let needed: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    if needed >= WHOLE_BYTES && may_be_whole {
        return vec![WHOLE];
    }
    let allowed = widest_gap(&ranges, needed + GAP_BYTES);
    let mut requests: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match requests.last_mut() {
            Some(last)
                if range.start.saturating_sub(last.end) <= allowed
                    && range.end <= last.start + RANGE_MAX_BYTES =>
            {
                last.end = last.end.max(range.end);
            }
            _ => requests.push(range),
        }
    }
    requests
}

/// The width up to which all gaps can be read over for `most_bytes` in all, below [`GAP_BYTES`].
fn widest_gap(ranges: &[Range<u64>], most_bytes: u64) -> u64 {
    let mut end = 0;
    let mut gaps = Vec::with_capacity(ranges.len());
    for range in ranges {
        gaps.push(range.start.saturating_sub(end));
        end = end.max(range.end);
    }
    // Before the first range nothing is read.
    gaps.drain(..gaps.len().min(1));
    gaps.sort_unstable();
    let (mut sum, mut allowed) = (0, 0);
    for gap in gaps.into_iter().take_while(|gap| *gap < GAP_BYTES) {
        sum += gap;
        if sum > most_bytes {
            // All gaps of this width, or none.
            return allowed.min(gap - 1);
        }
        allowed = gap;
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_request_and_much_is_everything() {
        const M: u64 = 1 << 20;
        assert_eq!(requests_for(vec![5..9, 0..4, 5..9], true), vec![Range { start: 0, end: 9 }]);
        assert_eq!(requests_for(vec![0..4, 2 * M..2 * M + 7], true), [0..4, 2 * M..2 * M + 7]);
        assert_eq!(requests_for(vec![0..3 * M, 4 * M..5 * M], true), [WHOLE]);
        assert_eq!(
            requests_for(vec![0..3 * M, 3 * M + 5..5 * M], false),
            vec![Range { start: 0, end: 5 * M }]
        );
    }

    #[test]
    fn scattered_ranges_cost_no_more_than_as_much_again() {
        // 100 bytes every 200 000: reading over all gaps would be 2 000 times what is needed.
        let ranges: Vec<_> = (0..60u64).map(|n| n * 200_000..n * 200_000 + 100).collect();
        let requests = requests_for(ranges.clone(), true);
        assert_eq!(requests.len(), 60);
        let close: Vec<_> = (0..60u64).map(|n| n * 150..n * 150 + 100).collect();
        assert_eq!(requests_for(close, true).len(), 1);
    }
}
