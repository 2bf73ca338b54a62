//! Reading a version: streamed, and checked against its hash on the way.
//!
//! A whole object is hashed while it is sent; its last piece leaves only when the hash is right, so that damage ends
//! in a broken transfer and never in a whole wrong object. What is found damaged is noted and served no more.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use futures::Stream;

use crate::vault::metadata::buckets::Bucket;
use crate::vault::metadata::versions::{self, Version};
use crate::vault::{Refusal, Vault};

const PIECE_BYTES: u64 = 256 << 10;

/// Finds what a reader wants: one version, or the newest that is no marker.
pub async fn find(
    vault: &Vault,
    bucket: &Bucket,
    key: &str,
    version_id: Option<String>,
) -> Result<Version, Refusal> {
    let (id, name) = (bucket.id, key.to_owned());
    vault.metadata.read(move |c| versions::wanted(c, id, &name, version_id.as_deref())).await
}

struct Reading {
    vault: Arc<Vault>,
    file: std::fs::File,
    blob: String,
    left: u64,
    /// Running hash and expected value, for a whole object.
    whole: Option<(digest::Context, String)>,
}

/// Streams `range` of a version's body.
pub async fn stream(
    vault: &Arc<Vault>,
    version: &Version,
    range: Range<u64>,
) -> Result<impl Stream<Item = Result<Bytes, Refusal>> + Send + use<>, Refusal> {
    if version.is_damaged {
        return Err(Refusal::Damaged);
    }
    let (keeper, label) = (Arc::clone(vault), version.label.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let (mut file, file_bytes) = match keeper.blobs.file(&label.blob) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                note_damage(&keeper, &label.blob)?;
                return Err(Refusal::Damaged);
            }
            Err(error) => return Err(error.into()),
        };
        if file_bytes < label.bytes {
            note_damage(&keeper, &label.blob)?;
            return Err(Refusal::Damaged);
        }
        file.seek(SeekFrom::Start(range.start))?;
        let is_whole = range == (0..label.bytes);
        let whole = is_whole.then(|| (digest::Context::new(&digest::SHA256), label.sha256));
        Ok(Reading { vault: keeper, file, blob: label.blob, left: range.end - range.start, whole })
    });
    let reading = opened.await.map_err(|_| Refusal::Stopping)??;
    Ok(futures::stream::unfold(Some(reading), |reading| async {
        let reading = reading.filter(|reading| reading.left > 0)?;
        let piece = tokio::task::spawn_blocking(move || reading.piece()).await;
        match piece.unwrap_or(Err(Refusal::Stopping)) {
            Ok((bytes, reading)) => Some((Ok(bytes), Some(reading))),
            Err(refusal) => Some((Err(refusal), None)),
        }
    }))
}

impl Reading {
    fn piece(mut self) -> Result<(Bytes, Self), Refusal> {
        let length = self.left.min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Refusal::TooLarge)?];
        self.file.read_exact(&mut bytes)?;
        self.left -= length;
        if let Some((hash, _)) = &mut self.whole {
            hash.update(&bytes);
        }
        if self.left == 0
            && let Some((hash, expected)) = self.whole.take()
            && hex::encode(hash.finish().as_ref()) != expected
        {
            note_damage(&self.vault, &self.blob)?;
            return Err(Refusal::Damaged);
        }
        Ok((bytes.into(), self))
    }
}

/// Notes that a blob is not what was stored; it stays where it is for whoever repairs it, and is served no more.
pub fn note_damage(vault: &Vault, blob: &str) -> Result<(), Refusal> {
    let blob = blob.to_owned();
    vault.metadata.write_blocking(move |c| {
        c.execute("UPDATE versions SET is_damaged = 1 WHERE blob = ?1", [blob])?;
        Ok(())
    })
}
