//! What is backed up: invented practices of any size, and days of work in them.
//!
//! From a kind, a size and a seed to a folder, by the generator that demo and tests use. Never: the same bytes twice in one corpus on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use scelle_practice::{Scale, Seeded};

const SEED: u64 = 20_261_121;

/// Which practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By bytes: 40 % scans, 30 % 16-bit images, 20 % SQLite, 10 % small XML.
    Mixed,
    /// Many files of a few hundred bytes.
    Tiny,
    /// Real uncompressed 16-bit DICOM: see [`crate::dicom`].
    Dicom,
}

/// A practice on disk.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Its folder.
    pub root: PathBuf,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    kind: Kind,
}

impl Kind {
    /// Reads `mixed`, `tiny` or `dicom`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "mixed" => Ok(Self::Mixed),
            "tiny" => Ok(Self::Tiny),
            "dicom" => Ok(Self::Dicom),
            _ => anyhow::bail!("corpus: mixed, tiny or dicom, not {text}"),
        }
    }

    /// As [`Kind::parse`] reads it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Tiny => "tiny",
            Self::Dicom => "dicom",
        }
    }

    /// How much there is without being asked: megabytes, of `tiny` files.
    pub fn default_size(self, is_smoke: bool) -> u32 {
        match (self, is_smoke) {
            (Self::Mixed, false) => 1640,
            (Self::Dicom, false) => 400,
            (Self::Tiny, false) => 300_000,
            (Self::Mixed | Self::Dicom, true) => 30,
            (Self::Tiny, true) => 2_000,
        }
    }

    /// Reads `mixed`, or `mixed:1640`: a kind and how much of it.
    pub fn parse_sized(text: &str, is_smoke: bool) -> Result<(Self, u32)> {
        let (kind, size) = text.split_once(':').map_or((text, None), |(kind, size)| (kind, Some(size)));
        let kind = Self::parse(kind)?;
        let size = size.map_or(Ok(kind.default_size(is_smoke)), str::parse).context("size")?;
        Ok((kind, size))
    }

    /// Makes a practice in `root`, which must not exist: `size` megabytes, or tiny files.
    pub fn build(self, root: &Path, size: u32) -> Result<Corpus> {
        match self {
            Self::Mixed => mixed(root, size)?,
            Self::Tiny => tiny(root, size)?,
            Self::Dicom => crate::dicom::build(root, size)?,
        }
        Corpus::count(root, self)
    }
}

impl Corpus {
    /// A practice that is there.
    pub fn count(root: &Path, kind: Kind) -> Result<Self> {
        let (mut files, mut bytes) = (0, 0);
        walk(root, &mut |_, metadata| {
            files += 1;
            bytes += metadata.len();
            Ok(())
        })?;
        Ok(Self { root: root.to_owned(), files, bytes, kind })
    }

    /// Lives day number `day`, from 1.
    pub fn live(&mut self, day: u32) -> Result<()> {
        match self.kind {
            Kind::Mixed => {
                scelle_practice::working_day(&self.root, SEED, day)?;
            }
            Kind::Tiny => tiny_day(&self.root, day)?,
            Kind::Dicom => crate::dicom::day(&self.root, day)?,
        }
        *self = Self::count(&self.root, self.kind)?;
        Ok(())
    }

    /// A number that only the same files have: their names and contents, wherever they are.
    pub fn fingerprint(root: &Path) -> Result<Vec<u8>> {
        let mut files = Vec::new();
        let mut content = Vec::new();
        walk(root, &mut |path, _| {
            content.clear();
            std::io::Read::read_to_end(&mut fs::File::open(path)?, &mut content)?;
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &content);
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            files.push([digest.as_ref(), name].concat());
            Ok(())
        })?;
        files.sort();
        let all = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &files.concat());
        Ok(all.as_ref().to_vec())
    }

    /// Reads everything once, so that every program finds it in memory.
    pub fn warm(&self) -> Result<()> {
        let mut buffer = Vec::new();
        walk(&self.root, &mut |path, _| {
            buffer.clear();
            std::io::Read::read_to_end(&mut fs::File::open(path)?, &mut buffer)?;
            Ok(())
        })
    }
}

/// Calls `visit` for every regular file below `folder`.
pub fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<()>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            walk(&path, visit)?;
        } else if metadata.is_file() {
            visit(&path, &metadata)?;
        }
    }
    Ok(())
}

fn mixed(root: &Path, megabytes: u32) -> Result<()> {
    // Counts for 100 MB of the mix; one image is 525 KB, a letter 11 KB, a consultation with its share 1.4 KB.
    let of = |per_100_mb: u32| (per_100_mb * megabytes).div_ceil(100);
    let scale = Scale {
        patients: of(62),
        scans: of(190),
        scan_bytes: 180_000,
        documents: of(53),
        document_bytes: 110_000,
        images: of(57),
        image_side: 512,
        letters: of(880),
        messages: of(20),
        database_patients: of(2_500),
        database_consultations: of(14_000),
        sparse_bytes: 0,
    };
    let made = scelle_practice::build(root, SEED, scale)?;
    // Nobody works while rivals are measured: their copies would be torn, ours not.
    made.writer.close()?;
    Ok(())
}

fn tiny(root: &Path, files: u32) -> Result<()> {
    let mut random = Seeded::new(SEED);
    for number in 0..files {
        let folder = root.join(format!("{:03}", number / 30_000)).join(format!("{:04}", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(&folder)?;
        }
        fs::write(folder.join(format!("{number:07}.hpr")), note(&mut random, number))?;
    }
    Ok(())
}

/// A result line or ten.
fn note(random: &mut Seeded, number: u32) -> String {
    let mut text = format!("H|~^\\&|{number}|LABO|CAB|20250106\nP|1|{}\n", random.below(90_000));
    for line in 0..=random.below(10) {
        let (value, low) = (random.below(400), random.below(90));
        text.push_str(&format!("OBX|{line}|NM|{:05}||{value}|mmol/L|{low}-{}|N\n", value * 7, low + 60));
    }
    text
}

/// One file in fifty changes.
fn tiny_day(root: &Path, day: u32) -> Result<()> {
    let mut random = Seeded::new(SEED ^ u64::from(day));
    walk(root, &mut |path, _| {
        if random.below(50) == 0 {
            fs::write(path, note(&mut random, day)).context("tiny file")?;
        }
        Ok(())
    })
}
