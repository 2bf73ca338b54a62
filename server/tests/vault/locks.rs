//! Locks, quotas and markers over the wire.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use scelle_server::vault::metadata::credentials;
use scelle_server::vault::roles::Role;
use scelle_store::s3::S3Store;
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, Lock, LockOps as _, PlainPut, Put, Store as _};

use crate::served::Served;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_gardener_extends_a_reaper_waits_and_a_restart_forgets_neither() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let admin =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 1).await.unwrap();
    let gardener = served.client("t", Role::Gardener, "bucket");
    let reaper = served.client("t", Role::Reaper, "bucket");
    let name = Key::new("object").unwrap();
    admin.put_new(&name, Bytes::from_static(b"x"), sha256(b"x")).await.unwrap();
    let until = SystemTime::now() + Duration::from_secs(40 * 86_400);
    gardener.set_lock(&name, None, Lock { compliance: true, until }).await.unwrap();
    let version = reaper.versions(&name, 10).await.unwrap()[0].id.clone();
    assert_eq!(reaper.delete_version(&name, &version).await.unwrap_err().kind, ErrorKind::Locked);
    assert_eq!(reaper.delete(&name).await.unwrap_err().kind, ErrorKind::Denied, "no markers for a reaper");
    served.stop().await;

    let served = Served::start(data.path()).await;
    let admin = served.client("t", Role::Admin, "bucket");
    let held = admin.lock(&name, None).await.unwrap().unwrap();
    let apart = held.until.duration_since(until).unwrap_or_else(|early| early.duration());
    assert!(apart < Duration::from_secs(1), "{apart:?}");
    // A marker hides; the version stays and comes back with the marker's end.
    admin.delete(&name).await.unwrap();
    assert_eq!(admin.head(&name).await.unwrap(), None);
    let versions = admin.versions(&name, 10).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.delete_marker).collect::<Vec<_>>(), [true, false]);
    admin.delete_version(&name, &versions[0].id).await.unwrap();
    assert_eq!(admin.get(&name, 10).await.unwrap(), "x");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_expired_lock_lets_the_reaper_work_and_frees_the_quota() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let admin =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 1).await.unwrap();
    let quota = served.vault.metadata.write(|c| credentials::set_quota(c, "t", Some(1500)));
    quota.await.unwrap();
    let name = Key::new("short").unwrap();
    let (until, version) = loop {
        let until = SystemTime::now() + Duration::from_secs(2);
        match admin
            .put_plain(&name, Bytes::from(vec![1; 1000]), PlainPut::locked(sha256(&[1; 1000]), until))
            .await
        {
            Ok(version) => break (until, version.unwrap()),
            // So slow that it had ended before the server saw it.
            Err(error) => assert!(SystemTime::now() > until, "{error}"),
        }
    };
    let second = Key::new("second").unwrap();
    let body = Bytes::from(vec![2; 1000]);
    let error = admin.put_new(&second, body.clone(), sha256(&body)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Full, "{error}");
    let reaper = served.client("t", Role::Reaper, "bucket");
    while let Err(error) = reaper.delete_version(&name, &version).await {
        assert_eq!(error.kind, ErrorKind::Locked, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(SystemTime::now() >= until - Duration::from_secs(1));
    assert_eq!(admin.put_new(&second, body.clone(), sha256(&body)).await.unwrap(), Put::Created);
    served.stop().await;
}
