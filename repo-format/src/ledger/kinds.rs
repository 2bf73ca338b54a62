//! What a ledger note can say: the kinds of FORMAT.md §10 and their lines.
//!
//! For: the part of a note's text after its attachments. Data comes from [`super::Note`]. Never: reads the
//! objects that a note names.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::acknowledge::{Author, Because};
use super::rows::{FoundBad, WHAT, all_lines, forgotten, found_bad, healed, object_name, pack, signature};
use crate::descriptor::RecipientRole;
use crate::error::{Result, malformed};
use crate::id::{DeviceId, PackId, PackKind};
use crate::light::Light;
use crate::padme::padme;
use crate::text::{Lines, all_differ, closed_words, dash_or, or_dash, ordinal, word, words};
use crate::vkey_text::VKey;

/// Rows of a `forget`, `heal` or `damage` note, at most (the note's size bounds them anyway).
const ROWS_MAX: usize = 16_384;

closed_words! {
    /// Whether a snapshot holds everything it was to hold.
    SnapshotStatus, "snapshot status" {
        /// It does, but for what its root lists as problems.
        Complete = "complete",
        /// Checkpoint of an upload still going on: keeps its packs from being removed. It has no root, is never
        /// restored and never counts as a backup.
        Partial = "partial",
    }
}

/// The kind of a note and its own lines.
///
/// Exhaustive on purpose: who lists what may become of each kind of note must not overlook a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// The commit point of a snapshot; attaches `root` and `refs`, a partial one `refs` only.
    Snapshot {
        /// Number of the snapshot, from 1; no two snapshot notes of a device share one.
        number: u64,
        /// Complete or partial.
        status: SnapshotStatus,
        /// Epoch it is sealed in.
        epoch: u32,
        /// Set id, one word.
        set: String,
        /// Files in it.
        files: u64,
        /// Bytes read, on the Padmé ladder.
        source_bytes: u64,
        /// Bytes added to the store.
        stored_bytes: u64,
    },
    /// A bilan; attaches `record`.
    Bilan {
        /// What ran: `backup`, `check`, … one word.
        run: String,
        /// The bilan's status.
        status: Light,
        /// Snapshot it speaks of.
        snapshot: Option<u64>,
    },
    /// A restoration; attaches `record`.
    Restore,
    /// Snapshots released from retention.
    Forget {
        /// Device and number of each, at least one.
        snapshots: Vec<(DeviceId, u64)>,
        /// Why, one word.
        reason: String,
    },
    /// Packs that hold again what a damaged pack held.
    Heal {
        /// The pack that is gone.
        replaces: (PackKind, PackId),
        /// Where its chunks are now, with object bytes; at least one.
        by: Vec<(PackKind, PackId, u64)>,
    },
    /// Objects that someone found missing or wrong, or found whole again. It tells the writer what to store again and
    /// excuses nothing: what the store shows decides.
    Damage {
        /// What found it: `check`, `backup`, `restore`, … one word.
        found_by: String,
        /// What is missing or wrong.
        bad: Vec<FoundBad>,
        /// Names of objects that were called bad and were read whole since.
        good: Vec<String>,
    },
    /// The store lost notes; the chain goes on from what is there.
    Gap {
        /// First sequence lost.
        from: u64,
        /// Last sequence lost.
        to: u64,
        /// Why, one word.
        reason: String,
    },
    /// Someone who holds a key opened the epoch.
    Proof {
        /// Which key.
        holder: RecipientRole,
        /// The epoch.
        epoch: u32,
        /// How many objects were opened.
        opened: u64,
        /// Key that signed the proof.
        vkey: VKey,
        /// Its signature.
        signature: Vec<u8>,
    },
    /// What the store really does; attaches `probe`.
    Probe,
    /// The configuration changed.
    Config,
    /// Keys changed.
    Keys,
    /// Backups were paused or resumed.
    Pause,
    /// Someone accepts what a bilan warned of in the sources of a set or, where `set` is `store`, has seen that the store
    /// held other bytes than were stored there.
    Acknowledge {
        /// Sequence of the bilan's note in the same chain.
        bilan: u64,
        /// The set it speaks of.
        set: String,
        /// The snapshot it speaks of: what is accepted.
        snapshot: u64,
        /// Who.
        author: Author,
        /// Why.
        reason: Because,
    },
    /// Someone accepts that what objects held is lost.
    Loss {
        /// Sequence of the bilan's note in the same chain.
        bilan: u64,
        /// Names of the objects, at least one.
        lost: Vec<String>,
        /// How many snapshots need one of them.
        snapshots: u64,
        /// Who.
        author: Author,
        /// Why.
        reason: Because,
    },
    /// The device's state was older than the store and was brought forward.
    Rewound {
        /// Sequence of the state.
        from: u64,
        /// Sequence of the store's head.
        to: u64,
    },
    /// A kind this program does not know: kept, passed over.
    Unknown {
        /// Its word.
        word: String,
        /// Its lines, as they are.
        lines: Vec<String>,
    },
}

impl NoteKind {
    /// The word of the `kind` line.
    pub fn word(&self) -> &str {
        match self {
            Self::Snapshot { .. } => "snapshot",
            Self::Bilan { .. } => "bilan",
            Self::Restore => "restore",
            Self::Forget { .. } => "forget",
            Self::Heal { .. } => "heal",
            Self::Damage { .. } => "damage",
            Self::Gap { .. } => "gap",
            Self::Proof { .. } => "proof",
            Self::Probe => "probe",
            Self::Config => "config",
            Self::Keys => "keys",
            Self::Pause => "pause",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Loss { .. } => "loss",
            Self::Rewound { .. } => "rewound",
            Self::Unknown { word, .. } => word,
        }
    }

    /// Attachments the kind cannot be without.
    pub(super) fn required_roles(&self) -> &'static [&'static str] {
        match self {
            Self::Snapshot { status: SnapshotStatus::Partial, .. } => &["refs"],
            Self::Snapshot { .. } => &["root", "refs"],
            Self::Bilan { .. } | Self::Restore => &["record"],
            Self::Probe => &["probe"],
            _ => &[],
        }
    }

    /// Attachments the kind cannot have.
    pub(super) fn forbidden_roles(&self) -> &'static [&'static str] {
        match self {
            Self::Snapshot { status: SnapshotStatus::Partial, .. } => &["root"],
            _ => &[],
        }
    }

    pub(super) fn read(kind: &str, lines: &mut Lines<'_>) -> Result<Self> {
        Ok(match kind {
            "snapshot" => Self::Snapshot {
                number: ordinal(WHAT, lines.field("snapshot")?)?,
                status: SnapshotStatus::parse(lines.field("status")?)?,
                epoch: lines.number("epoch")?,
                set: word(WHAT, lines.field("set")?)?,
                files: lines.number("files")?,
                source_bytes: lines.number("source-bytes")?,
                stored_bytes: lines.number("stored-bytes")?,
            },
            "bilan" => Self::Bilan {
                run: word(WHAT, lines.field("run")?)?,
                status: Light::parse(lines.field("status")?)?,
                snapshot: dash_or(lines.field("snapshot")?, |text| ordinal(WHAT, text))?,
            },
            "restore" => Self::Restore,
            "forget" => Self::Forget {
                snapshots: lines.repeated("snapshot", ROWS_MAX, forgotten)?,
                reason: word(WHAT, lines.field("reason")?)?,
            },
            "heal" => Self::Heal {
                replaces: pack(&words::<3>(WHAT, lines.field("replaces")?)?)?,
                by: lines.repeated("by", ROWS_MAX, healed)?,
            },
            "damage" => Self::Damage {
                found_by: word(WHAT, lines.field("found-by")?)?,
                bad: lines.repeated("bad", ROWS_MAX, found_bad)?,
                good: lines.repeated("good", ROWS_MAX, object_name)?,
            },
            "gap" => {
                let [from, to] = words(WHAT, lines.field("missing")?)?;
                let (from, to) = (ordinal(WHAT, from)?, ordinal(WHAT, to)?);
                Self::Gap { from, to, reason: word(WHAT, lines.field("reason")?)? }
            }
            "proof" => {
                let holder = RecipientRole::parse(lines.field("holder")?)?;
                let (epoch, opened) = (lines.number("epoch")?, lines.number("opened")?);
                let (vkey, signature) = signature(lines.field("signature")?)?;
                Self::Proof { holder, epoch, opened, vkey, signature }
            }
            "probe" => Self::Probe,
            "config" => Self::Config,
            "keys" => Self::Keys,
            "pause" => Self::Pause,
            "acknowledge" => Self::Acknowledge {
                bilan: ordinal(WHAT, lines.field("bilan")?)?,
                set: word(WHAT, lines.field("set")?)?,
                snapshot: ordinal(WHAT, lines.field("snapshot")?)?,
                author: Author::parse(lines.field("author")?)?,
                reason: Because::parse(lines.field("reason")?)?,
            },
            "loss" => Self::Loss {
                bilan: ordinal(WHAT, lines.field("bilan")?)?,
                lost: lines.repeated("lost", ROWS_MAX, object_name)?,
                snapshots: lines.number("snapshots")?,
                author: Author::parse(lines.field("author")?)?,
                reason: Because::parse(lines.field("reason")?)?,
            },
            "rewound" => {
                Self::Rewound { from: lines.number("from")?, to: ordinal(WHAT, lines.field("to")?)? }
            }
            other => Self::Unknown { word: word(WHAT, other)?, lines: all_lines(lines)? },
        })
    }

    pub(super) fn check(&self, sequence: u64) -> Result<()> {
        let wrong = |why| Err(malformed(WHAT, why));
        match self {
            Self::Snapshot { source_bytes, .. } if padme(*source_bytes) != *source_bytes => {
                wrong("source-bytes is not on the ladder")
            }
            Self::Forget { snapshots, .. } if snapshots.is_empty() => wrong("a snapshot is expected"),
            Self::Heal { by, .. } if by.is_empty() => wrong("by is expected"),
            Self::Heal { replaces: (kind, lost), by }
                if by.iter().any(|row| row.0 != *kind || row.1 == *lost) =>
            {
                wrong("a pack is replaced by others of its kind")
            }
            Self::Damage { bad, good, .. } if bad.is_empty() && good.is_empty() => {
                wrong("an object is expected")
            }
            Self::Damage { bad, good, .. } if !all_differ(bad.iter().map(|bad| &bad.name).chain(good)) => {
                wrong("an object twice")
            }
            Self::Gap { from, to, .. } if from > to || *to >= sequence => {
                wrong("missing does not precede the note")
            }
            Self::Acknowledge { bilan, .. } | Self::Loss { bilan, .. } if *bilan >= sequence => {
                wrong("bilan does not precede the note")
            }
            Self::Loss { lost, .. } if lost.is_empty() || !all_differ(lost.iter()) => {
                wrong("an object is expected, once")
            }
            Self::Rewound { from, to } if from >= to => wrong("from is below to"),
            _ => Ok(()),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Snapshot { number, status, epoch, set, files, source_bytes, stored_bytes } => write!(
                out,
                "snapshot {number}\nstatus {status}\nepoch {epoch}\nset {set}\nfiles {files}\n\
                 source-bytes {source_bytes}\nstored-bytes {stored_bytes}\n"
            ),
            Self::Bilan { run, status, snapshot } => {
                write!(out, "run {run}\nstatus {status}\nsnapshot {}\n", or_dash(*snapshot))
            }
            Self::Forget { snapshots, reason } => {
                for (device, number) in snapshots {
                    let _ = writeln!(out, "snapshot {device} {number}");
                }
                writeln!(out, "reason {reason}")
            }
            Self::Heal { replaces: (kind, id), by } => {
                let _ = writeln!(out, "replaces {} {} {}", kind.letter(), id.epoch, id.sha256);
                for (kind, id, bytes) in by {
                    let _ = writeln!(out, "by {} {} {} {bytes}", kind.letter(), id.epoch, id.sha256);
                }
                Ok(())
            }
            Self::Damage { found_by, bad, good } => {
                let _ = writeln!(out, "found-by {found_by}");
                for FoundBad { name, why } in bad {
                    let _ = writeln!(out, "bad {why} {name}");
                }
                for name in good {
                    let _ = writeln!(out, "good {name}");
                }
                Ok(())
            }
            Self::Gap { from, to, reason } => write!(out, "missing {from} {to}\nreason {reason}\n"),
            Self::Proof { holder, epoch, opened, vkey, signature } => write!(
                out,
                "holder {holder}\nepoch {epoch}\nopened {opened}\nsignature {vkey} {}\n",
                STANDARD.encode(signature)
            ),
            Self::Acknowledge { bilan, set, snapshot, author, reason } => write!(
                out,
                "bilan {bilan}\nset {set}\nsnapshot {snapshot}\nauthor {author}\nreason {reason}\n"
            ),
            Self::Loss { bilan, lost, snapshots, author, reason } => {
                let _ = writeln!(out, "bilan {bilan}");
                for name in lost {
                    let _ = writeln!(out, "lost {name}");
                }
                write!(out, "snapshots {snapshots}\nauthor {author}\nreason {reason}\n")
            }
            Self::Rewound { from, to } => write!(out, "from {from}\nto {to}\n"),
            Self::Unknown { lines, .. } => {
                for line in lines {
                    let _ = writeln!(out, "{line}");
                }
                Ok(())
            }
            Self::Restore | Self::Probe | Self::Config | Self::Keys | Self::Pause => Ok(()),
        };
    }
}
