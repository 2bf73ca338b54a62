//! What this computer does with a repository, from the outside; below, one backup from its ledger to its bilan. The page to read
//! first.
//!
//! What happens on `scelle backup`, in its order:
//!
//! 1. [`Run::begin`] (`begun`): a [`Finder`] finds the repository, this computer's seat is taken in it, the descriptors are read.
//!    What cannot begin leaves a bilan.
//! 2. [`Run::pen`]: the pen is taken up where it was laid down, for all runs that follow each other.
//! 3. [`Run::backup`], once for each plan; all up to 7 is `save`, below:
//! 4. `stages::begin`: the ledger's start is compared with what this computer remembers.
//! 5. `stages::attempts`: [`crate::pipeline::backup`] walks, reads, seals and sends, then confirms and commits the snapshot.
//! 6. [`look_back`](crate::repo::seat::Seat::look_back): what is small and was lost is put back, what is damaged is counted.
//! 7. [`Summary`] says what became of it.
//! 8. `report::write`: the bilan, with the same pen.
//!
//! A [`Finder`] says which repository is meant and where it is today. What it found is opened in one of two ways, and these are
//! two types because their rights are not the same:
//!
//! * [`Run::begin`], to write: it takes this computer's seat, so that nobody else writes meanwhile, believes no descriptors but
//!   those its owner signed, and holds no key that opens what is stored. [`Run::backup`] saves what a [`BackupRequest`] asks for and
//!   writes the bilan with the same pen.
//! * [`Reading::open`], to read, also by a computer that is no part of the repository, and while another process has the seat: it
//!   may be given a key. It lists, checks, restores, shows bilans; what it has to write down (damage that was found, a proof, an
//!   acceptance, the record of a restore) it writes as a note, and takes the seat for no longer than that.
//!
//! So a service that backs up never has a key at hand, and who restores blocks no backup. A repository is made by
//! [`Founding`], a further computer joins by [`Joining`]. Called by the command line, the demo and the service. Never:
//! prints; ends a backup without a bilan, also where it could not begin ([`NotBegun`]).

mod accepted;
mod begun;
mod bilans;
mod check;
mod copies;
mod figures;
mod founding;
mod instance;
mod joining;
mod kit;
mod missed;
mod named;
mod noted;
mod opened;
mod proof;
mod prospects;
mod reading;
mod report;
mod request;
mod restored;
mod roots;
mod site;
mod stages;
mod standing;
mod survey;
mod unreached;
mod whereabouts;
mod witness;

use tracing::{Instrument as _, error_span, warn};

pub use self::accepted::{Acceptance, AcceptedLoss, Consent};
pub use self::figures::{Figures, FileCounts};
pub use self::founding::{Founded, Founding, Tried};
pub use self::instance::Instance;
pub use self::joining::Joining;
pub use self::kit::{KitAtHand, KitPlace};
pub use self::noted::Noted;
pub use self::opened::Run;
pub use self::prospects::Prospects;
pub use self::reading::{Depth, Reading};
pub use self::request::{BackupRequest, Summary};
pub use self::restored::Restored;
pub use self::roots::set_of;
pub use self::site::Trial;
pub use self::standing::{PlanLooked, PlanStanding, PracticeStanding};
pub use self::survey::Survey;
pub use self::unreached::{Missed, NotBegun};
pub use self::whereabouts::{Finder, Found, Known, Moved};

use self::roots::set_id;
use crate::bilan::{self, Declared, Proofs, Written};
use crate::clock::now;
use crate::error::{ExitCode, Result};
use crate::monitor::Phase;
use crate::pipeline::Gathered;
use crate::repo::append::LedgerWriter;

impl Run {
    /// Runs one backup and writes its bilan, whatever became of it.
    ///
    /// Errors: the run's own, after its bilan was written or kept. That of a run that was stopped is kept: the next one sends it.
    pub async fn backup(
        &self,
        pen: &mut LedgerWriter<'_>,
        request: BackupRequest,
        declared: Declared,
    ) -> Result<(Summary, Written)> {
        let set = set_id(&self.seat.device, &request.roots);
        let span = error_span!("run", set = set.as_str());
        let running = async {
            let exclusions = request.exclude.len() as u64;
            let started = now(&*self.seat.around.clock);
            let ended = self.save(pen, &set, request).await;
            let ended = ended.map_err(|error| self.seat.around.cause_of(error));
            let asked = report::Asked { set: &set, exclusions, started, declared };
            if let Err(error) = &ended
                && error.code == ExitCode::Interrupted
            {
                if let Err(lost) = report::keep(self, asked, error) {
                    warn!(code = lost.code.number(), "the bilan of the stopped run was not kept");
                }
                return Err(error.clone());
            }
            let written = report::write(self, pen, asked, &ended).await?;
            report::log(ended.as_ref().ok(), &written, &self.seat.device.secret.token_key());
            Ok((ended?, written))
        };
        running.instrument(span).await
    }

    /// One backup up to the check at its end. What is read, sealed and sent is [`crate::pipeline::backup`]'s, which
    /// [`stages::attempts`] runs once, or once more where what it built on is gone.
    async fn save(&self, pen: &mut LedgerWriter<'_>, set: &str, request: BackupRequest) -> Result<Summary> {
        let (seat, around) = (&self.seat, &self.seat.around);
        let began = around.clock.now();
        self.say_how_far_the_clock_is_off();
        let start = around.stage(Phase::Open, stages::begin(self, pen)).await?;
        let earlier_runs = pen.head().runs.get(set).copied().unwrap_or(0);
        let plan = request.plan(set)?;
        let mut damage = stages::known_damage(self, pen).await?;
        let before_note = |gathered: &Gathered| {
            bilan::foresee(&seat.state, set, gathered, earlier_runs, now(&*around.clock))
        };
        let (outcome, mended_before) = stages::attempts(self, pen, &plan, &mut damage, &before_note).await?;
        *pen.head_mut().runs.entry(set.to_owned()).or_default() += 1;
        let looking_back = seat.look_back(pen, start, &outcome.shown, &self.descriptors, &mut damage);
        let after = around.stage(Phase::Verify, looking_back).await?;
        around.monitor.finish();
        Ok(Summary {
            mended_objects: mended_before + outcome.mended_objects + after.mended,
            outcome,
            damaged: damage.counted(),
            start,
            set: set.to_owned(),
            earlier_runs,
            ledger: after.ledger,
            proofs: Proofs::of(&after.history, &seat.device.id, seat.device.epoch),
            key_copies: after.key_copies,
            began,
            duration: around.clock.now().duration_since(began).unwrap_or_default(),
        })
    }
}
