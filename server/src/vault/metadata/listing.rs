//! Listings in byte order of whole keys, page by page.
//!
//! Common prefixes are skipped over by their end, so that a folder of a million objects costs one row.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::versions::{COLUMNS, Version, version};
use crate::vault::refusal::Refusal;

/// Rows read at once.
const CHUNK: usize = 500;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Row id of the bucket.
    pub bucket: i64,
    /// Keys begin with this.
    pub prefix: String,
    /// Keys that go on after the prefix up to this are one row; empty: none are.
    pub delimiter: String,
    /// Strictly after this key, or after this common prefix and all below it.
    pub after: String,
    /// With `after`: within that key, strictly older than this version.
    pub after_version: Option<String>,
    /// Rows at most.
    pub rows: usize,
    /// All versions and markers instead of current objects.
    pub versions: bool,
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// An object, version or marker.
    Version(Box<Version>),
    /// A common prefix.
    Common(String),
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Rows in order.
    pub rows: Vec<Row>,
    /// Whether more follow.
    pub more: bool,
}

/// Where the next read starts.
enum From {
    After(String),
    At(String),
    Older(String, i64),
}

/// Reads a page.
pub fn page(c: &Connection, query: &Query) -> Result<Page, Refusal> {
    let mut page = Page::default();
    let mut from = start(c, query)?;
    loop {
        let chunk = read(c, query, &from)?;
        let ended = chunk.len() < CHUNK;
        let mut jump = None;
        for version in chunk {
            let key = &version.label.key;
            if !key.starts_with(&query.prefix) {
                return Ok(page);
            }
            let common = common_prefix(query, key);
            if page.rows.len() == query.rows {
                page.more = true;
                return Ok(page);
            }
            from = From::Older(key.clone(), version.label.sequence);
            match common {
                Some(common) => {
                    let end = successor(&common);
                    page.rows.push(Row::Common(common));
                    jump = Some(end);
                    break;
                }
                None => page.rows.push(Row::Version(Box::new(version))),
            }
        }
        match jump {
            Some(Some(end)) => from = From::At(end),
            Some(None) => return Ok(page),
            None if ended => return Ok(page),
            None => {}
        }
    }
}

fn start(c: &Connection, query: &Query) -> Result<From, Refusal> {
    if query.after.as_str() < query.prefix.as_str() {
        return Ok(From::At(query.prefix.clone()));
    }
    if let Some(id) = &query.after_version {
        let sql = "SELECT sequence FROM versions WHERE bucket = ?1 AND key = ?2
                   AND CASE WHEN is_null THEN 'null' ELSE blob END = ?3";
        let mut found = c.prepare_cached(sql)?;
        let sequence =
            found.query_row(params![query.bucket, query.after, id], |row| row.get(0)).optional()?;
        if let Some(sequence) = sequence {
            return Ok(From::Older(query.after.clone(), sequence));
        }
    }
    let is_common = !query.delimiter.is_empty()
        && common_prefix(query, &query.after).is_some_and(|common| common == query.after);
    match is_common.then(|| successor(&query.after)).flatten() {
        Some(end) => Ok(From::At(end)),
        None => Ok(From::After(query.after.clone())),
    }
}

fn read(c: &Connection, query: &Query, from: &From) -> Result<Vec<Version>, Refusal> {
    let which = if query.versions { "" } else { "AND is_current = 1 AND is_marker = 0 AND is_damaged = 0" };
    let (condition, key, sequence) = match from {
        From::After(key) => ("key > ?2 AND ?3 = 0", key, 0),
        From::At(key) => ("key >= ?2 AND ?3 = 0", key, 0),
        From::Older(key, sequence) => ("key >= ?2 AND (key > ?2 OR sequence < ?3)", key, *sequence),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM versions WHERE bucket = ?1 AND {condition} {which}
         ORDER BY key, sequence DESC LIMIT {CHUNK}"
    );
    let mut rows = c.prepare_cached(&sql)?;
    let rows = rows.query_map(params![query.bucket, key, sequence], version)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn common_prefix(query: &Query, key: &str) -> Option<String> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let end = query.prefix.len() + rest.find(query.delimiter.as_str())? + query.delimiter.len();
    Some(key[..end].to_owned())
}

/// The first text after everything that begins with `prefix`; `None` when nothing can follow.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::label::{BucketState, Label};
    use crate::vault::metadata::{Metadata, buckets, credentials, versions};

    fn filled(data: &std::path::Path, keys: &[&str]) -> Metadata {
        let metadata = Metadata::open(data).unwrap();
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let change = metadata.write_blocking(move |c| {
            credentials::ensure_tenant(c, "t")?;
            let state = BucketState { versioned: true, ..BucketState::default() };
            buckets::create(c, "t", "b", state, 1)?;
            let bucket = buckets::find(c, "t", "b")?;
            for (sequence, key) in keys.into_iter().enumerate() {
                let label = Label {
                    blob: format!("{sequence:032x}"),
                    tenant: "t".into(),
                    key,
                    bucket_state: state,
                    sequence: i64::try_from(sequence).unwrap() + 1,
                    ..Label::default()
                };
                versions::insert(c, bucket.id, &label, &versions::Terms::default())?;
            }
            Ok(())
        });
        change.unwrap();
        metadata
    }

    fn names(rows: &[Row]) -> Vec<String> {
        let name = |row: &Row| match row {
            Row::Version(version) => version.label.key.clone(),
            Row::Common(common) => format!("[{common}]"),
        };
        rows.iter().map(name).collect()
    }

    #[test]
    fn pages_of_any_size_give_the_same_rows() {
        let data = tempfile::tempdir().unwrap();
        let keys = ["a", "a-b", "a/1", "a/2", "a/b/c", "a0", "b/", "b/é", "c\u{10FFFF}/x", "d"];
        let metadata = filled(data.path(), &keys);
        for (delimiter, expected) in [
            ("", "a a-b a/1 a/2 a/b/c a0 b/ b/é c\u{10FFFF}/x d"),
            ("/", "a a-b [a/] a0 [b/] [c\u{10FFFF}/] d"),
            ("\u{10FFFF}", "a a-b a/1 a/2 a/b/c a0 b/ b/é [c\u{10FFFF}] d"),
        ] {
            for rows in 1..12 {
                let mut seen = Vec::new();
                let mut after = String::new();
                loop {
                    let query = Query {
                        bucket: 1,
                        delimiter: delimiter.into(),
                        after: after.clone(),
                        rows,
                        ..Query::default()
                    };
                    let page = metadata.read_blocking(|c| page(c, &query)).unwrap();
                    assert!(page.rows.len() <= rows);
                    after = match page.rows.last() {
                        Some(Row::Version(version)) => version.label.key.clone(),
                        Some(Row::Common(common)) => common.clone(),
                        None => String::new(),
                    };
                    seen.extend(names(&page.rows));
                    if !page.more {
                        break;
                    }
                }
                assert_eq!(seen.join(" "), expected, "delimiter {delimiter:?}, pages of {rows}");
            }
        }
    }
}
