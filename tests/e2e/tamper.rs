//! Damage and forgery of every kind of object are named, cost what they must, and nothing more.
//!
//! One practice with three snapshots; for each case its store is copied and one object that snapshot 2 needs is
//! damaged. The table says what a check and two restorations make of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::listing::files_at_rest;
use e2e::process::{contents, copy, copy_links};
use e2e::tamper::{Damage, Kind, Vault};
use e2e::{Agent, Outcome, Site, Tree, noise};

/// Begins every name and every text of the practice.
const CANARY: &str = "DUPONT";

/// What a restoration makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Exit 0 and every byte.
    Whole,
    /// Every byte, from the copy that is left; what was damaged on the way is named.
    Rescued,
    /// Every byte; the damage does not concern a restoration, which may or may not see it.
    Content,
    /// Exit 13; what the damaged object does not hold comes back.
    Rest,
    /// Exit 13 and no wrong byte.
    Named,
}

/// What is expected: does a check without a key and without reading data see it; what does restoring the snapshot
/// give, and what the one before?
struct Row(bool, Effect, Effect);

fn expected(kind: Kind, damage: Damage) -> Row {
    use Damage::{Delete, Truncate};
    use Effect::{Content, Named, Rescued, Rest, Whole};
    match (kind, damage) {
        // A signpost: the descriptor says the same, signed.
        (Kind::FormatTxt, _) => Row(true, Content, Content),
        // Refs hold a copy.
        (Kind::Descriptor, _) => Row(true, Rescued, Rescued),
        (Kind::EpochKey, _) => Row(true, Rescued, Rescued),
        // Neither is needed with the kit.
        (Kind::DeviceKey | Kind::EverydayKey, _) => Row(true, Content, Content),
        // Size and presence are seen at once; the rest when data is read.
        (Kind::DataPack, Delete | Truncate) => Row(true, Rest, Whole),
        (Kind::DataPack, _) => Row(false, Rest, Whole),
        (Kind::ManifestPack, Delete | Truncate) => Row(true, Named, Whole),
        (Kind::ManifestPack, _) => Row(false, Named, Whole),
        // Manifests say where chunks are; nobody needs the index to restore.
        (Kind::IndexSegment, _) => Row(true, Content, Content),
        (Kind::Root, _) => Row(true, Named, Whole),
        // The tree says where everything is.
        (Kind::Refs, _) => Row(true, Content, Content),
        (Kind::Record | Kind::BilanNote, _) => Row(true, Content, Content),
        (Kind::SnapshotNote, _) => Row(true, Named, Content),
    }
}

/// A practice that has lived for three days.
struct Practice {
    site: Site,
    source: Tree,
    days: BTreeMap<u64, BTreeMap<String, Vec<u8>>>,
}

impl Practice {
    fn new() -> Self {
        let site = Site::on_dir_with_phrase();
        let source = site.source("source");
        for number in 0..40 {
            let text = format!("{CANARY} letter {number}\n").repeat(30 + number);
            source.file(format!("letters/{CANARY} {number}.txt"), text);
        }
        let mut days = BTreeMap::new();
        for day in 1..=3 {
            source.file(format!("{CANARY}.dcm"), noise(day, 400_000));
            source.file(format!("letters/{CANARY} of the day.txt"), format!("{CANARY} {day}\n").repeat(500));
            site.backup(&source);
            days.insert(day, contents(source.root()));
        }
        Self { site, source, days }
    }

    fn vault(&self, store: &Path) -> Vault {
        Vault::open(store, &self.site.kit(), &self.site.phrase())
    }

    /// A computer with this state, looking at a copy of the store.
    fn looking_at(&self, store: &Path, home: PathBuf) -> Agent {
        self.site.agent.elsewhere(home).with("SCELLE_REPO", format!("file://{}", store.display()))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Collects what went otherwise than the table says.
struct Verdicts(Vec<String>);

impl Verdicts {
    fn expect(&mut self, holds: bool, what: &str, outcome: &Outcome) {
        if !holds {
            self.0.push(format!("{what}\n{outcome}"));
        }
    }
}

#[test]
fn every_damage_to_every_kind_of_object_is_named_and_costs_only_itself() {
    let practice = Practice::new();
    let twin = Practice::new();
    let twin_vault = twin.vault(twin.site.place.folder());
    let mut verdicts = Verdicts(Vec::new());
    for kind in Kind::ALL {
        for damage in Damage::ALL {
            one_case(&practice, &twin_vault, kind, damage, &mut verdicts);
        }
    }
    let said = String::from_utf8_lossy(&practice.site.agent.said()).into_owned();
    assert!(!said.contains(CANARY), "a name in an output");
    assert!(verdicts.0.is_empty(), "{} surprises:\n{}", verdicts.0.len(), verdicts.0.join("\n\n"));
}

fn one_case(practice: &Practice, twin: &Vault, kind: Kind, damage: Damage, verdicts: &mut Verdicts) {
    let case = practice.site.path(&format!("{kind:?}-{damage:?}"));
    fs::create_dir(&case).unwrap();
    let (store, home) = (case.join("store"), case.join("home"));
    copy_links(practice.site.place.folder(), &store);
    let vault = practice.vault(&store);
    let target = vault.target(kind, 2);
    vault.damage(kind, damage, 2, 1, twin);
    let Row(is_seen_at_once, affected, unaffected) = expected(kind, damage);

    copy(practice.site.agent.home(), &home);
    readdress(&home, practice.site.place.folder(), &store);
    let own = practice.looking_at(&store, home);
    let kit = practice.site.kit();
    let names_it = |outcome: &Outcome| {
        let said = format!("{}{}", outcome.out(), outcome.err());
        said.contains(called(&target))
    };
    let check = own.run(["check"]);
    if is_seen_at_once {
        verdicts.expect(
            check.code() == 13 && names_it(&check),
            &format!("{kind:?} {damage:?}: check"),
            &check,
        );
    } else {
        verdicts.expect([0, 13].contains(&check.code()), &format!("{kind:?} {damage:?}: check"), &check);
    }
    let check = own.run(["check", "--read-data", "all"]);
    verdicts.expect(
        check.code() == 13 && names_it(&check),
        &format!("{kind:?} {damage:?}: check all"),
        &check,
    );
    let check = own.run(["check", "--read-data", "all", "--kit", text(&kit)]);
    verdicts.expect(
        check.code() == 13 && names_it(&check),
        &format!("{kind:?} {damage:?}: check all with kit"),
        &check,
    );

    for (number, effect) in [(2, affected), (1, unaffected)] {
        let stranger = practice.looking_at(&store, case.join(format!("new{number}")));
        let target_folder = case.join(format!("restored{number}"));
        let snapshot = number.to_string();
        let outcome = stranger.run(["restore", &snapshot, "--to", text(&target_folder), "--kit", text(&kit)]);
        let restored = practice.site.restored(&target_folder, practice.source.root());
        // Nothing at all may have been left to restore.
        let back = if restored.exists() { contents(&restored) } else { BTreeMap::new() };
        let what =
            format!("{kind:?} {damage:?}: restore {number}, {effect:?} expected, {} files back", back.len());
        verdicts.expect(holds(practice, number, effect, &outcome, &back), &what, &outcome);
        if outcome.code() == 13 || effect == Effect::Rescued {
            verdicts.expect(names_it(&outcome), &format!("{what}: not named"), &outcome);
        }
    }
    fs::remove_dir_all(&case).unwrap();
}

fn holds(
    practice: &Practice,
    number: u64,
    effect: Effect,
    outcome: &Outcome,
    back: &BTreeMap<String, Vec<u8>>,
) -> bool {
    let saved = &practice.days[&number];
    let is_right = back.iter().all(|(name, bytes)| saved.get(name) == Some(bytes));
    let is_whole = back == saved;
    // What was there before and has not changed lies in earlier packs.
    let before = &practice.days[&(number - 1).max(1)];
    let unchanged: Vec<&String> =
        saved.iter().filter(|(name, bytes)| before.get(*name) == Some(bytes)).map(|(name, _)| name).collect();
    match effect {
        Effect::Whole => is_whole && outcome.code() == 0,
        Effect::Rescued | Effect::Content => is_whole && [0, 13].contains(&outcome.code()),
        Effect::Rest => {
            is_right
                && outcome.code() == 13
                && !is_whole
                && unchanged.iter().all(|name| back.contains_key(*name))
        }
        Effect::Named => is_right && outcome.code() == 13 && !is_whole,
    }
}

/// How outputs may call an object: its key, or the part of it before a hash (a note that is gone has no hash).
fn called(name: &str) -> &str {
    match name.split_once('-') {
        Some((sequence, _)) if name.starts_with("c/") => sequence,
        _ => name,
    }
}

/// Makes a copied state believe that its repository lies at `to`.
fn readdress(home: &Path, from: &Path, to: &Path) {
    for path in files_at_rest(home) {
        let is_text = path.extension().is_some_and(|extension| extension == "json" || extension == "toml");
        if is_text {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace(from.to_str().unwrap(), to.to_str().unwrap())).unwrap();
        }
    }
}
