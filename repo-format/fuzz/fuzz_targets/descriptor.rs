//! Descriptors and FORMAT.txt.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::descriptor::Descriptor;
use scelle_format::format_txt::FormatTxt;

fuzz_target!(|data: &[u8]| {
    if let Some(descriptor) = std::str::from_utf8(data).ok().and_then(|text| Descriptor::parse(text).ok()) {
        assert_eq!(descriptor.to_text().unwrap().as_bytes(), data);
        assert!(!descriptor.known_keys().is_empty());
    }
    if let Ok(signpost) = FormatTxt::parse(data) {
        assert_eq!(signpost.to_text().unwrap().as_bytes(), data);
    }
});
