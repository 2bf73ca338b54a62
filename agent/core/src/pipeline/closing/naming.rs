//! Naming what was made: what is stored is confirmed, then root and refs beside the index, and last of all the note; and what
//! follows once that stands.
//!
//! Data comes from the threads and the upload, and goes to the store by way of [`crate::pipeline::closing::commit`]. Never: names what the
//! store did not show in this run.

use scelle_format::manifest::Root;
use scelle_format::timestamp::Timestamp;

use crate::catalog::JournaledPack;
use crate::error::Result;
use crate::pipeline::closing::commit::{self, Committed, RefsDraft, SnapshotFacts};
use crate::pipeline::closing::saved::{Attempt, Saved};
use crate::pipeline::gather::found::problems_of;
use crate::pipeline::gather::gathered::Gathered;
use crate::pipeline::gather::make::{Made, MadeChunks, MadeTree, NewPlaces};
use crate::pipeline::gather::plan::RunPlan;
use crate::pipeline::landing::caches::Caches;
use crate::pipeline::landing::heal;
use crate::pipeline::landing::presence;
use crate::pipeline::landing::segments;
use crate::pipeline::landing::stages::Uploaded;
use crate::platform;
use crate::repo::damage::Damage;
use crate::repo::damage::known::Shown;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::seat::Seat;
use crate::repo::state::Device;

/// What a run is named with.
pub(in crate::pipeline) struct Naming<'a, 'l> {
    pub(in crate::pipeline) plan: &'a RunPlan,
    pub(in crate::pipeline) seat: &'a Seat,
    pub(in crate::pipeline) ledger: &'a mut LedgerWriter<'l>,
    pub(in crate::pipeline) damage: &'a mut Damage,
    pub(in crate::pipeline) caches: &'a mut Caches,
    /// When the run began.
    pub(in crate::pipeline) began: Timestamp,
    /// What is done once the snapshot can be named, and before it is.
    pub(in crate::pipeline) before_note: BeforeNote<'a>,
}

/// Is told what was gathered before anything names it: what must be remembered even if the run ends right after its note.
pub type BeforeNote<'a> = &'a (dyn Fn(&Gathered) -> Result<()> + Sync);

impl Naming<'_, '_> {
    /// Confirms what is stored, and names it; then remembers it here, and writes the heal notes of packs whose content is
    /// whole again.
    pub(in crate::pipeline) async fn confirm_and_commit(
        mut self,
        made: Made,
        uploaded: Uploaded,
        resumed: &[JournaledPack],
    ) -> Result<Attempt> {
        let Self { plan, seat, ledger, damage, began, before_note, .. } = &mut self;
        let resumed_bytes = resumed.iter().map(|pack| pack.object_bytes).sum();
        let confirmed = commit::confirm(uploaded, resumed).await?;
        let Made { tree, chunks, places, gathered } = made;
        let root = root_of(plan, &seat.device, ledger.head().snapshot + 1, *began, &tree, &gathered);
        let MadeChunks { needs, known_sizes, fresh } = chunks;
        let facts = SnapshotFacts { root, needs, known_sizes };
        let needed = commit::needed_packs(&confirmed, &facts)?;
        let ((listing, shown), mended_objects) = tokio::try_join!(
            presence::packs(&confirmed.at.objects, &needed),
            presence::small_objects(seat, &confirmed.at.objects, ledger, damage),
        )?;
        if !listing.is_sound() {
            return Ok(Attempt::Lacking(listing));
        }
        let draft = RefsDraft::new(&seat.state, ledger, needed);
        let descriptor_seen = ledger.head().descriptor_seen()?;
        let needs = &facts.needs;
        let (prepared, indexed) = tokio::try_join!(
            commit::prepare(seat, &confirmed, &facts.root, draft, descriptor_seen),
            segments::index(seat, ledger, &confirmed, fresh, needs, damage),
        )?;
        before_note(&gathered)?;
        let committed = commit::snapshot(seat, ledger, indexed, prepared, facts, damage).await?;
        let healed_packs = self.remember(tree, places, &committed, &shown).await?;
        let saved =
            Saved { committed, gathered, resumed_bytes, listing, shown, healed_packs, mended_objects };
        Ok(Attempt::Whole(Box::new(saved)))
    }

    /// The snapshot stands: the next run compares with it. Returns how many packs are whole again in others.
    async fn remember(
        self,
        tree: MadeTree,
        places: NewPlaces,
        committed: &Committed,
        shown: &Shown,
    ) -> Result<u64> {
        let Self { plan, seat, ledger, damage, caches, .. } = self;
        let Caches { catalog, journal, lists } = &mut *caches;
        let MadeTree { hunks, level2, .. } = tree;
        let NewPlaces { nodes, list_nodes, regrouped } = places;
        let gone = commit::remember(catalog, journal, &plan.set, committed, &hunks, &nodes, level2)?;
        lists.settle(&list_nodes, &gone)?;
        // What could not be said of older ones stays known as damaged, and is tried again next time.
        let healed =
            heal::heal(&seat.state, caches, regrouped, ledger, damage, &committed.packs, shown).await;
        damage.note_tried();
        // Not to have it kept makes `check` promise less surely, no more.
        let _ = damage.save(&seat.state);
        Ok(healed.unwrap_or(0))
    }
}

/// The root of the snapshot's tree.
fn root_of(
    plan: &RunPlan,
    device: &Device,
    snapshot: u64,
    began: Timestamp,
    tree: &MadeTree,
    gathered: &Gathered,
) -> Root {
    Root {
        repository: device.repository.clone(),
        device: device.id.clone(),
        snapshot,
        set: plan.set.clone(),
        time: began.to_string(),
        os: platform::SYSTEM.into(),
        roots: tree.roots.clone(),
        generation: device.secret.generation(),
        dedup_secret: *device.secret.expose(),
        older_secrets: Vec::new(),
        level2: tree.level2.clone(),
        totals: gathered.totals,
        problems: problems_of(&gathered.troubles),
    }
}
