//! The server's place in the house: what it may be built from, and who may know whom inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn nothing_that_opens_a_sealed_object_is_built_in() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--offline", "-p", "scelle-server", "--edges", "normal,build", "--prefix", "none"]);
    let output = tree.current_dir(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("scelle-store v"), "{tree}");
    for opener in ["age v", "age-core v", "ml-kem v", "x25519-dalek v", "hpke v", "aws-sdk-s3 v"] {
        assert!(!tree.lines().any(|line| line.starts_with(opener)), "{opener} is in the tree");
    }
}

/// Layers from the wire down: http → roles → operations → blobs, metadata. A room, and the rooms it must not know.
const LAYERS: &[(&str, &[&str])] = &[
    ("operations", &["http", "roles", "trace", "scrub", "fsck", "rebuild"]),
    ("metadata", &["http", "operations", "blobs", "receive", "trace", "scrub", "fsck", "rebuild"]),
    ("trace", &["http", "operations", "metadata", "blobs", "receive", "roles", "scrub", "fsck", "rebuild"]),
    ("blobs.rs", &["http", "operations", "metadata", "receive", "trace", "roles", "data"]),
    ("label.rs", &["http", "operations", "metadata", "blobs", "receive", "trace", "roles", "data"]),
    ("roles.rs", &["http", "operations", "metadata", "blobs", "receive", "trace", "data"]),
    ("receive.rs", &["http", "operations", "metadata", "trace", "roles"]),
    ("scrub.rs", &["http", "roles", "trace", "receive"]),
    ("fsck.rs", &["http", "roles", "receive"]),
    ("rebuild.rs", &["http", "roles", "receive", "operations", "trace"]),
];

fn sources(room: &Path) -> Vec<PathBuf> {
    if room.is_file() {
        return vec![room.to_owned()];
    }
    fs::read_dir(room).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect()
}

/// Whether a line of code names a room of the vault.
fn names(line: &str, room: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    [
        format!("vault::{room}::"),
        format!("super::{room}::"),
        format!("vault::{room};"),
        format!("super::{room};"),
    ]
    .iter()
    .any(|path| code.contains(path.as_str()))
        || code.strip_prefix("use crate::vault::{").is_some_and(|list| {
            list.trim_end_matches("};").split(',').any(|name| name.trim().split("::").next() == Some(room))
        })
}

#[test]
fn no_room_of_the_vault_knows_one_above_it() {
    let vault = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("src/vault");
    let mut lines = 0;
    for (room, forbidden) in LAYERS {
        for path in sources(&vault.join(room)) {
            let text = fs::read_to_string(&path).unwrap();
            // Tests at the end of a file build what they need.
            for line in text.split("#[cfg(test)]").next().unwrap_or_default().lines() {
                lines += 1;
                for other in *forbidden {
                    // `super::versions` of a folder's own file is no room of the vault.
                    assert!(!names(line, other), "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(lines > 2000, "the rooms moved: {lines} lines read");
    assert!(
        names("use super::http::serve;", "http")
            && names("use crate::vault::{Refusal, roles::Role};", "roles")
    );
}

#[test]
fn every_operation_that_is_served_is_in_the_table_of_roles_and_the_other_way_round() {
    let served = fs::read_to_string(
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("src/vault/http/s3.rs"),
    )
    .unwrap();
    let served: Vec<&str> = served
        .lines()
        .filter_map(|line| line.split_once("Input) -> ")?.0.split_once('('))
        .map(|(_, operation)| operation)
        .collect();
    assert!(served.len() > 20, "{served:?}");
    let table: Vec<&str> = scelle_server::vault::roles::TABLE.iter().map(|(name, _)| *name).collect();
    for operation in &served {
        assert!(table.contains(operation), "{operation} is served and nobody may do it");
    }
    for name in table.iter().filter(|name| !name.contains('+') && **name != "ReadTrace") {
        assert!(served.contains(name), "{name} is in the table and answered by nothing");
    }
}
