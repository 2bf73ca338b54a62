//! The values that options take, read and bounded.
//!
//! From one word to a typed value. Never: a value repeated in an error.

use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use scelle_core::bilan::Anchor;
use scelle_core::connect::policy::{PolicyEngine, StoreRole};
use scelle_core::look::spec::Wanted;
use scelle_format::ledger::{Author, Because};
use scelle_view::words::Lang;

/// Reads what the variable of a switch takes.
pub fn yes_or_no(word: &str) -> Result<bool, &'static str> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "y" | "yes" | "t" | "true" | "on" => Ok(true),
        "" | "0" | "n" | "no" | "f" | "false" | "off" => Ok(false),
        _ => Err("expected yes or no"),
    }
}

/// Reads what `--lang` takes.
pub fn language() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(Lang::ALL.map(Lang::code))
        .try_map(|code| Lang::from_code(&code).ok_or("expected fr or en"))
}

/// What `--progress` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressFormat {
    /// NDJSON on standard error.
    Json,
    /// Notices only.
    None,
}

/// What to do with a file that exists where one is to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OverwriteWhen {
    /// Leave it alone.
    Never,
    /// Replace it where its content differs.
    Changed,
    /// Replace it.
    Always,
}

/// How much of the stored data to read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadDataAsked {
    /// A share of the packs, 1 to 100.
    Percent(u8),
    /// Every pack.
    All,
}

impl FromStr for ReadDataAsked {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let digits = text.trim_end().trim_end_matches('%').trim_end();
        match digits.parse() {
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ => Err("expected 1 to 100, or all"),
        }
    }
}

/// Formats of an exported report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BilanFormat {
    /// One JSON document: the record and its signature.
    Json,
    /// A page (later version).
    Html,
    /// PDF/A (later version).
    Pdf,
    /// A table (later version).
    Csv,
}

/// Reads what `restore` takes: a snapshot, or a path and a snapshot.
pub(super) fn wanted() -> impl TypedValueParser<Value = Wanted> {
    OsStringValueParser::new().try_map(|word| Wanted::parse(&scelle_core::platform::os_to_bytes(&word)))
}

/// The owner's fingerprint.
pub(super) fn fingerprint(text: &str) -> Result<Anchor, &'static str> {
    Anchor::typed(text).ok_or("expected six words or 64 hexadecimal digits")
}

/// Reads a role in a store.
pub(super) fn store_role() -> impl TypedValueParser<Value = StoreRole> {
    PossibleValuesParser::new(StoreRole::ALL.map(StoreRole::name)).try_map(|name| {
        StoreRole::ALL.into_iter().find(|role| role.name() == name).ok_or("expected agent, restorer or owner")
    })
}

/// Reads an engine.
pub(super) fn policy_engine() -> impl TypedValueParser<Value = PolicyEngine> {
    PossibleValuesParser::new(PolicyEngine::ALL.map(PolicyEngine::name)).try_map(|name| {
        let found = PolicyEngine::ALL.into_iter().find(|engine| engine.name() == name);
        found.ok_or("expected aws, ceph, seaweedfs or vault")
    })
}

/// A shell that can be taught to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// A post-quantum age recipient.
pub(super) fn recipient(text: &str) -> Result<String, &'static str> {
    let body = text.strip_prefix("age1pq1").unwrap_or_default();
    let plain = body.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if plain && body.len() > 1000 { Ok(text.to_owned()) } else { Err("expected age1pq1…") }
}

/// Who acknowledges.
pub(super) fn author(text: &str) -> Result<Author, &'static str> {
    Author::parse(text).map_err(|_| "expected secretary, practitioner, responsible or provider")
}

/// Why.
pub(super) fn because(text: &str) -> Result<Because, &'static str> {
    Because::parse(text).map_err(|_| "expected moved, deleted-on-purpose, archived, replaced or other")
}

/// Bytes per second: digits, with K, M or G for thousands, millions, thousands of millions.
pub(super) fn byte_rate(text: &str) -> Result<u64, &'static str> {
    const HELP: &str = "expected bytes per second: 500000, 500K or 2M";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(HELP),
    };
    let number: u64 = digits.parse().map_err(|_| HELP)?;
    number.checked_mul(unit).filter(|&rate| rate > 0).ok_or(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_data_takes_a_share_or_all() {
        assert_eq!("10".parse(), Ok(ReadDataAsked::Percent(10)));
        assert_eq!("100 %".parse(), Ok(ReadDataAsked::Percent(100)));
        assert_eq!("ALL".parse(), Ok(ReadDataAsked::All));
        for wrong in ["0", "101", "", "-5", "half"] {
            assert!(wrong.parse::<ReadDataAsked>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rates_take_a_unit() {
        assert_eq!(byte_rate("500000"), Ok(500_000));
        assert_eq!(byte_rate("2m"), Ok(2_000_000));
        for wrong in ["", "0", "M", "2T", "99999999999G", "-1"] {
            assert!(byte_rate(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn recipients_are_post_quantum() {
        assert!(recipient(&format!("age1pq1{}", "q".repeat(1900))).is_ok());
        assert!(recipient("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p").is_err());
        assert!(recipient("AGE-SECRET-KEY-PQ-1QQQ").is_err());
    }
}
