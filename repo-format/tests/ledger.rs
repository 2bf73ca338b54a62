//! Ledger notes: one form only, no panic on hostile text; chains whole, cut, forked and rolled back.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use proptest::prelude::*;
use scelle_format::descriptor::RecipientRole;
use scelle_format::descriptor::SeenRevision;
use scelle_format::id::{DeviceId, PackId, PackKind, RepositoryId, Sha256};
use scelle_format::ledger::*;
use scelle_format::padme::padme;
use scelle_format::report::Light;
use scelle_format::timestamp::Timestamp;
use scelle_format::vkey_text::VKey;

fn note(sequence: u64, prev: Option<Sha256>, kind: NoteKind) -> Note {
    let roles: &[&str] = match kind {
        NoteKind::Snapshot { .. } => &["root", "refs"],
        NoteKind::Bilan { .. } | NoteKind::Restore => &["record"],
        NoteKind::Probe => &["probe"],
        _ => &[],
    };
    let attach =
        |role: &&str| Attachment { role: (*role).to_owned(), sha256: Sha256([9; 32]), stored_bytes: 4096 };
    Note {
        repository: RepositoryId::parse("abcdefghijklmnopqrstuvwxyz").unwrap(),
        device: DeviceId::parse("0123456789abcdef").unwrap(),
        sequence,
        kind,
        time: Timestamp(1_795_293_847),
        clock_offset_ms: None,
        instance: [7; 8],
        prev,
        descriptor: SeenRevision { revision: 1, text_sha256: Sha256([1; 32]) },
        generation: 0,
        attachments: roles.iter().map(attach).collect(),
    }
}

/// A chain of `length` notes, through real texts.
fn chain(length: u64) -> Vec<ChainLink> {
    let mut prev = None;
    (1..=length)
        .map(|sequence| {
            let text = note(sequence, prev, NoteKind::Config).to_text().unwrap();
            let link = Note::parse(&text).unwrap().link();
            prev = Some(link.text_sha256);
            link
        })
        .collect()
}

fn head(link: &ChainLink) -> ChainHead {
    ChainHead { sequence: link.sequence, text_sha256: link.text_sha256 }
}

fn sibling(link: &ChainLink) -> ChainLink {
    ChainLink { text_sha256: Sha256([0xee; 32]), ..link.clone() }
}

#[test]
fn a_whole_chain_is_whole_in_any_order_and_repeated() {
    let mut links = chain(9);
    links.reverse();
    links.push(links[3].clone());
    let report = verify_chain(&links);
    assert!(report.contiguous && report.sound());
    assert_eq!(report.head, Some(head(&links[0])));
    assert_eq!(verify_chain(&[]).head, None);
}

#[test]
fn every_single_loss_shows_but_that_of_the_tail() {
    for lost in 0..8 {
        let mut links = chain(9);
        let sequence = links.remove(lost).sequence;
        let report = verify_chain(&links);
        assert_eq!(report.missing, [Missing { from: sequence, to: sequence, declared: false }]);
        assert!(!report.sound());
    }
}

#[test]
fn a_rewritten_note_breaks_the_next_link() {
    for at in 0..8 {
        let mut links = chain(9);
        links[at] = sibling(&links[at]);
        assert_eq!(verify_chain(&links).broken_links, [at as u64 + 2]);
    }
    let mut links = chain(2);
    links[0].prev = Some(Sha256([0; 32]));
    assert_eq!(verify_chain(&links).broken_links, [1]);
}

#[test]
fn a_fork_shows() {
    let mut links = chain(5);
    links.push(sibling(&links[2]));
    let report = verify_chain(&links);
    assert_eq!(report.forks, [3]);
    assert!(!report.contiguous);
}

#[test]
fn a_gap_note_owns_up_to_what_came_before_it_only() {
    let mut links = chain(9);
    links[8].missing = Some(NoteNumbers { from: 3, to: 4 });
    let lost: Vec<_> = links.iter().filter(|l| !(3..=6).contains(&l.sequence)).cloned().collect();
    let report = verify_chain(&lost);
    let expected = [Missing { from: 3, to: 4, declared: true }, Missing { from: 5, to: 6, declared: false }];
    assert_eq!(report.missing, expected);
    assert!(!report.sound());
    let lost: Vec<_> = links.iter().filter(|l| !(3..=4).contains(&l.sequence)).cloned().collect();
    assert!(verify_chain(&lost).sound() && !verify_chain(&lost).contiguous);
    links[1].missing = Some(NoteNumbers { from: 3, to: 4 });
    links[8].missing = None;
    let lost: Vec<_> = links.iter().filter(|l| !(3..=4).contains(&l.sequence)).cloned().collect();
    assert!(!verify_chain(&lost).sound());
}

#[test]
fn the_part_after_a_trusted_note() {
    let links = chain(9);
    let report = verify_chain_after(head(&links[4]), &links);
    assert!(report.contiguous);
    assert!(verify_chain_after(head(&links[4]), &links[5..]).contiguous);
    assert_eq!(verify_chain_after(head(&links[4]), &links[6..]).missing.len(), 1);
    let other = head(&sibling(&links[4]));
    assert_eq!(verify_chain_after(other, &links[5..]).broken_links, [6]);
    assert_eq!(verify_chain_after(other, &links).forks, [5]);
}

#[test]
fn the_start_rule() {
    let links = chain(9);
    let at = |n: usize| Some(head(&links[n - 1]));
    assert_eq!(position(None, &[]), Position::Empty);
    assert_eq!(position(at(9), &links), Position::Same);
    assert_eq!(position(at(9), &links[..8]), Position::StoreBehind);
    assert_eq!(position(at(9), &[]), Position::StoreBehind);
    assert_eq!(position(None, &links), Position::StoreAhead { descends: true });
    assert_eq!(position(at(5), &links), Position::StoreAhead { descends: true });
    // The store lacks the local head itself, but what follows stands on it.
    assert_eq!(position(at(5), &links[5..]), Position::StoreAhead { descends: true });
    assert_eq!(position(at(5), &links[6..]), Position::StoreAhead { descends: false });
    let mut forked = links.clone();
    forked.push(sibling(&links[6]));
    assert_eq!(position(at(9), &forked), Position::Fork { at: 7 });
    assert_eq!(position(Some(head(&sibling(&links[4]))), &links), Position::Fork { at: 5 });
    let mut grafted = links.clone();
    grafted[6] = sibling(&links[6]);
    assert_eq!(position(at(5), &grafted), Position::StoreAhead { descends: false });
}

#[test]
fn a_text_its_own_parser_refuses_is_never_written() {
    let kinds = [
        NoteKind::Unknown { word: "config".to_owned(), lines: vec![] },
        NoteKind::Unknown { word: "new".to_owned(), lines: vec!["a\nb".to_owned()] },
        NoteKind::Unknown { word: "new".to_owned(), lines: vec!["attach root x".to_owned()] },
        NoteKind::Unknown { word: "two words".to_owned(), lines: vec![] },
        NoteKind::Gap { from: 1, to: 1, reason: "a reason".to_owned() },
        NoteKind::Forget { snapshots: vec![], reason: "retention".to_owned() },
    ];
    for kind in kinds {
        assert!(note(2, Some(Sha256([1; 32])), kind.clone()).to_text().is_err(), "{kind:?}");
    }
}

fn any_hash() -> impl Strategy<Value = Sha256> {
    any::<[u8; 32]>().prop_map(Sha256)
}

fn any_pack() -> impl Strategy<Value = (PackKind, PackId)> {
    let kind = prop_oneof![Just(PackKind::Data), Just(PackKind::Manifest)];
    (kind, any::<u32>(), any_hash()).prop_map(|(kind, epoch, sha256)| (kind, PackId { epoch, sha256 }))
}

fn any_kind() -> impl Strategy<Value = NoteKind> {
    let word = || "[a-z][a-z0-9-]{0,20}";
    let status = prop_oneof![Just(SnapshotStatus::Complete), Just(SnapshotStatus::Partial)];
    let device = Just(DeviceId::parse("fedcba9876543210").unwrap());
    let light = prop::sample::select(Light::ALL);
    let holder = prop::sample::select(RecipientRole::ALL);
    let vkey = any::<[u8; 32]>().prop_map(|key| VKey::new("scelle/x/owner", &key).unwrap());
    let unknown = "[a-z]{3,12}".prop_map(|tail| format!("zz{tail}"));
    prop_oneof![
        (1u64..9999, status, any::<u32>(), word(), any::<u64>(), 0u64..1 << 50, any::<u64>()).prop_map(
            |(number, status, epoch, set, files, bytes, stored_bytes)| NoteKind::Snapshot {
                number,
                status,
                epoch,
                set,
                files,
                source_bytes: padme(bytes),
                stored_bytes
            }
        ),
        (word(), light, prop::option::of(1u64..9999)).prop_map(|(run, status, snapshot)| NoteKind::Bilan {
            run,
            status,
            snapshot
        }),
        Just(NoteKind::Restore),
        (prop::collection::vec((device, 1u64..9999), 1..5), word())
            .prop_map(|(snapshots, reason)| NoteKind::Forget { snapshots, reason }),
        (any_pack(), prop::collection::vec((any_pack(), any::<u64>()), 1..4)).prop_map(|(replaces, by)| {
            NoteKind::Heal { replaces, by: by.into_iter().map(|((_, id), n)| (replaces.0, id, n)).collect() }
        }),
        (word(), prop::collection::btree_map(any_pack(), word(), 1..5)).prop_map(|(found_by, bad)| {
            let name = |(kind, id): (PackKind, PackId)| scelle_format::layout::pack(kind, &id);
            let bad = bad.into_iter().map(|(pack, why)| FoundBad { name: name(pack), why }).collect();
            NoteKind::Damage { found_by, bad, good: Vec::new() }
        }),
        (word(), 1u64..10).prop_map(|(reason, n)| NoteKind::Gap { from: n, to: n + 3, reason }),
        (holder, any::<u32>(), any::<u64>(), vkey, prop::collection::vec(any::<u8>(), 1..80)).prop_map(
            |(holder, epoch, opened, vkey, signature)| NoteKind::Proof {
                holder,
                epoch,
                opened,
                vkey,
                signature
            }
        ),
        Just(NoteKind::Probe),
        Just(NoteKind::Config),
        Just(NoteKind::Keys),
        Just(NoteKind::Pause),
        (1u64..20, word(), 1u64..9999, prop::sample::select(Author::ALL), prop::sample::select(Because::ALL))
            .prop_map(|(bilan, set, snapshot, author, reason)| NoteKind::Acknowledge {
                bilan,
                set,
                snapshot,
                author,
                reason
            }),
        (
            1u64..20,
            prop::collection::btree_set(any_pack(), 1..5),
            any::<u64>(),
            prop::sample::select(Author::ALL),
            prop::sample::select(Because::ALL)
        )
            .prop_map(|(bilan, packs, snapshots, author, reason)| {
                let name = |(kind, id): (PackKind, PackId)| scelle_format::layout::pack(kind, &id);
                NoteKind::Loss {
                    bilan,
                    lost: packs.into_iter().map(name).collect(),
                    snapshots,
                    author,
                    reason,
                }
            }),
        (0u64..50, 51u64..99).prop_map(|(from, to)| NoteKind::Rewound { from, to }),
        (unknown, prop::collection::vec("[b-z][ -~é]{0,30}", 0..4))
            .prop_map(|(word, lines)| NoteKind::Unknown { word, lines }),
    ]
}

fn any_note() -> impl Strategy<Value = Note> {
    let numbers = (20u64..1_000_000_000_000, 0i64..253_402_300_799, any::<Option<i64>>(), any::<u16>());
    (any_kind(), numbers, any::<[u8; 8]>(), any_hash()).prop_map(
        |(kind, (sequence, time, offset, generation), instance, prev)| {
            let is_partial = matches!(kind, NoteKind::Snapshot { status: SnapshotStatus::Partial, .. });
            let mut note = note(sequence, Some(prev), kind);
            note.attachments.retain(|attachment| !is_partial || attachment.role != "root");
            let descriptor = SeenRevision { revision: sequence, text_sha256: prev };
            let time = Timestamp(time);
            Note { time, clock_offset_ms: offset, generation, instance, descriptor, ..note }
        },
    )
}

proptest! {
    #[test]
    fn every_note_comes_back(note in any_note()) {
        let text = note.to_text().unwrap();
        prop_assert_eq!(Note::parse(&text).unwrap(), note);
    }

    #[test]
    fn a_changed_text_prints_back_or_is_refused(note in any_note(), at in any::<prop::sample::Index>(), new in any::<char>()) {
        let mut text: Vec<char> = note.to_text().unwrap().chars().collect();
        let at = at.index(text.len());
        text[at] = new;
        let text: String = text.into_iter().collect();
        if let Ok(parsed) = Note::parse(&text) {
            prop_assert_eq!(parsed.to_text().unwrap(), text);
        }
    }

    #[test]
    fn hostile_text_never_panics(text in any::<String>(), lines in prop::collection::vec("[a-z]{1,8} [ -~]{0,20}", 0..9)) {
        let _ = Note::parse(&text);
        let good = note(9, Some(Sha256([1; 32])), NoteKind::Restore).to_text().unwrap();
        for kind in [
            "snapshot", "bilan", "forget", "heal", "damage", "gap", "proof", "rewound", "acknowledge", "loss", "else",
        ] {
            let hostile = good.replace("kind restore", &format!("kind {kind}"));
            let _ = Note::parse(&format!("{hostile}{}\n", lines.join("\n")));
        }
    }

    #[test]
    fn hostile_chains_never_panic(rows in prop::collection::vec((prop_oneof![0u64..9, any::<u64>()], 0u8..4, prop::option::of(0u8..4), any::<Option<(u64, u64)>>()), 0..20), local in any::<Option<(u64, u8)>>()) {
        let links: Vec<ChainLink> = rows
            .into_iter()
            .map(|(sequence, text, prev, missing)| ChainLink {
                sequence,
                text_sha256: Sha256([text; 32]),
                prev: prev.map(|n| Sha256([n; 32])),
                missing: missing.map(|(from, to)| NoteNumbers { from, to }),
            })
            .collect();
        let local = local.map(|(sequence, text)| ChainHead { sequence, text_sha256: Sha256([text; 32]) });
        let report = verify_chain(&links);
        prop_assert!(!report.contiguous || report.sound());
        let _ = position(local, &links);
        if let Some(local) = local {
            let _ = verify_chain_after(local, &links);
        }
    }
}
