//! Keys of the configuration that this version reads and does not act on.
//!
//! From the text of the file to lines and keys; goes to a warning at every run. A key that is accepted and has no effect is
//! a promise: it is said for as long as it is not kept. Never: a value of the file.

use super::lines::{key_of, table_of};

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
    /// Table and key: `plan.schedule`.
    pub key: String,
}

/// Finds them in the text of a valid configuration, however they are written. `name` is the file's; the line is given where
/// the key stands on one of its own.
pub fn inert_keys(text: &str, name: &str) -> Vec<InertKey> {
    let mut found = on_lines(text, name);
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    for (table, key) in INERT {
        let there = times(file.get(table), key);
        let key = format!("{table}.{key}");
        let told = found.iter().filter(|inert| inert.key == key).count();
        found.extend((told..there).map(|_| InertKey { place: name.to_owned(), key: key.clone() }));
    }
    found
}

/// How often a key stands in a table, or in the tables of a list.
fn times(table: Option<&toml::Value>, key: &str) -> usize {
    match table {
        Some(toml::Value::Table(table)) => usize::from(table.contains_key(key)),
        Some(toml::Value::Array(tables)) => tables.iter().map(|table| times(Some(table), key)).sum(),
        _ => 0,
    }
}

/// Those that stand on lines of their own.
fn on_lines(text: &str, name: &str) -> Vec<InertKey> {
    let mut table = "";
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(named) = table_of(line) {
            table = named;
            continue;
        }
        // Inside a table, or as "table.key" before the first one.
        let key = key_of(line);
        let (inside, key) = key.split_once('.').map_or((table, key), |(table, key)| (table, key));
        if INERT.contains(&(inside, key.trim())) {
            let place = format!("{name}:{}", index + 1);
            found.push(InertKey { place, key: format!("{inside}.{}", key.trim()) });
        }
    }
    found
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
            ["c limits.memory_bytes", "c retention.keep_last", "c retention.keep_daily", "c drill.days"]
        );
    }
}
