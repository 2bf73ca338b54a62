//! What this PC knows to be in the store, against what the store lists: presence and size, nothing is read.
//!
//! For: the round at the end of a backup, so that its bilan speaks of all that is known and not of the newest notes alone.
//! Known are the numbers of this device's notes, and the objects of which there is a copy ([`Kept`]) and that a kept note or
//! its refs name. One listing for each kind of object, at most four pages of it: where there is more, the next run goes on
//! from there. What a listing lacks is asked for by name, since a listing may lag behind. Never: takes an object that no note
//! names, or that only released snapshots need, for lost.
//!
//! [`Kept`]: crate::repo::kept::Kept

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scelle_format::id::DeviceId;
use scelle_format::layout::{self, PackName};
use scelle_format::ledger::{Note, NoteKind, NoteNumbers};
use scelle_format::note;
use scelle_format::refs::Refs;

use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::damage::returned::is_signed;
use crate::repo::finding::FindingKind;
use crate::repo::kept::Kept;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::history::History;
use crate::repo::objects::Objects;
use crate::repo::objects::listed::Listed;
use crate::repo::objects::mend::is_own;
use crate::repo::state::Device;

/// Rows of one page.
const PAGE_ROWS: usize = 1000;
/// Pages of one listing in one run.
const PAGES_MAX: usize = 4;

/// Manifest and data packs that the run has listed anyway, with their sizes.
pub type Shown = HashMap<PackName, u64>;

/// What is known, and what the store lists of it.
pub(in crate::repo) struct Listings {
    copies: BTreeMap<String, u64>,
    attachments: Window,
    segments: Window,
    notes: Window,
}

/// Lists what may be compared; `None` on a PC that keeps no copies. All that waits for the store or a disk is side by side.
///
/// Errors: only the store's.
pub(in crate::repo) async fn look(
    objects: &Objects,
    device: &Device,
    damage: &Damage,
) -> Result<Option<Listings>> {
    let Some(kept) = objects.kept().cloned() else { return Ok(None) };
    let own = layout::notes_of(&device.id);
    let part = |prefix| window(objects, prefix, damage.looked.up_to(prefix));
    let copies = async { Ok(tokio::task::spawn_blocking(move || kept.sizes()).await.unwrap_or_default()) };
    let (copies, attachments, segments, notes) =
        tokio::try_join!(copies, part("a/"), part("i/"), part(&own))?;
    Ok(Some(Listings { copies, attachments, segments, notes }))
}

impl Listings {
    /// Names of this device's notes that bear one number with another.
    pub(in crate::repo) fn doubled(&self) -> impl Iterator<Item = &str> {
        let names: Vec<(Option<u64>, &str)> =
            self.notes.rows.keys().map(|name| (number_of(name), name.as_str())).collect();
        let is_same = |a: &(Option<u64>, &str), b: &(Option<u64>, &str)| a.0.is_some() && a.0 == b.0;
        names
            .chunk_by(is_same)
            .filter(|same| same.len() > 1)
            .flatten()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// What is known and not seen: names, and what is wrong with them. `last` is the number of the newest note.
///
/// Errors: only the store's.
pub(in crate::repo) async fn lacking(
    objects: &Objects,
    device: &Device,
    seen: &Listings,
    last: u64,
    shown: &Shown,
    descriptors: &Descriptors,
    damage: &mut Damage,
) -> Result<Vec<(String, FindingKind)>> {
    let below = |prefix: &'static str| {
        let from = seen.copies.range(prefix.to_owned()..);
        from.take_while(move |(name, _)| name.starts_with(prefix)).map(|(name, bytes)| (name, *bytes))
    };
    for part in [&seen.attachments, &seen.segments, &seen.notes] {
        damage.looked.go_on_from(&part.prefix, part.next.clone());
    }
    let is_not_listed = |name: &String, bytes| {
        [&seen.attachments, &seen.segments].iter().any(|part| part.covers(name) && !part.shows(name, bytes))
    };
    let small = below("a/").chain(below("i/")).filter(|(name, bytes)| is_not_listed(name, *bytes));
    let is_shown =
        |name: &str, bytes| layout::parse_pack(name).is_ok_and(|pack| shown.get(&pack) == Some(&bytes));
    let manifests = below("m/").filter(|(name, bytes)| !is_shown(name, *bytes));
    // A note that is not listed is told by its number: one that came to nothing has given its number to another.
    let is_other = |name: &String, bytes| seen.notes.rows.get(name).is_some_and(|listed| *listed != bytes);
    let other = below("c/").filter(|(name, bytes)| is_other(name, *bytes));
    let wanted = damage.looked.pass_over(small.chain(manifests).chain(other).collect());
    let missing = missing_numbers(&seen.notes, last);
    let mut found = numbers(objects, device, missing, descriptors, damage).await?;
    for name in overlaid(&seen.notes, &seen.copies) {
        if !damage.is_open(&name) && is_overlaid(objects, device, &name).await? {
            found.push((name, FindingKind::NoteMissing));
        }
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    let named = match objects.kept() {
        Some(kept) => named(kept, &seen.notes, last, damage),
        None => BTreeSet::new(),
    };
    for (name, bytes) in wanted {
        match named.contains(name) {
            true => found.extend(asked(objects, name, bytes).await?.map(|kind| (name.clone(), kind))),
            false => damage.looked.is_unnamed(name),
        }
    }
    Ok(found)
}

/// A part of a listing.
struct Window {
    /// All names in it begin so.
    prefix: String,
    /// It begins after this name; empty: at the beginning.
    after: String,
    rows: BTreeMap<String, u64>,
    /// The last name of it, where more follow.
    next: Option<String>,
}

impl Window {
    fn shows(&self, name: &str, bytes: u64) -> bool {
        self.rows.get(name) == Some(&bytes)
    }

    fn covers(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
            && name > self.after.as_str()
            && self.next.as_deref().is_none_or(|last| name <= last)
    }
}

async fn window(objects: &Objects, prefix: &str, after: Option<String>) -> Result<Window> {
    let mut seen = Window {
        prefix: prefix.to_owned(),
        after: after.clone().unwrap_or_default(),
        rows: BTreeMap::new(),
        next: None,
    };
    let mut after = after;
    for _ in 0..PAGES_MAX {
        let (page, more) = objects.list_page(prefix, after.as_deref(), PAGE_ROWS).await?;
        let last = page.last().map(|row| row.name.clone());
        seen.rows.extend(page.into_iter().map(|Listed { name, bytes, .. }| (name, bytes)));
        match last.filter(|_| more) {
            Some(last) => after = Some(last),
            None => return Ok(seen),
        }
    }
    seen.next = after;
    Ok(seen)
}

/// Numbers of notes that are not listed in a window. Names count down: it begins with the newest.
fn missing_numbers(seen: &Window, last: u64) -> Vec<u64> {
    let listed: BTreeSet<u64> = seen.rows.keys().filter_map(|name| number_of(name)).collect();
    let newest = number_of(&seen.after).map_or(last, |n| n.saturating_sub(1).min(last));
    let oldest = seen.next.as_deref().and_then(number_of).unwrap_or(1);
    (oldest..=newest).filter(|n| !listed.contains(n)).collect()
}

/// Copies of notes that are not listed, while their number is, under another name: somebody may have put that in their place.
fn overlaid(seen: &Window, copies: &BTreeMap<String, u64>) -> Vec<String> {
    let listed: BTreeSet<u64> = seen.rows.keys().filter_map(|name| number_of(name)).collect();
    let is_gone = |name: &&String| seen.covers(name) && !seen.rows.contains_key(*name);
    let is_overlaid = |name: &&String| number_of(name).is_some_and(|n| listed.contains(&n));
    copies.keys().filter(is_gone).filter(is_overlaid).cloned().collect()
}

/// Whether this note of the device is gone, and no other that the device signed bears its number: one that came to nothing has
/// given its number to another.
async fn is_overlaid(objects: &Objects, device: &Device, name: &str) -> Result<bool> {
    let Some(number) = number_of(name).filter(|_| is_own_copy(objects, device, name)) else {
        return Ok(false);
    };
    for row in objects.list_first(&layout::notes_at(&device.id, number), PAGE_ROWS).await? {
        if row.name == name || is_signed(objects, &row.name, device.signing.verifying_key()).await? {
            return Ok(false);
        }
    }
    Ok(objects.head(name).await?.is_none())
}

fn is_own_copy(objects: &Objects, device: &Device, name: &str) -> bool {
    objects.kept().is_some_and(|kept| is_own(kept, device, name))
}

fn number_of(name: &str) -> Option<u64> {
    layout::parse_note(name).ok().map(|(_, number, _)| number)
}

/// Notes that are not there and that no note says are lost, by the beginning of their names. Those known to be damaged are not looked for again.
async fn numbers(
    objects: &Objects,
    device: &Device,
    missing: Vec<u64>,
    descriptors: &Descriptors,
    damage: &mut Damage,
) -> Result<Vec<(String, FindingKind)>> {
    let name = |n: u64| layout::notes_at(&device.id, n);
    let is_new = |n: &u64, damage: &Damage| !damage.looked.is_declared(*n) && !damage.is_open(&name(*n));
    if missing.iter().any(|n| is_new(n, damage)) {
        let history = History::load(objects, descriptors).await?;
        let chain = history.device(&device.id).map(|device| &device.chain.missing[..]).unwrap_or_default();
        damage.looked.declare(
            chain
                .iter()
                .filter(|range| range.declared)
                .map(|range| NoteNumbers { from: range.from, to: range.to }),
        );
    }
    let mut found = Vec::new();
    for n in missing.into_iter().filter(|n| is_new(n, damage)) {
        // A listing may lag behind, or a delete marker hide it: that has a finding of its own.
        let is_hidden = objects.list_hidden(&name(n)).await?.len();
        if objects.list_first(&name(n), 1).await?.is_empty() && is_hidden == 0 {
            found.push((name(n), FindingKind::NoteMissing));
        }
    }
    Ok(found)
}

/// What is wrong with an object that a listing lacks, or shows with another size than its copy. A copy that does not prove itself,
/// after a power cut say, tells no size.
async fn asked(objects: &Objects, name: &str, bytes: u64) -> Result<Option<FindingKind>> {
    use FindingKind::{
        AttachmentHash, AttachmentMissing, Hidden, IndexHash, IndexMissing, NoteHash, NoteMissing,
        PackMissing, PackTruncated,
    };
    let (missing, other) = match name.split('/').next() {
        Some("a") => (AttachmentMissing, AttachmentHash),
        Some("i") => (IndexMissing, IndexHash),
        Some("c") => (NoteMissing, NoteHash),
        _ => (PackMissing, PackTruncated),
    };
    let mut wrong = None;
    for _ in 0..2 {
        wrong = match objects.head(name).await? {
            Some(meta) if meta.bytes == bytes => return Ok(None),
            Some(_) if objects.kept().is_some_and(|kept| kept.copy(name).is_none()) => return Ok(None),
            Some(_) => Some(other),
            None => Some(missing),
        };
    }
    let is_hidden = wrong == Some(missing) && !objects.list_hidden(name).await?.is_empty();
    Ok(if is_hidden { Some(Hidden) } else { wrong })
}

/// Everything that kept notes name, and themselves, but for what only snapshots need that were released, and for notes that
/// never came to the store: of those that `listed` has looked for, the ones whose number another note bears, or none will.
fn named(kept: &Kept, listed: &Window, last: u64, damage: &Damage) -> BTreeSet<String> {
    let numbers: BTreeSet<u64> = listed.rows.keys().filter_map(|name| number_of(name)).collect();
    let is_lost = |n: u64| n <= last && !numbers.contains(&n) && !damage.looked.is_declared(n);
    let counts = |name: &String| {
        listed.rows.contains_key(name) || !listed.covers(name) || number_of(name).is_some_and(is_lost)
    };
    let notes = kept.names_below("c/").into_iter().filter(counts);
    let notes: Vec<(String, Note)> = notes.filter_map(|name| read(kept, name)).collect();
    let released: BTreeSet<(DeviceId, u64)> = notes.iter().flat_map(|(_, note)| released(note)).collect();
    let mut named = BTreeSet::new();
    for (name, note) in notes {
        named.insert(name);
        let is_released = matches!(&note.kind, NoteKind::Snapshot { number, .. }
            if released.contains(&(note.device.clone(), *number)));
        if is_released {
            continue;
        }
        named.extend(note.attachments.iter().map(|row| layout::attachment(&row.sha256)));
        let mut refs = note.attachment("refs").map(|row| layout::attachment(&row.sha256));
        while let Some(name) = refs.take() {
            let copy = kept.copy(&name).and_then(|bytes| Refs::parse(&bytes).ok());
            named.insert(name);
            let Some(read) = copy else { break };
            named.extend(read.added.iter().map(|row| layout::pack(row.kind, &row.pack)));
            named.extend(read.segments.iter().map(|(sha256, _)| layout::index_segment(&read.device, sha256)));
            // What was followed from another note need not be followed again.
            refs = read.base.map(|(base, _)| layout::attachment(&base)).filter(|base| !named.contains(base));
        }
    }
    named
}

fn read(kept: &Kept, name: String) -> Option<(String, Note)> {
    let signed = note::parse(&kept.copy(&name)?).ok()?;
    Some((name, Note::parse(&signed.text).ok()?))
}

fn released(note: &Note) -> Vec<(DeviceId, u64)> {
    match &note.kind {
        NoteKind::Forget { snapshots, .. } => snapshots.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::id::Sha256;

    use super::*;

    fn window(after: u64, numbers: &[u64], more: bool) -> Window {
        let device = DeviceId::parse("0011223344556677").unwrap();
        let name = |n: &u64| layout::note(&device, *n, &Sha256([1; 32]));
        let rows: BTreeMap<String, u64> = numbers.iter().map(|n| (name(n), 9)).collect();
        let next = rows.keys().next_back().cloned().filter(|_| more);
        let prefix = layout::notes_of(&device);
        Window { prefix, after: if after == 0 { String::new() } else { name(&after) }, rows, next }
    }

    #[test]
    fn a_number_is_missing_only_where_it_was_looked_for() {
        assert_eq!(missing_numbers(&window(0, &[1, 2, 4], false), 4), [3]);
        assert_eq!(missing_numbers(&window(0, &[], false), 2), [1, 2]);
        // The newest is written after the listing, or lost.
        assert_eq!(missing_numbers(&window(0, &[1, 2], false), 3), [3]);
        assert_eq!(missing_numbers(&window(0, &[9, 7], true), 9), [8]);
        assert_eq!(missing_numbers(&window(7, &[6, 4, 3], true), 9), [5]);
        assert_eq!(missing_numbers(&window(3, &[1], false), 9), [2]);
    }

    #[test]
    fn two_names_with_one_number_are_seen_however_old_they_are() {
        let device = DeviceId::parse("0011223344556677").unwrap();
        let mut notes = window(0, &[1, 2, 3, 40], false);
        notes.rows.insert(layout::note(&device, 2, &Sha256([2; 32])), 9);
        let empty = || window(0, &[], false);
        let seen =
            |notes| Listings { copies: BTreeMap::new(), attachments: empty(), segments: empty(), notes };
        let both = [1, 2].map(|hash| layout::note(&device, 2, &Sha256([hash; 32])));
        assert_eq!(seen(notes).doubled().collect::<Vec<_>>(), both);
        assert_eq!(seen(window(0, &[1, 2, 3], false)).doubled().count(), 0);
    }
}
