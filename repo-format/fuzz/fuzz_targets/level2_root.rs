//! Level-2 nodes and roots.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::manifest::{Level2, Root};

fuzz_target!(|data: &[u8]| {
    if let Ok(node) = Level2::decode(data) {
        assert!(Level2::decode(&node.encode()).as_ref() == Ok(&node));
    }
    if let Ok(root) = Root::decode(data) {
        assert!(Root::decode(&root.encode()).as_ref() == Ok(&root));
    }
});
