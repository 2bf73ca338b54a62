//! Making a bucket.
//!
//! For: `init --create-bucket`. The one administrative act: a bucket with versions and a COMPLIANCE
//! default retention, which even the account's owner cannot shorten. Never: changes an existing bucket's
//! retention.

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, DefaultRetention,
    ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
    VersioningConfiguration,
};

use super::errors::store_error;
use super::{BucketSettings, S3Store};
use crate::StoreError;

impl S3Store {
    /// Creates the bucket with versions, Object Lock and a COMPLIANCE default retention of
    /// `default_retention_days` (≥ 1), and opens it. Fails when the bucket exists.
    pub async fn create_bucket_with_lock(
        settings: BucketSettings,
        default_retention_days: u32,
    ) -> Result<Self, StoreError> {
        let store = Self::new(settings)?;
        store.create(true).await?;
        store.keep_versions().await?;
        store.set_default_retention(default_retention_days).await?;
        Ok(store)
    }

    /// Creates a bucket without versions or locks, as many hosts give by default.
    #[cfg(feature = "testing")]
    pub async fn create_plain_bucket(settings: BucketSettings) -> Result<Self, StoreError> {
        let store = Self::new(settings)?;
        store.create(false).await?;
        Ok(store)
    }

    /// Creates a bucket that keeps versions, with Object Lock and no default retention (true), or without Object Lock.
    #[cfg(feature = "testing")]
    pub async fn create_versioned_bucket(settings: BucketSettings, lock: bool) -> Result<Self, StoreError> {
        let store = Self::new(settings)?;
        store.create(lock).await?;
        store.keep_versions().await?;
        Ok(store)
    }

    /// Gives others rights in the bucket, as a policy in JSON says.
    #[cfg(feature = "testing")]
    pub async fn set_policy(&self, policy: &str) -> Result<(), StoreError> {
        let request = self.client.put_bucket_policy().bucket(self.bucket()).policy(policy);
        let answer = self.signed(|| request.clone().send()).await;
        answer.map(|_| ()).map_err(|error| store_error("policy", self.bucket(), &error))
    }

    async fn create(&self, lock: bool) -> Result<(), StoreError> {
        let mut request = self.client.create_bucket().bucket(self.bucket());
        if lock {
            request = request.object_lock_enabled_for_bucket(true);
        }
        // Amazon wants the region again in the body; other hosts have it in their address.
        if self.settings.endpoint.is_none() && self.settings.region != "us-east-1" {
            let region = BucketLocationConstraint::from(self.settings.region.as_str());
            let place = CreateBucketConfiguration::builder().location_constraint(region).build();
            request = request.create_bucket_configuration(place);
        }
        let answer = self.signed(|| request.clone().send()).await;
        answer.map(|_| ()).map_err(|error| store_error("create", self.bucket(), &error))
    }

    async fn keep_versions(&self) -> Result<(), StoreError> {
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request =
            self.client.put_bucket_versioning().bucket(self.bucket()).versioning_configuration(versioning);
        let answer = self.signed(|| request.clone().send()).await;
        answer.map(|_| ()).map_err(|error| store_error("create", self.bucket(), &error))
    }

    async fn set_default_retention(&self, days: u32) -> Result<(), StoreError> {
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::Compliance)
            .days(i32::try_from(days.max(1)).unwrap_or(i32::MAX))
            .build();
        let configuration = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(ObjectLockRule::builder().default_retention(retention).build())
            .build();
        let request = self
            .client
            .put_object_lock_configuration()
            .bucket(self.bucket())
            .object_lock_configuration(configuration);
        let answer = self.signed(|| request.clone().send()).await;
        answer.map(|_| ()).map_err(|error| store_error("create", self.bucket(), &error))
    }
}
