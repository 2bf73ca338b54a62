//! What is to be logged, how, and where: the words of `--log-…`, of their variables and of `[log]`.
//!
//! From the options and the file to [`LogSettings`], which [`crate::log`] opens. Never: opens anything itself.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

/// Days whose files are kept where nobody said.
pub const KEEP_DAYS: u32 = 14;

/// How much is logged; each level has all of those above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// A command failed.
    Error,
    /// What the bilan says beside green, what could not be saved.
    Warn,
    /// Commands, stages and their figures.
    Info,
    /// Requests to the store, notes, retries.
    Debug,
    /// Files and bytes as they go by, counted.
    Trace,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogTable {
    /// How much.
    pub level: Option<LogLevel>,
    /// How it looks.
    pub format: Option<LogFormat>,
    /// File; relative to the configuration's folder. The day is put into its name.
    pub file: Option<PathBuf>,
    /// Days whose files are kept.
    pub keep_days: Option<u32>,
}

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct LogOverrides {
    /// How much.
    pub level: Option<LogLevel>,
    /// How it looks.
    pub format: Option<LogFormat>,
    /// File; relative to the working folder.
    pub file: Option<PathBuf>,
}

/// A log that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// How much; never [`LogLevel::Off`].
    pub level: LogLevel,
    /// How it looks.
    pub format: LogFormat,
    /// File, absolute; standard error where there is none.
    pub file: Option<PathBuf>,
    /// Days whose files are kept.
    pub keep_days: u32,
}

/// Merges both, what was typed first. `None` where neither a level nor a file is given: there is no log then.
pub fn log_settings(given: &LogOverrides, table: &LogTable, config_folder: &Path) -> Option<LogSettings> {
    let is_given = |path: &&PathBuf| !path.as_os_str().is_empty();
    let typed =
        given.file.as_ref().filter(is_given).map(|path| std::path::absolute(path).unwrap_or(path.clone()));
    let file = typed.or_else(|| table.file.as_ref().filter(is_given).map(|path| config_folder.join(path)));
    let level = given.level.or(table.level);
    if level.is_none() && file.is_none() {
        return None;
    }
    let level = level.unwrap_or(LogLevel::Info);
    let format = given.format.or(table.format).unwrap_or(LogFormat::Text);
    let keep_days = table.keep_days.unwrap_or(KEEP_DAYS);
    (level != LogLevel::Off).then_some(LogSettings { level, format, file, keep_days })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_logged_unless_somebody_asks() {
        let none = (LogOverrides::default(), LogTable::default());
        assert_eq!(log_settings(&none.0, &none.1, Path::new("/c")), None);
        let format = LogOverrides { format: Some(LogFormat::Json), ..LogOverrides::default() };
        assert_eq!(log_settings(&format, &none.1, Path::new("/c")), None, "a format asks for no log");
    }

    #[test]
    fn what_is_typed_wins_and_off_is_off() {
        let table: LogTable = toml::from_str("level = \"debug\"\nfile = \"s/l.log\"\nkeep_days = 3").unwrap();
        let from_file = log_settings(&LogOverrides::default(), &table, Path::new("/c")).unwrap();
        assert_eq!((from_file.level, from_file.keep_days), (LogLevel::Debug, 3));
        assert_eq!(from_file.file.as_deref(), Some(Path::new("/c/s/l.log")));
        let off = LogOverrides { level: Some(LogLevel::Off), ..LogOverrides::default() };
        assert_eq!(log_settings(&off, &table, Path::new("/c")), None);
        let typed = LogOverrides { file: Some("/t/x".into()), ..LogOverrides::default() };
        assert_eq!(log_settings(&typed, &table, Path::new("/c")).unwrap().file, Some("/t/x".into()));
        let only_file = log_settings(&typed, &LogTable::default(), Path::new("/c")).unwrap();
        assert_eq!((only_file.level, only_file.keep_days), (LogLevel::Info, KEEP_DAYS));
    }
}
