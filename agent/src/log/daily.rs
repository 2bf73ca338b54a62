//! A file a day, private to its owner, and a bounded number of them.
//!
//! Lines come from the log; `scelle.log` becomes `scelle.2026-11-27.log` beside it (days in UTC, as the lines' own times).
//! Our own and not a library's: the file must be 0600 from its first byte, and a day must pass in a test. Never: removes a
//! file whose name is not exactly one of these.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scelle_core::clock::Clock;
use scelle_core::platform;

/// The file of today, and those of the days before.
pub struct DailyFile {
    folder: PathBuf,
    name: NameOfDay,
    keep_days: u32,
    clock: Arc<dyn Clock>,
    today: FileOfDay,
}

/// How the files are called.
struct NameOfDay {
    before: String,
    /// After the day.
    after: String,
}

/// The file that is written to.
struct FileOfDay {
    day: Date,
    file: File,
}

impl DailyFile {
    /// Opens today's file of the log at `path`, and makes its folder, private, where it is not there.
    ///
    /// Errors: the folder or the file cannot be made, the path ends in no file name.
    pub fn open(path: &Path, keep_days: u32, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (Some(folder), Some(stem)) = (path.parent(), path.file_stem()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            platform::make_private(folder)?;
        }
        let text =
            |part: &std::ffi::OsStr| part.to_str().map(str::to_owned).ok_or(io::ErrorKind::InvalidFilename);
        let after = path.extension().map(text).transpose()?.map_or_else(String::new, |ext| format!(".{ext}"));
        let name = NameOfDay { before: format!("{}.", text(stem)?), after };
        let day = day_of(&*clock);
        let today = FileOfDay { day, file: open(&folder.join(name.of(day)))? };
        let log = Self { folder: folder.to_owned(), name, keep_days, clock, today };
        log.sweep();
        Ok(log)
    }

    /// Removes the oldest files beyond those that are kept. What cannot be removed is left for the next day.
    fn sweep(&self) {
        let Ok(listed) = fs::read_dir(&self.folder) else { return };
        let names = listed.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut days: Vec<Date> = names.filter_map(|name| self.day_in(&name)).collect();
        days.sort_unstable();
        let beyond = days.len().saturating_sub(self.keep_days.max(1) as usize);
        for day in &days[..beyond] {
            let _ = fs::remove_file(self.folder.join(self.name.of(*day)));
        }
    }

    fn day_in(&self, name: &str) -> Option<Date> {
        let day: Date = name.strip_prefix(&self.name.before)?.strip_suffix(&self.name.after)?.parse().ok()?;
        (self.name.of(day) == name).then_some(day)
    }
}

impl Write for DailyFile {
    /// One line, in one piece, into the file of its day: two processes that log into one file do not mix their lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let day = day_of(&*self.clock);
        if day != self.today.day {
            self.today = FileOfDay { day, file: open(&self.folder.join(self.name.of(day)))? };
            self.sweep();
        }
        self.today.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NameOfDay {
    fn of(&self, day: Date) -> String {
        format!("{}{day}{}", self.before, self.after)
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    platform::private_file(&mut options);
    options.open(path)
}

/// The day in UTC; the first of all where the clock is out of its mind.
fn day_of(clock: &dyn Clock) -> Date {
    let now = Timestamp::try_from(clock.now()).unwrap_or(Timestamp::UNIX_EPOCH);
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use scelle_core::clock::FixedClock;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn each_day_has_its_file_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(SystemTime::UNIX_EPOCH + 20_000 * DAY));
        for other in ["a.log", "a.2024-1-1.log", "a.2020-01-01.log.old", "b.2020-01-01.log"] {
            fs::write(folder.path().join(other), "not ours").unwrap();
        }
        fs::write(folder.path().join("a.2020-01-01.log"), "of an earlier run").unwrap();
        let mut log = DailyFile::open(&folder.path().join("a.log"), 3, clock.clone()).unwrap();
        for day in 0..5 {
            writeln!(log, "day {day}").unwrap();
            writeln!(log, "again").unwrap();
            clock.advance(DAY);
        }
        assert_eq!(
            names(folder.path()),
            [
                "a.2020-01-01.log.old",
                "a.2024-1-1.log",
                "a.2024-10-06.log",
                "a.2024-10-07.log",
                "a.2024-10-08.log",
                "a.log",
                "b.2020-01-01.log"
            ]
        );
        let last = fs::read_to_string(folder.path().join("a.2024-10-08.log")).unwrap();
        assert_eq!(last, "day 4\nagain\n");
    }

    #[test]
    fn a_second_run_of_the_day_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/without-end");
        for run in ["one", "two"] {
            let clock = Arc::new(FixedClock::at(SystemTime::UNIX_EPOCH));
            writeln!(DailyFile::open(&path, 0, clock).unwrap(), "{run}").unwrap();
        }
        let file = folder.path().join("new/without-end.1970-01-01");
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn file_and_folder_are_their_owners_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(SystemTime::UNIX_EPOCH));
        let mut log = DailyFile::open(&folder.path().join("new/a.log"), 3, clock.clone()).unwrap();
        clock.advance(DAY);
        log.write_all(b"line\n").unwrap();
        for (name, mode) in [("new", 0o700), ("new/a.1970-01-01.log", 0o600), ("new/a.1970-01-02.log", 0o600)]
        {
            let found = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
    }
}
