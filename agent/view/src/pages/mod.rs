//! Pages as a person reads them: a signed record, and the frame of a recovery kit.
//!
//! From a record to a text. Never: a light that is not in the record, or a secret.

pub mod kit;
pub mod text;
