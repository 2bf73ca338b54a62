//! `fsck`, `backup` and `rebuild`, as an operator runs them after something went wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use scelle_server::vault::data::Options;
use scelle_server::vault::metadata::Metadata;
use scelle_server::vault::roles::Role;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, Lock, LockOps as _, PlainPut, Store as _};
use serde_json::Value;

use crate::program::run;
use crate::served::Served;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &S3Store, name: &str, body: &[u8]) {
    let body = Bytes::copy_from_slice(body);
    store.put_plain(&key(name), body.clone(), PlainPut::over(sha256(&body))).await.unwrap();
}

fn sql(data: &Path, text: &'static str) {
    let metadata = Metadata::open(data).unwrap();
    tokio::task::block_in_place(|| metadata.write_blocking(move |c| Ok(c.execute_batch(text)?))).unwrap();
    metadata.close();
}

fn fsck(data: &Path, more: &[&str]) -> (i32, Value) {
    let (code, out, err) = run(&[&["fsck"], more].concat(), data);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")))
}

/// A bucket with a lock and one without, with everything that can be in them. Returns the administrator's settings.
async fn filled(data: &Path) -> BucketSettings {
    let served = Served::start(data).await;
    let settings = served.settings("t", Role::Admin, "locked");
    let locked = S3Store::create_bucket_with_lock(settings.clone(), 10).await.unwrap();
    let plain = BucketSettings { bucket: "plain".into(), ..settings.clone() };
    let plain = S3Store::create_plain_bucket(plain).await.unwrap();
    for (name, body) in
        [("twice", "first"), ("twice", "second"), ("hidden", "there"), ("deep/er", ""), ("long", "lock")]
    {
        put(&locked, name, body.as_bytes()).await;
        put(&plain, name, body.as_bytes()).await;
    }
    locked.delete(&key("hidden")).await.unwrap();
    plain.delete(&key("hidden")).await.unwrap();
    let until = SystemTime::now() + Duration::from_secs(100 * 86_400);
    locked.set_lock(&key("long"), None, Lock { compliance: true, until }).await.unwrap();
    served.stop().await;
    settings
}

/// Everything a client can see.
async fn seen(data: &Path, settings: &BucketSettings) -> Vec<String> {
    let served = Served::start(data).await;
    let endpoint = Some(format!("http://{}", served.address));
    let mut seen = Vec::new();
    for bucket in ["locked", "plain"] {
        let settings =
            BucketSettings { endpoint: endpoint.clone(), bucket: bucket.into(), ..settings.clone() };
        let store = S3Store::new(settings).unwrap();
        seen.push(format!("{bucket} {:?}", store.default_retention().await.unwrap()));
        for entry in store.list("", None, 100).await.unwrap().entries {
            let body = store.get(&entry.key, 100).await.unwrap();
            seen.push(format!("{} {body:?}", entry.key.as_str()));
        }
        for name in ["twice", "hidden", "deep/er", "long"] {
            for version in store.versions(&key(name), 10).await.unwrap() {
                let lock = match version.delete_marker {
                    true => None,
                    false => store.lock(&key(name), Some(&version.id)).await.unwrap(),
                };
                seen.push(format!("{name} {version:?} {lock:?}"));
            }
        }
    }
    served.stop().await;
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_metadata_come_back_from_the_objects_and_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let settings = filled(&data).await;
    let before = seen(&data, &settings).await;
    let (code, report) = fsck(&data, &["--read-data"]);
    assert_eq!(code, 0, "{report}");
    let copy = folder.path().join("copy.sqlite");
    let (code, _, err) = run(&["backup", "--to", copy.to_str().unwrap()], &data);
    assert_eq!(code, 0, "{err}");
    assert_eq!(run(&["backup", "--to", copy.to_str().unwrap()], &data).0, 1, "a copy replaces nothing");
    // What was stored after the copy is in the objects alone.
    let served = Served::start(&data).await;
    let endpoint = Some(format!("http://{}", served.address));
    let later = S3Store::new(BucketSettings { endpoint, ..settings.clone() }).unwrap();
    put(&later, "twice", b"third").await;
    served.stop().await;
    let with_third = seen(&data, &settings).await;
    assert!(with_third.len() > before.len());

    for loss in ["gone", "broken", "sound"] {
        for name in ["vault.sqlite-wal", "vault.sqlite-shm"] {
            let _ = fs::remove_file(data.join(name));
        }
        match loss {
            "gone" => fs::remove_file(data.join("vault.sqlite")).unwrap(),
            "broken" => fs::write(data.join("vault.sqlite"), vec![7; 100_000]).unwrap(),
            _ => {}
        }
        let (code, out, err) = run(&["rebuild", "--from", copy.to_str().unwrap()], &data);
        assert_eq!(code, 0, "{loss}: {out}{err}");
        assert_eq!(seen(&data, &settings).await, with_third, "{loss}");
        let (code, report) = fsck(&data, &["--read-data"]);
        assert_eq!(code, 0, "{loss}: {report}");
    }
    // An empty vault never takes the place of one whose metadata are lost.
    fs::remove_file(data.join("vault.sqlite")).unwrap();
    for arguments in [
        &["vault", "--listen", "127.0.0.1:0"][..],
        &["credential", "add", "--tenant", "t", "--role", "admin"],
        &["fsck"],
    ] {
        assert_eq!(run(arguments, &data).0, 13, "{arguments:?}");
        assert!(!data.join("vault.sqlite").exists());
    }
    // Without any copy: objects, locks and buckets are there, credentials are not.
    let (code, out, _) = run(&["rebuild"], &data);
    assert_eq!(code, 0);
    let rebuilt: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&rebuilt["credentials"], &rebuilt["buckets_from_objects"]),
        (&0.into(), &2.into()),
        "{rebuilt}"
    );
    let served = Served::start(&data).await;
    let fresh = served.settings("t", Role::Admin, "locked");
    served.stop().await;
    assert_eq!(seen(&data, &fresh).await, with_third);
}

fn blob(data: &Path, name: &'static str) -> PathBuf {
    let metadata = Metadata::open(data).unwrap();
    let blob: String = metadata
        .read_blocking(|c| {
            let sql =
                "SELECT blob FROM versions JOIN buckets ON id = bucket WHERE key = ?1 AND name = 'locked'
                       ORDER BY sequence DESC";
            Ok(c.query_row(sql, [name], |row| row.get(0))?)
        })
        .unwrap();
    data.join("blobs").join(&blob[..2]).join(&blob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fsck_names_what_is_wrong_and_repairs_without_deleting() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let settings = filled(&data).await;
    let before = seen(&data, &settings).await;
    let (code, report) = fsck(&data, &[]);
    assert_eq!((code, &report["blobs"]), (0, &9.into()), "{report}");

    // Metadata that were tampered with, or come from an old copy: a lock shortened, counts and current versions wrong.
    sql(
        &data,
        "UPDATE versions SET retain_until_ms = 1 WHERE retain_until_ms > 0; UPDATE tenants SET used_bytes = 0;
         UPDATE versions SET is_current = 1 - is_current WHERE key = 'twice'",
    );
    let (code, report) = fsck(&data, &[]);
    assert_eq!(code, 13, "{report}");
    assert_eq!(report["shortened_locks"], 5);
    assert_eq!((&report["wrong_counts"], &report["wrong_current"]), (&1.into(), &2.into()), "{report}");
    assert_eq!(fsck(&data, &["--repair"]).0, 13, "it says what it found");
    assert_eq!(fsck(&data, &[]).0, 0);
    assert_eq!(seen(&data, &settings).await, before);

    // Files: one flipped, one gone, one nobody knows, one that is no blob.
    let (flipped, gone) = (blob(&data, "twice"), blob(&data, "long"));
    let good = fs::read(&flipped).unwrap();
    let mut bad = good.clone();
    bad[0] ^= 1;
    fs::write(&flipped, &bad).unwrap();
    fs::rename(&gone, folder.path().join("gone")).unwrap();
    fs::write(data.join("blobs/00/00000000000000000000000000000000"), "x").unwrap_or_else(|_| {
        fs::create_dir(data.join("blobs/00")).unwrap();
        fs::write(data.join("blobs/00/00000000000000000000000000000000"), "x").unwrap();
    });
    let (code, report) = fsck(&data, &[]);
    assert_eq!((code, &report["damaged"], &report["strange"]), (13, &1.into(), &1.into()), "{report}");
    let (_, report) = fsck(&data, &["--read-data", "--repair"]);
    assert_eq!(report["damaged"], 2, "{report}");
    let served = Served::start_with(&data, Options { reserve_bytes: 0, trace_keep_days: None }).await;
    let endpoint = Some(format!("http://{}", served.address));
    let store = S3Store::new(BucketSettings { endpoint, ..settings.clone() }).unwrap();
    for name in ["twice", "long"] {
        assert_eq!(store.get(&key(name), 100).await.unwrap_err().kind, ErrorKind::NotFound, "{name}");
    }
    // Beside a running vault it looks, and does not write.
    assert_eq!(fsck(&data, &[]).0, 13);
    assert_eq!(run(&["fsck", "--repair"], &data).0, 11);
    assert_eq!(run(&["rebuild"], &data).0, 11);
    served.stop().await;
    fs::write(&flipped, &good).unwrap();
    fs::rename(folder.path().join("gone"), &gone).unwrap();
    fs::remove_file(data.join("blobs/00/00000000000000000000000000000000")).unwrap();
    let (code, report) = fsck(&data, &["--read-data", "--repair"]);
    assert_eq!((code, &report["whole_again"]), (3, &2.into()), "{report}");
    assert_eq!(seen(&data, &settings).await, before);

    // A whole file without a record is told of, and a rebuild takes it in.
    sql(&data, "DELETE FROM versions WHERE key = 'deep/er'");
    let (code, report) = fsck(&data, &[]);
    assert_eq!((code, &report["unrecorded"]), (3, &2.into()), "{report}");
    assert_eq!(run(&["rebuild"], &data).0, 0);
    assert_eq!(seen(&data, &settings).await, before);
    // A database that is none, and a trace that was cut.
    let head = data.join("trace/t/head");
    fs::write(head, format!("{:020} {}\n", 10_000, "0".repeat(64))).unwrap();
    let (code, report) = fsck(&data, &[]);
    assert_eq!((code, &report["broken_traces"]), (13, &serde_json::json!(["t"])));
    assert_eq!(run(&["fsck"], folder.path()).0, 10);
}
