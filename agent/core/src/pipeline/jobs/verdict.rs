//! The table that decides: how a database was taken, and what that makes of the run and of its bilan.
//!
//! Pure. The same for every engine. Never: looks at a file.

use scelle_format::report::Databases;

use crate::monitor::Problem;
use crate::platform::InUse;

/// How a database was taken, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// In one read transaction, or closed and open in no program, and unchanged meanwhile.
    Consistent,
    /// Unchanged meanwhile; whether a program has it open is not known.
    UseUnknown,
    /// Main and side files together, unchanged meanwhile: as after a power cut.
    WithSideFiles,
    /// Unchanged meanwhile, but a program has it open.
    HeldOpen,
    /// Main and side files together, and the journal needs others, where they lie, to be rolled back.
    Tied,
    /// It changed meanwhile.
    Changed,
}

impl Taken {
    /// A copy of the bytes as they lay there.
    pub fn raw(unchanged: bool, side_files: bool, in_use: InUse) -> Self {
        match (unchanged, side_files, in_use) {
            (false, _, _) => Self::Changed,
            (true, true, _) => Self::WithSideFiles,
            (true, false, InUse::Yes) => Self::HeldOpen,
            (true, false, InUse::Unknown) => Self::UseUnknown,
            (true, false, InUse::No) => Self::Consistent,
        }
    }

    /// What is said of the file.
    pub fn problem(self) -> Option<Problem> {
        match self {
            Self::Consistent => None,
            Self::UseUnknown => Some(Problem::UseUnknown),
            Self::WithSideFiles => Some(Problem::SavedWithSideFiles),
            Self::HeldOpen => Some(Problem::HeldOpen),
            Self::Tied => Some(Problem::TiedToOthers),
            Self::Changed => Some(Problem::Changed),
        }
    }

    /// What the bilan rests on.
    pub fn fact(self) -> Databases {
        match self {
            Self::Consistent => Databases::Consistent,
            Self::UseUnknown => Databases::UseUnknown,
            Self::WithSideFiles => Databases::CrashConsistent,
            Self::HeldOpen => Databases::HeldOpen,
            Self::Tied => Databases::Tied,
            Self::Changed => Databases::LiveCopy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::report::Light;

    #[test]
    fn every_row_of_the_table() {
        use InUse::{No, Unknown, Yes};
        // unchanged, with side files, in use → code of the file, light, whether the run has a problem (exit 3)
        let rows = [
            (true, false, No, None, None, false),
            (true, false, Unknown, Some("use-unknown"), Some(Light::Amber), false),
            (true, false, Yes, Some("held-open"), Some(Light::Amber), false),
            (true, true, No, Some("saved-with-side-files"), Some(Light::Amber), false),
            (true, true, Unknown, Some("saved-with-side-files"), Some(Light::Amber), false),
            (true, true, Yes, Some("saved-with-side-files"), Some(Light::Amber), false),
            (false, false, No, Some("changed-while-read"), Some(Light::Red), true),
            (false, false, Unknown, Some("changed-while-read"), Some(Light::Red), true),
            (false, false, Yes, Some("changed-while-read"), Some(Light::Red), true),
            (false, true, No, Some("changed-while-read"), Some(Light::Red), true),
            (false, true, Unknown, Some("changed-while-read"), Some(Light::Red), true),
            (false, true, Yes, Some("changed-while-read"), Some(Light::Red), true),
        ];
        for (unchanged, sides, in_use, code, light, is_partial) in rows {
            let taken = Taken::raw(unchanged, sides, in_use);
            let row = format!("{unchanged} {sides} {in_use:?}");
            assert_eq!(taken.problem().map(Problem::code), code, "{row}");
            assert_eq!(taken.fact().reason().map(|reason| reason.light), light, "{row}");
            assert_eq!(taken.problem().is_some_and(Problem::spoils_run), is_partial, "{row}");
        }
    }

    #[test]
    fn the_worst_is_what_the_bilan_says() {
        let all = [
            Taken::Consistent,
            Taken::UseUnknown,
            Taken::WithSideFiles,
            Taken::HeldOpen,
            Taken::Tied,
            Taken::Changed,
        ];
        let light = |taken: &Taken| taken.fact().reason().map_or(Light::Green, |reason| reason.light);
        assert!(all.is_sorted() && all.is_sorted_by_key(light));
    }
}
