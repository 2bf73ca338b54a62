//! Exact copies of the small objects of a repository, on this PC: what a store loses or spoils is put back from them,
//! byte for byte, under the name that signed notes know.
//!
//! Notes, roots, refs, records, descriptors, key files, FORMAT.txt, index segments and manifest packs come from [`Objects`],
//! which offers what it has written and what it has read and proven, and go to [`crate::repo::objects::mend`]. They are what the store
//! has: sealed, or signed text. Bounded: at most 256 MiB of index segments, 256 MiB of manifest packs and 256 MiB of notes
//! and attachments, the oldest go first, and no object above 64 MiB. Never: fails a run, syncs a disk (a copy that a power cut tore
//! does not hash to itself, and is none), or is believed without its hash.
//!
//! [`Objects`]: crate::repo::objects::Objects

pub(crate) mod kept_store;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use scelle_format::id::Sha256;
use scelle_format::layout;

use crate::platform::TEMPORARY_PREFIX;
use crate::repo::files;

/// Bound of each of the three sorts, in bytes.
pub const SORT_MAX_BYTES: u64 = 256 << 20;
/// Files of each sort: a year of hourly runs and room.
const SORT_MAX_FILES: usize = 50_000;
/// No larger object is kept.
const OBJECT_MAX_BYTES: usize = 64 << 20;
/// Before the bytes stands their SHA-256.
const HASH_BYTES: usize = 32;

/// The copies of one repository.
#[derive(Clone, Debug)]
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// The copies in a state folder. Touches nothing.
    pub fn of(state_folder: &Path) -> Self {
        Self { folder: state_folder.join(files::KEPT) }
    }

    /// The folder they lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether objects of this name are kept at all: not data packs, and nothing that the format does not name.
    pub fn takes(name: &str) -> bool {
        layout::is_named(name) && !name.starts_with("p/") && !name.starts_with("probe/")
    }

    /// Keeps a copy, where there is none yet: the first counts. The caller has proven the bytes.
    pub fn keep(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        // As long as it should be, it counts until somebody reads it; a file that a power cut left empty is none.
        let is_there = path.symlink_metadata().is_ok_and(|there| there.len() >= HASH_BYTES as u64);
        if !Self::takes(name) || bytes.len() > OBJECT_MAX_BYTES || is_there {
            return;
        }
        // No room, no right: then there is no copy, and the run goes on.
        let _ = self.write(&path, bytes);
    }

    /// The copy of an object, proven again.
    pub fn copy(&self, name: &str) -> Option<Bytes> {
        let stored = Bytes::from(fs::read(self.path(name)).ok()?);
        // What a power cut left of one may be empty.
        let bytes = stored.slice(HASH_BYTES.min(stored.len())..);
        let sha256 = Sha256::of(&bytes);
        let is_sound = stored.starts_with(&sha256.0) && hash_in(name).is_none_or(|named| named == sha256);
        if !is_sound {
            // Out of the way, so that a sound one can be kept.
            let _ = fs::remove_file(self.path(name));
        }
        is_sound.then_some(bytes)
    }

    /// Names of the copies that begin with `prefix`, ascending, proven or not. Reads the folder.
    pub fn names_below(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self.rows().into_iter().map(|row| row.name).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        names
    }

    /// Names of the copies, and the sizes of their objects in bytes, proven or not. Reads the folder.
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let size = |row: KeptFile| (row.name, row.bytes.saturating_sub(HASH_BYTES as u64));
        self.rows().into_iter().map(size).collect()
    }

    /// Lets the oldest copies go where there are too many.
    pub fn sweep(&self) {
        self.sweep_to(SORT_MAX_BYTES, SORT_MAX_FILES);
    }

    fn sweep_to(&self, max_bytes: u64, max_files: usize) {
        let mut rows = self.rows();
        rows.sort_by(|a, b| (b.kept, &b.name).cmp(&(a.kept, &a.name)));
        let mut held = [(0u64, 0usize); 3];
        for row in rows {
            let Some(sort) = sort_of(&row.name) else { continue };
            let (bytes, files) = &mut held[sort];
            if *bytes + row.bytes <= max_bytes && *files < max_files {
                (*bytes, *files) = (*bytes + row.bytes, *files + 1);
            } else {
                let _ = fs::remove_file(self.path(&row.name));
            }
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder)?;
            crate::platform::make_private(&self.folder)?;
        }
        let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(&self.folder)?;
        file.write_all(&Sha256::of(bytes).0)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Names of objects have no `_`.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name.replace('/', "_"))
    }

    fn rows(&self) -> Vec<KeptFile> {
        let Ok(files) = fs::read_dir(&self.folder) else { return Vec::new() };
        let row = |file: fs::DirEntry| {
            let metadata = file.metadata().ok()?;
            let name = file.file_name().to_str()?.replace('_', "/");
            let kept = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if metadata.len() < HASH_BYTES as u64 {
                return None;
            }
            Some(KeptFile { name, bytes: metadata.len(), kept })
        };
        files.filter_map(|file| row(file.ok()?)).collect()
    }
}

/// One copy.
struct KeptFile {
    name: String,
    bytes: u64,
    kept: SystemTime,
}

/// Index segments and manifest packs grow with what is backed up: they must not drive out what is small. Descriptors, key
/// files and FORMAT.txt are few, and stay.
fn sort_of(name: &str) -> Option<usize> {
    match name.split('/').next() {
        Some("i") => Some(0),
        Some("m") => Some(1),
        Some("a" | "c") => Some(2),
        _ => None,
    }
}

/// The SHA-256 that an object's name holds, where it holds one.
pub fn hash_in(name: &str) -> Option<Sha256> {
    let last = name.rsplit('/').next()?;
    let last = last.strip_suffix(".note").map_or(last, |stem| stem.rsplit('-').next().unwrap_or(stem));
    Sha256::parse(last).ok()
}

#[cfg(test)]
mod tests {
    use scelle_format::id::DeviceId;

    use super::*;

    #[test]
    fn a_copy_is_what_was_kept_first_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path());
        let name = layout::descriptor(7);
        assert_eq!(kept.copy(&name), None);
        kept.keep(&name, b"first");
        kept.keep(&name, b"second");
        assert_eq!(kept.copy(&name).unwrap(), b"first"[..]);
        assert_eq!(kept.names_below("desc/"), std::slice::from_ref(&name));
        // Torn, as a power cut may leave it.
        fs::write(kept.path(&name), b"short").unwrap();
        assert_eq!(kept.copy(&name), None);
        // Its name is another's: a copy of an attachment must hash to its name.
        let wrong = layout::attachment(&Sha256([1; 32]));
        kept.keep(&wrong, b"bytes");
        assert_eq!(kept.copy(&wrong), None);
        for stranger in ["p/e0/ab/cd", "probe/x", "desc/.DS_Store", "../outside"] {
            kept.keep(stranger, b"x");
            assert_eq!(kept.copy(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn the_oldest_go_first_and_each_sort_has_its_own_bound() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path());
        let device = DeviceId::parse("0011223344556677").unwrap();
        let segment = |n| layout::index_segment(&device, &Sha256([n; 32]));
        for n in 1..=4 {
            kept.keep(&segment(n), &[n; 100]);
            kept.keep(&layout::attachment(&Sha256([n; 32])), &[n; 100]);
            kept.keep(&layout::descriptor(n.into()), &[n; 100]);
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n.into());
            for name in [segment(n), layout::attachment(&Sha256([n; 32])), layout::descriptor(n.into())] {
                fs::File::options().write(true).open(kept.path(&name)).unwrap().set_modified(at).unwrap();
            }
        }
        kept.sweep_to(300, 100);
        assert_eq!(kept.names_below("i/"), [segment(3), segment(4)]);
        assert_eq!(kept.names_below("a/").len(), 2);
        kept.sweep_to(300, 1);
        assert_eq!(kept.names_below("i/"), [segment(4)]);
        assert_eq!(kept.names_below("desc/").len(), 4, "few, and without them all is lost");
    }
}
