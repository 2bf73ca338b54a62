//! The contract of every store, and the probe that judges a store before it is trusted.

use std::sync::Arc;
use std::time::SystemTime;

use scelle_server::vault::roles::Role;
use scelle_store::probe::{Fact, probe};
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::{Capabilities, check};

use crate::served::Served;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plain_bucket_keeps_every_promise_of_a_store() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let settings = served.settings("cabinet", Role::Admin, "plain");
    let store = S3Store::create_plain_bucket(settings.clone()).await.unwrap();
    check(Arc::new(store), Capabilities::ALL).await;
    let below = S3Store::new(BucketSettings { prefix: "cabinet/a".into(), ..settings }).unwrap();
    check(Arc::new(below), Capabilities::ALL).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_bucket_keeps_them_too_and_the_probe_finds_nothing_to_say() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let settings = served.settings("cabinet", Role::Admin, "locked");
    let store = S3Store::create_bucket_with_lock(settings, 30).await.unwrap();
    check(Arc::new(store.clone()), Capabilities::ALL).await;
    let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(report.default_retention_days, Some(30));
    for fact in [
        report.conditional_put,
        report.conditional_put_raced,
        report.wrong_checksum_refused,
        report.versioning,
        report.lock_accepted,
        report.locked_delete_refused,
        report.shorten_refused,
        report.default_retention,
        report.default_retention_compliance,
        report.may_read,
        report.may_list,
    ] {
        assert_eq!(fact, Fact::Yes);
    }
    served.stop().await;
}
