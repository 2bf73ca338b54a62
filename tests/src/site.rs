//! One medical practice: a computer, its keys, its files, its store.
//!
//! For: tests. All below one new folder, removed at the end (kept when `SCELLE_KEEP` is set). Never: reuses
//! anything of another test.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Agent, Outcome, Place, Tree};

/// A practice with an initialised repository.
#[derive(Debug)]
pub struct Site {
    /// The store. Before `temp`, so that an engine stops before its folder goes.
    pub place: Place,
    /// The practice's computer.
    pub agent: Agent,
    temp: TempDir,
}

impl Site {
    /// On a folder store.
    pub fn on_dir() -> Self {
        Self::on(Place::dir, false)
    }

    /// The same with an everyday phrase, whose making costs a second of scrypt.
    pub fn on_dir_with_phrase() -> Self {
        Self::on(Place::dir, true)
    }

    /// On a SeaweedFS of its own, bucket made by `init --create-bucket`.
    pub fn on_seaweed() -> Self {
        Self::on(Place::seaweed, false)
    }

    /// The same with an everyday phrase.
    pub fn on_seaweed_with_phrase() -> Self {
        Self::on(Place::seaweed, true)
    }

    fn on(place: impl FnOnce(&Path) -> Place, with_phrase: bool) -> Self {
        let site = Self::not_initialised(place);
        let mut arguments = vec![OsString::from("init"), "--yes".into()];
        arguments.extend(["--kit".into(), site.kit().into()]);
        if with_phrase {
            arguments.extend(["--phrase-file".into(), site.phrase().into()]);
        }
        // Strict write-only: tests of the rehearsal window ask for one themselves.
        arguments.extend(["--drill-days".into(), "0".into()]);
        if matches!(site.place, Place::Bucket(_)) {
            arguments.push("--create-bucket".into());
        }
        site.agent.ok(arguments);
        site
    }

    /// A practice that has not run `init`; there is no kit either.
    pub fn not_initialised(place: impl FnOnce(&Path) -> Place) -> Self {
        let mut builder = tempfile::Builder::new();
        builder.prefix("scelle-e2e-").disable_cleanup(std::env::var_os("SCELLE_KEEP").is_some());
        let temp = builder.tempdir().unwrap();
        let place = place(temp.path());
        let agent = place.reached_by(Agent::new(temp.path().join("home"), temp.path()));
        Self { place, agent, temp }
    }

    /// The practice's folder.
    pub fn folder(&self) -> &Path {
        self.temp.path()
    }

    /// A path below the practice's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The recovery kit.
    pub fn kit(&self) -> PathBuf {
        self.path("kit.txt")
    }

    /// The file with the everyday phrase.
    pub fn phrase(&self) -> PathBuf {
        self.path("phrase.txt")
    }

    /// `--kit FILE`.
    pub fn with_kit(&self) -> [OsString; 2] {
        ["--kit".into(), self.kit().into()]
    }

    /// `--phrase-file FILE`.
    pub fn with_phrase(&self) -> [OsString; 2] {
        ["--phrase-file".into(), self.phrase().into()]
    }

    /// A new, empty source folder.
    pub fn source(&self, name: &str) -> Tree {
        Tree::new(self.path(name))
    }

    /// Another computer that reaches the same store and has no state.
    pub fn other_computer(&self, name: &str) -> Agent {
        self.agent.elsewhere(self.path(name))
    }

    /// Backs `source` up, expects 0, gives the JSON document.
    pub fn backup(&self, source: &Tree) -> Value {
        self.agent.json([OsString::from("backup"), source.root().into()])
    }

    /// Restores a snapshot below `to` with the kit and expects 0.
    pub fn restore(&self, snapshot: &str, to: &Path) -> Outcome {
        self.try_restore(snapshot, to, 0)
    }

    /// Restores a snapshot below `to` with the kit and expects this exit code.
    pub fn try_restore(&self, snapshot: &str, to: &Path, code: i32) -> Outcome {
        let mut arguments = vec![OsString::from("restore"), snapshot.into(), "--to".into(), to.into()];
        arguments.extend(self.with_kit());
        self.agent.expect(code, arguments)
    }

    /// `<repo-id>`, read from the store.
    pub fn repository(&self) -> String {
        let names = self.place.names_so_far();
        names.iter().find_map(|name| name.strip_suffix("/FORMAT.txt")).unwrap().to_owned()
    }

    /// The state folder of the repository.
    pub fn state(&self) -> PathBuf {
        self.agent.home().join(self.repository())
    }

    /// Names of the stored objects of a kind, without `<repo-id>/`: `p/`, `m/`, `i/`, `a/`, `c/`, `desc/`, `keys/`. No run
    /// may be going on.
    pub fn objects(&self, kind: &str) -> Vec<String> {
        self.of_kind(kind, self.place.sizes().into_keys())
    }

    /// The same while a run is writing.
    pub fn objects_so_far(&self, kind: &str) -> Vec<String> {
        self.of_kind(kind, self.place.names_so_far())
    }

    fn of_kind(&self, kind: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
        let inside = format!("{}/{kind}", self.repository());
        let names = names.into_iter().filter(|name| name.starts_with(&inside));
        names.map(|name| name[inside.len() - kind.len()..].to_owned()).collect()
    }

    /// Path of an object in a folder store.
    pub fn object(&self, name: &str) -> PathBuf {
        self.place.folder().join(self.repository()).join(name)
    }

    /// Where `restore --to to` puts what was at `source`: the full path below `to`.
    pub fn restored(&self, to: &Path, source: &Path) -> PathBuf {
        to.join(fs::canonicalize(source).unwrap().strip_prefix("/").unwrap())
    }
}
