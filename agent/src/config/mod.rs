//! What the agent is told to do: the file, the environment, the command line, and their resolution.
//!
//! [`file`] is what the TOML text says, [`env`] holds the variables, [`places`] knows where things live on each system, [`resolve`]
//! merges all of it into [`Settings`]; [`route`] finds the way to the S3 service. Settings go to the commands; [`errands`] says which
//! backups they ask for, [`first`] writes the first file where there is none. Never: changes a file, and never shows a value of the file in an error (it may be a path or a secret).

mod agent;
mod declared;
pub mod env;
mod errands;
pub mod file;
mod first;
pub mod inert;
mod lines;
mod log;
pub mod places;
mod read;
pub mod resolve;
mod route;
mod rules;
mod shown;

pub use agent::{AgentSettings, JITTER_MINUTES};
pub use env::Env;
pub use errands::{Errand, patterns_of};
pub use file::{ConfigFile, Host, Limits, Plan, Retention};
pub use inert::InertKey;
pub use log::{LogFormat, LogLevel, LogOverrides, LogSettings};
pub use resolve::{Overrides, Settings, faults, resolve, resolve_without_file};
pub use shown::{Origin, Setting, Shown, shown};
