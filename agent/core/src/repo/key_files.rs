//! `keys/` as it lies in the store, sealed.
//!
//! For: `keyring`, which opens it, and whoever compares or copies it. Never: opened here.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::{layout, limits};

use super::finding::{Finding, FindingKind};
use super::objects::Objects;
use crate::error::{AgentError, Result};

/// Key files fetched at a time.
const CONCURRENT: usize = 16;

/// `keys/` as it lies in the store, sealed.
#[derive(Clone, Debug, Default)]
pub struct KeyFiles {
    files: BTreeMap<String, Bytes>,
}

impl KeyFiles {
    /// LIST `keys/`, then every file at once.
    pub async fn fetch(objects: &Objects) -> Result<Self> {
        let max = limits::KEY_FILE_MAX_BYTES as u64;
        let mut listed = objects.list_all("keys/").await?;
        // Every repository has key files.
        if listed.is_empty() {
            listed = objects.list_hidden("keys/").await?;
        }
        let small = listed.into_iter().filter(|row| row.bytes <= max);
        let files = stream::iter(small)
            .map(|row| async move {
                let bytes = objects.find_named(&row.name, max).await?;
                Ok::<_, AgentError>(bytes.map(|bytes| (row.name, bytes)))
            })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|row| async move { Ok(row) })
            .try_collect()
            .await?;
        Ok(Self { files })
    }

    /// Revisions below `prefix`, newest first.
    pub(super) fn newest_first(&self, prefix: &str) -> Vec<(&str, &Bytes)> {
        let below = self.files.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let rows: Vec<_> = below.map(|(name, bytes)| (name.as_str(), bytes)).collect();
        rows.into_iter().rev().collect()
    }

    /// What nothing can open, whoever holds a key: an empty file is as good as none, and what is no age file is another's.
    pub fn unreadable(&self) -> impl Iterator<Item = Finding> {
        let named = self.iter().filter(|(name, bytes)| layout::is_named(name) && !is_age(bytes));
        named.map(|(name, bytes)| match bytes.is_empty() {
            true => Finding::new(FindingKind::KeyMissing, name),
            false => Finding::new(FindingKind::KeyForged, name),
        })
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Name and sealed bytes of every file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes))
    }
}

/// Whether bytes begin as an age file does.
pub fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1\n")
}
