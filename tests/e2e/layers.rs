//! The house's layers, read from the code: no file imports in a circle, nor does a room, and no arrow runs up.
//!
//! From the `use` lines, the paths and the calls in the code of every crate to a graph of files; tests and fixtures are left out. A
//! re-export is followed to the file that defines the name, and a method that a type has in one file and calls of itself in
//! another ties the two as an import does. What a macro writes is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use e2e::tools;

pub mod code;
mod floors;
mod methods;
mod names;
mod sources;
mod system;

use floors::{FLOORS, room_in};
use names::types_declared;

use sources::{NAMES, SOURCES};

use code::{code_of, inline_paths, names_used, uses};
use methods::{blocks, called};

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

struct Source {
    file: PathBuf,
    /// Module path, the crate's name first.
    module: Vec<String>,
    /// Code without comments and tests; what follows `//` in a string is cut with it.
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

    /// Files that only tests compile, by their names, and all below `testing`; those of `bin` are the program, which imports and is not
    /// imported.
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
        let mut arrows: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for &at in self.modules.values() {
            let targets = self.paths_in(at).into_iter().filter_map(|path| self.resolve(at, &path, 0));
            arrows.insert(at, targets.filter(|&target| target != at).collect());
        }
        for (from, to) in self.calls() {
            arrows.entry(from).or_default().insert(to);
        }
        arrows
    }

    /// Files that call a method of a type which another file has, by the type's own name or from another block of it.
    fn calls(&self) -> BTreeSet<(usize, usize)> {
        let mut given: BTreeMap<(&str, String), BTreeMap<String, BTreeSet<usize>>> = BTreeMap::new();
        let of_each: Vec<_> = self.modules.values().map(|&at| (at, blocks(&self.sources[at].code))).collect();
        for (at, blocks) in &of_each {
            let of_crate = self.sources[*at].module[0].as_str();
            for block in blocks {
                let of_type = given.entry((of_crate, block.of.clone())).or_default();
                for name in &block.given {
                    of_type.entry(name.clone()).or_default().insert(*at);
                }
            }
        }
        let mut found = BTreeSet::new();
        for (at, blocks) in &of_each {
            let source = &self.sources[*at];
            let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
            blocks.iter().for_each(|block| names.entry(&block.of).or_default().extend(block.called.clone()));
            for ((of_crate, of), methods) in &given {
                if *of_crate != source.module[0] {
                    continue;
                }
                let by_name = called(&source.code, of, "::");
                let all = by_name.chain(names.get(of.as_str()).into_iter().flatten().cloned());
                let elsewhere = all.filter_map(|name| methods.get(&name)).filter(|files| !files.contains(at));
                found.extend(elsewhere.flatten().map(|to| (*at, *to)));
            }
        }
        found
    }

    /// Every path of a file: those of `use` declarations, and those in the code that begin at a module.
    fn paths_in(&self, at: usize) -> Vec<Vec<String>> {
        let code = &self.sources[at].code;
        let used = names_used(code);
        let is_needed = |name: &str| name == "*" || used.contains(name);
        let needed = uses(code).into_iter().filter(|found| !found.is_handed_on || is_needed(&found.name));
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

/// Groups that reach each other.
fn circles<T: Copy + Ord>(arrows: &BTreeMap<T, BTreeSet<T>>) -> BTreeSet<BTreeSet<T>> {
    let reach: BTreeMap<T, BTreeSet<T>> =
        arrows.keys().map(|&from| (from, reachable(arrows, from))).collect();
    let in_a_circle = reach.iter().filter(|(from, seen)| seen.contains(from));
    let comes_back = |from: &T, to: &T| reach.get(to).is_some_and(|back| back.contains(from));
    in_a_circle.map(|(from, seen)| seen.iter().copied().filter(|to| comes_back(from, to)).collect()).collect()
}

fn reachable<T: Copy + Ord>(arrows: &BTreeMap<T, BTreeSet<T>>, from: T) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<T> = arrows[&from].iter().copied().collect();
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

/// Files that import nothing of each other may call each other's methods.
#[test]
fn a_circle_of_methods_is_seen() {
    let house = House::read();
    let file = |path: &[&str]| house.modules[&path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()];
    let worker = file(&["scelle_core", "pipeline", "workers", "worker"]);
    let (error, usage) = (file(&["scelle_core", "error"]), file(&["scelle_core", "failures", "usage"]));
    for (at, line) in [
        (worker, "impl Worker<'_> {\n    fn f(&mut self) {\n        self.late();\n    }\n}"),
        (error, "impl AgentError {\n    fn f() -> Self {\n        Self::nothing_to_back_up()\n    }\n}"),
        (error, "fn f() -> AgentError {\n    AgentError::nothing_to_back_up()\n}"),
    ] {
        let mut house = House::read();
        assert_eq!(circles(&house.arrows()), BTreeSet::new());
        house.sources[at].code.push_str(&format!("\n{line}\n"));
        let found = circles(&house.arrows());
        assert!(found.iter().any(|circle| circle.contains(&at)), "not seen: {line}");
    }
    assert!(house.calls().contains(&(usage, error)), "what a failure is made by");
}

/// Circles of the rooms of each house: the modules at the top of a crate, or of a room that is a house of its own.
fn circles_of_rooms(house: &House) -> BTreeSet<String> {
    let arrows = house.arrows();
    let crates = CRATES.map(|(name, _)| [name]);
    let houses = crates.iter().map(<[&str; 1]>::as_slice).chain(FLOORS.iter().map(|floors| floors.of));
    let mut told = BTreeSet::new();
    for of in houses {
        let room = |at: usize| room_in(of, &house.sources[at].module);
        let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (&from, targets) in &arrows {
            let Some(here) = room(from) else { continue };
            let there = targets.iter().filter_map(|&to| room(to)).filter(|&there| there != here);
            rooms.entry(here).or_default().extend(there);
        }
        for circle in circles(&rooms) {
            told.insert(format!("{}: {}", of.join("::"), Vec::from_iter(circle).join(", ")));
        }
    }
    told
}

#[test]
fn no_room_imports_in_a_circle() {
    let told = circles_of_rooms(&House::read());
    assert!(told.is_empty(), "rooms that are one room: {told:#?}");
}

/// Two files that do not import each other may still tie two rooms together.
#[test]
fn a_circle_of_rooms_is_seen() {
    let mut house = House::read();
    let expected = "scelle_format: ledger, report".to_owned();
    assert!(!circles_of_rooms(&house).contains(&expected));
    let of_ledger = house.modules[&["scelle_format", "ledger", "kinds"].map(str::to_owned).to_vec()];
    house.sources[of_ledger].code.push_str("\nuse crate::report::Half;\nfn f(_: Half) {}\n");
    assert!(circles_of_rooms(&house).contains(&expected), "{:#?}", circles_of_rooms(&house));
}

/// Arrows from a room to one on a floor above it.
fn arrows_up(house: &House) -> BTreeSet<String> {
    let arrows = house.arrows();
    let mut told = BTreeSet::new();
    for floors in &FLOORS {
        let floor_of = |at: usize| {
            let module = &house.sources[at].module;
            let room = floors.room(module)?;
            Some(floors.floor(room).unwrap_or_else(|| panic!("{} is on no floor", module.join("::"))))
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
    told
}

#[test]
fn no_arrow_runs_up() {
    let told = arrows_up(&House::read());
    assert!(told.is_empty(), "arrows that run up:\n{}", told.into_iter().collect::<Vec<_>>().join("\n"));
}

/// A table that no arrow can break guards nothing: in each house, one line that does not belong there is found.
#[test]
fn an_arrow_that_runs_up_is_seen_in_every_house() {
    for floors in &FLOORS {
        let (ground, top) = (floors.rooms[0][0], floors.rooms[floors.rooms.len() - 1][0]);
        let mut house = House::read();
        let inside = |house: &House, room: &str| {
            let is_there =
                |(module, at): (&Vec<String>, &usize)| (floors.room(module) == Some(room)).then_some(*at);
            house.modules.iter().find_map(is_there).unwrap()
        };
        let (from, to) = (inside(&house, ground), inside(&house, top));
        let path =
            ["crate"].iter().chain(&floors.of[1..]).chain([&top]).copied().collect::<Vec<_>>().join("::");
        house.sources[from].code.push_str(&format!("\nuse {path}::Forbidden;\nfn f(_: Forbidden) {{}}\n"));
        let expected = format!("{} -> {}", house.name(from), house.name(to));
        assert!(arrows_up(&house).contains(&expected), "{expected} is not seen");
    }
}

/// What asks the system for time or chance, as `file: name`.
fn asked_of_the_system(house: &House) -> BTreeSet<String> {
    let is_code_of_tests = |module: &[String]| {
        module.iter().any(|part| part == "testing" || part.ends_with("_tests") || part == "fixture")
    };
    let mut asked = BTreeSet::new();
    for (at, source) in house.sources.iter().enumerate() {
        let named = NAMES.iter().filter(|name| is_named(&source.code, name));
        let named = named.filter(|_| !is_code_of_tests(&source.module));
        asked.extend(named.map(|name| format!("{}: {name}", house.name(at))));
    }
    asked
}

/// Whether a name stands in code, and not only as the end of another.
fn is_named(code: &str, name: &str) -> bool {
    let mut before = code.match_indices(name).map(|(at, _)| code[..at].chars().next_back());
    before.any(|before| before.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

#[test]
fn time_and_chance_are_asked_of_the_system_in_few_places() {
    let may: BTreeSet<String> = SOURCES
        .iter()
        .flat_map(|source| source.names.iter().map(|name| format!("{}: {name}", source.file)))
        .collect();
    let asked = asked_of_the_system(&House::read());
    let beyond: Vec<_> = asked.difference(&may).collect();
    assert!(beyond.is_empty(), "take it from who calls: {beyond:#?}");
    let idle: Vec<_> = may.difference(&asked).collect();
    assert!(idle.is_empty(), "no longer needed: {idle:#?}");
}

/// Files that ask which operating system this is.
fn asks_for_the_system(house: &House) -> BTreeSet<String> {
    let asks = |at: &&usize| system::ASKS.iter().any(|ask| house.sources[**at].code.contains(ask));
    house.modules.values().filter(asks).map(|&at| house.name(at)).collect()
}

#[test]
fn only_few_rooms_know_which_system_this_is() {
    let asking = asks_for_the_system(&House::read());
    let beyond: Vec<_> =
        asking.iter().filter(|file| !system::MAY.iter().any(|may| file.starts_with(may))).collect();
    assert!(beyond.is_empty(), "ask a room that has the same names everywhere: {beyond:#?}");
    let idle: Vec<_> =
        system::MAY.iter().filter(|may| !asking.iter().any(|file| file.starts_with(**may))).collect();
    assert!(idle.is_empty(), "no longer needed: {idle:#?}");
}

/// Files in which each crate declares a type, by crate and name. What each system has in its own way counts once.
fn declarations(house: &House) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut declared: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for &at in house.modules.values() {
        let source = &house.sources[at];
        for name in types_declared(&source.code) {
            let place = house.name(at).replace("/unix", "/").replace("/windows", "/");
            declared.entry((source.module[0].clone(), name.to_owned())).or_default().insert(place);
        }
    }
    declared
}

#[test]
fn a_name_means_one_type_in_a_crate() {
    let declared = declarations(&House::read());
    assert!(declared.len() > 500, "the code was not read: {}", declared.len());
    let twice: Vec<_> = declared.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(twice.is_empty(), "one name, several types: {twice:#?}");
}

#[test]
fn every_way_to_declare_a_type_is_seen() {
    let code = "pub struct A {\npub(super) enum B<T> {\n    struct C;\ntrait D: E {\ntype F = u8;\npub type G<T> = T;\n    \
                type Item = u8;\nfn structure() {}\npub(in crate::repo) struct H(u8);\npub enum $name {}";
    assert_eq!(types_declared(code).collect::<String>(), "ABCDFGH");
}

/// The pages and words that whoever keeps a store may show are built without anything that opens what is stored.
#[test]
fn the_view_is_built_without_a_key() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = std::process::Command::new(cargo);
    tree.args([
        "tree",
        "--offline",
        "-p",
        "scelle-view",
        "--edges",
        "normal,build,features",
        "--prefix",
        "none",
    ]);
    let output = tree.current_dir(tools::checkout()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.lines().any(|line| line.starts_with("scelle-format v")), "{tree}");
    let openers = [
        "scelle-core ",
        "scelle-store ",
        "scelle-agent ",
        "scelle-format feature \"crypto\"",
        "age ",
        "age-core ",
        "ml-kem ",
        "x25519-dalek ",
        "hpke ",
    ];
    for opener in openers {
        assert!(!tree.lines().any(|line| line.starts_with(opener)), "{opener} is in the tree of the view");
    }
}

#[test]
fn a_circle_is_seen() {
    let of = |pairs: &[(usize, &[usize])]| {
        pairs.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect()
    };
    assert_eq!(circles(&of(&[(0, &[1]), (1, &[2]), (2, &[1])])), BTreeSet::from([BTreeSet::from([1, 2])]));
    assert!(circles(&of(&[(0, &[1, 2]), (1, &[2]), (2, &[])])).is_empty());
}
