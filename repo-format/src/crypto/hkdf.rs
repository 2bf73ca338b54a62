//! HKDF-SHA-256 (RFC 5869) for the two places age needs it: payload keys and HPKE.
//!
//! Data comes as key material and leaves as 32-byte keys. Never: more than one output block, which is all
//! that age asks for.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// A 32-byte pseudo-random key.
pub(super) type Key32 = Zeroizing<[u8; 32]>;

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Key32 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// HKDF-Extract over the concatenation of `parts`. An empty salt means 32 zero bytes (RFC 5869 §2.2).
pub(super) fn extract(salt: &[u8], parts: &[&[u8]]) -> Key32 {
    hmac_sha256(if salt.is_empty() { &[0; 32] } else { salt }, parts)
}

/// The first 32 bytes of HKDF-Expand with the concatenation of `info`.
pub(super) fn expand(prk: &Key32, info: &[&[u8]]) -> Key32 {
    let mut parts = info.to_vec();
    parts.push(&[1]);
    hmac_sha256(prk.as_slice(), &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, appendix A.1 and A.3 (first 32 bytes of the output).
    #[test]
    fn rfc5869_vectors() {
        let ikm = [0x0b; 22];
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let okm = expand(&extract(&salt, &[&ikm]), &[&info]);
        assert_eq!(hex::encode(*okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        let okm = expand(&extract(&[], &[&ikm]), &[]);
        assert_eq!(hex::encode(*okm), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    }
}
