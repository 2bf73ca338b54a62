//! Bucket requests.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::access::credential;
use super::words::{Answer, timestamp};
use crate::vault::clock::now_ms;
use crate::vault::label::BucketState;
use crate::vault::metadata::buckets;
use crate::vault::operations::objects;
use crate::vault::{Refusal, Vault};

pub async fn create(vault: &Vault, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
    let owner = credential(&req.extensions)?;
    let locked = req.input.object_lock_enabled_for_bucket.unwrap_or(false);
    let state = BucketState { versioned: locked, locked, retention_days: None };
    let name = req.input.bucket.clone();
    vault.metadata.write(move |c| buckets::create(c, &owner.tenant, &name, state, now_ms())).await?;
    let location = Some(format!("/{}", req.input.bucket));
    Ok(S3Response::new(CreateBucketOutput { location }))
}

pub async fn delete(vault: &Vault, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
    let owner = credential(&req.extensions)?;
    let name = req.input.bucket;
    vault.metadata.write(move |c| buckets::delete(c, &owner.tenant, &name)).await?;
    Ok(S3Response::with_status(DeleteBucketOutput::default(), http::StatusCode::NO_CONTENT))
}

pub async fn head(vault: &Vault, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
    let owner = credential(&req.extensions)?;
    objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    Ok(S3Response::new(HeadBucketOutput::default()))
}

pub async fn location(
    vault: &Vault,
    req: S3Request<GetBucketLocationInput>,
) -> Answer<GetBucketLocationOutput> {
    let owner = credential(&req.extensions)?;
    objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    Ok(S3Response::new(GetBucketLocationOutput::default()))
}

/// Only the buckets this credential reaches.
pub async fn list(vault: &Vault, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
    let owner = credential(&req.extensions)?;
    let tenant = owner.tenant.clone();
    let all = vault.metadata.read(move |c| buckets::list(c, &tenant)).await?;
    let reached =
        all.into_iter().filter(|bucket| owner.bucket.as_ref().is_none_or(|only| *only == bucket.name));
    let buckets = reached.map(|bucket| Bucket {
        name: Some(bucket.name),
        creation_date: Some(timestamp(bucket.created_ms)),
        ..Bucket::default()
    });
    let owner = Owner { id: Some(owner.tenant.clone()), display_name: Some(owner.tenant) };
    let output = ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(owner),
        ..ListBucketsOutput::default()
    };
    Ok(S3Response::new(output))
}

pub async fn versioning(
    vault: &Vault,
    req: S3Request<GetBucketVersioningInput>,
) -> Answer<GetBucketVersioningOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    let enabled = || BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED);
    let status = bucket.state.versioned.then(enabled);
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
}

pub async fn set_versioning(
    vault: &Vault,
    req: S3Request<PutBucketVersioningInput>,
) -> Answer<PutBucketVersioningOutput> {
    let owner = credential(&req.extensions)?;
    let (name, asked) = (req.input.bucket, req.input.versioning_configuration);
    match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => {
            vault.metadata.write(move |c| buckets::enable_versions(c, &owner.tenant, &name)).await?;
            Ok(S3Response::new(PutBucketVersioningOutput::default()))
        }
        Some(BucketVersioningStatus::SUSPENDED) => {
            let bucket = objects::bucket(vault, &owner.tenant, &name).await?;
            match bucket.state.locked {
                true => Err(Refusal::LockKeepsVersions),
                false => Err(Refusal::NotImplemented("suspended versioning")),
            }
        }
        _ => Err(Refusal::Invalid("unknown versioning status")),
    }
}
