//! Which repository a command means: what was typed and configured, for [`Finder`].
//!
//! From flags and configuration to the core; that one has moved is said here. Never: a rule of its own.

use crate::cli::context::Context;
use scelle_core::error::Result;
use scelle_core::run::{Finder, Found, Known, Moved};
use scelle_format::id::RepositoryId;
use scelle_view::bilingual;

impl Context {
    /// What is meant, as it was typed and configured.
    pub fn finder(&self, upload: Option<u64>) -> Finder<'_> {
        let finder = self.settings.finder(&self.around);
        Finder { upload_bytes_per_second: upload.or(finder.upload_bytes_per_second), ..finder }
    }

    /// [`Finder::find`]
    pub async fn find(&self, of_kit: Option<&RepositoryId>, upload: Option<u64>) -> Result<Found> {
        self.finder(upload).find(of_kit).await
    }

    /// [`Finder::known_offline`]
    pub fn known_offline(&self) -> Option<Known> {
        self.finder(None).known_offline()
    }

    /// Says that the repository was found at another address than this computer held.
    pub fn say_moved(&self, moved: &Moved) {
        let Moved { from, to, remains } = moved;
        self.screen.warn(&bilingual!(
            "le dépôt connu de ce poste était à {from} ; il est maintenant à {to}, et cette adresse est retenue sur ce poste ; si la configuration dit encore l'ancienne (« url », « endpoint »), corrigez-la",
            "the repository this computer knows was at {from}; it is now at {to}, and this address is remembered on this computer; where the configuration still says the old one (\"url\", \"endpoint\"), correct it"
        ));
        if *remains {
            self.screen.warn(&bilingual!(
                "il en reste une copie à {from} : elle n'avance plus",
                "a copy of it remains at {from}: it no longer advances"
            ));
        }
    }
}
