//! Which of several words about one object counts, and what is open, replaced or accepted.

use scelle_format::id::{PackKind, Sha256};

use super::*;

fn name(n: u8) -> String {
    layout::pack(PackKind::Data, &id(n))
}

fn id(n: u8) -> PackId {
    PackId { epoch: 0, sha256: Sha256([n; 32]) }
}

fn found(bad: &[u8], good: &[u8]) -> NoteKind {
    let bad = bad.iter().map(|n| FoundBad { name: name(*n), why: "pack-hash".to_owned() }).collect();
    NoteKind::Damage { found_by: "check".into(), bad, good: good.iter().map(|n| name(*n)).collect() }
}

fn healed(n: u8) -> NoteKind {
    NoteKind::Heal { replaces: (PackKind::Data, id(n)), by: vec![(PackKind::Data, id(9), 65_536)] }
}

#[test]
fn damage_stays_until_it_is_healed_or_called_good() {
    let mut damage = Damage::default();
    assert!(damage.avoided().is_empty());
    damage.apply("a", 1, &found(&[1, 2, 3], &[]), &Seen::new());
    damage.apply("a", 2, &found(&[], &[2]), &Seen::new());
    damage.apply("a", 3, &healed(1), &Seen::new());
    let open: Vec<_> = damage.open_packs().into_iter().map(|(_, pack)| pack).collect();
    assert_eq!(open, [id(3)]);
    // A healed pack is still no place to build on.
    assert!(damage.avoided().has(&id(1)) && !damage.avoided().has(&id(2)));
    let back: Damage = serde_json::from_slice(&serde_json::to_vec(&damage).unwrap()).unwrap();
    assert_eq!(back, damage);
}

#[test]
fn what_was_healed_is_lost_again_with_what_took_its_place() {
    let mut damage = Damage::default();
    damage.apply("a", 1, &found(&[1], &[]), &Seen::new());
    damage.apply("a", 2, &healed(1), &Seen::new());
    assert!(!damage.is_open(&name(1)));
    damage.apply("a", 3, &found(&[9], &[]), &Seen::new());
    let open = |damage: &Damage| damage.open().map(|bad| bad.name.to_owned()).collect::<Vec<_>>();
    assert_eq!(open(&damage), [name(1), name(9)]);
    assert_eq!(damage.unaccepted(), [name(1), name(9)]);
    let loss = |lost: &[u8]| {
        let (author, reason) = (Author::Provider, Because::Other);
        let lost = lost.iter().map(|n| name(*n)).collect();
        NoteKind::Loss { bilan: 3, lost, snapshots: 2, author, reason }
    };
    let mut accepted = damage.clone();
    accepted.apply("a", 4, &loss(&[1, 9]), &Seen::new());
    assert_eq!((accepted.unaccepted().len(), open(&accepted).len()), (0, 2));
    // What is whole is not lost, whatever was accepted.
    let mut whole = damage.clone();
    whole.apply("a", 4, &found(&[], &[9]), &Seen::new());
    whole.apply("a", 5, &loss(&[1, 9]), &Seen::new());
    assert!(open(&whole).is_empty() && !whole.is_accepted(&name(1)) && whole.loss().is_none());
    // Another device has it elsewhere.
    let by = vec![(PackKind::Data, id(8), 65_536)];
    damage.apply("b", 1, &NoteKind::Heal { replaces: (PackKind::Data, id(1)), by }, &Seen::new());
    assert_eq!(open(&damage), [name(9)]);
}

#[test]
fn words_give_the_same_in_any_order() {
    let seen = |n| Seen::from([("a".to_owned(), n)]);
    let notes = [
        ("a", 4, found(&[1, 2], &[]), Seen::new()),
        ("b", 7, found(&[], &[1]), seen(4)),
        ("b", 8, found(&[], &[2]), seen(3)),
        ("c", 2, healed(2), Seen::new()),
        ("b", 9, found(&[], &[3]), seen(9)),
        ("a", 10, found(&[3], &[]), Seen::new()),
    ];
    let all = |order: &mut dyn Iterator<Item = usize>| {
        let mut damage = Damage::default();
        for at in order {
            let (device, sequence, kind, known) = &notes[at];
            damage.apply(device, *sequence, kind, known);
        }
        damage
    };
    let damage = all(&mut (0..notes.len()));
    assert_eq!(all(&mut (0..notes.len()).rev()), damage);
    // 1 was called good by who knew; 2 by who did not, and is healed; 3 is bad again since.
    assert!(!damage.is_open(&name(1)) && !damage.avoided().has(&id(1)));
    assert!(!damage.is_open(&name(2)) && damage.avoided().has(&id(2)));
    assert!(damage.is_open(&name(3)));
}
