//! Damage as it is written down: in the ledger, where other devices read it, and in the state folder.
//!
//! Data comes from a backup, a check or a person, and from the ledgers of other devices; goes to `damage` and `loss` notes. Never:
//! says in a note what this computer has not written down for itself before, but that a loss is accepted: what the ledger does
//! not say is not.

use scelle_format::ledger::{FoundBad, NoteKind};

use crate::error::Result;
use crate::repo::damage::words::{self, Seen};
use crate::repo::damage::{Damage, Loss, is_noted};
use crate::repo::finding::FoundBy;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::append::{Attached, LedgerWriter};
use crate::repo::ledger::history::{History, StoredNotes};
use crate::repo::objects::Objects;
use crate::repo::state::{Device, State};

/// Objects named in one note: a note has at most 1 MiB.
const ROWS_OF_A_NOTE: usize = 4096;

impl Damage {
    /// Brings it up to date with what other devices have written since. Costs one listing for each other device, and
    /// nothing where there is none.
    pub async fn look(
        objects: &Objects,
        state: &State,
        device: &Device,
        descriptors: &Descriptors,
    ) -> Result<Self> {
        let mut damage = match Self::load(state) {
            Some(damage) => damage,
            None => Self::of(objects, &History::load(objects, descriptors).await?).await?,
        };
        let known = damage.open_names();
        let others = descriptors.current.devices.iter().filter(|line| line.id != device.id);
        for line in others {
            let seen = damage.seen.get(line.id.as_str()).copied().unwrap_or(0);
            let stored = StoredNotes::fetch_after(objects, &line.id, seen).await?;
            damage.take_in(objects, &History::check(objects, stored, descriptors).await).await?;
        }
        damage.note_words_of_others(&known, state);
        damage.save(state)?;
        Ok(damage)
    }

    /// Writes down what was found, in the ledger and here. Nothing to say writes nothing.
    pub async fn record(
        &mut self,
        ledger: &mut LedgerWriter<'_>,
        state: &State,
        found_by: FoundBy,
        bad: Vec<FoundBad>,
        good: Vec<String>,
    ) -> Result<()> {
        self.note_altered(bad.iter().map(FoundBad::as_deref), ledger.next_sequence());
        let (bad, bad_here): (Vec<_>, Vec<_>) = bad.into_iter().partition(|bad| is_noted(&bad.name));
        let (good, good_here): (Vec<_>, Vec<_>) = good.into_iter().partition(|name| is_noted(name));
        self.here.retain(|name, _| !good_here.contains(name));
        self.notes_accepted.retain(|name| !good_here.contains(name));
        self.here.extend(bad_here.into_iter().map(|bad| (bad.name, bad.why)));
        self.save(state)?;
        let rows: Vec<_> = bad.into_iter().map(Ok).chain(good.into_iter().map(Err)).collect();
        for rows in rows.chunks(ROWS_OF_A_NOTE) {
            let bad = rows.iter().filter_map(|row| row.clone().ok()).collect();
            let good: Vec<String> = rows.iter().filter_map(|row| row.clone().err()).collect();
            let known = if good.is_empty() { Seen::new() } else { self.seen_of_others(ledger.device()) };
            let kind = NoteKind::Damage { found_by: found_by.word().to_owned(), bad, good };
            // Known here first: a store that does not answer must not make this PC forget what it saw.
            self.apply(ledger.device(), ledger.next_sequence(), &kind, &known);
            self.save(state)?;
            let attached = attach(ledger, &known).await?;
            ledger.append(kind, attached).await?;
        }
        Ok(())
    }

    /// Writes down, in the ledger and here, that somebody accepts a loss (`kind` is one). Returns the number of the note.
    pub async fn accept(
        &mut self,
        ledger: &mut LedgerWriter<'_>,
        state: &State,
        kind: NoteKind,
    ) -> Result<u64> {
        let known = self.seen_of_others(ledger.device());
        let attached = attach(ledger, &known).await?;
        let loss = Loss::of(&kind, ledger.time());
        // The other way round than damage: what the ledger does not say is not accepted.
        let sequence = ledger.append(kind.clone(), attached).await?.sequence;
        self.apply(ledger.device(), sequence, &kind, &known);
        if let Some(loss) = loss {
            self.losses.insert(ledger.device().to_owned(), loss);
        }
        self.save(state)?;
        Ok(sequence)
    }

    fn seen_of_others(&self, own: &str) -> Seen {
        let others = self.seen.iter().filter(|(device, _)| *device != own);
        others.map(|(device, sequence)| (device.clone(), *sequence)).collect()
    }
}

/// Stores how far other chains were read; nothing where there are none.
async fn attach(ledger: &LedgerWriter<'_>, known: &Seen) -> Result<Vec<Attached>> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![ledger.attach(words::ROLE, words::to_text(known).into_bytes()).await?])
}
