//! The dedup secret of a device and the keys derived from it.
//!
//! For: chunk ids, cut points and lookups that mean nothing to whoever only sees the store. Data comes as 32
//! random bytes and leaves as one independent key per purpose (BLAKE3 `derive_key`, one context each).
//! Never: opens data; a stolen dedup secret answers "was exactly this saved?" and nothing more.

use zeroize::Zeroizing;

use crate::random::Random;

/// 32 secret bytes and their generation number, which goes up when the secret is replaced after a theft.
pub struct DedupSecret {
    bytes: Zeroizing<[u8; 32]>,
    generation: u16,
}

impl DedupSecret {
    /// Takes the bytes; they are wiped when dropped.
    #[must_use]
    pub fn new(bytes: [u8; 32], generation: u16) -> Self {
        Self { bytes: Zeroizing::new(bytes), generation }
    }

    /// A new secret.
    pub fn generate(random: &mut dyn Random, generation: u16) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self { bytes, generation }
    }

    /// The secret bytes, for the device's keystore and the sealed copy in each root.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The generation number carried by trailers and index segments.
    #[must_use]
    pub fn generation(&self) -> u16 {
        self.generation
    }

    /// Key of the keyed BLAKE3 that names chunks.
    #[must_use]
    pub fn chunk_id_key(&self) -> [u8; 32] {
        blake3::derive_key("scelle 2026-11 chunk id", self.bytes.as_slice())
    }

    /// The secret gear table of content-defined chunking: 256 little-endian words of the BLAKE3 output stream.
    #[must_use]
    pub fn gear_table(&self) -> Box<[u64; 256]> {
        let mut hasher = blake3::Hasher::new_derive_key("scelle 2026-11 gear table");
        hasher.update(self.bytes.as_slice());
        let mut stream = hasher.finalize_xof();
        let mut table = Box::new([0; 256]);
        for word in table.iter_mut() {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            *word = u64::from_le_bytes(bytes);
        }
        table
    }

    /// Key of the path hash that cuts the manifest into hunks.
    #[must_use]
    pub fn boundary_key(&self) -> [u8; 32] {
        blake3::derive_key("scelle 2026-11 hunk boundary", self.bytes.as_slice())
    }

    /// Key of the tokens that stand for paths outside the seal.
    #[must_use]
    pub fn token_key(&self) -> [u8; 32] {
        blake3::derive_key("scelle 2026-11 token", self.bytes.as_slice())
    }

    /// Key of the local catalogue's hashes.
    #[must_use]
    pub fn catalog_key(&self) -> [u8; 32] {
        blake3::derive_key("scelle 2026-11 catalog", self.bytes.as_slice())
    }

    /// Commitment to the secret *and* its generation, published in the descriptor: a device that was given
    /// the wrong secret notices before it uploads everything again.
    #[must_use]
    pub fn check(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("scelle 2026-11 dedup secret check");
        hasher.update(self.bytes.as_slice());
        hasher.update(&self.generation.to_le_bytes());
        *hasher.finalize().as_bytes()
    }
}
