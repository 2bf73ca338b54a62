//! The page itself: its wording, and finding its lines again.
//!
//! For: [`super::Kit`]. Data comes as the values of a kit or as typed text. Never: interprets a line's content.

use secrecy::SecretString;
use zeroize::Zeroize;

use super::error::KitError;
use crate::phrase::Language;

/// Longest kit text that is parsed.
pub const MAX_KIT_BYTES: usize = 64 * 1024;
/// Most `where` lines, and characters kept of each.
const MAX_PLACES: usize = 16;
const MAX_PLACE_CHARS: usize = 300;

const MAGIC: &str = "scelle-kit";
const VERSION: &str = "v1";

const FRENCH: &str = "\
KIT DE SECOURS SCELLÉ

Cette page ouvre toutes les sauvegardes du dépôt nommé ci-dessus, sur
n'importe quel ordinateur, même si celui du cabinet a disparu. Sans elle,
ni l'hébergeur ni l'éditeur ne peuvent vous rendre vos données.

1. Imprimez-la deux fois et vérifiez que chaque ligne est lisible.
2. Rangez les deux feuilles dans deux lieux différents, par exemple un
   coffre hors du cabinet et chez un confrère ou un notaire.
3. Ne laissez pas ce fichier sur le PC : supprimez-le une fois imprimé.
4. Qui lit cette page peut lire vos sauvegardes. Si une feuille est perdue,
   faites un nouveau kit.

À la saisie, majuscules, espaces et tirets ne comptent pas, et une faute de
frappe est signalée par le numéro de son groupe.

Cette page est aussi un fichier d'identité age (age-encryption.org, version
1.3 ou plus récente).";

const ENGLISH: &str = "\
SCELLÉ RECOVERY KIT

This page opens every backup of the repository named above, on any computer,
even if the practice's own is gone. Without it neither the host nor the
software's publisher can give you your data back.

1. Print it twice and check that every line can be read.
2. Keep the two sheets at two different places, for instance a safe outside
   the practice and with a colleague or a notary.
3. Do not leave this file on the PC: delete it once printed.
4. Whoever reads this page can read your backups. If a sheet is lost, make a
   new kit.

When typing, case, spaces and hyphens do not matter, and a mistake is
reported by the number of its group.

This is also an age identity file (age-encryption.org, version 1.3 or later).";

/// The values of a page, each as it stands in its line.
pub(super) struct Page<'k> {
    pub(super) explanation: &'k str,
    pub(super) repository: &'k str,
    pub(super) created: &'k str,
    pub(super) places: &'k [String],
    pub(super) owner: &'k str,
    pub(super) fingerprint: &'k str,
    pub(super) groups: &'k str,
    pub(super) identity: &'k str,
}

/// How much of a page is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PageExtent {
    /// All of it.
    Whole,
    /// The lines that have a meaning.
    Lines,
}

/// What the page says to people.
pub(super) fn explanation(language: Language) -> &'static str {
    match language {
        Language::French => FRENCH,
        Language::English => ENGLISH,
    }
}

/// The page.
pub(super) fn write(kit: &Page<'_>, extent: PageExtent) -> SecretString {
    // Reserved once, so that growth leaves no copy of the secrets behind.
    let mut page = String::with_capacity(MAX_KIT_BYTES);
    let mut line = |key: &str, value: &str| {
        let parts: [&str; 5] =
            ["#", if key.is_empty() { "" } else { " " }, key, if value.is_empty() { "" } else { " " }, value];
        parts.iter().for_each(|part| page.push_str(part));
        page.push('\n');
    };
    line(MAGIC, VERSION);
    line("repository", kit.repository);
    if extent == PageExtent::Whole {
        line("created", &one_line(kit.created));
        line("", "");
        kit.explanation.lines().for_each(|text| line("", text));
        line("", "");
    }
    kit.places.iter().take(MAX_PLACES).for_each(|place| line("where", &one_line(place)));
    line("owner", kit.owner);
    line("owner-fingerprint", kit.fingerprint);
    line("groups", kit.groups);
    page.push_str(kit.identity);
    page.push('\n');

    let exact = page.as_str().into();
    page.zeroize();
    SecretString::new(exact)
}

fn one_line(text: &str) -> String {
    text.trim().chars().take(MAX_PLACE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The lines of a kit, uninterpreted.
#[derive(Default)]
pub(super) struct KitLines<'t> {
    pub(super) repository: Option<&'t str>,
    pub(super) identity: Option<&'t str>,
    pub(super) groups: Option<&'t str>,
    pub(super) owner: Option<&'t str>,
    pub(super) fingerprint: Option<&'t str>,
    pub(super) places: Vec<String>,
}

impl<'t> KitLines<'t> {
    pub(super) fn find(typed: &'t str) -> Result<Self, KitError> {
        if typed.len() > MAX_KIT_BYTES {
            return Err(KitError::NotAKit);
        }
        let mut found = Self::default();
        let mut version = None;
        for line in
            typed.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty())
        {
            let Some(comment) = line.strip_prefix('#') else {
                once(&mut found.identity, line)?;
                continue;
            };
            let comment = comment.trim();
            let (key, value) = comment.split_once(char::is_whitespace).unwrap_or((comment, ""));
            let value = value.trim();
            match key.to_lowercase().as_str() {
                MAGIC => once(&mut version, value)?,
                "repository" => once(&mut found.repository, value)?,
                "groups" => once(&mut found.groups, value)?,
                "owner" => once(&mut found.owner, value)?,
                "owner-fingerprint" => once(&mut found.fingerprint, value)?,
                "where" if found.places.len() < MAX_PLACES => found.places.push(one_line(value)),
                _ => {}
            }
        }
        match version {
            None => Err(KitError::NotAKit),
            Some(version) if version.eq_ignore_ascii_case(VERSION) => Ok(found),
            Some(_) => Err(KitError::Version),
        }
    }
}

fn once<'t>(slot: &mut Option<&'t str>, value: &'t str) -> Result<(), KitError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(KitError::NotAKit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence that began with a keyword would be taken for that line.
    #[test]
    fn no_sentence_begins_with_a_keyword() {
        for text in [FRENCH, ENGLISH].iter().flat_map(|page| page.lines()) {
            let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
            assert!(
                ![MAGIC, "repository", "groups", "owner", "owner-fingerprint", "where"]
                    .contains(&first.as_str())
            );
            assert!(text.chars().count() <= 78);
        }
    }
}
