//! The one place that writes a stored file.
//!
//! For: [`crate::dir`]. A body comes in as bytes and ends as a file that is whole, durable and, but in
//! [`Writer::replace`], never replaces another: temporary file in the root, length check, fsync, for chosen ones a reading
//! back, link to the final name without replacing, fsync of the folder (restic `internal/backend/local` keeps the same order).
//! Never: opens a final name for writing, leaves a temporary file after an error, or reports success
//! before the folder entry is on disk.
//!
//! One fsync an object; callers may run in parallel. A group commit would change [`Writer::put_new`] only.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Put;

mod landed;
#[cfg(unix)]
#[path = "durable/unix.rs"]
mod platform;
#[cfg(not(unix))]
#[path = "durable/windows.rs"]
mod platform;
mod stale;

mod incoming;

pub use incoming::{BlobFolder, Incoming, sync_folder};
pub(crate) use platform::open_no_follow;

/// How the name of every temporary file begins. They lie directly in the root, so that finding the stale
/// ones is one folder read.
pub(crate) const TEMPORARY_PREFIX: &str = ".tmp-";

/// How long a writer waits for another process that is placing the very same name.
const CLAIM_PATIENCE: Duration = Duration::from_secs(10);

/// Ways of giving a finished temporary file its final name without replacing, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    /// `link(2)`: atomic and refuses an existing name everywhere it exists.
    HardLink,
    /// `renameat2(RENAME_NOREPLACE)`, for FAT and other filesystems without links.
    RenameNoReplace,
    /// A claim file created exclusively, then a check, then a plain rename.
    Claim,
}

/// Writes files below one root.
#[derive(Debug)]
pub(crate) struct Writer {
    root: PathBuf,
    /// Folders whose own entry is known to be on disk. A folder that another writer has just made may not
    /// be durable yet, so every writer syncs each parent once itself.
    durable_folders: Mutex<HashSet<PathBuf>>,
    /// Whether what crashes left was cleared away.
    has_swept: AtomicBool,
}

impl Writer {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, durable_folders: Mutex::default(), has_swept: AtomicBool::new(false) }
    }

    /// Writes `body` at `components` below the root, durably, unless the name is taken. With its SHA-256 in `proof` the
    /// file is read back first: `InvalidData` when it holds something else, and then the name stays free.
    pub(crate) fn put_new(
        &self,
        components: &[&str],
        body: &[u8],
        proof: Option<&[u8; 32]>,
    ) -> io::Result<Put> {
        let (name, folders) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.durable_folder(folders)?;
        let target = folder.join(name);
        move_aside(&target)?;
        if is_taken(&target)? {
            // Whoever linked it may not have synced the folder yet; the caller will rely on it now.
            platform::sync_folder(&folder)?;
            return Ok(Put::AlreadyThere);
        }
        let temporary = self.write_temporary(body)?;
        if let Some(sha256) = proof {
            temporary.prove(sha256)?;
        }
        let put = self.place(&temporary.path, &target)?;
        drop(temporary);
        platform::sync_folder(&folder)?;
        Ok(put)
    }

    /// Puts `body` in the place of the file at `components`, durably: whoever reads meanwhile sees the old bytes or the
    /// new ones. The name keeps what it has when anything fails.
    pub(crate) fn replace(&self, components: &[&str], body: &[u8]) -> io::Result<()> {
        let (name, folders) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.durable_folder(folders)?;
        let temporary = self.write_temporary(body)?;
        move_aside(&folder.join(name))?;
        fs::rename(&temporary.path, folder.join(name))?;
        platform::sync_folder(&folder)
    }

    /// Creates what is missing of the folder chain and makes each entry durable, top down. The root itself
    /// is never created here: an unplugged disk must not be replaced by an empty folder.
    fn durable_folder(&self, folders: &[&str]) -> io::Result<PathBuf> {
        let mut folder = self.root.clone();
        for component in folders {
            let child = folder.join(component);
            if !self.durable().contains(&child) {
                match fs::create_dir(&child) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => platform::sync_folder(&folder)?,
                }
                self.durable().insert(child.clone());
            }
            folder = child;
        }
        Ok(folder)
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable_folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is remembered about folders, for when one was removed under us.
    pub(crate) fn forget_folders(&self) {
        self.durable().clear();
    }

    fn write_temporary(&self, body: &[u8]) -> io::Result<Temporary> {
        let path = self.root.join(format!("{TEMPORARY_PREFIX}{:032x}", rand::random::<u128>()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let temporary = Temporary { path };
        file.write_all(body)?;
        file.flush()?;
        if file.metadata()?.len() != body.len() as u64 {
            return Err(io::Error::other("the file's length is not what was written"));
        }
        file.sync_all()?;
        if !self.has_swept.swap(true, Ordering::Relaxed) {
            stale::sweep(&self.root, TEMPORARY_PREFIX, &file)?;
        }
        Ok(temporary)
    }

    fn place(&self, temporary: &Path, target: &Path) -> io::Result<Put> {
        let mut unsupported = None;
        for placement in [Placement::HardLink, Placement::RenameNoReplace, Placement::Claim] {
            match self.place_by(placement, temporary, target) {
                Ok(()) => return Ok(Put::Created),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Put::AlreadyThere),
                Err(error) if platform::is_unsupported(&error) => unsupported = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(unsupported.unwrap_or_else(|| io::ErrorKind::Unsupported.into()))
    }

    fn place_by(&self, placement: Placement, temporary: &Path, target: &Path) -> io::Result<()> {
        match placement {
            Placement::HardLink => fs::hard_link(temporary, target),
            Placement::RenameNoReplace => platform::rename_no_replace(temporary, target),
            Placement::Claim => self.rename_under_claim(temporary, target),
        }
    }

    /// Last resort. The claim is held for two system calls only; one left by a crash is swept once it is stale, and
    /// until then the name cannot be written, which is an error and never a replacement.
    fn rename_under_claim(&self, temporary: &Path, target: &Path) -> io::Result<()> {
        let relative = target.strip_prefix(&self.root).unwrap_or(target).to_string_lossy().into_owned();
        let claim = self.root.join(format!("{TEMPORARY_PREFIX}claim-{}", relative.replace(['/', '\\'], "_")));
        let started = std::time::Instant::now();
        let _claim = loop {
            match OpenOptions::new().write(true).create_new(true).open(&claim) {
                Ok(_) => break Temporary { path: claim },
                Err(error) if !is_claimed(&error) => return Err(error),
                Err(_) if is_taken(target)? => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) if started.elapsed() > CLAIM_PATIENCE => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        if is_taken(target)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(temporary, target)
    }
}

/// On Windows a name whose file is being deleted answers "access denied" for a moment.
fn is_claimed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
        || (cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied)
}

fn is_taken(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives what stands in the place of an object and is no file (a folder, a link that a sync program made) another name, so
/// that the object can be written. It may be somebody's: nothing of it is removed.
fn move_aside(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".aside-{:08x}", rand::random::<u32>()));
    match fs::rename(path, &aside) {
        // Somebody else has done it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

/// Makes the entry of `path` in its parent folder durable; used once, for the root.
pub(crate) fn sync_entry(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => platform::sync_folder(parent),
        _ => Ok(()),
    }
}

/// A temporary file that goes away with its owner, on success and on every error.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Reads it back: `InvalidData` when it does not hash to this.
    fn prove(&self, sha256: &[u8; 32]) -> io::Result<()> {
        let file = platform::open_no_follow(&self.path)?;
        platform::let_cache_go(&file);
        match landed::is_as_sent(file, sha256)? {
            true => Ok(()),
            false => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "what was read back is not what was written"))
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename it is gone already; if removal fails, the sweep takes it later.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a file for reading and says how long it is; what is not a plain file is not there.
pub(crate) fn open_plain(path: &Path) -> io::Result<(File, u64)> {
    let not_there = || io::Error::new(io::ErrorKind::NotFound, "not a plain file");
    let file = open_no_follow(path).map_err(|error| {
        // One call more only where there is an error: a link, or a folder on Windows.
        let is_other = fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
        if is_other { not_there() } else { error }
    })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_there());
    }
    Ok((file, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporaries(root: &Path) -> usize {
        fs::read_dir(root)
            .unwrap()
            .filter(|entry| {
                entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX)
            })
            .count()
    }

    #[test]
    fn every_placement_lets_one_of_eight_racers_win_and_keeps_its_content() {
        for placement in [Placement::HardLink, Placement::RenameNoReplace, Placement::Claim] {
            let folder = tempfile::tempdir().unwrap();
            let writer = Writer::new(folder.path().to_owned());
            for round in 0..50 {
                let target = folder.path().join(format!("object{round}"));
                let winners: Vec<u8> = std::thread::scope(|scope| {
                    let racers: Vec<_> = (0..8u8)
                        .map(|racer| {
                            let (writer, target) = (&writer, &target);
                            scope.spawn(move || {
                                let temporary = writer.write_temporary(&[racer; 100]).unwrap();
                                match writer.place_by(placement, &temporary.path, target) {
                                    Ok(()) => Some(racer),
                                    Err(error) => {
                                        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                                        None
                                    }
                                }
                            })
                        })
                        .collect();
                    racers.into_iter().filter_map(|racer| racer.join().unwrap()).collect()
                });
                assert_eq!(winners.len(), 1, "{placement:?}");
                assert_eq!(fs::read(&target).unwrap(), [winners[0]; 100], "{placement:?}");
            }
            assert_eq!(temporaries(folder.path()), 0, "{placement:?}");
        }
    }

    #[test]
    fn a_stale_claim_refuses_and_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::new(folder.path().to_owned());
        let target = folder.path().join("object");
        fs::write(&target, b"first").unwrap();
        fs::write(folder.path().join(".tmp-claim-object"), b"").unwrap();
        let temporary = writer.write_temporary(b"second").unwrap();
        let error = writer.place_by(Placement::Claim, &temporary.path, &target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"first");
    }

    #[test]
    fn nothing_temporary_is_left_after_success_or_error() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::new(folder.path().to_owned());
        assert_eq!(writer.put_new(&["a", "b"], b"x", None).unwrap(), Put::Created);
        assert_eq!(writer.put_new(&["a", "b"], b"y", None).unwrap(), Put::AlreadyThere);
        assert!(writer.put_new(&["a", "b", "c"], b"z", None).is_err());
        assert_eq!(temporaries(folder.path()), 0);
        assert_eq!(fs::read(folder.path().join("a/b")).unwrap(), b"x");
    }

    #[test]
    fn what_reads_back_otherwise_gets_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::new(folder.path().to_owned());
        let mut sum = [0; 32];
        // Of the largest body that is not read in one piece, and of another.
        let body = vec![7; 200_000];
        sum.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref());
        let error = writer.put_new(&["a", "b"], &body[1..], Some(&sum)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(!folder.path().join("a/b").exists());
        assert_eq!(temporaries(folder.path()), 0);
        assert_eq!(writer.put_new(&["a", "b"], &body, Some(&sum)).unwrap(), Put::Created);
        assert_eq!(fs::read(folder.path().join("a/b")).unwrap(), body);
    }

    #[test]
    fn a_missing_root_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("unplugged");
        assert!(Writer::new(root.clone()).put_new(&["a", "b"], b"x", None).is_err());
        assert!(!root.exists());
    }
}
