//! Key files: one for every epoch, and three copies of each.
//!
//! For: `check`. Data comes from `keys/` and from the copies that full refs hold. Never: opens one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use scelle_format::descriptor::Descriptor;
use scelle_format::id::Sha256;
use scelle_format::refs::Refs;

use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keyring::KeyFiles;

/// Copies of everything without which all is lost: the object and two full refs.
const COPIES: u64 = 3;

/// Compares key files with the epochs and with their copies. Also returns the fewest copies any epoch has.
pub(super) fn check(
    files: &KeyFiles,
    descriptor: &Descriptor,
    refs: &HashMap<Sha256, Arc<Refs>>,
) -> (Vec<Finding>, u64) {
    let own: BTreeMap<&str, &[u8]> = files.iter().map(|(name, bytes)| (name, &bytes[..])).collect();
    let mut copies: BTreeMap<&str, u64> = own.keys().map(|name| (*name, 1)).collect();
    let mut findings = Vec::new();
    for (name, bytes) in
        refs.values().flat_map(|refs| &refs.keys).filter(|(name, _)| name.starts_with("keys/"))
    {
        *copies.entry(name).or_default() += 1;
        let finding = match own.get(name.as_str()) {
            Some(own) if *own != bytes.as_slice() => Finding::new(FindingKind::KeyForged, name.clone()),
            Some(_) => continue,
            None => Finding::new(FindingKind::KeyMissing, name.clone()),
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
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
    (findings, fewest)
}
