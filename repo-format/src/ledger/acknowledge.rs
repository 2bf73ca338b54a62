//! The words of an `acknowledge` note (FORMAT.md §10): who says that a change was meant, and why.
//!
//! Closed lists, because a note lies in clear where the store can read it. Never: free text, in which a name could stand.

use crate::text::closed_words;

/// What stands in the place of a set where the store and the ledger are what is acknowledged; it names no set.
pub const STORE_SET: &str = "store";

closed_words! {
    /// Who acknowledges, as declared.
    Author, "author" {
        /// The secretary.
        Secretary = "secretary",
        /// A practitioner.
        Practitioner = "practitioner",
        /// Whoever answers for the data.
        Responsible = "responsible",
        /// The IT provider.
        Provider = "provider",
    }
}

closed_words! {
    /// Why what is gone or changed is as it should be.
    Because, "reason" {
        /// It is elsewhere now.
        Moved = "moved",
        /// Someone meant to.
        DeletedOnPurpose = "deleted-on-purpose",
        /// It was put away.
        Archived = "archived",
        /// Something else took its place.
        Replaced = "replaced",
        /// None of these.
        Other = "other",
    }
}
