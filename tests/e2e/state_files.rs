//! What lies in the state folders is on one list, with what each file is and what its loss costs.
//!
//! From the names of `agent/core/src/repo/files.rs`, and of the state itself after runs of every kind, to those that the list lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::{Site, noise, tools};

/// Names, beginnings and endings on the list.
fn listed() -> Vec<String> {
    let list = tools::checkout().join("agent/core/src/repo/files.rs");
    let list = fs::read_to_string(list).unwrap();
    let names = list.split("&str = \"").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// Paths below a folder of a state, folders among them; of copies of small objects only their folder, for they have the names that
/// these objects have in the store.
fn names_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() && name != "kept" {
            names_below(&entry.path(), found);
        }
        found.insert(name);
    }
}

/// Whether a name is on the list, as it stands or by its beginning, its ending, or what stands in its middle.
fn is_listed(name: &str, list: &[String]) -> bool {
    let is_database = |known: &str| {
        known.ends_with(".sqlite")
            && [format!("{known}-wal"), format!("{known}-shm")].contains(&name.to_owned())
    };
    list.iter().any(|known| {
        name == known
            || known.ends_with('-') && name.starts_with(known.as_str())
            || known.starts_with('.') && name.ends_with(known.as_str())
            || known.starts_with('.') && known.ends_with('-') && name.contains(known.as_str())
            || is_database(known)
    })
}

#[test]
fn everything_that_lies_in_a_state_folder_is_on_the_list() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    source.file("deux.bin", noise(1, 3_000_000));
    site.backup(&source);
    source.file("trois.bin", noise(2, 3_000_000));
    site.backup(&source);
    // The disk of the store is away: a bilan is kept.
    let store = site.place.folder().to_owned();
    let away = site.path("away");
    fs::rename(&store, &away).unwrap();
    let backup = ["backup".into(), source.root().as_os_str().to_owned()];
    assert_ne!(site.agent.run(backup.clone()).code(), 0);
    fs::rename(&away, &store).unwrap();
    // Something stands where a file should.
    let state = site.state();
    fs::remove_file(state.join("bilans.json")).unwrap();
    fs::create_dir(state.join("bilans.json")).unwrap();
    let mut found = BTreeSet::new();
    names_below(&state, &mut found);
    site.agent.run(backup);
    names_below(&state, &mut found);

    let list = listed();
    assert!(list.len() > 20, "{list:?}");
    let unknown: Vec<_> = found.iter().filter(|name| !is_listed(name, &list)).collect();
    assert!(unknown.is_empty(), "not in agent/core/src/repo/files.rs: {unknown:#?}");
    // Each sort was there, or this shows little.
    for sort in
        ["refs-", ".idx", ".aside-", "unsent-bilans", ".json", "kept", "catalog.sqlite", "device.json"]
    {
        assert!(found.iter().any(|name| name.contains(sort)), "nothing was of the sort {sort}: {found:?}");
    }
    assert!(!is_listed("stray.txt", &list) && !is_listed("jsonl", &list));
}
