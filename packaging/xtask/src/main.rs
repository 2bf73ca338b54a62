//! Chores of this workspace. `cargo xtask scale` measures how the cost of a run grows with what is stored; `cargo xtask man` writes
//! the manual pages.
//!
//! Never: part of what is shipped.

#![forbid(unsafe_code)]

mod man;
mod practice;
mod scale;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// First, unchanged and one-change runs over growing trees, files and indexes: wall, CPU, memory, bytes, growth.
    Scale(scale::Sizes),
    /// Manual pages of the program and of each command.
    Man(man::Pages),
}

fn main() -> Result<ExitCode> {
    if let Some(code) = scelle_bench::measure::child() {
        return Ok(code);
    }
    match Arguments::parse().task {
        Task::Scale(sizes) => scale::run(&sizes)?,
        Task::Man(pages) => man::write(&pages)?,
    }
    Ok(ExitCode::SUCCESS)
}
