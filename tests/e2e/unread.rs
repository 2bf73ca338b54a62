//! A folder that could not be read has not disappeared: it is told as what it is, and nobody is asked whether it is meant to be gone.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use e2e::process::{run, system};
use e2e::{Outcome, Site};

const NOBODY: &str = "65534";

/// A site whose commands are run by an account that may not read everything.
struct Limited {
    site: Site,
    program: std::path::PathBuf,
}

impl Limited {
    fn new(site: Site) -> Self {
        let program = site.path("scelle");
        fs::copy(e2e::agent::program(), &program).unwrap();
        run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(site.folder()));
        Self { site, program }
    }

    fn run(&self, code: i32, words: &[&str], more: &[&Path]) -> Outcome {
        let mut command = self.site.agent.command_of(&system("setpriv"));
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(&self.program);
        let outcome = self.site.agent.spawn({
            command.args(words).args(more.iter().map(OsString::from));
            command
        });
        let outcome = outcome.wait();
        assert_eq!(outcome.code(), code, "{words:?} {outcome}");
        outcome
    }

    fn reasons(&self) -> Vec<String> {
        let shown = self.run(0, &["bilan", "show", "--json"], &[]).json();
        let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
        rows.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
    }
}

fn close(folder: &Path, mode: u32) {
    run(Command::new("chown").args(["0:0"]).arg(folder));
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}

fn open(folder: &Path) {
    run(Command::new("chown").args([&format!("{NOBODY}:{NOBODY}")]).arg(folder));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_lies_in_a_closed_folder_is_not_gone() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    for number in 0..60 {
        source.file(format!("closed/deep/{number}"), format!("{number}"));
    }
    for number in 0..10 {
        source.file(format!("open/{number}"), format!("{number}"));
    }
    let (root, closed) = (source.root().to_owned(), source.path("closed"));
    let limited = Limited::new(site);
    let backup = |code| limited.run(code, &["backup", "--json"], &[&root]);
    backup(0);
    backup(0);
    // It may neither be listed nor entered; then it may be listed; each time run after run.
    for mode in [0o700, 0o744] {
        close(&closed, mode);
        for _ in 0..2 {
            let told = backup(3);
            let summary = told.json();
            assert_eq!(summary["files"]["removed"], 0, "{mode:o} {summary}");
            assert_eq!(
                (&summary["status"], &summary["problems"]),
                (&"red".into(), &1.into()),
                "{mode:o} {summary}"
            );
            assert!(told.err().contains("folder that the system refuses to read"), "{told}");
            let reasons = limited.reasons();
            assert!(reasons.contains(&"many-files-unreadable".to_owned()), "{mode:o} {reasons:?}");
            for alarm in ["files-lost", "few-files-lost", "sources-shrunk", "root-emptied"] {
                assert!(!reasons.contains(&alarm.to_owned()), "{mode:o} {reasons:?}");
            }
            let page = limited.run(0, &["bilan", "show"], &[]).out();
            assert!(page.contains("60 not read"), "{mode:o} {page}");
        }
    }
    // What lies there is in no snapshot since, which a restore of one says.
    let (to, kit) = (limited.site.path("to"), limited.site.kit());
    let words = ["restore", "latest", "--to", to.to_str().unwrap(), "--kit", kit.to_str().unwrap()];
    let back = limited.run(0, &words, &[]);
    assert!(back.err().contains("1 folder could not be read: nothing in it is in this snapshot"), "{back}");
    assert!(!back.err().contains("file could not be saved"), "{back}");
    // What is gone beside it is told as gone.
    fs::remove_file(source.path("open/3")).unwrap();
    assert_eq!(backup(3).json()["files"]["removed"], 1);
    // Open again: it is all there, and nothing is to be acknowledged.
    open(&closed);
    backup(0);
    let reasons = limited.reasons();
    assert!(
        !reasons.iter().any(|reason| reason.contains("lost") || reason.contains("unreadable")),
        "{reasons:?}"
    );
    // Closed, then gone: that is a loss.
    close(&closed, 0o700);
    backup(3);
    fs::remove_dir_all(&closed).unwrap();
    backup(0);
    assert!(limited.reasons().contains(&"files-lost".to_owned()), "{:?}", limited.reasons());
}

#[test]
fn a_closed_folder_is_red_at_a_first_backup_too() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("closed/inside", "nobody knows how much");
    source.file("letter.txt", "a letter");
    let (root, closed) = (source.root().to_owned(), source.path("closed"));
    let limited = Limited::new(site);
    close(&closed, 0o700);
    let told = limited.run(3, &["backup", "--json"], &[&root]);
    assert_eq!(told.json()["status"], "red", "{told}");
    assert!(told.err().contains("folder that the system refuses to read"), "{told}");
    // The root itself: nothing can be saved, and that is said and is no success.
    close(&root, 0o700);
    let told = limited.run(3, &["backup", "--json"], &[&root]);
    assert!(
        told.err().is_empty() && told.json_error()["what"].as_str().unwrap().contains("nothing was saved"),
        "{told}"
    );
    let reasons = limited.reasons();
    assert!(reasons.contains(&"nothing-to-back-up".to_owned()), "{reasons:?}");
    assert!(!reasons.contains(&"root-emptied".to_owned()), "{reasons:?}");
}
