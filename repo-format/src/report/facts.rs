//! The facts that lights follow from, and the reason each value gives.
//!
//! For: [`super::status`]. This file *is* the truth table: `Fine` gives no reason, `Green` a remark, the others a reason
//! with code, half and actor; what needs no measuring stands on one line. Data comes from the agent. Never: a threshold.

use super::fact_table::{facts, reason};
use super::reason::{Half, Reason, Who};
use super::values::UnknownWhy;
use crate::light::Light;

facts! {
    /// How the last backup run ended.
    LastRun as last_run {
        /// Everything it was to read was read and committed.
        Complete: Fine,
        /// Committed, with things missing.
        Partial: Amber "run-partial" Protection Provider,
        /// Stopped; it goes on at the next start.
        Interrupted: Amber "run-interrupted" Protection Practice,
        /// It was due and did not start.
        Missed: Amber "run-missed" Protection Practice,
        /// It ended without a snapshot.
        Failed: Red "run-failed" Protection Provider,
        /// There has never been one.
        Never: Red "never-backed-up" Protection Practice,
        ; unknown "run-unknown" Protection Provider } best Complete, at_init Unknown(NotMeasured);

    /// Age of the last good backup against the plan (PDMA).
    BackupAge as backup_age {
        /// Within the age allowed.
        Within: Fine,
        #[doc = "No plan says how old it may be."] NotApplicable: Fine,
        /// Over the age allowed.
        Late: Amber "backup-late" Protection Practice,
        /// Over one and a half times the age allowed.
        Overdue: Red "backup-overdue" Protection Provider,
        ; unknown "backup-age-unknown" Protection Provider } best Within, at_init NotApplicable;

    /// Whether a plan says when backups run.
    Planned as planned {
        /// It does.
        Yes: Fine,
        /// Backups run when someone starts them.
        No: Amber "no-plan" Compliance Provider,
        ; unknown "plan-unknown" Compliance Provider } best Yes, at_init No;

    /// How many snapshots there are to go back to.
    History as history {
        /// At least five.
        Established: Fine,
        /// Two to four.
        Short: Green "history-short" Protection Practice,
        /// This is the first.
        First: Amber "first-backup" Protection Practice,
        ; unknown "history-unknown" Protection Provider } best Established, at_init Unknown(NotMeasured);

    /// Required destinations written by the last run.
    Destinations as destinations {
        /// All.
        AllWritten: Fine,
        /// Some.
        SomeMissed: Amber "destination-missed" Protection Provider,
        /// None.
        NoneWritten: Red "no-destination-written" Protection Provider,
        ; unknown "destinations-unknown" Protection Provider } best AllWritten, at_init Unknown(NotMeasured);

    /// Whether a copy is outside the practice.
    OffSite as off_site {
        /// One is.
        Yes: Fine,
        /// All are in the practice, or cannot be said to be elsewhere.
        No: Amber "no-off-site-copy" Protection Provider,
        ; unknown "off-site-unknown" Protection Provider } best Yes, at_init No;

    /// Whether objects are safe from whoever holds the PC's credentials.
    Lock as lock {
        /// Locked as planned, and the probe agrees.
        Holds: Fine,
        /// Locked, but some credential may lift it.
        Liftable: Amber "lock-can-be-lifted" Protection Host,
        /// Ends within 30 days on snapshots still retained.
        EndsSoon: Amber "lock-ends-soon" Protection Provider,
        /// None.
        Absent: Amber "not-ransomware-proof" Protection Provider,
        /// The one who runs the store says that it keeps what is written; nobody has measured it.
        Declared: Green "lock-declared" Protection Provider,
        /// The store was asked, and what this PC's credential may see does not show that objects are locked.
        Unproven: Amber "lock-unproven" Protection Host,
        /// Claimed, and the probe shows it does not hold.
        Broken: Red "lock-broken" Protection Host,
        ; unknown "lock-unknown" Protection Provider } best Holds, at_init Unknown(NotMeasured);

    /// Files that could not be read.
    Files as files {
        /// None.
        AllRead: Fine,
        /// Some, below the threshold, listed in the root.
        SomeUnreadable: Amber "files-unreadable" Protection Provider,
        /// More than the threshold, or a whole folder.
        ManyUnreadable: Red "many-files-unreadable" Protection Provider,
        /// At least one in a set that must be whole.
        CriticalUnreadable: Red "critical-file-unreadable" Protection Provider,
        /// There was nothing to read at all.
        NothingFound: Red "nothing-to-back-up" Protection Provider,
        ; unknown "files-unknown" Protection Provider } best AllRead, at_init Unknown(NotMeasured);

    /// How databases were taken.
    Databases as databases {
        /// In a read transaction, by dump or snapshot, or closed and open in no program.
        Consistent: Fine,
        #[doc = "No database was seen."] NotDetected: Fine,
        /// Main and side files together, as after a power cut: it recovers when it is opened.
        CrashConsistent: Amber "database-crash-consistent" Protection Provider,
        /// Unchanged while it was copied, but a program has it open.
        HeldOpen: Amber "database-held-open" Protection Practice,
        #[doc = "Unchanged while it was copied; whether a program has it open is not known."] UseUnknown: Amber "database-use-unknown" Protection Provider,
        #[doc = "In a transaction over several databases: recovers in its old place only."] Tied: Red "database-tied" Protection Provider,
        /// Changed while it was copied: may not open again.
        LiveCopy: Red "database-live-copy" Protection Provider,
        #[doc = "The engine's check refused the copy."] CheckFailed: Red "database-check-failed" Protection Provider,
        ; unknown "databases-unknown" Protection Provider } best Consistent, at_init Unknown(NotMeasured);

    /// What the end of the run read back (manifest, sample of packs).
    Verification as verification {
        /// It was right.
        Passed: Fine,
        /// Nothing was read back.
        Skipped: Amber "verification-skipped" Protection Provider,
        /// It was wrong.
        Failed: Red "verification-failed" Protection Provider,
        ; unknown "verification-unknown" Protection Provider } best Passed, at_init Unknown(NotMeasured);

    /// Whether every stored byte was read again within its delay.
    FullReread as full_reread {
        /// It was.
        Within: Fine,
        #[doc = "The delay has not passed since init."] NotDue: Fine,
        /// It was not.
        Overdue: Amber "full-reread-overdue" Protection Provider,
        /// It was, and something was wrong.
        Mismatch: Red "reread-mismatch" Protection Provider,
        ; unknown "full-reread-unknown" Protection Provider } best Within, at_init NotDue;

    /// Whether every pack that retained snapshots need is listed by the store.
    PackPresence as pack_presence {
        /// All are.
        AllPresent: Fine,
        /// Some are not.
        Missing: Red "packs-missing" Protection Host,
        ; unknown "packs-unknown" Protection Provider } best AllPresent, at_init Unknown(NotMeasured);

    /// Whether stored objects are known to be missing or wrong.
    Damage as damage {
        /// None are.
        NoneKnown: Fine,
        /// Some were, and this run has stored their content again.
        Healed: Amber "damage-healed" Protection Host,
        /// Some are, no source can mend them, and somebody has accepted that.
        Accepted: Amber "loss-acknowledged" Protection Practice,
        /// Some are, and their content is not whole elsewhere yet.
        Known: Red "damage-known" Protection Host,
        ; unknown "damage-unknown" Protection Provider } best NoneKnown, at_init NoneKnown;

    /// Whether objects other than packs, or hidden ones, are known to be missing or wrong.
    SmallObjects as small_objects {
        /// None are.
        Whole: Fine,
        /// Some are that no restoration needs, and this PC cannot put them back.
        Spare: Amber "damage-spare" Protection Host,
        /// Notes or what they attach are, and this PC cannot put them back.
        Lost: Red "damage-small" Protection Host,
        /// Delete markers hide some, and this PC cannot bring them back.
        Hidden: Red "objects-hidden" Protection Provider,
        /// Key files or descriptors are, and this PC cannot put them back.
        Keys: Red "damage-keys" Protection Provider,
        ; unknown "small-objects-unknown" Protection Provider } best Whole, at_init Whole;

    /// Whether the store held other bytes under a name than were stored there, and nobody has acknowledged it.
    Altered as altered {
        /// Not as far as was seen.
        NoneSeen: Fine,
        /// It did, whether they were put right or not.
        Seen: Red "objects-altered" Protection Host,
        ; unknown "altered-unknown" Protection Provider } best NoneSeen, at_init NoneSeen;

    /// Copies of the small objects without which all is lost.
    KeyCopies as key_copies {
        /// At least three of each.
        Enough: Fine,
        /// Fewer.
        TooFew: Red "key-copies-missing" Protection Provider,
        ; unknown "key-copies-unknown" Protection Provider } best Enough, at_init Unknown(NotMeasured);

    /// The last restore rehearsal.
    Rehearsal as rehearsal {
        /// Passed, within its delay.
        Passed: Fine,
        #[doc = "The delay has not passed since init."] NotDue: Fine,
        /// Too long ago, or never.
        Overdue: Amber "rehearsal-overdue" Compliance Practice,
        /// It did not restore what it was to restore. Outweighs every good run.
        Failed: Red "rehearsal-failed" Protection Provider,
        ; unknown "rehearsal-unknown" Compliance Provider } best Passed, at_init NotDue;

    /// Whether the recovery kit was shown to open the repository.
    Kit as kit {
        /// Within 12 months, on another machine.
        CheckedOffPc: Fine,
        #[doc = "The delay has not passed since init."] NotDue: Fine,
        /// Checked, but on the PC that is backed up.
        CheckedOnPc: Amber "kit-not-checked-off-pc" Protection Practice,
        /// Never, or more than 12 months ago.
        Unchecked: Amber "kit-unchecked" Protection Practice,
        /// A kit file lies on a fixed disk or inside a source.
        OnDisk: Red "kit-on-disk" Protection Practice,
        ; unknown "kit-unknown" Protection Practice } best CheckedOffPc, at_init NotDue;

    /// Whether the owner has signed the descriptor.
    Owner as owner {
        /// Yes.
        Signed: Fine,
        #[doc = "Not yet; the delay has not passed since init."] NotDue: Fine,
        /// Not yet, and it is due.
        Unsigned: Amber "owner-has-not-signed" Compliance Practice,
        ; unknown "owner-unknown" Compliance Provider } best Signed, at_init NotDue;

    /// Whether a holder of a key has opened the current epoch.
    EpochProof as epoch_proof {
        /// Yes.
        Opened: Fine,
        #[doc = "Not yet; the delay has not passed since init."] NotDue: Fine,
        /// Not yet, and it is due.
        NotOpened: Amber "epoch-never-opened" Protection Practice,
        ; unknown "epoch-unknown" Protection Provider } best Opened, at_init NotDue;

    /// To whom epoch identities are wrapped.
    Recipients as recipients {
        /// To those the practice knows of.
        Acknowledged: Fine,
        /// Changed, and nobody has acknowledged it.
        Changed: Red "recipients-changed" Protection Practice,
        ; unknown "recipients-unknown" Protection Provider } best Acknowledged, at_init Unknown(NotMeasured);

    /// Whether the everyday phrase was typed on the PC that is backed up.
    EverydayPhrase as everyday_phrase {
        /// No, or there is none.
        Unused: Fine,
        /// Yes, and a new one was not made since.
        UsedOnPc: Amber "everyday-phrase-used" Compliance Practice,
        ; unknown "everyday-phrase-unknown" Compliance Practice } best Unused, at_init Unused;

    /// What changed in the sources against earlier runs of the same set.
    Anomaly as anomaly {
        #[doc = "Nothing unusual."] Normal: Fine,
        #[doc = "Fewer than five earlier runs to compare with."] TooFewRuns: Fine,
        /// Nothing new on several working days.
        NoNewData: Amber "no-new-data" Protection Practice,
        /// More than 30 % smaller.
        Shrunk: Amber "sources-shrunk" Protection Practice,
        /// So much changed that it may be encryption by malware.
        MassChange: Red "mass-change" Protection Provider,
        ; unknown "anomaly-unknown" Protection Provider } best Normal, at_init TooFewRuns;

    /// Whether what is to be saved is still there, against what was last accepted for the set.
    Sources as sources {
        /// It is, or there is nothing to compare with.
        There: Fine,
        /// Half of a few files are gone, and nobody has acknowledged it.
        FewLost: Amber "few-files-lost" Protection Practice,
        /// Half of the files or more are gone, and nobody has acknowledged it.
        FilesLost: Red "files-lost" Protection Practice,
        /// A root that held files has none, and nobody has acknowledged it.
        RootEmptied: Red "root-emptied" Protection Practice,
        /// A root does not exist, and nobody has acknowledged it.
        RootMissing: Red "root-missing" Protection Practice,
        ; unknown "sources-unknown" Protection Provider } best There, at_init Unknown(NotMeasured);

    /// The device's own chain of notes against the store.
    Chain as chain {
        #[doc = "Whole."] Whole: Fine,
        /// The device's state was older and was brought forward.
        Rewound: Amber "state-rewound" Compliance Provider,
        /// The device's state was older and was brought forward, as it was shortly before: another computer may work as it.
        RewoundAgain: Red "state-rewound-again" Protection Provider,
        /// Notes are lost or out of place, and somebody acknowledged it.
        GapDeclared: Amber "chain-gap" Protection Host,
        /// A note is missing or does not stand on the one before it.
        Broken: Red "chain-broken" Protection Host,
        #[doc = "Two notes of one number."] Fork: Red "chain-fork" Protection Provider,
        /// The store shows an older head or descriptor than one already seen.
        RolledBack: Red "store-rolled-back" Protection Host,
        ; unknown "chain-unknown" Protection Provider } best Whole, at_init Unknown(NotMeasured);

    /// Retention against the descriptor's policy.
    RetentionKept as retention {
        /// As much as the policy asks, or more.
        Kept: Fine,
        /// Less.
        BelowPolicy: Red "retention-below-policy" Protection Provider,
        ; unknown "retention-unknown" Protection Provider } best Kept, at_init Kept;

    /// The device's clock against the server's.
    Clock as clock {
        /// Within 60 s.
        Within: Fine,
        #[doc = "The store gives no time."] NoReference: Fine,
        /// Off by 60 s or more.
        Off: Amber "clock-off" Compliance Provider,
        ; unknown "clock-unknown" Compliance Provider } best Within, at_init NoReference;

    /// Room left in the store.
    Space as space {
        /// Enough for 30 days.
        Enough: Fine,
        #[doc = "The store does not tell or has no bound."] NotApplicable: Fine,
        /// Full within 30 days.
        Low: Amber "space-low" Protection Provider,
        /// Full.
        Exhausted: Red "space-exhausted" Protection Provider,
        ; unknown "space-unknown" Protection Provider } best Enough, at_init NotApplicable;

    /// Credentials of the store.
    Credential as credential {
        /// Good for 30 days and more.
        Valid: Fine,
        #[doc = "The store needs none, or they do not end."] NotApplicable: Fine,
        /// End within 30 days.
        EndsSoon: Amber "credential-ends-soon" Protection Provider,
        /// Ended or refused.
        Ended: Red "credential-ended" Protection Provider,
        ; unknown "credential-unknown" Protection Provider } best Valid, at_init NotApplicable;

    /// TLS certificate of the store.
    TlsCertificate as tls_certificate {
        /// Good for 30 days and more.
        Valid: Fine,
        #[doc = "The store has none."] NotApplicable: Fine,
        /// The connections of this run verified it; when it ends was not looked at.
        Verified: Green "tls-certificate-end-not-seen" Protection Host,
        /// Ends within 30 days.
        EndsSoon: Amber "tls-certificate-ends-soon" Protection Host,
        /// Ended or refused.
        Ended: Red "tls-certificate-ended" Protection Host,
        ; unknown "tls-certificate-unknown" Protection Host } best Valid, at_init NotApplicable;

    /// Licence of the program.
    Licence as licence {
        /// Good for 30 days and more.
        Valid: Fine,
        #[doc = "None is needed."] NotApplicable: Fine,
        /// Ends within 30 days.
        EndsSoon: Amber "licence-ends-soon" Compliance Provider,
        /// Ended.
        Ended: Red "licence-ended" Compliance Provider,
        ; unknown "licence-unknown" Compliance Provider } best Valid, at_init NotApplicable;

    /// Version of the agent.
    AgentVersion as agent_version {
        /// Supported.
        Supported: Fine,
        #[doc = "No source of updates was configured."] NotTracked: Fine,
        /// A newer one is out.
        Outdated: Amber "agent-outdated" Compliance Provider,
        /// No longer supported.
        Unsupported: Red "agent-unsupported" Compliance Provider,
        ; unknown "agent-version-unknown" Compliance Provider } best Supported, at_init NotTracked;

    /// Whether backups are paused.
    PauseState as pause {
        /// No.
        Running: Fine,
        /// Yes.
        Paused: Amber "paused" Protection Practice,
        ; unknown "pause-unknown" Protection Practice } best Running, at_init Running;

    /// What is declared about the host of the store (HDS).
    Hosting as hosting {
        /// A valid certificate covers the service.
        Certified: Fine,
        /// The practice's own premises.
        OwnPremises: Fine,
        /// Nothing is declared.
        Undeclared: Amber "host-undeclared" Compliance Provider,
        /// The certificate declared has ended.
        CertificateEnded: Red "host-certificate-ended" Compliance Host,
        ; unknown "host-unknown" Compliance Provider } best Certified, at_init Undeclared;

    /// What someone other than the device says of the same store.
    SecondParty as second_party {
        /// The same, within its delay.
        Confirms: Fine,
        /// There is nobody.
        Absent: Green "self-declared" Compliance Provider,
        /// Nothing for too long.
        Silent: Amber "second-party-silent" Compliance Provider,
        /// Something else.
        Contradicts: Red "second-party-contradicts" Protection Provider,
        ; unknown "second-party-unknown" Compliance Provider } best Confirms, at_init Absent;
}
