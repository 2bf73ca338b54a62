//! Writing, copying, deleting and locking versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use scelle_store::Incoming;

use crate::vault::blobs::new_name;
use crate::vault::clock::{DAY_MS, now_ms};
use crate::vault::label::{Kind, Label};
use crate::vault::metadata::buckets::{self, Bucket};
use crate::vault::metadata::uploads;
use crate::vault::metadata::versions::{self, Terms, Version};
use crate::vault::receive::Received;
use crate::vault::{Refusal, Vault};

/// Retention further away than this is a mistake nobody could undo.
const MAX_RETENTION_DAYS: i64 = 36_500;

/// What comes with a body.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Kept headers.
    pub headers: BTreeMap<String, String>,
    /// User metadata.
    pub metadata: BTreeMap<String, String>,
    /// Retention asked for, instead of the bucket's default.
    pub retain_until_ms: Option<i64>,
}

/// Finds a tenant's bucket.
pub async fn bucket(vault: &Vault, tenant: &str, name: &str) -> Result<Bucket, Refusal> {
    let (tenant, name) = (tenant.to_owned(), name.to_owned());
    vault.metadata.read(move |c| buckets::find(c, &tenant, &name)).await
}

/// Checks a retention somebody asks for.
pub fn checked_retention(bucket: &Bucket, until_ms: Option<i64>, now_ms: i64) -> Result<(), Refusal> {
    match until_ms {
        None => Ok(()),
        Some(_) if !bucket.state.locked => Err(Refusal::NotALockBucket),
        Some(until) if until <= now_ms => Err(Refusal::Invalid("the retention must end in the future")),
        Some(until) if until - now_ms > MAX_RETENTION_DAYS * DAY_MS => {
            Err(Refusal::Invalid("the retention ends more than a hundred years from now"))
        }
        Some(_) => Ok(()),
    }
}

/// Stores a received body as a new version.
pub async fn store(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    received: Received,
    about: About,
    terms: Terms,
) -> Result<Version, Refusal> {
    let label = Label {
        bytes: received.incoming.bytes(),
        sha256: received.sha256,
        etag: received.md5,
        checksum: received.checksum,
        headers: about.headers,
        metadata: about.metadata,
        retain_until_ms: about.retain_until_ms,
        ..Label::default()
    };
    commit(vault, bucket, key, received.incoming, label, terms, None).await
}

/// Makes a version durable and known. `label` brings what is known of the body; the rest is filled in here.
/// `upload` is the upload it completes, which ends in the same transaction: of two completions one is refused.
pub async fn commit(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    incoming: Incoming,
    mut label: Label,
    terms: Terms,
    upload: Option<String>,
) -> Result<Version, Refusal> {
    let _held = vault.hold(bucket.id, key).await;
    let (id, name, asked) = (bucket.id, key.to_owned(), terms.clone());
    // As the bucket stands now, and not when the body began to come in.
    let bucket = vault.metadata.read(move |c| {
        let bucket = buckets::again(c, id)?;
        versions::check(&asked, &bucket, versions::current(c, id, &name)?.as_ref())?;
        Ok(bucket)
    });
    let bucket = bucket.await?;
    fill_in(vault, &bucket, key, &mut label);
    let (incoming, label) = seal(vault, incoming, label).await?;
    let record = label.clone();
    let dooms = upload.is_some() || !bucket.state.versioned;
    let recorded = vault.metadata.write(move |c| {
        if let Some(upload) = upload {
            uploads::finish(c, &upload)?;
        }
        versions::insert(c, id, &record, &terms)
    });
    if let Err(refusal) = recorded.await {
        return Err(take_back(vault, incoming, &label.blob, refusal));
    }
    // Only now may the temporary name go: a crash before this point is seen at the next start.
    drop(incoming);
    if dooms {
        vault.sweep().await;
    }
    let retain_until_ms = label.retain_until_ms;
    Ok(Version {
        is_null: !bucket.state.versioned,
        is_current: true,
        retain_until_ms,
        is_damaged: false,
        label,
    })
}

/// What a label says of the bucket, the key and the moment.
fn fill_in(vault: &Vault, bucket: &Bucket, key: &str, label: &mut Label) {
    let now = now_ms();
    let default = bucket.state.retention_days.map(|days| now + i64::from(days) * DAY_MS);
    label.retain_until_ms = match label.kind {
        Kind::Object => label.retain_until_ms.or(default.filter(|_| bucket.state.locked)),
        _ => None,
    };
    label.blob = new_name();
    label.tenant.clone_from(&bucket.tenant);
    label.bucket.clone_from(&bucket.name);
    label.bucket_state = bucket.state;
    key.clone_into(&mut label.key);
    label.sequence = vault.next_sequence();
    label.stored_ms = now;
}

/// Makes a received body durable under its label's name, on a thread that may wait.
pub async fn seal(
    vault: &Arc<Vault>,
    incoming: Incoming,
    label: Label,
) -> Result<(Incoming, Label), Refusal> {
    let keeper = Arc::clone(vault);
    let sealed = tokio::task::spawn_blocking(move || {
        let mut incoming = incoming;
        keeper.blobs.seal(&mut incoming, &label).map(|()| (incoming, label))
    });
    Ok(sealed.await.map_err(|_| Refusal::Stopping)??)
}

/// Removes a file whose record was refused. Where the record may have been written all the same, the file keeps both
/// its names, and the next start decides.
pub fn take_back(vault: &Vault, incoming: Incoming, blob: &str, refusal: Refusal) -> Refusal {
    if !refusal.is_certain() || vault.blobs.remove(blob).is_err() {
        incoming.leave();
    }
    refusal
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Whether a marker was made, or was what was deleted.
    pub marker: bool,
    /// The version made or deleted.
    pub version_id: Option<String>,
}

/// Deletes a version for good, or hides the object behind a marker (with versions) or removes it (without).
pub async fn delete(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    version_id: Option<String>,
) -> Result<Deleted, Refusal> {
    let (id, name) = (bucket.id, key.to_owned());
    match version_id {
        None if bucket.state.versioned => {
            let keeper = Arc::clone(vault);
            let incoming = tokio::task::spawn_blocking(move || keeper.blobs.begin()).await;
            let incoming = incoming.map_err(|_| Refusal::Stopping)??;
            let label = Label { kind: Kind::Marker, ..Label::default() };
            let made = commit(vault, bucket, key, incoming, label, Terms::default(), None).await?;
            Ok(Deleted { marker: true, version_id: Some(made.id().to_owned()) })
        }
        version_id => {
            let _held = vault.hold(bucket.id, key).await;
            let asked = version_id.clone();
            let gone = vault.metadata.write(move |c| {
                versions::delete(c, id, &name, version_id.as_deref().unwrap_or("null"), now_ms())
            });
            match gone.await {
                Ok(version) => {
                    vault.sweep().await;
                    Ok(Deleted { marker: version.is_marker(), version_id: asked })
                }
                // S3 answers a deletion of what is not there with success.
                Err(Refusal::NoSuchVersion) => Ok(Deleted { marker: false, version_id: asked }),
                Err(refusal) => Err(refusal),
            }
        }
    }
}

/// Moves the retention of a version to a later time.
pub async fn extend(
    vault: &Arc<Vault>,
    bucket: &Bucket,
    key: &str,
    version_id: Option<String>,
    until_ms: i64,
) -> Result<(), Refusal> {
    let _held = vault.hold(bucket.id, key).await;
    let (id, name) = (bucket.id, key.to_owned());
    let version = vault.metadata.read(move |c| versions::wanted(c, id, &name, version_id.as_deref())).await?;
    if version.is_marker() {
        return Err(Refusal::IsDeleteMarker);
    }
    let now = now_ms();
    if version.retain_until_ms.is_some_and(|held| held > now && until_ms < held) {
        return Err(Refusal::Locked);
    }
    checked_retention(bucket, Some(until_ms), now)?;
    // The file first: metadata rebuilt from the tree must never know a shorter lock than was promised.
    let (keeper, blob) = (Arc::clone(vault), version.label.blob.clone());
    let written = tokio::task::spawn_blocking(move || keeper.blobs.extend(&blob, until_ms)).await;
    written.map_err(|_| Refusal::Stopping)??;
    vault.metadata.write(move |c| versions::extend(c, &version, until_ms, now)).await
}
