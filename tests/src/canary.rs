//! Names of invented patients, and every form in which a program might let them out.
//!
//! For: tests that look through states, stores, outputs and memory. Never: a real person's name.

use std::path::{Path, PathBuf};
use std::{fs, io};

use unicode_normalization::UnicodeNormalization as _;

use crate::listing;

/// Names put into file names, folder names, link targets, attributes and contents.
pub const NAMES: [&str; 3] = ["Zéphyrine Quatremère", "Wenceslas Ïyobàn", "Ghjuliù Ottavianù"];

/// One needle: what was encoded how.
#[derive(Debug)]
pub struct Needle {
    /// The bytes to look for.
    pub bytes: Vec<u8>,
    /// For the failure message.
    pub form: String,
}

/// Every form of every name and of every word of it.
pub fn needles() -> Vec<Needle> {
    let words = NAMES.iter().flat_map(|name| name.split(' ')).chain(NAMES);
    words.flat_map(forms).collect()
}

/// The needle that stands in `bytes`, if one does.
pub fn found<'a>(needles: &'a [Needle], bytes: &[u8]) -> Option<&'a Needle> {
    needles.iter().find(|needle| contains(bytes, &needle.bytes))
}

/// Panics when a file below `root`, where nobody writes, or its name, holds a canary.
pub fn assert_absent_below(root: &Path) {
    look_through(root, &listing::at_rest(root), |path, error| panic!("{}: {error}", path.display()));
}

/// [`assert_absent_below`] where a program is at work: a file may be gone before it is read.
pub fn assert_absent_while_written(root: &Path) {
    let gone = |path: &Path, error: io::Error| {
        assert!(error.kind() == io::ErrorKind::NotFound, "{}: {error}", path.display());
    };
    look_through(root, &listing::while_written(root), gone);
}

fn look_through(root: &Path, paths: &[PathBuf], mut failed: impl FnMut(&Path, io::Error)) {
    let needles = needles();
    let mut files = 0;
    for path in paths {
        // With the folders on the way.
        let name = path.as_os_str().as_encoded_bytes();
        assert!(found(&needles, name).is_none(), "a name in {}", path.display());
        match fs::read(path) {
            Ok(content) => {
                let needle = found(&needles, &content);
                assert!(needle.is_none(), "{needle:?} in {}", path.display());
                files += 1;
            }
            Err(error) => failed(path, error),
        }
    }
    assert!(files > 0, "nothing to look at below {}", root.display());
}

/// Panics when `bytes` hold a canary.
pub fn assert_absent(what: &str, bytes: &[u8]) {
    let needles = needles();
    let needle = found(&needles, bytes);
    assert!(needle.is_none(), "{needle:?} in {what}:\n{}", String::from_utf8_lossy(bytes));
}

fn forms(text: &str) -> Vec<Needle> {
    let nfd: String = text.nfd().collect();
    let ascii: String = nfd.chars().filter(char::is_ascii).collect();
    let mut texts = vec![("as it is", text.to_owned()), ("NFD", nfd), ("ASCII", ascii)];
    for (form, text) in texts.clone() {
        texts.push((form, text.to_uppercase()));
        texts.push((form, text.to_lowercase()));
    }
    let mut needles = Vec::new();
    for (form, text) in texts {
        let mut add = |how: &str, bytes: Vec<u8>| {
            if bytes.len() >= 6 {
                needles.push(Needle { bytes, form: format!("{text} ({form}, {how})") });
            }
        };
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let cp1252: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        add("UTF-8", text.clone().into_bytes());
        add("percent", percent(text.as_bytes()).into_bytes());
        add("percent, lower case", percent(text.as_bytes()).to_lowercase().into_bytes());
        add("JSON", json(&text).into_bytes());
        add("hex", hex::encode(text.as_bytes()).into_bytes());
        for skipped in 0..3 {
            add("base64", base64_inside(text.as_bytes(), skipped).into_bytes());
            add("base64 of UTF-16", base64_inside(&utf16, skipped).into_bytes());
        }
        add("UTF-16", utf16);
        add("UTF-16 BE", utf16_big);
        if let Some(cp1252) = cp1252 {
            add("cp1252", cp1252);
        }
    }
    needles
}

fn percent(bytes: &[u8]) -> String {
    let one = |&byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn json(text: &str) -> String {
    let one = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    text.chars().map(one).collect()
}

/// What base64 of a longer text shows of `bytes` when it begins `skipped` bytes after a group of three.
fn base64_inside(bytes: &[u8], skipped: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.get((3 - skipped) % 3..).unwrap_or_default().chunks_exact(3);
    let letters = groups.flat_map(|group| {
        let word = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(word >> shift & 63) as usize]))
    });
    letters.collect()
}

/// Whether `needle` stands in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((&first, rest)) = needle.split_first() else { return true };
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&byte| byte == first) {
        from += at + 1;
        if haystack[from..].starts_with(rest) {
            return true;
        }
    }
    false
}
