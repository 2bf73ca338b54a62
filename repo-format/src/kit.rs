//! The paper kit: what remains when the PC is gone.
//!
//! For: opening and owning a repository from one printed page. Data comes as random bytes or as typed text and
//! leaves as text or as the public half. Never: written to a disk by this crate, shown by `Debug`, or needed
//! for an ordinary backup; `init` works from [`KitPublic`] alone.
//!
//! The page is a valid age identity file: one `AGE-SECRET-KEY-PQ-1…` line, the rest in `#` lines. Check
//! characters say in which group a typing mistake is.

mod checks;
mod public;
mod text;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use public::KitPublic;

use crate::crypto::PqIdentity;
use crate::note::{NoteError, SigningKey};
use crate::phrase::{self, Language};
use crate::random::Random;
use crate::{fingerprint, kit::checks::base32_value};

/// Longest kit text that is parsed.
pub const MAX_KIT_BYTES: usize = 64 * 1024;
/// Most `where` lines, and characters kept of each.
const MAX_PLACES: usize = 16;
const MAX_PLACE_CHARS: usize = 300;

const MAGIC: &str = "scelle-kit";
const VERSION: &str = "v1";
const REPOSITORY_CHARS: usize = 26;
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-1";
/// Bech32 characters after the prefix: 52 of seed, 6 of checksum.
const IDENTITY_DATA_CHARS: usize = 58;
const IDENTITY_GROUP_CHARS: usize = 6;
const OWNER_GROUP_CHARS: usize = 4;
const OWNER_GROUPS: usize = 13;

/// A line of the kit that a person may have to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KitLine {
    /// `AGE-SECRET-KEY-PQ-1…`
    Identity,
    /// `# groups …`: check characters of the identity line.
    Groups,
    /// `# owner …`
    Owner,
    /// `# owner-fingerprint …`: six words.
    OwnerFingerprint,
    /// `# repository …`
    Repository,
}

/// Why a text is not a usable kit. Carries no part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// Not a kit at all, or with lines twice.
    #[error("not a recovery kit")]
    NotAKit,
    /// A kit of another version of the format.
    #[error("a recovery kit of an unknown version")]
    Version,
    /// A line is absent.
    #[error("the kit lacks its line {0:?}")]
    Missing(KitLine),
    /// A line does not check. `group` counts from 1 in the groups of that line (6 characters after
    /// `AGE-SECRET-KEY-PQ-1` for the identity, 5 for the owner line, words for the fingerprint). 0: the fixed
    /// beginning of the identity line, or a mistake that the groups do not locate.
    #[error("a mistyped character in the line {line:?}, group {group}")]
    Mistyped {
        /// Which line.
        line: KitLine,
        /// Which group of it.
        group: u32,
    },
    /// The public half is not in its format, or is not signed by its own owner key.
    #[error("not a public kit, or altered")]
    Public,
    /// A key name could not be made, or a signature is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// A repository's id and its two root keys.
pub struct Kit {
    /// 26 characters of lower-case base32: 16 random bytes, made here.
    pub repository: String,
    /// Opens every epoch.
    pub recovery: PqIdentity,
    /// Signs the descriptor; named `scelle/<repository>/owner`.
    pub owner: SigningKey,
    /// Where the backups are and whom to ask, one line each, for the person who holds only this page.
    pub places: Vec<String>,
}

impl Kit {
    /// A new kit: new repository id, new keys.
    pub fn generate(random: &mut dyn Random) -> Result<Self, KitError> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let repository = checks::base32_encode(&id);
        let recovery = PqIdentity::generate(random);
        let owner = SigningKey::generate(&owner_name(&repository), random)?;
        Ok(Self { repository, recovery, owner, places: Vec::new() })
    }

    /// The half that `init` needs, signed by the owner key.
    pub fn public(&self) -> Result<KitPublic, KitError> {
        KitPublic::sign(self)
    }

    /// The page to print. `language` chooses the fingerprint's words; explanations are in French, then English.
    /// `created` is a date for the reader.
    #[must_use]
    pub fn to_file_text(&self, language: Language, created: &str) -> SecretString {
        text::write(self, language, created)
    }

    /// Reads a kit from its file, or as typed from paper: case, spaces, hyphens and line ends do not matter.
    pub fn parse(typed: &str) -> Result<Self, KitError> {
        let lines = text::Lines::find(typed)?;
        let repository = parse_repository(lines.repository.ok_or(KitError::Missing(KitLine::Repository))?)?;
        let recovery =
            parse_identity(lines.identity.ok_or(KitError::Missing(KitLine::Identity))?, lines.groups)?;
        let seed = parse_owner(lines.owner.ok_or(KitError::Missing(KitLine::Owner))?)?;
        let owner = SigningKey::from_seed(&owner_name(&repository), &seed)?;
        let words = lines.fingerprint.ok_or(KitError::Missing(KitLine::OwnerFingerprint))?;
        check_fingerprint(&owner, words)?;
        Ok(Self { repository, recovery, owner, places: lines.places })
    }
}

fn owner_name(repository: &str) -> String {
    format!("scelle/{repository}/owner")
}

/// `<26 characters> <2 check characters>`, or the error that points at it.
fn repository_line(repository: &str) -> String {
    let values: Vec<u8> = repository.bytes().filter_map(base32_value).collect();
    let [first, second] = checks::check::<2>(&values, 1);
    format!("{repository} {}{}", checks::base32_symbol(first), checks::base32_symbol(second))
}

fn parse_repository(typed: &str) -> Result<String, KitError> {
    let mistyped = KitError::Mistyped { line: KitLine::Repository, group: 0 };
    let typed = compact(typed);
    let values: Vec<u8> = typed.bytes().map_while(base32_value).collect();
    if values.len() != REPOSITORY_CHARS + 2 || typed.len() != values.len() {
        return Err(mistyped);
    }
    let (id, check) = values.split_at(REPOSITORY_CHARS);
    if checks::check::<2>(id, 1) != check || !checks::unpack(id, &mut [0; 16]) {
        return Err(mistyped);
    }
    Ok(typed[..REPOSITORY_CHARS].to_ascii_lowercase())
}

/// Two check characters for each group of six after the fixed beginning of the identity line.
fn groups_line(identity: &str) -> String {
    let data = identity.get(IDENTITY_PREFIX.len()..).unwrap_or_default();
    let mut line = String::with_capacity(40);
    for (number, group) in (1..).zip(data.as_bytes().chunks(IDENTITY_GROUP_CHARS)) {
        if number > 1 {
            line.push('-');
        }
        line.extend(identity_check(group, number).map(checks::base32_symbol));
    }
    line
}

fn identity_check(group: &[u8], number: usize) -> [u8; 2] {
    let values =
        Zeroizing::new(group.iter().filter_map(|&symbol| checks::bech32_value(symbol)).collect::<Vec<_>>());
    checks::check::<2>(&values, number)
}

fn parse_identity(typed: &str, groups: Option<&str>) -> Result<PqIdentity, KitError> {
    let mut line = Zeroizing::new(String::with_capacity(typed.len()));
    line.extend(typed.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()));
    if let Ok(identity) = PqIdentity::parse(&line) {
        return Ok(identity);
    }
    let group = match line.strip_prefix(IDENTITY_PREFIX) {
        Some(data) => locate_identity_group(data, groups.ok_or(KitError::Missing(KitLine::Groups))?),
        None => 0,
    };
    Err(KitError::Mistyped { line: KitLine::Identity, group })
}

/// The first group whose check characters do not fit: a wrong character disturbs its own group only, a lost or
/// doubled one disturbs everything from its group on.
fn locate_identity_group(data: &str, groups: &str) -> u32 {
    let checks_typed: Vec<Option<u8>> = compact(groups).bytes().map(base32_value).collect();
    let fits = |number: usize, group: &[u8]| {
        let typed = checks_typed.get(2 * number - 2..2 * number);
        let clean = group.iter().all(|&symbol| checks::bech32_value(symbol).is_some());
        clean && typed == Some(identity_check(group, number).map(Some).as_slice())
    };
    let found =
        (1..).zip(data.as_bytes().chunks(IDENTITY_GROUP_CHARS)).find(|&(number, group)| !fits(number, group));
    match found {
        Some((number, _)) => number as u32,
        None if data.len() < IDENTITY_DATA_CHARS => (data.len() / IDENTITY_GROUP_CHARS + 1) as u32,
        None => 0,
    }
}

/// The owner seed in 13 groups of four characters, each followed by its check character.
fn owner_line(seed: &[u8; 32]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(checks::base32_encode(seed));
    let mut line = Zeroizing::new(String::with_capacity(OWNER_GROUPS * (OWNER_GROUP_CHARS + 2)));
    for (number, group) in (1..).zip(encoded.as_bytes().chunks(OWNER_GROUP_CHARS)) {
        if number > 1 {
            line.push('-');
        }
        let values =
            Zeroizing::new(group.iter().filter_map(|&symbol| base32_value(symbol)).collect::<Vec<_>>());
        line.extend(group.iter().copied().map(char::from));
        line.extend(checks::check::<1>(&values, number).map(checks::base32_symbol));
    }
    line
}

fn parse_owner(typed: &str) -> Result<Zeroizing<[u8; 32]>, KitError> {
    let mistyped = |group: usize| KitError::Mistyped { line: KitLine::Owner, group: group as u32 };
    let typed = Zeroizing::new(compact(typed));
    let mut values = Zeroizing::new(Vec::with_capacity(OWNER_GROUPS * OWNER_GROUP_CHARS));
    let mut number = 0;
    for group in typed.as_bytes().chunks(OWNER_GROUP_CHARS + 1) {
        number += 1;
        let group =
            Zeroizing::new(group.iter().map_while(|&symbol| base32_value(symbol)).collect::<Vec<_>>());
        match group.split_last() {
            Some((check, data))
                if data.len() == OWNER_GROUP_CHARS && checks::check(data, number) == [*check] =>
            {
                values.extend_from_slice(data);
            }
            _ => return Err(mistyped(number)),
        }
    }
    let mut seed = Zeroizing::new([0; 32]);
    match number {
        OWNER_GROUPS if checks::unpack(&values, seed.as_mut_slice()) => Ok(seed),
        OWNER_GROUPS => Err(mistyped(OWNER_GROUPS)),
        fewer if fewer < OWNER_GROUPS => Err(mistyped(fewer + 1)),
        _ => Err(mistyped(0)),
    }
}

/// The six words cover repository id and owner key together: the last proof that every group was right.
fn check_fingerprint(owner: &SigningKey, typed: &str) -> Result<(), KitError> {
    let typed_words = phrase::normalize(typed);
    let sha256 = owner.verifying_key().sha256();
    let fits = |language| {
        phrase::normalize(&fingerprint::six_words(&sha256, language)).expose_secret()
            == typed_words.expose_secret()
    };
    if fits(Language::French) || fits(Language::English) {
        return Ok(());
    }
    let group = phrase::unknown_words(typed).first().map_or(0, |&position| position as u32);
    Err(KitError::Mistyped { line: KitLine::OwnerFingerprint, group })
}

/// Without the separators a person may add or drop.
fn compact(typed: &str) -> String {
    let mut out = String::with_capacity(typed.len());
    out.extend(typed.chars().filter(|&c| !c.is_whitespace() && c != '-'));
    out
}
