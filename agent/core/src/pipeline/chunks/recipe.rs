//! How the frames of a file are made: level and filter, chosen from the content itself, never from the name.
//!
//! Cheap looks first: order-0 entropy tells what zstd could not shrink, the size of 16-bit differences tells images.
//! Only a candidate filter is tried for real, on a sample.

use scelle_format::Result;
use scelle_format::compress::Compressor;
use scelle_format::filter::Filter;

/// How to make a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Raw blocks: the content does not shrink.
    Raw,
    /// zstd at the default level after this filter.
    Zstd(Filter),
}

/// zstd level of all frames: with solid frames and the filter it beats level 3 in size and time.
pub const LEVEL: i32 = 1;
/// Small files from this size on are looked at each: images and scans get frames of their own.
pub const ALONE_BYTES: usize = 32 << 10;
/// Bytes looked at.
const SAMPLE_BYTES: usize = 16 << 10;
/// Bits per byte above which compression is hopeless (random bytes show 7.99 on a sample of this size).
const HOPELESS_BITS: f64 = 7.95;

/// Chooses for a frame that holds many files: raw only when it shrinks nowhere.
pub fn choose_mixed(plain: &[u8], compressor: &mut Compressor) -> Result<Recipe> {
    let (start, end) =
        (&plain[..plain.len().min(SAMPLE_BYTES)], &plain[plain.len().saturating_sub(SAMPLE_BYTES)..]);
    match choose(plain, compressor)? {
        Recipe::Raw if entropy_bits(start) > HOPELESS_BITS && entropy_bits(end) > HOPELESS_BITS => {
            Ok(Recipe::Raw)
        }
        Recipe::Raw => Ok(Recipe::Zstd(Filter::None)),
        other => Ok(other),
    }
}

/// Chooses for `plain`, from a sample out of its middle.
pub fn choose(plain: &[u8], compressor: &mut Compressor) -> Result<Recipe> {
    let sample = middle_of(plain);
    if looks_like_samples(sample) {
        let bare = compressor.frame(sample, LEVEL, Filter::None)?.len();
        let filtered = compressor.frame(sample, LEVEL, Filter::Delta16)?.len();
        if filtered * 100 < bare * 92 {
            return Ok(Recipe::Zstd(Filter::Delta16));
        }
    }
    if entropy_bits(sample) > HOPELESS_BITS { Ok(Recipe::Raw) } else { Ok(Recipe::Zstd(Filter::None)) }
}

/// How much of a chunk that the cutter ends here to keep, and whether it looks like 16-bit samples. Those are never cut in
/// two: the next chunk would begin with half a sample, and the filter would find nothing in it.
pub fn keep_samples_whole(chunk: &[u8], ends_file: bool) -> (usize, bool) {
    let samples = looks_like_samples(middle_of(chunk));
    let whole = if samples && !ends_file && chunk.len() > 1 { chunk.len() & !1 } else { chunk.len() };
    (whole, samples)
}

fn middle_of(plain: &[u8]) -> &[u8] {
    let start = (plain.len().saturating_sub(SAMPLE_BYTES) / 2) & !1;
    &plain[start..(start + SAMPLE_BYTES).min(plain.len())]
}

/// Whether neighbouring 16-bit words are mostly close: high bytes of their zigzag differences are small.
fn looks_like_samples(sample: &[u8]) -> bool {
    let words = sample.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let mut previous = 0u16;
    let close = words
        .map(|word| {
            let d = word.wrapping_sub(std::mem::replace(&mut previous, word)) as i16;
            usize::from(d.unsigned_abs() < 512)
        })
        .sum::<usize>();
    sample.len() >= 512 && close * 2 * 10 >= sample.len() * 6
}

fn entropy_bits(sample: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    sample.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let total = sample.len().max(1) as f64;
    counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::random::{Random, SeededRandom};

    #[test]
    fn each_content_gets_its_recipe() {
        let mut compressor = Compressor::new(LEVEL);
        let mut noise = vec![0; 100_000];
        SeededRandom::new(b"recipe").fill(&mut noise);
        assert_eq!(choose(&noise, &mut compressor).unwrap(), Recipe::Raw);
        let text = "compte rendu de consultation, sans particularité. ".repeat(2000);
        assert_eq!(choose(text.as_bytes(), &mut compressor).unwrap(), Recipe::Zstd(Filter::None));
        let letter_and_scans = [&text.as_bytes()[..20_000], &noise, &noise].concat();
        assert_eq!(choose_mixed(&letter_and_scans, &mut compressor).unwrap(), Recipe::Zstd(Filter::None));
        assert_eq!(choose_mixed(&noise, &mut compressor).unwrap(), Recipe::Raw);
        let image: Vec<u8> = (0..50_000u32)
            .flat_map(|i| {
                (1000 + (i % 512) * 3 + u32::from(noise[i as usize] & 31)).to_le_bytes()[..2].to_vec()
            })
            .collect();
        assert_eq!(choose(&image, &mut compressor).unwrap(), Recipe::Zstd(Filter::Delta16));
        assert_eq!(keep_samples_whole(&image[..90_001], false), (90_000, true));
        assert_eq!(keep_samples_whole(&image[..90_001], true), (90_001, true));
        assert_eq!(keep_samples_whole(&text.as_bytes()[..90_001], false), (90_001, false));
    }
}
