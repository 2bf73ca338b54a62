//! The public age vectors (C2SP/CCTV, `age/testdata`), every one, through the age crate with our
//! post-quantum identity and through our own reader.
//!
//! The vectors lie beside the checkout, not in it; where they are absent the test says so.
#![cfg(feature = "crypto")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "what a test needs and does not get ends it")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use scelle_format::crypto::open::{open_header_with, open_payload};
use scelle_format::crypto::{CHUNK_CIPHER_BYTES, CryptoError, OpenedHeader, PqIdentity};
use secrecy::SecretString;

/// The kinds of the vectors' `expect` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Success,
    NoMatch,
    HmacFailure,
    HeaderFailure,
    PayloadFailure,
    ArmorFailure,
}

struct Vector {
    name: String,
    expect: Outcome,
    payload_sha256: Option<String>,
    identities: Vec<Box<dyn age::Identity>>,
    armored: bool,
    file: Vec<u8>,
}

fn testdata() -> Option<PathBuf> {
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    let folder = package.parent()?.parent()?.join("shared").join("data").join("cctv-age").join("testdata");
    folder.is_dir().then_some(folder)
}

impl Vector {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let split = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..split]).unwrap();
        let mut vector = Self {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            expect: Outcome::Success,
            payload_sha256: None,
            identities: Vec::new(),
            armored: false,
            file: bytes[split + 2..].to_vec(),
        };
        for line in head.lines() {
            let (key, value) = line.split_once(": ").unwrap();
            match (key, value) {
                ("expect", "success") => vector.expect = Outcome::Success,
                ("expect", "no match") => vector.expect = Outcome::NoMatch,
                ("expect", "HMAC failure") => vector.expect = Outcome::HmacFailure,
                ("expect", "header failure") => vector.expect = Outcome::HeaderFailure,
                ("expect", "payload failure") => vector.expect = Outcome::PayloadFailure,
                ("expect", "armor failure") => vector.expect = Outcome::ArmorFailure,
                ("compressed", "zlib") => vector.file = inflate(&vector.file),
                ("payload", hash) => vector.payload_sha256 = Some(hash.to_owned()),
                ("identity", key) => vector.identities.push(identity(key)),
                ("passphrase", phrase) => vector.identities.push(passphrase(phrase)),
                ("armored", "yes") => vector.armored = true,
                ("file key" | "comment", _) => {}
                unknown => panic!("{}: unknown line {unknown:?}", vector.name),
            }
        }
        vector
    }

    fn identities(&self) -> Vec<&dyn age::Identity> {
        self.identities.iter().map(AsRef::as_ref).collect()
    }

    fn check(&self, reader: &str, outcome: Outcome, released: &[u8]) {
        assert_eq!(outcome, self.expect, "{} through {reader}", self.name);
        if matches!(outcome, Outcome::Success | Outcome::PayloadFailure) {
            let sha256 = hex::encode(digest(&SHA256, released));
            assert_eq!(
                Some(&sha256),
                self.payload_sha256.as_ref(),
                "{} through {reader}: payload",
                self.name
            );
        }
    }
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn identity(key: &str) -> Box<dyn age::Identity> {
    if key.starts_with("AGE-SECRET-KEY-PQ-1") {
        Box::new(PqIdentity::parse(key).unwrap())
    } else {
        Box::new(age::x25519::Identity::from_str(key).unwrap())
    }
}

fn passphrase(phrase: &str) -> Box<dyn age::Identity> {
    let mut identity = age::scrypt::Identity::new(SecretString::from(phrase));
    identity.set_max_work_factor(16);
    Box::new(identity)
}

/// Our own reader: the header, then chunk by chunk, so that what is released before a failure is seen.
fn through_ours(vector: &Vector) -> (Outcome, Vec<u8>) {
    let opened = match open_header_with(&vector.file, &vector.identities()) {
        Ok(opened) => opened,
        Err(CryptoError::NoMatch) => return (Outcome::NoMatch, Vec::new()),
        Err(CryptoError::HeaderMac) => return (Outcome::HmacFailure, Vec::new()),
        Err(CryptoError::Malformed(_) | CryptoError::Truncated | CryptoError::ExcessiveWork { .. }) => {
            return (Outcome::HeaderFailure, Vec::new());
        }
        Err(other) => panic!("{}: {other:?}", vector.name),
    };
    match open_payload(&opened, &vector.file, u64::MAX) {
        Ok(plain) => (Outcome::Success, plain),
        Err(CryptoError::PayloadAuth { .. } | CryptoError::Truncated) => {
            let released = what_a_streaming_reader_releases(&opened, &vector.file[opened.header_bytes..]);
            (Outcome::PayloadFailure, released)
        }
        Err(other) => panic!("{}: {other:?}", vector.name),
    }
}

/// The vectors' payload hashes are written for readers that stream: those release each chunk before they know
/// what follows. Ours knows the length and returns nothing of a damaged file, so its chunks are opened by hand.
fn what_a_streaming_reader_releases(opened: &OpenedHeader, payload: &[u8]) -> Vec<u8> {
    let mut released = Vec::new();
    for (index, chunk) in payload.chunks(CHUNK_CIPHER_BYTES).enumerate() {
        let open = |last| {
            let mut chunk = chunk.to_vec();
            opened.key.open_chunk(index as u64, last, &mut chunk).map(|plain| plain.to_vec())
        };
        let middle = if chunk.len() == CHUNK_CIPHER_BYTES { open(false).ok() } else { None };
        let ends_here = middle.is_none();
        released.extend(middle.or_else(|| open(true).ok()).unwrap_or_default());
        if ends_here {
            break;
        }
    }
    released
}

/// The age crate with our identity.
fn through_age(vector: &Vector) -> (Outcome, Vec<u8>) {
    use age::DecryptError as E;
    let armor_error = |error: &std::io::Error| {
        error.get_ref().is_some_and(|inner| inner.is::<age::armor::ArmoredReadError>())
    };
    let reader = age::armor::ArmoredReader::new(vector.file.as_slice());
    let decrypted =
        age::Decryptor::new_buffered(reader).and_then(|file| file.decrypt(vector.identities().into_iter()));
    let mut released = Vec::new();
    let outcome = match decrypted {
        Ok(mut plain) => match plain.read_to_end(&mut released) {
            Ok(_) => Outcome::Success,
            Err(error) if armor_error(&error) => Outcome::ArmorFailure,
            Err(_) => Outcome::PayloadFailure,
        },
        Err(E::Io(error)) if armor_error(&error) => Outcome::ArmorFailure,
        Err(E::InvalidMac) => Outcome::HmacFailure,
        Err(E::NoMatchingKeys | E::DecryptionFailed | E::KeyDecryptionFailed) => Outcome::NoMatch,
        Err(E::InvalidHeader | E::UnknownFormat | E::ExcessiveWork { .. } | E::Io(_)) => {
            Outcome::HeaderFailure
        }
        Err(other) => panic!("{}: {other:?}", vector.name),
    };
    (outcome, released)
}

/// Where the age crate itself, by its own test suite, differs from the vectors: it still reads stanzas without
/// a short last line, and takes a file without the exact armor marker for a binary one.
fn known_difference_of_the_age_crate(name: &str) -> Option<Outcome> {
    match name {
        "stanza_missing_body" | "stanza_missing_final_line" => Some(Outcome::Success),
        "armor_garbage_leading"
        | "armor_lowercase"
        | "armor_whitespace_begin"
        | "armor_wrong_type"
        | "armor_whitespace_outside" => Some(Outcome::HeaderFailure),
        _ => None,
    }
}

#[test]
fn every_cctv_vector() {
    let Some(folder) = testdata() else {
        eprintln!(
            "The CCTV vectors are not beside this checkout (../shared/data/cctv-age/testdata): nothing checked."
        );
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut ours = BTreeMap::<Outcome, usize>::new();
    let mut agecrate = BTreeMap::<Outcome, usize>::new();
    for vector in paths.iter().map(|path| Vector::read(path)) {
        let (outcome, released) = through_age(&vector);
        match known_difference_of_the_age_crate(&vector.name) {
            Some(known) => assert_eq!(outcome, known, "{}: the age crate changed", vector.name),
            None => vector.check("the age crate", outcome, &released),
        }
        *agecrate.entry(outcome).or_default() += 1;
        if !vector.armored {
            let (outcome, released) = through_ours(&vector);
            vector.check("our reader", outcome, &released);
            *ours.entry(outcome).or_default() += 1;
        }
    }
    eprintln!("our reader: {ours:?}; age crate: {agecrate:?}");
    assert_eq!(agecrate.values().sum::<usize>(), paths.len());
    let least = |outcome, count| {
        assert!(ours.get(&outcome).is_some_and(|&seen| seen >= count), "{outcome:?}: {ours:?}")
    };
    least(Outcome::Success, 18);
    least(Outcome::NoMatch, 12);
    least(Outcome::HmacFailure, 1);
    least(Outcome::HeaderFailure, 50);
    least(Outcome::PayloadFailure, 17);
}
