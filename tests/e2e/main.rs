//! End-to-end tests: one binary, one module for each promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a test needs and does not get ends it"
)]

mod adversity;
mod altered;
mod at_hand;
mod bad_input;
mod bandwidth;
mod bits;
mod by_itself;
mod claims;
mod crash;
mod damage;
mod damage_table;
mod database_damage;
mod database_files;
mod database_moments;
mod databases;
mod demo;
mod durability;
mod escape_hatch;
mod fates;
mod faults;
mod flips;
mod golden;
mod hidden;
mod house;
mod kit_page;
mod landed;
mod layers;
mod ledger;
mod lights;
mod log;
mod loss;
mod metadata;
mod moved;
mod names_shown;
mod neighbours;
mod no_secret;
mod one_document;
mod out_of_place;
mod overwritten;
mod plans;
mod real_input;
mod restore_kept;
mod restore_targets;
mod restore_unfinished;
mod returned;
mod rgw;
mod round_trip;
mod said;
mod sentences;
mod service;
mod sizes;
mod sources;
mod state_files;
mod strays;
mod tamper;
mod unkept;
mod unread;
mod unseen;
mod vault;
mod versions;
mod way;
mod whereabouts;
mod write_only;
