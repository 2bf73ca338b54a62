//! Bilans of an opened repository: listed, shown, and made into a file that proves one.
//!
//! From the checked ledger, and what this computer has kept back, to whoever asks. Never: writes; accepting what one warns of
//! is [`Reading::accept`].

use std::path::Path;

use super::reading::Reading;
use crate::bilan::{self, Loaded, Row, Shelf};
use crate::error::{AgentError, ExitCode, Result};

impl Reading {
    /// All bilans, oldest first.
    pub fn bilans(&self) -> Vec<Row> {
        self.shelf(self.folder().as_deref()).rows()
    }

    /// The bilan of an id, or the newest one for `latest`.
    ///
    /// Errors: those of [`Shelf::load`].
    pub async fn bilan(&self, id: &str) -> Result<Loaded> {
        let loaded = self.shelf(self.folder().as_deref()).load(&self.repository.objects, id).await;
        loaded.map_err(|error| self.cause_of(error))
    }

    /// What no copy is kept of is not lost: the store is away.
    fn cause_of(&self, error: AgentError) -> AgentError {
        match &self.away {
            Some(why) if error.code == ExitCode::Damaged => why.clone(),
            _ => error,
        }
    }

    pub(super) fn shelf<'a>(&'a self, folder: Option<&'a Path>) -> Shelf<'a> {
        Shelf { history: &self.repository.history, folder, own: self.own() }
    }

    /// The file that proves a bilan without the store.
    ///
    /// Errors: exit 2 when the bilan is not in the store yet.
    pub async fn bilan_file(&self, loaded: &Loaded) -> Result<Vec<u8>> {
        let repository = &self.repository;
        let file =
            bilan::export(&repository.objects, &repository.descriptors, &repository.history, loaded).await;
        file.map_err(|error| self.cause_of(error))
    }
}
