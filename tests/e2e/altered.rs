//! What lies in the store and is not what was stored there is an alarm, also where it could be put right: red until somebody
//! says that they have seen it.

use std::ffi::OsString;
use std::fs;

use e2e::{Site, Tree};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout;
use serde_json::Value;

fn reasons(site: &Site) -> Vec<String> {
    let shown = site.agent.json(["bilan", "show"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

fn is_alarm_open(site: &Site) -> bool {
    reasons(site).contains(&"objects-altered".to_owned())
}

fn acknowledge(site: &Site, code: i32) -> Value {
    let words = ["bilan", "acknowledge", "--author", "provider", "--reason", "other", "--json"];
    site.agent.expect(code, words).json()
}

fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    site.backup(&source);
    (site, source)
}

#[test]
fn an_object_that_was_written_over_is_put_right_and_stays_an_alarm_until_it_is_acknowledged() {
    let (site, source) = practice();
    let key = site.object("keys/e0/00000001.age");
    let right = fs::read(&key).unwrap();
    fs::write(&key, b"something else").unwrap();
    let run = site.backup(&source);
    assert_eq!((&run["status"], &run["mended_objects"]), (&"red".into(), &1.into()), "{run}");
    assert_eq!(fs::read(&key).unwrap(), right);
    assert_eq!(site.backup(&source)["status"], "red", "put right, and not forgotten");
    assert!(is_alarm_open(&site));
    let page = site.agent.ok(["bilan", "show"]).out();
    assert!(page.contains("other bytes than had been written there"), "{page}");
    let page = site.agent.ok(["bilan", "show", "--lang", "fr"]).out();
    assert!(page.contains("d'autres octets que ceux qui y avaient été écrits"), "{page}");

    let note = acknowledge(&site, 0);
    assert!(note["altered"]["note"].is_u64() && note["note"].is_null() && note["loss"].is_null(), "{note}");
    assert_eq!(site.backup(&source)["status"], "amber");
    assert!(!is_alarm_open(&site));
    assert_eq!(acknowledge(&site, 2)["error"]["code"], 2, "there is nothing more to acknowledge");
    // It accepts nothing but what it was about, and nothing that comes after.
    fs::remove_file(site.state().join("damage.json")).unwrap();
    site.backup(&source);
    assert!(!is_alarm_open(&site), "the ledger knows that it was seen");
    fs::write(site.object("FORMAT.txt"), b"something else").unwrap();
    assert_eq!(site.backup(&source)["status"], "red");
    site.agent.ok(["check"]);
}

#[test]
fn what_a_check_finds_altered_is_in_the_next_bilan_and_what_is_gone_is_no_such_alarm() {
    // Its content and, near its end, the list of it: whoever has the kit misses a part of a file first.
    for (has_kit, from_end) in [(false, 2), (true, 2), (true, 64)] {
        let (site, source) = practice();
        let pack = site.object(&site.objects("p/")[0]);
        let mut bytes = fs::read(&pack).unwrap();
        let at = bytes.len() - bytes.len() / from_end;
        bytes[at] ^= 1;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
        let words = ["check", "--read-data", "all"].map(OsString::from).into_iter();
        site.agent.expect(13, words.chain(has_kit.then(|| site.with_kit()).into_iter().flatten()));
        let run = site.backup(&source);
        assert_eq!((&run["status"], &run["healed_packs"]), (&"red".into(), &1.into()), "{run}");
        assert!(is_alarm_open(&site));
    }

    let (site, source) = practice();
    fs::remove_file(site.object("keys/e0/00000001.age")).unwrap();
    let run = site.backup(&source);
    assert_eq!((&run["status"], &run["mended_objects"]), (&"amber".into(), &1.into()), "{run}");
    assert!(!is_alarm_open(&site));
}

/// Where the copies of the key files are lost, what the store shows then is not believed over what signed refs hold, and a
/// check promises what the next backup does.
#[test]
fn a_key_file_written_over_is_put_right_also_where_this_computer_has_lost_its_copies() {
    let (site, source) = practice();
    for name in ["keys/e0/00000001.age".to_owned(), site.objects("keys/d").remove(0)] {
        let key = site.object(&name);
        let right = fs::read(&key).unwrap();
        fs::remove_file(site.state().join("keys-copy.json")).unwrap();
        fs::remove_dir_all(site.state().join("kept")).unwrap();
        fs::write(&key, b"something else").unwrap();
        let check = site.agent.expect(13, ["check", "--json"]).json();
        assert_eq!(check["next_backup"]["put_back"], 1, "{name}: {check}");
        site.backup(&source);
        assert_eq!(fs::read(&key).unwrap(), right, "{name}");
        site.agent.ok(["check"]);
    }
}

/// A computer that has joined and not yet backed up has its key file in the store alone.
#[test]
fn a_check_with_the_kit_opens_the_files_of_all_devices_and_misses_them() {
    let (site, source) = practice();
    let other = site.other_computer("second");
    let kit = site.kit();
    let joined: Vec<&std::ffi::OsStr> =
        vec!["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    let before = site.objects("keys/d");
    other.ok(joined);
    let name = site.objects("keys/d").into_iter().find(|name| !before.contains(name)).unwrap();
    let key = site.object(&name);
    let right = fs::read(&key).unwrap();
    let check = |code: i32| {
        let words: [&std::ffi::OsStr; 4] =
            ["check".as_ref(), "--kit".as_ref(), kit.as_os_str(), "--json".as_ref()];
        site.agent.expect(code, words).json()
    };
    check(0);
    let mut flipped = right.clone();
    flipped[right.len() / 2] ^= 1;
    fs::write(&key, flipped).unwrap();
    let found = check(13);
    assert_eq!(found["findings"][0]["kind"], "key-unreadable", "{found}");
    // A check without a key cannot open it, and does not call it sound.
    let plain = site.agent.expect(13, ["check", "--json"]).json();
    assert_eq!(plain["findings"][0]["kind"], "key-unreadable", "{plain}");
    // One that opens and is of another device.
    fs::copy(site.object(&before[0]), &key).unwrap();
    let found = check(13);
    assert_eq!(found["findings"][0]["kind"], "key-forged", "{found}");
    fs::remove_file(&key).unwrap();
    assert_eq!(site.agent.expect(13, ["check", "--json"]).json()["findings"][0]["kind"], "key-missing");
    fs::write(&key, right).unwrap();
    check(0);
    site.agent.ok(["check"]);
    site.backup(&source);
}

/// A computer that has joined knows what the key opened there, and what it wrote itself.
#[test]
fn a_key_file_spoilt_between_joining_and_the_first_backup_is_put_right() {
    for fault in ["flipped", "empty", "gone"] {
        let (site, source) = practice();
        let other = site.other_computer("second");
        let before = site.objects("keys/d");
        let kit = site.kit();
        let joining: [&std::ffi::OsStr; 5] =
            ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
        other.ok(joining);
        let own = site.objects("keys/d").into_iter().find(|name| !before.contains(name)).unwrap();
        for name in ["keys/e0/00000001.age".to_owned(), own] {
            let key = site.object(&name);
            let right = fs::read(&key).unwrap();
            let mut wrong = right.clone();
            wrong[right.len() / 2] ^= 1;
            match fault {
                "flipped" => fs::write(&key, &wrong).unwrap(),
                "empty" => fs::write(&key, b"").unwrap(),
                _ => fs::remove_file(&key).unwrap(),
            }
            let told = other.expect(13, ["check", "--json"]).json();
            assert_eq!(told["next_backup"]["put_back"], 1, "{fault} {name}: {told}");
            other.ok(["backup".as_ref(), source.root().as_os_str()]);
            assert_eq!(fs::read(&key).unwrap(), right, "{fault} {name}");
            other.ok(["check".as_ref(), "--kit".as_ref(), kit.as_os_str()]);
        }
    }
}

/// An empty file is no copy of a key, and no key is needed to see that.
#[test]
fn an_empty_key_file_is_damage_for_a_check_without_a_key() {
    let (site, _) = practice();
    fs::write(site.object("keys/e0/00000001.age"), b"").unwrap();
    let stranger = site.other_computer("stranger");
    let found = stranger.expect(13, ["check", "--json"]).json();
    assert_eq!(found["findings"][0]["kind"], "key-missing", "{found}");
}

/// What one computer noted and another put right is no damage for the first any more.
#[test]
fn a_key_file_that_another_computer_put_back_is_whole_for_the_one_that_missed_it() {
    let (site, source) = practice();
    let other = site.other_computer("second");
    let kit = site.kit();
    let joining: [&std::ffi::OsStr; 5] =
        ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    other.ok(joining);
    let backup = |code: i32| {
        other.expect(code, ["backup".as_ref(), source.root().as_os_str(), "--json".as_ref()]).json()
    };
    backup(0);
    fs::remove_file(site.object("keys/e0/00000001.age")).unwrap();
    other.expect(13, ["check"]);
    assert_eq!(site.backup(&source)["mended_objects"], 1);
    let run = backup(0);
    assert_eq!((&run["damaged_objects"], &run["status"]), (&0.into(), &"amber".into()), "{run}");
}

/// Without the newest descriptor nobody knows the computer that joined last: it has a copy, and puts it back.
#[test]
fn a_descriptor_lost_after_joining_is_put_back_by_who_joined() {
    let (site, source) = practice();
    let other = site.other_computer("second");
    let kit = site.kit();
    let joining: [&std::ffi::OsStr; 5] =
        ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    other.ok(joining);
    other.ok(["backup".as_ref(), source.root().as_os_str()]);
    let newest = site.objects("desc/").into_iter().max().unwrap();
    fs::remove_file(site.object(&newest)).unwrap();
    let told = other.expect(13, ["check", "--json"]).json();
    assert_eq!(told["next_backup"]["put_back"], 1, "{told}");
    other.ok(["backup".as_ref(), source.root().as_os_str()]);
    assert!(site.object(&newest).is_file());
    other.ok(["check"]);
}

/// Who may write to the store can put there what looks like the notes of another computer, and where objects are locked nobody can
/// take it away: it is an alarm until somebody answers it, and it does not shut out for good whoever has the kit.
#[test]
fn notes_of_a_computer_that_nobody_knows_can_be_answered_and_disowned() {
    let (site, source) = practice();
    let plant = |number: u64| {
        let text = format!("nobody's note {number}");
        let sha256 = Sha256::of(text.as_bytes());
        let name = layout::note(&DeviceId::parse("00112233445566aa").unwrap(), number, &sha256);
        fs::create_dir_all(site.object(&name).parent().unwrap()).unwrap();
        fs::write(site.object(&name), text).unwrap();
    };
    let reasons = |run: &Value| {
        let shown = site.agent.json(["bilan", "show", run["bilan"].as_str().unwrap()]);
        shown["record"]["status"]["reasons"].to_string()
    };
    let acknowledge = ["bilan", "acknowledge", "--author", "responsible", "--reason", "other"];
    for number in [1, 2] {
        // What goes on after the acknowledgment is news.
        plant(number);
        let run = site.backup(&source);
        assert!(run["status"] == "red" && reasons(&run).contains("chain-broken"), "{run}");
        assert!(reasons(&site.backup(&source)).contains("chain-broken"), "as long as nobody answers");
        site.agent.ok(acknowledge);
        let run = site.backup(&source);
        assert!(run["status"] == "amber" && !reasons(&run).contains("chain-broken"), "{run}");
        assert!(reasons(&run).contains("chain-gap"), "as long as they are there: {run}");
    }
    site.agent.expect(13, ["check"]);

    let (third, kit) = (site.other_computer("third"), site.kit());
    let joining: [&std::ffi::OsStr; 5] =
        ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    let told = third.expect(13, joining);
    assert!(told.err().contains("--disown"), "{told}");
    let disown = |device: &'static str| joining.into_iter().chain(["--disown".as_ref(), device.as_ref()]);
    third.expect(13, disown("00112233445566bb"));
    third.ok(disown("00112233445566aa"));
    third.ok(["backup".as_ref(), source.root().as_os_str()]);
    third.expect(2, ["keys", "check-kit", "--disown", "not-a-name"]);
    let proving: [&std::ffi::OsStr; 4] =
        ["keys".as_ref(), "check-kit".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    third.expect(13, proving);
    third.ok(proving.into_iter().chain(["--disown".as_ref(), "00112233445566aa".as_ref()]));
}

/// A descriptor in the place of one that was lost would shut out for good the computer that the lost one enrolled.
#[test]
fn nobody_joins_where_the_descriptor_of_another_computer_is_lost() {
    let (site, source) = practice();
    let other = site.other_computer("second");
    let before = site.agent.json(["snapshots"]).to_string();
    let kit = site.kit();
    let joining: [&std::ffi::OsStr; 5] =
        ["init".as_ref(), "--join".as_ref(), "--yes".as_ref(), "--kit".as_ref(), kit.as_os_str()];
    other.ok(joining);
    other.ok(["backup".as_ref(), source.root().as_os_str()]);
    let rows = other.json(["snapshots"]);
    let mut devices = rows.as_array().unwrap().iter().map(|row| row["device"].as_str().unwrap());
    let device = devices.find(|device| !before.contains(device)).unwrap();
    let newest = site.objects("desc/").into_iter().min().unwrap();
    let right = fs::read(site.object(&newest)).unwrap();
    let to = site.path("back");
    let word = format!("{device}/1");
    let restore: [&std::ffi::OsStr; 6] = [
        "restore".as_ref(),
        word.as_ref(),
        "--to".as_ref(),
        to.as_os_str(),
        "--kit".as_ref(),
        kit.as_os_str(),
    ];
    // Whether the first computer has seen it since or not.
    for has_seen in [false, true] {
        fs::remove_file(site.object(&newest)).unwrap();
        let third = site.other_computer("third");
        let refused = third.expect(13, joining);
        assert!(refused.err().contains("lacks a descriptor"), "{has_seen}: {refused}");
        // A full list of what the first computer needs holds a copy of it, once there is one of after the joining.
        third.expect(if has_seen { 0 } else { 13 }, restore);
        let found = site.agent.expect(13, ["check", "--json"]).json();
        let kinds: Vec<&str> =
            found["findings"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
        let kind = if has_seen { "descriptor-missing" } else { "note-device" };
        assert!(kinds.contains(&kind), "{has_seen}: {found}");
        fs::write(site.object(&newest), &right).unwrap();
        site.backup(&source);
    }
    site.agent.ok(["check"]);
    site.other_computer("third").ok(joining);
}
