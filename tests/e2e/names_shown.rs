//! Whoever holds the key and sits at the terminal reads names; a file, a pipe or a journal gets tokens. Files that hold a
//! secret are named where they are written.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::{ffi::OsStrExt as _, fs::symlink};
use std::process::Stdio;

use e2e::{Place, Site, program, tools};
use serde_json::{Value, json};

/// What a command shows on a terminal of its own.
fn on_a_terminal(site: &Site, words: &[&str]) -> String {
    let typed: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let typed = format!("'{}' {}", program().display(), typed.join(" "));
    let mut script = site.agent.command_of("script".as_ref());
    script.args(["--quiet", "--return", "--command", &typed, "/dev/null"]).stdin(Stdio::null());
    let shown = script.output().unwrap();
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

#[test]
fn a_restore_names_what_it_could_not_restore_on_the_terminal_and_nowhere_else() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("Durand/scan.raw", e2e::noise(1, 400_000));
    site.backup(&source);
    source.file("Durand/scan.raw", e2e::noise(2, 400_000));
    source.file("Durand/later.txt", "later");
    site.backup(&source);
    for pack in site.objects("p/") {
        fs::remove_file(site.object(&pack)).unwrap();
    }
    let (to, kit) = (site.path("to"), site.kit());
    let (to, kit) = (to.to_str().unwrap(), kit.to_str().unwrap());
    let words = ["restore", "1", "--to", to, "--kit", kit];
    let shown = on_a_terminal(&site, &words);
    assert!(shown.contains("Durand/scan.raw: stored content missing or damaged"), "{shown}");
    assert!(!shown.contains("whois"), "{shown}");

    let piped = site.agent.expect(13, words);
    assert!(!format!("{piped}").contains("Durand"), "{piped}");
    assert!(piped.out().contains("bilan whois TOKEN"), "{piped}");
    // The token is one that `whois` knows, also of an older snapshot.
    let line = piped.err();
    let token =
        line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(token, _)| token).unwrap();
    let known = site.agent.ok(["bilan", "whois", token, "--kit", kit]);
    assert!(known.out().contains("Durand/scan.raw"), "{known}");
    // The note has neither.
    for name in site.objects("a/").into_iter().chain(site.objects("c/")) {
        let bytes = fs::read(site.object(&name)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("Durand"), "{name}");
    }
}

#[test]
fn files_with_a_secret_are_named_and_none_is_left_by_a_failure() {
    let site = Site::on_dir();
    let out = site.path("paper.txt");
    let made = site.agent.ok(["kit", "new", "--out", out.to_str().unwrap()]);
    assert!(made.out().contains("hold a secret: paper.txt, paper.txt.html."), "{made}");
    let secret = fs::read_to_string(&out).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    // Every file that holds it is named.
    for row in fs::read_dir(site.folder()).unwrap().flatten().filter(|row| row.path().is_file()) {
        let name = row.file_name().to_str().unwrap().to_owned();
        // The page has it in groups.
        let text =
            String::from_utf8_lossy(&fs::read(row.path()).unwrap()).replace("<i>", "").replace("</i>", "");
        let holds = text.replace(' ', "").contains(secret);
        assert_eq!(holds, ["paper.txt", "paper.txt.html"].contains(&name.as_str()), "{name}");
    }
    let said = site.agent.json(["kit", "new", "--out", site.path("more.txt").to_str().unwrap()]);
    assert_eq!(said["secret_files"], json!(["more.txt", "more.txt.html"]));
    // Something stands in the way of the page: no half of a kit stays.
    fs::write(site.path("third.txt.html"), "mine").unwrap();
    site.agent.expect(1, ["kit", "new", "--out", site.path("third.txt").to_str().unwrap()]);
    assert!(!site.path("third.txt").exists());
    assert_eq!(fs::read_to_string(site.path("third.txt.html")).unwrap(), "mine");
}

#[test]
fn an_init_that_nobody_can_answer_writes_nothing() {
    let site = Site::not_initialised(Place::dir);
    let (home, folder) = (site.agent.home().to_owned(), site.folder().to_owned());
    let before = tools::run("find", [folder.to_str().unwrap()]).stdout;
    let kit = site.path("born.txt");
    let refused = site.agent.expect(2, ["init", "--kit", kit.to_str().unwrap()]);
    assert!(refused.err().contains("--yes"), "{refused}");
    assert_eq!(tools::run("find", [folder.to_str().unwrap()]).stdout, before, "{refused}");
    assert!(!home.join("device.json").exists() && !kit.exists());
    let phrase = site.path("words.txt");
    let (kit, phrase) = (kit.to_str().unwrap(), phrase.to_str().unwrap());
    let made = site.agent.ok(["init", "--kit", kit, "--phrase-file", phrase, "--yes"]);
    assert!(made.out().contains("hold a secret: born.txt, born.txt.html, words.txt."), "{made}");
}

#[test]
fn checking_the_kit_warns_of_nothing_that_it_has_just_mended() {
    let site = Site::not_initialised(Place::dir);
    let (kit, public) = (site.kit(), site.path("kit.txt.pub"));
    let (kit, public) = (kit.to_str().unwrap(), public.to_str().unwrap());
    site.agent.ok(["kit", "new", "--out", kit]);
    site.agent.ok(["init", "--kit-public", public]);
    let is_told = || site.agent.ok(["snapshots"]).err().contains("has not signed");
    assert!(is_told());
    let unsigned = site.agent.ok(["keys", "check-kit", "--kit", kit]);
    assert!(unsigned.err().contains("--confirm"), "{unsigned}");
    let signed = site.agent.ok(["keys", "check-kit", "--kit", kit, "--confirm"]);
    assert!(signed.err().is_empty(), "{signed}");
    assert!(!is_told());
    let again = site.agent.ok(["keys", "check-kit", "--kit", kit]);
    assert!(again.err().is_empty(), "{again}");
}

/// A title and a cleared screen, a line that looks like an entry, a byte of Latin-1, a name that reads backwards.
const HOSTILE: [(&[u8], &str); 4] = [
    (b"\x1b]0;owned\x07\x1b[2Jx", r"\033]0;owned\007\033[2Jx"),
    (b"a\nf      9 B  2026-01-01 00:00  fake.xls", r"a\nf      9 B  2026-01-01 00:00  fake.xls"),
    (b"M\xfcller x", r"M\374ller x"),
    ("x\u{202e}cod.exe".as_bytes(), r"x\342\200\256cod.exe"),
];

#[test]
fn a_name_neither_speaks_to_the_terminal_nor_makes_a_line_of_its_own() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("plain x", "content");
    site.backup(&source);
    for (name, _) in HOSTILE {
        source.file(OsStr::from_bytes(name), "content");
    }
    symlink(OsStr::from_bytes(HOSTILE[0].0), source.path("link x")).unwrap();
    site.backup(&source);
    let (root, to, kit) = (source.root().to_str().unwrap(), site.path("to"), site.kit());
    let (to, kit) = (to.to_str().unwrap(), kit.to_str().unwrap());
    let lists = [
        vec!["ls", "2", root],
        vec!["find", "x"],
        vec!["restore", "2", "--to", to, "--dry-run"],
        vec!["diff", "1", "2"],
    ];
    for words in lists {
        let words = [&words[..], &["--kit", kit]].concat();
        for text in [site.agent.ok(&words).out(), on_a_terminal(&site, &words).replace('\r', "")] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{words:?}: {text:?}");
            for (_, name) in HOSTILE {
                let whole = format!("$'{}/{name}'", root.trim_start_matches('/'));
                assert_eq!(
                    text.lines().filter(|line| line.ends_with(&whole)).count(),
                    1,
                    "{words:?}: {whole}\n{text}"
                );
            }
        }
    }
    let listed = site.agent.ok(["ls", "2", root, "--kit", kit]).out();
    assert_eq!(listed.lines().count(), 6, "{listed}");
    assert!(listed.contains(r"/link x -> $'\033]0;owned\007\033[2Jx'"), "{listed}");
    // JSON has a quoting of its own, and every byte.
    let paths =
        |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["path"].clone()).collect::<Vec<_>>();
    let listed = paths(&site.agent.json(["ls", "2", root, "--kit", kit]));
    let is_owned =
        |path: &Value| path.as_str().is_some_and(|path| path.ends_with("/\u{1b}]0;owned\u{7}\u{1b}[2Jx"));
    assert_eq!(listed.iter().filter(|path| is_owned(path)).count(), 1);
    assert_eq!(listed.iter().filter(|path| path["b64"].is_string()).count(), 1);
    let planned = site.agent.json(["restore", "2", "--to", to, "--dry-run", "--kit", kit]);
    assert!(listed.iter().all(|path| paths(&planned["entries"]).contains(path)), "{planned}");
}

#[test]
fn part_of_a_name_is_enough_to_find_it_and_nothing_found_is_said() {
    let site = Site::on_dir();
    let source = site.source("source");
    for name in
        ["DUPONT Marie 1962.pdf", "Lefèvre.doc", "Lefe\u{300}vre2.doc", "a[b].txt", "dossiers/x*y.txt"]
    {
        source.file(name, "content");
    }
    source.file(OsStr::from_bytes(b"M\xfcller.txt"), "content");
    site.backup(&source);
    let kit = site.kit();
    let kit = kit.to_str().unwrap();
    let patterns = [
        ("dupont", 1),
        ("marie", 1),
        ("*DUPONT*", 1),
        ("lefevre", 2),
        ("*lefèvre*", 2),
        ("LEFÈVRE.DOC", 1),
        ("M?ller.txt", 1),
        ("müller", 1),
        ("a[b].txt", 1),
        ("x*y.txt", 1),
        ("dossiers/x", 1),
        ("source/dossiers", 1),
        ("dupon?", 0),
        ("nobody", 0),
    ];
    for (typed, expected) in patterns {
        let found = site.agent.ok(["find", typed, "--kit", kit]);
        assert_eq!(found.out().lines().count(), expected, "{typed}: {found}");
        assert_eq!(
            found.err().contains("no name matches (snapshots looked through: 1)"),
            expected == 0,
            "{found}"
        );
    }
    let nothing = site.agent.ok(["find", "nobody", "--json", "--kit", kit]);
    assert_eq!(nothing.json(), json!([]), "{nothing}");
    assert_eq!(site.agent.ok(["find", "nobody", "--lang", "fr", "--kit", kit]).err().lines().count(), 1);
    site.agent.expect(2, ["find", "", "--kit", kit]);
}
