//! Asks the table of roles, before a request's body is read.
//!
//! The finer acts are found in headers and query: lock headers make `+lock`, a version id on a deletion `+version`.
//! A credential bound to a bucket or prefix is refused outside it, whether anything is there or not.

use std::sync::Arc;

use http::HeaderMap;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Result, s3_error};

use super::seen::REQUEST;
use crate::vault::Refusal;
use crate::vault::metadata::credentials::Credential;
use crate::vault::roles::{Verdict, verdict};

/// The access check of every request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Table;

#[async_trait::async_trait]
impl S3Access for Table {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        let seen = REQUEST.try_with(Arc::clone).map_err(|_| s3_error!(InternalError))?;
        let operation = fine_operation(cx.s3_op().name(), cx.headers(), cx.uri().query().unwrap_or_default());
        let bucket = cx.s3_path().get_bucket_name().unwrap_or_default().to_owned();
        let key = cx.s3_path().get_object_key().unwrap_or_default().to_owned();
        let credential = {
            let mut facts = seen.facts.lock();
            facts.authenticated = true;
            facts.operation.clone_from(&operation);
            facts.bucket.clone_from(&bucket);
            facts.key.clone_from(&key);
            facts.credential.clone()
        };
        let credential = credential.ok_or_else(|| s3_error!(AccessDenied))?;
        match verdict(credential.role, &operation) {
            Verdict::Allowed => {}
            Verdict::Refused => return Err(Refusal::Denied.into()),
            Verdict::NotOffered => return Err(Refusal::NotImplemented("not offered by this vault").into()),
        }
        let is_object = cx.s3_path().as_object().is_some();
        let within = match (is_object, bucket.is_empty()) {
            (_, true) => true,
            (true, _) => credential.reaches(&bucket, &key),
            // Listings and batches name their keys elsewhere; they are checked where these are read.
            (false, _) => credential.bucket.as_deref().is_none_or(|only| only == bucket),
        };
        if !within {
            return Err(Refusal::Denied.into());
        }
        cx.extensions_mut().insert(credential);
        Ok(())
    }
}

/// The operation as the table names it.
pub fn fine_operation(name: &str, headers: &HeaderMap, query: &str) -> String {
    let locks = headers.keys().any(|header| header.as_str().starts_with("x-amz-object-lock-"));
    let version = query.split('&').any(|part| part.split('=').next() == Some("versionId"));
    match name {
        "PutObject" | "CopyObject" | "CreateMultipartUpload" if locks => format!("{name}+lock"),
        "DeleteObject" if version => "DeleteObject+version".to_owned(),
        name => name.to_owned(),
    }
}

/// The credential of a request that [`Table`] let through.
pub fn credential(extensions: &http::Extensions) -> Result<Credential, Refusal> {
    extensions.get::<Credential>().cloned().ok_or(Refusal::Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finer_acts_are_seen_in_headers_and_query() {
        let mut headers = HeaderMap::new();
        assert_eq!(fine_operation("PutObject", &headers, ""), "PutObject");
        assert_eq!(fine_operation("DeleteObject", &headers, "a=versionId"), "DeleteObject");
        assert_eq!(fine_operation("DeleteObject", &headers, "x=1&versionId=abc"), "DeleteObject+version");
        assert_eq!(fine_operation("DeleteObject", &headers, "versionId"), "DeleteObject+version");
        headers.insert("x-amz-object-lock-legal-hold", http::HeaderValue::from_static("ON"));
        assert_eq!(fine_operation("PutObject", &headers, ""), "PutObject+lock");
    }
}
