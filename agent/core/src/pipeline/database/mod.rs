//! Databases: recognised by signature, and never copied raw in silence while they are in use.
//!
//! SQLite is read under its own locks, without ever making the practice's software wait for an upload ([`live`],
//! [`last_pass`]); what SQLite cannot read, encrypted databases too, is saved together with its side files ([`raw`]). Other
//! engines are asked whether a program has them open. [`verdict`] is the table of what that means.
//! Never: writes to a source.

mod cluster;
pub mod last_pass;
pub mod live;
mod postgres;
pub mod raw;
pub mod side;
mod spill;
pub mod transaction;
pub mod verdict;
