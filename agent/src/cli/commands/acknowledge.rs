//! `scelle bilan acknowledge`: someone accepts what a bilan warned of: in the sources of a set, a loss in the store that no
//! backup could mend, or other bytes in the store than were stored there.
//!
//! From who accepts, and why, to [`Reading::accept`](super::reading::Reading::accept); what the ledger then says is said here.
//! Never: decides what can be accepted.

use serde_json::json;

use super::reading::{Depth, KeyNeed, open};
use crate::cli::args::{BilanAcknowledge, KeyArgs};
use crate::cli::context::Context;
use scelle_core::bilan::memory::SET_GONE;
use scelle_core::error::{ExitCode, Result};
use scelle_core::run::{Acceptance, AcceptedLoss, Consent};
use scelle_view::bilingual;
use scelle_view::reasons::sentence;
use scelle_view::words::{Message, counted};

/// Runs `bilan acknowledge`.
pub async fn run(context: &Context, args: BilanAcknowledge) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), KeyNeed::Optional, Depth::WholeAndKept).await?;
    let (author, reason) = (args.author, args.reason);
    let mut document = json!({"author": author, "reason": reason});
    let mut told = |id: &str, accepted| match accepted {
        Acceptance::Loss(loss) => {
            say_loss(context, &loss);
            document["loss"] =
                json!({"note": loss.note, "objects": loss.objects, "snapshots": loss.snapshots});
        }
        Acceptance::Altered { note, left } => {
            say_altered(context, left);
            document["altered"] = json!({ "note": note });
        }
        Acceptance::Chain { note } => {
            say_chain(context);
            document["chain"] = json!({ "note": note });
        }
        Acceptance::Sources { note, snapshot, codes } => {
            say_sources(context, id, &codes);
            document["note"] = json!(note);
            document["snapshot"] = json!(snapshot);
            document["codes"] = json!(codes);
        }
    };
    let id = reading.accept(&args.id, Consent { author, reason }, &mut told).await?;
    document["bilan"] = json!(id);
    context.screen.json(&document);
    Ok(ExitCode::Ok)
}

fn say_sources(context: &Context, id: &str, codes: &[String]) {
    let what = Message::by(|lang| {
        let said = |code: &String| sentence(code).map_or(code.clone(), |found| found.what(lang).to_owned());
        codes.iter().map(said).collect::<Vec<_>>().join(lang.pick(" ; ", "; "))
    });
    let is_gone = codes.iter().all(|code| code == SET_GONE);
    context.screen.say(&match is_gone {
        true => bilingual!(
            "Bilan {id}, accepté : {what}. C'est inscrit au journal ; tant qu'un plan nomme ces dossiers, chaque sauvegarde le redit",
            "Bilan {id}, acknowledged: {what}. It is in the ledger; as long as a plan names these folders, each backup says it again",
            what = what
        ),
        false => bilingual!(
            "Bilan {id}, accepté : {what}. C'est inscrit au journal, la prochaine sauvegarde compte à partir de cet état",
            "Bilan {id}, acknowledged: {what}. It is in the ledger, the next backup counts from that state",
            what = what
        ),
    });
}

fn say_altered(context: &Context, left: u64) {
    context.screen.say(&match left {
        0 => bilingual!(
            "Alerte levée : d'autres octets dans le stockage ; c'est inscrit au journal",
            "Alarm ended: other bytes in the store; it is in the ledger"
        ),
        _ => bilingual!(
            "C'est inscrit au journal ; {found} depuis ce bilan : l'alerte reste",
            "It is in the ledger; {found} since that bilan: the alarm stays",
            found = counted(
                left,
                "# objet[s] [a|ont] été trouvé[s] altéré[s]",
                "# object[s] [was|were] found altered"
            )
        ),
    });
}

fn say_chain(context: &Context) {
    context.screen.say(&bilingual!(
        "Alerte sur le journal levée ; c'est inscrit au journal. Elle revient si cela se reproduit",
        "Alarm about the ledger ended; it is in the ledger. It comes back if this happens again"
    ));
}

fn say_loss(context: &Context, loss: &AcceptedLoss) {
    context.screen.say(&bilingual!(
        "Perte acceptée : {objects}, {snapshots} ; c'est inscrit au journal. Ce qui est touché reste incomplet : « scelle \
         check » le dit toujours",
        "Loss acknowledged: {objects}, {snapshots}; it is in the ledger. What is affected stays incomplete: \"scelle \
         check\" goes on saying so",
        objects = counted(loss.objects, "# objet[s]", "# object[s]"),
        snapshots = counted(loss.snapshots, "# instantané[s] touché[s]", "# snapshot[s] affected"),
    ));
}
