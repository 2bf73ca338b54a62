//! Object requests.

use std::sync::Arc;

use futures::StreamExt as _;
use s3s::dto::*;
use s3s::{S3Request, S3Response};
use sync_wrapper::SyncStream;

use super::access::credential;
use super::words::{
    Answer, asked_checksums, checksum_type, etag, expected, kept_headers, kept_metadata, length, ms,
    retention, set_checksum, timestamp, trailer, write_condition,
};
use crate::vault::clock::now_ms;
use crate::vault::metadata::versions::{Condition, Terms, Version};
use crate::vault::operations::objects::{self, About, checked_retention};
use crate::vault::operations::read;
use crate::vault::receive::{Received, receive};
use crate::vault::roles::{Role, Verdict, verdict};
use crate::vault::{Refusal, Vault};

/// S3's limit of one put.
pub const MAX_PUT_BYTES: u64 = 5 << 30;
/// S3's limit of a batch deletion.
const MAX_BATCH: usize = 1000;

/// Lock headers are asked for again once they are parsed: the table's `+lock` must not hang on how they were spelled.
pub fn may_lock(role: Role, operation: &str, asked: Option<i64>) -> Result<(), Refusal> {
    match asked {
        Some(_) if verdict(role, &format!("{operation}+lock")) != Verdict::Allowed => Err(Refusal::Denied),
        _ => Ok(()),
    }
}

/// Legal hold is not offered; `OFF` is what everything is.
pub fn no_legal_hold(asked: Option<&ObjectLockLegalHoldStatus>) -> Result<(), Refusal> {
    match asked.map(ObjectLockLegalHoldStatus::as_str) {
        Some(ObjectLockLegalHoldStatus::ON) => Err(Refusal::NotImplemented("legal hold")),
        _ => Ok(()),
    }
}

pub async fn put(vault: &Arc<Vault>, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    let headers = kept_headers(&req.headers)?;
    let input = req.input;
    no_legal_hold(input.object_lock_legal_hold_status.as_ref())?;
    let mode = input.object_lock_mode.as_ref().map(ObjectLockMode::as_str);
    let until = retention(mode, input.object_lock_retain_until_date.clone())?;
    may_lock(owner.role, "PutObject", until)?;
    checked_retention(&bucket, until, now_ms())?;
    let terms = terms(owner.role, write_condition(input.if_match.clone(), input.if_none_match.clone())?);
    let bytes = input.content_length.ok_or(Refusal::MissingLength)?;
    let asked = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let expected =
        expected(Some(bytes), input.content_md5.as_deref(), asked_checksums!(input), asked, &req.headers)?;
    let about = About { headers, metadata: kept_metadata(input.metadata)?, retain_until_ms: until };
    let received = receive(vault, input.body, expected, MAX_PUT_BYTES, trailer(req.trailing_headers)).await?;
    let version = objects::store(vault, &bucket, &input.key, received, about, terms).await?;
    let mut output = PutObjectOutput {
        e_tag: Some(etag(&version.label.etag)),
        version_id: visible_id(&version),
        checksum_type: version.label.checksum.as_ref().map(checksum_type),
        ..PutObjectOutput::default()
    };
    set_checksum!(output, &version.label.checksum);
    Ok(S3Response::new(output))
}

/// What a write of this role may do, beside what the client asked.
pub fn terms(role: Role, condition: Condition) -> Terms {
    Terms { condition, replaces_nothing: verdict(role, "PutObject+replace") != Verdict::Allowed }
}

/// Buckets without versions do not speak of them.
pub fn visible_id(version: &Version) -> Option<String> {
    (!version.is_null).then(|| version.id().to_owned())
}

/// Conditions of a read, in the order of RFC 9110; `Some` is the answer without a body.
fn read_condition(
    version: &Version,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    modified_since: Option<Timestamp>,
    unmodified_since: Option<Timestamp>,
) -> Result<(), Refusal> {
    let is_it = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == version.label.etag,
    };
    // Dates in headers have whole seconds.
    let stored = version.label.stored_ms / 1000;
    let (modified_since, unmodified_since) = (modified_since.map(ms), unmodified_since.map(ms));
    match (&if_match, unmodified_since) {
        (Some(condition), _) if !is_it(condition) => return Err(Refusal::PreconditionFailed),
        (None, Some(limit)) if stored > limit / 1000 => return Err(Refusal::PreconditionFailed),
        _ => {}
    }
    match (&if_none_match, modified_since) {
        (Some(condition), _) if is_it(condition) => Err(Refusal::NotModified),
        (None, Some(limit)) if stored <= limit / 1000 => Err(Refusal::NotModified),
        _ => Ok(()),
    }
}

pub async fn head(vault: &Vault, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let version = read::find(vault, &bucket, &input.key, input.version_id.clone()).await?;
    if version.is_marker() {
        return Err(Refusal::IsDeleteMarker);
    }
    if version.is_damaged {
        return Err(Refusal::Damaged);
    }
    read_condition(
        &version,
        input.if_match,
        input.if_none_match,
        input.if_modified_since,
        input.if_unmodified_since,
    )?;
    let label = &version.label;
    let (mut bytes, mut content_range) = (label.bytes, None);
    if let Some(range) = input.range {
        let range = range.check(label.bytes).map_err(|_| Refusal::InvalidRange)?;
        content_range = Some(format!("bytes {}-{}/{}", range.start, range.end - 1, label.bytes));
        bytes = range.end - range.start;
    }
    let kept = label.checksum.as_ref();
    let kept = kept.filter(|_| content_range.is_none() && is_enabled(input.checksum_mode.as_ref()));
    let status =
        if content_range.is_some() { http::StatusCode::PARTIAL_CONTENT } else { http::StatusCode::OK };
    let mut output = HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(length(bytes)),
        content_range,
        e_tag: Some(etag(&label.etag)),
        last_modified: Some(timestamp(label.stored_ms)),
        version_id: visible_id(&version),
        object_lock_mode: version.retain_until_ms.map(|_| compliance()),
        object_lock_retain_until_date: version.retain_until_ms.map(timestamp),
        checksum_type: kept.map(checksum_type),
        metadata: Some(label.metadata.clone().into_iter().collect()),
        ..HeadObjectOutput::default()
    };
    set_checksum!(output, kept);
    let mut response = S3Response::with_status(output, status);
    keep_headers(&mut response.headers, &version);
    Ok(response)
}

pub async fn get(vault: &Arc<Vault>, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    if input.part_number.is_some() {
        return Err(Refusal::NotImplemented("reading one part by its number"));
    }
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let version = read::find(vault, &bucket, &input.key, input.version_id.clone()).await?;
    if version.is_marker() {
        return Err(Refusal::IsDeleteMarker);
    }
    read_condition(
        &version,
        input.if_match,
        input.if_none_match,
        input.if_modified_since,
        input.if_unmodified_since,
    )?;
    let label = &version.label;
    let (mut range, mut content_range) = (0..label.bytes, None);
    if let Some(asked) = input.range {
        range = asked.check(label.bytes).map_err(|_| Refusal::InvalidRange)?;
        content_range = Some(format!("bytes {}-{}/{}", range.start, range.end - 1, label.bytes));
    }
    let kept = label.checksum.as_ref();
    let kept = kept.filter(|_| content_range.is_none() && is_enabled(input.checksum_mode.as_ref()));
    let status =
        if content_range.is_some() { http::StatusCode::PARTIAL_CONTENT } else { http::StatusCode::OK };
    let bytes = range.end - range.start;
    let body = read::stream(vault, &version, range).await?;
    let mut output = GetObjectOutput {
        body: Some(StreamingBlob::wrap(SyncStream::new(body.boxed()))),
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(length(bytes)),
        content_range,
        e_tag: Some(etag(&label.etag)),
        last_modified: Some(timestamp(label.stored_ms)),
        version_id: visible_id(&version),
        object_lock_mode: version.retain_until_ms.map(|_| compliance()),
        object_lock_retain_until_date: version.retain_until_ms.map(timestamp),
        checksum_type: kept.map(checksum_type),
        metadata: Some(label.metadata.clone().into_iter().collect()),
        ..GetObjectOutput::default()
    };
    set_checksum!(output, kept);
    let mut response = S3Response::with_status(output, status);
    keep_headers(&mut response.headers, &version);
    Ok(response)
}

fn is_enabled(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn compliance() -> ObjectLockMode {
    ObjectLockMode::from_static(ObjectLockMode::COMPLIANCE)
}

/// Headers kept with the object, as they came.
fn keep_headers(headers: &mut http::HeaderMap, version: &Version) {
    let kept = &version.label.headers;
    for (name, value) in kept {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value))
        {
            headers.insert(name, value);
        }
    }
    if !kept.contains_key("content-type") {
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("binary/octet-stream"));
    }
}

pub async fn delete(vault: &Arc<Vault>, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    if input.version_id.is_some() && verdict(owner.role, "DeleteObject+version") != Verdict::Allowed {
        return Err(Refusal::Denied);
    }
    if input.if_match.is_some() {
        return Err(Refusal::NotImplemented("a conditional deletion"));
    }
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let deleted = objects::delete(vault, &bucket, &input.key, input.version_id).await?;
    let output = DeleteObjectOutput {
        delete_marker: deleted.marker.then_some(true),
        version_id: deleted.version_id,
        ..DeleteObjectOutput::default()
    };
    Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
}

/// Each key is asked for on its own: a batch may do nothing its single deletions may not.
pub async fn delete_batch(
    vault: &Arc<Vault>,
    req: S3Request<DeleteObjectsInput>,
) -> Answer<DeleteObjectsOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    if input.delete.objects.len() > MAX_BATCH {
        return Err(Refusal::Invalid("a batch deletes 1000 keys at most"));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        let (key, asked) = (object.key, object.version_id);
        let operation = if asked.is_some() { "DeleteObject+version" } else { "DeleteObject" };
        let may = verdict(owner.role, operation) == Verdict::Allowed && owner.reaches(&bucket.name, &key);
        let outcome = match may {
            true => objects::delete(vault, &bucket, &key, asked.clone()).await,
            false => Err(Refusal::Denied),
        };
        match outcome {
            Ok(done) => deleted.push(DeletedObject {
                delete_marker: done.marker.then_some(true),
                delete_marker_version_id: done.version_id.filter(|_| done.marker),
                key: Some(key),
                version_id: asked,
            }),
            Err(refusal) => {
                let error = s3s::S3Error::from(refusal);
                errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(key),
                    message: error.message().map(str::to_owned),
                    version_id: asked,
                });
            }
        }
    }
    let quiet = input.delete.quiet == Some(true);
    let deleted = if quiet { Vec::new() } else { deleted };
    let output = DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    };
    Ok(S3Response::new(output))
}

/// A copy is read and stored again: two versions never share a blob.
pub async fn copy(vault: &Arc<Vault>, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
    let owner = credential(&req.extensions)?;
    let headers = kept_headers(&req.headers)?;
    let input = req.input;
    no_legal_hold(input.object_lock_legal_hold_status.as_ref())?;
    let mode = input.object_lock_mode.as_ref().map(ObjectLockMode::as_str);
    let until = retention(mode, input.object_lock_retain_until_date.clone())?;
    may_lock(owner.role, "CopyObject", until)?;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    checked_retention(&bucket, until, now_ms())?;
    let source = copy_source(vault, &owner, &input.copy_source).await?;
    read_condition(
        &source,
        input.copy_source_if_match,
        input.copy_source_if_none_match,
        input.copy_source_if_modified_since,
        input.copy_source_if_unmodified_since,
    )
    .map_err(|_| Refusal::PreconditionFailed)?;
    let replace =
        input.metadata_directive.as_ref().map(MetadataDirective::as_str) == Some(MetadataDirective::REPLACE);
    let about = match replace {
        true => About { headers, metadata: kept_metadata(input.metadata)?, retain_until_ms: until },
        false => About {
            headers: source.label.headers.clone(),
            metadata: source.label.metadata.clone(),
            retain_until_ms: until,
        },
    };
    let received = received_again(vault, &source, input.checksum_algorithm.as_ref()).await?;
    let terms = terms(owner.role, Condition::None);
    let version = objects::store(vault, &bucket, &input.key, received, about, terms).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(etag(&version.label.etag)),
        last_modified: Some(timestamp(version.label.stored_ms)),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, &version.label.checksum);
    let output = CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: visible_id(&source),
        version_id: visible_id(&version),
        ..CopyObjectOutput::default()
    };
    Ok(S3Response::new(output))
}

/// Receives the body of a version as if it were sent, with the checksum that is asked for, or that it had.
async fn received_again(
    vault: &Arc<Vault>,
    source: &Version,
    algorithm: Option<&ChecksumAlgorithm>,
) -> Result<Received, Refusal> {
    let kept = source.label.checksum.as_ref().map(|kept| kept.algorithm.clone());
    let asked = algorithm.map(|asked| asked.as_str().to_owned()).or(kept);
    let expected = expected(
        Some(length(source.label.bytes)),
        None,
        Vec::new(),
        asked.as_deref(),
        &http::HeaderMap::new(),
    )?;
    let body = read::stream(vault, source, 0..source.label.bytes).await?;
    let body = StreamingBlob::wrap(SyncStream::new(body.boxed()));
    receive(vault, Some(body), expected, MAX_PUT_BYTES, trailer(None)).await
}

/// Finds the source of a copy; it must be within the credential's reach as well.
pub async fn copy_source(
    vault: &Vault,
    owner: &crate::vault::metadata::credentials::Credential,
    source: &CopySource,
) -> Result<Version, Refusal> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(Refusal::NotImplemented("copies from access points"));
    };
    if !owner.reaches(bucket, key) || verdict(owner.role, "GetObject") != Verdict::Allowed {
        return Err(Refusal::Denied);
    }
    let bucket = objects::bucket(vault, &owner.tenant, bucket).await?;
    let version = read::find(vault, &bucket, key, version_id.as_ref().map(ToString::to_string)).await?;
    if version.is_marker() { Err(Refusal::IsDeleteMarker) } else { Ok(version) }
}
