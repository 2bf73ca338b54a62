//! A proxy that changes one byte of what is sent through it.
//!
//! For: showing that nothing that arrived altered is ever called whole: the last byte of the bodies of chosen PUTs. Never:
//! changes anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use super::proxy::{Meddle, Proxy, Request};

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
    proxy: Proxy,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    seen: AtomicU64,
    flipped: AtomicU64,
    is_on: AtomicBool,
}

impl FlippingProxy {
    /// Stands before `engine` (`http://127.0.0.1:port`). Must be called within a runtime.
    pub async fn start(engine: &str, flip: Flip) -> Self {
        let counts = Arc::new(Counts {
            seen: AtomicU64::new(0),
            flipped: AtomicU64::new(0),
            is_on: AtomicBool::new(true),
        });
        let shared = counts.clone();
        let proxy = Proxy::start(engine, move |request| shared.decide(request, flip)).await;
        Self { proxy, counts }
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }

    /// PUTs with a body so far, while it was on.
    pub fn puts(&self) -> u64 {
        self.counts.seen.load(SeqCst)
    }

    /// Bodies that were changed.
    pub fn flipped(&self) -> u64 {
        self.counts.flipped.load(SeqCst)
    }

    /// Changes nothing, and counts nothing, while it is off.
    pub fn switch(&self, on: bool) {
        self.counts.is_on.store(on, SeqCst);
    }
}

impl Counts {
    fn decide(&self, request: &Request, flip: Flip) -> Meddle {
        if request.method != "PUT" || request.body_bytes == 0 || !self.is_on.load(SeqCst) {
            return Meddle::Nothing;
        }
        let number = self.seen.fetch_add(1, SeqCst);
        if flip != Flip::Always && flip != Flip::Nth(number) {
            return Meddle::Nothing;
        }
        self.flipped.fetch_add(1, SeqCst);
        Meddle::Flip
    }
}
