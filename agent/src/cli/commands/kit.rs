//! `scelle kit new`: a recovery kit, made on any clean machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use qrcode::QrCode;
use qrcode::render::svg;
use scelle_format::fingerprint::six_words;
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::phrase::Language;
use scelle_format::random::OsRandom;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::args;
use crate::cli::context::Context;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::platform::os_to_bytes;
use scelle_view::bilingual;
use scelle_view::words::Lang;
use scelle_view::words::figures::local_day;
use scelle_view::words::names::shown;

/// Runs `kit new`.
pub fn run(context: &Context, command: args::Kit) -> Result<ExitCode> {
    let args::Kit::New(args::KitNew { out }) = command;
    let kit = make(context, &out)?;
    let screen = &context.screen;
    let public = public_path(&out);
    screen.say(&bilingual!(
        "Kit de récupération créé. Imprimez la page et gardez-en deux exemplaires hors du cabinet.",
        "Recovery kit made. Print the page and keep two copies away from the practice."
    ));
    screen.say(&secrets_line(&secret_files(&out)));
    screen.say(&bilingual!(
        "Moitié publique (suffit pour « scelle init --kit-public ») : {name}",
        "Public half (enough for \"scelle init --kit-public\"): {name}",
        name = shown(&os_to_bytes(public.file_name().unwrap_or_default()))
    ));
    screen.say(&fingerprint_line(&kit, context.lang()));
    screen.json(&serde_json::json!({
        "repository": kit.repository,
        "owner_fingerprint": owner_words(&kit, context.lang()),
        "public": public.file_name().unwrap_or_default().to_string_lossy(),
        "secret_files": secret_files(&out),
    }));
    Ok(ExitCode::Ok)
}

/// Makes a kit, its public half and its printable page beside it; never overwrites.
pub fn make(context: &Context, out: &Path) -> Result<Kit> {
    if out.exists() {
        return Err(AgentError::file_exists());
    }
    let mut kit = Kit::generate(&mut OsRandom).map_err(AgentError::bug)?;
    if let Some(address) = &context.settings.repo {
        kit.places.push(address.to_string());
        kit.places.extend(context.settings.s3.endpoint.clone());
    }
    let text = kit.to_file_text(language(context.lang()), &local_day(context.around.clock.now()));
    let page = page(&kit, &text, context.lang())?;
    let public: KitPublic = kit.public().map_err(AgentError::bug)?;
    write_private(out, &text)?;
    let rest = write_private(&page_path(out), &page).and_then(|()| {
        let written = write_new(&public_path(out), public.to_text().as_bytes(), false);
        written.inspect_err(|_| drop(std::fs::remove_file(page_path(out))))
    });
    // A kit of which nobody is told must not be left lying about.
    rest.inspect_err(|_| drop(std::fs::remove_file(out)))?;
    Ok(kit)
}

/// Names of the files that [`make`] writes with the secret in them.
pub fn secret_files(out: &Path) -> Vec<String> {
    let names = [out.to_owned(), page_path(out)];
    names.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
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
    bilingual!("Empreinte du propriétaire : {words}", "Owner fingerprint: {words}")
}

/// `kit.txt` → `kit.txt.pub`.
fn public_path(kit: &Path) -> PathBuf {
    with_suffix(kit, ".pub")
}

fn page_path(kit: &Path) -> PathBuf {
    with_suffix(kit, ".html")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A page that prints on one sheet: the text, and a QR code of the identity line.
fn page(kit: &Kit, text: &SecretString, lang: Lang) -> Result<SecretString> {
    let secret = kit.recovery.to_secret_string();
    let code = QrCode::new(secret.expose_secret()).map_err(AgentError::bug)?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    let picture = picture.trim_start_matches("<?xml version=\"1.0\" standalone=\"yes\"?>").to_owned();
    let title = lang.pick("Scellé — kit de récupération", "Scellé — recovery kit");
    let escaped = text.expose_secret().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Ok(SecretString::from(format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>@page{{size:A4;margin:15mm}}body{{font:10.5pt/1.35 sans-serif;color:#000}}\
         pre{{font:9pt/1.35 monospace;white-space:pre-wrap;overflow-wrap:anywhere}}svg{{float:right;width:45mm;height:45mm;margin:0 0 4mm 6mm}}\
         h1{{font-size:15pt}}</style><h1>{title}</h1>{picture}<pre>{escaped}</pre></html>\n",
        lang.code()
    )))
}

/// Writes a secret to a new file that only its owner may read.
pub fn write_private(path: &Path, secret: &SecretString) -> Result<()> {
    write_new(path, secret.expose_secret().as_bytes(), true)
}

fn write_new(path: &Path, bytes: &[u8], private: bool) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    if private {
        scelle_core::platform::private_file(&mut options);
    }
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => AgentError::file_exists(),
        _ => AgentError::io(&error),
    })?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
