//! The chain of descriptors: which revision counts, and whether an owner stands behind it (FORMAT.md §5.3).
//!
//! For: everything that needs to know devices, epochs and owners. Data comes from `desc/` in the store, hostile
//! until the chain from the pinned owner holds, and goes to `keyring`, `history` and `verify`. Never: signs,
//! writes, or takes a later revision for good because it is later.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scelle_format::FormatError;
use scelle_format::descriptor::SeenRevision;
use scelle_format::descriptor::{
    Descriptor, DescriptorError, DeviceLine, Pin, SignedDescriptor, Standing, check_first, check_seen,
    check_successor,
};
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::note::{self, SignedNote, VerifyingKey};
use scelle_format::timestamp::Timestamp;
use scelle_format::vkey_text::VKey;
use scelle_format::{layout, limits};

use crate::error::{AgentError, ExitCode, Result};
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::objects::copies::Copies;
use crate::repo::objects::{FoundAt, Objects};

/// Objects fetched at a time.
const CONCURRENT: usize = 16;

/// A repository's descriptors, checked.
#[derive(Clone, Debug)]
pub struct Descriptors {
    /// Valid revisions, oldest first.
    pub history: Vec<SignedDescriptor>,
    /// The newest valid one.
    pub current: Descriptor,
    /// SHA-256 of its text.
    pub current_sha256: Sha256,
    /// Whether an owner stands behind it.
    pub standing: Standing,
    /// Whether the first revision was checked against an owner known from elsewhere (kit, local state). If not,
    /// the repository only vouches for itself.
    pub anchored: bool,
    /// What is wrong with the chain.
    pub findings: Vec<Finding>,
}

impl Descriptors {
    /// Reads and checks all revisions: one LIST, then all GETs at once.
    ///
    /// A revision that is lost, damaged or replaced is a finding; an older version of the object or the copy in full
    /// refs takes its place where the same signatures hold on it.
    ///
    /// Errors: exit 10 when nothing of a repository is there, exit 13 when the first revision must not be believed,
    /// exit 1 when a newer version of the program is needed.
    pub async fn load(objects: &Objects, pin: Option<&Pin>) -> Result<Self> {
        Self::load_up_to(objects, pin, 0).await
    }

    /// [`Self::load`] where a note has seen revision `seen`, listed or not.
    pub(in crate::repo) async fn load_up_to(objects: &Objects, pin: Option<&Pin>, seen: u64) -> Result<Self> {
        let mut listed = objects.list_all("desc/").await?;
        if listed.is_empty() {
            listed = objects.list_hidden("desc/").await?;
        }
        if listed.is_empty() && is_absent(objects).await? {
            return Err(no_repository(objects));
        }
        let revisions: Vec<u64> =
            listed.iter().filter_map(|row| layout::parse_descriptor(&row.name).ok()).collect();
        let fetched: BTreeMap<u64, Bytes> = stream::iter(revisions.iter().copied())
            .map(|revision| async move {
                let name = layout::descriptor(revision);
                match objects.find_named(&name, limits::NOTE_MAX_BYTES as u64).await {
                    // Too large, say: something is there, and it is no descriptor.
                    Err(error) if error.code == ExitCode::Damaged => Ok(Some((revision, Bytes::new()))),
                    bytes => Ok::<_, AgentError>(bytes?.map(|bytes| (revision, bytes))),
                }
            })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|row| async move { Ok(row) })
            .try_collect()
            .await?;
        let mut highest = revisions.iter().copied().max().unwrap_or(0).max(seen).max(1);
        let mut copies = None;
        if listed.is_empty() {
            highest = highest.max(copies.insert(Copies::fetch(objects).await?).highest_descriptor());
        }
        Self::check(objects, pin, fetched, Heights { seen, highest }, copies).await
    }

    /// Walks up from revision 1 and stops at the first that does not hold.
    async fn check(
        objects: &Objects,
        pin: Option<&Pin>,
        fetched: BTreeMap<u64, Bytes>,
        Heights { seen, highest }: Heights,
        copies: Option<Copies>,
    ) -> Result<Self> {
        let mut climb = Climb {
            objects,
            pin,
            fetched,
            seen,
            copies,
            chain: Vec::new(),
            standing: Standing::Provisional,
            findings: Vec::new(),
            was_missing: true,
        };
        for revision in 1..=highest {
            if !climb.step_to(revision).await? {
                break;
            }
        }
        climb.end()
    }

    /// Notes a rollback where `seen` (from a note or local state) is not what the
    /// store shows.
    pub fn compare_with_seen(&mut self, seen: SeenRevision) {
        let shown = self.history.iter().find(|entry| entry.descriptor.revision == seen.revision);
        let same = shown.is_some_and(|entry| entry.descriptor.text_sha256() == seen.text_sha256);
        if !same
            && (seen.revision > self.current.revision
                || check_seen(seen, &self.current).is_err()
                || shown.is_some())
        {
            let finding = Finding::new(FindingKind::DescriptorRollback, layout::descriptor(seen.revision));
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    /// The line of a device in the newest revision that names it.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceLine> {
        self.history.iter().rev().find_map(|entry| entry.descriptor.device(id))
    }

    /// The revision that revoked a device, and its time.
    pub fn revoked(&self, id: &DeviceId) -> Option<(u64, Timestamp)> {
        use scelle_format::descriptor::DeviceState::Revoked;
        let is_revoked =
            |entry: &&SignedDescriptor| entry.descriptor.device(id).is_some_and(|d| d.state == Revoked);
        let revoking = self.history.iter().find(is_revoked)?;
        Some((revoking.descriptor.revision, revoking.descriptor.time))
    }
}

/// How far up the revisions go.
struct Heights {
    /// The highest revision that a note or this PC has seen.
    seen: u64,
    /// The highest that may be there.
    highest: u64,
}

/// Whether nothing says that a repository was ever finished here: FORMAT.txt is written last by who makes one.
async fn is_absent(objects: &Objects) -> Result<bool> {
    let signpost = objects.find_named(layout::FORMAT_TXT, limits::KEY_FILE_MAX_BYTES as u64).await;
    let has_signpost = match signpost {
        Err(error) if error.code == ExitCode::Damaged => true,
        signpost => signpost?.is_some(),
    };
    Ok(!has_signpost && objects.list_first("c/", 1).await?.is_empty())
}

/// There is none to be seen; whether one is hidden may be beyond this credential.
fn no_repository(objects: &Objects) -> AgentError {
    let error = match objects.oddities().are_versions_closed() {
        true => AgentError::no_repository_to_be_seen(),
        false => AgentError::no_repository(),
    };
    error.at(objects.store().address())
}

/// The way up from revision 1. A name proves no revision: whoever may write can put one there. It counts as lost only where a
/// note has seen it, or what stands above, there or in a copy, is signed. What was lost or overwritten is looked for in older versions
/// and in copies: those that refs hold, and those of this PC.
struct Climb<'a> {
    objects: &'a Objects,
    pin: Option<&'a Pin>,
    /// What lies under the names of revisions.
    fetched: BTreeMap<u64, Bytes>,
    /// The highest revision that a note or this PC has seen.
    seen: u64,
    copies: Option<Copies>,
    chain: Vec<SignedDescriptor>,
    standing: Standing,
    findings: Vec<Finding>,
    /// Whether nothing lay under the last name that did not hold.
    was_missing: bool,
}

impl Climb<'_> {
    /// Takes one step up; false where the way ends.
    async fn step_to(&mut self, revision: u64) -> Result<bool> {
        let name = layout::descriptor(revision);
        let stored = self.fetched.get(&revision).cloned();
        let first_try = match &stored {
            Some(bytes) => self.accept(bytes, revision),
            None => Err(Refused::Missing),
        };
        let proven = match &first_try {
            Ok(_) => stored,
            Err(refused) => self.elsewhere(revision, &name, refused).await?,
        };
        let Some(bytes) = proven else { return Ok(false) };
        let Ok((signed, now)) = first_try.or_else(|_| self.accept(&bytes, revision)) else {
            return Ok(false);
        };
        self.objects.keep(&name, &bytes).await;
        self.standing = now;
        self.chain.push(signed);
        Ok(true)
    }

    fn accept(&self, bytes: &[u8], revision: u64) -> Result<(SignedDescriptor, Standing), Refused> {
        step(bytes, self.objects.repository(), revision, self.chain.last(), self.standing, self.pin)
    }

    /// A revision from an older version or a copy, where what lies under its name does not hold.
    async fn elsewhere(&mut self, revision: u64, name: &str, refused: &Refused) -> Result<Option<Bytes>> {
        self.was_missing = matches!(refused, Refused::Missing);
        let kind = match self.was_missing {
            true => FindingKind::DescriptorMissing,
            false => FindingKind::DescriptorInvalid,
        };
        let (max, accepts) =
            (limits::NOTE_MAX_BYTES as u64, |bytes: &[u8]| self.accept(bytes, revision).is_ok());
        if let Some((bytes, found)) = self.objects.find_where(name, max, accepts).await? {
            if found == FoundAt::Older {
                let kind = if self.was_missing { FindingKind::Hidden } else { kind };
                self.findings.push(Finding::new(kind, name));
            }
            return Ok(Some(bytes));
        }
        if self.copies.is_none() {
            self.copies = Some(Copies::fetch(self.objects).await?);
        }
        let proven = self.copy_of(revision, name);
        if proven.is_none() && !self.is_evident(revision) {
            return Ok(None);
        }
        // Only where nothing else is to be had: a bit may have turned in what says so.
        if let (Refused::Newer(found), None) = (refused, &proven) {
            return Err(AgentError::unknown_feature().at(found.clone()));
        }
        self.findings.push(Finding::new(kind, name));
        Ok(proven)
    }

    /// Refs hold the revision of their day; this PC may have kept the others.
    fn copy_of(&self, revision: u64, name: &str) -> Option<Bytes> {
        let own = self.objects.kept().and_then(|kept| kept.copy(name));
        let of_refs = self.copies.iter().flat_map(|copies| copies.of(name));
        of_refs.chain(&own).find(|copy| self.accept(copy, revision).is_ok()).cloned()
    }

    /// Whether a revision that is nowhere to be had was there once.
    fn is_evident(&self, revision: u64) -> bool {
        let stored = self.fetched.range(revision..).map(|(named, bytes)| (*named, bytes));
        let copied = self.copies.iter().flat_map(Copies::descriptors).filter(|(named, _)| *named >= revision);
        let last = self.chain.last().map(|entry| &entry.descriptor);
        revision <= self.seen || stored.chain(copied).any(|(named, bytes)| shows(bytes, named, last))
    }

    /// What the way up has shown.
    fn end(self) -> Result<Descriptors> {
        let Some(newest) = self.chain.last() else {
            let error = match self.was_missing {
                true => AgentError::object_missing(),
                false => AgentError::signature_invalid(),
            };
            return Err(error.at(layout::descriptor(1)));
        };
        let (current, current_sha256) = (newest.descriptor.clone(), newest.descriptor.text_sha256());
        let (history, standing, findings) = (self.chain, self.standing, self.findings);
        let anchored = self.pin.is_some();
        Ok(Descriptors { history, current, current_sha256, standing, anchored, findings })
    }
}

/// Why one candidate for a revision is not taken.
enum Refused {
    Missing,
    Newer(String),
    Invalid,
}

impl From<FormatError> for Refused {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Unsupported { found, .. } => Self::Newer(found),
            _ => Self::Invalid,
        }
    }
}

impl From<DescriptorError> for Refused {
    fn from(_: DescriptorError) -> Self {
        Self::Invalid
    }
}

/// Checks one candidate on top of the chain so far.
fn step(
    bytes: &[u8],
    repository: &RepositoryId,
    revision: u64,
    previous: Option<&SignedDescriptor>,
    standing: Standing,
    pin: Option<&Pin>,
) -> Result<(SignedDescriptor, Standing), Refused> {
    let signed = note::parse(bytes).map_err(|_| Refused::Invalid)?;
    let descriptor = match (Descriptor::parse(&signed.text), previous) {
        // What nobody has signed asks for no newer program.
        (Err(FormatError::Unsupported { .. }), Some(before)) if !is_signed(bytes, &before.descriptor) => {
            return Err(Refused::Invalid);
        }
        (parsed, _) => parsed?,
    };
    descriptor.expect_revision(revision)?;
    if descriptor.repository != *repository {
        return Err(Refused::Invalid);
    }
    let mut known = descriptor.known_keys();
    known.extend(previous.iter().flat_map(|entry| entry.descriptor.known_keys()));
    let signed_by = signers(&signed, &known).ok_or(Refused::Invalid)?;
    let standing = match previous {
        Some(before) => check_successor(&before.descriptor, standing, &descriptor, &signed_by)?,
        None => {
            // Without a pin the first owner named is taken: the caller says that nobody vouches for it.
            let own = || {
                descriptor
                    .owners
                    .first()
                    .map(|key| Pin { owner_key: key.public_key(), recovery_sha256: None })
            };
            let pin = pin.cloned().or_else(own).ok_or(Refused::Invalid)?;
            check_first(&descriptor, &pin, &signed_by)?
        }
    };
    Ok((SignedDescriptor { named_revision: revision, descriptor, signed_by }, standing))
}

/// Whether somebody whom `by` names has signed these bytes.
fn is_signed(bytes: &[u8], by: &Descriptor) -> bool {
    let signers = |signed: SignedNote| signers(&signed, &by.known_keys());
    note::parse(bytes).ok().and_then(signers).is_some_and(|keys| !keys.is_empty())
}

/// Whether these bytes are signed by somebody whom `by` names and say themselves that they are this revision, or are of a version
/// that cannot be read.
pub(in crate::repo) fn shows(bytes: &[u8], named: u64, by: Option<&Descriptor>) -> bool {
    let says = |signed: SignedNote| match Descriptor::parse(&signed.text) {
        Ok(descriptor) => descriptor.revision == named,
        Err(error) => matches!(error, FormatError::Unsupported { .. }),
    };
    by.is_none_or(|by| is_signed(bytes, by) && note::parse(bytes).is_ok_and(says))
}

/// Keys of `known` with a valid signature; `None` when one of them has an invalid one.
fn signers(signed: &SignedNote, known: &[VKey]) -> Option<Vec<VKey>> {
    let keys: Vec<VerifyingKey> =
        known.iter().filter_map(|key| VerifyingKey::parse(key.as_str()).ok()).collect();
    let valid = signed.verified_by(&keys).ok()?;
    Some(known.iter().filter(|key| valid.iter().any(|v| v.to_string() == key.as_str())).cloned().collect())
}
