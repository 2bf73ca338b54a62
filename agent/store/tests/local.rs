//! The stores that need no server: the contract, the probe, a full disk, links.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use scelle_store::dir::DirStore;
use scelle_store::mem::{MemSettings, MemStore, Misbehaviour};
use scelle_store::probe::{Fact, probe};
use scelle_store::testing::contract::{Capabilities, check, sha256};
use scelle_store::verdict::{Code, Severity};
use scelle_store::{ErrorKind, Key, Put, Store};

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &dyn Store, name: &str, body: &[u8]) -> Put {
    store.put_new(&key(name), Bytes::copy_from_slice(body), sha256(body)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_the_contract() {
    check(Arc::new(MemStore::new()), Capabilities::ALL).await;
    let versioned = MemSettings { versions: true, locks: true, ..MemSettings::default() };
    check(Arc::new(MemStore::with(versioned)), Capabilities::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_folder_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    check(Arc::new(DirStore::create(folder.path().join("new/root")).unwrap()), Capabilities::ALL).await;
    // What is not read back is as sound as the disk.
    let local = Capabilities { checks_sha256: false, ..Capabilities::ALL };
    let quick = DirStore::create_reading_back(folder.path().join("quick"), |_| false).unwrap();
    check(Arc::new(quick), local).await;
}

#[test]
fn a_missing_folder_is_no_bucket() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(DirStore::open(folder.path().join("absent")).unwrap_err().kind, ErrorKind::NoBucket);
}

#[tokio::test]
async fn an_unplugged_folder_is_no_bucket_and_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("usb");
    let store = DirStore::create(&root).unwrap();
    put(&store, "a/b", b"x").await;
    std::fs::rename(&root, folder.path().join("gone")).unwrap();
    let kinds = [
        store.put_new(&key("a/c"), Bytes::new(), sha256(b"")).await.unwrap_err().kind,
        store.get(&key("a/b"), 10).await.unwrap_err().kind,
        store.head(&key("a/b")).await.unwrap_err().kind,
        store.list("", None, 10).await.unwrap_err().kind,
        store.delete(&key("a/b")).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [ErrorKind::NoBucket; 5]);
    assert!(!root.exists());
}

#[tokio::test]
async fn objects_are_plain_files_and_temporaries_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(folder.path()).unwrap();
    put(&store, "p/e0/ab/cd.age", b"sealed").await;
    assert_eq!(std::fs::read(folder.path().join("p/e0/ab/cd.age")).unwrap(), b"sealed");

    std::fs::write(folder.path().join(".tmp-0123"), b"half").unwrap();
    std::fs::write(folder.path().join("not a key.txt"), b"").unwrap();
    let names: Vec<String> =
        store.list("", None, 10).await.unwrap().entries.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(names, ["p/e0/ab/cd.age"]);

    // What a crash left goes with the first object that somebody writes; what another computer is writing stays.
    let old = [".tmp-0123", ".tmp-claim-p_e0_ab_ef.age"].map(|name| folder.path().join(name));
    let others = ["not a key.txt", ".tmp-4567"].map(|name| folder.path().join(name));
    for path in old.iter().chain(&others) {
        std::fs::write(path, b"half").unwrap();
    }
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
    for path in old.iter().chain(&others[..1]) {
        std::fs::File::options().write(true).open(path).unwrap().set_modified(two_hours_ago).unwrap();
    }
    let store = DirStore::open(folder.path()).unwrap();
    assert_eq!(store.get(&key("p/e0/ab/cd.age"), 10).await.unwrap(), "sealed");
    assert!(old.iter().all(|path| path.exists()), "a reader removes nothing");
    put(&store, "p/e0/ab/ef.age", b"sealed").await;
    assert!(!old.iter().any(|path| path.exists()));
    assert!(others.iter().all(|path| path.exists()));
}

#[tokio::test]
async fn a_folder_removed_under_the_store_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(folder.path()).unwrap();
    put(&store, "a/b/c", b"x").await;
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    assert_eq!(put(&store, "a/b/c", b"y").await, Put::Created);
}

#[cfg(unix)]
#[tokio::test]
async fn no_link_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    let store = DirStore::open(folder.path()).unwrap();
    let name = "out/secret";
    assert_eq!(store.get(&key(name), 100).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(store.delete(&key(name)).await.unwrap_err().kind, ErrorKind::Denied);
    let put = store.put_new(&key(name), Bytes::new(), sha256(b"")).await;
    assert_eq!(put.unwrap_err().kind, ErrorKind::Denied);
    let new = store.put_new(&key("out/new/file"), Bytes::new(), sha256(b"")).await;
    assert_eq!(new.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert!(store.list("", None, 10).await.unwrap().entries.is_empty());
}

/// A sync program, or a hand: what stands in the place of an object and is no file is no object, and is in nobody's way.
#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_no_object_and_is_moved_aside_for_one() {
    type Make<'a> = &'a dyn Fn(&std::path::Path);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(folder.path()).unwrap();
    let make: [(&str, Make); 4] = [
        ("link", &|path| std::os::unix::fs::symlink(outside.path().join("secret"), path).unwrap()),
        ("dangling", &|path| std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap()),
        ("empty", &|path| std::fs::create_dir(path).unwrap()),
        ("full", &|path| {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("somebody's"), b"x").unwrap();
        }),
    ];
    std::fs::create_dir(folder.path().join("a")).unwrap();
    for is_mended in [false, true] {
        for (name, make) in &make {
            let name = format!("a/{name}{is_mended}");
            make(&folder.path().join(&name));
            assert_eq!(store.get(&key(&name), 100).await.unwrap_err().kind, ErrorKind::NotFound, "{name}");
            assert_eq!(store.head(&key(&name)).await.unwrap(), None, "{name}");
            store.delete(&key(&name)).await.unwrap();
            match is_mended {
                true => {
                    let sum = sha256(b"object");
                    store.replace(&key(&name), Bytes::from_static(b"object"), sum).await.unwrap();
                }
                false => assert_eq!(put(&store, &name, b"object").await, Put::Created, "{name}"),
            }
            assert_eq!(store.get(&key(&name), 100).await.unwrap(), b"object".as_slice(), "{name}");
        }
    }
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    let mut aside = std::fs::read_dir(folder.path().join("a")).unwrap().map(|entry| entry.unwrap().path());
    assert!(aside.any(|path| path.join("somebody's").is_file()), "nothing of anybody's is removed");
}

/// Needs root, as CI has: mounts a filesystem of 1 MiB.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_full_and_leaves_nothing_behind() {
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg(&self.0).status();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "scelle-test"])
        .arg(&small)
        .status()
        .unwrap();
    assert!(mount.success(), "this test mounts a 1 MiB tmpfs and needs root");
    let mounted = Mounted(small.clone());

    let store = DirStore::open(&small).unwrap();
    put(&store, "small/one", &[1; 300_000]).await;
    let body = Bytes::from(vec![2; 2_000_000]);
    let sum = sha256(&body);
    let error = store.put_new(&key("large/one"), body, sum).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Full, "{error}");
    assert!(!error.is_retryable());
    assert_eq!(store.head(&key("large/one")).await.unwrap(), None);
    let left: Vec<_> = std::fs::read_dir(&small).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".tmp-")), "{left:?}");
    assert_eq!(put(&store, "small/two", &[3; 300_000]).await, Put::Created, "the room is free again");
    drop(mounted);
}

#[tokio::test]
async fn a_folder_probes_as_conditional_and_unlocked() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(folder.path()).unwrap();
    let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(report.conditional_put, Fact::Yes);
    assert_eq!(report.conditional_put_raced, Fact::Yes);
    assert_eq!(report.wrong_checksum_refused, Fact::NotApplicable);
    assert_eq!(report.lock_accepted, Fact::NotApplicable);
    let codes: Vec<_> = report.verdict().iter().map(|finding| (finding.severity, finding.code)).collect();
    assert_eq!(codes, [(Severity::Note, Code::NotRansomwareProof)]);
    assert!(store.list("", None, 10).await.unwrap().entries.is_empty(), "the probe cleans up where it may");

    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<scelle_store::probe::ProbeReport>(&text).unwrap(), report);
}

#[tokio::test]
async fn engines_that_lie_are_found_out() {
    let lock_bucket = MemSettings {
        versions: true,
        locks: true,
        default_retention_days: Some(30),
        clock_ahead_ms: Some(3_600_000),
        ..MemSettings::default()
    };
    let cases: [(Misbehaviour, &[Code]); 7] = [
        (Misbehaviour::default(), &[Code::AgentMayHide, Code::ClockOffset]),
        (
            Misbehaviour { ignores_if_none_match: true, ..Misbehaviour::default() },
            &[Code::NoConditionalPut, Code::AgentMayHide, Code::ClockOffset],
        ),
        (
            Misbehaviour { checks_then_writes: true, ..Misbehaviour::default() },
            &[Code::ConditionalPutNotAtomic, Code::AgentMayHide, Code::ClockOffset],
        ),
        (
            Misbehaviour { forgets_locks: true, ..Misbehaviour::default() },
            &[
                Code::LockAcceptedButNotKept,
                Code::AgentMayDeleteVersions,
                Code::AgentMayHide,
                Code::ClockOffset,
            ],
        ),
        (
            Misbehaviour { shortens_locks: true, ..Misbehaviour::default() },
            &[Code::LockMayBeShortened, Code::AgentMayHide, Code::ClockOffset],
        ),
        (
            Misbehaviour { accepts_wrong_checksum: true, ..Misbehaviour::default() },
            &[Code::NoChecksum, Code::AgentMayHide, Code::ClockOffset],
        ),
        (
            Misbehaviour { put_only: true, ..Misbehaviour::default() },
            &[Code::LockNotProven, Code::DefaultRetentionUnknown, Code::ClockOffset],
        ),
    ];
    for (misbehaviour, expected) in cases {
        let store = MemStore::with(MemSettings { misbehaviour, ..lock_bucket.clone() });
        let report = probe(&store, "n1", SystemTime::now()).await.unwrap();
        let codes: Vec<_> = report.verdict().iter().map(|finding| finding.code).collect();
        assert_eq!(codes, expected, "{misbehaviour:?}: {report:?}");
        let offset = report.clock_offset_ms.unwrap();
        assert!((offset - 3_600_000).abs() < 60_000, "{offset}");
    }
}

#[tokio::test]
async fn a_nonce_is_used_once() {
    let store = MemStore::new();
    put(&store, "probe/n1/first", b"x").await;
    assert_eq!(probe(&store, "n1", SystemTime::now()).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(probe(&store, "../n1", SystemTime::now()).await.unwrap_err().kind, ErrorKind::Invalid);
}
