//! The lights of a status (FORMAT.md §11): a `bilan` note says one, a bilan's record says why.
//!
//! Data comes from the facts of a run, or from what was written of them. Never: words for people.

use crate::text::closed_words;

closed_words! {
    /// A light. Ordered: the greatest of several is the worst. Not knowing is worse than all that is known but a failure: an
    /// unknown never hides what is known to be wrong.
    Light, "light" {
        /// All that is needed holds.
        Green = "green",
        /// Someone should act.
        Amber = "amber",
        /// Not known.
        Grey = "grey",
        /// Someone must act now.
        Red = "red",
    }
}
