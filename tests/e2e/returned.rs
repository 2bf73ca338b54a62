//! What was lost and stands again, because the host or another computer brought it back: the next backup sees it, and no alarm
//! stays that nothing can end.

use std::ffi::OsString;
use std::fs;

use e2e::{Agent, Site, Tree};
use scelle_format::layout;
use serde_json::Value;

const ACKNOWLEDGE: [&str; 6] = ["bilan", "acknowledge", "--author", "provider", "--reason", "other"];

fn has(agent: &Agent, code: &str) -> bool {
    let shown = agent.json(["bilan", "show"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().any(|reason| reason["code"] == code)
}

fn backup(agent: &Agent, source: &Tree) -> Value {
    agent.json([OsString::from("backup"), source.root().into()])
}

#[test]
fn a_pack_that_the_host_brought_back_is_sound_again_for_the_next_backup() {
    for is_accepted in [false, true] {
        let site = Site::on_dir();
        let source = site.source("cabinet");
        source.file("scan.bin", vec![1; 50_000]);
        site.backup(&source);
        let pack = site.objects("p/").remove(0);
        source.file("scan.bin", vec![2; 50_000]);
        site.backup(&source);
        let (lost, path) = (site.path("lost"), site.object(&pack));
        fs::rename(&path, &lost).unwrap();
        site.agent.expect(13, ["check"]);
        assert_eq!(site.backup(&source)["status"], "red");
        if is_accepted {
            site.agent.ok(ACKNOWLEDGE);
            site.backup(&source);
            assert!(has(&site.agent, "loss-acknowledged"));
        }
        // Something of its size is not it.
        let bytes = fs::read(&lost).unwrap();
        fs::write(&path, vec![7; bytes.len()]).unwrap();
        site.backup(&source);
        assert!(has(&site.agent, if is_accepted { "loss-acknowledged" } else { "damage-known" }));
        fs::write(&path, &bytes).unwrap();
        site.backup(&source);
        assert!(!has(&site.agent, "damage-known") && !has(&site.agent, "loss-acknowledged"));
        site.agent.ok(["check"]);
        site.restore("1", &site.path("back"));
    }
}

#[test]
fn a_note_that_its_computer_put_back_alarms_the_others_no_more() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "bonjour");
    site.backup(&source);
    let own = layout::parse_note(&site.objects("c/")[0]).unwrap().0;
    let second = site.other_computer("second");
    let mut joining = vec![OsString::from("init"), "--join".into(), "--yes".into(), "--repo".into()];
    joining.push(format!("file://{}", site.place.folder().display()).into());
    joining.extend(site.with_kit());
    second.ok(joining);
    let other = site.source("accueil");
    for text in ["un", "deux"] {
        other.file("note.txt", text);
        backup(&second, &other);
    }
    site.backup(&source);
    let is_others = |name: &String| layout::parse_note(name).is_ok_and(|(device, ..)| device != own);
    let chain: Vec<String> = site.objects("c/").into_iter().filter(is_others).collect();
    // Not the newest ones: those would look like a shorter chain.
    fs::remove_file(site.object(&chain[chain.len() / 2])).unwrap();
    assert_eq!(site.backup(&source)["status"], "red");
    assert!(backup(&second, &other)["mended_objects"].as_u64().unwrap() >= 1);
    assert_ne!(site.backup(&source)["status"], "red");
}
