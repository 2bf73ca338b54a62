//! The key-less server: the S3 vault (the fleet console comes later).
//!
//! Built without the format's `crypto` feature, so that no content key can ever be held here. `main` is the
//! command line over [`vault`]. Never: opens a sealed object.

#![forbid(unsafe_code)]

pub mod vault;
