//! Which names a file of Rust speaks of: its `use` declarations, and the paths in its code.
//!
//! From text to paths, without a compiler: what a macro writes is not seen. Never: says which file a path leads to.

use std::collections::BTreeSet;

/// The code without what only tests compile: items of the file's own, wherever they stand.
pub fn without_tests(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test") {
            kept.push(line);
            continue;
        }
        let item = lines.by_ref().find(|line| !line.starts_with("#["));
        if item.is_some_and(|item| !item.ends_with([';', '}'])) {
            let _end = lines.by_ref().find(|line| matches!(*line, "}" | "};" | ");"));
        }
    }
    kept.join("\n") + "\n"
}

/// The code without comments, and without what only tests compile.
pub fn code_of(text: &str) -> String {
    let text = without_tests(text);
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut code = lines.collect::<Vec<_>>().join("\n");
    forget_how_far_seen(&mut code);
    flatten_modules(&mut code);
    code
}

/// Up to where an item is seen is no need of what stands there: `pub(in crate::room)` is `pub`.
fn forget_how_far_seen(code: &mut String) {
    while let Some(start) = code.find("pub(in ") {
        let end = code[start..].find(')').map_or(code.len(), |at| start + at + 1);
        code.replace_range(start..end, "pub");
    }
}

/// Modules within a file belong to it: what they take from above is the file's own.
fn flatten_modules(code: &mut String) {
    let mut from = 0;
    while let Some(found) = code[from..].find("\nmod ") {
        let start = from + found + 1;
        from = start;
        let Some(open) = code[start..].find(['{', ';']).filter(|at| code[start + at..].starts_with('{'))
        else {
            continue;
        };
        let end = code[start..].find("\n}").map_or(code.len(), |at| start + at);
        let inside = code[start + open..end].replace("super::", "self::");
        code.replace_range(start + open..end, &inside);
    }
}

/// A name that a `use` declaration brings in.
pub struct Use {
    pub name: String,
    pub path: Vec<String>,
    /// Whether it is handed on: a door to another file, no need of this one.
    pub is_handed_on: bool,
}

/// Names that `use` declarations bring in, with their whole paths.
pub fn uses(code: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for (before, tree) in code.split(';').filter_map(use_of) {
        let is_handed_on = before.ends_with("pub");
        let mut names = Vec::new();
        expand(&[], &tree, &mut names);
        found.extend(names.into_iter().map(|(name, path)| Use { name, path, is_handed_on }));
    }
    found
}

/// The `use` declaration at the end of what stands before a semicolon: what precedes it, and its tree.
fn use_of(declaration: &str) -> Option<(&str, String)> {
    let start = declaration.rfind("use ")?;
    let before = declaration[..start].trim_end();
    if !(before.is_empty() || before.ends_with("pub") || before.ends_with([')', ']', '}', '{'])) {
        return None;
    }
    let tree = declaration[start + 4..].split_whitespace().collect::<Vec<_>>().join(" ");
    tree.chars().all(|c| c.is_alphanumeric() || "_:{}, *".contains(c)).then_some((before, tree))
}

/// The code between `use` declarations.
fn outside_uses(code: &str) -> impl Iterator<Item = &str> {
    code.split(';').map(|text| use_of(text).map_or(text, |(before, _)| before))
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Names that the code itself uses, which makes a need of a door: types, and functions that it calls by themselves.
pub fn names_used(code: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for text in outside_uses(code) {
        let mut before = "";
        for word in text.split_inclusive(|c: char| !is_in_name(c)) {
            let name = word.trim_end_matches(|c| !is_in_name(c));
            let is_called = word.ends_with('(') && !before.ends_with(['.', ':']) && before != "fn ";
            if is_called || name.starts_with(char::is_uppercase) {
                names.insert(name);
            }
            before = word;
        }
    }
    names
}

/// One `use` tree: `a::{b, c::{d as e, self}}`.
fn expand(before: &[String], tree: &str, found: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    // What follows the last comma.
    if tree.is_empty() {
        return;
    }
    if let Some(open) = tree.find('{') {
        let mut path = before.to_vec();
        path.extend(
            tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned),
        );
        let inside = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or_default();
        let mut level = 0;
        let mut item = String::new();
        for c in inside.chars().chain([',']) {
            match c {
                ',' if level == 0 => {
                    expand(&path, &std::mem::take(&mut item), found);
                    continue;
                }
                '{' => level += 1,
                '}' => level -= 1,
                _ => {}
            }
            item.push(c);
        }
        return;
    }
    let (path_text, alias) =
        tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
    let mut path = before.to_vec();
    path.extend(path_text.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let Some(last) = path.last().cloned() else { return };
    found.push((alias.map_or(last, |alias| alias.trim().to_owned()), path));
}

/// Paths of at least two parts in lower-case beginnings: `commit::confirm`, `crate::error::Result`. Those of `use`
/// declarations are not among them: [`uses`] tells a need from a door.
pub fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let words = outside_uses(code).flat_map(|text| text.split(|c: char| !is_in_name(c) && c != ':'));
    for word in words {
        let parts: Vec<String> = word.split("::").map(str::to_owned).collect();
        if parts.len() > 1 && parts[0].starts_with(|c: char| c.is_lowercase()) {
            paths
                .push(parts.into_iter().take_while(|part| !part.is_empty() && !part.contains(':')).collect());
        }
    }
    paths.retain(|path: &Vec<String>| path.len() > 1);
    paths
}

#[test]
fn a_re_export_and_a_door_are_seen() {
    let found = uses("use crate::a::{b, c::{d as e, self}};\npub use self::x::Y;\nlet user = 1;");
    let shown: Vec<String> =
        found.iter().map(|found| format!("{}={}", found.name, found.path.join("::"))).collect();
    assert_eq!(shown, ["b=crate::a::b", "e=crate::a::c::d", "c=crate::a::c", "Y=self::x::Y"]);
    assert_eq!(inline_paths("pub use body::Paced;\nuse a::b::C;\nlet d = body::new();"), [["body", "new"]]);
    assert_eq!(uses("use a::{\n    b,\n};").len(), 1);
    let door = "mod c;\npub use c::{C, d, e};\nfn new(e: E) -> C { e.d().e }\nfn more() { d() }";
    assert_eq!(names_used(door), BTreeSet::from(["C", "E", "d"]));
    let text = "use super::a::A;\n#[cfg(unix)]\nmod system {\n    use super::{A, B};\n}\nmod other;\n";
    let paths: Vec<String> = uses(&code_of(text)).iter().map(|found| found.path.join("::")).collect();
    assert_eq!(paths, ["super::a::A", "self::A", "self::B"]);
    let tested = "use a::b::B;\n#[cfg(all(test, target_os = \"linux\"))]\nmod tests {\n    use c::d::D;\n}\n";
    assert_eq!(uses(&code_of(tested)).len(), 1);
    let in_between = "use a::B;\n#[cfg(test)]\nmod x_tests;\nuse a::C;\n#[cfg(test)]\n#[cfg(unix)]\nfn f() {\n    use a::D;\n}\nuse a::E;\n";
    assert_eq!(uses(&code_of(in_between)).len(), 3, "what follows a test is read");
}
