//! Parts of large files: how a file is read, and how it is split among workers.
//!
//! Made by the worker that begins a file; taken by whoever is free. Never: cuts or stores.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use scelle_format::chunker::{ContentCutter, Cut, PAGED_CHUNK_BYTES};

use scelle_format::manifest::Extent;

use crate::pipeline::chunks::list::{ChunkList, ListSize};
use crate::pipeline::database::live::Live;
use crate::pipeline::database::side;
use crate::pipeline::jobs::job::{FileJob, Stored, StoredContent};
use crate::scan::SourceFile;
use crate::scan::engine::DatabaseEngine;

/// Size of a part. Cutting begins anew at each part, so parts are large.
pub const PART_BYTES: u64 = 64 << 20;
/// A worker's read buffer.
pub const BUFFER_BYTES: usize = 4 << 20;
/// A file with more holes than this is kept as if it had none.
pub const EXTENTS_MAX: usize = 4096;

/// A large file being read.
pub struct PartWork {
    /// The file.
    pub job: Arc<FileJob>,
    /// Held open.
    pub source: SourceFile,
    /// Its data extents, when it has holes.
    pub extents: Option<Vec<Extent>>,
    /// How it is read.
    pub reading: ReadingWay,
    /// Its chunks so far.
    pub list: Arc<ChunkList>,
    /// Parts not done yet.
    pub open_parts: AtomicUsize,
}

impl PartWork {
    /// What it is once all of its parts are done.
    pub fn stored(&self) -> Stored {
        let stat = *self.source.stat();
        // A file that shrank while it was read has fewer bytes than its extents say: it is kept as what was read.
        let ListSize { bytes: read_bytes, chunks } = self.list.size();
        let expected = self.extents.as_ref().map_or(stat.bytes, |e| e.iter().map(|e| e.bytes).sum());
        let whole = read_bytes == expected;
        Stored {
            cut: self.reading.cut(chunks),
            content: if chunks == 0 { StoredContent::Empty } else { StoredContent::List(self.list.clone()) },
            bytes: if whole { stat.bytes } else { read_bytes },
            extents: if whole { self.extents.clone() } else { None },
            stat: Some(stat),
            attributes: self.source.attributes(),
            ..Stored::default()
        }
    }
}

/// How a SQLite database is kept from being torn.
pub enum SqliteReading {
    /// It has a log, nobody has it open: no lock is needed, only a look at the end.
    AtRest,
    /// In slices.
    Live(Live),
}

/// How a large file is read.
#[derive(Default)]
pub struct ReadingWay {
    /// Fixed pages, or content-defined chunks.
    pub paged: bool,
    /// Which reading this is, from 1.
    pub attempt: u32,
    /// In one go until nothing more comes, whatever the system says of its size.
    pub to_the_end: bool,
    /// A SQLite database, and how it is kept from being torn.
    pub sqlite: Option<SqliteReading>,
    /// What its first bytes, or its name, say.
    pub engine: Option<DatabaseEngine>,
}

impl ReadingWay {
    /// Content-defined.
    pub fn content(attempt: u32) -> Self {
        Self { attempt, ..Self::default() }
    }

    /// Page by page.
    pub fn paged(attempt: u32) -> Self {
        Self { paged: true, attempt, ..Self::default() }
    }

    /// Content-defined, until nothing more comes.
    pub fn to_the_end(attempt: u32) -> Self {
        Self { to_the_end: true, attempt, ..Self::default() }
    }

    /// The same once more.
    pub fn again(&self) -> Self {
        let (paged, to_the_end, engine) = (self.paged, self.to_the_end, self.engine);
        Self { paged, to_the_end, attempt: self.attempt + 1, sqlite: None, engine }
    }

    /// Whether a file read so may hold more than the system says: a database knows its size.
    pub fn may_go_on(&self) -> bool {
        !self.paged && !self.to_the_end
    }

    /// A SQLite database.
    pub fn sqlite(sqlite: SqliteReading) -> Self {
        Self { sqlite: Some(sqlite), ..Self::paged(1) }
    }

    /// Fills a buffer; of a SQLite database, under a lock of its own.
    pub fn slice<T>(&self, fill: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match &self.sqlite {
            Some(SqliteReading::Live(live)) => live.slice(fill),
            _ => fill(),
        }
    }

    /// Whether what is read can be the copy no more.
    pub fn is_moving(&self) -> bool {
        matches!(&self.sqlite, Some(SqliteReading::Live(live)) if live.is_moving())
    }

    /// Whether all that was read of a SQLite database is of one state.
    pub fn is_of_one_state(&self, path: &std::path::Path) -> bool {
        match &self.sqlite {
            None => true,
            Some(SqliteReading::AtRest) => !side::is_accompanied(path),
            Some(SqliteReading::Live(live)) => live.is_of_one_state(),
        }
    }

    /// Data extents as this reading takes them: pages are cut from the file's own offset 0, so holes end where pages do.
    pub fn extents(&self, extents: Option<Vec<Extent>>, file_bytes: u64) -> Option<Vec<Extent>> {
        if !self.paged {
            return extents;
        }
        let page = PAGED_CHUNK_BYTES as u64;
        let mut aligned: Vec<Extent> = Vec::new();
        for extent in extents? {
            let end = extent.end().next_multiple_of(page).min(file_bytes);
            let start = extent.start / page * page;
            match aligned.last_mut() {
                Some(last) if last.end() >= start => last.bytes = end - last.start,
                _ => aligned.push(Extent { start, bytes: end - start }),
            }
        }
        Some(aligned)
    }

    /// What to record of how the file was cut into `chunks`.
    pub fn cut(&self, chunks: u64) -> Cut {
        match (self.paged, chunks) {
            (true, _) => Cut::Paged { size: PAGED_CHUNK_BYTES as u32 },
            (false, 0 | 1) => Cut::Whole,
            _ => ContentCutter::cut_recorded(),
        }
    }
}

/// A part of a large file, which waits for a worker.
pub struct FilePart {
    /// The file.
    pub work: Arc<PartWork>,
    /// Which of its parts.
    pub number: usize,
    /// What to read of it.
    pub ranges: Vec<Extent>,
}

/// Splits data extents into parts of about `part_bytes`; page-aligned files stay aligned.
pub fn split(extents: &[Extent], part_bytes: u64) -> Vec<Vec<Extent>> {
    let mut parts: Vec<Vec<Extent>> = Vec::new();
    let mut room = 0;
    for &Extent { mut start, mut bytes } in extents {
        while bytes > 0 {
            if room == 0 {
                parts.push(Vec::new());
                room = part_bytes;
            }
            let take = bytes.min(room);
            if let Some(part) = parts.last_mut() {
                part.push(Extent { start, bytes: take });
            }
            start += take;
            bytes -= take;
            room -= take;
        }
    }
    parts
}

/// Reads several extents as if they were one.
pub(in crate::pipeline) struct ExtentReader<'a> {
    source: &'a SourceFile,
    ranges: VecDeque<Extent>,
}

impl<'a> ExtentReader<'a> {
    pub(in crate::pipeline) fn new(source: &'a SourceFile, ranges: &[Extent]) -> Self {
        Self { source, ranges: ranges.iter().copied().collect() }
    }

    /// Fills `buffer` as far as there are bytes; returns how many.
    pub(in crate::pipeline) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(Extent { start, bytes }) = self.ranges.front_mut() else { break };
            let want = (buffer.len() - filled).min(usize::try_from(*bytes).unwrap_or(usize::MAX));
            match self.source.read_at(&mut buffer[filled..filled + want], *start)? {
                // The file is shorter than it was: what follows is gone.
                0 => self.ranges.clear(),
                n => {
                    filled += n;
                    *start += n as u64;
                    *bytes -= n as u64;
                    if *bytes == 0 {
                        self.ranges.pop_front();
                    }
                }
            }
        }
        Ok(filled)
    }
}

/// Whether there are bytes beyond the size that the system says.
pub(in crate::pipeline) fn goes_on(source: &SourceFile) -> bool {
    source.read_at(&mut [0], source.stat().bytes).is_ok_and(|bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_file_with_holes_are_cut_from_its_beginning() {
        let page = PAGED_CHUNK_BYTES as u64;
        let of = |pairs: &[(u64, u64)]| Some(pairs.iter().copied().map(Extent::from).collect::<Vec<_>>());
        let extents = of(&[(0, 4096), (page + 4096, 4096), (2 * page, 1), (9 * page + 1, 2 * page)]);
        let end = 11 * page + 5;
        let whole = of(&[(0, 3 * page), (9 * page, 2 * page + 5)]);
        assert_eq!(ReadingWay::paged(1).extents(extents.clone(), end), whole);
        assert_eq!(ReadingWay::content(1).extents(extents.clone(), end), extents);
        assert_eq!(ReadingWay::paged(1).extents(None, end), None);
    }

    #[test]
    fn parts_cover_every_extent_once_and_in_order() {
        let of = |pairs: &[(u64, u64)]| pairs.iter().copied().map(Extent::from).collect::<Vec<_>>();
        let parts = split(&of(&[(0, 100), (200, 30), (500, 1)]), 64);
        assert_eq!(parts, [of(&[(0, 64)]), of(&[(64, 36), (200, 28)]), of(&[(228, 2), (500, 1)])]);
        assert!(split(&[], 64).is_empty());
    }
}
