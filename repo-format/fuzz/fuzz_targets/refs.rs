//! Refs, alone and on a base.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::refs::{Refs, resolve};

fuzz_target!(|data: &[u8]| {
    if let Ok(refs) = Refs::parse(data) {
        assert_eq!(refs.to_text().unwrap().as_bytes(), data);
        let _ = resolve(std::slice::from_ref(&refs));
        let _ = resolve(&[refs.clone(), refs]);
    }
});
