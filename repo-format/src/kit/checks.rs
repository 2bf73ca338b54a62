//! Base32 and the check characters that locate a mistyped character on paper.
//!
//! For: the lines of the kit that a person may have to type. Data comes as symbols of 5 bits. Never: corrects
//! a typo by itself; it says in which group to look.
//!
//! The check of a group is a weighted sum over GF(32): with one check character any single wrong character
//! and any two swapped neighbours show; with two, any two wrong characters. The group's number is mixed in, so
//! that two swapped groups show as well.

/// RFC 4648 base32 alphabet, lower case: used for ids, the owner seed and every check character.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// BIP-173 alphabet: used by the identity line.
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// 5-bit value of a base32 character, in either case.
pub(super) fn base32_value(symbol: u8) -> Option<u8> {
    value_in(BASE32, symbol)
}

/// 5-bit value of a Bech32 data character, in either case.
pub(super) fn bech32_value(symbol: u8) -> Option<u8> {
    value_in(BECH32, symbol)
}

fn value_in(alphabet: &[u8; 32], symbol: u8) -> Option<u8> {
    (0u8..).zip(alphabet).find(|&(_, &known)| known == symbol.to_ascii_lowercase()).map(|(value, _)| value)
}

/// The character of a 5-bit value.
pub(super) fn base32_symbol(value: u8) -> char {
    char::from(BASE32[usize::from(value & 31)])
}

/// Unpadded base32 of `bytes` (RFC 4648, lower case).
pub(super) fn base32_encode(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let symbols = (bytes.len() * 8).div_ceil(5);
    let mut text = String::with_capacity(symbols);
    text.extend(
        (0..symbols)
            .map(|symbol| base32_symbol((0..5).fold(0, |value, at| value << 1 | bit(symbol * 5 + at)))),
    );
    text
}

/// Packs 5-bit `values` into exactly `out.len()` bytes. False if the count is wrong or spare bits are set.
pub(super) fn unpack(values: &[u8], out: &mut [u8]) -> bool {
    out.fill(0);
    let bits = out.len() * 8;
    if values.len() != bits.div_ceil(5) {
        return false;
    }
    let mut clean = true;
    for at in 0..values.len() * 5 {
        let bit = values[at / 5] >> (4 - at % 5) & 1;
        match out.get_mut(at / 8) {
            Some(byte) => *byte |= bit << (7 - at % 8),
            None => clean &= bit == 0,
        }
    }
    clean
}

/// `COUNT` check values of group number `number` (1 or 2 of them).
pub(super) fn check<const COUNT: usize>(values: &[u8], number: usize) -> [u8; COUNT] {
    std::array::from_fn(|which| {
        // Weights α^(position) and α^(2·position): a Reed–Solomon code over GF(32).
        let step = which + 1;
        let start = multiply(power(step), (number % 32) as u8);
        (1..).zip(values).fold(start, |sum, (position, &value)| sum ^ multiply(power(position * step), value))
    })
}

/// α^exponent in GF(32) = GF(2)[α] / (α⁵ + α² + 1).
fn power(exponent: usize) -> u8 {
    (0..exponent % 31).fold(1, |value, _| multiply(value, 2))
}

fn multiply(left: u8, right: u8) -> u8 {
    (0..5).rev().fold(0, |sum: u8, bit| {
        let doubled = sum << 1;
        let reduced = if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 };
        if right >> bit & 1 == 1 { reduced ^ left } else { reduced }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_round_trip_and_rfc4648_vector() {
        assert_eq!(base32_encode(b"foobar"), "mzxw6ytboi");
        let values: Vec<u8> = "MZXW6ytboi".bytes().filter_map(base32_value).collect();
        let mut out = [0; 6];
        assert!(unpack(&values, &mut out));
        assert_eq!(&out, b"foobar");
        assert!(!unpack(&values[1..], &mut out));
        let mut spare = values.clone();
        spare[9] |= 1;
        assert!(!unpack(&spare, &mut out));
    }

    #[test]
    fn multiplication_is_a_field() {
        for left in 1..32 {
            let mut seen: Vec<u8> = (1..32).map(|right| multiply(left, right)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (1..32).collect::<Vec<_>>());
        }
    }

    /// Every pair of wrong characters in a group of six shows with two check characters.
    #[test]
    fn two_checks_show_two_wrong_characters() {
        let group = [3, 14, 15, 9, 26, 5];
        let good: [u8; 2] = check(&group, 4);
        for (first, second) in [(0, 1), (0, 5), (2, 3), (4, 5)] {
            for a in 0..32 {
                for b in 0..32 {
                    let mut typed = group;
                    (typed[first], typed[second]) = (a, b);
                    assert_eq!(check::<2>(&typed, 4) == good, typed == group);
                }
            }
        }
    }

    #[test]
    fn one_check_shows_swapped_neighbours_and_swapped_groups() {
        let good: [u8; 1] = check(&[1, 2, 3, 4], 1);
        assert_ne!(check::<1>(&[2, 1, 3, 4], 1), good);
        assert_ne!(check::<1>(&[1, 2, 4, 3], 1), good);
        assert_ne!(check::<1>(&[1, 2, 3, 4], 2), good);
    }
}
