//! One epoch's key file: which revision opens for whoever holds a key, and holds the identity that the descriptor names.
//!
//! For: `keyring`. Data comes from `keys/e<k>/`, from older versions and from copies in full refs. Never: believes a file
//! because it opens; the hash in the descriptor decides.

use bytes::Bytes;
use scelle_format::crypto::{CryptoError, PqIdentity, open_bytes};
use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::limits;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::key_files::KeyFiles;
use crate::repo::objects::Objects;
use crate::repo::objects::copies::Copies;

/// An epoch's identity that is looked for.
pub(in crate::repo) struct WantedEpoch<'a> {
    pub(in crate::repo) prefix: String,
    pub(in crate::repo) repository: &'a RepositoryId,
    pub(in crate::repo) expected: &'a Sha256,
    pub(in crate::repo) holder: &'a PqIdentity,
}

/// A file that holds the identity that the descriptor names.
pub(in crate::repo) struct OpenedEpoch {
    pub(in crate::repo) name: String,
    pub(in crate::repo) sealed: Bytes,
    pub(in crate::repo) identity: PqIdentity,
}

/// What trying all revisions of an epoch's file came to.
#[derive(Default)]
pub(in crate::repo) struct TriedFiles {
    /// The file that opened.
    pub(in crate::repo) opened: Option<OpenedEpoch>,
    /// Files that are not for this holder: written for others, or put there from elsewhere.
    pub(in crate::repo) unmatched: Vec<String>,
    /// Files that are damaged or say something else than the descriptor.
    pub(in crate::repo) wrong: Vec<Finding>,
}

impl WantedEpoch<'_> {
    /// Opens the first file that holds the identity.
    pub(in crate::repo) fn open(&self, files: Vec<(&str, &Bytes)>) -> TriedFiles {
        let mut tried = TriedFiles::default();
        for (name, sealed) in files {
            let text = open_bytes(sealed, &[self.holder], limits::KEY_FILE_MAX_BYTES as u64);
            let kind = match text.map(Zeroizing::new) {
                Ok(text) => match IdentityFile::parse(&text, "scelle epoch 1", self.repository) {
                    Some(file) if file.identity.recipient().sha256() == self.expected.0 => {
                        let (name, sealed) = (name.to_owned(), sealed.clone());
                        tried.opened = Some(OpenedEpoch { name, sealed, identity: file.identity });
                        break;
                    }
                    _ => FindingKind::KeyForged,
                },
                Err(CryptoError::NoMatch) => {
                    tried.unmatched.push(name.to_owned());
                    continue;
                }
                Err(_) => FindingKind::KeyUnreadable,
            };
            tried.wrong.push(Finding::new(kind, name));
        }
        tried
    }
}

impl WantedEpoch<'_> {
    /// Opens a copy in full refs, and notes what is wrong with the files it stands for.
    pub(in crate::repo) fn open_copy(&self, tried: &mut TriedFiles, copies: &Copies) {
        tried.opened = self.open(copies.highest_first(&self.prefix)).opened;
        let is_mine = tried.opened.is_some();
        if tried.wrong.is_empty() && tried.unmatched.is_empty() {
            let name = tried.opened.as_ref().map_or(self.prefix.as_str(), |opened| opened.name.as_str());
            tried.wrong.push(Finding::new(FindingKind::KeyMissing, name));
        }
        // A file for other holders only is sound, unless a copy of it was for this one.
        let replaced = std::mem::take(&mut tried.unmatched).into_iter().filter(|_| is_mine);
        tried.wrong.extend(replaced.map(|name| Finding::new(FindingKind::KeyUnreadable, name)));
    }

    /// Opens what was hidden, or written over, or answered wrongly, in an older version or a second answer.
    pub(in crate::repo) async fn open_older(
        &self,
        objects: &Objects,
        files: &KeyFiles,
    ) -> Result<Option<OpenedEpoch>> {
        let max = limits::KEY_FILE_MAX_BYTES as u64;
        let hidden = objects.list_hidden(&self.prefix).await?.into_iter().map(|row| row.name);
        let own = files.newest_first(&self.prefix).into_iter().map(|(name, _)| name.to_owned());
        for name in hidden.chain(own) {
            let opens = |bytes: &[u8]| {
                let sealed = Bytes::copy_from_slice(bytes);
                self.open(vec![(name.as_str(), &sealed)]).opened.is_some()
            };
            if let Some((sealed, _)) = objects.find_where(&name, max, opens).await? {
                return Ok(self.open(vec![(name.as_str(), &sealed)]).opened);
            }
        }
        Ok(None)
    }
}

/// A text age identity file with our comment lines.
pub(in crate::repo) struct IdentityFile<'a> {
    pub(in crate::repo) comments: Vec<&'a str>,
    pub(in crate::repo) identity: PqIdentity,
}

impl<'a> IdentityFile<'a> {
    pub(in crate::repo) fn parse(text: &'a [u8], heading: &str, repository: &RepositoryId) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut comments = Vec::new();
        let mut identity = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(comment) => comments.push(comment.trim()),
                None if identity.is_none() => identity = Some(PqIdentity::parse(line).ok()?),
                None => return None,
            }
        }
        let file = Self { comments, identity: identity? };
        let ours =
            file.comments.contains(&heading) && file.comment("repository") == Some(repository.as_str());
        ours.then_some(file)
    }

    pub(in crate::repo) fn comment(&self, key: &str) -> Option<&'a str> {
        self.comments.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    }
}
