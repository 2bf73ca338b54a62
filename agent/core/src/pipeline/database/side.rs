//! Side files of SQLite: `X-journal`, `X-wal`, `X-shm`. One is one by its own first bytes, not by its name.
//!
//! The scan finds the names and puts them aside; once every database of the run has its verdict each is left out, where its
//! database was saved whole, saved with its database, where that needs it, or saved like any file. Never: decides by a name
//! alone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::pipeline::database::cluster::Cluster;
use crate::pipeline::jobs::job::FileJob;
use crate::platform::{self, FileId, Kind, Stat};
use crate::scan::{EntryPath, SourceFile};

/// sqlite.org/fileformat2.html §3: first bytes of a rollback journal.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// A journal whose header is zeros is at rest (`journal_mode=PERSIST`).
const JOURNAL_HEADER_BYTES: usize = 28;
/// What ends a journal that names a super-journal: length and checksum of the name, and the magic once more.
const SUPER_END_BYTES: usize = 16;
/// No path is longer.
const SUPER_NAME_MAX_BYTES: usize = 4096;
/// §4.1: first bytes of a write-ahead log; the last bit is the byte order of its checksums.
const WAL_MAGIC: [[u8; 4]; 2] = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
/// sqlite.org/walformat.html §2.1: version of the WAL index, in the machine's byte order.
const SHM_VERSION: u32 = 3_007_000;
/// Its header: two copies and the checkpoint's words.
const SHM_HEADER_BYTES: usize = 136;

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

/// What the run knows of databases and of files beside them.
#[derive(Default)]
pub struct Beside {
    candidates: Mutex<HashMap<BaseKey, Vec<Candidate>>>,
    /// Databases that are whole in this snapshot without any other file.
    whole: Mutex<HashMap<BaseKey, ()>>,
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

    /// The database is saved whole.
    pub fn is_whole_now(&self, base: BaseKey) {
        self.whole.lock().insert(base, ());
    }

    /// The database waits until the scan is over.
    pub fn wait(&self, job: Arc<FileJob>) {
        self.late.lock().push(job);
    }

    /// Databases that wait.
    pub fn take_late(&self) -> Vec<Arc<FileJob>> {
        std::mem::take(&mut self.late.lock())
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

    /// Files beside all databases, each with whether its database is saved whole.
    pub fn take_rest(&self) -> Vec<(Candidate, bool)> {
        let whole = self.whole.lock();
        let all = std::mem::take(&mut *self.candidates.lock()).into_iter();
        all.flat_map(|(base, files)| {
            let is_whole = whole.contains_key(&base);
            files.into_iter().map(move |file| (file, is_whole))
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

/// Whether the file is what its name says, by its first bytes. An empty one says nothing, so nothing is lost with it.
pub fn is_side_file(path: &Path) -> bool {
    let mut first = [0; SHM_HEADER_BYTES];
    let read = SourceFile::open(path).and_then(|source| source.read_at(&mut first, 0));
    let ends_in = |end: &[u8]| platform::os_to_bytes(path.as_os_str()).ends_with(end);
    match read.map(|n| &first[..n]) {
        Err(_) => false,
        Ok([]) => true,
        Ok(first) if ends_in(b"-journal") => is_journal(first),
        Ok(first) if ends_in(b"-wal") => WAL_MAGIC.iter().any(|magic| first.starts_with(magic)),
        Ok(first) => is_shm(first),
    }
}

/// Whether this is a write-ahead log by its name, of a file that is known to be needed.
pub fn is_log(path: &Path) -> bool {
    platform::os_to_bytes(path.as_os_str()).ends_with(b"-wal")
}

/// Whether this is the index of a log.
pub fn is_index(path: &Path) -> bool {
    platform::os_to_bytes(path.as_os_str()).ends_with(b"-shm") && is_side_file(path)
}

/// Whether it ended with its transaction since the walk saw it.
pub fn is_gone(path: &Path) -> bool {
    platform::stat(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Whether the database needs this file to recover: a journal that is not at rest, or a log.
pub fn is_needed(path: &Path) -> bool {
    let mut first = [0; JOURNAL_MAGIC.len()];
    let read = SourceFile::open(path).and_then(|source| source.read_at(&mut first, 0));
    let magic = |first: &[u8]| {
        first.starts_with(&JOURNAL_MAGIC) || WAL_MAGIC.iter().any(|magic| first.starts_with(magic))
    };
    read.is_ok_and(|n| magic(&first[..n]))
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

fn is_journal(first: &[u8]) -> bool {
    let header = first.get(..JOURNAL_HEADER_BYTES);
    first.starts_with(&JOURNAL_MAGIC) || header.is_some_and(|header| header.iter().all(|byte| *byte == 0))
}

fn is_shm(first: &[u8]) -> bool {
    let version = first.get(..4).and_then(|word| word.try_into().ok());
    let is_index =
        version.map(u32::from_ne_bytes).is_some_and(|v| v == SHM_VERSION || v.swap_bytes() == SHM_VERSION);
    // One that no program uses any more, or not yet, is empty but for its length.
    is_index || first.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_file_is_one_by_its_own_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            is_side_file(&path)
        };
        let shm = [&SHM_VERSION.to_ne_bytes()[..], &[0; 200]].concat();
        assert!(of("a-journal", &[&JOURNAL_MAGIC[..], b"rest"].concat()) && of("b-journal", &[0; 512]));
        assert!(of("a-wal", &[0x37, 0x7f, 6, 0x82, 1]) && of("b-wal", &[0x37, 0x7f, 6, 0x83, 1]));
        assert!(of("a-shm", &shm) && of("b-shm", &[0; 3]) && of("c-wal", b""));
        let needed = |name: &str| is_needed(&folder.path().join(name));
        assert!(needed("a-journal") && needed("a-wal") && !needed("b-journal") && !needed("a-shm"));
        assert!(!of("d-journal", b"diary") && !of("d-wal", b"list") && !of("d-shm", b"list of names"));
        assert!(
            !of("e-journal", &[0; 9])
                && !of("e-wal", &[0; 9])
                && !is_side_file(&folder.path().join("none-wal"))
        );
    }
}
