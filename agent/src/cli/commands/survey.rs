//! `scelle backup --dry-run`: what a backup would look at, counted.
//!
//! From requests to the core's [`Survey`] of each, and to the screen. Never: a name of a file, or a word of what is new: only a run
//! knows.

use std::path::PathBuf;

use scelle_core::error::{ExitCode, Result};
use scelle_core::run::{BackupRequest, Survey};
use scelle_view::bilingual;
use scelle_view::words::figures::size;
use scelle_view::words::{Message, Problem, counted};
use serde_json::json;

use crate::cli::context::Context;

/// Walks the folders of each run that was asked for.
pub fn run(context: &Context, requests: &[BackupRequest]) -> Result<ExitCode> {
    let (mut codes, mut rows) = (Vec::new(), Vec::new());
    for request in requests {
        let survey = context.finder(None).survey(request)?;
        told(context, &request.roots, &survey);
        codes.push(survey.code());
        rows.push(json!({"roots": request.roots.len(), "survey": survey}));
    }
    context.screen.say(&bilingual!(
        "Essai à blanc : rien n'a été lu, envoyé ni écrit ; ce qui a changé depuis la dernière sauvegarde n'est pas compté à part",
        "Dry run: nothing was read, sent or written; what changed since the last backup is not counted apart"
    ));
    context.screen.json(&json!({"dry_run": rows}));
    Ok(ExitCode::of_all(&codes))
}

fn told(context: &Context, roots: &[PathBuf], survey: &Survey) {
    let (screen, lang) = (&context.screen, context.lang());
    screen.say(&bilingual!(
        "{asked} : {files}, {bytes}, {folders}, {links}",
        "{asked}: {files}, {bytes}, {folders}, {links}",
        asked = counted(roots.len() as u64, "# chemin[s] demandé[s]", "# path[s] asked for"),
        files = counted(survey.files, "# fichier[s]", "# file[s]"),
        bytes = Message::by(|lang| size(survey.source_bytes, lang)),
        folders = counted(survey.folders, "# dossier[s]", "# folder[s]"),
        links = counted(survey.links, "# lien[s]", "# link[s]"),
    ));
    if survey.left_out > 0 {
        screen.say(&counted(
            survey.left_out,
            "  # nom[s] laissé[s] de côté par les motifs, ou parce que ce sont des dossiers de Scellé (un dossier compte pour un)",
            "  # name[s] left out by patterns, or as Scellé's own folders (a folder counts as one)",
        ));
    }
    if survey.specials > 0 {
        screen.say(&counted(
            survey.specials,
            "  # fichier[s] spécia[l|ux] (tubes, sockets, périphériques) ne [serait|seraient] pas sauvegardé[s]",
            "  # special file[s] (pipes, sockets, devices) would not be saved",
        ));
    }
    if survey.missing_roots > 0 {
        screen.warn(&counted(
            survey.missing_roots,
            "# chemin[s] demandé[s] [n'existe|n'existent] pas, ou [est un dossier|sont des dossiers] de Scellé",
            "# path[s] asked for [does|do] not exist, or [is a folder|are folders] of Scellé's own",
        ));
    }
    for (code, number) in &survey.problems {
        let what = Problem::of_code(code).map_or_else(|| Message::new(*code, *code), Problem::said);
        let what = what.text(lang);
        screen.warn(&bilingual!("{what} : {number}", "{what}: {number}"));
    }
}
