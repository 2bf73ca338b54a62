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
            bilingual!("intact ; chaîne complète ; signataire connu", "intact; chain complete; signer known")
        }
        (_, false, Signer::Known) => {
            bilingual!(
                "intact ; chaîne incomplète ; signataire connu",
                "intact; chain incomplete; signer known"
            )
        }
        (_, true, Signer::NotIdentified) => bilingual!(
            "intact ; chaîne complète ; signataire non identifié",
            "intact; chain complete; signer not identified"
        ),
        (_, false, Signer::NotIdentified) => bilingual!(
            "intact ; chaîne incomplète ; signataire non identifié",
            "intact; chain incomplete; signer not identified"
        ),
    }
}
