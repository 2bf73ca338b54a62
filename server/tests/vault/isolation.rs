//! Every cell of the table of roles, and what a tenant learns of another: nothing.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use scelle_server::vault::roles::Role;
use scelle_store::s3::S3Store;
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, LockOps as _, PlainPut, Put, Store as _, StoreError};

use crate::served::Served;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &S3Store, name: &str) -> Result<(), StoreError> {
    let body = Bytes::from_static(b"body");
    store.put_new(&key(name), body.clone(), sha256(&body)).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_tenants_objects_answer_as_if_they_were_not_there() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let mine =
        S3Store::create_bucket_with_lock(served.settings("un", Role::Admin, "cabinet"), 1).await.unwrap();
    put(&mine, "patient").await.unwrap();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Auditor) {
        let theirs = served.client("deux", role, "cabinet");
        let absent = served.client("deux", role, "absent");
        for (one, other) in [
            (theirs.get(&key("patient"), 10).await, absent.get(&key("patient"), 10).await),
            (theirs.get(&key("nothing"), 10).await, absent.get(&key("nothing"), 10).await),
        ] {
            let (one, other) = (one.unwrap_err(), other.unwrap_err());
            assert_eq!(one.kind, other.kind, "{role}");
            assert_eq!(one.detail, other.detail, "{role}");
        }
        assert_eq!(theirs.list("", None, 10).await.unwrap_err().kind, ErrorKind::NoBucket, "{role}");
    }
    // The same name is free for everybody.
    let own =
        S3Store::create_bucket_with_lock(served.settings("deux", Role::Admin, "cabinet"), 1).await.unwrap();
    assert!(own.list("", None, 10).await.unwrap().entries.is_empty());
    put(&own, "patient").await.unwrap();
    assert_eq!(own.versions(&key("patient"), 10).await.unwrap().len(), 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bound_credential_stays_below_its_bucket_and_prefix() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let admin = S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "one"), 1).await.unwrap();
    S3Store::create_plain_bucket(served.settings("t", Role::Admin, "two")).await.unwrap();
    put(&admin, "poste-2/object").await.unwrap();
    let bound =
        |bucket| S3Store::new(served.bound("t", Role::Agent, bucket, Some("one"), "poste-1/")).unwrap();
    let agent = bound("one");
    put(&agent, "poste-1/object").await.unwrap();
    for (there, name) in [(true, "poste-2/object"), (false, "poste-2/nothing")] {
        let refused = [
            put(&agent, name).await.unwrap_err(),
            agent.get(&key(name), 10).await.unwrap_err(),
            agent.head(&key(name)).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind, ErrorKind::Denied, "there: {there}");
        }
    }
    for prefix in ["", "poste", "poste-2/"] {
        assert_eq!(agent.list(prefix, None, 10).await.unwrap_err().kind, ErrorKind::Denied, "{prefix:?}");
    }
    assert_eq!(agent.list("poste-1/", None, 10).await.unwrap().entries.len(), 1);
    assert_eq!(put(&bound("two"), "poste-1/object").await.unwrap_err().kind, ErrorKind::Denied);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_replaces_nothing_in_a_bucket_without_versions() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let admin = S3Store::create_plain_bucket(served.settings("t", Role::Admin, "plain")).await.unwrap();
    let agent = served.client("t", Role::Agent, "plain");
    put(&agent, "kept").await.unwrap();
    let other = Bytes::from_static(b"other");
    let refused =
        agent.put_plain(&key("kept"), other.clone(), PlainPut::over(sha256(&other))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused}");
    assert_eq!(agent.put_new(&key("kept"), other.clone(), sha256(&other)).await.unwrap(), Put::AlreadyThere);
    assert_eq!(agent.get(&key("kept"), 10).await.unwrap(), "body");
    admin.put_plain(&key("kept"), other.clone(), PlainPut::over(sha256(&other))).await.unwrap();
    assert_eq!(agent.get(&key("kept"), 10).await.unwrap(), "other");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_credential_is_refused_at_once() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let settings = served.settings("t", Role::Admin, "bucket");
    let store = S3Store::create_plain_bucket(settings.clone()).await.unwrap();
    put(&store, "before").await.unwrap();
    let access_key = settings.access_key.clone();
    // By another connection, as the command line does.
    let beside = scelle_server::vault::metadata::Metadata::open(data.path()).unwrap();
    let revoke = move |c: &rusqlite::Connection| {
        scelle_server::vault::metadata::credentials::revoke(c, &access_key, 1)
    };
    assert!(beside.write(revoke).await.unwrap());
    assert_eq!(put(&store, "after").await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(store.get(&key("before"), 10).await.unwrap_err().kind, ErrorKind::Denied);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_with_every_secret_of_its_computer_destroys_nothing() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let admin =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 30).await.unwrap();
    let agent = served.client("t", Role::Agent, "bucket");
    put(&agent, "kept").await.unwrap();
    let kept = key("kept");
    let version = admin.versions(&kept, 10).await.unwrap()[0].id.clone();
    let before = admin.lock(&kept, None).await.unwrap().unwrap();
    let sooner = scelle_store::Lock { compliance: true, until: SystemTime::now() + Duration::from_secs(5) };
    let later = scelle_store::Lock { compliance: true, until: before.until + Duration::from_secs(3600) };
    for refused in [
        agent.delete(&kept).await.unwrap_err(),
        agent.delete_version(&kept, &version).await.unwrap_err(),
        agent.set_lock(&kept, None, sooner).await.unwrap_err(),
        agent.set_lock(&kept, None, later).await.unwrap_err(),
        agent
            .put_plain(&key("own-lock"), Bytes::new(), PlainPut::locked(sha256(&[]), later.until))
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert!(matches!(refused.kind, ErrorKind::Denied | ErrorKind::Locked), "{refused}");
    }
    // The administrator's key is no way round the lock either.
    for refused in [
        admin.delete_version(&kept, &version).await.unwrap_err(),
        admin.set_lock(&kept, None, sooner).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind, ErrorKind::Locked, "{refused}");
    }
    assert_eq!(admin.get(&kept, 10).await.unwrap(), "body");
    assert_eq!(admin.lock(&kept, None).await.unwrap().unwrap().until, before.until);
    served.stop().await;
}
