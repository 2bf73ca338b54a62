//! Listing a folder tree in the byte order of full names, one page at a time.
//!
//! For: [`super::DirStore`]. Reads only folders that can hold rows of the page: a folder sorts as its name
//! followed by `/`, so `a-b` comes before `a/b` as on S3. Never: follows a link, or reads a folder that
//! lies wholly before `start_after` or outside `prefix`.

use std::fs;
use std::io;
use std::path::Path;

use crate::durable::TEMPORARY_PREFIX;
use crate::{Key, ListEntry, ListPage, ObjectMeta};

/// What is asked for.
pub(super) struct Query {
    prefix: String,
    start_after: Option<String>,
    max_rows: usize,
}

impl Query {
    pub(super) fn new(prefix: &str, start_after: Option<&str>, max_rows: usize) -> Self {
        Self {
            prefix: prefix.to_owned(),
            start_after: start_after.map(str::to_owned),
            max_rows: max_rows.clamp(1, 1000),
        }
    }

    /// Whether a name below `folder` (which ends in `/`) can be part of the answer.
    fn may_hold(&self, folder: &str) -> bool {
        let inside = folder.starts_with(&self.prefix) || self.prefix.starts_with(folder);
        let after =
            self.start_after.as_deref().is_none_or(|after| folder > after || after.starts_with(folder));
        inside && after
    }

    fn wants(&self, name: &str) -> bool {
        name.starts_with(&self.prefix) && self.start_after.as_deref().is_none_or(|after| name > after)
    }
}

/// One page. A prefix that names no folder gives an empty page; a missing root is an error.
pub(super) fn list(root: &Path, query: Query) -> io::Result<ListPage> {
    let folder = query.prefix.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    if !fs::metadata(root)?.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut page = Page { query, entries: Vec::new(), foreign: Vec::new() };
    if folder.is_empty() && !page.query.prefix.starts_with('/') {
        page.walk(root, "")?;
    } else if Key::new(folder.as_str()).is_some() && has_no_link(root, &folder) {
        page.walk(&root.join(&folder), &format!("{folder}/"))?;
    }
    let more = page.entries.len() > page.query.max_rows;
    page.entries.truncate(page.query.max_rows);
    // What lies beyond the last row is on the next page.
    let last = page.entries.last().filter(|_| more).map(|entry| entry.key.as_str());
    let foreign = page.foreign.iter().filter(|name| last.is_none_or(|last| name.as_str() < last)).count();
    Ok(ListPage { foreign: foreign as u64, entries: page.entries, more })
}

fn has_no_link(root: &Path, folder: &str) -> bool {
    let mut path = root.to_owned();
    folder.split('/').all(|component| {
        path.push(component);
        fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir())
    })
}

/// What is told of an object.
pub(super) fn meta(metadata: &fs::Metadata) -> ObjectMeta {
    ObjectMeta { bytes: metadata.len(), modified: metadata.modified().ok() }
}

struct Page {
    query: Query,
    entries: Vec<ListEntry>,
    /// Names that no key can have, links, and folders that are closed to us and cannot be the backup's.
    foreign: Vec<String>,
}

impl Page {
    /// One row more than asked tells whether there is more.
    fn is_full(&self) -> bool {
        self.entries.len() > self.query.max_rows
    }

    fn walk(&mut self, folder: &Path, folder_name: &str) -> io::Result<()> {
        for name in self.names_in(folder, folder_name)? {
            if self.is_full() {
                return Ok(());
            }
            let path = folder.join(name[folder_name.len()..].trim_end_matches('/'));
            if name.ends_with('/') {
                match self.walk(&path, &name) {
                    Err(error) if self.is_strangers(&error, folder_name, &name) => self.foreign.push(name),
                    walked => walked?,
                }
            } else {
                self.add(&path, name);
            }
        }
        Ok(())
    }

    /// Whether a folder that does not open is somebody else's: a system's own (`.Trashes`), or one beside the
    /// repositories. Inside of one it is a failure: its objects would seem to be gone.
    fn is_strangers(&self, error: &io::Error, parent: &str, name: &str) -> bool {
        let is_beside = parent.is_empty() && self.query.prefix.is_empty();
        error.kind() == io::ErrorKind::PermissionDenied
            && (is_beside || name[parent.len()..].starts_with('.'))
    }

    /// Full names of the entries worth looking at, sorted; folders end in `/`.
    fn names_in(&mut self, folder: &Path, folder_name: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(folder) {
            // Removed between being seen and being read, or never there: no rows.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) {
                continue;
            }
            let kind = entry.file_type()?;
            let is_ours = (kind.is_dir() || kind.is_file()) && Key::new(name.as_ref()).is_some();
            let full = format!("{folder_name}{name}{}", if kind.is_dir() && is_ours { "/" } else { "" });
            match is_ours && kind.is_dir() {
                true if self.query.may_hold(&full) => names.push(full),
                false if self.query.wants(&full) && is_ours => names.push(full),
                false if self.query.wants(&full) => self.foreign.push(full),
                _ => {}
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn add(&mut self, path: &Path, name: String) {
        let (Some(key), Ok(metadata)) = (Key::new(name), fs::symlink_metadata(path)) else { return };
        let meta = meta(&metadata);
        self.entries.push(ListEntry { key, bytes: meta.bytes, modified: meta.modified });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, prefix: &str, after: Option<&str>, rows: usize) -> (Vec<String>, bool) {
        let page = list(root, Query::new(prefix, after, rows)).unwrap();
        (page.entries.iter().map(|entry| entry.key.to_string()).collect(), page.more)
    }

    #[test]
    fn a_folder_outside_the_page_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/1", "a-b", "a0", "b/x/1", "b/x/2", "c/1"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        assert_eq!(names(folder.path(), "", None, 2), (vec!["a-b".into(), "a/1".into()], true));
        assert_eq!(names(folder.path(), "b/x/", Some("b/x/1"), 9), (vec!["b/x/2".into()], false));
        assert_eq!(names(folder.path(), "b/x/2/", None, 9).0, Vec::<String>::new());
        let query = Query::new("b/", Some("b/x/1"), 9);
        assert!(query.may_hold("b/x/") && !query.may_hold("a/") && !query.may_hold("b/w/"));
    }

    #[test]
    fn names_of_strangers_are_counted_once_however_the_pages_fall() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/1", "a/2", "a/copie (conflit).note", "a/~$1", "b/1", "lost+found/x", "z z"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        for rows in 1..5 {
            let (mut after, mut foreign, mut seen) = (None, 0, Vec::new());
            loop {
                let page = list(folder.path(), Query::new("", after.as_deref(), rows)).unwrap();
                foreign += page.foreign;
                seen.extend(page.entries.iter().map(|entry| entry.key.to_string()));
                if !page.more {
                    break;
                }
                after = seen.last().cloned();
            }
            assert_eq!((seen.join(" ").as_str(), foreign), ("a/1 a/2 b/1", 4), "{rows} rows a page");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_neither_listed_nor_walked() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), b"x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        assert!(names(folder.path(), "", None, 9).0.is_empty());
        assert!(names(folder.path(), "out/", None, 9).0.is_empty());
    }
}
