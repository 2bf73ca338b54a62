//! Every vector of binary and JSON records below `testdata/vectors`: one rule each, the outcome by error kind.
//!
//! The files were made once by a program that shares no code with this crate, and are frozen. Binary ones are
//! hexadecimal; `XX*N` stands for N bytes of one value.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::fs;
use std::path::{Path, PathBuf};

use scelle_format::chunk_list::ListNode;
use scelle_format::compress::{Expander, content_bytes, push_padding, strip_padding};
use scelle_format::crypto::DedupSecret;
use scelle_format::filter::{Filter, apply_delta16, undo_delta16};
use scelle_format::index::Segment;
use scelle_format::limits::PACK_FLOOR_BYTES;
use scelle_format::manifest::{Hunk, Level2, Root, encode_hunk};
use scelle_format::pack::{Location, Trailer, chunk_in_frame, open_frame};
use scelle_format::padme::{padding_for, padme};
use scelle_format::{FormatError, Result};

const KINDS: [&str; 11] = [
    "ok",
    "ok-other-form",
    "truncated",
    "bad-magic",
    "unsupported",
    "too-large",
    "malformed",
    "id-mismatch",
    "unknown-filter",
    "decompress",
    "hostile-path",
];

fn kind(error: &FormatError) -> &'static str {
    match error {
        FormatError::Truncated { .. } => "truncated",
        FormatError::BadMagic { .. } => "bad-magic",
        FormatError::Unsupported { .. } => "unsupported",
        FormatError::TooLarge { .. } => "too-large",
        FormatError::Malformed { .. } => "malformed",
        FormatError::IdMismatch { .. } => "id-mismatch",
        FormatError::UnknownFilter { .. } => "unknown-filter",
        FormatError::Decompress { .. } => "decompress",
        FormatError::HostilePath => "hostile-path",
        _ => "other",
    }
}

fn root() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("testdata/vectors")
}

/// Runs all vectors of a folder. `read` parses the body and gives back what the record's own encoder writes.
fn run(folder: &str, read: impl Fn(&[u8]) -> Result<Vec<u8>>) {
    let mut outcomes = [0u32; 2];
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let file = fs::read(&path).unwrap();
        let at = file.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let expected = std::str::from_utf8(&file[..at]).unwrap().strip_prefix("expect: ").unwrap();
        assert!(KINDS.contains(&expected), "{name} expects something unknown: {expected}");
        let body = &file[at + 2..];
        let found = match read(body) {
            Ok(written) if written == body => "ok",
            Ok(_) => "ok-other-form",
            Err(error) => kind(&error),
        };
        assert_eq!(found, expected, "{folder}/{name}");
        outcomes[usize::from(expected.starts_with("ok"))] += 1;
    }
    assert!(outcomes[1] > 0, "{folder} has no good vector");
    assert!(outcomes[0] > 0 || folder == "padme", "{folder} has no bad vector");
}

/// [`run`] for bodies in hexadecimal.
fn run_hex(folder: &str, read: impl Fn(&[u8]) -> Result<Vec<u8>>) {
    run(folder, |body| {
        let bytes = from_hex(std::str::from_utf8(body).unwrap());
        read(&bytes).map(|written| if written == bytes { body.to_vec() } else { written })
    });
}

fn from_hex(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.lines() {
        match line.split_once('*') {
            Some((byte, times)) => {
                out.resize(out.len() + times.parse::<usize>().unwrap(), hex::decode(byte).unwrap()[0])
            }
            None => out.extend(hex::decode(line).unwrap()),
        }
    }
    out
}

#[test]
fn every_folder_is_run() {
    let mut folders: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let text = ["descriptor", "format-txt", "note", "refs"];
    let binary = [
        "chunk-list",
        "filter",
        "hunk",
        "index",
        "level2",
        "pack",
        "padded-frame",
        "padme",
        "root",
        "trailer",
    ];
    let mut known: Vec<&str> = text.into_iter().chain(binary).collect();
    known.sort_unstable();
    assert_eq!(folders, known);
}

#[test]
fn trailers() {
    run_hex("trailer", |bytes| Trailer::decode(bytes).map(|trailer| trailer.encode()));
}

#[test]
fn index_segments() {
    run_hex("index", |bytes| Segment::decode(bytes).map(|segment| segment.encode()));
}

#[test]
fn chunk_lists() {
    run_hex("chunk-list", |bytes| {
        ListNode::decode(bytes).map(|node| ListNode::encode(node.level, &node.rows))
    });
}

#[test]
fn hunks() {
    run("hunk", |bytes| {
        let hunk = Hunk::decode(bytes)?;
        Ok(encode_hunk(hunk.items.iter().map(|item| (&*item.directory, &item.entry))))
    });
}

#[test]
fn level_2_nodes() {
    run("level2", |bytes| Level2::decode(bytes).map(|node| node.encode()));
}

#[test]
fn roots() {
    run("root", |bytes| Root::decode(bytes).map(|root| root.encode()));
}

#[test]
fn padded_frames() {
    run_hex("padded-frame", |bytes| strip_padding(bytes).map(|_| bytes.to_vec()));
}

/// A pack's plaintext, read as §6 says; the secret is the bytes 0 to 31, generation 0.
#[test]
fn packs() {
    let id_key = DedupSecret::new(std::array::from_fn(|i| i as u8), 0).chunk_id_key();
    run_hex("pack", |plain| {
        let bytes = Trailer::bytes_from_end(&plain[plain.len().saturating_sub(8)..])?;
        let at = plain.len().checked_sub(bytes).ok_or(FormatError::Truncated { what: "pack" })?;
        let trailer = Trailer::decode(&plain[at..])?;
        let (mut expander, mut content) = (Expander::default(), Vec::new());
        let mut end = 0;
        for (offset, frame, chunks) in trailer.walk() {
            end = offset as usize + frame.stored_bytes as usize;
            let stored = plain.get(offset as usize..end).ok_or(FormatError::Truncated { what: "pack" })?;
            open_frame(&mut expander, stored, frame.filter, &mut content)?;
            if content_bytes(stored)? != frame.plain_bytes as usize {
                return Err(FormatError::Decompress { what: "frame" });
            }
            let mut offset = 0;
            for chunk in chunks {
                let location = Location {
                    id: chunk.id,
                    pack: scelle_format::id::PackId::parse(&format!("e0/{}", "11".repeat(32)))?,
                    frame_offset: 0,
                    frame_bytes: frame.stored_bytes,
                    offset,
                    bytes: chunk.plain_bytes,
                    filter: frame.filter,
                };
                chunk_in_frame(&content, &location, &id_key)?;
                offset += chunk.plain_bytes;
            }
        }
        // What a writer would have put between the frames and the trailer.
        let mut padding = Vec::new();
        push_padding(&mut padding, padding_for((end + bytes) as u64, PACK_FLOOR_BYTES));
        if plain[end..at] != padding {
            return Err(FormatError::Malformed { what: "pack", why: "other padding" });
        }
        Ok(plain.to_vec())
    });
}

#[test]
fn filters() {
    run("filter", |body| {
        let text = std::str::from_utf8(body).unwrap();
        let field =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).unwrap();
        let bytes = |key: &str| if field(key) == "-" { Vec::new() } else { hex::decode(field(key)).unwrap() };
        let (plain, filtered) = (bytes("plain"), bytes("filtered"));
        let (mut there, mut back) = (plain.clone(), filtered.clone());
        if Filter::from_id(field("filter").parse().unwrap())? == Filter::Delta16 {
            apply_delta16(&plain, &mut there);
            undo_delta16(&filtered, &mut back);
        }
        assert_eq!((there, back), (filtered, plain));
        Ok(body.to_vec())
    });
}

#[test]
fn the_ladder() {
    run("padme", |body| {
        for line in std::str::from_utf8(body).unwrap().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().unwrap();
            match words[0] {
                "padme" => assert_eq!(padme(number(1)), number(2), "{line}"),
                "padding" => assert_eq!(padding_for(number(1), number(2)), number(3), "{line}"),
                other => panic!("unknown line {other}"),
            }
        }
        Ok(body.to_vec())
    });
}
