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
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::history::Snapshot;
use crate::repo::join::expect_own;
use crate::repo::state::State;
use crate::restore::plan::{Action, Request, Target, plan};
use crate::restore::record::RestoreRecord;
use crate::restore::run::{RestoreSummary, restore};
use crate::restore::tree::Tree;
use crate::restore::write::Overwrite;
use crate::scan::Filter;

/// Runs `restore`.
pub async fn run(context: &Context, args: Restore) -> Result<ExitCode> {
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
        filter: Filter::new(&args.include, &args.exclude, &[]).map_err(AgentError::bad_glob)?,
        has_includes: !args.include.is_empty(),
        overwrite,
    };
    if args.dry_run {
        return dry_run(context, &tree, &request).await;
    }
    let tree = Arc::new(tree);
    let summary = restore(tree, request.clone(), context.monitor.clone(), context.shutdown.clone()).await?;
    context.monitor.finish();
    let recorded = write_record(context, &reading, &snapshot, &request, &summary).await;
    told(context, &snapshot, &summary, recorded.is_ok());
    let damaged = summary.damaged_objects.iter();
    let findings: Vec<Finding> =
        damaged.map(|name| Finding::new(FindingKind::PackContent, name.clone())).collect();
    super::damage::record(context, &reading, "restore", &findings, Vec::new()).await;
    Ok(summary.code())
}

/// `restauré 2026-11-21`: put behind the name of a file that is placed beside one that was kept.
fn sibling(context: &Context) -> String {
    let day = local_day(context.clock.now());
    format!("{} {day}", context.lang().pick("restauré", "restored"))
}

async fn dry_run(context: &Context, tree: &Tree, request: &Request) -> Result<ExitCode> {
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
    Ok(ExitCode::Ok)
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
    // Another run holds the lock, or the state folder cannot be written: the record is left beside the tree then.
    if append_record(context, reading, &json).await.is_ok() {
        return Ok(());
    }
    if let Target::Folder(folder) = &request.target {
        let name = format!("scelle-restore-{}.json", now(&context.clock).to_string().replace(':', ""));
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
    let known = reading.pen().ok_or_else(AgentError::not_a_member)?;
    let state = State::open(&context.settings.home, &known.repository)?;
    let device = state.device()?;
    let (objects, descriptors) = (&reading.repository.objects, &reading.repository.descriptors);
    expect_own(descriptors, &device)?;
    let offset = reading.connected.clock_offset_ms;
    let mut ledger = LedgerWriter::open(objects, &state, &device, &context.clock, offset).await?;
    // The state may come from an older image of this PC: its pen goes on from the store's head.
    ledger.start(descriptors).await?;
    let attached = ledger.attach("record", json.to_vec()).await?;
    ledger.append(NoteKind::Restore, vec![attached]).await?;
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
