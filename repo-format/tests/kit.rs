//! The paper kit: printed, typed again, mistyped, and the keys derived from a dedup secret.
#![cfg(feature = "crypto")]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use aws_lc_rs::digest::{SHA256, digest};
use scelle_format::crypto::{DedupSecret, PqIdentity};
use scelle_format::kit::{Kit, KitError, KitLine, KitPublic};
use scelle_format::note::NoteError;
use scelle_format::phrase::Language;
use scelle_format::random::{Random, SeededRandom};
use secrecy::ExposeSecret;

fn kit() -> Kit {
    let mut kit = Kit::generate(&mut SeededRandom::new(b"kit")).unwrap();
    kit.places = vec!["https://s3.example.net bucket cabinet".into(), "Hébergeur : 01 23 45 67 89".into()];
    kit
}

fn page() -> String {
    kit().to_file_text(Language::French, "2026-11-21").expose_secret().to_owned()
}

fn error(text: &str) -> KitError {
    match Kit::parse(text) {
        Ok(_) => panic!("accepted"),
        Err(error) => error,
    }
}

fn same(left: &Kit, right: &Kit) {
    assert_eq!(left.repository, right.repository);
    assert_eq!(left.recovery.recipient(), right.recovery.recipient());
    assert_eq!(left.owner.seed(), right.owner.seed());
    assert_eq!(left.owner.verifying_key(), right.owner.verifying_key());
    assert_eq!(left.places, right.places);
}

/// `page` with the line that begins with `key` replaced.
fn with_line(key: &str, change: impl Fn(&str) -> String) -> String {
    let page = page();
    assert_eq!(page.lines().filter(|line| line.starts_with(key)).count(), 1, "{key}");
    page.lines()
        .map(|line| if line.starts_with(key) { change(line) + "\n" } else { format!("{line}\n") })
        .collect()
}

#[test]
fn golden_kit() {
    let kit = kit();
    assert_eq!(kit.repository, "7n2yi6kht44wdnwz53xy23jxbm");
    assert_eq!(
        kit.owner.verifying_key().to_string(),
        "scelle/7n2yi6kht44wdnwz53xy23jxbm/owner+b3a254de+ASHd35Gj2acojmn/mOof5+B++Uxz0eMF4tbVdXolRZ2T"
    );
    assert_eq!(
        hex::encode(kit.recovery.recipient().sha256()),
        "526c6984b5b8667927819ad40797cddfd1e615f3ac966fc30d3ebd68790045e2"
    );
    assert_eq!(
        hex::encode(digest(&SHA256, page().as_bytes())),
        "249c8ea103d0594d4af9c231a1b444bf090a95e6fd1feea9eaf95c618f0360c0"
    );
    assert_eq!(
        hex::encode(digest(&SHA256, kit.public().unwrap().to_text().as_bytes())),
        "463bbdf0a71484a65bff9822d11753262dce6e21462702ab11f07c4c5025fe1f"
    );
}

#[test]
fn a_printed_kit_reads_back() {
    same(&Kit::parse(&page()).unwrap(), &kit());
    let english = kit().to_file_text(Language::English, "2026-11-21");
    same(&Kit::parse(english.expose_secret()).unwrap(), &kit());
    assert_ne!(english.expose_secret(), page());
}

#[test]
fn a_page_is_in_one_language() {
    let english = kit().to_file_text(Language::English, "2026-11-21");
    let (english, french) = (english.expose_secret(), page());
    for (en, fr) in [
        ("SCELLÉ RECOVERY KIT", "KIT DE SECOURS SCELLÉ"),
        ("make a\n#    new kit.", "faites un nouveau kit."),
        ("This is also an age identity file", "Cette page est aussi un fichier d'identité age"),
    ] {
        assert!(english.contains(en) && !english.contains(fr), "{english}");
        assert!(french.contains(fr) && !french.contains(en), "{french}");
    }
}

#[test]
fn the_lines_with_a_meaning_are_a_kit_that_fits_into_a_code() {
    let mut kit = kit();
    kit.places = vec!["s3://bucket/prefix".into(), "https://s3.example".into()];
    let lines = kit.to_lines(Language::French);
    let read = Kit::parse(lines.expose_secret()).unwrap();
    same(&read, &kit);
    assert_eq!(read.places, kit.places);
    assert!(lines.expose_secret().len() < 500, "{}", lines.expose_secret().len());
}

#[test]
fn the_page_is_an_age_identity_file() {
    let page = page();
    let others: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(others.len(), 1);
    let recipient = PqIdentity::parse(others[0]).unwrap().recipient();
    assert_eq!(recipient, kit().recovery.recipient());
    assert!(page.lines().all(|line| line.chars().count() <= 100), "too wide to print");
}

#[test]
fn typing_habits_do_not_matter() {
    same(&Kit::parse(&page().replace('\n', "\r\n")).unwrap(), &kit());
    same(&Kit::parse(&format!("\u{feff}\n\n{}", page().replace('\n', "  \n\n"))).unwrap(), &kit());
    let mut lower = Kit::parse(&page().to_lowercase()).unwrap();
    lower.places = kit().places;
    same(&lower, &kit());
    let mut upper = Kit::parse(&page().to_uppercase()).unwrap();
    upper.places = kit().places;
    same(&upper, &kit());
    let spaced = with_line("AGE-SECRET", |line| {
        line.as_bytes().chunks(6).map(|part| String::from_utf8_lossy(part) + " ").collect()
    });
    same(&Kit::parse(&spaced).unwrap(), &kit());
    same(
        &Kit::parse(&with_line("# owner ", |line| format!("#owner {}", line[8..].replace('-', " "))))
            .unwrap(),
        &kit(),
    );
    // Only the lines that matter, typed by hand; without the check line as long as nothing is mistyped.
    let short: String = page()
        .lines()
        .filter(|line| {
            ["# scelle-kit", "# repository", "# owner", "# where", "AGE-"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    same(&Kit::parse(&short).unwrap(), &kit());
}

/// One wrong character anywhere in the identity line is located, whatever it was replaced with.
#[test]
fn a_mistyped_identity_is_located() {
    let prefix = "AGE-SECRET-KEY-PQ-1".len();
    let length = page().lines().last().unwrap().len();
    assert_eq!(length, prefix + 58);
    for at in 0..length {
        for wrong in ["Q", "P", "7", "B", "O", "8", "é", "#"] {
            if at == 0 && wrong == "#" {
                continue; // The line becomes a comment.
            }
            let text = with_line("AGE-SECRET", |line| format!("{}{wrong}{}", &line[..at], &line[at + 1..]));
            if text == page() {
                continue;
            }
            let group = if at < prefix { 0 } else { ((at - prefix) / 6 + 1) as u32 };
            assert_eq!(error(&text), KitError::Mistyped { line: KitLine::Identity, group }, "{at} {wrong}");
        }
    }
}

#[test]
fn a_lost_or_doubled_identity_character_is_located_from_its_group_on() {
    let prefix = "AGE-SECRET-KEY-PQ-1".len();
    for at in prefix..prefix + 58 {
        let lost = with_line("AGE-SECRET", |line| format!("{}{}", &line[..at], &line[at + 1..]));
        let doubled = with_line("AGE-SECRET", |line| format!("{}{}", &line[..=at], &line[at..]));
        for text in [lost, doubled] {
            let KitError::Mistyped { line: KitLine::Identity, group } = error(&text) else { panic!("{at}") };
            let expected = ((at - prefix) / 6 + 1) as u32;
            // Equal neighbours can hide the exact place for one group.
            assert!(group == expected || group == expected + 1, "{at}: {group}");
        }
    }
}

#[test]
fn a_mistyped_owner_line_is_located() {
    let start = "# owner ".len();
    for at in 0..13 * 6 - 1 {
        for wrong in ["a", "b", "7", "0", "1"] {
            let text = with_line("# owner ", |line| {
                let at = start + at;
                if &line[at..=at] == "-" {
                    line.to_owned()
                } else {
                    format!("{}{wrong}{}", &line[..at], &line[at + 1..])
                }
            });
            if text != page() {
                let group = (at / 6 + 1) as u32;
                assert_eq!(error(&text), KitError::Mistyped { line: KitLine::Owner, group }, "{at} {wrong}");
            }
        }
    }
    let cut = with_line("# owner ", |line| line[..line.len() - 6].to_owned());
    assert_eq!(error(&cut), KitError::Mistyped { line: KitLine::Owner, group: 13 });
    let swapped =
        with_line("# owner ", |line| format!("# owner {}-{}{}", &line[14..19], &line[8..13], &line[19..]));
    assert_eq!(error(&swapped), KitError::Mistyped { line: KitLine::Owner, group: 1 });
}

#[test]
fn a_mistyped_repository_or_fingerprint_is_noticed() {
    let repository = KitError::Mistyped { line: KitLine::Repository, group: 0 };
    for at in 13..13 + 26 {
        for wrong in ["a", "7", "1"] {
            let text = with_line("# repository", |line| format!("{}{wrong}{}", &line[..at], &line[at + 1..]));
            assert!(text == page() || error(&text) == repository, "{at} {wrong}");
        }
    }
    let text = with_line("# owner-fingerprint", |line| {
        let mut words: Vec<&str> = line.split(' ').collect();
        words[4] = "xyzzy";
        words.join(" ")
    });
    assert_eq!(error(&text), KitError::Mistyped { line: KitLine::OwnerFingerprint, group: 3 });
    // A different key with a good page: every line checks alone, together they do not.
    let other = Kit::generate(&mut SeededRandom::new(b"other")).unwrap();
    let other = other.to_file_text(Language::French, "");
    let foreign = other.expose_secret().lines().find(|line| line.starts_with("# owner ")).unwrap().to_owned();
    let text = with_line("# owner ", |_| foreign.clone());
    assert_eq!(error(&text), KitError::Mistyped { line: KitLine::OwnerFingerprint, group: 0 });
}

#[test]
fn what_is_not_a_kit() {
    assert_eq!(error(""), KitError::NotAKit);
    assert_eq!(error("bonjour"), KitError::NotAKit);
    assert_eq!(error(&page().repeat(2)), KitError::NotAKit);
    assert_eq!(error(&"#\n".repeat(40_000)), KitError::NotAKit);
    assert_eq!(error(&with_line("# scelle-kit", |_| "# scelle-kit v2".into())), KitError::Version);
    for (key, line) in [
        ("# repository", KitLine::Repository),
        ("# owner ", KitLine::Owner),
        ("# owner-fingerprint", KitLine::OwnerFingerprint),
        ("AGE-", KitLine::Identity),
    ] {
        assert_eq!(error(&with_line(key, |_| "#".into())), KitError::Missing(line));
    }
    let no_groups =
        with_line("# groups", |_| "#".into()).replace("AGE-SECRET-KEY-PQ-1", "AGE-SECRET-KEY-PQ-1B");
    assert_eq!(error(&no_groups), KitError::Missing(KitLine::Groups));
}

#[test]
fn places_cannot_add_lines() {
    let mut kit = kit();
    kit.places = vec!["a\nAGE-SECRET-KEY-PQ-1X\r# owner x".into()];
    let page = kit.to_file_text(Language::English, "x\n# scelle-kit v9");
    let again = Kit::parse(page.expose_secret()).unwrap();
    assert_eq!(again.places, ["a AGE-SECRET-KEY-PQ-1X # owner x"]);
}

#[test]
fn the_public_half() {
    let kit = kit();
    let public = kit.public().unwrap();
    assert_eq!(KitPublic::parse(public.to_text()).unwrap(), public);
    assert_eq!(KitPublic::parse(&public.to_text().replace('\n', "\r\n")).unwrap(), public);
    assert_eq!(public.recovery, kit.recovery.recipient());
    assert_eq!(&public.owner, kit.owner.verifying_key());
    assert!(!public.to_text().contains("SECRET"));

    let other = Kit::generate(&mut SeededRandom::new(b"other")).unwrap().public().unwrap();
    let forged = public.to_text().replace(&public.recovery.to_string(), &other.recovery.to_string());
    assert!(matches!(KitPublic::parse(&forged), Err(KitError::Note(NoteError::BadSignature { .. }))));
    let stolen = public.to_text().replace(&public.owner.to_string(), &other.owner.to_string());
    assert!(KitPublic::parse(&stolen).is_err());
    let renamed = public.to_text().replacen(&public.repository, &other.repository, 1);
    assert!(KitPublic::parse(&renamed).is_err());
    assert!(KitPublic::parse(&page()).is_err());
}

#[test]
fn golden_dedup_keys() {
    let secret = DedupSecret::new([7; 32], 3);
    assert_eq!(secret.generation(), 3);
    let keys = [
        secret.chunk_id_key(),
        secret.boundary_key(),
        secret.token_key(),
        secret.catalog_key(),
        secret.check(),
    ];
    let hexes = keys.map(|key| hex::encode(&key[..8]));
    assert_eq!(
        hexes,
        ["4046a68af408fc7d", "85b1fdfe3834f8d3", "8a06040fbe7cc804", "a95a4d9b532b7b3d", "e5232707d2a9f3a4"]
    );
    let gear = secret.gear_table();
    assert_eq!((gear[0], gear[255]), (14080582463100565176, 6621868555865494974));
    assert_ne!(DedupSecret::new([7; 32], 4).check(), secret.check());
    assert_eq!(DedupSecret::new([7; 32], 4).chunk_id_key(), secret.chunk_id_key());

    let mut expected = [0; 32];
    SeededRandom::new(b"dedup").fill(&mut expected);
    assert_eq!(DedupSecret::generate(&mut SeededRandom::new(b"dedup"), 1).expose(), &expected);
}
