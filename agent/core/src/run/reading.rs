//! A repository opened to be read, with what this computer knows of it: where checks, restores and the notes they leave begin.
//!
//! Data comes from [`Finder`](super::Finder) and the key that was given; goes to the commands that read. Never: writes
//! files, or asks for a key.

use std::path::PathBuf;
use std::sync::Arc;

use scelle_format::descriptor::Pin;
use scelle_format::note::VerifyingKey;

use super::whereabouts::{Found, Known};
use super::witness::Witness;
use crate::around::Around;
use crate::connect::Connected;
use crate::error::{AgentError, Result};
use crate::look::choose::{newest_with_files, readable, select};
use crate::look::newer::Own;
use crate::look::spec::SnapshotSpec;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::Tree;
use crate::repo::finding::Finding;
use crate::repo::kept::Kept;
use crate::repo::keys::keyring::Unlock;
use crate::repo::ledger::history::Snapshot;
use crate::repo::open::{OpenOptions, Repository};
use crate::repo::seat::Seat;

/// A repository opened to be read.
pub struct Reading {
    /// What this PC knows of it, if anything.
    pub known: Option<Known>,
    /// Whether the state remembers another address: it may be a copy that is looked at.
    pub is_elsewhere: bool,
    /// The store.
    pub connected: Connected,
    /// The repository.
    pub repository: Repository,
    /// Folder of the states.
    pub home: PathBuf,
    /// Time, who watches, whether to stop.
    pub around: Around,
    /// Why the store was not reached, where this computer's copies stand in for it.
    pub away: Option<AgentError>,
    /// Tells, when this ends, what was odd about the store's answers.
    _witness: Witness,
}

/// How much of the ledger is read, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The newest notes of each device.
    Newest,
    /// All of it.
    Whole,
    /// All of it, and what is read sound is kept by this PC, which can put it back later.
    WholeAndKept,
}

impl Depth {
    /// Whether who reads so far is about what is wrong, and says it in its own way.
    pub fn is_about_damage(self) -> bool {
        self == Self::WholeAndKept
    }
}

impl Reading {
    /// Opens what was found with the key that was given, if any.
    ///
    /// Errors: those of [`Repository::open`], said of a repository that this computer knows.
    pub async fn open(found: Found, unlock: Option<Unlock>, depth: Depth) -> Result<Self> {
        let Found { known, moved_from, damaged, connected, home, around } = found;
        let pin = match &unlock {
            Some(Unlock::Kit(_)) => None,
            _ => known.as_ref().and_then(pin_of),
        };
        let head = known.as_ref().map(|known| &known.head).or(damaged.as_ref().map(|(_, head)| head));
        // A state that lost its head has seen nothing.
        let seen = head.and_then(|head| head.descriptor_seen().ok());
        // The kit names its own repository: a kit of another one must say so.
        let repository = known.as_ref().map(|known| known.repository.clone());
        let repository = repository.or(damaged.map(|(repository, _)| repository));
        // What lies at another address is not of this computer's repository, or not any more: nothing of it is to be put back there.
        let own = known.as_ref().filter(|_| depth == Depth::WholeAndKept && moved_from.is_none());
        let kept = own.map(|known| Kept::of(&home.join(known.repository.as_str())));
        let whole_ledger = depth != Depth::Newest;
        let options = OpenOptions { repository, unlock, pin, seen, kept, whole_ledger };
        let repository = match (Repository::open(connected.store.clone(), options).await, &known) {
            (Err(error), Some(known)) => return Err(known.explain(&connected, error).await),
            (opened, _) => opened?,
        };
        let (witness, is_elsewhere) = (Witness::of(&repository.objects, &around), moved_from.is_some());
        Ok(Self { known, is_elsewhere, connected, repository, home, around, away: None, _witness: witness })
    }

    /// The snapshot a person means. Takes the whole ledger: the newest notes may all be of one set of folders, while another,
    /// whose runs fail, has its newest snapshot further back.
    pub async fn select(&mut self, spec: &SnapshotSpec) -> Result<Snapshot> {
        self.repository.load_history().await?;
        self.choose(spec)
    }

    fn choose(&self, spec: &SnapshotSpec) -> Result<Snapshot> {
        let Repository { history, .. } = &self.repository;
        let own = self.own();
        // Where descriptors are lost, a device that they enrolled looks like one that nobody did. Of the newest one nothing else tells.
        let (stranger, lost_chain) = (self.repository.stranger(), self.repository.lost_chain());
        let unreadable = |finding: &Finding| {
            let devices = history.devices.iter().map(|device| device.id.clone()).collect();
            AgentError::newer_unreadable(None, &readable(history, &devices)).at(finding.object.clone())
        };
        let is_any = matches!(spec, SnapshotSpec::Latest { device: None } | SnapshotSpec::AtOrBefore(_));
        if let Some(unread) = stranger.or(lost_chain).filter(|_| is_any && own.is_none()) {
            return Err(unreadable(unread));
        }
        match select(history, spec, own, None) {
            // It may be that device's.
            Err(error) if error.kind == AgentError::snapshot_not_found().kind => {
                Err(match (stranger, lost_chain) {
                    (Some(stranger), _) => AgentError::descriptor_lost().at(stranger.object.clone()),
                    (None, Some(lost)) => unreadable(lost),
                    (None, None) => error,
                })
            }
            selected => selected,
        }
    }

    /// What the newest snapshot is called that was made before an empty one of the same folders and has files.
    pub fn newest_with_files(&self, empty: &Snapshot) -> Option<String> {
        newest_with_files(&self.repository.history, empty)
    }

    /// What this PC remembers of its own chain.
    pub(super) fn own(&self) -> Option<Own<'_>> {
        self.known.as_ref().map(|known| Own { device: &known.device.id, head: &known.head })
    }

    /// What this PC knows, where it may write to the ledger it reads: a copy at another address would grow a chain of
    /// its own. Only a backup makes the new address its own.
    pub fn member(&self) -> Option<&Known> {
        self.known.as_ref().filter(|_| !self.is_elsewhere)
    }

    /// This computer's place in the repository, to leave a note there.
    pub fn seat(&self) -> Result<Seat> {
        let (objects, offset_ms) = (&self.repository.objects, self.connected.clock_offset_ms);
        Seat::beside(&self.home, objects, offset_ms, &self.around)
    }

    /// The state folder of the repository, where this PC knows it.
    pub fn folder(&self) -> Option<PathBuf> {
        self.known.as_ref().map(|known| self.home.join(known.repository.as_str()))
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

fn pin_of(known: &Known) -> Option<Pin> {
    let owner = VerifyingKey::parse(&known.device.owner).ok()?;
    Some(Pin { owner_key: *owner.public_key(), recovery_sha256: None })
}
