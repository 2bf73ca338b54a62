//! Writes standard age v1 files, sealed in place.
//!
//! For: packs, manifests, keys, everything that leaves the PC. Data comes as plaintext and leaves as one
//! vector holding the whole age file. Never: copies the payload; [`SealBuffer`] lays plaintext out with the
//! holes where tags will go, so that sealing touches each byte once. This is the hot path of a backup.

use zeroize::Zeroizing;

use super::{
    CHUNK_CIPHER_BYTES, CHUNK_PLAIN_BYTES, CryptoError, FileKey, MAX_STANZAS, PAYLOAD_NONCE_BYTES,
    PayloadKey, PqRecipient, TAG_BYTES, header,
};
use crate::random::Random;

/// The start of an age file, made ready: header text, payload nonce, and the key of the payload.
pub struct AgeHeader {
    /// Header text and payload nonce, as they stand in the file.
    bytes: Vec<u8>,
    key: PayloadKey,
}

impl AgeHeader {
    /// Draws a fresh file key and wraps it for each recipient.
    pub fn new(recipients: &[PqRecipient], random: &mut dyn Random) -> Result<Self, CryptoError> {
        if recipients.is_empty() || recipients.len() > MAX_STANZAS {
            return Err(CryptoError::RecipientCount);
        }
        let mut file_key = Zeroizing::new([0; 16]);
        random.fill(file_key.as_mut_slice());
        let stanzas = recipients
            .iter()
            .map(|recipient| recipient.wrap(&file_key, random))
            .collect::<Result<Vec<_>, _>>()?;
        let file_key = FileKey::new(*file_key);
        let mut bytes = header::write(&stanzas, &file_key);

        let mut nonce = [0; PAYLOAD_NONCE_BYTES];
        random.fill(&mut nonce);
        bytes.extend_from_slice(&nonce);
        Ok(Self { bytes, key: PayloadKey::derive(&file_key, &nonce) })
    }

    /// Bytes before the first payload chunk (header and nonce).
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// A finished age file.
pub struct Sealed {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Opens the payload again without any identity: for the check before upload and the drill window.
    pub key: PayloadKey,
    /// Offset of the first payload chunk.
    pub header_bytes: usize,
}

/// Plaintext growing in the layout its ciphertext will have.
pub struct SealBuffer {
    bytes: Vec<u8>,
    key: PayloadKey,
    header_bytes: usize,
    plain_bytes: u64,
    /// Plaintext bytes in the chunk being filled. A full chunk stays open until more bytes come, since the
    /// last chunk of a file may be full but must not be empty.
    chunk_bytes: usize,
}

impl SealBuffer {
    /// An empty buffer with room for `capacity_bytes` of plaintext.
    #[must_use]
    pub fn new(header: AgeHeader, capacity_bytes: usize) -> Self {
        Self::reusing(Vec::new(), header, capacity_bytes)
    }

    /// The same in memory that an earlier file has left: `bytes` is emptied first. Fresh memory costs a page fault for
    /// every 4 KiB.
    #[must_use]
    pub fn reusing(mut bytes: Vec<u8>, header: AgeHeader, capacity_bytes: usize) -> Self {
        let AgeHeader { bytes: start, key } = header;
        let header_bytes = start.len();
        let tags = (capacity_bytes / CHUNK_PLAIN_BYTES + 1).saturating_mul(TAG_BYTES);
        bytes.clear();
        bytes.reserve_exact(capacity_bytes.saturating_add(tags).saturating_add(header_bytes));
        bytes.extend_from_slice(&start);
        Self { bytes, key, header_bytes, plain_bytes: 0, chunk_bytes: 0 }
    }

    /// Appends plaintext.
    pub fn write(&mut self, mut plain: &[u8]) {
        self.plain_bytes += plain.len() as u64;
        while !plain.is_empty() {
            if self.chunk_bytes == CHUNK_PLAIN_BYTES {
                self.leave_tag_hole();
                self.chunk_bytes = 0;
            }
            let take = plain.len().min(CHUNK_PLAIN_BYTES - self.chunk_bytes);
            let (now, later) = plain.split_at(take);
            self.bytes.extend_from_slice(now);
            self.chunk_bytes += take;
            plain = later;
        }
    }

    /// Plaintext bytes written so far.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// The plaintext written so far, in pieces of at most 64 KiB.
    pub fn plain_units(&self) -> impl Iterator<Item = &[u8]> {
        let units = self.bytes[self.header_bytes..].chunks(CHUNK_CIPHER_BYTES);
        units.map(|unit| &unit[..unit.len().min(CHUNK_PLAIN_BYTES)])
    }

    /// Seals every chunk where it lies.
    #[must_use]
    pub fn seal(mut self) -> Sealed {
        self.leave_tag_hole();
        let payload = &mut self.bytes[self.header_bytes..];
        let last = (payload.len().div_ceil(CHUNK_CIPHER_BYTES) - 1) as u64;
        for (index, chunk) in (0u64..).zip(payload.chunks_mut(CHUNK_CIPHER_BYTES)) {
            let (body, tag) = chunk.split_at_mut(chunk.len() - TAG_BYTES);
            self.key.seal_chunk(index, index == last, body, tag);
        }
        Sealed { bytes: self.bytes, key: self.key, header_bytes: self.header_bytes }
    }

    fn leave_tag_hole(&mut self) {
        self.bytes.extend_from_slice(&[0; TAG_BYTES]);
    }
}

/// Seals `plain` as one age file.
pub fn seal_bytes(
    recipients: &[PqRecipient],
    plain: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, CryptoError> {
    let mut buffer = SealBuffer::new(AgeHeader::new(recipients, random)?, plain.len());
    buffer.write(plain);
    Ok(buffer.seal().bytes)
}

/// Size of the age file that holds `plain_bytes` after `header_bytes` (header and nonce).
#[must_use]
pub fn sealed_bytes_for(header_bytes: u64, plain_bytes: u64) -> u64 {
    let chunks = plain_bytes.div_ceil(CHUNK_PLAIN_BYTES as u64).max(1);
    header_bytes + plain_bytes + chunks * TAG_BYTES as u64
}
