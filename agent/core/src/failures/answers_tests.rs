//! What is said of what the store, the system and the state's database answer: each kind in its own words.

use rusqlite::ffi;

use scelle_view::words::Lang;

use super::*;
use crate::error::ExitCode;

fn store(kind: ErrorKind, operation: &'static str) -> AgentError {
    StoreError::new(kind, operation, "k", "d").into()
}

fn system(kind: std::io::ErrorKind) -> AgentError {
    std::io::Error::from(kind).into()
}

fn state(code: std::ffi::c_int) -> AgentError {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
}

#[test]
fn what_others_answer_is_told_in_words() {
    let told = [
        (
            store(ErrorKind::Locked, "delete"),
            ExitCode::Failed,
            ["the store still protects that object", "wait for the lock to end"],
            ["le stockage protège encore cet objet", "attendez la fin du verrou"],
        ),
        (
            store(ErrorKind::Unsupported, "put"),
            ExitCode::Failed,
            ["this store cannot do what was asked", "choose a bucket with versioning and lock"],
            [
                "ce stockage ne sait pas faire ce qui est demandé",
                "choisissez un compartiment avec versions et verrou",
            ],
        ),
        (
            store(ErrorKind::Invalid, "get"),
            ExitCode::Usage,
            ["the settings of the store are wrong", "check --repo, --s3-endpoint and --s3-region"],
            ["les réglages du stockage sont incorrects", "vérifiez --repo, --s3-endpoint et --s3-region"],
        ),
        (
            store(ErrorKind::Other, "get"),
            ExitCode::Failed,
            ["the store failed", "try again; -v shows the cause"],
            ["le stockage a échoué", "recommencez ; -v montre la cause"],
        ),
        (
            store(ErrorKind::NoBucket, "get"),
            ExitCode::NoRepository,
            [
                "the bucket or folder does not exist",
                "check the address; \"scelle init --create-bucket\" creates a bucket",
            ],
            [
                "le compartiment ou le dossier du dépôt n'existe pas",
                "vérifiez l'adresse ; « scelle init --create-bucket » crée un compartiment",
            ],
        ),
        (
            store(ErrorKind::NotFound, "get"),
            ExitCode::Damaged,
            [
                "an object is missing from the repository",
                "run \"scelle check --read-data all\" and tell the host",
            ],
            [
                "un objet manque dans le dépôt",
                "lancez « scelle check --read-data all » et prévenez l'hébergeur",
            ],
        ),
        (
            store(ErrorKind::Corrupt, "get"),
            ExitCode::Damaged,
            [
                "an object of the repository is damaged",
                "run \"scelle check --read-data all\" and tell the host",
            ],
            [
                "un objet du dépôt est endommagé",
                "lancez « scelle check --read-data all » et prévenez l'hébergeur",
            ],
        ),
        (
            system(std::io::ErrorKind::PermissionDenied),
            ExitCode::Failed,
            ["the system denies access", "check the rights of the folder"],
            ["le système refuse l'accès", "vérifiez les droits du dossier"],
        ),
        (
            system(std::io::ErrorKind::IsADirectory),
            ExitCode::Failed,
            ["the system reported a file error", "check the disk; -v shows the cause"],
            ["le système a signalé une erreur de fichier", "vérifiez le disque ; -v montre la cause"],
        ),
        (
            state(ffi::SQLITE_FULL),
            ExitCode::Failed,
            [
                "the disk of Scellé's state folder is full",
                "free space on that disk (or change SCELLE_HOME), then try again: work resumes",
            ],
            [
                "le disque du dossier d'état de Scellé est plein",
                "libérez de la place sur ce disque (ou changez SCELLE_HOME), puis recommencez : le travail reprendra",
            ],
        ),
        (
            state(ffi::SQLITE_CORRUPT),
            ExitCode::Failed,
            [
                "what this computer remembers of the last backup is damaged",
                "back up again: all files will be read; have this computer's disk checked",
            ],
            [
                "ce que ce poste a retenu de la dernière sauvegarde est endommagé",
                "relancez la sauvegarde : elle relira tous les fichiers ; faites contrôler le disque de ce poste",
            ],
        ),
        (
            state(ffi::SQLITE_READONLY),
            ExitCode::Failed,
            [
                "the local state cannot be read or written",
                "check the SCELLE_HOME folder (rights, space); the catalog can be rebuilt",
            ],
            [
                "l'état local ne peut pas être lu ou écrit",
                "vérifiez le dossier SCELLE_HOME (droits, place) ; le catalogue se reconstruit",
            ],
        ),
    ];
    for (error, code, english, french) in told {
        assert_eq!(error.code, code, "{error}");
        let said = |lang| [error.what().text(lang).to_owned(), error.todo().text(lang).to_owned()];
        assert_eq!(said(Lang::En), english);
        assert_eq!(said(Lang::Fr), french);
    }
}

#[test]
fn store_kinds_map_to_codes() {
    let code = |kind| AgentError::from(StoreError::new(kind, "get", "k", "d")).code;
    assert_eq!(code(ErrorKind::Unreachable), ExitCode::Unreachable);
    assert_eq!(code(ErrorKind::Denied), ExitCode::Unreachable);
    assert_eq!(code(ErrorKind::NoBucket), ExitCode::NoRepository);
    assert_eq!(code(ErrorKind::Full), ExitCode::Failed);
    assert_eq!(code(ErrorKind::Invalid), ExitCode::Usage);
    assert_eq!(code(ErrorKind::Corrupt), ExitCode::Damaged);
    assert_eq!(code(ErrorKind::NotFound), ExitCode::Damaged);
    let denied = AgentError::from(StoreError::new(ErrorKind::Denied, "get", "k", "d"));
    let silent = AgentError::from(StoreError::new(ErrorKind::Unreachable, "get", "k", "d"));
    assert_ne!(denied.what(), silent.what());
}

#[test]
fn io_errors_tell_a_full_disk_from_the_rest() {
    let full = AgentError::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
    assert_eq!(full.kind, AgentError::destination_full().kind);
    let other = AgentError::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    assert_eq!(other.code, ExitCode::Failed);
}
