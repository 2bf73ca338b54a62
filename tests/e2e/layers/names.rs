//! Which types a file declares, by the words of its code.
//!
//! From code without comments and tests to names. Never: what a macro declares, or the types of a trait, which belong to it.

/// Names of the types that code declares.
pub fn types_declared(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let inside = line.trim_start();
        let rest = inside.strip_prefix("pub").map_or(inside, |rest| match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
            None => rest.trim_start(),
        });
        let (keyword, rest) = rest.split_once(' ')?;
        let is_type = matches!(keyword, "struct" | "enum" | "trait" | "union")
            || keyword == "type" && line.starts_with(['t', 'p']);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        // A name that a macro is told is none yet.
        (is_type && end > 0).then_some(&rest[..end])
    })
}
