//! The store of a practice: a folder, or a bucket of a real engine.
//!
//! From [`crate::Site`]; gives tests the stored objects as anyone with access to the store has them. Never:
//! understands an object.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bucket::{Bucket, Engine};
use crate::{Agent, listing};

/// Bucket and prefix of a practice with an engine of its own.
const BUCKET: &str = "cabinet";
const PREFIX: &str = "sauvegarde";

/// Where a practice keeps its backups.
#[derive(Debug)]
pub enum Place {
    /// A folder.
    Dir(PathBuf),
    /// A bucket.
    Bucket(Box<Bucket>),
}

impl Place {
    /// A folder `repo` below `folder`, not made yet.
    pub fn dir(folder: &Path) -> Self {
        Self::Dir(folder.join("repo"))
    }

    /// A SeaweedFS of its own with its data below `folder`; the bucket is not made yet.
    pub fn seaweed(folder: &Path) -> Self {
        Engine::seaweed(folder).bucket(BUCKET, PREFIX).into()
    }

    /// `--repo` of this store.
    pub fn url(&self) -> String {
        match self {
            Self::Dir(path) => format!("file://{}", path.display()),
            Self::Bucket(bucket) => bucket.url(),
        }
    }

    /// The agent with what it needs to reach this store.
    pub fn reached_by(&self, agent: Agent) -> Agent {
        match self {
            Self::Dir(_) => agent.with("SCELLE_REPO", self.url()),
            Self::Bucket(bucket) => bucket.reached_by(agent),
        }
    }

    /// Folder of a folder store.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Dir(path) => path,
            Self::Bucket(_) => panic!("not a folder"),
        }
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        match self {
            Self::Dir(_) => panic!("a folder has no versions and locks nothing"),
            Self::Bucket(bucket) => bucket,
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
            Self::Bucket(bucket) => bucket.sizes(),
        }
    }

    /// Names of the objects of a store that a run is writing.
    pub fn names_so_far(&self) -> Vec<String> {
        match self {
            Self::Dir(root) => {
                listing::while_written(root).iter().map(|path| name_below(root, path)).collect()
            }
            Self::Bucket(bucket) => bucket.sizes().into_keys().collect(),
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
            Self::Bucket(bucket) => bucket.read(name),
        }
    }

    /// Whether the engine itself refuses to delete the version of this object that is there.
    pub fn refuses_to_delete(&self, name: &str) -> bool {
        self.bucket().refuses_to_delete(name)
    }

    /// Puts a delete marker on an object, with the agent's own key.
    pub fn hide(&self, name: &str) {
        self.bucket().hide(name);
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

impl From<Bucket> for Place {
    fn from(bucket: Bucket) -> Self {
        Self::Bucket(Box::new(bucket))
    }
}

fn name_below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
