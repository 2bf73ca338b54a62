//! A further computer takes its place in a repository: it joins with a key, the store is tried with its own credential, and what
//! that showed is its first note.
//!
//! From a [`Finder`] and a key to a state folder from which it may back up at once. Never: keeps the key.

use super::site::{Site, Trial};
use super::whereabouts::Finder;
use crate::bilan::run::record_probe;
use crate::connect::Create;
use crate::error::Result;
use crate::repo::join::{JoinRequest, Joined, join};
use crate::repo::seat::Seat;

/// A computer that has joined, before it has learned what the store does.
pub struct Joining<'a> {
    site: Site<'a>,
    joined: Joined,
}

impl<'a> Joining<'a> {
    /// Joins the repository at the address given.
    ///
    /// Errors: those of [`join()`].
    pub async fn begin(finder: Finder<'a>, request: JoinRequest) -> Result<Self> {
        let site = Site::reach(finder, Create::Never).await?;
        let (store, place, around) = (&site.connected.store, &site.connected.place, finder.around);
        let random = &mut around.random();
        let joined = join(store, place, request, finder.home, &*around.clock, random).await?;
        Ok(Self { site, joined })
    }

    /// Tries what the store really does, with this computer's own credential, now that it has a right to write here.
    pub async fn probe(&self) -> Result<Trial> {
        self.site.probe().await
    }

    /// Keeps where the store is and what the trial showed. Afterwards whoever reads that this computer has joined may begin.
    ///
    /// Errors: exit 1 it is not safe to store anything there.
    pub async fn finish(mut self, trial: &Trial) -> Result<Joined> {
        self.site.accept(trial).await?;
        let Self { site: Site { finder, connected }, mut joined } = self;
        let (store, offset_ms) = (connected.store, connected.clock_offset_ms);
        let mut seat = Seat::take(finder.home, &joined.device.repository, store, offset_ms, finder.around)?;
        if seat.device.place != connected.place {
            seat.device.place = connected.place;
            seat.state.put_device(&seat.device)?;
        }
        record_probe(&mut seat.pen().await?, &seat.state, &trial.report).await?;
        joined.device.place = seat.device.place;
        Ok(joined)
    }
}
