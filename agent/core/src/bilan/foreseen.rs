//! Alarms about the sources, and what could not be read of them, written down before the note of the snapshot that shows them.
//!
//! The next run compares with that snapshot: should this one end between its note and its bilan, nobody could see any more what
//! it saw. From what was gathered and the [`Memory`] of the set to that memory, where it changes. Never: ends an alarm; a run that
//! comes to its bilan does.

use scelle_format::report::{Anomaly, Sources};
use scelle_format::timestamp::Timestamp;

use super::facts::{anomaly, sources};
use super::held;
use super::memory::Memory;
use super::unread;
use crate::error::Result;
use crate::pipeline::Gathered;
use crate::repo::state::State;

/// Writes down what is seen once. A set of which nothing is remembered is read from the ledger by the bilan.
///
/// Errors: exit 1 the state folder takes nothing: then there is no snapshot either.
pub fn foresee(
    state: &State,
    set: &str,
    gathered: &Gathered,
    earlier_runs: u64,
    now: Timestamp,
) -> Result<()> {
    let mut memory = Memory::load(state);
    let Some(known) = memory.sets.get_mut(set).filter(|known| !known.accepted.is_empty()) else {
        return Ok(());
    };
    let mut codes = Vec::new();
    if anomaly(Some(known), gathered, earlier_runs, now) == Anomaly::MassChange {
        codes.push("mass-change");
    }
    if sources(known, gathered) == Sources::RootEmptied {
        codes.push("root-emptied");
    }
    codes.retain(|code| !known.alarms.contains_key(*code));
    let root_files = unread::still_there(Some(known), gathered).root_files;
    let is_newly_lost = held::is_newly_lost(&known.roots, &root_files);
    let unread = unread::known(Some(known), gathered);
    if codes.is_empty() && !is_newly_lost && known.unread == unread {
        return Ok(());
    }
    known.alarms.extend(codes.into_iter().map(|code| (code.to_owned(), now.0)));
    known.roots = held::after(&known.roots, &root_files, now.0);
    known.unread = unread;
    memory.save(state)
}
