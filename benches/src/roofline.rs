//! What a first backup must cost: each stage really applied to each byte, alone, on one thread.
//!
//! The same files go through the same functions as in the agent (read, cut, name, compress, fill, seal, verify, hash in
//! the store, write), one after another, and only the processor time inside each is counted. The sum over all cores is
//! the roofline: no walk, no catalog, no channels, no waiting. Never: a repository.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use scelle_core::pipeline::chunks::recipe::{self, Recipe};
use scelle_format::chunker::{ContentCutter, PAGED_CHUNK_BYTES};
use scelle_format::compress::{Compressor, Frame};
use scelle_format::crypto::pq::{PqIdentity, PqRecipient};
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackKind};
use scelle_format::limits::{PACK_TARGET_BYTES, PAGED_FRAME_BYTES, SOLID_FRAME_BYTES};
use scelle_format::pack::{PackBuilder, PackVerifier};
use scelle_format::random::OsRandom;

use crate::corpus::walk;
use crate::samples::gear_table;

const ID_KEY: [u8; 32] = [7; 32];
/// Files below this size share a chunk with their neighbours, and such a chunk's size.
const TINY_BYTES: usize = 4 << 10;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 8 << 20;
const GROUP_BYTES: usize = 64 << 10;

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Open and read.
    Read,
    /// Find boundaries.
    Cut,
    /// Keyed BLAKE3.
    Name,
    /// Choose the recipe, filter, compress.
    Compress,
    /// Copy frames into the pack.
    Fill,
    /// ChaCha20-Poly1305.
    Seal,
    /// Open again, decompress, name again, SHA-256.
    Verify,
    /// Write the pack's file.
    Write,
}

/// All stages in order.
pub const STAGES: [Stage; 8] = [
    Stage::Read,
    Stage::Cut,
    Stage::Name,
    Stage::Compress,
    Stage::Fill,
    Stage::Seal,
    Stage::Verify,
    Stage::Write,
];

/// What each stage took.
#[derive(Clone, Debug, Default)]
pub struct Roofline {
    seconds: [f64; STAGES.len()],
    bytes: [u64; STAGES.len()],
    /// Bytes of files.
    pub source_bytes: u64,
    /// Bytes of packs.
    pub stored_bytes: u64,
}

impl Roofline {
    /// Takes all files below `root` through all stages; packs are written to one file in `scratch`.
    pub fn measure(root: &Path, scratch: &Path) -> Result<Self> {
        let mut run = Run::new(scratch)?;
        walk(root, &mut |path, metadata| run.file(path, metadata.len()))?;
        run.end()
    }

    /// Processor seconds of one stage, and bytes that went into it.
    pub fn stage(&self, stage: Stage) -> (f64, u64) {
        (self.seconds[stage as usize], self.bytes[stage as usize])
    }

    /// Processor seconds of all stages.
    pub fn cpu_seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }

    /// Wall seconds with `cores` cores busy all the time.
    pub fn wall_seconds(&self, cores: usize) -> f64 {
        self.cpu_seconds() / cores.max(1) as f64
    }
}

/// Processor seconds of this thread.
fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

struct Run {
    roofline: Roofline,
    recipient: PqRecipient,
    cutter: ContentCutter,
    compressor: Compressor,
    verifier: PackVerifier,
    pack: Option<PackBuilder>,
    solid: Vec<u8>,
    solid_chunks: Vec<(ChunkId, u32)>,
    group: Vec<u8>,
    buffer: Vec<u8>,
    /// What the last pack has left.
    memory: Vec<u8>,
    output: File,
}

impl Run {
    fn new(scratch: &Path) -> Result<Self> {
        Ok(Self {
            roofline: Roofline::default(),
            recipient: PqIdentity::generate(&mut OsRandom).recipient(),
            cutter: ContentCutter::new(gear_table()),
            compressor: Compressor::new(recipe::LEVEL),
            verifier: PackVerifier::default(),
            pack: None,
            solid: Vec::new(),
            solid_chunks: Vec::new(),
            group: Vec::new(),
            buffer: vec![0; BUFFER_BYTES],
            memory: Vec::new(),
            output: File::create(scratch.join("roofline.packs"))?,
        })
    }

    fn count(&mut self, stage: Stage, bytes: usize, began: f64) {
        self.roofline.seconds[stage as usize] += thread_seconds() - began;
        self.roofline.bytes[stage as usize] += bytes as u64;
    }

    fn file(&mut self, path: &Path, bytes: u64) -> Result<()> {
        let began = thread_seconds();
        let mut file = File::open(path)?;
        self.count(Stage::Read, 0, began);
        self.roofline.source_bytes += bytes;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut left, mut is_database) = (bytes, false);
        loop {
            let began = thread_seconds();
            let part = &mut buffer[..usize::try_from(left)?.min(BUFFER_BYTES)];
            file.read_exact(part).context("a file changed")?;
            self.count(Stage::Read, part.len(), began);
            is_database |= left == bytes && part.starts_with(b"SQLite format 3\0");
            left -= part.len() as u64;
            match bytes {
                _ if is_database => self.pages(part)?,
                large if large > ContentCutter::MIN as u64 => self.large(part)?,
                small if small >= TINY_BYTES as u64 => self.small(part)?,
                _ => {
                    self.group.extend_from_slice(part);
                    if self.group.len() > GROUP_BYTES {
                        self.end_group()?;
                    }
                }
            }
            if left == 0 {
                self.buffer = buffer;
                return Ok(());
            }
        }
    }

    fn name(&mut self, plain: &[u8]) -> (ChunkId, u32) {
        let began = thread_seconds();
        let id = ChunkId::of(&ID_KEY, plain);
        self.count(Stage::Name, plain.len(), began);
        (id, plain.len() as u32)
    }

    fn pages(&mut self, plain: &[u8]) -> Result<()> {
        for frame in plain.chunks(PAGED_FRAME_BYTES) {
            let chunks: Vec<_> = frame.chunks(PAGED_CHUNK_BYTES).map(|page| self.name(page)).collect();
            self.frame(frame, &chunks, Some(Recipe::Zstd(Filter::None)))?;
        }
        Ok(())
    }

    fn large(&mut self, mut plain: &[u8]) -> Result<()> {
        while !plain.is_empty() {
            let began = thread_seconds();
            let bytes = self.cutter.next(plain);
            let (bytes, _) = recipe::keep_samples_whole(&plain[..bytes], bytes == plain.len());
            self.count(Stage::Cut, bytes, began);
            let (chunk, rest) = plain.split_at(bytes);
            let named = self.name(chunk);
            self.frame(chunk, &[named], None)?;
            plain = rest;
        }
        Ok(())
    }

    fn small(&mut self, plain: &[u8]) -> Result<()> {
        if plain.len() >= recipe::ALONE_BYTES {
            let began = thread_seconds();
            let recipe = recipe::choose(plain, &mut self.compressor)?;
            self.count(Stage::Compress, 0, began);
            if recipe != Recipe::Zstd(Filter::None) {
                let named = self.name(plain);
                return self.frame(plain, &[named], Some(recipe));
            }
        }
        if self.solid.len() + plain.len() > SOLID_FRAME_BYTES {
            self.end_solid()?;
        }
        let named = self.name(plain);
        self.solid.extend_from_slice(plain);
        self.solid_chunks.push(named);
        Ok(())
    }

    fn end_group(&mut self) -> Result<()> {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() { Ok(()) } else { self.small(&group) }
    }

    fn end_solid(&mut self) -> Result<()> {
        let (plain, chunks) = (std::mem::take(&mut self.solid), std::mem::take(&mut self.solid_chunks));
        if plain.is_empty() { Ok(()) } else { self.frame(&plain, &chunks, None) }
    }

    fn frame(&mut self, plain: &[u8], chunks: &[(ChunkId, u32)], recipe: Option<Recipe>) -> Result<()> {
        let mut compressor = std::mem::replace(&mut self.compressor, Compressor::new(recipe::LEVEL));
        let began = thread_seconds();
        let recipe = recipe.map_or_else(|| recipe::choose(plain, &mut compressor), Ok)?;
        let (frame, filter) = match recipe {
            Recipe::Raw => (Frame::raw(plain)?, Filter::None),
            Recipe::Zstd(filter) => (Frame::Zstd(compressor.frame(plain, recipe::LEVEL, filter)?), filter),
        };
        self.count(Stage::Compress, plain.len(), began);
        if self.pack.as_ref().is_some_and(|pack| !pack.has_room(frame.stored_bytes(), chunks.len())) {
            self.end_pack()?;
        }
        let began = thread_seconds();
        if self.pack.is_none() {
            let kind = PackKind::Data;
            let memory = std::mem::take(&mut self.memory);
            let target = PACK_TARGET_BYTES;
            self.pack = Some(PackBuilder::reusing(memory, kind, 1, &self.recipient, target, &mut OsRandom)?);
        }
        if let Some(pack) = &mut self.pack {
            pack.add_frame(frame, filter, chunks);
        }
        self.count(Stage::Fill, frame.stored_bytes(), began);
        self.compressor = compressor;
        Ok(())
    }

    fn end_pack(&mut self) -> Result<()> {
        let Some(pack) = self.pack.take() else { return Ok(()) };
        let began = thread_seconds();
        let finished = pack.finish();
        let bytes = finished.sealed.bytes.len();
        self.count(Stage::Seal, bytes, began);
        let began = thread_seconds();
        self.verifier.verify(&finished, &ID_KEY)?;
        self.count(Stage::Verify, bytes, began);
        let began = thread_seconds();
        self.output.write_all(&finished.sealed.bytes)?;
        self.count(Stage::Write, bytes, began);
        self.roofline.stored_bytes += bytes as u64;
        self.memory = finished.sealed.bytes;
        Ok(())
    }

    fn end(mut self) -> Result<Roofline> {
        self.end_group()?;
        self.end_solid()?;
        self.end_pack()?;
        Ok(self.roofline)
    }
}
