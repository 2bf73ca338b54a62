//! Versions and Object Lock of an S3 bucket.
//!
//! For: the probe, the gardener, readers that walk to an older version, and what must be sent again over a damaged
//! object of one's own. Never: sets a lock during a backup.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;

use super::errors::{speaks_of_retention, status, store_error};
use super::{NOT_ON, S3Store, is_precondition_failed, size, system_time};
use crate::{
    DefaultRetention, ErrorKind, HiddenPage, Key, ListEntry, Lock, LockOps, PlainPut, StoreError, Version,
};

/// S3 answers a page of at most this many versions.
const PAGE_ROWS: usize = 1000;
/// How a list of objects, not of their versions, begins.
const OBJECTS: &[u8] = b"<ListBucketResult";

/// An empty id stands for the only version of a bucket without versions.
fn version_id(version: Option<&str>) -> Option<String> {
    version.filter(|id| !id.is_empty()).map(str::to_owned)
}

/// "This bucket or object has no lock" in the words of several engines.
fn says_no_lock(code: Option<&str>, status: Option<u16>) -> bool {
    let no_lock = ["NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"];
    code.is_some_and(|code| no_lock.contains(&code))
        || (status == Some(404)
            && code.is_some_and(|code| !matches!(code, "NoSuchKey" | "NoSuchBucket" | "NoSuchVersion")))
}

/// What a refusal to list versions means. A server that knows none may answer as if it had been asked for the objects: trying
/// again brings nothing else.
fn versions_error<E: ProvideErrorMetadata>(
    target: impl ToString,
    error: &SdkError<E, HttpResponse>,
) -> StoreError {
    let body = error.raw_response().and_then(|answer| answer.body().bytes()).unwrap_or_default();
    match status(error) == Some(200) && body.windows(OBJECTS.len()).any(|part| part == OBJECTS) {
        true => StoreError::new(ErrorKind::Unsupported, "versions", target, "the server lists no versions"),
        false => store_error("versions", target, error),
    }
}

impl S3Store {
    /// The lock that the answer to a HEAD shows. Engines show it to who may read the object, some also without the right to
    /// read retentions; no lock in it says nothing.
    async fn lock_in_head(&self, key: &Key, version: Option<&str>) -> Option<Lock> {
        let request = self.client.head_object().bucket(self.bucket()).key(self.full_key(key));
        let request = request.set_version_id(version_id(version));
        let answer = self.signed(|| request.clone().send()).await.ok()?;
        let until = answer.object_lock_retain_until_date().and_then(system_time)?;
        let compliance = answer.object_lock_mode() == Some(&ObjectLockMode::Compliance);
        Some(Lock { compliance, until })
    }
}

#[async_trait]
impl LockOps for S3Store {
    async fn versions(&self, key: &Key, max_rows: usize) -> Result<Vec<Version>, StoreError> {
        let name = self.full_key(key);
        let request = self.client.list_object_versions().bucket(self.bucket()).prefix(&name);
        let request = request.max_keys(i32::try_from(max_rows.clamp(1, PAGE_ROWS)).unwrap_or(1000));
        let answer = self.signed(|| request.clone().send()).await;
        let answer = answer.map_err(|error| versions_error(key, &error))?;
        let objects = answer.versions().iter().filter(|row| row.key() == Some(&name)).map(|row| {
            let version = Version {
                id: row.version_id().unwrap_or_default().to_owned(),
                delete_marker: false,
                bytes: size(row.size()),
                modified: row.last_modified().and_then(system_time),
            };
            (row.is_latest() == Some(true), version)
        });
        let markers = answer.delete_markers().iter().filter(|row| row.key() == Some(&name)).map(|row| {
            let version = Version {
                id: row.version_id().unwrap_or_default().to_owned(),
                delete_marker: true,
                bytes: 0,
                modified: row.last_modified().and_then(system_time),
            };
            (row.is_latest() == Some(true), version)
        });
        // The SDK gives objects and markers apart; the server's own order within each is newest first.
        let mut rows: Vec<(bool, Version)> = objects.chain(markers).collect();
        rows.sort_by_key(|(latest, version)| std::cmp::Reverse((*latest, version.modified)));
        Ok(rows.into_iter().map(|(_, version)| version).take(max_rows).collect())
    }

    async fn hidden(&self, prefix: &str, start_after: Option<&str>) -> Result<HiddenPage, StoreError> {
        let request = self
            .client
            .list_object_versions()
            .bucket(self.bucket())
            .prefix(format!("{}{prefix}", self.key_prefix))
            .set_key_marker(start_after.map(|after| format!("{}{after}", self.key_prefix)))
            .max_keys(i32::try_from(PAGE_ROWS).unwrap_or(1000));
        let answer = self.signed(|| request.clone().send()).await;
        let answer = answer.map_err(|error| versions_error(self.bucket(), &error))?;
        let own = |name: Option<&str>| Key::new(name?.strip_prefix(&self.key_prefix)?);
        let mut hidden: BTreeMap<Key, Option<ListEntry>> = BTreeMap::new();
        for marker in answer.delete_markers().iter().filter(|row| row.is_latest() == Some(true)) {
            hidden.extend(own(marker.key()).map(|key| (key, None)));
        }
        for row in answer.versions() {
            let Some(key) = own(row.key()) else { continue };
            let modified = row.last_modified().and_then(system_time);
            let entry = ListEntry { key: key.clone(), bytes: size(row.size()), modified };
            // Newest first: the first row below the marker.
            if let Some(below @ None) = hidden.get_mut(&key) {
                *below = Some(entry);
            }
        }
        // Where a page ends within the versions of one name, that name is left to the next page; unless it is all there is.
        let mut next = answer.next_key_marker().filter(|_| answer.is_truncated() == Some(true));
        let names = answer.versions().iter().filter_map(|row| row.key());
        let names = names.chain(answer.delete_markers().iter().filter_map(|row| row.key()));
        if let Some(last) = next
            && let Some(before) = names.filter(|name| *name < last).max()
        {
            hidden.retain(|key, _| self.full_key(key).as_str() <= before);
            next = Some(before);
        }
        let next = next.and_then(|name| name.strip_prefix(&self.key_prefix)).map(str::to_owned);
        if next.as_deref().zip(start_after).is_some_and(|(next, after)| next < after) {
            return Err(StoreError::new(ErrorKind::Unsupported, "versions", self.bucket(), NOT_ON));
        }
        Ok(HiddenPage { entries: hidden.into_values().flatten().collect(), next })
    }

    async fn get_version(&self, key: &Key, version: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.get_whole(key, version_id(Some(version)).as_deref(), max_bytes).await
    }

    async fn delete_version(&self, key: &Key, version: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_object()
            .bucket(self.bucket())
            .key(self.full_key(key))
            .set_version_id(version_id(Some(version)));
        match self.signed(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if speaks_of_retention(&error) => {
                Err(StoreError::new(ErrorKind::Locked, "delete", key, "under retention"))
            }
            Err(error) => Err(store_error("delete", key, &error)),
        }
    }

    async fn lock(&self, key: &Key, version: Option<&str>) -> Result<Option<Lock>, StoreError> {
        let request = self
            .client
            .get_object_retention()
            .bucket(self.bucket())
            .key(self.full_key(key))
            .set_version_id(version_id(version));
        match self.signed(|| request.clone().send()).await {
            Ok(answer) => Ok(answer.retention().and_then(|retention| {
                let until = retention.retain_until_date().and_then(system_time)?;
                let compliance = retention.mode() == Some(&ObjectLockRetentionMode::Compliance);
                Some(Lock { compliance, until })
            })),
            Err(error) if says_no_lock(error.code(), status(&error)) => Ok(None),
            Err(error) => match store_error("lock", key, &error) {
                refused if refused.kind == ErrorKind::Denied => {
                    self.lock_in_head(key, version).await.map(Some).ok_or(refused)
                }
                error => Err(error),
            },
        }
    }

    async fn set_lock(&self, key: &Key, version: Option<&str>, lock: Lock) -> Result<(), StoreError> {
        let mode = if lock.compliance {
            ObjectLockRetentionMode::Compliance
        } else {
            ObjectLockRetentionMode::Governance
        };
        let retention =
            ObjectLockRetention::builder().mode(mode).retain_until_date(lock.until.into()).build();
        let request = self
            .client
            .put_object_retention()
            .bucket(self.bucket())
            .key(self.full_key(key))
            .set_version_id(version_id(version))
            .retention(retention);
        match self.signed(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if speaks_of_retention(&error) => {
                Err(StoreError::new(ErrorKind::Locked, "lock", key, "under retention"))
            }
            Err(error) => Err(store_error("lock", key, &error)),
        }
    }

    async fn default_retention(&self) -> Result<Option<DefaultRetention>, StoreError> {
        let request = self.client.get_object_lock_configuration().bucket(self.bucket());
        let answer = match self.signed(|| request.clone().send()).await {
            Ok(answer) => answer,
            Err(error) if says_no_lock(error.code(), status(&error)) => return Ok(None),
            Err(error) => return Err(store_error("lock", self.bucket(), &error)),
        };
        let rule = answer.object_lock_configuration().and_then(|lock| lock.rule()?.default_retention());
        Ok(rule.and_then(|rule| {
            // A year is counted as 365 days: never promise more than the host keeps.
            let days = rule.days().or_else(|| rule.years().map(|years| years.saturating_mul(365)))?;
            let days = u32::try_from(days).ok().filter(|days| *days > 0)?;
            let compliance = rule.mode() == Some(&ObjectLockRetentionMode::Compliance);
            Some(DefaultRetention { days, compliance })
        }))
    }

    async fn versioning(&self) -> Result<bool, StoreError> {
        let request = self.client.get_bucket_versioning().bucket(self.bucket());
        let answer = self.signed(|| request.clone().send()).await;
        let answer = answer.map_err(|error| store_error("versions", self.bucket(), &error))?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }

    async fn put_plain(&self, key: &Key, body: Bytes, how: PlainPut) -> Result<Option<String>, StoreError> {
        let condition = how.is_only_new.then_some("*").map(str::to_owned);
        let mode = how.locked_until.map(|_| ObjectLockMode::Compliance);
        let sent = self.send_put(key, &body, how.sha256, |put| {
            put.set_if_none_match(condition.clone())
                .set_object_lock_mode(mode.clone())
                .set_object_lock_retain_until_date(how.locked_until.map(Into::into))
        });
        match sent.await {
            Ok(answer) => Ok(Some(answer.version_id().unwrap_or_default().to_owned())),
            Err(error) if how.is_only_new && is_precondition_failed(&error) => Ok(None),
            Err(error) => Err(match store_error("put", key, &error) {
                // "Bucket is missing Object Lock Configuration" comes as InvalidRequest.
                mut refused if mode.is_some() && refused.kind == ErrorKind::Invalid => {
                    refused.kind = ErrorKind::Unsupported;
                    refused
                }
                refused => refused,
            }),
        }
    }
}
