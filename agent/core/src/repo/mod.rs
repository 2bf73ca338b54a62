//! A repository as the agent sees it: objects, keys, descriptors, ledger, and what the PC keeps of them.
//!
//! From the ground: `kept` (copies of small objects), `state` (what this computer keeps of a repository; `files` lists it), `objects`
//! (what lies in a store, by name), `keys`, `ledger`, `damage` (what is known to be wrong, a `finding` being one such thing). On these
//! stand `create`, `open`, `join` and the `seat` from which this computer writes, and `rounds`, in which what is small and was lost
//! is put back. Never: opens content.

pub mod create;
pub mod damage;
pub mod files;
pub mod finding;
pub mod join;
pub mod kept;
pub mod keys;
pub mod ledger;
pub mod objects;
pub mod open;
pub mod rounds;
pub mod seat;
pub mod state;
pub mod unfinished;
