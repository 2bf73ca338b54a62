//! Databases and the files beside them, one state at a time: what is saved of each, what is said, and what a restored copy
//! holds. Databases that are written meanwhile: `databases`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::process::{FoldingDisk, Tmpfs, struck};
use e2e::{Outcome, Site, Tree};
use rusqlite::Connection;
use serde_json::Value;

/// Names and lengths in a folder.
fn listing(folder: &Path) -> Vec<(OsString, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<_> = entries.map(|e| (e.file_name(), e.metadata().unwrap().len())).collect();
    found.sort();
    found
}

/// How many files a run has saved.
fn saved(told: &Value) -> u64 {
    ["new", "changed", "unchanged"].iter().map(|kind| told["files"][kind].as_u64().unwrap()).sum()
}

/// Backs up, with these arguments.
fn backup(site: &Site, code: i32, arguments: &[&std::ffi::OsStr]) -> Outcome {
    let all = [OsString::from("backup"), "--json".into()].into_iter();
    site.agent.expect(code, all.chain(arguments.iter().map(OsString::from)))
}

/// What a bilan's page says of a file that was saved with its journal, and of one that changed.
const WITH_JOURNAL: &str = "database saved with its journal";
const CHANGED: &str = "changed while it was read";

fn bilan(site: &Site) -> String {
    let page = site.agent.ok(["bilan", "show", "latest"]);
    page.out()
}

/// A program that holds a file open, or a database in a state, until it is dropped.
struct Program(Child);

impl Program {
    /// Runs the script with the path as its argument until it has said that it is ready.
    fn start(script: &str, path: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All rows of one generation, and which.
fn generation(database: &Path, rows: u32) -> i64 {
    let connection = Connection::open(database).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let all = "SELECT count(*), min(generation), max(generation) FROM visits";
    let found: (u32, i64, i64) =
        connection.query_row(all, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((found.0, found.1), (rows, found.2), "rows of several generations");
    found.1
}

#[test]
fn a_database_file_that_a_program_has_open_is_said_whatever_it_is_called() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("planning.dat", [b"\0\x01\0\0Standard ACE DB\0".as_slice(), &[7; 300_000]].concat());
    site.backup(&source);
    assert!(!bilan(&site).contains("held open"), "nobody has it open");
    let path = source.path("planning.dat");
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    let held = Program::start(
        "import sys\nf = open(sys.argv[1], 'r+b')\nprint('ready', flush=True)\nsys.stdin.read()",
        &path,
    );
    site.backup(&source);
    drop(held);
    let page = bilan(&site);
    assert!(
        page.contains("held open by a program during the backup (")
            && page.contains("held open by a program while it was copied"),
        "{page}"
    );
}

/// Between two writes of one transaction a file stands still for long enough to be read.
/// Another computer of the practice may have it open on a share: this one's processes do not tell.
#[test]
fn who_has_a_database_open_is_not_known_where_others_may_have_the_same_disk() {
    let site = Site::on_dir();
    let disk = FoldingDisk::at(&site);
    let source = Tree::new(disk.folder().join("practice"));
    fs::create_dir_all(source.root()).unwrap();
    let header = b"\x00\x01\x00\x00Standard Jet DB\x00";
    source.file("patients.mdb", [&header[..], &[7; 90_000]].concat());
    let told = site.backup(&source);
    assert_eq!(told["status"], "amber", "{told}");
    let shown = site.agent.json(["bilan", "show", "latest"]).to_string();
    assert!(shown.contains("database-use-unknown"), "{shown}");
}

#[test]
fn a_database_that_is_written_in_several_steps_is_not_taken_between_two_of_them() {
    const STEPS: &str = "import os, sys, time\nf = os.open(sys.argv[1], os.O_RDWR)\nprint('ready', flush=True)\n\
        while True:\n    for page in (200_000, 280_000):\n        os.pwrite(f, os.urandom(8), page)\n        time.sleep(0.1)";
    let site = Site::on_dir();
    // In memory: a write does not wait for a disk.
    let folder = site.path("cabinet");
    let _memory = Tmpfs::mount(&folder, 16 << 20);
    let database = folder.join("planning.dat");
    fs::write(&database, [b"\0\x01\0\0Standard ACE DB\0".as_slice(), &[7; 300_000]].concat()).unwrap();
    let writes = Program::start(STEPS, &database);
    let told = backup(&site, 3, &[folder.as_os_str()]).json();
    assert_eq!(told["status"], "red", "{told}");
    assert!(bilan(&site).contains(CHANGED));
    drop(writes);
    assert_ne!(backup(&site, 0, &[folder.as_os_str()]).json()["status"], "red");
}

#[test]
fn a_database_locked_by_its_program_is_judged_by_content_and_not_by_name() {
    const LOCKED: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('PRAGMA locking_mode=EXCLUSIVE')\nc.execute('CREATE TABLE IF NOT EXISTS t(a)')\n\
        c.execute('INSERT INTO t VALUES(1)')\nprint('ready', flush=True)\nsys.stdin.read()";
    let site = Site::on_dir();
    for name in ["base.dat", "base.db"] {
        let source = site.source(name.rsplit('.').next().unwrap());
        let held = Program::start(LOCKED, &source.path(name));
        site.backup(&source);
        drop(held);
        let page = bilan(&site);
        assert!(page.contains("held open by a program while it was copied"), "{name}: {page}");
    }
}

#[test]
fn nothing_is_ever_made_in_the_folder_of_a_source() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for (name, pragmas) in [
        ("repos.db", "PRAGMA journal_mode=wal"),
        ("persist.db", "PRAGMA journal_mode=persist"),
        ("delete.db", "PRAGMA journal_mode=delete"),
    ] {
        let connection = Connection::open(source.path(name)).unwrap();
        connection.execute_batch(&format!("{pragmas}; CREATE TABLE t(a); INSERT INTO t VALUES(1)")).unwrap();
    }
    // A log without its index, as a copy of a running database has it.
    let other = site.source("ailleurs");
    let connection = Connection::open(other.path("log.db")).unwrap();
    connection.execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t(a); INSERT INTO t VALUES(7)").unwrap();
    for ending in ["", "-wal"] {
        fs::copy(other.path(format!("log.db{ending}")), source.path(format!("log.db{ending}"))).unwrap();
    }
    let before = listing(source.root());
    for _ in 0..2 {
        site.backup(&source);
        assert_eq!(listing(source.root()), before);
    }
    let to = site.path("retour");
    site.restore("latest", &to);
    let back = site.restored(&to, source.root());
    let restored = Connection::open(back.join("log.db")).unwrap();
    assert_eq!(restored.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    assert!(!back.join("persist.db-journal").exists(), "the database is whole without it");
}

/// A database whose program died in the middle of a transaction, its journal beside it.
fn died(source: &Tree, name: &str) -> PathBuf {
    const DIES: &str = "import os, sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('PRAGMA cache_size=5')\nc.execute('CREATE TABLE visits(n INTEGER PRIMARY KEY, generation INTEGER, note BLOB)')\n\
        c.execute('BEGIN')\n[c.execute('INSERT INTO visits VALUES(?, 0, ?)', (n, bytes(900))) for n in range(2000)]\n\
        c.execute('COMMIT')\nc.execute('BEGIN')\nc.execute('UPDATE visits SET generation = 1')\nos.kill(os.getpid(), 9)";
    let path = source.path(name);
    assert!(!Command::new("python3").args(["-c", DIES]).arg(&path).status().unwrap().success());
    let journal = source.path(format!("{name}-journal"));
    assert!(fs::metadata(&journal).unwrap().len() > 0);
    path
}

#[test]
fn a_hot_journal_is_saved_with_its_database_and_not_when_it_was_rolled_back() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = died(&source, "app.db");
    site.backup(&source);
    assert!(bilan(&site).contains(WITH_JOURNAL));
    // The program comes back, and rolls back.
    assert_eq!(generation(&path, 2000), 0);
    std::thread::sleep(Duration::from_millis(1_100));
    for snapshot in 2..=3 {
        let told = site.backup(&source);
        assert_eq!((&told["snapshot"], &told["problems"]), (&snapshot.into(), &0.into()), "{told}");
    }
    for snapshot in ["1", "3"] {
        let to = site.path(snapshot);
        site.restore(snapshot, &to);
        let back = site.restored(&to, &path);
        assert_eq!(back.with_file_name("app.db-journal").exists(), snapshot == "1");
        assert_eq!(generation(&back, 2000), 0);
    }
}

/// Ends a journal as SQLite does in a transaction over several databases (pager.c, `writeSuperJournal`).
fn name_super_journal(journal: &Path, named: &Path) {
    let name = named.as_os_str().as_bytes();
    let checksum = name.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let mut end = [&[0, 0, 0, 9][..], name].concat();
    end.extend((name.len() as u32).to_be_bytes());
    end.extend(checksum.to_be_bytes());
    end.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    let mut file = fs::OpenOptions::new().append(true).open(journal).unwrap();
    file.write_all(&end).unwrap();
}

#[test]
fn a_transaction_over_several_databases_is_not_said_to_recover_anywhere() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = died(&source, "app.db");
    let (journal, named) = (source.path("app.db-journal"), source.path("app.db-mj00112233"));
    name_super_journal(&journal, &named);
    // Without it SQLite takes the transaction for done, here as elsewhere.
    assert_eq!(site.backup(&source)["problems"], 0);
    fs::write(&named, format!("{}\0", journal.display())).unwrap();
    let mut words = vec![OsString::from("backup")];
    words.push(source.root().into());
    let told = site.agent.expect(3, words);
    assert!(told.err().contains("it recovers in its old place only"), "{told}");
    assert!(bilan(&site).contains("it recovers in its old place only"));
    drop(path);
}

#[test]
fn the_journal_of_another_name_of_the_same_file_counts() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    died(&source, "b.db");
    source.hardlink("a.db", "b.db");
    site.backup(&source);
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root());
    assert_eq!(generation(&back.join("b.db"), 2000), 0);
}

/// A third name sounds like a side file of something else: it is the same database all the same, and stays the same file.
#[test]
fn a_name_of_a_database_that_sounds_like_a_side_file_is_saved_as_the_others_are() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    died(&source, "plain.db");
    source.file("n", "a list");
    source.hardlink("n-wal", "plain.db");
    source.hardlink("second.db", "plain.db");
    site.backup(&source);
    let to = site.path("retour");
    site.restore("1", &to);
    let back = site.restored(&to, source.root());
    let [plain, named] = ["plain.db", "n-wal"].map(|name| fs::metadata(back.join(name)).unwrap().ino());
    assert_eq!(plain, named, "one file with three names");
    assert!(back.join("plain.db-journal").exists());
    assert_eq!(generation(&back.join("plain.db"), 2000), 0);
    assert_eq!(generation(&back.join("n-wal"), 2000), 0);
}

#[test]
fn what_only_sounds_like_a_side_file_is_saved() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    Connection::open(source.path("notes")).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    source.file("notes-journal", "carnet");
    source.file("notes-wal", vec![9; 70_000]);
    source.file("rien-shm", "liste");
    // An image, which begins with 128 zeros; something with the length of no index.
    Connection::open(source.path("IM0001")).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    source.file("IM0001-journal", [&[0; 128][..], b"DICM", &[9; 70_000]].concat());
    source.file("IM0001-shm", [&[0; 600][..], &[9; 70_000]].concat());
    for _ in 0..2 {
        let told = site.backup(&source);
        assert_eq!(told["problems"], 0, "{told}");
    }
    let to = site.path("retour");
    site.restore("latest", &to);
    e2e::compare::assert_same(source.root(), &site.restored(&to, source.root()));
}

/// The ways to ask for a database and not for what lies beside it.
fn without_side_files<'a>(source: &'a Path, database: &'a Path) -> [Vec<&'a std::ffi::OsStr>; 3] {
    let exclude = |glob: &'static str| vec!["--exclude".as_ref(), glob.as_ref(), source.as_os_str()];
    [vec![database.as_os_str()], exclude("*-journal"), exclude("*-wal")]
}

#[test]
fn a_journal_that_nobody_named_is_saved_with_the_database_that_needs_it() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = died(&source, "app.db");
    // Ordinary files of such names stay left out.
    source.file("notes.txt", "x");
    source.file("notes.txt-journal", "carnet");
    source.file("seul-journal", "liste");
    let ways = without_side_files(source.root(), &path);
    for (snapshot, way) in ways.iter().enumerate().map(|(at, way)| (at + 1, way)) {
        let is_named = way.len() == 1;
        let is_left_out = way.contains(&"*-journal".as_ref());
        let told = backup(&site, 0, way).json();
        assert_eq!(told["problems"], 0, "{told}");
        let files = match (is_named, is_left_out) {
            (true, _) => 2,
            (_, true) => 3,
            _ => 5,
        };
        assert_eq!(saved(&told), files, "{told}");
        let page = bilan(&site);
        assert!(page.contains(WITH_JOURNAL) && !page.contains(CHANGED), "{page}");
        let to = site.path(&format!("retour {snapshot}"));
        site.restore(&snapshot.to_string(), &to);
        let back = site.restored(&to, &path);
        assert_eq!(back.with_file_name("seul-journal").exists(), !is_named && !is_left_out);
        assert_eq!(back.with_file_name("notes.txt-journal").exists(), !is_named && !is_left_out);
        assert_eq!(generation(&back, 2000), 0, "{way:?}");
    }
    // Whoever wants this database alone back gets what it needs.
    let one: [&[&std::ffi::OsStr]; 2] = [&[path.as_os_str()], &["--include".as_ref(), "*.db".as_ref()]];
    for (at, chosen) in one.into_iter().enumerate() {
        let to = site.path(&format!("seule {at}"));
        let all = [OsString::from("restore"), "3".into(), "--to".into(), to.clone().into()].into_iter();
        site.agent.ok(all.chain(chosen.iter().map(OsString::from)).chain(site.with_kit()));
        let back = site.restored(&to, &path);
        assert_eq!((generation(&back, 2000), back.with_file_name("notes.txt").exists()), (0, false));
    }
}

#[test]
fn a_log_that_nobody_named_is_saved_with_the_database_that_needs_it() {
    const KEEPS: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('PRAGMA locking_mode=EXCLUSIVE')\nc.execute('PRAGMA journal_mode=wal')\n\
        c.execute('PRAGMA wal_autocheckpoint=0')\nc.execute('CREATE TABLE visits(n INTEGER PRIMARY KEY, generation)')\n\
        c.execute('PRAGMA wal_checkpoint(TRUNCATE)')\n\
        c.executemany('INSERT INTO visits VALUES(?, 7)', ((n,) for n in range(50)))\n\
        print('ready', flush=True)\nsys.stdin.read()";
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = source.path("app.db");
    let _keeps = Program::start(KEEPS, &path);
    for (at, way) in without_side_files(source.root(), &path).iter().enumerate() {
        assert_eq!(backup(&site, 0, way).json()["problems"], 0);
        assert!(bilan(&site).contains(WITH_JOURNAL), "{way:?}");
        let to = site.path(&format!("retour {at}"));
        site.restore(&(at + 1).to_string(), &to);
        assert_eq!(generation(&site.restored(&to, &path), 50), 7, "{way:?}");
    }
}

#[test]
fn side_files_of_a_database_that_is_whole_stay_left_out_where_they_were_left_out() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = source.path("app.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode=persist; CREATE TABLE t(a); INSERT INTO t VALUES(1)")
        .unwrap();
    drop(connection);
    for way in without_side_files(source.root(), &path) {
        let told = backup(&site, 0, &way).json();
        assert_eq!((saved(&told), &told["problems"]), (1, &0.into()), "{told}");
    }
    // Not even the database was wanted.
    source.file("lettre", "x");
    died(&source, "autre.db");
    let wanted: [&std::ffi::OsStr; 5] = [
        "--exclude".as_ref(),
        "*.db".as_ref(),
        "--exclude".as_ref(),
        "*-journal".as_ref(),
        source.root().as_os_str(),
    ];
    let told = backup(&site, 0, &wanted).json();
    assert_eq!(saved(&told), 1, "{told}");
}

/// Makes a database look as an encrypted one does: nothing of it is readable, while the header of its log or journal is.
fn encrypt(path: &Path) {
    let hidden: Vec<u8> = fs::read(path).unwrap().iter().map(|byte| byte ^ 0xa5).collect();
    fs::write(path, hidden).unwrap();
}

#[test]
fn an_encrypted_database_is_saved_with_its_log_or_its_journal_whatever_it_is_called() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let other = site.source("ailleurs");
    let logged = Connection::open(other.path("planning")).unwrap();
    logged.execute_batch("PRAGMA journal_mode=wal; PRAGMA wal_autocheckpoint=0").unwrap();
    logged
        .execute_batch(
            "CREATE TABLE visits(n INTEGER PRIMARY KEY, generation); INSERT INTO visits VALUES(1, 4)",
        )
        .unwrap();
    for ending in ["", "-wal", "-shm"] {
        fs::copy(other.path(format!("planning{ending}")), source.path(format!("planning{ending}"))).unwrap();
    }
    died(&source, "dossiers.dat");
    let names = [("planning", 1, 4), ("dossiers.dat", 2000, 0)];
    names.iter().for_each(|(name, _, _)| encrypt(&source.path(name)));
    for snapshot in ["1", "2"] {
        let told = site.backup(&source);
        assert_eq!(told["problems"], 0, "{told}");
        let page = bilan(&site);
        assert_eq!(page.matches(WITH_JOURNAL).count(), 2, "{page}");
        let to = site.path(snapshot);
        site.restore(snapshot, &to);
        let back = site.restored(&to, source.root());
        assert!(!back.join("planning-shm").exists(), "it is made anew");
        for (name, rows, found) in names {
            encrypt(&back.join(name));
            assert_eq!(generation(&back.join(name), rows), found, "{name}");
        }
    }
    // The program closed it: the main file is whole by itself.
    for name in ["planning-wal", "planning-shm", "dossiers.dat-journal"] {
        fs::remove_file(source.path(name)).unwrap();
    }
    site.backup(&source);
    assert!(!bilan(&site).contains(WITH_JOURNAL));
}

#[test]
fn an_encrypted_database_that_changes_while_it_is_read_is_red() {
    const WRITES: &str = "import os, sys, time\nbase = sys.argv[1]\n\
        log = open(base + '-wal', 'w+b')\nlog.write(b'\\x37\\x7f\\x06\\x82' + bytes(4092)); log.flush()\n\
        print('ready', flush=True)\nwhile True:\n    log.seek(4096); log.write(os.urandom(4096)); log.flush(); time.sleep(0.001)";
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = source.file("planning", e2e::noise(5, 400_000));
    let writes = Program::start(WRITES, &path);
    // Every opening below the folder takes so long that the writer gets its turn in between.
    let folder = fs::canonicalize(source.root()).unwrap();
    let slow = ("openat", "delay_exit=300000");
    let arguments = ["backup".as_ref(), source.root().as_os_str(), "--json".as_ref()];
    let mut told = struck(&site.agent, slow, Some(&folder), arguments);
    let told = told.stderr(Stdio::inherit()).output().unwrap();
    drop(writes);
    let said = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), Some(3), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["status"], "red", "{told}");
    assert!(bilan(&site).contains(CHANGED));
}
