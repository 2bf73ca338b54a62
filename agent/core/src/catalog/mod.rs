//! What the agent remembers between runs, in SQLite: a cache that can be rebuilt from the repository and the source.
//!
//! Rows per hunk of the manifest (sealed: names are health data), packs with their sizes, manifest nodes, and the
//! journal of packs sent but not yet committed. Data comes from the pipeline and goes back to it on the next run.
//! Never: the only copy of any fact, a name or a path in clear, one row per chunk.

mod groups;
mod journal;
mod lists;
mod packs;
mod record;
mod sets;

use std::path::Path;

use rusqlite::Connection;

use crate::chance::Chance;
use crate::error::{AgentError, Result};
use crate::repo::files::forget_database;
use crate::repo::state::checksum;
use crate::repo::state::shape::{Shape, clear_way};

pub use groups::{Groups, Member, whole};
pub use journal::{Journal, JournaledPack};
pub use lists::Lists;
pub use packs::PackEntry;
pub use record::{CatalogEntry, Fingerprint, NeededPack, PrintKey, RecordSeal, SmallPrint};
pub use sets::{HunkRow, SetRow};

const SCHEMA: &str = include_str!("schema.sql");
/// Number of the schema; another one is not read.
const SHAPE: i64 = 3;

/// The open catalog of one repository.
pub struct Catalog {
    connection: Connection,
    seal: RecordSeal,
}

impl Catalog {
    /// Opens or creates the catalog at `path`; records are sealed under `key`.
    ///
    /// A file that SQLite cannot read is removed: the next run reads every source byte again, nothing is lost.
    pub fn open(path: &Path, key: &[u8; 32], chance: Chance) -> Result<Self> {
        clear_way(path, Shape::File)?;
        match Self::open_file(path, key, chance.clone()) {
            Ok(catalog) => Ok(catalog),
            Err(_) => {
                forget_database(path);
                Self::open_file(path, key, chance)
            }
        }
    }

    fn open_file(path: &Path, key: &[u8; 32], chance: Chance) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.pragma_update(None, "cache_size", -8192)?;
        // One of another shape is as good as none.
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let shape: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if tables > 0 && shape != SHAPE {
            return Err(AgentError::cache_damaged("a catalog of another shape"));
        }
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "user_version", SHAPE)?;
        // The header and the schema are read here; a page damaged further in is met by the run, which begins again.
        connection.query_row("SELECT count(*) FROM sets", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { connection, seal: RecordSeal::new(key, chance) })
    }

    /// Runs `work` in one transaction.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        match work(self) {
            Ok(value) => {
                self.connection.execute_batch("COMMIT")?;
                Ok(value)
            }
            Err(error) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }
}

/// The bytes of a row kept under `name`.
///
/// Errors: they are no longer those that were written.
fn checked(name: &[u8], bytes: Vec<u8>) -> Result<Vec<u8>> {
    checksum::without(name, bytes).ok_or_else(|| AgentError::cache_damaged("a row of the catalog"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_catalog_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(crate::repo::files::CATALOG);
        std::fs::write(&path, [7u8; 5000]).unwrap();
        let mut catalog = Catalog::open(&path, &[1; 32], Chance::system()).unwrap();
        catalog.transaction(|c| c.set("a").map(|set| assert!(set.is_none()))).unwrap();
    }
}
