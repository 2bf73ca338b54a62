//! The access trace for a tenant's auditor: `GET /?scelle-trace&after=N&format=jsonl|csv|syslog`.
//!
//! Signed like any S3 request. Only lines of the auditor's own tenant, at most [`MAX_LINES`] a time; go on after the
//! last number. The header `x-scelle-trace-last` gives that number.

use std::sync::Arc;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{Extensions, HeaderMap, Method, Uri};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::seen::REQUEST;
use crate::vault::keys::TraceKey;
use crate::vault::roles::{Verdict, verdict};
use crate::vault::trace::entry::{CSV_HEADER, csv_row, syslog_row};
use crate::vault::trace::verify::export;
use crate::vault::{Refusal, Vault};

/// Lines of one answer.
const MAX_LINES: usize = 10_000;
/// Name of the operation in the table of roles.
const OPERATION: &str = "ReadTrace";

/// The route.
#[derive(Clone, Debug)]
pub struct TraceRoute {
    pub vault: Arc<Vault>,
}

#[async_trait::async_trait]
impl S3Route for TraceRoute {
    fn is_match(&self, method: &Method, uri: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        method == Method::GET && uri.path() == "/" && parameter(uri, "scelle-trace").is_some()
    }

    async fn check_access(&self, req: &mut S3Request<Body>) -> S3Result<()> {
        if req.credentials.is_none() {
            return Err(s3_error!(AccessDenied));
        }
        let seen = REQUEST.try_with(Arc::clone).map_err(|_| s3_error!(InternalError))?;
        let mut facts = seen.facts.lock();
        facts.authenticated = true;
        facts.operation = OPERATION.to_owned();
        let credential = facts.credential.clone().ok_or_else(|| s3_error!(AccessDenied))?;
        if verdict(credential.role, OPERATION) != Verdict::Allowed {
            return Err(Refusal::Denied.into());
        }
        req.extensions.insert(credential);
        Ok(())
    }

    async fn call(&self, req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let credential = super::access::credential(&req.extensions)?;
        let after = parameter(&req.uri, "after").unwrap_or("0");
        let after: u64 = after.parse().map_err(|_| Refusal::Invalid("after is a number"))?;
        let format = parameter(&req.uri, "format").unwrap_or("jsonl").to_owned();
        if !matches!(format.as_str(), "jsonl" | "csv" | "syslog") {
            return Err(Refusal::Invalid("format is jsonl, csv or syslog").into());
        }
        let vault = Arc::clone(&self.vault);
        let read = tokio::task::spawn_blocking(move || {
            let public = TraceKey::open(vault.folder.path())?.public();
            let folder = vault.trace.folder().join(&credential.tenant);
            let mut text = String::from(if format == "csv" { CSV_HEADER } else { "" });
            let (mut lines, mut last) = (0, after);
            export(&folder, &public, after, |line, raw| {
                match format.as_str() {
                    "csv" => text.push_str(&csv_row(line)),
                    "syslog" => text.push_str(&syslog_row(line, raw)),
                    _ => text.extend([raw, "\n"]),
                }
                (lines, last) = (lines + 1, line.entry.sequence);
                Ok(lines < MAX_LINES)
            })?;
            Ok::<_, std::io::Error>((text, last))
        });
        let (text, last) = read.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::from)?;
        let mut answer = S3Response::new(Body::from(text));
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer.headers.insert("x-scelle-trace-last", HeaderValue::from(last));
        Ok(answer)
    }
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut parts =
        uri.query().unwrap_or_default().split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    parts.find(|(key, _)| *key == name).map(|(_, value)| value)
}
