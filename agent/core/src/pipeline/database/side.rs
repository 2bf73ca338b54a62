//! Side files of SQLite: `X-journal`, `X-wal`, `X-shm`. One is one by its own first bytes, not by its name.
//!
//! The scan finds the names and puts them aside; once every database of the run has its verdict each is left out, where its
//! database was saved whole, saved with its database, where that needs it, or saved like any file. Never: decides by a name
//! alone.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::pipeline::database::cluster::Cluster;
use crate::pipeline::jobs::job::FileJob;
use crate::platform::{self, FileId, Kind, Stat};
use crate::scan::engine::{DatabaseEngine, SIGNATURE_BYTES, recognise};
use crate::scan::{EntryPath, SourceFile};

/// sqlite.org/fileformat2.html §3: first bytes of a rollback journal.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// The words of its header.
const JOURNAL_HEADER_BYTES: usize = 28;
/// What ends a journal that names a super-journal: length and checksum of the name, and the magic once more.
const SUPER_END_BYTES: usize = 16;
/// No path is longer.
const SUPER_NAME_MAX_BYTES: usize = 4096;
/// §4.1: first bytes of a write-ahead log; the last bit is the byte order of its checksums.
const WAL_MAGIC: [[u8; 4]; 2] = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
/// sqlite.org/walformat.html §2.1: version of the WAL index, in the machine's byte order.
const SHM_VERSION: u32 = 3_007_000;
/// Its length is a multiple of this.
const SHM_UNIT_BYTES: u64 = 32_768;
/// The smallest sector that a header of a journal fills.
const JOURNAL_SECTOR_BYTES: usize = 512;
/// First bytes of a file that are looked at.
const LOOKED_AT_BYTES: usize = 512;

/// Which database a file stands beside: by inode, so that each of its names counts, or by path where there are none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BaseKey {
    /// Each name of this file.
    File(FileId),
    /// What lies at this path.
    Path(Vec<u8>),
}

impl BaseKey {
    /// Of a database.
    pub fn of(stat: &Stat, path: &[u8]) -> Self {
        stat.file_id().map_or_else(|| Self::Path(path.to_vec()), Self::File)
    }
}

/// A file whose name is that of a side file.
pub struct Candidate {
    /// How it is read, if it is.
    pub job: Arc<FileJob>,
    /// Where its database lies.
    pub base: PathBuf,
    /// Nobody asked for it by itself: saved only where its database needs it.
    pub is_part_only: bool,
}

/// How a file was saved beside which there are names of side files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedAs {
    /// As a database: whole without them, or with those that it needed.
    Database,
    /// Like any file; none that it would need stood beside it once it was read. It may be an encrypted database.
    Alone,
}

/// What a file with the name of a side file is, by its own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideLooks {
    /// A journal or a log with which a database recovers.
    Needed,
    /// A journal at rest or not begun, the index of a log, or empty: no database needs it.
    AtRest,
    /// Something else.
    Other,
}

impl SideLooks {
    /// Whether it is not to be saved beside what was saved. What only looks like a journal at rest is left out beside a database that is
    /// known to be one; a hot journal beside any file: it belongs to a later moment than that.
    pub fn is_left_out(self, beside: Option<SavedAs>) -> bool {
        match beside {
            Some(SavedAs::Database) => self != Self::Other,
            Some(SavedAs::Alone) => self == Self::Needed,
            None => false,
        }
    }
}

/// What the run knows of databases and of files beside them.
#[derive(Default)]
pub struct Beside {
    candidates: Mutex<HashMap<BaseKey, Vec<Candidate>>>,
    /// What is in this snapshot already, so that nothing of a later moment may stand beside it.
    saved: Mutex<HashMap<BaseKey, SavedAs>>,
    /// SQLite databases that are looked at once the scan is over.
    late: Mutex<Vec<Arc<FileJob>>>,
    clusters: Mutex<Vec<Cluster>>,
    began_ns: i64,
}

impl Beside {
    /// Knows of none yet; the run began at `began_ns`, nanoseconds since 1970.
    pub fn new(began_ns: i64) -> Self {
        Self { began_ns, ..Self::default() }
    }

    /// A file that may be a side file of `base`.
    pub fn put_aside(&self, base: BaseKey, candidate: Candidate) {
        self.candidates.lock().entry(base).or_default().push(candidate);
    }

    /// This file is in the snapshot, as of now.
    pub fn is_saved_now(&self, base: BaseKey, saved: SavedAs) {
        self.saved.lock().insert(base, saved);
    }

    /// The database waits until the scan is over.
    pub fn wait(&self, job: Arc<FileJob>) {
        self.late.lock().push(job);
    }

    /// Databases that wait.
    pub fn take_late(&self) -> Vec<Arc<FileJob>> {
        std::mem::take(&mut self.late.lock())
    }

    /// Files with the names of side files that are databases themselves wait like others.
    pub(in crate::pipeline) fn wait_for_databases(&self, is_database: impl Fn(&FileJob) -> bool) {
        let mut waiting = self.late.lock();
        for files in self.candidates.lock().values_mut() {
            let found = files.extract_if(.., |file| !file.is_part_only && is_database(&file.job));
            waiting.extend(found.map(|file| file.job));
        }
    }

    /// A control file of PostgreSQL was met: its cluster has its verdict when everything else is read.
    pub fn wait_for_cluster(&self, job: Arc<FileJob>) {
        self.clusters.lock().push(Cluster::of(job, self.began_ns));
    }

    /// Clusters that wait.
    pub(in crate::pipeline) fn take_clusters(&self) -> Vec<Cluster> {
        std::mem::take(&mut self.clusters.lock())
    }

    /// Names by which the database has files beside it.
    pub(in crate::pipeline) fn bases(&self, base: &BaseKey) -> Vec<PathBuf> {
        let candidates = self.candidates.lock();
        candidates.get(base).into_iter().flatten().map(|candidate| candidate.base.clone()).collect()
    }

    /// Files beside this database.
    pub fn take_candidates(&self, base: &BaseKey) -> Vec<Candidate> {
        self.candidates.lock().remove(base).unwrap_or_default()
    }

    /// Files with the names of side files, each with how that beside which it stands was saved, if it was.
    pub fn take_rest(&self) -> Vec<(Candidate, Option<SavedAs>)> {
        let saved = self.saved.lock();
        let all = std::mem::take(&mut *self.candidates.lock()).into_iter();
        all.flat_map(|(base, files)| {
            let saved = saved.get(&base).copied();
            files.into_iter().map(move |file| (file, saved))
        })
        .collect()
    }
}

/// The database that this name would be a side file of, if there is a file.
pub fn base_of(path: &EntryPath) -> Option<(PathBuf, BaseKey)> {
    let bytes = path.as_bytes();
    let base = [b"-wal".as_slice(), b"-shm", b"-journal"].iter().find_map(|end| bytes.strip_suffix(*end))?;
    if base.is_empty() || base.ends_with(b"/") {
        return None;
    }
    let os_path = platform::join_absolute(base).ok()?;
    let stat = platform::stat(&os_path).ok().filter(|stat| stat.kind == Kind::File)?;
    Some((os_path, BaseKey::of(&stat, base)))
}

/// `X-wal`, `X-shm`, `X-journal` for `X`.
pub fn beside(base: &Path, ending: &str) -> PathBuf {
    let mut side = base.as_os_str().to_owned();
    side.push(ending);
    side.into()
}

/// Whether a write-ahead log with content stands beside the database.
pub fn has_log(base: &Path) -> bool {
    platform::stat(&beside(base, "-wal")).is_ok_and(|stat| stat.bytes > 0)
}

/// Whether a log or a journal with content stands beside it: a program uses it, or ended badly.
pub fn is_accompanied(base: &Path) -> bool {
    has_log(base) || platform::stat(&beside(base, "-journal")).is_ok_and(|stat| stat.bytes > 0)
}

/// What the file at a path is. What cannot be read is something else.
pub fn looks(path: &Path) -> SideLooks {
    SourceFile::open(path).map_or(SideLooks::Other, |source| looks_of(&source, path))
}

/// What an open file is, by its first bytes and the ending of its name. An empty one says nothing, so nothing is lost with it.
pub fn looks_of(source: &SourceFile, path: &Path) -> SideLooks {
    let mut first = [0; LOOKED_AT_BYTES];
    let ends_in = |end: &[u8]| platform::os_to_bytes(path.as_os_str()).ends_with(end);
    let is_at_rest = |is: bool| if is { SideLooks::AtRest } else { SideLooks::Other };
    match source.read_at(&mut first, 0).map(|n| &first[..n]) {
        Err(_) => SideLooks::Other,
        Ok([]) => SideLooks::AtRest,
        Ok(first) if has_magic(first) => SideLooks::Needed,
        Ok(first) if ends_in(b"-journal") => is_at_rest(is_journal_at_rest(first)),
        Ok(_) if ends_in(b"-wal") => SideLooks::Other,
        Ok(first) => is_at_rest(is_shm(first, source.stat().bytes)),
    }
}

/// Whether this is a write-ahead log by its name, of a file that is known to be needed.
pub fn is_log(path: &Path) -> bool {
    platform::os_to_bytes(path.as_os_str()).ends_with(b"-wal")
}

/// Whether this is the index of a log.
pub fn is_index(path: &Path) -> bool {
    platform::os_to_bytes(path.as_os_str()).ends_with(b"-shm") && looks(path) == SideLooks::AtRest
}

/// Whether a file that was read like any other is one beside which no hot journal may stand afterwards. Of one with several names
/// only the name that a program uses tells whether it needs one.
pub fn may_stand_alone(has_side: bool, stat: &Stat) -> bool {
    has_side && stat.links <= 1
}

/// Whether a database is of an engine whose signature is known and that has no side files of SQLite's.
pub fn is_of_another_engine(path: &Path) -> bool {
    let mut first = [0; SIGNATURE_BYTES];
    let read = SourceFile::open(path).and_then(|source| source.read_at(&mut first, 0));
    read.is_ok_and(|n| recognise(&first[..n], b"") == DatabaseEngine::Paged)
}

/// Whether it ended with its transaction since the walk saw it.
pub fn is_gone(path: &Path) -> bool {
    platform::stat(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Whether the database needs this file to recover: a journal that is not at rest, or a log.
pub fn is_needed(path: &Path) -> bool {
    looks(path) == SideLooks::Needed
}

fn has_magic(first: &[u8]) -> bool {
    first.starts_with(&JOURNAL_MAGIC) || WAL_MAGIC.iter().any(|magic| first.starts_with(magic))
}

/// Whether this journal is of a transaction over several databases that did not come to its end: it names a super-journal, by its
/// absolute path, and that is there. SQLite rolls it back only as long as it is (sqlite.org/atomiccommit.html §5; the
/// record at the journal's end is that of `readSuperJournal` in pager.c: name, its length, its checksum, the magic).
pub fn is_tied(path: &Path) -> bool {
    super_journal(path).is_some_and(|named| platform::stat(&named).is_ok())
}

fn super_journal(path: &Path) -> Option<PathBuf> {
    if !platform::os_to_bytes(path.as_os_str()).ends_with(b"-journal") {
        return None;
    }
    let (source, bytes) = (SourceFile::open(path).ok()?, platform::stat(path).ok()?.bytes);
    let mut end = [0; SUPER_END_BYTES];
    let at = bytes.checked_sub(SUPER_END_BYTES as u64)?;
    if source.read_at(&mut end, at).ok()? != SUPER_END_BYTES || end[8..] != JOURNAL_MAGIC {
        return None;
    }
    let length = u32::from_be_bytes(end[..4].try_into().ok()?) as usize;
    if length == 0 || length > SUPER_NAME_MAX_BYTES {
        return None;
    }
    let mut name = vec![0; length];
    let read = source.read_at(&mut name, at.checked_sub(length as u64)?).ok()?;
    (read == length).then(|| platform::bytes_to_os(&name).ok()).flatten().map(PathBuf::from)
}

/// Whether a log or a journal stands beside this file that it needs to recover, whatever it looks like itself: an encrypted
/// database (SQLCipher, SEE, wxSQLite3) has no signature, while the headers of its log and of its journal are in clear.
pub fn has_needed(base: &Path) -> bool {
    ["-journal", "-wal"].iter().any(|ending| is_needed(&beside(base, ending)))
}

/// Whether this is the beginning of a journal without which its database is whole: one at rest (`journal_mode=PERSIST`, or held
/// exclusively), whose header is zeros, or one of a transaction that has not written to the database yet, whose magic and count are
/// (pager.c: `writeJournalHdr`, `zeroJournalHdr`). The rest of a header's sector is zeros in both. A file of somebody's own that
/// begins with zeros (DICOM: 128 of them) is none.
fn is_journal_at_rest(first: &[u8]) -> bool {
    let word =
        |at: usize| first.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes);
    let is_zero =
        |range: Range<usize>| first.get(range).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let is_size = |word: Option<u32>, from| {
        word.is_some_and(|bytes| bytes.is_power_of_two() && (from..=65_536).contains(&bytes))
    };
    let is_young = || is_size(word(20), 32) && is_size(word(24), 512);
    let is_header = is_zero(0..JOURNAL_HEADER_BYTES) || is_zero(0..12) && is_young();
    is_header && is_zero(JOURNAL_HEADER_BYTES..JOURNAL_SECTOR_BYTES)
}

/// Whether this is the index of a log; `bytes` is its length.
fn is_shm(first: &[u8], bytes: u64) -> bool {
    let version = first.get(..4).and_then(|word| word.try_into().ok());
    let is_index =
        version.map(u32::from_ne_bytes).is_some_and(|v| v == SHM_VERSION || v.swap_bytes() == SHM_VERSION);
    // One that no program uses any more, or not yet, is empty but for its length.
    is_index || bytes.is_multiple_of(SHM_UNIT_BYTES) && first.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of a journal's header: magic, count, nonce, pages, sector, page.
    fn header(magic: &[u8; 8], count: u32, words: [u32; 4]) -> Vec<u8> {
        let mut header = magic.to_vec();
        [[count].as_slice(), &words].concat().iter().for_each(|word| header.extend(word.to_be_bytes()));
        header.resize(JOURNAL_SECTOR_BYTES, 0);
        [&header[..], &[0, 0, 0, 5], &[7; 4096]].concat()
    }

    #[test]
    fn a_side_file_is_one_by_its_own_first_bytes() {
        use SideLooks::{AtRest, Needed, Other};
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            looks(&path)
        };
        let words = [0x1234_5678, 40, 512, 4096];
        assert_eq!(of("a-journal", &header(&JOURNAL_MAGIC, 3, words)), Needed);
        assert_eq!(of("b-journal", &header(&[0; 8], 0, [0; 4])), AtRest, "zeroed");
        assert_eq!(of("c-journal", &header(&[0; 8], 0, words)), AtRest, "not synced yet");
        assert_eq!(of("d-journal", &[0; 512]), AtRest);
        assert_eq!(of("a-wal", &[0x37, 0x7f, 6, 0x82, 1]), Needed);
        assert_eq!(of("b-wal", &[0x37, 0x7f, 6, 0x83, 1]), Needed);
        assert_eq!(of("c-wal", b""), AtRest);
        assert_eq!(of("a-shm", &[&SHM_VERSION.to_ne_bytes()[..], &[0; 200]].concat()), AtRest);
        assert_eq!(of("b-shm", &[0; 32_768]), AtRest);
        assert!(is_needed(&folder.path().join("a-wal")) && !is_needed(&folder.path().join("b-journal")));
        // Somebody's own: a DICOM image begins with 128 zeros.
        let image = [&[0; 128][..], b"DICM", &[9; 70_000]].concat();
        assert_eq!(of("e-journal", &image), Other);
        assert_eq!(of("f-journal", &header(&[0; 8], 0, [0, 0, 0, 7])), Other);
        assert_eq!(of("g-journal", b"diary"), Other);
        assert_eq!(of("h-journal", &[0; 9]), Other);
        assert_eq!(of("d-wal", b"list"), Other);
        assert_eq!(of("e-wal", &[0; 9]), Other);
        assert_eq!(of("d-shm", b"list of names"), Other);
        assert_eq!(of("e-shm", &[&[0; 136][..], &[9; 70_000]].concat()), Other);
        assert_eq!(of("f-shm", &[0; 3]), Other);
        assert_eq!(looks(&folder.path().join("none-wal")), Other);
    }

    #[test]
    fn nothing_of_a_later_moment_stands_beside_what_is_saved() {
        use SideLooks::{AtRest, Needed, Other};
        let left_out = |beside| [Needed, AtRest, Other].map(|looks| looks.is_left_out(beside));
        assert_eq!(left_out(Some(SavedAs::Database)), [true, true, false]);
        assert_eq!(left_out(Some(SavedAs::Alone)), [true, false, false]);
        assert_eq!(left_out(None), [false; 3]);
    }
}
