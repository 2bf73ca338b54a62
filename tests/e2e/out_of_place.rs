//! Notes that are none where notes stand: put there by who may write to the store and cannot sign, over a real one or beside them.
//! What is known of them is not forgotten because newer notes hide it, and an acknowledgment covers what a bilan has told, no more.

use std::ffi::OsString;
use std::fs;

use e2e::{Site, Tree};
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout;

const ACKNOWLEDGE: [&str; 6] = ["bilan", "acknowledge", "--author", "provider", "--reason", "other"];

fn practice(runs: usize) -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for run in 0..runs {
        source.file("lettre.txt", format!("une lettre, {run}"));
        site.backup(&source);
    }
    (site, source)
}

/// Puts garbage where the note of a number stands.
fn plant(site: &Site, device: &DeviceId, number: u64, text: &str) -> String {
    let name = layout::note(device, number, &Sha256::of(text.as_bytes()));
    fs::create_dir_all(site.object(&name).parent().unwrap()).unwrap();
    fs::write(site.object(&name), text).unwrap();
    name
}

/// Names of this computer's notes of a number.
fn notes_at(site: &Site, number: u64) -> Vec<String> {
    let of = |name: &String| layout::parse_note(name).is_ok_and(|(_, n, _)| n == number);
    site.objects("c/").into_iter().filter(of).collect()
}

fn device(site: &Site) -> DeviceId {
    layout::parse_note(&site.objects("c/")[0]).unwrap().0
}

fn codes(site: &Site) -> Vec<String> {
    let shown = site.agent.json(["bilan", "show"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

fn has(site: &Site, code: &str) -> bool {
    codes(site).iter().any(|other| other == code)
}

/// A computer that has saved something has written notes. Where there is not one, nobody knows what it saved last.
#[test]
fn a_chain_of_which_nothing_is_left_is_missed() {
    let (site, source) = practice(2);
    let first = device(&site);
    let second = site.other_computer("second");
    let kit = || site.with_kit().into_iter();
    second.ok([OsString::from("init"), "--join".into()].into_iter().chain(kit()));
    // Enrolled, and nothing saved yet: nothing is missing.
    site.agent.ok(["check"]);
    second.ok([OsString::from("backup"), source.root().into()]);
    let chains = site.object(&layout::notes_of(&first)).parent().unwrap().to_owned();
    fs::remove_dir_all(site.object(&layout::notes_of(&first))).unwrap();
    let stranger = site.other_computer("stranger");
    let told = stranger.expect(13, ["check"]);
    assert!(told.out().contains("note missing") || told.err().contains("note missing"), "{told}");
    second.expect(13, ["check"]);
    let restore = |code, what: &str, to: &str| {
        let words: [OsString; 4] = ["restore".into(), what.into(), "--to".into(), site.path(to).into()];
        stranger.expect(code, words.into_iter().chain(kit()))
    };
    restore(13, "latest", "a");
    restore(13, &format!("{first}/1"), "b");
    let own = second.expect(13, ["snapshots", "--json"]).json().as_array().unwrap().last().unwrap()["device"]
        .as_str()
        .unwrap()
        .to_owned();
    restore(0, &format!("{own}/latest"), "c");
    // Whose chain it is puts it back.
    site.backup(&source);
    site.agent.ok(["check"]);
    second.ok(["check"]);
    restore(0, &format!("{first}/latest"), "d");
    fs::remove_dir_all(chains).unwrap();
    stranger.expect(13, ["check"]);
    restore(13, "latest", "e");
}

#[test]
fn a_note_in_whose_place_another_was_put_is_missed_and_put_back() {
    // Far below the newest ones, and among them; seen first by the run, or read by a check before it.
    for (number, is_checked) in [(4, false), (15, false), (4, true), (15, true)] {
        let (site, source) = practice(8);
        let [real] = &notes_at(&site, number)[..] else { panic!("one note of each number") };
        let right = fs::read(site.object(real)).unwrap();
        fs::remove_file(site.object(real)).unwrap();
        let planted = plant(&site, &device(&site), number, "garbage");
        if is_checked {
            site.agent.expect(13, ["check"]);
        }
        let run = site.backup(&source);
        assert!(!site.state().join("kept").join(planted.replace('/', "_")).exists(), "no note, no copy");
        assert!(run["mended_objects"].as_u64().unwrap() >= 1, "{number}: {run}");
        assert_eq!(fs::read(site.object(real)).unwrap(), right);
        site.restore("2", &site.path("back"));
    }
}

#[test]
fn what_is_no_note_is_remembered_until_somebody_answers() {
    let (site, source) = practice(8);
    plant(&site, &device(&site), 2, "nobody signed this");
    // Runs read the newest notes: it is a check that finds it.
    site.agent.expect(13, ["check"]);
    for _ in 0..3 {
        assert_eq!(site.backup(&source)["status"], "red", "{:?}", codes(&site));
    }
    site.agent.ok(ACKNOWLEDGE);
    for _ in 0..2 {
        assert_eq!(site.backup(&source)["status"], "amber", "{:?}", codes(&site));
        assert!(has(&site, "chain-gap"));
    }
    site.agent.expect(13, ["check"]);
    assert_eq!(site.backup(&source)["status"], "amber", "it is the same: {:?}", codes(&site));
}

#[test]
fn what_is_no_note_behind_the_newest_keeps_no_computer_from_its_newest_snapshot() {
    let (site, _source) = practice(2);
    plant(&site, &device(&site), 500, "nobody signed this");
    site.restore("latest", &site.path("back"));
    // Who knows nothing of the chain is asked which one is meant.
    let stranger = site.other_computer("stranger");
    let latest = |to: &str| [OsString::from("restore"), "latest".into(), "--to".into(), site.path(to).into()];
    let asked = |to: &str| latest(to).into_iter().chain(site.with_kit()).collect::<Vec<_>>();
    stranger.expect(13, asked("other"));
    // Other bytes under the name of a note may lie over one.
    let name = layout::note(&device(&site), 501, &Sha256::of(b"a note"));
    fs::write(site.object(&name), "other bytes").unwrap();
    site.agent.expect(13, asked("third"));
}

#[test]
fn an_acknowledgment_covers_what_a_bilan_has_told_and_nothing_since() {
    let (site, source) = practice(3);
    let stranger = |number: u8| DeviceId::parse(&format!("00112233445566a{number}")).unwrap();
    plant(&site, &stranger(1), 1, "one");
    assert_eq!(site.backup(&source)["status"], "red");
    plant(&site, &stranger(2), 1, "two");
    site.agent.ok(ACKNOWLEDGE);
    assert_eq!(site.backup(&source)["status"], "red", "of the second no bilan has spoken");
    site.agent.ok(ACKNOWLEDGE);
    assert_eq!(site.backup(&source)["status"], "amber");

    // A bilan of something else is no answer to what a check found after it.
    let lost = notes_at(&site, 3).remove(0);
    fs::remove_file(site.object(&lost)).unwrap();
    fs::remove_file(site.state().join("kept").join(lost.replace('/', "_"))).unwrap();
    site.agent.expect(13, ["check"]);
    site.agent.expect(2, ACKNOWLEDGE);
    assert_eq!(site.backup(&source)["status"], "red");
    assert!(has(&site, "damage-small"));
}
