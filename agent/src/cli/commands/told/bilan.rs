//! What is said of a bilan's file that was checked.
//!
//! From the verdict to one sentence. Never: a colour.

use scelle_core::bilan::verify::{Signer, Verdict};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// What the file is worth.
pub fn sentence(verdict: &Verdict) -> Message {
    match (verdict.intact, verdict.chain_complete, verdict.signer) {
        (false, ..) => {
            bilingual!("altéré : ce fichier ne prouve rien", "altered: this file proves nothing")
        }
        (_, _, Signer::Wrong) => {
            bilingual!("intact, mais signé par quelqu'un d'autre", "intact, but signed by somebody else")
        }
        (_, true, Signer::Known) => {
            bilingual!(
                "intact ; aucune note ne manque depuis le bilan précédent ; signataire connu",
                "intact; no note missing since the bilan before it; signer known"
            )
        }
        (_, false, Signer::Known) => {
            bilingual!(
                "intact ; des notes manquent depuis le bilan précédent ; signataire connu",
                "intact; notes missing since the bilan before it; signer known"
            )
        }
        (_, true, Signer::NotIdentified) => bilingual!(
            "intact ; aucune note ne manque depuis le bilan précédent ; signataire non identifié",
            "intact; no note missing since the bilan before it; signer not identified"
        ),
        (_, false, Signer::NotIdentified) => bilingual!(
            "intact ; des notes manquent depuis le bilan précédent ; signataire non identifié",
            "intact; notes missing since the bilan before it; signer not identified"
        ),
    }
}
