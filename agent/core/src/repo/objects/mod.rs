//! The objects of one repository in one store, by their names of FORMAT.md §1.
//!
//! For: every reader and writer of the agent. Data comes from the store and is hostile until its hash, its
//! signature or its seal was checked; it goes to `keyring`, `history`, `restore` and `verify`, and comes from the
//! writing side as finished objects. One place decides how hard an object is looked for: a wrong or empty answer is asked
//! for once more, then older versions are looked through, and [`Oddities`] counts both. Names that FORMAT.md does not
//! know are passed over. What is small and proven is offered to the copies of this PC ([`Kept`]). Never: opens a seal,
//! replaces an object that is what it should be, or believes a name.

pub(in crate::repo) mod copies;
pub mod destination;
pub mod listed;
pub mod mend;
pub mod oddities;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::layout;
use scelle_store::{ErrorKind, Key, ObjectMeta, Put, Store, StoreError, Version};

use crate::error::{AgentError, Fault, Result};
use crate::repo::kept::{Kept, hash_in};
use crate::repo::objects::oddities::Oddities;

/// Versions of one name that are looked through for the right one.
const VERSIONS_MAX: usize = 1000;

/// Where sound bytes of an object were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundAt {
    /// In its place.
    Current,
    /// In an older version: a delete marker hides it, or it was written over.
    Older,
}

/// A repository's objects. Clones share what they saw.
#[derive(Clone, Debug)]
pub struct Objects {
    pub(in crate::repo) store: Arc<dyn Store>,
    pub(in crate::repo) repository: RepositoryId,
    pub(in crate::repo) oddities: Arc<Oddities>,
    kept: Option<Kept>,
}

impl Objects {
    /// The objects below `<repository>/` in `store`.
    pub fn new(store: Arc<dyn Store>, repository: RepositoryId) -> Self {
        Self { store, repository, oddities: Arc::default(), kept: None }
    }

    /// [`Self::new`] on a PC that keeps copies of what is small.
    pub fn keeping(mut self, kept: Kept) -> Self {
        self.kept = Some(kept);
        self
    }

    /// The copies of this PC.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Offers an object to the copies of this PC. Its bytes are proven: by their hash, a signature, or because this PC
    /// has made them.
    pub async fn keep(&self, name: &str, bytes: &Bytes) {
        let Some(kept) = self.kept.clone().filter(|_| Kept::takes(name)) else { return };
        let (name, bytes) = (name.to_owned(), bytes.clone());
        // Not to have a copy is no failure.
        let _ = tokio::task::spawn_blocking(move || kept.keep(&name, &bytes)).await;
    }

    /// [`Self::keep`] for several.
    pub async fn keep_all(&self, proven: Vec<(String, Bytes)>) {
        let Some(kept) = self.kept.clone().filter(|_| !proven.is_empty()) else { return };
        let keep = move || proven.iter().for_each(|(name, bytes)| kept.keep(name, bytes));
        let _ = tokio::task::spawn_blocking(keep).await;
    }

    /// What was odd about the store's answers.
    pub fn oddities(&self) -> &Arc<Oddities> {
        &self.oddities
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The repository's name.
    pub fn repository(&self) -> &RepositoryId {
        &self.repository
    }

    /// The store's key of an object of this repository.
    pub fn key(&self, name: &str) -> Result<Key> {
        Key::new(layout::in_repository(&self.repository, name))
            .ok_or_else(|| AgentError::object_corrupt().because("a name that is no object's name"))
    }

    /// Reads an object whose name says nothing about its content, at most `max_bytes`. A larger one is damage.
    pub async fn get_named(&self, name: &str, max_bytes: u64) -> Result<Bytes> {
        self.find_named(name, max_bytes).await?.ok_or_else(|| AgentError::object_missing().at(name))
    }

    /// [`Self::get_named`], `None` where there is no such object. One that a delete marker hides is read in its oldest
    /// version: an attacker can only have come after the writer.
    pub async fn find_named(&self, name: &str, max_bytes: u64) -> Result<Option<Bytes>> {
        match self.get_twice(name, max_bytes, |_| true).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Fault::Here(wrong)) if wrong.is_absent => {
                let older = self.version_where(name, max_bytes, |_| true).await?;
                if older.is_some() {
                    self.oddities.note_hidden(name);
                }
                Ok(older)
            }
            Err(fault) => Err(fault.here()?.error),
        }
    }

    /// Reads an object that must hash to `sha256`, however hard it is to find.
    ///
    /// Errors: exit 13 naming the object when no version has that hash.
    pub async fn get_hashed(&self, name: &str, sha256: &Sha256, max_bytes: u64) -> Result<Bytes> {
        Ok(self.find_hashed(name, sha256, max_bytes).await?.0)
    }

    /// [`Self::get_hashed`], and where it was found.
    pub async fn find_hashed(&self, name: &str, sha256: &Sha256, max_bytes: u64) -> Result<(Bytes, FoundAt)> {
        let found = self.find_unproven(name, sha256, max_bytes).await?;
        self.keep(name, &found.0).await;
        Ok(found)
    }

    /// [`Self::find_hashed`] of what nobody names, such as a note that is merely listed: who may write gives any bytes the name
    /// that their hash asks for. Not offered to the copies: the caller does so where a signature proves it ([`Self::keep`]).
    pub async fn find_unproven(
        &self,
        name: &str,
        sha256: &Sha256,
        max_bytes: u64,
    ) -> Result<(Bytes, FoundAt)> {
        let is_right = |bytes: &[u8]| Sha256::of(bytes) == *sha256;
        let wrong = match self.get_twice(name, max_bytes, is_right).await {
            Ok(bytes) => return Ok((bytes, FoundAt::Current)),
            Err(fault) => fault.here()?,
        };
        match self.look_through(name, max_bytes, is_right).await? {
            Older::Found(bytes) => {
                match wrong.is_absent {
                    true => self.oddities.note_hidden(name),
                    false => self.oddities.note_overwritten(name),
                }
                Ok((bytes, FoundAt::Older))
            }
            Older::None => Err(wrong.error),
            Older::NotAllowed => Err(wrong.error.older_version_may_exist()),
        }
    }

    /// The object, or its oldest version, that `accepts`: for what must be signed or opened to be believed. The caller has
    /// refused it once.
    pub async fn find_where(
        &self,
        name: &str,
        max_bytes: u64,
        accepts: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<(Bytes, FoundAt)>> {
        let key = self.key(name)?;
        let is_absent = match self.store.get(&key, max_bytes).await {
            Ok(bytes) if accepts(&bytes) => {
                self.oddities.note_answered_wrongly(name);
                return Ok(Some((bytes, FoundAt::Current)));
            }
            Ok(_) => false,
            Err(error) if matters_to_one_object(error.kind) => error.kind == ErrorKind::NotFound,
            Err(error) => return Err(error.into()),
        };
        let older = self.version_where(name, max_bytes, accepts).await?;
        if older.is_some() {
            match is_absent {
                true => self.oddities.note_hidden(name),
                false => self.oddities.note_overwritten(name),
            }
        }
        Ok(older.map(|bytes| (bytes, FoundAt::Older)))
    }

    /// Asks for an object, and once more where the answer is wrong: a cache or a line may have been, not the store.
    async fn get_twice(
        &self,
        name: &str,
        max_bytes: u64,
        is_right: impl Fn(&[u8]) -> bool,
    ) -> Result<Bytes, Fault<NotSound>> {
        let key = self.key(name)?;
        let mut wrong = None;
        for _ in 0..2 {
            wrong = Some(match self.store.get(&key, max_bytes).await {
                Ok(bytes) if is_right(&bytes) => {
                    if wrong.is_some() {
                        self.oddities.note_answered_wrongly(name);
                    }
                    return Ok(bytes);
                }
                Ok(_) => {
                    let error = AgentError::object_corrupt().at(name);
                    NotSound { is_absent: false, error: error.because("its bytes do not hash to its name") }
                }
                Err(error) if matters_to_one_object(error.kind) => NotSound {
                    is_absent: error.kind == ErrorKind::NotFound,
                    error: too_large_is_damage(error, name),
                },
                Err(error) => return Err(AgentError::from(error).into()),
            });
        }
        let absent = || NotSound { is_absent: true, error: AgentError::object_missing().at(name) };
        Err(Fault::Here(wrong.unwrap_or_else(absent)))
    }

    /// The oldest of at most 1 000 versions of an object that `accepts`; `None` where there is none, or none to be seen.
    pub async fn version_where(
        &self,
        name: &str,
        max_bytes: u64,
        accepts: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Bytes>> {
        match self.look_through(name, max_bytes, accepts).await? {
            Older::Found(bytes) => Ok(Some(bytes)),
            Older::None | Older::NotAllowed => Ok(None),
        }
    }

    async fn look_through(
        &self,
        name: &str,
        max_bytes: u64,
        accepts: impl Fn(&[u8]) -> bool,
    ) -> Result<Older> {
        let key = self.key(name)?;
        let Some(locks) = self.store.locks() else { return Ok(Older::None) };
        let Some(versions) = self.versions(name).await? else { return Ok(Older::NotAllowed) };
        let mut is_closed = false;
        for version in versions.iter().rev().filter(|v| !v.delete_marker && v.bytes <= max_bytes) {
            match locks.get_version(&key, &version.id, max_bytes).await {
                Ok(bytes) if accepts(&bytes) => return Ok(Older::Found(bytes)),
                Err(error) if error.kind == ErrorKind::Denied => is_closed = true,
                Ok(_) => {}
                Err(error) if matters_to_one_object(error.kind) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if is_closed {
            self.oddities.note_versions_closed();
        }
        Ok(if is_closed { Older::NotAllowed } else { Older::None })
    }

    /// Whether the store has any version of this size, to be seen by this credential. Reads none.
    pub async fn has_version(&self, name: &str, bytes: u64) -> Result<bool> {
        let versions = self.versions(name).await?;
        Ok(versions.is_some_and(|all| all.iter().any(|v| !v.delete_marker && v.bytes == bytes)))
    }

    /// The newest 1 000 versions of an object; `None` where they may not be seen.
    async fn versions(&self, name: &str) -> Result<Option<Vec<Version>>> {
        let Some(locks) = self.store.locks() else { return Ok(Some(Vec::new())) };
        match locks.versions(&self.key(name)?, VERSIONS_MAX).await {
            Ok(versions) => Ok(Some(versions)),
            Err(error) if error.kind == ErrorKind::Denied => {
                self.oddities.note_versions_closed();
                Ok(None)
            }
            // No versions: then there is nothing to look through.
            Err(error) if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::NotFound) => {
                Ok(Some(Vec::new()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a range of an object (end exclusive), cut at its end.
    pub async fn range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let key = self.key(name)?;
        self.store.get_range(&key, range).await.map_err(|error| too_large_is_damage(error, name))
    }

    /// Writes an object durably, or leaves the one that is there.
    pub async fn put_new(&self, name: &str, body: impl Into<Bytes>) -> Result<Put> {
        let body = body.into();
        let sha256 = Sha256::of(&body);
        let put = self.store.put_new(&self.key(name)?, body.clone(), sha256.0).await?;
        // What was there already may be another's.
        if put == Put::Created || hash_in(name) == Some(sha256) {
            self.keep(name, &body).await;
        }
        Ok(put)
    }

    /// [`Self::put_new`] for bytes whose SHA-256 is already known.
    pub async fn put_new_hashed(&self, name: &str, body: Bytes, sha256: &Sha256) -> Result<Put> {
        let key = self.key(name)?;
        // Side by side: the disk of this PC is not what is waited for.
        let (put, ()) =
            tokio::join!(self.store.put_new(&key, body.clone(), sha256.0), self.keep(name, &body));
        Ok(put?)
    }

    /// Puts an object in the place of other bytes that lie under its name.
    pub async fn replace(&self, name: &str, body: Bytes) -> Result<()> {
        let sha256 = Sha256::of(&body);
        Ok(self.store.replace(&self.key(name)?, body, sha256.0).await?)
    }

    /// What stands in an object's place, and nowhere else.
    pub async fn in_place(&self, name: &str, max_bytes: u64) -> Result<InPlace> {
        match self.store.get(&self.key(name)?, max_bytes).await {
            Ok(bytes) => Ok(InPlace::Bytes(bytes)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(InPlace::Nothing),
            Err(error) if matters_to_one_object(error.kind) => Ok(InPlace::Unreadable),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the store has an object with this size; one that must be read back is read and hashed.
    pub async fn is_whole(&self, name: &str, sha256: &Sha256, bytes: u64) -> Result<bool> {
        if !self.store.must_be_read_back() {
            return Ok(self.head(name).await?.is_some_and(|meta| meta.bytes == bytes));
        }
        match self.get_twice(name, bytes, |stored| Sha256::of(stored) == *sha256).await {
            Ok(_) => Ok(true),
            Err(fault) => fault.here().map(|_| false),
        }
    }

    /// Size and time of an object, `None` where it is not.
    pub async fn head(&self, name: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.store.head(&self.key(name)?).await?)
    }
}

/// What stands in an object's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// These bytes, whatever they are.
    Bytes(Bytes),
    /// Nothing, or a delete marker.
    Nothing,
    /// Something larger than asked for, or that cannot be read.
    Unreadable,
}

/// Why an answer is not the object.
struct NotSound {
    is_absent: bool,
    error: AgentError,
}

/// What looking through the versions of an object came to.
enum Older {
    Found(Bytes),
    None,
    /// The credential may not see or read them.
    NotAllowed,
}

/// Whether an error says something about this object only, not about the store.
fn matters_to_one_object(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid)
}

fn too_large_is_damage(error: StoreError, name: &str) -> AgentError {
    match error.kind {
        ErrorKind::Invalid | ErrorKind::Corrupt => {
            AgentError::object_corrupt().at(name).because(format!("{}: {}", error.operation, error.detail))
        }
        ErrorKind::NotFound => AgentError::object_missing().at(name),
        _ => error.into(),
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
