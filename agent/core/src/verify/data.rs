//! Packs read back: every byte hashed; with a key, opened, decompressed and every chunk id recomputed.
//!
//! For: `check --read-data`. Data comes from the store, a few packs at a time, and leaves as findings. Never: keeps
//! plaintext, or takes a pack whose older version is intact for sound: it was replaced.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::{StreamExt, stream};
use scelle_format::compress::Expander;
use scelle_format::crypto::open_bytes;
use scelle_format::id::{ChunkId, DeviceId, PackId, PackKind};
use scelle_format::layout::{self, PackName};
use scelle_format::limits::PACK_MAX_BYTES;

use super::packs::PackUse;
use crate::around::Around;
use crate::error::{AgentError, ExitCode, Result};
use crate::reading::trailer_of;
use crate::repo::finding::FindingKind;
use crate::repo::keys::keyring::Keyring;
use crate::repo::objects::{FoundAt, Objects};

/// Packs in memory at a time.
const CONCURRENT: usize = 3;

/// Chunk-id keys by device and K generation.
pub(super) type IdKeys = HashMap<(DeviceId, u16), [u8; 32]>;

/// Which packs are due: `percent` of a hundred slices that the pack's own hash chooses, moved on by `turn`, so that
/// ⌈100 / percent⌉ turns in a row read everything.
pub(super) fn is_due(pack: &PackId, percent: u8, turn: u64) -> bool {
    let [a, b, c, d, ..] = pack.sha256.0;
    let slice = u64::from(u32::from_le_bytes([a, b, c, d])) % 100;
    let percent = u64::from(percent.min(100));
    (slice + 100 - turn % 100 * percent % 100) % 100 < percent
}

/// What reading packs gave.
#[derive(Default)]
pub(super) struct DataRead {
    pub(super) findings: Vec<(PackName, FindingKind)>,
    pub(super) packs: u64,
    pub(super) bytes_read: u64,
}

/// Reads the packs.
pub(super) async fn read(
    objects: &Arc<Objects>,
    packs: BTreeMap<PackName, PackUse>,
    keys: Option<(Arc<Keyring>, Arc<IdKeys>)>,
    around: &Around,
) -> Result<DataRead> {
    let mut out = DataRead::default();
    let mut reads = stream::iter(packs)
        .map(|(name, used)| {
            let (objects, keys) = (Arc::clone(objects), keys.clone());
            async move { (name, read_one(&objects, name, used, keys).await) }
        })
        .buffer_unordered(CONCURRENT);
    while let Some((name, read)) = reads.next().await {
        around.shutdown.check()?;
        let (bytes, finding) = read?;
        out.packs += 1;
        out.bytes_read += bytes;
        out.findings.extend(finding.map(|kind| (name, kind)));
        around.monitor.advance(1, bytes);
    }
    Ok(out)
}

async fn read_one(
    objects: &Objects,
    (kind, pack): PackName,
    used: PackUse,
    keys: Option<(Arc<Keyring>, Arc<IdKeys>)>,
) -> Result<(u64, Option<FindingKind>)> {
    let name = layout::pack(kind, &pack);
    let sealed = match objects.find_hashed(&name, &pack.sha256, PACK_MAX_BYTES).await {
        Ok((sealed, FoundAt::Current)) => sealed,
        // Hidden or written over: an older version is sound, and this is tampering.
        Ok((sealed, FoundAt::Older)) => {
            let is_hidden = objects.oddities().is_hidden(&name);
            let kind = if is_hidden { FindingKind::Hidden } else { FindingKind::Overwritten };
            return Ok((sealed.len() as u64, Some(kind)));
        }
        Err(error) if error.code == ExitCode::Damaged => {
            let is_missing = error.kind == AgentError::object_missing().kind;
            let finding = if is_missing { FindingKind::PackMissing } else { FindingKind::PackHash };
            return Ok((0, Some(finding)));
        }
        Err(error) => return Err(error),
    };
    let bytes = sealed.len() as u64;
    let verify = move || {
        let (keyring, id_keys) = keys?;
        (!opens(&sealed, kind, pack, &used.device, &keyring, &id_keys)).then_some(FindingKind::PackContent)
    };
    let finding = tokio::task::spawn_blocking(verify).await.map_err(AgentError::bug)?;
    Ok((bytes, finding))
}

/// Whether a pack opens and holds what its trailer says.
fn opens(
    sealed: &[u8],
    kind: PackKind,
    pack: PackId,
    device: &DeviceId,
    keyring: &Keyring,
    keys: &IdKeys,
) -> bool {
    let Ok(identity) = keyring.identity(pack.epoch) else { return false };
    let Ok(plain) = open_bytes(sealed, &[identity], PACK_MAX_BYTES) else { return false };
    let Some(trailer) = trailer_of(&plain).filter(|trailer| trailer.kind == kind) else { return false };
    let id_key = keys.get(&(device.clone(), trailer.generation));
    let mut expander = Expander::default();
    let mut content = Vec::new();
    trailer.walk().all(|(offset, frame, chunks)| {
        let range = offset as usize..(offset + u64::from(frame.stored_bytes)) as usize;
        let Some(stored) = plain.get(range) else { return false };
        if expander.expand(stored, frame.plain_bytes as usize, frame.filter, &mut content).is_err() {
            return false;
        }
        let mut at = 0;
        chunks.iter().all(|chunk| {
            let part = content.get(at..at + chunk.plain_bytes as usize);
            at += chunk.plain_bytes as usize;
            // Without the secret of that generation at least the frame was whole.
            part.is_some_and(|part| id_key.is_none_or(|key| ChunkId::of(key, part) == chunk.id))
        })
    })
}

#[cfg(test)]
mod tests {
    use scelle_format::id::Sha256;

    use super::*;

    #[test]
    fn turns_read_everything_once() {
        let packs: Vec<PackId> =
            (0u32..1000).map(|n| PackId { epoch: 0, sha256: Sha256::of(&n.to_le_bytes()) }).collect();
        for percent in [1u8, 5, 10, 20, 25, 50, 100] {
            let turns = u64::from(100 / percent);
            for pack in &packs {
                let due = (7..7 + turns).filter(|turn| is_due(pack, percent, *turn)).count();
                assert_eq!(due, 1, "{percent}");
            }
        }
        let some = packs.iter().filter(|pack| is_due(pack, 30, 0)).count();
        assert!((200..400).contains(&some));
        assert!(packs.iter().all(|pack| (0..4).any(|turn| is_due(pack, 30, turn))));
    }
}
