//! What lies in the state folders, by name: in that of a repository, and above it in the service's.
//!
//! One list, so that what one room writes another can look for or forget without knowing that room; a test of the house finds a
//! name that is spelt anywhere else. Each says what it holds, who writes it, and what its loss costs. Never: opens one.

use std::path::Path;

/// What this computer is to the repository: keys, place. Written by the making and by joining. Lost: only `init --join` makes
/// another device, whose first backup reads everything.
pub const DEVICE: &str = "device.json";
/// The head of its ledger. Written with each note, by the pen. Lost: taken over from the last note, or from the store.
pub const HEAD: &str = "head.json";
/// Held by whoever works with the folder; empty. Lost: nothing, the next one makes it.
pub const LOCK: &str = "lock";
/// A repository whose making was begun and not finished. Written by the making. Lost: what is half-made is taken for
/// another computer's, and is gone on with by nobody.
pub const CREATION: &str = "creation.json";
/// A note on its way. Written by the pen before the note is sent. Lost: where the store has it, it is found there.
pub const PENDING: &str = "pending.json";
/// The head's own note, with what it attaches. Written by the pen when it has arrived. Lost: should the store lose it too, it is put
/// back where a copy is kept in [`KEPT`], and nowhere else.
pub const LAST: &str = "last.json";
/// What [`LAST`] was to earlier versions. Written by nobody; says that this computer was a device.
pub const LAST_OF_OLD: &str = "last.note";
/// What is known to be damaged. Written by backups and checks. Lost: read again from the ledger; what no note can call bad (notes,
/// descriptors, key files) is found again by looking.
pub const DAMAGE: &str = "damage.json";
/// What was found wrong at another address than the repository's. Written by checks and restores there. Lost: found again by looking.
pub const ELSEWHERE: &str = "elsewhere.json";
/// Alarms about the ledger that are open. Written by whoever sees one. Lost: read again from the bilans.
pub const ALARMS: &str = "alarms.json";
/// Copies of the wrapped keys. Written by backups. Lost: read from the store; until then there is one copy fewer.
pub const KEY_COPIES: &str = "keys-copy.json";
/// The refs of the last snapshot, as text. Written by the commit. Lost: the next refs are written in full.
pub const REFS: &str = "refs.txt";
/// How the names of copies of refs begin, which differences stand on: [`refs_copy`]. Written by the commit. Lost: read from the store,
/// and where that has lost them too, the next refs are written in full.
pub const REFS_COPY: &str = "refs-";
/// What the bilans of each set compare with. Written by bilans. Lost: read again from the ledger.
pub const BILANS: &str = "bilans.json";
/// What was measured of the store. Written by the making, by joining and by backups. Lost: measured again.
pub const PROBE: &str = "probe.json";
/// Folder of bilans that no store has yet, by when their runs began: [`unsent_bilan`]. Written by runs that cannot send theirs. Lost:
/// nobody learns of these runs.
pub const UNSENT: &str = "unsent-bilans";
/// How their names end.
pub const RECORD_ENDING: &str = ".json";
/// Folder of copies of small objects. Written by whoever reads or writes them. Lost: what the store loses cannot be put back, and no
/// bilan is shown while it is away.
pub const KEPT: &str = "kept";
/// Folder of the index of chunks. Written by backups. Lost: read from the store.
pub const INDEX: &str = "index";
/// How the names of its segments end, before which their hashes stand.
pub const SEGMENT_ENDING: &str = ".idx";
/// How the names of files there end that live for one run. Lost with the run.
pub const RUN_ENDING: &str = ".run";
/// What is known of the files of the last snapshots. Written by backups. Lost: the next run reads every file.
pub const CATALOG: &str = "catalog.sqlite";
/// Packs of the run that goes on. Written by backups. Lost: what an interrupted run has sent is sent again.
pub const JOURNAL: &str = "journal.sqlite";
/// Chunk lists of large files. Written by backups. Lost: made anew from the files.
pub const LISTS: &str = "lists.sqlite";

/// Stands, with a number, behind the names of what a state held that was set aside, or was in the way. Written by joining, and by
/// whoever finds something of another shape in its place. Lost: nothing that anything reads.
pub const ASIDE: &str = ".aside-";

/// In the folder above: which times of the plans are answered. Written by the service. Lost: the plans are known from then on, what
/// was missed before is not told.
pub const SERVICE_DIARY: &str = "agent.json";
/// In the folder above: held by the service; empty. Lost: nothing, the next one makes it.
pub const SERVICE_LOCK: &str = "agent.lock";

/// Where the bytes of a refs attachment lie.
pub fn refs_copy(sha256: &str) -> String {
    format!("{REFS_COPY}{sha256}.txt")
}

/// Where the bilan of a run lies that began at this second, the `number`th of those that did.
pub fn unsent_bilan(started: i64, number: u32) -> String {
    format!("{UNSENT}/{:012}-{number:03}{RECORD_ENDING}", started.max(0))
}

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
