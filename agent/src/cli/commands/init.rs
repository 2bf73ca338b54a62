//! `scelle init`: a new repository, or with `--join` this PC's place in one.

use std::path::Path;

use scelle_format::crypto::pq::PqRecipient;
use scelle_format::fingerprint::six_words;
use scelle_format::id::RepositoryId;
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::layout;
use scelle_format::phrase::generate_phrase;
use scelle_format::random::{OsRandom, Random};
use scelle_store::probe::{ProbeReport, probe};
use secrecy::{ExposeSecret as _, SecretString};

use super::kit;
use super::kit::{language, write_private};
use crate::cli::args::Init;
use crate::cli::context::Context;
use crate::cli::secrets;
use scelle_core::bilan::run::record_probe;
use scelle_core::connect::RepoAddress;
use scelle_core::connect::{Connected, Create, Engine, must_be_read_back};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::monitor::{Notice, Phase, Weakness};
use scelle_core::repo::create::Creation;
use scelle_core::repo::join;
use scelle_core::repo::objects::{Objects, repositories_in};
use scelle_core::repo::seat::Seat;
use scelle_core::repo::state::{Device, Remembered, State};
use scelle_core::repo::unfinished::Unfinished;
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Days of default retention of a bucket made by `--create-bucket`.
const DEFAULT_RETENTION_DAYS: u32 = 100;
/// A clock this far off is said aloud.
const CLOCK_OFF_S: i64 = 60;

/// Runs `init`.
pub async fn run(context: &Context, args: Init) -> Result<ExitCode> {
    if args.join {
        return join(context, args).await;
    }
    expect_possible(context, &args)?;
    let escrows = args.recipient.iter().map(|text| escrow(text)).collect::<Result<Vec<_>>>()?;
    let address = context.settings.required_repo()?;
    // Before anything is made anywhere: a kit whose repository this computer knows makes no second one.
    let id = kit_at_hand(&args)?;
    let mut state = None;
    if let Some(id) = &id {
        refuse_known(context, id, address)?;
        state = Some(State::open(&context.settings.home, id)?);
        // Another `init` may have finished between the look and the lock.
        refuse_known(context, id, address)?;
    }
    let how = if args.create_bucket { Create::Bucket(DEFAULT_RETENTION_DAYS) } else { Create::Folder };
    let mut connected = context.connect(how).await?;
    let begun = state.as_ref().map(Unfinished::load).transpose()?.flatten();
    refuse_others(&connected, id.as_ref().filter(|_| begun.is_some())).await?;
    let mut made = Vec::new();
    let (kit, public) = kit_of(context, &args, &mut made)?;
    let repository = RepositoryId::parse(&public.repository).map_err(AgentError::bug)?;
    let report = probe_store(context, &mut connected).await?;

    let phrase = phrase_of(context, &args, begun.as_ref(), &mut made)?;
    let state = match state {
        Some(state) => state,
        None => State::open(&context.settings.home, &repository)?,
    };
    let creation = Creation {
        public: &public,
        kit: kit.as_ref(),
        phrase: phrase.as_ref(),
        escrows: &escrows,
        place: connected.place.clone(),
    };
    let (store, offset_ms) = (connected.store.clone(), connected.clock_offset_ms);
    let seat = Seat::create(state, store, offset_ms, &creation, &context.around).await?;
    record_probe(&mut seat.pen().await?, &seat.state, &report).await?;
    if let Some(path) = &args.kit {
        read_back(context, path, &seat).await?;
    }
    if !context.settings.config_exists {
        write_config(context, &connected)?;
    }
    Unfinished::finish(&seat.state);
    told(context, &public, &seat.device, &escrows, &report, &made);
    Ok(ExitCode::Ok)
}

/// Refuses what this version does not do, or what nobody could bring to its end.
fn expect_possible(context: &Context, args: &Init) -> Result<()> {
    if args.drill_days.is_some_and(|days| days > 0) {
        // Rehearsals come later; until then no file key is kept, and saying otherwise would be a lie.
        return Err(AgentError::not_in_this_version("init --drill-days"));
    }
    if args.label.is_some() {
        return Err(AgentError::not_in_this_version("init --label"));
    }
    // With a kit it ends with a question: nothing is made where nobody can answer it.
    if args.kit.is_some() { secrets::expect_somebody(&context.global) } else { Ok(()) }
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
    let phrase = generate_phrase(&mut OsRandom, language(context.lang()));
    write_private(path, &format!("{}\n", phrase.expose_secret()).into())?;
    made.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    Ok(Some(phrase))
}

/// The repository of the kit that was given, where its file is there already.
fn kit_at_hand(args: &Init) -> Result<Option<RepositoryId>> {
    let repository = match (&args.kit_public, &args.kit) {
        (Some(path), _) => read_public(path)?.repository,
        (None, Some(path)) if path.exists() => secrets::read_kit(path)?.repository,
        _ => return Ok(None),
    };
    RepositoryId::parse(&repository).map(Some).map_err(|error| AgentError::kit_unreadable().because(error))
}

/// Refuses a kit that made a repository on this computer, wherever that is, but for one that was not finished.
fn refuse_known(context: &Context, id: &RepositoryId, address: &RepoAddress) -> Result<()> {
    match Remembered::read(&context.settings.home, id.clone()) {
        Some(known) if !known.is_unfinished => match known.device {
            Ok(device) if device.place.url.parse::<RepoAddress>().ok().as_ref() == Some(address) => {
                Err(AgentError::repository_exists().at(device.place.url))
            }
            Ok(device) => Err(AgentError::kit_has_a_repository().at(device.place.url)),
            Err(_) => Err(AgentError::state_damaged(Some(&address.to_string())).at(id.as_str())),
        },
        _ => Ok(()),
    }
}

/// Refuses a store that holds a repository, but for the one whose making goes on.
async fn refuse_others(connected: &Connected, begun: Option<&RepositoryId>) -> Result<()> {
    for here in repositories_in(&*connected.store).await? {
        if Some(&here) == begun {
            continue;
        }
        let objects = Objects::new(connected.store.clone(), here);
        let is_finished = objects.head(layout::FORMAT_TXT).await?.is_some()
            || !objects.list_first("c/", 1).await?.is_empty();
        return Err(match is_finished {
            true => AgentError::repository_exists(),
            false => AgentError::init_unfinished_elsewhere(),
        }
        .at(connected.store.address()));
    }
    Ok(())
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
        (Some(path), _) => scelle_core::repo::keyring::Unlock::Kit(secrets::read_kit(path)?),
        (None, phrase) => scelle_core::repo::keyring::Unlock::Phrase(secrets::read_phrase(
            phrase.as_deref(),
            context.lang(),
        )?),
    };
    let mut connected = context.connect(Create::Never).await?;
    let (home, around) = (&context.settings.home, &context.around);
    let (store, place) = (&connected.store, &connected.place);
    let joined = join::join(store, place, unlock, home, &*around.clock, &mut around.random()).await?;
    // What the store does is learned with this computer's own credential, once it has a right to write here.
    let report = probe_store(context, &mut connected).await?;
    let (store, offset_ms) = (connected.store.clone(), connected.clock_offset_ms);
    let mut seat = Seat::take(home, &joined.device.repository, store, offset_ms, around)?;
    if seat.device.place != connected.place {
        seat.device.place = connected.place.clone();
        seat.state.put_device(&seat.device)?;
    }
    record_probe(&mut seat.pen().await?, &seat.state, &report).await?;
    // Whoever reads this may begin at once.
    drop(seat);
    context.screen.say(&bilingual!(
        "Ce poste a rejoint le dépôt ; sa première sauvegarde enverra tout son contenu.",
        "This computer has joined the repository; its first backup sends all of its content."
    ));
    if joined.was_set_aside {
        context.screen.say(&bilingual!(
            "L'ancien état de ce poste est gardé à côté, dans son dossier d'état.",
            "The old state of this computer is kept aside, in its state folder."
        ));
    }
    context.screen.json(&serde_json::json!({
        "repository": joined.device.repository.as_str(),
        "device": joined.device.id.as_str(),
    }));
    if !context.settings.config_exists {
        write_config(context, &connected)?;
    }
    Ok(ExitCode::Ok)
}

fn escrow(text: &str) -> Result<PqRecipient> {
    PqRecipient::parse(text).map_err(|error| {
        AgentError::usage(
            bilingual!(
                "le destinataire donné à --recipient n'est pas une clé age1pq…",
                "the recipient given to --recipient is no age1pq… key"
            ),
            bilingual!("recopiez la clé publique entière", "copy the whole public key"),
        )
        .because(error)
    })
}

/// The kit, made here when its file does not exist yet, or its public half. Adds the names of files with a secret.
fn kit_of(context: &Context, args: &Init, made: &mut Vec<String>) -> Result<(Option<Kit>, KitPublic)> {
    if let Some(path) = &args.kit_public {
        return Ok((None, read_public(path)?));
    }
    let path = args.kit.as_deref().ok_or_else(AgentError::key_required)?;
    let kit = if path.exists() {
        secrets::read_kit(path)?
    } else {
        let kit = kit::make(context, path)?;
        made.extend(kit::secret_files(path));
        context.screen.warn(&bilingual!(
            "ATTENTION : ce kit est né sur ce poste. Imprimez-le et gardez-le ailleurs.",
            "WARNING: this kit was born on this computer. Print it and keep it elsewhere."
        ));
        kit
    };
    let public = kit.public().map_err(AgentError::bug)?;
    Ok((Some(kit), public))
}

fn read_public(path: &Path) -> Result<KitPublic> {
    let text = std::fs::read_to_string(path).map_err(|error| AgentError::kit_missing().because(error))?;
    KitPublic::parse(&text).map_err(|error| AgentError::kit_unreadable().because(error))
}

/// Learns what the store really does, says it, and refuses what is unsafe.
async fn probe_store(context: &Context, connected: &mut Connected) -> Result<ProbeReport> {
    context.around.monitor.start(Phase::Probe, None, None);
    let mut nonce = [0; 8];
    OsRandom.fill(&mut nonce);
    let report = probe(&*connected.bare, &hex::encode(nonce), context.around.clock.now()).await?;
    context.around.monitor.finish();
    let mut refused = false;
    for finding in report.verdict() {
        let weakness = finding.code;
        refused |= finding.severity == scelle_store::verdict::Severity::Refuse;
        if matches!(weakness, Weakness::NoConditionalPut | Weakness::ConditionalPutNotAtomic) {
            connected.place.conditional_put = false;
        }
        context.tell(&Notice::StoreWeakness { weakness });
    }
    if let Some(offset_ms) = report.clock_offset_ms.filter(|ms| ms.abs() / 1000 >= CLOCK_OFF_S) {
        context.tell(&Notice::ClockOff { seconds: -offset_ms / 1000 });
    }
    let conditional_put = connected.place.conditional_put;
    let engine = Engine { conditional_put, read_back: must_be_read_back(Some(&report)) };
    if !refused && !connected.is_folder {
        context.reconnect(connected, engine).await?;
    }
    if refused { Err(AgentError::store_unsafe().at(connected.store.address())) } else { Ok(report) }
}

/// Does not finish until the kit was read back from its file and opens the repository.
async fn read_back(context: &Context, path: &Path, seat: &Seat) -> Result<()> {
    let question = bilingual!(
        "Le kit est-il imprimé, ou copié hors de ce poste ? Il sera maintenant relu.",
        "Is the kit printed, or copied away from this computer? It will now be read back."
    );
    if !secrets::confirm(&question, &context.global, context.lang())? {
        return Err(AgentError::interrupted());
    }
    let kit = secrets::read_kit(path)?;
    let device = &seat.device;
    join::opens_epoch(seat.objects(), &kit.recovery, device.epoch, &device.epoch_recipient).await
}

fn write_config(context: &Context, connected: &Connected) -> Result<()> {
    let path = &context.settings.config_path;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut text = format!("[repository]\nurl = {:?}\n", connected.place.url);
    if let Some(endpoint) = &connected.place.endpoint {
        let region = connected.place.region.as_deref().unwrap_or("us-east-1");
        text.push_str(&format!("\n[s3]\nendpoint = {endpoint:?}\nregion = {region:?}\n"));
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => Ok(std::io::Write::write_all(&mut file, text.as_bytes())?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn told(
    context: &Context,
    public: &KitPublic,
    device: &Device,
    escrows: &[PqRecipient],
    report: &ProbeReport,
    made: &[String],
) {
    let (screen, lang) = (&context.screen, context.lang());
    let words = |hash: &[u8; 32]| six_words(hash, language(lang));
    let recovery = words(&public.recovery.sha256());
    let owner = words(&public.owner.sha256());
    screen.say(&bilingual!("Dépôt créé : {id}", "Repository made: {id}", id = device.repository));
    screen.say(&bilingual!("  propriétaire  {owner}", "  owner         {owner}"));
    screen.say(&bilingual!("  kit           {recovery}", "  kit           {recovery}"));
    for escrow in escrows {
        let words = words(&escrow.sha256());
        screen.say(&bilingual!("  séquestre     {words}", "  escrow        {words}"));
    }
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
