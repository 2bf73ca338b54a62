//! The `scelle` command: reads what was typed, builds what a command needs, and returns its exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode as ProcessCode;

use scelle_agent::cli::args::{Cli, Command, Global};
use scelle_agent::cli::commands;
use scelle_agent::cli::context::Context;
use scelle_agent::cli::screen::Screen;
use scelle_agent::cli::usage::{Parsed, parse, wants_json};
use scelle_agent::cli::{exit, language, progress};
use scelle_agent::config::{Env, resolve, resolve_without_file};
use scelle_agent::demo;
use scelle_core::clock::SystemClock;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::shutdown::Shutdown;

fn main() -> ProcessCode {
    scelle_core::platform::raise_handle_limit();
    let argv: Vec<_> = std::env::args_os().collect();
    let lang = language::of_process(&argv);
    let Cli { global, command } = match parse(argv.clone(), lang) {
        Ok(Parsed::Run(cli)) => *cli,
        other => {
            let screen = Screen::new(&Global { json: wants_json(&argv), ..Global::default() }, lang);
            return exit::finish(other.map(|parsed| print(&screen, parsed)), &screen);
        }
    };
    let env = Env::of_process();
    let settings = match resolve(&global.overrides(), &env, lang) {
        Ok(settings) => Ok(settings),
        Err(error)
            if command.only_reads()
                && global.config.is_none()
                && global.repo.as_deref().is_some_and(|url| !url.is_empty()) =>
        {
            Screen::new(&global, lang).warn(&error.what);
            resolve_without_file(&global.overrides(), &env, lang)
        }
        Err(error) => Err(error),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return exit::finish(Err(error), &Screen::new(&global, lang)),
    };
    let lang = settings.lang;
    let context = Context {
        screen: Screen::new(&global, lang),
        monitor: progress::choose(&global, lang),
        shutdown: Shutdown::default(),
        clock: SystemClock,
        settings,
        global,
        oddities: Default::default(),
    };
    exit::finish(on_runtime(&context, command), &context.screen)
}

/// Help and version.
fn print(screen: &Screen, parsed: Parsed) -> ExitCode {
    if let Parsed::Print(name, text) = parsed {
        match screen.is_json() {
            true => screen.json(&serde_json::json!({name: text.trim_end()})),
            false => screen.print(&text),
        }
    }
    ExitCode::Ok
}

fn on_runtime(context: &Context, command: Command) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = context.shutdown.clone();
        tokio::spawn(async move {
            if scelle_core::platform::stop_requested().await.is_ok() {
                shutdown.stop();
            }
        });
        let result = match command {
            Command::Demo(args) => demo::command::run(context, args).await,
            command => commands::run(context, command).await,
        };
        context.monitor.finish();
        match result {
            // Whatever failed because of Ctrl-C failed because of Ctrl-C.
            Err(_) if context.shutdown.token().is_cancelled() => Err(AgentError::interrupted()),
            result => result,
        }
    })
}
