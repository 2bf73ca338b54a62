//! Damage is remembered until it is whole again, and one error of a disk never forks the ledger.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use e2e::process::{below, copy, run, strikes, struck};
use e2e::{Site, compare, noise};

/// Turns one bit of an object's middle.
fn flip(site: &Site, name: &str) {
    let path = site.object(name);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
}

fn notes_of_kind(site: &Site, kind: &str) -> usize {
    let line = format!("\nkind {kind}\n");
    let notes = site.objects("c/").into_iter();
    notes
        .filter(|name| String::from_utf8(fs::read(site.object(name)).unwrap()).unwrap().contains(&line))
        .count()
}

#[test]
fn a_flipped_pack_is_found_stored_again_and_then_whole_for_older_snapshots_too() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(200, 50, 3);
    source.file("image.raw", noise(1, 3_000_000));
    site.backup(&source);
    copy(source.root(), &site.path("remembered"));
    source.file("later.raw", noise(2, 300_000));
    site.backup(&source);

    let largest = |name: &String| fs::metadata(site.object(name)).unwrap().len();
    let pack = site.objects("p/").into_iter().max_by_key(largest).unwrap();
    flip(&site, &pack);
    // A computer that is no part of the repository sees it, and says that it could not write it down.
    let stranger = site.other_computer("stranger");
    let seen = stranger.expect(13, ["check", "--read-data", "all"]);
    assert!(seen.err().contains("not recorded in the ledger"), "{seen}");
    assert_eq!(notes_of_kind(&site, "damage"), 0);

    let found = site.agent.expect(13, ["check", "--read-data", "all"]);
    assert!(found.err().contains(&pack), "{found}");
    assert_eq!(notes_of_kind(&site, "damage"), 1);
    site.agent.expect(13, ["check", "--read-data", "all"]);
    assert_eq!(notes_of_kind(&site, "damage"), 1, "what is known is not written twice");

    let backup = site.backup(&source);
    assert_eq!(backup["healed_packs"], 1, "{backup}");
    assert_eq!(notes_of_kind(&site, "heal"), 1);
    site.agent.ok(["check", "--read-data", "all"]);
    stranger.ok(["check", "--read-data", "all"]);
    let to = site.path("restored");
    let kit = site.kit();
    let restore: [&std::ffi::OsStr; 6] = [
        "restore".as_ref(),
        "1".as_ref(),
        "--to".as_ref(),
        to.as_os_str(),
        "--kit".as_ref(),
        kit.as_os_str(),
    ];
    for agent in [stranger, site.agent.clone()] {
        let told = agent.ok(restore);
        compare::assert_same(&site.path("remembered"), &site.restored(&to, source.root()));
        fs::remove_dir_all(&to).unwrap();
        let all = format!("{}{}", told.out(), told.err());
        assert!(all.contains("has been replaced by a backup since"), "{told}");
        assert!(!all.contains("Noted already") && !all.contains("not recorded"), "{told}");
    }
}

#[test]
fn an_error_after_each_note_has_landed_forks_nothing() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(30, 10, 3);
    site.backup(&source);
    let notes = site.objects("c/");
    let folder = fs::canonicalize(site.object(&notes[0])).unwrap().parent().unwrap().to_owned();
    // The first sync of the ledger's folder by each thread, and all of them: the note is there, and the disk says that it is not.
    for when in ["1", "1+"] {
        source.file(format!("at {when}"), noise(9, 10_000));
        let how = format!("error=EIO:when={when}");
        let arguments = ["backup".as_ref(), source.root().as_os_str()];
        let struck = struck(&site.agent, ("fsync", &how), Some(&folder), arguments).output().unwrap();
        // Whether one error is got over depends on which thread tries again.
        let told = String::from_utf8_lossy(&struck.stderr);
        assert!(strikes(&site.agent) > 0, "{when}: {told}");
        assert!(when != "1+" || !struck.status.success(), "{told}");
        for _ in 0..2 {
            let next = site.agent.ok(["backup".as_ref(), source.root().as_os_str()]);
            assert!(!next.err().contains("ALARM"), "{next}");
        }
        site.agent.ok(["check"]);
    }
}

#[test]
fn spoilt_refs_of_which_there_is_no_copy_are_not_named_by_the_next_snapshot() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("letter.txt", "one");
    site.backup(&source);
    let is_refs = |name: &String| fs::read(site.object(name)).unwrap().starts_with(b"scelle/refs");
    let refs = site.objects("a/").into_iter().find(is_refs).unwrap();
    flip(&site, &refs);
    let kept = fs::read_dir(site.agent.home()).unwrap().find_map(|entry| {
        let kept = entry.unwrap().path().join("kept");
        kept.is_dir().then_some(kept)
    });
    let kept = kept.unwrap();
    // Refs have a second copy, beside the head.
    for file in fs::read_dir(kept.parent().unwrap()).unwrap().map(|file| file.unwrap().path()) {
        if file.file_name().unwrap().to_str().unwrap().starts_with("refs-") {
            fs::remove_file(file).unwrap();
        }
    }
    fs::remove_dir_all(kept).unwrap();
    let told = site.agent.expect(13, ["check", "--lang", "en"]);
    assert!(told.out().contains("no backup of this computer mends it"), "{told}");
    let backup =
        site.agent.ok(["backup".as_ref(), source.root().as_os_str(), "--lang".as_ref(), "en".as_ref()]);
    assert!(backup.err().contains("still lost or damaged"), "{backup}");
    let told = site.agent.expect(13, ["check", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["sound"][0]["number"], 2, "{told}");
    assert_eq!(report["damaged"][0]["number"], 1, "{told}");
}

/// Refs hold the descriptor of their day. One that was replaced before the first backup is known to this PC alone.
#[test]
fn a_descriptor_that_no_refs_hold_is_put_back_from_this_computers_own_copy() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "a letter");
    let kit = site.kit();
    site.agent.ok(["keys", "check-kit", "--kit", kit.to_str().unwrap(), "--confirm"]);
    site.backup(&source);
    fs::remove_file(site.object("desc/999999999999")).unwrap();
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    site.agent.ok(["check"]);
    let stranger = site.other_computer("new");
    let to = site.path("restored");
    let line = ["restore", "latest", "--to", to.to_str().unwrap(), "--kit", kit.to_str().unwrap()];
    stranger.ok(line);
}

/// A sync program that leaves a placeholder, a hand that slips: something stands in an object's place, and it is no file.
#[test]
fn what_is_no_file_in_an_objects_place_is_damage_and_is_mended() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("image.raw", noise(1, 300_000));
    site.backup(&source);
    const KINDS: [&str; 7] = ["p/", "m/", "i/", "a/", "c/", "keys/", "desc/"];
    let first: Vec<String> = KINDS.iter().flat_map(|kind| site.objects(kind)).collect();
    for kind in KINDS {
        // Of the first day: later ones may be needed by nothing. A lost pack is replaced by another.
        let of_the_first_day = first.iter().find(|name| name.starts_with(kind)).unwrap();
        for is_folder in [false, true] {
            let is_file = |name: &String| site.object(name).symlink_metadata().unwrap().is_file();
            let replaced = site.objects(kind).into_iter().find(is_file).filter(|_| kind == "p/");
            let path = site.object(&replaced.unwrap_or(of_the_first_day.clone()));
            fs::remove_file(&path).unwrap();
            match is_folder {
                true => fs::create_dir(&path).unwrap(),
                false => std::os::unix::fs::symlink("/nowhere/at/all", &path).unwrap(),
            }
            site.agent.expect(13, ["check"]);
            site.backup(&source);
            site.agent.ok(["check", "--read-data", "all"]);
        }
    }
    site.restore("latest", &site.path("restored"));
    compare::assert_same(source.root(), &site.restored(&site.path("restored"), source.root()));
}

#[test]
fn an_object_that_may_not_be_read_is_said_to_want_permission() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "a letter");
    site.backup(&source);
    fs::set_permissions(site.object(&site.objects("a/")[0]), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything: another user runs this one.
    run(Command::new("chown").args(["-R", "65534:65534"]).arg(site.folder()));
    let before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let output = below(&site.agent, &before, ["check"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(14), "{said}");
    assert!(said.contains("does not permit access") && !said.contains("S3"), "{said}");
}

/// Whoever may write can put a name beside the descriptors: it proves no revision, and asks for no newer program.
#[test]
fn a_descriptor_that_nobody_signed_stops_nothing_and_lights_nothing() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "a letter");
    site.backup(&source);
    let name = site.objects("desc/").pop().unwrap();
    let right = fs::read_to_string(site.object(&name)).unwrap();
    let number: u64 = name.trim_start_matches("desc/").parse().unwrap();
    let newer = right.replacen("scelle/descriptor/1", "scelle/descriptor/9", 1);
    let named_higher = right.replacen("revision 1", "revision 4", 1);
    for forged in [right.clone(), newer, named_higher, "nothing of the kind".to_owned()] {
        let beside = site.object(&name).with_file_name(format!("{}", number - 3));
        fs::write(&beside, forged).unwrap();
        assert_ne!(site.backup(&source)["status"], "red");
        site.agent.ok(["check"]);
        let to = site.path("restored");
        site.restore("latest", &to);
        fs::remove_dir_all(to).unwrap();
        // In the place of the one there is it is damage, as ever.
        fs::remove_file(beside).unwrap();
    }
    fs::write(site.object(&name), right.replacen("scelle/descriptor/1", "scelle/descriptor/9", 1)).unwrap();
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    site.agent.ok(["check"]);
}

/// Everything hangs on the epoch's key. What became of it before the first backup is no "as first seen".
#[test]
fn the_epochs_key_is_put_right_also_before_the_first_backup() {
    let damages: [fn(&Path); 3] = [
        |key| fs::remove_file(key).unwrap(),
        |key| fs::write(key, b"").unwrap(),
        |key| {
            let mut bytes = fs::read(key).unwrap();
            bytes[700] ^= 1;
            fs::write(key, bytes).unwrap();
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let site = Site::on_dir();
        let source = site.source("source");
        source.file("letter.txt", "one");
        let key = site.objects("keys/e0/").remove(0);
        let as_made = fs::read(site.object(&key)).unwrap();
        damage(&site.object(&key));
        let told = site.backup(&source);
        assert_eq!(
            (told["mended_objects"].as_u64(), fs::read(site.object(&key)).unwrap()),
            (Some(1), as_made),
            "{number}"
        );
        site.agent.ok(["check", "--read-data", "all"]);
        let to = site.path("restored");
        site.restore("latest", &to);
        compare::assert_same(source.root(), &site.restored(&to, source.root()));
    }
}

#[test]
fn what_is_no_key_file_and_no_descriptor_ends_no_run() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("letter.txt", "one");
    site.backup(&source);
    let device = site.objects("keys/d").remove(0);
    let stray = device.replace(&device[6..10], "ffff");
    let strays = [stray.as_str(), "keys/e0/00000009.age", "keys/r2/00000001.age", "desc/999999999998"];
    for bytes in [0, 100_000] {
        for stray in strays {
            let path = site.object(stray);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![b'x'; bytes]).unwrap();
        }
        source.file(format!("{bytes}"), "more");
        let told = site.agent.run(["backup".as_ref(), source.root().as_os_str()]);
        assert_eq!(told.code(), 0, "{bytes}: {told}");
        let to = site.path(&format!("restored {bytes}"));
        site.restore("latest", &to);
        compare::assert_same(source.root(), &site.restored(&to, source.root()));
    }
}

#[test]
fn a_replacement_that_is_lost_too_takes_the_older_snapshots_with_it() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("scan", noise(1, 3_000_000));
    site.backup(&source);
    let large = || -> Vec<String> {
        let is_large = |name: &String| fs::metadata(site.object(name)).unwrap().len() > 1_000_000;
        site.objects("p/").into_iter().filter(is_large).collect()
    };
    for pack in large() {
        fs::remove_file(site.object(&pack)).unwrap();
    }
    site.agent.expect(13, ["check"]);
    assert_eq!(site.backup(&source)["healed_packs"], 1);
    for pack in large() {
        fs::remove_file(site.object(&pack)).unwrap();
    }
    source.edit("scan", noise(2, 3_000_000));
    let check = site.agent.expect(13, ["check"]);
    let said = "  1 pack: only older snapshots, or another computer's, need it; the next backup will show whether this computer \
                still has its content\n";
    assert!(check.out().contains(said), "{check}");
    let told = site.agent.expect(0, ["backup".as_ref(), source.root().as_os_str(), "--json".as_ref()]).json();
    assert_eq!(told["damaged_objects"], 2, "{told}");
    let shown = site.agent.ok(["bilan", "show", "latest", "--json"]).json();
    assert_eq!(shown["record"]["availability"]["snapshots"], 1, "two of three cannot be restored");
    let acknowledge =
        ["bilan", "acknowledge", "latest", "--author", "provider", "--reason", "other", "--json"];
    assert_eq!(site.agent.ok(acknowledge).json()["loss"]["snapshots"], 2);
    // Nothing is left that nobody has accepted.
    let next = site.backup(&source);
    assert_eq!(next["status"], "amber", "{next}");
}

/// Newest first by their size.
fn largest_pack(site: &Site) -> String {
    let bytes = |name: &String| fs::metadata(site.object(name)).unwrap().len();
    site.objects("p/").into_iter().max_by_key(bytes).unwrap()
}

/// A pack was lost and stored again, and what took its place is spoilt: the older snapshot needs it, also for a check that reads nothing.
#[test]
fn a_snapshot_whose_pack_was_replaced_by_one_that_is_spoilt_is_not_sound() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("image.raw", noise(1, 2_000_000));
    site.backup(&source);
    fs::remove_file(site.object(&largest_pack(&site))).unwrap();
    source.file("later.txt", "later");
    site.backup(&source);
    flip(&site, &largest_pack(&site));
    let read = site.agent.expect(13, ["check", "--read-data", "all", "--json"]).json();
    let unread = site.agent.expect(13, ["check", "--json"]).json();
    let stranger = site.other_computer("stranger").expect(13, ["check", "--json"]).json();
    for (what, told) in [("read", read), ("unread", unread), ("stranger", stranger)] {
        assert_eq!(told["sound"].as_array().map(Vec::len), Some(0), "{what}: {told}");
        assert_eq!(told["damaged"].as_array().map(Vec::len), Some(2), "{what}: {told}");
        assert_eq!(told["replaced"].as_array().map(Vec::len), Some(0), "{what}: {told}");
    }
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
}

/// The record of a restore is kept like all that this computer writes.
#[test]
fn the_record_of_a_restore_that_the_store_loses_is_put_back() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("a.txt", "a");
    site.backup(&source);
    let before = site.objects("a/");
    site.restore("latest", &site.path("back"));
    let record = site.objects("a/").into_iter().find(|name| !before.contains(name)).unwrap();
    fs::remove_file(site.object(&record)).unwrap();
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    assert!(site.object(&record).exists());
    site.agent.ok(["check"]);
}

/// That the newest bilan is lost says nothing of the snapshot before it.
#[test]
fn a_lost_bilan_is_no_lost_snapshot() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("a.txt", "a");
    site.backup(&source);
    site.backup(&source);
    let notes = site.objects("c/");
    let newest = notes.iter().min().unwrap();
    fs::remove_file(site.object(newest)).unwrap();
    let told = site.agent.ok([std::ffi::OsString::from("backup"), source.root().into()]);
    assert!(!told.err().contains("no longer in the repository"), "{told}");
}
