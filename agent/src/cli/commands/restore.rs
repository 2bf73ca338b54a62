//! `scelle restore`: files of a snapshot, back on a disk.

use std::sync::Arc;

use scelle_format::ledger::NoteKind;
use serde_json::json;

use super::Context;
use super::look::path_in;
use super::reading::{Key, Reading, open};
use crate::bilingual;
use crate::cli::args::{Overwrite as When, Restore};
use crate::cli::screen::{count, duration, local_day, size};
use crate::clock::Clock as _;
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::append::{LedgerWriter, now};
use crate::repo::history::Snapshot;
use crate::repo::state::State;
use crate::restore::plan::{Action, Request, Target, plan};
use crate::restore::record::RestoreRecord;
use crate::restore::run::{RestoreSummary, restore};
use crate::restore::tree::Tree;
use crate::restore::write::Overwrite;
use crate::scan::Filter;

/// Runs `restore`.
pub async fn run(context: &Context, args: Restore) -> Result<ExitCode> {
    // Before anything is opened: a wrong pattern is a wrong command line.
    let filter = Filter::new(&args.include, &args.exclude, &[]).map_err(AgentError::bad_glob)?;
    let is_filtered = !args.include.is_empty() || !args.exclude.is_empty();
    let mut reading = open(context, &args.key, Key::Required, false).await?;
    let (snapshot, tree) = reading.tree(&args.snapshot).await?;
    let target = match &args.to {
        Some(folder) => Target::Folder(std::path::absolute(folder)?),
        None => Target::InPlace,
    };
    let overwrite = match (args.overwrite, args.in_place) {
        (When::Never, true) => Overwrite::Sibling(sibling(context)),
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
    };
    if args.dry_run {
        return dry_run(context, &tree, &request, is_filtered).await;
    }
    let tree = Arc::new(tree);
    let summary = restore(tree, request.clone(), context.monitor.clone(), context.shutdown.clone()).await?;
    context.monitor.finish();
    let recorded = write_record(context, &reading, &snapshot, &request, &summary).await;
    told(context, &snapshot, &summary, recorded.is_ok());
    let is_nothing =
        summary.files + summary.symlinks + summary.skipped_same + summary.kept + summary.beside == 0;
    Ok(match summary.code() {
        ExitCode::Ok if is_filtered && is_nothing => nothing_chosen(context),
        code => code,
    })
}

/// `restauré 2026-11-21`: put behind the name of a file that is placed beside one that was kept.
fn sibling(context: &Context) -> String {
    let day = local_day(context.clock.now());
    format!("{} {day}", context.lang().pick("restauré", "restored"))
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
        };
        lines.push((word, entry.path.to_screen(), entry.bytes));
    })
    .await?;
    for (word, path, _) in &lines {
        context.screen.line(&format!("{word:<8}{path}"));
    }
    let (files, bytes) = (count(sums.files, context.lang()), size(sums.bytes, context.lang()));
    context.screen.say(&bilingual!(
        "Essai à blanc : {files} fichiers, {bytes} ; rien n'a été écrit",
        "Dry run: {files} files, {bytes}; nothing was written"
    ));
    let rows: Vec<_> = lines.iter().map(|(a, p, n)| json!({"action": a, "path": p, "bytes": n})).collect();
    context.screen.json(&json!({"plan": sums, "entries": rows}));
    let is_nothing = sums.files + sums.symlinks + sums.keep + sums.unreadable == 0;
    Ok(if is_filtered && is_nothing { nothing_chosen(context) } else { ExitCode::Ok })
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
    let record =
        RestoreRecord::of(objects.repository(), snapshot, request, summary, role, now(&context.clock));
    let json = record.to_json()?;
    if let Some(known) = &reading.known {
        // Another run holds the lock: the record is left beside the tree then.
        if let Ok(state) = State::open(&context.settings.home, &known.repository) {
            let device = state.device()?;
            let offset = reading.connected.clock_offset_ms;
            let mut ledger = LedgerWriter::open(objects, &state, &device, &context.clock, offset).await?;
            // The state may come from an older image of this PC: its pen goes on from the store's head.
            ledger.start(&repository.descriptors).await?;
            let attached = ledger.attach("record", json).await?;
            ledger.append(NoteKind::Restore, vec![attached]).await?;
            return Ok(());
        }
    }
    if let Target::Folder(folder) = &request.target {
        let name = format!("scelle-restore-{}.json", now(&context.clock).to_string().replace(':', ""));
        std::fs::write(folder.join(name), &json)?;
    }
    Ok(())
}

fn told(context: &Context, snapshot: &Snapshot, summary: &RestoreSummary, is_recorded: bool) {
    let (screen, lang) = (&context.screen, context.lang());
    let (files, bytes) = (count(summary.files, lang), size(summary.bytes, lang));
    let (number, took) = (snapshot.id.number, duration(summary.duration, lang));
    screen.say(&bilingual!(
        "Instantané {number} restauré : {files} fichiers, {bytes}, {took} ; chaque octet vérifié",
        "Snapshot {number} restored: {files} files, {bytes}, {took}; every byte verified"
    ));
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
    for object in &summary.damaged_objects {
        screen.warn(&bilingual!("endommagé : {object}", "damaged: {object}"));
    }
    let lost: u64 = summary.lost_parts.iter().map(|part| part.files).sum();
    let damaged = summary.damaged.len() as u64 + lost;
    if damaged > 0 {
        let damaged = count(damaged, lang);
        screen.warn(&bilingual!(
            "{damaged} fichiers n'ont pas pu être restaurés : leur contenu est endommagé dans le stockage",
            "{damaged} files could not be restored: their content is damaged in the store"
        ));
    }
    if !summary.problems.is_empty() {
        let problems = count(summary.problems.len() as u64, lang);
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
    let tokens = |list: &[crate::restore::workers::FileProblem]| {
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
        "damaged": damaged,
        "damaged_tokens": tokens(&summary.damaged),
        "damaged_objects": summary.damaged_objects,
        "problems": summary.problems.len(),
        "fetched_bytes": summary.fetched_bytes,
        "duration_ms": u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
    }));
}
