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
