//! Written, listed, exported, verified; and every way to cheat.

use scelle_format::fingerprint::six_words;
use scelle_format::id::Sha256;
use scelle_format::ledger::NoteKind;
use scelle_format::phrase::Language;
use scelle_format::report::{AsText, Light, Record, file_token};
use scelle_format::vkey_text::VKey;
use scelle_store::{Key, Store as _};

use super::export::{Document, export};
use super::fixture::{CANARY, Repository, canary, failure, outcome, trouble};
use super::list::Shelf;
use super::memory::Memory;
use super::recall::chain_alarms;
use super::run::{RunEnd, TroubleTold, load_probe, save_probe};
use super::verify::{Anchor, Signer, Verdict, verify};
use super::write::{Written, keep, unsent, write};
use crate::error::ExitCode;
use crate::monitor::Problem;
use crate::pipeline::Saved;
use crate::repo::ledger::alarms::{ChainAlarms, FORK};
use crate::repo::ledger::history::History;
use scelle_view::pages::text::page;
use scelle_view::words::Lang;

/// As a computer sees it that is no device of the repository.
fn shelf<'a>(history: &'a History, folder: Option<&'a std::path::Path>) -> Shelf<'a> {
    Shelf { history, folder, own: None }
}

impl Repository {
    async fn write(&self, saved: &Saved) -> Written {
        self.write_with(saved, &[]).await
    }

    /// Writes the bilan of a run with these troubles.
    async fn write_with(&self, saved: &Saved, troubles: &[TroubleTold<'_>]) -> Written {
        let (descriptors, mut pen) = (self.descriptors().await, self.pen().await);
        let mut report = self.good(&descriptors, RunEnd::Committed(saved));
        report.memory = Memory::load(&self.state);
        report.troubles = troubles.to_vec();
        write(&mut pen, &self.state, &report, &self.device.secret.token_key()).await.unwrap()
    }

    /// Writes the bilan of a run that lost one file and has doubts about another.
    async fn write_troubled(&self) -> Written {
        let (lost, doubtful) = (canary("docx"), canary("xlsx"));
        let troubles =
            [trouble(&lost, Problem::Unreadable, false), trouble(&doubtful, Problem::Changed, true)];
        self.write_with(&outcome(), &troubles).await
    }

    async fn note(&self) {
        self.pen().await.append(NoteKind::Config, Vec::new()).await.unwrap();
    }

    async fn history(&self) -> History {
        History::load(&self.objects, &self.descriptors().await).await.unwrap()
    }

    async fn export(&self, id: &str) -> Vec<u8> {
        let (descriptors, history) = (self.descriptors().await, self.history().await);
        let bilan = shelf(&history, Some(&*self.folder())).load(&self.objects, id).await.unwrap();
        export(&self.objects, &descriptors, &history, &bilan).await.unwrap()
    }
}

fn fully(signer: Signer, verdict: &Verdict) -> bool {
    verdict.intact
        && verdict.chain_complete
        && verdict.signer == signer
        && verdict.exit_code() == ExitCode::Ok
}

/// The document with one thing changed by a careful forger, who mends the digest.
fn forged(bytes: &[u8], change: impl Fn(&mut Document)) -> Vec<u8> {
    let mut document: Document = serde_json::from_slice(bytes).unwrap();
    change(&mut document);
    document.digest = AsText(document.expected_digest().unwrap());
    document.to_bytes().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_is_listed_shown_exported_and_verified() {
    let repository = Repository::new(true).await;
    repository.note().await;
    let written = repository.write_troubled().await;
    assert_eq!(written.id, format!("{}-2", &repository.device.id.as_str()[..8]));
    assert!(written.not_sent.is_none());
    let history = repository.history().await;
    assert!(history.findings.is_empty(), "{:?}", history.findings);
    let listed = shelf(&history, None).rows();
    let json = serde_json::to_value(&listed).unwrap();
    assert_eq!(json[0]["id"], written.id);
    assert_eq!(json[0]["kind"], "backup");
    assert_eq!(json[0]["status"], written.status.word());
    assert_eq!(json[0]["snapshot"], 1);
    let loaded = shelf(&history, None).load(&repository.objects, "latest").await.unwrap();
    assert_eq!(loaded.record.sha256().unwrap(), written.record_sha256);
    assert_eq!(loaded.record.volumes[0].files_seen, 101);
    let bytes = repository.export(&written.id).await;
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["status"], written.status.word());
    for field in ["record", "signature", "proof"] {
        assert!(!value[field].is_null(), "{field}");
    }
    assert!(fully(Signer::NotIdentified, &verify(&bytes, None)), "{:?}", verify(&bytes, None));
    assert!(shelf(&history, None).load(&repository.objects, "00000000-9").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signer_is_known_wrong_or_not_identified() {
    let (repository, stranger) = (Repository::new(true).await, Repository::new(true).await);
    let written = repository.write(&outcome()).await;
    let bytes = repository.export(&written.id).await;
    let sha256 = |repository: &Repository| repository.kit.owner.verifying_key().sha256();
    let words = |language| Anchor::Fingerprint(six_words(&sha256(&repository), language));
    for anchor in [words(Language::French), words(Language::English), Anchor::of(&repository.device)] {
        assert!(fully(Signer::Known, &verify(&bytes, Some(&anchor))), "{anchor:?}");
    }
    let hex = Anchor::Fingerprint(hex::encode(sha256(&repository)).to_uppercase());
    assert!(fully(Signer::Known, &verify(&bytes, Some(&hex))));
    let Anchor::Local { owner, device, .. } = Anchor::of(&repository.device) else { panic!() };
    let other_vkey = stranger.device.signing.verifying_key().to_string();
    let other_owner = VKey::new(
        &format!("scelle/{}/owner", repository.kit.repository),
        stranger.kit.owner.verifying_key().public_key(),
    );
    let wrong = [
        Anchor::Fingerprint(hex::encode(sha256(&stranger))),
        Anchor::Fingerprint("abandon".into()),
        Anchor::Local { owner, device, vkey: other_vkey.clone() },
        Anchor::Local {
            owner: other_owner.unwrap().to_string(),
            device: stranger.device.id.clone(),
            vkey: other_vkey,
        },
    ];
    assert!(fully(Signer::NotIdentified, &verify(&bytes, Some(&Anchor::of(&stranger.device)))));
    for anchor in wrong {
        let verdict = verify(&bytes, Some(&anchor));
        assert_eq!((verdict.intact, verdict.signer), (true, Signer::Wrong));
        assert_eq!(verdict.exit_code(), ExitCode::Damaged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_is_only_named_identifies_nobody() {
    let repository = Repository::new(false).await;
    let written = repository.write(&outcome()).await;
    let bytes = repository.export(&written.id).await;
    let owner = Anchor::Fingerprint(hex::encode(repository.kit.owner.verifying_key().sha256()));
    assert!(fully(Signer::NotIdentified, &verify(&bytes, Some(&owner))));
    assert!(fully(Signer::Known, &verify(&bytes, Some(&Anchor::of(&repository.device)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_changed_byte_fails() {
    let repository = Repository::new(true).await;
    repository.write_troubled().await;
    repository.note().await;
    let written = repository.write(&outcome()).await;
    repository.note().await;
    let bytes = repository.export(&written.id).await;
    assert!(fully(Signer::NotIdentified, &verify(&bytes, None)));
    // Every bit of every seventh byte, then another byte value at each of the others: no place is left out.
    for at in 0..bytes.len() {
        let flips: &[u8] = if at % 7 == 0 { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[1 << (at % 8) as u8] };
        for flip in flips {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(!verify(&changed, None).intact, "byte {at} flip {flip}");
        }
    }
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(!verify(&bytes[..cut], None).intact);
    }
    assert!(!verify(&[&bytes[..], b"\n"].concat(), None).intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forger_who_mends_the_digest_is_seen() {
    let repository = Repository::new(true).await;
    let first = repository.write_troubled().await;
    repository.note().await;
    repository.note().await;
    let second = repository.write(&outcome()).await;
    repository.note().await;
    repository.note().await;
    let bytes = repository.export(&second.id).await;
    assert_eq!(forged(&bytes, |_| {}), bytes);
    type Forgery = Box<dyn Fn(&mut Document)>;
    let other: Document = serde_json::from_slice(&repository.export(&first.id).await).unwrap();
    let (record, signature) = (other.record.clone(), other.signature.clone());
    let forgeries: Vec<Forgery> = vec![
        Box::new(|d| d.status = Light::Green),
        Box::new(|d| d.record.status.overall = Light::Green),
        Box::new(|d| d.record.run.ended.0 += 1),
        Box::new(|d| d.record.volumes[0].files_unreadable += 1),
        Box::new(|d| d.id = "00000000-1".into()),
        Box::new(|d| d.signature = d.signature.replacen("kind bilan", "kind bilaN", 1)),
        Box::new(move |d| d.record = record.clone()),
        Box::new(move |d| d.signature = signature.clone()),
        Box::new(|d| d.proof.descriptors.clear()),
        Box::new(|d| d.proof.descriptors[0] = d.proof.descriptors[0].replacen("keep", "kept", 1)),
        Box::new(|d| d.proof.before[1] = d.proof.before[1].replacen("time 2", "time 3", 1)),
    ];
    for (at, forge) in forgeries.iter().enumerate() {
        assert!(!verify(&forged(&bytes, forge), None).intact, "forgery {at}");
    }
    // Leaving notes out keeps each signature good and shows in the chain.
    let gaps: Vec<Forgery> = vec![
        Box::new(|d| drop(d.proof.before.remove(1))),
        Box::new(|d| drop(d.proof.before.remove(0))),
        Box::new(|d| d.proof.before.clear()),
        Box::new(|d| drop(d.proof.after.remove(0))),
    ];
    for (at, forge) in gaps.iter().enumerate() {
        let verdict = verify(&forged(&bytes, forge), None);
        assert!(verdict.intact && !verdict.chain_complete, "gap {at}: {verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repository_cannot_lend_its_device() {
    let (repository, stranger) = (Repository::new(true).await, Repository::new(true).await);
    let mine = repository.export(&repository.write(&outcome()).await.id).await;
    let theirs = stranger.export(&stranger.write(&outcome()).await.id).await;
    let theirs: Document = serde_json::from_slice(&theirs).unwrap();
    assert!(!verify(&forged(&mine, |d| d.proof.descriptors = theirs.proof.descriptors.clone()), None).intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_is_in_record_export_or_page() {
    let repository = Repository::new(true).await;
    let written = repository.write_troubled().await;
    let history = repository.history().await;
    let loaded = shelf(&history, None).load(&repository.objects, &written.id).await.unwrap();
    let (fr, en) = (page(&loaded.record, &loaded.id, Lang::Fr), page(&loaded.record, &loaded.id, Lang::En));
    let export = String::from_utf8(repository.export(&written.id).await).unwrap();
    let record = loaded.record.to_canonical_json().unwrap();
    for text in [&fr, &en, &export, &record] {
        for part in ["Canari", "lodie", CANARY, "1961", "data/", "2000001", "1234567"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
    let path = canary("docx");
    let token = file_token(&repository.device.secret.token_key(), path.as_bytes());
    assert!(record.contains(&token) && fr.contains(&token));
    assert_eq!(
        super::whois(&token, &repository.device.secret.token_key(), [path.as_bytes()]).unwrap(),
        path.as_bytes()
    );
    assert!(fr.starts_with("▲ À SURVEILLER") && en.starts_with("▲ TO LOOK AT"), "{fr}");
    assert!(fr.contains("Contrôlé par ce PC") && !fr.contains("Vérifié :"));
    assert!(fr.lines().count() <= 24, "one screen");
    for reason in &loaded.record.status.reasons {
        let words = scelle_view::reasons::sentence(reason.code.as_str()).unwrap();
        assert!(fr.contains(words.todo(Lang::Fr)) && en.contains(words.todo(Lang::En)), "{}", reason.code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bilan_that_cannot_be_sent_is_kept_and_sent_with_the_next() {
    let repository = Repository::new(true).await;
    repository.note().await;
    let error = failure();
    let descriptors = repository.descriptors().await;
    let report = repository.good(&descriptors, RunEnd::Failed(&error));
    let token_key = repository.device.secret.token_key();
    let kept = keep(&repository.state, &report, &token_key, failure()).unwrap();
    assert_eq!((kept.status, kept.not_sent.is_some()), (Light::Red, true));
    let folder = repository.folder();
    let folder = Some(&*folder);
    let listed = shelf(&repository.history().await, folder).rows();
    assert_eq!((listed.len(), &listed[0].id, listed[0].status), (1, &kept.id, Light::Red));
    // Another that began in the same second is kept beside it.
    keep(&repository.state, &report, &token_key, failure()).unwrap();
    assert_eq!(unsent(&repository.folder()).len(), 2);
    let history = repository.history().await;
    let loaded = shelf(&history, folder).load(&repository.objects, &kept.id).await.unwrap();
    assert!(page(&loaded.record, &loaded.id, Lang::Fr).contains("en échec"));
    assert!(export(&repository.objects, &descriptors, &history, &loaded).await.is_err());

    let written = repository.write(&outcome()).await;
    assert!(written.id.ends_with("-4"), "{}", written.id);
    assert!(unsent(&repository.folder()).is_empty());
    let listed = shelf(&repository.history().await, folder).rows();
    assert_eq!(
        listed.iter().map(|row| row.status).collect::<Vec<_>>(),
        [Light::Red, Light::Red, written.status]
    );
    for row in &listed {
        assert!(fully(Signer::NotIdentified, &verify(&repository.export(&row.id).await, None)), "{row:?}");
    }
}

/// The run that saw the alarm was stopped, and the state folder has lost the file with the alarms.
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_only_a_bilan_kept_back_knows_is_not_forgotten() {
    let repository = Repository::new(true).await;
    repository.note().await;
    let (error, descriptors) = (failure(), repository.descriptors().await);
    let mut report = repository.good(&descriptors, RunEnd::Failed(&error));
    report.chain_alarm = Some(FORK);
    keep(&repository.state, &report, &repository.device.secret.token_key(), failure()).unwrap();
    assert_eq!(ChainAlarms::load(&repository.state).open_at(report.ended), None);
    let history = repository.history().await;
    let (objects, device) = (&repository.objects, &repository.device.id);
    chain_alarms(objects, &history, device, &repository.state).await.unwrap();
    assert_eq!(ChainAlarms::load(&repository.state).open_at(report.ended), Some(FORK));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_damage_not_an_empty_page() {
    let repository = Repository::new(true).await;
    let written = repository.write(&outcome()).await;
    let name = scelle_format::layout::attachment(&written.record_sha256);
    let key: Key = repository.objects.key(&name).unwrap();
    repository.store.delete(&key).await.unwrap();
    let history = repository.history().await;
    let error = shelf(&history, None).load(&repository.objects, "latest").await.unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_probe_come_back() {
    let repository = Repository::new(true).await;
    repository.write(&outcome()).await;
    let memory = Memory::load(&repository.state);
    assert_eq!(memory.last_good, Some(super::fixture::BORN + 60));
    assert_eq!(memory.sets["3fa9b1c2d4e5"].accepted.most_bytes(), 2_000_001);
    assert!(load_probe(&repository.state).is_none());
    save_probe(&repository.state, &super::fixture::folder_probe()).unwrap();
    assert_eq!(load_probe(&repository.state), Some(super::fixture::folder_probe()));
    let second = repository.write(&outcome()).await;
    let history = repository.history().await;
    let record: Record = shelf(&history, None).load(&repository.objects, &second.id).await.unwrap().record;
    assert_eq!(record.availability.achieved_age_seconds.known(), Some(&0));
    assert_eq!(
        record.identity.previous_note.map(|hash| hash.0),
        history.devices[0].notes[0].text_sha256.into()
    );
    assert_ne!(second.record_sha256, Sha256([0; 32]));
}
