//! The values of the kit's lines, with the check characters that stand beside them.
//!
//! For: the kit and its public half. Data comes as a key or as a typed line and leaves as the other. Never: says which line
//! a text is (see [`super::text`]), or repeats a part of it in an error.

use zeroize::Zeroizing;

use super::checks::{self, base32_value};
use super::error::{KitError, KitLine};
use crate::crypto::PqIdentity;

const REPOSITORY_CHARS: usize = 26;
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-1";
/// Bech32 characters after the prefix: 52 of seed, 6 of checksum.
const IDENTITY_DATA_CHARS: usize = 58;
const IDENTITY_GROUP_CHARS: usize = 6;
const OWNER_GROUP_CHARS: usize = 4;
const OWNER_GROUPS: usize = 13;

/// The owner key's name.
pub(super) fn owner_name(repository: &str) -> String {
    format!("scelle/{repository}/owner")
}

/// Whether `text` is a repository id as it is written: lower case, no spare bits.
pub(super) fn is_repository_id(text: &str) -> bool {
    let values: Vec<u8> = text.bytes().filter_map(base32_value).collect();
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && text.len() == REPOSITORY_CHARS && checks::unpack(&values, &mut [0; 16])
}

/// `<26 characters> <2 check characters>`, or the error that points at it.
pub(super) fn repository_line(repository: &str) -> String {
    let values: Vec<u8> = repository.bytes().filter_map(base32_value).collect();
    let [first, second] = checks::check::<2>(&values, 1);
    format!("{repository} {}{}", checks::base32_symbol(first), checks::base32_symbol(second))
}

/// The repository id of a typed line.
pub(super) fn parse_repository(typed: &str) -> Result<String, KitError> {
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
pub(super) fn groups_line(identity: &str) -> String {
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

/// The recovery identity of a typed line, or the group of `groups` that it does not fit.
pub(super) fn parse_identity(typed: &str, groups: Option<&str>) -> Result<PqIdentity, KitError> {
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
pub(super) fn owner_line(seed: &[u8; 32]) -> Zeroizing<String> {
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

/// The owner seed of a typed line.
pub(super) fn parse_owner(typed: &str) -> Result<Zeroizing<[u8; 32]>, KitError> {
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

/// Without the separators a person may add or drop.
fn compact(typed: &str) -> String {
    let mut out = String::with_capacity(typed.len());
    out.extend(typed.chars().filter(|&c| !c.is_whitespace() && c != '-'));
    out
}
