//! Requests of uploads in parts.

use std::sync::Arc;

use futures::StreamExt as _;
use s3s::dto::*;
use s3s::{S3Request, S3Response};
use sync_wrapper::SyncStream;

use super::access::credential;
use super::objects::{MAX_PUT_BYTES, copy_source, may_lock, no_legal_hold, terms, visible_id};
use super::words::{
    Answer, asked_checksums, checksum_type, etag, expected, kept_headers, kept_metadata, length, retention,
    set_checksum, timestamp, trailer, write_condition,
};
use crate::vault::clock::now_ms;
use crate::vault::label::{KeptChecksum, Label};
use crate::vault::metadata::uploads;
use crate::vault::operations::multipart::{self, Named};
use crate::vault::operations::objects::{self, checked_retention};
use crate::vault::operations::read;
use crate::vault::receive::{ALGORITHMS, Expected, receive};
use crate::vault::{Refusal, Vault};

const MAX_ROWS: i32 = 1000;

pub async fn create(
    vault: &Vault,
    req: S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let owner = credential(&req.extensions)?;
    let headers = kept_headers(&req.headers)?;
    let input = req.input;
    no_legal_hold(input.object_lock_legal_hold_status.as_ref())?;
    let mode = input.object_lock_mode.as_ref().map(ObjectLockMode::as_str);
    let until = retention(mode, input.object_lock_retain_until_date.clone())?;
    may_lock(owner.role, "CreateMultipartUpload", until)?;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    checked_retention(&bucket, until, now_ms())?;
    let checksum = match input.checksum_algorithm.as_ref() {
        None => None,
        Some(asked) => Some(draft_checksum(asked.as_str(), input.checksum_type.as_ref())?),
    };
    let draft = Label {
        key: input.key.clone(),
        headers,
        metadata: kept_metadata(input.metadata)?,
        retain_until_ms: until,
        checksum: checksum.clone(),
        ..Label::default()
    };
    let upload = multipart::create(vault, &bucket, draft).await?;
    let output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: checksum.as_ref().map(checksum_type),
        ..CreateMultipartUploadOutput::default()
    };
    Ok(S3Response::new(output))
}

/// CRC64NVME always covers the whole object, SHA never does; the CRCs of 32 bits may do either.
fn draft_checksum(algorithm: &str, kind: Option<&ChecksumType>) -> Result<KeptChecksum, Refusal> {
    let known = ALGORITHMS.into_iter().find(|known| known.eq_ignore_ascii_case(algorithm));
    let algorithm = known.ok_or(Refusal::Invalid("unknown checksum algorithm"))?.to_owned();
    let composite = match kind.map(ChecksumType::as_str) {
        None => algorithm != "CRC64NVME",
        Some(ChecksumType::COMPOSITE) => true,
        Some(_) => false,
    };
    if (composite && algorithm == "CRC64NVME") || (!composite && algorithm.starts_with("SHA")) {
        return Err(Refusal::Invalid("this checksum has no such type"));
    }
    Ok(KeptChecksum { algorithm, value: String::new(), composite })
}

pub async fn put_part(vault: &Arc<Vault>, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let upload = find(vault, bucket.id, &input.key, &input.upload_id).await?;
    let kept = upload.draft.checksum.map(|kept| kept.algorithm);
    let asked = input.checksum_algorithm.as_ref().map(|asked| asked.as_str().to_owned()).or(kept);
    let expected = expected(
        Some(input.content_length.ok_or(Refusal::MissingLength)?),
        input.content_md5.as_deref(),
        asked_checksums!(input),
        asked.as_deref(),
        &req.headers,
    )?;
    let received = receive(vault, input.body, expected, MAX_PUT_BYTES, trailer(req.trailing_headers)).await?;
    let part = multipart::put_part(vault, &bucket, &input.key, &input.upload_id, input.part_number, received)
        .await?;
    let mut output = UploadPartOutput { e_tag: Some(etag(&part.etag)), ..UploadPartOutput::default() };
    set_checksum!(output, &part.checksum);
    Ok(S3Response::new(output))
}

pub async fn copy_part(
    vault: &Arc<Vault>,
    req: S3Request<UploadPartCopyInput>,
) -> Answer<UploadPartCopyOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let upload = find(vault, bucket.id, &input.key, &input.upload_id).await?;
    let source = copy_source(vault, &owner, &input.copy_source).await?;
    let bytes = source.label.bytes;
    let range = match input.copy_source_range {
        None => 0..bytes,
        Some(text) => {
            let range = Range::parse(&text).map_err(|_| Refusal::Invalid("the range cannot be read"))?;
            range.check(bytes).map_err(|_| Refusal::InvalidRange)?
        }
    };
    let kept = upload
        .draft
        .checksum
        .and_then(|kept| ALGORITHMS.into_iter().find(|algorithm| *algorithm == kept.algorithm));
    let expected = Expected {
        bytes: Some(range.end - range.start),
        md5: None,
        checksums: kept.map(|algorithm| (algorithm, None)).into_iter().collect(),
    };
    let body = read::stream(vault, &source, range).await?;
    let body = StreamingBlob::wrap(SyncStream::new(body.boxed()));
    let received = receive(vault, Some(body), expected, MAX_PUT_BYTES, trailer(None)).await?;
    let part = multipart::put_part(vault, &bucket, &input.key, &input.upload_id, input.part_number, received)
        .await?;
    let mut result = CopyPartResult {
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(timestamp(part.stored_ms)),
        ..CopyPartResult::default()
    };
    set_checksum!(result, &part.checksum);
    let output = UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: visible_id(&source),
        ..UploadPartCopyOutput::default()
    };
    Ok(S3Response::new(output))
}

pub async fn complete(
    vault: &Arc<Vault>,
    req: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let terms = terms(owner.role, write_condition(input.if_match.clone(), input.if_none_match.clone())?);
    let parts = input.multipart_upload.clone().and_then(|upload| upload.parts).unwrap_or_default();
    let mut named = Vec::with_capacity(parts.len());
    for part in parts {
        let etag = part.e_tag.ok_or(Refusal::InvalidPart)?.value().to_owned();
        named.push(Named { number: part.part_number.ok_or(Refusal::InvalidPart)?, etag });
    }
    let asked = asked_checksums!(input);
    let version =
        multipart::complete(vault, &bucket, &input.key, &input.upload_id, named, terms, asked).await?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, super::words::url_encoded(&input.key))),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag(&version.label.etag)),
        version_id: visible_id(&version),
        checksum_type: version.label.checksum.as_ref().map(checksum_type),
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksum!(output, &version.label.checksum);
    Ok(S3Response::new(output))
}

pub async fn abort(
    vault: &Arc<Vault>,
    req: S3Request<AbortMultipartUploadInput>,
) -> Answer<AbortMultipartUploadOutput> {
    let owner = credential(&req.extensions)?;
    let bucket = objects::bucket(vault, &owner.tenant, &req.input.bucket).await?;
    multipart::abort(vault, &bucket, &req.input.key, &req.input.upload_id).await?;
    Ok(S3Response::with_status(AbortMultipartUploadOutput::default(), http::StatusCode::NO_CONTENT))
}

async fn find(vault: &Vault, bucket: i64, key: &str, id: &str) -> Result<uploads::Upload, Refusal> {
    let (key, id) = (key.to_owned(), id.to_owned());
    vault.metadata.read(move |c| uploads::find(c, bucket, &key, &id)).await
}

fn rows(asked: Option<i32>) -> Result<usize, Refusal> {
    let asked = asked.unwrap_or(MAX_ROWS).min(MAX_ROWS);
    usize::try_from(asked).map_err(|_| Refusal::Invalid("a number of rows is negative"))
}

pub async fn parts(vault: &Vault, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    find(vault, bucket.id, &input.key, &input.upload_id).await?;
    let (id, most) = (input.upload_id.clone(), rows(input.max_parts)?);
    let after = input.part_number_marker.unwrap_or(0);
    let mut found = vault.metadata.read(move |c| uploads::parts(c, &id, after, most + 1)).await?;
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().map(|(number, _)| *number).filter(|_| more);
    let parts = found.into_iter().map(|(number, label)| {
        let mut part = Part {
            part_number: Some(number),
            e_tag: Some(etag(&label.etag)),
            size: Some(length(label.bytes)),
            last_modified: Some(timestamp(label.stored_ms)),
            ..Part::default()
        };
        set_checksum!(part, &label.checksum);
        part
    });
    let output = ListPartsOutput {
        parts: Some(parts.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(more),
        next_part_number_marker: next,
        part_number_marker: Some(after),
        max_parts: i32::try_from(most).ok(),
        ..ListPartsOutput::default()
    };
    Ok(S3Response::new(output))
}

pub async fn list(
    vault: &Vault,
    req: S3Request<ListMultipartUploadsInput>,
) -> Answer<ListMultipartUploadsOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let prefix = input.prefix.clone().unwrap_or_default();
    if !prefix.starts_with(&owner.prefix) {
        return Err(Refusal::Denied);
    }
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(Refusal::NotImplemented("uploads listed with a delimiter"));
    }
    let bucket = objects::bucket(vault, &owner.tenant, &input.bucket).await?;
    let most = rows(input.max_uploads)?;
    let key = input.key_marker.clone().unwrap_or_default();
    let id = input.upload_id_marker.clone();
    let found = vault.metadata.read(move |c| {
        // Without an upload id, all uploads of that key have been seen.
        let id = id.as_deref().unwrap_or("~");
        uploads::list(c, bucket.id, &prefix, uploads::UploadMark { key: &key, id }, most + 1)
    });
    let mut found = found.await?;
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|upload| (upload.key.clone(), upload.id.clone()));
    let (next_key, next_id) = next.unzip();
    let uploads = found.into_iter().map(|upload| MultipartUpload {
        initiated: Some(timestamp(upload.created_ms)),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        ..MultipartUpload::default()
    });
    let output = ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        is_truncated: Some(more),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        max_uploads: i32::try_from(most).ok(),
        ..ListMultipartUploadsOutput::default()
    };
    Ok(S3Response::new(output))
}
