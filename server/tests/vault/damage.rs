//! Bytes that went wrong on the disk: found, served no more, put again, healed.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use scelle_server::vault::Vault;
use scelle_server::vault::roles::Role;
use scelle_server::vault::scrub::{self, Pace, Progress, Stop};
use scelle_store::s3::S3Store;
use scelle_store::testing::contract::sha256;
use scelle_store::{Key, LockOps as _, Put, Store as _};

use crate::served::Served;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &S3Store, name: &str, body: &Bytes) -> Put {
    store.put_new(&key(name), body.clone(), sha256(body)).await.unwrap()
}

/// The file of an object's newest version.
fn file(vault: &Vault, name: &str) -> PathBuf {
    let blob: String = vault
        .metadata
        .read_blocking(|c| {
            let sql = "SELECT blob FROM versions WHERE key = ?1 ORDER BY sequence DESC LIMIT 1";
            Ok(c.query_row(sql, [name], |row| row.get(0))?)
        })
        .unwrap();
    vault.folder.path().join("blobs").join(&blob[..2]).join(blob)
}

fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Everything is due.
fn scrub_all(vault: &Vault) -> Progress {
    let forget = |c: &rusqlite::Connection| Ok(c.execute("UPDATE versions SET scrubbed_ms = 0", [])?);
    vault.metadata.write_blocking(forget).unwrap();
    let progress = Progress::default();
    scrub::round(vault, Pace { days: 30, bytes_per_second: u64::MAX }, &progress, &Stop::default()).unwrap();
    progress
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flipped_bit_is_never_served_and_the_object_can_be_put_again() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let store =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 30).await.unwrap();
    let body = Bytes::from(vec![7; 700_000]);
    for name in ["flipped", "whole"] {
        put(&store, name, &body).await;
    }
    flip(&tokio::task::block_in_place(|| file(&served.vault, "flipped")), 690_000);
    store.get(&key("flipped"), 1 << 20).await.unwrap_err();
    // Known now: as if it were not there, for a reader and for a writer.
    assert_eq!(store.head(&key("flipped")).await.unwrap(), None);
    let listed = store.list("", None, 10).await.unwrap().entries;
    assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["whole"]);
    assert_eq!(put(&store, "whole", &body).await, Put::AlreadyThere);
    assert_eq!(put(&store, "flipped", &body).await, Put::Created);
    assert_eq!(store.get(&key("flipped"), 1 << 20).await.unwrap(), body);
    // What is locked stays locked, damaged or not.
    let versions = store.versions(&key("flipped"), 10).await.unwrap();
    assert_eq!(versions.len(), 2);
    assert!(store.delete_version(&key("flipped"), &versions[1].id).await.is_err());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_scrub_finds_every_kind_of_damage_and_lifts_what_was_repaired() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let store =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 30).await.unwrap();
    let body = Bytes::from(vec![7; 300_000]);
    let names = ["body", "label", "short", "long", "gone", "whole"];
    for name in names {
        put(&store, name, &body).await;
    }
    let vault = served.vault.clone();
    let progress = tokio::task::block_in_place(|| {
        assert_eq!(scrub_all(&vault).damaged.into_inner(), 0);
        let path = |name| file(&vault, name);
        flip(&path("body"), 200_000);
        flip(&path("label"), 300_010);
        fs::OpenOptions::new().write(true).open(path("short")).unwrap().set_len(300_000).unwrap();
        let mut longer = fs::read(path("long")).unwrap();
        longer.push(0);
        fs::write(path("long"), longer).unwrap();
        fs::rename(path("gone"), path("gone").with_extension("aside")).unwrap();
        scrub_all(&vault)
    });
    assert_eq!(progress.damaged.into_inner(), 5);
    for name in names {
        let seen = store.head(&key(name)).await.unwrap();
        assert_eq!(seen.is_some(), name == "whole", "{name}");
    }
    tokio::task::block_in_place(|| {
        assert_eq!(scrub::damaged(&vault).unwrap(), 5);
        flip(&file(&vault, "body"), 200_000);
        let gone = file(&vault, "gone");
        fs::rename(gone.with_extension("aside"), gone).unwrap();
        scrub_all(&vault);
        assert_eq!(scrub::damaged(&vault).unwrap(), 3);
    });
    for name in ["body", "gone"] {
        assert_eq!(store.get(&key(name), 1 << 20).await.unwrap(), body, "{name}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_scrub_remembers_what_it_read_and_keeps_its_pace() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let store =
        S3Store::create_bucket_with_lock(served.settings("t", Role::Admin, "bucket"), 30).await.unwrap();
    for number in 0..100 {
        put(&store, &format!("{number}"), &Bytes::from(vec![number; 20_000])).await;
    }
    let vault = served.vault.clone();
    tokio::task::block_in_place(|| {
        let pace = Pace { days: 4, bytes_per_second: u64::MAX };
        let round = |pace| {
            let progress = Progress::default();
            scrub::round(&vault, pace, &progress, &Stop::default()).unwrap();
            progress.blobs.into_inner()
        };
        assert_eq!(round(pace), 0, "what was just written is not due");
        let age = |days: i64| {
            let change = move |c: &rusqlite::Connection| {
                let then = scelle_server::vault::clock::now_ms() - days * 86_400_000;
                Ok(c.execute("UPDATE versions SET scrubbed_ms = ?1 WHERE CAST(key AS INTEGER) < 30", [then])?)
            };
            assert_eq!(vault.metadata.write_blocking(change).unwrap(), 30);
        };
        age(2);
        assert_eq!(round(pace), 0);
        age(3);
        assert_eq!(scrub::overdue(&vault, 4).unwrap(), 0);
        age(5);
        assert_eq!(scrub::overdue(&vault, 4).unwrap(), 30);
        assert_eq!(round(pace), 30);
        assert_eq!((round(pace), scrub::overdue(&vault, 4).unwrap()), (0, 0));
        // Never faster than asked: a lower bound, which no slow machine breaks.
        let began = std::time::Instant::now();
        age(5);
        round(Pace { days: 4, bytes_per_second: 2_000_000 });
        assert!(began.elapsed() >= std::time::Duration::from_millis(250), "600 kB at 2 MB/s");
    });
    served.stop().await;
}
