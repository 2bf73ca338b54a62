//! The demonstration: one command, no configuration, every act of a backup's life.

use std::fs;

use e2e::{Place, Site};

#[test]
fn the_demo_lives_a_whole_backup_and_says_where_to_look() {
    let site = Site::not_initialised(Place::dir);
    let temporary = site.source("temporaire");
    let agent = site.agent.clone().with("TMPDIR", temporary.root());
    let outcome = agent.ok(["demo"]);
    let lines: Vec<String> = outcome.out().lines().map(str::to_owned).collect();
    assert!(lines.len() >= 8, "one line for each act: {outcome}");
    assert!(!outcome.out().contains('\u{1b}'), "no escapes when piped: {outcome}");
    let made: Vec<_> = fs::read_dir(temporary.root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(outcome.out().contains(made[0].to_str().unwrap()), "it says where to look: {outcome}");
    assert!(!agent.home().exists(), "the demo touched the real state folder");
}

#[test]
fn the_demo_keeps_everything_where_it_is_asked_to() {
    let site = Site::not_initialised(Place::dir);
    let keep = site.path("à regarder");
    let outcome = site.agent.ok(["demo".into(), "--keep".into(), std::ffi::OsString::from(&keep)]);
    assert!(outcome.out().contains(keep.to_str().unwrap()), "it says where to look: {outcome}");
    assert!(fs::read_dir(&keep).unwrap().count() > 0);
    // A second time, the folder is not new.
    let again = site.agent.run(["demo".into(), "--keep".into(), std::ffi::OsString::from(&keep)]);
    assert_ne!(again.code(), 0, "{again}");
}
