//! The vault on the wire: S3 over HTTP, by the `s3s` crate.
//!
//! A connection comes in through [`serve`], each request through [`service`] (what is refused unread, lockout, trace),
//! then `s3s` checks its signature with a secret from [`auth`], [`access`] asks the table of roles, and the
//! operation is translated here into [`super::operations`]. Never: decides who may do what; that is the table.

pub mod access;
pub mod auth;
mod buckets;
pub mod enrol;
mod listing;
mod locks;
pub mod metrics;
mod multipart;
mod objects;
mod s3;
pub mod seen;
pub mod serve;
pub mod service;
mod strangers;
pub mod tls;
mod trace;
mod words;
