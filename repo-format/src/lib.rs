//! The Scellé repository format: bytes in, bytes out.
//!
//! For: every layout that `FORMAT.md` specifies, in one crate that the agent, the restore tool and the
//! tests share. Data comes as slices and leaves as vectors. Never: touches a file, a socket, a clock, the
//! environment or a global random source; randomness is an argument ([`random::Random`]).

#![forbid(unsafe_code)]

pub mod chunk_list;
pub mod chunker;
pub mod compress;
#[cfg(feature = "crypto")]
pub mod crypto;
pub mod descriptor;
pub mod error;
pub mod filter;
pub mod fingerprint;
pub mod format_txt;
pub mod id;
pub mod index;
#[cfg(feature = "crypto")]
pub mod kit;
pub mod layout;
pub mod ledger;
pub mod light;
pub mod limits;
pub mod manifest;
pub mod note;
pub mod pack;
pub mod padme;
pub mod path;
pub mod phrase;
pub mod random;
pub mod refs;
pub mod report;
mod text;
pub mod timestamp;
pub mod vkey_text;
mod wire;

pub use error::{FormatError, Result};
