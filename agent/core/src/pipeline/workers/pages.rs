//! Databases page by page: each page is compared with the one that stood there last time, and new ones are gathered into
//! frames.
//!
//! Pages come from a part of a file or from SQLite itself, in file order. Never: looks a page up that is as it was.

use std::io;

use scelle_format::chunker::PAGED_CHUNK_BYTES;
use scelle_format::filter::Filter;
use scelle_format::id::ChunkId;
use scelle_format::limits::PAGED_FRAME_BYTES;

use scelle_format::manifest::Extent;

use crate::catalog::Lists;
use crate::error::{AgentError, Fault, Result};
use crate::pipeline::chunks::earlier::{EarlierCursor, EarlierList};
use crate::pipeline::chunks::list::PartChunks;
use crate::pipeline::chunks::packs::{Lane, Place};
use crate::pipeline::chunks::recipe::Recipe;
use crate::pipeline::workers::parts::{BUFFER_BYTES, ExtentReader, PartWork};
use crate::pipeline::workers::worker::Worker;

/// Pages of a part on their way into frames.
pub struct Pages<'a> {
    earlier: Option<EarlierCursor<'a>>,
    /// In file order; a page of the frame being gathered has no place yet.
    chunks: Vec<(Option<Place>, u32)>,
    /// The frame being gathered: its bytes, its chunks, and the pages that wait for them.
    plain: Vec<u8>,
    fresh: Vec<(ChunkId, u32)>,
    open: Vec<OpenPage>,
}

/// A page that waits for the frame being gathered.
struct OpenPage {
    /// Which of the chunks of the file it is.
    page: usize,
    /// Which of the frame's chunks it is.
    fresh: usize,
}

impl<'a> Pages<'a> {
    /// None yet; `earlier` is what the file was in the last snapshot.
    pub fn new(earlier: Option<&'a EarlierList>, lists: &'a Lists) -> Self {
        let earlier = earlier.map(|list| list.cursor(lists));
        Self { earlier, chunks: Vec::new(), plain: Vec::new(), fresh: Vec::new(), open: Vec::new() }
    }

    /// Adds a new page to the frame; returns its place among the frame's chunks.
    fn gather(&mut self, id: ChunkId, page: &[u8]) -> usize {
        self.fresh.push((id, page.len() as u32));
        self.plain.extend_from_slice(page);
        self.fresh.len() - 1
    }
}

impl Worker<'_> {
    /// Reads a part page by page.
    pub(in crate::pipeline) fn paged_part(
        &mut self,
        work: &PartWork,
        ranges: &[Extent],
        buffer: &mut Vec<u8>,
    ) -> Result<PartChunks, Fault<io::Error>> {
        let mut pages = Pages::new(work.job.earlier.as_ref(), self.shared.lists);
        for &Extent { start, bytes } in ranges {
            let mut done = 0;
            while done < bytes {
                self.shared.shutdown.check()?;
                let want = (bytes - done).min(BUFFER_BYTES as u64) as usize;
                let mut reader =
                    ExtentReader::new(&work.source, &[Extent { start: start + done, bytes: want as u64 }]);
                // The buffer never shrinks: growing it again would fill it with zeros first.
                if buffer.len() < want {
                    buffer.resize(want, 0);
                }
                let filled = work.reading.slice(|| reader.fill(&mut buffer[..want])).map_err(Fault::Here)?;
                self.count_read(filled);
                self.pages(&mut pages, start + done, &buffer[..filled])?;
                done += want as u64;
                if filled < want {
                    // The file is shorter than it was: what follows is gone.
                    return Ok(self.end_pages(pages)?);
                }
            }
        }
        Ok(self.end_pages(pages)?)
    }

    /// Cuts `plain`, which stands at `offset` of the file, into pages and stores the new ones. Those share frames, also where
    /// they are no neighbours: alone they would compress a third worse.
    pub(in crate::pipeline) fn pages(
        &mut self,
        pages: &mut Pages<'_>,
        mut offset: u64,
        plain: &[u8],
    ) -> Result<()> {
        let id_key = self.shared.pool.sealing().id_key;
        for page in plain.chunks(PAGED_CHUNK_BYTES) {
            let bytes = page.len() as u32;
            let id = ChunkId::of(&id_key, page);
            let earlier = pages.earlier.as_mut().and_then(|list| list.same_page(offset, bytes, &id));
            let earlier = earlier.filter(|at| !self.shared.avoided.has(&at.pack));
            offset += u64::from(bytes);
            let gathered = pages.fresh.iter().position(|(other, _)| *other == id);
            let place = match (earlier, gathered) {
                (Some(at), _) => Some(Place::Known(at)),
                (None, Some(_)) => None,
                (None, None) => self.shared.known.find(&id),
            };
            if place.is_none() {
                let fresh = gathered.unwrap_or_else(|| pages.gather(id, page));
                pages.open.push(OpenPage { page: pages.chunks.len(), fresh });
            }
            pages.chunks.push((place, bytes));
            if pages.plain.len() >= PAGED_FRAME_BYTES {
                self.store_gathered(pages)?;
            }
        }
        Ok(())
    }

    fn store_gathered(&mut self, pages: &mut Pages<'_>) -> Result<()> {
        if pages.fresh.is_empty() {
            return Ok(());
        }
        let recipe = Some(Recipe::Zstd(Filter::None));
        let places = self.store_frame(Lane::Paged, &pages.plain, &pages.fresh, recipe)?;
        for OpenPage { page, fresh } in pages.open.drain(..) {
            pages.chunks[page].0 = places.get(fresh).cloned();
        }
        pages.plain.clear();
        pages.fresh.clear();
        Ok(())
    }

    /// The chunks of all pages so far, each with a place.
    pub(in crate::pipeline) fn end_pages(&mut self, mut pages: Pages<'_>) -> Result<PartChunks> {
        self.store_gathered(&mut pages)?;
        let placed = |(place, bytes): (Option<Place>, u32)| Some((place?, bytes));
        let chunks: Option<PartChunks> = pages.chunks.into_iter().map(placed).collect();
        chunks.ok_or_else(|| AgentError::bug("a page without a place"))
    }
}
