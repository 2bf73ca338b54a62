//! Sealed parts of packs as they came from the store, and the chunks of them that a reader has opened.
//!
//! For: `fetch` and `reader`. A pack stands in memory once, as ciphertext; what is needed of it is opened where it is
//! used, while it is still in the processor's cache. Data comes from the store, hostile until a chunk's tag was checked.
//! Never: hands out a byte that was not authenticated.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use scelle_format::crypto::{
    CHUNK_CIPHER_BYTES, CHUNK_PLAIN_BYTES, CryptoError, OpenedHeader, open_chunks_into, plain_bytes_of,
};
use scelle_format::id::{ChunkId, PackId};
pub(super) use scelle_format::layout::PackName;
use scelle_format::pack::{Location, Trailer};

/// Consecutive payload chunks of one pack, and the key that opens them.
pub(super) struct SealedStretch {
    pub(super) header: Arc<OpenedHeader>,
    /// Number of the first chunk that is here.
    pub(super) first: u64,
    /// Whether the last chunk here is the pack's last.
    pub(super) ends_pack: bool,
    /// The chunks.
    pub(super) cipher: Bytes,
    /// Found by its hash: there is no better version of this pack.
    pub(super) is_intact: bool,
}

impl SealedStretch {
    /// Memory it holds.
    pub(super) fn bytes(&self) -> u64 {
        self.cipher.len() as u64
    }

    /// Where the pack's plaintext ends, as far as its length tells; `None` when the end is not here.
    pub(super) fn plain_end(&self) -> Option<u64> {
        let before = self.first * CHUNK_PLAIN_BYTES as u64;
        let here = plain_bytes_of(0, self.cipher.len() as u64).filter(|_| self.ends_pack)?;
        Some(before + here)
    }

    /// Chunks numbered `from..to`, fewer at the end, and whether the last of them is the pack's last.
    fn chunks(&self, from: u64, to: u64) -> Option<(&[u8], bool)> {
        let offset = |chunk: u64| {
            let chunk = usize::try_from(chunk.checked_sub(self.first)?).ok()?;
            chunk.checked_mul(CHUNK_CIPHER_BYTES)
        };
        let (start, end) = (offset(from)?, offset(to)?.min(self.cipher.len()));
        let chunks = self.cipher.get(start..end).filter(|chunks| !chunks.is_empty())?;
        Some((chunks, self.ends_pack && end == self.cipher.len()))
    }
}

/// The chunks that one reader opened last. Frames that follow each other share a chunk: it is opened once.
#[derive(Default)]
pub(super) struct Opened {
    pack: Option<PackName>,
    first: u64,
    plain_bytes: usize,
    room: Vec<u8>,
}

impl Opened {
    /// A range of the pack's plaintext, if it is here.
    pub(super) fn get(&self, pack: &PackName, range: &Range<u64>) -> Option<&[u8]> {
        if self.pack != Some(*pack) {
            return None;
        }
        let place = |at: u64| usize::try_from(at.checked_sub(self.first * CHUNK_PLAIN_BYTES as u64)?).ok();
        self.room[..self.plain_bytes].get(place(range.start)?..place(range.end)?)
    }

    /// Opens what holds `range`, whose length the caller has bounded.
    pub(super) fn open(
        &mut self,
        pack: &PackName,
        sealed: &SealedStretch,
        range: &Range<u64>,
    ) -> Result<(), CryptoError> {
        if self.get(pack, range).is_some() {
            return Ok(());
        }
        let from = range.start / CHUNK_PLAIN_BYTES as u64;
        let to = range.end.div_ceil(CHUNK_PLAIN_BYTES as u64);
        let kept = self.keep(pack, from);
        // Until all of it is opened, nothing is here.
        self.pack = None;
        let next = from + (kept / CHUNK_PLAIN_BYTES) as u64;
        let (cipher, ends_pack) = sealed.chunks(next, to).ok_or(CryptoError::Truncated)?;
        let needed = kept + cipher.len();
        if self.room.len() < needed {
            self.room.resize(needed, 0);
        }
        let given =
            open_chunks_into(&sealed.header.key, next, ends_pack, cipher, &mut self.room[kept..needed])?;
        (self.pack, self.first, self.plain_bytes) = (Some(*pack), from, kept + given);
        self.get(pack, range).map(drop).ok_or(CryptoError::Truncated)
    }

    /// Forgets a pack whose version turned out to be damaged.
    pub(super) fn forget(&mut self) {
        self.pack = None;
    }

    /// Moves the full chunks from number `from` on that are here to the front; how many bytes they are.
    fn keep(&mut self, pack: &PackName, from: u64) -> usize {
        let skip = from.checked_sub(self.first).filter(|_| self.pack == Some(*pack));
        let skip = skip.and_then(|chunks| usize::try_from(chunks).ok()?.checked_mul(CHUNK_PLAIN_BYTES));
        let Some(skip) = skip.filter(|skip| *skip < self.plain_bytes) else { return 0 };
        let kept = (self.plain_bytes - skip) / CHUNK_PLAIN_BYTES * CHUNK_PLAIN_BYTES;
        self.room.copy_within(skip..skip + kept, 0);
        kept
    }
}

/// The trailer at the end of a pack's plaintext.
pub(crate) fn trailer_of(plain: &[u8]) -> Option<Trailer> {
    let bytes = Trailer::bytes_from_end(plain.get(plain.len().checked_sub(8)?..)?).ok()?;
    Trailer::decode(plain.get(plain.len().checked_sub(bytes)?..)?).ok()
}

/// Where the trailer of a pack says that a chunk lies.
pub(super) fn locate(trailer: &Trailer, pack: PackId, id: &ChunkId) -> Option<Location> {
    for (frame_offset, frame, chunks) in trailer.walk() {
        let mut offset = 0;
        for chunk in chunks {
            if chunk.id == *id {
                return Some(Location {
                    id: *id,
                    pack,
                    frame_offset: u32::try_from(frame_offset).ok()?,
                    frame_bytes: frame.stored_bytes,
                    offset,
                    bytes: chunk.plain_bytes,
                    filter: frame.filter,
                });
            }
            offset += chunk.plain_bytes;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use scelle_format::crypto::{PqIdentity, open_header, seal_bytes};
    use scelle_format::id::PackKind;
    use scelle_format::id::Sha256;
    use scelle_format::random::OsRandom;

    use super::*;

    const CHUNK: u64 = CHUNK_PLAIN_BYTES as u64;

    fn sealed(plain: &[u8]) -> SealedStretch {
        let identity = PqIdentity::generate(&mut OsRandom);
        let bytes = seal_bytes(&[identity.recipient()], plain, &mut OsRandom).unwrap();
        let header = Arc::new(open_header(&bytes, &[&identity]).unwrap());
        let cipher = Bytes::from(bytes).slice(header.header_bytes..);
        SealedStretch { header, first: 0, ends_pack: true, cipher, is_intact: false }
    }

    #[test]
    fn ranges_come_back_in_any_order_and_damage_is_never_handed_out() {
        let plain: Vec<u8> = (0..CHUNK * 4 + 777).map(|n| ((n * 31) >> 3) as u8).collect();
        let mut whole = sealed(&plain);
        assert_eq!(whole.plain_end(), Some(plain.len() as u64));
        let pack = (PackKind::Data, PackId { epoch: 0, sha256: Sha256([1; 32]) });
        let mut opened = Opened::default();
        let end = plain.len() as u64;
        let ranges = [
            0..10,
            5..CHUNK + 1,
            CHUNK..CHUNK * 3 + 5,
            CHUNK * 3..end,
            end - 1..end,
            0..end,
            CHUNK - 1..CHUNK,
        ];
        for range in ranges {
            opened.open(&pack, &whole, &range).unwrap();
            let expected = &plain[range.start as usize..range.end as usize];
            assert!(opened.get(&pack, &range).unwrap() == expected, "{range:?}");
        }
        assert!(opened.open(&pack, &whole, &(end - 1..end + 1)).is_err());
        assert!(opened.open(&pack, &whole, &(end + CHUNK..end + CHUNK + 1)).is_err());

        // A part from the middle, and the same part when it is said to be the end.
        let cut = whole.cipher.slice(CHUNK_CIPHER_BYTES..CHUNK_CIPHER_BYTES * 3);
        let header = Arc::clone(&whole.header);
        let mut part = SealedStretch { header, first: 1, ends_pack: false, cipher: cut, is_intact: false };
        let mut opened = Opened::default();
        opened.open(&pack, &part, &(CHUNK + 3..CHUNK * 3)).unwrap();
        assert!(
            opened.get(&pack, &(CHUNK + 3..CHUNK * 3)).unwrap()
                == &plain[CHUNK as usize + 3..][..CHUNK as usize * 2 - 3]
        );
        assert!(opened.open(&pack, &part, &(0..3)).is_err());
        part.ends_pack = true;
        assert!(Opened::default().open(&pack, &part, &(CHUNK..CHUNK * 3)).is_err());

        // One bit: the chunk is refused, its neighbours are not, and nothing of before is handed out for it.
        let mut bytes = whole.cipher.to_vec();
        bytes[CHUNK_CIPHER_BYTES + 9] ^= 1;
        whole.cipher = bytes.into();
        let mut opened = Opened::default();
        opened.open(&pack, &whole, &(0..10)).unwrap();
        assert!(opened.open(&pack, &whole, &(5..CHUNK + 1)).is_err());
        assert!(opened.get(&pack, &(5..CHUNK + 1)).is_none());
        opened.open(&pack, &whole, &(CHUNK * 2..end)).unwrap();
        assert!(opened.get(&pack, &(CHUNK * 2..end)).unwrap() == &plain[CHUNK as usize * 2..]);
    }
}
