//! Which descriptor may stand, and which may follow which (FORMAT.md §5.3).
//!
//! For: readers and writers alike, before they believe a descriptor. Data: parsed descriptors and the keys whose
//! signatures the caller found valid with `note`. Never: verifies a signature itself; a key that is not in
//! `signed_by` has not signed.

use thiserror::Error;

use super::{Descriptor, DeviceLine, DeviceState, EpochState, RecipientRole};
use crate::id::Sha256;
use crate::vkey_text::VKey;

/// Why a descriptor must not be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// The history is empty or does not begin with revision 1.
    #[error("the first descriptor is missing")]
    NoFirstRevision,
    /// It belongs to another repository.
    #[error("the descriptor is of another repository")]
    OtherRepository,
    /// Its revision does not follow, or is not the one its name carries.
    #[error("the descriptor's revision does not follow")]
    WrongRevision,
    /// `prev` is not the hash of the text before it.
    #[error("the descriptor does not stand on the one before it")]
    WrongPrev,
    /// The first revision does not name the owner of the kit.
    #[error("the descriptor's owner is not the owner of the kit")]
    OwnerNotPinned,
    /// A provisional first revision names another recovery recipient than the kit.
    #[error("the descriptor's recovery recipient is not the kit's")]
    RecoveryNotPinned,
    /// Nobody with the right to sign it has signed it.
    #[error("the descriptor needs {needed} signatures of its owners and has {found}")]
    NotAuthorized {
        /// Owners' signatures needed.
        needed: u16,
        /// Owners' signatures found.
        found: u16,
    },
    /// A provisional revision must have one owner, one device, signed by that device.
    #[error("a descriptor that the owner has not signed is not in the form allowed")]
    NotProvisionalForm,
    /// The admin changed what only owners may change.
    #[error("the delegated key may not change {what}")]
    BeyondAdmin {
        /// Keyword of the line.
        what: &'static str,
    },
    /// An older revision, or another text for the same revision, than one already seen.
    #[error("the store shows an older descriptor than one already seen")]
    RolledBack,
}

/// What the kit, or local state, says about a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Ed25519 public key of the owner.
    pub owner_key: [u8; 32],
    /// SHA-256 of the recovery recipient string, where known.
    pub recovery_sha256: Option<Sha256>,
}

/// Whether an owner stands behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An owner signed it, or signed one that it rests on.
    OwnerSigned,
    /// Revision 1, signed by its own first device only. Readers must say so.
    Provisional,
}

/// A descriptor as read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDescriptor {
    /// Revision in the object's name.
    pub named_revision: u64,
    /// The parsed text.
    pub descriptor: Descriptor,
    /// Keys with a valid signature on it.
    pub signed_by: Vec<VKey>,
}

/// Checks revision 1 against the pinned owner. `signed_by` are the keys whose signature on it is valid.
pub fn check_first(first: &Descriptor, pin: &Pin, signed_by: &[VKey]) -> Result<Standing, DescriptorError> {
    if first.revision != 1 {
        return Err(DescriptorError::NoFirstRevision);
    }
    let pinned = first.owners.iter().find(|key| key.public_key() == pin.owner_key);
    let owner = pinned.ok_or(DescriptorError::OwnerNotPinned)?;
    if signed_by.contains(owner) {
        return Ok(Standing::OwnerSigned);
    }
    check_provisional(first, pin, signed_by)?;
    Ok(Standing::Provisional)
}

/// The owner has not signed: the revision then says no more than the kit does, and one device vouches for it.
fn check_provisional(first: &Descriptor, pin: &Pin, signed_by: &[VKey]) -> Result<(), DescriptorError> {
    let signed = matches!(&first.devices[..], [device] if signed_by.contains(&device.vkey));
    if !signed {
        return Err(DescriptorError::NotAuthorized { needed: 1, found: 0 });
    }
    let enrolled = first.devices.iter().all(|device| device.state == DeviceState::Enrolled);
    if first.owners.len() != 1 || !enrolled {
        return Err(DescriptorError::NotProvisionalForm);
    }
    let mut recovery = first.recipients.iter().filter(|line| line.role == RecipientRole::Recovery);
    let only = recovery.next().filter(|_| recovery.next().is_none());
    match (only, pin.recovery_sha256) {
        (Some(line), Some(pinned)) if line.sha256 == pinned => Ok(()),
        (Some(_), None) => Ok(()),
        _ => Err(DescriptorError::RecoveryNotPinned),
    }
}

/// Checks that `next` may follow `previous`. `signed_by` are the keys whose signature on `next` is valid.
///
/// After a provisional revision only the owner can sign: the delegated key was named by nobody yet.
pub fn check_successor(
    previous: &Descriptor,
    standing: Standing,
    next: &Descriptor,
    signed_by: &[VKey],
) -> Result<Standing, DescriptorError> {
    if next.repository != previous.repository {
        return Err(DescriptorError::OtherRepository);
    }
    if next.revision != previous.revision.saturating_add(1) {
        return Err(DescriptorError::WrongRevision);
    }
    if next.prev != Some(previous.text_sha256()) {
        return Err(DescriptorError::WrongPrev);
    }
    let count = previous.owners.iter().filter(|owner| signed_by.contains(owner)).count();
    let found = u16::try_from(count).unwrap_or(u16::MAX);
    if found >= previous.threshold {
        return Ok(Standing::OwnerSigned);
    }
    let by_admin = previous.admin.as_ref().is_some_and(|admin| signed_by.contains(admin));
    if !by_admin || standing == Standing::Provisional {
        return Err(DescriptorError::NotAuthorized { needed: previous.threshold, found });
    }
    check_admin_rights(previous, next)?;
    Ok(Standing::OwnerSigned)
}

/// Checks a whole history, oldest first, and says where its end stands.
pub fn check_history(pin: &Pin, history: &[SignedDescriptor]) -> Result<Standing, DescriptorError> {
    if history.iter().any(|entry| entry.named_revision != entry.descriptor.revision) {
        return Err(DescriptorError::WrongRevision);
    }
    let first = history.first().ok_or(DescriptorError::NoFirstRevision)?;
    let mut standing = check_first(&first.descriptor, pin, &first.signed_by)?;
    for pair in history.windows(2) {
        standing = check_successor(&pair[0].descriptor, standing, &pair[1].descriptor, &pair[1].signed_by)?;
    }
    Ok(standing)
}

/// The highest descriptor that a ledger note, or local state, has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRevision {
    /// Its number.
    pub revision: u64,
    /// SHA-256 of its text.
    pub text_sha256: Sha256,
}

/// Checks the newest descriptor shown against the highest one that was seen.
pub fn check_seen(seen: SeenRevision, shown: &Descriptor) -> Result<(), DescriptorError> {
    let older = shown.revision < seen.revision;
    let other = shown.revision == seen.revision && shown.text_sha256() != seen.text_sha256;
    if older || other { Err(DescriptorError::RolledBack) } else { Ok(()) }
}

fn check_admin_rights(previous: &Descriptor, next: &Descriptor) -> Result<(), DescriptorError> {
    let unchanged = [
        ("required", previous.required == next.required),
        ("optional", previous.optional == next.optional),
        ("owner", previous.owners == next.owners),
        ("threshold", previous.threshold == next.threshold),
        ("succession", previous.succession == next.succession),
        ("admin", previous.admin == next.admin),
        ("recipient", previous.recipients == next.recipients),
        ("epoch", epochs_only_confirmed(previous, next)),
        ("device", previous.devices.iter().all(|line| device_only_aged(line, next))),
        ("policy", next.policy.keeps_at_least(&previous.policy)),
        ("x-", previous.extensions == next.extensions),
    ];
    match unchanged.iter().find(|(_, kept)| !kept) {
        Some((what, _)) => Err(DescriptorError::BeyondAdmin { what }),
        None => Ok(()),
    }
}

fn epochs_only_confirmed(previous: &Descriptor, next: &Descriptor) -> bool {
    previous.epochs.len() == next.epochs.len()
        && previous.epochs.iter().zip(&next.epochs).all(|(old, new)| {
            let same = old.number == new.number && old.recipient_sha256 == new.recipient_sha256;
            same && (old.state == new.state || new.state == EpochState::Confirmed)
        })
}

/// A device's line may be revoked or move to a later K generation. It keeps its key and never goes away: its old
/// notes must stay verifiable, and a key put in its place could rewrite them.
fn device_only_aged(old: &DeviceLine, next: &Descriptor) -> bool {
    next.device(&old.id).is_some_and(|new| {
        let revived = old.state == DeviceState::Revoked && new.state == DeviceState::Enrolled;
        let same_check = new.generation > old.generation || new.k_check == old.k_check;
        new.vkey == old.vkey && !revived && new.generation >= old.generation && same_check
    })
}
