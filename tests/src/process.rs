//! Programs around the agent, and what is on a disk before and after it.
//!
//! For: tests that kill, trace, starve or disturb the agent. Data: paths in, plain facts out. Never: a rule of the
//! product.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Agent;

/// Content of every regular file below a folder, by its path from there.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    crate::listing::files_at_rest(folder)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes();
            (String::from_utf8_lossy(name).into_owned(), fs::read(&path).unwrap())
        })
        .collect()
}

/// Copies a folder with everything about its files.
pub fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg("--").args([from, to]));
}

/// Copies a folder of files that are never written in place, without copying content.
pub fn copy_links(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-al").arg("--").args([from, to]));
}

/// Replaces a folder by a copy of another.
pub fn put_back(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

/// Bytes that a process has read so far, of whatever file; 0 when it has ended.
pub fn read_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.map_or(0, |number| number.parse().unwrap())
}

/// Whether no thread of a process runs: each is stopped, traced or has ended.
pub fn stands_still(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    // A thread that ends while we look has no state any more.
    let states = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    states.into_iter().all(|stat| {
        // The name in parentheses may hold anything; the state comes after it.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| "TtZX".contains(state))
    })
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A program of the system, by name; it must be there (`tests/run` installs it).
pub fn system(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: tests/run installs it"))
}

/// The agent below another program: `before` is that program with its own arguments.
pub fn below<A: AsRef<OsStr>>(
    agent: &Agent,
    before: &[&str],
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = agent.command_of(&system(before[0]));
    command.args(&before[1..]).arg(crate::agent::program()).args(arguments);
    command
}

/// The agent below strace, which strikes its calls of `call`, those on `place` only where one is given: `how` is what strace's
/// `inject` takes. [`strikes`] counts them.
pub fn struck<A: AsRef<OsStr>>(
    agent: &Agent,
    (call, how): (&str, &str),
    place: Option<&Path>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{how}"));
    let log = log_of(agent);
    let log = log.to_str().unwrap();
    let mut before = vec!["strace", "-f", "-qq", "-o", log, "-e", &trace, "-e", &inject];
    before.extend(place.iter().flat_map(|place| ["-P", place.to_str().unwrap()]));
    below(agent, &before, arguments)
}

/// How many calls failed because [`struck`] had them fail, the last time that it was used on this agent.
pub fn strikes(agent: &Agent) -> usize {
    fs::read_to_string(log_of(agent)).unwrap().matches("(INJECTED)").count()
}

fn log_of(agent: &Agent) -> PathBuf {
    agent.home().with_extension("strace")
}

/// A small file system in memory, gone with its owner.
#[derive(Debug)]
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts one of `bytes` at `folder`, which is made.
    pub fn mount(folder: &Path, bytes: u64) -> Self {
        fs::create_dir_all(folder).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(folder));
        Self(folder.to_owned())
    }

    /// Gives it more room.
    pub fn resize(&self, bytes: u64) {
        run(Command::new("mount").args(["-o", &format!("remount,size={bytes}")]).arg(&self.0));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that folds letters' case, as Windows' and macOS' do, and that a program serves (FUSE). Unmounted when dropped.
pub struct FoldingDisk(PathBuf);

impl FoldingDisk {
    /// Made in the folder of a site.
    pub fn at(site: &crate::Site) -> Self {
        let (image, folder) = (site.path("disk.img"), site.path("disk"));
        fs::create_dir(&folder).unwrap();
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let [flags, quick] = ["-qF", "-Q"].map(OsString::from);
        crate::tools::stdout_of(crate::tools::run("mkntfs", [flags, quick, image.clone().into()]));
        let arguments = [OsString::from("-o"), "ignore_case".into(), image.into(), folder.clone().into()];
        crate::tools::stdout_of(crate::tools::run("lowntfs-3g", arguments));
        Self(folder)
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for FoldingDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
