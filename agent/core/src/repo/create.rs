//! Making a repository: keys, descriptor, FORMAT.txt, and this device's place in it.
//!
//! Keys come from the operating system's generator; what opens packs goes to the store, wrapped for the kit, the everyday
//! phrase and escrows, and is then forgotten. Order: all of it sealed into the state folder → keys → descriptor →
//! FORMAT.txt, which is the commit point.
//! Never: keeps an epoch identity, or finishes without the owner or a provisional mark.

use bytes::Bytes;
use scelle_format::crypto::kdf::DedupSecret;
use scelle_format::crypto::passphrase::seal_with_phrase;
use scelle_format::crypto::pq::{PqIdentity, PqRecipient};
use scelle_format::crypto::seal::seal_bytes;
use scelle_format::descriptor::{
    Descriptor, DeviceLine, DeviceState, EpochLine, EpochState, RecipientLine, RecipientRole,
    RetentionPolicy, Succession,
};
use scelle_format::format_txt::FormatTxt;
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::layout;
use scelle_format::limits::NOTE_MAX_BYTES;
use scelle_format::note::{self, SigningKey};
use scelle_format::random::Random;
use scelle_format::timestamp::Timestamp;
use scelle_format::vkey_text::VKey;
use scelle_store::Put;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::clock::{Clock, now};
use crate::error::{AgentError, Result};
use crate::repo::keys::descriptors::shows;
use crate::repo::objects::{InPlace, Objects};
use crate::repo::state::{Device, Head, State, StorePlace, key_name};
use crate::repo::unfinished::Unfinished;

/// Who holds a key to a new repository.
#[derive(Clone, Copy)]
pub struct Holders<'a> {
    /// The public half of the kit.
    pub public: &'a KitPublic,
    /// The kit itself, where it is at hand: then the owner signs at once.
    pub kit: Option<&'a Kit>,
    /// The everyday phrase, where one is wanted.
    pub phrase: Option<&'a SecretString>,
    /// Escrow recipients, typed or scanned, never from a server.
    pub escrows: &'a [PqRecipient],
}

/// What a new repository is made from.
pub struct Creation<'a> {
    /// Who holds a key to it.
    pub holders: Holders<'a>,
    /// Where the store is.
    pub place: StorePlace,
}

/// What is kept by default: thirty days, twelve weeks, twenty-four months.
const POLICY: RetentionPolicy =
    RetentionPolicy { keep_daily: 30, keep_weekly: 12, keep_monthly: 24, keep_yearly: 0 };

/// Makes the repository and this device, or goes on with what an earlier attempt began. The caller says when it is
/// finished: [`Unfinished::finish`].
///
/// Errors: exit 1 when there is one already, or another one's begun; exit 2 when it was begun with other escrows.
pub async fn create(
    objects: &Objects,
    state: &State,
    creation: &Creation<'_>,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Device> {
    let unfinished = match Unfinished::load(state)? {
        Some(begun) if begun.escrows != escrow_texts(creation) => {
            return Err(AgentError::init_begun_otherwise());
        }
        Some(begun) => begun,
        None => prepare(objects, state, creation, clock, random).await?,
    };
    unfinished.send(objects).await?;
    let mut device = state.device()?;
    if device.place != creation.place {
        device.place = creation.place.clone();
        state.put_device(&device)?;
    }
    Ok(device)
}

/// Seals everything and keeps it here, device and all, before the first byte is sent.
async fn prepare(
    objects: &Objects,
    state: &State,
    creation: &Creation<'_>,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Unfinished> {
    if objects.head(layout::FORMAT_TXT).await?.is_some() {
        return Err(AgentError::repository_exists().at(objects.store().address()));
    }
    let mut unfinished = Unfinished::new(escrow_texts(creation), creation.holders.phrase.is_some());
    let repository = objects.repository().clone();
    let epoch = PqIdentity::generate(random);
    let admin = make_everyday(&repository, creation, &mut unfinished, random)?;
    let device = make_device(objects, creation, &epoch, clock, random)?;
    let wrap_to = recipients(creation, admin.as_ref());
    let sealed = sealed_epoch_key(&repository, &epoch, device.epoch, &wrap_to, random)?;
    unfinished.push(layout::epoch_key(device.epoch, 1), &sealed);
    unfinished.push(layout::device_key(&device.id), &sealed_device_key(&device, random)?);

    let descriptor = first_descriptor(repository, creation, admin.as_ref(), &device, now(clock))?;
    let signer = creation.holders.kit.map_or(&device.signing, |kit| &kit.owner);
    let (signed, head) = signed_descriptor(&descriptor, signer)?;
    unfinished.push(layout::descriptor(1), signed.as_bytes());
    let signpost = FormatTxt::new(objects.repository().clone()).to_text().map_err(AgentError::bug)?;
    unfinished.push(layout::FORMAT_TXT.to_owned(), signpost.as_bytes());
    // The mark first: a device beside which it stands is one whose repository may not be there yet.
    unfinished.keep(state)?;
    state.put_device(&device)?;
    state.put_head(&head)?;
    Ok(unfinished)
}

/// What the everyday phrase opens: it reads, and it signs as the admin.
type EverydayKeys = (PqIdentity, SigningKey);

/// The first descriptor: who owns the repository, who opens it, and this computer.
fn first_descriptor(
    repository: RepositoryId,
    creation: &Creation<'_>,
    admin: Option<&EverydayKeys>,
    device: &Device,
    time: Timestamp,
) -> Result<Descriptor> {
    Ok(Descriptor {
        repository,
        revision: 1,
        time,
        prev: None,
        required: Vec::new(),
        optional: Vec::new(),
        owners: vec![VKey::of(&creation.holders.public.owner).map_err(AgentError::bug)?],
        threshold: 1,
        succession: Succession { days: 30, words: vec!["everyday".into(), "device".into()] },
        admin: match admin {
            Some((_, key)) => Some(VKey::of(key.verifying_key()).map_err(AgentError::bug)?),
            None => None,
        },
        recipients: recipient_lines(creation, admin.map(|(identity, _)| identity)),
        epochs: vec![EpochLine {
            number: device.epoch,
            recipient_sha256: Sha256(device.epoch_recipient.sha256()),
            state: EpochState::Provisional,
        }],
        devices: vec![device_line(device)?],
        policy: POLICY,
        extensions: Vec::new(),
    })
}

fn escrow_texts(creation: &Creation<'_>) -> Vec<String> {
    creation.holders.escrows.iter().map(ToString::to_string).collect()
}

/// Makes a new device's keys (no store access).
pub fn new_device(
    objects: &Objects,
    owner: String,
    epoch: u32,
    epoch_recipient: PqRecipient,
    place: StorePlace,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Device> {
    let repository = objects.repository().clone();
    let id = DeviceId::generate(random);
    let signing =
        SigningKey::generate(&key_name(&repository, id.as_str()), random).map_err(AgentError::bug)?;
    Ok(Device {
        signing,
        secret: DedupSecret::generate(random, 0),
        index_identity: PqIdentity::generate(random),
        epoch,
        epoch_recipient,
        owner,
        place,
        since: now(clock).0,
        repository,
        id,
    })
}

fn make_device(
    objects: &Objects,
    creation: &Creation<'_>,
    epoch: &PqIdentity,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Device> {
    let owner = creation.holders.public.owner.to_string();
    new_device(objects, owner, 0, epoch.recipient(), creation.place.clone(), clock, random)
}

/// The descriptor's line about a device.
pub fn device_line(device: &Device) -> Result<DeviceLine> {
    Ok(DeviceLine {
        id: device.id.clone(),
        vkey: VKey::of(device.signing.verifying_key()).map_err(AgentError::bug)?,
        state: DeviceState::Enrolled,
        generation: device.secret.generation(),
        k_check: device.secret.check(),
    })
}

/// Signs and stores a descriptor; returns the head of a ledger that has seen it.
///
/// Errors: exit 11 when someone else wrote that revision at the same time, exit 13 when what is no descriptor bears its name.
pub async fn put_descriptor(objects: &Objects, descriptor: &Descriptor, signer: &SigningKey) -> Result<Head> {
    let (signed, head) = signed_descriptor(descriptor, signer)?;
    let (name, signed) = (layout::descriptor(descriptor.revision), Bytes::from(signed));
    match objects.put_new(&name, signed.clone()).await? {
        Put::Created => Ok(head),
        // By another, or by this very put whose answer was lost.
        Put::AlreadyThere => match objects.in_place(&name, NOTE_MAX_BYTES as u64).await? {
            InPlace::Bytes(there) if there == signed => Ok(head),
            there => Err(why_taken(there, descriptor)),
        },
    }
}

/// Makes sure that nothing bears the name of the next descriptor, before anything is written for its sake.
///
/// Errors: those of [`put_descriptor`].
pub async fn expect_free_name(objects: &Objects, next: &Descriptor) -> Result<()> {
    match objects.in_place(&layout::descriptor(next.revision), NOTE_MAX_BYTES as u64).await? {
        InPlace::Nothing => Ok(()),
        there => Err(why_taken(there, next)),
    }
}

/// Revisions have no gaps (FORMAT.md §5.3): none is written past what bears the name. Nor over it: two who do so at one time would
/// each believe to be the one that stands.
fn why_taken(there: InPlace, next: &Descriptor) -> AgentError {
    let error = match there {
        InPlace::Bytes(bytes) if !shows(&bytes, next.revision, Some(next)) => {
            AgentError::descriptor_name_taken()
        }
        InPlace::Unreadable => AgentError::descriptor_name_taken(),
        InPlace::Bytes(_) | InPlace::Nothing => AgentError::busy(),
    };
    error.at(layout::descriptor(next.revision))
}

fn signed_descriptor(descriptor: &Descriptor, signer: &SigningKey) -> Result<(String, Head)> {
    let text = descriptor.to_text().map_err(AgentError::bug)?;
    let signed = note::sign(&text, &[signer]).map_err(AgentError::bug)?;
    let descriptor = (descriptor.revision, descriptor.text_sha256().to_string());
    Ok((signed, Head { descriptor, ..Head::default() }))
}

/// Stores `keys/d<dev>.age` of a device that joins, and gives its sealed bytes.
pub async fn put_device_key(objects: &Objects, device: &Device, random: &mut dyn Random) -> Result<Vec<u8>> {
    let sealed = sealed_device_key(device, random)?;
    objects.put_new(&layout::device_key(&device.id), sealed.clone()).await?;
    Ok(sealed)
}

/// `keys/d<dev>.age`: what another holder needs to go on with this device's chunks.
fn sealed_device_key(device: &Device, random: &mut dyn Random) -> Result<Vec<u8>> {
    let secret = Zeroizing::new(hex::encode(device.secret.expose()));
    let identity = device.index_identity.to_secret_string();
    let json = Zeroizing::new(
        serde_json::json!({
            "scelle": "device/1",
            "repository": device.repository.as_str(),
            "device": device.id.as_str(),
            "generation": device.secret.generation(),
            "dedup_secret": secret.as_str(),
            "index_identity": identity.expose_secret(),
        })
        .to_string(),
    );
    seal_bytes(std::slice::from_ref(&device.epoch_recipient), json.as_bytes(), random)
        .map_err(AgentError::bug)
}

fn sealed_epoch_key(
    repository: &RepositoryId,
    epoch: &PqIdentity,
    number: u32,
    recipients: &[PqRecipient],
    random: &mut dyn Random,
) -> Result<Vec<u8>> {
    let identity = epoch.to_secret_string();
    let text = Zeroizing::new(format!(
        "# scelle epoch 1\n# repository {repository}\n# epoch {number}\n{}\n",
        identity.expose_secret()
    ));
    seal_bytes(recipients, text.as_bytes(), random).map_err(AgentError::bug)
}

/// The everyday identity and the admin key, behind the phrase.
fn make_everyday(
    repository: &RepositoryId,
    creation: &Creation<'_>,
    unfinished: &mut Unfinished,
    random: &mut dyn Random,
) -> Result<Option<EverydayKeys>> {
    let Some(phrase) = creation.holders.phrase else { return Ok(None) };
    let identity = PqIdentity::generate(random);
    let admin = SigningKey::generate(&key_name(repository, "admin"), random).map_err(AgentError::bug)?;
    let seed = Zeroizing::new(hex::encode(admin.seed()));
    let secret = identity.to_secret_string();
    let text = Zeroizing::new(format!(
        "# scelle everyday 1\n# repository {repository}\n# admin {}\n{}\n",
        seed.as_str(),
        secret.expose_secret()
    ));
    let sealed = seal_with_phrase(phrase, text.as_bytes()).map_err(AgentError::bug)?;
    unfinished.push(layout::everyday_key(1), &sealed);
    Ok(Some((identity, admin)))
}

fn recipients(creation: &Creation<'_>, everyday: Option<&(PqIdentity, SigningKey)>) -> Vec<PqRecipient> {
    let everyday = everyday.map(|(identity, _)| identity.recipient());
    std::iter::once(creation.holders.public.recovery.clone())
        .chain(everyday)
        .chain(creation.holders.escrows.iter().cloned())
        .collect()
}

fn recipient_lines(creation: &Creation<'_>, everyday: Option<&PqIdentity>) -> Vec<RecipientLine> {
    let line = |name: String, role, recipient: &PqRecipient| {
        let sha256 = Sha256(recipient.sha256());
        RecipientLine { name, role, sha256 }
    };
    let mut lines = vec![line("r".into(), RecipientRole::Recovery, &creation.holders.public.recovery)];
    lines.extend(everyday.map(|r2| line("r2".into(), RecipientRole::Everyday, &r2.recipient())));
    let escrows = creation.holders.escrows.iter().enumerate();
    lines.extend(escrows.map(|(i, escrow)| line(format!("p{}", i + 1), RecipientRole::Escrow, escrow)));
    lines
}
