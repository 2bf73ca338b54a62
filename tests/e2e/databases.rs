//! Databases in use: whatever the practice's software does meanwhile, a restored copy is one of its states, and the software
//! never waits for an upload.
//!
//! A writer keeps one invariant: each transaction sets all rows that it changes to one generation. Every copy is restored,
//! opened and looked at: it is of one generation, of those that were committed while it was taken. Where a copy may be called
//! red, it is only while the writer writes, and the exit code and the bilan say so; once the writer rests it is whole. 24
//! backups for every change, four of them of 100 MB in the modes in which a lock or a log could last as long as the line; with
//! `SCELLE_LONG=1` 212, 12 of them of 300 MB among 4 000 neighbours. Times are printed; what is asserted is the bound that
//! the practice is promised. Databases at rest, and what lies beside them: `database_files`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use e2e::{Site, Tree};
use rusqlite::Connection;

/// Bytes a second: some packs take longer than any lock may be held.
const LINE_BYTES_PER_SECOND: u64 = 8_000_000;
/// For how long a write may be refused, at sizes that the disk reads in so long.
///
/// What the writer itself oversleeps on a busy machine does not count. The line of the large cases takes longer.
const LONGEST_REFUSAL_MS: u64 = 5_000;

/// A log is as long by itself: SQLite moves its pages after a thousand of them.
const CHECKPOINT_BYTES: u64 = 1_100 * 4_120;
/// How much a log may grow because we read by it: 64 MiB, the bound of a read transaction.
const LOG_GROWTH_BYTES: u64 = 64 << 20;

/// Sets the rows it changes to the next generation, and writes each that is committed to a file, until it is told to rest;
/// then prints that it does, and, when its input ends, generations, for how long a write was refused at most in milliseconds,
/// refusals, and the largest log.
const WRITER: &str = r#"
import os, sqlite3, sys, threading, time
path, mode, rows, stride = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
committed, pause = os.open(sys.argv[5], os.O_WRONLY | os.O_CREAT), int(sys.argv[6]) / 1000
db = sqlite3.connect(path, isolation_level=None, timeout=0)
if mode == 'exclusive':
    db.execute('PRAGMA locking_mode=EXCLUSIVE')
db.execute('PRAGMA journal_mode=' + ('wal' if mode == 'exclusive' else mode))
db.execute('PRAGMA synchronous=OFF')
db.execute('CREATE TABLE IF NOT EXISTS visits(n INTEGER PRIMARY KEY, generation INTEGER, note BLOB)')
db.execute('BEGIN')
db.executemany('INSERT INTO visits VALUES(?, 0, ?)', ((n, os.urandom(900)) for n in range(rows)))
db.execute('COMMIT')
db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
os.pwrite(committed, b'%12d' % 0, 0)
print('ready', flush=True)
rest = threading.Event()
def listen():
    sys.stdin.readline()
    rest.set()
threading.Thread(target=listen, daemon=True).start()
generation, longest, refused, log = 0, 0.0, 0, 0
while not rest.is_set():
    generation += 1
    steps = ['BEGIN IMMEDIATE', f'UPDATE visits SET generation = {generation} WHERE n % {stride} = 0', 'COMMIT']
    since, overslept = None, 0.0
    while steps:
        asked = time.monotonic()
        try:
            db.execute(steps[0])
            if since: longest, since, overslept = max(longest, asked - since - overslept), None, 0.0
            steps.pop(0)
        except sqlite3.OperationalError as error:
            if 'locked' not in str(error): raise
            refused += 1
            since = since or asked
            sleeps = time.monotonic()
            time.sleep(0.002)
            overslept += time.monotonic() - sleeps - 0.002
    os.pwrite(committed, b'%12d' % generation, 0)
    if os.path.exists(path + '-wal'):
        log = max(log, os.stat(path + '-wal').st_size)
    rest.wait(pause)
print('rests', flush=True)
sys.stdin.read()
print(generation, int(longest * 1000), refused, log, flush=True)
"#;

/// A database, who writes it, and what lies around it.
struct Case {
    mode: &'static str,
    /// Rows, of about a kilobyte each.
    rows: u32,
    /// One row in so many is changed by each transaction.
    stride: u32,
    /// Files that the walk meets between the database and its journal.
    neighbours: u32,
    backups: u32,
    /// How long the writer rests after each transaction, in milliseconds.
    pause_ms: u32,
    /// A copy may be called red where its program wrote during the run and committed at least so many transactions: a program that keeps its
    /// database for itself leaves nothing to copy but what lies there, and one that writes without rest waits no longer than
    /// it may for a database that takes longer to read.
    red_from_commits: Option<u64>,
}

impl Case {
    /// Whole pages change with each transaction.
    fn small(mode: &'static str, rows: u32) -> Self {
        let backups = e2e::rounds(3, 39);
        Self { mode, rows, stride: 1, neighbours: 300, backups, pause_ms: 5, red_from_commits: None }
    }

    /// Transactions so short that many end while the walk passes the neighbours: who drops the lock there mixes them.
    fn hasty(mode: &'static str, rows: u32) -> Self {
        Self { stride: 40, neighbours: 2_000, ..Self::small(mode, rows) }
    }

    /// More than is kept in memory on the way to the line: who holds a lock or a read mark until it is sent holds it for
    /// seconds.
    fn large(mode: &'static str) -> Self {
        Self {
            mode,
            rows: e2e::rounds(100_000, 300_000),
            stride: 40,
            neighbours: e2e::rounds(2_000, 4_000),
            backups: e2e::rounds(1, 5),
            pause_ms: 5,
            red_from_commits: Some(3),
        }
    }

    /// The same for a program that writes now and then, as a practice's does: no copy is red.
    fn large_and_calm(mode: &'static str) -> Self {
        Self { pause_ms: 3_000, red_from_commits: None, ..Self::large(mode) }
    }

    /// What one transaction adds to a log at most: a page has four rows.
    fn transaction_bytes(&self) -> u64 {
        u64::from((self.rows / self.stride).min(self.rows / 4)) * 4_200
    }
}

struct Writer {
    child: Child,
    lines: BufReader<ChildStdout>,
    committed: PathBuf,
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
    fn start(database: &Path, case: &Case, committed: PathBuf) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", WRITER])
            .arg(database)
            .args([case.mode, &case.rows.to_string(), &case.stride.to_string()])
            .arg(&committed)
            .arg(case.pause_ms.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut writer = Self { child, lines, committed };
        assert_eq!(writer.line(), "ready");
        writer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// The newest generation that is surely committed.
    fn committed(&self) -> u64 {
        fs::read_to_string(&self.committed).unwrap().trim().parse().unwrap()
    }

    /// Bytes that it has written so far, committed or not.
    fn written_bytes(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
    }

    /// Lets it finish its transaction and write no more; it keeps the database open.
    fn rest(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"rest\n").unwrap();
        assert_eq!(self.line(), "rests");
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

fn slowly(site: &Site) -> [OsString; 2] {
    let configuration = site.path("ligne.toml");
    fs::write(&configuration, format!("[limits]\nupload_bytes_per_second = {LINE_BYTES_PER_SECOND}\n"))
        .unwrap();
    ["--config".into(), configuration.into()]
}

/// One backup: what may be in its copy, and whether it was called red.
struct Taken {
    generations: RangeInclusive<u64>,
    is_red: bool,
}

/// Backs a database up again and again while it is written, over a slow line, with neighbours that the walk meets between it
/// and its side files; then once more while its program rests.
fn every_copy_is_of_one_generation(case: &Case) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..case.neighbours {
        source.file(format!("app.db-a{number:04}"), format!("lettre {number}"));
    }
    source.file("app.db-b.bin", e2e::tree::noise(7, 6_000_000));
    let database = source.path("app.db");
    let mut writer = Writer::start(&database, case, site.path("committed"));
    let mut taken: Vec<Taken> = (0..case.backups).map(|_| back_up(&site, &source, case, &writer)).collect();
    writer.rest();
    let last = back_up(&site, &source, case, &writer);
    assert!(!last.is_red, "{}: red, and nobody wrote", case.mode);
    taken.push(Taken { generations: writer.committed()..=writer.committed(), ..last });
    let lived = writer.end();
    let red = taken.iter().filter(|taken| taken.is_red).count();
    println!(
        "{} of {} rows: {} backups, {red} of them red, {} generations, longest refused write {} ms, {} refusals, \
         largest log {} bytes",
        case.mode,
        case.rows,
        taken.len(),
        lived.generations,
        lived.longest_refusal_ms,
        lived.refusals,
        lived.log_bytes
    );
    assert!(lived.longest_refusal_ms <= LONGEST_REFUSAL_MS, "{}: {lived:?}", case.mode);
    // It grows from what it is by itself, a transaction after one whose pages were not moved yet, and that it has grown is
    // seen after the transaction that does it.
    // A writer that is quicker than we are woken adds what it writes meanwhile; held for as long as the line takes, the log
    // would be gigabytes.
    let most = 2 * LOG_GROWTH_BYTES + 3 * case.transaction_bytes().max(CHECKPOINT_BYTES);
    assert!(lived.log_bytes <= most, "{}: more than {most}: {lived:?}", case.mode);
    for (snapshot, taken) in (1..).zip(&taken) {
        let to = site.path("retour");
        site.restore(&u32::to_string(&snapshot), &to);
        match generation(&site.restored(&to, &database), case) {
            Ok(found) if taken.is_red || taken.generations.contains(&found) => {}
            Err(_) if taken.is_red => {}
            wrong => panic!("{} {snapshot}: {wrong:?}, not of {:?}", case.mode, taken.generations),
        }
        fs::remove_dir_all(&to).unwrap();
    }
}

/// Red and exit 3, with the true reason, go together, and only where the writer wrote meanwhile.
fn back_up(site: &Site, source: &Tree, case: &Case, writer: &Writer) -> Taken {
    let (first, before_bytes) = (writer.committed(), writer.written_bytes());
    let arguments = [OsString::from("backup"), source.root().into(), "--json".into()];
    let told = site.agent.run(arguments.into_iter().chain(slowly(site)));
    let last = writer.committed();
    let is_red = told.json()["status"] == "red";
    assert_eq!(told.code(), if is_red { 3 } else { 0 }, "{}\n{told}", case.mode);
    if is_red {
        let least = case.red_from_commits.unwrap_or_else(|| panic!("{}\n{told}", case.mode));
        assert!(writer.written_bytes() > before_bytes, "{}: red, and nobody wrote\n{told}", case.mode);
        assert!(last - first >= least, "{}: red, and {} commits\n{told}", case.mode, last - first);
        let page = site.agent.ok(["bilan", "show", "latest"]).out();
        assert!(page.contains("changed while it was read"), "{}\n{page}", case.mode);
    }
    // What is committed is written down a moment later.
    Taken { generations: first..=last + 1, is_red }
}

#[test]
fn a_database_with_a_persistent_journal_is_never_torn() {
    every_copy_is_of_one_generation(&Case::hasty("persist", 20_000));
}

#[test]
fn a_database_with_a_truncated_journal_is_never_torn() {
    every_copy_is_of_one_generation(&Case::hasty("truncate", 20_000));
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
    every_copy_is_of_one_generation(&Case { red_from_commits: Some(0), ..Case::small("exclusive", 4_000) });
}

#[test]
fn a_large_database_among_many_neighbours_is_never_torn() {
    every_copy_is_of_one_generation(&Case::large_and_calm("persist"));
}

#[test]
fn the_log_of_a_large_database_does_not_grow_as_long_as_the_line_takes_and_it_is_never_torn() {
    every_copy_is_of_one_generation(&Case::large("wal"));
}
