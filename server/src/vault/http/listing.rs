//! Listing requests, both generations and versions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::access::credential;
use super::words::{Answer, etag, length, timestamp, url_encoded};
use crate::vault::metadata::credentials::Credential;
use crate::vault::metadata::listing::{Page, Query, Row, page};
use crate::vault::metadata::versions::Version;
use crate::vault::operations::objects;
use crate::vault::{Refusal, Vault};

const MAX_ROWS: i32 = 1000;

/// Runs a listing for a credential: only below its prefix.
async fn listed(vault: &Vault, owner: &Credential, bucket: &str, mut query: Query) -> Result<Page, Refusal> {
    if !query.prefix.starts_with(&owner.prefix) {
        return Err(Refusal::Denied);
    }
    query.bucket = objects::bucket(vault, &owner.tenant, bucket).await?.id;
    if query.rows == 0 {
        return Ok(Page::default());
    }
    vault.metadata.read(move |c| page(c, &query)).await
}

fn rows(asked: Option<i32>) -> Result<usize, Refusal> {
    let asked = asked.unwrap_or(MAX_ROWS).min(MAX_ROWS);
    usize::try_from(asked).map_err(|_| Refusal::Invalid("max-keys is negative"))
}

/// The last row as the place to go on from.
fn last(page: &Page) -> Option<String> {
    page.rows.last().map(|row| match row {
        Row::Version(version) => version.label.key.clone(),
        Row::Common(common) => common.clone(),
    })
}

/// Keys as they are, or percent-encoded when the client asked.
struct Encoding(Option<EncodingType>);

impl Encoding {
    fn text(&self, text: String) -> String {
        match self.0.as_ref().map(EncodingType::as_str) {
            Some(EncodingType::URL) => url_encoded(&text),
            _ => text,
        }
    }

    fn split(&self, page: Page) -> (Vec<Version>, Vec<CommonPrefix>) {
        let (mut versions, mut common) = (Vec::new(), Vec::new());
        for row in page.rows {
            match row {
                Row::Version(version) => versions.push(*version),
                Row::Common(prefix) => common.push(CommonPrefix { prefix: Some(self.text(prefix)) }),
            }
        }
        (versions, common)
    }

    fn objects(&self, versions: Vec<Version>) -> Vec<Object> {
        let object = |version: Version| Object {
            e_tag: Some(etag(&version.label.etag)),
            last_modified: Some(timestamp(version.label.stored_ms)),
            size: Some(length(version.label.bytes)),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            key: Some(self.text(version.label.key)),
            ..Object::default()
        };
        versions.into_iter().map(object).collect()
    }
}

pub async fn v2(vault: &Vault, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let token = match &input.continuation_token {
        None => None,
        Some(token) => {
            let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
            Some(decoded.ok_or(Refusal::Invalid("the continuation token is not one of ours"))?)
        }
    };
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: token.or(input.start_after.clone()).unwrap_or_default(),
        rows: rows(input.max_keys)?,
        ..Query::default()
    };
    let max_keys = i32::try_from(query.rows).ok();
    let page = listed(vault, &owner, &input.bucket, query).await?;
    let encoding = Encoding(input.encoding_type);
    let (more, next) = (page.more, last(&page).filter(|_| page.more));
    let (versions, common) = encoding.split(page);
    let output = ListObjectsV2Output {
        key_count: i32::try_from(versions.len() + common.len()).ok(),
        contents: Some(encoding.objects(versions)),
        common_prefixes: Some(common),
        is_truncated: Some(more),
        next_continuation_token: next.map(|key| URL_SAFE_NO_PAD.encode(key)),
        continuation_token: input.continuation_token,
        name: Some(input.bucket),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        start_after: input.start_after.map(|text| encoding.text(text)),
        max_keys,
        encoding_type: encoding.0,
        ..ListObjectsV2Output::default()
    };
    Ok(S3Response::new(output))
}

pub async fn v1(vault: &Vault, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone().unwrap_or_default(),
        rows: rows(input.max_keys)?,
        ..Query::default()
    };
    let max_keys = i32::try_from(query.rows).ok();
    let page = listed(vault, &owner, &input.bucket, query).await?;
    let encoding = Encoding(input.encoding_type);
    let (more, next) = (page.more, last(&page).filter(|_| page.more));
    let (versions, common) = encoding.split(page);
    let output = ListObjectsOutput {
        contents: Some(encoding.objects(versions)),
        common_prefixes: Some(common),
        is_truncated: Some(more),
        next_marker: next.map(|key| encoding.text(key)),
        marker: Some(encoding.text(input.marker.unwrap_or_default())),
        name: Some(input.bucket),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        max_keys,
        encoding_type: encoding.0,
        ..ListObjectsOutput::default()
    };
    Ok(S3Response::new(output))
}

pub async fn versions(
    vault: &Vault,
    req: S3Request<ListObjectVersionsInput>,
) -> Answer<ListObjectVersionsOutput> {
    let owner = credential(&req.extensions)?;
    let input = req.input;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.key_marker.clone().unwrap_or_default(),
        after_version: input.version_id_marker.clone().filter(|id| !id.is_empty()),
        rows: rows(input.max_keys)?,
        versions: true,
        ..Query::default()
    };
    let max_keys = i32::try_from(query.rows).ok();
    let page = listed(vault, &owner, &input.bucket, query).await?;
    let encoding = Encoding(input.encoding_type);
    let (more, next) = (page.more, last(&page).filter(|_| page.more));
    let next_version = match page.rows.last() {
        Some(Row::Version(version)) if more => Some(version.id().to_owned()),
        _ => None,
    };
    let (all, common) = encoding.split(page);
    let (markers, all): (Vec<_>, Vec<_>) = all.into_iter().partition(Version::is_marker);
    let output = ListObjectVersionsOutput {
        versions: Some(all.into_iter().map(|version| object_version(&encoding, version)).collect()),
        delete_markers: Some(markers.into_iter().map(|version| marker(&encoding, version)).collect()),
        common_prefixes: Some(common),
        is_truncated: Some(more),
        next_key_marker: next.map(|key| encoding.text(key)),
        next_version_id_marker: next_version,
        key_marker: Some(encoding.text(input.key_marker.unwrap_or_default())),
        version_id_marker: input.version_id_marker,
        name: Some(input.bucket),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|text| encoding.text(text)),
        max_keys,
        encoding_type: encoding.0,
        ..ListObjectVersionsOutput::default()
    };
    Ok(S3Response::new(output))
}

fn object_version(encoding: &Encoding, version: Version) -> ObjectVersion {
    ObjectVersion {
        version_id: Some(version.id().to_owned()),
        is_latest: Some(version.is_current),
        e_tag: Some(etag(&version.label.etag)),
        last_modified: Some(timestamp(version.label.stored_ms)),
        size: Some(length(version.label.bytes)),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        key: Some(encoding.text(version.label.key)),
        ..ObjectVersion::default()
    }
}

fn marker(encoding: &Encoding, version: Version) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        version_id: Some(version.id().to_owned()),
        is_latest: Some(version.is_current),
        last_modified: Some(timestamp(version.label.stored_ms)),
        key: Some(encoding.text(version.label.key)),
        owner: None,
    }
}
