//! Figures for Prometheus: `GET /metrics` on an address of its own, on this machine only.
//!
//! From the counters of [`super::service`], the metadata and the scrub. Names of tenants are in it, so that a quota can be
//! watched; never a bucket, a key, or an address of a client.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{Body, HttpResponse};
use tokio::net::TcpListener;

use super::serve::HEADERS;
use super::service::Service;
use crate::vault::scrub::{self, Progress};
use crate::vault::{Refusal, Vault, platform};

/// Where the figures come from.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The vault.
    pub vault: Arc<Vault>,
    /// Its requests.
    pub service: Service,
    /// Its scrub and the days it has, when it scrubs.
    pub scrub: Option<(Arc<Progress>, u32)>,
}

/// Serves figures until the runtime ends.
pub async fn serve(listener: TcpListener, metrics: Metrics) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let metrics = metrics.clone();
        let handle = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let metrics = metrics.clone();
            async move { Ok::<_, Infallible>(metrics.answer(request.method(), request.uri().path()).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .serve_connection(TokioIo::new(stream), handle);
        tokio::spawn(connection);
    }
}

impl Metrics {
    async fn answer(&self, method: &Method, path: &str) -> HttpResponse {
        let mut response = HttpResponse::new(Body::empty());
        if method != Method::GET || path != "/metrics" {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let metrics = self.clone();
        match tokio::task::spawn_blocking(move || metrics.text()).await {
            Ok(Ok(text)) => {
                *response.body_mut() = Body::from(text);
                let kind = header::HeaderValue::from_static("text/plain; version=0.0.4");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            _ => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
        }
        response
    }

    /// The figures as text.
    pub fn text(&self) -> Result<String, Refusal> {
        let mut page = MetricsPage::default();
        let counters = self.service.counters();
        page.begin("answers_total", "counter", "Answers by class of status.");
        for (class, count) in counters.answers.iter().enumerate() {
            page.value(&format!("answers_total{{class=\"{}xx\"}}", class + 1), read(count));
        }
        page.one(
            "refused_signatures_total",
            "counter",
            "Requests without a right signature.",
            read(&counters.unauthenticated),
        );
        page.one("lockouts_total", "counter", "Lockouts begun.", read(&counters.lockouts));
        if let Some(free) = platform::free_bytes(self.vault.folder.path()) {
            page.one("free_bytes", "gauge", "Free on the filesystem.", free);
        }
        page.one("reserve_bytes", "gauge", "Left free by uploads.", self.vault.options.reserve_bytes);
        page.one(
            "damaged_versions",
            "gauge",
            "Versions in quarantine.",
            scrub::damaged(&self.vault)?.unsigned_abs(),
        );
        if let Some((progress, days)) = &self.scrub {
            page.one("scrubbed_blobs_total", "counter", "Blobs read again.", read(&progress.blobs));
            page.one("scrubbed_bytes_total", "counter", "Bytes read again.", read(&progress.bytes));
            let overdue = scrub::overdue(&self.vault, *days)?.unsigned_abs();
            page.one("unread_too_long", "gauge", "Blobs not read again within their days.", overdue);
        }
        self.tenants(&mut page)?;
        Ok(page.0)
    }

    fn tenants(&self, page: &mut MetricsPage) -> Result<(), Refusal> {
        let tenants: Vec<(String, i64, Option<i64>)> = self.vault.metadata.read_blocking(|c| {
            let mut query =
                c.prepare_cached("SELECT name, used_bytes, quota_bytes FROM tenants ORDER BY name")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        page.begin("tenant_bytes", "gauge", "Stored by a tenant.");
        for (name, used, _) in &tenants {
            page.value(&format!("tenant_bytes{{tenant=\"{name}\"}}"), used.unsigned_abs());
        }
        page.begin("tenant_quota_bytes", "gauge", "What a tenant may store, where it is limited.");
        for (name, _, quota) in &tenants {
            if let Some(quota) = quota {
                page.value(&format!("tenant_quota_bytes{{tenant=\"{name}\"}}"), quota.unsigned_abs());
            }
        }
        Ok(())
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Text in the format of Prometheus.
#[derive(Default)]
struct MetricsPage(String);

impl MetricsPage {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.0, "# HELP scelle_vault_{name} {help}\n# TYPE scelle_vault_{name} {kind}");
    }

    fn value(&mut self, name: &str, value: u64) {
        let _ = writeln!(self.0, "scelle_vault_{name} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.begin(name, kind, help);
        self.value(name, value);
    }
}
