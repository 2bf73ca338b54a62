//! `scelle bilan acknowledge`: someone accepts what a bilan warned of: in the sources of a set, a loss in the store that no
//! backup could mend, or other bytes in the store than were stored there.
//!
//! The ledger is the truth of it: the note is written there, and the next run reads the set's memory, and what is known of
//! damage, from it. Never: free text, which would leave in clear.

use scelle_format::ledger::NoteKind;
use scelle_format::report::Record;
use serde_json::json;

use super::reading::{Key, Reading, open};
use crate::cli::args::{BilanAcknowledge, KeyArgs};
use crate::cli::context::Context;
use scelle_core::bilan::memory::{ALTERED_ALARM, DAMAGE_ALARM, SOURCE_ALARMS, STORE_SET};
use scelle_core::bilan::{Memory, load};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::repo::append::LedgerWriter;
use scelle_core::repo::damage::Damage;
use scelle_core::repo::history::packs_of;
use scelle_core::repo::open::Repository;
use scelle_core::repo::seat::Seat;
use scelle_view::bilingual;
use scelle_view::words::figures::count;

/// Runs `bilan acknowledge`.
pub async fn run(context: &Context, args: BilanAcknowledge) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), Key::Optional, true).await?;
    let repository = &reading.repository;
    let known = reading.known.as_ref().ok_or_else(AgentError::not_a_member)?;
    let folder = context.settings.home.join(known.repository.as_str());
    let loaded = load(&repository.objects, &repository.history, Some(&folder), &args.id).await?;
    let codes = warnings(&loaded.record);
    let (is_loss, is_altered) = (codes.contains(&DAMAGE_ALARM), codes.contains(&ALTERED_ALARM));
    let of_sources: Vec<&str> = codes.into_iter().filter(|code| SOURCE_ALARMS.contains(code)).collect();
    if of_sources.is_empty() && !is_loss && !is_altered {
        return Err(AgentError::nothing_to_acknowledge());
    }
    let note = loaded
        .note
        .as_ref()
        .filter(|note| note.note.device == known.device.id)
        .ok_or_else(AgentError::bilan_of_another)?;

    let seat = reading.seat()?;
    let mut ledger = seat.pen_at_the_head(&repository.descriptors).await?;
    let at = Accepting { context, reading: &reading, seat: &seat, args: &args, bilan: note.note.sequence };
    let mut document = json!({"bilan": loaded.id, "author": args.author, "reason": args.reason});
    if is_loss {
        document["loss"] = at.loss(&mut ledger).await?;
    }
    if is_altered {
        document["altered"] = json!({"note": at.altered(&mut ledger, loaded.record.run.snapshot).await?});
    }
    if !of_sources.is_empty() {
        let snapshot = loaded.record.run.snapshot.ok_or_else(AgentError::nothing_to_acknowledge)?;
        document["note"] = json!(at.sources(&mut ledger, &of_sources, snapshot, &loaded.id).await?);
        document["snapshot"] = json!(snapshot);
        document["codes"] = json!(of_sources);
    }
    context.screen.json(&document);
    Ok(ExitCode::Ok)
}

/// What the record warns of that can be accepted.
fn warnings(record: &Record) -> Vec<&str> {
    let codes = record.status.reasons.iter().map(|reason| reason.code.as_str());
    codes
        .filter(|code| SOURCE_ALARMS.contains(code) || [DAMAGE_ALARM, ALTERED_ALARM].contains(code))
        .collect()
}

/// What both kinds of acceptance need.
struct Accepting<'a> {
    context: &'a Context,
    reading: &'a Reading,
    seat: &'a Seat,
    args: &'a BilanAcknowledge,
    /// Number of the bilan's note.
    bilan: u64,
}

impl Accepting<'_> {
    /// The sources of the bilan's set are accepted as they were. Returns the number of the note.
    async fn sources(
        &self,
        ledger: &mut LedgerWriter<'_>,
        codes: &[&str],
        snapshot: u64,
        id: &str,
    ) -> Result<u64> {
        let history = &self.reading.repository.history;
        let chain = history.devices.iter().find(|device| device.id.as_str() == ledger.device());
        let chain = chain.ok_or_else(AgentError::bilan_of_another)?;
        let of = chain.snapshots().into_iter().rfind(|of| of.id.number == snapshot);
        let set = of.ok_or_else(AgentError::nothing_to_acknowledge)?.set;
        // Before the note: should we die in between, the next run reads the set from the ledger and goes on warning.
        let mut memory = Memory::load(&self.seat.state);
        memory.forget(&set);
        memory.save(&self.seat.state)?;
        let (author, reason) = (self.args.author, self.args.reason);
        let kind = NoteKind::Acknowledge { bilan: self.bilan, set, snapshot, author, reason };
        let (sequence, _) = ledger.append(kind, Vec::new()).await?;
        let list = codes.join(", ");
        self.context.screen.say(&bilingual!(
            "Bilan {id} : accepté ({list}) ; c'est inscrit au journal, la prochaine sauvegarde compte à partir de cet état",
            "Bilan {id}: acknowledged ({list}); it is in the ledger, the next backup counts from that state"
        ));
        Ok(sequence)
    }

    /// Somebody has seen that the store held other bytes. Returns the number of the note.
    async fn altered(&self, ledger: &mut LedgerWriter<'_>, snapshot: Option<u64>) -> Result<u64> {
        let snapshot = snapshot.unwrap_or(ledger.head().snapshot);
        if snapshot == 0 {
            return Err(AgentError::nothing_to_acknowledge());
        }
        let repository = &self.reading.repository;
        let device = self.seat.state.device()?;
        let mut damage =
            Damage::look(&repository.objects, &self.seat.state, &device, &repository.descriptors).await?;
        let (author, reason, set) = (self.args.author, self.args.reason, STORE_SET.to_owned());
        let kind = NoteKind::Acknowledge { bilan: self.bilan, set, snapshot, author, reason };
        // The note first: what the ledger does not say is not acknowledged.
        let (sequence, _) = ledger.append(kind, Vec::new()).await?;
        damage.acknowledge_altered(self.bilan);
        damage.save(&self.seat.state)?;
        let left = count(damage.altered_objects(), self.context.lang());
        self.context.screen.say(&match damage.altered_objects() {
            0 => bilingual!(
                "Alerte levée : d'autres octets dans le stockage ; c'est inscrit au journal",
                "Alarm ended: other bytes in the store; it is in the ledger"
            ),
            _ => bilingual!(
                "C'est inscrit au journal ; {left} objets ont été trouvés altérés depuis ce bilan : l'alerte reste",
                "It is in the ledger; {left} objects were found altered since that bilan: the alarm stays"
            ),
        });
        Ok(sequence)
    }

    /// What is damaged and was not mended by the run of the bilan is accepted as lost.
    async fn loss(&self, ledger: &mut LedgerWriter<'_>) -> Result<serde_json::Value> {
        let repository = &self.reading.repository;
        let (objects, Seat { state, device, .. }) = (self.seat.objects(), self.seat);
        let mut damage = Damage::look(objects, state, device, &repository.descriptors).await?;
        let lost = damage.unaccepted();
        if lost.is_empty() {
            return Err(AgentError::nothing_to_acknowledge());
        }
        if damage.has_news(&lost, ledger.device(), self.bilan) {
            return Err(AgentError::loss_not_tried());
        }
        let snapshots = affected(repository, &lost).await?;
        let (author, reason, objects) = (self.args.author, self.args.reason, lost.len());
        let kind = NoteKind::Loss { bilan: self.bilan, lost, snapshots, author, reason };
        let sequence = damage.accept(ledger, state, kind).await?;
        let lang = self.context.lang();
        let (shown, of) = (count(objects as u64, lang), count(snapshots, lang));
        self.context.screen.say(&bilingual!(
            "Perte acceptée : {shown} objets, {of} instantanés touchés ; c'est inscrit au journal. Les instantanés touchés \
             restent incomplets : « scelle check » le dit toujours",
            "Loss acknowledged: {shown} objects, {of} snapshots affected; it is in the ledger. The snapshots affected stay \
             incomplete: \"scelle check\" goes on saying so"
        ));
        Ok(json!({"note": sequence, "objects": objects, "snapshots": snapshots}))
    }
}

/// How many snapshots that nobody released need one of the objects. One whose list of packs cannot be read counts: nobody
/// can say that it does not.
async fn affected(repository: &Repository, lost: &[String]) -> Result<u64> {
    let forgotten = repository.history.forgotten();
    let is_lost = |name: String| lost.contains(&name);
    let mut affected = 0;
    for snapshot in repository.history.snapshots().iter().filter(|s| !forgotten.contains(&s.note_sha256)) {
        let small = [&snapshot.root, &snapshot.refs];
        let needs = small.iter().any(|row| is_lost(scelle_format::layout::attachment(&row.sha256)))
            || match packs_of(&repository.objects, snapshot).await {
                Ok(packs) => {
                    packs.rows().any(|row| is_lost(scelle_format::layout::pack(row.kind, &row.pack)))
                }
                Err(error) if error.code == ExitCode::Damaged => true,
                Err(error) => return Err(error),
            };
        affected += u64::from(needs);
    }
    Ok(affected)
}
