//! Accepting what a bilan warned of: in the sources of a set, a loss in the store that no backup could mend, or other bytes in
//! the store than were stored there.
//!
//! The ledger is the truth of it: the note is written there, and the next run reads the set's memory, and what is known of
//! damage, from it. Never: free text, which would leave in clear.

use std::collections::{BTreeSet, HashSet};

use scelle_format::layout;
use scelle_format::ledger::{Author, Because, NoteKind, STORE_SET, SnapshotStatus};
use scelle_format::report::Record;

use super::reading::Reading;
use crate::bilan::Memory;
use crate::bilan::memory::{ALTERED_ALARM, DAMAGE_ALARMS, SET_GONE, SMALL_DAMAGE_ALARM, SOURCE_ALARMS};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::damage::Damage;
use crate::repo::ledger::alarms::{BROKEN, CHAIN_ALARMS, ChainAlarms};
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::branch::branch_of;
use crate::repo::ledger::history::{VerifiedNote, packs_of};
use crate::repo::open::Repository;
use crate::repo::seat::Seat;

/// What a bilan warns of that can be accepted.
struct Warnings {
    /// Codes about the sources of its set.
    of_sources: Vec<String>,
    /// Objects of the store are damaged.
    is_loss: bool,
    /// The store held other bytes than were stored there.
    is_altered: bool,
    /// Notes, or what they attach, are lost.
    is_small: bool,
    /// A note is lost or out of place.
    is_broken: bool,
    /// Another computer has written as this one, or the store or the state were set back.
    is_chain: bool,
}

impl Warnings {
    /// Those of a record.
    fn of(record: &Record) -> Self {
        let codes = || record.status.reasons.iter().map(|reason| reason.code.as_str());
        Self {
            of_sources: codes().filter(|code| is_of_sources(code)).map(str::to_owned).collect(),
            is_loss: codes().any(|code| DAMAGE_ALARMS.contains(&code)),
            is_altered: codes().any(|code| code == ALTERED_ALARM),
            is_small: codes().any(|code| code == SMALL_DAMAGE_ALARM),
            is_broken: codes().any(|code| code == BROKEN),
            is_chain: codes().any(|code| CHAIN_ALARMS.contains(&code)),
        }
    }

    /// Whether there is nothing to accept.
    fn is_empty(&self) -> bool {
        let is_of_the_store = self.is_loss || self.is_altered || self.is_broken || self.is_chain;
        self.of_sources.is_empty() && !is_of_the_store
    }
}

/// Whether a warning is about the sources.
fn is_of_sources(code: &str) -> bool {
    SOURCE_ALARMS.contains(&code) || code == SET_GONE
}

/// A loss that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedLoss {
    /// Number of the note that says so.
    pub note: u64,
    /// Objects that are lost.
    pub objects: u64,
    /// Snapshots that needed one of them.
    pub snapshots: u64,
}

/// Who accepts, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub author: Author,
    /// Why.
    pub reason: Because,
}

/// What was accepted, once the ledger says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// A loss in the store.
    Loss(AcceptedLoss),
    /// That the store held other bytes.
    Altered {
        /// Number of the note that says so.
        note: u64,
        /// Objects found altered since the bilan: the alarm stays.
        left: u64,
    },
    /// What was seen of the ledger.
    Chain {
        /// Number of the note that says so.
        note: u64,
    },
    /// The sources of a set as they were.
    Sources {
        /// Number of the note that says so.
        note: u64,
        /// The snapshot they are accepted in.
        snapshot: u64,
        /// Codes of the warnings.
        codes: Vec<String>,
    },
}

impl Reading {
    /// Somebody accepts everything that a bilan warned of. `told` hears of each once it is written. Returns the bilan's id. What
    /// the ledger says already is not written once more.
    ///
    /// Errors: exit 2 it warns of nothing, nothing of it is left, or it is not of this computer; those of the ledger.
    pub async fn accept(
        &self,
        id: &str,
        consent: Consent,
        told: &mut dyn FnMut(&str, Acceptance),
    ) -> Result<String> {
        if self.known.is_none() {
            return Err(AgentError::not_a_member());
        }
        if self.is_elsewhere {
            return Err(AgentError::copy_elsewhere().at(self.connected.store.address()));
        }
        let loaded = self.bilan(id).await?;
        let warnings = Warnings::of(&loaded.record);
        if warnings.is_empty() {
            return Err(AgentError::nothing_to_acknowledge());
        }
        let note = loaded.note.as_ref().filter(|note| self.shelf(None).is_own(note));
        let bilan = note.ok_or_else(AgentError::bilan_of_another)?.note.sequence;
        let seat = self.seat()?;
        let mut ledger = seat.pen_at_the_head(&self.repository.descriptors).await?;
        let Consent { author, reason } = consent;
        let at = Accepting { reading: self, seat: &seat, author, reason, bilan };
        let snapshot = loaded.record.run.snapshot;
        let (mut lacks_notes, mut is_new) = (false, false);
        let mut told = |acceptance| {
            is_new = true;
            told(&loaded.id, acceptance);
        };
        if warnings.is_loss {
            let Lost { accepted, notes } = at.loss(&mut ledger, warnings.is_small).await?;
            accepted.into_iter().for_each(|loss| told(Acceptance::Loss(loss)));
            lacks_notes = notes;
        }
        let accepts_notes = warnings.is_broken || lacks_notes;
        if warnings.is_altered || warnings.is_chain || accepts_notes {
            let StoreSeen { note, is_new, left } = at.store(&mut ledger, snapshot, accepts_notes).await?;
            if warnings.is_altered && is_new {
                told(Acceptance::Altered { note, left });
            }
            if (warnings.is_chain || accepts_notes) && is_new {
                told(Acceptance::Chain { note });
            }
        }
        if !warnings.of_sources.is_empty() {
            // Of a run that found nothing there is no snapshot: the last one of the same folders stands for them.
            let set = loaded.record.run.set.as_ref().map(|set| set.as_str());
            let snapshot = snapshot.or_else(|| at.newest_of(set?));
            let snapshot = snapshot.ok_or_else(AgentError::nothing_to_acknowledge)?;
            if let Some(note) = at.sources(&mut ledger, snapshot).await? {
                told(Acceptance::Sources { note, snapshot, codes: warnings.of_sources });
            }
        }
        if is_new { Ok(loaded.id) } else { Err(AgentError::nothing_left_to_acknowledge()) }
    }
}

/// Somebody accepts what a bilan warned of.
struct Accepting<'a> {
    /// The repository.
    reading: &'a Reading,
    /// This computer's place in it.
    seat: &'a Seat,
    /// Who.
    author: Author,
    /// Why.
    reason: Because,
    /// Number of the bilan's note.
    bilan: u64,
}

impl Accepting<'_> {
    /// Number of the note in which somebody has acknowledged this bilan about `set` already. Another branch of a fork has bilans of
    /// the same numbers: what it says answers for them.
    fn earlier(&self, set: &str) -> Option<u64> {
        let is_it = |kind: &NoteKind| match kind {
            NoteKind::Acknowledge { bilan, set: of, .. } => *bilan == self.bilan && of == set,
            _ => false,
        };
        self.branch().into_iter().find(|row| is_it(&row.note.kind)).map(|row| row.note.sequence)
    }

    /// This computer's notes.
    fn notes(&self) -> &[VerifiedNote] {
        let own = self.reading.own().and_then(|own| self.reading.repository.history.device(own.device));
        own.map(|chain| &chain.notes[..]).unwrap_or_default()
    }

    /// Those that lead to the head that it remembers.
    fn branch(&self) -> Vec<&VerifiedNote> {
        let head = self.reading.own().and_then(|own| own.head.chain_head()).map(|head| head.text_sha256);
        branch_of(self.notes(), head)
    }

    /// The number of the newest snapshot of a set on this computer's branch.
    fn newest_of(&self, set: &str) -> Option<u64> {
        let number = |row: &&VerifiedNote| match &row.note.kind {
            NoteKind::Snapshot { number, set: of, status: SnapshotStatus::Complete, .. } if of == set => {
                Some(*number)
            }
            _ => None,
        };
        self.branch().iter().filter_map(number).max()
    }

    /// The sources of the set of `snapshot` are accepted as they were. Returns the number of the note; `None` where the ledger
    /// says so already.
    async fn sources(&self, ledger: &mut LedgerWriter<'_>, snapshot: u64) -> Result<Option<u64>> {
        let history = &self.reading.repository.history;
        let chain = history.devices.iter().find(|device| device.id.as_str() == ledger.device());
        let chain = chain.ok_or_else(AgentError::bilan_of_another)?;
        let of = chain.snapshots().into_iter().rfind(|of| of.id.number == snapshot);
        let set = of.ok_or_else(AgentError::nothing_to_acknowledge)?.set;
        if self.earlier(&set).is_some() {
            return Ok(None);
        }
        // Before the note: should we die in between, the next run reads the set from the ledger and goes on warning.
        let mut memory = Memory::load(&self.seat.state);
        memory.forget(&set);
        memory.save(&self.seat.state)?;
        let (bilan, author, reason) = (self.bilan, self.author, self.reason);
        let kind = NoteKind::Acknowledge { bilan, set, snapshot, author, reason };
        Ok(Some(ledger.append(kind, Vec::new()).await?.sequence))
    }

    /// Somebody has seen what the bilan said of the store and of the ledger, and accepts what notes are lost or out of place where
    /// it said that.
    async fn store(
        &self,
        ledger: &mut LedgerWriter<'_>,
        snapshot: Option<u64>,
        accepts_notes: bool,
    ) -> Result<StoreSeen> {
        let snapshot = snapshot.unwrap_or(ledger.head().snapshot);
        if snapshot == 0 {
            return Err(AgentError::nothing_to_acknowledge());
        }
        let repository = &self.reading.repository;
        let device = self.seat.state.device()?;
        let mut damage =
            Damage::look(&repository.objects, &self.seat.state, &device, &repository.descriptors).await?;
        let (bilan, author, reason) = (self.bilan, self.author, self.reason);
        let kind = NoteKind::Acknowledge { bilan, set: STORE_SET.to_owned(), snapshot, author, reason };
        // The note first: what the ledger does not say is not acknowledged. Where it says so already, this computer may have
        // died before the rest.
        let earlier = self.earlier(STORE_SET);
        let sequence = match earlier {
            Some(sequence) => sequence,
            None => ledger.append(kind, Vec::new()).await?.sequence,
        };
        damage.acknowledge_altered(self.bilan);
        if accepts_notes {
            damage.accept_notes();
        }
        damage.save(&self.seat.state)?;
        ChainAlarms::acknowledge(&self.seat.state, self.bilan, sequence, self.others())?;
        Ok(StoreSeen { note: sequence, is_new: earlier.is_none(), left: damage.altered_objects() })
    }

    /// Names of the notes that another computer has written as this one, as far as they were read.
    fn others(&self) -> BTreeSet<String> {
        let own: HashSet<_> = self.branch().iter().map(|row| row.text_sha256).collect();
        self.notes()
            .iter()
            .filter(|row| !own.contains(&row.text_sha256))
            .map(|row| row.name.clone())
            .collect()
    }

    /// What is damaged and was not mended by the run of the bilan is accepted as lost. Notes cannot be named by one: those are
    /// accepted with the rest of what was seen of the ledger.
    async fn loss(&self, ledger: &mut LedgerWriter<'_>, is_small: bool) -> Result<Lost> {
        let repository = &self.reading.repository;
        let (objects, Seat { state, device, .. }) = (self.seat.objects(), self.seat);
        let mut damage = Damage::look(objects, state, device, &repository.descriptors).await?;
        let (lost, notes) = (damage.unaccepted(), is_small && damage.lacks_notes());
        if lost.is_empty() {
            return Ok(Lost { accepted: None, notes });
        }
        if damage.has_news(&lost, ledger.device(), self.bilan) || !damage.has_told(&lost) {
            return Err(AgentError::loss_not_tried());
        }
        let snapshots = affected(repository, &lost).await?;
        let (bilan, author, reason, objects) = (self.bilan, self.author, self.reason, lost.len() as u64);
        let kind = NoteKind::Loss { bilan, lost, snapshots, author, reason };
        let note = damage.accept(ledger, state, kind).await?;
        Ok(Lost { accepted: Some(AcceptedLoss { note, objects, snapshots }), notes })
    }
}

/// What was accepted as lost.
struct Lost {
    /// Objects that a note names.
    accepted: Option<AcceptedLoss>,
    /// Whether notes are lost too, which nobody has accepted yet.
    notes: bool,
}

/// Somebody has seen what a bilan said of the store.
struct StoreSeen {
    /// The number of the note that says so.
    note: u64,
    /// Whether it was written now.
    is_new: bool,
    /// Objects that were found altered since.
    left: u64,
}

/// How many snapshots that nobody released need one of the objects. One whose list of packs cannot be read counts: nobody
/// can say that it does not.
async fn affected(repository: &Repository, lost: &[String]) -> Result<u64> {
    let forgotten = repository.history.forgotten();
    let is_lost = |name: String| lost.contains(&name);
    let mut affected = 0;
    for snapshot in repository.history.snapshots().iter().filter(|s| !forgotten.contains(&s.note_sha256)) {
        let small = [&snapshot.root, &snapshot.refs];
        let needs = small.iter().any(|row| is_lost(layout::attachment(&row.sha256)))
            || match packs_of(&repository.objects, snapshot).await {
                Ok(packs) => packs.rows().any(|row| is_lost(layout::pack(row.kind, &row.pack))),
                Err(error) if error.code == ExitCode::Damaged => true,
                Err(error) => return Err(error),
            };
        affected += u64::from(needs);
    }
    Ok(affected)
}
