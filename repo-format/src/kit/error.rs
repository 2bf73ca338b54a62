//! What is wrong with a kit, and in which of its lines.
//!
//! For: whoever typed it. Never: carries a part of the text.

use crate::note::NoteError;

/// A line of the kit that a person may have to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KitLine {
    /// `AGE-SECRET-KEY-PQ-1…`
    Identity,
    /// `# groups …`: check characters of the identity line.
    Groups,
    /// `# owner …`
    Owner,
    /// `# owner-fingerprint …`: six words.
    OwnerFingerprint,
    /// `# repository …`
    Repository,
}

/// Why a text is not a usable kit. Carries no part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// Not a kit at all, or with lines twice.
    #[error("not a recovery kit")]
    NotAKit,
    /// A kit of another version of the format.
    #[error("a recovery kit of an unknown version")]
    Version,
    /// A line is absent.
    #[error("the kit lacks its line {0:?}")]
    Missing(KitLine),
    /// A line does not check. `group` counts from 1 in the groups of that line (6 characters after
    /// `AGE-SECRET-KEY-PQ-1` for the identity, 5 for the owner line, words for the fingerprint). 0: the fixed
    /// beginning of the identity line, or a mistake that the groups do not locate.
    #[error("a mistyped character in the line {line:?}, group {group}")]
    Mistyped {
        /// Which line.
        line: KitLine,
        /// Which group of it.
        group: u32,
    },
    /// The public half is not in its format, or is not signed by its own owner key.
    #[error("not a public kit, or altered")]
    Public,
    /// A key name could not be made, or a signature is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
}
