//! Opening a repository for reading: which one, who owns it, what the key opens.
//!
//! For: every command that reads. Data comes from the store, the kit or phrase, and local state (what was seen
//! before); it goes to `history`, `restore`, `look` and `verify`. Never: writes, or goes on past a required
//! feature it does not know.
//!
//! Round trips one after another: LIST `desc/`, `c/`, `keys/` together; their objects together. With the root, a
//! level-2 node, a hunk and the data of one file that makes six.

use std::sync::Arc;

use bytes::Bytes;
use scelle_format::descriptor::Pin;
use scelle_format::descriptor::SeenRevision;
use scelle_format::format_txt::FormatTxt;
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::kit::Kit;
use scelle_format::{layout, limits};
use scelle_store::Store;

use crate::error::{AgentError, ExitCode, Result};
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::kept::Kept;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::key_files::KeyFiles;
use crate::repo::keys::keyring::{Keyring, Unlock};
use crate::repo::ledger::history::{History, StoredNotes};
use crate::repo::objects::Objects;
use crate::repo::objects::listed::repositories_in;

/// What the caller knows before anything is read.
#[derive(Default)]
pub struct OpenOptions {
    /// The repository; found in the kit or in the store when absent.
    pub repository: Option<RepositoryId>,
    /// Kit or phrase; without, only what needs no key can be done.
    pub unlock: Option<Unlock>,
    /// The owner that local state knows. A kit brings its own.
    pub pin: Option<Pin>,
    /// The highest descriptor that local state has seen.
    pub seen: Option<SeenRevision>,
    /// Copies of this PC: what is read sound is offered to them.
    pub kept: Option<Kept>,
    /// Read the whole ledger instead of the newest notes of each device.
    pub whole_ledger: bool,
}

/// A repository opened for reading.
pub struct Repository {
    /// Its objects.
    pub objects: Arc<Objects>,
    /// Its descriptors, checked.
    pub descriptors: Descriptors,
    /// Its notes: the newest ones, or all where that was asked for.
    pub history: History,
    /// What the kit or phrase opens.
    pub keyring: Option<Arc<Keyring>>,
    /// What is wrong with FORMAT.txt.
    pub findings: Vec<Finding>,
}

impl Repository {
    /// Opens a repository.
    ///
    /// Errors: exit 10 no repository, 12 wrong key, 13 a descriptor that must not be believed, 1 a newer format.
    pub async fn open(store: Arc<dyn Store>, options: OpenOptions) -> Result<Self> {
        let pin = match &options.unlock {
            Some(Unlock::Kit(kit)) => Some(pin_of(kit)),
            _ => options.pin,
        };
        let repository = match (&options.unlock, options.repository) {
            (Some(Unlock::Kit(kit)), asked) => kit_repository(kit, asked)?,
            (_, Some(asked)) => asked,
            _ => only_repository(store.as_ref()).await?,
        };
        let objects = Objects::new(store, repository);
        let objects = Arc::new(match options.kept {
            Some(kept) => objects.keeping(kept),
            None => objects,
        });
        let notes = async {
            match options.whole_ledger {
                true => StoredNotes::fetch_all(&objects).await,
                false => StoredNotes::fetch_newest(&objects).await,
            }
        };
        let keys = async {
            match &options.unlock {
                Some(_) => KeyFiles::fetch(&objects).await,
                None => Ok(KeyFiles::default()),
            }
        };
        let format = objects.find_named(layout::FORMAT_TXT, limits::KEY_FILE_MAX_BYTES as u64);
        let (format, descriptors, notes, keys) =
            tokio::join!(format, Descriptors::load(&objects, pin.as_ref()), notes, keys);
        let mut descriptors = match descriptors {
            Ok(descriptors) => descriptors,
            Err(error) => return Err(why_absent(&objects, options.unlock.as_ref(), error).await),
        };
        let format = match format {
            // Too large, say: something is there, and it is no FORMAT.txt.
            Err(error) if error.code == ExitCode::Damaged => Some(Bytes::new()),
            format => format?,
        };
        let findings = check_format(format.as_deref(), &descriptors)?;
        let history =
            by_what_was_seen(&objects, pin.as_ref(), notes?, options.seen, &mut descriptors).await?;
        let keyring = match options.unlock {
            Some(unlock) => {
                let is_known = |name: &str| objects.kept().is_some_and(|kept| kept.copy(name).is_some());
                let (keys, _) = keys?.named_by(&descriptors.current, is_known);
                Some(Arc::new(Keyring::unlock(&objects, keys, unlock, &descriptors.current).await?))
            }
            None => None,
        };
        Ok(Self { objects, descriptors, history, keyring, findings })
    }

    /// The keyring, or the error that says a key is needed.
    pub fn keyring(&self) -> Result<&Arc<Keyring>> {
        self.keyring.as_ref().ok_or_else(AgentError::key_required)
    }

    /// Reads the rest of the ledger where only its newest notes were read.
    pub async fn load_history(&mut self) -> Result<&History> {
        if !self.history.complete {
            self.history = History::load(&self.objects, &self.descriptors).await?;
        }
        Ok(&self.history)
    }

    /// Everything found wrong so far but what was merely hidden and read all the same: the command counts that at its end.
    pub fn findings_that_matter(&self) -> Vec<Finding> {
        let mut findings = self.all_findings();
        findings.retain(|finding| finding.kind != FindingKind::Hidden);
        findings
    }

    /// How a list of its snapshots ends: exit 13 where it may not be all there is, or not sound.
    pub fn code(&self) -> ExitCode {
        let is_damaged = self.findings_that_matter().iter().any(|finding| finding.kind.is_damage());
        if is_damaged { ExitCode::Damaged } else { ExitCode::Ok }
    }

    /// How a search through its snapshots ends. One whose note is lost was not looked through: what is shown is not everything.
    pub fn search_code(&self) -> ExitCode {
        let is_lost = self.history.findings.iter().any(|finding| finding.kind.is_lost_note());
        if is_lost { ExitCode::Damaged } else { ExitCode::Ok }
    }

    /// A device whose notes are there and that no descriptor enrols: the one that did is lost, or somebody put them there.
    pub fn stranger(&self) -> Option<&Finding> {
        self.stranger_but(&[])
    }

    /// A device of which not one note is there, though it has saved something.
    pub fn lost_chain(&self) -> Option<&Finding> {
        let is_chain = |f: &&Finding| f.kind == FindingKind::NoteMissing && f.object.ends_with('/');
        self.history.findings.iter().find(is_chain)
    }

    fn stranger_but(&self, disowned: &[DeviceId]) -> Option<&Finding> {
        let is_device = |f: &&Finding| f.kind == FindingKind::NoteDevice && f.object.ends_with('/');
        let is_disowned = |f: &&Finding| disowned.iter().any(|device| layout::notes_of(device) == f.object);
        self.history.findings.iter().filter(is_device).find(|finding| !is_disowned(finding))
    }

    /// Makes sure that the newest descriptor is the newest there ever was: one written over the name of another that was lost
    /// would shut out for good whom that one enrolled. The notes of the `disowned` are nobody's: who has the kit says so.
    ///
    /// Errors: exit 13 a descriptor is lost or must not be believed, or another device wrote that none enrols.
    pub fn expect_all_descriptors(&self, disowned: &[DeviceId]) -> Result<()> {
        let is_lost = |f: &&Finding| {
            use FindingKind::{DescriptorInvalid, DescriptorMissing, DescriptorRollback};
            matches!(f.kind, DescriptorInvalid | DescriptorMissing | DescriptorRollback)
        };
        match self.descriptors.findings.iter().find(is_lost).or_else(|| self.stranger_but(disowned)) {
            Some(finding) => Err(AgentError::descriptor_lost().at(finding.object.clone())),
            None => Ok(()),
        }
    }

    /// Everything found wrong so far.
    pub fn all_findings(&self) -> Vec<Finding> {
        let keys = self.keyring.iter().flat_map(|ring| &ring.findings);
        self.findings
            .iter()
            .chain(&self.descriptors.findings)
            .chain(&self.history.findings)
            .chain(keys)
            .cloned()
            .collect()
    }
}

/// The ledger's notes, checked by the descriptors; these are looked for again where a note, or this computer, has `seen` a
/// later one than is listed.
async fn by_what_was_seen(
    objects: &Objects,
    pin: Option<&Pin>,
    notes: StoredNotes,
    seen: Option<SeenRevision>,
    descriptors: &mut Descriptors,
) -> Result<History> {
    let mut history = History::check(objects, notes.clone(), descriptors).await;
    let seen_by_notes = history.devices.iter().flat_map(|d| &d.notes).map(|row| row.note.descriptor);
    if let Some(seen) = seen_by_notes.chain(seen).max_by_key(|seen| seen.revision) {
        if seen.revision > descriptors.current.revision {
            // The newest is not listed: refs may still hold it, and then it counts.
            let more = Descriptors::load_up_to(objects, pin, seen.revision).await?;
            if more.current.revision > descriptors.current.revision {
                history = History::check(objects, notes, &more).await;
                *descriptors = more;
            }
        }
        descriptors.compare_with_seen(seen);
    }
    Ok(history)
}

/// What a kit pins.
pub fn pin_of(kit: &Kit) -> Pin {
    Pin {
        owner_key: *kit.owner.verifying_key().public_key(),
        recovery_sha256: Some(Sha256(kit.recovery.recipient().sha256())),
    }
}

fn kit_repository(kit: &Kit, asked: Option<RepositoryId>) -> Result<RepositoryId> {
    let of_kit =
        RepositoryId::parse(&kit.repository).map_err(|error| AgentError::wrong_key().because(error))?;
    match asked {
        Some(asked) if asked != of_kit => {
            Err(AgentError::kit_of_another_repository().at(kit.repository.clone()))
        }
        _ => Ok(of_kit),
    }
}

async fn only_repository(store: &dyn Store) -> Result<RepositoryId> {
    let mut found = repositories_in(store).await?;
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), others) => Err(AgentError::repository_ambiguous(others + 1)),
        (None, _) => Err(AgentError::no_repository().at(store.address())),
    }
}

/// A kit whose repository is not in the store while another is, is the kit of another repository.
async fn why_absent(objects: &Objects, unlock: Option<&Unlock>, error: AgentError) -> AgentError {
    let is_absent = error.code == ExitCode::NoRepository;
    let Some(Unlock::Kit(kit)) = unlock.filter(|_| is_absent) else { return error };
    match repositories_in(objects.store().as_ref()).await {
        Ok(others) if !others.is_empty() && !others.contains(objects.repository()) => {
            AgentError::kit_of_another_repository().at(kit.repository.clone())
        }
        _ => error,
    }
}

/// FORMAT.txt is a signpost that anybody may have altered. The signed descriptor, which says the same, was read before: where
/// that asks for no newer program, neither does a signpost.
pub(crate) fn check_format(bytes: Option<&[u8]>, descriptors: &Descriptors) -> Result<Vec<Finding>> {
    let finding = |kind| Ok(vec![Finding::new(kind, layout::FORMAT_TXT)]);
    let Some(bytes) = bytes else { return finding(FindingKind::FormatMissing) };
    let current = &descriptors.current;
    match FormatTxt::parse(bytes) {
        Ok(format) => {
            let same = format.repository == current.repository
                && format.required == current.required
                && format.optional == current.optional;
            if same { Ok(Vec::new()) } else { finding(FindingKind::FormatDiffers) }
        }
        Err(_) => finding(FindingKind::FormatDiffers),
    }
}
