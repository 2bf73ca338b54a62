//! What lies in the store and is not what was stored there is an alarm, also where it could be put right: red until somebody
//! says that they have seen it.

use std::fs;

use e2e::{Site, Tree};
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
    let (site, source) = practice();
    let pack = site.object(&site.objects("p/")[0]);
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    site.agent.expect(13, ["check", "--read-data", "all"]);
    let run = site.backup(&source);
    assert_eq!((&run["status"], &run["healed_packs"]), (&"red".into(), &1.into()), "{run}");
    assert!(is_alarm_open(&site));

    let (site, source) = practice();
    fs::remove_file(site.object("keys/e0/00000001.age")).unwrap();
    let run = site.backup(&source);
    assert_eq!((&run["status"], &run["mended_objects"]), (&"amber".into(), &1.into()), "{run}");
    assert!(!is_alarm_open(&site));
}
