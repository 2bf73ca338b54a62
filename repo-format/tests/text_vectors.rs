//! Every vector below `testdata/vectors`: one rule each, the outcome by error kind.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::fs;
use std::path::Path;

use scelle_format::descriptor::Descriptor;
use scelle_format::error::FormatError;
use scelle_format::format_txt::FormatTxt;
use scelle_format::ledger::Note;
use scelle_format::refs::Refs;

fn kind(error: &FormatError) -> &'static str {
    match error {
        FormatError::Truncated { .. } => "truncated",
        FormatError::BadMagic { .. } => "bad-magic",
        FormatError::Unsupported { .. } => "unsupported",
        FormatError::TooLarge { .. } => "too-large",
        FormatError::Malformed { .. } => "malformed",
        FormatError::IdMismatch { .. } => "id-mismatch",
        _ => "other",
    }
}

/// Runs all vectors of a folder; `read` parses and prints again.
fn run(folder: &str, read: impl Fn(&[u8]) -> Result<String, FormatError>) {
    let folder =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("testdata/vectors").join(folder);
    let mut outcomes = [0u32; 2];
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let at = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let expected = std::str::from_utf8(&bytes[..at]).unwrap().strip_prefix("expect: ").unwrap();
        let text = &bytes[at + 2..];
        let found = read(text);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(found.as_ref().map_or_else(kind, |_| "ok"), expected, "{name}: {found:?}");
        if let Ok(printed) = found {
            assert_eq!(printed.as_bytes(), text, "{name} does not print back");
        }
        outcomes[usize::from(expected == "ok")] += 1;
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{} lacks good or bad vectors", folder.display());
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn descriptors() {
    run("descriptor", |bytes| Descriptor::parse(utf8(bytes))?.to_text());
}

#[test]
fn notes() {
    run("note", |bytes| Note::parse(utf8(bytes))?.to_text());
}

#[test]
fn refs() {
    run("refs", |bytes| Refs::parse(bytes)?.to_text());
}

#[test]
fn format_txt() {
    run("format-txt", |bytes| FormatTxt::parse(bytes)?.to_text());
}
