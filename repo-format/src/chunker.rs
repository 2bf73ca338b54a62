//! Where content is cut: FastCDC for files, fixed pages for databases (FORMAT.md §6.4).
//!
//! For: turning a buffer into chunk lengths. Never reads a file. The gear table is secret and per device;
//! that is defence in depth only, boundaries are hidden by packs and padding.

use fastcdc::v2020::{Normalization, cut_gear, select_masks};

use serde::{Deserialize, Serialize};

use crate::error::{Result, malformed};
use crate::id::parse_decimal;

/// How a file was cut, as recorded in its manifest entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Cut {
    /// One chunk.
    #[default]
    Whole,
    /// FastCDC with these bounds, in bytes.
    Cdc {
        /// Smallest chunk.
        min: u32,
        /// Average chunk.
        avg: u32,
        /// Largest chunk.
        max: u32,
    },
    /// Fixed chunks aligned to multiples of `size`.
    Paged {
        /// Chunk size in bytes.
        size: u32,
    },
    /// The file is a slice of a chunk that it shares with its neighbours.
    Group,
}

impl Cut {
    /// Text of the manifest's `cut` field.
    pub fn to_text(self) -> String {
        match self {
            Self::Whole => "whole".into(),
            Self::Cdc { min, avg, max } => format!("cdc:{min}:{avg}:{max}"),
            Self::Paged { size } => format!("paged:{size}"),
            Self::Group => "group".into(),
        }
    }

    /// Reads the manifest's `cut` field.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || malformed("cut", "unknown way of cutting");
        let number = |t: Option<&str>| {
            t.and_then(parse_decimal).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).ok_or_else(wrong)
        };
        let mut parts = text.split(':');
        let cut = match parts.next() {
            Some("whole") => Self::Whole,
            Some("group") => Self::Group,
            Some("paged") => Self::Paged { size: number(parts.next())? },
            Some("cdc") => Self::Cdc {
                min: number(parts.next())?,
                avg: number(parts.next())?,
                max: number(parts.next())?,
            },
            _ => return Err(wrong()),
        };
        if parts.next().is_some() { Err(wrong()) } else { Ok(cut) }
    }
}

/// FastCDC (Xia et al. 2020) with a secret gear table.
pub struct ContentCutter {
    min: usize,
    avg: usize,
    max: usize,
    masks: [u64; 4],
    gear: Box<[u64; 256]>,
    gear_shifted: Box<[u64; 256]>,
}

impl ContentCutter {
    /// Smallest chunk written by this version.
    pub const MIN: usize = 512 << 10;
    /// Average chunk written by this version.
    pub const AVG: usize = 1 << 20;
    /// Largest chunk written by this version.
    pub const MAX: usize = 2 << 20;

    /// Prepares a cutter with the default bounds and a device's gear table.
    pub fn new(gear: Box<[u64; 256]>) -> Self {
        let (small, large) = select_masks(Self::AVG, Normalization::Level1);
        let gear_shifted = Box::new(gear.map(|g| g << 1));
        let masks = [small, large, small << 1, large << 1];
        Self { min: Self::MIN, avg: Self::AVG, max: Self::MAX, masks, gear, gear_shifted }
    }

    /// What to record in the manifest.
    pub fn cut_recorded() -> Cut {
        Cut::Cdc { min: Self::MIN as u32, avg: Self::AVG as u32, max: Self::MAX as u32 }
    }

    /// Length of the next chunk of `data`. The caller gives at least [`Self::MAX`] bytes, or all that is left.
    pub fn next(&self, data: &[u8]) -> usize {
        if data.len() <= self.min {
            return data.len();
        }
        let [small, large, small_shifted, large_shifted] = self.masks;
        let (_, cut) = cut_gear(
            data,
            self.min,
            self.avg,
            self.max,
            small,
            large,
            small_shifted,
            large_shifted,
            self.gear.as_slice(),
            self.gear_shifted.as_slice(),
        );
        cut.clamp(1, data.len())
    }
}

/// Page-aligned chunks of databases written by this version, in bytes.
pub const PAGED_CHUNK_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, SeededRandom};

    fn noise(bytes: usize) -> Vec<u8> {
        let mut out = vec![0; bytes];
        SeededRandom::new(b"chunker").fill(&mut out);
        out
    }

    fn cuts(cutter: &ContentCutter, mut data: &[u8]) -> Vec<usize> {
        let mut out = Vec::new();
        while !data.is_empty() {
            let n = cutter.next(data);
            out.push(n);
            data = &data[n..];
        }
        out
    }

    #[test]
    fn an_insertion_moves_few_boundaries() {
        let cutter = ContentCutter::new(Box::new(std::array::from_fn(|i| {
            u64::from_le_bytes(blake3::hash(&[i as u8]).as_bytes()[..8].try_into().unwrap())
        })));
        let data = noise(24 << 20);
        let mut shifted = data.clone();
        shifted.splice(1000..1000, [1, 2, 3]);
        let ends = |cuts: &[usize], from_end: usize| {
            let mut at = 0;
            cuts.iter()
                .map(|c| {
                    at += c;
                    from_end - at
                })
                .collect::<std::collections::BTreeSet<_>>()
        };
        let a = ends(&cuts(&cutter, &data), data.len());
        let b = ends(&cuts(&cutter, &shifted), shifted.len());
        assert!(a.intersection(&b).count() + 3 >= a.len(), "{a:?} {b:?}");
        assert!(cuts(&cutter, &data).iter().all(|c| *c <= ContentCutter::MAX));
    }

    #[test]
    fn the_recorded_cut_reads_back() {
        for cut in [Cut::Whole, Cut::Group, Cut::Paged { size: 16384 }, ContentCutter::cut_recorded()] {
            assert_eq!(Cut::parse(&cut.to_text()).unwrap(), cut);
        }
        for bad in ["", "cdc:1:2", "paged:0", "paged:1:2", "zip"] {
            assert!(Cut::parse(bad).is_err());
        }
    }
}
