//! An S3-compatible bucket as a store.
//!
//! For: hosts whose bucket keeps versions under a default retention, so that the agent's credential can
//! add and never take away. Data goes up as one PutObject with its SHA-256, in the signature as well as in S3's own
//! checksum header, and `If-None-Match: *`.
//! Never: sends a lock header with a backup object (retention is the bucket's default), retries (see
//! [`crate::retry`]), or speaks plain HTTP to another machine.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};

use crate::dir::too_large;
use crate::throttle::PacedBody;
use crate::{ErrorKind, Key, ListEntry, ListPage, LockOps, ObjectMeta, Put, Store, StoreError};

mod bucket;
mod clock;
mod config;
mod errors;
mod locks;
mod obstacle;
mod patience;
mod pem;
mod route;
mod signed_payload;

pub use config::BucketSettings;
pub use patience::Patience;
pub use pem::Authorities;
pub use route::{Login, Proxy, Route};

use clock::ServerClock;
use errors::{body_error, status, store_error};
use patience::{Sdk, Slices, Taken, WatchedBody};
use signed_payload::SignedPayload;

/// A body that moves no byte for this long is given up.
const BODY_STALL: Duration = Duration::from_secs(60);
/// A clock that moved further than this between request and refusal explains the refusal.
const SIGNIFICANT_SKEW_MS: u64 = 60_000;

const NOT_ON: &str = "the server's listing does not go on from where it was asked to";

/// Servers read offsets as signed 64-bit numbers.
const MAX_OFFSET: u64 = i64::MAX.cast_unsigned();

/// Objects in one bucket, below one prefix. Clones share the connection pool.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    clock: Arc<ServerClock>,
    settings: Arc<BucketSettings>,
    key_prefix: String,
}

impl S3Store {
    /// Checks the settings and builds the client; sends nothing.
    pub fn new(settings: BucketSettings) -> Result<Self, StoreError> {
        Self::with_local_skew(settings, 0)
    }

    /// Builds the client and asks the bucket one question, to learn the server's clock and to find a
    /// missing bucket, a wrong credential or a dead line now. A credential that may only write is fine.
    pub async fn open(settings: BucketSettings) -> Result<Self, StoreError> {
        let store = Self::new(settings)?;
        store.check_access().await?;
        Ok(store)
    }

    /// As [`S3Store::new`] with a local clock that is wrong by `local_skew_ms`.
    #[cfg(feature = "testing")]
    pub fn with_wrong_clock(settings: BucketSettings, local_skew_ms: i64) -> Result<Self, StoreError> {
        Self::with_local_skew(settings, local_skew_ms)
    }

    fn with_local_skew(settings: BucketSettings, local_skew_ms: i64) -> Result<Self, StoreError> {
        let clock = Arc::new(ServerClock::new(local_skew_ms));
        let client = settings.client(&clock)?;
        let key_prefix = settings.key_prefix()?;
        Ok(Self { client, clock, settings: Arc::new(settings), key_prefix })
    }

    /// Asks for one row of the listing. Refused rights are not an error, an unknown credential is.
    pub async fn check_access(&self) -> Result<(), StoreError> {
        let request =
            self.client.list_objects_v2().bucket(self.bucket()).prefix(&self.key_prefix).max_keys(1);
        match self.signed(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("AccessDenied") => Ok(()),
            Err(error) => Err(store_error("open", self.bucket(), &error)),
        }
    }

    /// Server clock minus local clock in milliseconds; 0 until the server answered once.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock.offset_ms()
    }

    fn bucket(&self) -> &str {
        &self.settings.bucket
    }

    fn full_key(&self, key: &Key) -> String {
        format!("{}{key}", self.key_prefix)
    }

    /// Sends a request, and once more when it was refused while its answer showed that it was signed
    /// with a wrong time. HEAD answers carry no error code, so the clock itself is what tells.
    async fn signed<T, E, F>(&self, send: impl Fn() -> F) -> Sdk<T, E>
    where
        F: Future<Output = Sdk<T, E>>,
    {
        self.signed_anew(|| self.settings.patience.wait(None, send())).await
    }

    /// [`Self::signed`], where `send` sees to it itself that nobody waits for ever.
    async fn signed_anew<T, E, F>(&self, send: impl Fn() -> F) -> Sdk<T, E>
    where
        F: Future<Output = Sdk<T, E>>,
    {
        let signed_with = self.clock.offset_ms();
        match send().await {
            Err(error)
                if matches!(status(&error), Some(400 | 401 | 403))
                    && self.clock.offset_ms().abs_diff(signed_with) > SIGNIFICANT_SKEW_MS =>
            {
                send().await
            }
            outcome => outcome,
        }
    }

    /// One PutObject; the caller adds conditions. `sha256` is what the engine checks the body against.
    fn put_request(&self, key: &Key, body: &Bytes, sha256: [u8; 32]) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(self.bucket())
            .key(self.full_key(key))
            .content_type("application/octet-stream")
            .content_length(i64::try_from(body.len()).unwrap_or(i64::MAX))
            .checksum_sha256(STANDARD.encode(sha256))
    }

    /// Sends [`S3Store::put_request`] after `with` added its conditions; builders cannot be cloned.
    async fn send_put(
        &self,
        key: &Key,
        body: &Bytes,
        sha256: [u8; 32],
        with: impl Fn(PutObjectFluentBuilder) -> PutObjectFluentBuilder + Send + Sync,
    ) -> Sdk<PutObjectOutput, PutObjectError> {
        let rate = self.settings.upload_rate.as_ref();
        // The wait for a turn is before the request: it counts towards no timeout.
        let _turn = match rate {
            Some(rate) => rate.turn().await,
            None => None,
        };
        self.signed_anew(|| {
            let timeouts = config::timeouts(body.len(), rate.map(Arc::as_ref));
            let timeouts = aws_sdk_s3::Config::builder().timeout_config(timeouts);
            let taken = Taken::nothing_of(body.len());
            let (bytes, seen) = (body.clone(), taken.clone());
            let sent = match rate {
                Some(rate) => {
                    ByteStream::from_body_1_x(WatchedBody::new(PacedBody::new(bytes, rate.clone()), seen))
                }
                None => ByteStream::from_body_1_x(WatchedBody::new(Slices(bytes), seen)),
            };
            let request = with(self.put_request(key, body, sha256)).body(sent);
            let request = request.customize().config_override(timeouts);
            let answer = request.interceptor(SignedPayload::new(sha256)).send();
            async move { self.settings.patience.wait(Some(&taken), answer).await }
        })
        .await
    }

    async fn get_object(
        &self,
        key: &Key,
        version: Option<&str>,
        range: Option<Range<u64>>,
    ) -> Sdk<GetObjectOutput, GetObjectError> {
        let request = self
            .client
            .get_object()
            .bucket(self.bucket())
            .key(self.full_key(key))
            .set_version_id(version.map(str::to_owned))
            .set_range(range.as_ref().map(range_header));
        self.signed(|| request.clone().send()).await
    }

    async fn get_whole(&self, key: &Key, version: Option<&str>, max_bytes: u64) -> Result<Bytes, StoreError> {
        let answer = self.get_object(key, version, None).await;
        let answer = answer.map_err(|error| store_error("get", key, &error))?;
        let announced = answer.content_length().and_then(|length| u64::try_from(length).ok());
        match announced.filter(|length| *length > max_bytes) {
            Some(length) => Err(too_large("get", key, length, max_bytes)),
            None => read_body(key, answer.body, announced, max_bytes).await,
        }
    }

    async fn head_meta(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let request = self.client.head_object().bucket(self.bucket()).key(self.full_key(key));
        match self.signed(|| request.clone().send()).await {
            Ok(answer) => Ok(Some(ObjectMeta {
                bytes: size(answer.content_length()),
                modified: answer.last_modified().and_then(system_time),
            })),
            Err(error) => match store_error("head", key, &error) {
                error if error.kind == ErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }
}

/// Reads a body of at most `max_bytes`, and exactly `announced` when the server said so.
async fn read_body(
    key: &Key,
    mut body: ByteStream,
    announced: Option<u64>,
    max_bytes: u64,
) -> Result<Bytes, StoreError> {
    let capacity = announced.unwrap_or(0).min(max_bytes);
    let mut bytes = BytesMut::with_capacity(usize::try_from(capacity).unwrap_or(0));
    loop {
        let chunk = tokio::time::timeout(BODY_STALL, body.next()).await;
        let chunk = chunk
            .map_err(|_| StoreError::new(ErrorKind::Unreachable, "get", key, "the answer stalled"))?
            .transpose()
            .map_err(|error| body_error(key, &error))?;
        let Some(chunk) = chunk else { break };
        if bytes.len() as u64 + chunk.len() as u64 > max_bytes {
            return Err(too_large("get", key, bytes.len() as u64 + chunk.len() as u64, max_bytes));
        }
        bytes.extend_from_slice(&chunk);
    }
    match announced {
        Some(length) if length != bytes.len() as u64 => {
            Err(StoreError::new(ErrorKind::Corrupt, "get", key, "the answer ended early"))
        }
        _ => Ok(bytes.freeze()),
    }
}

/// The end is left open where a server would not understand it; the reader counts for itself.
fn range_header(range: &Range<u64>) -> String {
    match range.end - 1 {
        last if last > MAX_OFFSET => format!("bytes={}-", range.start),
        last => format!("bytes={}-{last}", range.start),
    }
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn system_time(at: &aws_smithy_types::DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*at).ok()
}

/// 412 is the answer to a condition that does not hold.
fn is_precondition_failed<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(412)
}

#[async_trait]
impl Store for S3Store {
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let condition = self.settings.conditional_put.then(|| "*".to_owned());
        if condition.is_none() && self.head_meta(key).await?.is_some() {
            return Ok(Put::AlreadyThere);
        }
        let put = self.send_put(key, &body, sha256, |put| put.set_if_none_match(condition.clone()));
        match put.await {
            Ok(_) => Ok(Put::Created),
            Err(error) if is_precondition_failed(&error) => Ok(Put::AlreadyThere),
            Err(error) => Err(store_error("put", key, &error)),
        }
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.get_whole(key, None, max_bytes).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() || range.start > MAX_OFFSET {
            // HTTP cannot ask for no bytes; a missing object is an error all the same.
            let there = self.head_meta(key).await?;
            return there
                .map(|_| Bytes::new())
                .ok_or_else(|| StoreError::new(ErrorKind::NotFound, "get", key, "not there"));
        }
        let answer = match self.get_object(key, None, Some(range.clone())).await {
            Ok(answer) => answer,
            Err(error) if status(&error) == Some(416) => return Ok(Bytes::new()),
            Err(error) => return Err(store_error("get", key, &error)),
        };
        let expected = format!("bytes {}-", range.start);
        if !answer.content_range().is_some_and(|given| given.starts_with(&expected)) {
            return Err(StoreError::new(ErrorKind::Unsupported, "get", key, "the server ignored the range"));
        }
        let announced = answer.content_length().and_then(|length| u64::try_from(length).ok());
        read_body(key, answer.body, announced, range.end - range.start).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.head_meta(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(self.bucket())
            .prefix(format!("{}{prefix}", self.key_prefix))
            .set_start_after(start_after.map(|after| format!("{}{after}", self.key_prefix)))
            .max_keys(i32::try_from(max_rows.clamp(1, 1000)).unwrap_or(1000));
        let (mut continuation, mut foreign) = (None, 0);
        // Pages whose rows are all foreign names are passed over, so that an empty page is the last one.
        loop {
            let asked_for = continuation.take();
            let request = request.clone().set_continuation_token(asked_for.clone());
            let answer = self.signed(|| request.clone().send()).await;
            let answer = answer.map_err(|error| store_error("list", self.bucket(), &error))?;
            let entries: Vec<ListEntry> = answer
                .contents()
                .iter()
                .filter_map(|object| {
                    let name = object.key()?.strip_prefix(&self.key_prefix)?;
                    Some(ListEntry {
                        key: Key::new(name)?,
                        bytes: size(object.size()),
                        modified: object.last_modified().and_then(system_time),
                    })
                })
                .collect();
            foreign += (answer.contents().len() - entries.len()) as u64;
            let more = answer.is_truncated() == Some(true);
            let next = answer.next_continuation_token().map(str::to_owned);
            let is_before = |row: &ListEntry| start_after.is_some_and(|after| row.key.as_str() <= after);
            // The same page again, and again: no listing of what there is.
            if entries.iter().any(is_before) || more && next.is_some() && next == asked_for {
                return Err(StoreError::new(ErrorKind::Unsupported, "list", self.bucket(), NOT_ON));
            }
            continuation = next;
            if !entries.is_empty() || !more || continuation.is_none() {
                return Ok(ListPage { entries, more, foreign });
            }
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(self.bucket()).key(self.full_key(key));
        match self.signed(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) => match store_error("delete", key, &error) {
                error if error.kind == ErrorKind::NotFound => Ok(()),
                error => Err(error),
            },
        }
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        let request = self.client.head_bucket().bucket(self.bucket());
        match self.signed(|| request.clone().send()).await {
            // Any answer tells the time, a refusal too.
            Err(error) if status(&error).is_none() => Err(store_error("time", self.bucket(), &error)),
            _ => Ok(self.clock.server_now().filter(|_| self.clock.is_known())),
        }
    }

    fn address(&self) -> String {
        self.settings.address()
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        Some(self)
    }
}
