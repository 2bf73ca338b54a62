//! The command line: what was typed, what is shown, which code the process ends with.
//!
//! From `argv`, the environment and the terminal to the commands of `commands`, and back to the screen.
//! Never: work of its own; a command calls the library and shows what it answers.

pub mod args;
pub mod commands;
pub mod context;
pub mod exit;
pub mod failure;
pub mod help_fr;
pub mod language;
pub mod paper;
pub mod progress;
pub mod screen;
pub mod secrets;
pub mod usage;
