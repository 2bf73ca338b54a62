//! What the next backup of this computer does about what a check found: said only where it is so.
//!
//! Data comes from findings, the copies of this PC and the key copies. Goes to the end of `check`. Never: promises what a
//! store may refuse without saying that it is this computer that tries.

use std::collections::{BTreeMap, BTreeSet};

use scelle_format::id::DeviceId;
use scelle_format::layout;
use serde::Serialize;

use super::reading::Reading;
use crate::cli::context::Context;
use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::{Finding, FindingKind};
use scelle_core::repo::history::{Snapshot, packs_of};
use scelle_core::repo::kept::Kept;
use scelle_core::repo::key_copies::KeyCopies;
use scelle_core::repo::mend::can_be_mended;
use scelle_view::bilingual;
use scelle_view::words::figures::count;

/// Damaged objects by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prospects {
    /// This PC has their exact bytes: the next backup puts them back.
    pub put_back: u64,
    /// Packs that the newest snapshots of this PC need: the next backup stores again what the source still has of them.
    pub stored_again: u64,
    /// Packs that only older snapshots, or those of others, need: whether the source still has what they held is not known.
    pub uncertain: u64,
    /// No backup mends them.
    pub left: u64,
}

/// What becomes of what was found; `None` where this PC does not back up to the repository.
pub async fn prospects(context: &Context, reading: &Reading, findings: &[Finding]) -> Option<Prospects> {
    let known = reading.known.as_ref()?;
    let folder = context.settings.home.join(known.repository.as_str());
    let (kept, keys) = (Kept::of(&folder), KeyCopies::in_folder(&folder));
    let mut objects: BTreeMap<&str, bool> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.kind.is_damage()) {
        // A head that the store does not show is sent again when the next run opens its ledger.
        let is_mendable = finding.kind.is_of_an_object() || finding.kind == FindingKind::Rollback;
        *objects.entry(&finding.object).or_insert(true) &= is_mendable;
    }
    let mut prospects = Prospects::default();
    let tried = Damage::tried_in(&folder);
    let newest = match objects.keys().any(|name| layout::parse_pack(name).is_ok()) {
        true => newest_packs(reading, &known.device.id).await,
        false => BTreeSet::new(),
    };
    for (name, is_of_an_object) in objects {
        let is_pack = layout::parse_pack(name).is_ok();
        let is_ours = match name {
            _ if !is_of_an_object => false,
            layout::FORMAT_TXT => true,
            _ if name.starts_with("keys/") => keys.can_mend(&reading.repository.objects, name).await,
            _ => can_be_mended(&kept, &known.device, name),
        };
        match is_pack && is_of_an_object {
            _ if is_ours => prospects.put_back += 1,
            true if tried.contains(name) => prospects.left += 1,
            true if newest.contains(name) => prospects.stored_again += 1,
            true => prospects.uncertain += 1,
            false => prospects.left += 1,
        }
    }
    Some(prospects)
}

/// Names of the packs that the newest snapshot of each set of this PC needs: of what they hold, the source had all at that
/// time. Those whose refs cannot be read promise nothing.
async fn newest_packs(reading: &Reading, device: &DeviceId) -> BTreeSet<String> {
    let repository = &reading.repository;
    let snapshots = repository.history.device(device).map(|own| own.snapshots()).unwrap_or_default();
    let newest: BTreeMap<String, Snapshot> =
        snapshots.into_iter().map(|snapshot| (snapshot.set.clone(), snapshot)).collect();
    let mut names = BTreeSet::new();
    for snapshot in newest.values() {
        if let Ok(packs) = packs_of(&repository.objects, snapshot).await {
            names.extend(packs.rows().map(|row| layout::pack(row.kind, &row.pack)));
        }
    }
    names
}

/// Says it, one line for each.
pub fn told(context: &Context, prospects: &Prospects) {
    let (screen, lang) = (&context.screen, context.lang());
    if prospects.put_back > 0 {
        let n = count(prospects.put_back, lang);
        screen.say(&bilingual!(
            "  {n} objets : ce poste en a la copie exacte, la prochaine sauvegarde les remet en place",
            "  {n} objects: this computer has their exact copies, the next backup puts them back"
        ));
    }
    if prospects.stored_again > 0 {
        let n = count(prospects.stored_again, lang);
        screen.say(&bilingual!(
            "  {n} paquets : la prochaine sauvegarde enregistre à nouveau ce que ce poste a encore de leur contenu",
            "  {n} packs: the next backup stores again what this computer still has of their content"
        ));
    }
    if prospects.uncertain > 0 {
        let n = count(prospects.uncertain, lang);
        screen.say(&bilingual!(
            "  {n} paquets : seuls des instantanés plus anciens, ou d'un autre poste, en ont besoin ; la prochaine sauvegarde dira \
             si ce poste a encore leur contenu",
            "  {n} packs: only older snapshots, or another computer's, need them; the next backup will show whether this \
             computer still has their content"
        ));
    }
    if prospects.left > 0 {
        let n = count(prospects.left, lang);
        screen.say(&bilingual!(
            "  {n} objets : aucune sauvegarde de ce poste ne les répare, ses fichiers étant ce qu'ils sont. Demandez à l'hébergeur une version antérieure des \
             objets nommés ci-dessus ; ce qui est intact se restaure avec le kit",
            "  {n} objects: no backup of this computer mends them as its files are now. Ask the host for an older version of the objects named \
             above; what is sound can be restored with the kit"
        ));
    }
}
