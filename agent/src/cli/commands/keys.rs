//! `scelle keys check-kit` and `keys list`: does the paper still open the store, and who else does?
//!
//! From the key that was given to what [`Reading`] proves with it, and to a signature where somebody agrees. Never: keeps a key.

use scelle_format::descriptor::Standing;
use serde_json::json;

use super::reading::{Depth, KeyNeed, Reading, open, open_unsigned};
use crate::cli::args::{CheckKit, KeyArgs, Keys};
use crate::cli::context::Context;
use crate::cli::secrets;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::bilingual;
use scelle_view::words::{Message, counted, terms};

/// Runs `keys …`.
pub async fn run(context: &Context, command: Keys) -> Result<ExitCode> {
    match command {
        Keys::CheckKit(args) => check_kit(context, args).await,
        Keys::List => list(context).await,
        _ => Err(AgentError::not_in_this_version("keys")),
    }
}

async fn list(context: &Context) -> Result<ExitCode> {
    let reading = open(context, &KeyArgs::default(), KeyNeed::Optional, Depth::Newest).await?;
    let current = &reading.repository.descriptors.current;
    let say = |message: Message| context.screen.say(&message);
    for line in &current.recipients {
        let (name, hash) = (&line.name, &line.sha256.to_string()[..16]);
        say(bilingual!(
            "destinataire  {name:<4} {role:<20} {hash}",
            "recipient  {name:<4} {role:<20} {hash}",
            role = terms::role(line.role)
        ));
    }
    for line in &current.epochs {
        let number = line.number;
        let state = terms::epoch(line.state);
        say(bilingual!("époque        {number:<4} {state}", "epoch      {number:<4} {state}", state = state));
    }
    for line in &current.devices {
        let id = &line.id;
        let state = terms::device(line.state);
        say(bilingual!("poste         {id} {state}", "computer   {id} {state}", state = state));
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
    let reading = open_unsigned(context, &args.key, KeyNeed::Required, Depth::Newest).await?;
    let opened = reading.open_newest().await?;
    let signed = confirm(context, &reading, &args).await?;
    let proven = match reading.prove(opened).await {
        Ok(proven) => proven,
        // The key was proven to whoever sees this; only the ledger does not know.
        Err(error) => {
            context.screen.warn(&bilingual!(
                "la preuve n'a pas pu être écrite au journal de ce poste",
                "the proof could not be written to this computer's ledger"
            ));
            context.screen.warn(&error.what());
            false
        }
    };
    let epochs = reading.repository.keyring()?.epochs().count() as u64;
    context.screen.say(&bilingual!(
        "La clé ouvre le dépôt : {of_epochs}, {of_objects}",
        "The key opens the repository: {of_epochs}, {of_objects}",
        of_epochs = counted(epochs, "# époque[s]", "# epoch[s]"),
        of_objects =
            counted(opened as u64, "# objet[s] ouvert[s] et vérifié[s]", "# object[s] opened and verified"),
    ));
    if signed {
        context.screen.say(&bilingual!("Dépôt signé par le responsable", "Repository signed by the owner"));
    } else if reading.repository.descriptors.standing == Standing::Provisional {
        context.screen.warn(&bilingual!(
            "le responsable n'a pas encore signé ce dépôt : relancez cette commande avec --kit et --confirm, sur un poste du dépôt",
            "the owner has not signed this repository yet: run this command again with --kit and --confirm, on a computer of the repository"
        ));
    }
    context.screen.json(&json!({"opens": true, "epochs": epochs, "opened": opened, "descriptor_signed": signed, "proof_written": proven}));
    // The key opens what is there; what a lost descriptor stood for, it cannot.
    match reading.repository.expect_all_descriptors(&args.disown) {
        Ok(()) => Ok(ExitCode::Ok),
        Err(lost) => {
            context.screen.warn(&lost.what());
            Ok(lost.code)
        }
    }
}

/// Signs the descriptor where something waits for it and somebody says so.
async fn confirm(context: &Context, reading: &Reading, args: &CheckKit) -> Result<bool> {
    let Some(signer) = reading.signer()? else { return Ok(false) };
    let question = bilingual!(
        "Confirmer et signer ce dépôt et ses postes ?",
        "Confirm and sign this repository and its computers?"
    );
    let agreed = args.confirm
        || (secrets::may_ask(&context.global)
            && secrets::confirm(&question, &context.global, context.lang())?);
    if agreed {
        reading.sign(signer, &args.disown).await?;
    }
    Ok(agreed)
}
