//! What the agent does ([`run`] is the page to read first): backup that the PC itself cannot read back, and the restore that gets everything back.
//!
//! Data's way, one room per arrow: `scan` → `pipeline` (read → chunk → dedup → seal → pack → upload → commit) →
//! `verify` → `bilan`. `reading` → `restore` runs it backwards. `repo` holds keys, descriptors and ledger; `catalog` remembers; only
//! `platform` knows which operating system this is. Never: reads a command line, or writes to a screen.

#![forbid(unsafe_code)]

pub mod around;
pub mod bilan;
pub mod catalog;
pub mod clock;
pub mod connect;
pub mod error;
pub mod index;
pub mod look;
pub mod monitor;
pub mod pipeline;
pub mod platform;
pub mod reading;
pub mod repo;
pub mod restore;
pub mod run;
pub mod scan;
pub mod sentences;
pub mod shutdown;
pub mod verify;
