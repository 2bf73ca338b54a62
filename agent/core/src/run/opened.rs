//! A repository opened for writing by this computer.
//!
//! From what a [`Finder`](super::Finder) found to a seat in it, and to the descriptors that this computer believes. Never: a key
//! that opens what is stored.

use super::site::CLOCK_OFF_MS;
use super::whereabouts::Found;
use crate::connect::why_unknown;
use crate::error::{AgentError, Result};
use crate::monitor::Notice;
use crate::repo::append::LedgerWriter;
use crate::repo::descriptors::Descriptors;
use crate::repo::join::expect_own;
use crate::repo::seat::Seat;

/// A repository opened for writing by this computer.
pub struct Run {
    /// This computer's place: its state, locked, its device, where objects go, and what surrounds the run.
    pub seat: Seat,
    /// The descriptors, as this computer must see them.
    pub descriptors: Descriptors,
}

impl Found {
    /// Takes this computer's place in the repository, for [`Run::open`].
    ///
    /// Errors: why this computer may not write there: it knows no repository in that store, or did not finish making it;
    /// exit 11 another process has its place.
    pub async fn seat(&self) -> Result<Seat> {
        let connected = &self.connected;
        let Some(known) = &self.known else {
            return Err(why_unknown(connected, self.damaged.is_some()).await);
        };
        if known.is_unfinished {
            return Err(AgentError::init_unfinished_here().at(connected.store.address()));
        }
        let (store, offset_ms) = (connected.store.clone(), connected.clock_offset_ms);
        Seat::take(&self.home, &known.repository, store, offset_ms, &self.around)
    }
}

impl Run {
    /// Opens what was found, from the seat that was taken in it.
    ///
    /// Errors: those of [`Self::at`], said of a repository that this computer knows.
    pub async fn open(found: &Found, seat: Seat) -> Result<Self> {
        match (Self::at(seat).await, &found.known) {
            (Err(error), Some(known)) => Err(known.explain(&found.connected, error).await),
            (opened, _) => opened,
        }
    }

    /// Reads the descriptors and makes sure that they still know this computer.
    ///
    /// Errors: exit 10 no repository, exit 13 descriptors that must not be believed, or that know this device otherwise.
    pub async fn at(seat: Seat) -> Result<Self> {
        let descriptors = seat.descriptors().await?;
        expect_own(&descriptors, &seat.device).map_err(|error| error.at(seat.objects().store().address()))?;
        Ok(Self { seat, descriptors })
    }

    /// The pen with which all runs write that follow each other.
    pub async fn pen(&self) -> Result<LedgerWriter<'_>> {
        self.seat.pen().await
    }

    pub(super) fn say_how_far_the_clock_is_off(&self) {
        let offsets = self.seat.destinations.iter().filter_map(|destination| destination.clock_offset_ms);
        for offset_ms in offsets.filter(|ms| ms.abs() >= CLOCK_OFF_MS) {
            self.seat.around.monitor.notice(Notice::ClockOff { seconds: -offset_ms / 1000 });
        }
    }
}
