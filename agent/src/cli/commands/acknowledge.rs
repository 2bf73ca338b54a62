//! `scelle bilan acknowledge`: someone accepts what a bilan warned of in the sources of a set.
//!
//! The ledger is the truth of it: the note is written there, and the next run reads the set's memory from it. Never: free
//! text, which would leave in clear.

use scelle_format::ledger::NoteKind;
use scelle_format::report::Record;
use serde_json::json;

use super::reading::{Key, open};
use crate::cli::args::{BilanAcknowledge, KeyArgs};
use crate::cli::context::Context;
use scelle_core::bilan::memory::SOURCE_ALARMS;
use scelle_core::bilan::{Memory, load};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::repo::append::LedgerWriter;
use scelle_core::repo::state::State;
use scelle_view::bilingual;

/// Runs `bilan acknowledge`.
pub async fn run(context: &Context, args: BilanAcknowledge) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), Key::Optional, true).await?;
    let repository = &reading.repository;
    let known = reading.known.as_ref().ok_or_else(AgentError::not_a_member)?;
    let folder = context.settings.home.join(known.repository.as_str());
    let loaded = load(&repository.objects, &repository.history, Some(&folder), &args.id).await?;
    let codes = warnings(&loaded.record);
    let snapshot = loaded
        .record
        .run
        .snapshot
        .filter(|_| !codes.is_empty())
        .ok_or_else(AgentError::nothing_to_acknowledge)?;
    let note = loaded
        .note
        .filter(|note| note.note.device == known.device.id)
        .ok_or_else(AgentError::bilan_of_another)?;
    let chain = repository.history.device(&known.device.id).ok_or_else(AgentError::bilan_of_another)?;
    let of = chain.snapshots().into_iter().rfind(|of| of.id.number == snapshot);
    let set = of.ok_or_else(AgentError::nothing_to_acknowledge)?.set;

    let state = State::open(&context.settings.home, &known.repository)?;
    let device = state.device()?;
    let offset = reading.connected.clock_offset_ms;
    let mut ledger = LedgerWriter::open(&repository.objects, &state, &device, &context.clock, offset).await?;
    ledger.start(&repository.descriptors).await?;
    // Before the note: should we die in between, the next run reads the set from the ledger and goes on warning.
    let mut memory = Memory::load(&state);
    memory.forget(&set);
    memory.save(&state)?;
    let (author, reason) = (args.author, args.reason);
    let kind = NoteKind::Acknowledge { bilan: note.note.sequence, set, snapshot, author, reason };
    let (sequence, _) = ledger.append(kind, Vec::new()).await?;
    let (id, list) = (&loaded.id, codes.join(", "));
    context.screen.say(&bilingual!(
        "Bilan {id} : accepté ({list}) ; c'est inscrit au journal, la prochaine sauvegarde compte à partir de cet état",
        "Bilan {id}: acknowledged ({list}); it is in the ledger, the next backup counts from that state"
    ));
    context.screen.json(&json!({
        "bilan": loaded.id,
        "snapshot": snapshot,
        "author": author,
        "reason": reason,
        "codes": codes,
        "note": sequence,
    }));
    Ok(ExitCode::Ok)
}

/// What the record warns of in the sources.
fn warnings(record: &Record) -> Vec<&str> {
    let codes = record.status.reasons.iter().map(|reason| reason.code.as_str());
    codes.filter(|code| SOURCE_ALARMS.contains(code)).collect()
}
