//! The practice's database: a real SQLite file in WAL mode, kept open by a writer.
//!
//! Bulk rows are checkpointed into the main file, the newest stay in the `-wal` file, as in a practice at
//! work. Never: left half written; every change is a committed transaction.

use std::path::Path;

use rusqlite::{Connection, params};

use super::clinical;
use super::error::Result;
use super::names::patients;
use super::scale::Scale;
use super::seeded::Seeded;

const SCHEMA: &str = "
CREATE TABLE patients (
    id INTEGER PRIMARY KEY, nom TEXT NOT NULL, prenom TEXT NOT NULL, naissance TEXT NOT NULL, note TEXT NOT NULL
);
CREATE TABLE consultations (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL REFERENCES patients(id), jour TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0, empreinte BLOB NOT NULL, texte TEXT NOT NULL
);
CREATE INDEX consultations_par_patient ON consultations(patient, jour);
";

/// A database that is in use as long as this value lives.
pub struct LiveDatabase {
    connection: Connection,
    random: Seeded,
}

impl LiveDatabase {
    /// Makes the database.
    pub(super) fn create(path: &Path, random: &mut Seeded, scale: Scale) -> Result<Self> {
        let mut live = Self::open(path, random.next_u64())?;
        // Invented data that a crash may take: no reason to wait for the disk while filling.
        live.connection.pragma_update(None, "synchronous", "OFF")?;
        let transaction = live.connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        let people = patients(random, scale.database_patients.max(1));
        {
            let mut insert = transaction.prepare("INSERT INTO patients VALUES (?1, ?2, ?3, ?4, '')")?;
            for person in &people {
                insert.execute(params![person.number, person.family, person.given, person.birth])?;
            }
            let mut insert = transaction.prepare(
                "INSERT INTO consultations (id, patient, jour, empreinte, texte) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for id in 1..=scale.database_consultations {
                let person = random.pick(&people);
                let day = format!("2025-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28));
                insert.execute(params![
                    id,
                    person.number,
                    day,
                    fingerprint(random),
                    clinical::consultation(random)
                ])?;
            }
        }
        transaction.commit()?;
        live.checkpoint()?;
        live.connection.pragma_update(None, "synchronous", "NORMAL")?;
        live.update(10)?;
        Ok(live)
    }

    /// Opens an existing database; `seed` decides which rows its updates touch.
    pub fn open(path: &Path, seed: u64) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "page_size", 4096)?;
        let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Checkpoints only when asked: the newest rows must stay in the -wal file.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        Ok(Self { connection, random: Seeded::new(seed) })
    }

    /// Changes `rows` consultations in one transaction; the changes stay in the `-wal` file.
    pub fn update(&mut self, rows: u64) -> Result<u64> {
        let transaction = self.connection.transaction()?;
        let last: i64 =
            transaction.query_row("SELECT ifnull(max(id), 0) FROM consultations", [], |row| row.get(0))?;
        let mut changed = 0;
        if last > 0 {
            let mut update = transaction.prepare(
                "UPDATE consultations SET revision = revision + 1, empreinte = ?3, texte = texte || ?2 WHERE id = ?1",
            )?;
            for _ in 0..rows {
                let id = 1 + self.random.below(last as u64) as i64;
                let more =
                    format!(" Revu le {:02} : {} %.", 1 + self.random.below(28), self.random.below(100));
                changed += update.execute(params![id, more, fingerprint(&mut self.random)])? as u64;
            }
        }
        transaction.commit()?;
        Ok(changed)
    }

    /// Number of consultations.
    pub fn consultations(&self) -> Result<u64> {
        let count: i64 =
            self.connection.query_row("SELECT count(*) FROM consultations", [], |row| row.get(0))?;
        Ok(count as u64)
    }

    /// Moves everything from the `-wal` file into the main file.
    pub fn checkpoint(&self) -> Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Closes the database: idle, one file, no `-wal`.
    pub fn close(self) -> Result<()> {
        self.checkpoint()?;
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

/// What software keeps beside each note to show that nobody changed it: bytes like those of a digest.
fn fingerprint(random: &mut Seeded) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes
}
