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
    if let [first, second, ..] = *plain {
        let z = zigzag(u16::from_le_bytes([first, second]), 0);
        (low[0], high[0]) = (z as u8, (z >> 8) as u8);
        let (low, high) = (low[1..].chunks_mut(BLOCK_WORDS), high[1..].chunks_mut(BLOCK_WORDS));
        // The same bytes one word later: no difference waits for the one before it, so that the compiler can vectorise.
        let words = plain[2..].chunks(2 * BLOCK_WORDS).zip(plain.chunks(2 * BLOCK_WORDS));
        let mut z = [0u16; BLOCK_WORDS];
        for ((low, high), (now, before)) in low.zip(high).zip(words) {
            for ((z, now), before) in z.iter_mut().zip(now.chunks_exact(2)).zip(before.chunks_exact(2)) {
                *z = zigzag(u16::from_le_bytes([now[0], now[1]]), u16::from_le_bytes([before[0], before[1]]));
            }
            for ((low, high), z) in low.iter_mut().zip(high).zip(&z) {
                (*low, *high) = (*z as u8, (*z >> 8) as u8);
            }
        }
    }
    if let (Some(out), [.., last]) = (odd.first_mut(), plain) {
        *out = *last;
    }
}

/// Words that go through registers at once.
const BLOCK_WORDS: usize = 256;

fn zigzag(now: u16, before: u16) -> u16 {
    let d = now.wrapping_sub(before);
    (d << 1) ^ (((d as i16) >> 15) as u16)
}

/// Undoes filter 1: `out` gets the same number of bytes as `filtered`.
pub fn undo_delta16(filtered: &[u8], out: &mut Vec<u8>) {
    // As above: every byte is written.
    out.resize(filtered.len(), 0);
    let words = filtered.len() / 2;
    let (low, rest) = filtered.split_at(words);
    let (high, odd) = rest.split_at(words);
    undo_words(0, low, high, out);
    if let (Some(last), Some(odd)) = (out.last_mut(), odd.first()) {
        *last = *odd;
    }
}

/// Undoes filter 1 piece by piece, each while it is in cache: what `each` gets is the content in order.
pub fn undo_delta16_in_pieces(filtered: &[u8], mut each: impl FnMut(&[u8])) {
    const PIECE_WORDS: usize = 16 << 10;
    let mut piece = [0; 2 * PIECE_WORDS];
    let words = filtered.len() / 2;
    let (low, rest) = filtered.split_at(words);
    let (high, odd) = rest.split_at(words);
    let mut word = 0;
    for (low, high) in low.chunks(PIECE_WORDS).zip(high.chunks(PIECE_WORDS)) {
        let piece = &mut piece[..2 * low.len()];
        word = undo_words(word, low, high, piece);
        each(piece);
    }
    each(odd);
}

/// Undoes words that follow `word`; returns the last.
fn undo_words(mut word: u16, low: &[u8], high: &[u8], out: &mut [u8]) -> u16 {
    let done = undo_eights(&mut word, low, high, out);
    let (low, high, out) = (&low[done..], &high[done..], &mut out[2 * done..]);
    // Two loops per block: the first has no chain from word to word, so that the compiler can vectorise it.
    let mut differences = [0u16; BLOCK_WORDS];
    let blocks = low.chunks(BLOCK_WORDS).zip(high.chunks(BLOCK_WORDS));
    for (pairs, (low, high)) in out.chunks_mut(2 * BLOCK_WORDS).zip(blocks) {
        for ((d, low), high) in differences.iter_mut().zip(low).zip(high) {
            let z = u16::from(*low) | u16::from(*high) << 8;
            *d = (z >> 1) ^ (z & 1).wrapping_neg();
        }
        for (pair, d) in pairs.chunks_exact_mut(2).zip(&differences) {
            word = word.wrapping_add(*d);
            pair.copy_from_slice(&word.to_le_bytes());
        }
    }
    word
}

/// Undoes as many words as fill whole registers; returns how many.
///
/// Eight differences are summed in three steps (each word plus its neighbour, plus the pair before, plus the four before),
/// so that only one addition of eight waits for the eight before.
#[cfg(target_arch = "x86_64")]
fn undo_eights(word: &mut u16, low: &[u8], high: &[u8], out: &mut [u8]) -> usize {
    use safe_arch::*;
    let (one, none) = (set_splat_i16_m128i(1), zeroed_m128i());
    let mut before = set_splat_i16_m128i(*word as i16);
    let (low, high) = (low.as_chunks::<8>().0, high.as_chunks::<8>().0);
    for ((low, high), out) in low.iter().zip(high).zip(out.as_chunks_mut::<16>().0) {
        let [low, high] = [low, high].map(|bytes| set_i64_m128i_s(i64::from_le_bytes(*bytes)));
        let z = unpack_low_i8_m128i(low, high);
        let sign = sub_i16_m128i(none, bitand_m128i(z, one));
        let mut words = bitxor_m128i(shr_imm_u16_m128i::<1>(z), sign);
        words = add_i16_m128i(words, byte_shl_imm_u128_m128i::<2>(words));
        words = add_i16_m128i(words, byte_shl_imm_u128_m128i::<4>(words));
        words = add_i16_m128i(words, byte_shl_imm_u128_m128i::<8>(words));
        words = add_i16_m128i(words, before);
        *out = words.into();
        let last = shuffle_ai_i16_h64all_m128i::<0xFF>(words);
        before = unpack_high_i64_m128i(last, last);
    }
    *word = extract_i16_as_i32_m128i::<0>(before) as u16;
    low.len() * 8
}

/// Other processors sum word by word.
#[cfg(not(target_arch = "x86_64"))]
fn undo_eights(_: &mut u16, _: &[u8], _: &[u8], _: &mut [u8]) -> usize {
    0
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
    fn pieces_are_the_whole() {
        for bytes in [0usize, 1, 2, 511, 32 << 10, (32 << 10) + 1, 100_003] {
            let plain: Vec<u8> = (0..bytes).map(|i| ((i * 7919) >> 3) as u8).collect();
            let (mut filtered, mut back) = (Vec::new(), Vec::new());
            apply_delta16(&plain, &mut filtered);
            undo_delta16_in_pieces(&filtered, |piece| back.extend_from_slice(piece));
            assert_eq!(back, plain);
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
