//! The `scelle` command: reads what was typed, builds what a command needs, and returns its exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode as ProcessCode;
use std::sync::Arc;

use scelle_agent::cli::args::{Cli, Command, Config, Global};
use scelle_agent::cli::commands;
use scelle_agent::cli::context::Context;
use scelle_agent::cli::screen::Screen;
use scelle_agent::cli::usage::{Parsed, parse, wants_json};
use scelle_agent::cli::{exit, language, progress};
use scelle_agent::config::{Env, LogSettings, Settings, resolve, resolve_without_file};
use scelle_agent::demo;
use scelle_agent::log::{self, Log, Watched};
use scelle_core::around::Around;
use scelle_core::clock::SystemClock;
use scelle_core::error::{ExitCode, Result};
use scelle_core::monitor::Monitor;
use scelle_view::bilingual;
use scelle_view::words::{Lang, counted};
use tracing::Instrument as _;

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
    let settings = match settings(&global, &command, lang) {
        Ok(settings) => settings,
        Err(error) => return exit::finish(Err(error), &Screen::new(&global, lang)),
    };
    let lang = settings.lang;
    let screen = Screen::new(&global, lang);
    let log = settings.log.as_ref().and_then(|wanted| open_log(wanted, &screen));
    let has_lines = log.as_ref().is_some_and(Log::is_on_standard_error);
    let shown = progress::choose(&global, lang, has_lines);
    let monitor: Arc<dyn Monitor> = if log.is_some() { Arc::new(Watched::new(shown)) } else { shown };
    let context = Context { screen, around: Around::watched_by(monitor), settings, global };
    let ended = on_runtime(&context, command);
    if let Some(lines) = log.map(|log| log.lost_lines()).filter(|&lines| lines > 0) {
        context.screen.warn(&counted(
            lines,
            "# ligne[s] du journal n'[a|ont] pas pu être écrite[s] (disque plein ?)",
            "# line[s] of the log could not be written (disk full?)",
        ));
    }
    exit::finish(ended, &context.screen)
}

/// Everything configured. Who only reads, and says where, does without a configuration that cannot be read.
fn settings(global: &Global, command: &Command, lang: Lang) -> Result<Settings> {
    let env = Env::of_process();
    match resolve(&global.overrides(), &env, lang) {
        // It is there to say what is wrong with it.
        Err(_) if matches!(command, Command::Config(Config::Check)) => {
            resolve_without_file(&global.overrides(), &env, lang)
        }
        Err(error)
            if command.only_reads()
                && global.config.is_none()
                && global.repo.as_deref().is_some_and(|url| !url.is_empty()) =>
        {
            // Where it is not the file that is wrong, what is wrong is said once.
            let settings = resolve_without_file(&global.overrides(), &env, lang)?;
            Screen::new(global, lang).warn(&error.what());
            Ok(settings)
        }
        settings => settings,
    }
}

/// Opens the log. A run does without one that cannot be opened: files are worth more than lines about them.
fn open_log(wanted: &LogSettings, screen: &Screen) -> Option<Log> {
    let refused = |error: std::io::Error| {
        let cause = error.kind();
        screen.warn(&bilingual!(
            "le journal ne peut pas être écrit ({cause}) ; vérifiez --log-file ou « file » sous [log] ; la commande continue sans journal",
            "the log cannot be written ({cause}); check --log-file or \"file\" below [log]; the command goes on without a log"
        ));
    };
    Log::open(wanted, screen.is_json(), Arc::new(SystemClock)).map_err(refused).ok()
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
    let span = tracing::error_span!("command", word = command.word());
    let working = async {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), system = std::env::consts::OS, "command begins");
        let shutdown = context.around.shutdown.clone();
        tokio::spawn(async move {
            if scelle_core::platform::stop_requested().await.is_ok() {
                shutdown.stop();
            }
        });
        let result = match command {
            Command::Demo(args) => Box::pin(demo::command::run(context, args)).await,
            command => Box::pin(commands::run(context, command)).await,
        };
        context.around.monitor.finish();
        let result = result.map_err(|error| context.around.cause_of(error));
        let result = exit::settle(result, &context.screen);
        log::ended(&result);
        result
    };
    runtime.block_on(working.instrument(span))
}
