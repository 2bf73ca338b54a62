//! A repository opened from this computer's own copies of its small objects, while its store is away: for its bilans.
//!
//! From the state folder to a [`Reading`] that checks what it reads as it does any store's. Never: says that what is missing there
//! is missing in the store.

use std::sync::Arc;

use scelle_store::Store;

use super::reading::{Depth, Reading};
use super::whereabouts::{Finder, Found};
use crate::connect::{Connected, RepoAddress, address_of};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::kept::Kept;
use crate::repo::kept::kept_store::KeptStore;

impl Finder<'_> {
    /// The bilans that this computer can show without the store, which `why` kept from being read.
    ///
    /// Errors: `why`, where that is neither for want of an answer nor of a credential, or where this computer knows no repository or has no copies of it.
    pub async fn from_copies(&self, why: AgentError) -> Result<Reading> {
        let is_away = why.code == ExitCode::Unreachable || why.kind == AgentError::no_credential().kind;
        match self.own_copies().await.filter(|_| is_away) {
            Some(mut reading) => {
                reading.away = Some(why);
                Ok(reading)
            }
            None => Err(why),
        }
    }

    /// The same without asking a store first. `None` where this computer knows no repository or has no copies of it.
    pub async fn own_copies(&self) -> Option<Reading> {
        let known = self.known_offline().filter(|known| !known.is_unfinished)?;
        let kept = Kept::of(&self.home.join(known.repository.as_str()));
        let place = known.device.place.clone();
        let is_folder = matches!(address_of(&place), Ok(RepoAddress::Folder(_)));
        let store: Arc<dyn Store> =
            Arc::new(KeptStore::new(kept, known.repository.clone(), place.url.clone()));
        let connected =
            Connected { bare: Arc::clone(&store), store, place, clock_offset_ms: None, is_folder };
        let (home, around) = (self.home.to_owned(), self.around.clone());
        let found = Found { known: Some(known), moved_from: None, damaged: None, connected, home, around };
        Reading::open(found, None, Depth::Whole).await.ok()
    }
}
