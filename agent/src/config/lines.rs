//! What a line of the configuration names: its table or its key.
//!
//! For messages that say where, not for values: those are read by the TOML parser. Never: a value.

/// The name of the table that a line opens.
pub(super) fn table_of(line: &str) -> Option<&str> {
    let table = line.trim().strip_prefix('[')?;
    Some(table.trim_start_matches('[').split(']').next().unwrap_or_default().trim())
}

/// The key or table name a line begins with; empty when it has none that can be shown.
pub(super) fn key_of(line: &str) -> &str {
    let line = line.trim();
    let key = table_of(line).unwrap_or_else(|| line.split_once('=').map_or("", |(key, _)| key.trim()));
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if plain && key.len() <= 40 { key } else { "" }
}

/// The line, from 1, of a key in a table: below the table's own line, or as `table.key` before the first one. 1 where it is
/// written in another way.
pub(super) fn line_of(text: &str, table: &str, key: &str) -> usize {
    row_line_of(text, table, 0, key)
}

/// [`line_of`] in the table that stands at `row`, from 0, among those of its name.
pub(super) fn row_line_of(text: &str, table: &str, row: usize, key: &str) -> usize {
    let (mut inside, mut rows) = ("", 0);
    let found = text.lines().position(|line| {
        if let Some(named) = table_of(line) {
            inside = named;
            rows += usize::from(named == table);
            return false;
        }
        let named = key_of(line);
        let (of, named) =
            named.split_once('.').map_or((inside, named), |(of, named)| (of.trim(), named.trim()));
        of == table && named == key && rows.max(1) == row + 1
    });
    found.map_or(1, |index| index + 1)
}
