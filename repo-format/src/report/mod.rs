//! The bilan: what a run can prove, and the lights that follow from it (FORMAT.md §11).
//!
//! For: the record that a `bilan` note attaches, its status, and the tokens that stand for files in it. Data
//! comes from the agent as counts, codes and times. Never: holds a name, a path, an operating-system message;
//! never words for people, which each language has elsewhere.

mod blocks;
mod fact_table;
mod facts;
mod reason;
mod record;
mod status;
mod token;
mod values;

pub use blocks::{
    Availability, CheckResult, Confidentiality, Consistency, DestinationBlock, DestinationKind, Hosting,
    Identity, Integrity, LockMode, Method, PlanBlock, Purge, RecipientCounts, ReportedProblem, RestoreTest,
    RunBlock, RunResult, SetVolumes, Traceability, Trigger,
};
pub use facts::{
    AgentVersion, Altered, Anomaly, BackupAge, Chain, Clock, Credential, Damage, Databases, Destinations,
    EpochProof, EverydayPhrase, Facts, Files, FullReread, History, Hosting as HostingFact, KeyCopies, Kit,
    LastRun, Licence, Lock, OffSite, Owner, PackPresence, PauseState, Planned, Recipients, Rehearsal,
    RetentionKept, SecondParty, SmallObjects, Sources, Space, TlsCertificate, Verification,
};
pub use reason::{Half, Reason, Who};

pub use crate::light::Light;
pub use record::{Alert, Record, RecordedReason, RecordedStatus};
pub use status::{Assessment, status};
pub use token::{ExtensionClass, SizeBucket, extension_class, file_token, size_bucket};
pub use values::{AsText, Code, Label, Measured, RoundedBytes, UnknownWhy, VersionText};
