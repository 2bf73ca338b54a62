//! The demo: one command that lives a whole backup on invented data.
//!
//! [`practice`] makes the data; the acts of the demo use the same library as every other command. Never: a
//! shortcut past encryption or verification.

pub mod practice;
