//! What each command takes.
//!
//! Doc comments are the English help. Never: a secret in an argument.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use scelle_format::id::DeviceId;
use scelle_format::ledger::{Author, Because};

use super::values::{self, BilanFormat, OverwriteWhen, ReadDataAsked, Shell};
use scelle_core::bilan::Anchor;
use scelle_core::connect::policy::{PolicyEngine, StoreRole};
use scelle_core::look::spec::{SnapshotSpec, Wanted};

/// `scelle demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave everything in this new folder to look at
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `scelle kit`.
#[derive(Debug, Subcommand)]
pub enum Kit {
    /// Make a recovery kit, on any clean computer
    New(KitNew),
}

/// `scelle kit new`.
#[derive(Args, Debug)]
pub struct KitNew {
    /// Kit file to write; the printable page and the public half go beside it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `scelle init`.
#[derive(Args, Debug)]
pub struct Init {
    /// Recovery kit; made there if the file does not exist
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
    /// Public half of a kit made elsewhere
    #[arg(long, value_name = "FILE")]
    pub kit_public: Option<PathBuf>,
    /// Also create the everyday phrase and write it there (with --join: read it)
    #[arg(long, value_name = "FILE")]
    pub phrase_file: Option<PathBuf>,
    /// Further recipient that can open the backups (repeatable)
    #[arg(long, value_name = "AGE1PQ", value_parser = values::recipient)]
    pub recipient: Vec<String>,
    /// Join this computer to an existing repository
    #[arg(long)]
    pub join: bool,
    /// With --join: this computer's notes are none of ours, and no reason to refuse (repeatable)
    #[arg(long, value_name = "COMPUTER", value_parser = DeviceId::parse, requires = "join")]
    pub disown: Vec<DeviceId>,
    /// Create the S3 bucket, with versioning, lock and default retention
    #[arg(long)]
    pub create_bucket: bool,
    /// Days whose backups this computer can rehearse restoring (0: none)
    #[arg(long, value_name = "DAYS")]
    pub drill_days: Option<u32>,
    /// Name of this computer in the bilans
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
}

impl Init {
    /// What of it belongs to a later version. Until it rehearses, no key of files is kept, and saying otherwise would be a lie.
    pub fn later(&self) -> Option<&'static str> {
        match self {
            Self { drill_days: Some(1..), .. } => Some("init --drill-days"),
            Self { label: Some(_), .. } => Some("init --label"),
            _ => None,
        }
    }
}

/// `scelle backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// Files and folders; without any, the plans of the configuration
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Leave out what matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Leave out what a line of this file matches (repeatable); # begins a comment
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,
    /// Count what would be looked at; save nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Upload at most so many bytes per second (500K, 2M)
    #[arg(long, value_name = "BYTES", value_parser = values::byte_rate)]
    pub limit_upload: Option<u64>,
    /// Started by the system's scheduler (cron, systemd, Task Scheduler): the bilan says so
    #[arg(long)]
    pub scheduled: bool,
}

/// The key that opens names and contents.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// Recovery kit
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
    /// Everyday phrase, in a file (- reads standard input)
    #[arg(long, value_name = "FILE")]
    pub phrase_file: Option<PathBuf>,
}

/// `scelle ls`.
#[derive(Args, Debug)]
pub struct Ls {
    /// Snapshot: number, DEV/7, latest or a date (the newest by the end of that day, or of that minute: "2026-12-02 12:30")
    #[arg(value_name = "SNAP")]
    pub snapshot: SnapshotSpec,
    /// Folder in the snapshot
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle find`.
#[derive(Args, Debug)]
pub struct Find {
    /// Part of a name, or a pattern with * and ?
    #[arg(value_name = "PATTERN")]
    pub pattern: OsString,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle versions`.
#[derive(Args, Debug)]
pub struct Versions {
    /// File, by its whole path
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// Older snapshot
    #[arg(value_name = "A")]
    pub a: SnapshotSpec,
    /// Newer snapshot
    #[arg(value_name = "B")]
    pub b: SnapshotSpec,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle restore`. Exactly one of `to` and `in_place` is set; `paths` is empty where `snapshot` brings a path.
#[derive(Args, Debug)]
pub struct Restore {
    /// Snapshot: number, DEV/7, latest or a date (the newest by the end of that day, or of that minute: "2026-12-02 12:30"); or PATH@7, one file as that snapshot has it
    #[arg(value_name = "SNAP", value_parser = values::wanted())]
    pub snapshot: Wanted,
    /// Paths in the snapshot; without any, everything
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Restore below this folder
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Restore where the files were; where a file is kept, the restored version goes beside it
    #[arg(long)]
    pub in_place: bool,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Only what matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Leave out what matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Show what would be written, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Replace files already there: never (the default: other content is named, exit 3; in place it stays and ours goes beside it), changed or always
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub overwrite: OverwriteWhen,
}

/// `scelle check`.
#[derive(Args, Debug)]
pub struct Check {
    /// Read so much of the stored data back: a percentage, or all
    #[arg(long, value_name = "PERCENT")]
    pub read_data: Option<ReadDataAsked>,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle bilan`.
#[derive(Debug, Subcommand)]
pub enum Bilan {
    /// List the bilans (backup reports)
    List,
    /// Show a bilan
    Show(BilanShow),
    /// Verify an exported bilan, without network
    Verify(BilanVerify),
    /// Export a bilan
    Export(BilanExport),
    /// Say which file a token of a bilan stands for
    Whois(BilanWhois),
    /// Accept what a bilan warns of: losses in the folders, or one in the store that cannot be mended
    Acknowledge(BilanAcknowledge),
}

/// `scelle bilan show`.
#[derive(Args, Debug)]
pub struct BilanShow {
    /// Report, or latest
    #[arg(value_name = "ID", default_value = "latest")]
    pub id: String,
}

/// `scelle bilan verify`.
#[derive(Args, Debug)]
pub struct BilanVerify {
    /// Exported bilan
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Fingerprint of the owner, as printed on the kit
    #[arg(long, value_name = "FINGERPRINT", value_parser = values::fingerprint)]
    pub owner: Option<Anchor>,
}

/// `scelle bilan export`.
#[derive(Args, Debug)]
pub struct BilanExport {
    /// Report, or latest
    #[arg(value_name = "ID")]
    pub id: String,
    /// Format: json (html, pdf and csv come later)
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub format: BilanFormat,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `scelle bilan whois`.
#[derive(Args, Debug)]
pub struct BilanWhois {
    /// Token shown by a bilan or an error
    #[arg(value_name = "TOKEN")]
    pub token: String,
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// `scelle bilan acknowledge`.
#[derive(Args, Debug)]
pub struct BilanAcknowledge {
    /// Report, or latest
    #[arg(value_name = "ID", default_value = "latest")]
    pub id: String,
    /// Who: secretary, practitioner, responsible or provider
    #[arg(long, value_name = "ROLE", value_parser = values::author)]
    pub author: Author,
    /// Why: moved, deleted-on-purpose, archived, replaced or other
    #[arg(long, value_name = "WORD", value_parser = values::because)]
    pub reason: Because,
}

/// `scelle store`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Print what a credential may do in the bucket, for the engine that keeps it
    Policy(StorePolicy),
}

/// `scelle store policy`.
#[derive(Args, Debug)]
pub struct StorePolicy {
    /// Who: agent (a computer that backs up), restorer or owner; several where the engine takes them together
    #[arg(value_name = "ROLE", required = true, value_parser = values::store_role())]
    pub roles: Vec<StoreRole>,
    /// Engine: aws (and those with its IAM policies), ceph, seaweedfs or vault
    #[arg(long, value_name = "ENGINE", default_value = "aws", value_parser = values::policy_engine())]
    pub engine: PolicyEngine,
}

/// `scelle config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Name everything that is wrong with the configuration, at once
    Check,
    /// Show what is in effect, and where each value comes from
    Show,
}

/// `scelle agent`.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// Back up each plan at its times, until it is stopped
    Run,
}

/// `scelle service`.
#[derive(Debug, Subcommand)]
pub enum ServiceAction {
    /// Have the system start the agent with this computer, and start it now
    Install {
        /// Show the file that would be written, write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop the agent and take it out of what the system starts
    Uninstall,
    /// Start the agent
    Start,
    /// Stop the agent, until it is started or this computer is
    Stop,
    /// Say whether the agent runs: exit 0 yes, 1 no
    Status,
}

/// `scelle completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// Shell: bash, zsh, fish or powershell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `scelle keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Prove that the kit or the phrase opens the repository
    CheckKit(CheckKit),
    /// List recipients, devices and epochs
    List,
    /// Add a recipient (later version)
    Add(Later),
    /// Remove a recipient (later version)
    Remove(Later),
    /// Begin a new epoch (later version)
    NewEpoch(Later),
    /// Enrol a computer (later version)
    Enrol(Later),
    /// Revoke a computer (later version)
    Revoke(Later),
}

/// `scelle keys check-kit`.
#[derive(Args, Debug)]
pub struct CheckKit {
    /// Key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Also confirm the epochs that this key opens
    #[arg(long)]
    pub confirm: bool,
    /// This computer's notes are none of ours, and no reason to refuse (repeatable)
    #[arg(long, value_name = "COMPUTER", value_parser = DeviceId::parse)]
    pub disown: Vec<DeviceId>,
}

/// Words of a command of a later version; read and ignored.
#[derive(Args, Debug)]
pub struct Later {
    /// Anything
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true, value_name = "ARGS")]
    pub rest: Vec<OsString>,
}
