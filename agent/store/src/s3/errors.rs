//! What an SDK error means to a caller.
//!
//! For: mapping service codes, HTTP statuses and connection failures to [`ErrorKind`]. Never: passes on a
//! message of the server's (it may quote a header) or anything of the request.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::obstacle::{Obstacle, causes, deepest_cause};
use crate::{ErrorKind, StoreError};

/// The HTTP status of the answer, when there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Maps an SDK error.
pub(super) fn store_error<E: ProvideErrorMetadata>(
    operation: &'static str,
    target: impl ToString,
    error: &SdkError<E, HttpResponse>,
) -> StoreError {
    let (kind, detail) = match error {
        SdkError::TimeoutError(_) => (ErrorKind::Unreachable, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error();
            if let Some(obstacle) = cause.and_then(|cause| Obstacle::among(causes(cause))) {
                return obstacle.said(operation);
            }
            let cause = cause.map(|cause| deepest_cause(cause)).unwrap_or_default();
            (ErrorKind::Unreachable, format!("no connection: {cause}"))
        }
        SdkError::ConstructionFailure(_) => (ErrorKind::Invalid, "the request could not be built".to_owned()),
        _ => {
            let status = status(error).unwrap_or_default();
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
            match is_anothers(operation, status, code, error.raw_response()) {
                true => (ErrorKind::Unreachable, format!("an answer that is not the store's ({status})")),
                false => (kind_of(status, code), describe(status, code)),
            }
        }
    };
    StoreError::new(kind, operation, target, detail)
}

/// Whether the server refused because an object is under retention. Hosts answer 403 AccessDenied for
/// this as for missing rights; only the message tells, and it is read here and nowhere shown.
pub(super) fn speaks_of_retention<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let Some(service) = error.as_service_error() else { return false };
    let text = service.message().unwrap_or_default().to_ascii_lowercase();
    let code = service.code().unwrap_or_default();
    ["object lock", "worm", "retention", "legal hold", "compliance"].iter().any(|word| text.contains(word))
        || matches!(code, "ObjectLocked" | "InvalidRetentionPeriod")
}

/// A body that broke off.
pub(super) fn body_error(target: impl ToString, error: &ByteStreamError) -> StoreError {
    let detail = format!("the answer broke off: {}", deepest_cause(error));
    StoreError::new(ErrorKind::Unreachable, "get", target, detail)
}

/// Whether somebody on the way has answered in the place of the store: a portal that wants a login, a proxy, another program at
/// that address. S3 says with a code what it refuses or does not have; only to a HEAD it cannot, and there a proxy that has pages of
/// its own for errors is told from nobody: what it says of one object is taken as it is.
fn is_anothers(operation: &str, status: u16, code: &str, response: Option<&HttpResponse>) -> bool {
    let headers = || response.iter().flat_map(|response| response.headers().iter());
    let is_page = headers().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("text/html")
    });
    let is_page = is_page && !headers().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-"));
    match (status, operation) {
        (401 | 403, _) => is_page && code.is_empty(),
        // The SDK has a code of its own for an answer without a body.
        (404, "head") => false,
        (404, _) => code.is_empty(),
        _ => false,
    }
}

fn describe(status: u16, code: &str) -> String {
    // Codes are single words; anything else is not a code and stays out.
    let word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match (word && !code.is_empty(), status) {
        (true, _) => format!("the server answered {code} ({status})"),
        (false, 0) => "the server's answer was not understood".to_owned(),
        (false, _) => format!("the server answered {status}"),
    }
}

fn kind_of(status: u16, code: &str) -> ErrorKind {
    match code {
        "NoSuchBucket" => return ErrorKind::NoBucket,
        "NoSuchKey" | "NoSuchVersion" | "NotFound" => return ErrorKind::NotFound,
        "AccessDenied"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "RequestTimeTooSkewed"
        | "AuthorizationHeaderMalformed" => return ErrorKind::Denied,
        "InsufficientStorage" | "QuotaExceeded" | "XMinioStorageFull" | "StorageFull" | "EntityTooMuch" => {
            return ErrorKind::Full;
        }
        "SlowDown"
        | "ServiceUnavailable"
        | "InternalError"
        | "RequestTimeout"
        | "OperationAborted"
        | "ConditionalRequestConflict"
        | "Throttling"
        | "TooManyRequests" => return ErrorKind::Unreachable,
        "NotImplemented" | "MethodNotAllowed" => return ErrorKind::Unsupported,
        _ if code.contains("Digest") || code.contains("Checksum") || code.contains("SHA256Mismatch") => {
            return ErrorKind::Corrupt;
        }
        _ => {}
    }
    match status {
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        408 | 409 | 425 | 429 => ErrorKind::Unreachable,
        405 | 501 => ErrorKind::Unsupported,
        507 => ErrorKind::Full,
        500..=599 => ErrorKind::Unreachable,
        300..=499 => ErrorKind::Invalid,
        // An answer cut short or not S3 at all.
        _ => ErrorKind::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    #[test]
    fn codes_come_before_statuses() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", ErrorKind::NoBucket),
            (404, "", ErrorKind::NotFound),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied),
            (400, "XAmzContentSHA256Mismatch", ErrorKind::Corrupt),
            (400, "BadDigest", ErrorKind::Corrupt),
            (400, "RequestTimeout", ErrorKind::Unreachable),
            (400, "InvalidArgument", ErrorKind::Invalid),
            (403, "QuotaExceeded", ErrorKind::Full),
            (409, "ConditionalRequestConflict", ErrorKind::Unreachable),
            (501, "NotImplemented", ErrorKind::Unsupported),
            (503, "SlowDown", ErrorKind::Unreachable),
            (507, "", ErrorKind::Full),
            (301, "PermanentRedirect", ErrorKind::Invalid),
        ] {
            assert_eq!(kind_of(status, code), kind, "{status} {code}");
        }
    }

    #[test]
    fn what_somebody_else_answers_says_nothing_of_an_object() {
        let page = |name: &'static str, value: &'static str| {
            let mut answer = HttpResponse::new(404.try_into().unwrap(), SdkBody::empty());
            answer.headers_mut().insert(name, value);
            answer
        };
        let html = page("content-type", "text/html; charset=utf-8");
        let xml = page("content-type", "application/xml");
        for (operation, status, code, answer, is) in [
            ("list", 404, "", &html, true),
            ("get", 404, "", &xml, true),
            ("get", 404, "NoSuchKey", &xml, false),
            ("open", 404, "NoSuchBucket", &xml, false),
            ("head", 404, "NotFound", &html, false),
            ("head", 404, "NotFound", &xml, false),
            ("list", 403, "", &html, true),
            ("list", 403, "AccessDenied", &html, false),
            ("head", 403, "", &xml, false),
        ] {
            let told = is_anothers(operation, status, code, Some(answer));
            assert_eq!(told, is, "{operation} {status} {code}");
        }
    }

    #[test]
    fn only_words_are_shown() {
        assert_eq!(describe(403, "AccessDenied"), "the server answered AccessDenied (403)");
        assert_eq!(describe(403, "AKID secret!"), "the server answered 403");
    }
}
