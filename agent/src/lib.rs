//! Scellé's agent: backup that the PC itself cannot read back, and the restore that gets everything back.
//!
//! Data's way, one room per arrow: `scan` → `pipeline` (read → chunk → dedup → seal → pack → upload → commit) →
//! `verify` → `bilan`. `restore` runs it backwards. `repo` holds keys, descriptors and ledger; `catalog` remembers;
//! `cli` speaks with people. Only `platform` knows which operating system this is.

#![forbid(unsafe_code)]

pub mod backup;
pub mod bilan;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod demo;
pub mod error;
pub mod index;
pub mod look;
pub mod monitor;
pub mod pipeline;
pub mod platform;
pub mod repo;
pub mod restore;
pub mod scan;
pub mod shutdown;
pub mod verify;
