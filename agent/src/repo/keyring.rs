//! The epoch identities that a kit or an everyday phrase opens (FORMAT.md §4).
//!
//! For: everything that reads content. Data comes from `keys/` in the store (or, where those are lost, from the
//! copies in full refs) and from the person who holds the kit or the phrase; it goes to `restore`, `look` and
//! `verify`. Never: written anywhere, kept beyond the command, or trusted without the hash in the descriptor.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::crypto::passphrase::open_with_phrase;
use scelle_format::crypto::{CryptoError, PqIdentity, open_bytes};
use scelle_format::descriptor::{Descriptor, RecipientRole};
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::kit::Kit;
use scelle_format::ledger::Note;
use scelle_format::note::{self, SigningKey};
use scelle_format::refs::Refs;
use scelle_format::{layout, limits};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::finding::{Finding, FindingKind};
use super::objects::Objects;
use crate::error::{AgentError, Result};

/// Key files fetched at a time.
const CONCURRENT: usize = 16;
/// Revisions of the everyday file that are tried: each costs a second of scrypt.
const PHRASE_REVISIONS: usize = 3;
/// Notes looked through for a full list of refs, newest first, for each device.
const COPY_NOTES: usize = 256;

/// What a person brings to open a repository. One exists at a time: its size does not matter.
#[allow(clippy::large_enum_variant)]
pub enum Unlock {
    /// The paper kit.
    Kit(Kit),
    /// The everyday phrase, as typed.
    Phrase(SecretString),
}

/// `keys/` as it lies in the store, sealed.
#[derive(Clone, Debug, Default)]
pub struct KeyFiles {
    files: BTreeMap<String, Bytes>,
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
}

impl KeyFiles {
    /// LIST `keys/`, then every file at once.
    pub async fn fetch(objects: &Objects) -> Result<Self> {
        let max = limits::KEY_FILE_MAX_BYTES as u64;
        let listed = objects.list_all("keys/").await?;
        let small = listed.into_iter().filter(|row| row.bytes <= max);
        let files = stream::iter(small)
            .map(|row| async move {
                let bytes = objects.find_named(&row.name, max).await?;
                Ok::<_, AgentError>(bytes.map(|bytes| (row.name, bytes)))
            })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|row| async move { Ok(row) })
            .try_collect()
            .await?;
        Ok(Self { files })
    }

    /// The copies that full refs of the newest snapshots hold, for when `keys/` was lost.
    async fn copies(objects: &Objects) -> Result<Self> {
        let mut files = BTreeMap::new();
        let rows = objects.list_all("c/").await?;
        let mut devices: Vec<DeviceId> =
            rows.iter().filter_map(|r| layout::parse_note(&r.name).ok().map(|n| n.0)).collect();
        devices.dedup();
        for device in devices {
            let prefix = layout::notes_of(&device);
            for row in rows.iter().filter(|row| row.name.starts_with(&prefix)).take(COPY_NOTES) {
                let Ok(bytes) = objects.get_named(&row.name, limits::NOTE_MAX_BYTES as u64).await else {
                    continue;
                };
                let Some(refs) = refs_of(&bytes) else { continue };
                if let Ok(Some(full)) = full_refs(objects, refs).await {
                    files.extend(full.keys.into_iter().map(|(name, bytes)| (name, Bytes::from(bytes))));
                    break;
                }
            }
        }
        Ok(Self { files })
    }

    /// Revisions below `prefix`, newest first.
    fn newest_first(&self, prefix: &str) -> impl Iterator<Item = (&String, &Bytes)> {
        self.files
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Name and sealed bytes of every file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes))
    }
}

impl Keyring {
    /// Fetches and opens the key files.
    ///
    /// Errors: exit 12 when the kit or phrase opens none of them, exit 13 when what they hold is forged.
    pub async fn open(objects: &Objects, unlock: Unlock, descriptor: &Descriptor) -> Result<Self> {
        let files = KeyFiles::fetch(objects).await?;
        Self::unlock(objects, files, unlock, descriptor).await
    }

    /// Opens fetched key files; where an epoch's are lost or forged, the copies in full refs.
    pub async fn unlock(
        objects: &Objects,
        mut files: KeyFiles,
        unlock: Unlock,
        descriptor: &Descriptor,
    ) -> Result<Self> {
        let mut ring = match unlock {
            Unlock::Kit(kit) => Self::of_kit(objects.repository(), kit)?,
            Unlock::Phrase(phrase) => {
                if files.newest_first("keys/r2/").next().is_none() {
                    files.files.extend(KeyFiles::copies(objects).await?.files);
                }
                Self::of_phrase(objects.repository(), &files, phrase).await?
            }
        };
        let wrong_key = || match ring.role {
            RecipientRole::Everyday => AgentError::wrong_phrase(),
            _ => AgentError::wrong_key(),
        };
        let mut findings = Vec::new();
        let (mut opened, mut none_matched) = (BTreeMap::new(), true);
        let mut copies: Option<KeyFiles> = None;
        for epoch in &descriptor.epochs {
            let expected = epoch.recipient_sha256;
            let Some(holder) = &ring.holder else { break };
            let own =
                open_epoch(&files, objects.repository(), epoch.number, &expected, holder, &mut findings);
            let identity = match own {
                Tried::Opened(identity) => Some(identity),
                Tried::NoMatch => None,
                Tried::Unusable => {
                    none_matched = false;
                    let copies = match &copies {
                        Some(copies) => copies,
                        None => copies.insert(KeyFiles::copies(objects).await?),
                    };
                    match open_epoch(
                        copies,
                        objects.repository(),
                        epoch.number,
                        &expected,
                        holder,
                        &mut Vec::new(),
                    ) {
                        Tried::Opened(identity) => Some(identity),
                        _ => None,
                    }
                }
            };
            if let Some(identity) = identity {
                opened.insert(epoch.number, identity);
            }
        }
        if opened.is_empty() {
            return Err(match findings.first() {
                Some(finding) if !none_matched => AgentError::object_corrupt().at(finding.object.clone()),
                _ => wrong_key(),
            });
        }
        ring.epochs = opened;
        ring.findings = findings;
        Ok(ring)
    }

    /// A ring of identities that the caller already holds (a rehearsal, a test).
    pub fn of_epochs(epochs: BTreeMap<u32, PqIdentity>) -> Self {
        let role = RecipientRole::Recovery;
        Self { epochs, holder: None, role, admin: None, owner: None, findings: Vec::new() }
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

    async fn of_phrase(repository: &RepositoryId, files: &KeyFiles, phrase: SecretString) -> Result<Self> {
        let phrase = std::sync::Arc::new(phrase);
        for (_, bytes) in files.newest_first("keys/r2/").take(PHRASE_REVISIONS) {
            let (phrase, bytes) = (phrase.clone(), bytes.clone());
            // scrypt takes a second and 256 MiB: not on a thread that serves the network.
            let opened = tokio::task::spawn_blocking(move || open_with_phrase(&phrase, &bytes)).await;
            let Ok(text) = opened.map_err(AgentError::bug)? else { continue };
            let text = Zeroizing::new(text);
            let Some(file) = IdentityFile::parse(&text, "scelle everyday 1", repository) else { continue };
            let mut ring = Self::of_epochs(BTreeMap::new());
            ring.role = RecipientRole::Everyday;
            ring.admin = file.comment("admin").and_then(|seed| admin_key(repository, seed));
            ring.holder = Some(file.identity);
            return Ok(ring);
        }
        Err(AgentError::wrong_phrase())
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

/// What trying all revisions of an epoch's file came to.
#[allow(clippy::large_enum_variant)]
enum Tried {
    Opened(PqIdentity),
    /// There are files and none is for this holder.
    NoMatch,
    /// None is there, or those that are say something else than the descriptor.
    Unusable,
}

fn open_epoch(
    files: &KeyFiles,
    repository: &RepositoryId,
    epoch: u32,
    expected: &Sha256,
    holder: &PqIdentity,
    findings: &mut Vec<Finding>,
) -> Tried {
    let prefix = format!("keys/e{epoch}/");
    let (mut found, mut mismatched) = (false, true);
    for (name, sealed) in files.newest_first(&prefix) {
        found = true;
        let kind = match open_bytes(sealed, &[holder], limits::KEY_FILE_MAX_BYTES as u64).map(Zeroizing::new)
        {
            Ok(text) => match IdentityFile::parse(&text, "scelle epoch 1", repository) {
                Some(file) if file.identity.recipient().sha256() == expected.0 => {
                    return Tried::Opened(file.identity);
                }
                _ => FindingKind::KeyForged,
            },
            Err(CryptoError::NoMatch) => continue,
            Err(_) => FindingKind::KeyUnreadable,
        };
        mismatched = false;
        findings.push(Finding::new(kind, name.clone()));
    }
    if !found {
        findings.push(Finding::new(FindingKind::KeyMissing, prefix));
        return Tried::Unusable;
    }
    if mismatched { Tried::NoMatch } else { Tried::Unusable }
}

/// A text age identity file with our comment lines.
struct IdentityFile<'a> {
    comments: Vec<&'a str>,
    identity: PqIdentity,
}

impl<'a> IdentityFile<'a> {
    fn parse(text: &'a [u8], heading: &str, repository: &RepositoryId) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut comments = Vec::new();
        let mut identity = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(comment) => comments.push(comment.trim()),
                None if identity.is_none() => identity = Some(PqIdentity::parse(line).ok()?),
                None => return None,
            }
        }
        let file = Self { comments, identity: identity? };
        let ours =
            file.comments.contains(&heading) && file.comment("repository") == Some(repository.as_str());
        ours.then_some(file)
    }

    fn comment(&self, key: &str) -> Option<&'a str> {
        self.comments.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    }
}

fn admin_key(repository: &RepositoryId, seed: &str) -> Option<SigningKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(seed, bytes.as_mut_slice()).ok()?;
    SigningKey::from_seed(&format!("scelle/{repository}/admin"), &bytes).ok()
}

/// The refs that an unverified snapshot note names. What comes of it is checked against the descriptor.
fn refs_of(stored: &[u8]) -> Option<Sha256> {
    let signed = note::parse(stored).ok()?;
    Some(Note::parse(&signed.text).ok()?.attachment("refs")?.sha256)
}

async fn full_refs(objects: &Objects, mut sha256: Sha256) -> Result<Option<Refs>> {
    for _ in 0..=limits::REFS_MAX_DEPTH {
        let name = layout::attachment(&sha256);
        let bytes = objects.get_hashed(&name, &sha256, limits::REFS_MAX_BYTES as u64).await?;
        let Ok(refs) = Refs::parse(&bytes) else { return Ok(None) };
        match refs.base {
            Some((base, _)) => sha256 = base,
            None => return Ok(Some(refs)),
        }
    }
    Ok(None)
}
