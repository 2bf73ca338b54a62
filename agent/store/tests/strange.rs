//! Servers that are no store, or only half of one: told as what they are, and never asked for ever.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::{ErrorKind, Key, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that gives this answer to everything, and how often it was asked.
async fn serve(head: &'static str, body: &'static str) -> (S3Store, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Relaxed);
            let mut request = vec![0; 16 << 10];
            let read = stream.read(&mut request).await.unwrap();
            let body = if request[..read].starts_with(b"HEAD") { "" } else { body };
            let answer = format!(
                "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut settings =
        BucketSettings::new(Some(format!("http://127.0.0.1:{port}")), "us-east-1", "b", "key", "secret");
    settings.allow_plain_http_loopback = true;
    (S3Store::new(settings).unwrap(), asked)
}

#[tokio::test]
async fn a_page_in_the_place_of_an_answer_says_nothing_of_what_is_there() {
    let key = Key::new("p/one").unwrap();
    for (head, body) in [
        ("404 Not Found\r\ncontent-type: text/html", "<html>404</html>"),
        ("404 Not Found\r\ncontent-type: text/html", "<html><p>not closed"),
        ("403 Forbidden\r\ncontent-type: text/html; charset=utf-8", "<html>log in</html>"),
    ] {
        let (store, _) = serve(head, body).await;
        let locks = store.locks().unwrap();
        let kinds = [
            store.check_access().await.unwrap_err().kind,
            store.list("", None, 10).await.unwrap_err().kind,
            store.get(&key, 10).await.unwrap_err().kind,
            locks.versions(&key, 10).await.unwrap_err().kind,
            locks.lock(&key, None).await.unwrap_err().kind,
            locks.default_retention().await.unwrap_err().kind,
        ];
        assert_eq!(kinds, [ErrorKind::Unreachable; 6], "{head} {body}");
        // A HEAD has no code that could tell the store's own answer from the page that a proxy puts in its place.
        match store.head(&key).await {
            Ok(found) => assert!(head.starts_with("404") && found.is_none(), "{head}"),
            Err(error) => assert_eq!((error.kind, &head[..3]), (ErrorKind::Unreachable, "403"), "{head}"),
        }
    }
}

#[tokio::test]
async fn what_the_store_itself_says_stays_what_it_is() {
    let key = Key::new("p/one").unwrap();
    for (code, kind) in [
        ("<Error><Code>NoSuchBucket</Code></Error>", ErrorKind::NoBucket),
        ("<Error><Code>NoSuchKey</Code></Error>", ErrorKind::NotFound),
    ] {
        let (store, _) = serve("404 Not Found\r\ncontent-type: application/xml", code).await;
        assert_eq!(store.get(&key, 10).await.unwrap_err().kind, kind);
        assert_eq!(store.head(&key).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_server_that_lists_objects_when_asked_for_versions_knows_none() {
    let (store, asked) = serve(
        "200 OK\r\ncontent-type: application/xml",
        "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>",
    )
    .await;
    let locks = store.locks().unwrap();
    let error = locks.hidden("", None).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Unsupported, false));
    assert_eq!(
        locks.versions(&Key::new("p/one").unwrap(), 9).await.unwrap_err().kind,
        ErrorKind::Unsupported
    );
    assert!(store.list("", None, 10).await.unwrap().entries.is_empty());
    assert_eq!(asked.load(Relaxed), 3);
}

#[tokio::test]
async fn a_listing_that_does_not_go_on_is_given_up() {
    let (store, asked) = serve(
        "200 OK\r\ncontent-type: application/xml",
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
    )
    .await;
    assert_eq!(store.list("", None, 10).await.unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(asked.load(Relaxed), 2);
    let (store, _) = serve(
        "200 OK\r\ncontent-type: application/xml",
        "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/one</Key><Size>1</Size></Contents></ListBucketResult>",
    )
    .await;
    assert_eq!(store.list("", None, 10).await.unwrap().entries.len(), 1);
    assert_eq!(store.list("", Some("p/one"), 10).await.unwrap_err().kind, ErrorKind::Unsupported);
}
