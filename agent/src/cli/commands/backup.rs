//! `scelle backup`: one run now, or one for each plan.
//!
//! From what was typed and configured to [`Run::all`]; how each plan's run ended goes to the screen. Never: keeps a plan from being
//! saved because another one failed.

use scelle_format::report::Label;
use serde_json::json;

use super::told::backup::{RunTold, still_lost, together, told as said};
use crate::cli::args::Backup;
use crate::cli::context::Context;
use crate::cli::failure;
use crate::config::{Errand, Plan, patterns_of};
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::state::Device;
use scelle_core::run::{BackupRequest, Client, Ended, Figures, NotBegun, Run};
use scelle_view::bilingual;
use scelle_view::words::counted;

/// Runs `backup`: one run for the folders given, else one for each plan.
pub async fn run(context: &Context, args: Backup) -> Result<ExitCode> {
    let mut everywhere = args.exclude;
    for file in &args.exclude_file {
        everywhere.extend(patterns_of(file)?);
    }
    let settings = &context.settings;
    let errands = settings.errands(&args.paths, &everywhere, args.scheduled)?;
    let (plans, requests): (Vec<Option<&Plan>>, Vec<BackupRequest>) =
        errands.into_iter().map(|Errand { plan, request }| (plan, request)).unzip();
    settings.tell_what_has_no_effect(&*context.around.monitor);
    if args.dry_run {
        return super::survey::run(context, &requests);
    }
    let mut telling = Telling { context, plans: plans.into_iter(), told: Vec::new() };
    let ended = Run::all(&context.finder(args.limit_upload), &requests, &mut telling).await;
    ended.map(|()| telling.conclude()).map_err(|NotBegun { error, kept }| {
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

/// Says how each run ends, as soon as it does.
struct Telling<'c, P> {
    context: &'c Context,
    /// The plan of each run that is still to end.
    plans: P,
    told: Vec<(ExitCode, RunTold)>,
}

impl<'c, P: Iterator<Item = Option<&'c Plan>>> Client for Telling<'c, P> {
    fn opened(&mut self, run: &Run) {
        run.moved.iter().for_each(|moved| self.context.say_moved(moved));
    }

    fn ended(&mut self, run: &Run, ended: Ended) -> Result<()> {
        let plan = self.plans.next().flatten();
        self.told.push(tell(self.context, plan, &run.seat.device, ended)?);
        Ok(())
    }
}

impl<P> Telling<'_, P> {
    fn conclude(self) -> ExitCode {
        let (codes, told): (Vec<ExitCode>, Vec<RunTold>) = self.told.into_iter().unzip();
        still_lost(self.context, &told);
        self.context.screen.json(&together(told));
        ExitCode::of_all(&codes)
    }
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
    ended: Ended,
) -> Result<(ExitCode, RunTold)> {
    let is_only = context.settings.plans.len() < 2 || plan.is_none();
    let label = plan.and_then(Plan::shown);
    let (summary, written) = match ended.whole() {
        Ok(ended) => ended,
        Err(error) if is_only || !error.lets_others_run() => return Err(error),
        Err(error) => {
            let mut document = failure::document(&error, context.lang());
            document["plan"] = json!(label.as_ref().map(Label::as_str));
            if !context.screen.is_json() {
                not_saved(context, plan);
                context.screen.error(&error);
            }
            return Ok((error.code, RunTold { figures: None, document }));
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
    Ok((summary.code(), RunTold { figures: Some(figures), document }))
}
