//! A proxy that changes one byte of what is sent through it.
//!
//! For: showing that nothing that arrived altered is ever called whole. It stands before an engine on loopback, passes
//! plain HTTP/1.1 both ways, and changes the last byte of the bodies of chosen PUTs. Never: changes a header.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Which bodies are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// None.
    Never,
    /// The body of the PUT of this number, from 0.
    Nth(u64),
    /// All.
    Always,
}

/// A running proxy; it ends with the runtime.
#[derive(Clone, Debug)]
pub struct FlippingProxy {
    endpoint: String,
    seen: Arc<AtomicU64>,
    flipped: Arc<AtomicU64>,
    is_on: Arc<AtomicBool>,
}

impl FlippingProxy {
    /// Stands before `engine` (`http://127.0.0.1:port`). Must be called within a runtime.
    pub async fn start(engine: &str, flip: Flip) -> Self {
        let to = engine.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let proxy = Self {
            endpoint,
            seen: Arc::default(),
            flipped: Arc::default(),
            is_on: Arc::new(AtomicBool::new(true)),
        };
        let shared = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&to).await {
                    tokio::spawn(shared.clone().pass(client, server, flip));
                }
            }
        });
        proxy
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// PUTs with a body so far, while it was on.
    pub fn puts(&self) -> u64 {
        self.seen.load(SeqCst)
    }

    /// Bodies that were changed.
    pub fn flipped(&self) -> u64 {
        self.flipped.load(SeqCst)
    }

    /// Changes nothing, and counts nothing, while it is off.
    pub fn switch(&self, on: bool) {
        self.is_on.store(on, SeqCst);
    }

    async fn pass(self, client: TcpStream, server: TcpStream, flip: Flip) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let back = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        });
        let mut bytes = Vec::new();
        'requests: loop {
            let end = loop {
                if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                    break at + 4;
                }
                if from_client.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break 'requests;
                }
            };
            let rest = bytes.split_off(end);
            let head = String::from_utf8_lossy(&bytes).into_owned();
            if to_server.write_all(&bytes).await.is_err() {
                break;
            }
            bytes = rest;
            let mut left = content_length(&head);
            let is_flipped = head.starts_with("PUT ") && left > 0 && self.is_on.load(SeqCst) && {
                let number = self.seen.fetch_add(1, SeqCst);
                flip == Flip::Always || flip == Flip::Nth(number)
            };
            while left > 0 {
                if bytes.is_empty() && from_client.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break 'requests;
                }
                let part = bytes.len().min(left);
                let rest = bytes.split_off(part);
                left -= part;
                if let Some(last) = bytes.last_mut().filter(|_| left == 0 && is_flipped) {
                    *last ^= 1;
                    self.flipped.fetch_add(1, SeqCst);
                }
                if to_server.write_all(&bytes).await.is_err() {
                    break 'requests;
                }
                bytes = rest;
            }
        }
        let _ = to_server.shutdown().await;
        let _ = back.await;
    }
}

fn content_length(head: &str) -> usize {
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    lengths.next_back().unwrap_or(0)
}
