//! Opens age v1 files: whole, by range, or chunk by chunk.
//!
//! For: restores, the check before upload, index reading, drills. Data comes as the bytes of a stored object
//! (hostile until proven) and leaves as plaintext that was authenticated. Never: hands out a byte that was
//! not authenticated, or allocates more than the object's own size.

use std::ops::Range;

use age_core::format::Stanza;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use secrecy::ExposeSecret;

use super::{
    CHUNK_CIPHER_BYTES, CHUNK_PLAIN_BYTES, CryptoError, FileKey, PAYLOAD_NONCE_BYTES, PqIdentity, TAG_BYTES,
    header, hkdf,
};

/// The payload key of one age file. Wiped by aws-lc-rs when dropped.
pub struct PayloadKey {
    file_key: FileKey,
    aead: LessSafeKey,
}

impl PayloadKey {
    /// HKDF-SHA-256 of the file key, salted with the 16 bytes that precede the first chunk.
    #[must_use]
    pub fn derive(file_key: &FileKey, nonce: &[u8; PAYLOAD_NONCE_BYTES]) -> Self {
        let key = hkdf::expand(&hkdf::extract(nonce, &[file_key.expose()]), &[b"payload"]);
        let Ok(unbound) = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()) else {
            panic!("ChaCha20-Poly1305 keys are 32 bytes, as given");
        };
        Self { file_key: file_key.clone(), aead: LessSafeKey::new(unbound) }
    }

    /// The file key this came from, for the drill window.
    #[must_use]
    pub fn file_key(&self) -> &FileKey {
        &self.file_key
    }

    /// Opens chunk `index` in place (`in_out`: ciphertext and tag) and returns its plaintext.
    pub fn open_chunk<'a>(
        &self,
        index: u64,
        last: bool,
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], CryptoError> {
        self.aead
            .open_in_place(chunk_nonce(index, last), Aad::empty(), in_out)
            .map_err(|_| CryptoError::PayloadAuth { chunk: index })
    }

    /// Opens chunk `index` of `cipher` (ciphertext and tag) into `plain`, which is as long as the ciphertext alone.
    pub fn open_chunk_into(
        &self,
        index: u64,
        last: bool,
        cipher: &[u8],
        plain: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (body, tag) =
            cipher.split_last_chunk::<TAG_BYTES>().ok_or(CryptoError::PayloadAuth { chunk: index })?;
        self.aead
            .open_separate_gather(chunk_nonce(index, last), Aad::empty(), body, tag, plain)
            .map_err(|_| CryptoError::PayloadAuth { chunk: index })
    }

    /// Seals chunk `index` in place and writes its tag.
    pub(super) fn seal_chunk(&self, index: u64, last: bool, body: &mut [u8], tag: &mut [u8]) {
        let Ok(made) = self.aead.seal_in_place_separate_tag(chunk_nonce(index, last), Aad::empty(), body)
        else {
            panic!("64 KiB is far below the ChaCha20-Poly1305 message limit");
        };
        tag.copy_from_slice(made.as_ref());
    }
}

/// 11-byte big-endian counter, then 1 for the last chunk.
fn chunk_nonce(index: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

/// A header whose key was found and whose HMAC holds.
pub struct OpenedHeader {
    /// Offset of the first payload chunk (after the nonce).
    pub header_bytes: usize,
    /// Opens the payload.
    pub key: PayloadKey,
}

/// Opens the header at the start of `bytes`, which may be just the first part of the file.
/// [`CryptoError::Truncated`] means: give more bytes.
pub fn open_header(bytes: &[u8], identities: &[&PqIdentity]) -> Result<OpenedHeader, CryptoError> {
    let identities: Vec<&dyn age::Identity> = identities.iter().map(|&identity| identity as _).collect();
    open_header_with(bytes, &identities)
}

/// [`open_header`] for identities of any age type (passphrases, the test vectors' X25519).
pub fn open_header_with(
    bytes: &[u8],
    identities: &[&dyn age::Identity],
) -> Result<OpenedHeader, CryptoError> {
    let parsed = header::parse(bytes)?;
    let file_key = find_file_key(&parsed.stanzas, identities)?;
    parsed.verify_mac(&file_key)?;
    let nonce = bytes[parsed.end..].first_chunk().ok_or(CryptoError::Truncated)?;
    Ok(OpenedHeader {
        header_bytes: parsed.end + PAYLOAD_NONCE_BYTES,
        key: PayloadKey::derive(&file_key, nonce),
    })
}

fn find_file_key(stanzas: &[Stanza], identities: &[&dyn age::Identity]) -> Result<FileKey, CryptoError> {
    use age::DecryptError as E;
    for identity in identities {
        for stanza in stanzas {
            match identity.unwrap_stanza(stanza) {
                Some(Ok(key)) => return Ok(FileKey::new(*key.expose_secret())),
                // A wrong passphrase is reported as a failed decryption: it is simply not for us.
                None | Some(Err(E::DecryptionFailed | E::KeyDecryptionFailed | E::NoMatchingKeys)) => {}
                Some(Err(E::ExcessiveWork { required, .. })) => {
                    return Err(CryptoError::ExcessiveWork { log_n: required });
                }
                Some(Err(_)) => return Err(CryptoError::Malformed("stanza")),
            }
        }
    }
    Err(CryptoError::NoMatch)
}

/// Opens a whole age file of at most `max_plain_bytes`.
pub fn open_bytes(
    bytes: &[u8],
    identities: &[&PqIdentity],
    max_plain_bytes: u64,
) -> Result<Vec<u8>, CryptoError> {
    let opened = open_header(bytes, identities)?;
    open_payload(&opened, bytes, max_plain_bytes)
}

/// Opens the whole payload of `bytes` (the complete file) with an opened header.
pub fn open_payload(
    opened: &OpenedHeader,
    bytes: &[u8],
    max_plain_bytes: u64,
) -> Result<Vec<u8>, CryptoError> {
    let (header_bytes, object_bytes) = (opened.header_bytes as u64, bytes.len() as u64);
    let plain_bytes =
        plain_bytes_of(header_bytes, object_bytes).ok_or_else(|| wrong_length(opened, bytes))?;
    if plain_bytes > max_plain_bytes {
        return Err(CryptoError::TooLarge { plain_bytes, max_plain_bytes });
    }
    open_chunks(&opened.key, 0, true, &bytes[opened.header_bytes..])
}

/// No payload has this length: too short for one tag, or a last chunk that is shorter than its tag.
fn wrong_length(opened: &OpenedHeader, bytes: &[u8]) -> CryptoError {
    match bytes.len().saturating_sub(opened.header_bytes) {
        payload_bytes if payload_bytes < TAG_BYTES => CryptoError::Truncated,
        payload_bytes => CryptoError::PayloadAuth { chunk: (payload_bytes / CHUNK_CIPHER_BYTES) as u64 },
    }
}

/// Opens consecutive chunks from number `first`; `ends_file` says whether the last of them is the file's last.
fn open_chunks(key: &PayloadKey, first: u64, ends_file: bool, cipher: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let chunks = cipher.len().div_ceil(CHUNK_CIPHER_BYTES);
    let mut plain = vec![0; cipher.len() - chunks * TAG_BYTES];
    open_chunks_into(key, first, ends_file, cipher, &mut plain)?;
    Ok(plain)
}

/// Opens consecutive payload chunks from number `first` into the front of `plain`, and tells how many bytes they
/// gave; `ends_file` says whether the last of them is the file's last. After an error `plain` holds nothing of use.
pub fn open_chunks_into(
    key: &PayloadKey,
    first: u64,
    ends_file: bool,
    cipher: &[u8],
    plain: &mut [u8],
) -> Result<usize, CryptoError> {
    let chunks = cipher.len().div_ceil(CHUNK_CIPHER_BYTES);
    let mut given = 0;
    for (at, chunk) in cipher.chunks(CHUNK_CIPHER_BYTES).enumerate() {
        let bytes = chunk.len().checked_sub(TAG_BYTES).ok_or(CryptoError::Truncated)?;
        let into = plain.get_mut(given..given + bytes).ok_or(CryptoError::Range)?;
        key.open_chunk_into(first + at as u64, ends_file && at + 1 == chunks, chunk, into)?;
        given += bytes;
    }
    Ok(given)
}

/// Plaintext bytes in an object of this size, or `None` if no age payload has it. Authenticated only once
/// the last chunk has been opened.
#[must_use]
pub fn plain_bytes_of(header_bytes: u64, object_bytes: u64) -> Option<u64> {
    let payload = object_bytes.checked_sub(header_bytes)?;
    let (full, rest) = (payload / CHUNK_CIPHER_BYTES as u64, payload % CHUNK_CIPHER_BYTES as u64);
    let full_plain = full * CHUNK_PLAIN_BYTES as u64;
    match rest {
        0 if full > 0 => Some(full_plain),
        // An empty chunk may only stand for an empty payload.
        16 if full == 0 => Some(0),
        0..=16 => None,
        _ => Some(full_plain + rest - TAG_BYTES as u64),
    }
}

/// The bytes of the object to fetch so that [`open_range`] can return the plaintext range `plain`.
/// Clamped to the object; empty for an empty range.
#[must_use]
pub fn cipher_range(header_bytes: u64, object_bytes: u64, plain: Range<u64>) -> Range<u64> {
    if plain.is_empty() {
        return header_bytes..header_bytes;
    }
    let first = plain.start / CHUNK_PLAIN_BYTES as u64;
    let end = plain.end.div_ceil(CHUNK_PLAIN_BYTES as u64);
    let offset = |chunk: u64| {
        header_bytes.saturating_add(chunk.saturating_mul(CHUNK_CIPHER_BYTES as u64)).min(object_bytes)
    };
    offset(first)..offset(end)
}

/// Opens a plaintext range from exactly the bytes named by [`cipher_range`].
pub fn open_range(
    key: &PayloadKey,
    header_bytes: u64,
    object_bytes: u64,
    plain: Range<u64>,
    cipher: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let plain_bytes = plain_bytes_of(header_bytes, object_bytes).ok_or(CryptoError::Range)?;
    let wanted = cipher_range(header_bytes, object_bytes, plain.clone());
    if plain.start > plain.end || plain.end > plain_bytes || wanted.end - wanted.start != cipher.len() as u64
    {
        return Err(CryptoError::Range);
    }
    if plain.is_empty() {
        return Ok(Vec::new());
    }
    let first = plain.start / CHUNK_PLAIN_BYTES as u64;
    let mut opened = open_chunks(key, first, wanted.end == object_bytes, cipher)?;
    let skip = (plain.start - first * CHUNK_PLAIN_BYTES as u64) as usize;
    opened.truncate(skip + (plain.end - plain.start) as usize);
    opened.drain(..skip);
    Ok(opened)
}
