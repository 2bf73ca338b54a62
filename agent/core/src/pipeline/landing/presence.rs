//! What a note is about to name, asked for in this run: packs by a listing, small objects one by one.
//!
//! Data comes from the store's answers. What is gone is put back where its bytes are at hand, else it is named no more: full
//! refs instead of a difference, a segment sealed anew from the local index. Never: names what the store does not show.

use std::collections::HashMap;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use scelle_format::id::{PackId, Sha256};
use scelle_format::index::Segment;
use scelle_format::layout::{self, PackName};
use scelle_format::ledger::FoundBad;
use scelle_format::refs::PackSet;

use crate::error::Result;
use crate::pipeline::landing::segments;
use crate::pipeline::landing::shown::{CONCURRENT_HEADS, HowShown, how_shown, is_there};
use crate::repo::damage::Damage;
use crate::repo::files;
use crate::repo::finding::FindingKind;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::objects::Objects;
use crate::repo::objects::mend;
use crate::repo::seat::Seat;
use crate::repo::state::{Device, State};
use crate::verify::listing::{self, Listing};

/// Compares the packs of a snapshot with what the store lists. A listing may lag behind: what it lacks is asked for by name.
pub(in crate::pipeline) async fn packs(
    objects: &Objects,
    needed: &PackSet,
) -> Result<(Listing, HashMap<PackName, u64>)> {
    let (mut listing, listed) = listing::compare(objects, needed).await?;
    let lacking: Vec<_> = listing.missing.iter().chain(&listing.wrong_size).copied().collect();
    let asked = lacking.into_iter().map(|(kind, pack)| async move {
        let object_bytes = needed.get(kind, pack).unwrap_or(0);
        let shown = is_there(objects, &layout::pack(kind, &pack), object_bytes).await?;
        Ok::<_, crate::error::AgentError>(((kind, pack), shown))
    });
    let answers: HashMap<_, _> = stream::iter(asked).buffer_unordered(CONCURRENT_HEADS).try_collect().await?;
    let is_shown = |name: &PackName| answers.get(name).copied().unwrap_or(false);
    listing.missing.retain(|name| !is_shown(name));
    listing.wrong_size.retain(|name| !is_shown(name));
    Ok((listing, listed))
}

/// Asks for the refs that the next note stands on and for the index segments; one HEAD each, side by side. Returns how
/// many were stored again or are replaced.
pub(in crate::pipeline) async fn small_objects(
    seat: &Seat,
    objects: &Objects,
    ledger: &mut LedgerWriter<'_>,
    damage: &mut Damage,
) -> Result<u64> {
    let device = &seat.device;
    let refs = ledger.head().refs_chain.iter().map(|(sha256, bytes)| (refs_name(sha256), *bytes));
    let index = ledger.head().segments.iter().map(|(sha256, bytes)| (segment_name(device, sha256), *bytes));
    let known: &Damage = damage;
    let asked = refs.chain(index).map(|(name, bytes)| async move {
        if known.is_open(&name) {
            return Ok(Some((name, false)));
        }
        let shown = how_shown(objects, &name, bytes).await?;
        Ok::<_, crate::error::AgentError>(
            (shown != HowShown::Whole).then_some((name, shown == HowShown::Other)),
        )
    });
    let lost: Vec<Option<(String, bool)>> =
        stream::iter(asked).buffer_unordered(CONCURRENT_HEADS).try_collect().await?;
    let lost: Vec<(String, bool)> = lost.into_iter().flatten().collect();
    if lost.is_empty() {
        return Ok(0);
    }
    // Before it is put right, when nobody can see it any more.
    let other = lost.iter().filter(|(_, is_other)| *is_other);
    let other = other.map(|(name, _)| FoundBad { name: name.as_str(), why: FindingKind::Overwritten.code() });
    if damage.note_altered(other, ledger.next_sequence()) {
        damage.save(&seat.state)?;
    }
    let lost: Vec<String> = lost.into_iter().map(|(name, _)| name).collect();
    refs_again(&seat.state, objects, ledger, &lost).await?;
    segments_again(seat, objects, ledger, &lost).await?;
    Ok(lost.len() as u64)
}

/// Puts lost refs back from the copy of this PC. Where that does not help the next note gets a full list, which stands on
/// nothing.
async fn refs_again(
    state: &State,
    objects: &Objects,
    ledger: &mut LedgerWriter<'_>,
    lost: &[String],
) -> Result<()> {
    for (sha256, _) in ledger.head().refs_chain.clone() {
        let name = refs_name(&sha256);
        if !lost.contains(&name) {
            continue;
        }
        let copy =
            state.get(&files::refs_copy(&sha256))?.filter(|copy| Sha256::of(copy).to_string() == sha256);
        // Read back there, not only asked for: other bytes of the same length may stand under its name.
        let fate = match copy {
            Some(copy) => mend::with(objects, &name, copy.into()).await,
            None => mend::from_copy(objects, &name).await,
        };
        if !fate.is_whole() {
            let head = ledger.head_mut();
            (head.refs, head.refs_bytes) = (None, None);
            head.refs_chain.clear();
            return Ok(());
        }
    }
    Ok(())
}

/// Puts lost segments back, or seals them anew from the local index. One that is gone from there as well is named no more:
/// its chunks are stored again when they are met.
async fn segments_again(
    seat: &Seat,
    objects: &Objects,
    ledger: &mut LedgerWriter<'_>,
    lost: &[String],
) -> Result<()> {
    let device = &seat.device;
    for (sha256, _) in ledger.head().segments.clone() {
        let name = segment_name(device, &sha256);
        if !lost.contains(&name) || mend::from_copy(objects, &name).await.is_whole() {
            continue;
        }
        let copy = seat.state.index().copy(&sha256);
        let made = match &copy {
            None => None,
            Some(copy) => {
                let sizes: HashMap<PackId, u64> = copy.packs().iter().copied().collect();
                let size_of = |id: &PackId| sizes.get(id).copied().unwrap_or(0);
                let segment = Segment::build(copy.generation(), copy.iter().collect(), size_of);
                Some(segments::store(seat, objects, &segment).await?)
            }
        };
        let head = ledger.head_mut();
        head.segments.retain(|(name, _)| *name != sha256);
        head.segments.extend(made);
        head.refs_bytes = None;
    }
    Ok(())
}

fn refs_name(sha256: &str) -> String {
    Sha256::parse(sha256).map(|sha256| layout::attachment(&sha256)).unwrap_or_default()
}

fn segment_name(device: &Device, sha256: &str) -> String {
    Sha256::parse(sha256).map(|sha256| layout::index_segment(&device.id, &sha256)).unwrap_or_default()
}

/// Keeps the bytes of a refs attachment, and lets go of those that no later one stands on.
pub(in crate::pipeline) fn keep_copy(
    state: &State,
    ledger: &LedgerWriter<'_>,
    sha256: &str,
    bytes: &[u8],
) -> Result<()> {
    state.put(&files::refs_copy(sha256), bytes)?;
    let kept: Vec<String> =
        ledger.head().refs_chain.iter().map(|(sha256, _)| files::refs_copy(sha256)).collect();
    for name in state.names_in("") {
        if name.starts_with(files::REFS_COPY) && name != files::refs_copy(sha256) && !kept.contains(&name) {
            state.remove(&name);
        }
    }
    Ok(())
}
