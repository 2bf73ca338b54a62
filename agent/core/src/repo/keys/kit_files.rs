//! The files of a recovery kit: the kit and its page hold the secret, the public half does not.
//!
//! From a kit that was just made to files that only their owner may read. Never: overwrites one, or leaves a part of a kit of
//! which nobody was told.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::error::Result;
use crate::repo::state::new_file::{write_new, write_private};

/// Where the files of a kit lie.
pub struct KitFiles {
    /// The kit, with the secret.
    pub kit: PathBuf,
    /// The page to be printed, with the secret.
    pub page: PathBuf,
    /// The public half.
    pub public: PathBuf,
}

impl KitFiles {
    /// `kit.txt` → `kit.txt`, `kit.txt.html`, `kit.txt.pub`.
    pub fn at(kit: &Path) -> Self {
        let beside = |suffix: &str| {
            let mut name = kit.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self { kit: kit.to_owned(), page: beside(".html"), public: beside(".pub") }
    }

    /// Names of those that hold the secret.
    pub fn secret_names(&self) -> Vec<String> {
        [&self.kit, &self.page].map(|path| file_name(path)).to_vec()
    }

    /// Name of the public half.
    pub fn public_name(&self) -> String {
        file_name(&self.public)
    }

    /// Writes all of them, or none.
    ///
    /// Errors: exit 1 one of them is there already.
    pub fn write(&self, kit: &SecretString, page: &SecretString, public: &str) -> Result<()> {
        write_private(&self.kit, kit)?;
        let rest = write_private(&self.page, page).and_then(|()| {
            let written = write_new(&self.public, public.as_bytes(), false);
            written.inspect_err(|_| drop(std::fs::remove_file(&self.page)))
        });
        rest.inspect_err(|_| drop(std::fs::remove_file(&self.kit)))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
