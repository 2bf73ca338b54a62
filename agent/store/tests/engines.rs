//! The S3 store against real engines: SeaweedFS, which keeps its promises, and rclone, which does not.
//! Install them with `tests/install-engines`.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use scelle_store::probe::{Fact, ProbeReport, probe};
use scelle_store::retry::{RetrySettings, Retrying};
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::{Capabilities, check, sha256};
use scelle_store::testing::engines::{RcloneS3, SeaweedFs};
use scelle_store::testing::ports;
use scelle_store::verdict::{Code, Severity};
use scelle_store::{ErrorKind, Key, Lock, LockOps, Put, Store};

/// SeaweedFS lists folder by folder: `a/b` comes before `a-b` (seen on 4.48). Names of one depth, as ours
/// are, come in byte order.
const SEAWEEDFS: Capabilities = Capabilities { byte_order: false, ..Capabilities::ALL };

/// What a clock may be off by when the answer that tells the time comes late: far from the hour that is at stake.
const CLOCK_ERROR_MS: i64 = 60_000;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn codes(report: &ProbeReport) -> Vec<(Severity, Code)> {
    report.verdict().iter().map(|finding| (finding.severity, finding.code)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn seaweedfs_plain_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let engine = SeaweedFs::start(folder.path()).await;
    let store = S3Store::create_plain_bucket(engine.settings("plain")).await.unwrap();
    check(Arc::new(store.clone()), SEAWEEDFS).await;

    let below =
        S3Store::new(BucketSettings { prefix: "cabinet/a".into(), ..engine.settings("plain") }).unwrap();
    check(Arc::new(below), SEAWEEDFS).await;

    // The way for engines that ignore the condition.
    let unconditional = BucketSettings { conditional_put: false, ..engine.settings("plain") };
    let unconditional = S3Store::open(unconditional).await.unwrap();
    let taken = key("unconditional/object");
    for (body, outcome) in [(&b"one"[..], Put::Created), (b"two", Put::AlreadyThere)] {
        let put = unconditional.put_new(&taken, Bytes::from_static(body), sha256(body)).await;
        assert_eq!(put.unwrap(), outcome);
    }
    assert_eq!(store.get(&taken, 10).await.unwrap(), "one");

    let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(report.conditional_put, Fact::Yes);
    assert_eq!(report.conditional_put_raced, Fact::Yes);
    assert_eq!(report.wrong_checksum_refused, Fact::Yes);
    assert_eq!(report.versioning, Fact::No);
    assert_eq!(report.lock_accepted, Fact::No);
    assert!(report.clock_offset_ms.unwrap().abs() < CLOCK_ERROR_MS, "{report:?}");
    // Without versions there is nothing that a delete marker could hide.
    assert_eq!(codes(&report), [(Severity::Downgrade, Code::NoLock)]);

    wrong_credentials_are_denied(&engine).await;
    a_clock_an_hour_off_still_backs_up(&engine).await;
    let missing = S3Store::open(engine.settings("missing")).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NoBucket, "{missing}");
}

async fn wrong_credentials_are_denied(engine: &SeaweedFs) {
    let wrong_secret = BucketSettings { secret_key: "notthesecret".into(), ..engine.settings("plain") };
    let unknown = BucketSettings { access_key: "nobody".into(), ..engine.settings("plain") };
    for settings in [wrong_secret, unknown] {
        let error = S3Store::open(settings.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        let store = S3Store::new(settings).unwrap();
        let errors = [
            store.put_new(&key("x"), Bytes::new(), sha256(b"")).await.unwrap_err(),
            store.get(&key("x"), 1).await.unwrap_err(),
            store.head(&key("x")).await.unwrap_err(),
            store.list("", None, 1).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, ErrorKind::Denied, "{error}");
            assert!(!error.to_string().contains("notthesecret"));
        }
    }
}

async fn a_clock_an_hour_off_still_backs_up(engine: &SeaweedFs) {
    for skew_ms in [3_600_000i64, -3_600_000] {
        let store = S3Store::with_wrong_clock(engine.settings("plain"), skew_ms).unwrap();
        let name = key(&format!("skewed/{}", skew_ms > 0));
        // The first call of all: its refusal teaches the time, and it goes through all the same.
        assert_eq!(store.put_new(&name, Bytes::from_static(b"x"), sha256(b"x")).await.unwrap(), Put::Created);
        let error = store.clock_offset_ms() + skew_ms;
        assert!(error.abs() < CLOCK_ERROR_MS, "off by {error} ms");
        assert!(store.head(&name).await.unwrap().is_some());
    }
    // HEAD answers carry no error code; the first call of a store may be one.
    let store = S3Store::with_wrong_clock(engine.settings("plain"), 3_600_000).unwrap();
    assert!(store.head(&key("skewed/true")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn seaweedfs_lock_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let engine = SeaweedFs::start(folder.path()).await;
    let store = S3Store::create_bucket_with_lock(engine.settings("locked"), 30).await.unwrap();
    check(Arc::new(store.clone()), SEAWEEDFS).await;

    let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(
        report,
        ProbeReport {
            conditional_put: Fact::Yes,
            conditional_put_raced: Fact::Yes,
            wrong_checksum_refused: Fact::Yes,
            versioning: Fact::Yes,
            lock_accepted: Fact::Yes,
            locked_delete_refused: Fact::Yes,
            shorten_refused: Fact::Yes,
            default_retention: Fact::Yes,
            default_retention_days: Some(30),
            default_retention_compliance: Fact::Yes,
            may_read: Fact::Yes,
            may_list: Fact::Yes,
            may_delete: Fact::Yes,
            may_delete_versions: Fact::Yes,
            clock_offset_ms: report.clock_offset_ms,
        }
    );
    assert!(report.clock_offset_ms.unwrap().abs() < CLOCK_ERROR_MS, "{report:?}");
    assert_eq!(codes(&report), [(Severity::Note, Code::AgentMayHide)]);
    versions_and_locks(&store).await;
}

/// What the agent writes is locked by the bucket alone, and a hidden object is still there below.
async fn versions_and_locks(store: &S3Store) {
    let name = key("p/e0/object");
    store.put_new(&name, Bytes::from_static(b"sealed"), sha256(b"sealed")).await.unwrap();
    let held = store.lock(&name, None).await.unwrap().unwrap();
    let days = held.until.duration_since(SystemTime::now()).unwrap().as_secs() / 86_400;
    assert!(held.compliance && (29..=30).contains(&days), "{held:?}");

    store.delete(&name).await.unwrap();
    assert_eq!(store.head(&name).await.unwrap(), None);
    let versions = store.versions(&name, 10).await.unwrap();
    let markers: Vec<bool> = versions.iter().map(|version| version.delete_marker).collect();
    assert_eq!(markers, [true, false], "newest first: {versions:?}");
    assert_eq!(versions[1].bytes, 6);
    assert_eq!(store.get_version(&name, &versions[1].id, 10).await.unwrap(), "sealed");
    let error = store.delete_version(&name, &versions[1].id).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked | ErrorKind::Denied), "{error}");

    let longer = Lock { compliance: true, until: held.until + Duration::from_secs(86_400) };
    store.set_lock(&name, Some(&versions[1].id), longer).await.unwrap();
    let now = store.lock(&name, Some(&versions[1].id)).await.unwrap().unwrap();
    assert!(now.until > held.until);
    store.set_lock(&name, Some(&versions[1].id), held).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rclone_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let engine = RcloneS3::start(folder.path()).await;
    let store = S3Store::create_plain_bucket(engine.settings("plain")).await.unwrap();
    let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(report.conditional_put, Fact::No);
    assert_eq!(report.conditional_put_raced, Fact::No);
    assert_eq!(report.wrong_checksum_refused, Fact::No);
    assert_eq!(report.lock_accepted, Fact::Yes, "it takes the header and forgets it");
    assert_eq!(report.locked_delete_refused, Fact::No);
    let findings = codes(&report);
    for expected in [
        (Severity::Refuse, Code::LockAcceptedButNotKept),
        (Severity::Downgrade, Code::NoConditionalPut),
        (Severity::Downgrade, Code::NoChecksum),
    ] {
        assert!(findings.contains(&expected), "{findings:?}");
    }

    // Without the condition it still keeps the rest of the contract, except in a race.
    let settings = BucketSettings { conditional_put: false, ..engine.settings("plain") };
    let limited = Capabilities { conditional_put: false, checks_sha256: false, byte_order: false };
    // Its answer to many puts into one new folder is now and then 500, which means "try again".
    let retrying = Retrying::new(Arc::new(S3Store::new(settings).unwrap()), RetrySettings::default());
    check(Arc::new(retrying), limited).await;
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    for (endpoint, allowed) in [("http://192.0.2.1:9000", true), ("http://127.0.0.1:9000", false)] {
        let mut settings = BucketSettings::new(Some(endpoint.into()), "r", "b", "a", "s");
        settings.allow_plain_http_loopback = allowed;
        let error = S3Store::new(settings).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.detail.contains("https://"), "{error}");
    }
}

#[tokio::test]
async fn a_dead_port_is_unreachable_and_its_retries_are_announced() {
    let port = ports::closed();
    let mut settings =
        BucketSettings::new(Some(format!("http://127.0.0.1:{}", port.number)), "r", "b", "a", "s");
    settings.allow_plain_http_loopback = true;
    let store = S3Store::new(settings).unwrap();
    let notices: Arc<Mutex<Vec<_>>> = Arc::default();
    let heard = Arc::clone(&notices);
    let quick =
        RetrySettings { max_attempts: 3, first_wait: Duration::from_millis(2), ..RetrySettings::default() };
    let retrying =
        Retrying::new(Arc::new(store), quick).on_retry(move |notice| heard.lock().unwrap().push(*notice));
    let error = retrying.put_new(&key("a"), Bytes::new(), sha256(b"")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    let attempts: Vec<_> = notices
        .lock()
        .unwrap()
        .iter()
        .map(|notice| (notice.operation, notice.attempt, notice.kind))
        .collect();
    assert_eq!(attempts, [("put", 1, ErrorKind::Unreachable), ("put", 2, ErrorKind::Unreachable)]);
}
