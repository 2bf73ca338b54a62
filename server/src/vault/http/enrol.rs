//! The exchange of an enrolment token for a credential: `POST /.well-known/scelle-enrolment`.
//!
//! Described in `VAULT.md`, so that any host may offer it. No bucket's name begins with a dot: the path is nobody's
//! object. The answer says where to store and with which credential, and nothing about keys that seal. Never: a token or
//! a secret in the trace or a log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use s3s::{Body, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::auth::Failures;
use super::seen::Facts;
use crate::vault::clock::now_ms;
use crate::vault::metadata::enrolments;
use crate::vault::{Refusal, Vault};

/// Where tokens are exchanged.
pub const PATH: &str = "/.well-known/scelle-enrolment";
/// Name of the operation in the trace.
pub const OPERATION: &str = "Enrol";
const MAX_BODY_BYTES: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Asked {
    token: Zeroizing<String>,
}

/// Whether a request asks for an exchange.
pub fn is_it(request: &HttpRequest) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Exchanges. What became known is put into `facts`, for the trace.
pub async fn answer(
    vault: &Arc<Vault>,
    failures: &Failures,
    request: HttpRequest,
    from: IpAddr,
    facts: &parking_lot::Mutex<Facts>,
) -> HttpResponse {
    facts.lock().operation = OPERATION.to_owned();
    // Read first: an answer to what is still being sent is lost on the way.
    let token = asked(request).await;
    if failures.locked_out(OPERATION, from) {
        facts.lock().locked_out = true;
        return refused(StatusCode::FORBIDDEN);
    }
    let Some(token) = token else { return refused(StatusCode::BAD_REQUEST) };
    let keeper = Arc::clone(vault);
    let exchanged =
        vault.metadata.write(move |c| enrolments::exchange(c, &keeper.seal, &token, now_ms())).await;
    match exchanged {
        Ok((offer, credential, secret)) => {
            let document = Zeroizing::new(
                json!({
                    "endpoint": offer.endpoint,
                    "region": offer.region,
                    "bucket": offer.bucket,
                    "prefix": offer.prefix,
                    "access_key": credential.access_key,
                    "secret_key": *secret,
                })
                .to_string(),
            );
            let mut facts = facts.lock();
            (facts.authenticated, facts.bucket) = (true, offer.bucket);
            facts.credential = Some(credential);
            let mut response = HttpResponse::new(Body::from((*document).clone()));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
            headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
            response
        }
        Err(Refusal::Denied) => refused(StatusCode::FORBIDDEN),
        Err(_) => refused(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn asked(request: HttpRequest) -> Option<Zeroizing<String>> {
    let mut body = request.into_body();
    let body = tokio::time::timeout(PATIENCE, body.store_all_limited(MAX_BODY_BYTES)).await.ok()?.ok()?;
    let asked: Asked = serde_json::from_slice(&body).ok()?;
    Some(asked.token)
}

fn refused(status: StatusCode) -> HttpResponse {
    let mut response = HttpResponse::new(Body::empty());
    *response.status_mut() = status;
    response
}
