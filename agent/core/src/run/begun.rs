//! How backups begin: the repository is found, this computer's seat is taken in it, the descriptors are read, a new address is
//! kept, the pen is taken up.
//!
//! The one place where this is put together, for the command line and the service: from a [`Finder`] and what is asked to a
//! [`Run`]. Never: ends without a bilan of each backup that was asked for and could not begin.

use futures::FutureExt as _;

use super::opened::Run;
use super::unreached::{Missed, NotBegun, keep_all};
use super::whereabouts::{Finder, Found};
use crate::connect::why_unknown;
use crate::error::{AgentError, Result};
use crate::repo::append::LedgerWriter;
use crate::repo::seat::Seat;

impl Run {
    /// Opens the repository that is meant, for the backups `asked`. Where that cannot be, each of them leaves a bilan.
    ///
    /// Errors: those of [`Finder::find`], and why this computer may not write there: it knows no repository in that store, did
    /// not finish making it, or is none of its devices; exit 11 another process has its place; exit 13 the descriptors must not
    /// be believed.
    pub async fn begin(finder: &Finder<'_>, asked: &[Missed]) -> Result<Self, NotBegun> {
        // A type as deep as all that it waits for is not carried through every caller.
        match open(finder).boxed_local().await {
            Ok(run) => Ok(run),
            Err(error) => {
                let error = finder.around.cause_of(error);
                Err(NotBegun { kept: finder.keep_missed(asked, &error), error })
            }
        }
    }

    /// The pen with which all runs write that follow each other. Where there is none, each of those `asked` leaves a bilan.
    pub async fn pen(&self, asked: &[Missed]) -> Result<LedgerWriter<'_>, NotBegun> {
        match self.seat.pen().await {
            Ok(pen) => Ok(pen),
            Err(error) => {
                let (state, around) = (&self.seat.state, &self.seat.around);
                let error = around.cause_of(error);
                Err(NotBegun { kept: keep_all(state, around, asked, &error), error })
            }
        }
    }
}

async fn open(finder: &Finder<'_>) -> Result<Run> {
    let found = finder.find(None).await?;
    let mut run = match (Run::at(seat(&found).await?).await, &found.known) {
        (Err(error), Some(known)) => return Err(known.explain(&found.connected, error).await),
        (opened, _) => opened?,
    };
    run.moved = found.settle(&mut run.seat)?;
    Ok(run)
}

/// Takes this computer's place in what was found.
async fn seat(found: &Found) -> Result<Seat> {
    let connected = &found.connected;
    let Some(known) = &found.known else {
        return Err(why_unknown(connected, found.damaged.is_some()).await);
    };
    if known.is_unfinished {
        return Err(AgentError::init_unfinished_here().at(connected.store.address()));
    }
    let (store, offset_ms) = (connected.store.clone(), connected.clock_offset_ms);
    Seat::take(&found.home, &known.repository, store, offset_ms, &found.around)
}
