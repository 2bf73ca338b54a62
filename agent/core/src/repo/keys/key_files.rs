//! `keys/` as it lies in the store, sealed.
//!
//! For: `keyring`, which opens it, and whoever compares or copies it. Whoever may write can put a name there: what no descriptor
//! names is a stranger's file ([`names`]). Never: opened here.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::descriptor::{Descriptor, RecipientRole};
use scelle_format::{layout, limits};

use crate::error::{AgentError, Result};
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::objects::Objects;

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

    /// Those that are the repository's: a descriptor names them, and a revision after the first is an age file, or `is_known`
    /// from elsewhere. Of the others only how many there were.
    pub fn named_by(mut self, descriptor: &Descriptor, is_known: impl Fn(&str) -> bool) -> (Self, u64) {
        let all = self.files.len();
        self.files.retain(|name, bytes| match names(descriptor, name) {
            Named::No => false,
            Named::First => true,
            Named::Further => is_age(bytes) || is_known(name),
        });
        let strangers = all - self.files.len();
        (self, strangers as u64)
    }

    /// Revisions below `prefix`, newest first.
    pub(in crate::repo) fn newest_first(&self, prefix: &str) -> Vec<(&str, &Bytes)> {
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

/// What a descriptor says of the name of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It has no such device, epoch or recipient: a stranger's file.
    No,
    /// There must be one of this name.
    First,
    /// There may be one: a revision after the first, of which it knows nothing.
    Further,
}

/// Whether a descriptor names a key file, or what one above whose name ends in `/` stands for.
pub fn names(descriptor: &Descriptor, name: &str) -> Named {
    let Some(below) = name.strip_prefix("keys/") else { return Named::No };
    let (holder, revision) = below.split_once('/').unwrap_or((below, ""));
    let is_named = match (holder, holder.strip_prefix('e')) {
        ("r2", _) => descriptor.recipients.iter().any(|line| line.role == RecipientRole::Everyday),
        (_, Some(epoch)) => descriptor.epochs.iter().any(|line| line.number.to_string() == epoch),
        _ => descriptor.devices.iter().any(|line| layout::device_key(&line.id) == name),
    };
    match (is_named, revision) {
        (false, _) => Named::No,
        (true, "" | "00000001.age") => Named::First,
        (true, _) => Named::Further,
    }
}

/// Whether bytes begin as an age file does.
pub fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1\n")
}
