//! What a blob file says about itself.
//!
//! A file is the body, then the label as JSON, then a footer of 44 bytes: SHA-256 of the JSON, its length (u32,
//! little endian), [`MAGIC`]. So the metadata can be rebuilt from the files alone, and a torn file is told from a
//! whole one. Never: a secret.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Last bytes of every whole blob file.
pub const MAGIC: &[u8; 8] = b"SCELVLT1";
const FOOTER_BYTES: u64 = 44;
/// A label holds a key (1 KiB), user metadata (2 KiB) and headers; more is not ours.
const MAX_LABEL_BYTES: u32 = 64 << 10;

/// What a blob holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A version of an object.
    #[default]
    Object,
    /// A delete marker: no body.
    Marker,
    /// A part of an upload that is not complete.
    Part,
}

/// A checksum the client asked to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChecksum {
    /// `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1` or `SHA256`.
    pub algorithm: String,
    /// Base64, with `-<parts>` when composite.
    pub value: String,
    /// Whether it is a checksum of the checksums of the parts.
    #[serde(default)]
    pub composite: bool,
}

/// How the bucket stood when the blob was written, for the rebuild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketState {
    /// Keeps versions.
    pub versioned: bool,
    /// Has Object Lock.
    pub locked: bool,
    /// Default retention in days.
    pub retention_days: Option<u32>,
}

/// Everything known about a blob when it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Object, marker or part.
    pub kind: Kind,
    /// Name of the blob: 32 hexadecimal digits, also the version id.
    pub blob: String,
    /// The tenant.
    pub tenant: String,
    /// The bucket's name within the tenant.
    pub bucket: String,
    /// State of the bucket.
    pub bucket_state: BucketState,
    /// The object's key.
    pub key: String,
    /// Position in history; of two versions of a key the larger is newer.
    pub sequence: i64,
    /// Server time, milliseconds since 1970.
    pub stored_ms: i64,
    /// Length of the body.
    pub bytes: u64,
    /// SHA-256 of the body, hexadecimal.
    pub sha256: String,
    /// ETag without quotes.
    pub etag: String,
    /// The checksum the client asked for.
    #[serde(default)]
    pub checksum: Option<KeptChecksum>,
    /// Headers kept with the object (`content-type`, …).
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-*`.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// COMPLIANCE retention, milliseconds since 1970. Extensions lie in a file beside the blob.
    #[serde(default)]
    pub retain_until_ms: Option<i64>,
}

impl Label {
    /// The bytes that follow the body.
    pub fn to_trailer(&self) -> io::Result<Vec<u8>> {
        let mut trailer = serde_json::to_vec(self).map_err(io::Error::other)?;
        let length = u32::try_from(trailer.len()).ok().filter(|length| *length <= MAX_LABEL_BYTES);
        let length = length.ok_or(io::ErrorKind::InvalidInput)?;
        let sum = digest(&SHA256, &trailer);
        trailer.extend_from_slice(sum.as_ref());
        trailer.extend_from_slice(&length.to_le_bytes());
        trailer.extend_from_slice(MAGIC);
        Ok(trailer)
    }

    /// Reads the label of a file of `file_bytes` bytes; `None` when the file is not whole.
    pub fn read(file: &mut (impl Read + Seek), file_bytes: u64) -> io::Result<Option<Self>> {
        let Some(footer_at) = file_bytes.checked_sub(FOOTER_BYTES) else { return Ok(None) };
        file.seek(SeekFrom::Start(footer_at))?;
        let mut footer = [0; FOOTER_BYTES as usize];
        file.read_exact(&mut footer)?;
        let (sum, rest) = footer.split_at(32);
        let (length, magic) = rest.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default());
        if magic != MAGIC || length > MAX_LABEL_BYTES {
            return Ok(None);
        }
        let Some(label_at) = footer_at.checked_sub(u64::from(length)) else { return Ok(None) };
        file.seek(SeekFrom::Start(label_at))?;
        let mut json = vec![0; length as usize];
        file.read_exact(&mut json)?;
        if digest(&SHA256, &json).as_ref() != sum {
            return Ok(None);
        }
        let label: Option<Self> = serde_json::from_slice(&json).ok();
        Ok(label.filter(|label| label.bytes == label_at))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_label_comes_back_and_a_torn_or_changed_file_has_none() {
        let label = Label { key: "a/é".into(), bytes: 3, ..Label::default() };
        let mut file = b"abc".to_vec();
        file.extend(label.to_trailer().unwrap());
        let read = |bytes: &[u8]| Label::read(&mut Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert_eq!(read(&file), Some(label));
        for cut in 0..file.len() {
            assert_eq!(read(&file[..cut]), None, "cut at {cut}");
        }
        for at in 3..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert_eq!(read(&changed), None, "changed at {at}");
        }
        assert_eq!(read(&[&b"x"[..], &file].concat()), None, "a longer body");
    }
}
