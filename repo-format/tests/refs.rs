//! Refs: one form only, no panic on hostile bytes, chains that resolve to what was planned.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use proptest::prelude::*;
use scelle_format::id::{DeviceId, PackId, PackKind, RepositoryId, Sha256};
use scelle_format::limits::REFS_MAX_DEPTH;
use scelle_format::refs::*;

fn refs(base: Option<(Sha256, u32)>, added: Vec<PackRow>, removed: Vec<(PackKind, PackId)>) -> Refs {
    Refs {
        repository: RepositoryId::parse("abcdefghijklmnopqrstuvwxyz").unwrap(),
        device: DeviceId::parse("0123456789abcdef").unwrap(),
        keys: if base.is_none() { vec![("keys/e0/00000001.age".to_owned(), vec![1, 2, 3])] } else { vec![] },
        base,
        added,
        removed,
        segments: vec![(Sha256([5; 32]), 4096)],
    }
}

fn pack(n: u32) -> (PackKind, PackId) {
    let kind = if n.is_multiple_of(5) { PackKind::Manifest } else { PackKind::Data };
    (kind, PackId { epoch: n % 3, sha256: Sha256::of(&n.to_le_bytes()) })
}

fn set(numbers: impl IntoIterator<Item = u32>) -> PackSet {
    let mut out = PackSet::new();
    for n in numbers {
        let (kind, id) = pack(n);
        out.insert(kind, id, 65_536 + u64::from(n));
    }
    out
}

/// Writes the refs of `new` as the plan says; the text makes the round trip through bytes.
fn write(chain: &mut Vec<Refs>, resolved: &PackSet, new: &PackSet) -> RefsPlan {
    let sha256 = chain.last().map(Refs::text_sha256);
    let previous = sha256.as_ref().map(|sha256| (sha256, chain.last().unwrap().depth(), resolved));
    let planned = plan(previous, new);
    match planned.clone() {
        RefsPlan::Reuse => return planned,
        RefsPlan::Delta { base, added, removed } => chain.push(refs(Some(base), added, removed)),
        RefsPlan::Full => *chain = vec![refs(None, new.rows().collect(), vec![])],
    }
    let text = chain.last().unwrap().to_text().unwrap();
    assert_eq!(&Refs::parse(text.as_bytes()).unwrap(), chain.last().unwrap());
    planned
}

#[test]
fn a_chain_grows_by_differences_and_starts_again_at_its_depth() {
    let mut chain = Vec::new();
    let mut resolved = PackSet::new();
    let mut fulls = 0;
    for run in 0..100u32 {
        let new = set(run..run + 200);
        fulls += u32::from(write(&mut chain, &resolved, &new) == RefsPlan::Full);
        resolved = resolve(&chain).unwrap();
        assert_eq!(resolved, new);
        assert!(chain.last().unwrap().depth() <= REFS_MAX_DEPTH);
    }
    assert_eq!(fulls, 4, "run 0, 33, 66, 99");
    assert_eq!(write(&mut chain, &resolved, &set(99..299)), RefsPlan::Reuse);
    assert_eq!(write(&mut chain, &resolved, &set(1000..1200)), RefsPlan::Full);
}

#[test]
fn what_does_not_belong_on_a_set_is_refused() {
    let full = refs(None, set(0..9).rows().collect(), vec![]);
    let base = Some((full.text_sha256(), 1));
    let ok = refs(base, vec![], vec![pack(3)]);
    assert_eq!(resolve(&[full.clone(), ok.clone()]).unwrap().len(), 8);
    let row = PackRow { kind: pack(3).0, pack: pack(3).1, object_bytes: 1 };
    for wrong in [
        refs(base, vec![], vec![pack(77)]),
        refs(base, vec![row], vec![]),
        refs(Some((Sha256([0; 32]), 1)), vec![], vec![]),
        refs(Some((full.text_sha256(), 2)), vec![], vec![]),
        refs(None, vec![], vec![]),
    ] {
        assert!(resolve(&[full.clone(), wrong]).is_err());
    }
    assert!(resolve(std::slice::from_ref(&ok)).is_err());
    assert!(resolve(&[]).is_err());
    let foreign = Refs { device: DeviceId::parse("fedcba9876543210").unwrap(), ..ok };
    assert!(resolve(&[full, foreign]).is_err());
}

#[test]
fn a_text_its_own_parser_refuses_is_never_written() {
    let rows: Vec<PackRow> = set(0..9).rows().collect();
    let mut unsorted = rows.clone();
    unsorted.swap(0, 1);
    assert!(refs(None, unsorted, vec![]).to_text().is_err());
    assert!(refs(None, rows.clone(), vec![pack(1)]).to_text().is_err());
    let mut named = refs(None, rows, vec![]);
    named.keys[0].0 = "keys/a b".to_owned();
    assert!(named.to_text().is_err());
}

proptest! {
    #[test]
    fn deltas_lead_from_any_set_to_any_other(old in prop::collection::btree_set(0u32..60, 0..40), new in prop::collection::btree_set(0u32..60, 0..40)) {
        let (old, new) = (set(old), set(new));
        let (added, removed) = delta(&old, &new);
        let mut found = old.clone();
        found.apply(&refs(Some((Sha256([0; 32]), 1)), added, removed)).unwrap();
        prop_assert_eq!(&found, &new);
        let back: PackSet = new.rows().collect();
        prop_assert_eq!(back, new);
    }

    #[test]
    fn every_refs_comes_back(numbers in prop::collection::btree_set(any::<u32>(), 0..60), depth in 0u32..=32, keys in prop::collection::btree_map("keys/[a-z0-9]{1,9}\\.age", prop::collection::vec(any::<u8>(), 1..50), 0..4)) {
        let rows: Vec<PackRow> = numbers.iter().map(|n| PackRow { kind: pack(*n).0, pack: pack(*n).1, object_bytes: u64::from(*n) % 1_000_000 }).collect();
        let rows: Vec<PackRow> = rows.into_iter().collect::<PackSet>().rows().collect();
        let mut written = refs((depth > 0).then_some((Sha256([3; 32]), depth)), rows, vec![]);
        if depth == 0 {
            written.keys = keys.into_iter().collect();
        } else {
            written.removed = set(0..5).rows().map(|row| (row.kind, row.pack)).collect();
        }
        let text = written.to_text().unwrap();
        prop_assert_eq!(Refs::parse(text.as_bytes()).unwrap(), written);
    }

    #[test]
    fn changed_bytes_print_back_or_are_refused(at in any::<prop::sample::Index>(), new in any::<u8>()) {
        let mut bytes = refs(None, set(0..9).rows().collect(), vec![]).to_text().unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = new;
        if let Ok(parsed) = Refs::parse(&bytes) {
            prop_assert_eq!(parsed.to_text().unwrap().into_bytes(), bytes);
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), lines in prop::collection::vec("[+i-] [pm] [0-9]{1,20} [0-9a-f]{0,70} [0-9]{0,20}", 0..9)) {
        let _ = Refs::parse(&bytes);
        let good = refs(None, vec![], vec![]).to_text().unwrap();
        let _ = Refs::parse(format!("{good}{}\n", lines.join("\n")).as_bytes());
    }
}
