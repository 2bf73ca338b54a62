//! What is to be saved: nothing from outside comes in, nothing goes missing in silence, and a warning ends when someone
//! says so.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use e2e::{Outcome, Site};
use rustix::fs::{CWD, RenameFlags};
use serde_json::Value;

fn backup(site: &Site, code: i32, roots: &[&Path], more: &[&str]) -> Outcome {
    let words = [OsString::from("backup"), "--json".into()].into_iter();
    let words = words.chain(more.iter().map(OsString::from)).chain(roots.iter().map(OsString::from));
    site.agent.expect(code, words)
}

/// Status of a backup, and what it said.
fn status(site: &Site, code: i32, roots: &[&Path]) -> (String, String) {
    let outcome = backup(site, code, roots, &[]);
    (outcome.json()["status"].as_str().unwrap().to_owned(), outcome.err())
}

fn acknowledge(site: &Site, code: i32, more: &[&str]) -> Outcome {
    let words = ["bilan", "acknowledge", "--json"].into_iter();
    site.agent.expect(code, words.chain(more.iter().copied()))
}

fn codes(site: &Site) -> Vec<String> {
    let shown = site.agent.json(["bilan", "show"]);
    let reasons = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

/// The state folder forgets what bilans saw, as after a crash or a restored image.
fn forget_bilans(site: &Site) {
    let forgotten = fs::read_dir(site.agent.home())
        .unwrap()
        .filter(|row| fs::remove_file(row.as_ref().unwrap().path().join("bilans.json")).is_ok());
    assert_eq!(forgotten.count(), 1);
}

fn files(folder: &Path, count: usize, content: &str) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        fs::write(folder.join(format!("f{number}")), format!("{content} {number}")).unwrap();
    }
}

#[test]
fn a_folder_swapped_for_a_link_while_a_run_goes_on_lets_nothing_in() {
    let site = Site::on_dir();
    let (root, outside) = (site.path("root"), site.path("outside"));
    for number in 0..150 {
        files(&root.join(format!("swapped/d{number}/deep")), 3, "inside");
        files(&outside.join(format!("d{number}/deep")), 3, "OUTSIDE");
        files(&outside.join(format!("d{number}/only-there")), 1, "OUTSIDE");
    }
    files(&root.join("quiet"), 5, "inside");
    symlink(&outside, site.path("link")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (swapped, link, until) = (root.join("swapped"), site.path("link"), stop.clone());
    let swapper = thread::spawn(move || {
        let mut swaps = 0u64;
        while !until.load(Ordering::Relaxed) {
            rustix::fs::renameat_with(CWD, &swapped, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            swaps += 1;
            if swaps.is_multiple_of(7) {
                thread::sleep(std::time::Duration::from_micros(swaps % 400));
            }
        }
        swaps
    });
    for round in 0..12 {
        // A folder that became a link meanwhile has vanished: said, exit 3.
        let run = site.agent.run([OsString::from("backup"), root.clone().into()]);
        assert!([0, 3].contains(&run.code()), "{run}");
        let to = site.path(&format!("back-{round}"));
        site.restore("latest", &to);
        let found = Command::new("grep").args(["-rlF", "OUTSIDE"]).arg(&to).output().unwrap();
        assert!(found.stdout.is_empty(), "round {round}: {}", String::from_utf8_lossy(&found.stdout));
        let named = Command::new("find").arg(&to).args(["-name", "only-there"]).output().unwrap();
        assert!(named.stdout.is_empty(), "round {round}: a name from outside");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(swapper.join().unwrap() > 100);
}

#[test]
fn nothing_to_save_is_never_silence() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 3, "content");
    backup(&site, 0, &[&root], &[]);
    for pattern in ["", " ", "/", "./"] {
        backup(&site, 2, &[&root], &["--exclude", pattern]);
        let to = site.path("never");
        for option in ["--include", "--exclude"] {
            let words = ["restore", "latest", option, pattern].into_iter().map(OsString::from);
            site.agent.expect(2, words.chain(["--to".into(), to.clone().into()]).chain(site.with_kit()));
        }
        assert!(!to.exists());
    }
    for pattern in ["*", "**", "/**", "f*"] {
        let refused = backup(&site, 3, &[&root], &["--exclude", pattern]);
        assert!(refused.out().contains("nothing was saved"), "{refused}");
    }
    let pipes = site.path("pipes");
    fs::create_dir(&pipes).unwrap();
    assert!(Command::new("mkfifo").arg(pipes.join("pipe")).status().unwrap().success());
    backup(&site, 3, &[&pipes], &[]);
    backup(&site, 3, &[&pipes.join("pipe")], &[]);
    // None of these made a snapshot that hides the good one.
    let snapshots = site.agent.json(["snapshots"]);
    assert_eq!(snapshots.as_array().unwrap().len(), 1);

    let empty = site.path("empty");
    fs::create_dir(&empty).unwrap();
    let said = backup(&site, 0, &[&empty], &[]);
    assert!(said.err().contains("empty"), "{said}");
}

#[test]
fn patterns_that_match_nothing_are_said_by_a_restore() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 3, "content");
    backup(&site, 0, &[&root], &[]);
    let restore = |code: i32, more: &[&str]| {
        let to = site.path("back");
        let words = ["restore".into(), "latest".into(), "--to".into(), to.into_os_string()];
        site.agent
            .expect(code, words.into_iter().chain(site.with_kit()).chain(more.iter().map(OsString::from)))
    };
    for more in [&["--include", "nomatch*"][..], &["--exclude", "*"], &["--include", "nomatch*", "--dry-run"]]
    {
        let said = restore(3, more);
        assert!(said.err().contains("nothing was restored"), "{said}");
    }
    restore(0, &["--include", "f1"]);
    // There already: chosen all the same.
    restore(0, &["--include", "f1"]);
}

#[test]
fn files_are_read_to_their_end_whatever_their_size_says() {
    let site = Site::on_dir();
    let root = Path::new("/proc/sys/kernel/random");
    for run in 0..2 {
        let said = backup(&site, 0, &[root], &[]).json();
        assert!(said["source_bytes"].as_u64().unwrap() > 37, "run {run}: {said}");
    }
    let to = site.path("back");
    site.restore("latest", &to);
    let restored = fs::read(site.restored(&to, root).join("boot_id")).unwrap();
    assert_eq!(restored, fs::read(root.join("boot_id")).unwrap());
}

#[test]
fn lost_files_are_red_until_someone_acknowledges_them() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 201, "content");
    assert_ne!(status(&site, 0, &[&root]).0, "red");
    (1..201).for_each(|number| fs::remove_file(root.join(format!("f{number}"))).unwrap());
    let (light, said) = status(&site, 0, &[&root]);
    assert_eq!(light, "red");
    assert!(said.contains("half of the files or more are gone"), "{said}");
    assert!(codes(&site).contains(&"files-lost".to_owned()));
    // Neither one more run nor a state that forgot ends it.
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    forget_bilans(&site);
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    assert_eq!(status(&site, 0, &[&root]).0, "red");

    acknowledge(&site, 2, &["--author", "Dupont", "--reason", "moved"]);
    acknowledge(&site, 2, &["--author", "secretary", "--reason", "because"]);
    acknowledge(&site, 2, &["99999999-1", "--author", "secretary", "--reason", "moved"]);
    let done = acknowledge(&site, 0, &["--author", "secretary", "--reason", "deleted-on-purpose"]).json();
    assert_eq!(done["codes"], serde_json::json!(["files-lost"]));
    assert_eq!((&done["author"], &done["reason"]), (&"secretary".into(), &Value::from("deleted-on-purpose")));
    assert_ne!(status(&site, 0, &[&root]).0, "red");
    forget_bilans(&site);
    assert_ne!(status(&site, 0, &[&root]).0, "red", "the ledger knows of it");
    acknowledge(&site, 2, &["--author", "secretary", "--reason", "moved"]);
    site.agent.ok(["check"]);

    // Later losses are counted from what was acknowledged; what comes back ends the warning by itself.
    files(&root, 60, "content");
    assert_ne!(status(&site, 0, &[&root]).0, "red");
    let aside = site.path("aside");
    fs::rename(&root, &aside).unwrap();
    files(&root, 2, "content");
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    fs::remove_dir_all(&root).unwrap();
    fs::rename(&aside, &root).unwrap();
    assert_ne!(status(&site, 0, &[&root]).0, "red");
}

#[test]
fn a_root_that_is_gone_or_empty_is_red_until_someone_acknowledges_it() {
    let site = Site::on_dir();
    let (large, small) = (site.path("large"), site.path("small"));
    files(&large, 100, "content");
    files(&small, 3, "content");
    let roots = [large.as_path(), small.as_path()];
    assert_ne!(status(&site, 0, &roots).0, "red");

    fs::remove_dir_all(&small).unwrap();
    for _ in 0..2 {
        let (light, said) = status(&site, 3, &roots);
        assert_eq!(light, "red");
        assert!(said.contains("no longer exists"), "{said}");
        assert!(said.contains("source [") && said.contains("by the list, and does not exist"), "{said}");
        assert!(!said.contains("vanished"), "nothing of it was seen in this run: {said}");
    }
    acknowledge(&site, 0, &["--author", "provider", "--reason", "archived"]);
    assert_ne!(status(&site, 3, &roots).0, "red", "still not whole, but known");
    files(&small, 3, "content");
    assert_ne!(status(&site, 0, &roots).0, "red");

    // An empty folder in its place: the disk is not mounted.
    (0..3).for_each(|number| fs::remove_file(small.join(format!("f{number}"))).unwrap());
    let (light, said) = status(&site, 0, &roots);
    assert_eq!(light, "red");
    assert!(said.contains("is empty"), "{said}");
    assert_eq!(status(&site, 0, &roots).0, "red");
    forget_bilans(&site);
    assert_eq!(status(&site, 0, &roots).0, "red");
    acknowledge(&site, 0, &["--author", "practitioner", "--reason", "moved"]);
    assert_ne!(status(&site, 0, &roots).0, "red");

    // The only root: an error, as ever, and nothing to acknowledge.
    fs::remove_dir_all(&large).unwrap();
    fs::remove_dir_all(&small).unwrap();
    backup(&site, 1, &roots, &[]);
}

#[test]
fn a_mass_change_is_red_until_someone_acknowledges_it() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 40, "content");
    for _ in 0..6 {
        assert_ne!(status(&site, 0, &[&root]).0, "red");
    }
    files(&root, 40, "what malware leaves");
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    assert!(codes(&site).contains(&"mass-change".to_owned()));
    assert_eq!(status(&site, 0, &[&root]).0, "red", "nothing changed since");
    forget_bilans(&site);
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    let other = site.path("other");
    files(&other, 2, "content");
    assert_ne!(status(&site, 0, &[&other]).0, "red", "another set has its own memory");
    assert_eq!(status(&site, 0, &[&root]).0, "red");
    acknowledge(&site, 0, &["--author", "responsible", "--reason", "replaced"]);
    assert_ne!(status(&site, 0, &[&root]).0, "red");
}

/// Another inode with the same content and times, as a restoration in place leaves it.
fn put_back_as_it_is(path: &Path) {
    let (aside, modified) = (path.with_extension("aside"), fs::metadata(path).unwrap().modified().unwrap());
    fs::copy(path, &aside).unwrap();
    fs::File::options().write(true).open(&aside).unwrap().set_modified(modified).unwrap();
    fs::rename(&aside, path).unwrap();
}

#[test]
fn files_that_are_read_again_and_hold_what_they_held_are_no_mass_change() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 40, "content");
    fs::write(root.join("large"), e2e::noise(1, 2_000_000)).unwrap();
    fs::write(root.join("medium"), e2e::noise(2, 20_000)).unwrap();
    for _ in 0..6 {
        assert_ne!(status(&site, 0, &[&root]).0, "red");
    }
    fs::read_dir(&root).unwrap().for_each(|file| put_back_as_it_is(&file.unwrap().path()));
    assert_ne!(status(&site, 0, &[&root]).0, "red");
    assert!(!codes(&site).contains(&"mass-change".to_owned()));
    // The same files again, and this time their content is another.
    files(&root, 40, "what malware leaves");
    assert_eq!(status(&site, 0, &[&root]).0, "red");
}

#[test]
fn a_practice_with_five_files_that_loses_three_is_told_until_it_says_so() {
    let site = Site::on_dir();
    let root = site.path("root");
    files(&root, 5, "content");
    status(&site, 0, &[&root]);
    (0..2).for_each(|number| fs::remove_file(root.join(format!("f{number}"))).unwrap());
    status(&site, 0, &[&root]);
    assert!(!codes(&site).contains(&"few-files-lost".to_owned()), "two of five");
    fs::remove_file(root.join("f2")).unwrap();
    for _ in 0..2 {
        let (light, said) = status(&site, 0, &[&root]);
        assert!(light != "red" && said.contains("few files"), "{light}: {said}");
        assert!(codes(&site).contains(&"few-files-lost".to_owned()));
    }
    forget_bilans(&site);
    status(&site, 0, &[&root]);
    assert!(codes(&site).contains(&"few-files-lost".to_owned()), "read again from the ledger");
    acknowledge(&site, 0, &["--author", "secretary", "--reason", "deleted-on-purpose"]);
    status(&site, 0, &[&root]);
    assert!(!codes(&site).contains(&"few-files-lost".to_owned()));
}

/// Folders that nobody saves any more: their alarm ends where somebody says so, and not before.
#[test]
fn folders_that_are_gone_on_purpose_are_not_red_for_ever() {
    for is_emptied in [false, true] {
        let site = Site::on_dir();
        let (kept, given_up) = (site.path("cabinet"), site.path("essai"));
        files(&kept, 30, "a");
        files(&given_up, 30, "b");
        status(&site, 0, &[&kept]);
        status(&site, 0, &[&given_up]);
        fs::remove_dir_all(&given_up).unwrap();
        let mut code = 1;
        if is_emptied {
            fs::create_dir(&given_up).unwrap();
            code = 0;
        }
        let rest = ["--author", "responsible", "--reason", "deleted-on-purpose"];
        backup(&site, code, &[&given_up], &[]);
        if is_emptied {
            acknowledge(&site, 0, &rest);
            backup(&site, code, &[&given_up], &[]);
        }
        site.agent.expect(2, ["status"]);
        let last = site.agent.json(["bilan", "list"]).as_array().unwrap().last().unwrap().clone();
        status(&site, 0, &[&kept]);
        site.agent.expect(2, ["status"]);
        let id = last["id"].as_str().unwrap();
        let told = acknowledge(&site, 0, &[&[id], &rest[..]].concat());
        assert_eq!(told.json()["codes"], serde_json::json!(["nothing-to-back-up"]), "{told}");
        site.agent.expect(1, ["status"]);
        // Who saves them again is told again.
        backup(&site, code, &[&given_up], &[]);
        site.agent.expect(2, ["status"]);
    }
}

/// What was never saved is a mistake on the command line: there is nothing to accept.
#[test]
fn a_folder_that_was_never_there_is_nothing_to_acknowledge() {
    let site = Site::on_dir();
    backup(&site, 1, &[&site.path("nowhere")], &[]);
    acknowledge(&site, 2, &["--author", "provider", "--reason", "other"]);
}

/// A scanner's folder within the practice's, both named: what is lost of one is not hidden by the other.
#[test]
fn a_root_within_a_root_that_is_emptied_is_red() {
    for is_outer_first in [true, false] {
        let site = Site::on_dir();
        let outer = site.path("cabinet");
        let inner = outer.join("imagerie");
        files(&outer.join("lettres"), 70, "lettre");
        files(&inner, 25, "image");
        let roots = if is_outer_first { [&*outer, &*inner] } else { [&*inner, &*outer] };
        assert_eq!(status(&site, 0, &roots).0, "amber");
        fs::remove_dir_all(&inner).unwrap();
        fs::create_dir(&inner).unwrap();
        for _ in 0..2 {
            assert_eq!(status(&site, 0, &roots).0, "red");
            assert!(codes(&site).contains(&"root-emptied".to_owned()), "{:?}", codes(&site));
        }
        acknowledge(&site, 0, &["--author", "secretary", "--reason", "moved"]);
        assert_eq!(status(&site, 0, &roots).0, "amber");
    }
}

/// A folder that is named twice is one.
#[test]
fn a_folder_that_is_named_twice_has_lost_nothing() {
    let site = Site::on_dir();
    let folder = site.path("cabinet");
    files(&folder, 30, "lettre");
    assert_eq!(status(&site, 0, &[&folder]).0, "amber");
    assert_eq!(status(&site, 0, &[&folder, &folder]).0, "amber");
    let slash = folder.join("");
    assert_eq!(status(&site, 0, &[&slash, &folder]).0, "amber");
}

/// What is red and belongs to no plan is named by `status`, and ends where the page says.
#[test]
fn folders_that_no_plan_names_are_told_with_their_bilan() {
    let site = Site::on_dir();
    let (lab, practice) = (site.path("labo"), site.path("cabinet"));
    files(&lab, 30, "analyse");
    files(&practice, 3, "lettre");
    backup(&site, 0, &[&lab], &[]);
    fs::remove_dir_all(&lab).unwrap();
    backup(&site, 1, &[&lab], &[]);
    let last = site.agent.json(["bilan", "list"]).as_array().unwrap().last().unwrap().clone();
    let red = last["id"].as_str().unwrap();
    let page = site.agent.ok(["bilan", "show"]).out();
    assert!(page.contains("scelle bilan acknowledge"), "{page}");
    backup(&site, 0, &[&practice], &[]);
    let told = site.agent.expect(2, ["status"]);
    assert!(told.out().contains(&format!("scelle bilan show {red}")), "{red}: {told}");
    assert_eq!(site.agent.expect(2, ["status", "--json"]).json()["rest"]["bilan"], red);
    acknowledge(&site, 0, &[red, "--author", "secretary", "--reason", "moved"]);
    let told = site.agent.expect(1, ["status", "--json"]).json();
    assert!(told["rest"].is_null() || told["rest"]["status"] == "amber", "{told}");
}
