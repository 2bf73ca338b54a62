//! Uploads in parts: each part is a blob of its own; completing copies them into one.

use std::io::{Read as _, Take};
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::crypto::{Checksum as _, Md5};
use scelle_store::Incoming;

use super::objects::{commit, seal, take_back};
use crate::vault::blobs::new_name;
use crate::vault::clock::now_ms;
use crate::vault::label::{KeptChecksum, Kind, Label};
use crate::vault::metadata::buckets::Bucket;
use crate::vault::metadata::uploads;
use crate::vault::metadata::versions::{Terms, Version};
use crate::vault::receive::{Received, computed, hasher};
use crate::vault::{Refusal, Vault};

/// Smallest part but the last.
const MIN_PART_BYTES: u64 = 5 << 20;
const COPY_BYTES: usize = 256 << 10;

/// A part as the client names it when it completes.
#[derive(Clone, Debug)]
pub struct Named {
    /// 1 to 10 000.
    pub number: i32,
    /// ETag without quotes.
    pub etag: String,
}

/// Begins an upload and returns its id.
pub async fn create(vault: &Vault, bucket: &Bucket, draft: Label) -> Result<String, Refusal> {
    let (id, upload) = (bucket.id, new_name());
    let name = upload.clone();
    vault.metadata.write(move |c| uploads::create(c, id, &name, &draft, now_ms())).await?;
    Ok(upload)
}

/// Stores a received part.
pub async fn put_part(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    upload: &str,
    number: i32,
    received: Received,
) -> Result<Label, Refusal> {
    if !(1..=10_000).contains(&number) {
        return Err(Refusal::Invalid("a part's number is 1 to 10000"));
    }
    let label = Label {
        kind: Kind::Part,
        blob: new_name(),
        tenant: bucket.tenant.clone(),
        bucket: bucket.name.clone(),
        key: key.to_owned(),
        stored_ms: now_ms(),
        bytes: received.incoming.bytes(),
        sha256: received.sha256,
        etag: received.md5,
        checksum: received.checksum,
        ..Label::default()
    };
    let (incoming, label) = seal(vault, received.incoming, label).await?;
    let (upload, record) = (upload.to_owned(), label.clone());
    let written = vault.metadata.write(move |c| uploads::put_part(c, &upload, number, &record)).await;
    if let Err(refusal) = written {
        return Err(take_back(vault, incoming, &label.blob, refusal));
    }
    drop(incoming);
    vault.sweep().await;
    Ok(label)
}

/// Puts the named parts together as one version; the upload ends in the same transaction.
pub async fn complete(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    upload_id: &str,
    named: Vec<Named>,
    terms: Terms,
    checksums: Vec<(&'static str, Option<String>)>,
) -> Result<Version, Refusal> {
    let (id, name, wanted) = (bucket.id, key.to_owned(), upload_id.to_owned());
    let (upload, stored) = vault
        .metadata
        .read(move |c| {
            Ok((uploads::find(c, id, &name, &wanted)?, uploads::parts(c, &wanted, 0, usize::MAX)?))
        })
        .await?;
    let parts = chosen(&named, &stored)?;
    vault.room_for(parts.iter().map(|part| part.bytes).sum())?;
    let keeper = Arc::clone(vault);
    let joined = tokio::task::spawn_blocking(move || join(&keeper, &parts, upload.draft)).await;
    let (incoming, label) = joined.map_err(|_| Refusal::Stopping)??;
    // What the client says of the whole is checked against what was kept of it.
    for (algorithm, value) in checksums {
        let kept = label.checksum.as_ref().filter(|kept| kept.algorithm == algorithm);
        if kept.is_some_and(|kept| value.is_some_and(|value| !same_sum(&value, &kept.value))) {
            return Err(Refusal::BadDigest);
        }
    }
    commit(vault, bucket, key, incoming, label, terms, Some(upload_id.to_owned())).await
}

/// Ends an upload without an object.
pub async fn abort(vault: &Arc<Vault>, bucket: &Bucket, key: &str, upload: &str) -> Result<(), Refusal> {
    let (id, name, upload) = (bucket.id, key.to_owned(), upload.to_owned());
    let ended = vault.metadata.write(move |c| {
        uploads::find(c, id, &name, &upload)?;
        uploads::finish(c, &upload)
    });
    ended.await?;
    vault.sweep().await;
    Ok(())
}

/// Composite values may be given with or without the number of parts.
fn same_sum(given: &str, kept: &str) -> bool {
    given == kept || kept.split_once('-').is_some_and(|(sum, _)| given == sum)
}

fn chosen(named: &[Named], stored: &[(i32, Label)]) -> Result<Vec<Label>, Refusal> {
    if named.is_empty() {
        return Err(Refusal::Invalid("an upload has at least one part"));
    }
    if named.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(Refusal::InvalidPartOrder);
    }
    let mut parts = Vec::with_capacity(named.len());
    for (at, part) in named.iter().enumerate() {
        let found = stored.iter().find(|(number, label)| *number == part.number && label.etag == part.etag);
        let (_, label) = found.ok_or(Refusal::InvalidPart)?;
        if label.bytes < MIN_PART_BYTES && at + 1 < named.len() {
            return Err(Refusal::PartTooSmall);
        }
        parts.push(label.clone());
    }
    Ok(parts)
}

fn join(vault: &Vault, parts: &[Label], draft: Label) -> Result<(Incoming, Label), Refusal> {
    let mut incoming = vault.blobs.begin()?;
    let mut whole = digest::Context::new(&digest::SHA256);
    let mut etags = Md5::new();
    let algorithm = draft.checksum.as_ref().map(|kept| kept.algorithm.clone());
    let composite = draft.checksum.as_ref().is_some_and(|kept| kept.composite);
    let mut sums = hasher(algorithm.as_deref().into_iter());
    for part in parts {
        let (file, _) = vault.blobs.file(&part.blob)?;
        let mut body: Take<_> = file.take(part.bytes);
        let mut own = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = body.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            let piece = &buffer[..read];
            own.update(piece);
            whole.update(piece);
            if !composite {
                sums.update(piece);
            }
            incoming.write(piece)?;
        }
        if hex::encode(own.finish().as_ref()) != part.sha256 {
            return Err(Refusal::Damaged);
        }
        etags.update(&hex::decode(&part.etag).map_err(|_| Refusal::InvalidPart)?);
        if composite {
            let kept = part.checksum.as_ref().filter(|kept| Some(&kept.algorithm) == algorithm.as_ref());
            let value = STANDARD.decode(&kept.ok_or(Refusal::InvalidPart)?.value);
            sums.update(&value.map_err(|_| Refusal::InvalidPart)?);
        }
    }
    let checksum = algorithm.and_then(|algorithm| {
        let value = computed(sums, &algorithm)?;
        let value = if composite { format!("{value}-{}", parts.len()) } else { value };
        Some(KeptChecksum { algorithm, value, composite })
    });
    let label = Label {
        kind: Kind::Object,
        bytes: incoming.bytes(),
        sha256: hex::encode(whole.finish().as_ref()),
        etag: format!("{}-{}", hex::encode(etags.finalize()), parts.len()),
        checksum,
        ..draft
    };
    Ok((incoming, label))
}
