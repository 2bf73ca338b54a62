//! Which repository a command means: what was typed and configured, for [`Finder`].
//!
//! From flags and configuration to the core; what moved is said here. Never: a rule of its own.

use crate::cli::context::Context;
use scelle_core::error::Result;
use scelle_core::repo::seat::Seat;
use scelle_core::run::{Finder, Found, Known};
use scelle_format::id::RepositoryId;
use scelle_view::bilingual;

impl Context {
    /// What is meant, as it was typed and configured.
    pub fn finder(&self, upload: Option<u64>) -> Finder<'_> {
        Finder {
            home: &self.settings.home,
            address: self.settings.repo.as_ref(),
            is_typed: self.global.repo.as_deref().is_some_and(|url| !url.is_empty()),
            s3: &self.settings.s3,
            upload_bytes_per_second: upload.or(self.settings.limits.upload_bytes_per_second),
            around: &self.around,
        }
    }

    /// [`Finder::find`]
    pub async fn find(&self, of_kit: Option<&RepositoryId>, upload: Option<u64>) -> Result<Found> {
        self.finder(upload).find(of_kit).await
    }

    /// [`Finder::known_offline`]
    pub fn known_offline(&self) -> Option<Known> {
        self.finder(None).known_offline()
    }

    /// Where the repository was found at another address than the state folder holds, that is said and kept, so that it
    /// is said once.
    pub fn settle(&self, seat: &mut Seat, found: &Found) -> Result<()> {
        let (Some(known), Some(from)) = (&found.known, found.moved_from.as_deref()) else { return Ok(()) };
        let to = known.device.place.url.clone();
        self.screen.warn(&bilingual!(
            "le dépôt connu de ce poste était à {from} ; il est maintenant à {to}, et cette adresse est retenue sur ce poste ; si « url » de la configuration dit encore l'ancienne, corrigez-la",
            "the repository this computer knows was at {from}; it is now at {to}, and this address is remembered on this computer; where \"url\" in the configuration still says the old one, correct it"
        ));
        if known.remains_at(from) {
            self.screen.warn(&bilingual!(
                "il en reste une copie à {from} : elle n'avance plus",
                "a copy of it remains at {from}: it no longer advances"
            ));
        }
        known.settle(seat, from)
    }
}
