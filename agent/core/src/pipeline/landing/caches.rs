//! What this computer remembers of earlier runs, and of this one should it be interrupted.
//!
//! Opened from the state folder at the start of a run, written to until its note is in the store. Never: the only copy of
//! anything.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::{Catalog, Journal, Lists};
use crate::error::Result;
use crate::repo::damage::Avoided;
use crate::repo::files;
use crate::repo::seat::Seat;

/// What this computer remembers.
pub struct Caches {
    /// Files and folders of the last snapshots.
    pub catalog: Catalog,
    /// Packs of this run, or of one that was interrupted.
    pub journal: Arc<Mutex<Journal>>,
    /// Chunk lists of the last snapshots.
    pub lists: Lists,
}

impl Caches {
    /// Opens all of it.
    pub fn open(seat: &Seat, avoided: &Avoided) -> Result<Self> {
        let (state, secret) = (&seat.state, &seat.device.secret);
        let catalog =
            Catalog::open(&state.database(files::CATALOG), &secret.catalog_key(), seat.around.random())?;
        let journal = Arc::new(Mutex::new(Journal::open(&state.database(files::JOURNAL))?));
        catalog.remove_orphans()?;
        let live = live_manifest_packs(&catalog, avoided)?;
        let lists = Lists::open(&state.database(files::LISTS), secret.chunk_id_key(), live)?;
        Ok(Self { catalog, journal, lists })
    }
}

/// Manifest packs that nodes may be taken from.
fn live_manifest_packs(catalog: &Catalog, avoided: &Avoided) -> Result<HashSet<[u8; 32]>> {
    let mut live = catalog.manifest_packs()?;
    avoided.iter().for_each(|pack| {
        live.remove(&pack.sha256.0);
    });
    Ok(live)
}
