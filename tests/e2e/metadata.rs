//! Attributes come back: modes, owners, times to the nanosecond, links, holes, extended attributes, ACLs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

use e2e::compare::assert_same;
use e2e::{Site, Tree, noise, tools};

fn there_and_back(site: &Site, source: &Tree) {
    site.backup(source);
    let to = site.path("retour");
    site.restore("latest", &to);
    assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn modes_and_owners_come_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let modes = [0o000, 0o200, 0o400, 0o444, 0o644, 0o777, 0o4755, 0o2755, 0o6711, 0o1644];
    for bits in modes {
        let (file, folder) = (format!("f{bits:o}"), format!("d{bits:o}"));
        source.file(&file, "x");
        source.folder(&folder);
        source.file(format!("{folder}/dedans"), "x");
        for name in [&file, &folder] {
            source.owner(name, 1000 + bits, 2000 + bits);
            source.mode(name, bits);
        }
    }
    source.symlink("lien", "f644");
    source.owner("lien", 4242, 2424);
    there_and_back(&site, &source);
}

#[test]
fn times_come_back_to_the_nanosecond() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let times = [
        (0, 0),
        (0, 1),
        (-1, 999_999_999),
        (-2_000_000_000, 5),
        (1_700_000_000, 123_456_789),
        (2_147_483_648, 999_999_999),
        (4_294_967_296, 1),
        // The last second of the format: nanoseconds in 64 bits.
        (9_223_372_035, 7),
    ];
    for (index, (seconds, nanoseconds)) in times.into_iter().enumerate() {
        source.file(format!("d{index}/fichier"), "x");
        source.symlink(format!("d{index}/lien"), "fichier");
        for name in [format!("d{index}/fichier"), format!("d{index}/lien"), format!("d{index}")] {
            source.modified(name, seconds, nanoseconds);
        }
    }
    there_and_back(&site, &source);
}

#[test]
fn extended_attributes_come_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("fichier", "x");
    source.folder("dossier");
    for name in ["fichier", "dossier"] {
        source.attribute(name, "user.vide", b"");
        source.attribute(name, "user.binaire", &noise(1, 300));
        source.attribute(name, "user.clé accentuée", "valeur".as_bytes());
        source.attribute(name, "trusted.racine", b"lu par root seul");
    }
    // cap_net_bind_service=ep, as Linux keeps it.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    source.attribute("fichier", "security.capability", &capability);
    there_and_back(&site, &source);
}

#[test]
fn acls_come_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("dossier/fichier", "x");
    let set = |rule: &str, name: &str| {
        let arguments =
            [OsStr::new("-m"), OsStr::new(rule), source.path(name).as_os_str()].map(OsStr::to_owned);
        tools::stdout_of(tools::run("setfacl", arguments));
    };
    set("u:4321:rw,g:1234:r", "dossier/fichier");
    set("u:4321:rwx", "dossier");
    set("d:u:4321:rwx,d:g:55:rx,d:m:rx", "dossier");
    assert!(xattr::get(source.path("dossier"), "system.posix_acl_default").unwrap().is_some());
    there_and_back(&site, &source);
}

#[test]
fn hardlinks_come_back_as_one_file_and_are_stored_once() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("a/un", noise(1, 5_000_000));
    for number in 0..20 {
        source.hardlink(format!("b{number}/autre nom"), "a/un");
    }
    let told = site.backup(&source);
    assert!(told["stored_bytes"].as_u64().unwrap() < 6_000_000, "{told}");
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root());
    assert_same(source.root(), &back);
    assert_eq!(fs::metadata(back.join("a/un")).unwrap().nlink(), 21);
}

#[test]
fn a_hole_costs_nothing_on_either_side() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let content = noise(1, 65_536);
    source.sparse("1 Tio.img", 1 << 40, &[(1 << 39, &content)]);
    let told = site.backup(&source);
    assert!(told["read_bytes"].as_u64().unwrap() < 1 << 20, "{told}");
    assert!(told["stored_bytes"].as_u64().unwrap() < 1 << 20, "{told}");
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root()).join("1 Tio.img");
    let metadata = fs::metadata(&back).unwrap();
    assert_eq!(metadata.len(), 1 << 40);
    assert!(metadata.blocks() < 4096, "{} blocks", metadata.blocks());
    let file = fs::File::open(back).unwrap();
    let mut read = vec![0; content.len() + 2];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, (1 << 39) - 1).unwrap();
    assert_eq!(read[1..=content.len()], content);
    assert_eq!((read[0], read[content.len() + 1]), (0, 0));
}

#[test]
fn special_files_are_skipped_and_counted() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("fichier", "x");
    source.fifo("tube");
    source.socket("prise");
    let null = source.path("périphérique");
    tools::stdout_of(tools::run(
        "mknod",
        [null.as_os_str(), OsStr::new("c"), OsStr::new("1"), OsStr::new("3")],
    ));
    let told = site.backup(&source);
    assert_eq!((&told["skipped"], &told["problems"]), (&3.into(), &0.into()), "{told}");
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root());
    assert_eq!(fs::read_dir(back).unwrap().count(), 1);
}

#[test]
fn a_change_of_attributes_alone_is_kept_and_stores_no_content() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("gros", noise(1, 30_000_000));
    site.backup(&source);
    source.mode("gros", 0o600);
    source.owner("gros", 77, 88);
    source.modified("gros", 1_600_000_000, 42);
    source.attribute("gros", "user.note", b"relu");
    let told = site.backup(&source);
    assert!(told["stored_bytes"].as_u64().unwrap() < 1 << 20, "{told}");
    let to = site.path("retour");
    site.restore("2", &to);
    assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn names_are_bytes() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    // Every byte a name may hold, alone and twice.
    for byte in (1..=255u8).filter(|byte| *byte != b'/' && *byte != b'.') {
        source.file(OsStr::from_bytes(&[byte]), [byte]);
    }
    source.file(OsStr::from_bytes(b"caf\xc3\xa9"), "NFC");
    source.file(OsStr::from_bytes(b"cafe\xcc\x81"), "NFD");
    source.file(OsStr::from_bytes(b"caf\xe9"), "latin 1");
    source.symlink(OsStr::from_bytes(b"lien\xfe"), OsStr::from_bytes(b"\xe9\xff"));
    there_and_back(&site, &source);
    // One of them, by its bytes.
    let (name, to) = (source.path(OsStr::from_bytes(b"caf\xe9")), site.path("un seul"));
    let mut arguments =
        vec![OsString::from("restore"), "1".into(), name.clone().into(), "--to".into(), to.clone().into()];
    arguments.extend(site.with_kit());
    site.agent.ok(arguments);
    assert_eq!(
        fs::read(site.restored(&to, source.root()).join(OsStr::from_bytes(b"caf\xe9"))).unwrap(),
        b"latin 1"
    );
}
