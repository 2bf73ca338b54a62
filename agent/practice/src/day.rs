//! A working day: what a practice does to its files between two backups.
//!
//! From the folder as it is and a seed to edits, deletions, renames, new files and changed rows; the same
//! day for the same seed on the same folder. Never: touches the odd files of `Divers`.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{LiveDatabase, Result, Seeded, images};

/// What a day changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySummary {
    /// Files whose content changed.
    pub edited: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// Files that have another path, those of the renamed folder included.
    pub renamed: u64,
    /// Files that are new.
    pub created: u64,
    /// Rows of the database that changed, 2 % of the consultations.
    pub rows_updated: u64,
}

/// Lives day number `day` (from 1) in the practice at `root`. The database may be open elsewhere.
pub fn working_day(root: &Path, seed: u64, day: u32) -> Result<DaySummary> {
    let mut random = Seeded::new(seed ^ u64::from(day).wrapping_mul(0xa076_1d64_78bd_642f));
    let mut done = DaySummary::default();
    let mut letters = files_below(&root.join("Patients"), "xml")?;
    let mut scans = files_below(&root.join("Patients"), "jpg")?;

    for _ in 0..share(letters.len(), 100) {
        edit_letter(&take(&mut letters, &mut random), day)?;
        done.edited += 1;
    }
    for _ in 0..share(letters.len(), 500) {
        fs::remove_file(take(&mut letters, &mut random))?;
        done.deleted += 1;
    }
    for _ in 0..share(letters.len(), 500) {
        let path = take(&mut letters, &mut random);
        fs::rename(&path, path.with_file_name(format!("{} (classé {day}).xml", stem(&path))))?;
        done.renamed += 1;
    }
    if !scans.is_empty() {
        // A rotated page: same length, other bytes in one place.
        rewrite_middle(&take(&mut scans, &mut random), &mut random)?;
        done.edited += 1;
    }
    for number in 0..3 + scans.len() / 500 {
        let folder = root.join("Patients").join("À classer").join(format!("Jour {day:03}"));
        fs::create_dir_all(&folder)?;
        let length = random.around(150_000) as usize;
        fs::write(
            folder.join(format!("Numérisation {}.jpg", number + 1)),
            images::jpeg(&mut random, length),
        )?;
        done.created += 1;
    }
    done.renamed += rename_folder(&root.join("Imagerie"), day)?;
    done.rows_updated = update_rows(&root.join("Logiciel").join("cabinet.sqlite"), &mut random)?;
    Ok(done)
}

/// One in `parts`, at least one where there is any.
fn share(count: usize, parts: usize) -> usize {
    count.div_ceil(parts)
}

fn take(paths: &mut Vec<PathBuf>, random: &mut Seeded) -> PathBuf {
    let index = random.below(paths.len() as u64) as usize;
    paths.swap_remove(index)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Regular files with that extension, in the order of their paths' bytes.
fn files_below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.path().extension().is_some_and(|e| e == extension) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A late addition: everything after it moves, as in real edits.
fn edit_letter(path: &Path, day: u32) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let added =
        format!("<paragraph>Complément du jour {day} : résultats reçus, rien à signaler.</paragraph></text>");
    fs::write(path, text.replacen("</text>", &added, 1))?;
    Ok(())
}

fn rewrite_middle(path: &Path, random: &mut Seeded) -> Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut bytes = [0; 4096];
    random.fill(&mut bytes);
    bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
    file.seek(SeekFrom::Start(file.metadata()?.len() / 2))?;
    file.write_all(&bytes)?;
    Ok(())
}

/// Renames the first folder of images; answers how many files moved with it.
fn rename_folder(parent: &Path, day: u32) -> Result<u64> {
    if !parent.exists() {
        return Ok(0);
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(parent)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !path.to_string_lossy().contains("(archivé"))
        .collect();
    folders.sort();
    let Some(folder) = folders.first() else { return Ok(0) };
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(" (archivé {day})"));
    let moved = folder.with_file_name(name);
    fs::rename(folder, &moved)?;
    Ok(files_below(&moved, "dcm")?.len() as u64)
}

fn update_rows(database: &Path, random: &mut Seeded) -> Result<u64> {
    let mut live = LiveDatabase::open(database, random.next_u64())?;
    let rows = live.consultations()?.div_ceil(50);
    live.update(rows)
}
