//! Scellé's program: the command line, the configuration and the demo around what `scelle-core` does.
//!
//! `cli` speaks with people, `config` reads what they decided, `log` keeps what happened, `service` runs by itself, `boot` has the
//! system start it, `demo` shows it all on invented data. Never: work of its own on a repository.

#![forbid(unsafe_code)]

pub mod boot;
pub mod cli;
pub mod config;
pub mod demo;
pub mod log;
pub mod service;
