//! What all commands that read a repository share: which one, with which key, and what was wrong with it.

use std::sync::Arc;

use scelle_format::descriptor::{Pin, Standing};
use scelle_format::note::VerifyingKey;

use super::{Context, Known, read_kit};
use crate::bilingual;
use crate::cli::args::KeyArgs;
use crate::cli::secrets;
use crate::cli::snapshot_spec::SnapshotSpec;
use crate::connect::{Connected, Create};
use crate::error::{AgentError, ExitCode, Result};
use crate::look::list::select;
use crate::repo::finding::Finding;
use crate::repo::history::Snapshot;
use crate::repo::keyring::Unlock;
use crate::repo::open::{OpenOptions, Repository};
use crate::restore::fetch::Fetcher;
use crate::restore::tree::Tree;

/// A repository opened for a command.
pub struct Reading {
    /// What this PC knows of it, if anything.
    pub known: Option<Known>,
    /// The store.
    pub connected: Connected,
    /// The repository.
    pub repository: Repository,
}

/// Whether a command needs names, and so a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// It does: asked for on a terminal.
    Required,
    /// It takes one if given.
    Optional,
}

/// Opens the repository that was meant.
pub async fn open(context: &Context, key: &KeyArgs, need: Key, whole_ledger: bool) -> Result<Reading> {
    let unlock = unlock(context, key, need)?;
    let known = context.known()?;
    let connected = context.connect(known.as_ref(), Create::Never, None).await?;
    let pin = known.as_ref().map(pin_of).transpose()?;
    let seen = known.as_ref().map(|known| known.head.descriptor_seen()).transpose()?;
    let repository = match (&unlock, &known) {
        // The kit names its own repository: a kit of another one must say so.
        (_, Some(known)) => Some(known.repository.clone()),
        _ => None,
    };
    let pin = if matches!(unlock, Some(Unlock::Kit(_))) { None } else { pin };
    let options = OpenOptions { repository, unlock, pin, seen, whole_ledger };
    let repository = match Repository::open(connected.store.clone(), options).await {
        Err(error) if error.code == ExitCode::NoRepository && known.is_some() => {
            return Err(gone(&connected));
        }
        opened => opened?,
    };
    context.watch(&repository.objects);
    if repository.descriptors.standing == Standing::Provisional {
        context.screen.warn(&bilingual!(
            "le propriétaire n'a pas encore signé ce dépôt : faites « scelle keys check-kit --kit FICHIER »",
            "the owner has not signed this repository yet: run \"scelle keys check-kit --kit FILE\""
        ));
    }
    // A command that looks at the whole ledger without a key is about what is wrong: it says so itself.
    if need == Key::Required || !whole_ledger {
        show_findings(context, &repository.findings_that_matter());
    }
    Ok(Reading { known, connected, repository })
}

/// A repository this computer knows and does not find: a folder is not plugged in, a bucket answered and showed nothing.
pub fn gone(connected: &Connected) -> AgentError {
    let error = match connected.is_folder {
        true => AgentError::known_repository_gone(),
        false => AgentError::known_repository_hidden(),
    };
    error.at(connected.store.address())
}

fn unlock(context: &Context, key: &KeyArgs, need: Key) -> Result<Option<Unlock>> {
    match (&key.kit, &key.phrase_file) {
        (Some(_), Some(_)) => Err(AgentError::two_keys()),
        (Some(kit), None) => Ok(Some(Unlock::Kit(read_kit(kit)?))),
        (None, Some(phrase)) => Ok(Some(Unlock::Phrase(secrets::read_phrase(Some(phrase), context.lang())?))),
        (None, None) if need == Key::Optional => Ok(None),
        (None, None) if secrets::somebody_is_there() => {
            Ok(Some(Unlock::Phrase(secrets::read_phrase(None, context.lang())?)))
        }
        (None, None) => Err(AgentError::key_required()),
    }
}

fn pin_of(known: &Known) -> Result<Pin> {
    let owner = VerifyingKey::parse(&known.device.owner).map_err(AgentError::local_state)?;
    Ok(Pin { owner_key: *owner.public_key(), recovery_sha256: None })
}

impl Reading {
    /// The snapshot a person means. The newest one needs the newest notes only; any other needs the whole ledger.
    pub async fn select(&mut self, spec: &SnapshotSpec) -> Result<Snapshot> {
        if *spec != (SnapshotSpec::Latest { device: None }) {
            self.repository.load_history().await?;
        }
        let own = self.known.as_ref().map(|known| known.device.id.as_str());
        select(&self.repository.history, spec, own, None)
    }

    /// A fetcher with the key that was given.
    pub fn fetcher(&self) -> Result<Arc<Fetcher>> {
        let keyring = self.repository.keyring()?.clone();
        Ok(Fetcher::new(self.repository.objects.clone(), keyring, Some(self.repository.descriptors.clone())))
    }

    /// The tree of a snapshot.
    pub async fn tree(&mut self, spec: &SnapshotSpec) -> Result<(Snapshot, Tree)> {
        let snapshot = self.select(spec).await?;
        let tree = Tree::open(&self.fetcher()?, &snapshot).await?;
        Ok((snapshot, tree))
    }
}

/// Says what is wrong, object by object.
pub fn show_findings(context: &Context, findings: &[Finding]) {
    for finding in findings {
        let (code, object) = (finding.kind.code(), &finding.object);
        let affects: Vec<String> = finding.affects.iter().map(ToString::to_string).collect();
        let affects = if affects.is_empty() { String::new() } else { format!(" → {}", affects.join(", ")) };
        context.screen.warn(&bilingual!("{code} : {object}{affects}", "{code}: {object}{affects}"));
    }
}
