//! Temporary files that crashes left in the state folder: they may hold as much as what they were to become.
//!
//! Called by whoever takes the folder. Never: fails, or touches what is not one of our own temporary files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::platform::TEMPORARY_PREFIX;

/// Removes temporary files in `folder` last written `older_than` ago. One that cannot be removed stays.
pub(in crate::repo) fn sweep(folder: &Path, older_than: Duration) {
    let now = clock::of_files();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age >= older_than));
        if is_ours && (is_old || older_than.is_zero()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_crash_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let names = [".tmp-old", ".tmp-young", ".tmp-future", crate::repo::files::HEAD]
            .map(|name| folder.path().join(name));
        let hour = Duration::from_secs(3600);
        let now = clock::of_files();
        for (path, time) in names.iter().zip([now - hour * 2, now, now + hour * 2, now - hour * 2]) {
            let file = fs::File::create(path).unwrap();
            file.set_modified(time).unwrap();
        }
        let left = || names.iter().filter(|path| path.exists()).count();
        sweep(folder.path(), hour);
        assert_eq!(left(), 3);
        sweep(folder.path(), Duration::ZERO);
        assert_eq!(left(), 1);
        sweep(&folder.path().join("none"), hour);
    }
}
