//! What a device knows about a repository for good: its own keys, the public keys it seals to, where the store is.
//!
//! Data comes from `create` and `join` and lies in `device.json` of the state folder, which [`crate::repo::state`] writes. Never: an
//! identity that opens packs, roots or key files.

use std::fs;
use std::path::Path;

use scelle_format::crypto::kdf::DedupSecret;
use scelle_format::crypto::pq::{PqIdentity, PqRecipient};
use scelle_format::id::{DeviceId, RepositoryId};
use scelle_format::note::SigningKey;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{AgentError, Result};
use crate::repo::files;
use crate::repo::state::checksum;

/// Where the store is, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePlace {
    /// `file:///…` or `s3://bucket/prefix`.
    pub url: String,
    /// S3 endpoint.
    pub endpoint: Option<String>,
    /// S3 region.
    pub region: Option<String>,
    /// Whether the engine honours `If-None-Match` (the probe knows).
    pub conditional_put: bool,
}

impl StorePlace {
    /// Whether this is where an S3 service is that was named, or was not.
    pub fn is_served_by(&self, endpoint: Option<&str>) -> bool {
        match (&self.endpoint, endpoint) {
            (Some(known), Some(named)) => plain(known) == plain(named),
            // What is not named is what is remembered, and what was not named then is the service's own address.
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }

    /// One word for one place, however it was written: a folder by where it really is, a bucket with its service.
    pub fn identity(&self) -> String {
        match self.url.strip_prefix("file://").map(|path| Path::new(path).canonicalize()) {
            Some(Ok(real)) => format!("file://{}", real.display()),
            _ => format!("{} {}", self.url, self.endpoint.as_deref().map(plain).unwrap_or_default()),
        }
    }

    /// Its address with the service, where one was named.
    pub fn shown(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{} ({endpoint})", self.url),
            None => self.url.clone(),
        }
    }

    /// Its address, as it is told from another: with the service where the rest is the same.
    pub fn beside(&self, other: &Self) -> String {
        if self.url == other.url { self.shown() } else { self.url.clone() }
    }
}

/// An endpoint as it is compared: host names know no capitals, and a port that goes without saying is none.
fn plain(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/').to_ascii_lowercase();
    let usual = if endpoint.starts_with("https:") { ":443" } else { ":80" };
    endpoint.strip_suffix(usual).map(str::to_owned).unwrap_or(endpoint)
}

/// What a device knows about a repository for good.
pub struct Device {
    /// Repository.
    pub repository: RepositoryId,
    /// This device.
    pub id: DeviceId,
    /// Signs its notes.
    pub signing: SigningKey,
    /// Names its chunks.
    pub secret: DedupSecret,
    /// Reads its index segments, nothing else.
    pub index_identity: PqIdentity,
    /// Epoch in force.
    pub epoch: u32,
    /// Its recipient.
    pub epoch_recipient: PqRecipient,
    /// The owner's public key, as a vkey.
    pub owner: String,
    /// Where the store is.
    pub place: StorePlace,
    /// When the repository was made or joined, seconds since 1970.
    pub since: i64,
}

#[derive(Serialize, Deserialize)]
struct DeviceFile {
    version: u32,
    repository: String,
    device: String,
    signing_seed: Zeroizing<String>,
    dedup_secret: Zeroizing<String>,
    generation: u16,
    index_identity: Zeroizing<String>,
    epoch: u32,
    epoch_recipient: String,
    owner: String,
    place: StorePlace,
    since: i64,
}

impl Device {
    /// Reads the device file of a state folder.
    pub(in crate::repo) fn read(folder: &Path) -> Result<Self> {
        let bytes = Zeroizing::new(fs::read(folder.join(files::DEVICE)).map_err(AgentError::local_state)?);
        let file: DeviceFile =
            checksum::from_json(&bytes).ok_or_else(|| AgentError::local_state("device file"))?;
        let wrong = |_| AgentError::local_state("device file");
        let id = DeviceId::parse(&file.device).map_err(wrong)?;
        let repository = RepositoryId::parse(&file.repository).map_err(wrong)?;
        let signing_seed = seed(&file.signing_seed)?;
        let signing = SigningKey::from_seed(&key_name(&repository, id.as_str()), &signing_seed);
        Ok(Device {
            signing: signing.map_err(AgentError::local_state)?,
            secret: DedupSecret::new(*seed(&file.dedup_secret)?, file.generation),
            index_identity: PqIdentity::parse(&file.index_identity).map_err(AgentError::local_state)?,
            epoch: file.epoch,
            epoch_recipient: PqRecipient::parse(&file.epoch_recipient).map_err(AgentError::local_state)?,
            owner: file.owner,
            place: file.place,
            since: file.since,
            repository,
            id,
        })
    }

    /// The bytes of its file, which hold its secrets.
    pub(in crate::repo) fn to_file(&self) -> Result<Zeroizing<Vec<u8>>> {
        let file = DeviceFile {
            version: 1,
            repository: self.repository.to_string(),
            device: self.id.to_string(),
            signing_seed: hex::encode(self.signing.seed()).into(),
            dedup_secret: hex::encode(self.secret.expose()).into(),
            generation: self.secret.generation(),
            index_identity: self.index_identity.to_secret_string().expose_secret().to_owned().into(),
            epoch: self.epoch,
            epoch_recipient: self.epoch_recipient.to_string(),
            owner: self.owner.clone(),
            place: self.place.clone(),
            since: self.since,
        };
        Ok(Zeroizing::new(checksum::to_json(&file)?))
    }
}

fn seed(text: &str) -> Result<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, out.as_mut_slice()).map_err(|_| AgentError::local_state("device file"))?;
    Ok(out)
}

/// Name of a signing key (FORMAT.md §5.1).
pub fn key_name(repository: &RepositoryId, holder: &str) -> String {
    format!("scelle/{repository}/{holder}")
}
