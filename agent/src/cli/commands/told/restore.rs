//! What a restore says: how whole it is, what stands elsewhere or otherwise than in the source, and what is missing and why.
//!
//! From the summary to the screen. Names of files are shown on a terminal only. Never: writes to a log.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::context::Context;
use scelle_core::monitor::{Notice, Problem};
use scelle_core::repo::ledger::history::Snapshot;
use scelle_core::restore::summary::RestoreSummary;
use scelle_core::restore::tally::FileProblem;
use scelle_core::restore::write::Notices;
use scelle_core::run::Restored;
use scelle_view::bilingual;
use scelle_view::words::counted;
use scelle_view::words::figures::{count, duration, local_time, size};

/// Files that were not restored, named one by one; the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// Says what a restore did, and gives its document.
pub fn told(context: &Context, snapshot: &Snapshot, restored: &Restored) {
    let summary = &restored.summary;
    headline(context, snapshot, summary);
    stood_already(context, summary);
    moved(context, summary);
    not_given(context, &summary.notices);
    not_restored(context, summary);
    why_not(context, summary);
    read_elsewhere(context, restored.replaced.len() as u64);
    if !restored.is_recorded {
        context.screen.warn(&bilingual!(
            "la fiche de restauration n'a pas pu être écrite au journal",
            "the restore record could not be written to the ledger"
        ));
    }
    context.screen.json(&document(snapshot, summary));
    not_whole_when_made(context, restored);
}

fn headline(context: &Context, snapshot: &Snapshot, summary: &RestoreSummary) {
    let lang = context.lang();
    let (number, took) = (snapshot.id.number, duration(summary.duration, lang));
    let made = UNIX_EPOCH + Duration::from_secs(u64::try_from(snapshot.time.0).unwrap_or(0));
    let made = local_time(made, lang);
    // Further names of a file count as files, as they do in a backup.
    let (files, bytes) = (summary.files + summary.hardlinks, size(summary.bytes, lang));
    let missing = damaged_files(summary) + summary.problems.len() as u64;
    context.screen.say(&match (missing, summary.kept) {
        (0, 0) => bilingual!(
            "Instantané {number} du {made} restauré : {files}, {bytes}, {took} ; chaque octet vérifié",
            "Snapshot {number} of {made} restored: {files}, {bytes}, {took}; every byte verified",
            files = counted(files, "# fichier[s]", "# file[s]"),
        ),
        (0, kept) => bilingual!(
            "Instantané {number} du {made} restauré EN PARTIE : {kept} ; {files}, {bytes}, {took}, chaque octet écrit vérifié",
            "Snapshot {number} of {made} restored IN PART: {kept}; {files}, {bytes}, {took}, every byte written is verified",
            kept = counted(
                kept,
                "# fichier[s] déjà là [n'est|ne sont] pas [celui|ceux] de l'instantané",
                "# file[s] that stood there already [is|are] not [that|those] of the snapshot",
            ),
            files = counted(files, "# fichier[s] écrit[s]", "# file[s] written"),
        ),
        (missing, _) => bilingual!(
            "Instantané {number} du {made} restauré EN PARTIE : {missing} ; {files}, {bytes}, {took}, chaque octet écrit vérifié",
            "Snapshot {number} of {made} restored IN PART: {missing}; {files}, {bytes}, {took}, every byte written is verified",
            missing = counted(missing, "# fichier[s] manque[nt]", "# file[s] [is|are] missing"),
            files = counted(files, "# fichier[s] écrit[s]", "# file[s] written"),
        ),
    });
}

/// Files whose content is damaged in the store, those of parts of the tree that cannot be read among them.
fn damaged_files(summary: &RestoreSummary) -> u64 {
    summary.damaged.len() as u64 + summary.lost_parts.iter().map(|part| part.files).sum::<u64>()
}

fn stood_already(context: &Context, summary: &RestoreSummary) {
    let (screen, lang) = (&context.screen, context.lang());
    if summary.skipped_same > 0 {
        let same = count(summary.skipped_same, lang);
        screen.say(&bilingual!("  déjà là, identiques : {same}", "  already there, identical: {same}"));
    }
    if summary.kept + summary.beside > 0 {
        let (kept, beside) = (count(summary.kept, lang), count(summary.beside, lang));
        screen.say(&bilingual!(
            "  gardés : {kept}, placés à côté : {beside}",
            "  kept: {kept}, placed beside: {beside}"
        ));
    }
    // As what was not restored: names are for the terminal of whoever holds the key.
    if screen.may_show_names() {
        for path in summary.beside_files.iter().take(PROBLEMS_SHOWN) {
            screen.line(&format!("    {}", path.to_screen()));
        }
        and_more(context, summary.beside.saturating_sub(PROBLEMS_SHOWN as u64));
    }
}

fn and_more(context: &Context, more: u64) {
    if more > 0 {
        context.screen.say(&counted(more, "  … et # autre[s]", "  … and # more"));
    }
}

/// What a later backup has stored again is named once, by the notice; that nothing is lost by it is said here.
fn read_elsewhere(context: &Context, replaced: u64) {
    if replaced > 0 {
        context.screen.say(&counted(
            replaced,
            "  # objet[s] endommagé[s] [a|ont] été remplacé[s] par une sauvegarde depuis : le contenu a été lu là",
            "  # damaged object[s] [has|have] been replaced by a backup since: the content was read there",
        ));
    }
}

/// Why files are missing, each reason once.
fn why_not(context: &Context, summary: &RestoreSummary) {
    let screen = &context.screen;
    let damaged = damaged_files(summary);
    if damaged > 0 {
        screen.warn(&counted(
            damaged,
            "# fichier[s] n'[a|ont] pas pu être restauré[s] : [son|leur] contenu est endommagé dans le stockage",
            "# file[s] could not be restored: [its|their] content is damaged in the store",
        ));
    }
    let in_use = summary.problems.iter().filter(|file| file.problem == Problem::InUse).count() as u64;
    if in_use > 0 {
        screen.warn(&counted(
            in_use,
            "# fichier[s] de base laissé[s] [tel quel|tels quels] : un logiciel [le tient ouvert|les tient ouverts] ; \
             fermez-le, puis relancez la même restauration",
            "# database file[s] left as [it is|they are]: a program has [it|them] open; close it, then run the same restore \
             again",
        ));
    }
    if summary.kept > 0 {
        screen.warn(&counted(
            summary.kept,
            "# fichier[s] déjà là [a été gardé|ont été gardés] avec un autre contenu que dans l'instantané : « --overwrite \
             changed » [le|les] remplace",
            "# file[s] that stood there already [was|were] kept with other content than in the snapshot: \"--overwrite changed\" \
             replaces [it|them]",
        ));
    }
    let unfinished = summary.unfinished.len() as u64;
    if unfinished > 0 {
        screen.warn(&counted(
            unfinished,
            "# dossier[s] d'une restauration interrompue n'[est|sont] pas dans ce qui vient d'être restauré et [reste|restent] \
             sans [ses|leurs] droits ni [sa|leur] date : restaurez le même instantané qu'alors, en entier",
            "# folder[s] of an interrupted restore [is|are] not in what was restored now and [stays|stay] without [its|their] \
             rights and time: restore the same snapshot as then, all of it",
        ));
    }
    if summary.use_unknown > 0 {
        screen.warn(&counted(
            summary.use_unknown,
            "# base[s] remplacée[s] sans savoir si un logiciel [la tenait ouverte|les tenait ouvertes] (ce compte ou ce \
             système ne permet pas de le voir) : fermez puis rouvrez le logiciel avant d'y travailler",
            "# database[s] [was|were] replaced without knowing whether a program had [it|them] open (this account or system \
             cannot see it): close the program and open it again before you work in it",
        ));
    }
    if summary.problems.len() as u64 > in_use {
        screen.warn(&counted(
            summary.problems.len() as u64 - in_use,
            "# fichier[s] n'[a|ont] pas pu être écrit[s]",
            "# file[s] could not be written",
        ));
    }
}

fn document(snapshot: &Snapshot, summary: &RestoreSummary) -> Value {
    let tokens =
        |list: &[FileProblem]| list.iter().take(1000).map(|file| file.token.clone()).collect::<Vec<_>>();
    json!({
        "snapshot": snapshot.id.number,
        "device": snapshot.id.device.as_str(),
        "files": summary.files,
        "bytes": summary.bytes,
        "directories": summary.directories,
        "symlinks": summary.symlinks,
        "hardlinks": summary.hardlinks,
        "skipped_same": summary.skipped_same,
        "kept": summary.kept,
        "beside": summary.beside,
        "not_given": {
            "owners": summary.notices.owners,
            "modes": summary.notices.modes,
            "xattrs": summary.notices.xattrs,
            "times": summary.notices.times,
        },
        "set_aside": summary.set_aside,
        "use_unknown": summary.use_unknown,
        "renamed": summary.renamed,
        "split_links": summary.split_links,
        "unfinished_folders": summary.unfinished.len(),
        "damaged": damaged_files(summary),
        "damaged_tokens": tokens(&summary.damaged),
        "damaged_objects": summary.damaged_objects,
        "problems": summary.problems.len(),
        "fetched_bytes": summary.fetched_bytes,
        "duration_ms": u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
    })
}

/// What the system did not let us give. A restore without administrator rights is a normal restore.
fn not_given(context: &Context, given: &Notices) {
    if given.is_none() {
        return;
    }
    let lang = context.lang();
    let [owners, modes, xattrs, times] =
        [given.owners, given.modes, given.xattrs, given.times].map(|number| count(number, lang));
    context.screen.say(&bilingual!(
        "  contenu restauré, attributs que ce système ou ce compte n'a pas permis de rendre : propriétaires {owners}, \
         droits {modes}, attributs étendus et ACL {xattrs}, dates {times}",
        "  content restored, attributes that this system or account did not let us give back: owners {owners}, \
         permissions {modes}, extended attributes and ACLs {xattrs}, times {times}"
    ));
}

/// A restore is at best as whole as its backup was.
fn not_whole_when_made(context: &Context, restored: &Restored) {
    let (not_saved, folders) = (restored.not_saved, restored.folders_not_read);
    if folders > 0 {
        context.screen.warn(&counted(
            folders,
            "lors de cette sauvegarde, # dossier[s] n'[a|ont] pas pu être lu[s] : rien de ce qu'[il contient|ils contiennent] \
             n'est dans cet instantané",
            "when this backup was made, # folder[s] could not be read: nothing in [it|them] is in this snapshot",
        ));
    }
    if not_saved > 0 {
        context.screen.warn(&counted(
            not_saved,
            "lors de cette sauvegarde, # fichier[s] n'[a|ont] pas pu être enregistré[s], ou seulement avec une réserve : voyez \
             son bilan (« scelle bilan list »)",
            "when this backup was made, # file[s] could not be saved, or only with a reservation: see its bilan \
             (\"scelle bilan list\")",
        ));
    }
}

/// Which files were not restored. Whoever holds the key sits at this terminal: it shows their names, as a dry run does; a
/// file, a pipe or a journal gets tokens.
fn not_restored(context: &Context, summary: &RestoreSummary) {
    let (screen, lang) = (&context.screen, context.lang());
    let lists = [&summary.damaged, &summary.problems, &summary.unfinished, &summary.kept_files];
    let kept = summary.kept as usize;
    let files = summary.damaged.len() + summary.problems.len() + summary.unfinished.len() + kept;
    for file in lists.into_iter().flatten().take(PROBLEMS_SHOWN) {
        if screen.may_show_names() {
            let why = file.problem.said();
            let colon = lang.pick(" :", ":");
            screen.line(&format!("  {}{colon} {}", file.path.to_screen(), why.text(lang)));
        } else {
            let (token, problem) = (file.token.clone(), file.problem);
            context.around.monitor.notice(Notice::Problem { root: String::new(), token, problem });
        }
    }
    and_more(context, files.saturating_sub(PROBLEMS_SHOWN) as u64);
    if files > 0 && !screen.may_show_names() {
        screen.say(&bilingual!(
            "  « scelle bilan whois JETON --kit FICHIER » donne le nom d'un fichier",
            "  \"scelle bilan whois TOKEN --kit FILE\" gives the name of a file"
        ));
    }
}

/// What does not stand where, or as, it stood in the source.
fn moved(context: &Context, summary: &RestoreSummary) {
    let (screen, lang) = (&context.screen, context.lang());
    if summary.set_aside > 0 {
        let files = count(summary.set_aside, lang);
        screen.say(&bilingual!(
            "  journaux de bases (-wal, -journal) d'une autre version, mis de côté sous un autre nom : {files}",
            "  database logs (-wal, -journal) of another version, moved aside under another name: {files}"
        ));
    }
    if summary.renamed > 0 {
        let entries = count(summary.renamed, lang);
        screen.say(&bilingual!(
            "  placés sous un autre nom, comme « Note (2).txt » : {entries} ; la destination confond leur nom avec un \
             autre du même dossier (majuscules, accents)",
            "  placed under another name, like \"Note (2).txt\": {entries}; the destination takes their name for another \
             of the same folder (upper case, accents)"
        ));
    }
    if summary.split_links > 0 {
        let names = count(summary.split_links, lang);
        screen.say(&bilingual!(
            "  autres noms d'un même fichier, modifié pendant la sauvegarde, restaurés comme fichiers à part : {names}",
            "  further names of a file that changed during the backup, restored as files of their own: {names}"
        ));
    }
}
