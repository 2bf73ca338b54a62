//! Retention requests: of a bucket, of a version.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::access::credential;
use super::words::{Answer, retention, timestamp};
use crate::vault::clock::now_ms;
use crate::vault::metadata::buckets;
use crate::vault::operations::{objects, read};
use crate::vault::{Refusal, Vault};

const MAX_DEFAULT_DAYS: i32 = 36_500;

pub async fn configuration(
    vault: &Vault,
    req: S3Request<GetObjectLockConfigurationInput>,
) -> Answer<GetObjectLockConfigurationOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    if !bucket.state.locked {
        return Err(Refusal::NoLockConfiguration);
    }
    let rule = bucket.state.retention_days.map(|days| ObjectLockRule {
        default_retention: Some(DefaultRetention {
            days: i32::try_from(days).ok(),
            mode: Some(ObjectLockRetentionMode::from_static(ObjectLockRetentionMode::COMPLIANCE)),
            years: None,
        }),
    });
    let enabled = ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED);
    let configuration = ObjectLockConfiguration { object_lock_enabled: Some(enabled), rule };
    Ok(S3Response::new(GetObjectLockConfigurationOutput { object_lock_configuration: Some(configuration) }))
}

pub async fn set_configuration(
    vault: &Vault,
    req: S3Request<PutObjectLockConfigurationInput>,
) -> Answer<PutObjectLockConfigurationOutput> {
    let owner = credential(&req.extensions)?;
    let asked = req.input.object_lock_configuration.ok_or(Refusal::Invalid("no configuration"))?;
    if asked.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str) != Some(ObjectLockEnabled::ENABLED) {
        return Err(Refusal::Invalid("object lock is enabled for good"));
    }
    let days = match asked.rule.and_then(|rule| rule.default_retention) {
        None => None,
        Some(default) => Some(default_days(&default)?),
    };
    let name = req.input.bucket;
    vault.metadata.write(move |c| buckets::set_lock(c, &owner.tenant, &name, days)).await?;
    Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
}

fn default_days(asked: &DefaultRetention) -> Result<u32, Refusal> {
    match asked.mode.as_ref().map(ObjectLockRetentionMode::as_str) {
        Some(ObjectLockRetentionMode::COMPLIANCE) => {}
        Some(ObjectLockRetentionMode::GOVERNANCE) => {
            return Err(Refusal::NotImplemented("GOVERNANCE retention"));
        }
        _ => return Err(Refusal::Invalid("a default retention has a mode")),
    }
    let days = match (asked.days, asked.years) {
        (Some(days), None) => days,
        (None, Some(years)) => years.saturating_mul(365),
        _ => return Err(Refusal::Invalid("a default retention has days or years")),
    };
    let sound = (1..=MAX_DEFAULT_DAYS).contains(&days);
    let days = u32::try_from(days).ok().filter(|_| sound);
    days.ok_or(Refusal::Invalid("a default retention has 1 to 36500 days"))
}

pub async fn get(vault: &Vault, req: S3Request<GetObjectRetentionInput>) -> Answer<GetObjectRetentionOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    let version = read::find(vault, &bucket, &req.input.key, req.input.version_id).await?;
    if version.is_marker() {
        return Err(Refusal::IsDeleteMarker);
    }
    let until = version.retain_until_ms.ok_or(Refusal::NoRetention)?;
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from_static(ObjectLockRetentionMode::COMPLIANCE)),
        retain_until_date: Some(timestamp(until)),
    };
    Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
}

pub async fn set(
    vault: &Arc<Vault>,
    req: S3Request<PutObjectRetentionInput>,
) -> Answer<PutObjectRetentionOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    if !bucket.state.locked {
        return Err(Refusal::NotALockBucket);
    }
    let (key, id) = (req.input.key, req.input.version_id);
    let asked = req.input.retention.unwrap_or_default();
    let mode = asked.mode.as_ref().map(ObjectLockRetentionMode::as_str);
    if mode != Some(ObjectLockRetentionMode::COMPLIANCE) {
        // Taking a retention away, or making it weaker, is refused as what it is while one holds.
        let version = read::find(vault, &bucket, &key, id.clone()).await?;
        if version.is_locked(now_ms()) {
            return Err(Refusal::Locked);
        }
    }
    let until = retention(mode, asked.retain_until_date)?;
    let until = until.ok_or(Refusal::Invalid("a retention has a mode and a date"))?;
    objects::extend(vault, &bucket, &key, id, until).await?;
    Ok(S3Response::new(PutObjectRetentionOutput::default()))
}
