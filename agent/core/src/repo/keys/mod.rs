//! Keys as they are kept: the files that wrap them, copies of these, who holds which, and the descriptors that say so.
//!
//! From the store and the state folder to whoever opens or writes. Never: a key in a file that is not wrapped, but for the kit
//! that a person asked for.

pub mod descriptors;
pub(in crate::repo) mod epoch_file;
pub mod key_copies;
pub mod key_files;
pub mod keyring;
pub mod kit_files;
