//! `scelle init`: a new repository, or with `--join` this PC's place in one.
//!
//! From the kit, the phrase and the recipients that were given, or are made here, to [`Founding`] or [`Joining`]; the first
//! configuration is written where there is none. Never: the order in which a repository is made; the core knows it.

use std::path::Path;

use scelle_format::crypto::pq::PqRecipient;
use scelle_format::fingerprint::six_words;
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::phrase::generate_phrase;
use scelle_store::probe::ProbeReport;
use secrecy::{ExposeSecret as _, SecretString};

use super::kit;
use crate::cli::args::Init;
use crate::cli::context::Context;
use crate::cli::paper::language;
use crate::cli::secrets;
use scelle_core::connect::Create;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::repo::create::Holders;
use scelle_core::repo::join::{JoinRequest, Joined};
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::repo::keys::kit_files::KitFiles;
use scelle_core::repo::state::Device;
use scelle_core::repo::state::new_file::write_private;
use scelle_core::repo::unfinished::Unfinished;
use scelle_core::run::{Founding, Joining, KitAtHand};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Runs `init`.
pub async fn run(context: &Context, args: Init) -> Result<ExitCode> {
    if args.join {
        return join(context, args).await;
    }
    if args.kit.is_some() {
        // It ends with a question: nothing is made where nobody can answer it.
        secrets::expect_somebody(&context.global)?;
    }
    let escrows = args.recipient.iter().map(|text| escrow(text)).collect::<Result<Vec<_>>>()?;
    context.settings.required_repo()?;
    let create = if args.create_bucket { Create::bucket() } else { Create::Folder };
    let at_hand = kit_at_hand(&args)?;
    let founding = Founding::begin(context.finder(None), at_hand.repository()?.as_ref(), create).await?;
    let mut made = Vec::new();
    let (kit, public) = kit_of(context, &args, at_hand, &mut made)?;
    let trial = founding.probe().await?;
    trial.notices().iter().for_each(|notice| context.tell(notice));
    let tried = founding.accept(&trial).await?;
    let phrase = phrase_of(context, &args, tried.begun(), &mut made)?;
    let holders = Holders { public: &public, kit: kit.as_ref(), phrase: phrase.as_ref(), escrows: &escrows };
    let founded = tried.make(holders).await?;
    if let Some(path) = &args.kit {
        founded.expect_opened_by(&read_back(context, path)?).await?;
    }
    context.settings.write_first(&founded.seat().device.place)?;
    let seat = founded.finish();
    told(context, &seat.device, holders, &trial.report, &made);
    Ok(ExitCode::Ok)
}

/// The everyday phrase, made and written where one is asked for. Adds the name of its file.
fn phrase_of(
    context: &Context,
    args: &Init,
    begun: Option<&Unfinished>,
    made: &mut Vec<String>,
) -> Result<Option<SecretString>> {
    let Some(path) = &args.phrase_file else { return Ok(None) };
    if let Some(begun) = begun {
        phrase_of_begun(context, begun);
        return Ok(None);
    }
    let phrase = generate_phrase(&mut context.around.random(), language(context.lang()));
    write_private(path, &format!("{}\n", phrase.expose_secret()).into())?;
    made.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    Ok(Some(phrase))
}

/// A making that goes on cannot be given a phrase any more: what it opens is sealed already.
fn phrase_of_begun(context: &Context, begun: &Unfinished) {
    context.screen.warn(&match begun.has_phrase {
        true => bilingual!(
            "la création reprend avec la phrase écrite à la première tentative ; le fichier n'est pas réécrit",
            "making goes on with the phrase written at the first attempt; its file is not written again"
        ),
        false => bilingual!(
            "la création reprend sans phrase du quotidien, comme à la première tentative",
            "making goes on without an everyday phrase, as at the first attempt"
        ),
    });
}

async fn join(context: &Context, args: Init) -> Result<ExitCode> {
    let unlock = match (&args.kit, &args.phrase_file) {
        (Some(path), _) => Unlock::Kit(secrets::read_kit(path)?),
        (None, phrase) => Unlock::Phrase(secrets::read_phrase(phrase.as_deref(), context.lang())?),
    };
    let joining = Joining::begin(context.finder(None), JoinRequest { unlock, disowned: args.disown }).await?;
    let trial = joining.probe().await?;
    trial.notices().iter().for_each(|notice| context.tell(notice));
    let Joined { device, was_set_aside } = joining.finish(&trial).await?;
    context.screen.say(&bilingual!(
        "Ce poste a rejoint le dépôt ; sa première sauvegarde enverra tout son contenu.",
        "This computer has joined the repository; its first backup sends all of its content."
    ));
    if was_set_aside {
        context.screen.say(&bilingual!(
            "L'ancien état de ce poste est gardé à côté, dans son dossier d'état.",
            "The old state of this computer is kept aside, in its state folder."
        ));
    }
    context.screen.json(&serde_json::json!({
        "repository": device.repository.as_str(),
        "device": device.id.as_str(),
    }));
    context.settings.write_first(&device.place)?;
    Ok(ExitCode::Ok)
}

fn escrow(text: &str) -> Result<PqRecipient> {
    PqRecipient::parse(text).map_err(|error| AgentError::recipient_invalid().because(error))
}

/// The kit that was given, as far as its file is there already.
fn kit_at_hand(args: &Init) -> Result<KitAtHand> {
    match (&args.kit_public, &args.kit) {
        (Some(path), _) => Ok(KitAtHand::Public(read_public(path)?)),
        (None, Some(path)) if path.exists() => Ok(KitAtHand::Whole(secrets::read_kit(path)?)),
        _ => Ok(KitAtHand::ToBeMade),
    }
}

/// The kit, made here when its file does not exist yet, or its public half. Adds the names of files with a secret.
fn kit_of(
    context: &Context,
    args: &Init,
    at_hand: KitAtHand,
    made: &mut Vec<String>,
) -> Result<(Option<Kit>, KitPublic)> {
    let kit = match at_hand {
        KitAtHand::Public(public) => return Ok((None, public)),
        KitAtHand::Whole(kit) => kit,
        KitAtHand::ToBeMade => {
            let path = args.kit.as_deref().ok_or_else(AgentError::key_required)?;
            let kit = kit::make(context, path)?;
            made.extend(KitFiles::at(path).secret_names());
            context.screen.warn(&bilingual!(
                "ce kit a été créé sur ce poste. Imprimez-le et gardez-le ailleurs.",
                "this kit was made on this computer. Print it and keep it elsewhere."
            ));
            kit
        }
    };
    let public = kit.public().map_err(AgentError::bug)?;
    Ok((Some(kit), public))
}

fn read_public(path: &Path) -> Result<KitPublic> {
    let text = std::fs::read_to_string(path).map_err(|error| AgentError::kit_missing().because(error))?;
    KitPublic::parse(&text).map_err(|error| AgentError::kit_unreadable().because(error))
}

/// Does not finish until the kit was read back from its file.
fn read_back(context: &Context, path: &Path) -> Result<Kit> {
    let question = bilingual!(
        "Le kit est-il imprimé, ou copié hors de ce poste ? Il sera maintenant relu.",
        "Is the kit printed, or copied away from this computer? It will now be read back."
    );
    match secrets::confirm(&question, &context.global, context.lang())? {
        true => secrets::read_kit(path),
        false => Err(AgentError::interrupted()),
    }
}

fn told(context: &Context, device: &Device, holders: Holders<'_>, report: &ProbeReport, made: &[String]) {
    let Holders { public, escrows, .. } = holders;
    let (screen, lang) = (&context.screen, context.lang());
    let words = |hash: &[u8; 32]| six_words(hash, language(lang));
    let recovery = words(&public.recovery.sha256());
    let owner = words(&public.owner.sha256());
    screen.say(&bilingual!("Dépôt créé : {id}", "Repository made: {id}", id = device.repository));
    screen.say(&bilingual!("  adresse     {url}", "  address     {url}", url = device.place.url));
    screen.say(&bilingual!("  empreinte   {owner}", "  fingerprint {owner}"));
    for escrow in escrows {
        let words = words(&escrow.sha256());
        screen.say(&bilingual!("  séquestre   {words}", "  escrow      {words}"));
    }
    screen.say(&bilingual!(
        "Comparez avec le kit imprimé : l'empreinte est celle du responsable (en français si le kit l'est), l'adresse celle des \
         sauvegardes ; si l'adresse n'y est pas, notez-la à la main",
        "Compare with the printed kit: the fingerprint is its \"Owner fingerprint\" (in English if the kit is), the address its \
         \"Address of the backups\"; if the address is not there, write it down by hand"
    ));
    if !made.is_empty() {
        screen.say(&kit::secrets_line(made));
    }
    screen.say(&next_step());
    screen.json(&serde_json::json!({
        "repository": device.repository.as_str(),
        "device": device.id.as_str(),
        "owner_fingerprint": owner,
        "recovery_fingerprint": recovery,
        "escrows": escrows.len(),
        "secret_files": made,
        "probe": report,
        "findings": report.verdict().iter().map(|f| f.code).collect::<Vec<_>>(),
    }));
}

fn next_step() -> Message {
    bilingual!("Première sauvegarde : scelle backup DOSSIER", "First backup: scelle backup FOLDER")
}
