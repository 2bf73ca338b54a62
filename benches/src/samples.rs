//! Content of each kind in memory, for the benches per stage.

use std::path::Path;

use anyhow::Result;
use scelle_format::random::{Random as _, SeededRandom};
use scelle_practice::Scale;

use crate::corpus::walk;

/// Buffers of one kind each.
pub struct Samples {
    /// Scans, back to back: bytes that do not shrink.
    pub scans: Vec<u8>,
    /// 16-bit images, back to back.
    pub images: Vec<u8>,
    /// Letters, back to back.
    pub letters: Vec<u8>,
    /// A SQLite database.
    pub database: Vec<u8>,
}

impl Samples {
    /// About `megabytes` of each kind.
    pub fn make(megabytes: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let scale = Scale {
            scans: 6 * megabytes,
            images: 2 * megabytes,
            letters: 90 * megabytes,
            database_consultations: 710 * megabytes,
            sparse_bytes: 0,
            ..Scale::default()
        };
        scelle_practice::build(folder.path(), 1, scale)?.writer.close()?;
        let of = |extension| read(folder.path(), extension);
        Ok(Self { scans: of("jpg")?, images: of("dcm")?, letters: of("xml")?, database: of("sqlite")? })
    }

    /// Each kind with its name.
    pub fn each(&self) -> [(&'static str, &[u8]); 4] {
        [
            ("scans", &self.scans),
            ("images", &self.images),
            ("letters", &self.letters),
            ("database", &self.database),
        ]
    }
}

fn read(folder: &Path, extension: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    walk(folder, &mut |path, _| {
        if path.extension().is_some_and(|e| e == extension) {
            bytes.extend(std::fs::read(path)?);
        }
        Ok(())
    })?;
    Ok(bytes)
}

/// A gear table of no device.
pub fn gear_table() -> Box<[u64; 256]> {
    let mut random = SeededRandom::new(b"bench gear");
    Box::new(std::array::from_fn(|_| {
        let mut word = [0; 8];
        random.fill(&mut word);
        u64::from_le_bytes(word)
    }))
}
