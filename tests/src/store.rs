//! The store of a practice: a folder, or a bucket of a real SeaweedFS.
//!
//! From [`crate::Site`]; gives tests the stored objects as anyone with access to the store has them. Never:
//! understands an object.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use scelle_store::s3::S3Store;
use scelle_store::testing::engines::{ACCESS_KEY, REGION, SECRET_KEY, SeaweedFs};
use scelle_store::{Key, Store as _};
use tokio::runtime::Runtime;

use crate::{Agent, listing};

/// Bucket and prefix of every practice on S3.
const BUCKET: &str = "cabinet";
const PREFIX: &str = "sauvegarde";
/// No object of the format is larger.
const MAX_OBJECT_BYTES: u64 = 64 << 20;

/// Where a practice keeps its backups.
#[derive(Debug)]
pub enum Place {
    /// A folder.
    Dir(PathBuf),
    /// A bucket with versions, locks and default retention on an engine of this test's own.
    Seaweed(Box<Seaweed>),
}

/// A running SeaweedFS and the runtime its client needs.
#[derive(Debug)]
pub struct Seaweed {
    engine: SeaweedFs,
    runtime: Runtime,
}

impl Place {
    /// A folder `repo` below `folder`, not made yet.
    pub fn dir(folder: &Path) -> Self {
        Self::Dir(folder.join("repo"))
    }

    /// A SeaweedFS with its data below `folder`; the bucket is not made yet.
    pub fn seaweed(folder: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let engine = runtime.block_on(SeaweedFs::start(folder));
        Self::Seaweed(Box::new(Seaweed { engine, runtime }))
    }

    /// `--repo` of this store.
    pub fn url(&self) -> String {
        match self {
            Self::Dir(path) => format!("file://{}", path.display()),
            Self::Seaweed(_) => format!("s3://{BUCKET}/{PREFIX}"),
        }
    }

    /// The agent with what it needs to reach this store.
    pub fn reached_by(&self, agent: Agent) -> Agent {
        let agent = agent.with("SCELLE_REPO", self.url());
        match self {
            Self::Dir(_) => agent,
            Self::Seaweed(seaweed) => agent
                .with("SCELLE_S3_ENDPOINT", seaweed.engine.endpoint())
                .with("SCELLE_S3_REGION", REGION)
                .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
                .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        }
    }

    /// Folder of a folder store.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Dir(path) => path,
            Self::Seaweed(_) => panic!("not a folder"),
        }
    }

    /// Names and sizes in bytes of all objects (newest versions), with `<repo-id>/` in front. The store must be at rest.
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        match self {
            // Not made before `init`.
            Self::Dir(root) if !root.exists() => BTreeMap::new(),
            Self::Dir(root) => {
                let bytes = |path: &Path| fs::symlink_metadata(path).unwrap().len();
                let sized = |path: PathBuf| (name_below(root, &path), bytes(&path));
                listing::at_rest(root).into_iter().map(sized).collect()
            }
            Self::Seaweed(seaweed) => seaweed.sizes(),
        }
    }

    /// Names of the objects of a store that a run is writing.
    pub fn names_so_far(&self) -> Vec<String> {
        match self {
            Self::Dir(root) => {
                listing::while_written(root).iter().map(|path| name_below(root, path)).collect()
            }
            Self::Seaweed(seaweed) => seaweed.sizes().into_keys().collect(),
        }
    }

    /// Bytes of all objects together.
    pub fn stored_bytes(&self) -> u64 {
        self.sizes().values().sum()
    }

    /// Content of one object.
    pub fn read(&self, name: &str) -> Vec<u8> {
        match self {
            Self::Dir(root) => fs::read(root.join(name)).unwrap(),
            Self::Seaweed(seaweed) => {
                let (store, key) = (seaweed.store(), Key::new(name).unwrap());
                seaweed.runtime.block_on(store.get(&key, MAX_OBJECT_BYTES)).unwrap().to_vec()
            }
        }
    }

    /// Whether the engine itself refuses to delete the version of this object that is there.
    pub fn refuses_to_delete(&self, name: &str) -> bool {
        let Self::Seaweed(seaweed) = self else { panic!("a folder locks nothing") };
        let (store, key) = (seaweed.store(), Key::new(name).unwrap());
        let locks = store.locks().unwrap();
        seaweed.runtime.block_on(async {
            assert!(locks.versioning().await.unwrap());
            let versions = locks.versions(&key, 10).await.unwrap();
            let lock = locks.lock(&key, Some(&versions[0].id)).await.unwrap();
            let refused = locks.delete_version(&key, &versions[0].id).await.is_err();
            let is_still_there = store.head(&key).await.unwrap().is_some();
            lock.is_some_and(|lock| lock.compliance) && refused && is_still_there
        })
    }

    /// Puts a delete marker on an object, with the agent's own key.
    pub fn hide(&self, name: &str) {
        let Self::Seaweed(seaweed) = self else { panic!("a folder has no versions") };
        let (store, key) = (seaweed.store(), Key::new(name).unwrap());
        seaweed.runtime.block_on(store.delete(&key)).unwrap();
    }

    /// Copies every object to a folder store below `folder`, as a gardener's mirror would.
    pub fn copy_to(&self, folder: &Path) {
        for name in self.sizes().into_keys() {
            let to = folder.join(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, self.read(&name)).unwrap();
        }
    }
}

impl Seaweed {
    fn store(&self) -> S3Store {
        let mut settings = self.engine.settings(BUCKET);
        settings.prefix = PREFIX.into();
        S3Store::new(settings).unwrap()
    }

    fn sizes(&self) -> BTreeMap<String, u64> {
        let store = self.store();
        let mut sizes = BTreeMap::new();
        let mut last: Option<String> = None;
        loop {
            let page = self.runtime.block_on(store.list("", last.as_deref(), 1000)).unwrap();
            last = page.entries.last().map(|entry| entry.key.as_str().to_owned());
            sizes.extend(page.entries.into_iter().map(|entry| (entry.key.as_str().to_owned(), entry.bytes)));
            if !page.more || last.is_none() {
                return sizes;
            }
        }
    }
}

fn name_below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
