//! `scelle versions`: every version of one file, and what to type to have one back.
//!
//! From the path that was typed to the core's [`Versions`](scelle_core::look::versions::Versions) and a table. Never: says "deleted":
//! a file that a snapshot does not hold may have been excluded or moved.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::look::{entry_json, time_of};
use super::reading::{Depth, KeyNeed, open};
use crate::cli::args::Versions;
use crate::cli::context::Context;
use crate::cli::screen::Table;
use scelle_core::error::{ExitCode, Result};
use scelle_core::look::versions::{Sighting, Then, Version, versions};
use scelle_core::platform::os_to_bytes;
use scelle_format::manifest::EntryKind;
use scelle_view::bilingual;
use scelle_view::words::Lang;
use scelle_view::words::figures::{local_time, size};

/// Runs `versions`.
pub async fn run(context: &Context, args: Versions) -> Result<ExitCode> {
    let reading = open(context, &args.key, KeyNeed::Required, Depth::Whole).await?;
    let snapshots = reading.repository.history.snapshots();
    let typed = os_to_bytes(args.path.as_os_str());
    let found = versions(&reading.fetcher()?, &snapshots, &typed, &context.around.shutdown).await?;
    let screen = &context.screen;
    if !found.versions.is_empty() {
        screen.table(&table(&found.versions, context.lang()));
        screen.note(&bilingual!(
            "Pour en restaurer une : scelle restore CHEMIN@VERSION --to DOSSIER",
            "To restore one: scelle restore PATH@VERSION --to DIR"
        ));
    }
    for (seen, error) in &found.unread {
        let (word, what) = (&seen.word, error.what());
        screen.warn(&bilingual!(
            "instantané {word} : {what} ; ce qu'il contient à cet endroit n'est pas connu",
            "snapshot {word}: {what}; what it holds there is not known",
            what = what
        ));
    }
    screen.json(&found.versions.iter().map(row_json).collect::<Vec<_>>());
    Ok(found.code(reading.repository.search_code()))
}

fn table(versions: &[Version], lang: Lang) -> Table {
    let mut table = Table::new([
        bilingual!("version", "version"),
        bilingual!("volume", "size"),
        bilingual!("modifié le", "modified"),
        bilingual!("vu d'abord", "first seen"),
        bilingual!("vu en dernier", "last seen"),
        bilingual!("ensuite", "then"),
    ]);
    for version in versions {
        let entry = &version.entry;
        let then = match &version.then {
            Then::Newest => bilingual!("dans le plus récent", "in the newest"),
            Then::Replaced(by) => bilingual!("remplacée ({by})", "replaced ({by})", by = by.word),
            Then::Absent(from) => {
                let missed = seen(from, lang);
                bilingual!("absente le {missed}", "absent on {missed}")
            }
        };
        table.row([
            version.last.word.clone(),
            if entry.kind == EntryKind::File { size(entry.bytes, lang) } else { String::new() },
            local_time(time_of(entry.modified_ns), lang),
            seen(&version.first, lang),
            seen(&version.last, lang),
            then.text(lang).to_owned(),
        ]);
    }
    table
}

fn moment(at: &Sighting) -> SystemTime {
    time_of(at.snapshot.time.0.saturating_mul(1_000_000_000))
}

/// `21/11/2026 14:05 (3)`.
fn seen(at: &Sighting, lang: Lang) -> String {
    format!("{} ({})", local_time(moment(at), lang), at.word)
}

fn row_json(version: &Version) -> Value {
    let seen = |at: &Sighting| json!({"snapshot": at.snapshot.id.number, "version": at.word, "time": at.snapshot.time});
    let (then, next) = match &version.then {
        Then::Newest => ("newest", None),
        Then::Replaced(by) => ("replaced", Some(seen(by))),
        Then::Absent(from) => ("absent", Some(seen(from))),
    };
    let mut value = entry_json(&version.entry);
    value["version"] = json!(version.last.word);
    value["device"] = json!(version.last.snapshot.id.device.as_str());
    value["first"] = seen(&version.first);
    value["last"] = seen(&version.last);
    value["then"] = json!(then);
    value["next"] = json!(next);
    value
}
