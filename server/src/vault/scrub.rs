//! The scrub: each blob is read again within so many days, in the background, at a bounded pace.
//!
//! When a blob was last read stands in its row, so that a restart goes on where the vault stopped; the longest unread come
//! first. What it finds goes to [`super::operations::damage`], which asks twice. A damaged blob is looked at again every
//! day: an operator who puts the right file back need do no more. Never: faster than its pace, or a deletion.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::params;

use super::clock::{DAY_MS, now_ms};
use super::label::Label;
use super::operations::damage::{Damage, look, note_all};
use super::{Refusal, Vault, log};

/// Rows read, and noted, together. After a crash they are read again.
const ROWS: i64 = 64;
/// How often it is asked whether anything is due.
const REST: Duration = Duration::from_secs(60);

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Each blob within so many days.
    pub days: u32,
    /// Never more than this.
    pub bytes_per_second: u64,
}

/// What was read since the start.
#[derive(Debug, Default)]
pub struct Progress {
    /// Blobs read as a whole.
    pub blobs: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Blobs found damaged.
    pub damaged: AtomicU64,
}

/// The scrub of a running vault.
#[derive(Debug)]
pub struct Scrub {
    /// What was read since the start.
    pub progress: Arc<Progress>,
    stop: Arc<Stop>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Ends a round early.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    lock: Mutex<()>,
    woken: Condvar,
}

impl Stop {
    /// Ends whatever waits or reads.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        let _held = self.lock.lock();
        self.woken.notify_all();
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Waits; whether it may go on.
    fn rest(&self, time: Duration) -> bool {
        let mut held = self.lock.lock();
        if !self.is_asked() {
            self.woken.wait_for(&mut held, time);
        }
        !self.is_asked()
    }
}

impl Scrub {
    /// Begins to scrub on a thread of its own.
    pub fn start(vault: Arc<Vault>, pace: Pace) -> io::Result<Self> {
        let (progress, stop) = (Arc::<Progress>::default(), Arc::<Stop>::default());
        let (counted, stopped) = (Arc::clone(&progress), Arc::clone(&stop));
        let run = move || {
            while stopped.rest(REST) {
                if round(&vault, pace, &counted, &stopped).is_err() {
                    log::problem("the scrub could not read its list; it tries again");
                }
            }
        };
        let thread = std::thread::Builder::new().name("scrub".to_owned()).spawn(run)?;
        Ok(Self { progress, stop, thread: Mutex::new(Some(thread)) })
    }

    /// Ends it within a piece's time.
    pub fn stop(&self) {
        self.stop.ask();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

/// Reads everything that is due now: what was not read in the first three quarters of its days, so that the last
/// quarter is there to read it in, and damaged blobs once a day.
pub fn round(vault: &Vault, pace: Pace, progress: &Progress, stop: &Stop) -> Result<(), Refusal> {
    let began = now_ms();
    for (damaged, before) in [(true, began - DAY_MS), (false, began - i64::from(pace.days) * DAY_MS * 3 / 4)]
    {
        loop {
            let labels = due(vault, damaged, before)?;
            if labels.is_empty() || stop.is_asked() {
                break;
            }
            let mut brake = Brake::new(pace.bytes_per_second);
            let mut found = Vec::new();
            for label in labels {
                let Some(damage) = twice(vault, &label, &mut brake, progress, stop) else { break };
                progress.damaged.fetch_add(damage.is_some().into(), Ordering::Relaxed);
                progress.blobs.fetch_add(1, Ordering::Relaxed);
                found.push((label.blob, damage));
            }
            note_all(vault, found)?;
        }
    }
    Ok(())
}

/// How many blobs were not read for longer than they should be.
pub fn overdue(vault: &Vault, days: u32) -> Result<i64, Refusal> {
    let before = now_ms() - i64::from(days) * DAY_MS;
    vault.metadata.read_blocking(|c| {
        let sql = "SELECT count(*) FROM versions WHERE is_marker = 0 AND is_damaged = 0 AND scrubbed_ms < ?1";
        Ok(c.prepare_cached(sql)?.query_row([before], |row| row.get(0))?)
    })
}

/// How many versions are in quarantine.
pub fn damaged(vault: &Vault) -> Result<i64, Refusal> {
    let sql = "SELECT count(*) FROM versions WHERE is_damaged = 1";
    vault.metadata.read_blocking(|c| Ok(c.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
}

fn due(vault: &Vault, damaged: bool, before_ms: i64) -> Result<Vec<Label>, Refusal> {
    // The two conditions are written out, each as its index has it.
    let which = if damaged { "is_damaged = 1" } else { "is_damaged = 0" };
    let sql = format!(
        "SELECT label FROM versions WHERE is_marker = 0 AND {which} AND scrubbed_ms < ?1
         ORDER BY scrubbed_ms LIMIT ?2"
    );
    vault.metadata.read_blocking(|c| {
        let mut query = c.prepare_cached(&sql)?;
        let rows = query.query_map(params![before_ms, ROWS], |row| row.get::<_, String>(0))?;
        let labels = rows.map(|json| {
            serde_json::from_str(&json?).map_err(|_| Refusal::Internal("metadata: label".to_owned()))
        });
        labels.collect()
    })
}

/// What two looks say; `None` when the second could not be taken, or the end was asked for.
fn twice(
    vault: &Vault,
    label: &Label,
    brake: &mut Brake,
    progress: &Progress,
    stop: &Stop,
) -> Option<Option<Damage>> {
    let mut each = |bytes: usize| {
        progress.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        brake.hold(bytes as u64, stop) && !stop.is_asked()
    };
    let mut found = look(&vault.blobs, label, &mut each);
    if !matches!(found, Ok(None)) {
        found = look(&vault.blobs, label, &mut each);
    }
    if stop.is_asked() {
        return None;
    }
    if found.is_err() {
        log::problem("the scrub could not open a blob; it tries again");
    }
    found.ok()
}

/// Keeps a reader at its pace.
struct Brake {
    began: Instant,
    bytes: u64,
    bytes_per_second: u64,
}

impl Brake {
    fn new(bytes_per_second: u64) -> Self {
        Self { began: Instant::now(), bytes: 0, bytes_per_second: bytes_per_second.max(1) }
    }

    fn hold(&mut self, bytes: u64, stop: &Stop) -> bool {
        self.bytes += bytes;
        let due = Duration::from_secs_f64(self.bytes as f64 / self.bytes_per_second as f64);
        match due.checked_sub(self.began.elapsed()) {
            Some(early) if early > Duration::from_millis(5) => stop.rest(early),
            _ => true,
        }
    }
}
