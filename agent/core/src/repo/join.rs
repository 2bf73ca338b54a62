//! A second or reinstalled PC takes its place in a repository, with the kit or the everyday phrase.
//!
//! It becomes a device of its own: its own signing key, its own dedup secret, its own chain. Never: takes over another
//! device's chain, so that a stolen PC and its successor cannot be confused.

use std::path::Path;
use std::sync::Arc;

use scelle_format::crypto::open::open_bytes;
use scelle_format::crypto::pq::{PqIdentity, PqRecipient};
use scelle_format::descriptor::{Descriptor, EpochLine};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout;
use scelle_format::limits::KEY_FILE_MAX_BYTES;
use scelle_format::note::SigningKey;
use scelle_format::random::Random;
use scelle_format::vkey_text::VKey;
use scelle_store::Store;

use crate::clock::{Clock, now};
use crate::error::{AgentError, Result};
use crate::repo::create::{device_line, expect_free_name, new_device, put_descriptor, put_device_key};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::keyring::Unlock;
use crate::repo::objects::Objects;
use crate::repo::open::{OpenOptions, Repository};
use crate::repo::state::{Device, State, StorePlace};

/// With which key a computer joins, and what its owner knows better than the store.
pub struct JoinRequest {
    /// Kit or everyday phrase.
    pub unlock: Unlock,
    /// Devices that nobody enrolled, of which the owner says that they are none of the repository's.
    pub disowned: Vec<DeviceId>,
}

/// Joins the repository in `store`, which is at `place`. Errors: exit 10 none, 12 wrong key, 1 when this PC is in it already.
pub async fn join(
    store: &Arc<dyn Store>,
    place: &StorePlace,
    request: JoinRequest,
    home: &Path,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Joined> {
    let JoinRequest { unlock, disowned } = request;
    let options = OpenOptions { unlock: Some(unlock), ..OpenOptions::default() };
    let opened = Repository::open(Arc::clone(store), options).await?;
    opened.expect_all_descriptors(&disowned)?;
    let keyring = opened.keyring.as_ref().ok_or_else(AgentError::key_required)?;
    let signer: &SigningKey =
        keyring.owner.as_ref().or(keyring.admin.as_ref()).ok_or_else(AgentError::key_required)?;
    let state = State::open(home, opened.objects.repository())?;
    let kept = state.kept();
    if state.device().is_ok_and(|own| expect_own(&opened.descriptors, &own).is_ok()) {
        return Err(AgentError::already_joined().at(store.address()));
    }
    let current = &opened.descriptors.current;
    let epoch = current.epochs.last().ok_or_else(AgentError::no_repository)?;
    let epoch_recipient = keyring.identity(epoch.number)?.recipient();
    let owner = current.owners.first().map(ToString::to_string).unwrap_or_default();
    let objects: &Arc<Objects> = &opened.objects;
    let device = new_device(objects, owner, epoch.number, epoch_recipient, place.clone(), clock, random)?;
    let mut next = Descriptor {
        revision: current.revision + 1,
        time: now(clock),
        prev: Some(opened.descriptors.current_sha256),
        ..current.clone()
    };
    next.devices.push(device_line(&device)?);
    expect_free_name(objects, &next).await?;
    let own = put_device_key(objects, &device, random).await?;
    let head = put_descriptor(objects, &next, signer).await?;
    // A state that cannot be read, or of a device that is none here any more: kept aside, never overwritten.
    let was_set_aside = state.set_aside()?;
    state.put_device(&device)?;
    state.put_head(&head)?;
    // What a key has shown to be right is as good as what this PC wrote: from here on it is put back as it was.
    let opened = keyring.proven.iter().map(|(name, sealed)| (name.as_str(), &sealed[..]));
    let own_name = layout::device_key(&device.id);
    for (name, sealed) in opened.chain([(own_name.as_str(), &own[..])]) {
        kept.keep(name, sealed);
    }
    Ok(Joined { device, was_set_aside })
}

/// A device that took its place.
pub struct Joined {
    /// The device.
    pub device: Device,
    /// Whether an older state of this computer was kept aside.
    pub was_set_aside: bool,
}

/// Refuses to write where this device, with its key and its epoch, is not one that the descriptors know: what it would
/// seal there, nobody could open, and what it would sign, nobody would believe.
///
/// Errors: exit 13.
pub fn expect_own(descriptors: &Descriptors, device: &Device) -> Result<()> {
    let vkey = VKey::of(device.signing.verifying_key()).map_err(AgentError::bug)?;
    let is_enrolled = descriptors.device(&device.id).is_some_and(|line| line.vkey == vkey)
        && descriptors.revoked(&device.id).is_none();
    let sealed_to = Sha256(device.epoch_recipient.sha256());
    let is_epoch = |line: &EpochLine| line.number == device.epoch && line.recipient_sha256 == sealed_to;
    match is_enrolled && descriptors.current.epochs.iter().any(is_epoch) {
        true => Ok(()),
        false => Err(AgentError::not_this_device()),
    }
}

/// Checks that `holder` opens the stored identity of an epoch, and that it is the one packs are sealed to.
pub async fn opens_epoch(
    objects: &Objects,
    holder: &PqIdentity,
    epoch: u32,
    expected: &PqRecipient,
) -> Result<()> {
    let name = layout::epoch_key(epoch, 1);
    let sealed = objects.get_named(&name, KEY_FILE_MAX_BYTES as u64).await?;
    let plain = open_bytes(&sealed, &[holder], KEY_FILE_MAX_BYTES as u64)
        .map_err(|error| AgentError::wrong_key().because(error))?;
    let text = String::from_utf8(plain).map_err(|_| AgentError::object_corrupt().at(name.clone()))?;
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-PQ-1"));
    let identity = line.and_then(|line| PqIdentity::parse(line).ok());
    match identity {
        Some(identity) if identity.recipient() == *expected => Ok(()),
        _ => Err(AgentError::object_corrupt().at(name)),
    }
}
