//! Names of FORMAT.md that somebody puts into the store, and that are nobody's: they shut nobody out and light nothing for ever.

use std::ffi::OsStr;
use std::fs;

use e2e::{Agent, Site, Tree};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout;
use serde_json::Value;

fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    site.backup(&source);
    (site, source)
}

fn put(site: &Site, name: &str, bytes: &[u8]) {
    let path = site.object(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn saved(agent: &Agent, source: &Tree) -> Value {
    let words = ["backup".as_ref(), source.root().as_os_str(), "--json".as_ref()];
    agent.ok(words).json()
}

fn reasons(agent: &Agent) -> Vec<String> {
    let shown = agent.json(["bilan", "show"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

/// Whoever may write can put a file under the name of the next revision. No backup knows it for one, and who joins is told the
/// truth: the name is taken, not that somebody works there.
#[test]
fn what_bears_the_name_of_the_next_descriptor_is_told_and_believed_by_nobody() {
    for copies_the_first in [false, true] {
        let (site, source) = practice();
        let kit = site.kit();
        let joining: [&OsStr; 5] =
            ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
        let second = site.other_computer("second");
        second.ok(joining);
        saved(&second, &source);
        let first = fs::read(site.object(&layout::descriptor(1))).unwrap();
        let taken = layout::descriptor(3);
        put(&site, &taken, if copies_the_first { &first } else { b"garbage" });
        for number in 0..3 {
            source.file(format!("{number}.txt"), "more");
            for agent in [&site.agent, &second] {
                assert_eq!(saved(agent, &source)["status"], "amber", "{:?}", reasons(agent));
            }
        }
        let check = site.agent.json(["check"]);
        assert_eq!(check["strangers"], 1, "{check}");

        let keys = site.objects("keys/");
        let third = site.other_computer("third");
        let told = third.expect(13, joining).err();
        assert!(told.contains("bears the name of the next descriptor") && told.contains(&taken), "{told}");
        let told = third.clone().with("SCELLE_LANG", "fr").expect(13, joining).err();
        assert!(told.contains("porte le nom du prochain descripteur"), "{told}");
        assert_eq!(site.objects("keys/"), keys, "nothing is written by who does not join");
        fs::remove_file(site.object(&taken)).unwrap();
        third.ok(joining);
        assert_eq!(saved(&third, &source)["status"], "amber");
        site.agent.ok(["check"]);
    }
}

/// The owner's signature has no other number to take either.
#[test]
fn signing_is_told_that_the_name_is_taken() {
    let site = Site::not_initialised(e2e::Place::dir);
    let kit = site.path("paper.txt");
    site.agent.ok(["kit".as_ref(), "new".as_ref(), "--out".as_ref(), kit.as_os_str()]);
    site.agent.ok(["init".as_ref(), "--kit-public".as_ref(), site.path("paper.txt.pub").as_os_str()]);
    put(&site, &layout::descriptor(2), b"garbage");
    let signing: [&OsStr; 5] =
        ["keys".as_ref(), "check-kit".as_ref(), "--confirm".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    let told = site.agent.expect(13, signing).err();
    assert!(told.contains("bears the name of the next descriptor"), "{told}");
    fs::remove_file(site.object(&layout::descriptor(2))).unwrap();
    site.agent.ok(signing);
}

/// A device, an epoch, a recipient that there is not; and a further revision of an epoch's file of which nobody has a copy.
#[test]
fn a_key_file_that_no_descriptor_names_is_a_strangers() {
    let nobody = DeviceId::parse("00112233445566aa").unwrap();
    let opens: &[u8] = b"age-encryption.org/v1\ngarbage";
    for (stray, bytes) in [
        (layout::device_key(&nobody), b"garbage".as_slice()),
        (layout::device_key(&nobody), opens),
        (layout::epoch_key(1, 1), b"garbage"),
        (layout::epoch_key(1, 1), opens),
        (layout::everyday_key(1), opens),
        (layout::everyday_key(9), b"garbage"),
        (layout::epoch_key(0, 2), b"garbage"),
    ] {
        let site = Site::not_initialised(e2e::Place::dir);
        let (kit, source) = (site.path("paper.txt"), site.source("cabinet"));
        source.file("lettre.txt", "une lettre");
        let init = ["init".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
        site.agent.ok(init);
        saved(&site.agent, &source);
        let second = site.other_computer("second");
        second.ok(init.into_iter().chain(["--join".as_ref()]));
        put(&site, &stray, bytes);
        for is_there in [true, true, false, false] {
            if !is_there && site.object(&stray).exists() {
                fs::remove_file(site.object(&stray)).unwrap();
            }
            for agent in [&site.agent, &second] {
                assert_eq!(saved(agent, &source)["status"], "amber", "{stray}: {:?}", reasons(agent));
            }
            for words in [&["check"][..], &["check", "--kit", kit.to_str().unwrap()]] {
                let check = site.agent.json(words.iter().copied());
                assert_eq!(check["strangers"], u64::from(is_there), "{stray}: {check}");
            }
        }
    }
}

/// What an earlier version noted of such a name is forgotten.
#[test]
fn what_was_noted_of_a_strangers_key_file_is_dropped() {
    let (site, source) = practice();
    let stray = layout::epoch_key(1, 1);
    put(&site, &stray, b"garbage");
    let path = site.state().join("damage.json");
    let mut noted: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    noted["here"][&stray] = "key-forged".into();
    noted["altered"]["found"][&stray] = 1.into();
    // A file from before there was a checksum is read without one.
    noted.as_object_mut().unwrap().remove("check");
    fs::write(&path, noted.to_string()).unwrap();
    assert_eq!(saved(&site.agent, &source)["status"], "amber", "{:?}", reasons(&site.agent));
    assert!(!fs::read_to_string(&path).unwrap().contains(&stray));
}

/// The listing has its size: no note, whatever it hashes to. Said once, and answered for good.
#[test]
fn what_is_larger_than_a_note_may_be_is_none() {
    let (site, source) = practice();
    let own = site.objects("c/").remove(0);
    let (device, ..) = layout::parse_note(&own).unwrap();
    let large = vec![b'y'; 3 << 20];
    let stray = layout::note(&device, 40, &Sha256::of(&large));
    put(&site, &stray, &large);
    let found = site.agent.expect(13, ["check", "--json"]).json();
    assert_eq!(found["findings"][0]["kind"], "note-malformed", "{found}");
    assert_eq!(saved(&site.agent, &source)["status"], "red");
    assert!(!reasons(&site.agent).contains(&"objects-altered".to_owned()), "{:?}", reasons(&site.agent));
    site.agent.ok(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    for _ in 0..2 {
        assert_eq!(saved(&site.agent, &source)["status"], "amber", "{:?}", reasons(&site.agent));
    }
    // In the place of one that there was it is other bytes, and is put right.
    let right = fs::read(site.object(&own)).unwrap();
    fs::write(site.object(&own), &large).unwrap();
    saved(&site.agent, &source);
    assert!(reasons(&site.agent).contains(&"objects-altered".to_owned()));
    assert_eq!(fs::read(site.object(&own)).unwrap(), right);
}
