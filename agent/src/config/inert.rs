//! Keys of the configuration that this version reads and does not act on.
//!
//! From the text of the file to lines and keys; goes to a warning at every run. A key that is accepted and has no effect is
//! a promise: it is said for as long as it is not kept. Never: a value of the file.

use toml::de::{DeTable, DeValue};

/// Keys without effect in this version, with their tables.
const INERT: [(&str, &str); 8] = [
    ("limits", "memory_bytes"),
    ("retention", "keep_last"),
    ("retention", "keep_daily"),
    ("retention", "keep_weekly"),
    ("retention", "keep_monthly"),
    ("retention", "keep_yearly"),
    ("drill", "days"),
    ("host", "certified_from"),
];

/// A key that has no effect yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InertKey {
    /// File and line: `config.toml:12`.
    pub place: String,
    /// Table and key: `plan.priority`.
    pub key: String,
}

/// Finds them in the text of a valid configuration, however they are written. `name` is the file's.
pub fn inert_keys(text: &str, name: &str) -> Vec<InertKey> {
    let mut found = Vec::new();
    if let Ok(file) = DeTable::parse(text) {
        for (table, value) in file.get_ref() {
            walk(table.get_ref(), value.get_ref(), &mut found);
        }
    }
    found.sort();
    let line_at = |at: usize| text[..at].matches('\n').count() + 1;
    let inert = |(at, key)| InertKey { place: format!("{name}:{}", line_at(at)), key };
    found.into_iter().map(inert).collect()
}

/// Those of a table, or of the tables of a list: where they stand, and what they are called.
fn walk(table: &str, value: &DeValue<'_>, found: &mut Vec<(usize, String)>) {
    match value {
        DeValue::Table(keys) => {
            let inert = keys.keys().filter(|key| INERT.contains(&(table, key.get_ref().as_ref())));
            found.extend(inert.map(|key| (key.span().start, format!("{table}.{}", key.get_ref()))));
        }
        DeValue::Array(tables) => tables.iter().for_each(|each| walk(table, each.get_ref(), found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::parse;

    #[test]
    fn every_key_without_effect_is_named_with_its_line_and_no_other_is() {
        let text = "language = \"fr\"\ndrill.days = 8\n[limits]\nthreads = 2\nmemory_bytes = 5 # enough\n\
                    [[plan]]\nname = \"a\"\npaths = [\"/a\"]\n  schedule = \"0 12 * * Mon\"\n[ retention ]\nkeep_last = 3\n\
                    # keep_daily = 4\n";
        parse(text, "c").unwrap();
        let found: Vec<String> =
            inert_keys(text, "c").into_iter().map(|k| format!("{} {}", k.place, k.key)).collect();
        assert_eq!(found, ["c:2 drill.days", "c:5 limits.memory_bytes", "c:11 retention.keep_last"]);
    }

    #[test]
    fn however_it_is_written_a_key_without_effect_is_named() {
        let text = "limits = { memory_bytes = 5 }\nretention = { keep_last = 3, keep_daily = 4 }\n\
                    [\"drill\"]\n\"days\" = 2\n";
        parse(text, "c").unwrap();
        let found: Vec<String> =
            inert_keys(text, "c").into_iter().map(|k| format!("{} {}", k.place, k.key)).collect();
        assert_eq!(
            found,
            [
                "c:1 limits.memory_bytes",
                "c:2 retention.keep_last",
                "c:2 retention.keep_daily",
                "c:4 drill.days"
            ]
        );
    }
}
