//! What goes in comes out: byte for byte and attribute for attribute, from a folder and from a real S3 engine.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use e2e::compare::{assert_same, differences};
use e2e::{Site, Tree, noise, tools};
use serde_json::Value;

/// A copy with every attribute, to compare with later.
fn copy_aside(site: &Site, source: &Tree, name: &str) -> PathBuf {
    let to = site.path(name);
    let arguments =
        ["-a".into(), "--sparse=always".into(), OsString::from(source.root()), OsString::from(&to)];
    tools::stdout_of(tools::run("cp", arguments));
    to
}

/// `restore SNAP [more…] --kit KIT --json`.
fn restore(site: &Site, snapshot: &str, more: &[&dyn AsRef<std::ffi::OsStr>]) -> Value {
    restore_with(site, 0, snapshot, more)
}

fn restore_with(site: &Site, code: i32, snapshot: &str, more: &[&dyn AsRef<std::ffi::OsStr>]) -> Value {
    let mut arguments = vec![OsString::from("restore"), snapshot.into(), "--json".into()];
    arguments.extend(more.iter().map(|argument| argument.as_ref().to_owned()));
    arguments.extend(site.with_kit());
    site.agent.expect(code, arguments).json()
}

fn a_working_day(source: &Tree) {
    source.edit(
        "tailles/texte.txt",
        "Une ligne ajoutée en tête.\r\n".to_owned() + &"Compte rendu.\r\n".repeat(9_000),
    );
    source.edit("tailles/1 octets.bin", "deux");
    source.edit("tailles/0 octets.bin", "plus vide");
    let mut grown = noise(70, 70_000_000);
    grown.splice(31_000_000..31_000_010, noise(1, 5_000));
    source.edit("imagerie/grande série.raw", grown);
    fs::remove_file(source.path("tailles/4096 octets.bin")).unwrap();
    fs::remove_dir_all(source.path("vides")).unwrap();
    fs::remove_file(source.path("liens/dossier bis.txt")).unwrap();
    fs::rename(source.path("liens/autre.txt"), source.path("tailles/renommé.txt")).unwrap();
    fs::remove_file(source.path("liens/boucle a")).unwrap();
    source.file("liens/boucle a", "un fichier là où était un lien");
    fs::remove_file(source.path("noms/CON")).unwrap();
    source.file("noms/CON/un dossier là où était un fichier", "x");
    source.mode("tailles/1 octets.bin", 0o400);
}

fn two_days_come_back(site: &Site) {
    let source = site.source("cabinet");
    source.fill_with_everything(1 << 30);
    source.fifo("liens/tube");
    source.socket("liens/prise");
    let first = copy_aside(site, &source, "jour 1");
    let told = site.backup(&source);
    assert_eq!(told["snapshot"], 1);
    assert_eq!(told["skipped"], 2, "a pipe and a socket: {told}");
    assert_eq!(told["problems"], 0, "{told}");

    a_working_day(&source);
    let second = copy_aside(site, &source, "jour 2");
    let told = site.backup(&source);
    assert_eq!(told["snapshot"], 2);

    for (snapshot, expected) in [("1", &first), ("2", &second)] {
        let to = site.path(&format!("retour {snapshot}"));
        site.restore(snapshot, &to);
        assert_same(expected, &site.restored(&to, source.root()));
    }

    // The kit alone, then the phrase alone, on computers that never saw this repository.
    for (name, key) in [("neuf avec kit", site.with_kit()), ("neuf avec phrase", site.with_phrase())] {
        let to = site.path(&format!("retour {name}"));
        let mut arguments =
            vec![OsString::from("restore"), "latest".into(), "--to".into(), OsString::from(&to)];
        arguments.extend(key);
        site.other_computer(name).ok(arguments);
        assert_same(&second, &site.restored(&to, source.root()));
    }
    site.agent.ok(["check", "--read-data", "all"]);
}

#[test]
fn two_days_come_back_from_a_folder() {
    two_days_come_back(&Site::on_dir_with_phrase());
}

#[test]
fn two_days_come_back_from_seaweedfs() {
    two_days_come_back(&Site::on_seaweed_with_phrase());
}

#[test]
fn one_path_comes_back_with_the_folders_that_lead_to_it() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("patients/2026/dossier.txt", "le dossier");
    source.file("patients/2026/autre.txt", "un autre");
    source.file("comptes/livre.txt", "rien à voir");
    source.mode("patients", 0o710);
    source.mode("patients/2026", 0o2750);
    source.modified("patients/2026", 1_000_000_000, 123_456_789);
    source.modified("patients", 1_000_000_001, 987_654_321);
    site.backup(&source);

    let to = site.path("retour");
    let told = restore(&site, "1", &[&source.path("patients/2026/dossier.txt"), &"--to", &to]);
    assert_eq!(told["files"], 1, "{told}");
    let back = site.restored(&to, source.root());
    assert_eq!(fs::read(back.join("patients/2026/dossier.txt")).unwrap(), "le dossier".as_bytes());
    assert!(!back.join("patients/2026/autre.txt").exists());
    assert!(!back.join("comptes").exists());
    for folder in ["patients", "patients/2026"] {
        let (was, is) =
            (fs::metadata(source.path(folder)).unwrap(), fs::metadata(back.join(folder)).unwrap());
        assert_eq!(is.mode(), was.mode(), "{folder}");
        assert_eq!((is.mtime(), is.mtime_nsec()), (was.mtime(), was.mtime_nsec()), "{folder}");
    }
    // A folder brings everything below it, and nothing else.
    let to = site.path("retour du dossier");
    restore(&site, "1", &[&source.path("patients"), &"--to", &to]);
    assert_same(&source.path("patients"), &site.restored(&to, source.root()).join("patients"));
    assert!(!site.restored(&to, source.root()).join("comptes").exists());
}

#[test]
fn several_sources_come_back_below_one_folder() {
    let site = Site::on_dir();
    let (one, two) = (site.source("un"), site.source("deux"));
    one.file("a.txt", "a");
    two.file("b.txt", "b");
    site.agent.ok([OsString::from("backup"), one.root().into(), two.root().into()]);
    let to = site.path("retour");
    site.restore("1", &to);
    assert_same(one.root(), &site.restored(&to, one.root()));
    assert_same(two.root(), &site.restored(&to, two.root()));
}

#[test]
fn an_interrupted_restore_goes_on_and_writes_only_what_is_missing() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.fill_with_small_files(500, 50, 1);
    source.file("gros.bin", noise(2, 20_000_000));
    site.backup(&source);
    let to = site.path("retour");
    let told = restore(&site, "1", &[&"--to", &to]);
    assert_eq!(told["files"], 501, "{told}");

    let back = site.restored(&to, source.root());
    for number in [3, 77, 400] {
        fs::remove_file(back.join(e2e::tree::small_file_name(number, 50))).unwrap();
    }
    let mut damaged = fs::read(back.join("gros.bin")).unwrap();
    damaged[10_000_000] ^= 1;
    fs::write(back.join("gros.bin"), damaged).unwrap();
    let untouched = back.join(e2e::tree::small_file_name(4, 50));
    let inode = fs::metadata(&untouched).unwrap().ino();

    let told = restore(&site, "1", &[&"--to", &to, &"--overwrite", &"changed"]);
    assert_eq!((&told["files"], &told["skipped_same"]), (&Value::from(4), &Value::from(497)), "{told}");
    assert_eq!(fs::metadata(&untouched).unwrap().ino(), inode, "an identical file was written again");
    assert_same(source.root(), &back);
}

#[test]
fn overwrite_says_what_happens_to_files_already_there() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("même.txt", "même contenu");
    source.file("autre.txt", "contenu sauvegardé");
    source.file("absent.txt", "absent");
    site.backup(&source);

    for (when, autre_after, same_is_rewritten) in [
        ("never", "contenu plus récent", false),
        ("changed", "contenu sauvegardé", false),
        ("always", "contenu sauvegardé", true),
    ] {
        let to = site.path(when);
        let back = Tree::new(site.restored(&to, source.root()));
        let same = back.file("même.txt", "même contenu");
        back.file("autre.txt", "contenu plus récent");
        let inode = fs::metadata(&same).unwrap().ino();
        // Other content that is kept is a file that was not restored.
        let code = if when == "never" { 3 } else { 0 };
        let told = restore_with(&site, code, "1", &[&"--to", &to, &"--overwrite", &when]);
        assert_eq!(fs::read_to_string(back.path("absent.txt")).unwrap(), "absent", "{when}");
        assert_eq!(fs::read_to_string(back.path("autre.txt")).unwrap(), autre_after, "{when}");
        assert_eq!(fs::read_to_string(&same).unwrap(), "même contenu", "{when}");
        if !same_is_rewritten {
            assert_eq!(fs::metadata(&same).unwrap().ino(), inode, "{when}");
        }
        assert_eq!(told["kept"], i32::from(when == "never"), "{when}: {told}");
    }
    // Without a word about it, nothing is overwritten.
    let back = Tree::new(site.restored(&site.path("sans option"), source.root()));
    back.file("autre.txt", "contenu plus récent");
    restore_with(&site, 3, "1", &[&"--to", &site.path("sans option")]);
    assert_eq!(fs::read_to_string(back.path("autre.txt")).unwrap(), "contenu plus récent");
}

#[test]
fn in_place_a_changed_file_gets_a_sibling_and_a_lost_one_comes_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("ordonnance.txt", "hier");
    source.file("perdu.txt", "perdu puis retrouvé");
    source.file("pareil.txt", "pareil");
    site.backup(&source);
    source.edit("ordonnance.txt", "aujourd'hui");
    fs::remove_file(source.path("perdu.txt")).unwrap();

    let told = restore(&site, "1", &[&"--in-place"]);
    assert_eq!(
        fs::read_to_string(source.path("ordonnance.txt")).unwrap(),
        "aujourd'hui",
        "the newer file is kept"
    );
    assert_eq!(fs::read_to_string(source.path("perdu.txt")).unwrap(), "perdu puis retrouvé");
    let names = || -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(source.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let siblings: Vec<String> =
        names().into_iter().filter(|name| name.starts_with("ordonnance (restored 2")).collect();
    assert_eq!(siblings.len(), 1, "{:?}", names());
    assert!(siblings[0].ends_with(").txt"), "{siblings:?}");
    assert_eq!(fs::read_to_string(source.path(&siblings[0])).unwrap(), "hier");
    assert_eq!(names().len(), 4, "{:?}", names());
    assert_eq!(told["beside"], 1, "{told}");
    // Again: the sibling is there already and none is added.
    restore(&site, "1", &[&"--in-place"]);
    assert_eq!(names().len(), 4, "{:?}", names());
}

#[test]
fn include_and_exclude_choose_what_comes_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for name in ["a/un.pdf", "a/deux.txt", "b/trois.pdf", "b/secret.pdf"] {
        source.file(name, name);
    }
    site.backup(&source);
    let to = site.path("retour");
    restore(&site, "1", &[&"--to", &to, &"--include", &"*.pdf", &"--exclude", &"secret*"]);
    let back = site.restored(&to, source.root());
    let there = |name: &str| back.join(name).exists();
    assert_eq!(
        [there("a/un.pdf"), there("a/deux.txt"), there("b/trois.pdf"), there("b/secret.pdf")],
        [true, false, true, false]
    );
}

#[test]
fn a_backup_leaves_out_what_was_excluded() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("garder.txt", "x");
    source.file("cache/rien.tmp", "x");
    let root = OsString::from(source.root());
    site.agent.ok([OsString::from("backup"), root, "--exclude".into(), "*.tmp".into()]);
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root());
    assert!(back.join("garder.txt").exists() && back.join("cache").is_dir());
    assert!(!back.join("cache/rien.tmp").exists());
}

#[test]
fn a_dry_run_writes_nothing() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("un.txt", "un");
    site.backup(&source);
    let objects = site.place.sizes();
    let to = site.path("retour");
    let told = restore(&site, "1", &[&"--to", &to, &"--dry-run"]);
    assert!(told["entries"].to_string().contains("un.txt"), "a dry run shows names: {told}");
    assert!(!to.exists());
    fs::create_dir(&to).unwrap();
    restore(&site, "1", &[&"--to", &to, &"--dry-run"]);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
    assert_eq!(site.place.sizes(), objects, "not in the store either");
}

#[test]
fn a_restore_through_a_link_put_in_the_way_is_refused() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("patients/dossier.txt", "le dossier");
    site.backup(&source);
    let (to, elsewhere) = (site.path("retour"), site.source("ailleurs"));
    let back = Tree::new(site.restored(&to, source.root()));
    back.symlink("patients", elsewhere.root());
    let outcome = site.agent.run(
        [OsString::from("restore"), "1".into(), "--to".into(), to.into()].into_iter().chain(site.with_kit()),
    );
    assert_eq!(outcome.code(), 3, "{outcome}");
    assert_eq!(fs::read_dir(elsewhere.root()).unwrap().count(), 0, "written through a link");
}

#[test]
fn looking_shows_what_is_there() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("patients/Élodie.txt", "un");
    site.backup(&source);
    source.file("patients/nouveau.txt", "deux");
    source.edit("patients/Élodie.txt", "un et demi");
    site.backup(&source);

    let snapshots = site.agent.json(["snapshots"]);
    assert_eq!(snapshots.as_array().unwrap().len(), 2);
    let numbers: Vec<u64> =
        snapshots.as_array().unwrap().iter().map(|row| row["snapshot"].as_u64().unwrap()).collect();
    assert!(numbers.contains(&1) && numbers.contains(&2), "{snapshots}");
    for key in [site.with_kit(), site.with_phrase()] {
        let look = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
            let arguments = arguments.iter().map(|argument| argument.as_ref().to_owned());
            site.agent.ok(arguments.chain(key.clone())).out()
        };
        let listed = look(&[&"ls", &"latest", &source.path("patients")]);
        assert!(listed.contains("Élodie.txt") && listed.contains("nouveau.txt"), "{listed}");
        assert!(!look(&[&"ls", &"1", &source.path("patients")]).contains("nouveau.txt"));
        assert!(look(&[&"find", &"*nouveau*"]).contains("nouveau.txt"));
        let differences = look(&[&"diff", &"1", &"2"]);
        assert!(differences.contains("nouveau.txt") && differences.contains("Élodie.txt"), "{differences}");
    }
    // Names need a key.
    let refused = site.agent.run(["ls", "latest"]);
    assert!([2, 12].contains(&refused.code()), "{refused}");
    assert!(!refused.out().contains("odie"), "{refused}");
}

/// What is done to a copy.
type Change<'a> = &'a dyn Fn(&Tree);

#[test]
fn the_comparison_itself_sees_every_difference() {
    let site = Site::not_initialised(e2e::Place::dir);
    let source = site.source("cabinet");
    source.fill_with_everything(8 << 20);
    let changes: [(&str, Change<'_>); 9] = [
        ("content", &|tree| {
            let path = tree.path("tailles/4096 octets.bin");
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            let mut content = fs::read(&path).unwrap();
            content[9] ^= 1;
            fs::write(&path, content).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        }),
        ("mode", &|tree| tree.mode("liens/autre.txt", 0o600)),
        ("time", &|tree| tree.modified("liens/vers rien", 5, 1)),
        ("owner", &|tree| tree.owner("vides", 4321, 1234)),
        ("missing", &|tree| fs::remove_dir(tree.path("vides/profond/plus profond")).unwrap()),
        ("was not there", &|tree| drop(tree.folder("en trop"))),
        ("names", &|tree| {
            fs::remove_file(tree.path("liens/dossier bis.txt")).unwrap();
            fs::copy(tree.path("liens/dossier.txt"), tree.path("liens/dossier bis.txt")).unwrap();
        }),
        ("attributes", &|tree| tree.attribute("vides", "user.note", b"x")),
        ("holes", &|tree| {
            let path = tree.path("imagerie/creux.img");
            let content = fs::read(&path).unwrap();
            fs::write(&path, content).unwrap();
        }),
    ];
    for (what, change) in changes {
        let copy = Tree::new(copy_aside(&site, &source, what));
        assert_same(source.root(), copy.root());
        change(&copy);
        let seen = differences(source.root(), copy.root());
        assert!(seen.iter().any(|line| line.contains(what)), "{what}: {seen:?}");
        remove(copy.root());
    }
}

fn remove(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
}
