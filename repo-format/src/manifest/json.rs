//! JSON pieces that hunks, level-2 nodes and roots share: byte strings and locations.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::error::{Result, malformed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackId};
use crate::pack::Location;

/// Bytes written as a string when they are UTF-8, else as `{"b64":"…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Raw { b64: String },
}

impl Text {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Plain(text.to_owned()),
            Err(_) => Self::Raw { b64: STANDARD.encode(bytes) },
        }
    }

    pub(super) fn bytes(self) -> Result<Vec<u8>> {
        match self {
            Self::Plain(text) => Ok(text.into_bytes()),
            Self::Raw { b64 } => {
                let bytes = STANDARD.decode(b64).map_err(|_| malformed("name", "bad base64"))?;
                if std::str::from_utf8(&bytes).is_ok() {
                    return Err(malformed("name", "base64 where a string is due"));
                }
                Ok(bytes)
            }
        }
    }
}

pub(super) fn push_text(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => push_string(out, text),
        Err(_) => {
            out.extend_from_slice(b"{\"b64\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => push(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends formatted ASCII.
pub(super) fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    struct Sink<'a>(&'a mut Vec<u8>);
    impl std::fmt::Write for Sink<'_> {
        fn write_str(&mut self, s: &str) -> std::fmt::Result {
            self.0.extend_from_slice(s.as_bytes());
            Ok(())
        }
    }
    // Writing into a vector cannot fail.
    let _ = Sink(out).write_fmt(text);
}

/// Collects the packs that locations name, in order of first use.
#[derive(Default)]
pub(super) struct PackTable {
    packs: Vec<PackId>,
}

impl PackTable {
    pub(super) fn row(&mut self, pack: &PackId) -> usize {
        // Neighbours nearly always lie in the pack used last.
        if let Some(at) = self.packs.iter().rposition(|p| p == pack) {
            return at;
        }
        self.packs.push(*pack);
        self.packs.len() - 1
    }

    pub(super) fn push_json(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, pack) in self.packs.iter().enumerate() {
            push(out, format_args!("{}\"{pack}\"", if i > 0 { "," } else { "" }));
        }
        out.push(b']');
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.packs.iter().map(ToString::to_string).collect()
    }

    pub(super) fn parse(names: &[String]) -> Result<Vec<PackId>> {
        names.iter().map(|n| PackId::parse(n)).collect()
    }
}

pub(super) fn push_location(out: &mut Vec<u8>, at: &Location, table: &mut PackTable) {
    let mut hex_id = [0; 64];
    let _ = hex::encode_to_slice(at.id.0, &mut hex_id);
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(&hex_id);
    let row = table.row(&at.pack);
    push(out, format_args!("\",{row},{},{},{},{}", at.frame_offset, at.frame_bytes, at.offset, at.bytes));
    if at.filter != Filter::None {
        push(out, format_args!(",{}", at.filter.id()));
    }
    out.push(b']');
}

/// A location as it stands in JSON, its pack still a row number.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLocation {
    id: ChunkId,
    row: usize,
    numbers: [u32; 4],
    filter: Filter,
}

impl RowLocation {
    pub(super) fn of(at: &Location, table: &mut PackTable) -> Self {
        let numbers = [at.frame_offset, at.frame_bytes, at.offset, at.bytes];
        Self { id: at.id, row: table.row(&at.pack), numbers, filter: at.filter }
    }

    pub(super) fn resolve(self, packs: &[PackId]) -> Result<Location> {
        let pack = *packs.get(self.row).ok_or(malformed("location", "it names no pack"))?;
        let [frame_offset, frame_bytes, offset, bytes] = self.numbers;
        let at =
            Location { id: self.id, pack, frame_offset, frame_bytes, offset, bytes, filter: self.filter };
        at.check().map(|()| at)
    }
}

impl Serialize for RowLocation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let [a, b, c, d] = self.numbers;
        match self.filter {
            Filter::None => (self.id.to_string(), self.row, a, b, c, d).serialize(serializer),
            filter => (self.id.to_string(), self.row, a, b, c, d, filter.id()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RowLocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = RowLocation;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a location of six or seven elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Self::Value, A::Error> {
                let short = || A::Error::custom("a location has at least six elements");
                let id: std::borrow::Cow<'de, str> = seq.next_element()?.ok_or_else(short)?;
                let id = ChunkId::parse(&id).map_err(A::Error::custom)?;
                let row: u32 = seq.next_element()?.ok_or_else(short)?;
                let mut numbers = [0u32; 4];
                for number in &mut numbers {
                    *number = seq.next_element()?.ok_or_else(short)?;
                }
                let filter = match seq.next_element::<u8>()? {
                    None => Filter::None,
                    Some(0) => return Err(A::Error::custom("filter 0 is not written")),
                    Some(id) => Filter::from_id(id).map_err(A::Error::custom)?,
                };
                if seq.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    return Err(A::Error::custom("a location has at most seven elements"));
                }
                Ok(RowLocation { id, row: row as usize, numbers, filter })
            }
        }
        deserializer.deserialize_seq(Shape)
    }
}
