//! The descriptor: who owns a repository, who may open it, which devices write to it (FORMAT.md §5.2).
//!
//! For: its text, both ways, and whether one revision may follow another ([`check_first`], [`check_successor`]).
//! Data comes from the text of a signed note whose signatures the caller verified. Never: verifies a signature,
//! reads the store, or decides which descriptor is the newest.

mod validity;

use std::fmt::Write;

pub use validity::{
    DescriptorError, Pin, SeenRevision, SignedDescriptor, Standing, check_first, check_history, check_seen,
    check_successor,
};

use crate::error::{FormatError, Result, malformed};
use crate::id::{DeviceId, RepositoryId, Sha256, parse_decimal};
use crate::limits::NOTE_MAX_BYTES;
use crate::text::{
    Lines, all_differ, closed_words, dash_or, features, lower_hex, number, or_dash, ordinal,
    required_features, show_features, word, words,
};
use crate::timestamp::Timestamp;
use crate::vkey_text::VKey;

const WHAT: &str = "descriptor";
/// Owners of one repository, at most.
const OWNERS_MAX: usize = 32;
/// Recipients of one repository: as many as an age header has stanzas.
const RECIPIENTS_MAX: usize = 20;
/// Epochs and devices of one repository, at most.
const ROWS_MAX: usize = 4096;
/// Words of the succession rule, at most.
const SUCCESSION_WORDS_MAX: usize = 16;

closed_words! {
    /// What a recipient is for.
    RecipientRole, "recipient role" {
        /// R, on the paper kit.
        Recovery = "recovery",
        /// R2, behind the everyday phrase.
        Everyday = "everyday",
        /// P, a provider.
        Escrow = "escrow",
    }
}

closed_words! {
    /// Whether a holder has opened the epoch's identity yet.
    EpochState, "epoch state" {
        /// Nobody has.
        Provisional = "provisional",
        /// A holder has.
        Confirmed = "confirmed",
    }
}

closed_words! {
    /// Whether a device's notes count.
    DeviceState, "device state" {
        /// They do.
        Enrolled = "enrolled",
        /// Those after the revocation do not.
        Revoked = "revoked",
    }
}

/// How ownership passes on when owners are lost. Kept and shown; no rule of version 1 acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Public delay, in days.
    pub days: u32,
    /// The rule, 1 to 16 words.
    pub words: Vec<String>,
}

/// One `recipient` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientLine {
    /// Short name, one word.
    pub name: String,
    /// What it is for.
    pub role: RecipientRole,
    /// SHA-256 of the recipient string.
    pub sha256: Sha256,
}

/// One `epoch` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochLine {
    /// Number of the epoch, from 0.
    pub number: u32,
    /// SHA-256 of the epoch's recipient string.
    pub recipient_sha256: Sha256,
    /// Whether a holder has opened it.
    pub state: EpochState,
}

/// One `device` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLine {
    /// Name of the device.
    pub id: DeviceId,
    /// Its signing key, named `scelle/<repo-id>/<dev>`.
    pub vkey: VKey,
    /// Whether its notes count.
    pub state: DeviceState,
    /// K generation in force.
    pub generation: u16,
    /// `subkey("check")` of that generation: a commitment to K.
    pub k_check: [u8; 32],
}

/// How many snapshots are kept. A device may keep more, never less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// One a day, for this many days that have one.
    pub keep_daily: u32,
    /// One a week.
    pub keep_weekly: u32,
    /// One a month.
    pub keep_monthly: u32,
    /// One a year.
    pub keep_yearly: u32,
}

impl RetentionPolicy {
    /// Whether this keeps everything that `other` keeps.
    pub fn keeps_at_least(&self, other: &Self) -> bool {
        self.keep_daily >= other.keep_daily
            && self.keep_weekly >= other.keep_weekly
            && self.keep_monthly >= other.keep_monthly
            && self.keep_yearly >= other.keep_yearly
    }

    fn parse(value: &str) -> Result<Self> {
        let fields: [&str; 8] = words("policy", value)?;
        let wrong =
            malformed("policy", "keep-daily <n> keep-weekly <n> keep-monthly <n> keep-yearly <n> expected");
        let mut counts = [0u32; 4];
        let keys = ["keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"];
        for ((pair, key), count) in fields.chunks_exact(2).zip(keys).zip(&mut counts) {
            if pair[0] != key {
                return Err(wrong);
            }
            *count = number(pair[1]).ok_or(wrong.clone())?;
        }
        let [keep_daily, keep_weekly, keep_monthly, keep_yearly] = counts;
        Ok(Self { keep_daily, keep_weekly, keep_monthly, keep_yearly })
    }
}

impl std::fmt::Display for RetentionPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "keep-daily {} keep-weekly {} keep-monthly {} keep-yearly {}",
            self.keep_daily, self.keep_weekly, self.keep_monthly, self.keep_yearly
        )
    }
}

/// One revision of a repository's descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Name of the repository.
    pub repository: RepositoryId,
    /// 1, 2, 3 …; equals the number in the object's name.
    pub revision: u64,
    /// When it was made.
    pub time: Timestamp,
    /// SHA-256 of the previous revision's text; absent in revision 1 only.
    pub prev: Option<Sha256>,
    /// Features a reader must know.
    pub required: Vec<String>,
    /// Features a reader may ignore.
    pub optional: Vec<String>,
    /// Keys that may sign the next revision, all named `scelle/<repo-id>/owner`.
    pub owners: Vec<VKey>,
    /// How many of the owners must sign.
    pub threshold: u16,
    /// How ownership passes on.
    pub succession: Succession,
    /// Delegated key, named `scelle/<repo-id>/admin`.
    pub admin: Option<VKey>,
    /// To whom epoch identities are wrapped; at least one is for recovery.
    pub recipients: Vec<RecipientLine>,
    /// Epochs, ascending.
    pub epochs: Vec<EpochLine>,
    /// Devices, in order of enrolment.
    pub devices: Vec<DeviceLine>,
    /// What is kept.
    pub policy: RetentionPolicy,
    /// Lines beginning with `x-`, after the policy, kept as they are.
    pub extensions: Vec<String>,
}

impl Descriptor {
    /// The text that is signed. Fails where a field breaks the grammar, so that no such text is ever signed.
    pub fn to_text(&self) -> Result<String> {
        let text = self.render();
        if Self::parse(&text)? == *self {
            Ok(text)
        } else {
            Err(malformed(WHAT, "a field cannot be written"))
        }
    }

    /// SHA-256 of the text: what `prev` and ledger notes name.
    pub fn text_sha256(&self) -> Sha256 {
        Sha256::of(self.render().as_bytes())
    }

    /// Reads a text. Texts have one form: what this accepts, [`Self::to_text`] writes back byte for byte.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = Lines::open(WHAT, text, NOTE_MAX_BYTES)?;
        lines.version("scelle/descriptor/")?;
        let descriptor = Self {
            repository: RepositoryId::parse(lines.field("repository")?)?,
            revision: ordinal(WHAT, lines.field("revision")?)?,
            time: Timestamp::parse(lines.field("time")?)?,
            prev: dash_or(lines.field("prev")?, Sha256::parse)?,
            required: required_features(WHAT, lines.field("required")?)?,
            optional: features(WHAT, lines.field("optional")?)?,
            owners: lines.repeated("owner", OWNERS_MAX, VKey::parse)?,
            threshold: lines.number("threshold")?,
            succession: succession(lines.field("succession")?)?,
            admin: dash_or(lines.field("admin")?, VKey::parse)?,
            recipients: lines.repeated("recipient", RECIPIENTS_MAX, recipient_line)?,
            epochs: lines.repeated("epoch", ROWS_MAX, epoch_line)?,
            devices: lines.repeated("device", ROWS_MAX, device_line)?,
            policy: RetentionPolicy::parse(lines.field("policy")?)?,
            extensions: extensions(&mut lines)?,
        };
        lines.end()?;
        descriptor.check()?;
        Ok(descriptor)
    }

    /// The name of the object must carry the same revision.
    pub fn expect_revision(&self, named: u64) -> Result<()> {
        if self.revision == named { Ok(()) } else { Err(malformed(WHAT, "revision differs from its name")) }
    }

    /// Keys whose signatures mean something on this revision or the next: owners, admin, devices.
    pub fn known_keys(&self) -> Vec<VKey> {
        let devices = self.devices.iter().map(|device| &device.vkey);
        self.owners.iter().chain(&self.admin).chain(devices).cloned().collect()
    }

    /// The line of a device.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceLine> {
        self.devices.iter().find(|line| line.id == *id)
    }

    /// The line of an epoch.
    pub fn epoch(&self, number: u32) -> Option<&EpochLine> {
        self.epochs.iter().find(|line| line.number == number)
    }

    /// What the grammar alone does not say.
    fn check(&self) -> Result<()> {
        let wrong = |why| Err(malformed(WHAT, why));
        let repository = &self.repository;
        if (self.revision == 1) != self.prev.is_none() {
            return wrong("prev is absent in revision 1 and only there");
        }
        if self.owners.is_empty() || !self.owners.iter().all(|key| key.is_named(repository, "owner")) {
            return wrong("owners are named scelle/<repo-id>/owner");
        }
        if self.threshold == 0 || usize::from(self.threshold) > self.owners.len() {
            return wrong("threshold is from 1 to the number of owners");
        }
        if !self.admin.iter().all(|key| key.is_named(repository, "admin")) {
            return wrong("admin is named scelle/<repo-id>/admin");
        }
        if !self.devices.iter().all(|device| device.vkey.is_named(repository, device.id.as_str())) {
            return wrong("a device's key is named scelle/<repo-id>/<dev>");
        }
        if !self.recipients.iter().any(|line| line.role == RecipientRole::Recovery) {
            return wrong("a recovery recipient is needed");
        }
        if self.epochs.is_empty() || self.devices.is_empty() {
            return wrong("an epoch and a device are needed");
        }
        if !self.epochs.is_sorted_by(|a, b| a.number < b.number) {
            return wrong("epochs ascend");
        }
        let unique = all_differ(self.owners.iter())
            && all_differ(self.recipients.iter().map(|line| &line.name))
            && all_differ(self.devices.iter().map(|line| &line.id));
        if unique { Ok(()) } else { wrong("a line twice") }
    }

    fn render(&self) -> String {
        let mut out = format!(
            "scelle/descriptor/1\nrepository {}\nrevision {}\ntime {}\nprev {}\nrequired {}\noptional {}\n",
            self.repository,
            self.revision,
            self.time,
            or_dash(self.prev),
            show_features(&self.required),
            show_features(&self.optional),
        );
        // Writing to a String cannot fail.
        for owner in &self.owners {
            let _ = writeln!(out, "owner {owner}");
        }
        let _ = writeln!(out, "threshold {}", self.threshold);
        let _ = writeln!(out, "succession {} {}", self.succession.days, self.succession.words.join(" "));
        let _ = writeln!(out, "admin {}", or_dash(self.admin.as_ref()));
        for line in &self.recipients {
            let _ = writeln!(out, "recipient {} {} {}", line.name, line.role, line.sha256);
        }
        for line in &self.epochs {
            let _ = writeln!(out, "epoch {} {} {}", line.number, line.recipient_sha256, line.state);
        }
        for line in &self.devices {
            let check = hex::encode(line.k_check);
            let _ =
                writeln!(out, "device {} {} {} {} {check}", line.id, line.vkey, line.state, line.generation);
        }
        let _ = writeln!(out, "policy {}", self.policy);
        for line in &self.extensions {
            let _ = writeln!(out, "{line}");
        }
        out
    }
}

fn succession(value: &str) -> Result<Succession> {
    let wrong = malformed("succession", "<days> <words> expected");
    let (days, rule) = value.split_once(' ').ok_or(wrong.clone())?;
    let days = parse_decimal(days).and_then(|n| u32::try_from(n).ok()).ok_or(wrong)?;
    let words: Vec<String> = rule.split(' ').map(|part| word("succession", part)).collect::<Result<_>>()?;
    if words.len() > SUCCESSION_WORDS_MAX {
        return Err(FormatError::TooLarge { what: "succession" });
    }
    Ok(Succession { days, words })
}

fn recipient_line(value: &str) -> Result<RecipientLine> {
    let [name, role, sha256] = words("recipient", value)?;
    Ok(RecipientLine {
        name: word("recipient", name)?,
        role: RecipientRole::parse(role)?,
        sha256: Sha256::parse(sha256)?,
    })
}

fn epoch_line(value: &str) -> Result<EpochLine> {
    let [epoch, sha256, state] = words("epoch", value)?;
    Ok(EpochLine {
        number: number(epoch).ok_or(malformed("epoch", "a number is expected"))?,
        recipient_sha256: Sha256::parse(sha256)?,
        state: EpochState::parse(state)?,
    })
}

fn device_line(value: &str) -> Result<DeviceLine> {
    let [id, vkey, state, generation, check] = words("device", value)?;
    Ok(DeviceLine {
        id: DeviceId::parse(id)?,
        vkey: VKey::parse(vkey)?,
        state: DeviceState::parse(state)?,
        generation: number(generation).ok_or(malformed("device", "a K generation is expected"))?,
        k_check: lower_hex(check).ok_or(malformed("device", "a K check is expected"))?,
    })
}

fn extensions(lines: &mut Lines<'_>) -> Result<Vec<String>> {
    let mut out = Vec::new();
    while let Some(line) = lines.peek().filter(|line| line.starts_with("x-")) {
        out.push(line.to_owned());
        lines.take()?;
    }
    Ok(out)
}
