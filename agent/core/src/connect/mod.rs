//! From an address and a credential to a store that waits out failures.
//!
//! Settings come from the command line and the configuration; the store goes to `repo::objects`. Retries are shown to the
//! monitor, a cancelled run ends them. Never: puts a credential anywhere but into the store itself.

pub mod access;
pub mod address;
pub mod policy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scelle_format::id::PackKind;
use scelle_format::layout;
use scelle_store::dir::DirStore;
use scelle_store::probe::{Fact, ProbeReport};
use scelle_store::read_back::ReadBack;
use scelle_store::retry::{RetryNotice, RetrySettings, Retrying};
use scelle_store::s3::{BucketSettings, Patience, S3Store};
use scelle_store::throttle::{ByteRate, RateLimits, Throttled};
use scelle_store::traced::Traced;
use scelle_store::{ErrorKind, Key, Store, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

pub use self::access::{S3Credentials, S3Settings};
pub use self::address::RepoAddress;

use crate::around::Around;
use crate::error::{AgentError, Result};
use crate::monitor::Notice;
use crate::repo::objects::listed::repositories_in;
use crate::repo::state::StorePlace;

/// First contact is tried this often before a person is told.
const FIRST_CONTACT_ATTEMPTS: u32 = 4;

/// Whether what is not there is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// No.
    Never,
    /// A folder is made; a bucket must exist.
    Folder,
    /// A bucket is made too, with versions, lock and a default retention of so many days.
    Bucket(u32),
}

impl Create {
    /// Days of default retention of a bucket that is made.
    const DEFAULT_RETENTION_DAYS: u32 = 100;

    /// A bucket is made, and keeps what it gets as long as a new one should.
    pub fn bucket() -> Self {
        Self::Bucket(Self::DEFAULT_RETENTION_DAYS)
    }
}

/// What a bucket's engine does, as far as it is known. A folder does both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketEngine {
    /// It honours `If-None-Match`.
    pub conditional_put: bool,
    /// What is written counts only once it was read back: it was not seen to refuse wrong bytes.
    pub read_back: bool,
}

/// A store, and what was learned on the way to it.
#[derive(Debug)]
pub struct Connected {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The same without retries: for the probe, which provokes failures.
    pub bare: Arc<dyn Store>,
    /// Where it is.
    pub place: StorePlace,
    /// Server time minus ours, where the server has a clock.
    pub clock_offset_ms: Option<i64>,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// What surrounds a connection.
pub struct Connection<'a> {
    /// How the S3 service is reached.
    pub s3: &'a S3Settings,
    /// Upload limit in bytes a second.
    pub upload_bytes_per_second: Option<u64>,
    /// What the engine is known to do.
    pub engine: BucketEngine,
    /// Who is told of retries, and what ends them.
    pub around: &'a Around,
}

impl Connection<'_> {
    /// Opens (or makes) the store at `address`.
    pub async fn open(&self, address: &RepoAddress, create: Create) -> Result<Connected> {
        let url = address.to_string();
        match address {
            RepoAddress::Folder(path) => {
                let opened = match create {
                    Create::Never => DirStore::open_reading_back(path, is_read_back),
                    _ => DirStore::create_reading_back(path, is_read_back),
                };
                let folder = opened.map_err(|error| AgentError::from(error).at(url.clone()))?;
                let bare = Traced::around(Arc::new(folder));
                let place = StorePlace { url, endpoint: None, region: None, conditional_put: true };
                Ok(Connected {
                    store: self.limited(self.wrap(bare.clone())),
                    bare,
                    place,
                    clock_offset_ms: None,
                    is_folder: true,
                })
            }
            RepoAddress::S3 { bucket, prefix } => self.bucket(url, bucket, prefix, create).await,
        }
    }

    async fn bucket(&self, url: String, bucket: &str, prefix: &str, create: Create) -> Result<Connected> {
        let credentials = self.s3.required_credentials()?;
        let region = self.s3.region.clone().unwrap_or_else(|| "us-east-1".into());
        let secret = SecretString::from(credentials.secret_access_key.expose_secret());
        let mut settings = BucketSettings::new(
            self.s3.endpoint.clone(),
            region.clone(),
            bucket,
            credentials.access_key_id.clone(),
            secret,
        );
        settings.prefix = prefix.to_owned();
        settings.session_token =
            credentials.session_token.as_ref().map(|token| SecretString::from(token.expose_secret()));
        settings.route = self.s3.route.clone()?;
        settings.allow_plain_http_loopback = true;
        settings.conditional_put = self.engine.conditional_put;
        settings.upload_rate = self.upload_bytes_per_second.map(|limit| Arc::new(ByteRate::new(limit)));
        let monitor = self.around.monitor.clone();
        settings.patience = Patience::telling(move |silence| {
            monitor.notice(Notice::StoreSilent { seconds: silence.as_secs() });
        });
        let address = self.s3.endpoint.is_none().then(|| settings.address());
        let located = |error: AgentError| match &address {
            Some(amazon) => error.on_amazon(amazon),
            None => error,
        };
        if let Create::Bucket(days) = create {
            let made = S3Store::create_bucket_with_lock(settings.clone(), days).await;
            made.map_err(|error| located(error.into()))?;
        }
        let store = self.first_contact(settings).await.map_err(located)?;
        let offset = store.clock_offset_ms();
        let place = StorePlace {
            url,
            endpoint: self.s3.endpoint.clone(),
            region: Some(region),
            conditional_put: self.engine.conditional_put,
        };
        let (bare, clock_offset_ms) = (Traced::around(Arc::new(store)), Some(offset));
        let proven = match self.engine.read_back {
            true => Arc::new(ReadBack::new(bare.clone())),
            false => bare.clone(),
        };
        Ok(Connected { store: self.wrap(proven), bare, place, clock_offset_ms, is_folder: false })
    }

    /// Asks the bucket one question, a few times when nobody answers.
    async fn first_contact(&self, settings: BucketSettings) -> Result<S3Store> {
        let mut attempt = 1;
        loop {
            match S3Store::open(settings.clone()).await {
                Ok(store) => return Ok(store),
                Err(error) if error.is_retryable() && attempt < FIRST_CONTACT_ATTEMPTS => {
                    let wait_ms = 500 << (attempt - 1);
                    self.around.monitor.notice(Notice::Retry {
                        operation: "open",
                        attempt,
                        wait_ms,
                        altered: false,
                        of_proxy: is_of_proxy(error.kind),
                    });
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
                        () = self.around.shutdown.token().cancelled() => return Err(AgentError::interrupted()),
                    }
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A folder takes each object whole, in its slot of the time; a bucket's bodies pace themselves.
    fn limited(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match self.upload_bytes_per_second {
            None => store,
            limit => Arc::new(Throttled::new(store, RateLimits::new(limit, None))),
        }
    }

    fn wrap(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let monitor = self.around.monitor.clone();
        let retrying = Retrying::new(store, RetrySettings::default())
            .on_retry(move |notice: &RetryNotice| {
                let &RetryNotice { operation, attempt, wait_ms, kind } = notice;
                let (altered, of_proxy) = (kind == ErrorKind::Corrupt, is_of_proxy(kind));
                monitor.notice(Notice::Retry { operation, attempt, wait_ms, altered, of_proxy });
            })
            .cancelled_by(self.around.shutdown.token().clone());
        Arc::new(retrying)
    }
}

fn is_of_proxy(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Proxy(_))
}

/// Which objects of a folder are read back as they are written: all but data packs, which are most of the bytes. Those are
/// read by `check --read-data`; a run says of them that they are there with their size, no more.
fn is_read_back(key: &Key) -> bool {
    let name = key.as_str().split_once('/').map_or("", |(_, name)| name);
    !matches!(layout::parse_pack(name), Ok((PackKind::Data, _)))
}

/// Whether a store with this probe must be read back: it takes wrong bytes, or nobody knows.
pub fn must_be_read_back(probe: Option<&ProbeReport>) -> bool {
    probe.is_none_or(|probe| matches!(probe.wrong_checksum_refused, Fact::No | Fact::Unknown { .. }))
}

/// An address that says where a known repository is.
pub fn address_of(place: &StorePlace) -> Result<RepoAddress> {
    place.url.parse()
}

/// Folders of the backup itself, which does not save itself: the state's, and the store's where it is one.
pub fn own_folders(home: &Path, place: Option<&StorePlace>) -> Vec<PathBuf> {
    let store = match place.map(address_of) {
        Some(Ok(RepoAddress::Folder(path))) => Some(path),
        _ => None,
    };
    std::iter::once(home.to_owned()).chain(store).collect()
}

/// Why this computer knows no repository in a store: there is none at all, it is no part of the one that is there, or its
/// state of it cannot be read (`is_state_damaged`).
pub async fn why_unknown(connected: &Connected, is_state_damaged: bool) -> AgentError {
    let address = connected.store.address();
    if is_state_damaged {
        return AgentError::state_damaged(Some(&connected.place.url)).at(address);
    }
    match repositories_in(&*connected.store).await {
        Ok(here) if here.is_empty() => AgentError::no_repository().at(address),
        Ok(_) => AgentError::not_a_member().at(address),
        Err(error) => error,
    }
}

/// Whether this says that the store itself is not there.
pub fn is_gone(error: &StoreError) -> bool {
    error.kind == ErrorKind::NoBucket
}
