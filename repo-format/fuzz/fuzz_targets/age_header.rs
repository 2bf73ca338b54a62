//! Headers of age files: parsed, and never opened by a key that is not theirs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::crypto::{PqIdentity, open_header, plain_bytes_of};
use scelle_format::random::SeededRandom;

fuzz_target!(|data: &[u8]| {
    thread_local!(static IDENTITY: PqIdentity = PqIdentity::generate(&mut SeededRandom::new(b"fuzz")));
    IDENTITY.with(|identity| {
        if let Ok(opened) = open_header(data, &[identity]) {
            let _ = plain_bytes_of(opened.header_bytes as u64, data.len() as u64);
        }
    });
});
