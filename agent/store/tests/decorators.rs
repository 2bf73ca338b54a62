//! Retrying, throttling, recording, scripted faults and power cuts.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use scelle_store::mem::{MemSettings, MemStore};
use scelle_store::retry::{RetryNotice, RetrySettings, Retrying};
use scelle_store::testing::contract::{Capabilities, check, sha256};
use scelle_store::testing::{Fault, Faulty, Operation, Recorder, Volatile};
use scelle_store::throttle::{RateLimits, Throttled};
use scelle_store::{ErrorKind, Key, Put, Store};
use tokio_util::sync::CancellationToken;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &dyn Store, name: &str, body: &'static [u8]) -> Result<Put, scelle_store::StoreError> {
    store.put_new(&key(name), Bytes::from_static(body), sha256(body)).await
}

fn quick() -> RetrySettings {
    RetrySettings {
        max_attempts: 5,
        max_elapsed: Duration::from_secs(60),
        first_wait: Duration::from_millis(4),
        longest_wait: Duration::from_millis(8),
    }
}

struct Bench {
    faulty: Faulty,
    retrying: Retrying,
    notices: Arc<Mutex<Vec<RetryNotice>>>,
}

fn bench(settings: RetrySettings) -> Bench {
    let faulty = Faulty::new(Arc::new(MemStore::new()));
    let notices: Arc<Mutex<Vec<RetryNotice>>> = Arc::default();
    let heard = Arc::clone(&notices);
    let retrying = Retrying::new(Arc::new(faulty.clone()), settings)
        .on_retry(move |notice| heard.lock().unwrap().push(*notice));
    Bench { faulty, retrying, notices }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_decorator_keeps_the_contract() {
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let store: Arc<dyn Store> = Arc::new(Faulty::new(store));
    let store: Arc<dyn Store> = Arc::new(Recorder::new(store));
    let store: Arc<dyn Store> = Arc::new(Volatile::new(store, 1, Duration::from_millis(1)));
    let store: Arc<dyn Store> =
        Arc::new(Throttled::new(store, RateLimits::new(Some(1 << 40), Some(1 << 40))));
    let store: Arc<dyn Store> = Arc::new(Retrying::new(store, quick()));
    check(store, Capabilities::ALL).await;
}

#[test]
fn every_decorator_passes_locks_on() {
    let locked = MemSettings { versions: true, locks: true, ..MemSettings::default() };
    let store: Arc<dyn Store> = Arc::new(MemStore::with(locked));
    let store: Arc<dyn Store> = Arc::new(Faulty::new(store));
    let store: Arc<dyn Store> = Arc::new(Recorder::new(store));
    let store: Arc<dyn Store> = Arc::new(Volatile::new(store, 1, Duration::ZERO));
    let store: Arc<dyn Store> = Arc::new(Throttled::new(store, RateLimits::default()));
    let store: Arc<dyn Store> = Arc::new(Retrying::new(store, quick()));
    assert!(store.locks().is_some());
    assert_eq!(store.address(), "mem://");
}

#[tokio::test]
async fn a_lost_line_is_waited_out_and_announced() {
    let bench = bench(quick());
    bench.faulty.nth(Operation::Put, 1, "", Fault::Fail(ErrorKind::Unreachable));
    bench.faulty.nth(Operation::Put, 2, "", Fault::Fail(ErrorKind::Unreachable));
    assert_eq!(put(&bench.retrying, "a", b"x").await.unwrap(), Put::Created);
    let notices = bench.notices.lock().unwrap().clone();
    let attempts: Vec<_> =
        notices.iter().map(|notice| (notice.operation, notice.attempt, notice.kind)).collect();
    assert_eq!(attempts, [("put", 1, ErrorKind::Unreachable), ("put", 2, ErrorKind::Unreachable)]);
    assert!((2..=4).contains(&notices[0].wait_ms) && (4..=8).contains(&notices[1].wait_ms), "{notices:?}");
}

#[tokio::test]
async fn a_lost_answer_ends_as_already_there() {
    let bench = bench(quick());
    bench.faulty.nth(Operation::Put, 1, "", Fault::LoseAnswer(ErrorKind::Unreachable));
    assert_eq!(put(&bench.retrying, "a", b"x").await.unwrap(), Put::AlreadyThere);
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    for kind in
        [ErrorKind::Denied, ErrorKind::Full, ErrorKind::NoBucket, ErrorKind::Invalid, ErrorKind::NotFound]
    {
        let bench = bench(quick());
        bench.faulty.always(Operation::Put, "", Fault::Fail(kind));
        assert_eq!(put(&bench.retrying, "a", b"x").await.unwrap_err().kind, kind);
        assert_eq!(bench.faulty.count(Operation::Put), 1, "{kind:?}");
        assert!(bench.notices.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn attempts_and_time_are_bounded() {
    let counted = bench(quick());
    counted.faulty.always(Operation::Head, "", Fault::Fail(ErrorKind::Unreachable));
    assert_eq!(counted.retrying.head(&key("a")).await.unwrap_err().kind, ErrorKind::Unreachable);
    assert_eq!(counted.faulty.count(Operation::Head), 5);

    let corrupt = bench(quick());
    corrupt.faulty.always(Operation::Put, "", Fault::Fail(ErrorKind::Corrupt));
    assert_eq!(put(&corrupt.retrying, "a", b"x").await.unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(corrupt.faulty.count(Operation::Put), 3);

    let timed = bench(RetrySettings { max_elapsed: Duration::ZERO, ..quick() });
    timed.faulty.always(Operation::Head, "", Fault::Fail(ErrorKind::Unreachable));
    assert!(timed.retrying.head(&key("a")).await.is_err());
    assert_eq!(timed.faulty.count(Operation::Head), 1);
}

#[tokio::test]
async fn a_cancelled_wait_or_call_ends() {
    let hour = Duration::from_secs(3600);
    let settings =
        RetrySettings { first_wait: hour, longest_wait: hour, max_elapsed: hour * 9, max_attempts: 9 };
    for fault in [Fault::Fail(ErrorKind::Unreachable), Fault::Hang] {
        let bench = bench(settings);
        bench.faulty.always(Operation::Get, "", fault);
        let cancel = CancellationToken::new();
        let retrying = bench.retrying.cancelled_by(cancel.clone());
        let running = tokio::spawn(async move { retrying.get(&key("a"), 1).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
        assert_eq!(running.await.unwrap().unwrap_err().kind, ErrorKind::Other, "{fault:?}");
        assert_eq!(bench.faulty.count(Operation::Get), 1);
    }
}

#[tokio::test]
async fn faults_damage_what_is_read() {
    let faulty = Faulty::new(Arc::new(MemStore::new()));
    put(&faulty, "p/a", b"abcdef").await.unwrap();
    faulty.nth(Operation::Get, 2, "p/", Fault::Corrupt(1)).nth(Operation::Get, 3, "p/", Fault::Truncate(2));
    assert_eq!(faulty.get(&key("p/a"), 10).await.unwrap(), "abcdef");
    assert_eq!(faulty.get(&key("p/a"), 10).await.unwrap(), "accdef");
    assert_eq!(faulty.get(&key("p/a"), 10).await.unwrap(), "ab");
    assert_eq!(faulty.get(&key("p/a"), 10).await.unwrap(), "abcdef");
    faulty.always(Operation::Head, "other/", Fault::Fail(ErrorKind::Denied));
    assert!(faulty.head(&key("p/a")).await.is_ok());
    assert!(faulty.head(&key("other/a")).await.is_err());
    faulty.heal();
    assert!(faulty.head(&key("other/a")).await.is_ok());
}

#[tokio::test]
async fn the_recorder_tells_what_happened() {
    let recorder = Recorder::new(Arc::new(MemStore::new()));
    put(&recorder, "a", b"abc").await.unwrap();
    put(&recorder, "a", b"abc").await.unwrap();
    recorder.get(&key("b"), 1).await.unwrap_err();
    let calls = recorder.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!((calls[0].amount, calls[0].put), (3, Some(Put::Created)));
    assert_eq!(calls[1].put, Some(Put::AlreadyThere));
    assert_eq!((calls[2].operation, calls[2].error), (Operation::Get, Some(ErrorKind::NotFound)));
    assert_eq!(recorder.keys(Operation::Put), ["a", "a"]);
}

#[tokio::test]
async fn a_power_cut_loses_only_what_was_not_promised() {
    let mut lost = 0;
    for seed in 0..20 {
        let volatile = Volatile::new(Arc::new(MemStore::new()), seed, Duration::from_millis(3));
        volatile.crash_at_put(seed + 3);
        let puts = (0..30).map(|nth| {
            let volatile = volatile.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(200 * nth)).await;
                (nth, put(&volatile, &format!("o/{nth}"), b"whole").await)
            })
        });
        for outcome in futures::future::join_all(puts).await {
            let (nth, outcome) = outcome.unwrap();
            let survivor = volatile.survivor().get(&key(&format!("o/{nth}")), 10).await;
            match (outcome, survivor) {
                (Ok(Put::Created), survivor) => assert_eq!(survivor.unwrap(), "whole"),
                (Ok(Put::AlreadyThere), _) => panic!("no name was used twice"),
                (Err(_), Ok(survivor)) => assert_eq!(survivor, "whole"),
                (Err(_), Err(error)) => assert_eq!(error.kind, ErrorKind::NotFound),
            }
        }
        lost += volatile.lost();
        assert!(put(&volatile, "after", b"x").await.is_err());
    }
    assert!(lost > 0, "twenty power cuts must have lost something");
}

#[tokio::test]
async fn throttled_bytes_arrive_whole() {
    let store = Throttled::new(Arc::new(MemStore::new()), RateLimits::new(Some(200_000), Some(200_000)));
    let begin = std::time::Instant::now();
    put(&store, "a", &[5; 2000]).await.unwrap();
    assert_eq!(store.get(&key("a"), 9999).await.unwrap(), vec![5; 2000]);
    // Lower bound only: a slow machine changes nothing here.
    assert!(begin.elapsed() >= Duration::from_millis(19));
}
