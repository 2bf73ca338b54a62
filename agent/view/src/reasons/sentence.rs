//! The words for one reason, and the form of the tables that hold them.
//!
//! For: the two tables, one for each half of a bilan. Never: a word of its own.

use crate::words::Lang;

/// The words for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub(super) code: &'static str,
    pub(super) what: (&'static str, &'static str),
    pub(super) todo: (&'static str, &'static str),
}

impl Sentence {
    /// What it means; `{moment}` stands for when the run began, `{since}` and `{snapshots}` for what its alert says.
    pub fn what(&self, lang: Lang) -> &'static str {
        lang.pick(self.what.0, self.what.1)
    }

    /// What to do.
    pub fn todo(&self, lang: Lang) -> &'static str {
        lang.pick(self.todo.0, self.todo.1)
    }
}

/// Rows `"code": "fr" => "à faire", "en" => "to do";`.
macro_rules! sentences {
    ($($code:literal: $fr:literal => $fr_todo:literal, $en:literal => $en_todo:literal;)*) => {
        pub(super) const TABLE: &[$crate::reasons::Sentence] =
            &[$($crate::reasons::Sentence { code: $code, what: ($fr, $en), todo: ($fr_todo, $en_todo) }),*];
    };
}
pub(super) use sentences;
