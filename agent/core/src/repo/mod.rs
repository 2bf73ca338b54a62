//! A repository as the agent sees it: objects, keys, descriptors, ledger, and what the PC keeps of them.
//!
//! Reading: `open` → `descriptors` → `history` → `keyring`. Writing: `create`, `append`, `state`.

pub mod append;
mod copies;
pub mod create;
pub mod damage;
pub mod descriptors;
pub mod finding;
pub mod history;
pub mod join;
pub mod keyring;
mod listed;
pub mod objects;
pub mod oddities;
pub mod open;
mod pending;
pub mod rebuild;
pub mod state;
mod stored_notes;
pub mod unfinished;
pub mod words;
