//! The folders of the source, held by handle: the one way from a path of the walk to what stands there.
//!
//! The walk reads ahead, so folders are opened again when files are read; each time from the top, with no link followed
//! on the way, and never by a path that the system resolves by itself. Few handles are kept, whatever the tree. Data
//! comes from `platform`, goes to the scan and the workers. Never: follows a link, writes, logs a name.

use super::EntryPath;
use crate::platform::{Attributes, SourceFolder, Stat};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Handles kept at a time: workers read neighbours, so a few are enough, and `ulimit -n 256` leaves no more.
const KEPT_MAX: usize = 16;

/// Folders that were used last.
#[derive(Default)]
pub struct Folders {
    /// The most recent one last.
    kept: Mutex<Vec<OpenFolder>>,
}

/// A folder's path in the format's form, and its handle.
type OpenFolder = (Box<[u8]>, Arc<SourceFolder>);

impl Folders {
    /// Opens a regular file and looks at what was opened; see [`crate::platform::open_for_reading`]. A link in place of
    /// the file or of a folder on its way is `NotADirectory`.
    pub fn open_file(&self, path: &EntryPath) -> io::Result<(File, Stat)> {
        self.within(path.parent_bytes(), |folder| folder.open_file(path.name()))
    }

    /// What an entry carries beyond its `Stat`, for what is not opened. Fails when its folder cannot be opened.
    pub fn attributes(&self, path: &EntryPath, stat: &Stat) -> io::Result<Attributes> {
        self.within(path.parent_bytes(), |folder| Ok(folder.attributes(path.name(), stat)))
    }

    /// Does `what` in the folder; once more when nothing was found in one that was opened some time ago: another may have
    /// taken its place.
    fn within<T>(&self, directory: &[u8], what: impl Fn(&SourceFolder) -> io::Result<T>) -> io::Result<T> {
        if let Some(kept) = self.kept(directory) {
            match what(&kept) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        let fresh = Arc::new(SourceFolder::open(directory)?);
        self.keep(directory, fresh.clone());
        what(&fresh)
    }

    fn kept(&self, directory: &[u8]) -> Option<Arc<SourceFolder>> {
        let mut kept = self.kept.lock();
        let at = kept.iter().rposition(|(path, _)| **path == *directory)?;
        let found = kept[at].1.clone();
        if at + 1 < kept.len() {
            let row = kept.remove(at);
            kept.push(row);
        }
        Some(found)
    }

    fn keep(&self, directory: &[u8], folder: Arc<SourceFolder>) {
        let mut kept = self.kept.lock();
        kept.retain(|(path, _)| **path != *directory);
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push((directory.into(), folder));
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn read(folders: &Folders, path: &std::path::Path) -> io::Result<String> {
        let (mut file, _) = folders.open_file(&EntryPath::from_os(path).unwrap())?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn handles_are_few_and_a_folder_that_was_replaced_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let folders = Folders::default();
        for number in 0..3 * KEPT_MAX {
            let sub = root.join(number.to_string());
            std::fs::create_dir(&sub).unwrap();
            std::fs::write(sub.join("file"), number.to_string()).unwrap();
            assert_eq!(read(&folders, &sub.join("file")).unwrap(), number.to_string());
        }
        assert_eq!(folders.kept.lock().len(), KEPT_MAX);
        // A program that writes a new folder and puts it in the old one's place.
        let last = root.join((3 * KEPT_MAX - 1).to_string());
        std::fs::remove_dir_all(&last).unwrap();
        std::fs::create_dir(&last).unwrap();
        std::fs::write(last.join("file"), "anew").unwrap();
        assert_eq!(read(&folders, &last.join("file")).unwrap(), "anew");
        // A link in its place leads nowhere.
        std::fs::create_dir(root.join("outside")).unwrap();
        std::fs::write(root.join("outside/file"), "OUTSIDE").unwrap();
        std::fs::remove_dir_all(&last).unwrap();
        symlink(root.join("outside"), &last).unwrap();
        assert_eq!(read(&folders, &last.join("file")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
