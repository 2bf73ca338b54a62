//! How backups begin, and the one place where they are put together: the repository is found, this computer's seat is taken in
//! it, the descriptors are read, a new address is kept, the pen is taken up, and one backup follows the other.
//!
//! For the command line, the service and the demo: from a [`Finder`] and what is asked for to how each ended. Where none can begin,
//! each of those that are asked for leaves a bilan, where this computer can keep one: [`NotBegun::kept`] says how many did. None is left
//! by one that is tried again, nor where another run, which has its own, is going on. Never: another order.

use futures::FutureExt as _;

use super::ended::Ended;
use super::opened::Run;
use super::request::BackupRequest;
use super::unreached::{NotBegun, keep_all};
use super::whereabouts::{Finder, Found};
use crate::connect::why_unknown;
use crate::error::{AgentError, Result};
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::seat::Seat;

/// Who asks for backups, and hears of them while they are made.
pub trait Client {
    /// The repository is open, and nothing was saved yet.
    fn opened(&mut self, _: &Run) {}

    /// How the next of them ended.
    ///
    /// Errors: those that follow are not to be made.
    fn ended(&mut self, run: &Run, ended: Ended) -> Result<()>;
}

/// Of one backup nobody hears before it has ended.
impl Client for Option<Ended> {
    fn ended(&mut self, _: &Run, ended: Ended) -> Result<()> {
        *self = Some(ended);
        Ok(())
    }
}

impl Run {
    /// Makes these backups, one after the other, with one opening and one pen.
    ///
    /// Errors: none could begin; or what the client says to one that ended.
    pub async fn all(
        finder: &Finder<'_>,
        asked: &[BackupRequest],
        client: &mut impl Client,
    ) -> Result<(), NotBegun> {
        let run = Self::begin(finder, asked).await?;
        client.opened(&run);
        run.each(asked, client).await
    }

    /// Makes one.
    ///
    /// Errors: it could not begin.
    pub async fn only(finder: &Finder<'_>, asked: BackupRequest) -> Result<Ended, NotBegun> {
        let mut ended = None;
        Self::all(finder, &[asked], &mut ended).await?;
        Ok(ended.ok_or_else(|| AgentError::bug("a backup without an end"))?)
    }

    /// Makes these backups from a seat that is taken.
    ///
    /// Errors: as [`Self::all`].
    pub async fn each(&self, asked: &[BackupRequest], client: &mut impl Client) -> Result<(), NotBegun> {
        let mut pen = self.pen(asked).await?;
        for request in asked {
            client.ended(self, self.backup(&mut pen, request).await)?;
        }
        Ok(())
    }

    /// Opens the repository that is meant.
    ///
    /// Errors: those of [`Finder::find`], and why this computer may not write there: it knows no repository in that store, did
    /// not finish making it, or is none of its devices; exit 11 another process has its place; exit 13 the descriptors must not
    /// be believed.
    async fn begin(finder: &Finder<'_>, asked: &[BackupRequest]) -> Result<Self, NotBegun> {
        // A type as deep as all that it waits for is not carried through every caller.
        match open(finder).boxed_local().await {
            Ok(run) => Ok(run),
            Err(error) => {
                let error = finder.around.cause_of(error);
                Err(NotBegun { kept: finder.keep_not_begun(asked, &error), error })
            }
        }
    }

    /// The pen with which all backups write that follow each other.
    async fn pen(&self, asked: &[BackupRequest]) -> Result<LedgerWriter<'_>, NotBegun> {
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
