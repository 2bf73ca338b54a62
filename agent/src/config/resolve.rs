//! Options, variables and file merged into [`Settings`]: option, else variable, else file, else default.
//!
//! From [`Overrides`], [`Env`] and the configuration file to what the commands use. Options' own variables
//! (`SCELLE_…`) are read by the command line parser. Never: reads the process environment elsewhere than
//! [`Env::of_process`], or holds a secret in a plain string.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::agent::AgentSettings;
use super::env::Env;
use super::file::{ConfigFile, Host, Limits, Plan};
use super::inert::InertKey;
use super::log::{LogOverrides, LogSettings, log_settings};
use super::places;
use super::read::{parse, read};
use super::route::route;
use scelle_core::around::Around;
use scelle_core::connect::address::check_endpoint;
use scelle_core::connect::{RepoAddress, S3Credentials, S3Settings};
use scelle_core::error::{AgentError, Result};
use scelle_core::monitor::{Monitor, Notice};
use scelle_core::run::Finder;
use scelle_view::words::Lang;

/// Largest configuration file accepted, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Largest file of an S3 secret accepted, in bytes.
const SECRET_BYTES_MAX: u64 = 4 * 1024;

/// What was typed, and wins over variables and file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Configuration file.
    pub config: Option<PathBuf>,
    /// Address of the repository.
    pub repo: Option<String>,
    /// Address of the S3 service.
    pub s3_endpoint: Option<String>,
    /// Region of the S3 service.
    pub s3_region: Option<String>,
    /// Language.
    pub lang: Option<Lang>,
    /// The log.
    pub log: LogOverrides,
}

/// Everything a command needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the state. Not created, and already known not to be on a network file system.
    pub home: PathBuf,
    /// The configuration file, existing or not.
    pub config_path: PathBuf,
    /// Whether it exists.
    pub config_exists: bool,
    /// Language of messages.
    pub lang: Lang,
    /// The repository, where option, variable or file names one; the state may know more.
    pub repo: Option<RepoAddress>,
    /// Whether an option or variable named it for this one time, and not the file.
    pub is_repo_typed: bool,
    /// The S3 service.
    pub s3: S3Settings,
    /// What is backed up.
    pub plans: Vec<Plan>,
    /// Limits on network and computer.
    pub limits: Limits,
    /// The service.
    pub agent: AgentSettings,
    /// The host of the data.
    pub host: Option<Host>,
    /// The log, where one is asked for.
    pub log: Option<LogSettings>,
    /// Whether the repository is declared to be outside the practice.
    pub off_site: Option<bool>,
    /// For how many days what is written there is declared to stay.
    pub immutable_days: Option<u32>,
    /// Keys of the file that have no effect in this version.
    pub inert: Vec<InertKey>,
}

impl Settings {
    /// The repository, or the error that says none is given.
    pub fn required_repo(&self) -> Result<&RepoAddress> {
        self.repo.as_ref().ok_or_else(AgentError::repository_not_given)
    }

    /// What the repository that is meant is found by.
    pub fn finder<'a>(&'a self, around: &'a Around) -> Finder<'a> {
        Finder {
            home: &self.home,
            address: self.repo.as_ref(),
            is_typed: self.is_repo_typed,
            s3: &self.s3,
            upload_bytes_per_second: self.limits.upload_bytes_per_second,
            around,
        }
    }

    /// Says which keys are accepted and do nothing: whoever begins a run does, as long as they are there.
    pub fn tell_what_has_no_effect(&self, monitor: &dyn Monitor) {
        for InertKey { place, key } in &self.inert {
            monitor.notice(Notice::NoEffect { key: key.clone(), place: place.clone() });
        }
    }
}

/// Merges everything. `lang` is the language already chosen for messages.
pub fn resolve(given: &Overrides, env: &Env, lang: Lang) -> Result<Settings> {
    let home = absolute(places::state_folder(env)?)?;
    places::refuse_network_folder(&home)?;
    let config_path = config_path(given, env)?;
    let text = text_of(&config_path, given.config.is_some())?;
    let file = text.map(|text| parse(&text, &name_of(&config_path))).transpose()?;
    merge(given, env, lang, home, config_path, file)
}

/// [`resolve`] without the file, for a command that reads a repository whose address was given: a damaged configuration
/// is no reason not to restore.
pub fn resolve_without_file(given: &Overrides, env: &Env, lang: Lang) -> Result<Settings> {
    let home = absolute(places::state_folder(env)?)?;
    let config_path = absolute(places::config_file(env)?)?;
    merge(given, env, lang, home, config_path, None)
}

fn merge(
    given: &Overrides,
    env: &Env,
    lang: Lang,
    home: PathBuf,
    config_path: PathBuf,
    file: Option<ConfigFile>,
) -> Result<Settings> {
    let config_exists = file.is_some();
    let file = file.unwrap_or_default();
    let typed = given.repo.as_deref().filter(|url| !url.is_empty());
    let url = typed.or(file.repository.url.as_deref());
    let config_folder = config_path.parent().unwrap_or(Path::new(""));
    Ok(Settings {
        log: log_settings(&given.log, &file.log, config_folder),
        repo: url.map(str::parse).transpose()?,
        is_repo_typed: typed.is_some(),
        s3: s3(given, env, &file, &config_path)?,
        home,
        config_path,
        config_exists,
        lang: language(given, env, &file, lang),
        plans: file.plan,
        limits: file.limits,
        agent: AgentSettings::of(&file.agent),
        host: file.host,
        off_site: file.repository.off_site,
        immutable_days: file.repository.immutable_days,
        inert: file.inert,
    })
}

/// The file's language wins over the locale's, not over an option or variable.
fn language(given: &Overrides, env: &Env, file: &ConfigFile, lang: Lang) -> Lang {
    match file.language.as_deref() {
        Some(code) if given.lang.is_none() && env.text("SCELLE_LANG").is_none() => {
            Lang::from_code(code).unwrap_or(Lang::Fr)
        }
        _ => lang,
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| AgentError::no_state_folder().because(error))
}

/// Everything that is wrong with what is configured, not only the first of it. Empty where [`resolve`] succeeds.
pub fn faults(given: &Overrides, env: &Env, lang: Lang) -> Vec<AgentError> {
    let text = config_path(given, env)
        .and_then(|path| Ok((text_of(&path, given.config.is_some())?, name_of(&path))));
    let faults = match text {
        Ok((Some(text), name)) => read(&text, &name).faults,
        Ok((None, _)) => Vec::new(),
        Err(error) => vec![error],
    };
    match faults.is_empty() {
        // The files that the way to a store is in are read, too: who checks is to hear of them before they are needed.
        true => resolve(given, env, lang).and_then(|settings| settings.s3.route).err().into_iter().collect(),
        false => faults,
    }
}

/// Where the configuration is, whether it exists or not.
pub(super) fn config_path(given: &Overrides, env: &Env) -> Result<PathBuf> {
    absolute(match &given.config {
        Some(path) => path.clone(),
        None => places::config_file(env)?,
    })
}

/// Its name, for places: never the folders before it.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The file's text, or `None` where there is none. A file that was named must exist.
pub(super) fn text_of(path: &Path, named: bool) -> Result<Option<String>> {
    let unreadable = |error: io::Error| AgentError::config_unreadable().at(name_of(path)).because(error);
    match fs::metadata(path) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) && !named =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
        Ok(meta) if meta.len() > CONFIG_BYTES_MAX => {
            return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).map_err(unreadable)
}

fn s3(given: &Overrides, env: &Env, file: &ConfigFile, config_path: &Path) -> Result<S3Settings> {
    let endpoint = given.s3_endpoint.clone().or_else(|| file.s3.endpoint.clone());
    if let Some(endpoint) = &endpoint {
        check_endpoint(endpoint)?;
    }
    Ok(S3Settings {
        endpoint,
        region: given.s3_region.clone().or_else(|| file.s3.region.clone()).or_else(|| env.text("AWS_REGION")),
        credentials: credentials(env, file, config_path)?,
        route: route(env, &file.s3, config_path.parent().unwrap_or(Path::new(""))),
    })
}

/// The usual AWS variables, both of them, else the file's key with its secret in a file.
fn credentials(env: &Env, file: &ConfigFile, config_path: &Path) -> Result<Option<S3Credentials>> {
    let secret_variable = env.text("AWS_SECRET_ACCESS_KEY").map(SecretString::from);
    let id_variable = env.text("AWS_ACCESS_KEY_ID");
    if let (Some(access_key_id), Some(secret_access_key)) = (id_variable.clone(), secret_variable.clone()) {
        let session_token = env.text("AWS_SESSION_TOKEN").map(SecretString::from);
        return Ok(Some(S3Credentials { access_key_id, secret_access_key, session_token }));
    }
    let Some(access_key_id) = file.s3.access_key_id.clone().or(id_variable) else { return Ok(None) };
    let secret_access_key = match (&file.s3.secret_key_file, secret_variable) {
        (Some(path), _) => secret_from(&config_path.parent().unwrap_or(Path::new("")).join(path))?,
        (None, Some(secret)) => secret,
        (None, None) => return Ok(None),
    };
    Ok(Some(S3Credentials { access_key_id, secret_access_key, session_token: None }))
}

fn secret_from(path: &Path) -> Result<SecretString> {
    let refused = |cause: String| AgentError::secret_file_unreadable().because(cause);
    let meta = fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if scelle_core::platform::is_open_to_others(&meta) {
        return Err(AgentError::secret_file_open().at("s3.secret_key_file"));
    }
    if meta.len() > SECRET_BYTES_MAX {
        return Err(refused("file too large".to_owned()));
    }
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(|error| refused(error.to_string()))?);
    let secret = text.trim();
    if secret.is_empty() {
        return Err(refused("file is empty".to_owned()));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
