//! Bilans of an opened repository: listed, shown, and made into a file that proves one.
//!
//! From the checked ledger, and what this computer has kept back, to whoever asks. Never: writes; accepting what one warns of
//! is [`Reading::accept`].

use super::reading::Reading;
use crate::bilan::{self, Loaded, Row};
use crate::error::Result;

impl Reading {
    /// All bilans, oldest first.
    pub fn bilans(&self) -> Vec<Row> {
        bilan::rows(&self.repository.history, self.folder().as_deref())
    }

    /// The bilan of an id, or the newest one for `latest`.
    ///
    /// Errors: those of [`bilan::load`].
    pub async fn bilan(&self, id: &str) -> Result<Loaded> {
        let repository = &self.repository;
        bilan::load(&repository.objects, &repository.history, self.folder().as_deref(), id).await
    }

    /// The file that proves a bilan without the store.
    ///
    /// Errors: exit 2 when the bilan is not in the store yet.
    pub async fn bilan_file(&self, loaded: &Loaded) -> Result<Vec<u8>> {
        let repository = &self.repository;
        bilan::export(&repository.objects, &repository.descriptors, &repository.history, loaded).await
    }
}
