//! The paper kit: what remains when the PC is gone.
//!
//! For: opening and owning a repository from one printed page. Data comes as random bytes or as typed text and
//! leaves as text or as the public half. Never: written to a disk by this crate, shown by `Debug`, or needed
//! for an ordinary backup; `init` works from [`KitPublic`] alone.
//!
//! The page is a valid age identity file: one `AGE-SECRET-KEY-PQ-1…` line, the rest in `#` lines. Check
//! characters say in which group a typing mistake is.

mod checks;
mod error;
mod lines;
mod public;
mod text;

use secrecy::{ExposeSecret, SecretString};

pub use error::{KitError, KitLine};
pub use public::KitPublic;
pub use text::MAX_KIT_BYTES;

use crate::crypto::PqIdentity;
use crate::fingerprint;
use crate::note::SigningKey;
use crate::phrase::{self, Language};
use crate::random::Random;

/// A repository's id and its two root keys.
pub struct Kit {
    /// 26 characters of lower-case base32: 16 random bytes, made here.
    pub repository: String,
    /// Opens every epoch.
    pub recovery: PqIdentity,
    /// Signs the descriptor; named `scelle/<repository>/owner`.
    pub owner: SigningKey,
    /// Where the backups are and whom to ask, one line each, for the person who holds only this page.
    pub places: Vec<String>,
}

impl Kit {
    /// A new kit: new repository id, new keys.
    pub fn generate(random: &mut dyn Random) -> Result<Self, KitError> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let repository = checks::base32_encode(&id);
        let recovery = PqIdentity::generate(random);
        let owner = SigningKey::generate(&lines::owner_name(&repository), random)?;
        Ok(Self { repository, recovery, owner, places: Vec::new() })
    }

    /// The half that `init` needs, signed by the owner key.
    pub fn public(&self) -> Result<KitPublic, KitError> {
        KitPublic::sign(&self.repository, &self.recovery.recipient(), &self.owner)
    }

    /// The page to print, all in one language, the fingerprint's words too. `created` is a date for the reader.
    #[must_use]
    pub fn to_file_text(&self, language: Language, created: &str) -> SecretString {
        self.written(language, created, text::PageExtent::Whole)
    }

    /// The lines of the page that have a meaning, short enough for a code to be scanned. It is a kit file as well.
    #[must_use]
    pub fn to_lines(&self, language: Language) -> SecretString {
        self.written(language, "", text::PageExtent::Lines)
    }

    fn written(&self, language: Language, created: &str, extent: text::PageExtent) -> SecretString {
        let identity = self.recovery.to_secret_string();
        let page = text::Page {
            explanation: text::explanation(language),
            repository: &lines::repository_line(&self.repository),
            created,
            places: &self.places,
            owner: &lines::owner_line(self.owner.seed()),
            fingerprint: &fingerprint::six_words(&self.owner.verifying_key().sha256(), language),
            groups: &lines::groups_line(identity.expose_secret()),
            identity: identity.expose_secret(),
        };
        text::write(&page, extent)
    }

    /// Reads a kit from its file, or as typed from paper: case, spaces, hyphens and line ends do not matter.
    pub fn parse(typed: &str) -> Result<Self, KitError> {
        let found = text::KitLines::find(typed)?;
        let line = |line: Option<_>, name| line.ok_or(KitError::Missing(name));
        let repository = lines::parse_repository(line(found.repository, KitLine::Repository)?)?;
        let recovery = lines::parse_identity(line(found.identity, KitLine::Identity)?, found.groups)?;
        let seed = lines::parse_owner(line(found.owner, KitLine::Owner)?)?;
        let owner = SigningKey::from_seed(&lines::owner_name(&repository), &seed)?;
        check_fingerprint(&owner, line(found.fingerprint, KitLine::OwnerFingerprint)?)?;
        Ok(Self { repository, recovery, owner, places: found.places })
    }
}

/// The six words cover repository id and owner key together: the last proof that every group was right.
fn check_fingerprint(owner: &SigningKey, typed: &str) -> Result<(), KitError> {
    let typed_words = phrase::normalize(typed);
    let sha256 = owner.verifying_key().sha256();
    let fits = |language| {
        phrase::normalize(&fingerprint::six_words(&sha256, language)).expose_secret()
            == typed_words.expose_secret()
    };
    if fits(Language::French) || fits(Language::English) {
        return Ok(());
    }
    let group = phrase::unknown_words(typed).first().map_or(0, |&position| position as u32);
    Err(KitError::Mistyped { line: KitLine::OwnerFingerprint, group })
}
