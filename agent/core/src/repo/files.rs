//! The files of a repository's state folder, by name.
//!
//! One list, so that what one room writes another can look for or forget without knowing that room. Never: opens one.

use std::path::Path;

/// What this computer is to the repository: keys, place.
pub const DEVICE: &str = "device.json";
/// The head of its ledger.
pub const HEAD: &str = "head.json";
/// Held by whoever works with the folder.
pub const LOCK: &str = "lock";
/// A repository whose making was begun and not finished.
pub const CREATION: &str = "creation.json";
/// A note on its way.
pub const PENDING: &str = "pending.json";
/// The head's own note, with what it attaches.
pub const LAST: &str = "last.json";
/// What is known to be damaged.
pub const DAMAGE: &str = "damage.json";
/// Alarms about the ledger that are open.
pub const ALARMS: &str = "alarms.json";
/// Copies of the wrapped keys.
pub const KEY_COPIES: &str = "keys-copy.json";
/// What is known of the files of the last snapshots.
pub const CATALOG: &str = "catalog.sqlite";
/// Packs of the run that goes on.
pub const JOURNAL: &str = "journal.sqlite";
/// Chunk lists of large files.
pub const LISTS: &str = "lists.sqlite";

/// Files that say what is in the store and can be read from there again.
pub const LEARNT: [&str; 5] = [CATALOG, "catalog.sqlite-wal", "catalog.sqlite-shm", DAMAGE, ALARMS];

/// Databases that a backup keeps to be quick: without them it reads every file, and sends what it had sent in vain.
pub const CACHES: [&str; 9] = [
    CATALOG,
    "catalog.sqlite-wal",
    "catalog.sqlite-shm",
    JOURNAL,
    "journal.sqlite-wal",
    "journal.sqlite-shm",
    LISTS,
    "lists.sqlite-wal",
    "lists.sqlite-shm",
];

/// Names of what lies in the folder `within` of a state folder, that folder's name before them; of the state folder itself where
/// `within` is empty. A folder that cannot be read holds nothing.
pub fn names_in(folder: &Path, within: &str) -> Vec<String> {
    let rows = std::fs::read_dir(folder.join(within)).into_iter().flatten().flatten();
    let names = rows.map(|row| row.file_name().to_string_lossy().into_owned());
    names.map(|name| if within.is_empty() { name } else { format!("{within}/{name}") }).collect()
}
