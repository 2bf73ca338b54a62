//! Signed notes: the specification's own example, golden values, and everything that must be refused.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use scelle_format::note::{MAX_SIGNATURES, MAX_TEXT_BYTES, NoteError, SigningKey, VerifyingKey, parse, sign};
use scelle_format::random::SeededRandom;

fn key(name: &str) -> SigningKey {
    SigningKey::generate(name, &mut SeededRandom::new(name.as_bytes())).unwrap()
}

fn vkey(key: &SigningKey) -> VerifyingKey {
    key.verifying_key().clone()
}

/// The example of the Go package golang.org/x/mod/sumdb/note, which signed-note.md standardises.
#[test]
fn the_go_example_verifies() {
    let vkey =
        VerifyingKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    let parsed = parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.text, text);
    assert_eq!(parsed.verified_by(std::slice::from_ref(&vkey)).unwrap(), [&vkey]);
}

#[test]
fn golden_note() {
    let key = key("scelle/abc/owner");
    assert_eq!(
        key.verifying_key().to_string(),
        "scelle/abc/owner+7909d0fa+AdN8wi5bqEaNLZfTiW9DldH5KmRNTT6NwqNBEQw2UQa6"
    );
    assert_eq!(
        sign("bonjour\n", &[&key]).unwrap(),
        "bonjour\n\n— scelle/abc/owner eQnQ+j/0GnJGHBQ94SjE9mapE6i//vAkP6mdlMbBQ6nGYE5Yzy7/O7PCS3P3YJmKrtLdV8hx4FNOk6YH815oY+eMhQc=\n"
    );
}

#[test]
fn vkeys_round_trip_and_are_checked() {
    let good = vkey(&key("scelle/abc/owner"));
    let text = good.to_string();
    assert_eq!(VerifyingKey::parse(&text).unwrap(), good);
    assert_eq!(VerifyingKey::parse(&text.replace("owner", "admin")), Err(NoteError::Key));
    assert_eq!(VerifyingKey::parse("scelle"), Err(NoteError::Key));
    let other = BASE64_STANDARD.encode([&[6], good.public_key().as_slice()].concat());
    assert_eq!(VerifyingKey::parse(&format!("a+00000000+{other}")), Err(NoteError::Algorithm(6)));
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\n", &"a".repeat(257)] {
        assert_eq!(VerifyingKey::new(name, [0; 32]), Err(NoteError::KeyName), "{name:?}");
    }
}

#[test]
fn seeds_rebuild_keys() {
    let first = key("scelle/abc/owner");
    let again = SigningKey::from_seed("scelle/abc/owner", first.seed()).unwrap();
    assert_eq!(vkey(&first), vkey(&again));
    assert_ne!(vkey(&first), vkey(&key("scelle/abd/owner")));
}

#[test]
fn unknown_signatures_are_tolerated_and_known_bad_ones_are_not() {
    let (owner, admin, device) = (key("scelle/abc/owner"), key("scelle/abc/admin"), key("scelle/abc/pc1"));
    let note = sign("un\n\ndeux\n", &[&owner, &admin]).unwrap();
    let ml_dsa = BASE64_STANDARD.encode([&[9, 9, 9, 9], vec![7; 2420].as_slice()].concat());
    let note = format!("{note}\u{2014} scelle/abc/owner-pq {ml_dsa}\n");
    let parsed = parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.text, "un\n\ndeux\n");
    assert_eq!(parsed.signatures.len(), 3);

    let known = [vkey(&device), vkey(&admin), vkey(&owner), vkey(&owner)];
    assert_eq!(parsed.verified_by(&known).unwrap(), [&known[1], &known[2]]);
    assert!(parsed.verified_by(&[vkey(&device)]).unwrap().is_empty());
    assert!(parsed.verified_by(&[]).unwrap().is_empty());

    let altered = parse(note.replacen("deux", "trois", 1).as_bytes()).unwrap();
    let bad = Err(NoteError::BadSignature { name: "scelle/abc/owner".into() });
    assert_eq!(altered.verified_by(&[vkey(&owner)]), bad);
    // Same name, another key: its id differs, so the line is a stranger's.
    let namesake = SigningKey::generate("scelle/abc/owner", &mut SeededRandom::new(b"other")).unwrap();
    assert!(parsed.verified_by(&[vkey(&namesake)]).unwrap().is_empty());
    // A short signature under a known id is bad, not unknown.
    let short = BASE64_STANDARD.encode([vkey(&owner).id().as_slice(), &[1; 63]].concat());
    let short = parse(format!("un\n\n\u{2014} scelle/abc/owner {short}\n").as_bytes()).unwrap();
    assert!(short.verified_by(&[vkey(&owner)]).is_err());
}

#[test]
fn malformed_notes_are_refused() {
    let owner = key("scelle/abc/owner");
    for text in ["", "sans fin de ligne", "tab\t\n", "nul\0\n", "retour\r\n", "del\u{7f}\n", "c1\u{85}\n"] {
        assert_eq!(sign(text, &[&owner]), Err(NoteError::Text), "{text:?}");
    }
    assert_eq!(sign("x\n", &[]), Err(NoteError::Signatures));
    assert_eq!(sign("x\n", &[&owner; MAX_SIGNATURES + 1]), Err(NoteError::TooLarge));
    let long = format!("{}\n", "a".repeat(MAX_TEXT_BYTES));
    assert_eq!(sign(&long, &[&owner]), Err(NoteError::TooLarge));
    assert!(sign(&long[1..], &[&owner]).is_ok());

    let note = sign("x\n", &[&owner]).unwrap();
    let line = note.rsplit("\n\n").next().unwrap();
    assert!(parse(note.as_bytes()).is_ok());
    assert!(parse(format!("x\n\n{}", line.repeat(MAX_SIGNATURES)).as_bytes()).is_ok());
    assert_eq!(
        parse(format!("x\n\n{}", line.repeat(MAX_SIGNATURES + 1)).as_bytes()),
        Err(NoteError::TooLarge)
    );
    assert_eq!(parse(format!("{long}\n{line}").as_bytes()), Err(NoteError::TooLarge));
    assert_eq!(parse(&vec![b'a'; 4 << 20]), Err(NoteError::TooLarge));
    assert_eq!(parse(b"\xff\n\n"), Err(NoteError::Text));
    for bad in [
        "",
        "x\n",
        "x\n\n",
        "x\n\n\n",
        "x\n\nfoo\n",
        note.trim_end(),
        &note.replace('\u{2014}', "-"),
        &note.replace("owner ", "owner  "),
        "x\n\n\u{2014} a AAAAAA==\n",
        "x\n\n\u{2014} a !!!!\n",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn signed_text_comes_back_and_no_changed_byte_verifies(text in "[ -~à-ÿ\n]{0,80}", at in 0usize..400, bit in 0u8..7) {
        let owner = key("scelle/abc/owner");
        let text = format!("{text}\n");
        let note = sign(&text, &[&owner]).unwrap();
        let known = [vkey(&owner)];
        let parsed = parse(note.as_bytes()).unwrap();
        prop_assert_eq!(&parsed.text, &text);
        prop_assert_eq!(parsed.verified_by(&known).unwrap().len(), 1);
        let mut bad = note.into_bytes();
        let at = at % bad.len();
        bad[at] ^= 1 << bit;
        if let Ok(parsed) = parse(&bad) {
            prop_assert!(!matches!(parsed.verified_by(&known), Ok(keys) if !keys.is_empty()));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(format!("x\n\n\u{2014} {}\n", String::from_utf8_lossy(&bytes)).as_bytes());
        let _ = VerifyingKey::parse(&String::from_utf8_lossy(&bytes));
    }
}
