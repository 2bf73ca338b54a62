//! One part of a large file: cut into chunks, and those that are new stored.
//!
//! Data comes from the part's extents and goes to packs. Never: reads beyond its part.

use std::io;

use scelle_format::chunker::ContentCutter;
use scelle_format::id::ChunkId;

use scelle_format::manifest::Extent;

use crate::error::{AgentError, Fault, Result};
use crate::pipeline::chunks::list::PartChunks;
use crate::pipeline::chunks::packs::Lane;
use crate::pipeline::chunks::recipe::{self, Recipe};
use crate::pipeline::workers::parts::{BUFFER_BYTES, ExtentReader, PartWork};
use crate::pipeline::workers::worker::Worker;

/// A recipe is chosen anew after so many chunks of a file.
const RECIPE_CHUNKS: usize = 16;

impl Worker<'_> {
    /// Cuts one part into chunks and stores the new ones.
    pub(in crate::pipeline) fn chunk_part(
        &mut self,
        work: &PartWork,
        ranges: &[Extent],
    ) -> Result<PartChunks, Fault<io::Error>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let chunks = if work.reading.paged {
            self.paged_part(work, ranges, &mut buffer)
        } else {
            let mut reader = ExtentReader::new(&work.source, ranges);
            self.content_defined(&mut buffer, |space| reader.fill(space))
        };
        self.buffer = buffer;
        chunks
    }

    /// Content-defined chunks, each in a frame of its own.
    pub(in crate::pipeline) fn content_defined(
        &mut self,
        buffer: &mut Vec<u8>,
        mut fill: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> Result<PartChunks, Fault<io::Error>> {
        // Its length stays: shrinking and growing again would fill it with zeros.
        buffer.resize(BUFFER_BYTES, 0);
        let (mut chunks, mut last): (PartChunks, _) = (Vec::new(), None);
        let (mut start, mut end) = (0, 0);
        let mut more = true;
        loop {
            self.shared.shutdown.check()?;
            if more && end - start < ContentCutter::MAX {
                buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                let n = fill(&mut buffer[end..]).map_err(Fault::Here)?;
                more = end + n == BUFFER_BYTES;
                self.count_read(n);
                end += n;
            }
            if start == end {
                return Ok(chunks);
            }
            let cut = self.shared.cutter.next(&buffer[start..end]);
            let ends_file = !more && start + cut == end;
            let (bytes, samples) = recipe::keep_samples_whole(&buffer[start..start + cut], ends_file);
            let plain = &buffer[start..start + bytes];
            let id = ChunkId::of(&self.shared.pool.sealing().id_key, plain);
            let place = match self.shared.known.find(&id) {
                Some(place) => place,
                None => {
                    let recipe = self.recipe_for(plain, samples, &mut last)?;
                    self.store_one(Lane::Cold, plain, id, recipe)?
                }
            };
            chunks.push((place, bytes as u32));
            start += bytes;
        }
    }

    /// The recipe of the last chunk for some more chunks that are like it, then one that is chosen anew.
    fn recipe_for<S: Copy + PartialEq>(
        &mut self,
        plain: &[u8],
        samples: S,
        last: &mut Option<(Recipe, S, usize)>,
    ) -> Result<Recipe> {
        let (recipe, left) = match *last {
            Some((recipe, of_samples, left)) if left > 0 && of_samples == samples => (recipe, left),
            _ => (recipe::choose(plain, &mut self.compressor).map_err(AgentError::bug)?, RECIPE_CHUNKS),
        };
        *last = Some((recipe, samples, left - 1));
        Ok(recipe)
    }
}
