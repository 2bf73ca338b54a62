//! Why something failed, as a kind, and the sentences of each: what happened and what to do, in both languages.
//!
//! Kinds are made by the agent's core, which adds place and cause; sentences are made here, when they are shown. A kind without
//! a sentence in both languages does not compile. Never: a name or a path in a sentence.

mod config;
mod line;
mod local;
mod repository;
mod run;
mod said;
mod selection;
mod shown;
mod store;
mod usage;
mod way;
mod whereabouts;

pub use config::{ConfigFault, ConfigRule};
pub use line::{ExpectedValue, LineAdvice, LineFault, LineUnclear};
pub use local::LocalFailure;
pub use repository::RepositoryFailure;
pub use run::RunFailure;
pub use selection::SelectionFailure;
pub use shown::FailureShown;
pub use store::StoreFailure;
pub use usage::UsageFailure;
pub use way::WayFailure;
pub use whereabouts::WhereaboutsFailure;

use self::said::Said;
use super::Message;
use crate::bilingual;

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This computer: sources, files, local state.
    Local(LocalFailure),
    /// Keys and the repository.
    Repository(RepositoryFailure),
    /// What only a backup can meet.
    Run(RunFailure),
    /// What was asked for by number, date, name or token.
    Selection(SelectionFailure),
    /// The store.
    Store(StoreFailure),
    /// The command line and the configuration.
    Usage(UsageFailure),
    /// The way to the store: certificates and proxies.
    Way(WayFailure),
    /// Where a known repository is, and what this computer still knows of it.
    Whereabouts(WhereaboutsFailure),
}

/// What is known beside the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    /// An older version, which this credential may not see, may still hold the object.
    OlderVersionMayExist,
    /// Where a repository that is gone was found last.
    LastSeenAt(String),
    /// No address of an S3 service was given, so that Amazon's was tried.
    AmazonByDefault,
}

impl Failure {
    /// What happened.
    pub fn what(&self, addition: Option<&Addition>) -> Message {
        match addition {
            Some(Addition::LastSeenAt(address)) => {
                let seen = bilingual!(
                    "n'est pas à l'adresse configurée ; vu en dernier à {address}",
                    "is not at the configured address; last seen at {address}"
                );
                Message::by(|lang| {
                    let head = lang.pick("le dépôt connu de ce poste", "the repository this computer knows");
                    format!("{head} {}", seen.text(lang))
                })
            }
            _ => self.said().what,
        }
    }

    /// What the person can do about it.
    pub fn todo(&self, addition: Option<&Addition>) -> Message {
        match addition {
            Some(Addition::OlderVersionMayExist) => bilingual!(
                "une version antérieure existe peut-être, que cet identifiant n'a pas le droit de lire : recommencez avec \
             l'identifiant du propriétaire ou de restauration, ou prévenez l'hébergeur",
                "an older version may exist that this credential may not read: try again with the owner's or the restorer's \
             credential, or tell the host"
            ),
            Some(Addition::AmazonByDefault) => bilingual!(
                "aucune adresse S3 n'est donnée : c'est Amazon qui a été essayé ; si le stockage est ailleurs, donnez \
             --s3-endpoint",
                "no S3 address is given: Amazon was tried; if the store is elsewhere, give --s3-endpoint"
            ),
            _ => self.said().todo,
        }
    }

    fn said(&self) -> Said {
        match self {
            Self::Local(kind) => kind.said(),
            Self::Repository(kind) => kind.said(),
            Self::Run(kind) => kind.said(),
            Self::Selection(kind) => kind.said(),
            Self::Store(kind) => kind.said(),
            Self::Usage(kind) => kind.said(),
            Self::Way(kind) => kind.said(),
            Self::Whereabouts(kind) => kind.said(),
        }
    }
}

impl From<LocalFailure> for Failure {
    fn from(kind: LocalFailure) -> Self {
        Self::Local(kind)
    }
}

impl From<RepositoryFailure> for Failure {
    fn from(kind: RepositoryFailure) -> Self {
        Self::Repository(kind)
    }
}

impl From<RunFailure> for Failure {
    fn from(kind: RunFailure) -> Self {
        Self::Run(kind)
    }
}

impl From<SelectionFailure> for Failure {
    fn from(kind: SelectionFailure) -> Self {
        Self::Selection(kind)
    }
}

impl From<StoreFailure> for Failure {
    fn from(kind: StoreFailure) -> Self {
        Self::Store(kind)
    }
}

impl From<UsageFailure> for Failure {
    fn from(kind: UsageFailure) -> Self {
        Self::Usage(kind)
    }
}

impl From<WayFailure> for Failure {
    fn from(kind: WayFailure) -> Self {
        Self::Way(kind)
    }
}

impl From<WhereaboutsFailure> for Failure {
    fn from(kind: WhereaboutsFailure) -> Self {
        Self::Whereabouts(kind)
    }
}
