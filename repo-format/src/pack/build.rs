//! Filling a pack and sealing it.
//!
//! Frames come from the pipeline, already compressed; they are laid into the ciphertext's own buffer, so that
//! sealing needs no second copy. Never decides what goes into which pack.

use crate::compress::{Frame, push_padding};
use crate::crypto::CryptoError;
use crate::crypto::pq::PqRecipient;
use crate::crypto::seal::{AgeHeader, SealBuffer, Sealed};
use crate::filter::Filter;
use crate::id::{ChunkId, PackKind};
use crate::limits::{PACK_FLOOR_BYTES, PACK_MAX_CHUNKS};
use crate::pack::trailer::{ChunkRow, FrameRow, Trailer};
use crate::padme::padding_for;
use crate::random::Random;

/// Where a frame went in the pack being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    /// Offset in the pack's plaintext.
    pub offset: u32,
    /// Bytes of the zstd frame.
    pub bytes: u32,
}

/// A pack being filled.
pub struct PackBuilder {
    buffer: SealBuffer,
    trailer: Trailer,
    target_bytes: usize,
}

/// A sealed pack that has not been verified yet.
pub struct FinishedPack {
    /// The age file.
    pub sealed: Sealed,
    /// What it holds.
    pub trailer: Trailer,
}

impl PackBuilder {
    /// An empty pack that is full at `target_bytes`.
    ///
    /// Errors: only when the recipient refuses to be wrapped to.
    pub fn new(
        kind: PackKind,
        generation: u16,
        recipient: &PqRecipient,
        target_bytes: usize,
        random: &mut dyn Random,
    ) -> Result<Self, CryptoError> {
        Self::reusing(Vec::new(), kind, generation, recipient, target_bytes, random)
    }

    /// [`PackBuilder::new`] in memory that an earlier pack has left.
    pub fn reusing(
        memory: Vec<u8>,
        kind: PackKind,
        generation: u16,
        recipient: &PqRecipient,
        target_bytes: usize,
        random: &mut dyn Random,
    ) -> Result<Self, CryptoError> {
        let header = AgeHeader::new(std::slice::from_ref(recipient), random)?;
        let buffer = SealBuffer::reusing(memory, header, target_bytes + target_bytes / 8);
        let trailer = Trailer { kind, generation, frames: Vec::new(), chunks: Vec::new() };
        Ok(Self { buffer, trailer, target_bytes })
    }

    /// Whether a frame of `stored_bytes` with `chunks` chunks still belongs into this pack.
    pub fn has_room(&self, stored_bytes: usize, chunks: usize) -> bool {
        self.trailer.chunks.is_empty()
            || (self.stored_bytes() + stored_bytes <= self.target_bytes
                && self.trailer.chunks.len() + chunks <= PACK_MAX_CHUNKS)
    }

    /// Bytes of frames so far.
    pub fn stored_bytes(&self) -> usize {
        self.buffer.plain_bytes() as usize
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.trailer.chunks.is_empty()
    }

    /// Adds one frame that holds `chunks` back to back.
    pub fn add_frame(&mut self, frame: Frame<'_>, filter: Filter, chunks: &[(ChunkId, u32)]) -> FramePlace {
        let offset = self.buffer.plain_bytes() as u32;
        frame.write(|bytes| self.buffer.write(bytes));
        self.trailer.frames.push(FrameRow {
            stored_bytes: frame.stored_bytes() as u32,
            plain_bytes: chunks.iter().map(|(_, bytes)| bytes).sum(),
            chunks: chunks.len() as u16,
            filter,
        });
        self.trailer.chunks.extend(chunks.iter().map(|&(id, plain_bytes)| ChunkRow { id, plain_bytes }));
        FramePlace { offset, bytes: frame.stored_bytes() as u32 }
    }

    /// Whether all of `other` still fits.
    pub fn has_room_for(&self, other: &Self) -> bool {
        self.has_room(other.stored_bytes(), other.trailer.chunks.len())
    }

    /// Moves all frames of `other` to the end of this pack; returns by how much their offsets grew.
    pub fn absorb(&mut self, other: Self) -> u32 {
        let moved_by = self.buffer.plain_bytes() as u32;
        other.buffer.plain_units().for_each(|unit| self.buffer.write(unit));
        self.trailer.frames.extend(other.trailer.frames);
        self.trailer.chunks.extend(other.trailer.chunks);
        moved_by
    }

    /// Pads, writes the trailer and seals.
    pub fn finish(mut self) -> FinishedPack {
        let trailer = self.trailer.encode();
        let bare = self.buffer.plain_bytes() + trailer.len() as u64;
        let mut padding = Vec::new();
        push_padding(&mut padding, padding_for(bare, PACK_FLOOR_BYTES));
        self.buffer.write(&padding);
        self.buffer.write(&trailer);
        FinishedPack { sealed: self.buffer.seal(), trailer: self.trailer }
    }
}
