//! A disk or a NAS that writes wrong bytes: what a run of a folder store says is true of what lies there.
//!
//! A preloaded library (`landed.c`) changes the last byte of chosen objects before they are synced. All but data packs are
//! read back before they get their names, and written again; a data pack is found by `check --read-data`, and the run says
//! of it that it is there with its size, no more.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Agent, Outcome, Place, Site, compare, noise, tools};

/// More than the objects of one run.
const OBJECTS_MAX: i32 = 30;
/// Larger than anything but a data pack of this practice.
const PACK_BYTES: usize = 500_000;
/// Said when an object was written again.
const SAID: &str = "what arrived is not what was sent";

/// The library, compiled.
fn library(folder: &Path) -> PathBuf {
    let (source, library) = (tools::checkout().join("tests/e2e/landed.c"), folder.join("landed.so"));
    let words = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"].map(OsString::from);
    let files = [library.clone().into(), source.into(), "-ldl".into()];
    tools::stdout_of(tools::run("cc", words.into_iter().chain(files)));
    library
}

/// A computer whose store writes object `nth` of those of at least so many bytes wrong, or every one of them (-1).
struct Wrong {
    agent: Agent,
    log: PathBuf,
}

impl Wrong {
    fn new(site: &Site, nth: i32, from_bytes: usize) -> Self {
        let log = site.path("flipped.log");
        fs::write(&log, "").unwrap();
        let store = site.place.folder();
        fs::create_dir_all(store).unwrap();
        let agent = site.agent.clone().with("LD_PRELOAD", library(site.folder()));
        let agent = agent.with("FLIP_BELOW", fs::canonicalize(store).unwrap());
        let agent = agent.with("FLIP_FROM_BYTES", from_bytes.to_string());
        Self { agent: agent.with("FLIP_NTH", nth.to_string()).with("FLIP_LOG", &log), log }
    }

    fn run(&self, words: &[OsString]) -> (Outcome, usize) {
        let outcome = self.agent.run(words);
        (outcome, fs::read_to_string(&self.log).unwrap().lines().count())
    }
}

#[test]
fn a_run_never_calls_whole_what_landed_wrong_in_a_folder() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("letter.txt", "a letter\n".repeat(100));
    site.backup(&source);
    let backup = [OsString::from("backup"), source.root().into()];
    let (mut said_by_run, mut found_by_check) = (0, 0);
    for nth in 0..OBJECTS_MAX {
        source.file("image.dcm", noise(nth.unsigned_abs().into(), 100_000));
        let (run, flipped) = Wrong::new(&site, nth, 0).run(&backup);
        assert_eq!(run.code(), 0, "object {nth}: {run}");
        // Everything but data packs is hashed here.
        let check = site.agent.run(["check"]);
        assert_eq!(check.code(), 0, "object {nth} was written wrong\n{run}\n{check}");
        let is_said = run.err().contains(SAID);
        let check = site.agent.run(["check", "--read-data", "all"]);
        assert_eq!(check.code() == 13, flipped == 1 && !is_said, "object {nth}\n{run}\n{check}");
        match (flipped, is_said) {
            (0, _) => break,
            (_, true) => said_by_run += 1,
            (_, false) => {
                found_by_check += 1;
                assert!(run.out().contains("all present with their size"), "{run}");
                site.backup(&source);
                site.agent.ok(["check", "--read-data", "all"]);
            }
        }
    }
    println!("{said_by_run} objects written again, {found_by_check} found by check");
    // A data and a manifest pack, a segment, root, refs, record and two notes; which pack comes first is chance.
    assert!(said_by_run >= 6 && said_by_run + found_by_check >= 8, "{said_by_run}, {found_by_check}");

    // Data packs are the only objects of this size.
    source.file("image.dcm", noise(99, PACK_BYTES));
    let (run, flipped) = Wrong::new(&site, -1, PACK_BYTES).run(&backup);
    assert!(run.code() == 0 && flipped == 1 && !run.err().contains(SAID), "{run}");
    assert!(run.out().contains("all present with their size"), "{run}");
    site.agent.expect(13, ["check", "--read-data", "all"]);
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
    site.restore("latest", &site.path("back"));
    compare::assert_same(source.root(), &site.restored(&site.path("back"), source.root()));
}

#[test]
fn a_disk_that_writes_everything_wrong_is_said_by_init_and_by_backup() {
    let site = Site::not_initialised(Place::dir);
    let init: Vec<OsString> =
        ["init", "--yes"].map(OsString::from).into_iter().chain(site.with_kit()).collect();
    let (made, flipped) = Wrong::new(&site, -1, 0).run(&init);
    assert!(made.code() != 0 && flipped > 0, "{made}");
    site.agent.ok(&init);
    let source = site.source("source");
    source.file("letter.txt", "a letter");
    let (run, _) = Wrong::new(&site, -1, 0).run(&[OsString::from("backup"), source.root().into()]);
    assert_eq!(run.code(), 14, "{run}");
    assert!(run.err().contains("nothing altered counts as backed up"), "{run}");
    // A data pack of that run may be taken up by the next one, which says that it is there: it is found by reading, and
    // stored again.
    site.backup(&source);
    let check = site.agent.run(["check", "--read-data", "all"]);
    assert!([0, 13].contains(&check.code()), "{check}");
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
}
