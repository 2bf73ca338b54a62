//! How hard an object is looked for, on a store that lies now and then.

use scelle_store::mem::{MemSettings, MemStore, Misbehaviour};
use scelle_store::read_back::ReadBack;
use scelle_store::testing::{Fault, Faulty, Operation};

use super::*;
use crate::error::ExitCode;

fn id(letter: char) -> RepositoryId {
    RepositoryId::parse(&letter.to_string().repeat(26)).unwrap()
}

#[tokio::test]
async fn an_overwritten_object_is_found_again_in_its_first_version() {
    let store = Arc::new(MemStore::with(MemSettings { versions: true, ..MemSettings::default() }));
    let objects = Objects::new(store.clone(), id('a'));
    let sha256 = Sha256::of(b"right");
    let name = layout::attachment(&sha256);
    objects.put_new(&name, Bytes::from_static(b"right")).await.unwrap();
    let key = objects.key(&name).unwrap();
    store.delete(&key).await.unwrap();
    assert_eq!(&objects.get_hashed(&name, &sha256, 100).await.unwrap()[..], b"right");
    objects.put_new(&name, Bytes::from_static(b"forged")).await.unwrap();
    assert_eq!(&objects.get_hashed(&name, &sha256, 100).await.unwrap()[..], b"right");
}

#[tokio::test]
async fn damage_names_the_object() {
    let objects = Objects::new(Arc::new(MemStore::new()), id('a'));
    let sha256 = Sha256::of(b"right");
    let name = layout::attachment(&sha256);
    let missing = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
    assert_eq!((missing.code, missing.place.as_deref()), (ExitCode::Damaged, Some(name.as_str())));
    objects.put_new(&name, Bytes::from_static(b"wrong")).await.unwrap();
    let wrong = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
    assert_eq!((wrong.code, wrong.place.as_deref()), (ExitCode::Damaged, Some(name.as_str())));
}

#[tokio::test]
async fn one_wrong_answer_is_asked_again_and_counted_two_are_damage() {
    let sha256 = Sha256::of(b"right");
    let name = layout::attachment(&sha256);
    let faults = [Fault::Corrupt(2), Fault::Truncate(3), Fault::Fail(ErrorKind::NotFound)];
    for fault in faults.into_iter().chain([Fault::Fail(ErrorKind::Corrupt)]) {
        let faulty = Arc::new(Faulty::new(Arc::new(MemStore::new())));
        let objects = Objects::new(faulty.clone(), id('a'));
        objects.put_new(&name, Bytes::from_static(b"right")).await.unwrap();
        faulty.nth(Operation::Get, 1, "", fault);
        let found = objects.find_hashed(&name, &sha256, 100).await.unwrap();
        assert_eq!((&found.0[..], found.1), (&b"right"[..], FoundAt::Current), "{fault:?}");
        assert_eq!(objects.oddities().answered_wrongly(), 1, "{fault:?}");
        faulty.heal();
        faulty.always(Operation::Get, "", fault);
        let error = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
        assert_eq!(error.code, ExitCode::Damaged, "{fault:?}");
    }
}

#[tokio::test]
async fn an_object_without_a_hash_in_its_name_is_asked_for_twice_before_it_is_absent() {
    let faulty = Arc::new(Faulty::new(Arc::new(MemStore::new())));
    let objects = Objects::new(faulty.clone(), id('a'));
    objects.put_new(layout::FORMAT_TXT, Bytes::from_static(b"text")).await.unwrap();
    faulty.nth(Operation::Get, 1, "", Fault::Fail(ErrorKind::NotFound));
    assert!(objects.find_named(layout::FORMAT_TXT, 100).await.unwrap().is_some());
    assert_eq!(objects.oddities().answered_wrongly(), 1);
    assert!(objects.find_named(&layout::descriptor(1), 100).await.unwrap().is_none());
}

#[tokio::test]
async fn where_versions_are_closed_the_error_says_who_can_look() {
    let misbehaviour = Misbehaviour { hides_versions: true, ..Misbehaviour::default() };
    let settings = MemSettings { versions: true, misbehaviour, ..MemSettings::default() };
    let store = Arc::new(MemStore::with(settings));
    let objects = Objects::new(store.clone(), id('a'));
    let sha256 = Sha256::of(b"right");
    let name = layout::attachment(&sha256);
    objects.put_new(&name, Bytes::from_static(b"right")).await.unwrap();
    store.delete(&objects.key(&name).unwrap()).await.unwrap();
    let error = objects.get_hashed(&name, &sha256, 100).await.unwrap_err();
    assert_eq!(error.code, ExitCode::Damaged);
    assert_eq!(error.todo(), AgentError::object_missing().older_version_may_exist().todo());
}

#[tokio::test]
async fn a_pack_of_a_dead_run_counts_once_it_was_read_where_the_store_checks_nothing() {
    let sha256 = Sha256::of(b"right");
    let name = layout::attachment(&sha256);
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let plain = Objects::new(store.clone(), id('a'));
    plain.put_new_hashed(&name, Bytes::from_static(b"wrong"), &Sha256::of(b"wrong")).await.unwrap();
    assert!(plain.is_whole(&name, &sha256, 5).await.unwrap(), "its size is all that a sound store is asked");
    let careless = Objects::new(Arc::new(ReadBack::new(store)), id('a'));
    assert!(!careless.is_whole(&name, &sha256, 5).await.unwrap());
}
