//! What no source can mend is red until somebody accepts the loss; then amber, never green, and `check` goes on saying so.

use std::fs;

use e2e::{Site, noise};
use serde_json::Value;

fn reasons(shown: &Value) -> Vec<String> {
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_loss_that_no_source_can_mend_is_accepted_and_never_forgotten() {
    let site = Site::on_dir();
    let source = site.source("source");
    let accept = |code: i32| {
        let words = ["bilan", "acknowledge", "--author", "provider", "--reason", "replaced", "--json"];
        site.agent.expect(code, words)
    };
    source.file("old.raw", noise(1, 3_000_000));
    site.backup(&source);
    let old = site.objects("p/");
    source.file("new.raw", noise(2, 3_000_000));
    site.backup(&source);
    source.file("old.raw", noise(3, 3_000_000));
    site.backup(&source);
    // Only snapshots 1 and 2 need what is lost now, and the practice has it no more.
    for pack in &old {
        fs::remove_file(site.object(pack)).unwrap();
    }
    site.agent.expect(13, ["check"]);
    // Nothing has tried to mend it yet.
    accept(2);
    let run = site.backup(&source);
    assert_eq!(run["status"], "red", "{run}");
    assert!(reasons(&site.agent.json(["bilan", "show"])).contains(&"damage-known".to_owned()));
    assert_eq!(site.backup(&source)["status"], "red");

    let accepted = accept(0).json();
    assert_eq!(accepted["loss"]["objects"], old.len(), "{accepted}");
    assert_eq!((&accepted["loss"]["snapshots"], &accepted["author"]), (&2.into(), &"provider".into()));
    for _ in 0..2 {
        let run = site.backup(&source);
        assert_eq!(run["status"], "amber", "{run}");
    }
    let shown = site.agent.json(["bilan", "show"]);
    assert!(reasons(&shown).contains(&"loss-acknowledged".to_owned()), "{shown}");
    let alert =
        shown["record"]["alerts"].as_array().unwrap().iter().find(|row| row["code"] == "loss-acknowledged");
    assert_eq!(alert.unwrap()["snapshots"], 2, "{shown}");
    let page = site.agent.ok(["bilan", "show"]).out();
    assert!(page.contains("snapshots affected: 2"), "{page}");
    assert_eq!(accept(2).json()["error"]["code"], 2, "there is nothing more to accept");

    // A state that forgot everything reads it from the ledger.
    fs::remove_file(site.state().join("damage.json")).unwrap();
    assert_eq!(site.backup(&source)["status"], "amber");
    let check = site.agent.expect(13, ["check"]);
    assert!(check.out().contains("Loss acknowledged on"), "{check}");
    let check = site.other_computer("stranger").expect(13, ["check", "--json"]).json();
    assert_eq!(check["acknowledged"].as_array().unwrap().len(), old.len(), "{check}");
    assert_eq!(
        (&check["loss"]["author"], &check["loss"]["reason"]),
        (&"provider".into(), &"replaced".into())
    );

    // It excuses no further loss, and what comes back is none any more.
    source.file("old.raw", noise(1, 3_000_000));
    let run = site.backup(&source);
    assert!(run["healed_packs"].as_u64().unwrap() >= 1, "{run}");
    site.backup(&source);
    assert!(!reasons(&site.agent.json(["bilan", "show"])).contains(&"loss-acknowledged".to_owned()));
    site.agent.ok(["check"]);
}

/// What a check has read and found bad is damage for every check that follows, also for one that reads nothing.
#[test]
fn a_pack_that_was_read_and_found_bad_stays_damage_until_it_is_mended() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("old.raw", noise(1, 3_000_000));
    site.backup(&source);
    let old = site.object(&site.objects("p/")[0]);
    let right = fs::read(&old).unwrap();
    source.file("old.raw", noise(2, 3_000_000));
    site.backup(&source);
    let mut wrong = right.clone();
    wrong[right.len() / 2] ^= 1;
    fs::remove_file(&old).unwrap();
    fs::write(&old, &wrong).unwrap();
    site.agent.ok(["check"]);
    site.agent.expect(13, ["check", "--read-data", "all"]);
    let affected = |check: &Value| check["findings"][0]["affects"][0]["number"].clone();
    assert_eq!(affected(&site.agent.expect(13, ["check", "--json"]).json()), 1);
    assert_eq!(site.backup(&source)["status"], "red");
    site.agent.expect(13, ["check"]);
    site.agent.ok(["bilan", "acknowledge", "--author", "provider", "--reason", "other"]);
    let check = site.agent.expect(13, ["check"]);
    assert!(check.out().contains("Loss acknowledged on"), "{check}");
    // The host has put the right version back: whoever reads it knows.
    fs::remove_file(&old).unwrap();
    fs::write(&old, right).unwrap();
    site.agent.ok(["check", "--read-data", "all"]);
    site.agent.ok(["check"]);
}

/// A note or a root of which no computer has a copy any more is lost for good, and red for ever is no news to anybody.
#[test]
fn what_is_small_and_lost_for_good_can_be_accepted_too() {
    for (prefix, reason) in [("c/", "chain-gap"), ("a/", "loss-acknowledged")] {
        let site = Site::on_dir();
        let source = site.source("source");
        source.file("old.raw", noise(1, 100_000));
        let before = site.objects(prefix);
        site.backup(&source);
        let of_the_first: Vec<String> =
            site.objects(prefix).into_iter().filter(|name| !before.contains(name)).collect();
        source.file("new.raw", noise(2, 100_000));
        site.backup(&source);
        for name in of_the_first {
            fs::remove_file(site.object(&name)).unwrap();
            fs::remove_file(site.state().join("kept").join(name.replace('/', "_"))).unwrap();
        }
        let codes = || reasons(&site.agent.json(["bilan", "show"]));
        for _ in 0..2 {
            assert_eq!(site.backup(&source)["status"], "red", "{prefix}");
            assert!(codes().contains(&"damage-small".to_owned()), "{prefix}: {:?}", codes());
        }
        let accept = ["bilan", "acknowledge", "--author", "provider", "--reason", "other"];
        site.agent.ok(accept);
        for _ in 0..2 {
            assert_eq!(site.backup(&source)["status"], "amber", "{prefix}: {:?}", codes());
            assert!(codes().contains(&reason.to_owned()), "{prefix}: {:?}", codes());
        }
        site.agent.expect(13, ["check"]);
        // It excuses no further loss.
        let last = site.objects("c/").into_iter().min().unwrap();
        fs::remove_file(site.object(&last)).unwrap();
        fs::remove_file(site.state().join("kept").join(last.replace('/', "_"))).unwrap();
        assert_eq!(site.backup(&source)["status"], "red", "{prefix}: {:?}", codes());
    }
}
