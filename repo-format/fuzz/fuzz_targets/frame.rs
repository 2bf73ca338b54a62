//! zstd frames, filters and padding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::compress::{Expander, content_bytes, strip_padding};
use scelle_format::filter::Filter;

fuzz_target!(|data: &[u8]| {
    let (mut expander, mut plain) = (Expander::default(), Vec::new());
    let frame = strip_padding(data).unwrap_or(data);
    let _ = expander.expand_sized(frame, 1 << 20, &mut plain);
    if let Ok(bytes) = content_bytes(frame) {
        for filter in [Filter::None, Filter::Delta16] {
            if expander.expand(frame, bytes, filter, &mut plain).is_ok() {
                assert_eq!(plain.len(), bytes);
            }
        }
    }
});
