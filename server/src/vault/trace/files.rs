//! The files of one chain: where the next line goes, and which old files may go.
//!
//! A file is named after its first entry and holds one month at most. A line torn by a crash was never answered for:
//! it is cut off at the next start. Never: cuts a whole line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use scelle_store::sync_folder;

use super::entry::{Entry, Line, NO_HASH};
use crate::vault::clock;
use crate::vault::keys::TraceKey;

/// A file is ended at this size, so that a purge has something to take.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Name of the file that holds number and hash of the newest entry.
pub(super) const HEAD: &str = "head";

/// A chain open for writing.
#[derive(Debug)]
pub(super) struct Chain {
    folder: PathBuf,
    file: Option<BufWriter<File>>,
    file_bytes: u64,
    month: String,
    began: bool,
    dirty: bool,
    sequence: u64,
    hash: String,
}

/// Files of a chain in order, by their first entry.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let first = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jsonl")?.parse().ok());
        found.extend(first.map(|first| (first, path)));
    }
    found.sort_unstable();
    Ok(found)
}

impl Chain {
    pub(super) fn open(trace: &Path, tenant: &str) -> io::Result<Self> {
        let folder = trace.join(tenant);
        fs::create_dir_all(&folder)?;
        sync_folder(trace)?;
        let mut chain = Self {
            folder,
            file: None,
            file_bytes: 0,
            month: String::new(),
            began: false,
            dirty: false,
            sequence: 0,
            hash: NO_HASH.to_owned(),
        };
        for (_, path) in files(&chain.folder)?.into_iter().rev() {
            if chain.resume(&path)? {
                break;
            }
        }
        Ok(chain)
    }

    /// Takes up a file after its last whole line; whether it had one.
    fn resume(&mut self, path: &Path) -> io::Result<bool> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let (mut whole, mut last) = (0, None);
        let mut reader = BufReader::new(&file);
        let mut text = String::new();
        while reader.read_line(&mut text)? > 0 {
            if !text.ends_with('\n') {
                break;
            }
            whole += text.len() as u64;
            last = Some(std::mem::take(&mut text));
        }
        let Some(last) = last else {
            fs::remove_file(path)?;
            return Ok(false);
        };
        let line: Line = serde_json::from_str(&last).map_err(io::Error::other)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        self.month = month_of(&line.entry.time);
        self.sequence = line.entry.sequence;
        self.hash = line.hash;
        self.file_bytes = whole;
        self.file = Some(BufWriter::new(file));
        Ok(true)
    }

    pub(super) fn append(&mut self, mut entry: Entry, key: &TraceKey) -> io::Result<()> {
        entry.sequence = self.sequence + 1;
        entry.previous.clone_from(&self.hash);
        let line = Line::sign(entry, key).map_err(io::Error::other)?;
        let text = line.to_text().map_err(io::Error::other)?;
        let month = month_of(&line.entry.time);
        if self.file.is_none() || month != self.month || self.file_bytes > MAX_FILE_BYTES {
            self.flush()?;
            let path = self.folder.join(format!("{:020}.jsonl", line.entry.sequence));
            self.file = Some(BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?));
            sync_folder(&self.folder)?;
            (self.month, self.file_bytes, self.began) = (month, 0, true);
        }
        if let Some(file) = &mut self.file {
            file.write_all(text.as_bytes())?;
        }
        self.file_bytes += text.len() as u64;
        (self.sequence, self.hash, self.dirty) = (line.entry.sequence, line.hash, true);
        Ok(())
    }

    /// Whether a new file was begun since this was last asked.
    pub(super) fn began_a_file(&mut self) -> bool {
        std::mem::take(&mut self.began)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| self.dirty) else { return Ok(()) };
        file.flush()?;
        file.get_ref().sync_data()?;
        // One write of constant length, unflushed: after a power cut it may be older, never torn.
        let head = format!("{:020} {}\n", self.sequence, self.hash);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.folder.join(HEAD))?;
        file.write_all(head.as_bytes())?;
        self.dirty = false;
        Ok(())
    }

    /// Drops files whose entries are all older than `keep_days`; the entry that says so is on disk first.
    pub(super) fn purge(&mut self, keep_days: u32, key: &TraceKey) -> io::Result<()> {
        let limit = clock::text(clock::now_ms() - i64::from(keep_days) * clock::DAY_MS);
        let files = files(&self.folder)?;
        let mut old = Vec::new();
        let mut through = None;
        for ((_, path), _next) in files.iter().zip(files.iter().skip(1)) {
            let last = BufReader::new(File::open(path)?).lines().last().transpose()?.unwrap_or_default();
            let line: Line = serde_json::from_str(&last).map_err(io::Error::other)?;
            if line.entry.time >= limit {
                break;
            }
            through = Some(line);
            old.push(path.clone());
        }
        let Some(through) = through else { return Ok(()) };
        let tenant = through.entry.tenant.clone();
        let note = format!("through {} {}", through.entry.sequence, through.hash);
        let time = clock::text(clock::now_ms());
        self.append(Entry { time, tenant, operation: "PurgeTrace".into(), note, ..Entry::default() }, key)?;
        self.flush()?;
        for path in old {
            fs::remove_file(path)?;
        }
        sync_folder(&self.folder)
    }
}

fn month_of(time: &str) -> String {
    time.chars().take(7).collect()
}
