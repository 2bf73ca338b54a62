//! What the agent is told to do: the file, the environment, the command line, and their resolution.
//!
//! [`file`] reads the TOML text, [`env`] holds the variables, [`places`] knows where things live on each system, [`resolve`]
//! merges all of it into [`Settings`]; [`route`] finds the way to the S3 service. Settings go to the commands.
//! Never: writes anything, and never shows a value of the file in an error (it may be a path or a secret).

mod declared;
pub mod env;
pub mod file;
pub mod inert;
mod lines;
mod log;
pub mod places;
pub mod resolve;
mod route;

pub use env::Env;
pub use file::{ConfigFile, Host, Limits, Plan, Retention};
pub use inert::InertKey;
pub use log::{LogFormat, LogLevel, LogOverrides, LogSettings};
pub use resolve::{Overrides, Settings, resolve, resolve_without_file};
