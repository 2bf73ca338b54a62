//! Unit tests of notices that no test of the program can bring about at will.

use super::*;
use crate::words::Lang;
use crate::words::phase::Phase;
use crate::words::terms;
use scelle_format::descriptor::DeviceState;
use scelle_format::ledger::{Author, Because};

fn both(message: &Message) -> [String; 2] {
    [Lang::En, Lang::Fr].map(|lang| message.text(lang).to_owned())
}

#[test]
fn a_request_that_is_tried_again_is_called_by_what_it_does() {
    let requests = [
        ("open", "open", "ouverture"),
        ("put", "put", "envoi"),
        ("get", "get", "lecture"),
        ("head", "head", "recherche"),
        ("list", "list", "liste"),
        ("delete", "delete", "suppression"),
        ("time", "time", "heure"),
        ("versions", "versions", "versions"),
        ("of-later", "of-later", "of-later"),
    ];
    for (operation, english, french) in requests {
        assert_eq!(both(&request(operation)), [english, french], "{operation}");
    }
}

#[test]
fn the_part_of_a_run_that_goes_on_is_called_by_what_it_does() {
    let phases = [
        (Phase::Open, "Opening", "Ouverture"),
        (Phase::Probe, "Probing the store", "Essai du stockage"),
        (Phase::Backup, "Backing up", "Sauvegarde"),
        (Phase::Commit, "Committing", "Validation"),
        (Phase::Verify, "Verifying", "Vérification"),
        (Phase::ReadData, "Reading back", "Relecture"),
        (Phase::Restore, "Restoring", "Restauration"),
    ];
    for (phase, english, french) in phases {
        assert_eq!(both(&phase.said()), [english, french]);
    }
}

#[test]
fn who_and_why_are_words_of_the_closed_lists() {
    let who = [
        (Author::Secretary, "secretary", "secrétaire"),
        (Author::Practitioner, "practitioner", "praticien"),
        (Author::Responsible, "person responsible", "responsable"),
        (Author::Provider, "provider", "prestataire"),
    ];
    let why = [
        (Because::Moved, "moved", "déplacé"),
        (Because::DeletedOnPurpose, "deleted on purpose", "effacé exprès"),
        (Because::Archived, "archived", "archivé"),
        (Because::Replaced, "replaced", "remplacé"),
        (Because::Other, "another reason", "autre raison"),
    ];
    for (author, english, french) in who {
        assert_eq!(both(&terms::author(author)), [english, french]);
    }
    for (because, english, french) in why {
        assert_eq!(both(&terms::because(because)), [english, french]);
    }
    assert_eq!(both(&terms::device(DeviceState::Revoked)), ["revoked", "révoqué"]);
}
