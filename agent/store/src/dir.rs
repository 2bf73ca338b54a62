//! A folder as a store: local disk, USB disk, NAS share.
//!
//! For: keeping each object as one file whose relative path is its key, byte for byte, so that a person
//! can copy the folder with any tool. Data comes from the pipeline and goes to disk through `durable`,
//! the only writer. Never: follows a symlink below the root, replaces a file unless asked to mend it, creates a missing
//! root, or names an OS path in an error.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use self::buffers::Buffers;
use crate::durable::{self, TEMPORARY_PREFIX, Writer};
use crate::{ErrorKind, Key, ListPage, ObjectMeta, Put, Store, StoreError};

mod buffers;
mod listing;

/// Objects as files below one folder.
#[derive(Clone, Debug)]
pub struct DirStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    writer: Writer,
    buffers: Arc<Buffers>,
    is_read_back: fn(&Key) -> bool,
}

impl DirStore {
    /// Creates the folder (and missing parents) and opens it. An existing folder is opened as it is.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::make(root.into()).and_then(Self::open)
    }

    /// [`DirStore::create`] and [`DirStore::open_reading_back`].
    pub fn create_reading_back(
        root: impl Into<PathBuf>,
        is_read_back: fn(&Key) -> bool,
    ) -> Result<Self, StoreError> {
        Self::open_reading_back(Self::make(root.into())?, is_read_back)
    }

    fn make(root: PathBuf) -> Result<PathBuf, StoreError> {
        fs::create_dir_all(&root)
            .and_then(|()| durable::sync_entry(&root))
            .map_err(|error| io_error("open", "folder", &error))?;
        Ok(root)
    }

    /// Opens an existing folder; `NoBucket` when it is not there. Each new object is read back before it gets its name.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_reading_back(root, |_| true)
    }

    /// [`DirStore::open`], where only the objects that `is_read_back` names are read back: a new one that comes back
    /// otherwise is `Corrupt`, and its name stays free.
    pub fn open_reading_back(
        root: impl Into<PathBuf>,
        is_read_back: fn(&Key) -> bool,
    ) -> Result<Self, StoreError> {
        let root = root.into();
        if !root.is_dir() {
            return Err(no_root("open"));
        }
        // Absolute, so that a later change of the working folder changes nothing.
        let root = fs::canonicalize(&root).map_err(|error| io_error("open", "folder", &error))?;
        let writer = Writer::new(root.clone());
        Ok(Self { inner: Arc::new(Inner { root, writer, buffers: Arc::default(), is_read_back }) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::new(ErrorKind::Other, operation, "folder", "the call was interrupted")),
        }
    }
}

impl Inner {
    /// The file of a key, after checking that no folder on the way is a link out of the root. A link in the place of the file
    /// itself is no object: nothing opens or follows it.
    fn path_of(&self, operation: &'static str, key: &Key) -> Result<PathBuf, StoreError> {
        if !key.as_str().split('/').all(is_portable) {
            return Err(StoreError::new(
                ErrorKind::Invalid,
                operation,
                key,
                "a file cannot have this name on every system",
            ));
        }
        let mut path = self.root.clone();
        let folders = key.as_str().rsplit_once('/').map_or("", |(folders, _)| folders);
        for component in folders.split('/') {
            path.push(component);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.file_type().is_symlink() => {
                    return Err(StoreError::new(
                        ErrorKind::Denied,
                        operation,
                        key,
                        "a link stands in the way",
                    ));
                }
                Ok(_) => {}
                // What is missing holds no link; the caller finds out what that means.
                Err(_) => break,
            }
        }
        Ok(key.as_str().split('/').fold(self.root.clone(), |path, component| path.join(component)))
    }

    fn put_new(&self, key: &Key, body: &[u8], sha256: &[u8; 32]) -> Result<Put, StoreError> {
        self.path_of("put", key)?;
        let components: Vec<&str> = key.as_str().split('/').collect();
        let proof = (self.is_read_back)(key).then_some(sha256);
        let written = match self.writer.put_new(&components, body, proof) {
            // A folder was removed since it was last used; the remembered chain is worth nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.writer.forget_folders();
                self.writer.put_new(&components, body, proof)
            }
            result => result,
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => {
                StoreError::new(ErrorKind::Invalid, "put", key, "an object stands where a folder is needed")
            }
            _ => self.explain("put", key, &error),
        })
    }

    fn replace(&self, key: &Key, body: &[u8]) -> Result<(), StoreError> {
        self.path_of("put", key)?;
        let components: Vec<&str> = key.as_str().split('/').collect();
        self.writer.replace(&components, body).map_err(|error| self.explain("put", key, &error))
    }

    fn open_object(&self, key: &Key) -> Result<(File, u64), StoreError> {
        let path = self.path_of("get", key)?;
        durable::open_plain(&path).map_err(|error| self.explain("get", key, &error))
    }

    fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        let (file, length) = self.open_object(key)?;
        if length > max_bytes {
            return Err(too_large("get", key, length, max_bytes));
        }
        self.read_exactly(key, file, length)
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (mut file, length) = self.open_object(key)?;
        let end = range.end.min(length);
        if range.start >= end {
            return Ok(Bytes::new());
        }
        file.seek(SeekFrom::Start(range.start)).map_err(|error| self.explain("get", key, &error))?;
        self.read_exactly(key, file, end - range.start)
    }

    fn read_exactly(&self, key: &Key, file: File, length: u64) -> Result<Bytes, StoreError> {
        let capacity = usize::try_from(length)
            .map_err(|_| StoreError::new(ErrorKind::Invalid, "get", key, "too large for this machine"))?;
        let read = match (buffers::FROM_BYTES..=buffers::TO_BYTES).contains(&length) {
            true => self.buffers.read(file, capacity),
            false => {
                let mut bytes = Vec::with_capacity(capacity);
                file.take(length).read_to_end(&mut bytes).and_then(|read| match read == capacity {
                    true => Ok(bytes.into()),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                })
            }
        };
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                StoreError::new(ErrorKind::Corrupt, "get", key, "the file ended early")
            }
            _ => self.explain("get", key, &error),
        })
    }

    fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let path = self.path_of("head", key)?;
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(listing::meta(&metadata))),
            Ok(_) => Ok(None),
            Err(error) => match self.explain("head", key, &error) {
                error if error.kind == ErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let path = self.path_of("delete", key)?;
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(());
        }
        match fs::remove_file(path) {
            Ok(()) => Ok(()),
            Err(error) => match self.explain("delete", key, &error) {
                error if error.kind == ErrorKind::NotFound => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Maps an OS error; "not found" is told apart from a root that is gone (disk unplugged).
    fn explain(&self, operation: &'static str, target: &dyn ToString, error: &io::Error) -> StoreError {
        if !self.root.is_dir() {
            return no_root(operation);
        }
        io_error(operation, target.to_string(), error)
    }
}

/// What a folder store says where the system does not let it: [`ErrorKind::Denied`] by rights of files, not by a credential.
pub const NO_PERMISSION: &str = "the system refused access";

fn no_root(operation: &'static str) -> StoreError {
    StoreError::new(ErrorKind::NoBucket, operation, "folder", "the folder is not there")
}

pub(crate) fn too_large(operation: &'static str, key: &Key, length: u64, max_bytes: u64) -> StoreError {
    let detail = format!("{length} bytes, at most {max_bytes} expected");
    StoreError::new(ErrorKind::Invalid, operation, key, detail)
}

fn io_error(operation: &'static str, target: impl ToString, error: &io::Error) -> StoreError {
    use io::ErrorKind as Io;
    let (kind, detail) = match error.kind() {
        // `a` is a file and `a/b` was asked for: there is no such object either.
        Io::NotFound | Io::NotADirectory => (ErrorKind::NotFound, "not there"),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => (ErrorKind::Denied, NO_PERMISSION),
        Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Full, "no room left"),
        Io::InvalidData => (ErrorKind::Corrupt, "what was read back is not what was written"),
        Io::FileTooLarge => (ErrorKind::Invalid, "larger than this filesystem can hold"),
        Io::TimedOut | Io::Interrupted | Io::StaleNetworkFileHandle | Io::HostUnreachable => {
            (ErrorKind::Unreachable, "the filesystem did not answer")
        }
        _ => {
            let code = error.raw_os_error().map_or_else(String::new, |code| format!(" {code}"));
            return StoreError::new(ErrorKind::Other, operation, target, format!("system error{code}"));
        }
    };
    StoreError::new(kind, operation, target, detail)
}

/// Whether every system we run on can hold a file of this name: Windows drops a final dot and reserves
/// device names (Microsoft, "Naming Files, Paths, and Namespaces"). Names of our own temporaries are ours.
fn is_portable(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.as_bytes()[3].is_ascii_digit();
    let reserved = numbered || matches!(stem.as_str(), "con" | "prn" | "aux" | "nul");
    !reserved
        && !component.ends_with('.')
        && !component.starts_with(TEMPORARY_PREFIX)
        && component.len() <= 255
}

#[async_trait]
impl Store for DirStore {
    /// Between the caller, who has just computed the hash, and the file lie memory, a cable or a share, and a disk: what is
    /// read back is compared with the hash, not with the bytes in memory.
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let key = key.clone();
        self.blocking("put", move |inner| inner.put_new(&key, &body, &sha256)).await
    }

    async fn replace(&self, key: &Key, body: Bytes, _sha256: [u8; 32]) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking("put", move |inner| inner.replace(&key, &body)).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        let key = key.clone();
        self.blocking("get", move |inner| inner.get(&key, max_bytes)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let key = key.clone();
        self.blocking("get", move |inner| inner.get_range(&key, range)).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let key = key.clone();
        self.blocking("head", move |inner| inner.head(&key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        let query = listing::Query::new(prefix, start_after, max_rows);
        self.blocking("list", move |inner| {
            listing::list(&inner.root, query).map_err(|error| inner.explain("list", &"folder", &error))
        })
        .await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking("delete", move |inner| inner.delete(&key)).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        Ok(None)
    }

    fn address(&self) -> String {
        address_of(&self.inner.root)
    }
}

/// `file://` and the folder as the system writes it.
fn address_of(root: &Path) -> String {
    format!("file://{}", root.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_windows_cannot_hold_are_refused_everywhere() {
        for bad in ["nul", "CON.txt", "com1", "a.", ".tmp-1"] {
            assert!(!is_portable(bad), "{bad}");
        }
        for good in ["e0", "company", "com", "nulls", ".tmpx", "ab.age"] {
            assert!(is_portable(good), "{good}");
        }
    }
}
