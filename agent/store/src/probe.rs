//! Learning what a store really does, by trying.
//!
//! For: enrolment and `doctor`. Engines accept headers they ignore (Garage takes a lock and deletes the
//! object; rclone and Ceph RGW 16 ignore `If-None-Match`), so nothing is believed unasked. Works on
//! objects below `probe/<nonce>/` and gives facts; [`ProbeReport::verdict`] judges them. Never: touches
//! another object, locks one for longer than a minute, or fails because a right is missing: that is a
//! fact too.

mod facts;

use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

pub use self::facts::{Fact, ProbeReport};
use crate::{DefaultRetention, ErrorKind, Key, Lock, LockOps, PlainPut, Put, Store, StoreError};

/// How long the probe's own lock lasts; a minute is promised.
const LOCK_FOR: Duration = Duration::from_secs(50);
/// What the shortened lock would last.
const SHORTENED_TO: Duration = Duration::from_secs(25);
/// Writers in the race for one name.
const RACERS: u8 = 8;
/// Probe objects are a few bytes; more is somebody else's.
const MAX_BYTES: u64 = 1024;

/// Probes `store` with objects below `probe/<nonce>/` (`nonce`: letters, digits, `-`; never used before).
/// `now` is the local time at the call. Fails only when the store cannot be reached or written at all.
pub async fn probe(store: &dyn Store, nonce: &str, now: SystemTime) -> Result<ProbeReport, StoreError> {
    let started = Instant::now();
    let at = |name: &str| {
        Key::new(format!("probe/{nonce}/{name}"))
            .ok_or_else(|| StoreError::new(ErrorKind::Invalid, "probe", nonce, "not a usable nonce"))
    };
    let first = at("first")?;
    let body = Bytes::from(format!("probe {nonce}"));
    // The one call that must work: without it there is nothing to learn.
    if store.put_new(&first, body.clone(), sha256(&body)).await? == Put::AlreadyThere {
        return Err(StoreError::new(ErrorKind::Invalid, "probe", nonce, "the nonce was used before"));
    }
    let server = store.server_time().await.ok().flatten();
    let clock_offset_ms = server.map(|server| offset_ms(server, now + started.elapsed()));
    // Locks are counted on the server's clock, which may be far from ours.
    let server_now = || server.unwrap_or(now) + started.elapsed();

    let second = write_again(store, &first, &body).await;
    let conditional_put_raced = raced(store, &at("race")?, nonce).await;
    let mut report = ProbeReport {
        conditional_put: second.is_refused,
        conditional_put_raced,
        may_read: second.may_read,
        may_list: permitted(store.list(&format!("probe/{nonce}/"), None, 1).await.map(|_| ())),
        may_delete: permitted(store.delete(&at("absent")?).await),
        clock_offset_ms,
        ..ProbeReport::default()
    };
    match store.locks() {
        Some(locks) => {
            let mut other = sha256(&body);
            other[0] ^= 1;
            let put = locks.put_plain(&at("sum")?, body, PlainPut::over(other)).await;
            report.wrong_checksum_refused = wrong_checksum(put.map(drop));
            ask_versions(locks, &first, &at("locked")?, &at("absent")?, &server_now, &mut report).await;
        }
        // Between a folder and who hashes nothing can go wrong that a second hash would find.
        None if store.address().starts_with("file:") => {}
        None => {
            let wrong = store.put_new(&at("sum")?, body, [0; 32]).await.map(|_| ());
            report.wrong_checksum_refused = wrong_checksum(wrong);
        }
    }
    if report.versioning != Fact::Yes && report.may_delete == Fact::Yes {
        sweep(store, [first, at("race")?, at("sum")?, at("locked")?]).await;
    }
    Ok(report)
}

/// Best effort: what stays are a few bytes below `probe/`.
async fn sweep(store: &dyn Store, written: [Key; 4]) {
    for key in &written {
        let _ = store.delete(key).await;
    }
}

/// What the store does with versions and their retention.
async fn ask_versions(
    locks: &dyn LockOps,
    first: &Key,
    locked: &Key,
    absent: &Key,
    server_now: &impl Fn() -> SystemTime,
    report: &mut ProbeReport,
) {
    report.versioning = locks.versioning().await.map_or_else(|error| Fact::because(&error), Fact::from);
    ask_locks(locks, locked, absent, server_now, report).await;
    ask_default_retention(locks, first, server_now(), report).await;
    if matches!(report.lock_accepted, Fact::Unknown { .. }) {
        try_default_lock(locks, first, absent, server_now(), report).await;
    }
}

fn sha256(body: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, body).as_ref());
    sum
}

fn offset_ms(server: SystemTime, local: SystemTime) -> i64 {
    let signed = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    match server.duration_since(local) {
        Ok(ahead) => signed(ahead),
        Err(behind) => -signed(behind.duration()),
    }
}

/// Whether a call was within the credential's rights.
fn permitted(outcome: Result<(), StoreError>) -> Fact {
    match outcome {
        Ok(()) => Fact::Yes,
        Err(error) if error.kind == ErrorKind::Denied => Fact::No,
        Err(error) => Fact::because(&error),
    }
}

/// A conditional write as plain as the store has it.
async fn put_conditionally(store: &dyn Store, key: &Key, body: Bytes) -> Result<Put, StoreError> {
    match store.locks() {
        Some(locks) => {
            let written = locks.put_plain(key, body.clone(), PlainPut::only_new(sha256(&body))).await?;
            Ok(if written.is_some() { Put::Created } else { Put::AlreadyThere })
        }
        None => store.put_new(key, body.clone(), sha256(&body)).await,
    }
}

/// What came of a second write to one name.
struct SecondWrite {
    /// It is refused, and changes nothing.
    is_refused: Fact,
    /// What lies there may be read.
    may_read: Fact,
}

/// Writes another body under a name that is taken, then looks at what is there.
async fn write_again(store: &dyn Store, taken: &Key, body: &Bytes) -> SecondWrite {
    let second = put_conditionally(store, taken, Bytes::from_static(b"probe: must not be stored")).await;
    let read = store.get(taken, MAX_BYTES).await;
    let may_read = permitted(read.as_ref().map(|_| ()).map_err(copy));
    let replaced = read.is_ok_and(|stored| stored != *body);
    let is_refused = match second {
        Ok(Put::AlreadyThere) => Fact::from(!replaced),
        Ok(Put::Created) => Fact::No,
        Err(error) => Fact::because(&error),
    };
    SecondWrite { is_refused, may_read }
}

fn copy(error: &StoreError) -> StoreError {
    StoreError::new(error.kind, error.operation, &error.target, error.detail.clone())
}

/// Eight writers, one name. Serial tests miss engines that look first and write then.
async fn raced(store: &dyn Store, key: &Key, nonce: &str) -> Fact {
    let racers = (0..RACERS).map(|racer| {
        let body = Bytes::from(format!("probe {nonce} racer {racer}"));
        async move { put_conditionally(store, key, body).await }
    });
    let outcomes = futures::future::join_all(racers).await;
    let winners = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Put::Created))).count();
    // A refused racer (409 "try again") lost as well; what counts is that nobody else won.
    match winners {
        1 => Fact::Yes,
        0 => outcomes
            .into_iter()
            .find_map(Result::err)
            .map_or_else(|| Fact::unknown("nobody won"), |error| Fact::because(&error)),
        _ => Fact::No,
    }
}

fn wrong_checksum(outcome: Result<(), StoreError>) -> Fact {
    match outcome {
        Ok(()) => Fact::No,
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Invalid) => Fact::Yes,
        Err(error) => Fact::because(&error),
    }
}

/// Locks one version for less than a minute and tries to get rid of it.
async fn ask_locks(
    locks: &dyn LockOps,
    key: &Key,
    absent: &Key,
    server_now: &impl Fn() -> SystemTime,
    report: &mut ProbeReport,
) {
    let body = Bytes::from_static(b"probe: locked for less than a minute");
    let until = server_now() + LOCK_FOR;
    let version = match locks.put_plain(key, body.clone(), PlainPut::locked(sha256(&body), until)).await {
        Ok(version) => version.unwrap_or_default(),
        Err(error) if error.kind == ErrorKind::Denied => {
            report.lock_accepted = Fact::because(&error);
            report.locked_delete_refused = Fact::unknown("no lock could be set");
            report.shorten_refused = Fact::unknown("no lock could be set");
            return;
        }
        Err(_) => {
            report.lock_accepted = Fact::No;
            return;
        }
    };
    report.lock_accepted = Fact::Yes;
    report.may_delete_versions = may_delete_versions(locks, absent, &version).await;
    report.shorten_refused = shorten(locks, key, &version, until, server_now() + SHORTENED_TO).await;
    report.locked_delete_refused = delete_locked(locks, key, &version, &report.may_delete_versions).await;
}

async fn shorten(locks: &dyn LockOps, key: &Key, version: &str, until: SystemTime, to: SystemTime) -> Fact {
    let shorter = Lock { compliance: true, until: to };
    match locks.set_lock(key, Some(version), shorter).await {
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Locked | ErrorKind::Invalid) => {
            Fact::Yes
        }
        Err(error) => Fact::because(&error),
        // Accepted; some engines answer "done" and do nothing, so look.
        Ok(()) => match locks.lock(key, Some(version)).await {
            Ok(Some(held)) => Fact::from(held.until + Duration::from_secs(2) >= until),
            Ok(None) => Fact::No,
            Err(error) => Fact::because(&error),
        },
    }
}

async fn delete_locked(locks: &dyn LockOps, key: &Key, version: &str, may_delete: &Fact) -> Fact {
    let outcome = locks.delete_version(key, version).await;
    match outcome {
        Err(error) if error.kind == ErrorKind::Locked => Fact::Yes,
        // Refused by rights before the lock was asked: nothing is proven.
        Err(_) if *may_delete == Fact::No => Fact::unknown("the credential may not delete versions"),
        Err(error) if error.kind == ErrorKind::Denied => Fact::Yes,
        Err(error) if error.kind.is_of_the_way() => Fact::because(&error),
        // "Done", or an odd refusal: whether the version is still there decides.
        _ => match locks.get_version(key, version, MAX_BYTES).await {
            Ok(_) => Fact::Yes,
            Err(error) if error.kind == ErrorKind::NotFound => Fact::No,
            Err(error) => Fact::because(&error),
        },
    }
}

/// Asks again, with an object that lies in the store, what could not be learned of the bucket's own lock when it was probed:
/// rights may have been given since. Reads only. `now` is the server's time.
pub async fn ask_again(
    store: &dyn Store,
    object: &Key,
    now: SystemTime,
    report: &ProbeReport,
) -> ProbeReport {
    let mut again = report.clone();
    let is_unknown = |fact: &Fact| matches!(fact, Fact::Unknown { .. });
    let is_asked = is_unknown(&report.default_retention) || is_unknown(&report.default_retention_compliance);
    if let Some(locks) = store.locks().filter(|_| is_asked) {
        ask_default_retention(locks, object, now, &mut again).await;
    }
    again
}

/// Reads the bucket's rule; where that is not allowed, looks at the lock of an object written without one.
async fn ask_default_retention(
    locks: &dyn LockOps,
    plain: &Key,
    server_now: SystemTime,
    report: &mut ProbeReport,
) {
    match locks.default_retention().await {
        Ok(Some(DefaultRetention { days, compliance })) => {
            report.default_retention = Fact::Yes;
            report.default_retention_days = Some(days);
            report.default_retention_compliance = Fact::from(compliance);
        }
        Ok(None) => report.default_retention = Fact::No,
        Err(error) => match locks.lock(plain, None).await {
            Ok(Some(lock)) => {
                report.default_retention = Fact::Yes;
                report.default_retention_days = Some(days_until(server_now, lock.until));
                report.default_retention_compliance = Fact::from(lock.compliance);
            }
            Ok(None) => report.default_retention = Fact::No,
            Err(_) => report.default_retention = Fact::because(&error),
        },
    }
}

/// Whole days, to the nearest: the object was written moments ago.
fn days_until(now: SystemTime, until: SystemTime) -> u32 {
    const DAY_SECONDS: u64 = 86_400;
    let left = until.duration_since(now).unwrap_or_default().as_secs();
    u32::try_from((left + DAY_SECONDS / 2) / DAY_SECONDS).unwrap_or(u32::MAX)
}

/// Who may set no lock tries the one that the bucket sets by itself, on an object of the probe: whether its version can be
/// destroyed, and its lock shortened.
async fn try_default_lock(
    locks: &dyn LockOps,
    plain: &Key,
    absent: &Key,
    server_now: SystemTime,
    report: &mut ProbeReport,
) {
    let versions = locks.versions(plain, 1).await.unwrap_or_default();
    let Some(version) = versions.first().map(|version| version.id.clone()).filter(|id| !id.is_empty()) else {
        return;
    };
    report.may_delete_versions = may_delete_versions(locks, absent, &version).await;
    if let Ok(Some(held)) = locks.lock(plain, Some(&version)).await {
        let to = server_now + held.until.duration_since(server_now).unwrap_or_default() / 2;
        report.shorten_refused = shorten(locks, plain, &version, held.until, to).await;
    }
    if report.default_retention == Fact::No {
        return;
    }
    let refused = delete_locked(locks, plain, &version, &report.may_delete_versions).await;
    match (&refused, &report.default_retention) {
        // Nobody has said that it is locked: then it is not.
        (Fact::No, Fact::Unknown { .. }) => report.default_retention = Fact::No,
        // What the store keeps from being destroyed is locked; in which mode is not known.
        (Fact::Yes, Fact::Unknown { .. }) => {
            report.default_retention = Fact::Yes;
            report.default_retention_compliance = Fact::unknown("the mode of the lock is not shown");
            report.locked_delete_refused = refused;
        }
        _ => report.locked_delete_refused = refused,
    }
}

/// The right to delete versions, asked with a name that holds nothing.
async fn may_delete_versions(locks: &dyn LockOps, absent: &Key, version: &str) -> Fact {
    match locks.delete_version(absent, version).await {
        Err(error) if error.kind == ErrorKind::Denied => Fact::No,
        Err(error) if error.kind.is_of_the_way() => Fact::because(&error),
        _ => Fact::Yes,
    }
}
