//! Between the protocol's words and the vault's.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::dto::{ChecksumType, ETag, ETagCondition, Timestamp};
use s3s::{S3Response, TrailingHeaders};

use crate::vault::clock::{from_ms, to_ms};
use crate::vault::label::KeptChecksum;
use crate::vault::metadata::versions::Condition;
use crate::vault::receive::{ALGORITHMS, Expected};
use crate::vault::refusal::Refusal;

/// What a request is answered with.
pub type Answer<T> = Result<S3Response<T>, Refusal>;

/// Headers that are kept with an object and given back.
const KEPT_HEADERS: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
/// S3's own limit on user metadata, names and values together.
const MAX_METADATA_BYTES: usize = 2048;
const MAX_KEPT_HEADER_BYTES: usize = 4096;

/// Sets the checksum field of an output that has one for each algorithm.
macro_rules! set_checksum {
    ($output:expr, $kept:expr) => {
        if let Some(kept) = $kept {
            let value = Some(kept.value.clone());
            match kept.algorithm.as_str() {
                "CRC32" => $output.checksum_crc32 = value,
                "CRC32C" => $output.checksum_crc32c = value,
                "CRC64NVME" => $output.checksum_crc64nvme = value,
                "SHA1" => $output.checksum_sha1 = value,
                "SHA256" => $output.checksum_sha256 = value,
                _ => {}
            }
        }
    };
}

/// The checksums an input names, with their values.
macro_rules! asked_checksums {
    ($input:expr) => {
        [
            ("CRC32", $input.checksum_crc32.clone()),
            ("CRC32C", $input.checksum_crc32c.clone()),
            ("CRC64NVME", $input.checksum_crc64nvme.clone()),
            ("SHA1", $input.checksum_sha1.clone()),
            ("SHA256", $input.checksum_sha256.clone()),
        ]
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .collect::<Vec<(&'static str, Option<String>)>>()
    };
}

pub(super) use {asked_checksums, set_checksum};

/// What a client says about a body: length, MD5, checksums in headers, announced in trailers, or only asked for.
pub fn expected(
    bytes: Option<i64>,
    md5: Option<&str>,
    mut checksums: Vec<(&'static str, Option<String>)>,
    asked: Option<&str>,
    headers: &HeaderMap,
) -> Result<Expected, Refusal> {
    if checksums.len() > 1 {
        return Err(Refusal::Invalid("more than one checksum"));
    }
    for (algorithm, value) in &checksums {
        let length = match *algorithm {
            "CRC32" | "CRC32C" => 4,
            "CRC64NVME" => 8,
            "SHA1" => 20,
            _ => 32,
        };
        let value = STANDARD.decode(value.as_deref().unwrap_or_default());
        if value.map_err(|_| Refusal::InvalidDigest)?.len() != length {
            return Err(Refusal::InvalidDigest);
        }
    }
    let trailers = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
    let announced = trailers.flat_map(|value| value.split(',')).find_map(|name| {
        let name = name.trim().to_ascii_lowercase();
        ALGORITHMS.into_iter().find(|algorithm| name == checksum_header(algorithm))
    });
    let asked = match asked {
        Some(asked) => {
            let known = ALGORITHMS.into_iter().find(|algorithm| algorithm.eq_ignore_ascii_case(asked));
            Some(known.ok_or(Refusal::Invalid("unknown checksum algorithm"))?)
        }
        None => None,
    };
    if checksums.is_empty() {
        checksums.extend(announced.or(asked).map(|algorithm| (algorithm, None)));
    }
    let md5 = match md5 {
        None => None,
        Some(text) => {
            let md5 = STANDARD.decode(text).ok().filter(|md5| md5.len() == 16);
            Some(md5.ok_or(Refusal::InvalidDigest)?)
        }
    };
    Ok(Expected { bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()), md5, checksums })
}

/// Reads checksums that came after a body.
pub fn trailer(headers: Option<TrailingHeaders>) -> impl Fn(&str) -> Option<String> {
    move |algorithm| {
        let name = checksum_header(algorithm);
        headers.as_ref()?.read(|map| Some(map.get(name)?.to_str().ok()?.to_owned()))?
    }
}

fn checksum_header(algorithm: &str) -> String {
    format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase())
}

/// Whether a kept checksum covers the whole object or its parts' checksums.
pub fn checksum_type(kept: &KeptChecksum) -> ChecksumType {
    let kind = if kept.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    ChecksumType::from_static(kind)
}

/// Headers to keep.
pub fn kept_headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let mut kept = BTreeMap::new();
    for name in KEPT_HEADERS {
        let Some(value) = headers.get(name) else { continue };
        let value = value.to_str().map_err(|_| Refusal::Invalid("a header is not plain text"))?;
        // What only says how the request itself was sent is not the object's.
        let value: Vec<&str> =
            value.split(',').map(str::trim).filter(|part| *part != "aws-chunked").collect();
        if !value.is_empty() && value != [""] {
            kept.insert(name.to_owned(), value.join(", "));
        }
    }
    if kept.values().map(String::len).sum::<usize>() > MAX_KEPT_HEADER_BYTES {
        return Err(Refusal::Invalid("the headers to keep are too long"));
    }
    Ok(kept)
}

/// User metadata within S3's limit.
pub fn kept_metadata(metadata: Option<s3s::dto::Metadata>) -> Result<BTreeMap<String, String>, Refusal> {
    let metadata: BTreeMap<String, String> = metadata.unwrap_or_default().into_iter().collect();
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_METADATA_BYTES { Err(Refusal::Invalid("the metadata is too long")) } else { Ok(metadata) }
}

/// The condition of a write.
pub fn write_condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> Result<Condition, Refusal> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (None, Some(ETagCondition::ETag(_))) => {
            Err(Refusal::NotImplemented("If-None-Match with an ETag on a write"))
        }
        (Some(ETagCondition::Any), None) => Ok(Condition::Matches("*".to_owned())),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Matches(etag.value().to_owned())),
        (Some(_), Some(_)) => Err(Refusal::Invalid("If-Match and If-None-Match together")),
    }
}

/// A retention from lock headers or a retention document; only COMPLIANCE is offered.
pub fn retention(mode: Option<&str>, until: Option<Timestamp>) -> Result<Option<i64>, Refusal> {
    match (mode, until) {
        (None, None) => Ok(None),
        (Some("COMPLIANCE"), Some(until)) => Ok(Some(ms(until))),
        (Some("GOVERNANCE"), Some(_)) => Err(Refusal::NotImplemented("GOVERNANCE retention")),
        (Some("COMPLIANCE" | "GOVERNANCE") | None, _) => {
            Err(Refusal::Invalid("a retention has a mode and a date"))
        }
        (Some(_), _) => Err(Refusal::Invalid("unknown retention mode")),
    }
}

/// Milliseconds since 1970 as a protocol time.
pub fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from(from_ms(ms))
}

/// A protocol time as milliseconds since 1970.
pub fn ms(at: Timestamp) -> i64 {
    let at: std::time::SystemTime = time_of(at);
    to_ms(at)
}

fn time_of(at: Timestamp) -> SystemTime {
    let mut text = Vec::new();
    if at.format(s3s::dto::TimestampFormat::EpochSeconds, &mut text).is_err() {
        return SystemTime::UNIX_EPOCH;
    }
    let seconds: f64 = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    // What is before 1970 is as good as 1970: past.
    SystemTime::UNIX_EPOCH + std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

/// An ETag.
pub fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

/// A length as the protocol counts it.
pub fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Percent-encodes for `encoding-type=url`.
pub fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
