//! `scelle service`: having the system start the agent by itself.
//!
//! From what is in effect to a [`Registration`], and from what was typed to the system's service manager ([`boot`]). Never: a secret
//! on the way, or a word about what is saved: that is `scelle status`.

use serde_json::json;

use crate::boot::{self, Registrar, Registration};
use crate::cli::args::ServiceAction;
use crate::cli::context::Context;
use crate::config::Env;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Runs `service`.
pub fn run(context: &Context, action: &ServiceAction) -> Result<ExitCode> {
    let manager = boot::of_this_system()?;
    match action {
        ServiceAction::Install { dry_run } => return install(context, &*manager, *dry_run),
        ServiceAction::Uninstall => {
            let was_there = manager.uninstall()?;
            done(
                context,
                "uninstalled",
                was_there,
                &match was_there {
                    true => bilingual!(
                        "le service est arrêté et retiré ; configuration, état et sauvegardes restent",
                        "the service is stopped and removed; configuration, state and backups stay"
                    ),
                    false => bilingual!("aucun service n'était installé", "no service was installed"),
                },
            );
        }
        ServiceAction::Start => {
            manager.start()?;
            done(context, "started", true, &bilingual!("le service est lancé", "the service is started"));
        }
        ServiceAction::Stop => {
            manager.stop()?;
            done(
                context,
                "stopped",
                true,
                &bilingual!(
                    "le service est arrêté, jusqu'à « scelle service start » ou au prochain démarrage de ce poste",
                    "the service is stopped, until \"scelle service start\" or the next start of this computer"
                ),
            );
        }
        ServiceAction::Status => return status(context, &*manager),
    }
    Ok(ExitCode::Ok)
}

fn done(context: &Context, key: &str, value: bool, said: &Message) {
    context.screen.json(&json!({ key: value }));
    context.screen.say(said);
}

/// Installs and starts it, or shows the file that would be written.
fn install(context: &Context, manager: &dyn Registrar, is_dry_run: bool) -> Result<ExitCode> {
    let env = Env::of_process();
    let settings = &context.settings;
    if !settings.plans.iter().any(|plan| plan.schedule.is_some()) {
        return Err(AgentError::nothing_scheduled());
    }
    let registration = registration(context, &env)?;
    let text = manager.text(&registration)?;
    if is_dry_run {
        context.screen.json(&json!({"file": manager.file(), "text": text}));
        context.screen.line(text.trim_end());
        return Ok(ExitCode::Ok);
    }
    // Without a repository each of its runs would fail.
    if context.known_offline().is_none() {
        return Err(AgentError::repository_not_given());
    }
    manager.install(&registration)?;
    context.screen.json(&json!({"installed": true, "file": manager.file()}));
    context.screen.say(&bilingual!(
        "le service est installé et lancé ; il démarrera avec ce poste (« scelle status » dit si le cabinet est protégé)",
        "the service is installed and started; it will start with this computer (\"scelle status\" says whether the practice is protected)"
    ));
    if env.text("AWS_SECRET_ACCESS_KEY").is_some() {
        context.screen.warn(&bilingual!(
            "le service n'a pas AWS_SECRET_ACCESS_KEY, qui ne vaut que dans cette session : mettez la clé dans un fichier (« secret_key_file » de [s3])",
            "the service does not have AWS_SECRET_ACCESS_KEY, which holds in this session only: put the key into a file (\"secret_key_file\" of [s3])"
        ));
    }
    Ok(ExitCode::Ok)
}

/// Exit 0 it runs, 1 it does not.
fn status(context: &Context, manager: &dyn Registrar) -> Result<ExitCode> {
    let registered = manager.registered()?;
    context.screen.json(&json!({
        "installed": registered.is_installed,
        "enabled": registered.is_enabled,
        "running": registered.is_running,
    }));
    context.screen.say(&match (registered.is_installed, registered.is_running) {
        (_, true) => bilingual!("le service tourne", "the service runs"),
        (true, false) => bilingual!(
            "le service est installé et ne tourne pas : lancez « scelle service start »",
            "the service is installed and does not run: start it with \"scelle service start\""
        ),
        (false, false) => bilingual!(
            "le service n'est pas installé sur ce poste : lancez « scelle service install »",
            "the service is not installed on this computer: run \"scelle service install\""
        ),
    });
    if registered.is_installed && !registered.is_enabled {
        context.screen.warn(&bilingual!(
            "il ne démarrera pas avec ce poste : relancez « scelle service install »",
            "it will not start with this computer: run \"scelle service install\" again"
        ));
    }
    Ok(if registered.is_running { ExitCode::Ok } else { ExitCode::Failed })
}

/// What is in effect here, as the service manager is to start it.
fn registration(context: &Context, env: &Env) -> Result<Registration> {
    let settings = &context.settings;
    let mut variables = vec![
        ("SCELLE_HOME", settings.home.clone().into_os_string().into_string()),
        ("SCELLE_LANG", Ok(settings.lang.code().to_owned())),
    ];
    let typed = context.global.overrides();
    let typed = [
        ("SCELLE_REPO", typed.repo),
        ("SCELLE_S3_ENDPOINT", typed.s3_endpoint),
        ("SCELLE_S3_REGION", typed.s3_region),
        ("AWS_REGION", env.text("AWS_REGION")),
    ];
    let typed = typed.into_iter().filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)));
    variables.extend(typed.map(|(name, value)| (name, Ok(value))));
    let as_text = |(name, value): (_, std::result::Result<String, _>)| match value {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(AgentError::path_not_for_service()),
    };
    Ok(Registration {
        program: std::env::current_exe()?,
        arguments: vec!["agent".to_owned(), "run".to_owned()],
        config: settings.config_path.clone(),
        variables: variables.into_iter().map(as_text).collect::<Result<_>>()?,
    })
}
