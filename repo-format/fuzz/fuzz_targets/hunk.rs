//! Hunks: what is read prints back to something that reads the same, and no hostile path gets through.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::manifest::{Hunk, encode_hunk};
use scelle_format::path;

fuzz_target!(|data: &[u8]| {
    let Ok(hunk) = Hunk::decode(data) else { return };
    for item in &hunk.items {
        assert!(path::check(&item.directory).is_ok() && path::check_name(&item.entry.name).is_ok());
    }
    let written = encode_hunk(hunk.items.iter().map(|item| (&*item.directory, &item.entry)));
    // Only what is longer when printed back (its numbers or escapes were shorter) may be too large then.
    assert!(written.len() > 4 << 20 || Hunk::decode(&written).as_ref() == Ok(&hunk));
});
