//! Buckets on real S3 engines, as the practice reaches them and as an administrator sees them.
//!
//! From [`crate::Place`] and from tests that put something between the practice and its engine. Never: understands an
//! object.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::ceph::{AGENT_KEY, AGENT_SECRET, CephRgw};
use scelle_store::testing::contract::sha256;
use scelle_store::testing::engines::{REGION, SeaweedFs};
use scelle_store::testing::proxy::{Meddle, Proxy, Request};
use scelle_store::{Key, Lock, Put, Store as _};
use secrecy::ExposeSecret as _;
use tokio::runtime::Runtime;

use crate::Agent;

/// What the practice's credential may do in a bucket that is set up as it should be.
const RIGHTS: [&str; 8] = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetObjectRetention",
];
/// No object of the format is larger.
const MAX_OBJECT_BYTES: u64 = 64 << 20;
/// Versions of one name that are looked at.
const VERSIONS: usize = 10;

/// What a bucket does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKind {
    /// Nothing.
    Plain,
    /// It keeps versions.
    Versioned,
    /// It keeps versions, and locks each for some days in COMPLIANCE mode.
    Locked,
    /// It keeps versions and takes locks, and sets none.
    LockedOnRequest,
}

impl BucketKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Versioned, Self::Locked, Self::LockedOnRequest];
}

/// A running engine, shared by the buckets on it; it stops with the last of them.
#[derive(Clone, Debug)]
pub struct Engine {
    running: Arc<Running>,
    runtime: Arc<Runtime>,
}

#[derive(Debug)]
enum Running {
    Seaweed(SeaweedFs),
    Rgw(CephRgw),
}

impl Engine {
    /// A SeaweedFS with its data below `folder`.
    pub fn seaweed(folder: &Path) -> Self {
        let runtime = runtime();
        let engine = runtime.block_on(SeaweedFs::start(folder));
        Self { running: Arc::new(Running::Seaweed(engine)), runtime: Arc::new(runtime) }
    }

    /// A SeaweedFS that also listens with TLS, with this certificate and key.
    pub fn seaweed_with_tls(folder: &Path, certificate: &Path, key: &Path) -> Self {
        let runtime = runtime();
        let engine = runtime.block_on(SeaweedFs::start_with(folder, Some((certificate, key))));
        Self { running: Arc::new(Running::Seaweed(engine)), runtime: Arc::new(runtime) }
    }

    /// A SeaweedFS that knows these identities too, each in the form of its own file.
    pub fn seaweed_with(folder: &Path, identities: &[serde_json::Value]) -> Self {
        let runtime = runtime();
        let users: String = identities.iter().map(|identity| format!(",{identity}")).collect();
        let engine = runtime.block_on(SeaweedFs::start_among(folder, None, &users));
        Self { running: Arc::new(Running::Seaweed(engine)), runtime: Arc::new(runtime) }
    }

    /// A Ceph RGW with its cluster below `folder`.
    pub fn rgw(folder: &Path) -> Self {
        let runtime = runtime();
        let engine = runtime.block_on(CephRgw::start(folder));
        Self { running: Arc::new(Running::Rgw(engine)), runtime: Arc::new(runtime) }
    }

    /// Makes a bucket.
    pub fn make(&self, name: &str, kind: BucketKind) {
        let settings = self.settings(name);
        let made = self.runtime.block_on(async {
            match kind {
                BucketKind::Plain => S3Store::create_plain_bucket(settings).await,
                BucketKind::Versioned => S3Store::create_versioned_bucket(settings, false).await,
                BucketKind::Locked => S3Store::create_bucket_with_lock(settings, 1).await,
                BucketKind::LockedOnRequest => S3Store::create_versioned_bucket(settings, true).await,
            }
        });
        made.unwrap();
    }

    /// Lets the agent's user of a Ceph RGW put, get and list in a bucket, and nothing else.
    pub fn let_the_agent_in(&self, name: &str) {
        let arn = format!("arn:aws:s3:::{name}");
        let statement = serde_json::json!({
            "Effect": "Allow",
            "Principal": { "AWS": ["arn:aws:iam:::user/agent"] },
            "Action": RIGHTS,
            "Resource": [arn, format!("{arn}/*")],
        });
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        self.set_policy(name, &policy.to_string());
    }

    /// Puts a policy on a bucket.
    pub fn set_policy(&self, name: &str, policy: &str) {
        let store = S3Store::new(self.settings(name)).unwrap();
        self.runtime.block_on(store.set_policy(policy)).unwrap();
    }

    /// The place below `prefix` in a bucket, which need not exist yet.
    pub fn bucket(&self, name: &str, prefix: &str) -> Bucket {
        let mut settings = self.settings(name);
        settings.prefix = prefix.into();
        Bucket { reached_at: self.endpoint().to_owned(), settings, engine: self.clone() }
    }

    /// A proxy before the engine; it lives as long as the engine does.
    pub fn proxy(&self, rule: impl Fn(&Request) -> Meddle + Send + Sync + 'static) -> Proxy {
        self.runtime.block_on(Proxy::start(self.endpoint(), rule))
    }

    fn endpoint(&self) -> &str {
        match &*self.running {
            Running::Seaweed(engine) => engine.endpoint(),
            Running::Rgw(engine) => engine.endpoint(),
        }
    }

    fn settings(&self, bucket: &str) -> BucketSettings {
        match &*self.running {
            Running::Seaweed(engine) => engine.settings(bucket),
            Running::Rgw(engine) => engine.settings(bucket),
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A place in a bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    settings: BucketSettings,
    reached_at: String,
    engine: Engine,
}

impl Bucket {
    /// The same place, which the practice reaches through a proxy.
    #[must_use]
    pub fn through(self, proxy: &Proxy) -> Self {
        Self { reached_at: proxy.endpoint().to_owned(), ..self }
    }

    /// The same place, which the practice reaches with TLS.
    #[must_use]
    pub fn with_tls(self) -> Self {
        let Running::Seaweed(engine) = &*self.engine.running else { panic!("started without TLS") };
        Self { reached_at: engine.tls_endpoint(), ..self }
    }

    /// The same place with the key of the agent's user, who is no administrator.
    #[must_use]
    pub fn with_the_agents_key(mut self) -> Self {
        self.settings.access_key = AGENT_KEY.into();
        self.settings.secret_key = AGENT_SECRET.into();
        self
    }

    /// How the agent reaches it: names and credential.
    pub fn settings(&self) -> &BucketSettings {
        &self.settings
    }

    /// Makes the bucket, which locks each version for so many days in COMPLIANCE mode.
    pub fn make_locked(&self, days: u32) {
        let made = S3Store::create_bucket_with_lock(self.settings.clone(), days);
        self.engine.runtime.block_on(made).unwrap();
    }

    /// Where the practice reaches it.
    pub fn endpoint(&self) -> &str {
        &self.reached_at
    }

    /// `--repo` of this place.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.settings.bucket, self.settings.prefix)
    }

    /// The agent with what it needs to reach this place.
    pub fn reached_by(&self, agent: Agent) -> Agent {
        agent
            .with("SCELLE_REPO", self.url())
            .with("SCELLE_S3_ENDPOINT", &self.reached_at)
            .with("SCELLE_S3_REGION", REGION)
            .with("AWS_ACCESS_KEY_ID", &self.settings.access_key)
            .with("AWS_SECRET_ACCESS_KEY", self.settings.secret_key.expose_secret())
    }

    /// Names and sizes in bytes of all objects that are shown.
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let store = self.store();
        let mut sizes = BTreeMap::new();
        let mut last: Option<String> = None;
        loop {
            let page = self.engine.runtime.block_on(store.list("", last.as_deref(), 1000)).unwrap();
            last = page.entries.last().map(|entry| entry.key.as_str().to_owned());
            sizes.extend(page.entries.into_iter().map(|entry| (entry.key.as_str().to_owned(), entry.bytes)));
            if !page.more || last.is_none() {
                return sizes;
            }
        }
    }

    /// Content of one object.
    pub fn read(&self, name: &str) -> Vec<u8> {
        self.engine.runtime.block_on(self.store().get(&key(name), MAX_OBJECT_BYTES)).unwrap().to_vec()
    }

    /// Writes an object that is not there.
    pub fn write(&self, name: &str, bytes: Vec<u8>) {
        let (bytes, sum) = (Bytes::from(bytes.clone()), sha256(&bytes));
        let put = self.engine.runtime.block_on(self.store().put_new(&key(name), bytes, sum)).unwrap();
        assert_eq!(put, Put::Created, "{name}");
    }

    /// Puts other bytes over an object, with the practice's key; with versions the old ones stay below.
    pub fn overwrite(&self, name: &str, bytes: Vec<u8>) {
        let sum = sha256(&bytes);
        self.engine.runtime.block_on(self.store().replace(&key(name), bytes.into(), sum)).unwrap();
    }

    /// Whether the engine itself refuses to delete the version of this object that is there.
    pub fn refuses_to_delete(&self, name: &str) -> bool {
        let (store, key) = (self.store(), key(name));
        let locks = store.locks().unwrap();
        self.engine.runtime.block_on(async {
            assert!(locks.versioning().await.unwrap());
            let versions = locks.versions(&key, VERSIONS).await.unwrap();
            let lock = locks.lock(&key, Some(&versions[0].id)).await.unwrap();
            let refused = locks.delete_version(&key, &versions[0].id).await.is_err();
            let is_still_there = store.head(&key).await.unwrap().is_some();
            lock.is_some_and(|lock| lock.compliance) && refused && is_still_there
        })
    }

    /// Puts a delete marker on an object, with the agent's own key; without versions it is gone.
    pub fn hide(&self, name: &str) {
        self.engine.runtime.block_on(self.store().delete(&key(name))).unwrap();
    }

    /// Whether the agent's key can put a delete marker on an object and leave a version below it. Tries.
    pub fn can_be_hidden(&self, name: &str) -> bool {
        let (store, key) = (self.store(), key(name));
        self.engine.runtime.block_on(async {
            let is_told = store.delete(&key).await.is_ok();
            let is_gone = store.head(&key).await.unwrap().is_none();
            let versions = store.locks().unwrap().versions(&key, VERSIONS).await.unwrap();
            let has_older = versions.iter().any(|version| !version.delete_marker);
            is_told && is_gone && has_older
        })
    }

    /// Whether the agent's key can destroy an object for good. Tries.
    pub fn can_be_destroyed(&self, name: &str) -> bool {
        let (store, key) = (self.store(), key(name));
        self.engine.runtime.block_on(async {
            let locks = store.locks().unwrap();
            for version in locks.versions(&key, VERSIONS).await.unwrap() {
                // What is refused is looked at below.
                let _ = locks.delete_version(&key, &version.id).await;
            }
            let versions = locks.versions(&key, VERSIONS).await.unwrap();
            versions.iter().all(|version| version.delete_marker) && store.head(&key).await.unwrap().is_none()
        })
    }

    /// Whether the agent's key can bring the end of an object's lock forward; `None` where it has no lock. Tries.
    pub fn can_be_shortened(&self, name: &str) -> Option<bool> {
        let (store, key) = (self.store(), key(name));
        self.engine.runtime.block_on(async {
            let locks = store.locks().unwrap();
            let version = locks.versions(&key, VERSIONS).await.unwrap().remove(0).id;
            let held = locks.lock(&key, Some(&version)).await.ok().flatten()?;
            let until = held.until - std::time::Duration::from_secs(3600);
            let _ = locks.set_lock(&key, Some(&version), Lock { compliance: held.compliance, until }).await;
            let after = locks.lock(&key, Some(&version)).await.unwrap();
            Some(after.is_none_or(|after| after.until < held.until))
        })
    }

    fn store(&self) -> S3Store {
        S3Store::new(self.settings.clone()).unwrap()
    }
}

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}
