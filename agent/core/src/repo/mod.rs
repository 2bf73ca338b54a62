//! A repository as the agent sees it: objects, keys, descriptors, ledger, and what the PC keeps of them.
//!
//! Reading: `open` → `descriptors` → `history` → `keyring`. Writing: `create`, `append`, `state`. Damage: `finding` →
//! `damage`, `kept` → `mend` → `rounds`.

pub mod alarms;
mod altered;
pub mod answered;
pub mod append;
pub mod branch;
pub mod checksum;
mod copies;
pub mod create;
pub mod damage;
mod damage_noted;
pub mod damaged;
pub mod descriptors;
pub mod destination;
mod device;
pub mod elsewhere;
mod epoch_file;
pub mod files;
pub mod finding;
pub mod history;
pub mod join;
pub mod kept;
pub(crate) mod kept_store;
pub mod key_copies;
pub mod key_files;
pub mod keyring;
pub mod kit_files;
pub mod known;
pub mod listed;
pub mod local_index;
mod looked;
pub mod mend;
pub mod new_file;
pub mod objects;
pub mod oddities;
pub mod open;
mod own_notes;
mod pending;
pub mod rebuild;
mod replaced;
mod returned;
pub mod rounds;
pub mod seat;
pub mod shape;
mod stale;
pub mod state;
mod stored_notes;
pub mod strangers;
pub mod unfinished;
pub mod whole_file;
pub mod words;
