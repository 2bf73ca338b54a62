//! Small objects read and hashed: the attachments of notes, and index segments up to a size.
//!
//! For: `check`. Data comes from the store, at most a few objects at a time in memory, and leaves as findings and
//! parsed refs. Never: opens a seal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::{StreamExt, stream};
use scelle_format::id::Sha256;
use scelle_format::layout;
use scelle_format::ledger::Attachment;
use scelle_format::limits::{REFS_MAX_BYTES, ROOT_MAX_BYTES};
use scelle_format::refs::Refs;

use crate::error::{AgentError, ExitCode, Fault, Result};
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::ledger::history::{History, Snapshot};
use crate::repo::objects::Objects;
use crate::shutdown::Shutdown;

/// Objects read at a time.
const CONCURRENT: usize = 8;
/// Index segments above this size are only compared by size unless data is read.
const SMALL_BYTES: u64 = 16 << 20;

/// An attachment and the snapshots it belongs to.
struct WantedAttachment {
    bytes: u64,
    is_refs: bool,
    affects: BTreeSet<SnapshotId>,
}

/// What reading the attachments gave.
#[derive(Default)]
pub(super) struct Attachments {
    pub(super) refs: HashMap<Sha256, Arc<Refs>>,
    pub(super) findings: Vec<Finding>,
    pub(super) objects: u64,
    pub(super) bytes_read: u64,
    pub(super) names: BTreeSet<String>,
}

/// Reads every attachment of every note, and the bases that refs stand on.
pub(super) async fn read(
    objects: &Objects,
    history: &History,
    forgotten: &BTreeSet<Sha256>,
    shutdown: &Shutdown,
) -> Result<Attachments> {
    let mut wanted: BTreeMap<Sha256, WantedAttachment> = BTreeMap::new();
    for row in history.devices.iter().flat_map(|device| &device.notes) {
        let snapshot = Snapshot::of(row).map(|snapshot| snapshot.id);
        // What a forgotten snapshot names may be gone.
        if forgotten.contains(&row.text_sha256) {
            continue;
        }
        for Attachment { role, sha256, stored_bytes } in &row.note.attachments {
            let new = || WantedAttachment {
                bytes: *stored_bytes,
                is_refs: role == "refs",
                affects: BTreeSet::new(),
            };
            wanted.entry(*sha256).or_insert_with(new).affects.extend(snapshot.clone());
        }
    }
    let mut out = Attachments::default();
    while !wanted.is_empty() {
        let mut read = stream::iter(std::mem::take(&mut wanted))
            .map(
                |(sha256, wanted)| async move { (sha256, read_one(objects, &sha256, &wanted).await, wanted) },
            )
            .buffer_unordered(CONCURRENT);
        let mut bases: BTreeMap<Sha256, WantedAttachment> = BTreeMap::new();
        while let Some((sha256, bytes, wanted)) = read.next().await {
            shutdown.check()?;
            out.take(sha256, bytes, wanted, &mut bases)?;
        }
        bases.retain(|sha256, _| !out.names.contains(&layout::attachment(sha256)));
        wanted = bases;
    }
    Ok(out)
}

async fn read_one(
    objects: &Objects,
    sha256: &Sha256,
    wanted: &WantedAttachment,
) -> Result<bytes::Bytes, Fault<FindingKind>> {
    let most = REFS_MAX_BYTES.max(ROOT_MAX_BYTES) as u64 + (1 << 20);
    match objects.get_hashed(&layout::attachment(sha256), sha256, most).await {
        Ok(bytes) if wanted.bytes != 0 && bytes.len() as u64 != wanted.bytes => {
            Err(Fault::Here(FindingKind::AttachmentHash))
        }
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            Err(Fault::Here(kind_of(error, FindingKind::AttachmentMissing, FindingKind::AttachmentHash)?))
        }
    }
}

/// Missing or damaged; anything else is the store's failure.
fn kind_of(error: AgentError, missing: FindingKind, wrong: FindingKind) -> Result<FindingKind> {
    match error.code {
        ExitCode::Damaged if error.kind == AgentError::object_missing().kind => Ok(missing),
        ExitCode::Damaged => Ok(wrong),
        _ => Err(error),
    }
}

impl Attachments {
    fn take(
        &mut self,
        sha256: Sha256,
        read: Result<bytes::Bytes, Fault<FindingKind>>,
        wanted: WantedAttachment,
        bases: &mut BTreeMap<Sha256, WantedAttachment>,
    ) -> Result<()> {
        let object = layout::attachment(&sha256);
        self.names.insert(object.clone());
        let affects: Vec<SnapshotId> = wanted.affects.iter().cloned().collect();
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(fault) => {
                self.findings.push(Finding { kind: fault.here()?, object, affects });
                return Ok(());
            }
        };
        self.objects += 1;
        self.bytes_read += bytes.len() as u64;
        if !wanted.is_refs {
            return Ok(());
        }
        match Refs::parse(&bytes) {
            Ok(refs) => {
                if let Some((base, _)) = refs.base {
                    let new = || WantedAttachment { bytes: 0, is_refs: true, affects: BTreeSet::new() };
                    bases.entry(base).or_insert_with(new).affects.extend(wanted.affects);
                }
                self.refs.insert(sha256, Arc::new(refs));
            }
            Err(_) => self.findings.push(Finding { kind: FindingKind::RefsBroken, object, affects }),
        }
        Ok(())
    }
}

/// An index segment that refs name.
pub(super) struct SegmentUse {
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
    /// Snapshots that need it.
    pub(super) affects: BTreeSet<SnapshotId>,
}

/// Compares index segments with the listing and hashes the small ones, or all of them.
pub(super) async fn check_segments(
    objects: &Objects,
    segments: BTreeMap<String, SegmentUse>,
    listed: &HashMap<String, u64>,
    all: bool,
    shutdown: &Shutdown,
) -> Result<(Vec<Finding>, u64)> {
    let (mut findings, mut bytes_read) = (Vec::new(), 0);
    for (name, SegmentUse { sha256, bytes, affects }) in segments {
        shutdown.check()?;
        let kind = match listed.get(&name) {
            None => Some(FindingKind::IndexMissing),
            Some(listed) if *listed != bytes => Some(FindingKind::IndexHash),
            Some(_) if !all && bytes > SMALL_BYTES => None,
            Some(_) => match objects.get_hashed(&name, &sha256, bytes).await {
                Ok(stored) => {
                    bytes_read += stored.len() as u64;
                    None
                }
                Err(error) => Some(kind_of(error, FindingKind::IndexMissing, FindingKind::IndexHash)?),
            },
        };
        findings.extend(kind.map(|kind| Finding {
            kind,
            object: name,
            affects: affects.into_iter().collect(),
        }));
    }
    Ok((findings, bytes_read))
}
