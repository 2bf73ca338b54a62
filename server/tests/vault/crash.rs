//! Killed in the middle of everything: what was acknowledged is there and whole, what was torn is gone.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use parking_lot::Mutex;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::{Key, Store as _};

use crate::program::{Program, credential, rounds, run};

const WRITERS: u32 = 6;

fn client(program: &Program, access: &str, secret: &str) -> BucketSettings {
    let endpoint = format!("http://{}", program.address());
    let mut settings = BucketSettings::new(Some(endpoint), "us-east-1", "bucket", access, secret);
    settings.allow_plain_http_loopback = true;
    settings
}

/// Content that can be checked from the name alone.
fn body(name: &str, bytes: usize) -> Bytes {
    let seed = sha256(name.as_bytes());
    (0..bytes).map(|at| seed[at % 32] ^ (at >> 5) as u8).collect::<Vec<u8>>().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_and_nothing_torn_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let mut program = Program::start(&data, &[]);
    S3Store::create_bucket_with_lock(client(&program, &access, &secret), 1).await.unwrap();
    let acknowledged: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
    let (mut torn, mut unrecorded) = (0, 0);
    for round in 0..rounds(20, 200) {
        let store = S3Store::new(client(&program, &access, &secret)).unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    for number in 0.. {
                        // Small ones, and ones that take many pieces.
                        let bytes = if writer % 2 == 0 { 3_000_000 } else { 1000 + number };
                        let name = format!("r{round}/w{writer}/{number}");
                        let body = body(&name, bytes);
                        let key = Key::new(name.clone()).unwrap();
                        if store.put_new(&key, body.clone(), sha256(&body)).await.is_err() {
                            break;
                        }
                        acknowledged.lock().push((name, bytes));
                    }
                })
            })
            .collect();
        // Killed once something was acknowledged, at another moment each round.
        let before = acknowledged.lock().len();
        while acknowledged.lock().len() < before + 3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(round * 7 % 40))).await;
        program.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        program = Program::start(&data, &[]);
        torn += program.ready["torn_uploads_removed"].as_u64().unwrap();
        unrecorded += program.ready["unrecorded_uploads_removed"].as_u64().unwrap();
    }
    println!("{} acknowledged, {torn} torn, {unrecorded} whole without record", acknowledged.lock().len());
    assert!(torn > 0, "no kill landed inside a put");
    let store = S3Store::new(client(&program, &access, &secret)).unwrap();
    let acknowledged = acknowledged.lock().clone();
    for (name, bytes) in &acknowledged {
        let stored = store.get(&Key::new(name.clone()).unwrap(), 10 << 20).await.unwrap();
        assert!(stored == body(name, *bytes), "{name} came back changed");
    }
    let mut after = None;
    let mut listed = 0;
    loop {
        let page = store.list("", after.as_deref(), 1000).await.unwrap();
        listed += page.entries.len();
        after = page.entries.last().map(|entry| entry.key.as_str().to_owned());
        if !page.more {
            break;
        }
    }
    assert!(listed >= acknowledged.len());
    program.kill();
    let (code, out, err) = run(&["trace", "verify", "--tenant", "cabinet"], &data);
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_vault_with_many_objects_serves_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let mut program = Program::start(&data, &[]);
    let store = S3Store::create_bucket_with_lock(client(&program, &access, &secret), 1).await.unwrap();
    let objects = rounds(1000, 100_000);
    let puts = futures::stream::iter((0..objects).map(|number| {
        let store = store.clone();
        async move {
            let body = Bytes::from(number.to_le_bytes().to_vec());
            store
                .put_new(&Key::new(format!("{number:08}")).unwrap(), body.clone(), sha256(&body))
                .await
                .unwrap();
        }
    }));
    puts.buffer_unordered(64).collect::<Vec<()>>().await;
    program.kill();
    let began = std::time::Instant::now();
    let mut program = Program::start(&data, &[]);
    let store = S3Store::new(client(&program, &access, &secret)).unwrap();
    let body = store.get(&Key::new(format!("{:08}", objects - 1)).unwrap(), 10).await.unwrap();
    println!(
        "{objects} objects: killed, started, first object served after {} ms",
        began.elapsed().as_millis()
    );
    assert_eq!(body, (objects - 1).to_le_bytes()[..]);
    program.stop();
    let began = std::time::Instant::now();
    let (code, out, _) = run(&["fsck"], &data);
    println!("fsck of {objects} objects: {} ms", began.elapsed().as_millis());
    assert_eq!(code, 0, "{out}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["blobs"], objects);
}
