//! An S3 store that keeps, locks, traces, and cannot read.
//!
//! For: a small host, an IT provider, a practice's NAS. A request comes in through [`http`], is allowed by
//! [`roles`] (one table), and is answered by [`operations`] from [`blobs`] (durable files) and [`metadata`] (SQLite);
//! each leaves an entry in [`trace`]. Beside them, [`scrub`] reads everything again. Layers: http → roles → operations → blobs, metadata.
//! Never: replaces or shortens what is locked, tells one tenant about another, or acknowledges what is not on disk.

pub mod blobs;
pub mod clock;
pub mod data;
pub mod fault;
pub mod fsck;
pub mod http;
pub mod keys;
pub mod label;
pub mod log;
pub mod metadata;
pub mod operations;
pub mod platform;
pub mod rebuild;
pub mod receive;
pub mod refusal;
pub mod roles;
pub mod scrub;
pub mod trace;

pub use data::{DataFolder, Vault};
pub use refusal::Refusal;
