//! Checking an exported bilan without the store, the network or a key.
//!
//! Data is a file that anybody may have written; goes to `bilan verify`. Three answers that are not mixed up: is it as it
//! was signed, does the chain around it lack nothing, is the signer the one you know. Never: takes the file's own word for
//! who the owner is.

use std::path::Path;

use scelle_format::descriptor::{Descriptor, DeviceState, Pin, SignedDescriptor, check_history};
use scelle_format::fingerprint::{FINGERPRINT_WORDS, six_words};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::ledger::{ChainHead, ChainLink, Note, NoteKind, verify_chain, verify_chain_after};
use scelle_format::note::{self, SignedNote, VerifyingKey};
use scelle_format::phrase::{Language, normalize, unknown_words};
use scelle_format::report::{AsText, Light, Record};
use scelle_format::vkey_text::VKey;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::export::{Document, MAGIC};
use super::named::names;
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::state::Device;

/// Longest file that is read.
const FILE_MAX_BYTES: usize = 64 << 20;

/// Reads the file of a bilan.
///
/// Errors: exit 2 it cannot be read, exit 13 it is longer than any bilan.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| AgentError::bilan_file_unreadable().because(error);
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_MAX_BYTES as u64 {
        return Err(AgentError::object_corrupt());
    }
    std::fs::read(path).map_err(unreadable)
}

/// Whom the person who asks already trusts.
#[derive(Clone, Debug)]
pub enum Anchor {
    /// The owner's fingerprint as the kit prints it (six words, French or English), or the SHA-256 of the vkey in hex.
    Fingerprint(String),
    /// What this PC knows of its own repository.
    Local {
        /// The owner's vkey.
        owner: String,
        /// This device.
        device: DeviceId,
        /// Its vkey.
        vkey: String,
    },
}

impl Anchor {
    /// What a person typed as a fingerprint: six words of the lists, or 64 hexadecimal digits. `None` where it is neither, and could
    /// be nobody's.
    pub fn typed(text: &str) -> Option<Self> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let is_hash = compact.len() == 64 && compact.bytes().all(|byte| byte.is_ascii_hexdigit());
        let words = normalize(text);
        let is_words =
            words.expose_secret().split('-').count() == FINGERPRINT_WORDS && unknown_words(text).is_empty();
        (is_hash || is_words).then(|| Self::Fingerprint(text.to_owned()))
    }

    /// What the state folder vouches for.
    pub fn of(device: &Device) -> Self {
        let vkey = device.signing.verifying_key().to_string();
        Self::Local { owner: device.owner.clone(), device: device.id.clone(), vkey }
    }
}

/// Whether the signer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// It is the one asked for.
    Known,
    /// Nobody said whom to expect, or the owner expected is named there but has not signed yet.
    NotIdentified,
    /// It is somebody else.
    Wrong,
}

/// What a file is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Every byte is as it was signed.
    pub intact: bool,
    /// From the bilan before to the head, no note is missing, doubled or out of place.
    pub chain_complete: bool,
    /// Whether the signer is known.
    pub signer: Signer,
    /// Id of the bilan, where it could be read.
    pub id: Option<String>,
    /// Its status, where it is intact.
    pub status: Option<Light>,
}

impl Verdict {
    /// 0 when intact and not signed by somebody else, else 13. A signer not identified is no error.
    pub fn exit_code(&self) -> ExitCode {
        if self.intact && self.signer != Signer::Wrong { ExitCode::Ok } else { ExitCode::Damaged }
    }
}

/// Checks a file.
pub fn verify(bytes: &[u8], anchor: Option<&Anchor>) -> Verdict {
    let document = read(bytes);
    let id = document.as_ref().map(|document| document.id.clone());
    match document.as_ref().and_then(check) {
        Some(checked) => Verdict {
            intact: true,
            chain_complete: checked.chain_complete,
            signer: anchor.map_or(Signer::NotIdentified, |anchor| checked.signer(anchor)),
            id,
            status: Some(checked.status),
        },
        None => {
            Verdict { intact: false, chain_complete: false, signer: Signer::NotIdentified, id, status: None }
        }
    }
}

/// What held.
struct Checked {
    descriptors: Vec<SignedDescriptor>,
    device: DeviceId,
    device_key: VKey,
    chain_complete: bool,
    status: Light,
}

/// The document, if it is written in its one form and bears its digest.
fn read(bytes: &[u8]) -> Option<Document> {
    if bytes.len() > FILE_MAX_BYTES {
        return None;
    }
    let document: Document = serde_json::from_slice(bytes).ok()?;
    let is_whole = document.scelle == MAGIC
        && document.to_bytes()? == bytes
        && document.expected_digest()? == document.digest.0;
    is_whole.then_some(document)
}

fn check(document: &Document) -> Option<Checked> {
    let descriptors = descriptors(&document.proof.descriptors)?;
    let newest = &descriptors.last()?.descriptor;
    let text = note::parse(document.signature.as_bytes()).ok()?.text;
    let bilan = Note::parse(&text).ok()?;
    let device_key =
        descriptors.iter().rev().find_map(|entry| entry.descriptor.device(&bilan.device))?.vkey.clone();
    let key = VerifyingKey::parse(device_key.as_str()).ok()?;
    let read = |text: &String| signed_note(text, &key, &bilan);
    let own = read(&document.signature)?;
    let before: Vec<Note> = document.proof.before.iter().map(read).collect::<Option<_>>()?;
    let after: Vec<Note> = document.proof.after.iter().map(read).collect::<Option<_>>()?;

    let seen = descriptors.get(usize::try_from(own.descriptor.revision.checked_sub(1)?).ok()?)?;
    let is_seen = seen.descriptor.text_sha256() == own.descriptor.text_sha256;
    let is_ours =
        newest.repository == own.repository && names(&document.id, &own, &Sha256::of(text.as_bytes()));
    let sound = is_seen && is_ours && !is_revoked(&descriptors, &own) && record_fits(document, &own);
    sound.then(|| Checked {
        chain_complete: is_complete(&before, &own, &after),
        device: own.device.clone(),
        status: document.status,
        device_key,
        descriptors,
    })
}

/// Descriptors that follow each other from revision 1, each signed by those who may.
fn descriptors(texts: &[String]) -> Option<Vec<SignedDescriptor>> {
    let mut chain: Vec<SignedDescriptor> = Vec::new();
    for (revision, text) in (1..).zip(texts) {
        let signed = note::parse(text.as_bytes()).ok()?;
        let descriptor = Descriptor::parse(&signed.text).ok()?;
        let mut known = descriptor.known_keys();
        known.extend(chain.last().iter().flat_map(|entry| entry.descriptor.known_keys()));
        let signed_by = signers(&signed, &known)?;
        chain.push(SignedDescriptor { named_revision: revision, descriptor, signed_by });
    }
    // Whether this owner is the right one is another question: see `signer`.
    let owner_key = chain.first()?.descriptor.owners.first()?.public_key();
    check_history(&Pin { owner_key, recovery_sha256: None }, &chain).ok()?;
    Some(chain)
}

/// Keys of `known` with a valid signature; `None` when one of them has an invalid one.
fn signers(signed: &SignedNote, known: &[VKey]) -> Option<Vec<VKey>> {
    let keys: Vec<VerifyingKey> = known.iter().filter_map(|key| key.verifying_key().ok()).collect();
    let valid = signed.verified_by(&keys).ok()?;
    Some(known.iter().filter(|key| valid.iter().any(|v| v.to_string() == key.as_str())).cloned().collect())
}

/// A note of the bilan's own device, signed by it.
fn signed_note(text: &str, key: &VerifyingKey, bilan: &Note) -> Option<Note> {
    let signed = note::parse(text.as_bytes()).ok()?;
    if signed.verified_by(std::slice::from_ref(key)).ok()?.is_empty() {
        return None;
    }
    let note = Note::parse(&signed.text).ok()?;
    (note.repository == bilan.repository && note.device == bilan.device).then_some(note)
}

/// Whether the device was revoked before it wrote this.
fn is_revoked(descriptors: &[SignedDescriptor], own: &Note) -> bool {
    descriptors.iter().any(|entry| {
        let line = entry.descriptor.device(&own.device);
        line.is_some_and(|line| line.state == DeviceState::Revoked) && own.time > entry.descriptor.time
    })
}

/// The record is the one that the note names, and all three say the same.
fn record_fits(document: &Document, own: &Note) -> bool {
    let Ok(json) = document.record.to_canonical_json() else { return false };
    let Ok(record) = Record::parse(json.as_bytes()) else { return false };
    let Some(attached) = own.attachment("record") else { return false };
    let NoteKind::Bilan { run, status, snapshot } = &own.kind else { return false };
    attached.sha256 == Sha256::of(json.as_bytes())
        && attached.stored_bytes == json.len() as u64
        && record.identity.repository == AsText(own.repository.clone())
        && record.identity.device == AsText(own.device.clone())
        && record.identity.previous_sequence + 1 == own.sequence
        && record.identity.previous_note == own.prev.map(AsText)
        && record.run.kind.as_str() == run
        && record.run.snapshot == *snapshot
        && record.status.overall == *status
        && document.status == *status
}

/// Whether the notes reach from the bilan before (or the first note) to the last one without a gap or a fork.
fn is_complete(before: &[Note], own: &Note, after: &[Note]) -> bool {
    let all = || before.iter().chain(std::iter::once(own)).chain(after);
    let links: Vec<ChainLink> = all().map(Note::link).collect();
    let Some(first) = all().min_by_key(|note| note.sequence) else { return false };
    if first.sequence == 1 {
        return verify_chain(&links).contiguous;
    }
    let anchor = ChainHead { sequence: first.sequence, text_sha256: first.text_sha256() };
    let reaches_back = first.sequence < own.sequence && matches!(first.kind, NoteKind::Bilan { .. });
    reaches_back && verify_chain_after(anchor, &links).contiguous
}

impl Checked {
    fn signer(&self, anchor: &Anchor) -> Signer {
        match anchor {
            Anchor::Local { device, vkey, .. } if *device == self.device => {
                if vkey == self.device_key.as_str() { Signer::Known } else { Signer::Wrong }
            }
            // What this PC knows of its own repository says nothing about another one.
            Anchor::Local { owner, .. } if !self.is_of(owner) => Signer::NotIdentified,
            Anchor::Local { owner, .. } => self.owner_is(|key| key.to_string() == *owner),
            Anchor::Fingerprint(text) => self.owner_is(|key| is_fingerprint(text, &key.sha256())),
        }
    }

    /// Whether an owner's vkey is named after the repository of this bilan.
    fn is_of(&self, owner: &str) -> bool {
        let repository = self.descriptors.first().map(|entry| &entry.descriptor.repository);
        let owner = VKey::parse(owner).ok();
        repository.zip(owner).is_some_and(|(repository, owner)| owner.is_named(repository, "owner"))
    }

    /// An owner vouches for the device by having signed a revision, not by being named in one: anybody can name them.
    fn owner_is(&self, is_expected: impl Fn(&VerifyingKey) -> bool) -> Signer {
        let is_expected = |key: &&VKey| key.verifying_key().is_ok_and(|key| is_expected(&key));
        let mut named = false;
        for entry in &self.descriptors {
            if let Some(owner) = entry.descriptor.owners.iter().find(is_expected) {
                named = true;
                if entry.signed_by.contains(owner) {
                    return Signer::Known;
                }
            }
        }
        if named { Signer::NotIdentified } else { Signer::Wrong }
    }
}

fn is_fingerprint(typed: &str, sha256: &[u8; 32]) -> bool {
    let compact: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if compact.eq_ignore_ascii_case(&hex::encode(sha256)) {
        return true;
    }
    let typed = normalize(typed);
    let is_in = |language| normalize(&six_words(sha256, language)).expose_secret() == typed.expose_secret();
    is_in(Language::French) || is_in(Language::English)
}
