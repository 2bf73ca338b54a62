//! `scelle backup`: one run now, or one for each plan.

use std::path::PathBuf;

use scelle_format::report::{Label, file_token};
use serde_json::{Value, json};

use super::known::{Found, Known};
use crate::cli::args::Backup;
use crate::cli::context::Context;
use crate::config::Plan;
use scelle_core::bilan::Written;
use scelle_core::bilan::memory::{ALTERED_ALARM, SOURCE_ALARMS};
use scelle_core::connect::RepoAddress;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::monitor::Notice;
use scelle_core::pipeline::Saved;
use scelle_core::pipeline::checkpoint::CheckpointEvery;
use scelle_core::repo::seat::Seat;
use scelle_core::repo::state::Device;
use scelle_core::run::{Request, Run, Summary};
use scelle_core::scan::Filter;
use scelle_view::bilingual;
use scelle_view::pages::text::status_word;
use scelle_view::reasons::sentence;
use scelle_view::words::Message;
use scelle_view::words::figures::{count, duration, size};

/// Problems named one by one; the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// Runs `backup`: one run for the folders given, else one for each plan.
pub async fn run(context: &Context, args: Backup) -> Result<ExitCode> {
    let errands = errands(context, &args)?;
    say_what_has_no_effect(context);
    let found = context.find(None, args.limit_upload).await?;
    let known = writable(&found).await?;
    let run = open(context, &found, known).await?;
    let mut pen = run.pen().await?;
    let mut told = Vec::new();
    for errand in errands {
        let plan = errand.plan;
        let declared = context.settings.declared(plan, args.scheduled);
        let ended = run.backup(&mut pen, errand.request(context, known), declared).await;
        told.push(tell(context, plan, &run.seat.device, ended)?);
    }
    let code = worst(&told);
    context.screen.json(&document(told));
    Ok(code)
}

/// The repository that is known here and whose making is finished.
async fn writable(found: &Found) -> Result<&Known> {
    let Some(known) = &found.known else { return Err(unknown(found).await) };
    match known.is_unfinished {
        true => Err(AgentError::init_unfinished_here().at(found.connected.store.address())),
        false => Ok(known),
    }
}

/// Takes this computer's place in it. What is odd about the store's answers is said at the end, also where this fails.
async fn open(context: &Context, found: &Found, known: &Known) -> Result<Run> {
    let (connected, home) = (&found.connected, &context.settings.home);
    let (store, offset_ms) = (connected.store.clone(), connected.clock_offset_ms);
    let seat = Seat::take(home, &known.repository, store, offset_ms, &context.around)?;
    context.watch(&seat.objects);
    let mut run = match Run::open(seat).await {
        Err(error) => return Err(known.explain(connected, error).await),
        Ok(run) => run,
    };
    context.settle(&mut run.seat, known, found.moved_from.as_deref())?;
    Ok(run)
}

/// What one run is asked to save.
struct Errand<'a> {
    plan: Option<&'a Plan>,
    roots: Vec<PathBuf>,
    exclude: Vec<String>,
}

impl Errand<'_> {
    fn request(self, context: &Context, known: &Known) -> Request {
        Request {
            roots: self.roots,
            exclude: self.exclude,
            own_folders: own_folders(context, known),
            threads: context.settings.limits.threads.unwrap_or(0),
            checkpoints: CheckpointEvery::default(),
        }
    }
}

/// The runs that are asked for. A wrong pattern is a wrong command line: known before anything is opened.
fn errands<'a>(context: &'a Context, args: &Backup) -> Result<Vec<Errand<'a>>> {
    let mut asked: Vec<(Option<&Plan>, &[PathBuf], &[String])> = Vec::new();
    if args.paths.is_empty() {
        asked.extend(
            context.settings.plans.iter().map(|plan| (Some(plan), &plan.paths[..], &plan.exclude[..])),
        );
    } else {
        asked.push((None, &args.paths, &[]));
    }
    if asked.is_empty() {
        return Err(AgentError::nothing_to_back_up());
    }
    let errand = |(plan, paths, own): (Option<&'a Plan>, &[PathBuf], &[String])| {
        let exclude: Vec<String> = args.exclude.iter().chain(own).cloned().collect();
        Filter::new(&[], &exclude, &[])?;
        let roots = paths.iter().map(|path| std::path::absolute(path).map_err(AgentError::from));
        Ok(Errand { plan, roots: roots.collect::<Result<_>>()?, exclude })
    };
    asked.into_iter().map(errand).collect()
}

/// A key of the configuration that is accepted and does nothing is said at every run.
fn say_what_has_no_effect(context: &Context) {
    for inert in &context.settings.inert {
        let (key, place) = (&inert.key, &inert.place);
        context.screen.warn(&bilingual!(
            "la clé « {key} » ({place}) n'a pas d'effet dans cette version",
            "the key \"{key}\" ({place}) has no effect in this version"
        ));
    }
}

/// What became of one run, for the document and the exit code.
struct Told {
    code: ExitCode,
    document: Value,
}

/// Says how one run ended. With several plans, one that fails does not keep the next from being saved.
///
/// Errors: the run's own where it is the only one, or where the next could not run either.
fn tell(
    context: &Context,
    plan: Option<&Plan>,
    device: &Device,
    ended: Result<(Summary, Written)>,
) -> Result<Told> {
    let is_only = context.settings.plans.len() < 2 || plan.is_none();
    let label = plan.and_then(Plan::shown);
    let (summary, written) = match ended {
        Ok(ended) => ended,
        Err(error) if is_only || error.code == ExitCode::Interrupted => return Err(error),
        Err(error) => {
            let mut document = error.to_json(context.lang());
            document["plan"] = json!(label.as_ref().map(Label::as_str));
            if !context.screen.is_json() {
                context.screen.error(&error);
            }
            return Ok(Told { code: error.code, document });
        }
    };
    let token_key = device.secret.token_key();
    let root = label.as_ref().map_or("racine", Label::as_str);
    for trouble in summary.outcome.troubles.iter().take(PROBLEMS_SHOWN) {
        let token = file_token(&token_key, &trouble.path);
        context.screen.notice(&Notice::Problem { root: root.into(), token, problem: trouble.problem });
    }
    let mut document = told(context, label.as_ref(), &summary, &written);
    if let Some(label) = &label {
        document["plan"] = json!(label.as_str());
    }
    Ok(Told { code: code(&summary), document })
}

/// The first that is not good: a run that failed, before one that finished with problems.
fn worst(told: &[Told]) -> ExitCode {
    let codes = || told.iter().map(|run| run.code);
    let failed = codes().find(|code| !matches!(code, ExitCode::Ok | ExitCode::Partial));
    failed.or_else(|| codes().find(|code| *code != ExitCode::Ok)).unwrap_or(ExitCode::Ok)
}

/// One document: the run's own. For several plans: counts and bytes of all together, the worst colour, the newest snapshot
/// and its bilan, with each run's own document below `runs`.
fn document(told: Vec<Told>) -> Value {
    let mut runs: Vec<Value> = told.into_iter().map(|run| run.document).collect();
    if runs.len() == 1 {
        return runs.remove(0);
    }
    let done = || runs.iter().filter(|run| run["snapshot"].is_u64());
    let Some(mut all) = done().next_back().cloned() else { return json!({ "runs": runs }) };
    for run in done().rev().skip(1) {
        add(&mut all, run);
    }
    if let Some(worst) = done().max_by_key(|run| rank(run["status"].as_str())) {
        all["status"] = worst["status"].clone();
    }
    // A plan of which nothing was saved is no less than red.
    let failed = runs.len() - done().count();
    if failed > 0 {
        all["status"] = json!("red");
        all["problems"] = json!(all["problems"].as_u64().unwrap_or(0) + failed as u64);
    }
    if let Some(all) = all.as_object_mut() {
        all.remove("plan");
    }
    all["runs"] = runs.into();
    all
}

/// Adds the counts and bytes of a run to those of others; its snapshot's number is none.
fn add(all: &mut Value, run: &Value) {
    let (Some(all), Some(run)) = (all.as_object_mut(), run.as_object()) else { return };
    for (key, value) in all.iter_mut().filter(|(key, _)| *key != "snapshot") {
        match (value.as_u64(), run.get(key).and_then(Value::as_u64)) {
            (Some(a), Some(b)) => *value = json!(a.saturating_add(b)),
            _ => run.get(key).into_iter().for_each(|other| add(value, other)),
        }
    }
}

/// Red over grey over amber over green.
fn rank(status: Option<&str>) -> usize {
    let order = ["green", "amber", "grey", "red"];
    order.iter().position(|one| Some(*one) == status).unwrap_or(order.len())
}

/// The code follows the run, not the colour.
fn code(summary: &Summary) -> ExitCode {
    match () {
        () if problems(&summary.outcome) > 0 => ExitCode::Partial,
        () => ExitCode::Ok,
    }
}

/// Reasons that are said at once, not only in the bilan: somebody is to acknowledge them.
fn is_told(code: &str) -> bool {
    SOURCE_ALARMS.contains(&code) || code == ALTERED_ALARM
}

/// What could not be saved as it should; what was saved whole and only calls for a word is none.
fn problems(outcome: &Saved) -> u64 {
    outcome.troubles.iter().filter(|trouble| trouble.problem.spoils_run()).count() as u64
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
    match scelle_core::repo::objects::repositories_in(&*found.connected.store).await {
        Ok(here) if here.is_empty() => AgentError::no_repository().at(address),
        Ok(_) => AgentError::not_a_member().at(address),
        Err(error) => error,
    }
}

/// Says what a run did, and gives its document.
fn told(context: &Context, label: Option<&Label>, summary: &Summary, written: &Written) -> Value {
    let (screen, lang) = (&context.screen, context.lang());
    let (outcome, changes) = (&summary.outcome, &summary.outcome.changes);
    let number = outcome.committed.snapshot;
    let took = duration(summary.duration, lang);
    let of = label.map(|label| format!("{} — ", label.as_str())).unwrap_or_default();
    screen.say(&bilingual!("{of}Instantané {number} — {took}", "{of}Snapshot {number} — {took}"));
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
    for reason in written.assessment.reasons.iter().filter(|reason| is_told(reason.code)) {
        if let Some(found) = sentence(reason.code) {
            screen.warn(&Message::by(|lang| format!("{id} : {} → {}", found.what(lang), found.todo(lang))));
        }
    }
    let problems = problems(outcome);
    if problems > 0 {
        let problems = count(problems, lang);
        screen.say(&bilingual!("  problèmes : {problems}", "  problems: {problems}"));
    }
    json!({
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
    })
}
