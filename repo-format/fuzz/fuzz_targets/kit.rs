//! Kits as typed from paper, and public halves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::phrase;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(kit) = Kit::parse(text) {
        assert_eq!(kit.repository.len(), 26);
    }
    let _ = KitPublic::parse(text);
    let _ = phrase::unknown_words(text);
});
