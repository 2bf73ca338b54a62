//! What a command says when it is done: sentences for a person, and the document for a program.
//!
//! From what the core answers to the screen. Never: decides anything; the exit code is made elsewhere.

pub mod backup;
pub mod bilan;
pub mod check;
pub mod restore;
