//! The configuration file: TOML, every key known, every mistake named by line and key.
//!
//! From the text of the file to [`ConfigFile`]; `packaging/config.sample.toml` shows every key. Never: a
//! value of the file in an error, and never a secret in the file itself (a file name or a variable instead).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::civil::Date;
use scelle_format::report::Label;
use serde::{Deserialize, Deserializer};

use super::inert::{InertKey, inert_keys};
use super::lines::{key_of, line_of};
use super::log::LogTable;
use scelle_core::error::{AgentError, Result};
use scelle_store::s3::Proxy;
use scelle_view::words::failures::{ConfigFault, ConfigRule};

/// The file as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// `fr` or `en`.
    pub language: Option<String>,
    /// Where the repository is.
    pub repository: RepositoryTable,
    /// How the S3 service is reached.
    pub s3: S3Table,
    /// What is backed up, one table per plan.
    pub plan: Vec<Plan>,
    /// What may be used of the computer and the network.
    pub limits: Limits,
    /// What this computer keeps beyond the repository's policy.
    pub retention: Retention,
    /// The host of the data, as the reports name it.
    pub host: Option<Host>,
    /// Restore rehearsals.
    pub drill: DrillTable,
    /// The log.
    pub log: LogTable,
    /// Keys of this file that have no effect in this version.
    #[serde(skip)]
    pub inert: Vec<InertKey>,
}

/// `[repository]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepositoryTable {
    /// `file:///path` or `s3://bucket/prefix`.
    pub url: Option<String>,
    /// Whether it is outside the practice. Declared: nobody measures it.
    pub off_site: Option<bool>,
    /// For how many days nobody at this computer can remove what was written there (read-only snapshots of a NAS, say).
    /// Declared: counts where the store has no lock of its own to measure.
    pub immutable_days: Option<u32>,
}

/// `[s3]`. The secret is in a file or a variable, never here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Table {
    /// `https://host[:port]`.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Identifier of the access key.
    pub access_key_id: Option<String>,
    /// File that holds the secret half; relative to the configuration's folder.
    pub secret_key_file: Option<PathBuf>,
    /// `http://host[:port]` of the proxy on the way, without user and password.
    pub proxy: Option<String>,
    /// File that holds the proxy's `user:password`; relative to the configuration's folder.
    pub proxy_credentials_file: Option<PathBuf>,
    /// Hosts that are reached without the proxy, as `NO_PROXY` lists them.
    pub no_proxy: Option<String>,
    /// File with certificates of authorities beside the system's, in PEM; relative to the configuration's folder.
    pub ca_file: Option<PathBuf>,
    /// Where the keys of files stand that are read later.
    #[serde(skip)]
    pub places: S3Places,
}

/// File and line (`config.toml:12`) of keys in `[s3]`.
#[derive(Clone, Debug, Default)]
pub struct S3Places {
    /// Of `proxy_credentials_file`.
    pub proxy_credentials_file: String,
    /// Of `ca_file`.
    pub ca_file: String,
}

/// `[[plan]]`: a set of folders backed up together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Short name: letters, digits, `-` and `_`.
    pub name: String,
    /// Label shown in reports instead of paths; the name when absent.
    pub label: Option<String>,
    /// Absolute paths of files and folders.
    pub paths: Vec<PathBuf>,
    /// Globs left out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// When, in cron syntax of five fields (or six with seconds in front), weekdays by name.
    pub schedule: Option<String>,
}

/// `[limits]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most bytes sent per second.
    pub upload_bytes_per_second: Option<u64>,
    /// Most memory used, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most processor threads used.
    pub threads: Option<usize>,
}

/// `[retention]`: a device may only keep *more* than the signed policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Newest snapshots kept, whatever their age.
    pub keep_last: Option<u32>,
    /// Days with one snapshot kept.
    pub keep_daily: Option<u32>,
    /// Weeks with one snapshot kept.
    pub keep_weekly: Option<u32>,
    /// Months with one snapshot kept.
    pub keep_monthly: Option<u32>,
    /// Years with one snapshot kept.
    pub keep_yearly: Option<u32>,
}

/// `[host]`: what the practice knows of its health-data host (HDS).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Name on the certificate.
    pub name: String,
    /// First day of the certificate, `YYYY-MM-DD`.
    #[serde(default, deserialize_with = "day")]
    pub certified_from: Option<Date>,
    /// Last day of the certificate, `YYYY-MM-DD`.
    #[serde(default, deserialize_with = "day")]
    pub certified_until: Option<Date>,
    /// Country of the data centre, two letters (ISO 3166-1).
    pub country: Option<String>,
}

/// A day written as text, `"2028-02-29"`.
fn day<'de, D: Deserializer<'de>>(input: D) -> std::result::Result<Option<Date>, D::Error> {
    let text = String::deserialize(input)?;
    text.parse().map(Some).map_err(|_| serde::de::Error::custom("not a day"))
}

/// `[drill]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrillTable {
    /// Days whose backups this computer can rehearse restoring; 0 is strict.
    pub days: Option<u32>,
}

/// Reads the text of a configuration. `name` is the file's name, for the place of an error.
pub fn parse(text: &str, name: &str) -> Result<ConfigFile> {
    // Editors on Windows leave a byte-order mark; it must not shift the spans of errors.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut file: ConfigFile = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let (line, key) = line_and_key(text, offset);
        // The parser's own words may hold a value of the file: only its kind is used.
        AgentError::config_invalid(fault(error.message(), key)).at(format!("{name}:{line}"))
    })?;
    check(&file).map_err(|rule| {
        let line = text.lines().position(|line| key_of(line) == rule.key()).map_or(1, |index| index + 1);
        AgentError::config_invalid(ConfigFault::Breaks(rule)).at(format!("{name}:{line}"))
    })?;
    file.inert = inert_keys(text, name);
    let place = |key| format!("{name}:{}", line_of(text, "s3", key));
    file.s3.places =
        S3Places { proxy_credentials_file: place("proxy_credentials_file"), ca_file: place("ca_file") };
    Ok(file)
}

fn line_and_key(text: &str, offset: usize) -> (usize, String) {
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    (number, key_of(line).to_owned())
}

fn fault(parser: &str, key: String) -> ConfigFault {
    if parser.starts_with("unknown field") {
        ConfigFault::UnknownKey(key)
    } else if parser.starts_with("missing field") {
        // "missing field `name`": the field is one of ours, not something from the file.
        ConfigFault::KeyMissing(parser.split('`').nth(1).unwrap_or_default().to_owned())
    } else if parser.starts_with("duplicate key") {
        ConfigFault::KeyTwice(key)
    } else if parser.starts_with("invalid type") || parser.starts_with("invalid value") {
        ConfigFault::OtherType(key)
    } else if key.is_empty() {
        ConfigFault::NoToml
    } else {
        ConfigFault::ValueUnclear(key)
    }
}

/// An address, without user and password: these would be shown with the file.
fn is_proxy_without_login(text: &str) -> bool {
    text.starts_with("http://") && Proxy::parse(text).is_some_and(|proxy| !proxy.has_login())
}

/// What the types cannot say. The key of a rule names the line.
fn check(file: &ConfigFile) -> std::result::Result<(), ConfigRule> {
    if file.language.as_deref().is_some_and(|language| !matches!(language, "fr" | "en")) {
        return Err(ConfigRule::Language);
    }
    let mut names = Vec::new();
    let mut sets: Vec<BTreeSet<&PathBuf>> = Vec::new();
    for plan in &file.plan {
        // A plan's history is known by its folders: two with the same ones would be taken for one.
        let set: BTreeSet<&PathBuf> = plan.paths.iter().collect();
        if sets.contains(&set) {
            return Err(ConfigRule::OtherPaths);
        }
        sets.push(set);
        if names.contains(&&plan.name) {
            return Err(ConfigRule::PlanName);
        }
        names.push(&plan.name);
        check_plan(plan)?;
    }
    if file.s3.proxy.as_deref().is_some_and(|text| !is_proxy_without_login(text)) {
        return Err(ConfigRule::Proxy);
    }
    if file.limits.upload_bytes_per_second == Some(0) {
        return Err(ConfigRule::AboveZero("upload_bytes_per_second"));
    }
    if file.limits.threads == Some(0) {
        return Err(ConfigRule::AboveZero("threads"));
    }
    if file.log.keep_days == Some(0) {
        return Err(ConfigRule::AboveZero("keep_days"));
    }
    if file.host.as_ref().is_some_and(|host| Label::parse(&host.name).is_err()) {
        return Err(ConfigRule::Host);
    }
    let country = file.host.as_ref().and_then(|host| host.country.as_deref());
    if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(ConfigRule::Country);
    }
    Ok(())
}

fn check_plan(plan: &Plan) -> std::result::Result<(), ConfigRule> {
    let plain = plan.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !plain || plan.name.is_empty() || plan.name.len() > 64 {
        return Err(ConfigRule::PlanName);
    }
    if plan.label.as_deref().is_some_and(|text| Label::parse(text).is_err()) {
        return Err(ConfigRule::PlanLabel);
    }
    if plan.paths.is_empty() || plan.paths.iter().any(|path| !path.is_absolute()) {
        return Err(ConfigRule::AbsolutePaths);
    }
    if scelle_core::scan::PathFilter::new(&[], &plan.exclude, &[]).is_err() {
        return Err(ConfigRule::Exclude);
    }
    if plan.schedule.as_deref().is_some_and(|text| schedule(text).is_none()) {
        return Err(ConfigRule::Schedule);
    }
    Ok(())
}

/// A schedule from cron text: five fields, or six with seconds in front. Weekday *numbers* are refused:
/// Sunday is 0 for Unix cron and 1 for the library, and a wrong day would go unnoticed.
pub fn schedule(text: &str) -> Option<cron::Schedule> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) || fields.last()?.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let seconds = if fields.len() == 5 { "0 " } else { "" };
    cron::Schedule::from_str(&format!("{seconds}{}", fields.join(" "))).ok()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
