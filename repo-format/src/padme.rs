//! The Padmé ladder: lengths that leak only O(log log L) bits (FORMAT.md §3; Nikitin et al., PETS 2019).

/// `length` rounded up to the ladder.
pub fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let e = u64::from(length.ilog2());
    let s = u64::from(e.max(1).ilog2()) + 1;
    let z = e.saturating_sub(s);
    let step = 1u64 << z;
    length.div_ceil(step).saturating_mul(step)
}

/// How many bytes of padding follow `length` bytes so that the sum is on the ladder, at least `floor`, and the
/// gap is either 0 or enough for a skippable frame (8 bytes).
pub fn padding_for(length: u64, floor: u64) -> u64 {
    let target = padme(length.max(floor));
    match target - length {
        0 => 0,
        1..=7 => padme(target + 8) - length,
        gap => gap,
    }
}

#[cfg(test)]
mod tests {
    use super::{padding_for, padme};

    #[test]
    fn the_ladder_costs_at_most_twelve_percent_and_is_idempotent() {
        for length in (2..1_000_000u64).step_by(37) {
            let up = padme(length);
            assert!(up >= length && up <= length + length * 12 / 100 + 1, "{length} → {up}");
            assert_eq!(padme(up), up);
        }
        assert_eq!(padme(9), 10);
    }

    #[test]
    fn a_gap_always_holds_a_skippable_frame() {
        for length in 1..200_000u64 {
            let gap = padding_for(length, 4096);
            assert!(gap == 0 || gap >= 8, "{length}: {gap}");
            assert_eq!(padme(length + gap), length + gap);
        }
    }
}
