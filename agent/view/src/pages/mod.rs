//! A signed record as a person reads it.
//!
//! From a record to a text. Never: a light that is not in the record.

pub mod text;
