//! Databases in use: whatever the practice's software does meanwhile, a restored copy is one of its states, and the software
//! never waits for an upload.
//!
//! A writer keeps one invariant over all rows: each transaction sets all of them to one generation. 20 backups here; with
//! `SCELLE_LONG=1`, 200. Times are printed; what is asserted is far above anything measured.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use e2e::{Site, Tree};
use rusqlite::Connection;
use serde_json::Value;

/// Bytes a second: some packs take longer than any lock may be held.
const LINE_BYTES_PER_SECOND: u64 = 8_000_000;
/// What the software may wait for a write, at sizes that the disk reads in so long.
const LONGEST_WAIT_MS: u64 = 5_000;

/// Sets all rows to the next generation until its input ends; then prints generations, longest wait of a transaction in
/// milliseconds, refusals, and the largest log.
const WRITER: &str = r#"
import os, sqlite3, sys, threading, time
path, mode, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = sqlite3.connect(path, isolation_level=None, timeout=0)
if mode == 'exclusive':
    db.execute('PRAGMA locking_mode=EXCLUSIVE')
db.execute('PRAGMA journal_mode=' + ('wal' if mode == 'exclusive' else mode))
db.execute('PRAGMA synchronous=OFF')
db.execute('CREATE TABLE IF NOT EXISTS visits(n INTEGER PRIMARY KEY, generation INTEGER, note BLOB)')
db.execute('BEGIN')
db.executemany('INSERT INTO visits VALUES(?, 0, ?)', ((n, os.urandom(900)) for n in range(rows)))
db.execute('COMMIT')
print('ready', flush=True)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
generation, longest, refused, log = 0, 0.0, 0, 0
while not over.is_set():
    generation += 1
    began = time.monotonic()
    while True:
        try:
            if not db.in_transaction:
                db.execute('BEGIN IMMEDIATE')
                db.execute('UPDATE visits SET generation = ?', (generation,))
            db.execute('COMMIT')
            break
        except sqlite3.OperationalError as error:
            if 'locked' not in str(error): raise
            refused += 1
            if over.is_set() and not db.in_transaction: break
            time.sleep(0.002)
    longest = max(longest, time.monotonic() - began)
    if os.path.exists(path + '-wal'):
        log = max(log, os.stat(path + '-wal').st_size)
    time.sleep(0.02)
print(generation, int(longest * 1000), refused, log, flush=True)
"#;

struct Writer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// What a writer lived through.
#[derive(Debug)]
struct Lived {
    generations: u64,
    longest_wait_ms: u64,
    refusals: u64,
    log_bytes: u64,
}

impl Writer {
    fn start(database: &Path, mode: &str, rows: u32) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", WRITER])
            .arg(database)
            .args([mode, &rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut writer = Self { child, lines };
        assert_eq!(writer.line(), "ready");
        writer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn end(mut self) -> Lived {
        drop(self.child.stdin.take());
        let line = self.line();
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [generations, longest_wait_ms, refusals, log_bytes] = numbers[..] else { panic!("{line}") };
        Lived { generations, longest_wait_ms, refusals, log_bytes }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one generation of all rows.
fn generation(database: &Path, rows: u32) -> u64 {
    let connection = Connection::open(database).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{}", database.display());
    let found: (u32, i64, i64) = connection
        .query_row("SELECT count(*), min(generation), max(generation) FROM visits", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((found.0, found.1), (rows, found.2), "rows of several generations");
    u64::try_from(found.1).unwrap()
}

fn slowly(site: &Site) -> [OsString; 2] {
    let configuration = site.path("ligne.toml");
    fs::write(&configuration, format!("[limits]\nupload_bytes_per_second = {LINE_BYTES_PER_SECOND}\n"))
        .unwrap();
    ["--config".into(), configuration.into()]
}

/// Names and lengths in a folder.
fn listing(folder: &Path) -> Vec<(OsString, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<_> = entries.map(|e| (e.file_name(), e.metadata().unwrap().len())).collect();
    found.sort();
    found
}

fn rounds(of_twenty: u32) -> u32 {
    if std::env::var_os("SCELLE_LONG").is_some() { of_twenty * 10 } else { of_twenty }
}

/// Backs a database up again and again while it is written, over a slow line, with neighbours that the walk meets between it
/// and its side files.
fn every_copy_is_of_one_generation(mode: &str, rows: u32) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..300 {
        source.file(format!("app.db-a{number:04}"), format!("lettre {number}"));
    }
    source.file("app.db-b.bin", e2e::tree::noise(7, 6_000_000));
    let database = source.path("app.db");
    let mut writer = Writer::start(&database, mode, rows);
    let rounds = rounds(4);
    for _ in 0..rounds {
        let arguments = [OsString::from("backup"), source.root().into(), "--json".into()];
        let told = site.agent.run(arguments.into_iter().chain(slowly(&site)));
        // A program that locks its database for itself leaves nothing to copy but what lies there.
        let allowed: &[i32] = if mode == "exclusive" { &[0, 3] } else { &[0] };
        assert!(allowed.contains(&told.code()), "{mode}\n{told}");
        assert!(writer.child.try_wait().unwrap().is_none(), "the writer ended");
    }
    let lived = writer.end();
    println!(
        "{mode}: {} generations, longest wait of a write {} ms, {} refusals, largest log {} bytes",
        lived.generations, lived.longest_wait_ms, lived.refusals, lived.log_bytes
    );
    assert!(lived.longest_wait_ms <= LONGEST_WAIT_MS, "{mode}: {lived:?}");
    let mut last = 0;
    for snapshot in 1..=rounds {
        let to = site.path("retour");
        let state = site.agent.json([OsString::from("bilan"), "list".into()]);
        if mode == "exclusive" && is_red(&state, snapshot) {
            continue;
        }
        site.restore(&snapshot.to_string(), &to);
        let back = site.restored(&to, source.root());
        let found = generation(&back.join("app.db"), rows);
        assert!(found >= last && found <= lived.generations, "{mode}: {found} after {last}");
        last = found;
        fs::remove_dir_all(&to).unwrap();
    }
}

/// Whether the bilan of this snapshot says that a database changed while it was copied.
fn is_red(bilans: &Value, snapshot: u32) -> bool {
    let of = |bilan: &&Value| bilan["snapshot"] == snapshot;
    bilans.as_array().unwrap().iter().find(of).unwrap()["status"] == "red"
}

#[test]
fn a_database_with_a_persistent_journal_is_never_torn() {
    every_copy_is_of_one_generation("persist", 20_000);
}

#[test]
fn a_database_with_a_truncated_journal_is_never_torn() {
    every_copy_is_of_one_generation("truncate", 8_000);
}

#[test]
fn a_database_with_a_journal_that_comes_and_goes_is_never_torn() {
    every_copy_is_of_one_generation("delete", 8_000);
}

#[test]
fn a_database_with_a_log_is_never_torn() {
    every_copy_is_of_one_generation("wal", 25_000);
}

#[test]
fn a_database_that_a_program_keeps_for_itself_is_whole_or_red() {
    every_copy_is_of_one_generation("exclusive", 4_000);
}

fn bilan(site: &Site) -> String {
    let page = site.agent.ok(["bilan", "show", "latest"]);
    page.out()
}

/// A process that holds a file open, or a database in a state, until it is dropped.
fn python(script: &str, path: &Path) -> Writer {
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let mut writer = Writer { child, lines };
    assert_eq!(writer.line(), "ready");
    writer
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
    let held = python(
        "import sys\nf = open(sys.argv[1], 'r+b')\nprint('ready', flush=True)\nsys.stdin.read()",
        &path,
    );
    site.backup(&source);
    drop(held);
    let page = bilan(&site);
    assert!(
        page.contains("held open by a program during the backup (") && page.contains("held-open"),
        "{page}"
    );
}

#[test]
fn a_database_locked_by_its_program_is_judged_by_content_and_not_by_name() {
    const LOCKED: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('PRAGMA locking_mode=EXCLUSIVE')\nc.execute('CREATE TABLE IF NOT EXISTS t(a)')\n\
        c.execute('INSERT INTO t VALUES(1)')\nprint('ready', flush=True)\nsys.stdin.read()";
    let site = Site::on_dir();
    for name in ["base.dat", "base.db"] {
        let source = site.source(name.rsplit('.').next().unwrap());
        let held = python(LOCKED, &source.path(name));
        site.backup(&source);
        drop(held);
        let page = bilan(&site);
        assert!(page.contains("held-open"), "{name}: {page}");
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
    assert!(bilan(&site).contains("saved-with-side-files"));
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

#[test]
fn what_only_sounds_like_a_side_file_is_saved() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    Connection::open(source.path("notes")).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    source.file("notes-journal", "carnet");
    source.file("notes-wal", vec![9; 70_000]);
    source.file("rien-shm", "liste");
    for _ in 0..2 {
        let told = site.backup(&source);
        assert_eq!(told["problems"], 0, "{told}");
    }
    let to = site.path("retour");
    site.restore("latest", &to);
    e2e::compare::assert_same(source.root(), &site.restored(&to, source.root()));
}
