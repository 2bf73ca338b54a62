//! What a person types finds what was meant, and no more.

use super::Pattern;

fn finds(typed: &str, path: &[u8]) -> bool {
    let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    };
    Pattern::parse(typed.as_ref()).unwrap().matches(directory, name)
}

#[track_caller]
fn assert_finds(typed: &str, yes: &[&str], no: &[&str]) {
    for path in yes {
        assert!(finds(typed, path.as_bytes()), "{typed:?} does not find {path:?}");
    }
    for path in no {
        assert!(!finds(typed, path.as_bytes()), "{typed:?} finds {path:?}");
    }
}

#[test]
fn part_of_a_name_is_enough() {
    assert_finds(
        "dupont",
        &["a/DUPONT Marie 1962.pdf", "mme dupont", "Dupont"],
        &["dupon", "dupont/x", "dup ont"],
    );
    assert_finds(" marie", &["DUPONT Marie 1962.pdf"], &["marie"]);
    assert_finds("1962.PDF", &["DUPONT Marie 1962.pdf"], &["1962pdf"]);
}

#[test]
fn capitals_and_accents_do_not_matter_in_one_sign_or_two() {
    let names = ["Lefèvre.doc", "Lefe\u{300}vre2.doc", "LEFÈVRE.DOC", "LEFE\u{300}VRE.doc", "lefevre.doc"];
    for typed in [
        "lefèvre",
        "LEFÈVRE",
        "lefe\u{300}vre",
        "Lefevre",
        "*lefèvre*",
        "lef?vre*",
        "lef[èx]vre*",
        "lef[a-f]vre*",
    ] {
        assert_finds(typed, &names, &["lefvre.doc", "lefoovre.doc"]);
    }
    assert_finds("ÇA", &["ça.txt", "c\u{327}a.txt"], &["sa.txt"]);
    assert_finds("οδος", &["ΟΔΟΣ", "οδοσ"], &["οδο"]);
    assert_finds("straße", &["STRAẞE"], &[]);
    assert_finds("ёлка", &["ЁЛКА", "е\u{308}лка"], &[]);
    // A sign of two parts that is no accent stays one character.
    assert_finds(
        "?.txt",
        &["が.txt", "か\u{3099}.txt", "각.txt", "é.txt", "œ.txt", "€.txt", "😀.txt"],
        &["ab.txt", ".txt"],
    );
}

#[test]
fn a_byte_that_is_no_text_is_one_character() {
    for typed in ["M?ller.txt", "*ller*", "ller", "m[u-z]ller.txt", "müller", "m???er.txt", "M*r.TXT"] {
        assert!(finds(typed, b"M\xfcller.txt"), "{typed}");
    }
    for typed in ["M??ller.txt", "Mller", "M[a-c]ller.txt"] {
        assert!(!finds(typed, b"M\xfcller.txt"), "{typed}");
    }
    assert!(finds("a??b", b"a\xff\x80b") && finds("a?b", b"a\x81b") && finds("?", b"\xff"));
}

#[cfg(unix)]
#[test]
fn a_byte_that_is_no_text_can_be_typed() {
    use std::os::unix::ffi::OsStrExt as _;
    let pattern = Pattern::parse(std::ffi::OsStr::from_bytes(b"m\xfcl")).unwrap();
    assert!(pattern.matches(b"", b"M\xfcller.txt") && pattern.matches(b"", "Müller".as_bytes()));
}

#[test]
fn a_name_typed_as_it_is_is_found_whatever_it_holds() {
    for name in [
        "a[b].txt",
        "a[b",
        "x]y",
        "x*y.txt",
        "w?.doc",
        "{1234-56}",
        "{a",
        "[!a]",
        "[]",
        "[",
        "a\u{1}b",
        "!",
        "a[1-",
    ] {
        assert_finds(name, &[name, &format!("deep/er/{name}")], &["other"]);
    }
    #[cfg(unix)]
    assert_finds("a\\b", &["a\\b"], &["ab"]);
    assert_finds("a[b].txt", &["ab.txt", "a[b].txt.bak"], &["ac.txt"]);
}

#[test]
fn patterns_are_for_the_whole_name() {
    assert_finds("*.dcm", &["x.dcm", "a/.DCM"], &["x.dcm.bak"]);
    assert_finds("scan?.tif", &["scan1.tif"], &["scan.tif", "scan12.tif", "ascan1.tif"]);
    assert_finds("[!a-c]x", &["dx", "-x"], &["ax", "bx", "x"]);
    assert_finds("[]a]x", &["]x", "ax"], &["bx"]);
    assert_finds("[a-]x", &["-x", "ax"], &["bx"]);
    assert_finds("*a*b*c", &["xaybzc", "abc"], &["acb"]);
}

#[test]
fn with_a_slash_it_is_part_of_a_path_that_ends_in_the_name() {
    let below = "data/cabinet/patients/dupont/scan.tif";
    assert_finds("patients/dup", &["data/cabinet/patients/Dupont"], &[below, "data/patients/x/dupont"]);
    assert_finds("/data/cabinet", &["data/cabinet", "data/cabinet2"], &[below, "x/data/cabinet"]);
    assert_finds("/data", &["data"], &["x/data", "data/x"]);
    assert_finds("patients/", &["data/patients"], &["data/patients/x"]);
    assert_finds("patients/*/*.tif", &[below], &["patients/x.tif", "patients/a/b/x.tif"]);
    assert_finds("/data/**/*.tif", &[below, "data/x.tif"], &["x/data/x.tif"]);
    assert_finds("/patients/*/*.tif", &[], &[below]);
    assert_finds("data/**/scan.tif", &[below, "x/data/scan.tif"], &["data/ascan.tif", "data/x/ascan.tif"]);
    assert_finds("/data/**", &[below, "data/x"], &["other/x"]);
    assert_finds("p?tients/dup", &[], &["data/patients/dupont"]);
}

#[cfg(windows)]
#[test]
fn windows_paths_are_understood() {
    assert_finds("C:\\Dossiers\\dup", &["C/Dossiers/Dupont"], &["D/C/Dossiers/Dupont"]);
    assert_finds("\\\\srv\\share", &["UNC/srv/share"], &["srv/share"]);
    assert_finds("dossiers\\*.tif", &["C/Dossiers/x.tif"], &["C/x.tif"]);
}

#[test]
fn what_names_nothing_is_refused() {
    for typed in ["", "/", "///"] {
        assert_eq!(Pattern::parse(typed.as_ref()).err().unwrap().code as u8, 2, "{typed:?}");
    }
}

#[test]
fn no_pattern_takes_long() {
    let typed = "*a".repeat(100) + "b";
    assert!(!finds(&typed, "a".repeat(255).as_bytes()));
}
