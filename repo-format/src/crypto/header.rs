//! The text header of an age v1 file: written and parsed strictly as C2SP `age.md` says.
//!
//! For: [`super::seal`] and [`super::open`] (the age crate keeps its own header types private). Data comes
//! as stanzas or bytes and leaves as the other. Never: unwraps a key or trusts a byte; every size is bounded
//! before anything is kept.

use age_core::format::Stanza;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::{CryptoError, FileKey, MAX_HEADER_BYTES, MAX_STANZAS, hkdf};

const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const STANZA_START: &[u8] = b"-> ";
const MAC_START: &[u8] = b"--- ";
const BODY_COLUMNS: usize = 64;

/// A parsed header, not yet authenticated.
pub(super) struct ParsedHeader<'a> {
    pub(super) stanzas: Vec<Stanza>,
    /// Offset just after the header's last newline: where the payload nonce starts.
    pub(super) end: usize,
    authenticated: &'a [u8],
    mac: Vec<u8>,
}

/// The header's text for these stanzas, authenticated with `file_key`.
pub(super) fn write(stanzas: &[Stanza], file_key: &FileKey) -> Vec<u8> {
    let mut out = VERSION_LINE.to_vec();
    for stanza in stanzas {
        write_stanza(stanza, &mut out);
    }
    out.extend_from_slice(b"---");
    let mac = hmac::sign(&mac_key(file_key), &out);
    out.push(b' ');
    out.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(mac).as_bytes());
    out.push(b'\n');
    out
}

fn write_stanza(stanza: &Stanza, out: &mut Vec<u8>) {
    out.extend_from_slice(STANZA_START);
    out.extend_from_slice(stanza.tag.as_bytes());
    for arg in &stanza.args {
        out.push(b' ');
        out.extend_from_slice(arg.as_bytes());
    }
    out.push(b'\n');
    let body = BASE64_STANDARD_NO_PAD.encode(&stanza.body);
    for line in body.as_bytes().chunks(BODY_COLUMNS) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    // The last line must be short, empty if need be: it is what ends the body.
    if body.len().is_multiple_of(BODY_COLUMNS) {
        out.push(b'\n');
    }
}

/// Reads the header at the start of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<ParsedHeader<'_>, CryptoError> {
    let head = &bytes[..bytes.len().min(VERSION_LINE.len())];
    if !VERSION_LINE.starts_with(head) {
        return Err(CryptoError::Malformed("not an age v1 file"));
    }
    let mut lines = HeaderLines { bytes, at: 0 };
    lines.next()?;

    let mut stanzas = Vec::new();
    loop {
        let line_start = lines.at;
        let line = lines.next()?;
        if let Some(mac) = line.strip_prefix(MAC_START) {
            check_stanza_set(&stanzas)?;
            let mac = decode(mac)?;
            if mac.len() != 32 {
                return Err(CryptoError::Malformed("authentication code length"));
            }
            let authenticated = &bytes[..line_start + MAC_START.len() - 1];
            return Ok(ParsedHeader { stanzas, end: lines.at, authenticated, mac });
        }
        if stanzas.len() == MAX_STANZAS {
            return Err(CryptoError::Malformed("too many recipients"));
        }
        stanzas.push(parse_stanza(line, &mut lines)?);
    }
}

impl ParsedHeader<'_> {
    /// Checks the header's HMAC in constant time.
    pub(super) fn verify_mac(&self, file_key: &FileKey) -> Result<(), CryptoError> {
        hmac::verify(&mac_key(file_key), self.authenticated, &self.mac).map_err(|_| CryptoError::HeaderMac)
    }
}

fn mac_key(file_key: &FileKey) -> hmac::Key {
    let key = hkdf::expand(&hkdf::extract(&[], &[file_key.expose()]), &[b"header"]);
    hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
}

fn check_stanza_set(stanzas: &[Stanza]) -> Result<(), CryptoError> {
    if stanzas.is_empty() {
        return Err(CryptoError::Malformed("no recipient"));
    }
    // A passphrase file names nobody else, or whoever knows the other key could swap its content.
    if stanzas.len() > 1 && stanzas.iter().any(|stanza| stanza.tag == "scrypt") {
        return Err(CryptoError::Malformed("a passphrase stanza must be alone"));
    }
    Ok(())
}

fn parse_stanza(first_line: &[u8], lines: &mut HeaderLines<'_>) -> Result<Stanza, CryptoError> {
    let words = first_line.strip_prefix(STANZA_START).ok_or(CryptoError::Malformed("stanza start"))?;
    let mut words = words.split(|&byte| byte == b' ').map(visible_word);
    let tag = words.next().ok_or(CryptoError::Malformed("stanza tag"))??;
    let args = words.collect::<Result<Vec<_>, _>>()?;

    let mut encoded = Vec::new();
    loop {
        let line = lines.next()?;
        if line.len() > BODY_COLUMNS {
            return Err(CryptoError::Malformed("stanza line too long"));
        }
        encoded.extend_from_slice(line);
        if line.len() < BODY_COLUMNS {
            return Ok(Stanza { tag, args, body: decode(&encoded)? });
        }
    }
}

fn visible_word(word: &[u8]) -> Result<String, CryptoError> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_graphic) {
        return Err(CryptoError::Malformed("stanza argument"));
    }
    Ok(word.iter().copied().map(char::from).collect())
}

/// Canonical base64 without padding; the decoder refuses stray trailing bits.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, CryptoError> {
    BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| CryptoError::Malformed("base64"))
}

/// Cuts the header into lines without ever looking past [`MAX_HEADER_BYTES`].
struct HeaderLines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> HeaderLines<'a> {
    fn next(&mut self) -> Result<&'a [u8], CryptoError> {
        let rest = &self.bytes[self.at..self.bytes.len().min(MAX_HEADER_BYTES)];
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                self.at += end + 1;
                Ok(&rest[..end])
            }
            None if self.bytes.len() >= MAX_HEADER_BYTES => Err(CryptoError::Malformed("header too long")),
            None => Err(CryptoError::Truncated),
        }
    }
}
