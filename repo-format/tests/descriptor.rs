//! Descriptors and FORMAT.txt: one form only, no panic on hostile text, and who may sign which change.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use proptest::prelude::*;
use scelle_format::FormatError;
use scelle_format::descriptor::*;
use scelle_format::format_txt::FormatTxt;
use scelle_format::id::{DeviceId, RepositoryId, Sha256};
use scelle_format::note::{SigningKey, parse as parse_note, sign};
use scelle_format::random::SeededRandom;
use scelle_format::timestamp::Timestamp;
use scelle_format::vkey_text::{VKey, key_name};

const DEVICE: &str = "0123456789abcdef";

/// A change to a sound descriptor.
type Change = fn(&mut Descriptor);

fn repository() -> RepositoryId {
    RepositoryId::parse("abcdefghijklmnopqrstuvwxyz").unwrap()
}

fn key(holder: &str, seed: u8) -> VKey {
    VKey::new(&key_name(&repository(), holder), &[seed; 32]).unwrap()
}

fn hash(n: u8) -> Sha256 {
    Sha256([n; 32])
}

fn device(id: &str, seed: u8) -> DeviceLine {
    DeviceLine {
        id: DeviceId::parse(id).unwrap(),
        vkey: key(id, seed),
        state: DeviceState::Enrolled,
        generation: 0,
        k_check: [seed; 32],
    }
}

fn recipient(name: &str, role: RecipientRole, n: u8) -> RecipientLine {
    RecipientLine { name: name.to_owned(), role, sha256: hash(n) }
}

fn first() -> Descriptor {
    Descriptor {
        repository: repository(),
        revision: 1,
        time: Timestamp(1_795_293_847),
        prev: None,
        required: vec![],
        optional: vec![],
        owners: vec![key("owner", 1)],
        threshold: 1,
        succession: Succession { days: 30, words: vec!["public-delay".to_owned()] },
        admin: Some(key("admin", 2)),
        recipients: vec![
            recipient("paper", RecipientRole::Recovery, 10),
            recipient("phrase", RecipientRole::Everyday, 11),
        ],
        epochs: vec![EpochLine { number: 0, recipient_sha256: hash(20), state: EpochState::Provisional }],
        devices: vec![device(DEVICE, 3)],
        policy: RetentionPolicy { keep_daily: 14, keep_weekly: 8, keep_monthly: 24, keep_yearly: 10 },
        extensions: vec![],
    }
}

fn after(previous: &Descriptor) -> Descriptor {
    let mut next = previous.clone();
    next.revision += 1;
    next.prev = Some(previous.text_sha256());
    next.time = Timestamp(previous.time.0 + 60);
    next
}

fn pin() -> Pin {
    Pin { owner_key: [1; 32], recovery_sha256: Some(hash(10)) }
}

#[test]
fn real_signatures_lead_to_the_standing() {
    let random = &mut SeededRandom::new(b"owner");
    let owner = SigningKey::generate(&key_name(&repository(), "owner"), random).unwrap();
    let mut descriptor = first();
    descriptor.owners = vec![VKey::of(owner.verifying_key()).unwrap()];
    let note = parse_note(sign(&descriptor.to_text().unwrap(), &[&owner]).unwrap().as_bytes()).unwrap();
    let parsed = Descriptor::parse(&note.text).unwrap();
    assert_eq!(parsed, descriptor);
    let known: Vec<_> = parsed.known_keys().iter().filter_map(|key| key.verifying_key().ok()).collect();
    let signed_by: Vec<VKey> =
        note.verified_by(&known).unwrap().into_iter().map(|key| VKey::of(key).unwrap()).collect();
    let pin = Pin { owner_key: *owner.verifying_key().public_key(), recovery_sha256: None };
    assert_eq!(check_first(&parsed, &pin, &signed_by), Ok(Standing::OwnerSigned));
}

#[test]
fn the_first_revision_is_the_owners_or_provisional() {
    let (owner, admin, dev) = (key("owner", 1), key("admin", 2), key(DEVICE, 3));
    assert_eq!(check_first(&first(), &pin(), std::slice::from_ref(&owner)), Ok(Standing::OwnerSigned));
    assert_eq!(check_first(&first(), &pin(), std::slice::from_ref(&dev)), Ok(Standing::Provisional));
    let unsigned = Err(DescriptorError::NotAuthorized { needed: 1, found: 0 });
    assert_eq!(check_first(&first(), &pin(), &[]), unsigned);
    assert_eq!(check_first(&first(), &pin(), &[admin]), unsigned);

    let other = Pin { owner_key: [9; 32], ..pin() };
    assert_eq!(check_first(&first(), &other, &[owner]), Err(DescriptorError::OwnerNotPinned));
    let other = Pin { recovery_sha256: Some(hash(99)), ..pin() };
    let by_device = std::slice::from_ref(&dev);
    assert_eq!(check_first(&first(), &other, by_device), Err(DescriptorError::RecoveryNotPinned));

    let mut two = first();
    two.recipients.push(recipient("second", RecipientRole::Recovery, 12));
    assert_eq!(check_first(&two, &pin(), by_device), Err(DescriptorError::RecoveryNotPinned));
    let mut two = first();
    two.owners.push(key("owner", 8));
    assert_eq!(check_first(&two, &pin(), by_device), Err(DescriptorError::NotProvisionalForm));
    let mut two = first();
    two.devices.push(device("fedcba9876543210", 4));
    assert_eq!(check_first(&two, &pin(), by_device), unsigned);
    assert_eq!(check_first(&after(&first()), &pin(), by_device), Err(DescriptorError::NoFirstRevision));
}

#[test]
fn only_the_owner_ends_a_provisional_repository() {
    let next = after(&first());
    let check = |signed_by: &[VKey]| check_successor(&first(), Standing::Provisional, &next, signed_by);
    assert_eq!(check(&[key("owner", 1)]), Ok(Standing::OwnerSigned));
    assert!(check(&[key("admin", 2)]).is_err());
    assert!(check(&[key(DEVICE, 3)]).is_err());
}

#[test]
fn owners_sign_by_threshold_and_each_counts_once() {
    let mut previous = first();
    previous.owners = vec![key("owner", 1), key("owner", 5), key("owner", 6)];
    previous.threshold = 2;
    let mut next = after(&previous);
    next.recipients.push(recipient("provider", RecipientRole::Escrow, 30));
    let check = |signed_by: &[VKey]| check_successor(&previous, Standing::OwnerSigned, &next, signed_by);
    assert!(check(&[key("owner", 1), key("owner", 6)]).is_ok());
    let one = Err(DescriptorError::NotAuthorized { needed: 2, found: 1 });
    assert_eq!(check(&[key("owner", 1)]), one);
    assert_eq!(check(&[key("owner", 1), key("owner", 1)]), one);
    assert_eq!(check(&[key("owner", 1), key("owner", 77)]), one);
    assert!(check(&[key(DEVICE, 3)]).is_err());
    let by_one_and_admin = check(&[key("owner", 1), key("admin", 2)]);
    assert_eq!(by_one_and_admin, Err(DescriptorError::BeyondAdmin { what: "recipient" }));
}

#[test]
fn the_chain_of_revisions_has_no_gap() {
    let owner = [key("owner", 1)];
    let check = |next: &Descriptor| check_successor(&first(), Standing::OwnerSigned, next, &owner);
    let mut skipped = after(&first());
    skipped.revision = 3;
    assert_eq!(check(&skipped), Err(DescriptorError::WrongRevision));
    let mut cut = after(&first());
    cut.prev = Some(hash(0));
    assert_eq!(check(&cut), Err(DescriptorError::WrongPrev));
    let mut foreign = after(&first());
    foreign.repository = RepositoryId::parse("zzzzzzzzzzzzzzzzzzzzzzzzzz").unwrap();
    assert_eq!(check(&foreign), Err(DescriptorError::OtherRepository));

    let second = after(&first());
    let entry = |named_revision, descriptor: &Descriptor| SignedDescriptor {
        named_revision,
        descriptor: descriptor.clone(),
        signed_by: owner.to_vec(),
    };
    let whole = [entry(1, &first()), entry(2, &second)];
    assert_eq!(check_history(&pin(), &whole), Ok(Standing::OwnerSigned));
    assert_eq!(check_history(&pin(), &whole[1..]), Err(DescriptorError::NoFirstRevision));
    let renamed = [entry(1, &first()), entry(3, &second)];
    assert_eq!(check_history(&pin(), &renamed), Err(DescriptorError::WrongRevision));
    assert_eq!(check_history(&pin(), &[]), Err(DescriptorError::NoFirstRevision));

    let seen_at = |revision, text_sha256| SeenRevision { revision, text_sha256 };
    let seen = seen_at(2, second.text_sha256());
    assert_eq!(check_seen(seen, &second), Ok(()));
    assert_eq!(check_seen(seen, &first()), Err(DescriptorError::RolledBack));
    assert_eq!(check_seen(seen_at(2, hash(0)), &second), Err(DescriptorError::RolledBack));
    assert_eq!(check_seen(seen, &after(&second)), Ok(()));
}

#[test]
fn the_admin_may_enrol_revoke_confirm_and_keep_more() {
    let allowed: [Change; 5] = [
        |d| d.devices.push(device("fedcba9876543210", 4)),
        |d| d.devices[0].state = DeviceState::Revoked,
        |d| {
            d.devices[0].generation = 1;
            d.devices[0].k_check = [9; 32];
        },
        |d| d.epochs[0].state = EpochState::Confirmed,
        |d| d.policy.keep_yearly += 1,
    ];
    for (at, change) in allowed.iter().enumerate() {
        let mut next = after(&first());
        change(&mut next);
        let found = check_successor(&first(), Standing::OwnerSigned, &next, &[key("admin", 2)]);
        assert_eq!(found, Ok(Standing::OwnerSigned), "{at}");
    }
}

#[test]
fn the_admin_may_change_nothing_else() {
    let refused: [(&str, Change); 16] = [
        ("optional", |d| d.optional = vec!["bundles".to_owned()]),
        ("owner", |d| d.owners.push(key("owner", 9))),
        ("owner", |d| d.owners = vec![key("owner", 9)]),
        ("threshold", |d| {
            d.threshold = 0;
        }),
        ("succession", |d| d.succession.days = 0),
        ("admin", |d| d.admin = Some(key("admin", 9))),
        ("admin", |d| d.admin = None),
        ("recipient", |d| d.recipients.push(recipient("mine", RecipientRole::Escrow, 66))),
        ("recipient", |d| d.recipients[1].sha256 = hash(66)),
        ("epoch", |d| d.epochs[0].recipient_sha256 = hash(66)),
        ("epoch", |d| {
            d.epochs.push(EpochLine {
                number: 1,
                recipient_sha256: hash(66),
                state: EpochState::Provisional,
            });
        }),
        ("device", |d| d.devices[0].vkey = key(DEVICE, 66)),
        ("device", |d| d.devices[0] = device("fedcba9876543210", 4)),
        ("device", |d| d.devices[0].k_check = [66; 32]),
        ("policy", |d| d.policy.keep_daily -= 1),
        ("x-", |d| d.extensions.push("x-a".to_owned())),
    ];
    for (what, change) in refused {
        let mut next = after(&first());
        change(&mut next);
        let found = check_successor(&first(), Standing::OwnerSigned, &next, &[key("admin", 2)]);
        assert_eq!(found, Err(DescriptorError::BeyondAdmin { what }));
    }
    let mut previous = first();
    previous.epochs[0].state = EpochState::Confirmed;
    previous.devices[0].state = DeviceState::Revoked;
    let mut next = after(&previous);
    next.epochs[0].state = EpochState::Provisional;
    let found = check_successor(&previous, Standing::OwnerSigned, &next, &[key("admin", 2)]);
    assert_eq!(found, Err(DescriptorError::BeyondAdmin { what: "epoch" }));
    let mut next = after(&previous);
    next.devices[0].state = DeviceState::Enrolled;
    let found = check_successor(&previous, Standing::OwnerSigned, &next, &[key("admin", 2)]);
    assert_eq!(found, Err(DescriptorError::BeyondAdmin { what: "device" }));
}

#[test]
fn a_text_its_own_parser_refuses_is_never_written() {
    let broken: [Change; 6] = [
        |d| d.revision = 0,
        |d| d.threshold = 2,
        |d| d.succession.words = vec!["a\nowner x".to_owned()],
        |d| d.recipients[0].name = "two words".to_owned(),
        |d| d.extensions = vec!["x-a\npolicy".to_owned()],
        |d| d.time = Timestamp(-1),
    ];
    for (at, change) in broken.iter().enumerate() {
        let mut descriptor = first();
        change(&mut descriptor);
        assert!(descriptor.to_text().is_err(), "{at}");
    }
}

#[test]
fn what_a_repository_requires_is_named() {
    let text = FormatTxt::new(repository()).to_text().unwrap();
    assert!(text.contains("age -d -i KIT keys/e0/00000001.age > e0.key"));
    assert!(text.lines().filter(|line| line.contains("age -d")).all(|line| line.is_ascii()));
    let found = FormatTxt::parse(text.replace("required -", "required bundles").as_bytes());
    assert_eq!(found, Err(FormatError::Unsupported { what: "FORMAT.txt", found: "bundles".to_owned() }));
    let found = FormatTxt::parse(text.replace("version 1", "version 2\nanything").as_bytes());
    assert_eq!(found, Err(FormatError::Unsupported { what: "FORMAT.txt", found: "version 2".to_owned() }));
}

fn any_descriptor() -> impl Strategy<Value = Descriptor> {
    let word = "[a-z][a-z0-9-]{0,20}";
    let words = prop::collection::btree_set(word, 0..4);
    let lines = (1u8..4, 0u8..4, 1u8..4, 1u8..5);
    let numbers = (1u64..1_000_000, 0i64..253_402_300_799, any::<u32>(), any::<u16>());
    let policy = any::<[u32; 4]>();
    let extensions = prop::collection::vec("x-[ -~éà]{0,30}", 0..3);
    (words, prop::collection::vec(word, 1..4), lines, numbers, policy, extensions).prop_map(
        |(
            optional,
            rule,
            (owners, escrows, epochs, devices),
            (revision, time, days, generation),
            p,
            extensions,
        )| {
            let mut d = first();
            d.optional = optional.into_iter().collect();
            d.succession = Succession { days, words: rule };
            d.owners = (0..owners).map(|n| key("owner", n)).collect();
            d.threshold = u16::from(owners);
            for n in 0..escrows {
                d.recipients.push(recipient(&format!("escrow-{n}"), RecipientRole::Escrow, n));
            }
            let line = |n| EpochLine { number: n, recipient_sha256: hash(1), state: EpochState::Confirmed };
            d.epochs = (0..u32::from(epochs)).map(|n| line(n * 3)).collect();
            d.devices = (0..devices).map(|n| device(&format!("{n:016x}"), n)).collect();
            d.devices[0].generation = generation;
            d.revision = revision;
            d.prev = (revision > 1).then(|| hash(2));
            d.time = Timestamp(time);
            d.policy = RetentionPolicy {
                keep_daily: p[0],
                keep_weekly: p[1],
                keep_monthly: p[2],
                keep_yearly: p[3],
            };
            d.extensions = extensions;
            d
        },
    )
}

proptest! {
    #[test]
    fn every_descriptor_comes_back(descriptor in any_descriptor()) {
        let text = descriptor.to_text().unwrap();
        prop_assert_eq!(Descriptor::parse(&text).unwrap(), descriptor);
    }

    #[test]
    fn a_changed_text_prints_back_or_is_refused(descriptor in any_descriptor(), at in any::<prop::sample::Index>(), new in any::<char>()) {
        let mut text: Vec<char> = descriptor.to_text().unwrap().chars().collect();
        let at = at.index(text.len());
        text[at] = new;
        let text: String = text.into_iter().collect();
        if let Ok(parsed) = Descriptor::parse(&text) {
            prop_assert_eq!(parsed.to_text().unwrap(), text);
        }
    }

    #[test]
    fn hostile_text_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Descriptor::parse(&text);
        let _ = Descriptor::parse(&format!("scelle/descriptor/1\n{text}\n"));
        let _ = VKey::parse(&text);
        let _ = VKey::parse(&format!("{text}+00000000+{text}"));
        let _ = Timestamp::parse(&text);
        let _ = FormatTxt::parse(&bytes);
        let _ = FormatTxt::parse(&[b"scelle repository\nversion 1\n", &bytes[..]].concat());
    }

    #[test]
    fn format_txt_comes_back(optional in prop::collection::btree_set("[a-z][a-z0-9-]{0,20}", 0..4), text in any::<String>()) {
        let format = FormatTxt { optional: optional.into_iter().collect(), text, ..FormatTxt::new(repository()) };
        let text = format.to_text().unwrap();
        prop_assert_eq!(FormatTxt::parse(text.as_bytes()).unwrap(), format);
    }
}
