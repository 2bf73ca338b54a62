//! Real files: scanner images, databases in use, a system's own tree.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use e2e::compare::{assert_same, assert_same_content};
use e2e::{Site, Tree, tools};
use rusqlite::Connection;

/// Writes without pause: each transaction raises a counter, adds a row and keeps the sum of all rows; now and then
/// it also rewrites old rows. A state that mixes two transactions is seen by [`assert_committed`].
const WRITER: &str = r"
import os, sqlite3, sys, time
path, mode = sys.argv[1:]
db = sqlite3.connect(path, isolation_level=None, timeout=60)
db.execute(f'PRAGMA journal_mode={mode}')
db.execute('PRAGMA synchronous=OFF')
db.execute('CREATE TABLE IF NOT EXISTS counter(n INTEGER, sum INTEGER)')
db.execute('CREATE TABLE IF NOT EXISTS visits(n INTEGER PRIMARY KEY, amount INTEGER, note BLOB)')
db.execute('CREATE INDEX IF NOT EXISTS by_amount ON visits(amount)')
if db.execute('SELECT count(*) FROM counter').fetchone()[0] == 0:
    db.execute('INSERT INTO counter VALUES(0, 0)')
n = db.execute('SELECT n FROM counter').fetchone()[0]
while True:
    n += 1
    db.execute('BEGIN IMMEDIATE')
    amount = int.from_bytes(os.urandom(3), 'big')
    db.execute('INSERT INTO visits VALUES(?, ?, ?)', (n, amount, os.urandom(1500)))
    db.execute('UPDATE counter SET n = n + 1, sum = sum + ?', (amount,))
    if n % 7 == 0:
        db.execute('UPDATE visits SET note = ? WHERE n = ?', (os.urandom(1500), 1 + n * 7919 % n))
    db.execute('COMMIT')
    if n % 500 == 0:
        print(n, flush=True)
    if n > 15000:
        # Larger, and the first reading of it outlasts every patience on a busy disk.
        time.sleep(0.005)
";

/// A process that writes into a database until it is dropped.
struct Writer {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Writer {
    fn start(database: &Path, mode: &str) -> Self {
        let mut child = Command::new("python3")
            .arg("-c")
            .arg(WRITER)
            .arg(database)
            .arg(mode)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut writer = Self { child, lines };
        // A database of some megabytes before the first backup.
        while writer.next_count() < 4_000 {}
        writer
    }

    /// Waits for the next count it prints: transactions have been committed since.
    fn next_count(&mut self) -> u64 {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(self.child.try_wait().unwrap().is_none(), "the writer ended");
        line.trim().parse().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The database holds exactly the state after one of the transactions; gives its number.
fn assert_committed(database: &Path) -> i64 {
    let connection = Connection::open(database).unwrap();
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let (count, sum): (i64, i64) =
        connection.query_row("SELECT n, sum FROM counter", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let found: (i64, i64, i64) = connection
        .query_row("SELECT count(*), max(n), sum(amount) FROM visits", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, (count, count, sum), "a state between two transactions");
    count
}

fn a_database_in_use_comes_back(mode: &str) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let database = source.path("patients.db");
    source.file("lisez-moi.txt", "à côté");
    let mut writer = Writer::start(&database, mode);
    for snapshot in 1..=4 {
        let told = site.backup(&source);
        assert!(told["consistent_copies"].as_u64().unwrap() >= 1, "{told}");
        writer.next_count();
        writer.next_count();
        assert_eq!(told["snapshot"], snapshot);
    }
    drop(writer);
    let mut counts = Vec::new();
    for snapshot in 1..=4 {
        let to = site.path(&format!("retour {snapshot}"));
        site.restore(&snapshot.to_string(), &to);
        let back = site.restored(&to, source.root());
        counts.push(assert_committed(&back.join("patients.db")));
    }
    assert!(counts.is_sorted() && counts[0] >= 4_000 && counts[3] > counts[0], "{counts:?}");
}

#[test]
fn a_database_written_in_wal_mode_comes_back_in_a_committed_state() {
    a_database_in_use_comes_back("wal");
}

#[test]
fn a_database_written_with_a_rollback_journal_comes_back_in_a_committed_state() {
    a_database_in_use_comes_back("delete");
}

#[test]
fn an_idle_database_comes_back_byte_for_byte() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for (name, mode) in [("journal.db", "delete"), ("wal.db", "wal")] {
        drop(Writer::start(&source.path(name), mode));
        // Closed in good order: the last connection checkpoints the log.
        let connection = Connection::open(source.path(name)).unwrap();
        connection.execute("DELETE FROM visits WHERE n % 3 = 0", []).unwrap();
        connection.execute_batch("UPDATE counter SET n = n").unwrap();
        drop(connection);
    }
    site.backup(&source);
    let to = site.path("retour");
    site.restore("1", &to);
    assert_same(source.root(), &site.restored(&to, source.root()));
}

/// The DICOM files of PyPI `pydicom-data`.
pub fn dicom_folder() -> PathBuf {
    let script = "import data_store, os; print(os.path.join(os.path.dirname(data_store.__file__), 'data'))";
    let output = tools::run(tools::python(), ["-c", script]);
    assert!(output.status.success(), "pydicom-data is not installed: tests/run installs it");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

fn scanner_images_come_back(site: &Site) {
    let source = site.source("cabinet");
    let images = source.path("imagerie");
    tools::stdout_of(tools::run("cp", [OsString::from("-r"), dicom_folder().into(), images.into()]));
    let told = site.backup(&source);
    assert!(told["files"]["new"].as_u64().unwrap() >= 60, "{told}");
    assert!(told["source_bytes"].as_u64().unwrap() > 50_000_000, "{told}");
    let to = site.path("retour");
    site.restore("1", &to);
    assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn dicom_files_come_back_from_a_folder() {
    scanner_images_come_back(&Site::on_dir());
}

#[test]
fn dicom_files_come_back_from_seaweedfs() {
    scanner_images_come_back(&Site::on_seaweed());
}

/// How many there are at least in a tree of real files.
const REAL_FILES: usize = 20_000;

/// A tree of at least 20 000 real files, with images, a database and hardlinks in it.
pub fn a_real_tree(site: &Site) -> Tree {
    let source = site.source("cabinet");
    let mut places = vec![PathBuf::from("/usr/share"), "/usr/include".into(), "/usr/lib".into()];
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    places.extend(cargo.map(|cargo| cargo.join("registry/src")));
    let mut taken = 0;
    for place in places {
        taken += take_files(&place, &source, REAL_FILES.saturating_sub(taken));
    }
    assert!(taken >= REAL_FILES, "this machine has too few files of its own");
    let images = [OsString::from("-r"), dicom_folder().into(), source.path("imagerie").into()];
    tools::stdout_of(tools::run("cp", images));
    drop(Writer::start(&source.path("patients.db"), "wal"));
    Connection::open(source.path("patients.db")).unwrap().execute("UPDATE counter SET n = n", []).unwrap();
    for number in 0..50 {
        source.hardlink(format!("liens/{number}.dcm"), "imagerie/693_UNCI.dcm");
    }
    source
}

/// Copies up to `wanted` regular files of at most 64 KiB, attributes and all, and gives the number of those that are
/// there then. The machine goes on living: a file that goes away meanwhile is none of them.
fn take_files(from: &Path, to: &Tree, wanted: usize) -> usize {
    // Some more, in place of those that may go away.
    let wanted = wanted + wanted.div_ceil(100);
    let (mut taken, mut folders) = (Vec::new(), vec![from.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                folders.push(path);
            } else if taken.len() < wanted && metadata.is_file() && metadata.len() <= 64 << 10 {
                taken.push(path);
            }
        }
    }
    let relative = taken.iter().map(|path| path.strip_prefix("/").unwrap().as_os_str().as_encoded_bytes());
    let list: Vec<u8> = relative.flat_map(|path| [path, b"\0"].concat()).collect();
    // 1 is tar's word for a file that changed while it was read.
    let script = "{ tar -C / --null -T - --ignore-failed-read -cf - || [ $? = 1 ]; } | tar -C \"$0\" -xpf -";
    let script = format!("set -eo pipefail; {script}");
    let arguments = ["-c".into(), script.into(), OsString::from(to.root())];
    tools::stdout_of(tools::run_with_input("bash", arguments, &list));
    let copy = |path: &&PathBuf| to.path(path.strip_prefix("/").unwrap());
    taken.iter().filter(|path| fs::symlink_metadata(copy(path)).is_ok()).count()
}

fn a_real_tree_comes_back(site: &Site) {
    let source = a_real_tree(site);
    let told = site.backup(&source);
    assert!(told["files"]["new"].as_u64().unwrap() >= 20_000, "{told}");
    assert_eq!(told["problems"], 0, "{told}");
    let to = site.path("retour");
    site.restore("latest", &to);
    assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn twenty_thousand_real_files_come_back_from_a_folder() {
    a_real_tree_comes_back(&Site::on_dir());
}

#[test]
fn twenty_thousand_real_files_come_back_from_seaweedfs() {
    a_real_tree_comes_back(&Site::on_seaweed());
}

#[test]
fn a_source_that_is_a_copy_of_another_costs_almost_nothing() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let images = [OsString::from("-r"), dicom_folder().into(), source.path("imagerie").into()];
    tools::stdout_of(tools::run("cp", images));
    site.backup(&source);
    let before = site.place.stored_bytes();
    fs::rename(source.path("imagerie"), source.path("archives")).unwrap();
    site.backup(&source);
    let added = site.place.stored_bytes() - before;
    assert!(added < 1 << 20, "a renamed folder stored {added} bytes");
    let to = site.path("retour");
    site.restore("2", &to);
    assert_same_content(source.root(), &site.restored(&to, source.root()));
}
