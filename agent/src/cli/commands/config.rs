//! `scelle config check` and `scelle config show`: what is configured, checked and explained.
//!
//! From the options, variables and the file to all their faults, or to what is in effect and where each of it comes from. Never:
//! changes anything, asks a store, or shows a path to what is no terminal.

use serde_json::json;

use crate::cli::args::Config;
use crate::cli::context::Context;
use crate::cli::failure;
use crate::cli::screen::Table;
use crate::config::{Env, Origin, Setting, Shown, faults, shown};
use scelle_core::error::{ExitCode, Result};
use scelle_view::bilingual;
use scelle_view::words::{Lang, counted};

/// Runs `config`.
pub fn run(context: &Context, command: &Config) -> Result<ExitCode> {
    match command {
        Config::Check => Ok(check(context)),
        Config::Show => show(context),
    }
}

/// Names every fault; exit 2 where there is one.
fn check(context: &Context) -> ExitCode {
    let faults = faults(&context.global.overrides(), &Env::of_process(), context.lang());
    let settings = &context.settings;
    let inert = settings.inert.iter().map(|inert| json!({"key": inert.key, "where": inert.place}));
    context.screen.json(&json!({
        "exists": settings.config_exists,
        "plans": settings.plans.len(),
        "scheduled": scheduled(context),
        "without_effect": inert.collect::<Vec<_>>(),
        "faults": faults.iter().map(|fault| failure::document(fault, context.lang())["error"].clone()).collect::<Vec<_>>(),
    }));
    if !faults.is_empty() {
        if !context.screen.is_json() {
            faults.iter().for_each(|fault| context.screen.error(fault));
        }
        return ExitCode::Usage;
    }
    context.settings.tell_what_has_no_effect(&*context.around.monitor);
    if !settings.config_exists {
        context.screen.say(&bilingual!(
            "il n'y a pas de fichier de configuration : les valeurs par défaut valent",
            "there is no configuration file: the defaults hold"
        ));
        return ExitCode::Ok;
    }
    let plans = settings.plans.len() as u64;
    context.screen.say(&counted(
        plans,
        "configuration correcte : # plan[s]",
        "the configuration is correct: # plan[s]",
    ));
    if scheduled(context) < settings.plans.len() {
        context.screen.warn(&bilingual!(
            "un plan sans « schedule » n'est sauvegardé que si quelqu'un lance « scelle backup »",
            "a plan without \"schedule\" is saved only when somebody starts \"scelle backup\""
        ));
    }
    ExitCode::Ok
}

fn scheduled(context: &Context) -> usize {
    context.settings.plans.iter().filter(|plan| plan.schedule.is_some()).count()
}

/// Shows what is in effect.
fn show(context: &Context) -> Result<ExitCode> {
    let rows = shown(&context.global.overrides(), &Env::of_process(), &context.settings)?;
    let may_show_names = context.screen.may_show_names();
    let of_json = |row: &Setting| match &row.value {
        Shown::Plain(text) => json!({"key": row.key, "value": text, "from": word(&row.origin, Lang::En)}),
        Shown::Paths(_, number) => {
            json!({"key": row.key, "paths": number, "from": word(&row.origin, Lang::En)})
        }
    };
    context.screen.json(&rows.iter().map(of_json).collect::<Vec<_>>());
    let mut table =
        Table::new(vec![bilingual!("clé", "key"), bilingual!("valeur", "value"), bilingual!("d'où", "from")]);
    for row in &rows {
        let value = match &row.value {
            Shown::Paths(_, number) if !may_show_names => {
                let number = counted(*number as u64, "# chemin[s]", "# path[s]");
                number.text(context.lang()).to_owned()
            }
            Shown::Plain(text) | Shown::Paths(text, _) => text.clone(),
        };
        table.row([row.key.clone(), value, word(&row.origin, context.lang())]);
    }
    context.screen.table(&table);
    Ok(ExitCode::Ok)
}

fn word(origin: &Origin, lang: Lang) -> String {
    match origin {
        Origin::Option(name) | Origin::Variable(name) => (*name).to_owned(),
        Origin::File(place) => place.clone(),
        Origin::Default => lang.pick("par défaut", "default").to_owned(),
    }
}
