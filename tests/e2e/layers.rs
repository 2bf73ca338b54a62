//! The house's layers, read from the code: no file imports in a circle, and no arrow runs up.
//!
//! From the `use` lines and the paths in the code of every crate to a graph of files; tests and fixtures are left out. A
//! re-export is followed to the file that defines the name. What a macro writes is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use e2e::tools;

/// Every crate of the product: its name in paths, and its sources.
const CRATES: [(&str, &str); 7] = [
    ("scelle_format", "repo-format/src"),
    ("scelle_store", "agent/store/src"),
    ("scelle_view", "agent/view/src"),
    ("scelle_practice", "agent/practice/src"),
    ("scelle_core", "agent/core/src"),
    ("scelle_agent", "agent/src"),
    ("scelle_server", "server/src"),
];

/// Rooms of `agent/core`, the ground floor first. A room may import its own floor's other rooms only where no circle comes
/// of it, and floors below; never one above.
const CORE_FLOORS: [&[&str]; 10] = [
    &["clock", "shutdown", "error", "sentences", "monitor"],
    &["platform"],
    &["scan", "index"],
    &["repo"],
    &["connect", "catalog"],
    &["reading"],
    &["restore", "verify", "look"],
    &["pipeline"],
    &["bilan"],
    &["backup"],
];

/// Rooms of the program itself.
const AGENT_FLOORS: [&[&str]; 3] = [&["config"], &["cli"], &["demo"]];

struct Source {
    file: PathBuf,
    /// Module path, the crate's name first.
    module: Vec<String>,
    /// Code without comments, strings and tests.
    code: String,
}

struct House {
    sources: Vec<Source>,
    /// Module path to source.
    modules: BTreeMap<Vec<String>, usize>,
}

impl House {
    fn read() -> Self {
        let mut sources = Vec::new();
        for (name, folder) in CRATES {
            let root = tools::checkout().join(folder);
            walk(&root, &mut |file| {
                let relative = file.strip_prefix(&root).unwrap();
                let mut module = vec![name.to_owned()];
                let stem = relative.with_extension("");
                module.extend(stem.iter().map(|part| part.to_str().unwrap().to_owned()));
                if matches!(module.last().unwrap().as_str(), "mod" | "lib") {
                    module.pop();
                }
                let code = code_of(&fs::read_to_string(file).unwrap());
                sources.push(Source { file: file.to_owned(), module, code });
            });
        }
        let modules = sources.iter().enumerate().map(|(i, s)| (s.module.clone(), i)).collect();
        let mut house = Self { sources, modules };
        house.leave_tests_out();
        house
    }

    /// Files that only tests compile: named in a `#[cfg(test)]` module of their parent, and all below `testing`.
    fn leave_tests_out(&mut self) {
        let is_test = |source: &Source| {
            source.module.iter().any(|part| part == "testing" || part == "bin" || part.ends_with("_tests"))
                || source.file.ends_with("fixture.rs")
        };
        let kept: BTreeMap<_, _> = self
            .modules
            .iter()
            .filter(|(_, at)| !is_test(&self.sources[**at]))
            .map(|(m, &at)| (m.clone(), at))
            .collect();
        self.modules = kept;
    }

    fn name(&self, at: usize) -> String {
        self.sources[at].file.strip_prefix(tools::checkout()).unwrap().display().to_string()
    }

    /// The files that each file takes something from.
    fn arrows(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut arrows = BTreeMap::new();
        for &at in self.modules.values() {
            let targets = self.paths_in(at).into_iter().filter_map(|path| self.resolve(at, &path, 0));
            arrows.insert(at, targets.filter(|&target| target != at).collect());
        }
        arrows
    }

    /// Every path of a file: those of `use` declarations, and those in the code that begin at a module.
    fn paths_in(&self, at: usize) -> Vec<Vec<String>> {
        let code = &self.sources[at].code;
        let used = names_used(code);
        let needed =
            uses(code).into_iter().filter(|found| !found.is_handed_on || used.contains(found.name.as_str()));
        let mut paths: Vec<Vec<String>> = needed.map(|found| found.path).collect();
        paths.extend(inline_paths(code));
        paths
    }

    /// The file that defines what a path names; `None` for other people's crates.
    fn resolve(&self, at: usize, path: &[String], depth: usize) -> Option<usize> {
        // A name that is handed round in a circle is nobody's.
        if depth > 8 {
            return None;
        }
        let here = &self.sources[at].module;
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (mut module, mut rest) = match path.first()?.as_str() {
            "crate" => (here[..1].to_vec(), &path[1..]),
            "self" => (here.clone(), &path[1..]),
            "super" => (here[..here.len().checked_sub(supers)?].to_vec(), &path[supers..]),
            first if CRATES.iter().any(|(name, _)| *name == first) => (path[..1].to_vec(), &path[1..]),
            first if self.modules.contains_key(&deeper(here, first)) => (here.clone(), path),
            _ => return self.imported(at, path, depth),
        };
        while let Some((part, after)) = rest.split_first() {
            let inside = deeper(&module, part);
            if !self.modules.contains_key(&inside) {
                break;
            }
            (module, rest) = (inside, after);
        }
        let found = *self.modules.get(&module)?;
        match rest.first() {
            Some(item) => self.exported(found, item, depth).or(Some(found)),
            None => Some(found),
        }
    }

    /// Where a name that a file hands on comes from.
    fn exported(&self, at: usize, item: &str, depth: usize) -> Option<usize> {
        let found = uses(&self.sources[at].code).into_iter().find(|found| found.name == item)?;
        self.resolve(at, &found.path, depth + 1)
    }

    /// A path whose first name was brought in by a `use`.
    fn imported(&self, at: usize, path: &[String], depth: usize) -> Option<usize> {
        let mut full = uses(&self.sources[at].code).into_iter().find(|found| found.name == path[0])?.path;
        if full == path {
            return None;
        }
        full.extend(path[1..].iter().cloned());
        self.resolve(at, &full, depth + 1)
    }
}

fn deeper(module: &[String], part: &str) -> Vec<String> {
    module.iter().cloned().chain([part.to_owned()]).collect()
}

fn walk(folder: &Path, with: &mut impl FnMut(&Path)) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, with);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            with(&path);
        }
    }
}

/// The code without comments, and without the test modules at its end.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// A name that a `use` declaration brings in.
struct Use {
    name: String,
    path: Vec<String>,
    /// Whether it is handed on: a door to another file, no need of this one.
    is_handed_on: bool,
}

/// Names that `use` declarations bring in, with their whole paths.
fn uses(code: &str) -> Vec<Use> {
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
fn names_used(code: &str) -> BTreeSet<&str> {
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
fn inline_paths(code: &str) -> Vec<Vec<String>> {
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

/// Groups of files that reach each other.
fn circles(arrows: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<BTreeSet<usize>> {
    let reach: BTreeMap<usize, BTreeSet<usize>> =
        arrows.keys().map(|&from| (from, reachable(arrows, from))).collect();
    let mut circles: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for (&from, seen) in &reach {
        if seen.contains(&from) {
            circles.insert(
                seen.iter()
                    .copied()
                    .filter(|to| reach.get(to).is_some_and(|back| back.contains(&from)))
                    .collect(),
            );
        }
    }
    circles.into_iter().collect()
}

fn reachable(arrows: &BTreeMap<usize, BTreeSet<usize>>, from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = arrows[&from].iter().copied().collect();
    while let Some(at) = open.pop() {
        if seen.insert(at) {
            open.extend(arrows.get(&at).into_iter().flatten());
        }
    }
    seen
}

#[test]
fn no_file_imports_in_a_circle() {
    let house = House::read();
    let arrows = house.arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 500, "the code was not read");
    let mut told = String::new();
    for circle in circles(&arrows) {
        told.push_str(&format!("{} files:\n", circle.len()));
        for &from in &circle {
            for to in arrows[&from].intersection(&circle) {
                told.push_str(&format!("  {} -> {}\n", house.name(from), house.name(*to)));
            }
        }
    }
    assert!(told.is_empty(), "circles:\n{told}");
}

#[test]
fn no_arrow_runs_up() {
    let house = House::read();
    let arrows = house.arrows();
    let mut told = BTreeSet::new();
    for (name, floors) in [("scelle_core", &CORE_FLOORS[..]), ("scelle_agent", &AGENT_FLOORS[..])] {
        let floor_of = |at: usize| {
            let module = &house.sources[at].module;
            let room = (module[0] == name).then(|| module.get(1)).flatten()?;
            let floor = floors.iter().position(|rooms| rooms.contains(&room.as_str()));
            Some(floor.unwrap_or_else(|| panic!("{} is on no floor", module.join("::"))))
        };
        for (&from, targets) in &arrows {
            let Some(floor) = floor_of(from) else { continue };
            for &to in targets {
                if floor_of(to).is_some_and(|above| above > floor) {
                    told.insert(format!("{} -> {}", house.name(from), house.name(to)));
                }
            }
        }
    }
    assert!(told.is_empty(), "arrows that run up:\n{}", told.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_circle_and_a_re_export_are_seen() {
    let of = |pairs: &[(usize, &[usize])]| {
        pairs.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect()
    };
    assert_eq!(circles(&of(&[(0, &[1]), (1, &[2]), (2, &[1])])), [BTreeSet::from([1, 2])]);
    assert!(circles(&of(&[(0, &[1, 2]), (1, &[2]), (2, &[])])).is_empty());
    let found = uses("use crate::a::{b, c::{d as e, self}};\npub use self::x::Y;\nlet user = 1;");
    let shown: Vec<String> =
        found.iter().map(|found| format!("{}={}", found.name, found.path.join("::"))).collect();
    assert_eq!(shown, ["b=crate::a::b", "e=crate::a::c::d", "c=crate::a::c", "Y=self::x::Y"]);
    assert_eq!(inline_paths("pub use body::Paced;\nuse a::b::C;\nlet d = body::new();"), [["body", "new"]]);
    assert_eq!(uses("use a::{\n    b,\n};").len(), 1);
    let door = "mod c;\npub use c::{C, d, e};\nfn new(e: E) -> C { e.d().e }\nfn more() { d() }";
    assert_eq!(names_used(door), BTreeSet::from(["C", "E", "d"]));
}
