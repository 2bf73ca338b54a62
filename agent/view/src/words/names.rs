//! How a name of a file is shown: the one rule for every list and sentence that holds one.
//!
//! Names come from snapshots as bytes, hostile ones too, and go to the screen. A name is shown as it is, unless it has
//! something that a terminal obeys, that hides, or that is no text; then the whole of it is quoted as shells read it:
//! `$'a\nb'`. What is shown names one name only, and may be typed back. Never: used in JSON, which has a quoting of its own.

/// A name or path as it can be shown on one line: as it is, or as `$'…'` with `\n`, `\t`, `\'`, `\\` and the bytes of
/// everything else that is not shown in octal (`\033`). A name that begins with `$'` itself is quoted too.
pub fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if !text.starts_with("$'") && text.chars().all(is_plain) => text.to_owned(),
        _ => quoted(name),
    }
}

fn quoted(name: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\'' | '\\' => text.extend(['\\', c]),
                c if is_plain(c) => text.push(c),
                c => push_octal(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_octal(&mut text, chunk.invalid());
    }
    text.push('\'');
    text
}

/// Three digits each: a digit that follows in the name is not taken for one of them.
fn push_octal(text: &mut String, bytes: &[u8]) {
    bytes.iter().for_each(|byte| text.push_str(&format!("\\{byte:03o}")));
}

/// Whether a character shows as itself: no control character, no line end, nothing that reorders or has no width. What
/// joins letters of a script or parts of an emoji (U+200C, U+200D) is part of the text.
fn is_plain(c: char) -> bool {
    let hides = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn plain_names_are_shown_as_they_are() {
        for name in [
            "Élodie Dupont.pdf",
            "l'été [1] $x \\ \"y\"",
            "Lefe\u{300}vre",
            "日本",
            "👩\u{200d}⚕",
            "a$'b",
            "\u{fffd}",
            "",
        ] {
            assert_eq!(shown(name.as_bytes()), name);
        }
    }

    #[test]
    fn what_a_terminal_obeys_or_hides_is_quoted() {
        let cases: [(&[u8], &str); 9] = [
            (b"\x1b]0;owned\x07\x1b[2Jx", r"$'\033]0;owned\007\033[2Jx'"),
            (b"a\nf 9 B fake.doc", r"$'a\nf 9 B fake.doc'"),
            (b"\t'\\\r", r"$'\t\'\\\015'"),
            (b"M\xfcller1", r"$'M\374ller1'"),
            (b"\x011", r"$'\0011'"),
            (b"$'a'", r"$'$\'a\''"),
            ("a\u{9b}31m".as_bytes(), r"$'a\302\23331m'"),
            ("x\u{202e}fdp.exe".as_bytes(), r"$'x\342\200\256fdp.exe'"),
            ("a\u{200b}b\u{2028}".as_bytes(), r"$'a\342\200\213b\342\200\250'"),
        ];
        for (name, expected) in cases {
            assert_eq!(shown(name), expected);
        }
    }

    /// Reads `$'…'` back as a shell does; anything else is the name.
    fn read_back(text: &str) -> Vec<u8> {
        let Some(inside) = text.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\'')) else {
            return text.as_bytes().to_vec();
        };
        let (mut bytes, mut rest) = (Vec::new(), inside.as_bytes());
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            if *first != b'\\' {
                assert_ne!(*first, b'\'');
                bytes.push(*first);
                continue;
            }
            let octal = rest.iter().take_while(|byte| (b'0'..=b'7').contains(byte)).take(3).count();
            let taken = octal.max(1);
            bytes.push(match rest[0] {
                b'n' => b'\n',
                b't' => b'\t',
                _ if octal > 0 => {
                    u8::from_str_radix(std::str::from_utf8(&rest[..octal]).unwrap(), 8).unwrap()
                }
                other => other,
            });
            rest = &rest[taken..];
        }
        bytes
    }

    /// Every name of up to four of these pieces: shown on one line of printable text, and readable back.
    #[test]
    fn what_is_shown_is_one_name_only() {
        let pieces: [&[u8]; 14] = [
            b"",
            b"a",
            b"7",
            b"'",
            b"$",
            b"\\",
            b"\n",
            b"\x1b",
            b"\x7f",
            b"\xff",
            b"\xc3",
            b"\xa9",
            b"\xe2\x80\xae",
            b" ",
        ];
        let mut names = vec![Vec::new()];
        for _ in 0..4 {
            names = names.iter().flat_map(|name| pieces.map(|piece| [name, piece].concat())).collect();
        }
        for name in names {
            let text = shown(&name);
            assert!(!text.chars().any(char::is_control), "{text:?}");
            assert_eq!(read_back(&text), name, "{text:?}");
        }
    }
}
