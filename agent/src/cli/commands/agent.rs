//! `scelle agent run`: the service in the foreground.
//!
//! From the configuration to [`Service::run`], until the process is asked to stop. Never: a rule of its own.

use crate::cli::args::Agent;
use crate::cli::context::Context;
use crate::config::{Env, resolve};
use crate::service::{Agenda, Backups, Planned, Service, Supervisor, SystemPace};
use scelle_core::clock::now;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::bilingual;
use serde_json::json;

/// Runs `agent`.
pub async fn run(context: &Context, command: Agent) -> Result<ExitCode> {
    let Agent::Run = command;
    let (env, overrides, lang) = (Env::of_process(), context.global.overrides(), context.lang());
    let supervisor = Supervisor::of(&env);
    let plans = Agenda::of(Box::new(move || resolve(&overrides, &env, lang)))?;
    if plans.timed().next().is_none() {
        return Err(AgentError::nothing_scheduled());
    }
    let backups = Backups { around: context.around.clone() };
    let pace = SystemPace::default();
    context.settings.tell_what_has_no_effect(&*context.around.monitor);
    plans.timed().for_each(|plan| say_when(context, plan));
    context.screen.flush();
    let service = Service::open(plans, &backups, &pace, &context.around, supervisor)?;
    service.run().await;
    context.screen.json(&json!({"stopped": true}));
    Ok(ExitCode::Ok)
}

/// Says when a plan's next backup is due.
fn say_when(context: &Context, planned: &Planned) {
    let label = planned.plan.shown();
    let label = label.as_ref().map_or("-", |label| label.as_str()).to_owned();
    let zone = planned.timetable.zone();
    let Some(next) = planned.timetable.next(now(&*context.around.clock)) else { return };
    let when = zone.wall_time(next).strftime("%Y-%m-%d %H:%M").to_string();
    let place = zone.name();
    context.screen.note(&bilingual!(
        "{label} : prochaine sauvegarde prévue le {when} ({place})",
        "{label}: next backup due on {when} ({place})"
    ));
}
