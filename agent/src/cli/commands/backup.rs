//! `scelle backup`: one run now, or one for each plan.
//!
//! From what was typed and configured to [`Run::backup`], once for each plan; how each ended goes to the screen. Never: keeps a
//! plan from being saved because another one failed.

use scelle_format::report::Label;
use serde_json::json;

use super::told::backup::{Ended, still_lost, together, told as said};
use crate::cli::args::Backup;
use crate::cli::context::Context;
use crate::config::{Errand, Plan, patterns_of};
use scelle_core::bilan::Written;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::state::Device;
use scelle_core::run::{Figures, Missed, NotBegun, Run, Summary};
use scelle_view::bilingual;
use scelle_view::words::counted;

/// Runs `backup`: one run for the folders given, else one for each plan.
pub async fn run(context: &Context, args: Backup) -> Result<ExitCode> {
    let mut everywhere = args.exclude;
    for file in &args.exclude_file {
        everywhere.extend(patterns_of(file)?);
    }
    let (settings, home) = (&context.settings, &context.settings.home);
    let errands = settings.errands(&args.paths, &everywhere)?;
    settings.tell_what_has_no_effect(&*context.around.monitor);
    if args.dry_run {
        // Opens nothing: the backup's own folders are left out as far as this computer knows them.
        let known = context.known_offline();
        let store = known.as_ref().map(|known| &known.device.place);
        let requests = errands.into_iter().map(|errand| errand.request.beside(home, store));
        return super::survey::run(context, requests);
    }
    let asked = errands.iter().map(|errand| errand.missed(settings, args.scheduled)).collect::<Vec<_>>();
    let ended = back_up(context, args.limit_upload, errands, asked).await;
    ended.map_err(|NotBegun { error, kept }| {
        if kept > 0 {
            context.screen.warn(&bilingual!(
                "sauvegarde non commencée : {of_bilans} sur ce poste (« scelle bilan list »), à envoyer par la prochaine sauvegarde qui joint le dépôt",
                "no backup was begun: {of_bilans} on this computer (\"scelle bilan list\"), sent by the next backup that reaches the repository",
                of_bilans = counted(kept, "# bilan[s] gardé[s]", "# bilan[s] kept")
            ));
        }
        error
    })
}

/// One run after the other, with one opening and one pen.
async fn back_up(
    context: &Context,
    limit_upload: Option<u64>,
    errands: Vec<Errand<'_>>,
    asked: Vec<Missed>,
) -> Result<ExitCode, NotBegun> {
    let run = Run::begin(&context.finder(limit_upload), &asked).await?;
    run.moved.iter().for_each(|moved| context.say_moved(moved));
    let mut pen = run.pen(&asked).await?;
    let mut told = Vec::new();
    for (Errand { plan, request }, Missed { declared, .. }) in errands.into_iter().zip(asked) {
        let request = request.beside(&context.settings.home, Some(&run.seat.device.place));
        let ended = run.backup(&mut pen, request, declared).await;
        told.push(tell(context, plan, &run.seat.device, ended)?);
    }
    let (codes, ended): (Vec<ExitCode>, Vec<Ended>) = told.into_iter().unzip();
    still_lost(context, &ended);
    context.screen.json(&together(ended));
    Ok(ExitCode::of_all(&codes))
}

/// Of several plans, which one the error that follows is about.
fn not_saved(context: &Context, plan: Option<&Plan>) {
    let number = plan.and_then(|plan| context.settings.number_of(plan)).unwrap_or_default();
    let label = plan.and_then(Plan::shown);
    let label = label.as_ref().map_or(String::new(), |label| format!(" ({})", label.as_str()));
    context.screen.warn(&bilingual!(
        "le plan {number}{label} n'a pas été sauvegardé :",
        "plan {number}{label} was not saved:"
    ));
}

/// Says how one run ended; returns its exit code and its document. With several plans, one that fails does not keep the next
/// from being saved.
///
/// Errors: the run's own where it is the only one, or where the next could not run either.
fn tell(
    context: &Context,
    plan: Option<&Plan>,
    device: &Device,
    ended: Result<(Summary, Written)>,
) -> Result<(ExitCode, Ended)> {
    let is_only = context.settings.plans.len() < 2 || plan.is_none();
    let label = plan.and_then(Plan::shown);
    let (summary, written) = match ended {
        Ok(ended) => ended,
        Err(error) if is_only || !error.lets_others_run() => return Err(error),
        Err(error) => {
            let mut document = error.to_json(context.lang());
            document["plan"] = json!(label.as_ref().map(Label::as_str));
            if !context.screen.is_json() {
                not_saved(context, plan);
                context.screen.error(&error);
            }
            return Ok((error.code, Ended { figures: None, document }));
        }
    };
    let token_key = device.secret.token_key();
    let root = label.as_ref().map_or("", Label::as_str);
    summary.first_problems(root, &token_key).for_each(|notice| context.screen.notice(&notice));
    said(context, label.as_ref(), &summary, &written);
    let figures = Figures::of(&summary, &written);
    let mut document = json!(figures);
    if let Some(label) = &label {
        document["plan"] = json!(label.as_str());
    }
    Ok((summary.code(), Ended { figures: Some(figures), document }))
}
