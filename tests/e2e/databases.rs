//! Databases in use: whatever the practice's software does meanwhile, a restored copy is one of its states, and the software
//! never waits for an upload.
//!
//! A writer keeps one invariant: each transaction sets all rows that it changes to one generation. Every copy is restored,
//! opened and looked at, those that were called red too. 20 backups for every change; with `SCELLE_LONG=1` 200, five of them
//! of a database of 300 MB among 4 000 neighbours. Times are printed; what is asserted is far above anything measured.
//! Databases at rest, and what lies beside them: `database_files`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use e2e::Site;
use rusqlite::Connection;
use serde_json::Value;

/// Bytes a second: some packs take longer than any lock may be held.
const LINE_BYTES_PER_SECOND: u64 = 8_000_000;
/// For how long a write may be refused, at sizes that the disk reads in so long.
const LONGEST_REFUSAL_MS: u64 = 5_000;

/// Sets the rows it changes to the next generation until its input ends; then prints generations, for how long a write was
/// refused at most in milliseconds, refusals, and the largest log.
const WRITER: &str = r#"
import os, sqlite3, sys, threading, time
path, mode, rows, stride = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
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
    steps = ['BEGIN IMMEDIATE', f'UPDATE visits SET generation = {generation} WHERE n % {stride} = 0', 'COMMIT']
    since = None
    while steps:
        try:
            db.execute(steps[0])
            if since: longest, since = max(longest, time.monotonic() - since), None
            steps.pop(0)
        except sqlite3.OperationalError as error:
            if 'locked' not in str(error): raise
            refused += 1
            since = since or time.monotonic()
            if over.is_set() and not db.in_transaction: break
            time.sleep(0.002)
    if os.path.exists(path + '-wal'):
        log = max(log, os.stat(path + '-wal').st_size)
    time.sleep(0.02)
print(generation, int(longest * 1000), refused, log, flush=True)
"#;

/// A database, who writes it, and what lies around it.
struct Case {
    mode: &'static str,
    /// Rows, of about a kilobyte each.
    rows: u32,
    /// One row in so many is changed by each transaction.
    stride: u32,
    neighbours: u32,
    backups: u32,
    /// Whether a copy may be called red: a program that keeps its database for itself leaves nothing to copy but what lies
    /// there, and one that writes without rest waits no longer than it may for a database that takes longer to read.
    may_be_red: bool,
}

impl Case {
    fn small(mode: &'static str, rows: u32) -> Self {
        let may_be_red = mode == "exclusive";
        Self { mode, rows, stride: 1, neighbours: 300, backups: e2e::rounds(4, 40), may_be_red }
    }
}

struct Writer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// What a writer lived through.
#[derive(Debug)]
struct Lived {
    generations: u64,
    longest_refusal_ms: u64,
    refusals: u64,
    log_bytes: u64,
}

impl Writer {
    fn start(database: &Path, case: &Case) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", WRITER])
            .arg(database)
            .args([case.mode, &case.rows.to_string(), &case.stride.to_string()])
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
        let [generations, longest_refusal_ms, refusals, log_bytes] = numbers[..] else { panic!("{line}") };
        Lived { generations, longest_refusal_ms, refusals, log_bytes }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one generation of the rows that are changed, or what is wrong with the copy.
fn generation(database: &Path, case: &Case) -> Result<u64, String> {
    let look = || -> rusqlite::Result<(String, u32, i64, i64)> {
        let connection = Connection::open(database)?;
        let sound = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let rows = connection.query_row("SELECT count(*) FROM visits", [], |row| row.get(0))?;
        let changed = "SELECT min(generation), max(generation) FROM visits WHERE n % ?1 = 0";
        let (least, most) =
            connection.query_row(changed, [case.stride], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((sound, rows, least, most))
    };
    match look() {
        Err(error) => Err(error.to_string()),
        Ok((sound, rows, least, most)) if sound == "ok" && rows == case.rows && least == most => {
            Ok(u64::try_from(most).unwrap())
        }
        Ok(other) => Err(format!("{other:?}")),
    }
}

/// How many of the backups of a database with a persistent journal are of the large one.
fn large_backups() -> u32 {
    e2e::rounds(1, 5)
}

fn slowly(site: &Site) -> [OsString; 2] {
    let configuration = site.path("ligne.toml");
    fs::write(&configuration, format!("[limits]\nupload_bytes_per_second = {LINE_BYTES_PER_SECOND}\n"))
        .unwrap();
    ["--config".into(), configuration.into()]
}

/// Backs a database up again and again while it is written, over a slow line, with neighbours that the walk meets between it
/// and its side files.
fn every_copy_is_of_one_generation(case: &Case) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..case.neighbours {
        source.file(format!("app.db-a{number:04}"), format!("lettre {number}"));
    }
    source.file("app.db-b.bin", e2e::tree::noise(7, 6_000_000));
    let database = source.path("app.db");
    let mut writer = Writer::start(&database, case);
    for _ in 0..case.backups {
        let arguments = [OsString::from("backup"), source.root().into(), "--json".into()];
        let told = site.agent.run(arguments.into_iter().chain(slowly(&site)));
        let allowed: &[i32] = if case.may_be_red { &[0, 3] } else { &[0] };
        assert!(allowed.contains(&told.code()), "{}\n{told}", case.mode);
        assert!(writer.child.try_wait().unwrap().is_none(), "the writer ended");
    }
    let lived = writer.end();
    println!(
        "{} of {} rows: {} backups, {} generations, longest refused write {} ms, {} refusals, largest log {} bytes",
        case.mode,
        case.rows,
        case.backups,
        lived.generations,
        lived.longest_refusal_ms,
        lived.refusals,
        lived.log_bytes
    );
    assert!(lived.longest_refusal_ms <= LONGEST_REFUSAL_MS, "{}: {lived:?}", case.mode);
    let bilans = site.agent.json(["bilan", "list"]);
    let (mut last, mut torn) = (0, 0);
    for snapshot in 1..=case.backups {
        let to = site.path("retour");
        site.restore(&snapshot.to_string(), &to);
        let found = generation(&site.restored(&to, &database), case);
        match found {
            Ok(found) => {
                assert!(found >= last && found <= lived.generations, "{}: {found} after {last}", case.mode);
                last = found;
            }
            Err(wrong) => {
                assert!(case.may_be_red && is_red(&bilans, snapshot), "{} {snapshot}: {wrong}", case.mode);
                torn += 1;
            }
        }
        fs::remove_dir_all(&to).unwrap();
    }
    if case.may_be_red {
        let red = (1..=case.backups).filter(|snapshot| is_red(&bilans, *snapshot)).count();
        println!("{}: {red} copies were called red, {torn} of them are not of one state", case.mode);
    }
}

/// Whether the bilan of this snapshot says that a database changed while it was copied.
fn is_red(bilans: &Value, snapshot: u32) -> bool {
    let of = |bilan: &&Value| bilan["snapshot"] == snapshot;
    bilans.as_array().unwrap().iter().find(of).unwrap()["status"] == "red"
}

#[test]
fn a_database_with_a_persistent_journal_is_never_torn() {
    let case = Case::small("persist", 20_000);
    every_copy_is_of_one_generation(&Case { backups: case.backups - large_backups(), ..case });
}

#[test]
fn a_large_database_among_many_neighbours_is_never_torn() {
    every_copy_is_of_one_generation(&Case {
        mode: "persist",
        rows: e2e::rounds(20_000, 300_000),
        stride: 10,
        neighbours: e2e::rounds(300, 4_000),
        backups: large_backups(),
        may_be_red: e2e::rounds(0, 1) == 1,
    });
}

#[test]
fn a_database_with_a_truncated_journal_is_never_torn() {
    every_copy_is_of_one_generation(&Case::small("truncate", 8_000));
}

#[test]
fn a_database_with_a_journal_that_comes_and_goes_is_never_torn() {
    every_copy_is_of_one_generation(&Case::small("delete", 8_000));
}

#[test]
fn a_database_with_a_log_is_never_torn() {
    every_copy_is_of_one_generation(&Case::small("wal", 25_000));
}

#[test]
fn a_database_that_a_program_keeps_for_itself_is_whole_or_red() {
    every_copy_is_of_one_generation(&Case::small("exclusive", 4_000));
}
