//! Listings of a repository: the names FORMAT.md knows, those that delete markers hide, and how many others there are.
//!
//! For: [`Objects`] and whoever compares what is there with what is needed. Data comes from the store, page by page. Never:
//! takes a stranger's file for damage, or a hidden object for one that is gone.

use std::time::SystemTime;

use scelle_format::id::RepositoryId;
use scelle_format::layout;
use scelle_store::{ErrorKind, ListEntry, Store};

use crate::error::Result;
use crate::repo::objects::Objects;

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

impl Objects {
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

    /// Names that begin with `prefix` and that delete markers hide, ascending; none where the store keeps no versions or
    /// lets nobody see them. One LIST more: for who misses something, or would not know.
    pub async fn list_hidden(&self, prefix: &str) -> Result<Vec<Listed>> {
        let Some(locks) = self.store.locks() else { return Ok(Vec::new()) };
        let full = layout::in_repository(&self.repository, prefix);
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = match locks.hidden(&full, after.as_deref()).await {
                Ok(page) => page,
                Err(error) if error.kind == ErrorKind::Denied => {
                    self.oddities.note_versions_closed();
                    return Ok(Vec::new());
                }
                Err(error) if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::NotFound) => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error.into()),
            };
            rows.extend(self.named(page.entries).0);
            match page.next {
                Some(next) if Some(&next) != after.as_ref() => after = Some(next),
                _ => return Ok(rows),
            }
        }
    }

    /// The first names that begin with `prefix`: at most `rows` (≤ 1 000).
    pub async fn list_first(&self, prefix: &str, rows: usize) -> Result<Vec<Listed>> {
        let rows = rows.min(PAGE_ROWS);
        let (mut first, mut more) = self.list_page(prefix, None, rows).await?;
        // Strangers' names may have taken the place of some.
        while more && first.len() < rows {
            let after = first.last().map(|row| row.name.clone());
            let (next, is_more) = self.list_page(prefix, after.as_deref(), rows - first.len()).await?;
            more = is_more && !next.is_empty();
            first.extend(next);
        }
        Ok(first)
    }

    /// One page of names after `after`, and whether more follow. Strangers' names are passed over: a page without a name
    /// is the last.
    pub async fn list_page(
        &self,
        prefix: &str,
        after: Option<&str>,
        rows: usize,
    ) -> Result<(Vec<Listed>, bool)> {
        let full = |name: &str| layout::in_repository(&self.repository, name);
        let mut after = after.map(full);
        loop {
            let page = self.store.list(&full(prefix), after.as_deref(), rows).await?;
            after = page.entries.last().map(|row| row.key.to_string());
            let (listed, _) = self.named(page.entries);
            if !listed.is_empty() || !page.more || after.is_none() {
                return Ok((listed, page.more));
            }
        }
    }

    /// How many names there are that FORMAT.md does not know, anywhere below the repository. Reads all listings.
    pub async fn count_strangers(&self) -> Result<u64> {
        let full = layout::in_repository(&self.repository, "");
        let (mut strangers, mut after) = (0, None);
        loop {
            let page = self.store.list(&full, after.as_deref(), PAGE_ROWS).await?;
            after = page.entries.last().map(|row| row.key.to_string());
            strangers += page.foreign + self.named(page.entries).1;
            if !page.more || after.is_none() {
                return Ok(strangers);
            }
        }
    }

    /// Rows whose names FORMAT.md knows, and how many others there were.
    fn named(&self, entries: Vec<ListEntry>) -> (Vec<Listed>, u64) {
        let (cut, all) = (self.repository.as_str().len() + 1, entries.len());
        let listed = entries.into_iter().filter_map(|row| {
            let name = row.key.as_str().get(cut..).filter(|name| layout::is_named(name))?.to_owned();
            Some(Listed { name, bytes: row.bytes, modified: row.modified })
        });
        let listed: Vec<Listed> = listed.collect();
        let strangers = (all - listed.len()) as u64;
        (listed, strangers)
    }
}

/// Names of the repositories in a store, found with one request each and one more.
pub async fn repositories_in(store: &dyn Store) -> Result<Vec<RepositoryId>> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list("", after.as_deref(), 1).await?;
        let Some(row) = page.entries.first() else { break };
        let top = row.key.as_str().split('/').next().unwrap_or_default();
        if let Ok(repository) = RepositoryId::parse(top) {
            found.push(repository);
        }
        // '0' follows '/': everything below this name is passed over.
        let next = format!("{top}0");
        if after.as_ref().is_some_and(|previous| *previous >= next) {
            break;
        }
        after = Some(if row.key.as_str() == top { top.to_owned() } else { next });
    }
    if found.is_empty() {
        found = hidden_repositories_in(store).await?;
    }
    Ok(found)
}

/// Repositories of which delete markers hide everything; none where versions are not to be seen.
async fn hidden_repositories_in(store: &dyn Store) -> Result<Vec<RepositoryId>> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    let Some(locks) = store.locks() else { return Ok(found) };
    loop {
        let page = match locks.hidden("", after.as_deref()).await {
            Ok(page) => page,
            Err(error)
                if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported | ErrorKind::NotFound) =>
            {
                return Ok(found);
            }
            Err(error) => return Err(error.into()),
        };
        let tops = page.entries.iter().filter_map(|row| row.key.as_str().split('/').next());
        found.extend(tops.filter_map(|top| RepositoryId::parse(top).ok()));
        found.dedup();
        // What one page shows of a repository is enough: '0' follows '/'.
        let next = page.next.as_deref().and_then(|next| next.split('/').next()).map(|top| format!("{top}0"));
        match next {
            Some(next) if after.as_ref().is_none_or(|previous| *previous < next) => after = Some(next),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use scelle_store::mem::{MemSettings, MemStore, Misbehaviour};

    use super::*;

    fn id(letter: char) -> RepositoryId {
        RepositoryId::parse(&letter.to_string().repeat(26)).unwrap()
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

    #[tokio::test]
    async fn what_delete_markers_hide_is_listed_where_versions_are_to_be_seen() {
        for hides_versions in [false, true] {
            let misbehaviour = Misbehaviour { hides_versions, ..Misbehaviour::default() };
            let store = Arc::new(MemStore::with(MemSettings {
                versions: true,
                misbehaviour,
                ..MemSettings::default()
            }));
            let objects = Objects::new(store.clone(), id('b'));
            for revision in 1..4 {
                objects.put_new(&layout::descriptor(revision), Bytes::from_static(b"x")).await.unwrap();
            }
            for revision in [1, 2] {
                store.delete(&objects.key(&layout::descriptor(revision)).unwrap()).await.unwrap();
            }
            let names = |rows: Vec<Listed>| rows.into_iter().map(|row| row.name).collect::<Vec<_>>();
            assert_eq!(names(objects.list_all("desc/").await.unwrap()), [layout::descriptor(3)]);
            let hidden = names(objects.list_hidden("desc/").await.unwrap());
            match hides_versions {
                false => assert_eq!(hidden, [layout::descriptor(2), layout::descriptor(1)]),
                true => assert!(hidden.is_empty() && objects.oddities().are_versions_closed()),
            }
            store.delete(&objects.key(&layout::descriptor(3)).unwrap()).await.unwrap();
            let found = repositories_in(store.as_ref()).await.unwrap();
            assert_eq!(found.len(), usize::from(!hides_versions));
        }
    }

    #[tokio::test]
    async fn strangers_are_passed_over_and_counted() {
        let store = Arc::new(MemStore::new());
        let objects = Objects::new(store.clone(), id('b'));
        for name in ["desc/.DS_Store", "desc/Thumbs.db", "desc/x", "desktop.ini", "keys/e0/.DS_Store"] {
            objects.put_new(name, Bytes::new()).await.unwrap();
        }
        assert!(objects.list_all("desc/").await.unwrap().is_empty());
        for revision in 1..4 {
            objects.put_new(&layout::descriptor(revision), Bytes::new()).await.unwrap();
        }
        assert_eq!(objects.list_first("desc/", 2).await.unwrap().len(), 2);
        assert_eq!(objects.list_all("").await.unwrap().len(), 3);
        assert_eq!(objects.count_strangers().await.unwrap(), 5);
    }
}
