//! What each reason of a bilan means and what to do about it, in French and in English.
//!
//! Codes are those of `repo-format/src/report/REASONS.md`; a test compares. Goes to `bilan show` and `status`. Never:
//! part of a record: what is signed holds codes only.

mod compliance;
mod protection;

use crate::cli::language::Lang;

/// The words for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    code: &'static str,
    what: (&'static str, &'static str),
    todo: (&'static str, &'static str),
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
        pub(super) const TABLE: &[super::Sentence] =
            &[$(super::Sentence { code: $code, what: ($fr, $en), todo: ($fr_todo, $en_todo) }),*];
    };
}
use sentences;

/// The words for a code; `None` for a code of a later version.
pub fn sentence(code: &str) -> Option<&'static Sentence> {
    protection::TABLE.iter().chain(compliance::TABLE).find(|sentence| sentence.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use scelle_format::report::{Facts, Half};

    use super::*;

    #[test]
    fn every_reason_has_its_sentence_in_both_languages_and_no_other_has() {
        let reasons = Facts::all_reasons();
        let of =
            |half| reasons.iter().filter(move |r| r.half == half).map(|r| r.code).collect::<BTreeSet<_>>();
        let table = |rows: &[Sentence]| rows.iter().map(|row| row.code).collect::<BTreeSet<_>>();
        assert_eq!(table(protection::TABLE), of(Half::Protection));
        assert_eq!(table(compliance::TABLE), of(Half::Compliance));
        let rows = protection::TABLE.len() + compliance::TABLE.len();
        assert_eq!(
            rows,
            reasons.iter().map(|reason| reason.code).collect::<BTreeSet<_>>().len(),
            "a code twice"
        );
    }

    #[test]
    fn sentences_are_whole_and_differ_by_language() {
        for row in protection::TABLE.iter().chain(compliance::TABLE) {
            for text in [row.what.0, row.what.1, row.todo.0, row.todo.1] {
                assert!(text.len() > 5 && !text.ends_with('.') && text.trim() == text, "{}", row.code);
            }
            assert_ne!(row.what.0, row.what.1, "{}", row.code);
            assert_ne!(row.todo.0, row.todo.1, "{}", row.code);
        }
    }
}
