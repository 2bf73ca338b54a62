//! One entry of the access trace, and the rules that chain it.
//!
//! A line is `{"entry":{…},"hash":"…","signature":"…"}`: `hash` is the SHA-256 of the entry's JSON as it stands,
//! `signature` the Ed25519 signature of that hash, and `entry.previous` the hash of the line before. Pure; never:
//! a clock, a file.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::vault::keys::TraceKey;

/// `previous` of the first entry of a chain.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a request was and became.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Entry {
    /// 1, 2, 3 … within one tenant.
    pub sequence: u64,
    /// Server time, RFC 3339 UTC.
    pub time: String,
    /// Whose chain this is; `-` for requests that no tenant's credential made.
    pub tenant: String,
    /// Public half of the credential, as the request named it.
    pub access_key: String,
    /// Its role; empty when the request was not authenticated.
    pub role: String,
    /// Operation, as in the table of roles.
    pub operation: String,
    /// Bucket and key, as the request named them.
    pub bucket: String,
    pub key: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Bytes of the body announced by the request.
    pub bytes: u64,
    /// Address the request came from.
    pub from: String,
    /// What else must be said (`signature refused`, `locked out`, the bounds of a purge).
    pub note: String,
    /// Hash of the line before.
    pub previous: String,
}

/// An entry with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// SHA-256 of the entry's JSON, hexadecimal.
    pub hash: String,
    /// Ed25519 over the 32 bytes of the hash, base64.
    pub signature: String,
}

impl Line {
    /// Hashes and signs an entry.
    pub fn sign(entry: Entry, key: &TraceKey) -> serde_json::Result<Self> {
        let hash = hash_of(&entry)?;
        let signature = STANDARD.encode(key.sign(&hash));
        Ok(Self { entry, hash: hex::encode(hash), signature })
    }

    /// As one line of text, newline included.
    pub fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|text| text + "\n")
    }

    /// Reads a line; it must be exactly what [`Line::to_text`] writes, and its hash and signature must hold.
    pub fn verify(text: &str, public_key: &[u8]) -> Result<Self, &'static str> {
        let line: Self = serde_json::from_str(text).map_err(|_| "cannot be read")?;
        let written = line.to_text().map_err(|_| "cannot be read")?;
        if written.trim_end() != text {
            return Err("is not as it was written");
        }
        let hash = hash_of(&line.entry).map_err(|_| "cannot be read")?;
        if hex::encode(&hash) != line.hash {
            return Err("was changed: its hash does not match");
        }
        let signature = STANDARD.decode(&line.signature).map_err(|_| "has no readable signature")?;
        let key = UnparsedPublicKey::new(&ED25519, public_key);
        key.verify(&hash, &signature).map_err(|_| "is not signed by this vault's trace key")?;
        Ok(line)
    }
}

fn hash_of(entry: &Entry) -> serde_json::Result<Vec<u8>> {
    Ok(digest(&SHA256, &serde_json::to_vec(entry)?).as_ref().to_vec())
}

/// One row of CSV; fields in the order of [`CSV_HEADER`].
pub fn csv_row(line: &Line) -> String {
    let Entry {
        sequence,
        time,
        tenant,
        access_key,
        role,
        operation,
        bucket,
        key,
        status,
        bytes,
        from,
        note,
        ..
    } = &line.entry;
    let (sequence, status, bytes) = (sequence.to_string(), status.to_string(), bytes.to_string());
    let fields = [
        &sequence, time, tenant, access_key, role, operation, bucket, key, &status, &bytes, from, note,
        &line.hash,
    ];
    let quoted = fields.map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
    quoted.join(",") + "\r\n"
}

/// First line of a CSV export.
pub const CSV_HEADER: &str =
    "sequence,time,tenant,access_key,role,operation,bucket,key,status,bytes,from,note,hash\r\n";

/// One RFC 5424 message: facility 13 (log audit), severity 6.
pub fn syslog_row(line: &Line, text: &str) -> String {
    format!("<110>1 {} - scelle-server - access - {}\n", line.entry.time, text.trim_end())
}
