//! Windows names are 16-bit units that need not be valid UTF-16. WTF-8 (simonsapin.github.io/wtf-8) carries them as
//! bytes without loss: valid text is its UTF-8, a lone surrogate is the three bytes UTF-8 would forbid. Pure
//! conversion, both ways; used by the Windows platform files only.

/// 16-bit units to WTF-8.
pub fn from_wide(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut room = [0u8; 4];
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(letter) => bytes.extend_from_slice(letter.encode_utf8(&mut room).as_bytes()),
            Err(lone) => {
                let lone = lone.unpaired_surrogate();
                bytes.extend_from_slice(&[
                    0xE0 | (lone >> 12) as u8,
                    0x80 | (lone >> 6 & 0x3F) as u8,
                    0x80 | (lone & 0x3F) as u8,
                ]);
            }
        }
    }
    bytes
}

/// WTF-8 to 16-bit units; `None` when the bytes are no WTF-8 (a name from a Unix system).
pub fn to_wide(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(end) => std::str::from_utf8(&bytes[..end.valid_up_to()]).ok()?,
        };
        units.extend(valid.encode_utf16());
        bytes = &bytes[valid.len()..];
        match bytes {
            [] => {}
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, rest @ ..] => {
                units.push(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F));
                bytes = rest;
            }
            _ => return None,
        }
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::{from_wide, to_wide};

    #[test]
    fn every_sequence_of_units_comes_back() {
        let samples: [&[u16]; 6] = [
            &[],
            &[0x61, 0xE9, 0x20AC],
            &[0xD83D, 0xDE00],
            &[0xD800],
            &[0xDC00, 0xD800, 0x61],
            &[0xDBFF, 0xFFFF, 0xDFFF],
        ];
        for units in samples {
            assert_eq!(to_wide(&from_wide(units.iter().copied())).as_deref(), Some(units));
        }
        for lone in 0xD800..=0xDFFFu16 {
            assert_eq!(to_wide(&from_wide([lone])), Some(vec![lone]));
        }
        assert_eq!(from_wide([0xD83D, 0xDE00]), "😀".as_bytes());
    }

    #[test]
    fn foreign_bytes_are_refused() {
        for bytes in [&b"\xff"[..], b"a\xc3", b"\xed\xa0", b"\xed\xa0\x41", b"\xf5\x80\x80\x80"] {
            assert_eq!(to_wide(bytes), None);
        }
    }
}
