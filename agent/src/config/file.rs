//! The configuration file: TOML, every key known, every mistake named by line and key.
//!
//! From the text of the file to [`ConfigFile`]; `packaging/config.sample.toml` shows every key. Never: a
//! value of the file in an error, and never a secret in the file itself (a file name or a variable instead).

use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::inert::InertKey;
use super::log::LogTable;

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
    /// The service.
    pub agent: AgentTable,
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

/// `[agent]`: what the service does by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentTable {
    /// IANA name of the zone in which schedules and closures are written.
    pub time_zone: Option<String>,
    /// A run begins at most so many minutes after its time.
    pub jitter_minutes: Option<u32>,
    /// Days without a backup, `2027-08-01/2027-08-21`, both included.
    pub closures: Vec<String>,
}
