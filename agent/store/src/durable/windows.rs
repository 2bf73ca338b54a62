//! Windows calls behind [`super::Writer`]. Never: a path that did not come from the writer.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

/// Needed to open a folder (CreateFileW documentation).
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// Opens a reparse point itself instead of what it points to.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// `ERROR_INVALID_FUNCTION` and `ERROR_NOT_SUPPORTED`: what FAT and some shares answer to a hard link.
const NOT_OFFERED: [i32; 2] = [1, 50];

/// Flushes the folder's handle. NTFS journals its entries and flushing a folder may be refused by rights
/// or by the filesystem; the file's own data was flushed before, so a refusal here is not an error.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let opened = OpenOptions::new().write(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(folder);
    match opened {
        Ok(handle) => {
            let _ = handle.sync_all();
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => Ok(()),
    }
}

/// Opens for reading, refusing a reparse point as the last component.
pub(crate) fn open_no_follow(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    if file.metadata()?.file_type().is_symlink() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a link stands in the way"));
    }
    Ok(file)
}

/// Unbuffered reading wants buffers aligned to the sectors of the disk, which a share may not tell: the system's cache may
/// answer.
pub(super) fn let_cache_go(_file: &File) {}

/// std offers only a replacing rename here: the claim is used.
pub(super) fn rename_no_replace(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the filesystem does not offer the call at all.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|code| NOT_OFFERED.contains(&code))
}
