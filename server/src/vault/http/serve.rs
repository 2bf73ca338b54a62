//! Connections: accepted, served, ended.
//!
//! Clear text is served on loopback only. A stop ends accepting at once, lets running requests end, and closes the
//! vault last. Never: leaves a request half done because its client hung up, or holds a connection for a client that does not send its headers.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use s3s::{Body, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::service::Service;
use crate::vault::log;

/// A client has this long to send its headers, and to shake hands.
pub const HEADERS: Duration = Duration::from_secs(30);
/// A stop waits this long for requests that run.
const GRACE: Duration = Duration::from_secs(30);
/// Connections served at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;

/// Whether a vault may be served there without TLS.
pub fn may_serve_clear_text(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

/// Whether an address names this machine only; then clear text stays on it.
pub fn is_loopback_url(url: &str) -> bool {
    let authority = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

/// Serves until `stop` is ready.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Service,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let requests = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (stream, from, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => match accepted {
                (Ok((stream, from)), Ok(place)) => (stream, from, place),
                _ => {
                    // Out of file descriptors, or a connection gone before it was taken.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let (service, tls, watcher) = (service.clone(), tls.clone(), graceful.watcher());
        let requests = requests.clone();
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => watcher.watch(connection(stream, service, from, requests)).await.ok(),
                Some(tls) => match tokio::time::timeout(HEADERS, tls.accept(stream)).await {
                    Ok(Ok(stream)) => watcher.watch(connection(stream, service, from, requests)).await.ok(),
                    _ => None,
                },
            };
        });
    }
    drop(listener);
    requests.close();
    let ended = async {
        graceful.shutdown().await;
        requests.wait().await;
    };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        log::problem("requests still ran when the time for a stop was over; they were not answered");
    }
}

/// The answer of a request whose task broke; nothing was acknowledged.
fn broken() -> HttpResponse {
    log::problem("a request could not be answered: a fault of the vault");
    let mut response = HttpResponse::new(Body::empty());
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    service: Service,
    from: SocketAddr,
    requests: TaskTracker,
) -> http1::Connection<
    TokioIo<S>,
    impl hyper::service::Service<
        http::Request<hyper::body::Incoming>,
        Response = http::Response<Body>,
        Error = Infallible,
        Future: Send,
    >,
> {
    let handle = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let service = service.clone();
        // A task of its own, which ends even when the client hangs up: what was begun is finished or taken back, and
        // is in the trace.
        let answer = requests.spawn(async move { service.answer(request.map(Body::from), from.ip()).await });
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|_| broken())) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), handle)
}
