//! Where the ledger stands when a run begins: the store's head against the local one, and what is done about the difference
//! (FORMAT.md §10, §12).
//!
//! Data comes from the listing of this device's notes and, where they differ, from its whole checked chain. Alarms are noted
//! before anything is put right. Never: writes behind a note that the store lost, or forks a chain that was forked before.

use std::collections::BTreeMap;

use scelle_format::descriptor::SeenRevision;
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::{ChainLink, NoteKind, Position, SnapshotStatus, position};

use super::LedgerWriter;
use crate::clock::now;
use crate::error::Result;
use crate::repo::files;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::alarms::{self, ChainAlarms, FORK, REWOUND_AGAIN, ROLLED_BACK};
use crate::repo::ledger::answered::ForkAnswers;
use crate::repo::ledger::branch::ends_after;
use crate::repo::ledger::history::{History, VerifiedNote};
use crate::repo::ledger::own_notes::put_back;
use crate::repo::ledger::pending::Pending;
use crate::repo::ledger::rebuild;

/// A state that is older than the store's twice within so many days is no accident.
const TWICE_DAYS: i64 = 30;

/// What was found when the store's head was compared with the local one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The local state was older: brought forward over so many notes.
    pub rewound_notes: u64,
    /// It had been so before within [`TWICE_DAYS`]: an image restored twice, or another computer at work as this one.
    pub rewound_before: bool,
    /// Two notes bear one number: another computer writes as this one.
    pub forked: bool,
    /// The store no longer had the local head; it was sent again.
    pub store_behind: bool,
    /// The newest snapshot that this computer remembers, where the store no longer had its note.
    pub lost_snapshot: Option<u64>,
}

impl LedgerWriter<'_> {
    /// Compares the store's head with the local one and acts on the difference.
    pub async fn start(&mut self, descriptors: &Descriptors) -> Result<Start> {
        self.settle().await?;
        self.see(descriptors);
        let rows = self.objects.list_first(&layout::notes_of(&self.device.id), 2).await?;
        let sequences: Vec<u64> =
            rows.iter().filter_map(|row| layout::parse_note(&row.name).ok()).map(|(_, n, _)| n).collect();
        let same_head = rows.first().map(|row| row.name.as_str()) == self.head.name.as_deref();
        let single = sequences.windows(2).all(|pair| pair[0] != pair[1]);
        self.is_head_shown = same_head;
        if same_head && single {
            return Ok(Start::default());
        }
        let history = History::load(self.objects, descriptors).await?;
        let own: &[VerifiedNote] = history.device(&self.device.id).map_or(&[], |device| &device.notes);
        let links: Vec<ChainLink> = own.iter().map(|row| row.note.link()).collect();
        let local = self.head.chain_head();
        let position = position(local, &links);
        // In a fork the branch goes on from a note that is there as well.
        self.is_head_shown |= !matches!(position, Position::StoreBehind);
        match position {
            Position::Empty | Position::Same => Ok(Start::default()),
            Position::StoreAhead { descends } if descends || rebuild::has_hole(&links, &self.head) => {
                self.fast_forward(own, own.iter().max_by_key(|row| row.note.sequence)).await
            }
            Position::StoreBehind => {
                self.alarm(ROLLED_BACK)?;
                let newest = self.head.snapshot;
                let has_newest = own.iter().any(|row| snapshot_number(&row.note.kind) == Some(newest));
                let lost_snapshot = (newest > 0 && !has_newest).then_some(newest);
                self.bring_back(own).await?;
                Ok(Start { store_behind: true, lost_snapshot, ..Start::default() })
            }
            Position::Fork { .. } | Position::StoreAhead { .. } => self.go_on_in_a_fork(own).await,
        }
    }

    /// The newest descriptor that counts is seen: a store that loses it later cannot make this computer forget it.
    fn see(&mut self, descriptors: &Descriptors) {
        let is_rolled_back = |finding: &Finding| finding.kind == FindingKind::DescriptorRollback;
        if descriptors.current.revision > self.head.descriptor.0
            && !descriptors.findings.iter().any(is_rolled_back)
        {
            self.head.descriptor = (descriptors.current.revision, descriptors.current_sha256.to_string());
        }
    }

    /// Two computers have written as this one: each goes on from its own branch. A state from an older image goes on from the
    /// end of its own, or it would fork it once more.
    async fn go_on_in_a_fork(&mut self, own: &[VerifiedNote]) -> Result<Start> {
        let head = self.head.chain_head().map(|head| head.text_sha256);
        let end = head.and_then(|head| own_end(own, head));
        let alarms = ChainAlarms::load(self.state);
        let answers = ForkAnswers::of(own, end.map(|end| end.text_sha256).or(head), alarms.forks_known());
        let forked = !own.iter().all(|row| answers.cover(row));
        if forked {
            self.alarm(FORK)?;
        }
        let start = self.fast_forward(own, end).await?;
        // Numbers of snapshots stay unique over both branches, so that `restore N` means one thing.
        let highest = own.iter().filter_map(|row| snapshot_number(&row.note.kind)).max();
        self.head.snapshot = self.head.snapshot.max(highest.unwrap_or(0));
        Ok(Start { forked, ..start })
    }

    /// Before anything is put right: who comes after this run may see nothing of it any more.
    fn alarm(&self, code: &str) -> Result<()> {
        alarms::note(self.state, code, now(self.clock), self.next_sequence())
    }

    /// What the store lost comes back from here; what cannot is said to be lost, so that the chain can be followed again.
    async fn bring_back(&mut self, own: &[VerifiedNote]) -> Result<()> {
        let shown = own.iter().map(|row| row.note.sequence).filter(|n| *n < self.head.sequence).max();
        let put = put_back(self.objects, self.device, self.head.sequence.saturating_sub(1)).await?;
        let mut lost = (shown.unwrap_or(0) + 1..self.head.sequence).filter(|n| !put.there.contains(n));
        let from = lost.next().unwrap_or(self.head.sequence);
        if !self.send_head_again(from).await? {
            // The note says itself that it follows one that is not there.
            self.is_head_shown = true;
            let to = self.head.sequence;
            self.append(NoteKind::Gap { from, to, reason: "lost".into() }, Vec::new()).await?;
        }
        Ok(())
    }

    /// Puts the local head back into the store, after what it attaches, and says that those from `lost_from` to the one before
    /// it are lost; it alone is said to be, where what it attaches is not at hand any more: a note never names what is not
    /// there. Until that is done it waits like a new one, so that none is written behind it. `false` where it is not kept.
    async fn send_head_again(&mut self, lost_from: u64) -> Result<bool> {
        let Some(mut last) = Pending::last(self.state)?.filter(|last| last.is_of(&self.head)) else {
            return Ok(false);
        };
        last.head = self.head.clone();
        last.lost_from = Some(lost_from).filter(|from| *from < self.head.sequence);
        last.save(self.state)?;
        self.pending = Some(last);
        self.settle().await?;
        Ok(true)
    }

    /// The state came from an older image of this computer: go on from the newest note that follows its head, if any.
    async fn fast_forward(&mut self, own: &[VerifiedNote], newest: Option<&VerifiedNote>) -> Result<Start> {
        let from = self.head.sequence;
        let Some(newest) = newest else { return Ok(Start::default()) };
        self.head.sequence = newest.note.sequence;
        self.head.text_sha256 = Some(newest.text_sha256.to_string());
        self.head.name = Some(newest.name.clone());
        self.count_runs(own);
        let numbers = own.iter().filter_map(|row| snapshot_number(&row.note.kind));
        self.head.snapshot = numbers.max().unwrap_or(0).max(self.head.snapshot);
        let SeenRevision { revision, text_sha256 } = newest.note.descriptor;
        self.head.descriptor = (revision, text_sha256.to_string());
        // What the catalog believes is of the past: refs and segments are read again from the store.
        self.head.refs = None;
        self.head.refs_chain.clear();
        self.head.segments.clear();
        self.head.is_index_unknown = true;
        for file in files::learnt() {
            self.state.remove(&file);
        }
        self.save_head()?;
        let since = now(self.clock).0 - TWICE_DAYS * 86_400;
        let is_recent = |row: &VerifiedNote| row.note.time.0 >= since;
        let rewound_before =
            own.iter().any(|row| matches!(row.note.kind, NoteKind::Rewound { .. }) && is_recent(row));
        if rewound_before {
            self.alarm(REWOUND_AGAIN)?;
        }
        let to = self.head.sequence;
        self.append(NoteKind::Rewound { from, to }, Vec::new()).await?;
        Ok(Start { rewound_notes: to - from, rewound_before, ..Start::default() })
    }

    /// Runs that the image does not know of were runs all the same.
    fn count_runs(&mut self, own: &[VerifiedNote]) {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for row in own {
            if let NoteKind::Snapshot { set, status: SnapshotStatus::Complete, .. } = &row.note.kind {
                *counts.entry(set).or_default() += 1;
            }
        }
        for (set, count) in counts {
            let runs = self.head.runs.entry(set.to_owned()).or_default();
            *runs = count.max(*runs);
        }
    }
}

/// The end of the branch that follows a head: the only one or, where the head is of before the fork, the one on which all that the
/// others hold was acknowledged.
fn own_end(own: &[VerifiedNote], head: Sha256) -> Option<&VerifiedNote> {
    let ends = ends_after(own, head);
    if let [only] = ends[..] {
        return Some(only);
    }
    let is_answered = |end: &&VerifiedNote| {
        let answers = ForkAnswers::of(own, Some(end.text_sha256), None);
        own.iter().all(|row| answers.cover(row))
    };
    let mut answered = ends.into_iter().filter(is_answered);
    answered.next().filter(|_| answered.next().is_none())
}

fn snapshot_number(kind: &NoteKind) -> Option<u64> {
    match kind {
        NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } => Some(*number),
        _ => None,
    }
}
