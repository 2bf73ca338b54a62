//! A synthetic medical practice: invented patients, realistic file kinds, the same bytes for the same seed.
//!
//! From a seed and a [`Scale`] to a folder of scans, 16-bit images, CDA letters, HPRIM messages and a live
//! SQLite database, for the demo, the tests and the benches; [`working_day`] then edits it. Every name is
//! made of invented syllables; no real person is meant. Never: follows a link, or touches anything outside
//! its root. The only bytes that differ between two runs are SQLite's `-wal` and `-shm` files.

mod clinical;
mod database;
mod day;
mod error;
mod images;
mod letters;
mod maker;
mod names;
mod odd;
mod scale;
mod seeded;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use database::LiveDatabase;
pub use day::{DaySummary, working_day};
pub use error::{PracticeError, Result};
pub use scale::Scale;
pub use seeded::Seeded;

use maker::Maker;
use names::Patient;

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
    scans(&mut maker, &patients, scale)?;
    images(&mut maker, &patients, scale)?;
    texts(&mut maker, &patients, scale)?;
    odd::write(&mut maker, scale)?;

    let database = root.join("Logiciel").join("cabinet.sqlite");
    fs::create_dir_all(root.join("Logiciel"))?;
    let writer = LiveDatabase::create(&database, &mut maker.random, scale)?;
    let bytes = maker.bytes + fs::metadata(&database)?.len();
    Ok(PracticeSummary { root: root.to_owned(), files: maker.files + 1, bytes, database, writer })
}

fn scans(maker: &mut Maker, patients: &[Patient], scale: Scale) -> Result<()> {
    for number in 0..scale.scans {
        let patient = maker.random.pick(patients);
        let length = maker.random.around(scale.scan_bytes);
        let content = images::jpeg(&mut maker.random, length as usize);
        let name = format!("Numérisation {:04}.jpg", number + 1);
        maker.write(&patient_file(patient, "Scans", &name), &content)?;
    }
    for number in 0..scale.documents {
        let patient = maker.random.pick(patients);
        let length = maker.random.around(scale.document_bytes);
        let content = images::pdf(&mut maker.random, length as usize);
        let name = format!("Compte rendu d'hôpital {:04}.pdf", number + 1);
        maker.write(&patient_file(patient, "Scans", &name), &content)?;
    }
    Ok(())
}

fn images(maker: &mut Maker, patients: &[Patient], scale: Scale) -> Result<()> {
    for number in 0..scale.images {
        let patient = maker.random.pick(patients);
        let content = images::dicom(&mut maker.random, patient, number + 1, scale.image_side.max(8));
        let path = PathBuf::from("Imagerie").join(&patient.folder).join(format!("IM{:05}.dcm", number + 1));
        maker.write(&path, &content)?;
    }
    Ok(())
}

fn texts(maker: &mut Maker, patients: &[Patient], scale: Scale) -> Result<()> {
    for number in 0..scale.letters {
        let patient = maker.random.pick(patients);
        let content = letters::cda(&mut maker.random, patient, number + 1);
        let name = format!("Courrier {:05}.xml", number + 1);
        maker.write(&patient_file(patient, "Courriers", &name), content.as_bytes())?;
    }
    for number in 0..scale.messages {
        let patient = maker.random.pick(patients);
        let content = letters::hprim(&mut maker.random, patient, number + 1);
        let path = PathBuf::from("Messagerie").join("Biologie").join(format!("{:06}.hpr", number + 1));
        maker.write(&path, content.as_bytes())?;
    }
    Ok(())
}

fn patient_file(patient: &Patient, kind: &str, name: &str) -> PathBuf {
    PathBuf::from("Patients").join(&patient.folder).join(kind).join(name)
}

#[cfg(test)]
#[path = "practice_tests.rs"]
mod tests;
