//! The epoch identities that a kit or an everyday phrase opens (FORMAT.md §4).
//!
//! For: everything that reads content. Data comes from `keys/` in the store (or, where those are lost, from the
//! copies in full refs) and from the person who holds the kit or the phrase; it goes to `restore`, `look` and
//! `verify`. Never: written anywhere, kept beyond the command, or trusted without the hash in the descriptor.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use scelle_format::crypto::passphrase::open_with_phrase;
use scelle_format::crypto::{PqIdentity, open_bytes};
use scelle_format::descriptor::{Descriptor, RecipientRole};
use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::kit::Kit;
use scelle_format::note::SigningKey;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::error::{AgentError, Result};
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::epoch_file::{IdentityFile, OpenedEpoch, WantedEpoch};
use crate::repo::keys::key_files::KeyFiles;
use crate::repo::objects::Objects;
use crate::repo::objects::copies::Copies;

/// Revisions of the everyday file that are tried: each costs a second of scrypt.
const PHRASE_REVISIONS: usize = 3;

/// What a person brings to open a repository.
#[allow(clippy::large_enum_variant, reason = "one exists at a time: its size does not matter")]
pub enum Unlock {
    /// The paper kit.
    Kit(Kit),
    /// The everyday phrase, as typed.
    Phrase(SecretString),
}

impl Unlock {
    /// The repository that it names: a kit does.
    pub fn repository(&self) -> Option<RepositoryId> {
        match self {
            Self::Kit(kit) => RepositoryId::parse(&kit.repository).ok(),
            Self::Phrase(_) => None,
        }
    }
}

/// Opened identities.
pub struct Keyring {
    epochs: BTreeMap<u32, PqIdentity>,
    /// R or R2: opens the epoch files themselves.
    holder: Option<PqIdentity>,
    /// Which kind of holder opened it.
    pub role: RecipientRole,
    /// The delegated admin key, where the phrase brought it.
    pub admin: Option<SigningKey>,
    /// The owner key, where the kit brought it.
    pub owner: Option<SigningKey>,
    /// What is wrong with the key files.
    pub findings: Vec<Finding>,
    /// Names of the key files that opened and hold what the descriptor names, and their sealed bytes, wherever they were found.
    pub proven: BTreeMap<String, Bytes>,
}

impl Keyring {
    /// Fetches and opens the key files.
    ///
    /// Errors: exit 12 when the kit or phrase opens none of them, exit 13 when what they hold is forged.
    pub async fn open(objects: &Objects, unlock: Unlock, descriptor: &Descriptor) -> Result<Self> {
        let files = KeyFiles::fetch(objects).await?;
        Self::unlock(objects, files, unlock, descriptor).await
    }

    /// Opens fetched key files; where one is lost, damaged or replaced, its copies in full refs. Which was wrong is
    /// among the findings.
    pub async fn unlock(
        objects: &Objects,
        files: KeyFiles,
        unlock: Unlock,
        descriptor: &Descriptor,
    ) -> Result<Self> {
        let mut rescue = Rescue { objects, copies: None };
        let mut ring = match unlock {
            Unlock::Kit(kit) => Self::of_kit(objects.repository(), kit)?,
            Unlock::Phrase(phrase) => Self::of_phrase(&mut rescue, &files, phrase, descriptor).await?,
        };
        let (mut opened, mut none_matched) = (BTreeMap::new(), true);
        for epoch in &descriptor.epochs {
            let Some(holder) = &ring.holder else { break };
            let wanted = WantedEpoch {
                prefix: format!("keys/e{}/", epoch.number),
                repository: objects.repository(),
                expected: &epoch.recipient_sha256,
                holder,
            };
            let mut tried = wanted.open(files.newest_first(&wanted.prefix));
            none_matched &= tried.wrong.is_empty() && !tried.unmatched.is_empty();
            if tried.opened.is_none() {
                tried.opened = wanted.open_older(objects, &files).await?;
            }
            if tried.opened.is_none() {
                wanted.open_copy(&mut tried, rescue.copies().await?);
            }
            ring.findings.extend(tried.wrong);
            if let Some(OpenedEpoch { name, sealed, identity }) = tried.opened {
                ring.proven.insert(name, sealed);
                opened.insert(epoch.number, identity);
            }
        }
        if opened.is_empty() {
            return Err(ring.why_none_opened(descriptor, none_matched));
        }
        ring.epochs = opened;
        Ok(ring)
    }

    /// Where the descriptor names this very key, what does not open is damaged, not the key wrong.
    fn why_none_opened(&self, descriptor: &Descriptor, none_matched: bool) -> AgentError {
        let holder = self.holder.as_ref().map(|holder| Sha256(holder.recipient().sha256()));
        let is_named = descriptor.recipients.iter().any(|line| Some(line.sha256) == holder);
        match (self.findings.first(), self.role) {
            (Some(finding), _) if !none_matched => AgentError::object_corrupt().at(finding.object.clone()),
            _ if is_named => AgentError::object_corrupt().at("keys/"),
            (_, RecipientRole::Everyday) => AgentError::wrong_phrase(),
            _ => AgentError::wrong_key(),
        }
    }

    /// A ring of identities that the caller already holds (a rehearsal, a test).
    pub fn of_epochs(epochs: BTreeMap<u32, PqIdentity>) -> Self {
        let role = RecipientRole::Recovery;
        Self {
            epochs,
            holder: None,
            role,
            admin: None,
            owner: None,
            findings: Vec::new(),
            proven: BTreeMap::new(),
        }
    }

    /// Opened by the everyday file `name`.
    fn proven_by(mut self, name: &str, sealed: &Bytes, findings: Vec<Finding>) -> Self {
        self.proven.insert(name.to_owned(), sealed.clone());
        self.findings = findings;
        self
    }

    fn of_kit(repository: &RepositoryId, kit: Kit) -> Result<Self> {
        if kit.repository != repository.as_str() {
            return Err(AgentError::kit_of_another_repository().at(kit.repository));
        }
        let mut ring = Self::of_epochs(BTreeMap::new());
        ring.holder = Some(kit.recovery);
        ring.owner = Some(kit.owner);
        Ok(ring)
    }

    /// Opens the everyday file. One that holds an identity no descriptor names was forged by someone who knows the
    /// phrase.
    async fn of_phrase(
        rescue: &mut Rescue<'_>,
        files: &KeyFiles,
        phrase: SecretString,
        descriptor: &Descriptor,
    ) -> Result<Self> {
        const PREFIX: &str = "keys/r2/";
        let repository = rescue.objects.repository().clone();
        let phrase = Arc::new(phrase);
        let own = files.newest_first(PREFIX);
        let mut findings = Vec::new();
        for (name, bytes) in own.iter().take(PHRASE_REVISIONS) {
            match Self::of_everyday(&repository, &phrase, bytes, descriptor).await? {
                EverydayRing::Opened(ring) => return Ok(ring.proven_by(name, bytes, findings)),
                EverydayRing::Forged => findings.push(Finding::new(FindingKind::KeyForged, *name)),
                EverydayRing::Closed => {}
            }
        }
        let copies = rescue.copies().await?.highest_first(PREFIX);
        // A copy of what was tried would cost a second and say the same.
        let other = copies.into_iter().filter(|(_, copy)| !own.iter().any(|(_, bytes)| bytes == copy));
        for (name, bytes) in other.take(PHRASE_REVISIONS) {
            if let EverydayRing::Opened(ring) =
                Self::of_everyday(&repository, &phrase, bytes, descriptor).await?
            {
                let is_there = own.iter().any(|(own, _)| *own == name);
                let kind = if is_there { FindingKind::KeyUnreadable } else { FindingKind::KeyMissing };
                findings.push(Finding::new(kind, name));
                return Ok(ring.proven_by(name, bytes, findings));
            }
        }
        Err(AgentError::wrong_phrase())
    }

    async fn of_everyday(
        repository: &RepositoryId,
        phrase: &Arc<SecretString>,
        sealed: &Bytes,
        descriptor: &Descriptor,
    ) -> Result<EverydayRing> {
        let (phrase, sealed) = (Arc::clone(phrase), sealed.clone());
        // scrypt takes a second and 256 MiB: not on a thread that serves the network.
        let opened = tokio::task::spawn_blocking(move || open_with_phrase(&phrase, &sealed)).await;
        let Ok(text) = opened.map_err(AgentError::bug)? else { return Ok(EverydayRing::Closed) };
        let text = Zeroizing::new(text);
        let Some(file) = IdentityFile::parse(&text, "scelle everyday 1", repository) else {
            return Ok(EverydayRing::Forged);
        };
        let sha256 = Sha256(file.identity.recipient().sha256());
        if !descriptor.recipients.iter().any(|recipient| recipient.sha256 == sha256) {
            return Ok(EverydayRing::Forged);
        }
        let mut ring = Self::of_epochs(BTreeMap::new());
        ring.role = RecipientRole::Everyday;
        ring.admin = file.comment("admin").and_then(|seed| admin_key(repository, seed));
        ring.holder = Some(file.identity);
        Ok(EverydayRing::Opened(Box::new(ring)))
    }

    /// The identity of an epoch.
    ///
    /// Errors: exit 13 when the epoch's key file is lost or does not open.
    pub fn identity(&self, epoch: u32) -> Result<&PqIdentity> {
        self.epochs.get(&epoch).ok_or_else(|| AgentError::object_missing().at(format!("keys/e{epoch}")))
    }

    /// Numbers of the epochs that are open.
    pub fn epochs(&self) -> impl Iterator<Item = u32> + '_ {
        self.epochs.keys().copied()
    }

    /// Opens a small sealed object with whatever identity fits: epochs, then the holder's own.
    pub fn open_small(&self, name: &str, sealed: &[u8], max_plain_bytes: u64) -> Result<Vec<u8>> {
        let identities: Vec<&PqIdentity> = self.epochs.values().chain(&self.holder).collect();
        open_bytes(sealed, &identities, max_plain_bytes)
            .map_err(|error| AgentError::object_corrupt().at(name).because(error))
    }

    /// The identity that opens the epoch files, for wrapping further ones.
    pub fn holder(&self) -> Option<&PqIdentity> {
        self.holder.as_ref()
    }
}

/// What one everyday file came to.
enum EverydayRing {
    Opened(Box<Keyring>),
    /// The phrase opens it, and it is not what the descriptor names.
    Forged,
    /// Another phrase, or no such file.
    Closed,
}

/// The copies in refs, read when the first object turns out to be wrong.
struct Rescue<'a> {
    objects: &'a Objects,
    copies: Option<Copies>,
}

impl Rescue<'_> {
    async fn copies(&mut self) -> Result<&Copies> {
        if self.copies.is_none() {
            self.copies = Some(Copies::fetch(self.objects).await?);
        }
        Ok(self.copies.get_or_insert_default())
    }
}

fn admin_key(repository: &RepositoryId, seed: &str) -> Option<SigningKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(seed, bytes.as_mut_slice()).ok()?;
    SigningKey::from_seed(&format!("scelle/{repository}/admin"), &bytes).ok()
}
