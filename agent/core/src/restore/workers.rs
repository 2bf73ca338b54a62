//! The threads of a restore: each takes files or runs of chunks, reads them through the fetcher, and writes them.
//!
//! Data comes from `produce` as jobs and goes to `write`. Never: logs a path.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use scelle_format::id::PackKind;
use scelle_format::manifest::Content;
use scelle_format::pack::Location;

use super::data_map::DataMap;
use super::job::{Job, LargeFile, RestoreJob, StretchJob};
use super::outstanding::Share;
use super::plan::attributes_of;
use super::shared::{Shared, WriteFault};
use super::standing::is_standing_database;
use super::write::{FileInProgress, Overwrite, Placed};
use crate::error::AgentError;
use crate::reading::fetch::FetchWindow;
use crate::reading::tree::ChunkStretches;
use crate::reading::{ChunkReader, damaged};

impl Shared<'_> {
    /// A thread's life.
    pub(super) fn work(&self, jobs: &crossbeam_channel::Receiver<(Job, Arc<FetchWindow>)>) {
        let mut reader = ChunkReader::new(self.id_keys.clone());
        for (job, _prepared) in jobs {
            let _share = Share::new(&self.outstanding, job.bytes());
            match job {
                Job::Files(files) => {
                    for file in files.iter().take_while(|_| !self.is_stopped()) {
                        self.restore(&mut reader, file);
                    }
                }
                Job::Stretch(job) => self.stretch(&mut reader, job),
            }
        }
    }

    /// Restores one file from beginning to end.
    pub(super) fn restore(&self, reader: &mut ChunkReader, job: &RestoreJob) {
        match self.try_restore(reader, job) {
            Ok(Some(placed)) => self.note_placed(&job.path, &job.entry.link_group, job.entry.bytes, &placed),
            Ok(None) => self.tally.lock().standing.push(job.clone()),
            Err(failure) => self.note_failure(&job.path, job.entry.link_group, failure),
        }
    }

    /// `None`: the same database stands there, with something beside it. What it is shows when all side files of the
    /// snapshot are known.
    pub(super) fn try_restore(
        &self,
        reader: &mut ChunkReader,
        job: &RestoreJob,
    ) -> std::result::Result<Option<Placed>, WriteFault> {
        let (restore_root, path) = self.places.place(&job.path)?;
        let entry = &job.entry;
        if job.compare
            && let Some(existing) = restore_root.existing(&path)?
        {
            if self.has_same_content(reader, &existing, entry)? {
                if is_standing_database(&existing, path.name())
                    && !restore_root.replayed_beside(&path)?.is_empty()
                {
                    return Ok(None);
                }
                self.update_same(&restore_root, &path, entry)?;
                return Ok(Some(Placed::Same));
            }
            if *self.overwrite == Overwrite::Never {
                return Ok(Some(Placed::Kept));
            }
        }
        let writing = restore_root.begin_file(&path, entry.bytes)?;
        let map = DataMap::of(entry);
        let mut stretches = ChunkStretches::of(&entry.content);
        let mut offset = 0;
        while let Some(chunks) = self.handle.block_on(stretches.next(reader, self.fetcher))? {
            offset = match &entry.content {
                Content::Slice { at, offset: begin, bytes } => {
                    let chunk = self.handle.block_on(reader.read(self.fetcher, PackKind::Data, at))?;
                    let end = begin.checked_add(*bytes).unwrap_or(u32::MAX);
                    let part = chunk.get(*begin as usize..end as usize).ok_or_else(contradiction)?;
                    write_data(&writing, &map, 0, part)?
                }
                _ => {
                    let (rows, end) = placed(offset, chunks);
                    self.write_chunks(reader, &writing, &map, &rows)?;
                    end
                }
            };
        }
        if offset != map.data_bytes {
            return Err(contradiction().into());
        }
        Ok(Some(writing.commit(self.overwrite, &attributes_of(entry))?))
    }

    fn write_chunks(
        &self,
        reader: &mut ChunkReader,
        writing: &FileInProgress,
        map: &DataMap,
        chunks: &[(u64, Location)],
    ) -> std::result::Result<(), WriteFault> {
        for (offset, at) in chunks {
            if self.is_stopped() {
                return Err(AgentError::interrupted().into());
            }
            let chunk = self.handle.block_on(reader.read(self.fetcher, PackKind::Data, at))?;
            write_data(writing, map, *offset, chunk)?;
        }
        Ok(())
    }

    fn stretch(&self, reader: &mut ChunkReader, job: StretchJob) {
        let file = job.file;
        if !self.is_stopped() && !file.failed.load(Relaxed) {
            let written = self.write_chunks(reader, &file.writing, &file.data, &job.chunks);
            if let Err(failure) = written
                && !file.failed.swap(true, Relaxed)
            {
                self.note_failure(&file.path, file.link_group, failure);
            }
        }
        self.let_go(file);
    }

    /// Gives up a share of a large file; the last one places it, if all of it was written.
    pub(super) fn let_go(&self, file: Arc<LargeFile>) {
        let Some(file) = Arc::into_inner(file) else { return };
        if file.failed.load(Relaxed) || self.is_stopped() {
            return;
        }
        match file.writing.commit(self.overwrite, &file.attributes) {
            Ok(placed) => self.note_placed(&file.path, &file.link_group, file.bytes, &placed),
            Err(error) => self.note_failure(&file.path, file.link_group, error.into()),
        }
    }
}

/// Chunks with their places in the data, the first at `offset`, and where the last one ends.
fn placed(mut offset: u64, chunks: Vec<Location>) -> (Vec<(u64, Location)>, u64) {
    let place = |at: Location| {
        offset += u64::from(at.bytes);
        (offset - u64::from(at.bytes), at)
    };
    let rows = chunks.into_iter().map(place).collect();
    (rows, offset)
}

fn write_data(
    writing: &FileInProgress,
    map: &DataMap,
    offset: u64,
    data: &[u8],
) -> std::result::Result<u64, WriteFault> {
    let end = offset + data.len() as u64;
    if end > map.data_bytes {
        return Err(contradiction().into());
    }
    for (file_offset, part) in map.pieces(offset, data.len() as u64) {
        writing.write_at(file_offset, &data[part])?;
    }
    Ok(end)
}

/// Sizes and chunks of an entry do not fit: whoever wrote the manifest lied.
fn contradiction() -> AgentError {
    damaged("", "an entry's chunks do not add up to its size")
}
