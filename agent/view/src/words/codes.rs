//! The exit codes, and what each means.
//!
//! For scripts, the documentation and `--help`. The core says which it is. Never: a colour.

use crate::bilingual;
use crate::words::Message;

/// The exit codes of the program. The code follows the run, not the colour of its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All good.
    Ok = 0,
    /// Failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Finished, with problems.
    Partial = 3,
    /// No repository at that place.
    NoRepository = 10,
    /// Another run holds the lock.
    Busy = 11,
    /// The kit or phrase opens another repository, or is mistyped.
    WrongKey = 12,
    /// Something stored is damaged or was tampered with.
    Damaged = 13,
    /// The store does not answer or refuses the credential.
    Unreachable = 14,
    /// Interrupted by the user; the state can be resumed.
    Interrupted = 130,
}

/// What the numbers mean where the question is how the practice stands: as monitoring wants them.
impl ExitCode {
    /// Protected.
    pub const PROTECTED: Self = Self::Ok;
    /// To look at.
    pub const TO_LOOK_AT: Self = Self::Failed;
    /// Not protected.
    pub const NOT_PROTECTED: Self = Self::Usage;
    /// Nobody knows.
    pub const UNKNOWN: Self = Self::Partial;
}

impl ExitCode {
    /// Every code, in order.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::NoRepository,
        Self::Busy,
        Self::WrongKey,
        Self::Damaged,
        Self::Unreachable,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Of several runs, the first that is not good: one that failed, before one that finished with problems.
    pub fn of_all(codes: &[Self]) -> Self {
        let failed = codes.iter().find(|code| !matches!(code, Self::Ok | Self::Partial));
        failed.or_else(|| codes.iter().find(|code| **code != Self::Ok)).copied().unwrap_or(Self::Ok)
    }

    /// What it means, for `--help`.
    pub fn meaning(self) -> Message {
        match self {
            Self::Ok => bilingual!("tout va bien", "all good"),
            Self::Failed => bilingual!("échec", "failed"),
            Self::Usage => {
                bilingual!(
                    "ligne de commande ou configuration incorrecte",
                    "wrong command line or configuration"
                )
            }
            Self::Partial => bilingual!("terminé, avec des problèmes", "finished with problems"),
            Self::NoRepository => bilingual!("aucun dépôt à cet endroit", "no repository at that place"),
            Self::Busy => {
                bilingual!("occupé : un autre travail est en cours", "busy: another run holds the lock")
            }
            Self::WrongKey => bilingual!("mauvaise clé", "wrong key"),
            Self::Damaged => bilingual!("dépôt endommagé ou falsifié", "damaged or tampered with"),
            Self::Unreachable => bilingual!("stockage injoignable", "store unreachable"),
            Self::Interrupted => bilingual!("interrompu", "interrupted"),
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
