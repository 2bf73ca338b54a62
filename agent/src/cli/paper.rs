//! What stands on the paper of a recovery kit: the page around its secret, the code to be scanned, the groups to be typed.
//!
//! From a kit and where its repository is to one page of HTML. Never: written or shown by itself; it holds the secret.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use scelle_core::error::{AgentError, Result};
use scelle_core::run::KitPlace;
use scelle_format::fingerprint::six_words;
use scelle_format::kit::Kit;
use scelle_format::phrase::Language;
use scelle_view::pages::kit::{KitFacts, KitPage, kit_page};
use scelle_view::words::Lang;
use secrecy::{ExposeSecret as _, SecretString};

/// What the identity line of a kit begins with, before its groups.
const IDENTITY: &str = "AGE-SECRET-KEY-PQ-1";
const IDENTITY_GROUP_CHARS: usize = 6;

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

/// The page to print: what may be known, a QR code of the lines that have a meaning, and these lines to be typed.
pub fn page(kit: &Kit, place: &KitPlace<'_>, day: &str, lang: Lang) -> Result<SecretString> {
    let lines = kit.to_lines(language(lang));
    let code =
        QrCode::with_error_correction_level(lines.expose_secret(), EcLevel::M).map_err(AgentError::bug)?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    let picture = picture.trim_start_matches("<?xml version=\"1.0\" standalone=\"yes\"?>");
    let facts = KitFacts {
        repository: &kit.repository,
        created: day,
        owner: &owner_words(kit, lang),
        recovery: &six_words(&kit.recovery.recipient().sha256(), language(lang)),
        address: place.address.as_deref(),
        endpoint: place.endpoint,
        region: place.region,
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
