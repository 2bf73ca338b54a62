//! Damage of stored bytes: looked for, asked about twice, noted, and lifted once the bytes are right again.
//!
//! For: readers ([`super::read`]), the scrub and `fsck`. A damaged version is in quarantine: it is served no more, counts
//! as absent for whoever puts the object again, and its file stays where it is for whoever repairs it. Never: deletes or
//! moves a file, or calls one wrong answer of a disk damage.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use aws_lc_rs::digest::{Context, SHA256};

use crate::vault::blobs::Blobs;
use crate::vault::fault::Fault;
use crate::vault::label::{Kind, Label};
use crate::vault::metadata::audit::is_named;
use crate::vault::{Refusal, Vault, clock, log, platform};

/// Bytes read at once.
const PIECE_BYTES: usize = 256 << 10;

/// What is wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Its file is not there.
    Missing,
    /// Its file is shorter or longer than it was written, or its label is not whole.
    Torn,
    /// Its label says something else than the metadata.
    Mislabelled,
    /// Its body is not what was stored.
    Changed,
    /// The disk cannot read it.
    Unreadable,
}

impl Damage {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Torn => "torn",
            Self::Mislabelled => "mislabelled",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Compares a blob's file with what the metadata say of it, without its body.
pub fn look_at_label(blobs: &Blobs, expected: &Label) -> io::Result<Option<Damage>> {
    match opened(blobs, expected) {
        Ok(_) => Ok(None),
        Err(fault) => fault.here().map(Some),
    }
}

/// Reads a blob as a whole. `each` is told of every piece, and may take its time; when it says stop, nothing was found.
pub fn look(
    blobs: &Blobs,
    expected: &Label,
    each: &mut dyn FnMut(usize) -> bool,
) -> io::Result<Option<Damage>> {
    let mut file = match opened(blobs, expected) {
        Ok(file) => file,
        Err(fault) => return fault.here().map(Some),
    };
    if expected.kind == Kind::Marker {
        return Ok(None);
    }
    // What a cache still holds says nothing about the disk.
    platform::drop_cached(&file);
    let mut hash = Context::new(&SHA256);
    let (mut left, mut buffer) = (expected.bytes, vec![0; PIECE_BYTES]);
    while left > 0 {
        let length = usize::try_from(left.min(PIECE_BYTES as u64)).unwrap_or(PIECE_BYTES);
        if let Err(fault) = judged(file.read_exact(&mut buffer[..length])) {
            return fault.here().map(Some);
        }
        hash.update(&buffer[..length]);
        left -= length as u64;
        if !each(length) {
            return Ok(None);
        }
    }
    platform::drop_cached(&file);
    Ok((hex::encode(hash.finish().as_ref()) != expected.sha256).then_some(Damage::Changed))
}

/// Looks twice at a blob somebody found wrong, and notes what the second look says.
pub fn confirm(vault: &Vault, label: &Label) -> Result<Option<Damage>, Refusal> {
    let mut found = look(&vault.blobs, label, &mut |_| true)?;
    if found.is_some() {
        found = look(&vault.blobs, label, &mut |_| true)?;
    }
    let blob = label.blob.clone();
    if found == Some(Damage::Missing) && !vault.metadata.read_blocking(|c| is_named(c, &blob))? {
        // Deleted while it was being read.
        return Err(Refusal::NoSuchKey);
    }
    note(vault, &label.blob, found)?;
    Ok(found)
}

/// Notes what a look found, and when.
pub fn note(vault: &Vault, blob: &str, found: Option<Damage>) -> Result<(), Refusal> {
    note_all(vault, vec![(blob.to_owned(), found)])
}

/// The same of many blobs, with one commit.
pub fn note_all(vault: &Vault, found: Vec<(String, Option<Damage>)>) -> Result<(), Refusal> {
    if found.is_empty() {
        return Ok(());
    }
    let changed = vault.metadata.write_blocking(move |c| {
        let now = clock::now_ms();
        let mut changed = Vec::new();
        for (blob, damage) in found {
            let sql = "SELECT EXISTS (SELECT 1 FROM versions WHERE blob = ?1 AND is_damaged <> ?2)";
            let changes: bool =
                c.prepare_cached(sql)?.query_row((&blob, damage.is_some()), |row| row.get(0))?;
            c.prepare_cached("UPDATE versions SET is_damaged = ?2, scrubbed_ms = ?3 WHERE blob = ?1")?
                .execute((&blob, damage.is_some(), now))?;
            changed.extend(changes.then_some((blob, damage)));
        }
        Ok(changed)
    })?;
    // A blob's name is random: it tells the operator which file, and nobody anything else.
    for (blob, damage) in changed {
        match damage {
            Some(damage) => {
                log::problem(&format!("blob {blob} is damaged ({}) and served no more", damage.name()));
            }
            None => log::notice(&format!("blob {blob} is whole again, and served")),
        }
    }
    Ok(())
}

/// Opens a blob whose label says what the metadata say.
fn opened(blobs: &Blobs, expected: &Label) -> Result<File, Fault<Damage>> {
    let (mut file, file_bytes) = judged(blobs.file(&expected.blob))?;
    match judged(Label::read(&mut file, file_bytes))? {
        None => Err(Fault::Here(Damage::Torn)),
        Some(label) if label != *expected => Err(Fault::Here(Damage::Mislabelled)),
        Some(_) => {
            file.rewind()?;
            Ok(file)
        }
    }
}

/// An answer of the disk: a value, damage, or a trouble that says nothing about the blob.
fn judged<T>(answer: io::Result<T>) -> Result<T, Fault<Damage>> {
    answer.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Here(Damage::Missing),
        io::ErrorKind::UnexpectedEof => Fault::Here(Damage::Torn),
        _ if platform::is_bad_medium(&error) => Fault::Here(Damage::Unreadable),
        _ => Fault::Disk(error),
    })
}
