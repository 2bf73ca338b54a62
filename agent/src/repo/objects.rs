//! The objects of one repository in one store, by their names of FORMAT.md §1.
//!
//! For: every reader and writer of the agent. Data comes from the store and is hostile until its hash, its
//! signature or its seal was checked; it goes to `keyring`, `history`, `restore` and `verify`, and comes from the
//! writing side as finished objects. Never: opens a seal, replaces an object, or believes a name.

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::layout;
use scelle_store::{ErrorKind, Key, ObjectMeta, Put, Store, StoreError};

use crate::error::{AgentError, Result};

/// Versions of one name that are looked through for the right one.
const VERSIONS_MAX: usize = 1000;
/// Rows asked for at a time.
const PAGE_ROWS: usize = 1000;

/// One row of a listing, its name relative to the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name without `<repo-id>/`.
    pub name: String,
    /// Stored size in bytes.
    pub bytes: u64,
    /// The store's own time of last modification, where it gives one.
    pub modified: Option<SystemTime>,
}

/// A repository's objects.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn Store>,
    repository: RepositoryId,
}

impl Objects {
    /// The objects below `<repository>/` in `store`.
    pub fn new(store: Arc<dyn Store>, repository: RepositoryId) -> Self {
        Self { store, repository }
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
        let key = self.key(name)?;
        self.store.get(&key, max_bytes).await.map_err(|error| too_large_is_damage(error, name))
    }

    /// [`Self::get_named`], `None` where there is no such object.
    pub async fn find_named(&self, name: &str, max_bytes: u64) -> Result<Option<Bytes>> {
        let key = self.key(name)?;
        match self.store.get(&key, max_bytes).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(too_large_is_damage(error, name)),
        }
    }

    /// Reads an object that must hash to `sha256`. Where the current version does not (or is gone behind a delete
    /// marker) and the store keeps versions, the one that does is looked for, oldest first: an attacker can only
    /// have come after the writer.
    ///
    /// Errors: exit 13 naming the object when no version has that hash.
    pub async fn get_hashed(&self, name: &str, sha256: &Sha256, max_bytes: u64) -> Result<Bytes> {
        let key = self.key(name)?;
        let error = match self.store.get(&key, max_bytes).await {
            Ok(bytes) if Sha256::of(&bytes) == *sha256 => return Ok(bytes),
            Ok(_) => AgentError::object_corrupt().at(name).because("its bytes do not hash to its name"),
            Err(error) if matters_to_one_object(error.kind) => too_large_is_damage(error, name),
            Err(error) => return Err(error.into()),
        };
        self.version_where(name, max_bytes, |bytes| Sha256::of(bytes) == *sha256).await?.ok_or(error)
    }

    /// The oldest of at most 1 000 versions of an object that `accepts`; `None` where there is none or the store
    /// keeps no versions.
    pub async fn version_where(
        &self,
        name: &str,
        max_bytes: u64,
        accepts: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Bytes>> {
        let key = self.key(name)?;
        let Some(locks) = self.store.locks() else { return Ok(None) };
        let versions = match locks.versions(&key, VERSIONS_MAX).await {
            Ok(versions) => versions,
            // No versions, or no right to see them: then there is nothing to look through.
            Err(error)
                if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::Denied | ErrorKind::NotFound) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        for version in versions.iter().rev().filter(|v| !v.delete_marker && v.bytes <= max_bytes) {
            match locks.get_version(&key, &version.id, max_bytes).await {
                Ok(bytes) if accepts(&bytes) => return Ok(Some(bytes)),
                Ok(_) => {}
                Err(error) if matters_to_one_object(error.kind) || error.kind == ErrorKind::Denied => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Reads a range of an object (end exclusive), cut at its end.
    pub async fn range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let key = self.key(name)?;
        self.store.get_range(&key, range).await.map_err(|error| too_large_is_damage(error, name))
    }

    /// All names that begin with `prefix`, ascending.
    pub async fn list_all(&self, prefix: &str) -> Result<Vec<Listed>> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, more) = self.list_page(prefix, after.as_deref(), PAGE_ROWS).await?;
            after = page.last().map(|row| row.name.clone());
            let is_last = !more || page.is_empty();
            rows.extend(page);
            if is_last {
                return Ok(rows);
            }
        }
    }

    /// The first names that begin with `prefix`: one page, at most `rows` (≤ 1 000).
    pub async fn list_first(&self, prefix: &str, rows: usize) -> Result<Vec<Listed>> {
        Ok(self.list_page(prefix, None, rows.min(PAGE_ROWS)).await?.0)
    }

    /// One page of names after `after`, and whether more follow.
    pub async fn list_page(
        &self,
        prefix: &str,
        after: Option<&str>,
        rows: usize,
    ) -> Result<(Vec<Listed>, bool)> {
        let full = |name: &str| layout::in_repository(&self.repository, name);
        let after = after.map(full);
        let page = self.store.list(&full(prefix), after.as_deref(), rows).await?;
        let cut = self.repository.as_str().len() + 1;
        let listed = page.entries.into_iter().filter_map(|row| {
            let name = row.key.as_str().get(cut..)?.to_owned();
            Some(Listed { name, bytes: row.bytes, modified: row.modified })
        });
        Ok((listed.collect(), page.more))
    }

    /// Writes an object durably, or leaves the one that is there.
    pub async fn put_new(&self, name: &str, body: impl Into<Bytes>) -> Result<Put> {
        let body = body.into();
        let sha256 = Sha256::of(&body);
        Ok(self.store.put_new(&self.key(name)?, body, sha256.0).await?)
    }

    /// [`Self::put_new`] for bytes whose SHA-256 is already known.
    pub async fn put_new_hashed(&self, name: &str, body: Bytes, sha256: &Sha256) -> Result<Put> {
        Ok(self.store.put_new(&self.key(name)?, body, sha256.0).await?)
    }

    /// Size and time of an object, `None` where it is not.
    pub async fn head(&self, name: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.store.head(&self.key(name)?).await?)
    }
}

/// Names of the repositories in a store, found with one request each and one more.
pub async fn repositories_in(store: &dyn Store) -> Result<Vec<RepositoryId>> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list("", after.as_deref(), 1).await?;
        let Some(row) = page.entries.first() else { return Ok(found) };
        let top = row.key.as_str().split('/').next().unwrap_or_default();
        if let Ok(repository) = RepositoryId::parse(top) {
            found.push(repository);
        }
        // '0' follows '/': everything below this name is passed over.
        let next = format!("{top}0");
        if after.as_ref().is_some_and(|previous| *previous >= next) {
            return Ok(found);
        }
        after = Some(if row.key.as_str() == top { top.to_owned() } else { next });
    }
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
mod tests {
    use scelle_store::mem::{MemSettings, MemStore};

    use super::*;
    use crate::error::ExitCode;

    fn id(letter: char) -> RepositoryId {
        RepositoryId::parse(&letter.to_string().repeat(26)).unwrap()
    }

    #[tokio::test]
    async fn an_overwritten_object_is_found_again_in_its_first_version() {
        let store = Arc::new(MemStore::with(MemSettings { versions: true, ..MemSettings::default() }));
        let objects = Objects::new(store.clone(), id('a'));
        let sha256 = Sha256::of(b"right");
        let name = layout::attachment(&sha256);
        objects.put_new(&name, Bytes::from_static(b"right")).await.unwrap();
        let key = objects.key(&name).unwrap();
        store.delete(&key).await.unwrap();
        assert_eq!(&objects.get_hashed(&name, &sha256, 100).await.unwrap()[..], b"right");
        objects.put_new(&name, Bytes::from_static(b"forged")).await.unwrap();
        assert_eq!(&objects.get_hashed(&name, &sha256, 100).await.unwrap()[..], b"right");
    }

    #[tokio::test]
    async fn damage_names_the_object() {
        let objects = Objects::new(Arc::new(MemStore::new()), id('a'));
        let sha256 = Sha256::of(b"right");
        let name = layout::attachment(&sha256);
        let missing = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
        assert_eq!((missing.code, missing.place.as_deref()), (ExitCode::Damaged, Some(name.as_str())));
        objects.put_new(&name, Bytes::from_static(b"wrong")).await.unwrap();
        let wrong = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
        assert_eq!((wrong.code, wrong.place.as_deref()), (ExitCode::Damaged, Some(name.as_str())));
    }

    #[tokio::test]
    async fn repositories_are_found_one_request_each() {
        let store = Arc::new(MemStore::new());
        for letter in ['b', 'c'] {
            let objects = Objects::new(store.clone(), id(letter));
            for n in 0..5 {
                objects.put_new(&format!("p/{n}"), Bytes::new()).await.unwrap();
            }
        }
        assert_eq!(repositories_in(store.as_ref()).await.unwrap(), [id('b'), id('c')]);
    }
}
