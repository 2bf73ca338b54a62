//! `scelle status`: how the practice stands, from what this computer has, without asking a store; ready for monitoring.
//!
//! From the bilans kept here and the plans to [`Standing`], and its light to an exit code: 0 protected, 1 to look at, 2 not
//! protected, 3 unknown. Never: a colour of its own, or a network.

use serde_json::json;

use crate::cli::context::Context;
use crate::config::Plan;
use scelle_core::clock::now;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::run::{Instance, PlanLooked, PlanStanding, Standing, set_of};
use scelle_core::schedule::Timetable;
use scelle_format::report::{Label, Light};
use scelle_view::bilingual;
use scelle_view::pages::text::{moment, status_word};
use scelle_view::words::counted;

/// Runs `status`.
pub async fn run(context: &Context) -> Result<ExitCode> {
    let settings = &context.settings;
    let has_service = Instance::is_taken(&settings.home);
    let timetables: Vec<Option<Timetable>> =
        settings.plans.iter().map(|plan| settings.agent.timetable(plan)).collect();
    // The store is not asked: the copies of this computer are read as where it does not answer.
    let copies = Box::pin(context.finder(None).from_copies(AgentError::store_unreachable())).await;
    let standing = match (&copies, context.known_offline()) {
        (Ok(reading), Some(known)) => {
            let looked = settings.plans.iter().zip(&timetables).map(|(plan, timetable)| PlanLooked {
                set: set_of(&known.device, &plan.paths).unwrap_or_default(),
                timetable: timetable.as_ref(),
                delay_s: settings.agent.jitter_s,
            });
            let (looked, time): (Vec<_>, _) = (looked.collect(), now(&*context.around.clock));
            Some(Standing::of(&reading.bilans(), &known.device.id, &looked, has_service, time))
        }
        _ => None,
    };
    let light = standing.as_ref().map_or(Light::Grey, Standing::overall);
    tell(context, standing.as_ref(), light, has_service);
    Ok(match light {
        Light::Green => ExitCode::Ok,
        Light::Amber => ExitCode::Failed,
        Light::Red => ExitCode::Usage,
        Light::Grey => ExitCode::Partial,
    })
}

fn tell(context: &Context, standing: Option<&Standing>, light: Light, has_service: bool) {
    let (screen, lang) = (&context.screen, context.lang());
    let rows = standing.map_or(&[][..], |standing| &standing.plans);
    let plans: Vec<(&Plan, &PlanStanding)> = context.settings.plans.iter().zip(rows).collect();
    let newest = standing.and_then(|standing| standing.newest);
    screen.json(&json!({
        "status": light.to_string(),
        "service": has_service,
        "newest": newest.map(|(time, light)| json!({"time": time.to_string(), "status": light.to_string()})),
        "plans": plans.iter().map(|(plan, standing)| json!({
            "plan": plan.shown().as_ref().map(Label::as_str),
            "status": standing.light.to_string(),
            "last_good": standing.last_good.map(|time| time.to_string()),
            "missed": standing.missed,
            "next": standing.next.map(|time| time.to_string()),
        })).collect::<Vec<_>>(),
    }));
    screen.line(&status_word(light, lang));
    match newest {
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
    if standing.is_some_and(|standing| standing.is_idle) {
        screen.say(&bilingual!(
            "le service ne tourne pas : aucun plan ne sera sauvegardé tout seul (lancez « scelle agent run »)",
            "the service does not run: no plan will be saved by itself (start \"scelle agent run\")"
        ));
    }
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
