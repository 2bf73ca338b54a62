//! `scelle kit new`: a recovery kit, made on any clean machine.
//!
//! From the system's generator to [`KitFiles`]: the kit, a page to print, and the public half. Never: sends anything anywhere.

use std::path::Path;

use scelle_format::kit::Kit;

use crate::cli::args;
use crate::cli::context::Context;
use crate::cli::paper::{language, owner_words, page};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::platform::os_to_bytes;
use scelle_core::repo::keys::kit_files::KitFiles;
use scelle_core::run::KitPlace;
use scelle_view::bilingual;
use scelle_view::words::Lang;
use scelle_view::words::figures::local_day;
use scelle_view::words::names::shown;

/// Runs `kit new`.
pub fn run(context: &Context, command: args::Kit) -> Result<ExitCode> {
    let args::Kit::New(args::KitNew { out }) = command;
    let kit = make(context, &out)?;
    let (screen, files) = (&context.screen, KitFiles::at(&out));
    screen.say(&bilingual!(
        "Kit de secours créé. Imprimez la page et gardez-en deux exemplaires hors du cabinet.",
        "Recovery kit made. Print the page and keep two copies away from the practice."
    ));
    screen.say(&secrets_line(&files.secret_names()));
    screen.say(&bilingual!(
        "Moitié publique (suffit pour « scelle init --kit-public ») : {name}",
        "Public half (enough for \"scelle init --kit-public\"): {name}",
        name = shown(&os_to_bytes(files.public.file_name().unwrap_or_default()))
    ));
    screen.say(&fingerprint_line(&kit, context.lang()));
    if kit.places.is_empty() {
        screen.say(&bilingual!(
            "La page ne dit pas où est le dépôt : notez son adresse à la main sur la page imprimée, ou donnez --repo ADRESSE ici",
            "The page does not say where the repository is: write its address on the printed page, or give --repo ADDRESS here"
        ));
    }
    screen.json(&serde_json::json!({
        "repository": kit.repository,
        "owner_fingerprint": owner_words(&kit, context.lang()),
        "public": files.public_name(),
        "secret_files": files.secret_names(),
    }));
    Ok(ExitCode::Ok)
}

/// Makes a kit, its public half and its printable page beside it; never overwrites.
pub fn make(context: &Context, out: &Path) -> Result<Kit> {
    if out.exists() {
        return Err(AgentError::file_exists());
    }
    let place = KitPlace::of(context.settings.repo.as_ref(), &context.settings.s3);
    let kit = place.new_kit(&context.around)?;
    let day = local_day(context.around.clock.now());
    let text = kit.to_file_text(language(context.lang()), &day);
    let page = page(&kit, &place, &day, context.lang())?;
    let public = kit.public().map_err(AgentError::bug)?;
    KitFiles::at(out).write(&text, &page, public.to_text())?;
    Ok(kit)
}

/// What is to become of files with a secret in them.
pub fn secrets_line(files: &[String]) -> scelle_view::words::Message {
    let files: Vec<String> = files.iter().map(|name| shown(name.as_bytes())).collect();
    let files = files.join(", ");
    bilingual!(
        "Fichiers qui contiennent un secret : {files}. Effacez-les tous de ce poste dès qu'ils sont imprimés.",
        "Files that hold a secret: {files}. Erase all of them from this computer once they are printed."
    )
}

fn fingerprint_line(kit: &Kit, lang: Lang) -> scelle_view::words::Message {
    let words = owner_words(kit, lang);
    bilingual!("Empreinte du responsable : {words}", "Owner fingerprint: {words}")
}
