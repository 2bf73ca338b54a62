//! Opening a sealed pack again in memory, before it leaves (FORMAT.md §12).
//!
//! Catches faults of RAM, CPU and of this program while the source is still there. One pass over the
//! ciphertext: SHA-256, authentication, decompression and chunk ids run unit by unit while it is in cache.
//! Never touches the sealed bytes.

use aws_lc_rs::digest;

use crate::compress::Expander;
use crate::crypto::{CHUNK_CIPHER_BYTES, TAG_BYTES};
use crate::error::{FormatError, Result, malformed};
use crate::id::{ChunkHash, ChunkId, Sha256};
use crate::pack::build::FinishedPack;
use crate::pack::trailer::{ChunkRow, FrameRow, Trailer};

/// Reusable buffers of one worker.
#[derive(Default)]
pub struct PackVerifier {
    expander: Expander,
    plain: Vec<u8>,
}

impl PackVerifier {
    /// Opens `pack` again and returns the SHA-256 of its stored bytes.
    ///
    /// Errors: any difference between what was put in and what comes out.
    pub fn verify(&mut self, pack: &FinishedPack, id_key: &[u8; 32]) -> Result<Sha256> {
        let sealed = &pack.sealed;
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&sealed.bytes[..sealed.header_bytes]);
        let payload = &sealed.bytes[sealed.header_bytes..];
        let last = payload.len().div_ceil(CHUNK_CIPHER_BYTES).saturating_sub(1);
        let mut frames = pack.trailer.walk().peekable();
        // Opened and not checked yet: `plain[checked..opened]`. The buffer grows to a frame and a unit, never shrinks.
        let (mut checked, mut opened) = (0, 0);
        for (index, unit) in payload.chunks(CHUNK_CIPHER_BYTES).enumerate() {
            hash.update(unit);
            let end = opened + unit.len().saturating_sub(TAG_BYTES);
            if self.plain.len() < end {
                self.plain.resize(end, 0);
            }
            let open =
                sealed.key.open_chunk_into(index as u64, index == last, unit, &mut self.plain[opened..end]);
            open.map_err(|_| malformed("sealed pack", "it does not open again"))?;
            opened = end;
            while let Some((_, frame, chunks)) = frames.peek() {
                let end = checked + frame.stored_bytes as usize;
                let Some(stored) = self.plain[..opened].get(checked..end) else { break };
                check_frame(&mut self.expander, stored, frame, chunks, id_key)?;
                checked = end;
                frames.next();
            }
            // What was checked makes room, so that the buffer stays as large as one frame.
            if checked > 0 && frames.peek().is_some() {
                self.plain.copy_within(checked..opened, 0);
                (checked, opened) = (0, opened - checked);
            }
        }
        if frames.next().is_some() {
            return Err(FormatError::Truncated { what: "sealed pack" });
        }
        let trailer = Trailer::encoded_bytes(pack.trailer.frames.len(), pack.trailer.chunks.len());
        let tail = opened.checked_sub(trailer).and_then(|at| self.plain.get(at..opened));
        if tail.map(Trailer::decode).transpose()?.as_ref() != Some(&pack.trailer) {
            return Err(malformed("sealed pack", "its trailer reads back differently"));
        }
        let mut name = [0; 32];
        name.copy_from_slice(hash.finish().as_ref());
        Ok(Sha256(name))
    }
}

fn check_frame(
    expander: &mut Expander,
    stored: &[u8],
    frame: &FrameRow,
    chunks: &[ChunkRow],
    id_key: &[u8; 32],
) -> Result<()> {
    // Names are computed from pieces as they come, while they are in cache.
    let mut ids = chunks.iter().map(|chunk| (chunk.id, chunk.plain_bytes as usize));
    let mut open: Option<(ChunkId, usize)> = ids.next();
    let mut hash = ChunkHash::new(id_key);
    let mut is_same = true;
    expander.expand_in_pieces(stored, frame.plain_bytes as usize, frame.filter, |mut piece| {
        while let Some((id, left)) = open.filter(|_| !piece.is_empty()) {
            let (mine, later) = piece.split_at(piece.len().min(left));
            hash.update(mine);
            piece = later;
            open = Some((id, left - mine.len()));
            if left == mine.len() {
                is_same &= hash.take() == id;
                open = ids.next();
            }
        }
    })?;
    match open {
        None if is_same => Ok(()),
        None => Err(FormatError::IdMismatch { what: "sealed pack" }),
        Some(_) => Err(FormatError::Truncated { what: "sealed pack" }),
    }
}
