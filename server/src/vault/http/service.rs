//! Every request, before and after the protocol layer.
//!
//! Before: refuses unread what the vault does not offer (signatures of version 2, presigned URLs, form uploads), what
//! is signed too loosely, and who is locked out. After: counts, notes wrong signatures, and writes the trace; a
//! change is answered only once its entry is on disk. Never: lets a header act that its signature does not cover.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, Method, StatusCode, Uri, header};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpRequest, HttpResponse, S3Error};

use super::access::Table;
use super::auth::{Failures, Secrets};
use super::enrol;
use super::s3::Operations;
use super::seen::{Facts, REQUEST, Seen};
use super::strangers::Strangers;
use super::trace::TraceRoute;
use crate::vault::clock;
use crate::vault::metadata::credentials;
use crate::vault::trace::{Entry, NOBODY};
use crate::vault::{Refusal, Vault, log};

/// Letters of an access key that are looked at.
const MAX_ACCESS_KEY: usize = 64;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answers by class: 1xx–5xx.
    pub answers: [AtomicU64; 5],
    /// Wrong or unknown signatures.
    pub unauthenticated: AtomicU64,
    /// Lockouts begun.
    pub lockouts: AtomicU64,
}

/// Serves requests.
#[derive(Clone, Debug)]
pub struct Service {
    vault: Arc<Vault>,
    s3: S3Service,
    failures: Arc<Failures>,
    strangers: Arc<Strangers>,
    counters: Arc<Counters>,
}

impl Service {
    /// The service over an open vault.
    pub fn new(vault: Arc<Vault>) -> Self {
        let mut builder = S3ServiceBuilder::new(Operations { vault: Arc::clone(&vault) });
        builder.set_auth(Secrets { vault: Arc::clone(&vault) });
        builder.set_access(Table);
        builder.set_route(TraceRoute { vault: Arc::clone(&vault) });
        // Two megabytes hold a batch of 1000 keys of 1024 bytes, and a completion of 10 000 parts.
        let mut config = s3s::config::S3Config::default();
        config.xml_max_body_size = 4 << 20;
        builder.set_config(Arc::new(s3s::config::StaticConfigProvider::new(Arc::new(config))));
        Self {
            vault,
            s3: builder.build(),
            failures: Arc::default(),
            strangers: Arc::default(),
            counters: Arc::default(),
        }
    }

    /// Counters since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Answers one request that came from `from`.
    pub async fn answer(&self, request: HttpRequest, from: IpAddr) -> HttpResponse {
        let seen = Arc::new(Seen { from, facts: parking_lot::Mutex::default() });
        let access_key = match enrol::is_it(&request) {
            // Tokens that are guessed lock out like signatures that are.
            true => enrol::OPERATION.to_owned(),
            false => access_key(request.headers()).unwrap_or_default(),
        };
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        let bytes = content_length(request.headers());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = if enrol::is_it(&request) {
            enrol::answer(&self.vault, &self.failures, request, from, &seen.facts).await
        } else {
            self.answer_s3(request, &access_key, &seen).await
        };
        let facts = seen.facts.lock().clone();
        self.count(&facts, response.status(), &access_key, from);
        let entry = entry(&facts, &method, &path, response.status(), access_key, bytes, from);
        match self.trace(entry, facts.authenticated, changes).await {
            Ok(()) => response,
            Err(refusal) => {
                // Done, perhaps, but not traced: the client must not take it for done.
                log::problem("the access trace cannot be written");
                error_response(refusal.into())
            }
        }
    }

    async fn answer_s3(&self, request: HttpRequest, access_key: &str, seen: &Arc<Seen>) -> HttpResponse {
        if let Some(refusal) = self.refused_unread(&request, access_key, seen).await {
            return error_response(refusal);
        }
        let answer = REQUEST.scope(Arc::clone(seen), self.s3.call(request)).await;
        answer.unwrap_or_else(|_| error_response(Refusal::Internal("protocol".to_owned()).into()))
    }

    /// What was done in somebody's name is on disk before it is answered; the rest follows.
    async fn trace(&self, mut entry: Entry, authenticated: bool, changes: bool) -> Result<(), Refusal> {
        if authenticated && changes {
            return self.vault.trace.append(entry).await;
        }
        if !authenticated {
            match self.strangers.admit(&entry.tenant) {
                None => return Ok(()),
                Some(0) => {}
                Some(more) => entry.note = format!("{}; {more} like this before it have no line", entry.note),
            }
        }
        self.vault.trace.note(entry).await
    }

    async fn refused_unread(&self, request: &HttpRequest, access_key: &str, seen: &Seen) -> Option<S3Error> {
        if let Err(refusal) = soundly_signed(request.method(), request.uri(), request.headers()) {
            return Some(refusal.into());
        }
        if self.failures.locked_out(access_key, seen.from) {
            // The tenant whose key it is must see it in its own chain.
            let asked = access_key.to_owned();
            let named = self.vault.metadata.read(move |c| credentials::find(c, &asked)).await;
            let mut facts = seen.facts.lock();
            facts.locked_out = true;
            facts.credential = named.ok().flatten().map(|(credential, _)| credential);
            return Some(Refusal::Denied.into());
        }
        None
    }

    fn count(&self, facts: &Facts, status: StatusCode, access_key: &str, from: IpAddr) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.counters.answers[class].fetch_add(1, Ordering::Relaxed);
        if facts.authenticated {
            self.failures.forgive(access_key, from);
        } else if status == StatusCode::FORBIDDEN && !facts.locked_out {
            self.counters.unauthenticated.fetch_add(1, Ordering::Relaxed);
            if !access_key.is_empty() && self.failures.note(access_key, from) {
                self.counters.lockouts.fetch_add(1, Ordering::Relaxed);
                log::notice("a lockout began: too many wrong signatures or tokens from one address");
            }
        }
    }
}

fn entry(
    facts: &Facts,
    method: &Method,
    path: &str,
    status: StatusCode,
    access_key: String,
    bytes: u64,
    from: IpAddr,
) -> Entry {
    // A request whose signature is wrong is in the chain of the tenant whose key it used: that tenant must see it.
    let tenant = facts.credential.as_ref().map_or(NOBODY, |credential| &credential.tenant);
    let role = facts.credential.as_ref().filter(|_| facts.authenticated);
    let note = match (facts.locked_out, facts.authenticated) {
        (true, _) => "locked out",
        (false, true) => "",
        (false, false) => "not authenticated",
    };
    let (bucket, key) = match facts.authenticated {
        true => (facts.bucket.clone(), facts.key.clone()),
        false => path.trim_start_matches('/').split_once('/').map_or_else(
            || (cut(path.trim_start_matches('/'), 63), String::new()),
            |(bucket, key)| (cut(bucket, 63), cut(key, 1024)),
        ),
    };
    Entry {
        time: clock::text(clock::now_ms()),
        tenant: tenant.to_owned(),
        access_key: match &facts.credential {
            // An exchange names the credential that it made.
            Some(credential) if facts.operation == enrol::OPERATION => credential.access_key.clone(),
            _ => access_key,
        },
        role: role.map(|credential| credential.role.to_string()).unwrap_or_default(),
        operation: if facts.operation.is_empty() {
            cut(method.as_str(), 16)
        } else {
            facts.operation.clone()
        },
        bucket,
        key,
        status: status.as_u16(),
        bytes,
        from: from.to_string(),
        note: note.to_owned(),
        ..Entry::default()
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn content_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

fn error_response(error: S3Error) -> HttpResponse {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = HttpResponse::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// The access key a request names, whether it may or not; ours have twenty letters, and what is kept of a longer one
/// is bounded.
fn access_key(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    Some(cut(rest.split(['/', ',']).next()?.trim(), MAX_ACCESS_KEY))
}

/// Only signatures of version 4 in the header, over the host, and over every header that can make a request do
/// something else.
fn soundly_signed(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let query = uri.query().unwrap_or_default();
    let names = query.split('&').map(|part| part.split('=').next().unwrap_or_default());
    if names.clone().any(|name| name.eq_ignore_ascii_case("X-Amz-Signature") || name == "Signature") {
        return Err(Refusal::NotImplemented("presigned URLs"));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if method == Method::POST && kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(Refusal::NotImplemented("uploads from forms"));
    }
    let Some(text) = headers.get(header::AUTHORIZATION) else { return Err(Refusal::Denied) };
    let text = text.to_str().map_err(|_| Refusal::Denied)?;
    if !text.starts_with("AWS4-HMAC-SHA256") {
        return Err(Refusal::Invalid("sign with AWS4-HMAC-SHA256"));
    }
    let signed = text.split_once("SignedHeaders=").map_or("", |(_, rest)| rest);
    let signed: Vec<&str> = signed.split(',').next().unwrap_or_default().trim().split(';').collect();
    let covered = |name: &str| signed.contains(&name);
    let must = headers.keys().map(header::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    if !covered("host") || !must.into_iter().all(covered) {
        return Err(Refusal::Invalid("the signature must cover host and every x-amz- header"));
    }
    // A header that is signed as absent and present in no request would be one an intermediary may add.
    if signed.iter().any(|name| !headers.contains_key(*name)) {
        return Err(Refusal::Invalid("a signed header is missing"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn loose_signatures_and_other_ways_to_sign_are_refused_unread() {
        let v4 = "AWS4-HMAC-SHA256 Credential=AK/2026/r/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0";
        let good = [("host", "h"), ("x-amz-date", "d"), ("authorization", v4)];
        let check = |method: Method, uri: &'static str, headers: &HeaderMap| {
            soundly_signed(&method, &Uri::from_static(uri), headers).is_ok()
        };
        assert!(check(Method::PUT, "/b/k", &headers(&good)));
        assert_eq!(access_key(&headers(&good)), Some("AK".to_owned()));
        let mut long = HeaderMap::new();
        let value =
            header::HeaderValue::from_str(&format!("AWS4-HMAC-SHA256 Credential={}", "A".repeat(9000)));
        long.insert(header::AUTHORIZATION, value.unwrap());
        assert_eq!(access_key(&long).unwrap().len(), MAX_ACCESS_KEY);
        for (name, value) in [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-copy-source", "/b/k")] {
            assert!(!check(Method::PUT, "/b/k", &headers(&[&good[..], &[(name, value)]].concat())), "{name}");
        }
        assert!(!check(Method::PUT, "/b/k", &headers(&good[..2])), "anonymous");
        assert!(!check(Method::PUT, "/b/k", &headers(&[good[0], good[2]])), "a signed header is missing");
        assert!(!check(Method::GET, "/b/k?X-Amz-Signature=0", &headers(&good)));
        assert!(!check(Method::GET, "/b/k", &headers(&[("host", "h"), ("authorization", "AWS AK:sig")])));
        let form = [("content-type", "multipart/form-data; boundary=x")];
        assert!(!check(Method::POST, "/b", &headers(&[&good[..], &form].concat())));
    }
}
