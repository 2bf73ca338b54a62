//! The programs of FORMAT.md §16, taken from the page itself, read what this crate writes.
//!
//! Needs `python3`, as the page says; without it the test fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use scelle_format::chunk_list::{ListNode, ListRow};
use scelle_format::filter::{Filter, apply_delta16};
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::index::Segment;
use scelle_format::pack::{ChunkRow, FrameRow, Location, Trailer};
use serde_json::{Value, json};

/// The Python blocks of the page, in order: `show.py`, `unfilter.py`.
fn programs() -> [String; 2] {
    let page = std::fs::read_to_string(
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("FORMAT.md"),
    )
    .unwrap();
    let mut blocks =
        page.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let found = [blocks.next().unwrap(), blocks.next().unwrap()];
    assert!(blocks.next().is_none());
    found
}

fn run(program: &str, input: &[u8]) -> Vec<u8> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut child = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed for this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn shown(input: &[u8]) -> Vec<Value> {
    let lines = String::from_utf8(run(&programs()[0], input)).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn locations() -> Vec<Location> {
    (0..5u8)
        .map(|n| Location {
            id: ChunkId([n * 40 + 3; 32]),
            pack: PackId { epoch: u32::from(n % 2), sha256: Sha256([n % 3; 32]) },
            frame_offset: u32::from(n) * 1000,
            frame_bytes: 1000,
            offset: u32::from(n) * 7,
            bytes: 1 + u32::from(n),
            filter: if n == 2 { Filter::Delta16 } else { Filter::None },
        })
        .collect()
}

fn row(at: &Location) -> Value {
    let place = [at.frame_offset, at.frame_bytes, at.offset, at.bytes];
    let [a, b, c, d] = place;
    json!([at.id.to_string(), at.pack.to_string(), a, b, c, d, at.filter.id()])
}

#[test]
fn show_prints_index_segments_and_chunk_lists() {
    let rows: Vec<Value> = locations().iter().map(row).collect();
    assert_eq!(shown(&Segment::build(0, locations(), |_| 65_536).encode()), rows);
    let list: Vec<ListRow> =
        locations().into_iter().map(|at| ListRow { at, covered: u64::from(at.bytes) }).collect();
    assert_eq!(shown(&ListNode::encode(0, &list)), rows);
}

#[test]
fn show_prints_the_trailer_of_a_pack() {
    let chunk = |n: u8, plain_bytes| ChunkRow { id: ChunkId([n; 32]), plain_bytes };
    let trailer = Trailer {
        kind: PackKind::Data,
        generation: 0,
        frames: vec![
            FrameRow { stored_bytes: 30, plain_bytes: 12, chunks: 2, filter: Filter::None },
            FrameRow { stored_bytes: 40, plain_bytes: 9, chunks: 1, filter: Filter::Delta16 },
        ],
        chunks: vec![chunk(1, 5), chunk(2, 7), chunk(3, 9)],
    };
    let plain = [vec![0; 500], trailer.encode()].concat();
    let id = |n: u8| hex::encode([n; 32]);
    assert_eq!(
        shown(&plain),
        [
            json!([id(1), "-", 0, 30, 0, 5, 0]),
            json!([id(2), "-", 0, 30, 5, 7, 0]),
            json!([id(3), "-", 30, 40, 0, 9, 1]),
        ]
    );
}

#[test]
fn unfilter_undoes_filter_1() {
    for bytes in [0usize, 1, 2, 7, 1000, 4097] {
        let plain: Vec<u8> = (0..bytes).map(|i| (i * i * 37 + (i >> 3)) as u8).collect();
        let mut filtered = Vec::new();
        apply_delta16(&plain, &mut filtered);
        assert_eq!(run(&programs()[1], &filtered), plain, "{bytes} bytes");
    }
}
