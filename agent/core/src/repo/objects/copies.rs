//! Copies of key files and descriptors in full refs (FORMAT.md §9).
//!
//! For: `keyring` and `descriptors`, where an object itself is lost, damaged or replaced. Data comes from attachments
//! that notes nobody has checked yet name. Never: believed; the hash in the descriptor or the chain of signatures
//! decides, so that of one name there may be several copies.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt, stream};
use scelle_format::id::Sha256;
use scelle_format::ledger::Note;
use scelle_format::note;
use scelle_format::refs::Refs;
use scelle_format::{layout, limits};

use crate::error::{Result, unless_damaged};
use crate::repo::objects::Objects;

/// Newest notes of each device that are looked through.
const NEWEST_NOTES: usize = 256;
/// Oldest notes of each device: the first full list has the first descriptor.
const OLDEST_NOTES: usize = 16;
/// Notes fetched at a time.
const CONCURRENT: usize = 16;
/// Different copies of one name that are kept.
const COPIES_MAX: usize = 8;
/// Names that are kept.
const NAMES_MAX: usize = 8192;

/// Copies by name.
#[derive(Debug, Default)]
pub(in crate::repo) struct Copies {
    by_name: BTreeMap<String, Vec<Bytes>>,
}

impl Copies {
    /// Reads what the full refs of every device hold. Slow, and only needed after damage.
    pub(in crate::repo) async fn fetch(objects: &Objects) -> Result<Self> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in objects.list_all("c/").await? {
            if let Ok((device, ..)) = layout::parse_note(&row.name) {
                names.entry(device.to_string()).or_default().push(row.name);
            }
        }
        let mut out = Self::default();
        let mut seen = BTreeSet::new();
        for notes in names.values() {
            let newest = notes.iter().take(NEWEST_NOTES);
            let oldest = notes.iter().skip(NEWEST_NOTES.max(notes.len().saturating_sub(OLDEST_NOTES)));
            let wanted: Vec<&String> = newest.chain(oldest).collect();
            let mut read = stream::iter(wanted)
                .map(|name| objects.find_named(name, limits::NOTE_MAX_BYTES as u64))
                .buffered(CONCURRENT);
            while let Some(stored) = read.next().await {
                if let Some(refs) = unless_damaged(stored)?.flatten().and_then(|bytes| refs_of(&bytes)) {
                    out.follow(objects, refs, &mut seen).await?;
                }
            }
        }
        Ok(out)
    }

    /// Goes down a chain of refs to its full list.
    async fn follow(
        &mut self,
        objects: &Objects,
        mut sha256: Sha256,
        seen: &mut BTreeSet<Sha256>,
    ) -> Result<()> {
        while seen.insert(sha256) {
            let name = layout::attachment(&sha256);
            let read = objects.get_hashed(&name, &sha256, limits::REFS_MAX_BYTES as u64).await;
            let Some(refs) = unless_damaged(read)?.and_then(|bytes| Refs::parse(&bytes).ok()) else { break };
            match refs.base {
                Some((base, _)) => sha256 = base,
                None => refs.keys.into_iter().for_each(|(name, bytes)| self.add(name, bytes.into())),
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, bytes: Bytes) {
        if self.by_name.len() < NAMES_MAX || self.by_name.contains_key(&name) {
            let copies = self.by_name.entry(name).or_default();
            if copies.len() < COPIES_MAX && !copies.contains(&bytes) {
                copies.push(bytes);
            }
        }
    }

    /// The different copies of an object.
    pub(in crate::repo) fn of(&self, name: &str) -> &[Bytes] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The different copies of each object below `prefix`.
    pub(in crate::repo) fn below<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [Bytes])> {
        let below =
            self.by_name.range(prefix.to_owned()..).take_while(move |(name, _)| name.starts_with(prefix));
        below.map(|(name, copies)| (name.as_str(), copies.as_slice()))
    }

    /// Copies of names below `prefix`, the highest name first.
    pub(in crate::repo) fn highest_first(&self, prefix: &str) -> Vec<(&str, &Bytes)> {
        let below = self.by_name.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let rows = below.flat_map(|(name, copies)| copies.iter().map(move |bytes| (name.as_str(), bytes)));
        rows.collect::<Vec<_>>().into_iter().rev().collect()
    }

    /// The copies of descriptors, with the revisions that their names say.
    pub(in crate::repo) fn descriptors(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        let named = self.by_name.iter().filter_map(|(name, copies)| {
            layout::parse_descriptor(name).ok().map(|revision| (revision, copies))
        });
        named.flat_map(|(revision, copies)| copies.iter().map(move |bytes| (revision, bytes)))
    }

    /// The highest revision of a descriptor among them; 0 without one.
    pub(in crate::repo) fn highest_descriptor(&self) -> u64 {
        self.by_name.keys().filter_map(|name| layout::parse_descriptor(name).ok()).max().unwrap_or(0)
    }
}

/// The refs that an unverified snapshot note names.
fn refs_of(stored: &[u8]) -> Option<Sha256> {
    let signed = note::parse(stored).ok()?;
    Some(Note::parse(&signed.text).ok()?.attachment("refs")?.sha256)
}
