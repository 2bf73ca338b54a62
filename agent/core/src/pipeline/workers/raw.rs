//! What waits until the scan is over: databases that SQLite could not read, or cannot because they are encrypted, with their
//! side files, and files whose name is that of a side file.
//!
//! A SQLite database gets another chance with SQLite first. Then main file and side files are read one after the other, again
//! when one of them moved: together they are what a power cut would leave, and the engine recovers from that. Never: leaves a
//! side file out unless its database is whole without it, or nobody asked for it and no database needs it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::error::Result;
use crate::monitor::Problem;
use crate::pipeline::database::side::{self, BaseKey, Candidate, SavedAs, beside, is_accompanied, is_needed};
use crate::pipeline::database::transaction::Refusal;
use crate::pipeline::jobs::job::{FileJob, Outcome};
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::last_pass::Pass;
use crate::pipeline::workers::parts::{PartWork, ReadingWay};
use crate::pipeline::workers::worker::Worker;
use crate::platform::{self, InUse, Stat};
use crate::scan::engine::{DatabaseEngine, SIGNATURE_BYTES, recognise};

/// How long a writer may wait at each try.
const GRACES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Between two tries the writer has its turn.
const BETWEEN: Duration = Duration::from_millis(500);
/// How often files that move are read again.
const ATTEMPTS: u32 = 3;
/// What was changed more recently than this before it is read is being written: between two writes of one transaction it would
/// stand still for long enough to be read. It is also more than two changes with the same time stamp can be apart.
const QUIET: Duration = Duration::from_secs(1);

impl Worker<'_> {
    /// Does everything that waited for the end of the scan.
    pub fn late(&mut self) -> Result<()> {
        let is_database =
            |job: &FileJob| matches!(engine_of(job), DatabaseEngine::Sqlite | DatabaseEngine::Paged);
        self.shared.beside.wait_for_databases(is_database);
        let mut done: HashMap<BaseKey, Arc<FileJob>> = HashMap::new();
        for job in self.shared.beside.take_late() {
            let key = BaseKey::of(&job.stat, job.path.as_bytes());
            match done.get(&key).and_then(|twin| twin.outcome()) {
                // Another name of a file that has its verdict: its side files were taken with that.
                Some(outcome) => {
                    self.shared.monitor.advance(1, 0);
                    job.end(outcome.clone());
                }
                None => self.late_database(&job)?,
            }
            done.entry(key).or_insert(job);
        }
        for cluster in self.shared.beside.take_clusters() {
            self.late_cluster(cluster)?;
        }
        for (candidate, saved) in self.shared.beside.take_rest() {
            self.rest(&candidate, saved)?;
        }
        Ok(())
    }

    /// Saves a file that only sounds like a side file. What it is, is asked of the bytes that were read, too: a transaction may begin
    /// meanwhile, and its journal beside a database of an earlier moment would undo what that never had.
    fn rest(&mut self, candidate: &Candidate, saved: Option<SavedAs>) -> Result<()> {
        let job = &candidate.job;
        let is_left_out = || {
            let is_gone = saved.is_some() && side::is_gone(&job.os_path);
            is_gone || side::looks(&job.os_path).is_left_out(saved)
        };
        if candidate.is_part_only || is_left_out() {
            job.end(Outcome::LeftOut);
            return Ok(());
        }
        let Some(work) = self.read_now(job, ReadingWay::content(1))? else { return Ok(()) };
        let as_read = side::looks_of(&work.source, &job.os_path);
        let unchanged = work.source.is_unchanged().unwrap_or(false);
        if as_read.is_left_out(saved) || !unchanged && is_left_out() {
            work.list.end();
            self.shared.monitor.advance(1, job.stat.bytes);
            job.end(Outcome::LeftOut);
            return Ok(());
        }
        self.end_now(&work, (!unchanged).then_some(Problem::Changed), None);
        Ok(())
    }

    fn late_database(&mut self, job: &Arc<FileJob>) -> Result<()> {
        let key = BaseKey::of(&job.stat, job.path.as_bytes());
        let path = self.shared.beside.name_in_use(&key).unwrap_or_else(|| job.os_path.clone());
        let mut is_busy = false;
        let graces = if engine_of(job) == DatabaseEngine::Sqlite { GRACES.as_slice() } else { &[] };
        for &grace in graces {
            match self.last_pass(job, &path, grace)? {
                Pass::Done => return Ok(()),
                Pass::LetGo => is_busy = true,
                Pass::Refused(refusal) => {
                    is_busy |= refusal == Refusal::Busy;
                    break;
                }
            }
            std::thread::sleep(BETWEEN);
        }
        self.as_it_lies(job, &path, &key, is_busy)
    }

    /// Saves main and side files as they lie.
    fn as_it_lies(&mut self, job: &Arc<FileJob>, path: &Path, key: &BaseKey, is_busy: bool) -> Result<()> {
        let mut candidates = self.shared.beside.take_candidates(key);
        let mut attempt = 1;
        loop {
            let (sides, others): (Vec<_>, Vec<_>) =
                candidates.into_iter().partition(|candidate| is_needed(&candidate.job.os_path));
            let mark = mark(path);
            wait_until_quiet(&mark);
            let Some(read) = self.read_together(job, &sides)? else {
                for candidate in sides.into_iter().chain(others) {
                    self.shared.beside.put_aside(key.clone(), candidate);
                }
                return Ok(());
            };
            let stood_still = |work: &Arc<PartWork>| work.source.is_unchanged().unwrap_or(false);
            let unchanged = read.len() == sides.len() + 1
                && read.iter().all(stood_still)
                && self::mark(path) == mark
                && missing_sides(path, &sides).is_empty();
            if !unchanged && attempt < ATTEMPTS {
                attempt += 1;
                candidates = sides.into_iter().chain(others).collect();
                continue;
            }
            self.leave_others(key, &sides, others);
            let in_use = match is_busy {
                true => InUse::Yes,
                false => platform::in_use(path, read[0].source.stat()),
            };
            let is_tied = || sides.iter().any(|candidate| side::is_tied(&candidate.job.os_path));
            let taken = match Taken::raw(unchanged, read.len() > 1, in_use) {
                Taken::WithSideFiles if is_tied() => Taken::Tied,
                taken => taken,
            };
            let is_alone = read.len() == 1 && side::is_of_another_engine(path);
            let saved = if is_alone { SavedAs::Alone } else { SavedAs::Database };
            self.shared.beside.is_saved_now(key.clone(), saved);
            self.end_now(&read[0], taken.problem(), Some(taken));
            for side in &read[1..] {
                self.end_side(side, (!unchanged).then_some(Problem::Changed));
            }
            return Ok(());
        }
    }

    /// The main file first, then those of its side files that can be read; `None` where the main file cannot.
    fn read_together(
        &mut self,
        main: &Arc<FileJob>,
        sides: &[Candidate],
    ) -> Result<Option<Vec<Arc<PartWork>>>> {
        let Some(main) = self.read_now(main, ReadingWay::paged(1))? else { return Ok(None) };
        let mut read = vec![main];
        for side in sides {
            read.extend(self.read_now(&side.job, ReadingWay::content(1))?);
        }
        Ok(Some(read))
    }

    /// What only sounds like a side file waits for what becomes of the rest; the index of a log is made anew when that is
    /// opened.
    fn leave_others(&self, key: &BaseKey, sides: &[Candidate], others: Vec<Candidate>) {
        let has_log = sides.iter().any(|candidate| side::is_log(&candidate.job.os_path));
        for other in others {
            if has_log && side::is_index(&other.job.os_path) {
                other.job.end(Outcome::LeftOut);
            } else {
                self.shared.beside.put_aside(key.clone(), other);
            }
        }
    }
}

/// What a file is by its own first bytes, which nobody has looked at yet or which may have changed since.
fn engine_of(job: &FileJob) -> DatabaseEngine {
    let mut first = [0; SIGNATURE_BYTES];
    let read = job.open().and_then(|source| source.read_at(&mut first, 0));
    // What cannot be opened ends as such.
    read.map_or(DatabaseEngine::Content, |n| recognise(&first[..n], job.path.as_bytes()))
}

/// Side files that the database needs and that are not among those that were read: made since the walk.
fn missing_sides(path: &Path, read: &[Candidate]) -> Vec<PathBuf> {
    let mut missing: Vec<_> = ["-journal", "-wal"].iter().map(|ending| beside(path, ending)).collect();
    missing.retain(|side| !read.iter().any(|candidate| candidate.job.os_path == *side));
    missing.retain(|side| is_needed(side));
    missing
}

/// How a file looks.
#[derive(PartialEq, Eq)]
struct Looks {
    inode: u64,
    bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
}

/// How a database and its side files look.
type DatabaseMark = [Option<Looks>; 3];

fn mark(path: &Path) -> DatabaseMark {
    let look =
        |Stat { inode, bytes, modified_ns, changed_ns, .. }| Looks { inode, bytes, modified_ns, changed_ns };
    [path.to_owned(), beside(path, "-wal"), beside(path, "-journal")]
        .map(|side| platform::stat(&side).ok().map(look))
}

/// Waits until the last change is old enough to prove anything. What looks as it did before that wait, once it is read, was
/// quiet before and while it was read.
fn wait_until_quiet(mark: &DatabaseMark) {
    if mark.iter().flatten().any(|looks| is_fresh(looks.modified_ns)) {
        std::thread::sleep(QUIET);
    }
}

/// Whether the last change of a file is so fresh that the next may belong to it.
pub fn is_fresh(modified_ns: i64) -> bool {
    let now = clock::of_files().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    i128::from(modified_ns) + QUIET.as_nanos() as i128 > now as i128
}

impl crate::pipeline::database::side::Beside {
    /// Another name of the database, where that is the one with side files.
    fn name_in_use(&self, key: &BaseKey) -> Option<PathBuf> {
        self.bases(key).into_iter().find(|base| is_accompanied(base))
    }
}
