//! `scelle check`: is everything there, as signed, and as far as asked readable?

use serde_json::json;

use super::prospects::{self, Prospects};
use super::reading::{Key, Reading, open, show_findings};
use crate::cli::args::{Check, ReadData as Asked};
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::damage::Loss;
use scelle_core::repo::finding::FindingKind;
use scelle_core::verify::{CheckOptions, CheckReport, ReadData, check};
use scelle_view::bilingual;
use scelle_view::pages::text::moment;
use scelle_view::words::figures::{count, size};

/// Snapshots of each device whose trees are followed when a key is given.
const TREES: usize = 3;

/// Runs `check`.
pub async fn run(context: &Context, args: Check) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, Key::Optional, true).await?;
    let turn = reading.known.as_ref().map_or(0, |known| known.head.sequence);
    let read_data = match args.read_data {
        None => ReadData::None,
        Some(Asked::All) => ReadData::All,
        Some(Asked::Percent(percent)) => ReadData::Percent { percent, turn },
    };
    let local_head = reading.known.as_ref().and_then(|known| {
        known.head.link().map(|(sequence, hash)| (known.device.id.clone(), sequence, hash))
    });
    let options = CheckOptions { read_data, local_head, trees: TREES };
    let mut report =
        check(&mut reading.repository, &options, &*context.around.monitor, &context.around.shutdown).await?;
    context.around.monitor.finish();
    count_local_copies(context, &reading, &mut report);
    super::damage::record(context, &reading, "check", &report.findings, report.sound_again.clone()).await;
    let prospects = prospects::prospects(context, &reading, &report.findings).await;
    told(context, &report, prospects.as_ref());
    Ok(report.code())
}

/// This PC's state folder holds a copy of the wrapped keys too: where it does, it counts.
fn count_local_copies(context: &Context, reading: &Reading, report: &mut CheckReport) {
    let Some(known) = &reading.known else { return };
    let folder = context.settings.home.join(known.repository.as_str());
    if folder.join(scelle_core::repo::files::KEY_COPIES).is_file() {
        report.key_copies += 1;
        if report.key_copies >= 3 {
            report.findings.retain(|finding| finding.kind != FindingKind::KeyCopies);
        }
    }
}

fn told(context: &Context, report: &CheckReport, prospects: Option<&Prospects>) {
    let (screen, lang) = (&context.screen, context.lang());
    show_findings(context, &report.findings);
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
    if let Some(prospects) = prospects {
        prospects::told(context, prospects);
    }
    let code = report.code().number();
    let mut document = serde_json::to_value(report).unwrap_or_default();
    document["code"] = json!(code);
    document["next_backup"] = json!(prospects);
    screen.json(&document);
}
