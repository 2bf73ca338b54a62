//! Binary and JSON records: what is written comes back, and no bytes whatever make a reader panic.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use scelle_format::FormatError;
use scelle_format::chunk_list::{ListNode, ListRow, split_rows};
use scelle_format::compress::{Compressor, Expander, Frame, push_padding, strip_padding};
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, DeviceId, PackId, PackKind, RepositoryId, Sha256};
use scelle_format::index::Segment;
use scelle_format::limits::{CHUNK_LIST_MAX_ROWS, CHUNK_LIST_MIN_ROWS, FRAME_MAX_BYTES, XATTR_MAX_BYTES};
use scelle_format::manifest::*;
use scelle_format::pack::{ChunkRow, FrameRow, Location, Trailer};
use scelle_format::padme::padding_for;
use scelle_format::path;

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![Just(Filter::None), Just(Filter::Delta16)]
}

fn pack_id() -> impl Strategy<Value = PackId> {
    (0..4u32, 0..6u8).prop_map(|(epoch, n)| PackId { epoch, sha256: Sha256([n; 32]) })
}

prop_compose! {
    fn location()(id in any::<[u8; 32]>(), pack in pack_id(), frame_offset in 0..20_000_000u32,
        frame_bytes in 1..5_000_000u32, offset in 0..1_000_000u32, bytes in 1..2_000_000u32, filter in filter(),
    ) -> Location {
        Location { id: ChunkId(id), pack, frame_offset, frame_bytes, offset, bytes, filter }
    }
}

prop_compose! {
    fn trailer()(is_manifest in any::<bool>(), generation in any::<u16>(),
        frames in vec((1..100_000u32, filter(), vec((any::<[u8; 32]>(), 1..50_000u32), 1..9)), 1..9),
    ) -> Trailer {
        let kind = if is_manifest { PackKind::Manifest } else { PackKind::Data };
        let mut out = Trailer { kind, generation, frames: Vec::new(), chunks: Vec::new() };
        for (stored_bytes, filter, chunks) in frames {
            let plain_bytes = chunks.iter().map(|(_, n)| n).sum();
            out.frames.push(FrameRow { stored_bytes, plain_bytes, chunks: chunks.len() as u16, filter });
            out.chunks.extend(chunks.into_iter().map(|(id, n)| ChunkRow { id: ChunkId(id), plain_bytes: n }));
        }
        out
    }
}

/// Names as systems have them: any bytes but NUL and `/`, not `.` or `..`.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof!["[a-zé\"\\\\ \u{1}\u{7f}😀.]{1,12}".prop_map(String::into_bytes), vec(any::<u8>(), 1..20)]
        .prop_filter("a name", |name| path::check_name(name).is_ok())
}

fn content() -> impl Strategy<Value = (Content, u64)> {
    prop_oneof![
        Just((Content::Empty, 0)),
        vec(location(), 1..5).prop_map(|rows| {
            let bytes = rows.iter().map(|row| u64::from(row.bytes)).sum();
            (Content::Chunks(rows), bytes)
        }),
        (0..4u8, vec(location(), 1..5), 0..1u64 << 53)
            .prop_map(|(level, nodes, bytes)| (Content::Nodes { level, nodes }, bytes)),
        (location(), any::<Index>()).prop_map(|(at, index)| {
            let offset = index.index(at.bytes as usize) as u32;
            let bytes = at.bytes - offset;
            (Content::Slice { at, offset, bytes }, u64::from(bytes))
        }),
    ]
}

prop_compose! {
    fn xattr()(name in name(), value in vec(any::<u8>(), 0..40)) -> Xattr {
        Xattr { name, value }
    }
}

prop_compose! {
    fn entry()(name in name(), kind in 0..3u8, (content, bytes) in content(), modified_ns in any::<i64>(),
        mode in proptest::option::of(0..0o10000u32), owner in any::<Option<u32>>(), owner_name in any::<Option<String>>(),
        target in name(), xattrs in vec(xattr(), 0..3), link in proptest::option::of(0..1u64 << 48),
        consistent_copy in any::<bool>(), hole in 1..1_000_000u64,
    ) -> Entry {
        let kind = [EntryKind::File, EntryKind::Directory, EntryKind::Symlink][usize::from(kind)];
        let mut out = Entry { modified_ns, mode, owner, group: owner, owner_name, xattrs, ..Entry::bare(name, kind) };
        match kind {
            EntryKind::Directory => {}
            EntryKind::Symlink => out.target = Some(target),
            EntryKind::File => {
                // Every other file with chunks has a hole before them.
                if matches!(content, Content::Chunks(_)) && hole % 2 == 0 {
                    out.extents = Some(vec![Extent { start: hole, bytes }]);
                }
                out.bytes = bytes + if out.extents.is_some() { hole } else { 0 };
                (out.content, out.link_group, out.consistent_copy) = (content, link, consistent_copy);
            }
        }
        out
    }
}

prop_compose! {
    fn node()(first in vec(name(), 1..4), at in location(), [entries, files, bytes] in [0..1u64 << 53, 0..1u64 << 53, 0..1u64 << 53]) -> NodeRef {
        NodeRef { first: first.join(&b'/'), at, entries, files, bytes }
    }
}

fn root(level2: Vec<NodeRef>, generation: u16, paths: Vec<Vec<u8>>) -> Root {
    Root {
        repository: RepositoryId::parse("abcdefghijklmnopqrstuvwxyz").unwrap(),
        device: DeviceId::parse("0123456789abcdef").unwrap(),
        snapshot: 7,
        set: "documents".into(),
        time: "2026-11-21T20:44:07Z".into(),
        os: "windows".into(),
        roots: paths.iter().map(|path| SourceRoot { path: path.clone(), label: "racine".into() }).collect(),
        generation,
        dedup_secret: [7; 32],
        older_secrets: (0..generation.min(5)).rev().map(|n| (n, [n as u8; 32])).collect(),
        level2,
        totals: Totals { files: 1, ..Totals::default() },
        problems: paths.into_iter().map(|path| RecordedProblem { path, code: "unreadable".into() }).collect(),
    }
}

/// A changed byte may give another record or an error; what is accepted prints back and is accepted again.
fn flip(bytes: &mut [u8], at: Index, bit: u8) {
    if !bytes.is_empty() {
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << (bit % 8);
    }
}

proptest! {
    #[test]
    fn trailers_come_back(trailer in trailer(), at in any::<Index>(), bit in any::<u8>()) {
        let mut bytes = trailer.encode();
        prop_assert_eq!(bytes.len(), Trailer::encoded_bytes(trailer.frames.len(), trailer.chunks.len()));
        prop_assert_eq!(Trailer::bytes_from_end(&bytes[bytes.len() - 8..]).unwrap(), bytes.len());
        prop_assert_eq!(Trailer::decode(&bytes).unwrap(), trailer);
        flip(&mut bytes, at, bit);
        if let Ok(other) = Trailer::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
        }
    }

    #[test]
    fn segments_come_back_sorted(entries in vec(location(), 0..80), generation in any::<u16>(), at in any::<Index>(), bit in any::<u8>()) {
        let segment = Segment::build(generation, entries.clone(), |pack| u64::from(pack.epoch) + 65_536);
        let mut bytes = segment.encode();
        let back = Segment::decode(&bytes).unwrap();
        prop_assert_eq!(&back, &segment);
        for entry in &entries {
            prop_assert!(back.entries.binary_search_by_key(&entry.id, |row| row.id).is_ok());
        }
        flip(&mut bytes, at, bit);
        let _ = Segment::decode(&bytes);
    }

    #[test]
    fn chunk_lists_come_back(locations in vec(location(), 1..40), level in 0..4u8, at in any::<Index>(), bit in any::<u8>()) {
        let rows: Vec<ListRow> = locations.into_iter().map(|at| ListRow { at, covered: u64::from(at.bytes) }).collect();
        let mut bytes = ListNode::encode(level, &rows);
        prop_assert_eq!(ListNode::decode(&bytes).unwrap(), ListNode { level, rows });
        flip(&mut bytes, at, bit);
        let _ = ListNode::decode(&bytes);
    }

    #[test]
    fn hunks_come_back(entries in vec((vec(name(), 0..4), entry()), 1..12), at in any::<Index>(), bit in any::<u8>()) {
        let items: Vec<Item> = entries.into_iter()
            .map(|(directory, entry)| Item { directory: Arc::from(directory.join(&b'/')), entry }).collect();
        let mut bytes = encode_hunk(items.iter().map(|item| (&*item.directory, &item.entry)));
        prop_assert_eq!(&Hunk::decode(&bytes).unwrap().items, &items);
        flip(&mut bytes, at, bit);
        if let Ok(other) = Hunk::decode(&bytes) {
            let again = encode_hunk(other.items.iter().map(|item| (&*item.directory, &item.entry)));
            prop_assert_eq!(Hunk::decode(&again).unwrap(), other);
        }
    }

    #[test]
    fn nodes_and_roots_come_back(nodes in vec(node(), 1..9), generation in any::<u16>(), paths in vec(name(), 0..4), at in any::<Index>(), bit in any::<u8>()) {
        let level2 = Level2 { hunks: nodes.clone() };
        let mut bytes = level2.encode();
        prop_assert_eq!(&Level2::decode(&bytes).unwrap(), &level2);
        flip(&mut bytes, at, bit);
        let _ = Level2::decode(&bytes);
        let root = root(nodes, generation, paths);
        let mut bytes = root.encode();
        let back = Root::decode(&bytes).unwrap();
        prop_assert!(back == root);
        prop_assert_eq!(back.secret_of(generation), Some(&[7; 32]));
        prop_assert!(back.secret_of(0).is_some() && (generation < 6 || back.secret_of(5).is_none()));
        flip(&mut bytes, at, bit);
        let _ = Root::decode(&bytes);
    }

    #[test]
    fn frames_come_back_through_padding(plain in vec(any::<u8>(), 0..5000), repeat in 1..9usize, filter in filter(), raw in any::<bool>(), at in any::<Index>(), bit in any::<u8>()) {
        let plain = plain.repeat(repeat);
        let mut compressor = Compressor::new(1);
        let (frame, filter) = match raw {
            true => (Frame::raw(&plain).unwrap().to_vec(), Filter::None),
            false => (compressor.frame(&plain, 1, filter).unwrap().to_vec(), filter),
        };
        let mut padded = frame.clone();
        push_padding(&mut padded, padding_for(frame.len() as u64, 4096));
        prop_assert_eq!(strip_padding(&padded).unwrap(), &frame[..]);
        let (mut expander, mut back) = (Expander::default(), Vec::new());
        expander.expand(&frame, plain.len(), filter, &mut back).unwrap();
        prop_assert_eq!(&back, &plain);
        prop_assert!(expander.expand(&frame, plain.len() + 1, filter, &mut back).is_err());
        let mut damaged = frame;
        flip(&mut damaged, at, bit);
        let _ = expander.expand(&damaged, plain.len(), filter, &mut back);
        let _ = expander.expand_sized(&damaged, FRAME_MAX_BYTES, &mut back);
        let _ = strip_padding(&damaged);
        // An expander that has met damage still works.
        let good = compressor.frame(&plain, 1, Filter::None).unwrap();
        expander.expand(good, plain.len(), Filter::None, &mut back).unwrap();
        prop_assert_eq!(back, plain);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..600), magic in 0..6usize, line in "[ -~]{0,80}") {
        let magics: [&[u8]; 6] = [b"", b"SCIX\x01\0\0\0", b"SCCL\x01\0\0\0", &[0x5d, 0x2a, 0x4d, 0x18], &[0x28, 0xb5, 0x2f, 0xfd],
            b"{\"hunk\":1,\"packs\":[],\"nodes\":[]}\n{\"d\":\"\"}\n"];
        let bytes = [magics[magic], &bytes].concat();
        let _ = Trailer::decode(&bytes);
        let _ = Trailer::bytes_from_end(&bytes);
        let _ = Segment::decode(&bytes);
        let _ = ListNode::decode(&bytes);
        let _ = strip_padding(&bytes);
        let mut out = Vec::new();
        for filter in [Filter::None, Filter::Delta16] {
            let _ = Expander::default().expand(&bytes, bytes.len(), filter, &mut out);
        }
        let _ = Expander::default().expand_sized(&bytes, 1 << 20, &mut out);
        for text in [&bytes[..], &[magics[5], line.as_bytes()].concat()] {
            let _ = Hunk::decode(text);
            let _ = Level2::decode(text);
            let _ = Root::decode(text);
        }
    }

    #[test]
    fn chunk_lists_are_cut_within_their_bounds(count in 1..6000usize, seed in any::<u64>()) {
        let id = |n: usize| ChunkId(*blake3::hash(&[seed.to_le_bytes(), n.to_le_bytes()].concat()).as_bytes());
        let at = Location { id: id(0), pack: PackId { epoch: 0, sha256: Sha256([1; 32]) }, frame_offset: 0, frame_bytes: 9, offset: 0, bytes: 1, filter: Filter::None };
        let rows: Vec<ListRow> = (0..count).map(|n| ListRow { at: Location { id: id(n), ..at }, covered: 1 }).collect();
        let cut: Vec<&[ListRow]> = split_rows(&rows).collect();
        prop_assert_eq!(&cut.concat(), &rows);
        let (last, rest) = cut.split_last().unwrap();
        prop_assert!(rest.iter().all(|node| (CHUNK_LIST_MIN_ROWS..=CHUNK_LIST_MAX_ROWS).contains(&node.len())));
        prop_assert!(last.len() <= CHUNK_LIST_MAX_ROWS);
    }
}

#[test]
fn extended_attributes_are_bounded() {
    let with = |xattrs| {
        encode_hunk([(&b""[..], &Entry { xattrs, ..Entry::bare(b"x".to_vec(), EntryKind::Directory) })])
    };
    let value = |n: usize| Xattr { name: format!("user.{n}").into_bytes(), value: vec![0; XATTR_MAX_BYTES] };
    assert!(Hunk::decode(&with((0..4).map(value).collect())).is_ok());
    let too_large = Err(FormatError::TooLarge { what: "extended attributes" });
    assert_eq!(Hunk::decode(&with((0..5).map(value).collect())), too_large);
    assert_eq!(
        Hunk::decode(&with(vec![Xattr { name: b"user.a".to_vec(), value: vec![0; XATTR_MAX_BYTES + 1] }])),
        too_large
    );
    let many =
        (0..257).map(|n| Xattr { name: format!("user.{n}").into_bytes(), value: Vec::new() }).collect();
    assert_eq!(Hunk::decode(&with(many)), too_large);
}

use scelle_format::manifest::Extent;
