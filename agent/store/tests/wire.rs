//! What goes over the wire: a server that looks at the headers of each PUT and at its body.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::throttle::ByteRate;
use scelle_store::{ErrorKind, Key, LockOps, PlainPut, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it arrived.
#[derive(Debug)]
struct Arrived {
    head: String,
    body: Vec<u8>,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A server that believes the signature's payload hash and nothing else, as Ceph RGW 16 does: it takes a body that is
/// announced as unsigned whatever it holds.
async fn serve(flip: bool) -> (u16, Arc<Mutex<Vec<Arrived>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<Vec<Arrived>>> = Arc::default();
    let kept = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, flip, kept.clone()));
        }
    });
    (port, seen)
}

async fn answer(mut stream: TcpStream, flip: bool, seen: Arc<Mutex<Vec<Arrived>>>) {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut arrived = Arrived { head, body: bytes[end..].to_vec() };
        let length: usize = arrived.header("content-length").map_or(0, |length| length.parse().unwrap());
        if arrived.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        }
        while arrived.body.len() < length {
            stream.read_buf(&mut arrived.body).await.unwrap();
        }
        if let Some(last) = arrived.body.last_mut().filter(|_| flip) {
            *last ^= 1;
        }
        let signed = arrived.header("x-amz-content-sha256").unwrap_or_default().to_owned();
        let is_right = signed == "UNSIGNED-PAYLOAD" || signed == hex(digest(&SHA256, &arrived.body).as_ref());
        let answer: &[u8] = match is_right {
            true => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            false => {
                b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/xml\r\ncontent-length: 53\r\n\r\n<Error><Code>XAmzContentSHA256Mismatch</Code></Error>"
            }
        };
        seen.lock().unwrap().push(arrived);
        bytes.clear();
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn store(port: u16, rate: Option<u64>) -> S3Store {
    let mut settings =
        BucketSettings::new(Some(format!("http://127.0.0.1:{port}")), "us-east-1", "b", "key", "secret");
    settings.allow_plain_http_loopback = true;
    settings.upload_rate = rate.map(|rate| Arc::new(ByteRate::new(rate)));
    S3Store::new(settings).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_put_signs_the_hash_of_its_body_paced_or_not() {
    let (port, seen) = serve(false).await;
    let body = Bytes::from((0..300_000u32).map(|n| (n >> 3) as u8).collect::<Vec<_>>());
    for rate in [None, Some(50_000_000)] {
        let store = store(port, rate);
        let key = Key::new("p/one").unwrap();
        for body in [body.clone(), Bytes::new()] {
            store.put_new(&key, body.clone(), sha256(&body)).await.unwrap();
            store.put_plain(&key, body.clone(), PlainPut::over(sha256(&body))).await.unwrap();
            store.put_plain(&key, body.clone(), PlainPut::only_new(sha256(&body))).await.unwrap();
            for put in seen.lock().unwrap().drain(..) {
                assert!(put.body == body, "{}", put.head);
                assert_eq!(
                    put.header("x-amz-content-sha256"),
                    Some(hex(&sha256(&body)).as_str()),
                    "{rate:?}"
                );
                let signed = put.header("authorization").unwrap();
                assert!(signed.contains("x-amz-content-sha256"), "{signed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_changes_on_its_way_is_refused_by_who_knows_the_signature_alone() {
    let (port, _) = serve(true).await;
    for rate in [None, Some(50_000_000)] {
        let store = store(port, rate);
        let (key, body) = (Key::new("p/one").unwrap(), Bytes::from_static(b"sealed"));
        let error = store.put_new(&key, body.clone(), sha256(&body)).await.unwrap_err();
        assert_ne!(error.kind, ErrorKind::NotFound, "{error}");
        assert!(matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Invalid), "{rate:?}: {error}");
    }
}
