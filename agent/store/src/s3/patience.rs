//! How long a request is waited for: told early, given up where a body makes no way.
//!
//! For: a line that is dead without anybody saying so (a router that forgot the connection, a server that stands still). What
//! has gone into a body is the only sign of life of an upload: it is watched slice by slice as the connection takes it. Data
//! passes unchanged. Never: counts time that the upload limit itself asks for, or retries.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// What the SDK answers.
pub(super) type Sdk<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// Time for one request, beside what its body may take.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(120);
/// The slowest line a body is waited for.
pub(super) const SLOWEST_BYTES_PER_SECOND: u64 = 16 * 1024;
/// The part of a body that the connection takes at a time: on the slowest line that is waited for, four seconds' worth.
const SLICE_BYTES: usize = 64 * 1024;
/// What systems keep of a body that was taken and is not sent yet, at most (Linux: `tcp_wmem`).
const ON_ITS_WAY_BYTES: u64 = 4 << 20;

/// How long the store may be silent.
#[derive(Clone)]
pub struct Patience {
    /// Then somebody is told, once for each silence.
    pub told_after: Duration,
    /// Then a body of which nothing more is taken is given up.
    pub given_up_after: Duration,
    told: Arc<Told>,
}

struct Told {
    by: Box<dyn Fn(Duration) + Send + Sync>,
    last: Mutex<Option<Instant>>,
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (told_after, given_up_after) = (&self.told_after, &self.given_up_after);
        f.debug_struct("Patience")
            .field("told_after", told_after)
            .field("given_up_after", given_up_after)
            .finish_non_exhaustive()
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::telling(|_| {})
    }
}

impl Patience {
    /// The usual one: `tell` hears how long the store has been silent, after a quarter of a minute; an upload is given up after
    /// a minute without way. Where several requests are silent it hears of one.
    pub fn telling(tell: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self {
            told_after: Duration::from_secs(15),
            given_up_after: Duration::from_secs(60),
            told: Arc::new(Told { by: Box::new(tell), last: Mutex::default() }),
        }
    }

    /// Waits for the answer to a request, and watches what is taken of its body, if it has one.
    pub(super) async fn wait<T, E>(
        &self,
        taken: Option<&Taken>,
        answer: impl Future<Output = Sdk<T, E>>,
    ) -> Sdk<T, E> {
        let began = Instant::now();
        let mut answer = std::pin::pin!(answer);
        let mut told_at = None;
        loop {
            let last = taken.map_or(began, |taken| taken.last().max(began));
            let limit = taken.map(|taken| last + self.limit(taken));
            let tell = last + self.told_after;
            let now = Instant::now();
            if limit.is_some_and(|limit| now >= limit) {
                return Err(SdkError::timeout_error("nothing more is taken of the body"));
            }
            if now >= tell && told_at != Some(last) {
                told_at = Some(last);
                self.tell(now - last);
            }
            let next = if told_at == Some(last) { limit } else { Some(tell) };
            let woken = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                outcome = &mut answer => return outcome,
                () = woken => {}
            }
        }
    }

    /// How long a silence may be: what was taken whole may still be on a slow way, and is then worked on.
    fn limit(&self, taken: &Taken) -> Duration {
        match taken.is_whole.load(Relaxed) {
            true => ATTEMPT_TIMEOUT + Duration::from_secs(taken.tail_bytes / SLOWEST_BYTES_PER_SECOND),
            false => self.given_up_after,
        }
    }

    fn tell(&self, silence: Duration) {
        let now = Instant::now();
        let mut last = self.told.last.lock();
        if last.is_none_or(|last| now - last >= self.told_after) {
            *last = Some(now);
            (self.told.by)(silence);
        }
    }
}

/// What a connection has taken of a body.
#[derive(Debug)]
pub(super) struct Taken {
    last: Mutex<Instant>,
    /// The body itself makes the connection wait.
    is_held: AtomicBool,
    is_whole: AtomicBool,
    tail_bytes: u64,
}

impl Taken {
    /// Of a body of `bytes`: nothing yet.
    pub(super) fn nothing_of(bytes: usize) -> Arc<Self> {
        let tail_bytes = ON_ITS_WAY_BYTES.min(bytes as u64);
        let (is_held, is_whole) = (AtomicBool::new(false), AtomicBool::new(bytes == 0));
        Arc::new(Self { last: Mutex::new(Instant::now()), is_held, is_whole, tail_bytes })
    }

    /// When something was taken last.
    fn last(&self) -> Instant {
        match self.is_held.load(Relaxed) {
            true => Instant::now(),
            false => *self.last.lock(),
        }
    }
}

/// A body that notes what is taken of it.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    inner: B,
    taken: Arc<Taken>,
}

impl<B> WatchedBody<B> {
    pub(super) fn new(inner: B, taken: Arc<Taken>) -> Self {
        Self { inner, taken }
    }
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin> Body for WatchedBody<B> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.get_mut();
        let polled = Pin::new(&mut body.inner).poll_frame(context);
        *body.taken.last.lock() = Instant::now();
        body.taken.is_held.store(polled.is_pending(), Relaxed);
        body.taken.is_whole.store(body.inner.is_end_stream(), Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Bytes that are handed over slice by slice.
#[derive(Debug)]
pub(super) struct Slices(pub(super) Bytes);

impl Body for Slices {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = &mut self.get_mut().0;
        let slice = rest.split_to(SLICE_BYTES.min(rest.len()));
        Poll::Ready((!slice.is_empty()).then(|| Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
