//! The files that hold every body: `blobs/<hh>/<id>`.
//!
//! Bodies come from [`super::receive`] and go to [`super::operations`]. Written once through `scelle-store`'s durable
//! writer. A later retention lies beside its blob as an empty file `<id>.until-<ms>`. Never: rewrites a file, or
//! deletes one that the metadata still names.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use scelle_store::{BlobFolder, Incoming, Put};

use super::label::Label;

/// Between a blob's name and its later retention.
const UNTIL: &str = ".until-";

/// A blob file as a folder's listing shows it.
#[derive(Clone, Copy, Debug)]
pub struct FoundBlob {
    /// The latest retention beside it, milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// When it was last written.
    pub modified: SystemTime,
}

/// All blob files of a vault.
#[derive(Debug)]
pub struct Blobs {
    folder: BlobFolder,
}

/// A new name: 32 hexadecimal digits nobody can guess.
pub fn new_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// All names a folder of blobs may have, in order.
pub fn folders() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|first| format!("{first:02x}"))
}

/// Whether `name` can be a blob's name; anything else never reaches the file system.
pub fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Blobs {
    /// Opens the tree below `data`.
    pub fn open(data: &Path) -> io::Result<Self> {
        Ok(Self { folder: BlobFolder::create(data.join("blobs"))? })
    }

    /// Begins a body.
    pub fn begin(&self) -> io::Result<Incoming> {
        self.folder.begin()
    }

    /// Ends a body with its label and makes it durable under the label's name.
    pub fn seal(&self, incoming: &mut Incoming, label: &Label) -> io::Result<()> {
        if !is_name(&label.blob) || incoming.bytes() != label.bytes {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        incoming.write(&label.to_trailer()?)?;
        match self.folder.place(incoming, &components(&label.blob)) {
            Ok(Put::Created) => Ok(()),
            Ok(Put::AlreadyThere) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => {
                // It may have its name without being durable; nothing names it yet.
                let _ = self.remove(&label.blob);
                Err(error)
            }
        }
    }

    /// Opens a blob; the body is its first `label.bytes` bytes.
    pub fn file(&self, name: &str) -> io::Result<(fs::File, u64)> {
        self.folder.open(&checked(name)?)
    }

    /// Reads a blob's label; `None` when the file is not whole.
    pub fn label(&self, name: &str) -> io::Result<Option<Label>> {
        let (mut file, bytes) = self.file(name)?;
        Label::read(&mut file, bytes)
    }

    /// Removes a blob and what lies beside it.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let parts = checked(name)?;
        for later in self.later_retentions(name)? {
            self.folder.remove(&[parts[0], &format!("{name}{UNTIL}{later}")])?;
        }
        self.folder.remove(&parts)
    }

    /// Puts a later retention on disk beside the blob.
    pub fn extend(&self, name: &str, until_ms: i64) -> io::Result<()> {
        let parts = checked(name)?;
        let earlier = self.later_retentions(name)?;
        let mut incoming = self.folder.begin()?;
        self.folder.place(&mut incoming, &[parts[0], &format!("{name}{UNTIL}{until_ms}")])?;
        for earlier in earlier.into_iter().filter(|earlier| *earlier < until_ms) {
            self.folder.remove(&[parts[0], &format!("{name}{UNTIL}{earlier}")])?;
        }
        Ok(())
    }

    /// Retentions that lie beside a blob, in milliseconds since 1970.
    pub fn later_retentions(&self, name: &str) -> io::Result<Vec<i64>> {
        let folder = self.folder.root().join(checked(name)?[0]);
        let start = format!("{name}{UNTIL}");
        let mut found = Vec::new();
        for entry in match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        } {
            let file_name = entry?.file_name();
            let until: Option<i64> =
                file_name.to_str().and_then(|text| text.strip_prefix(&start)?.parse().ok());
            found.extend(until);
        }
        Ok(found)
    }

    /// Temporary files of a process that died, with the label of those that are whole.
    pub fn unfinished(&self) -> io::Result<Vec<(PathBuf, Option<Label>)>> {
        let mut found = Vec::new();
        for path in self.folder.unfinished()? {
            let mut file = fs::File::open(&path)?;
            let bytes = file.metadata()?.len();
            found.push((path, Label::read(&mut file, bytes)?));
        }
        Ok(found)
    }

    /// The blobs of one folder by name, each with the latest retention that lies beside it.
    pub fn folder(&self, folder: &str) -> io::Result<BTreeMap<String, FoundBlob>> {
        let (mut found, mut later) = (BTreeMap::new(), Vec::new());
        for entry in match fs::read_dir(self.folder.root().join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        } {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if is_name(&name) && name.starts_with(folder) {
                let modified = entry.metadata()?.modified()?;
                found.insert(name, FoundBlob { until_ms: None, modified });
            } else if let Some((name, until)) = name.split_once(UNTIL) {
                later.extend(until.parse().ok().map(|until: i64| (name.to_owned(), until)));
            }
        }
        for (name, until) in later {
            if let Some(found) = found.get_mut(&name) {
                found.until_ms = found.until_ms.max(Some(until));
            }
        }
        Ok(found)
    }
}

fn components(name: &str) -> [&str; 2] {
    [&name[..2], name]
}

fn checked(name: &str) -> io::Result<[&str; 2]> {
    if is_name(name) { Ok(components(name)) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(blobs: &Blobs, body: &[u8]) -> String {
        let label = Label { blob: new_name(), bytes: body.len() as u64, ..Label::default() };
        let mut incoming = blobs.begin().unwrap();
        incoming.write(body).unwrap();
        blobs.seal(&mut incoming, &label).unwrap();
        label.blob
    }

    #[test]
    fn retentions_beside_a_blob_grow_and_go_with_it() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let name = stored(&blobs, b"body");
        for until in [5, 9, 7] {
            blobs.extend(&name, until).unwrap();
        }
        assert_eq!(blobs.later_retentions(&name).unwrap().into_iter().max(), Some(9));
        assert_eq!(blobs.folder(&name[..2]).unwrap()[&name].until_ms, Some(9));
        assert_eq!(blobs.label(&name).unwrap().unwrap().bytes, 4);
        blobs.remove(&name).unwrap();
        assert!(blobs.later_retentions(&name).unwrap().is_empty());
        assert!(blobs.file(&name).is_err());
    }

    #[test]
    fn a_name_from_outside_never_leaves_the_tree() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        for bad in ["", "..", "../../etc/passwd", &"A".repeat(32), &"/".repeat(32), &"0".repeat(31)] {
            assert!(blobs.file(bad).is_err() && blobs.remove(bad).is_err());
        }
    }
}
