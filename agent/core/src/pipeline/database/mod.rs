//! Databases: recognised by signature, and never copied raw in silence while they are in use.
//!
//! SQLite is read under its own locks, without ever making the practice's software wait for an upload ([`live`]); what lies beside
//! a file and belongs to it is found by [`side`], and other engines are asked whether a program has them open. How a worker reads
//! them is told in `workers`; the table of what that means is `jobs::verdict`. Never: writes to a source.

pub(in crate::pipeline) mod cluster;
pub mod live;
pub mod side;
pub(in crate::pipeline) mod spill;
pub mod transaction;
