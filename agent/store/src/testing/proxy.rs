//! A proxy that meddles with what passes through it.
//!
//! For: what an engine cannot be made to do itself: bytes that change on their way, an object that is not shown once, a line that is
//! slow, cut or dead. It stands before an engine on loopback and passes plain HTTP/1.1 both ways; a rule decides for each request. Never:
//! changes a header, or touches what the rule lets pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// What a rule sees of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `PUT`…
    pub method: &'a str,
    /// Bucket, key and query as they were sent.
    pub target: &'a str,
    /// Length of its body in bytes.
    pub body_bytes: usize,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddle {
    /// It passes.
    Nothing,
    /// The last byte of its body is changed.
    Flip,
    /// It never arrives; the answer is "no such key".
    NotFound,
    /// It never arrives; the answer is that all is well.
    Pretend,
    /// It passes and is answered; the answer is lost, and the connection with it.
    LoseAnswer,
    /// It passes after this time.
    Delay(Duration),
    /// It never arrives: the connection is cut.
    Cut,
    /// It never arrives; the answer is this status, in the words of S3.
    Refuse(u16),
    /// It passes; of the answer so many bytes come back, then the connection is cut.
    CutAnswer(usize),
    /// A part of its body is taken, and nothing more; no answer, and the connection stays.
    Stall,
    /// It is taken, never passed on and never answered; the connection stays.
    Swallow,
}

/// What is taken of a body that stalls.
const STALLED_AFTER_BYTES: usize = 64 << 10;
/// An answer is passed whole.
const WHOLE: usize = usize::MAX;

type Rule = dyn Fn(&Request) -> Meddle + Send + Sync;

/// Where a running proxy listens; it ends with the runtime.
#[derive(Clone, Debug)]
pub struct Proxy {
    endpoint: String,
}

impl Proxy {
    /// Stands before `engine` (`http://127.0.0.1:port`). Must be called within a runtime.
    pub async fn start(engine: &str, rule: impl Fn(&Request) -> Meddle + Send + Sync + 'static) -> Self {
        let to = engine.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let rule: Arc<Rule> = Arc::new(rule);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&to).await {
                    tokio::spawn(pass(client, server, rule.clone()));
                }
            }
        });
        Self { endpoint }
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// One connection, until either side ends it.
async fn pass(client: TcpStream, server: TcpStream, rule: Arc<Rule>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Answers come from the server, or from here; a client asks again only when it has its answer.
    let to_client = Arc::new(Mutex::new(to_client));
    let answered = Arc::new(AtomicUsize::new(WHOLE));
    let back = tokio::spawn(answers(from_server, to_client.clone(), answered.clone()));
    let mut requests = Requests { from_client, to_server, bytes: Vec::new(), answered };
    while requests.pass_one(&rule, &to_client).await.is_some() {}
    let _ = requests.to_server.shutdown().await;
    let _ = back.await;
}

async fn answers(
    mut from_server: OwnedReadHalf,
    to_client: Arc<Mutex<OwnedWriteHalf>>,
    answered: Arc<AtomicUsize>,
) {
    let mut bytes = Vec::with_capacity(64 << 10);
    while from_server.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let part = answered.load(SeqCst);
        if part != WHOLE {
            let part = &bytes[..part.min(bytes.len())];
            let _ = to_client.lock().await.write_all(part).await;
            break;
        }
        if to_client.lock().await.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
    }
    let _ = to_client.lock().await.shutdown().await;
}

/// What a client sends, and what of it has been read and not passed yet.
struct Requests {
    from_client: OwnedReadHalf,
    to_server: OwnedWriteHalf,
    bytes: Vec<u8>,
    /// How much of the answer that comes next is passed, in bytes.
    answered: Arc<AtomicUsize>,
}

impl Requests {
    /// `None` when there is no other.
    async fn pass_one(&mut self, rule: &Arc<Rule>, to_client: &Mutex<OwnedWriteHalf>) -> Option<()> {
        let end = loop {
            if let Some(at) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let rest = self.bytes.split_off(end);
        let head = std::mem::replace(&mut self.bytes, rest);
        let text = String::from_utf8_lossy(&head).into_owned();
        let body_bytes = content_length(&text);
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match rule(&Request { method, target, body_bytes }) {
            Meddle::Cut => None,
            Meddle::Stall => {
                self.pass_body(body_bytes.min(STALLED_AFTER_BYTES), Body::Swallow).await?;
                std::future::pending().await
            }
            Meddle::Swallow => {
                self.pass_body(body_bytes, Body::Swallow).await?;
                std::future::pending().await
            }
            Meddle::Refuse(status) => {
                self.pass_body(body_bytes, Body::Swallow).await?;
                to_client.lock().await.write_all(&refusal(method, status)).await.ok()
            }
            Meddle::NotFound => {
                self.pass_body(body_bytes, Body::Swallow).await?;
                to_client.lock().await.write_all(&refusal(method, 404)).await.ok()
            }
            Meddle::Pretend => {
                self.pass_body(body_bytes, Body::Swallow).await?;
                to_client.lock().await.write_all(ALL_IS_WELL).await.ok()
            }
            meddle => {
                let part = match meddle {
                    Meddle::LoseAnswer => 0,
                    Meddle::CutAnswer(bytes) => bytes,
                    _ => WHOLE,
                };
                self.answered.store(part, SeqCst);
                if let Meddle::Delay(time) = meddle {
                    tokio::time::sleep(time).await;
                }
                self.to_server.write_all(&head).await.ok()?;
                let is_flipped = meddle == Meddle::Flip;
                self.pass_body(body_bytes, if is_flipped { Body::Flip } else { Body::Pass }).await
            }
        }
    }

    async fn pass_body(&mut self, mut left: usize, body: Body) -> Option<()> {
        while left > 0 {
            if self.bytes.is_empty() {
                self.read_more().await?;
            }
            let part = self.bytes.len().min(left);
            let rest = self.bytes.split_off(part);
            left -= part;
            if let Some(last) = self.bytes.last_mut().filter(|_| left == 0 && body == Body::Flip) {
                *last ^= 1;
            }
            if body != Body::Swallow {
                self.to_server.write_all(&self.bytes).await.ok()?;
            }
            self.bytes = rest;
        }
        Some(())
    }

    async fn read_more(&mut self) -> Option<()> {
        let read = self.from_client.read_buf(&mut self.bytes).await.ok()?;
        (read > 0).then_some(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Pass,
    Flip,
    Swallow,
}

const ALL_IS_WELL: &[u8] =
    b"HTTP/1.1 200 OK\r\netag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\ncontent-length: 0\r\n\r\n";

fn refusal(method: &str, status: u16) -> Vec<u8> {
    let (reason, code) = match status {
        403 => ("Forbidden", "AccessDenied"),
        404 => ("Not Found", "NoSuchKey"),
        429 => ("Too Many Requests", "TooManyRequests"),
        _ => ("Service Unavailable", "SlowDown"),
    };
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
    // The answer to a HEAD has no body.
    let body = if method == "HEAD" { "" } else { &body };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/xml\r\ncontent-length:");
    format!("{head} {length}\r\n\r\n{body}").into_bytes()
}

fn content_length(head: &str) -> usize {
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    lengths.next_back().unwrap_or(0)
}
