//! End-to-end tests: one binary, one module for each promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod adversity;
mod bad_input;
mod bandwidth;
mod crash;
mod damage;
mod damage_table;
mod database_damage;
mod database_files;
mod databases;
mod demo;
mod durability;
mod escape_hatch;
mod flips;
mod golden;
mod hidden;
mod house;
mod landed;
mod layers;
mod ledger;
mod loss;
mod metadata;
mod names_shown;
mod one_document;
mod plans;
mod real_input;
mod restore_targets;
mod rgw;
mod round_trip;
mod sizes;
mod sources;
mod tamper;
mod unseen;
mod vault;
mod whereabouts;
mod write_only;
