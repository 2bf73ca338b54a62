//! A small fast source of repeatable bytes (SplitMix64, Steele et al. 2014), the same on every machine and in
//! every version of this program. Never: for keys.

/// Repeatable randomness.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The product's upper half: uniform enough for test data, without a division.
        ((u128::from(self.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A size between half and one and a half of `mean`.
    pub fn around(&mut self, mean: u32) -> u32 {
        mean / 2 + self.below(u64::from(mean) + 1) as u32
    }

    /// One of a slice that is not empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let block = self.next_u64().to_le_bytes();
            part.copy_from_slice(&block[..part.len()]);
        }
    }
}
