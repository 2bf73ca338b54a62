//! Index segments.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::index::Segment;

fuzz_target!(|data: &[u8]| {
    if let Ok(segment) = Segment::decode(data) {
        assert!(segment.entries.is_sorted_by(|a, b| a.id < b.id));
        let _ = segment.encode();
    }
});
