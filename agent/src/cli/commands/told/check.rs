//! What a check says: the findings, what was looked at, what is hidden, replaced or accepted as lost, and the verdict.
//!
//! From the report to the screen. Never: a name of a file.

use serde_json::json;

use super::super::reading::show_findings;
use crate::cli::context::Context;
use scelle_core::error::ExitCode;
use scelle_core::repo::damage::Loss;
use scelle_core::run::Prospects;
use scelle_core::verify::CheckReport;
use scelle_view::bilingual;
use scelle_view::pages::text::moment;
use scelle_view::words::figures::size;
use scelle_view::words::{counted, terms};

/// Says what a check found, and gives its document.
pub fn told(context: &Context, report: &CheckReport, prospects: Option<&Prospects>) {
    show_findings(context, &report.findings);
    looked_at(context, report);
    read_below(context, report);
    no_longer_needed(context, report);
    verdict(context, report);
    if let Some(prospects) = prospects {
        foreseen(context, prospects);
    }
    let mut document = serde_json::to_value(report).unwrap_or_default();
    document["code"] = json!(report.code().number());
    document["next_backup"] = json!(prospects);
    context.screen.json(&document);
}

fn looked_at(context: &Context, report: &CheckReport) {
    let screen = &context.screen;
    let bytes = size(report.bytes_read, context.lang());
    screen.say(&bilingual!(
        "{objects}, {packs}, {read} ({bytes})",
        "{objects}, {packs}, {read} ({bytes})",
        objects = counted(report.objects, "# objet[s] contrôlé[s]", "# object[s] checked"),
        packs = counted(report.packs, "# paquet[s] attendu[s]", "# pack[s] expected"),
        read = counted(report.packs_read, "# relu[s]", "# read back"),
    ));
    if report.strangers > 0 {
        screen.say(&counted(
            report.strangers,
            "# fichier[s] étranger[s] au dépôt, laissé[s] de côté",
            "# file[s] that [is|are] not the repository's, passed over",
        ));
    }
}

/// What lies under delete markers, or under other bytes, and is read all the same.
fn read_below(context: &Context, report: &CheckReport) {
    let screen = &context.screen;
    if report.hidden > 0 {
        screen.say(&counted(
            report.hidden,
            "MASQUÉ[S] : # objet[s], derrière [un marqueur|des marqueurs] de suppression ; [sa version antérieure est|leurs \
             versions antérieures sont] là-dessous, et une restauration avec cet identifiant [la|les] lit. Qui a l'identifiant du propriétaire \
             retire [le marqueur|les marqueurs] (supprimer la version « delete marker » de [l'objet nommé|chaque objet nommé] \
             ci-dessus) ; changez aussi l'identifiant de ce poste",
            "HIDDEN: # object[s], behind [a delete marker|delete markers]; [its older version lies|their older versions lie] \
             below, and a restoration with this credential reads [it|them]. Whoever holds the owner's credential removes the marker[s] (delete \
             the \"delete marker\" version of [the|each] object named above); change this computer's credential as well",
        ));
    }
    if report.overwritten > 0 {
        screen.say(&counted(
            report.overwritten,
            "RECOUVERT[S] : # objet[s], d'autres octets sont à [sa|leur] place ; [sa version antérieure est|leurs versions \
             antérieures sont] là-dessous, et une restauration avec cet identifiant [la|les] lit. Prévenez l'hébergeur ; si quelqu'un d'autre a \
             l'identifiant de ce poste, changez-le",
            "OVERWRITTEN: # object[s], other bytes lie in [its|their] place; [its older version lies|their older versions lie] \
             below, and a restoration with this credential reads [it|them]. Tell the host; if somebody else has this computer's credential, \
             change it",
        ));
    }
}

/// What was lost and is needed no more, or was accepted, or is lost with its note.
fn no_longer_needed(context: &Context, report: &CheckReport) {
    let (screen, lang) = (&context.screen, context.lang());
    if !report.replaced.is_empty() {
        screen.say(&counted(
            report.replaced.len() as u64,
            "# paquet[s] perdu[s] ou abîmé[s] [a été remplacé|ont été remplacés] par d'autres : aucun instantané n'en a plus \
             besoin",
            "# lost or spoilt pack[s] [has|have] been replaced by others: no snapshot needs [it|them] any more",
        ));
    }
    if let Some(loss) = report.loss {
        let Loss { time, author, reason, .. } = loss;
        let time = moment(time, lang);
        screen.say(&bilingual!(
            "Perte acceptée le {time} ({who}, {why}) : {objects}, {snapshots} alors",
            "Loss acknowledged on {time} ({who}, {why}): {objects}, {snapshots} then",
            who = terms::author(author),
            why = terms::because(reason),
            objects = counted(
                report.acknowledged.len() as u64,
                "# objet[s] endommagé[s] en [fait|font] partie",
                "# damaged object[s] [is|are] part of it",
            ),
            snapshots = counted(loss.snapshots, "# instantané[s] touché[s]", "# snapshot[s] affected"),
        ));
    }
    for lost in &report.lost {
        let (id, day) = (&lost.id, moment(lost.told, lang));
        screen.warn(&bilingual!(
            "instantané {id}, du {day} : sa note est perdue ou abîmée ; tant qu'elle l'est, il ne peut pas être restauré",
            "snapshot {id}, of {day}: its note is lost or spoilt; as long as it is, it cannot be restored"
        ));
    }
}

fn verdict(context: &Context, report: &CheckReport) {
    let screen = &context.screen;
    let (sound, damaged) = (report.sound.len() as u64, report.damaged.len() as u64);
    match report.code() {
        ExitCode::Ok if !report.replaced.is_empty() => screen.say(&counted(
            sound,
            "Rien ne manque [à l'instantané|aux # instantanés]",
            "Nothing is missing from the [snapshot|# snapshots]",
        )),
        ExitCode::Ok => screen.say(&counted(
            sound,
            "Aucun dommage trouvé : # instantané[s] complet[s]",
            "No damage found: # snapshot[s] complete",
        )),
        _ => screen.say(&bilingual!(
            "DOMMAGES : {damaged}, {sound}. Ne supprimez rien, et prévenez votre prestataire",
            "DAMAGE: {damaged}, {sound}. Delete nothing, and tell your provider",
            // A pack that is lost may hold what an older snapshot shares with it, or not: without a key nobody knows.
            damaged = match damaged {
                // One whose note is lost cannot be counted.
                0 => bilingual!("aucun instantané lisible touché", "no readable snapshot affected"),
                _ => counted(damaged, "au plus # instantané[s] touché[s]", "at most # snapshot[s] affected"),
            },
            sound = counted(sound, "# intact[s]", "# sound"),
        )),
    }
}

/// What the next backup does about it, one line for each.
fn foreseen(context: &Context, prospects: &Prospects) {
    let screen = &context.screen;
    if prospects.put_back > 0 {
        screen.say(&counted(
            prospects.put_back,
            "  # objet[s] : ce poste en a la copie exacte, la prochaine sauvegarde [le|les] remet en place",
            "  # object[s]: this computer has [its exact copy|their exact copies], the next backup puts [it|them] back",
        ));
    }
    if prospects.stored_again > 0 {
        screen.say(&counted(
            prospects.stored_again,
            "  # paquet[s] : la prochaine sauvegarde enregistre à nouveau ce que ce poste a encore de [son|leur] contenu",
            "  # pack[s]: the next backup stores again what this computer still has of [its|their] content",
        ));
    }
    if prospects.uncertain > 0 {
        screen.say(&counted(
            prospects.uncertain,
            "  # paquet[s] : seuls des instantanés plus anciens, ou d'un autre poste, en ont besoin ; la prochaine sauvegarde \
             dira si ce poste a encore [son|leur] contenu",
            "  # pack[s]: only older snapshots, or another computer's, need [it|them]; the next backup will show whether this \
             computer still has [its|their] content",
        ));
    }
    if prospects.forked > 0 {
        screen.say(&bilingual!(
            "  deux ordinateurs ont écrit sous une même identité : rien n'est perdu, les versions de l'un et de l'autre se \
             restaurent. Trouvez la copie et arrêtez-la ; ce contrôle le dira tant que le dépôt existe, le bilan jusqu'à « scelle \
             bilan acknowledge »",
            "  two computers have written under one identity: nothing is lost, the versions of both can be restored. Find the \
             copy and stop it; this check will say so as long as the repository exists, the bilan until \"scelle bilan \
             acknowledge\""
        ));
    }
    if prospects.left > 0 {
        screen.say(&counted(
            prospects.left,
            "  # objet[s] : aucune sauvegarde de ce poste ne [le|les] répare, ses fichiers étant ce qu'ils sont. Demandez à \
             l'hébergeur une version antérieure [de l'objet nommé|des objets nommés] ci-dessus ; ce qui est intact se restaure \
             avec le kit",
            "  # object[s]: no backup of this computer mends [it|them] as its files are now. Ask the host for an older version \
             of the object[s] named above; what is sound can be restored with the kit",
        ));
    }
}
