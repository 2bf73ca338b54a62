//! Chunk-list nodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::chunk_list::{ListNode, split_rows};

fuzz_target!(|data: &[u8]| {
    if let Ok(node) = ListNode::decode(data) {
        let written = ListNode::encode(node.level, &node.rows);
        assert_eq!(ListNode::decode(&written).as_ref(), Ok(&node));
        assert_eq!(split_rows(&node.rows).map(<[_]>::len).sum::<usize>(), node.rows.len());
    }
});
