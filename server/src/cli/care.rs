//! `fsck`, `backup` and `rebuild`: looking after a vault's folder.
//!
//! Exit codes: 0 nothing to say, 3 something was untidy, 11 another process has the folder, 13 something that was stored
//! or promised is not there.

use std::path::Path;

use scelle_server::vault::DataFolder;
use scelle_server::vault::fsck::{Task, check};
use scelle_server::vault::metadata::{FILE_NAME, Metadata};
use scelle_server::vault::rebuild;
use serde_json::json;

use super::outcome::{Failure, Outcome, print_json};

/// A folder that holds a vault; a look must not make one.
fn existing(data: &Path) -> Result<(), Failure> {
    if data.join("blobs").is_dir() || data.join(FILE_NAME).is_file() {
        return Ok(());
    }
    Err(Failure::new(
        10,
        "aucun coffre dans ce dossier ; vérifiez --data",
        "no vault in this folder; check --data",
    ))
}

pub(super) fn fsck(data: &Path, read_data: bool, repair: bool) -> Outcome {
    existing(data)?;
    let held = DataFolder::lock(data)?;
    if held.is_none() && repair {
        return Err(Failure::busy());
    }
    let report = check(data, Task { read_data, repair, beside: held.is_none() })?;
    print_json(&serde_json::to_value(&report).map_err(std::io::Error::from)?)?;
    match (report.is_damaged(), report.is_clean()) {
        (true, _) if report.metadata_broken => Err(Failure::new(
            13,
            "les métadonnées sont abîmées : arrêtez le coffre, puis `scelle-server rebuild`",
            "the metadata are damaged: stop the vault, then `scelle-server rebuild`",
        )),
        (true, _) => Err(Failure::new(
            13,
            "des objets, des verrous ou la trace ne sont pas comme ils doivent être : voir le rapport",
            "objects, locks or the trace are not as they must be: see the report",
        )),
        (false, false) => Err(Failure::new(
            3,
            "rien ne manque ; des restes ou des comptes sont à remettre en ordre : voir le rapport",
            "nothing is missing; leftovers or counts are to be put in order: see the report",
        )),
        (false, true) => Ok(()),
    }
}

pub(super) fn backup(data: &Path, to: &Path) -> Outcome {
    existing(data)?;
    Metadata::open(data)?.copy_to(to)?;
    print_json(&json!({ "bytes": std::fs::metadata(to)?.len() }))
}

pub(super) fn rebuild(data: &Path, from: Option<&Path>) -> Outcome {
    existing(data)?;
    let _held = DataFolder::lock(data)?.ok_or_else(Failure::busy)?;
    if from.is_some_and(|from| !from.is_file()) {
        return Err(Failure::new(2, "--from : aucun fichier de ce nom", "--from: no file of that name"));
    }
    let rebuilt = rebuild::rebuild(data, from)?;
    print_json(&serde_json::to_value(&rebuilt).map_err(std::io::Error::from)?)?;
    if rebuilt.not_whole > 0 {
        return Err(Failure::new(
            13,
            "des fichiers d'objets sont abîmés ; le reste est de nouveau là",
            "some object files are damaged; everything else is back",
        ));
    }
    Ok(())
}
