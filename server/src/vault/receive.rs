//! Takes a body off the wire: to a temporary file, through every hash at once.
//!
//! From [`super::http`] to [`super::operations`], which seal what has been received. A body is never in memory as a
//! whole: pieces are gathered to 256 KiB, then hashed and written on a thread that may wait. Never: hands on a body
//! that is shorter than announced or whose checksum, payload hash or chunk signature does not match.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use futures::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use scelle_store::Incoming;

use super::label::KeptChecksum;
use super::{Refusal, Vault};

/// Bytes gathered before they are hashed and written.
const PIECE_BYTES: usize = 256 << 10;
/// A client that sends nothing for so long is gone.
const STALL: Duration = Duration::from_secs(60);

/// Checksum algorithms of S3, as headers and XML spell them.
pub const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/// What the client says the body is.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Length in bytes.
    pub bytes: Option<u64>,
    /// `Content-MD5`, decoded.
    pub md5: Option<Vec<u8>>,
    /// Checksums to compute; the value is compared when it is known (headers) or becomes known (trailers).
    pub checksums: Vec<(&'static str, Option<String>)>,
}

/// A body that was received whole, in its temporary file.
#[derive(Debug)]
pub struct Received {
    /// The file.
    pub incoming: Incoming,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// MD5, hexadecimal.
    pub md5: String,
    /// The checksum to keep, the first that was asked for.
    pub checksum: Option<KeptChecksum>,
}

/// Hashes of a body on its way.
struct Hashes {
    sha256: digest::Context,
    md5: Md5,
    asked: ChecksumHasher,
}

impl Hashes {
    fn new(expected: &Expected) -> Self {
        let asked = hasher(expected.checksums.iter().map(|(algorithm, _)| *algorithm));
        Self { sha256: digest::Context::new(&digest::SHA256), md5: Md5::new(), asked }
    }

    fn update(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        self.md5.update(piece);
        self.asked.update(piece);
    }
}

/// A hasher of the algorithms named.
pub fn hasher<'a>(algorithms: impl Iterator<Item = &'a str>) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    for algorithm in algorithms {
        match algorithm {
            "CRC32" => hasher.crc32 = Some(Crc32::new()),
            "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
            "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::new()),
            "SHA1" => hasher.sha1 = Some(Sha1::new()),
            "SHA256" => hasher.sha256 = Some(Sha256::new()),
            _ => {}
        }
    }
    hasher
}

/// What a hasher computed, by algorithm.
pub fn computed(hasher: ChecksumHasher, algorithm: &str) -> Option<String> {
    let sums = hasher.finalize();
    match algorithm {
        "CRC32" => sums.checksum_crc32,
        "CRC32C" => sums.checksum_crc32c,
        "CRC64NVME" => sums.checksum_crc64nvme,
        "SHA1" => sums.checksum_sha1,
        "SHA256" => sums.checksum_sha256,
        _ => None,
    }
}

/// Receives `body`. `trailer` gives the value of a checksum header that came after the body.
pub async fn receive(
    vault: &Arc<Vault>,
    body: Option<StreamingBlob>,
    expected: Expected,
    max_bytes: u64,
    trailer: impl Fn(&str) -> Option<String>,
) -> Result<Received, Refusal> {
    if expected.bytes.is_some_and(|bytes| bytes > max_bytes) {
        return Err(Refusal::TooLarge);
    }
    vault.room_for(expected.bytes.unwrap_or_default())?;
    let mut hashes = Hashes::new(&expected);
    let mut incoming = None;
    let mut body = body;
    let mut received = 0u64;
    loop {
        let (pieces, more) = gather(body.as_mut()).await?;
        received += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if received > max_bytes {
            return Err(Refusal::TooLarge);
        }
        let keeper = Arc::clone(vault);
        let written = tokio::task::spawn_blocking(move || {
            let mut file = match incoming {
                Some(file) => file,
                None => keeper.blobs.begin()?,
            };
            // Asked again for each piece: many uploads at once see the same free space.
            keeper.room_for(pieces.iter().map(|piece| piece.len() as u64).sum())?;
            for piece in pieces {
                hashes.update(&piece);
                file.write(&piece)?;
            }
            Ok::<_, Refusal>((file, hashes))
        });
        let (file, hashed) = written.await.map_err(|_| Refusal::Stopping)??;
        if !more {
            return finish(file, hashed, &expected, received, trailer);
        }
        (incoming, hashes) = (Some(file), hashed);
    }
}

/// Pieces of up to [`PIECE_BYTES`] together, and whether more may follow.
async fn gather(body: Option<&mut StreamingBlob>) -> Result<(Vec<Bytes>, bool), Refusal> {
    let Some(body) = body else { return Ok((Vec::new(), false)) };
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    while bytes < PIECE_BYTES {
        let next = tokio::time::timeout(STALL, body.next()).await.map_err(|_| Refusal::IncompleteBody)?;
        match next {
            None => return Ok((pieces, false)),
            Some(piece) => {
                let piece = piece.map_err(|error| body_refusal(error.as_ref()))?;
                bytes += piece.len();
                pieces.push(piece);
            }
        }
    }
    Ok((pieces, true))
}

/// The protocol layer's body errors have no public types, only their words.
fn body_refusal(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Refusal {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    match text {
        text if text.contains("Sha256Mismatch") => Refusal::ContentSha256Mismatch,
        text if text.contains("SignatureMismatch") => Refusal::ChunkSignature,
        _ => Refusal::IncompleteBody,
    }
}

fn finish(
    incoming: Incoming,
    hashes: Hashes,
    expected: &Expected,
    received: u64,
    trailer: impl Fn(&str) -> Option<String>,
) -> Result<Received, Refusal> {
    if expected.bytes.is_some_and(|bytes| bytes != received) {
        return Err(Refusal::IncompleteBody);
    }
    let md5 = hashes.md5.finalize();
    if expected.md5.as_ref().is_some_and(|wanted| wanted[..] != md5[..]) {
        return Err(Refusal::BadDigest);
    }
    let sums = hashes.asked.finalize();
    let mut checksum = None;
    for (algorithm, value) in &expected.checksums {
        let sum = match *algorithm {
            "CRC32" => &sums.checksum_crc32,
            "CRC32C" => &sums.checksum_crc32c,
            "CRC64NVME" => &sums.checksum_crc64nvme,
            "SHA1" => &sums.checksum_sha1,
            _ => &sums.checksum_sha256,
        };
        let sum = sum.clone().unwrap_or_default();
        if value.clone().or_else(|| trailer(algorithm)).is_some_and(|wanted| wanted != sum) {
            return Err(Refusal::BadDigest);
        }
        let kept = KeptChecksum { algorithm: (*algorithm).to_owned(), value: sum, composite: false };
        checksum.get_or_insert(kept);
    }
    let sha256 = hex::encode(hashes.sha256.finish().as_ref());
    Ok(Received { incoming, sha256, md5: hex::encode(md5), checksum })
}
