//! Making a repository: keys, descriptor, FORMAT.txt, and this device's place in it.
//!
//! Keys come from the operating system's generator; what opens packs goes to the store, wrapped for the kit, the everyday
//! phrase and escrows, and is then forgotten. Order: keys → descriptor → state → FORMAT.txt, which is the commit point.
//! Never: keeps an epoch identity, or finishes without the owner or a provisional mark.

use scelle_format::crypto::kdf::DedupSecret;
use scelle_format::crypto::passphrase::seal_with_phrase;
use scelle_format::crypto::pq::{PqIdentity, PqRecipient};
use scelle_format::crypto::seal::seal_bytes;
use scelle_format::descriptor::{
    Descriptor, DeviceLine, DeviceState, EpochLine, EpochState, RecipientLine, RecipientRole,
    RetentionPolicy, Succession,
};
use scelle_format::format_txt::FormatTxt;
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::kit::{Kit, KitPublic};
use scelle_format::layout;
use scelle_format::note::{self, SigningKey};
use scelle_format::random::Random;
use scelle_format::vkey_text::VKey;
use scelle_store::Put;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::append::now;
use super::objects::Objects;
use super::state::{Device, Head, State, StorePlace, key_name};
use crate::clock::Clock;
use crate::error::{AgentError, Result};

/// What a new repository is made from.
pub struct Creation<'a> {
    /// The public half of the kit.
    pub public: &'a KitPublic,
    /// The kit itself, where it is at hand: then the owner signs at once.
    pub kit: Option<&'a Kit>,
    /// The everyday phrase, where one is wanted.
    pub phrase: Option<&'a SecretString>,
    /// Escrow recipients, typed or scanned, never from a server.
    pub escrows: &'a [PqRecipient],
    /// Where the store is.
    pub place: StorePlace,
}

/// What is kept by default: thirty days, twelve weeks, twenty-four months.
const POLICY: RetentionPolicy =
    RetentionPolicy { keep_daily: 30, keep_weekly: 12, keep_monthly: 24, keep_yearly: 0 };

/// Makes the repository and this device. Errors: exit 1 when there is one already.
pub async fn create(
    objects: &Objects,
    state: &State,
    creation: &Creation<'_>,
    clock: &dyn Clock,
    random: &mut dyn Random,
) -> Result<Device> {
    if objects.head(layout::FORMAT_TXT).await?.is_some() {
        return Err(AgentError::repository_exists().at(objects.store().address()));
    }
    let repository = objects.repository().clone();
    let epoch = PqIdentity::generate(random);
    let admin = make_everyday(objects, creation, random).await?;
    let device = make_device(objects, creation, &epoch, clock, random)?;
    let wrap_to = recipients(creation, admin.as_ref());
    put_epoch_key(objects, &epoch, device.epoch, &wrap_to, random).await?;
    put_device_key(objects, &device, random).await?;

    let descriptor = Descriptor {
        repository,
        revision: 1,
        time: now(clock),
        prev: None,
        required: Vec::new(),
        optional: Vec::new(),
        owners: vec![VKey::of(&creation.public.owner).map_err(AgentError::bug)?],
        threshold: 1,
        succession: Succession { days: 30, words: vec!["everyday".into(), "device".into()] },
        admin: match &admin {
            Some((_, key)) => Some(VKey::of(key.verifying_key()).map_err(AgentError::bug)?),
            None => None,
        },
        recipients: recipient_lines(creation, admin.as_ref().map(|(identity, _)| identity)),
        epochs: vec![EpochLine {
            number: device.epoch,
            recipient_sha256: Sha256(device.epoch_recipient.sha256()),
            state: EpochState::Provisional,
        }],
        devices: vec![device_line(&device)?],
        policy: POLICY,
        extensions: Vec::new(),
    };
    let signer = creation.kit.map_or(&device.signing, |kit| &kit.owner);
    let head = put_descriptor(objects, &descriptor, signer).await?;
    state.put_device(&device)?;
    state.put_head(&head)?;
    let signpost = FormatTxt::new(objects.repository().clone()).to_text().map_err(AgentError::bug)?;
    match objects.put_new(layout::FORMAT_TXT, signpost.into_bytes()).await? {
        Put::Created => Ok(device),
        Put::AlreadyThere => Err(AgentError::repository_exists().at(objects.store().address())),
    }
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
    let owner = creation.public.owner.to_string();
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
pub async fn put_descriptor(objects: &Objects, descriptor: &Descriptor, signer: &SigningKey) -> Result<Head> {
    let text = descriptor.to_text().map_err(AgentError::bug)?;
    let signed = note::sign(&text, &[signer]).map_err(AgentError::bug)?;
    let name = layout::descriptor(descriptor.revision);
    if objects.put_new(&name, signed.into_bytes()).await? == Put::AlreadyThere {
        return Err(AgentError::repository_exists().at(name));
    }
    let descriptor = (descriptor.revision, descriptor.text_sha256().to_string());
    Ok(Head { descriptor, ..Head::default() })
}

/// `keys/d<dev>.age`: what another holder needs to go on with this device's chunks.
pub async fn put_device_key(objects: &Objects, device: &Device, random: &mut dyn Random) -> Result<()> {
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
    let sealed = seal_bytes(std::slice::from_ref(&device.epoch_recipient), json.as_bytes(), random);
    objects.put_new(&layout::device_key(&device.id), sealed.map_err(AgentError::bug)?).await?;
    Ok(())
}

async fn put_epoch_key(
    objects: &Objects,
    epoch: &PqIdentity,
    number: u32,
    recipients: &[PqRecipient],
    random: &mut dyn Random,
) -> Result<()> {
    let identity = epoch.to_secret_string();
    let text = Zeroizing::new(format!(
        "# scelle epoch 1\n# repository {}\n# epoch {number}\n{}\n",
        objects.repository(),
        identity.expose_secret()
    ));
    let sealed = seal_bytes(recipients, text.as_bytes(), random).map_err(AgentError::bug)?;
    objects.put_new(&layout::epoch_key(number, 1), sealed).await?;
    Ok(())
}

/// The everyday identity and the admin key, behind the phrase.
async fn make_everyday(
    objects: &Objects,
    creation: &Creation<'_>,
    random: &mut dyn Random,
) -> Result<Option<(PqIdentity, SigningKey)>> {
    let Some(phrase) = creation.phrase else { return Ok(None) };
    let repository = objects.repository();
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
    objects.put_new(&layout::everyday_key(1), sealed).await?;
    Ok(Some((identity, admin)))
}

fn recipients(creation: &Creation<'_>, everyday: Option<&(PqIdentity, SigningKey)>) -> Vec<PqRecipient> {
    let everyday = everyday.map(|(identity, _)| identity.recipient());
    std::iter::once(creation.public.recovery.clone())
        .chain(everyday)
        .chain(creation.escrows.iter().cloned())
        .collect()
}

fn recipient_lines(creation: &Creation<'_>, everyday: Option<&PqIdentity>) -> Vec<RecipientLine> {
    let line = |name: String, role, recipient: &PqRecipient| {
        let sha256 = Sha256(recipient.sha256());
        RecipientLine { name, role, sha256 }
    };
    let mut lines = vec![line("r".into(), RecipientRole::Recovery, &creation.public.recovery)];
    lines.extend(everyday.map(|r2| line("r2".into(), RecipientRole::Everyday, &r2.recipient())));
    let escrows = creation.escrows.iter().enumerate();
    lines.extend(escrows.map(|(i, escrow)| line(format!("p{}", i + 1), RecipientRole::Escrow, escrow)));
    lines
}
