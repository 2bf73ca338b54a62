//! What is saved: trees of tiny files, a file like a database, an index of many chunks. All from seeds.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use scelle_core::index::SegmentWriter;
use scelle_core::index::merge::SEGMENT_ROWS_MAX;
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, Sha256};
use scelle_format::pack::Location;

const FILES_PER_FOLDER: u64 = 500;
const PAGE_BYTES: usize = 8 << 10;
/// First bytes of a SQL Server data file.
const PAGED_MAGIC: [u8; 4] = [1, 0x0f, 0, 0];
const CHUNKS_PER_PACK: u64 = 4_000;

/// `files` files of 100 to 1 100 bytes.
pub fn tree(root: &Path, files: u64) -> Result<()> {
    for number in 0..files {
        let folder = root.join(format!("{:05}", number / FILES_PER_FOLDER));
        if number % FILES_PER_FOLDER == 0 {
            fs::create_dir_all(&folder)?;
        }
        fs::write(folder.join(format!("{number:08}.txt")), note(number, 0))?;
    }
    Ok(())
}

/// Changes one file of a tree.
pub fn edit_tree(root: &Path, files: u64) -> Result<()> {
    let number = files / 2;
    let folder = root.join(format!("{:05}", number / FILES_PER_FOLDER));
    Ok(fs::write(folder.join(format!("{number:08}.txt")), note(number, 1))?)
}

fn note(number: u64, version: u64) -> String {
    let hash = seeded(number, version).finalize();
    let lines = 1 + usize::from(hash.as_bytes()[0]) % 10;
    format!("consultation {number}, {hash}\n").repeat(lines)
}

/// A file of fixed pages, all different, that compress eightfold.
pub fn database(path: &Path, bytes: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for number in 0..bytes / PAGE_BYTES as u64 {
        out.write_all(&page(number, 0))?;
    }
    out.flush()?;
    Ok(())
}

/// Changes one page in the middle.
pub fn edit_database(path: &Path, bytes: u64) -> Result<()> {
    use std::io::{Seek as _, SeekFrom};
    let number = bytes / PAGE_BYTES as u64 / 2;
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(number * PAGE_BYTES as u64))?;
    Ok(file.write_all(&page(number, 1))?)
}

fn page(number: u64, version: u64) -> Vec<u8> {
    let mut part = [0; PAGE_BYTES / 8];
    seeded(number, version).finalize_xof().fill(&mut part);
    let mut page = part.repeat(8);
    if number == 0 {
        page[..PAGED_MAGIC.len()].copy_from_slice(&PAGED_MAGIC);
    }
    page
}

/// Gives the state in `home` an index of `chunks` chunks that no source has.
pub fn index(home: &Path, chunks: u64) -> Result<()> {
    let state = fs::read_dir(home)?.filter_map(|entry| Some(entry.ok()?.path()));
    let state = state.into_iter().find(|path| path.join("head.json").is_file()).context("no state")?;
    let head_file = state.join("head.json");
    let mut head: serde_json::Value = serde_json::from_slice(&fs::read(&head_file)?)?;
    let segments = head["segments"].as_array_mut().context("no segments")?;
    let mut done = 0;
    while done < chunks {
        let rows = SEGMENT_ROWS_MAX.min(chunks - done);
        // As a merge leaves them: each segment has its own range of ids.
        let range = |number: u64| ((u128::from(number) << 64) / u128::from(chunks)) as u64;
        let name = Sha256::of(&done.to_le_bytes()).to_string();
        let mut writer = SegmentWriter::create(&state.join(format!("index/{name}.idx")), 0, rows)?;
        for number in done..done + rows {
            let mut id = *seeded(number, 2).finalize().as_bytes();
            id[..8].copy_from_slice(&range(number).to_be_bytes());
            let pack = Sha256::of(&(number / CHUNKS_PER_PACK).to_be_bytes());
            let pack = PackId { epoch: 0, sha256: pack };
            let (bytes, filter) = (PAGE_BYTES as u32, Filter::None);
            let at =
                Location { id: ChunkId(id), pack, frame_offset: 0, frame_bytes: 1, offset: 0, bytes, filter };
            writer.push(&at, 16 << 20)?;
        }
        writer.finish(true)?;
        segments.push(serde_json::json!([name, rows * 56]));
        done += rows;
    }
    Ok(fs::write(head_file, serde_json::to_vec(&head)?)?)
}

fn seeded(number: u64, version: u64) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(&version.to_le_bytes());
    hasher
}
