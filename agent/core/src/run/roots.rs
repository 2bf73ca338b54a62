//! Folders of a run, as they are compared: absolute, and named together without saying which.
//!
//! From what was typed or configured to roots and the name of their set. Never: looks whether they are there.

use std::path::PathBuf;

use crate::error::Result;
use crate::platform::os_to_bytes;
use crate::repo::state::Device;

/// Folders as a run goes through them, each once.
pub(super) fn absolute_roots(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut roots: Vec<PathBuf> = Vec::with_capacity(paths.len());
    for path in paths {
        // A separator at its end, which completion puts there, makes no other folder of it.
        let root: PathBuf = std::path::absolute(path)?.components().collect();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    Ok(roots)
}

/// Names a set of roots without saying which: runs are compared within it.
pub(super) fn set_id(device: &Device, roots: &[PathBuf]) -> String {
    let mut names: Vec<Vec<u8>> = roots.iter().map(|root| os_to_bytes(root.as_os_str())).collect();
    names.sort();
    names.dedup();
    let hash = blake3::keyed_hash(&device.secret.token_key(), &names.join(&0));
    hex::encode(&hash.as_bytes()[..6])
}

/// The set of a run of these folders, as they were given.
///
/// Errors: exit 1 the system does not say where it stands.
pub fn set_of(device: &Device, paths: &[PathBuf]) -> Result<String> {
    Ok(set_id(device, &absolute_roots(paths)?))
}
