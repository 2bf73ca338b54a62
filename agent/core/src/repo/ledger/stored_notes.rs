//! Notes as they lie in the store: listed, fetched, hashed, not yet believed.
//!
//! For: `history`, which checks signatures and chain. Data comes from `c/`, the newest names first. Never: parsed
//! further than to know which to fetch next.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::timestamp::Timestamp;
use scelle_format::{layout, limits};

use crate::error::{ExitCode, Result};
use crate::repo::objects::Objects;
use crate::repo::objects::listed::Listed;

/// Notes fetched at a time.
const CONCURRENT: usize = 16;
/// What bears a note's name and is larger than one is read up to this size, to see whether its name fits it.
const OVERSIZED_READ_MAX_BYTES: u64 = 16 << 20;
/// Newest notes of a device fetched in one go when only the newest snapshot is wanted: a snapshot note is
/// followed by its bilan, sometimes by a probe or a heal.
const NEWEST_BATCH: usize = 8;

/// One note as it lies in the store, not yet believed.
#[derive(Clone, Debug)]
pub struct StoredNote {
    pub(in crate::repo) name: String,
    pub(in crate::repo) device: DeviceId,
    pub(in crate::repo) sequence: u64,
    pub(in crate::repo) sha256: Sha256,
    pub(in crate::repo) modified: Option<Timestamp>,
    /// Its size in the listing, in bytes.
    listed_bytes: u64,
    /// `None`: it was not asked for, or could not be read as its name says.
    pub(in crate::repo) bytes: Option<Bytes>,
    /// Whether it was asked for.
    pub(in crate::repo) asked: bool,
}

/// Notes fetched from the store.
#[derive(Clone, Debug, Default)]
pub struct StoredNotes {
    pub(in crate::repo) notes: Vec<StoredNote>,
    /// Names of notes that delete markers hide.
    pub(in crate::repo) hidden: Vec<String>,
    /// Whether everything the ledger holds was fetched, not only the newest.
    pub(in crate::repo) complete: bool,
}

impl StoredNotes {
    /// The whole ledger: LIST, then every note.
    pub async fn fetch_all(objects: &Objects) -> Result<Self> {
        let (listed, hidden) = tokio::try_join!(objects.list_all("c/"), objects.list_hidden("c/"))?;
        let mut notes = Self::named(listed, hidden);
        let wanted: Vec<usize> = (0..notes.notes.len()).collect();
        notes.read(objects, &wanted).await?;
        notes.complete = true;
        Ok(notes)
    }

    /// Enough of each device's chain to hold its newest snapshot: one LIST for a single device, one more for
    /// each other, then a few GETs at once.
    pub async fn fetch_newest(objects: &Objects) -> Result<Self> {
        // Side by side: a newest note that is hidden leaves no gap, and would not be missed.
        let (rows, hidden) = tokio::try_join!(newest_rows(objects), objects.list_hidden("c/"))?;
        let mut notes = Self::named(rows, hidden);
        let devices: Vec<DeviceId> = {
            let mut all: Vec<DeviceId> = notes.notes.iter().map(|note| note.device.clone()).collect();
            all.dedup();
            all
        };
        let mut from: HashMap<DeviceId, usize> = devices.iter().map(|device| (device.clone(), 0)).collect();
        while !from.is_empty() {
            let mut wanted = Vec::new();
            for (device, start) in &mut from {
                let of_device: Vec<usize> = notes.places_of(device);
                let batch = &of_device[*start..notes.end_of_batch(&of_device, *start)];
                wanted.extend(batch);
                *start += batch.len();
            }
            notes.read(objects, &wanted).await?;
            from.retain(|device, start| {
                *start < notes.places_of(device).len()
                    && !notes.notes.iter().any(|note| note.device == *device && note.is_snapshot())
            });
        }
        notes.notes.retain(|note| note.asked);
        Ok(notes)
    }

    /// Where the notes of a device stand in the list, the newest first.
    fn places_of(&self, device: &DeviceId) -> Vec<usize> {
        let of_device = self.notes.iter().enumerate().filter(|(_, note)| note.device == *device);
        of_device.map(|(at, _)| at).collect()
    }

    /// Where a batch that begins at `start` among these places ends. Never between two notes of one number: of a fork seen in
    /// part, the other branch would look broken.
    fn end_of_batch(&self, places: &[usize], start: usize) -> usize {
        let number = |at: usize| self.notes[places[at]].sequence;
        let mut end = places.len().min(start + NEWEST_BATCH);
        while end < places.len() && number(end) == number(end - 1) {
            end += 1;
        }
        end
    }

    /// Notes of one device after number `seen`, newest first. One LIST where there are few.
    pub async fn fetch_after(objects: &Objects, device: &DeviceId, seen: u64) -> Result<Self> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, more) = objects.list_page(&layout::notes_of(device), after.as_deref(), 1000).await?;
            after = page.last().map(|row| row.name.clone());
            let is_new = |row: &Listed| layout::parse_note(&row.name).is_ok_and(|(_, n, _)| n > seen);
            let reached = page.is_empty() || page.last().is_some_and(|row| !is_new(row));
            rows.extend(page.into_iter().filter(is_new));
            if reached || !more {
                break;
            }
        }
        let mut notes = Self::named(rows, Vec::new());
        let wanted: Vec<usize> = (0..notes.notes.len()).collect();
        notes.read(objects, &wanted).await?;
        Ok(notes)
    }

    fn named(listed: Vec<Listed>, hidden: Vec<Listed>) -> Self {
        let mut out = Self { hidden: hidden.iter().map(|row| row.name.clone()).collect(), ..Self::default() };
        let mut rows = listed;
        rows.extend(hidden);
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows.dedup_by(|a, b| a.name == b.name);
        for row in rows {
            // Listings give no other names.
            let Ok((device, sequence, sha256)) = layout::parse_note(&row.name) else { continue };
            let seconds = row.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let modified = seconds.map(|since: Duration| Timestamp(since.as_secs() as i64));
            let name = row.name;
            out.notes.push(StoredNote {
                name,
                device,
                sequence,
                sha256,
                modified,
                listed_bytes: row.bytes,
                bytes: None,
                asked: false,
            });
        }
        out
    }

    async fn read(&mut self, objects: &Objects, wanted: &[usize]) -> Result<()> {
        let max = limits::NOTE_MAX_BYTES as u64;
        let notes = &self.notes;
        let fetched: Vec<(usize, Option<Bytes>)> = stream::iter(wanted.iter().copied())
            .map(|at| async move {
                match objects.find_unproven(&notes[at].name, &notes[at].sha256, max).await {
                    Ok((bytes, _)) => Ok((at, Some(bytes))),
                    Err(error)
                        if error.code == ExitCode::Damaged && notes[at].is_never_one(objects).await =>
                    {
                        Ok((at, Some(Bytes::new())))
                    }
                    Err(error) if error.code == ExitCode::Damaged => Ok((at, None)),
                    Err(error) => Err(error),
                }
            })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        for (at, bytes) in fetched {
            self.notes[at].bytes = bytes;
            self.notes[at].asked = true;
        }
        Ok(())
    }
}

/// Names of the newest notes of each device, at least a page of them.
async fn newest_rows(objects: &Objects) -> Result<Vec<Listed>> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (page, more) = objects.list_page("c/", after.as_deref(), 1000).await?;
        let last = page.last().map(|row| row.name.clone());
        rows.extend(page);
        match last {
            // '0' follows '/': the rest of this device's notes is passed over.
            Some(name) if more => {
                after = Some(name.rsplit_once('/').map_or(name.clone(), |(dir, _)| format!("{dir}0")))
            }
            _ => return Ok(rows),
        }
    }
}

impl StoredNote {
    /// Whether what bears this name is larger than a note may be, and what its name says: then no note ever bore it. Other bytes
    /// lie in the place of one, as far as anybody can tell.
    async fn is_never_one(&self, objects: &Objects) -> bool {
        let is_too_large = self.listed_bytes > limits::NOTE_MAX_BYTES as u64;
        is_too_large
            && self.listed_bytes <= OVERSIZED_READ_MAX_BYTES
            && objects.find_unproven(&self.name, &self.sha256, OVERSIZED_READ_MAX_BYTES).await.is_ok()
    }

    /// Whether it claims to be a snapshot.
    fn is_snapshot(&self) -> bool {
        let has = |line: &[u8]| {
            self.bytes.as_ref().is_some_and(|bytes| bytes.windows(line.len()).any(|w| w == line))
        };
        // A partial note is of no use to someone who wants to restore.
        has(b"\nkind snapshot\n") && has(b"\nstatus complete\n")
    }
}
