//! A recovery kit as it is made: new keys, and where their repository is to be.
//!
//! From the address that is configured to a [`Kit`] for [`KitFiles`](crate::repo::keys::kit_files::KitFiles). Never: writes one, or
//! asks the store whether it is there.

use scelle_format::id::RepositoryId;
use scelle_format::kit::{Kit, KitPublic};

use crate::around::Around;
use crate::connect::{RepoAddress, S3Settings};
use crate::error::{AgentError, Result};

/// Where a kit says that its repository is.
pub struct KitPlace<'a> {
    /// The address, where one is known.
    pub address: Option<String>,
    /// The S3 service, where it is one's and was given.
    pub endpoint: Option<&'a str>,
    /// Its region, likewise.
    pub region: Option<&'a str>,
}

impl<'a> KitPlace<'a> {
    /// What is configured, as far as the address makes use of it.
    pub fn of(address: Option<&RepoAddress>, s3: &'a S3Settings) -> Self {
        let s3 = matches!(address, Some(RepoAddress::S3 { .. })).then_some(s3);
        Self {
            address: address.map(ToString::to_string),
            endpoint: s3.and_then(|s3| s3.endpoint.as_deref()),
            region: s3.and_then(|s3| s3.region.as_deref()),
        }
    }

    /// A new kit for a repository that will be there.
    pub fn new_kit(&self, around: &Around) -> Result<Kit> {
        let mut kit = Kit::generate(&mut around.random()).map_err(AgentError::bug)?;
        if let Some(address) = &self.address {
            kit.places.push(address.clone());
            kit.places.extend(self.endpoint.map(str::to_owned));
        }
        Ok(kit)
    }
}

/// The kit that a repository is to be made with.
#[allow(clippy::large_enum_variant, reason = "one exists at a time: its size does not matter")]
pub enum KitAtHand {
    /// All of it.
    Whole(Kit),
    /// Its public half, which is enough.
    Public(KitPublic),
    /// None yet: it is made once the place was found empty.
    ToBeMade,
}

impl KitAtHand {
    /// The repository that it is the kit of; one that is still to be made names none.
    ///
    /// Errors: exit 2 its text names none either.
    pub fn repository(&self) -> Result<Option<RepositoryId>> {
        let repository = match self {
            Self::Whole(kit) => &kit.repository,
            Self::Public(public) => &public.repository,
            Self::ToBeMade => return Ok(None),
        };
        let id = RepositoryId::parse(repository);
        id.map(Some).map_err(|error| AgentError::kit_unreadable().because(error))
    }
}
