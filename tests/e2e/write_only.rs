//! This computer can write and cannot read: no secret in its memory opens what is stored, and no name of a patient is seen
//! anywhere outside the seal. Its state: `no_secret`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use e2e::canary::{self, NAMES};
use e2e::{Site, Tree, noise, tools};
use scelle_format::crypto::PqIdentity;

use crate::escape_hatch::{epoch_identity, identity_in};
use crate::no_secret::{opens, seed_of};

/// Files whose names, contents, attributes and links are full of canaries.
pub(crate) fn fill_with_canaries(source: &Tree) {
    for (number, name) in NAMES.iter().enumerate() {
        source
            .file(format!("{name}/compte rendu {name}.txt"), format!("{name} consulte ce jour. ").repeat(50));
        source.symlink(format!("lien vers {name}"), format!("{name}/compte rendu {name}.txt"));
        source.attribute(format!("{name}/compte rendu {name}.txt"), "user.patient", name.as_bytes());
        source.folder(format!("dossier vide de {name}"));
        source.fifo(format!("tube de {name}"));
        source.file(format!("imagerie/{name}.bin"), noise(number as u64, 3_000_000));
    }
    let database = source.path(format!("{}.db", NAMES[0]));
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.execute_batch("CREATE TABLE patients(name TEXT)").unwrap();
    for number in 0..3_000 {
        let name = format!("{} {number}", NAMES[1]);
        connection.execute("INSERT INTO patients VALUES(?)", [name]).unwrap();
    }
}

#[test]
fn the_needles_are_found_in_every_encoding() {
    let needles = canary::needles();
    let name = NAMES[0];
    for text in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.clone().into_bytes(), utf16] {
            assert!(
                canary::found(&needles, &[b"devant ".as_slice(), &bytes, b" derriere"].concat()).is_some()
            );
        }
    }
    for text in [
        "Z%C3%A9phyrine",
        "ZEPHYRINE",
        "Ze\u{301}phyrine",
        "Z\\u00e9phyrine",
        "5ac3a970687972696e65",
        "WsOpcGh5cmluZQ",
    ] {
        assert!(canary::found(&needles, text.as_bytes()).is_some(), "{text}");
    }
    assert!(canary::found(&needles, b"un texte sans nom").is_none());
    assert!(canary::found(&needles, b"Z\xe9phyrine").is_some(), "cp1252");
}

/// Every run that can go wrong with names at hand; all of it is in `agent.said()`.
pub(crate) fn live_and_fail(site: &Site, source: &Tree) {
    let name = NAMES[0];
    let root = OsString::from(source.root());
    let run = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let arguments: Vec<OsString> =
            arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        for more in [vec![], vec!["-vv"], vec!["--json", "-v"]] {
            site.agent.run(arguments.iter().cloned().chain(more.into_iter().map(OsString::from)));
        }
    };
    run(&[&"backup", &root]);
    source.edit(format!("{name}/compte rendu {name}.txt"), "modifié");
    fs::rename(source.path(format!("imagerie/{name}.bin")), source.path(format!("{name}.bin"))).unwrap();
    run(&[&"backup", &root, &"--progress", &"json"]);
    run(&[&"backup", &source.path(NAMES[1])]);
    run(&[&"backup", &source.path(format!("{name} n'existe pas"))]);
    run(&[&"check"]);
    run(&[&"check", &"--read-data", &"all"]);
    run(&[&"check", &"--kit", &site.kit()]);
    run(&[&"snapshots"]);
    run(&[&"bilan", &"list"]);
    run(&[&"bilan", &"show", &"latest"]);
    let (to, kit) = (site.path("retour"), site.kit());
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] = [&"restore", &"latest", &"--to", &to, &"--kit", &kit];
    run(&arguments);
    // In the way: a folder where a file is to be, and an attribute that cannot be set again.
    let back = Tree::new(site.restored(&site.path("gêné"), source.root()));
    back.folder(format!("{name}/compte rendu {name}.txt/dedans"));
    run(&[&"restore", &"latest", &"--to", &site.path("gêné"), &"--kit", &kit]);
    run(&[&"restore", &"latest", &source.path(format!("{name}/absent")), &"--to", &to, &"--kit", &kit]);
    run(&[&"restore", &"latest", &"--to", &to]);
}

fn assert_no_name_leaks(site: &Site) {
    canary::assert_absent_below(site.agent.home());
    canary::assert_absent("what was printed", &site.agent.said());
}

#[test]
fn no_name_leaks_from_a_folder_store_even_in_failures() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    fill_with_canaries(&source);
    live_and_fail(&site, &source);
    canary::assert_absent_below(site.place.folder());
    // Damage: what is lost is named by objects and tokens.
    for pack in site.objects("p/") {
        let mut content = fs::read(site.object(&pack)).unwrap();
        // In each unit of 64 KiB: a restore reads only those it needs.
        for at in (1_000..content.len()).step_by(50_000) {
            content[at] ^= 1;
        }
        fs::write(site.object(&pack), content).unwrap();
    }
    for more in ["-v", "-vv", "--json"] {
        let to = site.path(&format!("endommagé {more}"));
        let arguments = [OsString::from("restore"), "2".into(), "--to".into(), to.into(), more.into()];
        site.agent.expect(13, arguments.into_iter().chain(site.with_kit()));
        site.agent.expect(13, ["check", "--read-data", "all", more]);
    }
    assert_no_name_leaks(&site);
}

#[test]
fn no_name_leaks_into_seaweedfs_not_even_into_its_metadata() {
    let site = Site::on_seaweed_with_phrase();
    let source = site.source("cabinet");
    fill_with_canaries(&source);
    live_and_fail(&site, &source);
    let copy = site.path("copie");
    site.place.copy_to(&copy);
    canary::assert_absent_below(&copy);
    // Names, headers and metadata of requests, as the engine keeps them.
    canary::assert_absent_while_written(&site.path("seaweedfs"));
    canary::assert_absent("the engine's log", &fs::read(site.path("seaweedfs.log")).unwrap());
    assert_no_name_leaks(&site);
}

#[test]
fn an_unreadable_file_is_counted_and_not_named() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    fill_with_canaries(&source);
    source.mode(format!("{}/compte rendu {}.txt", NAMES[0], NAMES[0]), 0o000);
    // Root reads everything: another user runs this one.
    tools::stdout_of(tools::run("chown", ["-R".into(), "65534:65534".into(), OsString::from(site.folder())]));
    let mut command = site.agent.command_of(Path::new("setpriv"));
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(e2e::agent::program());
    command.args(["backup", "-vv"]).arg(source.root());
    let outcome = site.agent.spawn(command).wait();
    assert_eq!(outcome.code(), 3, "{outcome}");
    assert_no_name_leaks(&site);
}

/// All the memory of a stopped process that can be read.
fn memory_of(pid: u32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = Vec::new();
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with('r')))
    {
        let (begin, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [begin, end] = [begin, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut part = vec![0; usize::try_from(end - begin).unwrap()];
        if memory.read_exact_at(&mut part, begin).is_ok() {
            all.extend(part);
        }
    }
    all
}

#[test]
fn the_memory_of_a_running_backup_holds_no_key_that_opens_packs() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("premier.txt", "premier");
    site.backup(&source);
    let epoch = seed_of(&epoch_identity(&site));
    let recovery = seed_of(&identity_in(&fs::read_to_string(site.kit()).unwrap()));
    source.fill_with_small_files(3_000, 100, 1);
    source.file("gros.bin", noise(2, 200_000_000));

    let before = site.objects("p/").len();
    // A limit, so that no machine is too fast to be looked at.
    let limit = ["--limit-upload", "40M"].map(OsString::from);
    let words = [OsString::from("backup"), source.root().into()];
    let mut running = site.agent.start(words.into_iter().chain(limit));
    // In the midst of it: packs have been sealed by this process.
    running.wait_until("two packs were stored", || site.objects_so_far("p/").len() >= before + 2);
    running.pause();
    let memory = memory_of(running.pid());
    running.go_on();
    assert_eq!(running.wait().code(), 0);

    println!("{} bytes of memory", memory.len());
    let place = source.root().file_name().unwrap().as_encoded_bytes();
    assert!(canary::contains(&memory, place), "this is not the memory of the run");
    assert!(!canary::contains(&memory, &epoch), "the secret of the epoch");
    assert!(!canary::contains(&memory, &recovery), "the secret of the kit");
    // Nor as text; what else looks like an identity (the device's index key) opens no pack.
    let pack = site.objects("p/").iter().map(|name| fs::read(site.object(name)).unwrap()).next().unwrap();
    let words = memory.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
    for word in words.filter(|word| word.starts_with(b"AGE-SECRET-KEY-PQ-1")) {
        let identity = std::str::from_utf8(word).ok().and_then(|text| PqIdentity::parse(text).ok());
        assert!(!identity.is_some_and(|identity| opens(&[identity], &pack)), "an identity that opens a pack");
    }
}

#[test]
fn the_bucket_keeps_versions_and_locks_what_is_written() {
    let site = Site::on_seaweed_with_phrase();
    let said = String::from_utf8(site.agent.said()).unwrap();
    assert!(!said.contains("locks nothing"), "{said}");
    let source = site.source("cabinet");
    source.file("un.txt", "un");
    site.backup(&source);
    let repository = site.repository();
    for kind in ["desc/", "keys/", "p/", "m/", "i/", "a/", "c/"] {
        let objects = site.objects(kind);
        assert!(!objects.is_empty(), "{kind}");
        for object in objects {
            assert!(
                site.place.refuses_to_delete(&format!("{repository}/{object}")),
                "{object} can be deleted"
            );
        }
    }
}
