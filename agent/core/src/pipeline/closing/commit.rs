//! Committing: index, level-2 nodes, root, refs, and last of all the note (FORMAT.md §12).
//!
//! The order is in the types: [`Uploaded`] → [`Confirmed`] → [`Indexed`] and [`Prepared`] → [`Committed`]; the note of a complete
//! snapshot before its packs does not compile. That of a partial one, in the middle of a run, is `landing::checkpoint`'s. Everything goes to the destination that confirmed the packs; that the pen writes to that one is asked,
//! for the types do not say it. What does not wait for each other is sent side by side: on a slow line a round trip is dear. Data
//! comes from the scan and the upload. Never: believes that a pack is there because it was sent.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use scelle_format::compress::{Compressor, push_padding};
use scelle_format::crypto::seal::seal_bytes;
use scelle_format::descriptor::SeenRevision;
use scelle_format::filter::Filter;
use scelle_format::id::{PackId, PackKind, Sha256};
use scelle_format::layout;
use scelle_format::ledger::{Attachment, NoteKind, SnapshotStatus};
use scelle_format::limits::{FRAME_MAX_BYTES, ROOT_MAX_BYTES, SMALL_FLOOR_BYTES};
use scelle_format::manifest::{NodeRef, Root};
use scelle_format::pack::Location;
use scelle_format::padme::{padding_for, padme};
use scelle_format::random::Random;
use scelle_format::refs::{PackSet, Refs, RefsPlan, plan};

use crate::catalog::{Catalog, Journal, JournaledPack, SetRow};
use crate::error::{AgentError, Result};
use crate::pipeline::closing::small_copies::{SmallCopies, small_copies};
use crate::pipeline::gather::hunks::MadeHunk;
use crate::pipeline::landing::presence::keep_copy;
use crate::pipeline::landing::shown::{CONCURRENT_HEADS, is_shown, is_there};
use crate::pipeline::landing::stages::{Confirmed, Indexed, Uploaded};
use crate::repo::damage::Damage;
use crate::repo::files;
use crate::repo::ledger::append::{Attached, LedgerWriter, attach};
use crate::repo::objects::Objects;
use crate::repo::objects::destination::Destination;
use crate::repo::seat::Seat;
use crate::repo::state::checksum;
use crate::repo::state::{Device, State};

/// The snapshot's note is written.
#[derive(Clone)]
pub struct Committed {
    /// The destination that has it, with all that it names.
    pub at: Destination,
    /// Its number.
    pub snapshot: u64,
    /// SHA-256 of the sealed root.
    pub root: Sha256,
    /// Packs of the snapshot with their sizes.
    pub packs: PackSet,
    /// Bytes this run has stored in all.
    pub stored_bytes: u64,
}

/// Asks the destination for what it has not shown since it was sent, and for what an interrupted run had sent.
///
/// Errors: exit 13 naming a pack that is not there with its size.
pub async fn confirm(uploaded: Uploaded, resumed: &[JournaledPack]) -> Result<Confirmed> {
    let objects = &*uploaded.to.objects;
    let asked = uploaded.unseen.iter().chain(resumed).map(|pack| async move {
        match is_shown(objects, pack).await? {
            true => Ok((pack.id, (pack.kind, pack.object_bytes))),
            false => Err(AgentError::not_confirmed().at(layout::pack(pack.kind, &pack.id))),
        }
    });
    let shown: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT_HEADS).try_collect().await?;
    let mut packs = uploaded.packs;
    packs.extend(shown);
    Ok(Confirmed { at: uploaded.to, packs, sent_bytes: uploaded.sent_bytes })
}

/// What the snapshot's note says beside what is computed here.
pub struct SnapshotFacts {
    /// Root without its level-2 nodes' places: complete.
    pub root: Root,
    /// Packs the tree needs, manifest packs among them, with the sizes of those that earlier snapshots name.
    pub needs: BTreeMap<PackId, PackKind>,
    /// Sizes of packs that earlier snapshots name.
    pub known_sizes: HashMap<PackId, u64>,
}

/// What is stored while the index is, at the destination that confirmed the packs.
pub struct Prepared {
    draft: RefsDraft,
    root: Attached,
    /// Where the refs are to be full.
    keys: Option<SmallCopies>,
}

/// The packs a snapshot needs, with their sizes.
pub fn needed_packs(confirmed: &Confirmed, facts: &SnapshotFacts) -> Result<PackSet> {
    let mut packs = PackSet::new();
    for (id, kind) in &facts.needs {
        let sent = confirmed.packs.get(id).map(|(_, n)| *n);
        let object_bytes = sent.or_else(|| facts.known_sizes.get(id).copied());
        packs.insert(
            *kind,
            *id,
            object_bytes.ok_or_else(|| AgentError::cache_damaged("a pack without a size"))?,
        );
    }
    Ok(packs)
}

/// The packs of a snapshot beside those of the last: what its refs are made of.
pub struct RefsDraft {
    packs: PackSet,
    previous: Option<PreviousRefs>,
}

/// The refs of the last snapshot.
struct PreviousRefs {
    sha256: Sha256,
    /// How many refs they stand on.
    depth: u32,
    packs: PackSet,
}

impl RefsDraft {
    /// Reads what the last refs were.
    pub fn new(state: &State, ledger: &LedgerWriter<'_>, packs: PackSet) -> Self {
        Self { packs, previous: previous_refs(state, ledger) }
    }

    fn plan(&self) -> RefsPlan {
        plan(self.previous.as_ref().map(|last| (&last.sha256, last.depth, &last.packs)), &self.packs)
    }
}

/// Stores the root; takes what full refs are to hold.
pub async fn prepare(
    seat: &Seat,
    confirmed: &Confirmed,
    root: &Root,
    draft: RefsDraft,
    descriptor_seen: SeenRevision,
) -> Result<Prepared> {
    let objects = &*confirmed.at.objects;
    let sealed = seal_root(&seat.device, &root.encode(), &mut seat.around.random())?;
    let keys = match draft.plan() {
        RefsPlan::Full => Some(small_copies(&seat.state, objects, descriptor_seen).await?),
        _ => None,
    };
    let root = attach(objects, "root", sealed).await?;
    Ok(Prepared { draft, root, keys })
}

/// Writes refs and note.
///
/// Errors: beside the destination's, exit 1 the pen is another destination's.
pub async fn snapshot(
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    Indexed { confirmed, stored_bytes: index_bytes }: Indexed<'_>,
    Prepared { draft, root, keys }: Prepared,
    facts: SnapshotFacts,
    damage: &Damage,
) -> Result<Committed> {
    let objects = &*confirmed.at.objects;
    if !ledger.writes_to(&confirmed.at) {
        return Err(AgentError::bug("the pen of another destination"));
    }
    let mut stored_bytes = confirmed.sent_bytes + index_bytes + root.row.stored_bytes;
    let refs = match next_refs(seat, objects, ledger, &draft, keys, damage).await? {
        NextRefs::New(text, depth) => {
            let refs = store_refs(seat, objects, ledger, &draft, text, depth).await?;
            stored_bytes += refs.row.stored_bytes;
            refs
        }
        NextRefs::Same(attachment) => attachment.into(),
    };
    let shown = tokio::try_join!(is_attached(objects, &root), is_attached(objects, &refs))?;
    for (attached, is_shown) in [(&root, shown.0), (&refs, shown.1)] {
        if !is_shown {
            return Err(AgentError::not_confirmed().at(layout::attachment(&attached.row.sha256)));
        }
    }
    let totals = facts.root.totals;
    let kind = NoteKind::Snapshot {
        number: facts.root.snapshot,
        status: SnapshotStatus::Complete,
        epoch: seat.device.epoch,
        set: facts.root.set.clone(),
        files: totals.files,
        source_bytes: padme(totals.bytes),
        stored_bytes,
    };
    let root_sha256 = root.row.sha256;
    ledger.append(kind, vec![root, refs]).await?;
    let packs = draft.packs;
    let (at, snapshot) = (confirmed.at.clone(), facts.root.snapshot);
    Ok(Committed { at, snapshot, root: root_sha256, packs, stored_bytes })
}

/// Stores new refs, and keeps here what they are and what they say.
async fn store_refs(
    seat: &Seat,
    objects: &Objects,
    ledger: &mut LedgerWriter<'_>,
    draft: &RefsDraft,
    text: String,
    depth: u32,
) -> Result<Attached> {
    let attached = attach(objects, "refs", text.into_bytes()).await?;
    let (sha256, stored_bytes) = (attached.row.sha256.to_string(), attached.row.stored_bytes);
    let head = ledger.head_mut();
    head.refs = Some((sha256.clone(), depth));
    head.refs_bytes = Some(stored_bytes);
    if depth == 0 {
        head.refs_chain.clear();
    }
    head.refs_chain.push((sha256.clone(), stored_bytes));
    keep_copy(&seat.state, ledger, &sha256, &attached.bytes.clone().unwrap_or_default())?;
    let list = full_refs(objects, &seat.device, &draft.packs, Vec::new(), Vec::new())?;
    // A crash before the note leaves this copy ahead of the head: the hash tells.
    let beside = checksum::with(sha256.as_bytes(), list.into_bytes());
    seat.state.put(files::REFS, &[sha256.as_bytes(), b"\n", &beside].concat())?;
    Ok(attached)
}

/// Whether the store shows an attachment with its size.
async fn is_attached(objects: &Objects, attached: &Attached) -> Result<bool> {
    is_there(objects, &layout::attachment(&attached.row.sha256), attached.row.stored_bytes).await
}

/// Compresses, pads and seals a root.
fn seal_root(device: &Device, plain: &[u8], random: &mut dyn Random) -> Result<Vec<u8>> {
    if plain.len() > ROOT_MAX_BYTES {
        return Err(AgentError::bug("the root is larger than the format allows"));
    }
    let mut padded = if plain.len() <= FRAME_MAX_BYTES {
        let mut compressor = Compressor::new(crate::pipeline::chunks::recipe::LEVEL);
        compressor
            .frame(plain, crate::pipeline::chunks::recipe::LEVEL, Filter::None)
            .map_err(AgentError::bug)?
            .to_vec()
    } else {
        zstd::bulk::compress(plain, crate::pipeline::chunks::recipe::LEVEL).map_err(AgentError::bug)?
    };
    let gap = padding_for(padded.len() as u64, SMALL_FLOOR_BYTES);
    push_padding(&mut padded, gap);
    seal_bytes(std::slice::from_ref(&device.epoch_recipient), &padded, random).map_err(AgentError::bug)
}

enum NextRefs {
    /// To be written: text and depth.
    New(String, u32),
    /// The attachment of the last snapshot says the same.
    Same(Attachment),
}

async fn next_refs(
    seat: &Seat,
    objects: &Objects,
    ledger: &LedgerWriter<'_>,
    draft: &RefsDraft,
    keys: Option<SmallCopies>,
    damage: &Damage,
) -> Result<NextRefs> {
    let (device, segments) = (&seat.device, segments(ledger)?);
    // Index segments made since make the last refs outdated, also where the packs are the same.
    match (draft.plan(), &draft.previous, ledger.head().refs_bytes) {
        (RefsPlan::Reuse, Some(last), Some(stored_bytes)) => {
            Ok(NextRefs::Same(Attachment { role: "refs".into(), sha256: last.sha256, stored_bytes }))
        }
        (RefsPlan::Delta { base, added, removed }, ..) => {
            let (repository, device) = (objects.repository().clone(), device.id.clone());
            let refs =
                Refs { repository, device, base: Some(base), keys: Vec::new(), added, removed, segments };
            Ok(NextRefs::New(refs.to_text().map_err(AgentError::bug)?, base.1))
        }
        _ => {
            let keys = match keys {
                Some(keys) => keys,
                None => small_copies(&seat.state, objects, ledger.head().descriptor_seen()?).await?,
            };
            let text = full_refs(objects, device, &draft.packs, keys.clone(), segments.clone())?;
            // Where an object of that name is not what it should be, the copies in another order make another name.
            let name = layout::attachment(&Sha256::of(text.as_bytes()));
            if damage.is_open(&name)
                || objects.head(&name).await?.is_some_and(|m| m.bytes != text.len() as u64)
            {
                let mut keys = keys;
                keys.reverse();
                return Ok(NextRefs::New(full_refs(objects, device, &draft.packs, keys, segments)?, 0));
            }
            Ok(NextRefs::New(text, 0))
        }
    }
}

fn full_refs(
    objects: &Objects,
    device: &Device,
    packs: &PackSet,
    keys: Vec<(String, Vec<u8>)>,
    segments: Vec<(Sha256, u64)>,
) -> Result<String> {
    let refs = Refs {
        repository: objects.repository().clone(),
        device: device.id.clone(),
        base: None,
        keys,
        added: packs.rows().collect(),
        removed: Vec::new(),
        segments,
    };
    refs.to_text().map_err(AgentError::bug)
}

fn segments(ledger: &LedgerWriter<'_>) -> Result<Vec<(Sha256, u64)>> {
    let mut rows: Vec<(Sha256, u64)> = Vec::new();
    for (sha256, stored_bytes) in &ledger.head().segments {
        rows.push((Sha256::parse(sha256).map_err(AgentError::local_state)?, *stored_bytes));
    }
    rows.sort();
    Ok(rows)
}

/// The last snapshot's refs, from the copy beside the head.
fn previous_refs(state: &State, ledger: &LedgerWriter<'_>) -> Option<PreviousRefs> {
    let (sha256, depth) = ledger.head().refs.clone()?;
    // What they stand on must have been asked for. An earlier version did not write down what that is.
    ledger.head().refs_chain.last().filter(|(last, _)| *last == sha256)?;
    let sha256 = Sha256::parse(&sha256).ok()?;
    let bytes = state.get(files::REFS).ok()??;
    let list = bytes.strip_prefix(format!("{sha256}\n").as_bytes())?;
    let local = Refs::parse(&checksum::without(sha256.to_string().as_bytes(), list.to_vec())?).ok()?;
    let mut packs = PackSet::new();
    packs.apply(&local).ok()?;
    Some(PreviousRefs { sha256, depth, packs })
}

/// Remembers the snapshot: from here on the next run compares with it. Returns the packs that are needed no more.
pub(in crate::pipeline) fn remember(
    catalog: &mut Catalog,
    journal: &Mutex<Journal>,
    set: &str,
    committed: &Committed,
    hunks: &[MadeHunk],
    nodes: &[Location],
    level2: Vec<NodeRef>,
) -> Result<Vec<[u8; 32]>> {
    let gone = catalog.transaction(|catalog| {
        for row in committed.packs.rows() {
            catalog.pack_row((row.kind, row.pack, row.object_bytes))?;
        }
        let sent = journal.lock().packs()?;
        for pack in sent.iter().filter(|pack| pack.kind == PackKind::Manifest) {
            let chunks = journal.lock().locations(pack)?;
            catalog.remember_manifest_pack(&pack.id, &chunks)?;
        }
        for hunk in hunks.iter().filter(|hunk| hunk.is_new) {
            catalog.place_hunk(hunk.row, &hunk.node)?;
        }
        let rows = hunks.iter().map(|hunk| hunk.row).collect();
        nodes.iter().try_for_each(|node| catalog.remember_node(node))?;
        catalog.put_set(set, &SetRow { snapshot: committed.snapshot, hunks: rows, level2: level2.clone() })
    })?;
    journal.lock().clear()?;
    Ok(gone)
}
