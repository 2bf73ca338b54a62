//! `scelle backup`: one run now.

use std::path::PathBuf;
use std::sync::Arc;

use scelle_format::report::file_token;
use serde_json::json;

use super::{Context, Found, Known};
use crate::backup::{self, Footing, Request, Summary};
use crate::bilan::memory::SOURCE_ALARMS;
use crate::bilan::sentences::sentence;
use crate::bilan::show::status_word;
use crate::bilan::{Declared, Written};
use crate::bilingual;
use crate::cli::args::Backup;
use crate::cli::messages::Message;
use crate::cli::screen::{count, duration, size};
use crate::config::RepoAddress;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::Notice;
use crate::pipeline::Outcome;
use crate::pipeline::checkpoint::CheckpointEvery;
use crate::repo::append::LedgerWriter;
use crate::repo::join::expect_own;
use crate::repo::kept::Kept;
use crate::repo::objects::Objects;
use crate::repo::state::State;
use crate::scan::Filter;

/// Problems named one by one; the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// Runs `backup`.
pub async fn run(context: &Context, args: Backup) -> Result<ExitCode> {
    let roots = roots(context, &args)?;
    // Before anything is opened: a wrong pattern is a wrong command line.
    Filter::new(&[], &exclude(context, &args), &[]).map_err(AgentError::bad_glob)?;
    let found = context.find(None, args.limit_upload).await?;
    let Some(known) = &found.known else { return Err(unknown(&found).await) };
    let connected = &found.connected;
    if known.is_unfinished {
        return Err(AgentError::init_unfinished_here().at(connected.store.address()));
    }
    let state = State::open(&context.settings.home, &known.repository)?;
    let device = state.device()?;
    let objects = Objects::new(connected.store.clone(), known.repository.clone());
    let objects = Arc::new(objects.keeping(Kept::of(state.folder())));
    context.watch(&objects);
    let descriptors = match backup::descriptors(&objects, &state, &device).await {
        Err(error) => return Err(known.explain(connected, error).await),
        Ok(descriptors) => descriptors,
    };
    expect_own(&descriptors, &device).map_err(|error| error.at(connected.store.address()))?;
    let device = context.settle(&state, known, found.moved_from.as_deref())?;
    let footing = Footing {
        connected,
        state: &state,
        device: &device,
        clock: &context.clock,
        monitor: context.monitor.clone(),
        shutdown: &context.shutdown,
    };
    let offset = connected.clock_offset_ms;
    let mut ledger = LedgerWriter::open(&objects, &state, &device, &context.clock, offset).await?;
    let request = Request {
        roots,
        exclude: exclude(context, &args),
        own_folders: own_folders(context, known),
        threads: context.settings.limits.threads.unwrap_or(0),
        checkpoints: CheckpointEvery::default(),
    };
    let declared = Declared { planned: !context.settings.plans.is_empty(), ..Declared::default() };
    let (summary, written) =
        backup::run_to_bilan(&footing, &mut ledger, &descriptors, &objects, request, declared).await?;
    let token_key = device.secret.token_key();
    for trouble in summary.outcome.troubles.iter().take(PROBLEMS_SHOWN) {
        let token = file_token(&token_key, &trouble.path);
        context.screen.notice(&Notice::Problem { root: "racine".into(), token, problem: trouble.problem });
    }
    told(context, &summary, &written);
    Ok(code(&summary))
}

/// The code follows the run, not the colour.
fn code(summary: &Summary) -> ExitCode {
    match () {
        () if problems(&summary.outcome) > 0 => ExitCode::Partial,
        () => ExitCode::Ok,
    }
}

/// What could not be saved as it should; what was saved whole and only calls for a word is none.
fn problems(outcome: &Outcome) -> u64 {
    outcome.troubles.iter().filter(|trouble| trouble.problem.spoils_run()).count() as u64
}

fn roots(context: &Context, args: &Backup) -> Result<Vec<PathBuf>> {
    let paths = if args.paths.is_empty() {
        context.settings.plans.iter().flat_map(|plan| plan.paths.clone()).collect()
    } else {
        args.paths.clone()
    };
    if paths.is_empty() {
        return Err(AgentError::nothing_to_back_up());
    }
    paths.into_iter().map(|path| std::path::absolute(path).map_err(AgentError::from)).collect()
}

fn exclude(context: &Context, args: &Backup) -> Vec<String> {
    let configured = context.settings.plans.iter().flat_map(|plan| plan.exclude.iter());
    args.exclude.iter().chain(configured).cloned().collect()
}

/// The backup does not save itself.
fn own_folders(context: &Context, known: &Known) -> Vec<PathBuf> {
    let store = match known.device.place.url.parse() {
        Ok(RepoAddress::Folder(path)) => Some(path),
        _ => None,
    };
    std::iter::once(context.settings.home.clone()).chain(store).collect()
}

/// Says whether there is no repository at all, one that this PC is no part of, or one whose state it has lost.
async fn unknown(found: &Found) -> AgentError {
    let address = found.connected.store.address();
    if found.damaged.is_some() {
        return AgentError::state_damaged(Some(&found.connected.place.url)).at(address);
    }
    match crate::repo::objects::repositories_in(&*found.connected.store).await {
        Ok(here) if here.is_empty() => AgentError::no_repository().at(address),
        Ok(_) => AgentError::not_a_member().at(address),
        Err(error) => error,
    }
}

fn told(context: &Context, summary: &Summary, written: &Written) {
    let (screen, lang) = (&context.screen, context.lang());
    let (outcome, changes) = (&summary.outcome, &summary.outcome.changes);
    let number = outcome.committed.snapshot;
    let took = duration(summary.duration, lang);
    screen.say(&bilingual!("Instantané {number} — {took}", "Snapshot {number} — {took}"));
    let (new, changed) = (count(changes.new, lang), count(changes.changed, lang));
    let (unchanged, removed) = (count(changes.unchanged, lang), count(changes.removed, lang));
    screen.say(&bilingual!(
        "  fichiers : {new} nouveaux, {changed} modifiés, {unchanged} inchangés, {removed} disparus",
        "  files: {new} new, {changed} changed, {unchanged} unchanged, {removed} removed"
    ));
    let (source, read) = (size(outcome.totals.bytes, lang), size(outcome.read_bytes, lang));
    let stored = size(outcome.committed.stored_bytes, lang);
    screen.say(&bilingual!(
        "  volume : {source} au total, {read} lus, {stored} envoyés (chiffrés)",
        "  volume: {source} in all, {read} read, {stored} sent (encrypted)"
    ));
    if outcome.totals.files + outcome.totals.symlinks == 0 {
        screen.warn(&bilingual!(
            "les dossiers à sauvegarder sont vides : cet instantané ne contient aucun fichier",
            "the folders to back up are empty: this snapshot holds no file"
        ));
    }
    let packs = count(outcome.listing.needed_packs, lang);
    screen.say(&bilingual!(
        "  vérification : {packs} paquets attendus, tous présents avec leur taille",
        "  verification: {packs} packs expected, all present with their size"
    ));
    if outcome.healed_packs > 0 {
        let healed = count(outcome.healed_packs, lang);
        screen.warn(&bilingual!(
            "{healed} paquets perdus ou abîmés dans le stockage : leur contenu a été enregistré à nouveau",
            "{healed} packs were lost or damaged in the store: their content has been stored again"
        ));
    }
    if summary.mended_objects > 0 {
        let mended = count(summary.mended_objects, lang);
        screen.warn(&bilingual!(
            "{mended} objets manquaient ou étaient abîmés dans le stockage : remis en place",
            "{mended} objects were missing or damaged in the store: put back"
        ));
    }
    if summary.damaged.total() > 0 {
        let left = count(summary.damaged.total(), lang);
        screen.warn(&bilingual!(
            "{left} objets du stockage restent perdus ou abîmés : « scelle check » dit lesquels",
            "{left} objects of the store are still lost or damaged: \"scelle check\" says which"
        ));
    }
    let status = status_word(written.status, lang);
    let id = &written.id;
    screen.say(&bilingual!("  bilan {id} : {status}", "  bilan {id}: {status}"));
    for reason in written.assessment.reasons.iter().filter(|reason| SOURCE_ALARMS.contains(&reason.code)) {
        if let Some(found) = sentence(reason.code) {
            screen.warn(&Message::by(|lang| format!("{} → {}", found.what(lang), found.todo(lang))));
        }
    }
    let problems = problems(outcome);
    if problems > 0 {
        let problems = count(problems, lang);
        screen.say(&bilingual!("  problèmes : {problems}", "  problems: {problems}"));
    }
    screen.json(&json!({
        "snapshot": number,
        "status": written.status.to_string(),
        "files": {"new": changes.new, "changed": changes.changed, "unchanged": changes.unchanged, "removed": changes.removed},
        "problems": problems,
        "skipped": outcome.totals.skipped,
        "source_bytes": outcome.totals.bytes,
        "read_bytes": outcome.read_bytes,
        "stored_bytes": outcome.committed.stored_bytes,
        "resumed_bytes": outcome.resumed_bytes,
        "consistent_copies": outcome.consistent_copies,
        "missing_packs": outcome.listing.missing.len() + outcome.listing.wrong_size.len(),
        "healed_packs": outcome.healed_packs,
        "mended_objects": summary.mended_objects,
        "damaged_objects": summary.damaged.total(),
        "duration_ms": u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
        "bilan": written.id,
    }));
}
