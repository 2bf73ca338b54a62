//! Runs that were due and did not take place: the computer was off, asleep, or busy with something else.
//!
//! From the moments that a plan named to a bilan for each in the state folder, which the next run sends as a note of its own.
//! Never: asks a store, or says of a run that began that it did not.

use scelle_format::timestamp::Timestamp;

use super::report::{Asked, keep_remembered};
use super::request::BackupRequest;
use super::roots::set_id;
use super::whereabouts::Finder;
use crate::bilan::RunEnd;
use crate::clock::now;
use crate::error::{AgentError, Result};
use crate::repo::state::State;

impl Finder<'_> {
    /// Keeps a bilan for each of `slots`, at which what `request` asks for was due and did not take place.
    ///
    /// Errors: exit 2 this computer is no part of a repository, exit 11 a run is going on, exit 1 the state folder takes nothing.
    /// The bilans of the first slots may have been kept then; they are returned with the error.
    pub fn keep_missed_slots(&self, request: &BackupRequest, slots: &[Timestamp]) -> (usize, Result<()>) {
        let mut kept = 0;
        let ended = self.each_missed(request, slots, &mut kept);
        (kept, ended)
    }

    fn each_missed(&self, request: &BackupRequest, slots: &[Timestamp], kept: &mut usize) -> Result<()> {
        let known = self.known_offline().filter(|known| !known.is_unfinished);
        let known = known.ok_or_else(AgentError::repository_not_given)?;
        let state = State::open(self.home, &known.repository)?;
        let device = state.device()?;
        let set = set_id(&device, &request.roots);
        let noticed = now(&*self.around.clock);
        for slot in slots {
            let mut asked = Asked::of(request, &set, noticed);
            asked.declared.expected = Some(*slot);
            // It is sent with the bilan of the next run: nobody asked the store yet.
            keep_remembered(&state, &device, asked, RunEnd::Missed, AgentError::store_unreachable())?;
            *kept += 1;
        }
        Ok(())
    }
}
