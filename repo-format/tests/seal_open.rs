//! Sealing and opening, against the age crate and against damage.
//!
//! Idea: what we seal the age crate opens byte for byte, and the reverse; nothing altered ever opens.
#![cfg(feature = "crypto")]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::io::{Read, Write};
use std::iter;

use proptest::prelude::*;
use scelle_format::crypto::open::{PayloadKey, open_payload};
use scelle_format::crypto::{
    AgeHeader, CHUNK_CIPHER_BYTES, CryptoError, MAX_STANZAS, PqIdentity, PqRecipient, SealBuffer,
    cipher_range, open_bytes, open_header, open_range, passphrase, plain_bytes_of, seal_bytes,
    sealed_bytes_for,
};
use scelle_format::random::{Random, SeededRandom};
use secrecy::{ExposeSecret, SecretString};

const SIZES: [usize; 9] = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_001];

fn identity(seed: &[u8]) -> PqIdentity {
    PqIdentity::generate(&mut SeededRandom::new(seed))
}

fn plain(bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    SeededRandom::new(b"plain").fill(&mut out);
    out
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    seal_bytes(&[identity(b"a").recipient()], plain, &mut SeededRandom::new(b"seal")).unwrap()
}

fn age_open(file: &[u8], identity: &PqIdentity) -> Vec<u8> {
    let mut out = Vec::new();
    let file = age::Decryptor::new_buffered(file).unwrap();
    file.decrypt(iter::once(identity as &dyn age::Identity)).unwrap().read_to_end(&mut out).unwrap();
    out
}

fn age_seal(plain: &[u8], recipients: &[PqRecipient]) -> Vec<u8> {
    let recipients = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let mut writer = age::Encryptor::with_recipients(recipients).unwrap().wrap_output(Vec::new()).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

#[test]
fn the_age_crate_opens_what_we_seal_and_we_what_it_seals() {
    let (a, b) = (identity(b"a"), identity(b"b"));
    for bytes in SIZES {
        let plain = plain(bytes);
        let ours = seal_bytes(&[a.recipient(), b.recipient()], &plain, &mut SeededRandom::new(b"s")).unwrap();
        assert_eq!(age_open(&ours, &a), plain, "{bytes}");
        assert_eq!(age_open(&ours, &b), plain, "{bytes}");
        assert_eq!(open_bytes(&ours, &[&b], bytes as u64).unwrap(), plain, "{bytes}");

        let theirs = age_seal(&plain, &[a.recipient(), b.recipient()]);
        assert_eq!(open_bytes(&theirs, &[&identity(b"c"), &b], bytes as u64).unwrap(), plain, "{bytes}");
    }
}

#[test]
fn sizes_are_known_beforehand() {
    for bytes in SIZES {
        let header = AgeHeader::new(&[identity(b"a").recipient()], &mut SeededRandom::new(b"s")).unwrap();
        let header_bytes = header.header_bytes();
        let mut buffer = SealBuffer::new(header, bytes);
        buffer.write(&plain(bytes));
        assert_eq!(buffer.plain_bytes(), bytes as u64);
        let sealed = buffer.seal();
        assert_eq!(sealed.header_bytes, header_bytes);
        assert_eq!(sealed.bytes.len() as u64, sealed_bytes_for(header_bytes as u64, bytes as u64));
        assert_eq!(plain_bytes_of(header_bytes as u64, sealed.bytes.len() as u64), Some(bytes as u64));
    }
}

#[test]
fn payload_lengths_that_no_age_file_has() {
    let chunk = CHUNK_CIPHER_BYTES as u64;
    for payload in [0, 1, 15, chunk + 1, chunk + 15, chunk + 16, 2 * chunk + 16] {
        assert_eq!(plain_bytes_of(100, 100 + payload), None, "{payload}");
    }
    assert_eq!(plain_bytes_of(100, 99), None);
    assert_eq!(plain_bytes_of(100, 116), Some(0));
    assert_eq!(plain_bytes_of(100, 100 + chunk + 17), Some(65_537));
}

#[test]
fn the_payload_key_and_its_file_key_open_without_an_identity() {
    let mut buffer = SealBuffer::new(
        AgeHeader::new(&[identity(b"a").recipient()], &mut SeededRandom::new(b"s")).unwrap(),
        0,
    );
    buffer.write(&plain(70_000));
    let mut sealed = buffer.seal();
    let nonce = *sealed.bytes[..sealed.header_bytes].last_chunk().unwrap();
    let again = PayloadKey::derive(sealed.key.file_key(), &nonce);
    let (first, second) = sealed.bytes[sealed.header_bytes..].split_at_mut(CHUNK_CIPHER_BYTES);
    assert!(again.open_chunk(1, true, &mut first.to_vec()).is_err());
    assert!(again.open_chunk(0, true, &mut first.to_vec()).is_err());
    assert_eq!(again.open_chunk(0, false, first).unwrap(), &plain(70_000)[..65_536]);
    assert_eq!(sealed.key.open_chunk(1, true, second).unwrap(), &plain(70_000)[65_536..]);
}

#[test]
fn every_damaged_byte_is_noticed() {
    let (identity, good) = (identity(b"a"), sealed(b"Ordonnance du 3 mars"));
    let payload = open_header(&good, &[&identity]).unwrap().header_bytes;
    let opens = |file: &[u8]| open_bytes(file, &[&identity], u64::MAX).is_ok();
    assert!(opens(&good));
    for at in 0..good.len() {
        // All bits of the payload, one bit of each header byte (the header is text under one HMAC).
        let bits = if at >= payload { 0..8 } else { at % 8..at % 8 + 1 };
        for bit in bits {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(!opens(&bad), "byte {at}, bit {bit}");
        }
    }
    for kept in 0..good.len() {
        assert!(!opens(&good[..kept]), "cut to {kept}");
    }
    for extra in [1, 15, 16, 17, 65_552] {
        assert!(!opens(&[good.as_slice(), &vec![0; extra]].concat()), "{extra} bytes more");
    }
}

#[test]
fn chunks_cannot_be_dropped_swapped_or_repeated() {
    let identity = identity(b"a");
    let good = sealed(&plain(3 * 65_536));
    let head = open_header(&good, &[&identity]).unwrap().header_bytes;
    let chunks: Vec<&[u8]> = good[head..].chunks(CHUNK_CIPHER_BYTES).collect();
    assert_eq!(chunks.len(), 3);
    let with = |order: &[usize]| {
        let body: Vec<u8> = order.iter().flat_map(|&at| chunks[at].to_vec()).collect();
        open_bytes(&[&good[..head], &body].concat(), &[&identity], u64::MAX)
    };
    assert!(with(&[0, 1, 2]).is_ok());
    for order in [&[0, 1][..], &[0], &[1, 2], &[0, 2], &[1, 0, 2], &[0, 1, 2, 2], &[0, 0, 1, 2], &[2]] {
        assert!(matches!(with(order), Err(CryptoError::PayloadAuth { .. })), "{order:?}");
    }
    assert_eq!(with(&[]), Err(CryptoError::Truncated));
}

#[test]
fn kinds_of_failure() {
    let (a, b) = (identity(b"a"), identity(b"b"));
    let good = sealed(b"x");
    let head = open_header(&good, &[&a]).unwrap().header_bytes;
    let error = |file: &[u8]| open_bytes(file, &[&a], u64::MAX).unwrap_err();

    assert_eq!(open_bytes(&good, &[&b], 1).unwrap_err(), CryptoError::NoMatch);
    assert_eq!(open_bytes(&good, &[], 1).unwrap_err(), CryptoError::NoMatch);
    assert_eq!(
        open_bytes(&good, &[&a], 0).unwrap_err(),
        CryptoError::TooLarge { plain_bytes: 1, max_plain_bytes: 0 }
    );
    assert_eq!(error(b""), CryptoError::Truncated);
    assert_eq!(error(&good[..100]), CryptoError::Truncated);
    assert_eq!(error(&good[..head - 1]), CryptoError::Truncated);
    assert_eq!(error(&good[..good.len() - 1]), CryptoError::PayloadAuth { chunk: 0 });
    assert!(matches!(error(b"age-encryption.org/v2\n"), CryptoError::Malformed(_)));

    // Another recipient pasted into the header: the stanza opens, the HMAC does not hold.
    let text = String::from_utf8_lossy(&good[..head - 16]).into_owned();
    let grease = text.replacen("\n-> ", "\n-> x-grease\n\n-> ", 1);
    assert_eq!(error(&[grease.as_bytes(), &good[head - 16..]].concat()), CryptoError::HeaderMac);
}

#[test]
fn hostile_headers_stay_within_the_limits() {
    let identity = identity(b"a");
    let error = |file: &[u8]| open_header(file, &[&identity]).err();
    let many = format!("age-encryption.org/v1\n{}", "-> x\n\n".repeat(MAX_STANZAS + 1));
    assert_eq!(error(many.as_bytes()), Some(CryptoError::Malformed("too many recipients")));
    let long = format!("age-encryption.org/v1\n-> {}", "a".repeat(1 << 20));
    assert_eq!(error(long.as_bytes()), Some(CryptoError::Malformed("header too long")));
    let body = format!("age-encryption.org/v1\n-> a\n{}", format!("{}\n", "A".repeat(64)).repeat(5000));
    assert_eq!(error(body.as_bytes()), Some(CryptoError::Malformed("header too long")));

    let recipient = identity.recipient();
    let too_many = vec![recipient; MAX_STANZAS + 1];
    assert!(matches!(
        AgeHeader::new(&too_many, &mut SeededRandom::new(b"s")),
        Err(CryptoError::RecipientCount)
    ));
    assert!(matches!(AgeHeader::new(&[], &mut SeededRandom::new(b"s")), Err(CryptoError::RecipientCount)));
}

#[test]
fn recipient_strings() {
    let recipient = identity(b"a").recipient();
    let text = recipient.to_string();
    assert!(text.starts_with("age1pq1"));
    assert_eq!(text.len(), 1959);
    assert_eq!(PqRecipient::parse(&text).unwrap(), recipient);
    let secret = identity(b"a").to_secret_string();
    assert_eq!(PqIdentity::parse(secret.expose_secret()).unwrap().recipient(), recipient);
    assert_eq!(PqRecipient::parse(secret.expose_secret()), Err(CryptoError::BadRecipient));
    assert!(matches!(PqIdentity::parse(&text), Err(CryptoError::BadIdentity)));
    let last = if text.ends_with('q') { "p" } else { "q" };
    assert_eq!(
        PqRecipient::parse(&format!("{}{last}", &text[..text.len() - 1])),
        Err(CryptoError::BadRecipient)
    );
    assert!(!format!("{recipient:?}").contains("age1pq1"));
    assert_eq!(
        hex::encode(recipient.sha256()),
        hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
    );
}

/// 3329 and above are not ML-KEM coefficients (FIPS 203 §7.2, "modulus check").
#[test]
fn unreduced_recipients_are_refused() {
    let bytes = [0xff; 1216];
    let text = age_core::primitives::bech32_encode(bech32::Hrp::parse_unchecked("age1pq"), &bytes);
    assert_eq!(PqRecipient::parse(&text), Err(CryptoError::BadRecipient));
    // A null X25519 half parses but adds nothing: sealing to it is refused.
    let mut half = [0; 1216];
    half[..1184].fill(0);
    let text = age_core::primitives::bech32_encode(bech32::Hrp::parse_unchecked("age1pq"), &half);
    let null = PqRecipient::parse(&text).unwrap();
    assert_eq!(seal_bytes(&[null], b"", &mut SeededRandom::new(b"s")), Err(CryptoError::BadRecipient));
}

#[test]
fn phrases_seal_and_open() {
    let sealed =
        passphrase::seal_with_phrase(&SecretString::from("Élève abaisser zoologie"), b"secret").unwrap();
    let open = |phrase: &str| passphrase::open_with_phrase(&SecretString::from(phrase), &sealed);
    assert_eq!(open("eleve-ABAISSER\n zoologie").unwrap(), b"secret");
    assert_eq!(open("eleve abaisser zoologi"), Err(CryptoError::NoMatch));
    assert!(String::from_utf8_lossy(&sealed[..100]).contains(" 18\n"));
    let costly = String::from_utf8_lossy(&sealed).replacen(" 18\n", " 21\n", 1);
    let costly = passphrase::open_with_phrase(&SecretString::from("x"), costly.as_bytes());
    assert_eq!(costly, Err(CryptoError::ExcessiveWork { log_n: 21 }));
}

/// Frozen: the same seed gives the same file for ever (SHA-256 of the sealed bytes).
#[test]
fn golden_file() {
    let sha256 = |bytes: &[u8]| hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes));
    assert_eq!(
        sha256(identity(b"a").recipient().to_string().as_bytes()),
        "04e32758f997fa62c6da2353d701fedd6daecef5436c2a6dbcbed5cf5732175b"
    );
    assert_eq!(
        sha256(&sealed(b"Ordonnance du 3 mars")),
        "10e76ed85258363740299f855fe8ce0fd82387077370d081732b2d6cfdbdabae"
    );
    assert_eq!(
        sha256(&sealed(&plain(200_000))),
        "7e2f6eb1e776e849c26d17067afa9738743b76e5aa8c425cea29ae7af5940851"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn written_in_any_pieces(pieces in prop::collection::vec(0usize..90_000, 0..6), capacity in 0usize..400_000) {
        let whole = plain(pieces.iter().sum());
        let header = AgeHeader::new(&[identity(b"a").recipient()], &mut SeededRandom::new(b"seal")).unwrap();
        let mut buffer = SealBuffer::new(header, capacity);
        let mut rest = whole.as_slice();
        for piece in pieces {
            let (now, later) = rest.split_at(piece);
            buffer.write(now);
            rest = later;
        }
        prop_assert_eq!(buffer.seal().bytes, sealed(&whole));
    }

    #[test]
    fn any_range_opens_from_just_its_chunks(bytes in 0u64..300_000, a in 0u64..300_000, b in 0u64..300_000) {
        let whole = plain(bytes as usize);
        let object = sealed(&whole);
        let opened = open_header(&object, &[&identity(b"a")]).unwrap();
        let (header_bytes, object_bytes) = (opened.header_bytes as u64, object.len() as u64);
        let range = a.min(b).min(bytes)..a.max(b).min(bytes);
        let cipher = cipher_range(header_bytes, object_bytes, range.clone());
        prop_assert!(cipher.end - cipher.start <= (range.end - range.start).div_ceil(65_536) * 65_552 + 65_552);
        let cut = &object[cipher.start as usize..cipher.end as usize];
        let got = open_range(&opened.key, header_bytes, object_bytes, range.clone(), cut).unwrap();
        prop_assert_eq!(&got, &whole[range.start as usize..range.end as usize]);
        prop_assert_eq!(
            open_range(&opened.key, header_bytes, object_bytes, range.start..bytes + 1, cut),
            Err(CryptoError::Range)
        );
        if !cut.is_empty() {
            let mut bad = cut.to_vec();
            bad[(a % cut.len() as u64) as usize] ^= 0x40;
            prop_assert!(open_range(&opened.key, header_bytes, object_bytes, range, &bad).is_err());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), keep in 0usize..2200) {
        let identity = identity(b"a");
        prop_assert!(open_bytes(&bytes, &[&identity], 1 << 20).is_err());
        let mut spliced = sealed(b"x");
        spliced.truncate(keep);
        spliced.extend_from_slice(&bytes);
        let opened = open_header(&spliced, &[&identity]);
        if let Ok(opened) = opened {
            let _ = open_payload(&opened, &spliced, 1 << 20);
        }
    }
}
