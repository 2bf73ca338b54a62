//! Builds the command line in one language, parses it, and says in one line what is wrong with it.
//!
//! From `argv` and the environment to [`Cli`], or to text to print (`--help`, `--version`), or to a usage
//! error (exit 2). Never: repeats a value that was typed, which may be a patient's path.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches};

use super::args::{Cli, Command, KeyArgs, Store, values};
use super::help_fr;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::words::Lang;
use scelle_view::words::failures::{ExpectedValue, LineAdvice, LineFault};

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// A command to run.
    Run(Box<Cli>),
    /// Help or version: print it and end with 0. First what it is called in JSON.
    Print(&'static str, String),
}

/// Parses `argv` (program name included) and the `SCELLE_…` variables. A command of a later version is an
/// error of its own, so are two options that exclude each other.
pub fn parse(argv: Vec<OsString>, lang: Lang) -> Result<Parsed> {
    let command = build(lang);
    let matches = match command.try_get_matches_from(&argv) {
        Ok(matches) => matches,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp => return Ok(Parsed::Print("help", error.to_string())),
            ErrorKind::DisplayVersion => return Ok(Parsed::Print("version", error.to_string())),
            _ => return Err(explain(&error, &argv)),
        },
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| explain(&error, &argv))?;
    check(&cli, lang)?;
    Ok(Parsed::Run(Box::new(cli)))
}

/// Whether `--json` is asked for, known even where the command line does not parse: its error is JSON too.
pub fn wants_json(argv: &[OsString]) -> bool {
    let typed = argv.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json");
    let set = |value: String| {
        !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "n" | "no" | "f" | "false" | "off")
    };
    typed || std::env::var(variable("json")).is_ok_and(set)
}

/// The whole command line with the help of `lang` and a variable per option.
pub fn build(lang: Lang) -> clap::Command {
    let help = lang.pick("Montrer cette aide", "Show this help");
    let version = lang.pick("Montrer la version", "Show the version");
    let root = Cli::command()
        .bin_name("scelle")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(Arg::new("help").short('h').long("help").global(true).action(ArgAction::Help).help(help))
        .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).help(version));
    dress(root, "", lang).after_help(exit_codes(lang))
}

/// Puts texts, headings and variables on a command and its subcommands. `path` is its words, spaced.
fn dress(command: clap::Command, path: &str, lang: Lang) -> clap::Command {
    let own_path = path.to_owned();
    let mut command = command.mut_args(|arg| dress_arg(arg, &own_path, lang));
    if let (Lang::Fr, Some(about)) = (lang, help_fr::command(path)) {
        command = command.about(about);
    }
    let (usage, commands) = lang.pick(("Utilisation :", "Commandes "), ("Usage:", "Commands"));
    command
        .subcommand_help_heading(commands)
        .subcommand_value_name(lang.pick("COMMANDE", "COMMAND"))
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}{{after-help}}\n"))
        .mut_subcommands(|sub| {
            let words = format!("{path} {}", sub.get_name());
            dress(sub, words.trim_start(), lang)
        })
}

fn dress_arg(arg: Arg, path: &str, lang: Lang) -> Arg {
    let id = arg.get_id().as_str().to_owned();
    let mut arg = arg.hide_env_values(true);
    if arg.get_action().takes_values() {
        arg = arg.hide_possible_values(true).hide_default_value(true);
    }
    if let (Lang::Fr, Some(help)) = (lang, help_fr::argument(path, &id)) {
        arg = arg.help(help);
    }
    if lang == Lang::Fr
        && let Some(names) = arg.get_value_names().map(<[_]>::to_vec)
    {
        arg = arg.value_names(names.iter().map(|name| help_fr::value_name(name).to_owned()));
    }
    let Some(long) = arg.get_long().map(str::to_owned) else {
        return arg.help_heading(lang.pick("Arguments ", "Arguments"));
    };
    // clap puts the colon itself; French wants a space before it.
    arg = arg.help_heading(match path {
        "" => lang.pick("Options communes ", "Common options"),
        _ => lang.pick("Options ", "Options"),
    });
    if matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) {
        return arg;
    }
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        // SCELLE_JSON=1, =yes and =true all mean yes; =0, =no and an empty value mean no; nothing else means anything.
        arg = arg.value_parser(values::yes_or_no);
    }
    arg.env(variable(&long))
}

/// The variable of an option: `SCELLE_S3_ENDPOINT` for `s3-endpoint`.
pub fn variable(long: &str) -> String {
    format!("SCELLE_{}", long.to_ascii_uppercase().replace('-', "_"))
}

fn exit_codes(lang: Lang) -> String {
    let mut text = lang.pick("Codes de sortie :\n", "Exit codes:\n").to_owned();
    for code in ExitCode::ALL {
        text.push_str(&format!("  {:>3}  {}\n", code.number(), code.meaning().text(lang)));
    }
    text
}

/// What the types cannot say: options that exclude or need each other. A variable counts like an option.
fn check(cli: &Cli, lang: Lang) -> Result<()> {
    if let Some(words) = cli.command.later() {
        return Err(AgentError::not_in_this_version(words));
    }
    match &cli.command {
        Command::Restore(restore) => {
            one_key(&restore.key)?;
            if restore.to.is_some() == restore.in_place {
                return Err(AgentError::target_unclear());
            }
            if restore.snapshot.path.is_some() && !restore.paths.is_empty() {
                let fault = LineFault::OnceTooOften(lang.pick("CHEMIN", "PATH").to_owned());
                return Err(AgentError::line_unclear(fault, LineAdvice::Expected(ExpectedValue::Version)));
            }
            Ok(())
        }
        Command::Init(init) => {
            let halves = usize::from(init.kit.is_some()) + usize::from(init.kit_public.is_some());
            // A second computer joins with the kit or with the phrase.
            if halves != 1 && !(init.join && halves == 0 && init.phrase_file.is_some()) {
                return Err(AgentError::kit_unclear());
            }
            match init.later().filter(|_| !init.join) {
                Some(words) => Err(AgentError::not_in_this_version(words)),
                None => Ok(()),
            }
        }
        Command::Ls(ls) => one_key(&ls.key),
        Command::Find(find) => one_key(&find.key),
        Command::Store(Store::Policy(policy)) if policy.roles.len() > 1 && !policy.engine.takes_several() => {
            let fault = LineFault::OnceTooOften(lang.pick("RÔLE", "ROLE").to_owned());
            Err(AgentError::line_unclear(fault, LineAdvice::Expected(ExpectedValue::OneRole)))
        }
        Command::Versions(versions) => one_key(&versions.key),
        Command::Diff(diff) => one_key(&diff.key),
        Command::Check(check) => one_key(&check.key),
        _ => Ok(()),
    }
}

fn one_key(key: &KeyArgs) -> Result<()> {
    if key.kit.is_some() && key.phrase_file.is_some() { Err(AgentError::two_keys()) } else { Ok(()) }
}

/// A parse error as a kind, without what was typed.
fn explain(error: &clap::Error, argv: &[OsString]) -> AgentError {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let arg = named(ContextKind::InvalidArg).and_then(|arg| safe_word(&arg));
    let shown = arg.clone().unwrap_or_else(|| "…".to_owned());
    let advice = advice(error, &shown, named);
    let fault = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            LineFault::UnknownCommand(named(ContextKind::InvalidSubcommand).and_then(|w| safe_word(&w)))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            LineFault::NoCommand
        }
        // A plain word is no option: it is one too many.
        ErrorKind::UnknownArgument => LineFault::UnknownOption(arg.filter(|word| word.starts_with('-'))),
        ErrorKind::MissingRequiredArgument => LineFault::Missing(shown),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            LineFault::ValueUnclear(source_of(shown, argv))
        }
        ErrorKind::ArgumentConflict | ErrorKind::TooManyValues => LineFault::OnceTooOften(shown),
        _ => LineFault::Unclear,
    };
    AgentError::line_unclear(fault, advice)
}

/// Where a value came from: the option, or its variable where that is set and the option was not typed.
fn source_of(option: String, argv: &[OsString]) -> String {
    let Some(long) = option.strip_prefix("--") else { return option };
    let is_typed = |word: &OsString| {
        let rest = word.to_str().and_then(|word| word.strip_prefix("--")?.strip_prefix(long));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let variable = variable(long);
    let is_set = std::env::var_os(&variable).is_some();
    if is_set && !argv.iter().any(is_typed) { variable } else { option }
}

fn advice(error: &clap::Error, arg: &str, named: impl Fn(ContextKind) -> Option<String>) -> LineAdvice {
    let close = named(ContextKind::SuggestedSubcommand).or_else(|| named(ContextKind::SuggestedArg));
    if let Some(close) = close.and_then(|word| safe_word(&word)) {
        return LineAdvice::DidYouMean(close);
    }
    if matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::MissingRequiredArgument
    ) {
        let option = arg.split([' ', '=']).next().unwrap_or(arg);
        if let Some(expected) = expected(option) {
            return LineAdvice::Expected(expected);
        }
        if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
            && !values.is_empty()
        {
            return LineAdvice::Possible(values.clone());
        }
    }
    LineAdvice::Help
}

/// What an option takes, where a list of values does not say it.
fn expected(option: &str) -> Option<ExpectedValue> {
    Some(match option {
        "<SNAP>" | "<INSTANTANÉ>" | "<A>" | "<B>" => ExpectedValue::Snapshot,
        "--owner" => ExpectedValue::Fingerprint,
        "--read-data" => ExpectedValue::ReadData,
        "--limit-upload" => ExpectedValue::Rate,
        "--recipient" => ExpectedValue::Recipient,
        "--drill-days" => ExpectedValue::Days,
        "--disown" => ExpectedValue::Computer,
        "--author" => ExpectedValue::Author,
        "--reason" => ExpectedValue::Reason,
        "--to" => ExpectedValue::Folder,
        _ => return None,
    })
}

/// A word that can be repeated: an option without its value, a placeholder, a short plain word.
/// Anything else may be a path that was typed in the wrong place.
fn safe_word(word: &str) -> Option<String> {
    if word.starts_with('<') || word.starts_with('[') {
        return Some(word.to_owned());
    }
    let name = word.split(['=', ' ']).next().unwrap_or_default();
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (plain && (1..=24).contains(&name.len())).then(|| name.to_owned())
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
