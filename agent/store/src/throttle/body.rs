//! A request body that keeps to a rate while it is sent.
//!
//! From the S3 store to the HTTP client, slice by slice, each when its slot on the shared timeline begins. Never: copies.

use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::rate::ByteRate;

/// Bytes on their way, no faster than a [`ByteRate`] says.
#[derive(Debug)]
pub struct PacedBody {
    rest: Bytes,
    rate: Arc<ByteRate>,
    /// The wait for the next slice's slot, with the slice's length.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl PacedBody {
    /// `bytes` at this rate.
    pub fn new(bytes: Bytes, rate: Arc<ByteRate>) -> Self {
        Self { rest: bytes, rate, waiting: None }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.get_mut();
        if body.rest.is_empty() {
            return Poll::Ready(None);
        }
        let (sleep, slice) = body.waiting.get_or_insert_with(|| {
            let slice = usize::try_from(body.rate.slice_bytes()).unwrap_or(usize::MAX).min(body.rest.len());
            let start = body.rate.reserve(Instant::now(), slice as u64).start;
            (Box::pin(tokio::time::sleep_until(start.into())), slice)
        });
        ready!(sleep.as_mut().poll(context));
        let slice = body.rest.split_to(*slice);
        body.waiting = None;
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
