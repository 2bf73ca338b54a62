//! What is wrong with a configuration, at one line of it. Never: a value of the file.

use crate::bilingual;
use crate::words::{Lang, Message};

/// What is wrong. Keys are names that this program knows, or that stand where one of these should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigFault {
    /// No key of that name; perhaps another one was meant.
    UnknownKey {
        /// What stands there.
        key: String,
        /// A key of that table that is close.
        close: Option<String>,
    },
    /// A key that must be there is not.
    KeyMissing(String),
    /// A key is there twice.
    KeyTwice(String),
    /// A text where a number should be, or the like.
    OtherType(String),
    /// A value cannot be read.
    ValueUnclear(String),
    /// The file is no TOML there.
    NoToml,
    /// A value that cannot be right.
    Breaks(ConfigRule),
}

impl ConfigFault {
    pub(super) fn said(&self) -> Message {
        match self {
            Self::UnknownKey { key, close: None } => {
                bilingual!("clé inconnue « {key} »", "unknown key \"{key}\"")
            }
            Self::UnknownKey { key, close: Some(close) } => bilingual!(
                "clé inconnue « {key} » ; vouliez-vous dire « {close} » ?",
                "unknown key \"{key}\"; did you mean \"{close}\"?"
            ),
            Self::KeyMissing(key) => bilingual!("il manque la clé « {key} »", "key \"{key}\" is missing"),
            Self::KeyTwice(key) => bilingual!("clé « {key} » donnée deux fois", "key \"{key}\" given twice"),
            Self::OtherType(key) => bilingual!(
                "valeur de « {key} » d'un autre type que prévu",
                "value of \"{key}\" not of the expected type"
            ),
            Self::ValueUnclear(key) => {
                bilingual!("valeur de « {key} » non comprise", "value of \"{key}\" not understood")
            }
            Self::NoToml => {
                bilingual!("la syntaxe TOML n'est pas comprise", "the TOML syntax is not understood")
            }
            Self::Breaks(rule) => rule.said(),
        }
    }
}

/// What a value must be, where its type does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigRule {
    /// `language`
    Language,
    /// `proxy`
    Proxy,
    /// `proxy_credentials_file`
    ProxyCredentialsFile,
    /// `ca_file`
    AuthoritiesFile,
    /// A number of this key that would make everything stop.
    AboveZero(&'static str),
    /// `host`
    Host,
    /// `country`
    Country,
    /// `name` of a plan.
    PlanName,
    /// `label` of a plan.
    PlanLabel,
    /// `paths` of a plan.
    AbsolutePaths,
    /// `paths` of two plans.
    OtherPaths,
    /// `exclude` of a plan.
    Exclude,
    /// `schedule` of a plan.
    Schedule,
    /// `time_zone`
    TimeZone,
    /// `jitter_minutes`
    Jitter,
    /// `closures`
    Closures,
}

impl ConfigRule {
    /// The key that it is about, which names the line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Proxy => "proxy",
            Self::ProxyCredentialsFile => "proxy_credentials_file",
            Self::AuthoritiesFile => "ca_file",
            Self::AboveZero(key) => key,
            Self::Host => "host",
            Self::Country => "country",
            Self::PlanName => "name",
            Self::PlanLabel => "label",
            Self::AbsolutePaths | Self::OtherPaths => "paths",
            Self::Exclude => "exclude",
            Self::Schedule => "schedule",
            Self::TimeZone => "time_zone",
            Self::Jitter => "jitter_minutes",
            Self::Closures => "closures",
        }
    }

    fn said(self) -> Message {
        let key = self.key();
        Message::by(|lang| {
            let (open, close) = lang.pick(("« ", " »"), ("\"", "\""));
            format!("{open}{key}{close} {}", self.predicate(lang))
        })
    }

    fn predicate(self, lang: Lang) -> &'static str {
        match self {
            Self::Language => lang.pick("vaut fr ou en", "is fr or en"),
            Self::Proxy => lang.pick(
                "est une adresse http://hôte:port, sans utilisateur ni mot de passe (ceux-ci vont dans proxy_credentials_file)",
                "is an address http://host:port, without user or password (these go into proxy_credentials_file)",
            ),
            Self::ProxyCredentialsFile => lang.pick(
                "nomme un fichier lisible qui contient une ligne utilisateur:mot-de-passe",
                "names a readable file that holds one line user:password",
            ),
            Self::AuthoritiesFile => lang.pick(
                "nomme un fichier lisible qui contient des certificats au format PEM",
                "names a readable file that holds certificates in PEM",
            ),
            Self::AboveZero(_) => lang.pick("est supérieur à 0", "is above 0"),
            Self::Host => lang.pick(
                "nomme l'hébergeur en 60 caractères au plus",
                "names the host in at most 60 characters",
            ),
            Self::Country => lang.pick("est un code de deux lettres (FR)", "is a two-letter code (FR)"),
            Self::PlanName => lang.pick(
                "est fait de lettres, chiffres, - et _, différent pour chaque plan",
                "is made of letters, digits, - and _, different for each plan",
            ),
            Self::PlanLabel => lang.pick(
                "est un libellé neutre de 60 caractères au plus, sans chemin ni numéro",
                "is a neutral label of at most 60 characters, without a path or a number",
            ),
            Self::AbsolutePaths => lang.pick("liste des chemins absolus", "lists absolute paths"),
            Self::OtherPaths => lang.pick(
                "est le même dans deux plans : réunissez-les en un seul, ou donnez-leur d'autres dossiers",
                "is the same in two plans: make them one, or give them other folders",
            ),
            Self::Exclude => {
                lang.pick("contient un motif vide ou incorrect", "holds an empty or wrong pattern")
            }
            Self::Schedule => lang.pick(
                "suit la syntaxe cron : minute heure jour mois jour-de-semaine (par leur nom anglais : Mon-Fri), au plus une fois par minute, un jour qui existe",
                "follows cron syntax: minute hour day month weekday (by name: Mon-Fri), at most once a minute, on a day that exists",
            ),
            Self::TimeZone => lang.pick(
                "est un fuseau horaire que ce poste connaît (Europe/Paris)",
                "is a time zone that this computer knows (Europe/Paris)",
            ),
            Self::Jitter => lang.pick("est un nombre de minutes de 0 à 240", "is a number of minutes from 0 to 240"),
            Self::Closures => lang.pick(
                "liste des périodes premier-jour/dernier-jour (2027-08-01/2027-08-21)",
                "lists times first-day/last-day (2027-08-01/2027-08-21)",
            ),
        }
    }
}
