//! Restoring where something stands already, onto disks that take two names for one, and with few handles.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::process::FoldingDisk;
use e2e::{Outcome, Site, Tree, noise, process, tools};
use rusqlite::Connection;

fn in_place(site: &Site, overwrite: &str, code: i32) -> Outcome {
    let mut arguments: Vec<OsString> =
        ["restore", "latest", "--in-place", "--overwrite", overwrite, "--json"]
            .into_iter()
            .map(OsString::from)
            .collect();
    arguments.extend(site.with_kit());
    site.agent.expect(code, arguments)
}

/// A database in WAL mode, whose log has been written back.
fn good_database(source: &Tree, name: &str) -> PathBuf {
    let path = source.path(name);
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    database.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, s); BEGIN").unwrap();
    for number in 0..500 {
        database.execute("INSERT INTO t(s) VALUES (?)", [format!("good {number}")]).unwrap();
    }
    database.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    path
}

/// What a program does to it that dies without closing: the main file stays, the log says something else.
fn leave_a_log(path: &Path) {
    const SCRIPT: &str = "import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('pragma wal_autocheckpoint=0'); db.execute(\"update t set s='RANSOM'\")
os.kill(os.getpid(), 9)";
    let main = fs::read(path).unwrap();
    tools::run(tools::python(), [OsString::from("-c"), SCRIPT.into(), path.into()]);
    assert_eq!(fs::read(path).unwrap(), main);
    assert!(fs::metadata(path.with_extension("db-wal")).unwrap().len() > 0);
}

fn good_rows(path: &Path) -> i64 {
    good_rows_of(&Connection::open(path).unwrap())
}

fn good_rows_of(database: &Connection) -> i64 {
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    database.query_row("SELECT count(*) FROM t WHERE s LIKE 'good%'", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_program_reads_what_was_restored_and_not_a_log_of_yesterday() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = good_database(&source, "base.db");
    site.backup(&source);
    for overwrite in ["changed", "always"] {
        leave_a_log(&path);
        let told = in_place(&site, overwrite, 0).json();
        assert_eq!((&told["set_aside"], &told["skipped_same"]), (&2.into(), &1.into()), "{told}");
        assert_eq!(good_rows(&path), 500);
    }
    // What is never replaced gets ours beside it.
    leave_a_log(&path);
    let told = in_place(&site, "never", 0).json();
    assert_eq!((&told["set_aside"], &told["beside"]), (&0.into(), &1.into()), "{told}");
    let beside = fs::read_dir(source.root()).unwrap().map(|entry| entry.unwrap().path());
    let beside: Vec<_> = beside.filter(|path| path.to_string_lossy().ends_with(").db")).collect();
    assert_eq!((beside.len(), good_rows(&beside[0])), (1, 500));
    // No name in what is said of it.
    assert!(!String::from_utf8_lossy(&site.agent.said()).contains("base.db"));
}

#[test]
fn a_database_that_a_program_holds_is_left_to_it() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = good_database(&source, "base.db");
    source.file("autre", "x");
    site.backup(&source);
    fs::write(source.path("autre"), "y").unwrap();
    let held = Connection::open(&path).unwrap();
    held.execute("UPDATE t SET s = 'today'", []).unwrap();
    for overwrite in ["changed", "always"] {
        let told = in_place(&site, overwrite, 3);
        assert_eq!(told.json()["problems"], 1, "{told}");
        assert!(told.err().contains("close it"), "{told}");
        assert_eq!(fs::read(source.path("autre")).unwrap(), b"x", "the others are restored");
    }
    let told = site.agent.expect(
        3,
        ["restore", "latest", "--in-place", "--overwrite", "always", "--lang", "fr"]
            .into_iter()
            .map(OsString::from)
            .chain(site.with_kit()),
    );
    assert!(told.err().contains("fermez-le"), "{told}");
    let dry = ["restore", "latest", "--in-place", "--overwrite", "always", "--dry-run", "--json"];
    let dry = site.agent.ok(dry.into_iter().map(OsString::from).chain(site.with_kit())).json();
    assert_eq!(dry["plan"]["in_use"], 1, "{dry}");
    let today: i64 =
        held.query_row("SELECT count(*) FROM t WHERE s = 'today'", [], |row| row.get(0)).unwrap();
    assert_eq!(today, 500);
    drop(held);
    in_place(&site, "always", 0);
    assert_eq!(good_rows(&path), 500);
}

/// A database in rollback mode, saved with these rows and changed since.
fn changed_since(site: &Site, source: &Tree) -> PathBuf {
    let path = source.path("base.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE t(s); INSERT INTO t VALUES('good 1'), ('good 2')").unwrap();
    drop(database);
    site.backup(source);
    Connection::open(&path).unwrap().execute("UPDATE t SET s = 'today and longer'", []).unwrap();
    path
}

#[test]
fn a_database_that_a_program_has_open_and_does_nothing_with_is_left_to_it() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = changed_since(&site, &source);
    let idle = Connection::open(&path).unwrap();
    assert_eq!(good_rows_of(&idle), 0, "read, and no lock held any more");
    let before = fs::read(&path).unwrap();
    for overwrite in ["changed", "always"] {
        let told = in_place(&site, overwrite, 3);
        assert_eq!((&told.json()["problems"], &told.json()["use_unknown"]), (&1.into(), &0.into()), "{told}");
        assert!(told.err().contains("close it"), "{told}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    drop(idle);
    in_place(&site, "always", 0);
    assert_eq!(good_rows(&path), 2);
}

#[test]
fn an_engine_that_is_not_sqlite_keeps_its_open_database_too() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let access = |letter: u8| [b"\0\x01\0\0Standard ACE DB\0".as_slice(), &[letter; 4076]].concat();
    let path = source.file("planning.dat", access(b'a'));
    site.backup(&source);
    fs::write(&path, access(b'b')).unwrap();
    let open = fs::File::open(&path).unwrap();
    assert!(in_place(&site, "always", 3).err().contains("close it"));
    assert_eq!(fs::read(&path).unwrap(), access(b'b'));
    drop(open);
    in_place(&site, "always", 0);
    assert_eq!(fs::read(&path).unwrap(), access(b'a'));
}

#[test]
fn who_may_not_see_other_programs_is_told_that_it_is_not_known() {
    const NOBODY: &str = "65534";
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = changed_since(&site, &source);
    let program = site.path("scelle");
    fs::copy(e2e::agent::program(), &program).unwrap();
    process::run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(site.folder()));
    let mut command = site.agent.command_of(&process::system("setpriv"));
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(&program);
    command
        .args(["restore", "latest", "--in-place", "--overwrite", "always", "--json"])
        .args(site.with_kit());
    let told = site.agent.spawn(command).wait();
    assert_eq!((told.code(), &told.json()["use_unknown"]), (0, &1.into()), "{told}");
    assert!(told.err().contains("without knowing"), "{told}");
    assert_eq!(good_rows(&path), 2);
}

fn contents(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn names_that_a_disk_takes_for_one_get_a_number_each_time_the_same() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let names = [
        "DOC",
        "doc",
        "Doc",
        "Note.txt",
        "note.txt",
        "note (2).txt",
        "Dossier/A",
        "dossier/a",
        "dossier/A",
        "BASE",
        "base/x",
        "É.txt",
        "é.txt",
        "seul",
    ];
    for name in names {
        source.file(name, name);
    }
    // Equal content is no reason to have one of them only.
    source.file("EGAL", "=");
    source.file("egal", "=");
    source.hardlink("LIEN", "seul");
    source.hardlink("lien", "seul");
    site.backup(&source);
    let disk = FoldingDisk::at(&site);
    for overwrite in ["never", "changed", "always"] {
        let to = disk.folder().join(overwrite);
        let arguments = |to: &Path| -> Vec<OsString> {
            let words = ["restore", "latest", "--json", "--overwrite", overwrite, "--to"].map(OsString::from);
            words.into_iter().chain([to.into()]).chain(site.with_kit()).collect()
        };
        let told = site.agent.ok(arguments(&to)).json();
        let found = contents(&site.restored(&to, source.root()));
        assert_eq!(found.len(), names.len() + 4, "{found:?}");
        let mut values: Vec<_> = found.values().map(String::as_str).collect();
        let mut expected = names.to_vec();
        expected.extend(["=", "=", "seul", "seul"]);
        values.sort_unstable();
        expected.sort_unstable();
        assert_eq!(values, expected, "{found:?}");
        assert!(told["renamed"].as_u64().unwrap() >= 9, "{told}");
        // Run again, and again after an interruption, it finds and gives the same names.
        site.agent.ok(arguments(&to));
        assert_eq!(contents(&site.restored(&to, source.root())), found);
        let lost = found.iter().find(|(_, content)| *content == "note.txt").unwrap().0;
        fs::remove_file(site.restored(&to, source.root()).join(lost)).unwrap();
        let probe = site.restored(&to, source.root()).join(".scelle-probe-0123456789abcdef");
        fs::create_dir(&probe).unwrap();
        fs::write(probe.join("x"), "").unwrap();
        site.agent.ok(arguments(&to));
        assert_eq!(contents(&site.restored(&to, source.root())), found);
        assert!(!probe.exists());
    }
    assert!(!String::from_utf8_lossy(&site.agent.said()).contains("dossier"));
}

#[test]
fn a_disk_that_tells_names_apart_gets_them_all_as_they_are() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for name in ["DOC", "doc", "Dossier/A", "dossier/a", "e\u{301}", "é", "a", "a."] {
        source.file(name, name);
    }
    site.backup(&source);
    let to = site.path("retour");
    site.restore("latest", &to);
    e2e::compare::assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn a_hundred_and_twenty_eight_handles_are_enough() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..300 {
        source.file(format!("w{number}/f"), "x");
    }
    let mut deep = String::new();
    for number in 0..120 {
        deep.push_str(&format!("d{number}/"));
        source.file(format!("{deep}f"), "x");
    }
    // Written by several threads each, many at a time.
    for number in 0..60 {
        let database = Connection::open(source.path(format!("base{number}.db"))).unwrap();
        database.execute("CREATE TABLE t(b)", []).unwrap();
        database.execute("INSERT INTO t VALUES (?)", [noise(number, 1_200_000)]).unwrap();
    }
    let to = site.path("retour");
    let limited = |arguments: &[OsString]| {
        let mut command = site.agent.command_of(Path::new("bash"));
        command.args(["-c", "ulimit -n 128; exec \"$@\"", "bash"]).arg(e2e::program()).args(arguments);
        let told = site.agent.spawn(command).wait();
        assert_eq!(told.code(), 0, "{arguments:?}\n{told}");
    };
    limited(&["backup".into(), source.root().into()]);
    let with_kit = |words: &[&str]| -> Vec<OsString> {
        words.iter().map(OsString::from).chain(site.with_kit()).collect()
    };
    limited(&with_kit(&["restore", "latest", "--to", to.to_str().unwrap()]));
    e2e::compare::assert_same(source.root(), &site.restored(&to, source.root()));
    limited(&with_kit(&["restore", "latest", "--to", to.to_str().unwrap()]));
    limited(&with_kit(&["check", "--read-data", "all"]));
    limited(&with_kit(&["ls", "latest"]));
}

#[test]
fn nothing_is_restored_among_what_backups_are_made_of() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("lettre.txt", b"one");
    site.backup(&source);
    let (store, home) = (site.place.folder().to_owned(), site.agent.home().to_owned());
    let before = site.place.sizes();
    symlink(&store, site.path("shortcut")).unwrap();
    let targets =
        [store.clone(), store.join("new/deeper"), site.path("shortcut/below"), home.join("back"), home];
    for target in &targets {
        let told = site.try_restore("latest", target, 2);
        assert!(told.err().contains("lies in the folder of the backups"), "{}", told.err());
        let dry: [OsString; 5] =
            ["restore".into(), "latest".into(), "--dry-run".into(), "--to".into(), target.into()];
        site.agent.expect(2, dry.into_iter().chain(site.with_kit()));
    }
    assert_eq!(site.place.sizes(), before);
    assert!(!store.join("new").exists());
    // Beside it is not in it.
    site.restore("latest", &site.path("shop"));
}
