//! What must hold of the folder whatever clients and the disk do: nothing half done, nothing unsaid, nothing torn.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use scelle_server::vault::data::Options;
use scelle_server::vault::keys::TraceKey;
use scelle_server::vault::roles::Role;
use scelle_server::vault::trace::verify::{export, verify};
use scelle_store::s3::S3Store;
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, Store as _};

use crate::served::Served;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

/// Names of the files below `blobs/`, and how many temporary ones.
fn on_disk(data: &Path) -> (BTreeSet<String>, usize) {
    let (mut names, mut temporary) = (BTreeSet::new(), 0);
    for entry in fs::read_dir(data.join("blobs")).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() {
            temporary += 1;
            continue;
        }
        for blob in fs::read_dir(entry.path()).unwrap() {
            names.insert(blob.unwrap().file_name().into_string().unwrap());
        }
    }
    (names, temporary)
}

/// Stored versions and answered puts of the trace.
fn known(data: &Path) -> (BTreeSet<String>, usize) {
    let metadata = scelle_server::vault::metadata::Metadata::open(data).unwrap();
    let blobs = metadata.read_blocking(|c| {
        let mut query = c.prepare("SELECT blob FROM versions")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<BTreeSet<String>, _>>()?)
    });
    let public = TraceKey::open(data).unwrap().public();
    let mut puts = 0;
    let folder = data.join("trace/t");
    export(&folder, &public, 0, |line, _| {
        puts += usize::from(line.entry.operation == "PutObject" && line.entry.status == 200);
        Ok(true)
    })
    .unwrap();
    verify(&folder, &public, None).unwrap();
    (blobs.unwrap(), puts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_hang_up_leave_nothing_half_done_and_nothing_untraced() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let store =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 1).await.unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    let puts = (0..300u64).map(|number| {
        let (store, answered) = (store.clone(), Arc::clone(&answered));
        async move {
            let body = Bytes::from(vec![number as u8; 1 + 3000 * number as usize]);
            let name = key(&format!("o{number}"));
            let put = store.put_new(&name, body.clone(), sha256(&body));
            // Dropped wherever it is by then: the connection goes with it.
            if let Ok(put) = tokio::time::timeout(Duration::from_micros(number * 137 % 20_000), put).await {
                put.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    futures::StreamExt::collect::<Vec<()>>(futures::StreamExt::buffer_unordered(
        futures::stream::iter(puts),
        8,
    ))
    .await;
    served.stop().await;
    let (files, temporary) = on_disk(data.path());
    let (versions, puts) = known(data.path());
    let answered = answered.load(Ordering::Relaxed);
    println!("{answered} answered, {} stored", versions.len());
    assert_eq!(
        (files, temporary),
        (versions.clone(), 0),
        "a file without a record, or a record without a file"
    );
    assert_eq!(puts, versions.len(), "a version that no line of the trace speaks of");
    assert!(answered <= versions.len() && answered < 300, "nobody hung up");
}

/// A filesystem of its own, unmounted with its owner.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Puts until nothing goes in any more; names and bodies that were acknowledged.
async fn fill(store: &S3Store, writer: u8) -> Vec<(String, Bytes)> {
    let mut kept = Vec::new();
    let mut refused = 0;
    for number in 0u32.. {
        let bytes = if number.is_multiple_of(3) { 900_000 } else { 30_000 };
        let (name, body) = (format!("w{writer}/{number}"), Bytes::from(vec![writer ^ number as u8; bytes]));
        match store.put_new(&key(&name), body.clone(), sha256(&body)).await {
            Ok(_) => kept.push((name, body)),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Full | ErrorKind::Unreachable), "{error}");
                refused += 1;
                if refused == 12 {
                    return kept;
                }
            }
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_refuses_and_keeps_what_it_has() {
    // With a reserve the vault refuses early; without one, writes of every kind fail somewhere in the middle.
    for reserve_bytes in [8 << 20, 0] {
        let disk = SmallDisk::new(32 << 20);
        let data = disk.0.path().join("vault");
        let options = Options { reserve_bytes, trace_keep_days: None };
        let served = Served::start_with(&data, options).await;
        let settings = served.settings("t", Role::Admin, "bucket");
        let store = S3Store::create_bucket_with_lock(settings.clone(), 1).await.unwrap();
        let writers: Vec<_> = (0..6).map(|writer| fill(&store, writer)).collect();
        let kept: Vec<_> = futures::future::join_all(writers).await.into_iter().flatten().collect();
        assert!(kept.len() > 20, "{} with a reserve of {reserve_bytes}", kept.len());
        if reserve_bytes > 0 {
            // Early means: what must still be written can be, a marker and the line of the trace that tells of it.
            store.delete(&key("nothing")).await.unwrap();
            assert!(scelle_server::vault::platform::free_bytes(&data).unwrap() > reserve_bytes / 2);
        }
        served.stop().await;
        // With room again, and after a restart, everything that was acknowledged is there.
        let grown = Command::new("mount").args(["-o", "remount,size=96m"]).arg(disk.0.path()).status();
        assert!(grown.unwrap().success());
        let served = Served::start_with(&data, Options { reserve_bytes: 0, trace_keep_days: None }).await;
        let store = served.client("t", Role::Admin, "bucket");
        for (name, body) in &kept {
            assert!(store.get(&key(name), 1 << 20).await.unwrap() == body, "{name}");
        }
        served.stop().await;
        let (files, temporary) = on_disk(&data);
        let (versions, _) = known(&data);
        assert_eq!((files, temporary), (versions, 0), "with a reserve of {reserve_bytes}");
    }
}
