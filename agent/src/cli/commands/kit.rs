//! `scelle kit new`: a recovery kit, made on any clean machine.
//!
//! From the system's generator to [`KitFiles`]: the kit, a page to print, and the public half. Never: sends anything anywhere.

use std::path::Path;

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use scelle_format::fingerprint::six_words;
use scelle_format::kit::Kit;
use scelle_format::phrase::Language;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::args;
use crate::cli::context::Context;
use scelle_core::connect::RepoAddress;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::platform::os_to_bytes;
use scelle_core::repo::kit_files::KitFiles;
use scelle_view::bilingual;
use scelle_view::pages::kit::{KitFacts, KitPage, kit_page};
use scelle_view::words::Lang;
use scelle_view::words::figures::local_day;
use scelle_view::words::names::shown;

/// What the identity line of a kit begins with, before its groups.
const IDENTITY: &str = "AGE-SECRET-KEY-PQ-1";
const IDENTITY_GROUP_CHARS: usize = 6;

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
    let mut kit = Kit::generate(&mut context.around.random()).map_err(AgentError::bug)?;
    if let Some(address) = &context.settings.repo {
        kit.places.push(address.to_string());
        kit.places.extend(context.settings.s3.endpoint.clone().filter(|_| is_s3(context)));
    }
    let day = local_day(context.around.clock.now());
    let text = kit.to_file_text(language(context.lang()), &day);
    let page = page(context, &kit, &day)?;
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

/// The words' language of a screen language.
pub fn language(lang: Lang) -> Language {
    match lang {
        Lang::Fr => Language::French,
        Lang::En => Language::English,
    }
}

/// The owner's six words.
pub fn owner_words(kit: &Kit, lang: Lang) -> String {
    six_words(&kit.owner.verifying_key().sha256(), language(lang))
}

fn fingerprint_line(kit: &Kit, lang: Lang) -> scelle_view::words::Message {
    let words = owner_words(kit, lang);
    bilingual!("Empreinte du responsable : {words}", "Owner fingerprint: {words}")
}

/// The page to print: what may be known, a QR code of the lines that have a meaning, and these lines to be typed.
fn page(context: &Context, kit: &Kit, day: &str) -> Result<SecretString> {
    let (lang, s3) = (context.lang(), &context.settings.s3);
    let lines = kit.to_lines(language(lang));
    let code =
        QrCode::with_error_correction_level(lines.expose_secret(), EcLevel::M).map_err(AgentError::bug)?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    let picture = picture.trim_start_matches("<?xml version=\"1.0\" standalone=\"yes\"?>");
    let address = context.settings.repo.as_ref().map(ToString::to_string);
    let facts = KitFacts {
        repository: &kit.repository,
        created: day,
        owner: &owner_words(kit, lang),
        recovery: &six_words(&kit.recovery.recipient().sha256(), language(lang)),
        address: address.as_deref(),
        endpoint: s3.endpoint.as_deref().filter(|_| is_s3(context)),
        region: s3.region.as_deref().filter(|_| is_s3(context)),
    };
    let KitPage { head, what, steps } = kit_page(&facts, lang);
    let key = typed(&lines);
    Ok(SecretString::from(format!("{head}{picture}{what}{}{steps}", key.expose_secret())))
}

/// The lines of a kit as they are typed, with a number above each group that has check characters.
fn typed(lines: &SecretString) -> SecretString {
    let mut text = String::from("<div class=\"key\">");
    let escaped = lines.expose_secret().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for line in escaped.lines() {
        let (class, head, groups): (_, _, Vec<&str>) =
            match (line.split_at_checked(IDENTITY.len()), line.strip_prefix("# owner ")) {
                (Some((IDENTITY, rest)), _) => ("groups", IDENTITY, in_groups(rest)),
                (_, Some(rest)) => ("groups joined", "# owner ", rest.split_inclusive('-').collect()),
                _ => ("", line, Vec::new()),
            };
        let groups: String = groups.iter().map(|group| format!("<i>{group}</i>")).collect();
        text.push_str(&format!("<div class=\"{class}\">{head} {groups}</div>"));
    }
    text.push_str("</div>");
    SecretString::from(text)
}

/// Six characters each, as the check characters count them.
fn in_groups(text: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    let mut rest = text;
    while let Some((group, after)) = rest.split_at_checked(IDENTITY_GROUP_CHARS) {
        groups.push(group);
        rest = after;
    }
    groups.push(rest);
    groups
}

fn is_s3(context: &Context) -> bool {
    matches!(context.settings.repo, Some(RepoAddress::S3 { .. }))
}
