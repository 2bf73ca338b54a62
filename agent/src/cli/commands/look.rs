//! `snapshots`, `ls`, `find`, `diff`: looking. Names appear here because the person asked for them with a key.
//!
//! From a [`Reading`](super::reading::Reading) and its trees to lines, tables and rows of JSON. Never: a name in the log.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::plans::{self, Plans};
use super::reading::{Depth, KeyNeed, open};
use crate::cli::args::{Diff, Find, KeyArgs, Ls};
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::look::diff::{Change, Difference, diff};
use scelle_core::look::find::find;
use scelle_core::look::list::{ListedEntry, entries, snapshot_rows};
use scelle_core::look::pattern::Pattern;
use scelle_core::reading::tree::Tree;
use scelle_core::restore::request::snapshot_path;
use scelle_core::scan::EntryPath;
use scelle_view::bilingual;
use scelle_view::words::counted;
use scelle_view::words::figures::{count, local_time, rfc3339, size};
use scelle_view::words::names::shown;

/// Runs `snapshots`.
pub async fn snapshots(context: &Context) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), KeyNeed::Optional, Depth::WholeAndKept).await?;
    let repository = &reading.repository;
    super::reading::show_findings(context, &repository.findings_that_matter());
    let mut rows = snapshot_rows(&repository.history, &repository.descriptors);
    let labels = Plans::of(context, &reading);
    rows.iter_mut().for_each(|row| row.plan = labels.label(&row.set));
    let lang = context.lang();
    let headings = vec![
        bilingual!("n°", "no."),
        bilingual!("date", "date"),
        bilingual!("fichiers", "files"),
        bilingual!("volume", "volume"),
        bilingual!("envoyé", "sent"),
        bilingual!("signé", "signed"),
        bilingual!("poste", "device"),
    ];
    let lines = rows.iter().map(|row| {
        let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(row.time.0).unwrap_or(0));
        let cells = vec![
            row.word(&rows),
            local_time(time, lang),
            count(row.files, lang),
            size(row.source_bytes, lang),
            size(row.stored_bytes, lang),
            if row.signed { lang.pick("oui", "yes") } else { lang.pick("non", "no") }.to_owned(),
            row.device.clone(),
        ];
        (cells, row.plan.clone())
    });
    if rows.is_empty() {
        context.screen.say(&bilingual!("Aucun instantané.", "No snapshot."));
    } else {
        context.screen.table(&plans::table(headings, lines));
    }
    context.screen.json(&rows);
    Ok(repository.code())
}

/// Runs `ls`.
pub async fn ls(context: &Context, args: Ls) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, KeyNeed::Required, Depth::Newest).await?;
    let (_, tree) = reading.tree(&args.snapshot).await?;
    let path = path_in(&tree, args.path.as_deref())?;
    let rows = entries(&tree, &path).await?;
    for row in &rows {
        context.screen.line(&line_of(row, context));
    }
    context.screen.json(&rows.iter().map(entry_json).collect::<Vec<_>>());
    Ok(ExitCode::Ok)
}

/// Runs `find`.
pub async fn find_names(context: &Context, args: Find) -> Result<ExitCode> {
    let pattern = Pattern::parse(&args.pattern)?;
    let reading = open(context, &args.key, KeyNeed::Required, Depth::Whole).await?;
    let mut snapshots = reading.repository.history.snapshots();
    snapshots.reverse();
    let mut found = Vec::new();
    let fetcher = reading.fetcher()?;
    find(&fetcher, &snapshots, &pattern, &context.around.shutdown, &mut |entry| found.push(entry)).await?;
    for row in &found {
        context.screen.line(&format!("{:>5}  {}", row.word, line_of(&row.entry, context)));
    }
    if found.is_empty() {
        let snapshots = count(snapshots.len() as u64, context.lang());
        context.screen.warn(&bilingual!(
            "aucun nom ne correspond (instantanés parcourus : {snapshots})",
            "no name matches (snapshots looked through: {snapshots})"
        ));
    }
    let rows = found.iter().map(|row| {
        let mut value = entry_json(&row.entry);
        value["snapshot"] = json!(row.snapshot.number);
        value["device"] = json!(row.snapshot.device.as_str());
        value["version"] = json!(row.word);
        value
    });
    context.screen.json(&rows.collect::<Vec<_>>());
    Ok(reading.repository.search_code())
}

/// Runs `diff`.
pub async fn differences(context: &Context, args: Diff) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, KeyNeed::Required, Depth::Whole).await?;
    let (_, before) = reading.tree(&args.a).await?;
    let (_, after) = reading.tree(&args.b).await?;
    let mut rows: Vec<Difference> = Vec::new();
    let totals = diff(&before, &after, &context.around.shutdown, &mut |row| rows.push(row)).await?;
    for row in &rows {
        context.screen.line(&format!("{} {}", sign(row.change), row.entry.path.to_screen()));
    }
    context.screen.say(&bilingual!(
        "{added}, {removed}, {changed}",
        "{added}, {removed}, {changed}",
        added = counted(totals.added, "# ajouté[s]", "# added"),
        removed = counted(totals.removed, "# retiré[s]", "# removed"),
        changed = counted(totals.changed, "# modifié[s]", "# changed"),
    ));
    let json_rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut value = entry_json(&row.entry);
            value["change"] = json!(change_word(row.change));
            value["bytes_before"] = json!(row.bytes_before);
            value
        })
        .collect();
    context.screen.json(&json!({"totals": totals, "entries": json_rows}));
    Ok(ExitCode::Ok)
}

/// The manifest's form of a path a person typed.
pub fn path_in(tree: &Tree, typed: Option<&Path>) -> Result<Vec<u8>> {
    match typed {
        None => Ok(Vec::new()),
        Some(path) => snapshot_path(&scelle_core::platform::os_to_bytes(path.as_os_str()), &tree.root.os),
    }
}

fn line_of(entry: &ListedEntry, context: &Context) -> String {
    let lang = context.lang();
    let time = time_of(entry.modified_ns);
    let kind = kind_letter(entry);
    let bytes = if kind == 'f' { size(entry.bytes, lang) } else { String::new() };
    let target = entry.target.as_ref().map(|t| format!(" -> {}", shown(t))).unwrap_or_default();
    format!("{kind} {bytes:>10}  {}  {}{target}", local_time(time, lang), entry.path.to_screen())
}

pub fn entry_json(entry: &ListedEntry) -> Value {
    json!({
        "path": path_json(&entry.path),
        "type": kind_letter(entry).to_string(),
        "bytes": entry.bytes,
        "modified": rfc3339(time_of(entry.modified_ns)),
        "modified_ns": entry.modified_ns.to_string(),
        "mode": entry.mode,
        "target": entry.target.as_ref().map(|t| String::from_utf8_lossy(t).into_owned()),
    })
}

/// A path as a string, or as base64 where it is not UTF-8.
pub fn path_json(path: &EntryPath) -> Value {
    use base64::Engine as _;
    match std::str::from_utf8(path.as_bytes()) {
        Ok(text) => json!(text),
        Err(_) => json!({"b64": base64::engine::general_purpose::STANDARD.encode(path.as_bytes())}),
    }
}

fn kind_letter(entry: &ListedEntry) -> char {
    match entry.kind {
        scelle_format::manifest::EntryKind::File => 'f',
        scelle_format::manifest::EntryKind::Directory => 'd',
        scelle_format::manifest::EntryKind::Symlink => 'l',
    }
}

pub fn time_of(nanoseconds: i64) -> std::time::SystemTime {
    match u64::try_from(nanoseconds) {
        Ok(after) => UNIX_EPOCH + Duration::from_nanos(after),
        Err(_) => {
            UNIX_EPOCH.checked_sub(Duration::from_nanos(nanoseconds.unsigned_abs())).unwrap_or(UNIX_EPOCH)
        }
    }
}

fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => 'M',
        Change::Metadata => 'm',
    }
}

fn change_word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
        Change::Metadata => "metadata",
    }
}
