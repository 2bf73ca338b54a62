//! The end of a restore for databases that have a log or a journal beside them, in the snapshot or in the restore root.
//!
//! For: `run`, when all other files stand. A database and its side files are one: both of one version, or the database
//! alone with what belonged to another version moved aside. Data comes from jobs that `produce` and `workers` put by. Never:
//! puts a side file beside a database that is not of the same snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use scelle_format::manifest::EntryKind;

use super::job::RestoreJob;
use super::shared::{Shared, WriteFault};
use super::write::{
    FIRST_BYTES, Overwrite, Placed, RestoreRoot, WriteErrorKind, is_database, may_be_database,
};
use crate::error::Result;
use crate::monitor::Problem;
use crate::reading::ChunkReader;
use crate::reading::tree::{Step, Tree, TreePart};
use crate::scan::EntryPath;

/// A database and what the snapshot has beside it.
#[derive(Default)]
struct Pair {
    /// Set when it stands in the restore root byte for byte, with something beside it.
    standing: Option<RestoreJob>,
    sides: Vec<RestoreJob>,
}

/// What may be done with a pair.
enum Way {
    /// Nothing stands against it: each file is restored as any other.
    Open,
    /// What stands there stays, and ours is not written.
    Keep,
    /// What stands there stays; ours goes beside it.
    Beside,
    /// The database is right or will be; these are moved aside.
    Clear(Vec<EntryPath>),
    /// The database was not restored: its side files are of no use.
    Without,
}

/// Finishes the databases in `standing` and the side files in `sides`, each with its database's path.
pub(super) fn finish(
    shared: &Shared<'_>,
    tree: &Tree,
    standing: Vec<RestoreJob>,
    sides: Vec<(EntryPath, RestoreJob)>,
) -> Result<()> {
    let mut pairs: BTreeMap<EntryPath, Pair> = BTreeMap::new();
    for job in standing {
        let pair = pairs.entry(job.path.clone()).or_default();
        pair.standing = Some(job);
    }
    for (base, job) in sides {
        pairs.entry(base).or_default().sides.push(job);
    }
    let mut reader = ChunkReader::new(shared.id_keys.clone());
    for (base, pair) in pairs {
        if shared.is_stopped() {
            break;
        }
        if let Err(failure) = one(shared, &mut reader, tree, &base, &pair) {
            shared.note_failure(&base, None, failure);
        }
    }
    shared.verdict()
}

fn one(
    shared: &Shared<'_>,
    reader: &mut ChunkReader,
    tree: &Tree,
    base: &EntryPath,
    pair: &Pair,
) -> std::result::Result<(), WriteFault> {
    let found = match &pair.standing {
        Some(job) => Some(job.clone()),
        None => shared.handle.block_on(entry_of(tree, base))?,
    };
    let Some(main) = found else {
        pair.sides.iter().for_each(|job| shared.restore(reader, job));
        return Ok(());
    };
    let (restore_root, at) = shared.places.place(base)?;
    match way(shared, reader, &main, pair, &restore_root, &at)? {
        Way::Open => {
            if pair.standing.is_some() {
                same(shared, &restore_root, &at, &main)?;
            }
            pair.sides.iter().for_each(|job| shared.restore(reader, job));
        }
        Way::Keep => {
            for job in pair.standing.iter().chain(&pair.sides) {
                shared.note_placed(&job.path, &job.entry.link_group, job.entry.bytes, &Placed::Kept);
            }
        }
        Way::Beside => beside(shared, reader, &main, pair)?,
        Way::Clear(others) => {
            if let Err(error) = restore_root.set_aside(&at, &others) {
                let problem = match error.kind {
                    WriteErrorKind::Held => Problem::InUse,
                    _ => Problem::NotWritten,
                };
                for job in pair.standing.iter().chain(&pair.sides) {
                    shared.note_problem(&job.path, problem);
                }
                return Ok(());
            }
            if pair.standing.is_some() {
                same(shared, &restore_root, &at, &main)?;
            }
            pair.sides.iter().for_each(|job| shared.restore(reader, job));
        }
        Way::Without => pair.sides.iter().for_each(|job| shared.note_problem(&job.path, Problem::NotWritten)),
    }
    Ok(())
}

fn way(
    shared: &Shared<'_>,
    reader: &mut ChunkReader,
    main: &RestoreJob,
    pair: &Pair,
    restore_root: &Arc<RestoreRoot>,
    at: &EntryPath,
) -> std::result::Result<Way, WriteFault> {
    let Some(there) = restore_root.existing(at)? else { return Ok(Way::Without) };
    let mut first = [0; FIRST_BYTES];
    let is_one = there.file.is_none() || {
        let read = there.read_at(&mut first, 0).unwrap_or(0);
        is_database(&first[..read], at.name())
    };
    if !is_one || !may_be_database(main.entry.bytes) {
        return Ok(Way::Open);
    }
    let is_right = pair.standing.is_some() || shared.has_same_content(reader, &there, &main.entry)?;
    drop(there);
    let mut others = restore_root.replayed_beside(at)?;
    if is_right {
        // What is there of the snapshot's own side files stays.
        for job in &pair.sides {
            let (_, side) = shared.places.place(&job.path)?;
            if others.contains(&side)
                && let Some(there) = restore_root.existing(&side)?
                && shared.has_same_content(reader, &there, &job.entry)?
            {
                others.retain(|other| *other != side);
            }
        }
        // The index of a log that stays belongs to it.
        if others.iter().all(|other| other.name().ends_with(b"-shm")) {
            return Ok(Way::Open);
        }
    }
    Ok(match (shared.overwrite, is_right) {
        (Overwrite::Never, _) => Way::Keep,
        (Overwrite::Sibling(_), _) => Way::Beside,
        (_, true) => Way::Clear(others),
        (_, false) => Way::Without,
    })
}

/// The database stands there as it was saved.
fn same(
    shared: &Shared<'_>,
    restore_root: &RestoreRoot,
    at: &EntryPath,
    main: &RestoreJob,
) -> std::result::Result<(), WriteFault> {
    shared.update_same(restore_root, at, &main.entry)?;
    shared.note_placed(&main.path, &main.entry.link_group, main.entry.bytes, &Placed::Same);
    Ok(())
}

/// Places ours beside what is kept, its side files beside ours.
fn beside(
    shared: &Shared<'_>,
    reader: &mut ChunkReader,
    main: &RestoreJob,
    pair: &Pair,
) -> std::result::Result<(), WriteFault> {
    let job = RestoreJob { compare: false, ..main.clone() };
    let Some(placed) = shared.try_restore(reader, &job)? else { return Ok(()) };
    if pair.standing.is_some() {
        shared.note_placed(&main.path, &main.entry.link_group, main.entry.bytes, &placed);
    }
    for job in &pair.sides {
        if let Placed::Beside(ours) = &placed {
            let suffix = &job.path.name()[main.path.name().len()..];
            let name = [ours.name(), suffix].concat();
            shared.places.rename(&job.path, &name);
        }
        shared.restore(reader, job);
    }
    Ok(())
}

/// The file at a path of the snapshot.
async fn entry_of(tree: &Tree, path: &EntryPath) -> Result<Option<RestoreJob>> {
    let mut walk = tree.walk_parts(vec![TreePart::Entry(path.as_bytes().to_vec())]);
    while let Some(step) = walk.next().await? {
        let Step::Items(items) = step else { continue };
        let found = items.into_iter().find(|item| {
            item.entry.kind == EntryKind::File
                && scelle_format::path::join(&item.directory, &item.entry.name) == path.as_bytes()
        });
        if let Some(item) = found {
            let mut entry = item.entry;
            entry.link_group = None;
            return Ok(Some(RestoreJob { path: path.clone(), entry, compare: true }));
        }
    }
    Ok(None)
}
