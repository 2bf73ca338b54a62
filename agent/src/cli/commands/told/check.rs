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
use scelle_view::words::figures::{count, size};

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
    let (screen, lang) = (&context.screen, context.lang());
    let (objects, packs) = (count(report.objects, lang), count(report.packs, lang));
    let (read, bytes) = (count(report.packs_read, lang), size(report.bytes_read, lang));
    screen.say(&bilingual!(
        "{objects} objets contrôlés, {packs} paquets attendus, {read} relus ({bytes})",
        "{objects} objects checked, {packs} packs expected, {read} read back ({bytes})"
    ));
    if report.strangers > 0 {
        let strangers = count(report.strangers, lang);
        screen.say(&bilingual!(
            "{strangers} fichiers étrangers au dépôt, laissés de côté",
            "{strangers} files that are not the repository's, passed over"
        ));
    }
}

/// What lies under delete markers, or under other bytes, and is read all the same.
fn read_below(context: &Context, report: &CheckReport) {
    let (screen, lang) = (&context.screen, context.lang());
    if report.hidden > 0 {
        let hidden = count(report.hidden, lang);
        screen.say(&bilingual!(
            "MASQUÉS : {hidden} objets, derrière des marqueurs de suppression ; leurs versions antérieures sont là-dessous, et \
             toute restauration les lit. Qui a l'identifiant du propriétaire retire les marqueurs (supprimer la version \
             « delete marker » de chaque objet nommé ci-dessus) ; changez aussi l'identifiant de ce poste",
            "HIDDEN: {hidden} objects, behind delete markers; their older versions lie below, and every restoration reads \
             them. Whoever holds the owner's credential removes the markers (delete the \"delete marker\" version of each \
             object named above); change this computer's credential as well"
        ));
    }
    if report.overwritten > 0 {
        let overwritten = count(report.overwritten, lang);
        screen.say(&bilingual!(
            "RECOUVERTS : {overwritten} objets, d'autres octets sont à leur place ; leurs versions antérieures sont là-dessous, \
             et toute restauration les lit. Prévenez l'hébergeur ; si quelqu'un d'autre a l'identifiant de ce poste, changez-le",
            "OVERWRITTEN: {overwritten} objects, other bytes lie in their place; their older versions lie below, and every \
             restoration reads them. Tell the host; if somebody else has this computer's credential, change it"
        ));
    }
}

/// What was lost and is needed no more, or was accepted, or is lost with its note.
fn no_longer_needed(context: &Context, report: &CheckReport) {
    let (screen, lang) = (&context.screen, context.lang());
    if !report.replaced.is_empty() {
        let replaced = count(report.replaced.len() as u64, lang);
        screen.say(&bilingual!(
            "{replaced} paquets perdus ou abîmés ont été remplacés par d'autres : aucun instantané n'en a plus besoin",
            "{replaced} lost or spoilt packs have been replaced by others: no snapshot needs them any more"
        ));
    }
    if let Some(loss) = report.loss {
        let (objects, snapshots) =
            (count(report.acknowledged.len() as u64, lang), count(loss.snapshots, lang));
        let Loss { time, author, reason, .. } = loss;
        screen.say(&bilingual!(
            "Perte acceptée le {time} ({author}, {reason}) : {objects} objets endommagés en font partie, {snapshots} instantanés touchés alors",
            "Loss acknowledged on {time} ({author}, {reason}): {objects} damaged objects are part of it, {snapshots} snapshots affected then"
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
    let (sound, damaged) = (report.sound.len(), report.damaged.len());
    match report.code() {
        ExitCode::Ok if !report.replaced.is_empty() => screen.say(&bilingual!(
            "Rien ne manque aux {sound} instantanés",
            "Nothing is missing from the {sound} snapshots"
        )),
        ExitCode::Ok => screen.say(&bilingual!(
            "Aucun dommage : {sound} instantanés complets",
            "No damage: {sound} snapshots complete"
        )),
        _ => screen.say(&bilingual!(
            "DOMMAGES : {damaged} instantanés touchés, {sound} intacts. Ne supprimez rien, et prévenez votre prestataire",
            "DAMAGE: {damaged} snapshots affected, {sound} sound. Delete nothing, and tell your provider"
        )),
    }
}

/// What the next backup does about it, one line for each.
fn foreseen(context: &Context, prospects: &Prospects) {
    let (screen, lang) = (&context.screen, context.lang());
    if prospects.put_back > 0 {
        let n = count(prospects.put_back, lang);
        screen.say(&bilingual!(
            "  {n} objets : ce poste en a la copie exacte, la prochaine sauvegarde les remet en place",
            "  {n} objects: this computer has their exact copies, the next backup puts them back"
        ));
    }
    if prospects.stored_again > 0 {
        let n = count(prospects.stored_again, lang);
        screen.say(&bilingual!(
            "  {n} paquets : la prochaine sauvegarde enregistre à nouveau ce que ce poste a encore de leur contenu",
            "  {n} packs: the next backup stores again what this computer still has of their content"
        ));
    }
    if prospects.uncertain > 0 {
        let n = count(prospects.uncertain, lang);
        screen.say(&bilingual!(
            "  {n} paquets : seuls des instantanés plus anciens, ou d'un autre poste, en ont besoin ; la prochaine sauvegarde dira \
             si ce poste a encore leur contenu",
            "  {n} packs: only older snapshots, or another computer's, need them; the next backup will show whether this \
             computer still has their content"
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
        let n = count(prospects.left, lang);
        screen.say(&bilingual!(
            "  {n} objets : aucune sauvegarde de ce poste ne les répare, ses fichiers étant ce qu'ils sont. Demandez à l'hébergeur une version antérieure des \
             objets nommés ci-dessus ; ce qui est intact se restaure avec le kit",
            "  {n} objects: no backup of this computer mends them as its files are now. Ask the host for an older version of the objects named \
             above; what is sound can be restored with the kit"
        ));
    }
}
