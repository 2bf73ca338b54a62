//! What this computer does with a repository, from the outside; below, one backup from its ledger to its bilan. The page to read
//! first.
//!
//! What happens on `scelle backup`, in its order; the service and the demo do the same:
//!
//! 1. [`Run::all`] (`begun`) puts backups together. A [`Finder`] finds the repository, this computer's seat is taken in it, the
//!    descriptors are read, the pen is taken up where it was laid down: once for all backups that follow each other. Where none
//!    can begin, each leaves a bilan on this computer ([`NotBegun`]).
//! 2. `Run::backup`, below, once for each: `save` up to 8, then 9, whatever became of it.
//! 3. `stages::begin`: a note on its way is brought to its end, the ledger is compared with what this computer remembers, and the
//!    local index is read again from the store where it is not whole.
//! 4. `stages::known_damage`: what is known to be damaged; where this computer has forgotten an alarm, the ledger is asked.
//! 5. `stages::attempts`: what is damaged and this computer has copies of is put back. Then [`crate::pipeline::backup`] walks,
//!    reads, seals and sends, and confirms and commits the snapshot. Where what this computer remembers is damaged it begins once
//!    more without that; where packs that it would build on are gone, once more without these, whose loss is written down before.
//! 6. [`foresee`](bilan::foresee), right before the snapshot's note: what the next bilan compares with, should this one never be
//!    written.
//! 7. [`look_back`](crate::repo::seat::Seat::look_back): what is small and was lost is put back, what is damaged is counted.
//! 8. [`Summary`] says what was saved.
//! 9. `report::write`: bilans that no store has yet are sent, then this one, with the same pen. One that cannot be sent, or that of
//!    a backup that was stopped, is kept for the next run; [`Ended`] says what became of both.
//!
//! A [`Finder`] says which repository is meant and where it is today. What it found is opened in one of two ways, and these are
//! two types because their rights are not the same:
//!
//! * [`Run`], to write: it takes this computer's seat, so that nobody else writes meanwhile, believes no descriptors but those its
//!   owner signed, and holds no key that opens what is stored. It saves what a [`BackupRequest`] asks for.
//! * [`Reading::open`], to read, also by a computer that is no part of the repository, and while another process has the seat: it
//!   may be given a key. It lists, checks, restores, shows bilans; what it has to write down (damage that was found, a proof, an
//!   acceptance, the record of a restore) it writes as a note, and takes the seat for no longer than that.
//!
//! So a service that backs up never has a key at hand, and who restores blocks no backup. A repository is made by
//! [`Founding`], a further computer joins by [`Joining`]. Called by the command line, the demo and the service. Never:
//! prints; ends a backup without a bilan where its state folder takes one: where it takes none, [`Ended`] says so.

mod accepted;
mod begun;
mod bilans;
mod check;
mod copies;
mod ended;
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

use tracing::{Instrument as _, error_span};

pub use self::accepted::{Acceptance, AcceptedLoss, Consent};
pub use self::begun::Client;
pub use self::ended::Ended;
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
pub use self::unreached::NotBegun;
pub use self::whereabouts::{Finder, Found, Known, Moved};

use self::roots::set_id;
use crate::bilan::{self, Proofs};
use crate::clock::now;
use crate::connect::own_folders;
use crate::error::Result;
use crate::monitor::Phase;
use crate::pipeline::Gathered;
use crate::repo::ledger::append::LedgerWriter;

impl Run {
    /// One backup and its bilan, whatever became of it.
    async fn backup(&self, pen: &mut LedgerWriter<'_>, request: &BackupRequest) -> Ended {
        let set = set_id(&self.seat.device, &request.roots);
        let span = error_span!("run", set = set.as_str());
        let running = async {
            let started = now(&*self.seat.around.clock);
            let saved = self.save(pen, &set, request).await;
            let saved = saved.map_err(|error| self.seat.around.cause_of(error));
            let bilan = report::write(self, pen, report::Asked::of(request, &set, started), &saved).await;
            let ended = Ended { saved, bilan };
            report::tell(self, &ended);
            ended
        };
        running.instrument(span).await
    }

    /// One backup up to the check at its end.
    async fn save(&self, pen: &mut LedgerWriter<'_>, set: &str, request: &BackupRequest) -> Result<Summary> {
        let (seat, around) = (&self.seat, &self.seat.around);
        let began = around.clock.now();
        self.say_how_far_the_clock_is_off();
        let start = around.stage(Phase::Open, stages::begin(self, pen)).await?;
        let earlier_runs = pen.head().runs.get(set).copied().unwrap_or(0);
        let own_folders = own_folders(seat.state.home(), Some(&seat.device.place));
        let plan = request.plan(set, &own_folders)?;
        let mut damage = stages::known_damage(self, pen).await?;
        let before_note = |gathered: &Gathered| {
            bilan::foresee(&seat.state, set, gathered, earlier_runs, now(&*around.clock))
        };
        let (saved, mended_before) = stages::attempts(self, pen, &plan, &mut damage, &before_note).await?;
        *pen.head_mut().runs.entry(set.to_owned()).or_default() += 1;
        let looking_back = seat.look_back(pen, start, &saved.shown, &self.descriptors, &mut damage);
        let after = around.stage(Phase::Verify, looking_back).await?;
        around.monitor.finish();
        Ok(Summary {
            mended_objects: mended_before + saved.mended_objects + after.mended,
            saved,
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
