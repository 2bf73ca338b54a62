//! A reason for a light: its code, how bad it is, which half it counts for and who acts.
//!
//! For: the table of facts, which gives reasons, and the status, which weighs them. Never: words for people (codes only,
//! listed in `REASONS.md`).

use crate::light::Light;
use crate::text::closed_words;

closed_words! {
    /// Which of the two lights a reason is for.
    Half, "half" {
        /// Whether the data would come back.
        Protection = "protection",
        /// Whether obligations are met and can be shown.
        Compliance = "compliance",
    }
}

closed_words! {
    /// Who can do something about a reason.
    Who, "actor" {
        /// The practice.
        Practice = "practice",
        /// Its IT provider.
        Provider = "provider",
        /// The host of the store.
        Host = "host",
    }
}

/// Why a light is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    /// Stable code (`REASONS.md`).
    pub code: &'static str,
    /// Its light; a green reason is a remark.
    pub light: Light,
    /// The light it counts for.
    pub half: Half,
    /// Who acts.
    pub who: Who,
}
