//! Reading a version: streamed, and checked against its hash on the way.
//!
//! A whole object is hashed while it is sent; its last piece leaves only when the hash is right, so that damage ends
//! in a broken transfer and never in a whole wrong object. What is found damaged
//! twice is noted and served no more.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use futures::Stream;

use super::damage;
use crate::vault::label::Label;
use crate::vault::metadata::buckets::Bucket;
use crate::vault::metadata::versions::{self, Version};
use crate::vault::{Refusal, Vault, platform};

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
    label: Label,
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
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged(&keeper, &label));
            }
            opened => opened?,
        };
        if file_bytes < label.bytes {
            return Err(damaged(&keeper, &label));
        }
        file.seek(SeekFrom::Start(range.start))?;
        let is_whole = range == (0..label.bytes);
        let whole = is_whole.then(|| (digest::Context::new(&digest::SHA256), label.sha256.clone()));
        Ok(Reading { vault: keeper, file, label, left: range.end - range.start, whole })
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

/// What a reader is told of a body that is not right, once it has been looked at again. Where the second look finds
/// nothing wrong, the transfer still ends here, and the next one is whole.
fn damaged(vault: &Vault, label: &Label) -> Refusal {
    match damage::confirm(vault, label) {
        Ok(Some(_)) => Refusal::Damaged,
        Ok(None) => Refusal::Internal("a disk gave a wrong answer once".to_owned()),
        Err(refusal) => refusal,
    }
}

impl Reading {
    fn piece(mut self) -> Result<(Bytes, Self), Refusal> {
        let length = self.left.min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Refusal::TooLarge)?];
        if let Err(error) = self.file.read_exact(&mut bytes) {
            return Err(match error.kind() == ErrorKind::UnexpectedEof || platform::is_bad_medium(&error) {
                true => damaged(&self.vault, &self.label),
                false => error.into(),
            });
        }
        self.left -= length;
        if let Some((hash, _)) = &mut self.whole {
            hash.update(&bytes);
        }
        if self.left == 0
            && let Some((hash, expected)) = self.whole.take()
            && hex::encode(hash.finish().as_ref()) != expected
        {
            return Err(damaged(&self.vault, &self.label));
        }
        Ok((bytes.into(), self))
    }
}
