//! What requests do, once they may: blobs and metadata changed together.
//!
//! From [`super::http`], in the vault's own words (no protocol types here). Order of every write: body durable under
//! its name, then the record committed, then the temporary name gone, then the answer. Never: asks who is asking.

pub mod damage;
pub mod multipart;
pub mod objects;
pub mod read;
