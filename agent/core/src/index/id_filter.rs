//! A set of chunk ids in about two bytes each, which may say yes to an id it never saw, and never no to one it did.
//!
//! A blocked Bloom filter: each id has one block of 512 bits, a cache line, and six bits in it. Ids are keyed hashes, so
//! their own bytes are the hash. Never: decides anything, the segment behind it does.

use scelle_format::id::ChunkId;

const BLOCK_WORDS: usize = 8;
const BLOCK_BITS: usize = 512;
/// Bits of an id. Small segments are many and get more, so that asking all of them stays cheap.
const BITS_PER_ID: usize = 12;
const BITS_PER_ID_SMALL: usize = 20;
const SMALL_IDS: u64 = 1 << 17;
const PROBES: u32 = 6;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdFilter {
    words: Vec<u64>,
}

impl IdFilter {
    /// An empty set with room for `ids`.
    pub fn with_room_for(ids: u64) -> Self {
        let each = if ids <= SMALL_IDS { BITS_PER_ID_SMALL } else { BITS_PER_ID };
        let blocks = (ids as usize * each).div_ceil(BLOCK_BITS).max(1);
        Self { words: vec![0; blocks * BLOCK_WORDS] }
    }

    /// Adds an id.
    pub fn insert(&mut self, id: &ChunkId) {
        let (block, probes) = self.places(id);
        for bit in probes {
            self.words[block + bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether the id may be in the set.
    pub fn may_hold(&self, id: &ChunkId) -> bool {
        let (block, mut probes) = self.places(id);
        probes.all(|bit| self.words[block + bit / 64] & (1 << (bit % 64)) != 0)
    }

    /// As it is written to disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Read back; `None` where the length is none a filter can have.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let sound = rest.is_empty() && !words.is_empty() && words.len().is_multiple_of(BLOCK_WORDS);
        sound.then_some(Self { words })
    }

    /// First word of the id's block, and the bits in it. Segments are sorted by the first bytes: later ones are used here.
    fn places(&self, id: &ChunkId) -> (usize, impl Iterator<Item = usize> + use<>) {
        let part = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| id.0[at + i]));
        let blocks = (self.words.len() / BLOCK_WORDS) as u128;
        let block = (u128::from(part(8)) * blocks) >> 64;
        let bits = part(16);
        let probe = move |n: u32| (bits >> (n * 9)) as usize % BLOCK_BITS;
        (block as usize * BLOCK_WORDS, (0..PROBES).map(probe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> ChunkId {
        ChunkId::of(&[5; 32], &n.to_le_bytes())
    }

    #[test]
    fn it_never_misses_and_is_seldom_wrong() {
        for (count, most_wrong_in_10_000) in [(50_000, 20), (400_000, 150)] {
            let mut filter = IdFilter::with_room_for(u64::from(count));
            (0..count).for_each(|n| filter.insert(&id(n)));
            let filter = IdFilter::from_bytes(&filter.to_bytes()).unwrap();
            assert!((0..count).all(|n| filter.may_hold(&id(n))));
            let wrong = (count..count + 100_000).filter(|n| filter.may_hold(&id(*n))).count();
            println!("{count} ids: {wrong} of 100 000 strangers pass");
            assert!(wrong <= most_wrong_in_10_000 * 10, "{wrong} of 100 000");
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        assert!(IdFilter::from_bytes(&[]).is_none());
        assert!(IdFilter::from_bytes(&[0; 63]).is_none());
        assert!(IdFilter::from_bytes(&[0; 72]).is_none());
    }
}
