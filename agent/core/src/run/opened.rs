//! A repository opened for writing by this computer.
//!
//! From a seat in it to the descriptors that this computer believes. Never: a key that opens what is stored.

use super::site::CLOCK_OFF_MS;
use super::whereabouts::Moved;
use super::witness::Witness;
use crate::error::Result;
use crate::monitor::Notice;
use crate::repo::join::expect_own;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::seat::Seat;

/// A repository opened for writing by this computer.
pub struct Run {
    /// This computer's place: its state, locked, its device, where objects go, and what surrounds the run.
    pub seat: Seat,
    /// The descriptors, as this computer must see them.
    pub descriptors: Descriptors,
    /// Where it was found at another address than this computer held, which holds the new one now.
    pub moved: Option<Moved>,
    /// Tells, when this ends, what was odd about the store's answers.
    _witness: Witness,
}

impl Run {
    /// Reads the descriptors and makes sure that they still know this computer.
    ///
    /// Errors: exit 10 no repository, exit 13 descriptors that must not be believed, or that know this device otherwise.
    pub async fn at(seat: Seat) -> Result<Self> {
        let witness = Witness::of(seat.objects(), &seat.around);
        let descriptors = seat.descriptors().await?;
        expect_own(&descriptors, &seat.device).map_err(|error| error.at(seat.objects().store().address()))?;
        Ok(Self { seat, descriptors, moved: None, _witness: witness })
    }

    pub(super) fn say_how_far_the_clock_is_off(&self) {
        let offsets = self.seat.destinations.iter().filter_map(|destination| destination.clock_offset_ms);
        for offset_ms in offsets.filter(|ms| ms.abs() >= CLOCK_OFF_MS) {
            self.seat.around.monitor.notice(Notice::ClockOff { seconds: -offset_ms / 1000 });
        }
    }
}
