//! Key files: one for every epoch, and three copies of each; one for every device.
//!
//! For: `check`. Data comes from `keys/` and from the copies that full refs hold. Without a key nothing is opened; with one,
//! the device files are: those of the epochs and of the phrase were when the keyring was. Never: keeps what it opened.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use scelle_format::crypto::DedupSecret;
use scelle_format::descriptor::Descriptor;
use scelle_format::descriptor::DeviceLine;
use scelle_format::id::Sha256;
use scelle_format::refs::Refs;
use scelle_format::{layout, limits};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::key_files::{KeyFiles, Named, is_age, names};
use crate::repo::keys::keyring::Keyring;

/// Copies of everything without which all is lost: the object and two full refs.
const COPIES: u64 = 3;

/// Compares key files with the epochs and with their copies; of a name for which `right` knows the bytes, with these. Also
/// returns the fewest copies any epoch has.
pub(super) fn check(
    files: &KeyFiles,
    descriptor: &Descriptor,
    refs: &HashMap<Sha256, Arc<Refs>>,
    right: &dyn Fn(&str) -> Option<Bytes>,
) -> (Vec<Finding>, u64) {
    let readable = files.iter().filter(|(_, bytes)| is_age(bytes));
    let own: BTreeMap<&str, &[u8]> = readable.map(|(name, bytes)| (name, &bytes[..])).collect();
    let mut copies: BTreeMap<&str, u64> = own.keys().map(|name| (*name, 1)).collect();
    let mut findings: Vec<Finding> = files.unreadable().collect();
    let is_told = |findings: &[Finding], name: &str| findings.iter().any(|told| told.object == name);
    for (name, bytes) in &own {
        if right(name).is_some_and(|right| right != *bytes) {
            findings.push(Finding::new(FindingKind::KeyForged, *name));
        }
    }
    for (name, bytes) in
        refs.values().flat_map(|refs| &refs.keys).filter(|(name, _)| names(descriptor, name) != Named::No)
    {
        // A copy that is wrong itself says nothing about the file.
        if right(name).is_some_and(|right| right != bytes.as_slice()) {
            continue;
        }
        *copies.entry(name).or_default() += 1;
        let finding = match own.get(name.as_str()) {
            Some(own) if *own != bytes.as_slice() => Finding::new(FindingKind::KeyForged, name.clone()),
            Some(_) => continue,
            None => Finding::new(FindingKind::KeyMissing, name.clone()),
        };
        if !is_told(&findings, name) {
            findings.push(finding);
        }
    }
    let fewest = fewest_copies(descriptor, &own, &copies, &mut findings);
    (findings, fewest)
}

/// How many copies the epoch has that has fewest; what is absent or too few is added to the findings.
fn fewest_copies(
    descriptor: &Descriptor,
    own: &BTreeMap<&str, &[u8]>,
    copies: &BTreeMap<&str, u64>,
    findings: &mut Vec<Finding>,
) -> u64 {
    let mut fewest = u64::MAX;
    for epoch in &descriptor.epochs {
        let prefix = format!("keys/e{}/", epoch.number);
        if !own.keys().any(|name| name.starts_with(&prefix)) {
            let is_known = findings.iter().any(|finding: &Finding| finding.object.starts_with(&prefix));
            if !is_known {
                findings.push(Finding::new(FindingKind::KeyMissing, prefix.clone()));
            }
        }
        let best = copies.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, count)| *count).max();
        let best = best.unwrap_or(0);
        fewest = fewest.min(best);
        if best < COPIES {
            findings.push(Finding::new(FindingKind::KeyCopies, prefix));
        }
    }
    fewest
}

/// Device files (FORMAT.md §4.4): every device has one. With a key it must open and hold the secret that the descriptor commits
/// to.
pub(super) fn devices(files: &KeyFiles, descriptor: &Descriptor, keyring: Option<&Keyring>) -> Vec<Finding> {
    let stored: BTreeMap<&str, &[u8]> = files.iter().map(|(name, bytes)| (name, &bytes[..])).collect();
    let of_device = |line: &DeviceLine| {
        let name = layout::device_key(&line.id);
        let kind = match (stored.get(name.as_str()), keyring) {
            (None, _) => FindingKind::KeyMissing,
            (Some(sealed), Some(keyring)) => wrong_with(sealed, &name, descriptor, line, keyring)?,
            (Some(_), None) => return None,
        };
        Some(Finding::new(kind, name))
    };
    descriptor.devices.iter().filter_map(of_device).collect()
}

/// What is read of a device file.
#[derive(Deserialize)]
struct DeviceKeyFile {
    scelle: String,
    repository: String,
    device: String,
    generation: u16,
    dedup_secret: Zeroizing<String>,
}

fn wrong_with(
    sealed: &[u8],
    name: &str,
    descriptor: &Descriptor,
    line: &DeviceLine,
    keyring: &Keyring,
) -> Option<FindingKind> {
    let opened = keyring.open_small(name, sealed, limits::KEY_FILE_MAX_BYTES as u64);
    let Ok(plain) = opened.map(Zeroizing::new) else { return Some(FindingKind::KeyUnreadable) };
    let Ok(file) = serde_json::from_slice::<DeviceKeyFile>(&plain) else {
        return Some(FindingKind::KeyForged);
    };
    let is_of_it = file.scelle == "device/1"
        && file.repository == descriptor.repository.as_str()
        && file.device == line.id.as_str();
    // Of an older generation the descriptor no longer says what it commits to.
    let is_committed = file.generation < line.generation || has_check(&file, &line.k_check);
    (!is_of_it || !is_committed).then_some(FindingKind::KeyForged)
}

fn has_check(file: &DeviceKeyFile, k_check: &[u8; 32]) -> bool {
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(file.dedup_secret.as_str(), &mut *secret).is_ok()
        && DedupSecret::new(*secret, file.generation).check() == *k_check
}
