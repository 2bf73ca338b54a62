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

/// Names of a database: its own, and those of its log and of the memory that is shared, which SQLite keeps beside it.
fn database_files(name: &str) -> [String; 3] {
    ["", "-wal", "-shm"].map(|beside| format!("{name}{beside}"))
}

/// Files that say what is in the store and can be read from there again.
pub fn learnt() -> impl Iterator<Item = String> {
    database_files(CATALOG).into_iter().chain([DAMAGE, ALARMS].map(str::to_owned))
}

/// Databases that a backup keeps to be quick: without them it reads every file, and sends what it had sent in vain.
pub fn caches() -> impl Iterator<Item = String> {
    [CATALOG, JOURNAL, LISTS].into_iter().flat_map(database_files)
}

/// Removes a database with what lies beside it, as far as it is there.
pub fn forget_database(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for file in database_files(&name) {
        let _ = std::fs::remove_file(path.with_file_name(file));
    }
}

/// Names of what lies in the folder `within` of a state folder, that folder's name before them; of the state folder itself where
/// `within` is empty. A folder that cannot be read holds nothing.
pub fn names_in(folder: &Path, within: &str) -> Vec<String> {
    let rows = std::fs::read_dir(folder.join(within)).into_iter().flatten().flatten();
    let names = rows.map(|row| row.file_name().to_string_lossy().into_owned());
    names.map(|name| if within.is_empty() { name } else { format!("{within}/{name}") }).collect()
}
