//! `scelle status`: how the practice stands, from what this computer has, without asking a store; ready for monitoring.
//!
//! From the plans to the core's [`PracticeStanding`], which is said here. Never: a colour or an exit code of its own, or a network.

use serde_json::json;

use crate::cli::context::Context;
use crate::config::Plan;
use scelle_core::error::{ExitCode, Result};
use scelle_core::run::{PlanLooked, PlanStanding, PracticeStanding};
use scelle_format::report::Label;
use scelle_view::bilingual;
use scelle_view::pages::text::{moment, status_word};
use scelle_view::words::counted;

/// Runs `status`.
pub async fn run(context: &Context) -> Result<ExitCode> {
    let settings = &context.settings;
    let plans = settings.plans.iter().map(|plan| PlanLooked {
        paths: &plan.paths,
        timetable: settings.agent.timetable(plan),
        delay_s: settings.agent.jitter_s,
    });
    let plans: Vec<PlanLooked<'_>> = plans.collect();
    let standing = Box::pin(context.finder(None).standing(&plans)).await;
    tell(context, &standing);
    Ok(standing.exit())
}

fn tell(context: &Context, standing: &PracticeStanding) {
    let (screen, lang) = (&context.screen, context.lang());
    let plans: Vec<(&Plan, &PlanStanding)> = context.settings.plans.iter().zip(&standing.plans).collect();
    let light = standing.overall();
    screen.json(&json!({
        "status": light.to_string(),
        "service": standing.has_service,
        "newest": standing.newest.map(|(time, light)| json!({"time": time.to_string(), "status": light.to_string()})),
        "rest": standing.rest.as_ref().map(|rest| json!({"status": rest.light.to_string(), "bilan": rest.bilan})),
        "plans": plans.iter().map(|(plan, standing)| json!({
            "plan": plan.shown().as_ref().map(Label::as_str),
            "status": standing.light.to_string(),
            "last_good": standing.last_good.map(|time| time.to_string()),
            "missed": standing.missed,
            "next": standing.next.map(|time| time.to_string()),
        })).collect::<Vec<_>>(),
    }));
    screen.line(&status_word(light, lang));
    match standing.newest {
        Some((time, light)) => {
            let (time, word) = (moment(time, lang), status_word(light, lang));
            screen.say(&bilingual!("dernier bilan : {time}, {word}", "newest bilan: {time}, {word}"));
        }
        None => screen.say(&bilingual!(
            "ce poste n'a aucun bilan : rien ne dit que quoi que ce soit est sauvegardé",
            "this computer has no bilan: nothing says that anything is saved"
        )),
    }
    plans.iter().for_each(|(plan, standing)| tell_plan(context, plan, standing));
    tell_rest(context, standing);
    if standing.is_idle {
        screen.say(&bilingual!(
            "le service ne tourne pas : aucun plan ne sera sauvegardé tout seul (lancez « scelle agent run »)",
            "the service does not run: no plan will be saved by itself (start \"scelle agent run\")"
        ));
    }
}

/// What belongs to no plan, where it is worse than the newest bilan: else nothing would say what is wrong.
fn tell_rest(context: &Context, standing: &PracticeStanding) {
    let Some(rest) =
        standing.rest.as_ref().filter(|rest| standing.newest.is_none_or(|(_, newest)| rest.light > newest))
    else {
        return;
    };
    let word = status_word(rest.light, context.lang());
    context.screen.say(&match &rest.bilan {
        Some(bilan) => bilingual!(
            "des dossiers qu'aucun plan ne nomme : {word} ; « scelle bilan show {bilan} » dit pourquoi",
            "folders that no plan names: {word}; \"scelle bilan show {bilan}\" says why"
        ),
        None => {
            bilingual!("dernière sauvegarde trop ancienne : {word}", "the last backup is too old: {word}")
        }
    });
}

fn tell_plan(context: &Context, plan: &Plan, standing: &PlanStanding) {
    let lang = context.lang();
    let label = plan.shown();
    let label = label.as_ref().map_or("-", Label::as_str).to_owned();
    let word = status_word(standing.light, lang);
    match standing.last_good {
        Some(time) => {
            let time = moment(time, lang);
            context.screen.say(&bilingual!(
                "{label} : {word}, sauvegardé le {time}",
                "{label}: {word}, saved on {time}"
            ));
        }
        None => context.screen.say(&bilingual!(
            "{label} : {word}, jamais sauvegardé depuis ce poste",
            "{label}: {word}, never saved from this computer"
        )),
    }
    if standing.missed > 0 {
        context.screen.say(&counted(
            standing.missed,
            "  # heure[s] prévue[s] passée[s] depuis sans sauvegarde",
            "  # time[s] of the plan went by since without a backup",
        ));
    }
}
