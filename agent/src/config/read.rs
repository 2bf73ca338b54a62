//! From the text of a configuration to its tables and to everything that is wrong with it, all at once.
//!
//! The tree of the text is read into [`ConfigFile`]; what does not fit is named with its line, taken out of the tree, and the rest
//! is read again. Then the [`super::rules`] are asked. Never: a value of the file.

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::{ConfigFile, S3Places};
use super::inert::inert_keys;
use super::lines::{key_of, line_of};
use super::rules::{Broken, broken};
use scelle_core::error::{AgentError, Result};
use scelle_view::words::failures::ConfigFault;

/// Faults named of one file.
const FAULTS_MAX: usize = 50;
/// Keys without which their table is none.
const REQUIRED: [&str; 2] = ["name", "paths"];

/// A configuration as far as it can be read.
pub struct Whole {
    /// Without what is wrong; `None` where it is no TOML at all.
    pub file: Option<ConfigFile>,
    /// What is wrong, exit 2 each, by line.
    pub faults: Vec<AgentError>,
}

/// Reads the text of a configuration. `name` is the file's name, for the place of an error.
///
/// Errors: exit 2 the first of its faults.
pub fn parse(text: &str, name: &str) -> Result<ConfigFile> {
    let Whole { file, faults } = read(text, name);
    match (faults.into_iter().next(), file) {
        (None, Some(file)) => Ok(file),
        (Some(fault), _) => Err(fault),
        (None, None) => Err(AgentError::config_unreadable().at(name)),
    }
}

/// Reads a text. `name` is the file's name, for the places.
pub fn read(text: &str, name: &str) -> Whole {
    // Editors on Windows leave a byte-order mark; it must not shift the spans of errors.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found: Vec<(usize, ConfigFault)> = Vec::new();
    let mut tree = match DeTable::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            let (line, fault) = fault_of(&error, text);
            return Whole { file: None, faults: vec![at(name, line, fault)] };
        }
    };
    let file = loop {
        match ConfigFile::deserialize(toml::Deserializer::from(tree.clone())) {
            Ok(file) => break Some(file),
            Err(error) => {
                found.push(fault_of(&error, text));
                let offset = error.span().map_or(0, |span| span.start);
                if found.len() == FAULTS_MAX || take_out(tree.get_mut(), offset) == Taken::Nothing {
                    break None;
                }
            }
        }
    };
    if let Some(file) = &file {
        found.extend(broken(file).into_iter().map(|broken| {
            let line = place_of(tree.get_ref(), &broken).map_or(1, |offset| line_at(text, offset));
            (line, ConfigFault::Breaks(broken.rule))
        }));
    }
    found.sort_by_key(|(line, _)| *line);
    let faults = found.into_iter().map(|(line, fault)| at(name, line, fault)).collect();
    let place = |key| format!("{name}:{}", line_of(text, "s3", key));
    let file = file.map(|mut file| {
        file.inert = inert_keys(text, name);
        file.s3.places =
            S3Places { proxy_credentials_file: place("proxy_credentials_file"), ca_file: place("ca_file") };
        file
    });
    Whole { file, faults }
}

fn at(name: &str, line: usize, fault: ConfigFault) -> AgentError {
    AgentError::config_invalid(fault).at(format!("{name}:{line}"))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset.min(text.len())).unwrap_or_default().matches('\n').count() + 1
}

/// The line and what is wrong there. The parser's own words may hold a value of the file: only names of our keys are taken.
fn fault_of(error: &toml::de::Error, text: &str) -> (usize, ConfigFault) {
    let line = line_at(text, error.span().map_or(0, |span| span.start));
    let key = key_of(text.lines().nth(line - 1).unwrap_or_default()).to_owned();
    let parser = error.message();
    // "unknown field `a`, expected one of `b`, `c`" and "missing field `name`": those that follow are ours.
    let ours = parser.split('`').skip(1).step_by(2);
    let fault = if parser.starts_with("unknown field") {
        ConfigFault::UnknownKey { close: closest(&key, ours.skip(1)), key }
    } else if parser.starts_with("missing field") {
        ConfigFault::KeyMissing(ours.take(1).collect())
    } else if parser.starts_with("duplicate key") {
        ConfigFault::KeyTwice(key)
    } else if parser.starts_with("invalid type") || parser.starts_with("invalid value") {
        ConfigFault::OtherType(key)
    } else if key.is_empty() {
        ConfigFault::NoToml
    } else {
        ConfigFault::ValueUnclear(key)
    };
    (line, fault)
}

/// The key of ours that was probably meant.
fn closest<'a>(key: &str, ours: impl Iterator<Item = &'a str>) -> Option<String> {
    let last = key.rsplit('.').next().unwrap_or_default();
    let near = (last.len() / 3).clamp(1, 3);
    let by_distance = ours.map(|ours| (strsim::osa_distance(last, ours), ours));
    by_distance.filter(|(distance, _)| *distance <= near).min().map(|(_, ours)| ours.to_owned())
}

/// What was taken out of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Nothing,
    Key,
    /// A key without which its table is none: the table goes, too.
    Required,
}

/// Takes the deepest entry out whose key or value is at `offset`.
fn take_out(table: &mut DeTable<'_>, offset: usize) -> Taken {
    for (_, value) in table.iter_mut() {
        let inside = match value.get_mut() {
            DeValue::Table(inner) => take_out(inner, offset),
            DeValue::Array(rows) => {
                let tables = rows.iter_mut().enumerate();
                let taken = tables
                    .map(|(index, row)| (index, take_out_of_row(row, offset)))
                    .find(|(_, taken)| *taken != Taken::Nothing);
                if let Some((index, Taken::Required)) = taken {
                    let others = rows.clone().into_iter().enumerate().filter(|(at, _)| *at != index);
                    *rows = others.map(|(_, row)| row).collect();
                }
                taken.map_or(Taken::Nothing, |_| Taken::Key)
            }
            _ => Taken::Nothing,
        };
        if inside != Taken::Nothing {
            return Taken::Key;
        }
    }
    let is_there = |span: std::ops::Range<usize>| span.contains(&offset);
    let here = table.iter().find(|(key, value)| is_there(key.span()) || is_there(value.span()));
    let Some(key) = here.map(|(key, _)| key.clone()) else { return Taken::Nothing };
    let is_required = REQUIRED.contains(&key.get_ref().as_ref());
    table.remove(&key);
    if is_required { Taken::Required } else { Taken::Key }
}

fn take_out_of_row(row: &mut Spanned<DeValue<'_>>, offset: usize) -> Taken {
    let is_its_head = row.span().contains(&offset);
    match row.get_mut() {
        DeValue::Table(inner) => match take_out(inner, offset) {
            // Something is missing from it: it can only go as a whole.
            Taken::Nothing if is_its_head => Taken::Required,
            taken => taken,
        },
        _ => Taken::Nothing,
    }
}

/// Where the key stands that a broken rule is about.
fn place_of(tree: &DeTable<'_>, broken: &Broken) -> Option<usize> {
    fn find<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<(usize, &'t DeValue<'i>)> {
        let (key, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((key.span().start, value.get_ref()))
    }
    let key = broken.rule.key();
    if broken.table.is_empty() {
        return find(tree, key).map(|(offset, _)| offset);
    }
    let (head, table) = find(tree, broken.table)?;
    let table = match table {
        DeValue::Table(table) => table,
        DeValue::Array(rows) => match rows.get(broken.row)?.get_ref() {
            DeValue::Table(table) => table,
            _ => return Some(head),
        },
        _ => return Some(head),
    };
    Some(find(table, key).map_or(head, |(offset, _)| offset))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
