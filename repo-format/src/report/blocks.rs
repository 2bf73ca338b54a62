//! The blocks of a bilan record.
//!
//! For: [`super::Record`]; one struct for each block that PGSSI-S 7.4.2.6 and 7.4.5.3 and the HDS objectives ask
//! for. Data comes from the agent; what nothing measured is [`Measured::Unknown`], never left out. Never: free text.

use serde::{Deserialize, Deserializer, Serialize};

use super::token::{ExtensionClass, SizeBucket, is_token};
use super::values::{AsText, Code, Label, Measured, RoundedBytes, VersionText};
use crate::id::{DeviceId, RepositoryId, Sha256};
use crate::ledger::ChainHead;
use crate::text::closed_words;
use crate::timestamp::Timestamp;

closed_words! {
    /// What made a run start.
    Trigger, "trigger" {
        /// The plan.
        Scheduled = "scheduled",
        /// A person.
        Manual = "manual",
        /// The plan, later than it said.
        CatchUp = "catch-up",
    }
}

closed_words! {
    /// How a run ended.
    RunResult, "run result" {
        /// Everything was done.
        Complete = "complete",
        /// Done, with things missing.
        Partial = "partial",
        /// Nothing was committed.
        Failed = "failed",
        /// Stopped; goes on later.
        Interrupted = "interrupted",
        /// Due, and did not start.
        Missed = "missed",
    }
}

closed_words! {
    /// How the content of a set was taken.
    Method, "method" {
        /// Plain files, read once.
        PlainRead = "plain-read",
        /// A system snapshot, with the engine's own writer.
        SnapshotWithWriter = "snapshot-with-writer",
        /// A system snapshot without one: as after a power cut.
        SnapshotWithoutWriter = "snapshot-without-writer",
        /// A dump by the engine's own tool.
        EngineDump = "engine-dump",
        /// A copy by the engine's own backup call.
        EngineBackup = "engine-backup",
        /// Copied with the application closed.
        ApplicationClosed = "application-closed",
        /// Copied while in use.
        LiveCopy = "live-copy",
    }
}

closed_words! {
    /// Result of a check.
    CheckResult, "outcome" {
        /// It held.
        Passed = "passed",
        /// It did not.
        Failed = "failed",
    }
}

closed_words! {
    /// Kind of destination.
    DestinationKind, "destination kind" {
        /// A folder: disk, share.
        Folder = "folder",
        /// A bucket.
        Bucket = "bucket",
    }
}

closed_words! {
    /// Object lock of the store.
    LockMode, "lock mode" {
        /// None.
        Absent = "absent",
        /// Some credential may lift it.
        Governance = "governance",
        /// Nobody may lift it.
        Compliance = "compliance",
    }
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Repository.
    pub repository: AsText<RepositoryId>,
    /// Device.
    pub device: AsText<DeviceId>,
    /// Sequence of the note before the bilan's own.
    pub previous_sequence: u64,
    /// SHA-256 of the text of that note.
    pub previous_note: Option<AsText<Sha256>>,
    /// Neutral name of the practice.
    pub practice: Measured<Label>,
    /// Version of the agent.
    pub agent_version: VersionText,
    /// Hash or number of its build.
    pub agent_build: Measured<VersionText>,
}

/// What was to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBlock {
    /// SHA-256 of the plan's text.
    pub plan_sha256: Measured<AsText<Sha256>>,
    /// Oldest age allowed for the last good backup, in seconds (PDMA).
    pub max_age_seconds: Measured<u64>,
    /// Longest time allowed for a restoration, in seconds (DMARD).
    pub max_restore_seconds: Measured<u64>,
    /// Snapshots kept daily, weekly, monthly, yearly.
    pub retention: Measured<[u64; 4]>,
    /// Number of exclusion rules.
    pub exclusions: u64,
    /// Whether the plan changed since the last bilan.
    pub changed: Measured<bool>,
}

/// What was done, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunBlock {
    /// `backup`, `check`, `rehearsal` …
    pub kind: Code,
    /// What made it start.
    pub trigger: Trigger,
    /// When it was due.
    pub expected: Measured<Timestamp>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Server time minus device time, in milliseconds.
    pub clock_offset_ms: Measured<i64>,
    /// How it ended.
    pub result: RunResult,
    /// Snapshot it made, if any.
    pub snapshot: Option<u64>,
    /// Set of roots it was for, as the notes of its snapshots name it. Added later: absent in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Code>,
    /// Error codes, each once.
    pub codes: Vec<Code>,
}

/// Counts of one set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetVolumes {
    /// Neutral label of the set.
    pub label: Label,
    /// Files seen.
    pub files_seen: u64,
    /// Of these, new.
    pub files_new: Measured<u64>,
    /// Of these, changed.
    pub files_changed: Measured<u64>,
    /// No longer there.
    pub files_removed: Measured<u64>,
    /// Not readable.
    pub files_unreadable: u64,
    /// Excluded by rules.
    pub files_excluded: Measured<u64>,
    /// Bytes read.
    pub read_bytes: RoundedBytes,
    /// Bytes sent to the store.
    pub sent_bytes: RoundedBytes,
    /// Bytes the store holds more than before.
    pub stored_bytes: RoundedBytes,
    /// Files with a problem; the sender bounds their number.
    pub problems: Vec<ReportedProblem>,
}

/// A file with a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedProblem {
    /// Its token ([`super::file_token`]).
    #[serde(deserialize_with = "read_token")]
    pub token: String,
    /// Its class.
    pub class: ExtensionClass,
    /// Its size, roughly.
    pub size: Measured<SizeBucket>,
    /// What is wrong.
    pub code: Code,
}

fn read_token<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if is_token(&text) { Ok(text) } else { Err(serde::de::Error::custom("not a token")) }
}

/// How the content of one set was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Neutral label of the set.
    pub label: Label,
    /// How.
    pub method: Method,
    /// What the engine's own check said of the copy.
    pub check: Measured<CheckResult>,
}

/// How it is sealed, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidentiality {
    /// Algorithms in use, for instance `age-v1`, `mlkem768x25519`.
    pub algorithms: Vec<VersionText>,
    /// Epoch written to.
    pub epoch: u64,
    /// SHA-256 of its recipient string.
    pub epoch_recipient: AsText<Sha256>,
    /// To how many of each kind the epoch is wrapped.
    pub recipients: RecipientCounts,
    /// When the recovery kit last opened something.
    pub kit_checked: Measured<Timestamp>,
    /// When the everyday phrase was last used on this PC.
    pub everyday_used: Measured<Timestamp>,
    /// TLS version of the store's connection.
    pub tls: Measured<VersionText>,
}

/// Recipients by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientCounts {
    /// Paper kits.
    pub recovery: u64,
    /// Everyday phrases.
    pub everyday: u64,
    /// Providers.
    pub escrow: u64,
}

/// What was read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// SHA-256 of the snapshot's root.
    pub root: Measured<AsText<Sha256>>,
    /// Packs that the store confirmed in this run.
    pub packs_confirmed: Measured<u64>,
    /// Bytes read back and opened in this run.
    pub read_back_bytes: Measured<RoundedBytes>,
    /// Share of stored bytes read again within the bound, in thousandths.
    pub reread_permille: Measured<u64>,
    /// The bound: days within which every stored byte is read again.
    pub reread_bound_days: Measured<u64>,
    /// Objects that were not what they are to be.
    pub mismatches: Measured<u64>,
}

/// What could be restored, from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    /// Copies.
    pub destinations: Vec<DestinationBlock>,
    /// Snapshots that can be restored.
    pub snapshots: Measured<u64>,
    /// Time of the oldest.
    pub oldest: Measured<Timestamp>,
    /// Time of the newest.
    pub newest: Measured<Timestamp>,
    /// Age of the last good backup when this run began, in seconds.
    pub achieved_age_seconds: Measured<u64>,
    /// The last restore test.
    pub last_restore_test: Measured<RestoreTest>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationBlock {
    /// Neutral label.
    pub label: Label,
    /// Folder or bucket.
    pub kind: DestinationKind,
    /// Whether it is outside the practice.
    pub off_site: Measured<bool>,
    /// Age of its newest snapshot, in seconds.
    pub age_seconds: Measured<u64>,
    /// Whether a second party confirms it.
    pub confirmed: Measured<bool>,
}

/// A restore test (PGSSI-S 7.4.5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTest {
    /// When.
    pub time: Timestamp,
    /// What was restored: `sample`, `set`, `whole` …
    pub scope: Code,
    /// Files restored.
    pub files: u64,
    /// Bytes restored.
    pub restored_bytes: RoundedBytes,
    /// How long it took, in seconds.
    pub duration_seconds: u64,
    /// Whether it restored what it was to restore.
    pub result: CheckResult,
    /// Keyed token of who did it.
    pub operator: Measured<Code>,
}

/// What the ledger shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traceability {
    /// Restorations since the last bilan.
    pub restores: Measured<u64>,
    /// Deletions since the last bilan.
    pub deletions: Measured<u64>,
    /// Changes of configuration since the last bilan.
    pub config_events: Measured<u64>,
    /// Changes of keys since the last bilan.
    pub key_events: Measured<u64>,
    /// Sequence of the chain's head.
    pub head_sequence: Measured<u64>,
    /// SHA-256 of the head's text.
    pub head: Measured<AsText<Sha256>>,
    /// Whether the chain was checked and is whole.
    pub chain_whole: Measured<bool>,
}

impl Traceability {
    /// Names the head of the chain.
    pub fn set_head(&mut self, head: ChainHead) {
        self.head_sequence = head.sequence.into();
        self.head = AsText(head.text_sha256).into();
    }
}

/// Where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosting {
    /// Host, as declared.
    pub host: Measured<Label>,
    /// Number of its HDS certificate, as declared.
    pub certificate: Measured<VersionText>,
    /// Last day of the certificate, as declared.
    pub certificate_until: Measured<Timestamp>,
    /// Country, ISO 3166-1 alpha-2 in lower case.
    pub country: Measured<Code>,
    /// Region, as the host calls it.
    pub region: Measured<Code>,
    /// Checks before the first run.
    pub preflight: Measured<CheckResult>,
    /// Lock in force.
    pub lock: Measured<LockMode>,
    /// Until when new objects are locked.
    pub lock_until: Measured<Timestamp>,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Snapshots released.
    pub snapshots: u64,
    /// Objects removed.
    pub objects: u64,
    /// Bytes removed.
    pub removed_bytes: RoundedBytes,
    /// Why.
    pub reason: Option<Code>,
    /// Requests of erasure honoured.
    pub erasures: u64,
}
