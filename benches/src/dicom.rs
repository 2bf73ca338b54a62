//! Real 16-bit images: the uncompressed DICOM files of the PyPI package `pydicom-data`.
//!
//! From the package, installed beside the rivals, to a folder of any size. More than the package holds is made by copies
//! whose pixels are all raised by a number of their own: every pixel differs, so that nothing dedups, and noise and edges,
//! which decide how much a compressor gets, stay as they were. Never: part of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::corpus::walk;
use crate::install;

/// Explicit and implicit VR little endian, PS3.5 annex A: pixels as they are.
const UNCOMPRESSED: [&[u8]; 2] = [b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0"];
/// PixelData (7FE0,0010) and BitsAllocated (0028,0100) = 16, PS3.6.
const PIXEL_DATA: [u8; 4] = [0xe0, 0x7f, 0x10, 0x00];
const SIXTEEN_BITS: [&[u8]; 2] =
    [b"\x28\x00\x00\x01US\x02\x00\x10\x00", b"\x28\x00\x00\x01\x02\x00\x00\x00\x10\x00"];

/// A file and where its pixels begin.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name in the package.
    pub name: String,
    bytes: Vec<u8>,
    pixels: usize,
    length: usize,
}

impl Image {
    /// Understands an uncompressed file of 16 bits a pixel; `None` for any other.
    fn of(name: String, bytes: Vec<u8>) -> Option<Self> {
        let header = &bytes[..bytes.len().min(64 << 10)];
        let holds = |wanted: &[u8]| header.windows(wanted.len()).any(|window| window == wanted);
        if bytes.get(128..132)? != b"DICM"
            || !UNCOMPRESSED.iter().any(|syntax| holds(syntax))
            || !SIXTEEN_BITS.iter().any(|bits| holds(bits))
        {
            return None;
        }
        let at =
            (0..bytes.len().saturating_sub(12)).rev().find(|at| bytes[*at..].starts_with(&PIXEL_DATA))?;
        // Explicit: VR, two bytes, length; implicit: length.
        let is_explicit = matches!(bytes.get(at + 4..at + 6)?, b"OW" | b"OB");
        let pixels = if is_explicit { at + 12 } else { at + 8 };
        let length = u32::from_le_bytes(bytes.get(pixels - 4..pixels)?.try_into().ok()?) as usize;
        (length > 0 && pixels + length <= bytes.len()).then_some(Self { name, bytes, pixels, length })
    }

    /// The file with every pixel raised by `offset`.
    fn raised(&self, offset: u16) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for pixel in bytes[self.pixels..self.pixels + self.length].chunks_exact_mut(2) {
            let value = u16::from_le_bytes([pixel[0], pixel[1]]).wrapping_add(offset);
            pixel.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

/// The package's uncompressed 16-bit images, each content once, in the order of their names.
pub fn images() -> Result<Vec<Image>> {
    let mut images: Vec<Image> = Vec::new();
    walk(&package()?, &mut |path, _| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        images.extend(Image::of(name, fs::read(path)?));
        Ok(())
    })?;
    images.sort_by(|a, b| a.name.cmp(&b.name));
    images.dedup_by(|a, b| a.bytes == b.bytes);
    anyhow::ensure!(!images.is_empty(), "the package holds no uncompressed 16-bit image");
    Ok(images)
}

/// The package's images in `root`, then raised copies until there are `megabytes`.
pub fn build(root: &Path, megabytes: u32) -> Result<()> {
    let images = images()?;
    let package: u64 = images.iter().map(|image| image.bytes.len() as u64).sum();
    // At least the package once, and as many whole copies as come nearest.
    let copies = (f64::from(megabytes) * 1e6 / package as f64).round().max(1.0) as u16;
    for series in 0..copies {
        let folder = root.join(format!("Série {series:03}"));
        fs::create_dir_all(&folder)?;
        for image in &images {
            write(&folder, image, series)?;
        }
    }
    Ok(())
}

/// A day: an examination of three images, and a folder renamed.
pub fn day(root: &Path, day: u32) -> Result<()> {
    let images = images()?;
    let folder = root.join(format!("Jour {day:03}"));
    fs::create_dir_all(&folder)?;
    for at in 0..3 {
        let image = &images[(day as usize * 3 + at) % images.len()];
        write(&folder, image, 40_000 + u16::try_from(day)?)?;
    }
    fs::rename(root.join("Série 000"), root.join(format!("Série 000 (jour {day})")))
        .or_else(|_| {
            fs::rename(
                root.join(format!("Série 000 (jour {})", day - 1)),
                root.join(format!("Série 000 (jour {day})")),
            )
        })
        .context("no first series")
}

fn write(folder: &Path, image: &Image, series: u16) -> Result<()> {
    let content = if series == 0 { image.bytes.clone() } else { image.raised(series.wrapping_mul(37)) };
    fs::write(folder.join(&image.name), content)?;
    Ok(())
}

/// Where the package is, after installing it where it is missing.
fn package() -> Result<PathBuf> {
    let venv = install::folder()?.join("dicom-venv");
    let python = venv.join("bin/python");
    if !python.exists() {
        install::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let find = || -> Result<PathBuf> {
        let output = Command::new(&python)
            .args(["-c", "import data_store; print(data_store.__path__[0])"])
            .output()?;
        anyhow::ensure!(output.status.success(), "pydicom-data is not installed");
        Ok(String::from_utf8(output.stdout)?.trim().into())
    };
    find().or_else(|_| {
        install::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "pydicom-data==1.0.0"]))?;
        find()
    })
}
