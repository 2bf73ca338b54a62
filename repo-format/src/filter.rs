//! Reversible transforms made on a frame before zstd (FORMAT.md §6.2).
//!
//! For: 16-bit images, whose neighbouring samples are alike while their bytes look random. Chosen by trial on
//! the content, never by file name.

use crate::error::{FormatError, Result};

/// Which transform a frame went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Filter {
    /// None.
    #[default]
    None,
    /// 16-bit delta, zigzag, byte shuffle.
    Delta16,
}

impl Filter {
    /// Id in trailers and locations.
    pub fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Delta16 => 1,
        }
    }

    /// Reads an id; an unknown one is an error, never a guess.
    pub fn from_id(id: u8) -> Result<Self> {
        match id {
            0 => Ok(Self::None),
            1 => Ok(Self::Delta16),
            id => Err(FormatError::UnknownFilter { id }),
        }
    }
}

/// Applies filter 1: `out` gets the same number of bytes as `plain`.
pub fn apply_delta16(plain: &[u8], out: &mut Vec<u8>) {
    let words = plain.len() / 2;
    // Every byte is written below: what an earlier frame left need not be wiped.
    out.resize(plain.len(), 0);
    let (low, rest) = out.split_at_mut(words);
    let (high, odd) = rest.split_at_mut(words);
    let mut previous = 0u16;
    // Blocks keep the differences in registers so that the compiler can vectorise both loops.
    let mut z = [0u16; 256];
    for ((low, high), block) in low.chunks_mut(256).zip(high.chunks_mut(256)).zip(plain.chunks(512)) {
        let n = low.len();
        let mut w = [0u16; 257];
        w[0] = previous;
        for (w, pair) in w[1..].iter_mut().zip(block.chunks_exact(2)) {
            *w = u16::from_le_bytes([pair[0], pair[1]]);
        }
        for i in 0..n.min(256) {
            let d = w[i + 1].wrapping_sub(w[i]);
            z[i] = (d << 1) ^ (((d as i16) >> 15) as u16);
        }
        for i in 0..n.min(256) {
            low[i] = z[i] as u8;
            high[i] = (z[i] >> 8) as u8;
        }
        previous = w[n];
    }
    if let (Some(out), [.., last]) = (odd.first_mut(), plain) {
        *out = *last;
    }
}

/// Undoes filter 1: `out` gets the same number of bytes as `filtered`.
pub fn undo_delta16(filtered: &[u8], out: &mut Vec<u8>) {
    let words = filtered.len() / 2;
    // As above: every byte is written.
    out.resize(filtered.len(), 0);
    let (low, rest) = filtered.split_at(words);
    let (high, odd) = rest.split_at(words);
    let mut word = 0u16;
    // Two loops per block: the first has no chain from word to word, so that the compiler can vectorise it.
    let mut differences = [0u16; 256];
    for ((pairs, low), high) in out.chunks_mut(512).zip(low.chunks(256)).zip(high.chunks(256)) {
        for ((d, low), high) in differences.iter_mut().zip(low).zip(high) {
            let z = u16::from(*low) | u16::from(*high) << 8;
            *d = (z >> 1) ^ (z & 1).wrapping_neg();
        }
        for (pair, d) in pairs.chunks_exact_mut(2).zip(&differences) {
            word = word.wrapping_add(*d);
            pair.copy_from_slice(&word.to_le_bytes());
        }
    }
    if let (Some(last), Some(odd)) = (out.last_mut(), odd.first()) {
        *last = *odd;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn undo_gives_back_every_byte(plain in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let (mut filtered, mut back) = (Vec::new(), Vec::new());
            apply_delta16(&plain, &mut filtered);
            prop_assert_eq!(filtered.len(), plain.len());
            undo_delta16(&filtered, &mut back);
            prop_assert_eq!(back, plain);
        }
    }

    #[test]
    fn the_documented_example_holds() {
        // words 1, 3, 2 → deltas 1, 2, −1 → zigzag 2, 4, 1; odd byte kept
        let mut out = Vec::new();
        apply_delta16(&[1, 0, 3, 0, 2, 0, 9], &mut out);
        assert_eq!(out, [2, 4, 1, 0, 0, 0, 9]);
        assert!(Filter::from_id(2).is_err());
    }
}
