//! End-to-end tests: one binary, one module for each promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod adversity;
mod bad_input;
mod bandwidth;
mod crash;
mod databases;
mod demo;
mod durability;
mod escape_hatch;
mod golden;
mod house;
mod ledger;
mod metadata;
mod real_input;
mod round_trip;
mod sizes;
mod tamper;
mod write_only;
