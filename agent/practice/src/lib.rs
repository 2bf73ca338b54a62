//! A synthetic medical practice: invented patients, realistic file kinds, the same bytes for the same seed.
//!
//! From a seed and a [`Scale`] to a folder of scans, 16-bit images, CDA letters, HPRIM messages and a live
//! SQLite database, for the demo, the tests and the benches; [`working_day`] then edits it. Every name is
//! made of invented syllables; no real person is meant. Never: follows a link, or touches anything outside
//! its root. The only bytes that differ between two runs are SQLite's `-wal` and `-shm` files.

mod clinical;
mod database;
mod day;
mod images;
mod letters;
mod names;
mod odd;
mod seeded;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use database::LiveDatabase;
pub use day::{DaySummary, working_day};
pub use seeded::Seeded;

use names::Patient;

/// Modification time of the oldest file, in seconds since 1970: 6 January 2025, 08:00 UTC.
const FIRST_DAY_SECONDS: u64 = 1_736_150_400;

/// Something went wrong while making the practice; shown as is by the demo, the data being invented.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// A file could not be written.
    #[error("practice file: {0}")]
    Io(#[from] io::Error),
    /// The database could not be written.
    #[error("practice database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Result of the generator.
pub type Result<T> = std::result::Result<T, PracticeError>;

/// How much of everything. Sizes are means; each file varies by half around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Patients, one folder each.
    pub patients: u32,
    /// Scanned pages (JPEG).
    pub scans: u32,
    /// Mean size of a scan, in bytes.
    pub scan_bytes: u32,
    /// Scanned documents (PDF, one page).
    pub documents: u32,
    /// Mean size of a document, in bytes.
    pub document_bytes: u32,
    /// 16-bit images (DICOM Part 10, uncompressed).
    pub images: u32,
    /// Side of an image, in pixels.
    pub image_side: u16,
    /// CDA R2 letters (XML).
    pub letters: u32,
    /// HPRIM-like messages (text).
    pub messages: u32,
    /// Patients in the database.
    pub database_patients: u32,
    /// Consultations in the database.
    pub database_consultations: u32,
    /// Length of the sparse file, in bytes; 0 for none.
    pub sparse_bytes: u64,
}

impl Default for Scale {
    /// About 1 500 files and 70 MB, made in a couple of seconds.
    fn default() -> Self {
        Self {
            patients: 120,
            scans: 170,
            scan_bytes: 180_000,
            documents: 60,
            document_bytes: 110_000,
            images: 36,
            image_side: 512,
            letters: 820,
            messages: 410,
            database_patients: 2_000,
            database_consultations: 5_000,
            sparse_bytes: 4 << 20,
        }
    }
}

impl Scale {
    /// A few files of each kind, for tests.
    pub fn tiny() -> Self {
        Self {
            patients: 6,
            scans: 4,
            scan_bytes: 20_000,
            documents: 3,
            document_bytes: 12_000,
            images: 2,
            image_side: 64,
            letters: 12,
            messages: 8,
            database_patients: 50,
            database_consultations: 200,
            sparse_bytes: 1 << 20,
        }
    }

    /// `times` as many files and rows of each kind, of the same sizes.
    pub fn times(self, times: u32) -> Self {
        let more = |count: u32| count.saturating_mul(times);
        Self {
            patients: more(self.patients),
            scans: more(self.scans),
            documents: more(self.documents),
            images: more(self.images),
            letters: more(self.letters),
            messages: more(self.messages),
            database_patients: more(self.database_patients),
            database_consultations: more(self.database_consultations),
            ..self
        }
    }
}

/// What was made.
pub struct PracticeSummary {
    /// The practice's folder.
    pub root: PathBuf,
    /// Regular files, hard links counted each, without the database's `-wal` and `-shm`.
    pub files: u64,
    /// Their lengths together, in bytes.
    pub bytes: u64,
    /// The database file.
    pub database: PathBuf,
    /// The open connection: while it lives the database is in use and its newest rows are in the `-wal` file.
    pub writer: LiveDatabase,
}

/// Makes a practice in `root`, which is created and must be empty or absent.
pub fn build(root: &Path, seed: u64, scale: Scale) -> Result<PracticeSummary> {
    fs::create_dir_all(root)?;
    if fs::read_dir(root)?.next().is_some() {
        return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty).into());
    }
    let mut maker = Maker::new(root, seed);
    let patients = names::patients(&mut maker.random, scale.patients.max(1));
    for patient in &patients {
        fs::create_dir_all(root.join("Patients").join(&patient.folder))?;
    }
    maker.scans(&patients, scale)?;
    maker.images(&patients, scale)?;
    maker.texts(&patients, scale)?;
    odd::write(&mut maker, scale)?;

    let database = root.join("Logiciel").join("cabinet.sqlite");
    fs::create_dir_all(root.join("Logiciel"))?;
    let writer = LiveDatabase::create(&database, &mut maker.random, scale)?;
    let bytes = maker.bytes + fs::metadata(&database)?.len();
    Ok(PracticeSummary { root: root.to_owned(), files: maker.files + 1, bytes, database, writer })
}

/// Writes files below a root and counts them.
struct Maker {
    root: PathBuf,
    random: Seeded,
    files: u64,
    bytes: u64,
}

impl Maker {
    fn new(root: &Path, seed: u64) -> Self {
        Self { root: root.to_owned(), random: Seeded::new(seed), files: 0, bytes: 0 }
    }

    fn scans(&mut self, patients: &[Patient], scale: Scale) -> Result<()> {
        for number in 0..scale.scans {
            let patient = self.random.pick(patients);
            let length = self.random.around(scale.scan_bytes);
            let content = images::jpeg(&mut self.random, length as usize);
            let name = format!("Numérisation {:04}.jpg", number + 1);
            self.write(&patient_file(patient, "Scans", &name), &content)?;
        }
        for number in 0..scale.documents {
            let patient = self.random.pick(patients);
            let length = self.random.around(scale.document_bytes);
            let content = images::pdf(&mut self.random, length as usize);
            let name = format!("Compte rendu d'hôpital {:04}.pdf", number + 1);
            self.write(&patient_file(patient, "Scans", &name), &content)?;
        }
        Ok(())
    }

    fn images(&mut self, patients: &[Patient], scale: Scale) -> Result<()> {
        for number in 0..scale.images {
            let patient = self.random.pick(patients);
            let content = images::dicom(&mut self.random, patient, number + 1, scale.image_side.max(8));
            let path =
                PathBuf::from("Imagerie").join(&patient.folder).join(format!("IM{:05}.dcm", number + 1));
            self.write(&path, &content)?;
        }
        Ok(())
    }

    fn texts(&mut self, patients: &[Patient], scale: Scale) -> Result<()> {
        for number in 0..scale.letters {
            let patient = self.random.pick(patients);
            let content = letters::cda(&mut self.random, patient, number + 1);
            let name = format!("Courrier {:05}.xml", number + 1);
            self.write(&patient_file(patient, "Courriers", &name), content.as_bytes())?;
        }
        for number in 0..scale.messages {
            let patient = self.random.pick(patients);
            let content = letters::hprim(&mut self.random, patient, number + 1);
            let path = PathBuf::from("Messagerie").join("Biologie").join(format!("{:06}.hpr", number + 1));
            self.write(&path, content.as_bytes())?;
        }
        Ok(())
    }

    /// Writes one file; its time is a minute after the previous one's.
    fn write(&mut self, relative: &Path, content: &[u8]) -> Result<()> {
        let path = self.root.join(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(&path)?;
        file.write_all(content)?;
        self.finish(&file, content.len() as u64)
    }

    fn finish(&mut self, file: &File, length: u64) -> Result<()> {
        let nanos = self.random.below(1_000_000_000);
        let age = Duration::new(FIRST_DAY_SECONDS + self.files * 60, nanos as u32);
        file.set_modified(SystemTime::UNIX_EPOCH + age)?;
        self.files += 1;
        self.bytes += length;
        Ok(())
    }
}

fn patient_file(patient: &Patient, kind: &str, name: &str) -> PathBuf {
    PathBuf::from("Patients").join(&patient.folder).join(kind).join(name)
}

#[cfg(test)]
#[path = "practice_tests.rs"]
mod tests;
