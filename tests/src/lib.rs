//! What the end-to-end tests stand on: a practice with its own state, store, keys and files.
//!
//! For: tests under `tests/e2e`. Everything lives in a new folder below `${TMPDIR:-/tmp}` and goes with its
//! owner. The agent is only ever run as a program ([`Agent`]). Never: shares a state folder or a store between
//! two tests, or skips because something is missing (install it with `tests/run`).
//!
//! * [`Site`] — one practice: an [`Agent`], a kit, a phrase and a store ([`Place::Dir`] or [`Place::Bucket`]).
//! * [`Tree`] — builds source files of every shape.
//! * [`bucket`] — real S3 engines, kinds of buckets, and proxies before them.
//! * [`compare`] — two trees, byte for byte and attribute for attribute.
//! * [`canary`] — names that must never be seen outside the seal, in every encoding they might leak in.
//! * [`listing`] — folders at rest, and folders that somebody is writing.
//! * [`mistakes`] — a table of mistakes and what is answered.
//! * [`process`] — programs around the agent: other users, tracers, small disks.
//! * [`tamper`] — damage and forgery of stored objects.
//! * [`tools`] — node, zstd, Python and what they need.
//! * [`way`] — certificates, authorities and proxies before a bucket.

#![forbid(unsafe_code)]
// A test's fixtures fail like tests do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a test needs and does not get ends it"
)]

pub mod agent;
pub mod bucket;
pub mod canary;
pub mod compare;
pub mod listing;
pub mod mistakes;
pub mod process;
pub mod site;
pub mod store;
pub mod tamper;
pub mod tools;
pub mod tree;
pub mod way;

/// How often a campaign goes round: `ci` times for every change, `long` times under `tests/run long` (`SCELLE_LONG=1`).
pub fn rounds(ci: u32, long: u32) -> u32 {
    if std::env::var("SCELLE_LONG").is_ok_and(|value| value == "1") { long } else { ci }
}

pub use agent::{Agent, Outcome, Running, program};
pub use site::Site;
pub use store::Place;
pub use tree::{Tree, noise};
