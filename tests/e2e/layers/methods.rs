//! Which methods a file gives to which type, and which of a type's methods it calls without importing them.
//!
//! From code without comments and tests to names. A type may have blocks of methods in several files; what one of these calls of
//! itself in another is a need as an import is. Never: knows the type of another value than `self`; methods that are called on one
//! are not seen.

use std::collections::BTreeSet;

/// The methods of a type that one file has, and calls on `self`.
pub struct Block {
    /// The type, without its path.
    pub of: String,
    /// Those that it gives to the type; none where the block is of a trait, whose methods are the trait's.
    pub given: BTreeSet<String>,
    /// Those that it calls.
    pub called: BTreeSet<String>,
}

/// The blocks of a file.
pub fn blocks(code: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = next_block(rest) {
        let first_line = rest[start..].lines().next().unwrap_or_default();
        if first_line.ends_with("{}") {
            rest = &rest[start + first_line.len()..];
            continue;
        }
        let Some(end) = rest[start..].find("\n}").map(|at| start + at) else { break };
        let block = &rest[start..end];
        if let Some((head, body)) = block.split_once('{') {
            let (is_of_trait, of) = type_of(head);
            let given = if is_of_trait { BTreeSet::new() } else { functions(body) };
            found.push(Block {
                of,
                given,
                called: called(body, "self", ".").chain(called(body, "Self", "::")).collect(),
            });
        }
        rest = &rest[end..];
    }
    found
}

fn next_block(code: &str) -> Option<usize> {
    let at_first = code.starts_with("impl").then_some(0);
    at_first.or_else(|| code.find("\nimpl").map(|at| at + 1))
}

/// Whether a block is of a trait, and the type it is for.
fn type_of(head: &str) -> (bool, String) {
    let head = head.split(" where").next().unwrap_or_default().replace("->", " ").replace('\n', " ");
    let mut level = 0;
    // What stands in angle brackets is no name of the block's own.
    let bare: String = head
        .chars()
        .filter(|&c| {
            level += i32::from(c == '<');
            let is_outside = level == 0;
            level -= i32::from(c == '>');
            is_outside
        })
        .collect();
    let bare = bare.trim_start_matches("impl").trim();
    let (is_of_trait, of) = bare.split_once(" for ").map_or((false, bare), |(_, of)| (true, of));
    let name = of.trim().rsplit("::").next().unwrap_or_default();
    (is_of_trait, name.trim_start_matches('&').trim().to_owned())
}

/// Names of the functions that stand directly in a block.
fn functions(body: &str) -> BTreeSet<String> {
    let lines = body.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let names = lines.filter_map(|line| line.split_once("fn ").map(|(_, rest)| name_at(rest)));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Functions that are called by `owner` and `joint`: `self.NAME(`, `Self::NAME(`, `Type::NAME(`.
pub fn called<'c>(code: &'c str, owner: &'c str, joint: &'c str) -> impl Iterator<Item = String> + 'c {
    code.match_indices(owner).filter_map(move |(at, _)| {
        let is_whole =
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.');
        let rest = code[at + owner.len()..].trim_start().strip_prefix(joint)?.trim_start();
        let name = name_at(rest);
        let after = &rest[name.len()..];
        (is_whole && !name.is_empty() && (after.starts_with('(') || after.starts_with("::<")))
            .then(|| name.to_owned())
    })
}

fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[test]
fn blocks_of_every_form_are_seen() {
    let code = "impl<'a, T: Fn() -> u8> Worker<'a, T> {\n    pub(in crate::x) fn a(&mut self) {\n        self\n            .b(1);\n        \
                Self::c::<u8>();\n        self.field.d();\n        x.e();\n    }\n    const fn f() {}\n}\n\
                impl Send for Worker<'_> {}\n\
                impl NodeStore for crate::y::Worker<'_> {\n    fn g(&self) {\n        self.h()\n    }\n}\n";
    let found = blocks(code);
    let shown = |block: &Block| {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(",");
        format!("{}: {} calls {}", block.of, list(&block.given), list(&block.called))
    };
    let shown: Vec<String> = found.iter().map(shown).collect();
    assert_eq!(shown, ["Worker: a,f calls b,c", "Worker:  calls h"]);
    assert_eq!(
        called("AgentError::new(x); NoAgentError::b(); AgentError::C", "AgentError", "::")
            .collect::<Vec<_>>(),
        ["new"]
    );
}
