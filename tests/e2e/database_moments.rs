//! Databases and their journals are of one moment: nothing that a program writes after its database was copied stands beside the
//! copy. What is saved of each state when nobody writes: `database_files`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use e2e::process::read_bytes;
use e2e::{Site, noise};
use rusqlite::Connection;

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// A journal with one page, as it lies at rest, or hot.
fn journal(magic: [u8; 8]) -> Vec<u8> {
    let mut journal = vec![0; 512];
    journal[..8].copy_from_slice(&magic);
    if magic == MAGIC {
        journal[8..28].copy_from_slice(&[0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 16, 0]);
    }
    journal.extend([0, 0, 0, 2]);
    journal.extend(noise(3, 4096));
    journal
}

/// An encrypted database has no signature, and its journal at rest is not needed when the database is read. What a later transaction
/// makes of that journal would undo in the copy what the copy never had.
#[test]
fn a_journal_that_becomes_hot_after_its_database_was_read_is_not_beside_it() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let before = noise(1, 8_000_000);
    let base = source.file("aa.dat", before.clone());
    let side = source.file("aa.dat-journal", journal([0; 8]));
    // Its program keeps this one for itself: the run comes back to it for seconds when everything else is read.
    let locked = Connection::open(source.path("zz.db")).unwrap();
    locked
        .execute_batch("PRAGMA locking_mode=exclusive; CREATE TABLE t(a); INSERT INTO t VALUES(1)")
        .unwrap();
    let mut running = site.agent.start([OsString::from("backup"), source.root().into()]);
    let pid = running.pid();
    running.wait_until("the base is read", || read_bytes(pid) > 8_000_000);
    running.wait_until("its content is there", || {
        !site.objects_so_far("p/").is_empty() || read_bytes(pid) > 8_200_000
    });
    running.pause();
    let writer = File::options().write(true).open(&base).unwrap();
    writer.write_all_at(&noise(2, 400_000), 1_000_000).unwrap();
    fs::write(&side, journal(MAGIC)).unwrap();
    running.go_on();
    let ended = running.wait();
    drop(locked);
    let to = site.path("retour");
    site.restore("latest", &to);
    let back = site.restored(&to, source.root());
    let restored = fs::read(back.join("aa.dat")).unwrap();
    let is_hot = fs::read(back.join("aa.dat-journal")).is_ok_and(|bytes| bytes.starts_with(&MAGIC));
    if restored == before {
        assert!(!is_hot, "the copy is of before, its journal of after\n{ended}");
    } else {
        // The run met the transaction: both are of one moment, or it says that they are not.
        assert!(is_hot || ended.code() == 3, "{ended}");
    }
}

/// Before its first write reaches the disk, a transaction's journal has no magic yet.
#[test]
fn the_journal_of_a_transaction_that_has_just_begun_is_a_journal() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let program = Connection::open(source.path("app.db")).unwrap();
    program
        .execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(1); BEGIN IMMEDIATE; UPDATE t SET a = 2")
        .unwrap();
    let begun = fs::read(source.path("app.db-journal")).unwrap();
    assert!(begun.len() >= 512 && begun[..8] == [0; 8], "{}", begun.len());
    let told = site.backup(&source);
    assert_eq!(told["problems"], 0, "{told}");
    let to = site.path("retour");
    site.restore("latest", &to);
    let back = site.restored(&to, source.root());
    assert!(!back.join("app.db-journal").exists());
    let a: i64 = Connection::open(back.join("app.db"))
        .unwrap()
        .query_row("SELECT a FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(a, 1);
    program.execute_batch("COMMIT").unwrap();
}

/// A program that writes one number into two pages of a file through mapped memory, without rest, until it is dropped.
struct Mapped(Child);

impl Mapped {
    const SCRIPT: &str = "import mmap, sys\n\
        file = open(sys.argv[1], 'r+b'); memory = mmap.mmap(file.fileno(), 0); end = len(memory) - 4096\n\
        number = 0\n\
        while True:\n    \
            number += 1; word = number.to_bytes(8, 'big'); memory[4096:4104] = word; memory[end:end + 8] = word\n    \
            if number == 1000: print('ready', flush=True)";

    fn start(path: &Path) -> Self {
        let mut command = Command::new("python3");
        let mut child = command.args(["-c", Self::SCRIPT]).arg(path).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        Self(child)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A database that its program writes through mapped memory is red; once that has ended it is whole.
fn has_changed(name: &str, content: Vec<u8>) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let path = source.file(name, content);
    let program = Mapped::start(&path);
    // A system that is held up in the middle of a change can hide that one, hardly three times.
    let mut told: Vec<_> = Vec::new();
    for _ in 0..3 {
        told.push(site.agent.run([OsString::from("backup"), "--json".into(), source.root().into()]));
    }
    assert!(told.iter().any(|told| told.code() == 3 && told.json()["status"] == "red"), "{}", told[0]);
    drop(program);
    let told = site.backup(&source);
    assert_eq!(told["problems"], 0, "{told}");
}

#[test]
fn a_database_that_is_written_through_mapped_memory_has_changed() {
    has_changed("patients.mdb", [b"\0\x01\0\0Standard Jet DB\0".to_vec(), noise(4, 40_000_000)].concat());
}

/// An encrypted database of a small practice is known by its name only.
#[test]
fn a_small_database_that_is_written_through_mapped_memory_has_changed() {
    has_changed("patients.db", noise(4, 60_000));
}

/// Whoever names his database like a side file has one all the same: it is read under its own locks.
#[test]
fn a_database_called_like_a_side_file_is_read_as_one() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let programs = ["notes-wal", "notes-journal", "notes-shm"].map(|name| {
        source.file("notes", "a list");
        let program = Connection::open(source.path(name)).unwrap();
        program.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)").unwrap();
        program
    });
    for snapshot in ["1", "2"] {
        let told = site.backup(&source);
        assert_eq!(told["problems"], 0, "{told}");
        let to = site.path(snapshot);
        site.restore(snapshot, &to);
        let back = site.restored(&to, source.root());
        for name in ["notes-wal", "notes-journal", "notes-shm"] {
            let restored = Connection::open(back.join(name)).unwrap();
            let a: i64 = restored.query_row("SELECT max(a) FROM t", [], |row| row.get(0)).unwrap();
            assert_eq!(a.to_string(), snapshot, "{name}");
        }
        programs.iter().for_each(|program| program.execute_batch("INSERT INTO t VALUES(2)").unwrap());
    }
}

/// Of a file with two names only the one that its program uses has the journal that it needs.
#[test]
fn the_hot_journal_of_a_file_with_two_names_is_saved() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.folder("a");
    source.folder("z");
    let base = source.file("a/b.bin", noise(1, 300_000));
    fs::hard_link(&base, source.path("z/x.bin")).unwrap();
    source.file("a/b.bin-shm", "a list");
    let journal = journal(MAGIC);
    source.file("z/x.bin-journal", journal.clone());
    for snapshot in ["1", "2"] {
        site.agent.run([OsString::from("backup"), source.root().into()]);
        let to = site.path(snapshot);
        site.restore(snapshot, &to);
        let back = site.restored(&to, source.root());
        assert_eq!(fs::read(back.join("z/x.bin-journal")).unwrap(), journal, "{snapshot}");
    }
}

/// What only sounds like a side file beside a database that has none stays in the snapshots when the database does not change.
#[test]
fn files_beside_a_database_of_another_engine_stay_saved() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("c.mdb", [b"\0\x01\0\0Standard Jet DB\0".to_vec(), noise(4, 300_000)].concat());
    source.file("c.mdb-journal", [&[0; 512][..], &noise(5, 9_000)].concat());
    source.file("c.mdb-shm", [&[0; 600][..], &noise(6, 32_768 - 600)].concat());
    for snapshot in ["1", "2", "3"] {
        site.backup(&source);
        let to = site.path(snapshot);
        site.restore(snapshot, &to);
        e2e::compare::assert_same_content(source.root(), &site.restored(&to, source.root()));
    }
}

/// What an engine makes and takes away again is not the practice's: its end is no loss of files, nor of content.
#[test]
fn journals_that_end_with_their_transactions_are_no_loss() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..25 {
        source.file(format!("{number}.dat"), noise(number, 6_000));
        source.file(format!("{number}.dat-journal"), journal(MAGIC));
    }
    let files = |told: &serde_json::Value| told["files"]["new"].as_u64().unwrap();
    assert_eq!(files(&site.backup(&source)), 50);
    (0..25).for_each(|number| fs::remove_file(source.path(format!("{number}.dat-journal"))).unwrap());
    for _ in 0..6 {
        let told = site.backup(&source);
        assert_eq!(told["status"], "amber", "{told}");
        let page = site.agent.json(["bilan", "show"])["record"]["status"]["reasons"].to_string();
        let is_loss =
            ["files-lost", "few-files-lost", "sources-shrunk"].iter().any(|code| page.contains(code));
        assert!(!is_loss, "{page}");
    }
}
