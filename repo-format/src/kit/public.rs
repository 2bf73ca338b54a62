//! The public half of a kit: enough to start backing up, useless for reading.
//!
//! For: `init` on the PC, while the kit itself was made and stays elsewhere. Data comes as a signed note and
//! leaves as one. Never: proves *who* made it; the owner key signs for itself, so the six words of the owner
//! key must still be compared with the paper.

use super::error::KitError;
use super::lines::{is_repository_id, owner_name};
use crate::crypto::PqRecipient;
use crate::note::{self, SigningKey, VerifyingKey};

const HEADING: &str = "scelle/kit-public/v1";

/// Repository id, recovery recipient and owner key, bound together by the owner's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitPublic {
    /// 26 characters of lower-case base32.
    pub repository: String,
    /// Every epoch is wrapped to this.
    pub recovery: PqRecipient,
    /// Verifies the descriptor.
    pub owner: VerifyingKey,
    note: String,
}

impl KitPublic {
    pub(super) fn sign(
        repository: &str,
        recovery: &PqRecipient,
        owner_key: &SigningKey,
    ) -> Result<Self, KitError> {
        let owner = owner_key.verifying_key().clone();
        let text = format!("{HEADING}\nrepository {repository}\nrecovery {recovery}\nowner {owner}\n");
        let note = note::sign(&text, &[owner_key])?;
        Ok(Self { repository: repository.to_owned(), recovery: recovery.clone(), owner, note })
    }

    /// The signed note: `scelle/kit-public/v1`, then `repository`, `recovery` and `owner` lines.
    #[must_use]
    pub fn to_text(&self) -> &str {
        &self.note
    }

    /// Reads the note and verifies it with the owner key it names.
    pub fn parse(text: &str) -> Result<Self, KitError> {
        let text = text.replace("\r\n", "\n");
        let parsed = note::parse(text.trim_start_matches('\u{feff}').as_bytes())?;
        let mut lines = parsed.text.lines();
        let mut value = |key: &str| lines.next()?.strip_prefix(key);
        let (Some(""), Some(repository), Some(recovery), Some(owner)) =
            (value(HEADING), value("repository "), value("recovery "), value("owner "))
        else {
            return Err(KitError::Public);
        };
        if lines.next().is_some() || !is_repository_id(repository) {
            return Err(KitError::Public);
        }
        let recovery = PqRecipient::parse(recovery).map_err(|_| KitError::Public)?;
        let owner = VerifyingKey::parse(owner)?;
        if owner.name() != owner_name(repository) {
            return Err(KitError::Public);
        }
        if parsed.verified_by(std::slice::from_ref(&owner))?.is_empty() {
            return Err(KitError::Public);
        }
        let repository = repository.to_owned();
        Ok(Self { repository, recovery, owner, note: text.trim_start_matches('\u{feff}').to_owned() })
    }
}
