//! What is in effect and where each of it comes from, for `config show`.
//!
//! From the options, the variables, the text of the file and the defaults to rows. Options and variables win over the file, the
//! file over defaults. Never: a secret (those are in no configuration), or a path but as one that is marked as such.

use super::agent::JITTER_MINUTES;
use super::env::Env;
use super::lines::row_line_of;
use super::log::KEEP_DAYS;
use super::read::parse;
use super::resolve::{Overrides, Settings, config_path, name_of, text_of};
use scelle_core::error::Result;

/// Keys whose values are paths, or patterns of them.
const PATHS: [&str; 6] = ["paths", "exclude", "file", "secret_key_file", "proxy_credentials_file", "ca_file"];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An option: `--repo`.
    Option(&'static str),
    /// A variable: `SCELLE_REPO`.
    Variable(&'static str),
    /// File and line: `config.toml:12`.
    File(String),
    /// Nobody said.
    Default,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is written in TOML.
    Plain(String),
    /// Paths, as they are written: for whoever may see them; and how many.
    Paths(String, usize),
}

/// A key that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Table and key; a plan's by its number: `plan.1.paths`.
    pub key: String,
    /// Value.
    pub value: Shown,
    /// Where it comes from.
    pub origin: Origin,
}

/// Everything that is in effect, by table. `settings` are what these made.
///
/// Errors: exit 2 the file changed meanwhile and cannot be read.
pub fn shown(given: &Overrides, env: &Env, settings: &Settings) -> Result<Vec<Setting>> {
    let path = config_path(given, env)?;
    let mut rows = match text_of(&path, given.config.is_some())? {
        Some(text) => of_file(&text, &name_of(&path))?,
        None => Vec::new(),
    };
    for (key, value, option, variable) in typed(given) {
        let Some(value) = value else { continue };
        let is_variable = env.text(variable).is_some_and(|text| text == value);
        let origin = if is_variable { Origin::Variable(variable) } else { Origin::Option(option) };
        put(&mut rows, key, plain(&value), origin);
    }
    if settings.s3.region.is_some() && !rows.iter().any(|row| row.key == "s3.region") {
        let region = settings.s3.region.clone().unwrap_or_default();
        put(&mut rows, "s3.region", plain(&region), Origin::Variable("AWS_REGION"));
    }
    let agent = &settings.agent;
    let defaults = [
        ("language", plain(settings.lang.code())),
        ("agent.time_zone", plain(agent.zone.name())),
        ("agent.jitter_minutes", Shown::Plain(JITTER_MINUTES.to_string())),
        ("log.keep_days", Shown::Plain(KEEP_DAYS.to_string())),
    ];
    for (key, value) in defaults {
        if !rows.iter().any(|row| row.key == key) {
            rows.push(Setting { key: key.to_owned(), value, origin: Origin::Default });
        }
    }
    Ok(rows)
}

/// Options that a key of the file stands for: key, value, option, variable.
fn typed(given: &Overrides) -> [(&'static str, Option<String>, &'static str, &'static str); 4] {
    let lang = given.lang.map(|lang| lang.code().to_owned());
    [
        ("language", lang, "--lang", "SCELLE_LANG"),
        ("repository.url", given.repo.clone().filter(|url| !url.is_empty()), "--repo", "SCELLE_REPO"),
        ("s3.endpoint", given.s3_endpoint.clone(), "--s3-endpoint", "SCELLE_S3_ENDPOINT"),
        ("s3.region", given.s3_region.clone(), "--s3-region", "SCELLE_S3_REGION"),
    ]
}

fn plain(text: &str) -> Shown {
    Shown::Plain(toml::Value::from(text).to_string())
}

fn put(rows: &mut Vec<Setting>, key: &str, value: Shown, origin: Origin) {
    let row = Setting { key: key.to_owned(), value, origin };
    match rows.iter_mut().find(|row| row.key == key) {
        Some(there) => *there = row,
        None => rows.push(row),
    }
}

/// The keys of a file, which must be a valid one.
fn of_file(text: &str, name: &str) -> Result<Vec<Setting>> {
    parse(text, name)?;
    let tables: toml::Table = toml::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let mut rows = Vec::new();
    for (table, content) in &tables {
        match content {
            toml::Value::Table(inside) => {
                rows.extend(inside.iter().map(|(key, value)| setting(text, name, (table, None), key, value)));
            }
            toml::Value::Array(tables) => {
                let tables = tables.iter().filter_map(toml::Value::as_table).enumerate();
                rows.extend(tables.flat_map(|(row, inside)| {
                    inside.iter().map(move |(key, value)| setting(text, name, (table, Some(row)), key, value))
                }));
            }
            value => rows.push(setting(text, name, ("", None), table, value)),
        }
    }
    Ok(rows)
}

fn setting(text: &str, name: &str, table: (&str, Option<usize>), key: &str, value: &toml::Value) -> Setting {
    let written = value.to_string();
    let value = match (PATHS.contains(&key), value) {
        (true, toml::Value::Array(all)) => Shown::Paths(written, all.len()),
        (true, _) => Shown::Paths(written, 1),
        (false, _) => Shown::Plain(written),
    };
    let (table, row) = table;
    let line = row_line_of(text, table, row.unwrap_or(0), key);
    let full = match row {
        _ if table.is_empty() => key.to_owned(),
        None => format!("{table}.{key}"),
        Some(row) => format!("{table}.{}.{key}", row + 1),
    };
    Setting { key: full, value, origin: Origin::File(format!("{name}:{line}")) }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::resolve;
    use super::*;
    use scelle_view::words::Lang;

    #[test]
    fn each_value_says_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::path::absolute(folder.path()).unwrap();
        let written = format!(
            "language = 'en'\n[repository]\nurl = 's3://file'\n[[plan]]\nname = 'a'\npaths = ['{0}/a']\n\
             [[plan]]\nname = 'b'\npaths = ['{0}/b', '{0}/c']\nschedule = '0 12 * * *'\n",
            root.display()
        );
        std::fs::write(root.join("config.toml"), written).unwrap();
        let env = Env::of([("SCELLE_HOME", root.to_str().unwrap()), ("SCELLE_REPO", "s3://variable")]);
        let given = Overrides {
            repo: Some("s3://variable".into()),
            s3_region: Some("fr-par".into()),
            ..Overrides::default()
        };
        let settings = resolve(&given, &env, Lang::Fr).unwrap();
        let rows = shown(&given, &env, &settings).unwrap();
        let of = |key: &str| rows.iter().find(|row| row.key == key).unwrap();
        let file = |line: usize| Origin::File(format!("config.toml:{line}"));
        assert_eq!(of("language").origin, file(1));
        assert_eq!(of("repository.url").origin, Origin::Variable("SCELLE_REPO"));
        assert_eq!(of("repository.url").value, plain("s3://variable"));
        assert_eq!(of("s3.region").origin, Origin::Option("--s3-region"));
        assert_eq!(of("agent.time_zone").origin, Origin::Default);
        assert_eq!((&of("plan.1.name").origin, &of("plan.2.schedule").origin), (&file(5), &file(10)));
        assert!(matches!(of("plan.2.paths").value, Shown::Paths(_, 2)));
    }
}
