//! A server that stops: told early, given up where a body makes no way, and never mistaken for a limit of our own.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use scelle_store::s3::{BucketSettings, Patience, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::throttle::ByteRate;
use scelle_store::{ErrorKind, Key, Put, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOLD_AFTER: Duration = Duration::from_millis(200);
const GIVEN_UP_AFTER: Duration = Duration::from_millis(900);
/// More than the system keeps on its way.
const LARGE_BYTES: usize = 24 << 20;

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Habit {
    /// Reads this much, and no more.
    Stops(usize),
    /// Reads all, and thinks so long about it.
    Thinks(Duration),
}

async fn serve(habit: Habit) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, habit));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, habit: Habit) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..at + 4).collect()).unwrap().to_lowercase();
        }
        stream.read_buf(&mut bytes).await.unwrap();
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.trim().parse().unwrap();
    if head.contains("expect:") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    }
    let wanted = match habit {
        Habit::Stops(bytes) => bytes,
        Habit::Thinks(_) => length,
    };
    while bytes.len() < wanted {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    match habit {
        Habit::Stops(_) => std::future::pending().await,
        Habit::Thinks(time) => tokio::time::sleep(time).await,
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
}

/// A store that waits in milliseconds where the usual one waits in minutes, and how often it told of a silence.
fn impatient(port: u16, rate: Option<u64>) -> (S3Store, Arc<Mutex<Vec<Duration>>>) {
    let told: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let hears = told.clone();
    let mut settings =
        BucketSettings::new(Some(format!("http://127.0.0.1:{port}")), "us-east-1", "b", "key", "secret");
    settings.allow_plain_http_loopback = true;
    settings.upload_rate = rate.map(|rate| Arc::new(ByteRate::new(rate)));
    settings.patience = Patience::telling(move |silence| hears.lock().unwrap().push(silence));
    settings.patience.told_after = TOLD_AFTER;
    settings.patience.given_up_after = GIVEN_UP_AFTER;
    (S3Store::new(settings).unwrap(), told)
}

async fn put(store: &S3Store, bytes: usize) -> Result<Put, scelle_store::StoreError> {
    let body = Bytes::from(vec![7; bytes]);
    store.put_new(&Key::new("p/one").unwrap(), body.clone(), sha256(&body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_which_nothing_more_is_taken_is_told_of_and_given_up_to_be_tried_again() {
    let (store, told) = impatient(serve(Habit::Stops(1000)).await, None);
    let error = put(&store, LARGE_BYTES).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unreachable && error.is_retryable(), "{error}");
    let told = told.lock().unwrap();
    assert!(!told.is_empty() && told[0] >= TOLD_AFTER && told[0] < GIVEN_UP_AFTER, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_its_time_is_told_of_and_waited_for() {
    for bytes in [0, 10, LARGE_BYTES] {
        let (store, told) = impatient(serve(Habit::Thinks(GIVEN_UP_AFTER * 2)).await, None);
        put(&store, bytes).await.unwrap();
        assert!(!told.lock().unwrap().is_empty(), "{bytes}");
    }
}

/// At this limit a slice goes out every second and more: that is what was asked for, and no silence of the store's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_at_a_low_limit_is_no_silence() {
    let (store, told) = impatient(serve(Habit::Thinks(Duration::ZERO)).await, Some(2000));
    put(&store, 6000).await.unwrap();
    assert!(told.lock().unwrap().is_empty());
}
