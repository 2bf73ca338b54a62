//! What each reason of a bilan means and what to do about it, in French and in English.
//!
//! Codes are those of `repo-format/src/report/REASONS.md`; a test compares. Goes to `bilan show` and `status`. Never:
//! part of a record: what is signed holds codes only.

mod compliance;
mod protection;
mod sentence;

pub use sentence::Sentence;

/// The words for a code; `None` for a code of a later version.
pub fn sentence(code: &str) -> Option<&'static Sentence> {
    protection::TABLE.iter().chain(compliance::TABLE).find(|sentence| sentence.code == code)
}

#[cfg(test)]
#[path = "other_versions_tests.rs"]
mod other_versions;

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
