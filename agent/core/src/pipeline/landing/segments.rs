//! Index segments of a run: which new chunk lies where, stored for the day the catalog is lost (FORMAT.md §7).
//!
//! Entries come sorted from [`RunChunks`] and, now and then, from earlier segments that are merged with them, and go to the
//! store and to the local index in segments of bounded size. Never: holds more than one segment, indexes a chunk whose pack
//! the snapshot does not need.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scelle_format::crypto::seal::seal_bytes;
use scelle_format::id::{PackId, PackKind, Sha256};
use scelle_format::index::Segment;
use scelle_format::layout;
use scelle_format::pack::Location;

use crate::error::{AgentError, Result};
use crate::index::SegmentFile;
use crate::index::merge::{Merged, SEGMENT_ROWS_MAX, due};
use crate::pipeline::chunks::dedup::RunChunks;
use crate::pipeline::landing::shown::is_there;
use crate::pipeline::landing::stages::{Confirmed, Indexed};
use crate::repo::damage::Damage;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::objects::Objects;
use crate::repo::seat::Seat;

/// Stores index segments over the chunks that are new, and keeps local copies for the next run.
pub async fn index<'c>(
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    confirmed: &'c Confirmed,
    run: RunChunks,
    needs: &BTreeMap<PackId, PackKind>,
    damage: &Damage,
) -> Result<Indexed<'c>> {
    // What a healed pack held is in others: it is no target of dedup any more.
    let avoided = damage.avoided();
    // A pack that the snapshot does not need may be cleared away: its chunks are no targets of dedup.
    let is_fresh = |at: &Location| {
        let is_sent = confirmed.packs.get(&at.pack).is_some_and(|(kind, _)| *kind == PackKind::Data);
        is_sent && needs.contains_key(&at.pack)
    };
    let mut fresh = Merged::new(run.sources()).filter(is_fresh).peekable();
    let is_empty = fresh.peek().is_none();
    let earlier = if is_empty { Vec::new() } else { merge_with(seat, ledger, run.most(), damage) };
    let mut sizes: HashMap<PackId, u64> = confirmed.packs.iter().map(|(id, (_, n))| (*id, *n)).collect();
    sizes.extend(earlier.iter().flat_map(|(_, segment)| segment.packs().iter().copied()));
    let rows = run.most() + earlier.iter().map(|(_, segment)| segment.rows()).sum::<u64>();
    let mut sources: Vec<Box<dyn Iterator<Item = Location> + '_>> = vec![Box::new(fresh)];
    for (_, segment) in &earlier {
        sources.push(Box::new(segment.iter().filter(|at| !avoided.has(&at.pack))));
    }
    let objects = &*confirmed.at.objects;
    let made = store_all(seat, objects, Merged::new(sources), rows, &sizes).await?;
    let stored_bytes = made.iter().map(|(_, stored_bytes)| stored_bytes).sum();
    if !made.is_empty() {
        let head = ledger.head_mut();
        head.segments.retain(|(name, _)| !earlier.iter().any(|(merged, _)| merged == name));
        head.refs_bytes = None;
        head.segments.extend(made);
    }
    Ok(Indexed { confirmed, stored_bytes })
}

/// Stores at most `rows` entries in segments of even size: none is so small that it is soon merged again.
async fn store_all(
    seat: &Seat,
    objects: &Objects,
    mut entries: impl Iterator<Item = Location>,
    rows: u64,
    sizes: &HashMap<PackId, u64>,
) -> Result<Vec<(String, u64)>> {
    let each = rows.div_ceil(rows.div_ceil(SEGMENT_ROWS_MAX).max(1)) as usize;
    let mut made = Vec::new();
    loop {
        let some: Vec<Location> = entries.by_ref().take(each).collect();
        if some.is_empty() {
            return Ok(made);
        }
        let size_of = |id: &PackId| sizes.get(id).copied().unwrap_or(0);
        let segment = Segment::build(seat.device.secret.generation(), some, size_of);
        made.push(store(seat, objects, &segment).await?);
    }
}

/// Earlier segments that are worth being merged with `fresh` new entries, by name. One that cannot be read whole stays as
/// it is.
fn merge_with(
    seat: &Seat,
    ledger: &LedgerWriter<'_>,
    fresh: u64,
    damage: &Damage,
) -> Vec<(String, SegmentFile)> {
    let (index, device) = (seat.state.index(), &seat.device);
    let segments = &ledger.head().segments;
    let rows = segments.iter().map(|(name, _)| index.rows(name).unwrap_or(SEGMENT_ROWS_MAX));
    let rows: Vec<u64> = rows.collect();
    let open_packs: BTreeSet<PackId> = damage.open_packs().into_iter().map(|(_, pack)| pack).collect();
    let open = |at: usize| {
        let name = &segments.get(at)?.0;
        let segment = index.copy(name)?;
        // What a damaged pack held is known from here only, until it is healed.
        if segment.packs().iter().any(|(pack, _)| open_packs.contains(pack)) {
            return None;
        }
        let mut all = segment.iter();
        let is_whole = all.by_ref().count() as u64 == segment.rows() && !all.is_damaged();
        (is_whole && segment.generation() == device.secret.generation()).then(|| (name.clone(), segment))
    };
    due(&rows, fresh).into_iter().filter_map(open).collect()
}

/// Seals and stores one segment, and asks the store for it; returns its name and stored size.
pub(in crate::pipeline) async fn store(
    seat: &Seat,
    objects: &Objects,
    segment: &Segment,
) -> Result<(String, u64)> {
    let device = &seat.device;
    let recipients = [device.epoch_recipient.clone(), device.index_identity.recipient()];
    let sealed =
        seal_bytes(&recipients, &segment.encode(), &mut seat.around.random()).map_err(AgentError::bug)?;
    let sha256 = Sha256::of(&sealed);
    let (name, stored_bytes) = (sha256.to_string(), sealed.len() as u64);
    let object = layout::index_segment(&device.id, &sha256);
    objects.put_new_hashed(&object, sealed.into(), &sha256).await?;
    if !is_there(objects, &object, stored_bytes).await? {
        return Err(AgentError::not_confirmed().at(object));
    }
    seat.state.index().keep(&name, segment)?;
    Ok((name, stored_bytes))
}
