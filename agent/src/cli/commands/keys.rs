//! `scelle keys check-kit` and `keys list`: does the paper still open the store, and who else does?

use scelle_format::descriptor::{Descriptor, EpochState, RecipientRole, Standing};
use scelle_format::ledger::NoteKind;
use scelle_format::note;
use scelle_format::vkey_text::VKey;
use serde_json::json;

use super::reading::{Key, Reading, open, open_unsigned};
use crate::cli::args::{CheckKit, KeyArgs, Keys};
use crate::cli::context::Context;
use crate::cli::secrets;
use scelle_core::clock::now;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::reading::tree::Tree;
use scelle_core::repo::create::put_descriptor;
use scelle_core::repo::state::State;
use scelle_view::bilingual;
use scelle_view::words::figures::counted;

/// Runs `keys …`.
pub async fn run(context: &Context, command: Keys) -> Result<ExitCode> {
    match command {
        Keys::CheckKit(args) => check_kit(context, args).await,
        Keys::List => list(context).await,
        _ => Err(AgentError::not_in_this_version("keys")),
    }
}

async fn list(context: &Context) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), Key::Optional, false).await?;
    let current = &reading.repository.descriptors.current;
    for line in &current.recipients {
        let (name, role, hash) = (&line.name, line.role, &line.sha256.to_string()[..16]);
        context.screen.line(&format!("recipient {name:<4} {role:<10} {hash}"));
    }
    for line in &current.epochs {
        context.screen.line(&format!("epoch     {:<4} {}", line.number, line.state));
    }
    for line in &current.devices {
        context.screen.line(&format!("device    {} {}", line.id, line.state));
    }
    context.screen.json(&json!({
        "revision": current.revision,
        "recipients": current.recipients.iter().map(|l| json!({"name": l.name, "role": l.role, "sha256": l.sha256.to_string()})).collect::<Vec<_>>(),
        "epochs": current.epochs.iter().map(|l| json!({"epoch": l.number, "state": l.state})).collect::<Vec<_>>(),
        "devices": current.devices.iter().map(|l| json!({"device": l.id.as_str(), "state": l.state})).collect::<Vec<_>>(),
    }));
    Ok(ExitCode::Ok)
}

async fn check_kit(context: &Context, args: CheckKit) -> Result<ExitCode> {
    let reading = open_unsigned(context, &args.key, Key::Required, false).await?;
    let opened = opened_objects(&reading).await?;
    let signed = confirm(context, &reading, args.confirm).await?;
    let proven = match prove(context, &reading, opened).await {
        Ok(proven) => proven,
        // The key was proven to whoever sees this; only the ledger does not know.
        Err(error) => {
            context.screen.warn(&bilingual!(
                "la preuve n'a pas pu être écrite au registre de ce poste",
                "the proof could not be written to this computer's ledger"
            ));
            context.screen.warn(&error.what);
            false
        }
    };
    let lang = context.lang();
    let epochs = reading.repository.keyring()?.epochs().count() as u64;
    let epochs = counted(epochs, lang, ["époque", "époques"], ["epoch", "epochs"]);
    let (of, objects) = (["objet ouvert et vérifié", "objets ouverts et vérifiés"], ["object", "objects"]);
    let opened = counted(opened as u64, lang, of, objects);
    context.screen.say(&bilingual!(
        "La clé ouvre le dépôt : {epochs}, {opened}",
        "The key opens the repository: {epochs}, {opened} opened and verified"
    ));
    if signed {
        context.screen.say(&bilingual!(
            "Descripteur signé : l'époque est confirmée",
            "Descriptor signed: the epoch is confirmed"
        ));
    } else if reading.repository.descriptors.standing == Standing::Provisional {
        context.screen.warn(&bilingual!(
            "le propriétaire n'a pas encore signé ce dépôt : relancez cette commande avec --kit et --confirm, sur un poste du dépôt",
            "the owner has not signed this repository yet: run this command again with --kit and --confirm, on a computer of the repository"
        ));
    }
    context.screen.json(&json!({"opens": true, "epochs": epochs, "opened": opened, "descriptor_signed": signed, "proof_written": proven}));
    Ok(ExitCode::Ok)
}

/// Opens the newest root and its tree's first hunk: proof that packs open, not only key files.
async fn opened_objects(reading: &Reading) -> Result<u64> {
    let Some(snapshot) = reading.repository.history.snapshots().pop() else { return Ok(0) };
    let tree = Tree::open(&reading.fetcher()?, &snapshot).await?;
    let hunks = tree.hunks().await?;
    let mut opened = 1 + u64::from(!hunks.is_empty());
    if let Some(first) = hunks.first() {
        let mut reader = scelle_core::reading::ChunkReader::new(tree.id_key());
        tree.hunk(&mut reader, &first.at).await?;
        opened += 1;
    }
    Ok(opened)
}

/// Signs the descriptor where something waits for it: a first revision without the owner, a provisional epoch.
async fn confirm(context: &Context, reading: &Reading, asked: bool) -> Result<bool> {
    let descriptors = &reading.repository.descriptors;
    let keyring = reading.repository.keyring()?;
    let provisional = descriptors.standing == Standing::Provisional;
    let waiting =
        provisional || descriptors.current.epochs.iter().any(|e| e.state == EpochState::Provisional);
    let Some(signer) = keyring.owner.as_ref().or(keyring.admin.as_ref().filter(|_| !provisional)) else {
        return Ok(false);
    };
    if !waiting || reading.is_elsewhere {
        return Ok(false);
    }
    let question = bilingual!(
        "Confirmer et signer ce dépôt et ses postes ?",
        "Confirm and sign this repository and its computers?"
    );
    let agreed = asked
        || (secrets::may_ask(&context.global)
            && secrets::confirm(&question, &context.global, context.lang())?);
    if !agreed {
        return Ok(false);
    }
    let current = &descriptors.current;
    let mut next = Descriptor {
        revision: current.revision + 1,
        time: now(&*context.around.clock),
        prev: Some(descriptors.current_sha256),
        ..current.clone()
    };
    next.epochs.iter_mut().for_each(|epoch| epoch.state = EpochState::Confirmed);
    // Before it is signed: a state that cannot be written must not be found out afterwards.
    let state =
        reading.pen().map(|known| State::open(&context.settings.home, &known.repository)).transpose()?;
    let head = put_descriptor(&reading.repository.objects, &next, signer).await?;
    if let Some(state) = state {
        let mut own = state.head()?;
        own.descriptor = head.descriptor;
        state.put_head(&own)?;
    }
    Ok(true)
}

/// Writes the proof into this PC's ledger, signed by the holder.
async fn prove(context: &Context, reading: &Reading, opened: u64) -> Result<bool> {
    if reading.pen().is_none() {
        return Ok(false);
    }
    let keyring = reading.repository.keyring()?;
    let Some(signer) = keyring.owner.as_ref().or(keyring.admin.as_ref()) else { return Ok(false) };
    let seat = reading.seat(context)?;
    let mut ledger = seat.pen_at_the_head(&reading.repository.descriptors).await?;
    let (repository, epoch) = (&seat.device.repository, seat.device.epoch);
    let after = ledger.head().text_sha256.clone().unwrap_or_else(|| "-".into());
    let text =
        format!("scelle/proof/1\nrepository {repository}\nepoch {epoch}\nopened {opened}\nprev {after}\n");
    let signed = note::sign(&text, &[signer]).map_err(AgentError::bug)?;
    let signature = note::parse(signed.as_bytes()).map_err(AgentError::bug)?.signatures;
    let signature = signature.first().map(|s| s.bytes.clone()).unwrap_or_default();
    let holder = if keyring.role == RecipientRole::Recovery {
        RecipientRole::Recovery
    } else {
        RecipientRole::Everyday
    };
    let vkey = VKey::of(signer.verifying_key()).map_err(AgentError::bug)?;
    ledger.append(NoteKind::Proof { holder, epoch, opened, vkey, signature }, Vec::new()).await?;
    Ok(true)
}
