//! The ledger: notes of each device in one chain, read, checked and written.
//!
//! `stored_notes` → `history` reads; `append` is this device's pen, `pending` what is on its way; `branch`, `answered` and `alarms`
//! are about chains that fork or are cut, `own_notes` and `rebuild` about what was lost. Never: a note whose attachments are not
//! there.

pub mod alarms;
pub mod answered;
pub mod append;
pub mod branch;
pub mod history;
pub(in crate::repo) mod own_notes;
pub(in crate::repo) mod pending;
pub mod rebuild;
pub(in crate::repo) mod stored_notes;
