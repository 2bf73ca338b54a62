//! What the PC keeps of a repository: its own keys, the public keys it seals to, and the head of its ledger.
//!
//! One folder per repository below `SCELLE_HOME`. Data comes from `create` and `append`, goes to every run. It holds no
//! identity that opens packs, roots or key files. Never: a path or name of a source, a secret outside a 0600 file.

pub mod checksum;
pub(in crate::repo) mod device;
pub mod local_index;
pub mod new_file;
pub mod shape;
pub(in crate::repo) mod stale;
pub mod whole_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs4::fs_std::FileExt as _;
use scelle_format::descriptor::SeenRevision;
use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::ledger::ChainHead;
use serde::{Deserialize, Serialize};

use crate::error::{AgentError, Result};
use crate::repo::files;
use crate::repo::files::ASIDE;
use crate::repo::kept::Kept;
pub use crate::repo::state::device::{Device, StorePlace, key_name};
use crate::repo::state::local_index::LocalIndex;
use crate::repo::state::shape::{Shape, clear_way, trouble};
use crate::repo::state::whole_file::make_folder;

/// A copy that is being written was begun later than this.
const YOUNG: Duration = Duration::from_secs(3600);

/// The head of the ledger, and what the next note needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence of the last note; 0 before the first.
    pub sequence: u64,
    /// SHA-256 of its text, in hex.
    pub text_sha256: Option<String>,
    /// Name of its object.
    pub name: Option<String>,
    /// Number of the last snapshot; 0 before the first.
    pub snapshot: u64,
    /// Highest descriptor seen: revision and SHA-256 of its text.
    pub descriptor: (u64, String),
    /// Refs attachment of the last snapshot: SHA-256 and depth.
    pub refs: Option<(String, u32)>,
    /// Its stored size, as long as it lists the live index segments too.
    #[serde(default)]
    pub refs_bytes: Option<u64>,
    /// The attachments that those refs stand on, from the full list to the refs themselves, with their stored sizes.
    #[serde(default)]
    pub refs_chain: Vec<(String, u64)>,
    /// Live index segments: SHA-256 of the object and its stored size.
    pub segments: Vec<(String, u64)>,
    /// The chain was taken over from the store: index segments must be read again before the next run.
    #[serde(default)]
    pub is_index_unknown: bool,
    /// Runs so far, per set.
    #[serde(default)]
    pub runs: std::collections::BTreeMap<String, u64>,
}

impl Head {
    /// The last note: the end of the chain.
    pub fn chain_head(&self) -> Option<ChainHead> {
        let text_sha256 = Sha256::parse(self.text_sha256.as_deref()?).ok()?;
        Some(ChainHead { sequence: self.sequence, text_sha256 })
    }

    /// Highest descriptor seen.
    pub fn descriptor_seen(&self) -> Result<SeenRevision> {
        let (revision, hash) = &self.descriptor;
        let text_sha256 = Sha256::parse(hash).map_err(AgentError::local_state)?;
        Ok(SeenRevision { revision: *revision, text_sha256 })
    }
}

/// What a state folder says without its lock: for commands that look, and to find the repository that is meant.
pub struct Remembered {
    /// The repository whose folder it is.
    pub repository: RepositoryId,
    /// The device, or why it cannot be read: only `init --join` makes another.
    pub device: Result<Device>,
    /// The head; the default where it cannot be read: the next backup takes it over from the store.
    pub head: Head,
    /// Whether the making of the repository was begun here and not finished.
    pub is_unfinished: bool,
}

impl Remembered {
    /// `None` where this computer never was a device: a folder that only holds a lock, say.
    pub fn read(home: &Path, repository: RepositoryId) -> Option<Self> {
        let folder = home.join(repository.as_str());
        let was_device = [files::DEVICE, files::HEAD, files::LAST, files::LAST_OF_OLD];
        if !was_device.iter().any(|name| folder.join(name).symlink_metadata().is_ok()) {
            return None;
        }
        let device = Device::read(&folder).and_then(|device| match device.repository == repository {
            true => Ok(device),
            false => Err(AgentError::local_state("device file of another repository")),
        });
        let is_unfinished = folder.join(files::CREATION).is_file();
        Some(Self { device, head: read_head(&folder).unwrap_or_default(), repository, is_unfinished })
    }
}

/// The state folder of one repository, locked.
pub struct State {
    folder: PathBuf,
    _lock: fs::File,
}

impl State {
    /// Opens, and makes where it is not there, the folder of `repository` below `home` and locks it.
    ///
    /// Errors: exit 11 when another process holds it, exit 1 when its disk is full or refuses; exit 2 on a network file
    /// system is the caller's check.
    pub fn open(home: &Path, repository: &RepositoryId) -> Result<Self> {
        let folder = home.join(repository.as_str());
        make_folder(&folder)?;
        clear_way(&folder.join(files::INDEX), Shape::Folder)?;
        make_folder(&folder.join(files::INDEX))?;
        let path = folder.join(files::LOCK);
        clear_way(&path, Shape::File)?;
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let lock = lock.map_err(trouble)?;
        match lock.try_lock_exclusive() {
            Ok(true) => {
                // Nobody else writes here; copies are kept by readers too, who hold no lock.
                stale::sweep(&folder, Duration::ZERO);
                stale::sweep(&folder.join(files::INDEX), Duration::ZERO);
                stale::sweep(Kept::of(&folder).folder(), YOUNG);
                Ok(Self { folder, _lock: lock })
            }
            _ => Err(AgentError::busy()),
        }
    }

    /// What `home` holds of each repository, ascending by id. Takes no lock and makes nothing: a folder that cannot be
    /// read holds nothing.
    pub fn remembered(home: &Path) -> Vec<Remembered> {
        let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
        let mut all: Vec<Remembered> = entries
            .filter_map(|entry| RepositoryId::parse(entry.ok()?.file_name().to_str()?).ok())
            .filter_map(|repository| Remembered::read(home, repository))
            .collect();
        all.sort_by(|a, b| a.repository.cmp(&b.repository));
        all
    }

    /// The folder of all states.
    pub fn home(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The local index.
    pub fn index(&self) -> LocalIndex {
        LocalIndex::of(&self.folder)
    }

    /// Copies of the repository's small objects.
    pub fn kept(&self) -> Kept {
        Kept::of(&self.folder)
    }

    /// Where a database lies, for SQLite, which opens by path.
    pub fn database(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A new file without a name, which ends with its handle.
    pub fn nameless_file(&self) -> std::io::Result<fs::File> {
        tempfile::tempfile_in(&self.folder)
    }

    /// The device.
    pub fn device(&self) -> Result<Device> {
        Device::read(&self.folder)
    }

    /// The head.
    pub fn head(&self) -> Result<Head> {
        read_head(&self.folder)
    }

    /// Renames everything to `….aside-1`, `….aside-2`, …, so that a new device begins from nothing and nothing is
    /// destroyed. Returns whether there was anything.
    pub fn set_aside(&self) -> Result<bool> {
        let names: Vec<String> = fs::read_dir(&self.folder)
            .map_err(trouble)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name != files::LOCK && !name.contains(ASIDE))
            .collect();
        let has_content = |name: &String| {
            let rows = fs::read_dir(self.folder.join(name));
            name != files::INDEX || rows.map_or(true, |mut rows| rows.next().is_some())
        };
        if !names.iter().any(has_content) {
            return Ok(false);
        }
        let beside = |name: &str, n: u32| self.folder.join(format!("{name}{ASIDE}{n}"));
        let is_free = |n: &u32| names.iter().all(|name| beside(name, *n).symlink_metadata().is_err());
        let number = (1..).find(is_free).ok_or_else(|| AgentError::bug("no name left"))?;
        for name in &names {
            fs::rename(self.folder.join(name), beside(name, number)).map_err(trouble)?;
        }
        make_folder(&self.folder.join(files::INDEX))?;
        Ok(true)
    }

    /// Writes the device file.
    pub fn put_device(&self, device: &Device) -> Result<()> {
        self.put(files::DEVICE, &device.to_file()?)
    }

    /// Replaces the head, durably.
    pub fn put_head(&self, head: &Head) -> Result<()> {
        self.put(files::HEAD, &checksum::to_json(head)?)
    }

    /// Writes a file of the state folder: private, durable, all or nothing. One that says the same already is left.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        whole_file::put(&self.folder.join(name), bytes)
    }

    /// Reads a file of the state folder, if it is there. A folder in its place was never written by us: no file.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        use std::io::ErrorKind::{IsADirectory, NotFound};
        match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), NotFound | IsADirectory) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }

    /// Gives a file of the state folder another name, in place of what had it. One that is not there is left as it is.
    pub fn rename(&self, name: &str, to: &str) -> Result<()> {
        let to = self.folder.join(to);
        clear_way(&to, Shape::File)?;
        match fs::rename(self.folder.join(name), to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(trouble(error)),
            _ => Ok(()),
        }
    }

    /// Removes the databases that only make a run quicker: they are made anew.
    pub fn forget_caches(&self) {
        files::caches().for_each(|name| self.remove(&name));
    }

    /// Removes a file of the state folder.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.folder.join(name));
    }

    /// Removes a file of the state folder. Errors: it may still be there.
    pub fn remove_surely(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.folder.join(name))?)
    }

    /// Makes a folder in the state folder, private, where it is not there.
    pub fn make_folder(&self, name: &str) -> Result<()> {
        make_folder(&self.folder.join(name))
    }

    /// Names of what lies in a folder of the state folder, as [`Self::get`] takes them; of the state folder itself where `within`
    /// is empty. A folder that cannot be read holds nothing.
    pub fn names_in(&self, within: &str) -> Vec<String> {
        files::names_in(&self.folder, within)
    }
}

fn read_head(folder: &Path) -> Result<Head> {
    match fs::read(folder.join(files::HEAD)) {
        Ok(bytes) => checksum::from_json(&bytes).ok_or_else(|| AgentError::local_state("head file")),
        Err(error) => Err(AgentError::local_state(error.kind())),
    }
}
