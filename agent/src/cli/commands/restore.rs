//! `scelle restore`: files of a snapshot, back on a disk.

use std::sync::Arc;

use scelle_format::ledger::NoteKind;
use serde_json::json;

use super::look::{path_in, path_json};
use super::reading::{Key, Reading, open};
use crate::cli::args::{Overwrite as When, Restore};
use crate::cli::context::Context;
use crate::cli::messages::notices::problem;
use scelle_core::clock::now;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::monitor::{Notice, Problem};
use scelle_core::reading::tree::Tree;
use scelle_core::repo::finding::{Finding, FindingKind};
use scelle_core::repo::history::Snapshot;
use scelle_core::repo::join::expect_own;
use scelle_core::restore::plan::{Action, Plan, plan};
use scelle_core::restore::record::RestoreRecord;
use scelle_core::restore::request::{Request, Target};
use scelle_core::restore::run::restore;
use scelle_core::restore::summary::RestoreSummary;
use scelle_core::restore::write::{Notices, Overwrite};
use scelle_core::scan::Filter;
use scelle_view::bilingual;
use scelle_view::words::figures::{count, duration, local_day, size};

/// Files that were not restored, named one by one; the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// Runs `restore`.
pub async fn run(context: &Context, args: Restore) -> Result<ExitCode> {
    // Before anything is opened: a wrong pattern is a wrong command line.
    let filter = Filter::new(&args.include, &args.exclude, &[])?;
    let is_filtered = !args.include.is_empty() || !args.exclude.is_empty();
    let mut reading = open(context, &args.key, Key::Required, false).await?;
    let (snapshot, tree) = reading.tree(&args.snapshot).await?;
    let target = match &args.to {
        Some(folder) => Target::Folder(std::path::absolute(folder)?),
        None => Target::InPlace,
    };
    let overwrite = match (args.overwrite, args.in_place) {
        (When::Never, true) => Overwrite::Sibling(dated(context, "restauré", "restored")),
        (When::Never, false) => Overwrite::Never,
        (When::Changed, _) => Overwrite::Changed,
        (When::Always, _) => Overwrite::Always,
    };
    let request = Request {
        target,
        paths: args.paths.iter().map(|path| path_in(&tree, Some(path))).collect::<Result<_>>()?,
        filter,
        has_includes: !args.include.is_empty(),
        overwrite,
        aside: dated(context, "mis de côté", "set aside"),
    };
    if args.dry_run {
        return dry_run(context, &tree, &request, is_filtered).await;
    }
    let not_saved = tree.root.problems.len() as u64;
    let tree = Arc::new(tree);
    let summary =
        restore(tree, request.clone(), context.around.monitor.clone(), context.around.shutdown.clone())
            .await?;
    context.around.monitor.finish();
    let recorded = write_record(context, &reading, &snapshot, &request, &summary).await;
    told(context, &snapshot, &summary, recorded.is_ok());
    not_whole_when_made(context, not_saved);
    let damaged = summary.damaged_objects.iter();
    let findings: Vec<Finding> =
        damaged.map(|name| Finding::new(FindingKind::PackContent, name.clone())).collect();
    super::damage::record(context, &reading, "restore", &findings, Vec::new()).await;
    let is_nothing =
        summary.files + summary.symlinks + summary.skipped_same + summary.kept + summary.beside == 0;
    Ok(match summary.code() {
        ExitCode::Ok if is_filtered && is_nothing => nothing_chosen(context),
        code => code,
    })
}

/// `restauré 2026-11-21`: put behind the name of a file that is placed beside one that was kept, or moved aside.
fn dated(context: &Context, fr: &str, en: &str) -> String {
    let day = local_day(context.around.clock.now());
    format!("{} {day}", context.lang().pick(fr, en))
}

/// Patterns that leave nothing are a mistake more often than not: said, and exit 3.
fn nothing_chosen(context: &Context) -> ExitCode {
    context.screen.warn(&bilingual!(
        "aucun fichier de l'instantané ne correspond à --include et --exclude : rien n'a été restauré",
        "no file of the snapshot matches --include and --exclude: nothing was restored"
    ));
    ExitCode::Partial
}

async fn dry_run(context: &Context, tree: &Tree, request: &Request, is_filtered: bool) -> Result<ExitCode> {
    let mut lines = Vec::new();
    let sums = plan(tree, request, &mut |entry| {
        let word = match entry.action {
            Action::Write => "write",
            Action::Compare => "compare",
            Action::Keep => "keep",
            Action::SetAside => "aside",
            Action::InUse => "in-use",
        };
        lines.push((word, entry.path.clone(), entry.bytes));
    })
    .await?;
    for (word, path, _) in &lines {
        context.screen.line(&format!("{word:<8}{}", path.to_screen()));
    }
    let (files, bytes) = (count(sums.files, context.lang()), size(sums.bytes, context.lang()));
    context.screen.say(&bilingual!(
        "Essai à blanc : {files} fichiers, {bytes} ; rien n'a été écrit",
        "Dry run: {files} files, {bytes}; nothing was written"
    ));
    foreseen(context, &sums);
    let rows: Vec<_> =
        lines.iter().map(|(a, p, n)| json!({"action": a, "path": path_json(p), "bytes": n})).collect();
    context.screen.json(&json!({"plan": sums, "entries": rows}));
    let is_nothing = sums.files + sums.symlinks + sums.keep + sums.unreadable == 0;
    Ok(if is_filtered && is_nothing { nothing_chosen(context) } else { ExitCode::Ok })
}

/// What a dry run knows would not simply be written.
fn foreseen(context: &Context, sums: &Plan) {
    let (screen, lang) = (&context.screen, context.lang());
    if sums.set_aside > 0 {
        let databases = count(sums.set_aside, lang);
        screen.say(&bilingual!(
            "  bases à côté desquelles un journal (-wal, -journal) serait mis de côté : {databases}",
            "  databases from beside which a log (-wal, -journal) would be moved aside: {databases}"
        ));
    }
    if sums.in_use > 0 {
        let databases = count(sums.in_use, lang);
        screen.warn(&bilingual!(
            "{databases} bases seraient refusées : un logiciel les tient ouvertes ; fermez-le d'abord",
            "{databases} databases would be refused: a program has them open; close it first"
        ));
    }
    if sums.twins > 0 {
        let twins = count(sums.twins, lang);
        screen.say(&bilingual!(
            "  noms que certains disques confondent avec un autre du même dossier (majuscules, accents) : {twins} ; \
             là où la destination les confond, ils reçoivent un numéro, comme « Note (2).txt »",
            "  names that some disks take for another of the same folder (upper case, accents): {twins}; where the \
             destination does, they get a number, like \"Note (2).txt\""
        ));
    }
}

/// The record goes to the ledger where this PC has a pen in that repository, else beside the restored tree.
async fn write_record(
    context: &Context,
    reading: &Reading,
    snapshot: &Snapshot,
    request: &Request,
    summary: &RestoreSummary,
) -> Result<()> {
    let repository = &reading.repository;
    let role = repository.keyring()?.role;
    let objects = &repository.objects;
    let record = RestoreRecord::of(
        objects.repository(),
        snapshot,
        request,
        summary,
        role,
        now(&*context.around.clock),
    );
    let json = record.to_json()?;
    // Another run holds the lock, or the state folder cannot be written: the record is left beside the tree then.
    if append_record(context, reading, &json).await.is_ok() {
        return Ok(());
    }
    if let Target::Folder(folder) = &request.target {
        let name =
            format!("scelle-restore-{}.json", now(&*context.around.clock).to_string().replace(':', ""));
        std::fs::write(folder.join(name), &json)?;
        return Ok(());
    }
    // In place there is no folder of the restoration's own: only the ledger could hold it.
    match reading.pen() {
        Some(_) => Err(AgentError::local_state("the ledger could not be written")),
        None => Ok(()),
    }
}

/// Errors: this PC has no pen in that repository, or cannot write with it now.
async fn append_record(context: &Context, reading: &Reading, json: &[u8]) -> Result<()> {
    reading.pen().ok_or_else(AgentError::not_a_member)?;
    let (seat, descriptors) = (reading.seat(context)?, &reading.repository.descriptors);
    expect_own(descriptors, &seat.device)?;
    let mut ledger = seat.pen_at_the_head(descriptors).await?;
    let attached = ledger.attach("record", json.to_vec()).await?;
    ledger.append(NoteKind::Restore, vec![attached]).await?;
    Ok(())
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
fn not_whole_when_made(context: &Context, not_saved: u64) {
    if not_saved > 0 {
        let files = count(not_saved, context.lang());
        context.screen.warn(&bilingual!(
            "lors de cette sauvegarde, {files} fichiers n'ont pas pu être enregistrés, ou seulement avec une réserve : voyez \
             son bilan (« scelle bilan list »)",
            "when this backup was made, {files} files could not be saved, or only with a reservation: see its bilan \
             (\"scelle bilan list\")"
        ));
    }
}

/// Which files were not restored. Whoever holds the key sits at this terminal: it shows their names, as a dry run does; a
/// file, a pipe or a journal gets tokens.
fn not_restored(context: &Context, summary: &RestoreSummary) {
    let (screen, lang) = (&context.screen, context.lang());
    let files = summary.damaged.len() + summary.problems.len();
    for file in summary.damaged.iter().chain(&summary.problems).take(PROBLEMS_SHOWN) {
        if screen.may_show_names() {
            let why = problem(file.problem);
            screen.line(&format!("  {} : {}", file.path.to_screen(), why.text(lang)));
        } else {
            let (token, problem) = (file.token.clone(), file.problem);
            context.around.monitor.notice(Notice::Problem { root: String::new(), token, problem });
        }
    }
    if files > PROBLEMS_SHOWN {
        let more = count((files - PROBLEMS_SHOWN) as u64, lang);
        screen.say(&bilingual!("  … et {more} autres", "  … and {more} more"));
    }
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

fn told(context: &Context, snapshot: &Snapshot, summary: &RestoreSummary, is_recorded: bool) {
    let (screen, lang) = (&context.screen, context.lang());
    let (files, bytes) = (count(summary.files, lang), size(summary.bytes, lang));
    let (number, took) = (snapshot.id.number, duration(summary.duration, lang));
    let lost: u64 = summary.lost_parts.iter().map(|part| part.files).sum();
    let damaged = summary.damaged.len() as u64 + lost;
    let missing = damaged + summary.problems.len() as u64;
    screen.say(&match missing {
        0 => bilingual!(
            "Instantané {number} restauré : {files} fichiers, {bytes}, {took} ; chaque octet vérifié",
            "Snapshot {number} restored: {files} files, {bytes}, {took}; every byte verified"
        ),
        _ => {
            let missing = count(missing, lang);
            bilingual!(
                "Instantané {number} restauré EN PARTIE : {missing} fichiers manquent ; {files} fichiers écrits, {bytes}, \
                 {took}, chaque octet de ceux-là vérifié",
                "Snapshot {number} restored IN PART: {missing} files are missing; {files} files written, {bytes}, {took}, \
                 every byte of these verified"
            )
        }
    });
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
    moved(context, summary);
    not_given(context, &summary.notices);
    not_restored(context, summary);
    for object in &summary.damaged_objects {
        screen.warn(&bilingual!("endommagé : {object}", "damaged: {object}"));
    }
    if damaged > 0 {
        let damaged = count(damaged, lang);
        screen.warn(&bilingual!(
            "{damaged} fichiers n'ont pas pu être restaurés : leur contenu est endommagé dans le stockage",
            "{damaged} files could not be restored: their content is damaged in the store"
        ));
    }
    let in_use = summary.problems.iter().filter(|file| file.problem == Problem::InUse).count() as u64;
    if in_use > 0 {
        let in_use = count(in_use, lang);
        screen.warn(&bilingual!(
            "{in_use} fichiers de bases laissés tels quels : un logiciel les tient ouverts ; \
             fermez-le, puis relancez la même restauration",
            "{in_use} database files left as they are: a program has them open; close it, then run the same restore again"
        ));
    }
    if summary.use_unknown > 0 {
        let unknown = count(summary.use_unknown, lang);
        screen.warn(&bilingual!(
            "{unknown} bases remplacées sans savoir si un logiciel les tenait ouvertes (ce compte ou ce système ne permet \
             pas de le voir) : fermez puis rouvrez le logiciel avant d'y travailler",
            "{unknown} databases were replaced without knowing whether a program had them open (this account or system \
             cannot see it): close the program and open it again before you work in it"
        ));
    }
    if summary.problems.len() as u64 > in_use {
        let problems = count(summary.problems.len() as u64 - in_use, lang);
        screen.warn(&bilingual!(
            "{problems} fichiers n'ont pas pu être écrits",
            "{problems} files could not be written"
        ));
    }
    if !is_recorded {
        screen.warn(&bilingual!(
            "la fiche de restauration n'a pas pu être écrite au registre",
            "the restore record could not be written to the ledger"
        ));
    }
    let tokens = |list: &[scelle_core::restore::outcome::FileProblem]| {
        list.iter().take(1000).map(|file| file.token.clone()).collect::<Vec<_>>()
    };
    screen.json(&json!({
        "snapshot": number,
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
        "damaged": damaged,
        "damaged_tokens": tokens(&summary.damaged),
        "damaged_objects": summary.damaged_objects,
        "problems": summary.problems.len(),
        "fetched_bytes": summary.fetched_bytes,
        "duration_ms": u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
    }));
}
