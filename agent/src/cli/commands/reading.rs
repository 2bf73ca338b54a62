//! What all commands that read a repository share: which one, with which key, and what was wrong with it.

use std::sync::Arc;

use scelle_format::descriptor::{Pin, Standing};
use scelle_format::id::RepositoryId;
use scelle_format::note::VerifyingKey;

use super::known::{Found, Known};
use crate::cli::args::KeyArgs;
use crate::cli::context::Context;
use crate::cli::secrets;
use scelle_core::connect::Connected;
use scelle_core::error::{AgentError, Result};
use scelle_core::look::choose::select;
use scelle_core::look::newer::Own;
use scelle_core::look::spec::SnapshotSpec;
use scelle_core::reading::fetch::Fetcher;
use scelle_core::reading::tree::Tree;
use scelle_core::repo::finding::{Finding, FindingKind};
use scelle_core::repo::history::Snapshot;
use scelle_core::repo::kept::Kept;
use scelle_core::repo::keyring::Unlock;
use scelle_core::repo::open::{OpenOptions, Repository};
use scelle_core::repo::seat::Seat;
use scelle_view::bilingual;

/// A repository opened for a command.
pub struct Reading {
    /// What this PC knows of it, if anything.
    pub known: Option<Known>,
    /// Whether the state remembers another address: it may be a copy that is looked at.
    pub is_elsewhere: bool,
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
    let reading = open_unsigned(context, key, need, whole_ledger).await?;
    if reading.repository.descriptors.standing == Standing::Provisional {
        context.screen.warn(&bilingual!(
            "le propriétaire n'a pas encore signé ce dépôt : faites « scelle keys check-kit --kit FICHIER --confirm »",
            "the owner has not signed this repository yet: run \"scelle keys check-kit --kit FILE --confirm\""
        ));
    }
    Ok(reading)
}

/// [`open`] for the command that lets the owner sign: whether the signature is still missing shows when it has ended.
pub async fn open_unsigned(
    context: &Context,
    key: &KeyArgs,
    need: Key,
    whole_ledger: bool,
) -> Result<Reading> {
    let unlock = unlock(context, key, need)?;
    let of_kit = match &unlock {
        Some(Unlock::Kit(kit)) => RepositoryId::parse(&kit.repository).ok(),
        _ => None,
    };
    let Found { known, moved_from, damaged, connected } = context.find(of_kit.as_ref(), None).await?;
    if damaged.is_some() {
        context.screen.warn(&bilingual!(
            "l'état de ce poste pour ce dépôt ne peut pas être lu ; cette commande s'en passe",
            "this computer's state for this repository cannot be read; this command does without it"
        ));
    }
    let pin = match &unlock {
        Some(Unlock::Kit(_)) => None,
        _ => known.as_ref().and_then(pin_of),
    };
    let head = known.as_ref().map(|known| &known.head).or(damaged.as_ref().map(|(_, head)| head));
    // A state that lost its head has seen nothing.
    let seen = head.and_then(|head| head.descriptor_seen().ok());
    // The kit names its own repository: a kit of another one must say so.
    let repository = known.as_ref().map(|known| known.repository.clone());
    let repository = repository.or(damaged.as_ref().map(|(repository, _)| repository.clone()));
    // What a check reads sound this PC can put back later.
    let is_check = whole_ledger && need == Key::Optional;
    let own = known.as_ref().filter(|_| is_check).map(|known| known.repository.as_str());
    let kept = own.map(|repository| Kept::of(&context.settings.home.join(repository)));
    let options = OpenOptions { repository, unlock, pin, seen, kept, whole_ledger };
    let repository = match (Repository::open(connected.store.clone(), options).await, &known) {
        (Err(error), Some(known)) => return Err(known.explain(&connected, error).await),
        (opened, _) => opened?,
    };
    context.watch(&repository.objects);
    // A command that looks at the whole ledger without a key is about what is wrong: it says so itself.
    if need == Key::Required || !whole_ledger {
        show_findings(context, &repository.findings_that_matter());
    }
    Ok(Reading { known, is_elsewhere: moved_from.is_some(), connected, repository })
}

fn unlock(context: &Context, key: &KeyArgs, need: Key) -> Result<Option<Unlock>> {
    match (&key.kit, &key.phrase_file) {
        (Some(_), Some(_)) => Err(AgentError::two_keys()),
        (Some(kit), None) => Ok(Some(Unlock::Kit(secrets::read_kit(kit)?))),
        (None, Some(phrase)) => Ok(Some(Unlock::Phrase(secrets::read_phrase(Some(phrase), context.lang())?))),
        (None, None) if need == Key::Optional => Ok(None),
        (None, None) if secrets::somebody_is_there() => {
            Ok(Some(Unlock::Phrase(secrets::read_phrase(None, context.lang())?)))
        }
        (None, None) => Err(AgentError::key_required()),
    }
}

fn pin_of(known: &Known) -> Option<Pin> {
    let owner = VerifyingKey::parse(&known.device.owner).ok()?;
    Some(Pin { owner_key: *owner.public_key(), recovery_sha256: None })
}

impl Reading {
    /// The snapshot a person means. Takes the whole ledger: the newest notes may all be of one set of folders, while another,
    /// whose runs fail, has its newest snapshot further back.
    pub async fn select(&mut self, spec: &SnapshotSpec) -> Result<Snapshot> {
        self.repository.load_history().await?;
        self.choose(spec)
    }

    fn choose(&self, spec: &SnapshotSpec) -> Result<Snapshot> {
        let Repository { history, descriptors, .. } = &self.repository;
        let own = self.known.as_ref().map(|known| Own { device: &known.device.id, head: &known.head });
        // Where descriptors are lost, a device that they enrolled looks like one that nobody did.
        let stranger =
            history.findings.iter().find(|f| f.kind == FindingKind::NoteDevice && f.object.ends_with('/'));
        match (stranger, spec) {
            (Some(stranger), SnapshotSpec::Latest { .. } | SnapshotSpec::AtOrBefore(_))
                if !descriptors.findings.is_empty() && own.is_none() =>
            {
                Err(AgentError::newer_unreadable(None, "").at(stranger.object.clone()))
            }
            _ => select(history, spec, own, None),
        }
    }

    /// What this PC knows, where it may write to the ledger it reads: a copy at another address would grow a chain of
    /// its own. Only a backup makes the new address its own.
    pub fn pen(&self) -> Option<&Known> {
        self.known.as_ref().filter(|_| !self.is_elsewhere)
    }

    /// This computer's place in the repository, to leave a note there.
    pub fn seat(&self, context: &Context) -> Result<Seat> {
        let (objects, offset_ms) = (&self.repository.objects, self.connected.clock_offset_ms);
        Seat::beside(&context.settings.home, objects, offset_ms, &context.around)
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
        tracing::warn!(object = object.as_str(), finding = code, "finding");
    }
}
