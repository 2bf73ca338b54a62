//! `scelle restore`: files of a snapshot, back on a disk.
//!
//! From what was typed to a [`RestoreRequest`], which [`Reading::restore`](super::reading::Reading::restore) carries out; a dry run
//! says what it would do. Never: a name of a file in the log.

use serde_json::json;

use super::look::{path_in, path_json};
use super::reading::{Depth, KeyNeed, open};
use super::told::restore::told;
use crate::cli::args::{OverwriteWhen, Restore};
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::reading::tree::Tree;
use scelle_core::repo::finding::FoundBy;
use scelle_core::repo::ledger::history::Snapshot;
use scelle_core::restore::plan::{Action, RestorePlan, plan};
use scelle_core::restore::request::{RestoreRequest, Target, snapshot_path};
use scelle_core::restore::write::Overwrite;
use scelle_core::run::Reading;
use scelle_core::scan::PathFilter;
use scelle_view::bilingual;
use scelle_view::words::figures::{count, local_day, size};
use scelle_view::words::{Lang, counted};

/// Runs `restore`.
pub async fn run(context: &Context, args: Restore) -> Result<ExitCode> {
    // Before anything is opened: a wrong pattern is a wrong command line.
    let filter = PathFilter::new(&args.include, &args.exclude, &[])?;
    let mut reading = open(context, &args.key, KeyNeed::Required, Depth::Newest).await?;
    let (snapshot, tree) = reading.tree(&args.snapshot.snapshot).await?;
    let mut paths: Vec<Vec<u8>> =
        args.paths.iter().map(|path| path_in(&tree, Some(path))).collect::<Result<_>>()?;
    if let Some(typed) = &args.snapshot.path {
        paths.push(snapshot_path(typed, &tree.root.os)?);
    }
    if snapshot.files == 0 && !args.snapshot.snapshot.is_numbered() {
        say_empty(context, &reading, &snapshot);
    }
    let target = match &args.to {
        Some(folder) => Target::Folder(std::path::absolute(folder)?),
        None => Target::InPlace,
    };
    let overwrite = match args.overwrite {
        OverwriteWhen::Never => target.keeping(dated(context, "restauré", "restored")),
        OverwriteWhen::Changed => Overwrite::Changed,
        OverwriteWhen::Always => Overwrite::Always,
    };
    let request = RestoreRequest {
        target,
        paths,
        filter,
        has_includes: !args.include.is_empty(),
        overwrite,
        aside: dated(context, "mis de côté", "set aside"),
    };
    if args.dry_run {
        reading.expect_outside(&request.target)?;
        return dry_run(context, &tree, &request).await;
    }
    let restored = reading.restore(&snapshot, tree, request).await?;
    told(context, &snapshot, &restored);
    super::damage::record(context, &reading, FoundBy::Restore, &restored.findings(), Vec::new()).await;
    if restored.is_nothing_chosen {
        say_nothing_chosen(context);
    }
    Ok(restored.code())
}

/// What was taken by itself is empty: mostly not what was meant, where one before it is not.
fn say_empty(context: &Context, reading: &Reading, snapshot: &Snapshot) {
    if let Some(other) = reading.newest_with_files(snapshot) {
        let number = snapshot.id.number;
        context.screen.warn(&bilingual!(
            "l'instantané {number} ne contient aucun fichier ; avant lui, le plus récent qui en contient est le {other} \
             (« scelle restore {other} »)",
            "snapshot {number} holds no file; the newest one before it that does is {other} (\"scelle restore {other}\")"
        ));
    }
}

/// `restauré 2026-11-21`: put behind the name of a file that is placed beside one that was kept, or moved aside.
fn dated(context: &Context, fr: &str, en: &str) -> String {
    let day = local_day(context.around.clock.now());
    format!("{} {day}", context.lang().pick(fr, en))
}

/// Patterns that leave nothing are a mistake more often than not.
fn say_nothing_chosen(context: &Context) {
    context.screen.warn(&bilingual!(
        "aucun fichier de l'instantané ne correspond à --include et --exclude : rien n'a été restauré",
        "no file of the snapshot matches --include and --exclude: nothing was restored"
    ));
}

async fn dry_run(context: &Context, tree: &Tree, request: &RestoreRequest) -> Result<ExitCode> {
    let mut lines = Vec::new();
    let sums = plan(tree, request, &mut |entry| {
        lines.push((entry.action, entry.path.clone(), entry.bytes));
    })
    .await?;
    for (action, path, _) in &lines {
        context.screen.line(&format!("{:<16}{}", word(*action, context.lang()), path.to_screen()));
    }
    let bytes = size(sums.bytes, context.lang());
    context.screen.say(&bilingual!(
        "Essai à blanc : {files}, {bytes} ; rien n'a été écrit",
        "Dry run: {files}, {bytes}; nothing was written",
        files = counted(sums.files, "# fichier[s]", "# file[s]"),
    ));
    foreseen(context, &sums);
    let rows: Vec<_> =
        lines.iter().map(|(a, p, n)| json!({"action": code(*a), "path": path_json(p), "bytes": n})).collect();
    context.screen.json(&json!({"plan": sums, "entries": rows}));
    if sums.is_nothing_chosen(request) {
        say_nothing_chosen(context);
    }
    Ok(sums.code(request))
}

/// What would become of an entry, in a word.
fn word(action: Action, lang: Lang) -> &'static str {
    match action {
        Action::Write => lang.pick("écrire", "write"),
        Action::Compare => lang.pick("comparer", "compare"),
        Action::Keep => lang.pick("garder", "keep"),
        Action::SetAside => lang.pick("mettre de côté", "set aside"),
        Action::InUse => lang.pick("base ouverte", "in use"),
    }
}

/// The same for the document.
fn code(action: Action) -> &'static str {
    match action {
        Action::Write => "write",
        Action::Compare => "compare",
        Action::Keep => "keep",
        Action::SetAside => "aside",
        Action::InUse => "in-use",
    }
}

/// What a dry run knows would not simply be written.
fn foreseen(context: &Context, sums: &RestorePlan) {
    let (screen, lang) = (&context.screen, context.lang());
    if sums.set_aside > 0 {
        let databases = count(sums.set_aside, lang);
        screen.say(&bilingual!(
            "  bases à côté desquelles un journal (-wal, -journal) serait mis de côté : {databases}",
            "  databases from beside which a log (-wal, -journal) would be moved aside: {databases}"
        ));
    }
    if sums.in_use > 0 {
        screen.warn(&counted(
            sums.in_use,
            "# base[s] serai[t|ent] refusée[s] : un logiciel [la tient ouverte|les tient ouvertes] ; fermez-le d'abord",
            "# database[s] would be refused: a program has [it|them] open; close it first",
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
