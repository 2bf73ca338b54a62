//! The operations offered, each handed to its file. What is not here answers `NotImplemented`.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::{buckets, listing, locks, multipart, objects};
use crate::vault::{Refusal, Vault};

/// The vault as `s3s` sees it.
#[derive(Clone, Debug)]
pub struct Operations {
    pub vault: Arc<Vault>,
}

/// One method a line: name, input, output, and the function that does it.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident = $function:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $name(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                told($function(&self.vault, req).await)
            })*
        }
    };
}

/// Says to the operator what the client is not told.
fn told<T>(answer: Result<T, Refusal>) -> S3Result<T> {
    if let Err(refusal) = &answer
        && let Some(cause) = refusal.cause()
    {
        crate::vault::log::problem(cause);
    }
    Ok(answer?)
}

operations! {
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list;
    create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = buckets::location;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = buckets::versioning;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = buckets::set_versioning;
    get_object_lock_configuration(GetObjectLockConfigurationInput) -> GetObjectLockConfigurationOutput = locks::configuration;
    put_object_lock_configuration(PutObjectLockConfigurationInput) -> PutObjectLockConfigurationOutput = locks::set_configuration;
    get_object_retention(GetObjectRetentionInput) -> GetObjectRetentionOutput = locks::get;
    put_object_retention(PutObjectRetentionInput) -> PutObjectRetentionOutput = locks::set;
    list_objects(ListObjectsInput) -> ListObjectsOutput = listing::v1;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = listing::v2;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = listing::versions;
    put_object(PutObjectInput) -> PutObjectOutput = objects::put;
    head_object(HeadObjectInput) -> HeadObjectOutput = objects::head;
    get_object(GetObjectInput) -> GetObjectOutput = objects::get;
    copy_object(CopyObjectInput) -> CopyObjectOutput = objects::copy;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = objects::delete;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = objects::delete_batch;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = multipart::create;
    upload_part(UploadPartInput) -> UploadPartOutput = multipart::put_part;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = multipart::copy_part;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = multipart::complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = multipart::abort;
    list_parts(ListPartsInput) -> ListPartsOutput = multipart::parts;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = multipart::list;
}
