//! Golden repositories: written once by the first version of the format, readable for ever.
//!
//! Each folder below `repo-format/testdata/golden` holds a folder store (`store/`), the kit and the everyday phrase that
//! open it (test secrets, of no use elsewhere), and for each snapshot `N.txt`: what a restore of it must give. A change
//! that makes one of them fail is a change of the format, and the format is frozen (FORMAT.md §17). Never: rewritten; new ones are added by
//! `SCELLE_GOLDEN=NAME cargo nextest run --release -p e2e --run-ignored only golden`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::compare::{assert_same_content, described};
use e2e::{Agent, Place, Site, Tree, noise, process, tools};

use crate::escape_hatch::decoder;

/// Name of the source folder in every golden repository.
const SOURCE: &str = "cabinet";

fn golden() -> PathBuf {
    tools::checkout().join("repo-format/testdata/golden")
}

/// The source folder somewhere below `to`: a restore puts full paths there.
fn restored(to: &Path) -> PathBuf {
    let mut folder = to.to_owned();
    while folder.file_name() != Some(SOURCE.as_ref()) {
        let mut inside =
            fs::read_dir(&folder).unwrap().map(|item| item.unwrap().path()).filter(|path| path.is_dir());
        let (only, more) = (inside.next(), inside.next());
        assert!(more.is_none(), "{} holds more than the way to the source", folder.display());
        folder = only.unwrap();
    }
    folder
}

#[test]
fn every_golden_repository_comes_back() {
    let mut repositories: Vec<PathBuf> =
        fs::read_dir(golden()).unwrap().map(|item| item.unwrap().path()).collect();
    repositories.sort();
    assert!(!repositories.is_empty(), "no golden repository");
    for repository in repositories {
        let scratch = tempfile::tempdir().unwrap();
        let store = scratch.path().join("store");
        process::copy(&repository.join("store"), &store);
        let place = Place::Dir(store.clone());
        let agent = place.reached_by(Agent::new(scratch.path().join("home"), scratch.path()));
        let (kit, phrase) = (repository.join("kit.txt"), repository.join("phrase.txt"));
        let with = |option: &str, file: &Path| [OsString::from(option), file.into()];
        agent.ok([OsString::from("check"), "--read-data".into(), "all".into()]
            .into_iter()
            .chain(with("--kit", &kit)));

        let mut last = PathBuf::new();
        for number in 1.. {
            let Ok(expected) = fs::read_to_string(repository.join(format!("{number}.txt"))) else { break };
            let opened_by =
                if number % 2 == 1 { with("--kit", &kit) } else { with("--phrase-file", &phrase) };
            last = scratch.path().join(format!("retour-{number}"));
            let to =
                [OsString::from("restore"), number.to_string().into(), "--to".into(), last.clone().into()];
            agent.ok(to.into_iter().chain(opened_by));
            assert_eq!(described(&restored(&last)), expected, "{} {number}", repository.display());
        }
        assert_ne!(last, PathBuf::new(), "{} expects nothing", repository.display());

        let verified = decoder(&[&"verify", &"--store", &store, &"--kit", &kit]);
        assert_eq!(verified.code(), 0, "{verified}");
        let to = scratch.path().join("par le décodeur");
        let by_decoder = decoder(&[&"restore", &"--store", &store, &"--kit", &kit, &"--to", &to]);
        assert_eq!(by_decoder.code(), 0, "{by_decoder}");
        assert_same_content(&restored(&last), &restored(&to));
    }
}

/// Makes one more, named by `SCELLE_GOLDEN`, with this program.
#[test]
#[ignore = "writes into the checkout; run by hand when a version is released"]
fn make_a_golden_repository() {
    let name = std::env::var("SCELLE_GOLDEN").expect("SCELLE_GOLDEN names the repository to make");
    let target = golden().join(&name);
    assert!(!target.exists(), "{name} is there already, and golden repositories never change");
    let site = Site::on_dir_with_phrase();
    let source = site.source(SOURCE);
    fill(&source);
    let mut expected = Vec::new();
    let mut run = || {
        site.backup(&source);
        expected.push(described(source.root()));
    };
    run();
    a_day(&source);
    run();
    run();
    fs::create_dir_all(&target).unwrap();
    process::copy(site.place.folder(), &target.join("store"));
    // Where the store stood that day is nobody's business.
    let kit = fs::read_to_string(site.kit()).unwrap().replace(&site.place.url(), "file:///essai");
    fs::write(target.join("kit.txt"), kit).unwrap();
    fs::copy(site.phrase(), target.join("phrase.txt")).unwrap();
    for (at, text) in expected.iter().enumerate() {
        fs::write(target.join(format!("{}.txt", at + 1)), text).unwrap();
    }
}

/// One of each thing the format has a way to keep, and small when stored.
fn fill(source: &Tree) {
    source.odd_names();
    for (at, bytes) in [0, 1, 4_095, 4_096, 65_537].into_iter().enumerate() {
        source.file(format!("tailles/{bytes}.bin"), noise(at as u64, bytes));
    }
    source.sparse(
        "creux.img",
        1 << 26,
        &[(0, b"debut"), (1 << 25, b"milieu"), ((1 << 26) - 4096, &[7; 4096])],
    );
    source.sparse("vide creux.img", 1 << 20, &[]);
    source.file("liens/dossier.txt", "le même contenu sous deux noms");
    source.hardlink("liens/dossier bis.txt", "liens/dossier.txt");
    source.symlink("liens/vers dossier", "dossier.txt");
    source.symlink("liens/vers rien", "/nulle/part");
    source.folder("vides/profond");
    source.file(format!("{}fond.txt", "d/".repeat(60)), "au fond");
    source.file("droits/secret.txt", "lu par un seul");
    source.mode("droits/secret.txt", 0o4710);
    source.owner("droits/secret.txt", 1234, 4321);
    source.attribute("droits/secret.txt", "user.origine", b"\x00essai\xff");
    // Content-defined chunks that compress well.
    let long: String = (0..60_000).map(|line| format!("ligne {line} du journal, sans patient\n")).collect();
    source.file("journal.log", long);
    // 16-bit samples: filter 1.
    let samples = (0..400_000u32).flat_map(|at| (2_000 + (at / 3 % 512) as u16).to_le_bytes());
    source.file("image.raw", samples.collect::<Vec<u8>>());
    source.file("bruit.bin", noise(7, 200_000));
    let database = rusqlite::Connection::open(source.path("dossiers.sqlite")).unwrap();
    database.execute_batch("CREATE TABLE d (id INTEGER PRIMARY KEY, texte TEXT)").unwrap();
    insert(&database, 0..12_000);
    drop(database);
    source.fill_with_small_files(300, 40, 11);
    age(source);
}

fn insert(database: &rusqlite::Connection, rows: std::ops::Range<u32>) {
    let transaction = database.unchecked_transaction().unwrap();
    for row in rows {
        let text = format!("consultation {row}, rien à signaler ").repeat(8);
        transaction.execute("INSERT OR REPLACE INTO d VALUES (?1, ?2)", (row, text)).unwrap();
    }
    transaction.commit().unwrap();
}

fn a_day(source: &Tree) {
    let database = rusqlite::Connection::open(source.path("dossiers.sqlite")).unwrap();
    insert(&database, 3_000..3_040);
    drop(database);
    source.edit("bruit.bin", noise(8, 150_000));
    source.file("nouveau dossier/lettre.txt", "Cher confrère, rien de nouveau.\n");
    fs::remove_file(source.path("journal.log")).unwrap();
    age(source);
}

/// Times that do not depend on the day this runs: a file touched within the last second is read again.
fn age(source: &Tree) {
    for (at, name) in ["journal.log", "image.raw", "bruit.bin", "dossiers.sqlite"].iter().enumerate() {
        if source.path(name).exists() {
            source.modified(name, 1_750_000_000 + at as i64, 5);
        }
    }
}
