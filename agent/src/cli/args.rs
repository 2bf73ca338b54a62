//! The whole command line as types: what was typed, before it means anything.
//!
//! Comes from [`super::usage::parse`]; goes to [`crate::config::resolve`] and to the commands. Every option
//! has an environment variable `SCELLE_<OPTION>`. Doc comments are the English help; the French help is
//! [`super::help_fr`]. Never: a secret in an argument.

mod commands;
pub mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use commands::*;
use values::language;
pub use values::{BilanFormat, OverwriteWhen, ProgressFormat, ReadDataAsked, Shell};

use scelle_view::words::Lang;

use crate::config::{LogFormat, LogLevel, LogOverrides, Overrides};

/// Encrypted backup that this computer can write and cannot read back
#[derive(Debug, Parser)]
#[command(name = "scelle", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Options every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Repository: file:///path or s3://bucket/prefix
    #[arg(long, global = true, value_name = "URL")]
    pub repo: Option<String>,
    /// Address of the S3 service, https://host[:port]
    #[arg(long, global = true, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Region of the S3 service
    #[arg(long, global = true, value_name = "REGION")]
    pub s3_region: Option<String>,
    /// Print exactly one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Progress on standard error: json (one object per line) or none
    #[arg(long, global = true, value_name = "FORMAT")]
    pub progress: Option<ProgressFormat>,
    /// Print results only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show causes (-v) and steps (-vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Language: fr or en
    #[arg(long, global = true, value_name = "LANG", value_parser = language())]
    pub lang: Option<Lang>,
    /// Log: off, error, warn, info, debug or trace; on standard error where no file is given
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// Log lines: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Log to this file, one a day (the day is put into its name)
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Answer yes to every question
    #[arg(long, global = true)]
    pub yes: bool,
}

impl Global {
    /// What the configuration is overridden with.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            repo: self.repo.clone(),
            s3_endpoint: self.s3_endpoint.clone(),
            s3_region: self.s3_region.clone(),
            lang: self.lang,
            log: LogOverrides { level: self.log_level, format: self.log_format, file: self.log_file.clone() },
        }
    }
}

/// The commands. Those of later versions are parsed, and [`Command::later`] names them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Live a whole backup in one command, on invented data, without configuration
    Demo(Demo),
    /// Recovery kit
    #[command(subcommand)]
    Kit(Kit),
    /// Create a repository, or join one with --join
    Init(Init),
    /// Back up now
    Backup(Backup),
    /// List the snapshots
    Snapshots,
    /// List a folder of a snapshot
    Ls(Ls),
    /// Look for a name in the snapshots
    Find(Find),
    /// List every version of a file, over all snapshots
    Versions(Versions),
    /// Compare two snapshots
    Diff(Diff),
    /// Restore a snapshot or part of it
    Restore(Restore),
    /// Check the repository
    Check(Check),
    /// Reports of the runs
    #[command(subcommand)]
    Bilan(Bilan),
    /// Keys and devices
    #[command(subcommand)]
    Keys(Keys),
    /// The store that keeps the backups
    #[command(subcommand)]
    Store(Store),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Apply the retention rules (later version)
    Prune(Later),
    /// Forget a snapshot (later version)
    Forget(Later),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(Config),
    /// Run by itself
    #[command(subcommand)]
    Agent(Agent),
    /// Have the system start the agent, or drive it
    #[command(subcommand)]
    Service(ServiceAction),
    /// Say whether the practice is protected: exit 0 yes, 1 to look at, 2 no, 3 unknown
    Status,
    /// Pause the backups (later version)
    Pause(Later),
}

impl Command {
    /// Whether it reads a repository and can do without a configuration.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Snapshots
            | Self::Ls(_)
            | Self::Find(_)
            | Self::Versions(_)
            | Self::Diff(_)
            | Self::Restore(_)
            | Self::Check(_)
            | Self::Bilan(_)
            | Self::Keys(Keys::CheckKit(_) | Keys::List) => true,
            Self::Demo(_)
            | Self::Kit(_)
            | Self::Init(_)
            | Self::Backup(_)
            | Self::Keys(
                Keys::Add(_) | Keys::Remove(_) | Keys::NewEpoch(_) | Keys::Enrol(_) | Keys::Revoke(_),
            )
            | Self::Store(_)
            | Self::Completions(_)
            | Self::Prune(_)
            | Self::Forget(_)
            | Self::Config(_)
            | Self::Agent(_)
            | Self::Service(_)
            | Self::Status
            | Self::Pause(_) => false,
        }
    }

    /// Its first word, for the log: never what was typed after it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Kit(_) => "kit",
            Self::Init(_) => "init",
            Self::Backup(_) => "backup",
            Self::Snapshots => "snapshots",
            Self::Ls(_) => "ls",
            Self::Find(_) => "find",
            Self::Versions(_) => "versions",
            Self::Diff(_) => "diff",
            Self::Restore(_) => "restore",
            Self::Check(_) => "check",
            Self::Bilan(_) => "bilan",
            Self::Keys(_) => "keys",
            Self::Store(_) => "store",
            Self::Completions(_) => "completions",
            Self::Prune(_) => "prune",
            Self::Forget(_) => "forget",
            Self::Config(_) => "config",
            Self::Agent(_) => "agent",
            Self::Service(_) => "service",
            Self::Status => "status",
            Self::Pause(_) => "pause",
        }
    }

    /// The words of a command that belongs to a later version.
    pub fn later(&self) -> Option<&'static str> {
        Some(match self {
            Self::Prune(_) => "prune",
            Self::Forget(_) => "forget",
            Self::Pause(_) => "pause",
            Self::Keys(Keys::Add(_)) => "keys add",
            Self::Keys(Keys::Remove(_)) => "keys remove",
            Self::Keys(Keys::NewEpoch(_)) => "keys new-epoch",
            Self::Keys(Keys::Enrol(_)) => "keys enrol",
            Self::Keys(Keys::Revoke(_)) => "keys revoke",
            Self::Bilan(Bilan::Export(export)) => match export.format {
                BilanFormat::Json => return None,
                BilanFormat::Html => "bilan export --format html",
                BilanFormat::Pdf => "bilan export --format pdf",
                BilanFormat::Csv => "bilan export --format csv",
            },
            _ => return None,
        })
    }
}
